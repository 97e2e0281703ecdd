//! Calls that make sockets, name them, and connect them.

use super::super::cache::Handle;
use super::super::symbols::{self, Value};
use super::super::{arguments, returned, sockaddr};
use super::vectors::separated;
use super::{Bench, Emit, NOT_USED, Verdict, used};
use crate::event::{Address, Family, How, Outcome, Transport, What};

/// `(family, type, protocol) = fd`
pub(super) fn socket(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (kind, text) = kind(text)?;
    let returned = returned::parse(arguments::close(text)?)?;
    let Some(made) = possible(bench.made(&returned)) else {
        return NOT_USED;
    };
    let Kind { family, transport, protocol, close_on_exec } = kind;
    used(What::Socket { made: bench.descriptor(made), family, transport, protocol, close_on_exec }, emit)
}

/// `(family, type, protocol, [fd, fd])`
pub(super) fn pair(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (kind, text) = kind(text)?;
    let Some((first, second, text)) = two(arguments::next(text), bench) else {
        return NOT_USED;
    };
    let returned = returned::parse(arguments::close(text)?)?;
    if !matches!(returned.outcome, Outcome::Done(_)) {
        return NOT_USED;
    }
    let made = [bench.descriptor(first), bench.descriptor(second)];
    let Kind { family, transport, close_on_exec, .. } = kind;
    used(What::Pair { made, family, transport, close_on_exec }, emit)
}

/// `[fd, fd]`
pub(super) fn two<'t>(text: &'t [u8], bench: &mut Bench) -> Option<(Handle, Handle, &'t [u8])> {
    let (first, text) = bench.cache.read(text.strip_prefix(b"[")?, &mut bench.names)?;
    let (second, text) = bench.next(text)?;
    let text = separated(text).strip_prefix(b"]")?;
    (first.is_possible() && second.is_possible()).then_some((first, second, text))
}

/// The descriptor, if its number can be one.
pub(super) fn possible(made: Option<Handle>) -> Option<Handle> {
    made.filter(|made| made.is_possible())
}

struct Kind {
    family: Family,
    transport: Transport,
    protocol: Option<u8>,
    close_on_exec: bool,
}

/// `AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP`; `PF_INET` before strace 4.12.
fn kind(text: &[u8]) -> Option<(Kind, &[u8])> {
    let (family, text) = arguments::value(arguments::unnamed(text))?;
    let (kind, text) = arguments::value(arguments::next(text))?;
    let (protocol, text) = arguments::value(arguments::next(text))?;
    let family = if symbols::AF_INET.is(family) {
        Family::Inet
    } else if symbols::AF_INET6.is(family) {
        Family::Inet6
    } else if symbols::AF_UNIX.is(family) {
        Family::Unix
    } else {
        Family::Other
    };
    let protocol = number_of(protocol);
    let transport = transport(family, kind, protocol);
    let protocol = protocol.filter(|_| transport == Transport::Raw);
    let close_on_exec = symbols::SOCK_CLOEXEC.is_in(kind);
    Some((Kind { family, transport, protocol, close_on_exec }, text))
}

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDP_LITE: u8 = 136;

