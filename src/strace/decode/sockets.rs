//! Calls that make sockets, name them, and connect them.

use super::super::arguments;
use super::super::cache::Handle;
use super::super::symbols::{self, Value};
use super::call::{Call, is_socket};
use super::decoded::{Decoded, FirstHalf, NOT_USED, NoEvent};
use crate::event::{Address, Family, How, Transport, What};

/// `(family, type, protocol) = fd`
pub(crate) fn socket<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let SocketArguments { family, transport, protocol, close_on_exec } = kind(&mut call)?;
    let made = call.made()?;
    Ok(What::Socket { made: call.scratch.descriptor(made), family, transport, protocol, close_on_exec })
}

/// `(family, type, protocol, [fd, fd])`
pub(crate) fn socketpair<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let SocketArguments { family, transport, close_on_exec, .. } = kind(&mut call)?;
    call.next();
    let made = call.two().ok_or(NOT_USED)?;
    call.success()?;
    Ok(What::Pair { made: made.map(|made| call.scratch.descriptor(made)), family, transport, close_on_exec })
}

struct SocketArguments {
    family: Family,
    transport: Transport,
    protocol: Option<u8>,
    close_on_exec: bool,
}

/// `AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP`; `PF_INET` before strace 4.12.
fn kind(call: &mut Call<'_, '_>) -> Result<SocketArguments, NoEvent> {
    let (family, kind, protocol) = (call.value()?, call.value()?, call.value()?);
    let family = symbols::family(family);
    let protocol = number_of(protocol);
    let transport = transport(family, kind, protocol);
    let protocol = protocol.filter(|_| transport == Transport::Raw);
    Ok(SocketArguments { family, transport, protocol, close_on_exec: symbols::SOCK_CLOEXEC.is_in(kind) })
}

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDP_LITE: u8 = 136;

/// IP's number of a protocol (IANA), by the name or as it is printed.
fn number_of(protocol: &[u8]) -> Option<u8> {
    Some(match protocol {
        b"IPPROTO_ICMP" => ICMP,
        b"IPPROTO_IGMP" => 2,
        b"IPPROTO_TCP" => 6,
        b"IPPROTO_UDP" => 17,
        b"IPPROTO_GRE" => 47,
        b"IPPROTO_ICMPV6" => ICMPV6,
        b"IPPROTO_SCTP" => SCTP,
        b"IPPROTO_UDPLITE" => UDP_LITE,
        b"IPPROTO_RAW" => 255,
        _ => u8::try_from(arguments::number(protocol)?.0).ok()?,
    })
}

fn transport(family: Family, kind: &[u8], protocol: Option<u8>) -> Transport {
    let is = |value: Value| value.is_type(kind);
    match family {
        Family::Unix if is(symbols::SOCK_STREAM) => Transport::Stream,
        Family::Unix if is(symbols::SOCK_SEQPACKET) => Transport::Seqpacket,
        // the kernel takes a raw UNIX socket for a datagram one
        Family::Unix if is(symbols::SOCK_DGRAM) || is(symbols::SOCK_RAW) => Transport::Datagram,
        Family::Unix | Family::Pipe | Family::Other => Transport::Unknown,
        Family::Inet | Family::Inet6 => over_ip(is, protocol),
    }
}

fn over_ip(is: impl Fn(Value) -> bool, protocol: Option<u8>) -> Transport {
    match protocol {
        Some(SCTP) => Transport::Sctp,
        Some(UDP_LITE) => Transport::UdpLite,
        _ if is(symbols::SOCK_STREAM) => Transport::Stream,
        Some(ICMP | ICMPV6) if is(symbols::SOCK_DGRAM) => Transport::Ping,
        _ if is(symbols::SOCK_DGRAM) => Transport::Datagram,
        _ if is(symbols::SOCK_SEQPACKET) => Transport::Sctp,
        _ if is(symbols::SOCK_DCCP) => Transport::Dccp,
        _ if is(symbols::SOCK_RAW) => Transport::Raw,
        _ => Transport::Unknown,
    }
}

