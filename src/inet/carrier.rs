//! What carries a message of a socket that is no TCP stream: UDP, UDP-Lite, SCTP, DCCP, or IP itself for raw and ping
//! sockets.

use crate::event::{Direction, Family, HostPort, Transport, as_u64};
use crate::sockets::{Moved, reached};
use crate::wire::TransportHeader;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// IPPROTO_RAW: the sender writes IP's header itself (raw(7)).
const RAW: u16 = 255;

/// What stands between IP's header and the payload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Carrier {
    /// A header, or none.
    Header(TransportHeader),
    /// SCTP's DATA chunks.
    Sctp,
    /// DCCP's data packets.
    Dccp,
}

/// A message as IP carries it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried<'a> {
    /// The header before the payload.
    pub(super) carrier: Carrier,
    /// The thread's own end, where it is known. Without a port where IP is all there is.
    pub(super) local: Option<SocketAddr>,
    /// The other end.
    pub(super) remote: Option<SocketAddr>,
    /// What is in the trace, without an IP header of its own.
    pub(super) payload: &'a [u8],
    /// How long the payload was.
    pub(super) moved: u64,
}

impl Carried<'_> {
    /// The thread's own end as the packet has it.
    pub(super) fn on_wire(&self, local: SocketAddr) -> SocketAddr {
        match self.carrier {
            Carrier::Header(TransportHeader::Raw { .. }) => SocketAddr::new(local.ip(), 0),
            _ => local,
        }
    }
}

/// How a message went over the wire; none for transports that are not converted.
pub(super) fn of<'a>(moved: &Moved, payload: &'a [u8]) -> Option<Carried<'a>> {
    let on_wire = |address: HostPort| address.canonical().get();
    let local = moved.local.map(on_wire);
    let is_sent = moved.direction == Direction::Sent;
    let target = |remote| if is_sent { reached(remote, local) } else { remote };
    let carried = Carried {
        carrier: Carrier::Header(TransportHeader::Udp),
        local: local.filter(|local| local.port() != 0),
        remote: moved.remote.map(on_wire).map(target),
        payload,
        moved: moved.moved,
    };
    match moved.transport {
        Transport::Datagram => Some(carried),
        Transport::UdpLite => Some(Carried { carrier: Carrier::Header(TransportHeader::UdpLite), ..carried }),
        Transport::Sctp => Some(Carried { carrier: Carrier::Sctp, ..carried }),
        Transport::Dccp => Some(Carried { carrier: Carrier::Dccp, ..carried }),
        Transport::Ping => {
            let protocol = if moved.family == Family::Inet6 { 58 } else { 1 };
            Some(portless(carried, protocol))
        }
        // What sock_diag has for a port is the protocol (`RAW:[0.0.0.0:1]` is ICMP).
        Transport::Raw => {
            let protocol = local.map_or(RAW, |local| local.port());
            Some(raw(carried, protocol, moved))
        }
        _ => None,
    }
}

/// Whether messages of this transport are converted.
pub const fn is_carried(transport: Transport) -> bool {
    matches!(
        transport,
        Transport::Stream
            | Transport::Datagram
            | Transport::UdpLite
            | Transport::Sctp
            | Transport::Dccp
            | Transport::Ping
            | Transport::Raw
    )
}

/// The message directly in IP: ports are none of the packet's.
fn portless(carried: Carried<'_>, protocol: u8) -> Carried<'_> {
    let without_port = |address: SocketAddr| SocketAddr::new(address.ip(), 0);
    Carried {
        carrier: Carrier::Header(TransportHeader::Raw { protocol }),
        local: carried.local.map(without_port),
        remote: carried.remote.map(without_port),
        ..carried
    }
}

/// A raw socket's message. What IPv4 delivers has its header, and so has what is sent with IPPROTO_RAW.
fn raw<'a>(carried: Carried<'a>, protocol: u16, moved: &Moved) -> Carried<'a> {
    let plain = portless(carried, u8::try_from(protocol).unwrap_or_default());
    let has_header = moved.direction == Direction::Received || protocol == RAW;
    if moved.family != Family::Inet || !has_header {
        return plain;
    }
    let Some((header, _)) = plain.payload.split_first_chunk::<20>() else {
        return plain;
    };
    let [first, .., s0, s1, s2, s3, t0, t1, t2, t3] = *header;
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < header.len() {
        return plain;
    }
    let (source, target) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(t0, t1, t2, t3));
    let (local, remote) = match moved.direction {
        Direction::Sent => (source, target),
        Direction::Received => (target, source),
    };
    let address = |ip: Ipv4Addr| Some(SocketAddr::new(IpAddr::V4(ip), 0));
    Carried {
        carrier: Carrier::Header(TransportHeader::Raw { protocol: header[9] }),
        local: address(local),
        remote: address(remote),
        payload: plain.payload.get(length..).unwrap_or_default(),
        moved: plain.moved.saturating_sub(as_u64(length)),
    }
}