/// IP's number of a protocol (IANA), by the name or as it is printed.
fn number_of(protocol: &[u8]) -> Option<u8> {
    const NAMES: [(&[u8], u8); 9] = [
        (b"IPPROTO_ICMP", ICMP),
        (b"IPPROTO_IGMP", 2),
        (b"IPPROTO_TCP", 6),
        (b"IPPROTO_UDP", 17),
        (b"IPPROTO_GRE", 47),
        (b"IPPROTO_ICMPV6", ICMPV6),
        (b"IPPROTO_SCTP", SCTP),
        (b"IPPROTO_UDPLITE", UDP_LITE),
        (b"IPPROTO_RAW", 255),
    ];
    let named = NAMES.iter().find(|(name, _)| *name == protocol);
    named.map(|(_, number)| *number).or_else(|| {
        let (number, _) = arguments::number(protocol)?;
        u8::try_from(number).ok()
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

/// `(fd, sockaddr, length)`
fn addressed<'t>(text: &'t [u8], bench: &mut Bench) -> Option<(Handle, Option<Address>, &'t [u8])> {
    let (socket, text) = bench.first(text)?;
    let (address, text) = sockaddr::address_given(arguments::next(text), &mut bench.names)?;
    Some((socket, address, text))
}

fn is_socket(socket: Handle) -> bool {
    socket.is_possible() && !socket.is_no_socket()
}

/// What a call that names a socket came to.
enum Naming {
    Named(Handle, Address),
    /// It failed, or there is no address.
    Nothing,
}

/// `(fd, sockaddr, length)` and the result.
fn named(text: &[u8], bench: &mut Bench) -> Option<Naming> {
    let (socket, address, text) = addressed(text, bench)?;
    let done = matches!(returned::parse(arguments::close(text)?)?.outcome, Outcome::Done(_));
    let address = address.filter(|_| done && is_socket(socket));
    Some(address.map_or(Naming::Nothing, |address| Naming::Named(socket, address)))
}

/// `(fd, sockaddr, length)`
pub(super) fn bind(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let Naming::Named(socket, address) = named(text, bench)? else {
        return NOT_USED;
    };
    used(What::Bind { socket: bench.descriptor(socket), address }, emit)
}

/// `(fd, sockaddr, length)`, of the socket itself.
pub(super) fn own_name(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let Naming::Named(socket, address) = named(text, bench)? else {
        return NOT_USED;
    };
    used(What::LocalName { socket: bench.descriptor(socket), address }, emit)
}

/// `(fd, sockaddr, length)`, of the other end.
pub(super) fn remote_name(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let Naming::Named(socket, address) = named(text, bench)? else {
        return NOT_USED;
    };
    used(What::RemoteName { socket: bench.descriptor(socket), address }, emit)
}

/// `(fd, sockaddr, length)`
pub(super) fn connect(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (socket, address, text) = addressed(text, bench)?;
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    let Some(address) = address.filter(|_| is_socket(socket)) else {
        return NOT_USED;
    };
    used(What::Connect { socket: bench.descriptor(socket), address, outcome }, emit)
}

/// `(fd, backlog)`
pub(super) fn listen(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (socket, text) = bench.first(text)?;
    let done = matches!(returned::parse(arguments::close(text)?)?.outcome, Outcome::Done(_));
    if !done || !is_socket(socket) {
        return NOT_USED;
    }
    used(What::Listen { socket: bench.descriptor(socket) }, emit)
}

/// `(fd, sockaddr, length) = fd`, with flags behind in accept4.
pub(super) fn accept(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (listener, peer, text) = addressed(text, bench)?;
    let (_, text) = arguments::value(arguments::next(text))?;
    let (flags, text) = arguments::value(arguments::next(text))?;
    let returned = returned::parse(arguments::close(text)?)?;
    let Some(made) = possible(bench.made(&returned)) else {
        return NOT_USED;
    };
    let close_on_exec = symbols::SOCK_CLOEXEC.is_in(flags);
    let (listener, made) = (bench.descriptor(listener), bench.descriptor(made));
    used(What::Accept { listener, made, peer, close_on_exec }, emit)
}

/// `(fd, how)`
pub(super) fn shutdown(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (socket, text) = bench.first(text)?;
    let (how, text) = arguments::value(arguments::next(text))?;
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    let how = if symbols::SHUT_RD.is(how) {
        How::Read
    } else if symbols::SHUT_WR.is(how) {
        How::Write
    } else if symbols::SHUT_RDWR.is(how) {
        How::Both
    } else {
        return NOT_USED;
    };
    if !is_socket(socket) {
        return NOT_USED;
    }
    used(What::Shutdown { socket: bench.descriptor(socket), how, outcome }, emit)
}
