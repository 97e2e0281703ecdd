//! Socket options that say something about a connection's end, `SO_ERROR`, `SO_PEERCRED` and `SO_LINGER`, about what becomes
//! a datagram, `UDP_CORK` and `UDP_SEGMENT`, or about where datagrams come to: the multicast groups that a socket joins.

use super::super::{arguments, escape, names::NameTable, returned, sockaddr, symbols};
use super::call::Call;
use super::decoded::{Decoded, NOT_USED};
use super::messages;
use crate::event::{Address, Segments, Tid, What};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `(fd, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4])`, a number before strace 4.19;
/// `(fd, SOL_SOCKET, SO_PEERCRED, {pid=1, uid=0, gid=0}, [12])`.
pub(crate) fn getsockopt<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, level, option) = (call.descriptor()?, call.value()?, call.value()?);
    let is_error = symbols::SO_ERROR.is(option);
    if !symbols::SOL_SOCKET.is(level) || !(is_error || symbols::SO_PEERCRED.is(option)) || !socket.is_possible() {
        return Err(NOT_USED);
    }
    let value = call.value()?;
    call.success()?;
    if !is_error {
        let process = messages::credentials(value).ok_or(NOT_USED)?.process;
        return Ok(What::PeerProcess { socket: call.scratch.descriptor(socket), process: Tid(process) });
    }
    let value = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")).ok_or(NOT_USED)?;
    let error = match arguments::number(value) {
        Some((0, _)) => None,
        Some((number, _)) => Some(returned::errno_number(number)),
        None => Some(returned::errno_name(value)),
    };
    Ok(What::SocketError { socket: call.scratch.descriptor(socket), error })
}

/// `(fd, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8)`; `{onoff=1, linger=0}` in old versions.
/// `(fd, SOL_UDP, UDP_CORK, [1], 4)`; `SOL_UDP, 1, "\1\0\0\0"` in old versions.
pub(crate) fn setsockopt<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, level, option) = (call.descriptor()?, call.value()?, call.value()?);
    let is_udp = symbols::SOL_UDP.is(level) || symbols::SOL_UDPLITE.is(level);
    let is_linger = symbols::SOL_SOCKET.is(level) && symbols::SO_LINGER.is(option);
    let (is_cork, is_segment) = (is_udp && symbols::UDP_CORK.is(option), is_udp && symbols::UDP_SEGMENT.is(option));
    let membership = membership(level, option);
    if !(is_linger || is_cork || is_segment || membership.is_some()) || !socket.is_possible() {
        return Err(NOT_USED);
    }
    let value = call.value()?;
    call.success()?;
    if let Some(joins) = membership {
        let (group, own) = group(value, &mut call.scratch.names).ok_or(NOT_USED)?;
        return Ok(What::Membership { socket: call.scratch.descriptor(socket), group, own, joins });
    }
    let socket = call.scratch.descriptor(socket);
    if is_linger {
        return linger(value).map(|on| What::ResetOnClose { socket, on }).ok_or(NOT_USED);
    }
    let segments = messages::segments(value);
    let on = segments != Segments::One;
    Ok(if is_cork { What::Cork { socket, on } } else { What::Segment { socket, segments } })
}

/// Whether a close resets.
fn linger(value: &[u8]) -> Option<bool> {
    let mut numbers = value.split(|byte| *byte == b'=').skip(1).filter_map(|text| Some(arguments::number(text)?.0));
    let (onoff, linger) = (numbers.next()?, numbers.next()?);
    Some(onoff != 0 && linger == 0)
}

/// Whether the option joins a multicast group, or leaves it; none if it does neither.
fn membership(level: &[u8], option: &[u8]) -> Option<bool> {
    let is = |options: &[symbols::Value]| options.iter().any(|known| known.is(option));
    let joins_any = || is(&[symbols::MCAST_JOIN_GROUP, symbols::MCAST_JOIN_SOURCE_GROUP]);
    let leaves_any = || is(&[symbols::MCAST_LEAVE_GROUP]);
    if symbols::SOL_IP.is(level) {
        let joins = is(&[symbols::IP_ADD_MEMBERSHIP, symbols::IP_ADD_SOURCE_MEMBERSHIP]) || joins_any();
        (joins || is(&[symbols::IP_DROP_MEMBERSHIP]) || leaves_any()).then_some(joins)
    } else if symbols::SOL_IPV6.is(level) {
        let joins = is(&[symbols::IPV6_ADD_MEMBERSHIP]) || joins_any();
        (joins || is(&[symbols::IPV6_DROP_MEMBERSHIP]) || leaves_any()).then_some(joins)
    } else {
        None
    }
}

/// The group, and the own host where one is told.
///
/// ```text
/// {imr_multiaddr=inet_addr("224.0.0.251"), imr_interface=inet_addr("10.1.2.3")}
/// {inet_pton(AF_INET6, "ff02::fb", &ipv6mr_multiaddr), ipv6mr_interface=if_nametoindex("eth0")}
/// {gr_interface=if_nametoindex("eth0"), gr_group={sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("239.1.2.5")}}
/// "\350\1\2\3\n\1\2\3\n\1\2\t", where strace does not know the structure
/// ```
fn group(value: &[u8], names: &mut NameTable) -> Option<(IpAddr, Option<IpAddr>)> {
    const GROUP: &[u8] = b"gr_group=";
    let (group, own) = if let Some(at) = memchr::memmem::find(value, GROUP) {
        match sockaddr::address(value.get(at + GROUP.len()..)?, names)?.0? {
            Address::Inet(address) => (address.ip(), None),
            _ => return None,
        }
    } else if value.starts_with(b"\"") {
        group_in_memory(value)?
    } else if let Some(group) = sockaddr::host_among(value, b"imr_multiaddr=", names) {
        (group, sockaddr::host_among(value, b"imr_interface=", names))
    } else {
        (sockaddr::host_among(value, b"", names)?, None)
    };
    group.is_multicast().then(|| (group, own.filter(|own| !own.is_unspecified())))
}

/// The same as it lies in memory: `ip_mreq_source` (ip(7)), or `group_source_req` (RFC 3678), whose address stands behind
/// the interface's number and as much padding, its family first, on nearly every machine with the least byte in front.
fn group_in_memory(value: &[u8]) -> Option<(IpAddr, Option<IpAddr>)> {
    let mut bytes = Vec::new();
    escape::string(value, &mut bytes)?;
    let v4 = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?)));
    if bytes.len() <= 12 {
        return Some((v4(0)?, v4(4)));
    }
    let group = match bytes.get(8..10)? {
        [2, 0] => v4(12)?,
        [10, 0] => IpAddr::V6(Ipv6Addr::from(*bytes.get(16..)?.first_chunk::<16>()?)),
        _ => return None,
    };
    Some((group, None))
}