/// The socket and the address of `(fd, sockaddr, length)`, where the call succeeded and there are both.
fn named(call: &mut Call<'_, '_>) -> Result<(Handle, Address), NoEvent> {
    let (socket, address) = (call.descriptor()?, call.address()?);
    call.success()?;
    address.filter(|_| is_socket(socket)).map(|address| (socket, address)).ok_or(NOT_USED)
}

/// `(fd, sockaddr, length)`
pub(crate) fn bind<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, address) = named(&mut call)?;
    Ok(What::Bind { socket: call.scratch.descriptor(socket), address })
}

/// `(fd, sockaddr, length)`, of the socket itself.
pub(crate) fn getsockname<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, address) = named(&mut call)?;
    Ok(What::LocalName { socket: call.scratch.descriptor(socket), address })
}

/// `(fd, sockaddr, length)`, of the other end.
pub(crate) fn getpeername<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, address) = named(&mut call)?;
    Ok(What::RemoteName { socket: call.scratch.descriptor(socket), address })
}

/// `(fd, sockaddr, length)`
pub(crate) fn connect<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, address, outcome) = (call.descriptor()?, call.address()?, call.outcome()?);
    let address = address.filter(|_| is_socket(socket)).ok_or(NOT_USED)?;
    Ok(What::Connect { socket: call.scratch.descriptor(socket), address, outcome })
}

/// `(fd, sockaddr, length` of a call that goes on.
pub(in super::super) fn connect_begun<'s>(mut call: Call<'_, 's>) -> FirstHalf<'s> {
    let (Ok(socket), Ok(Some(address @ Address::Inet(_)))) = (call.descriptor(), call.address()) else {
        return FirstHalf::Needed(None);
    };
    let is_socket = is_socket(socket);
    FirstHalf::Needed(is_socket.then(|| What::ConnectBegun { socket: call.scratch.descriptor(socket), address }))
}

/// `(fd, backlog)`
pub(crate) fn listen<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let socket = call.descriptor()?;
    call.success()?;
    if !is_socket(socket) {
        return Err(NOT_USED);
    }
    Ok(What::Listen { socket: call.scratch.descriptor(socket) })
}

/// `(fd, sockaddr, length) = fd`, with flags behind in accept4.
pub(crate) fn accept<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (listener, peer) = (call.descriptor()?, call.address()?);
    let (_length, flags) = (call.value()?, call.value()?);
    let made = call.made()?;
    let close_on_exec = symbols::SOCK_CLOEXEC.is_in(flags);
    let (listener, made) = (call.scratch.descriptor(listener), call.scratch.descriptor(made));
    Ok(What::Accept { listener, made, peer, close_on_exec })
}

/// `(fd, how)`
pub(crate) fn shutdown<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, how, outcome) = (call.descriptor()?, call.value()?, call.outcome()?);
    let how = ends(how).filter(|_| is_socket(socket)).ok_or(NOT_USED)?;
    Ok(What::Shutdown { socket: call.scratch.descriptor(socket), how, outcome })
}

/// `(fd, how` of a call that goes on.
pub(in super::super) fn shutdown_begun<'s>(mut call: Call<'_, 's>) -> Option<What<'s>> {
    let socket = call.descriptor().ok().filter(|socket| is_socket(*socket))?;
    call.next();
    let how = ends(call.rest.trim_ascii_end())?;
    Some(What::ShutdownBegun { socket: call.scratch.descriptor(socket), how })
}

/// What shutdown ends.
fn ends(text: &[u8]) -> Option<How> {
    let all = [(symbols::SHUT_RD, How::Read), (symbols::SHUT_WR, How::Write), (symbols::SHUT_RDWR, How::Both)];
    all.into_iter().find(|(value, _)| value.is(text)).map(|(_, how)| how)
}
