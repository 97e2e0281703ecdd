//! A packet's bytes: its headers as etherparse lays them out, the payload behind them, and the checksum over both.
//!
//! Length fields say how long the payload really was, also where less of it was captured; checksums are then those of
//! the same packet with zeros in the place of what is missing. There is no padding to Ethernet's shortest frame.

use crate::event::{Direction, Marking};
use crate::wire::checksum::Sum;
use crate::wire::{Flags, Frame, HandshakeOptions, LinkHeader, Packet, TransportHeader, marking};
use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptions, UdpHeader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How long a written frame is, Ethernet header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes written.
    pub captured: usize,
    /// Bytes the frame had on the wire, at least `captured` and at most 65 593 (IPv6 with a VLAN tag).
    pub original: usize,
}

/// IP's length fields have 16 bits; IPv4's counts its own header (RFC 791 §3.1), IPv6's does not (RFC 8200 §3).
const LENGTH_MAX: u16 = u16::MAX;
const IPV4_HEADER: u16 = Ipv4Header::MIN_LEN_U16;
const TCP_HEADER: u16 = 20;
const HOP_LIMIT: u8 = 64;

/// Appends the packet's bytes to `bytes`. A payload longer than IP's length field can say is cut.
#[inline]
pub fn write(packet: &Packet<'_>, bytes: &mut Vec<u8>) -> Lengths {
    let start = bytes.len();
    let frame = &packet.frame;
    let (protocol, header) = protocol_and_header(&frame.transport);
    let (payload, pseudo_header) = match (frame.source.ip(), frame.target.ip()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let payload = FittedPayload::fitting(frame, header, LENGTH_MAX - IPV4_HEADER);
            link(packet, EtherType::IPV4, bytes);
            ipv4(frame.id, protocol, payload.ip_length, [source, target], bytes);
            (payload, Sum::of_pseudo_header([source.into(), target.into()], protocol.0, payload.ip_length))
        }
        (source, target) => {
            let ends = [source, target].map(mapped);
            let payload = FittedPayload::fitting(frame, header, LENGTH_MAX);
            link(packet, EtherType::IPV6, bytes);
            ipv6(protocol, payload.ip_length, ends, bytes);
            (payload, Sum::of_pseudo_header(ends.map(IpAddr::from), protocol.0, payload.ip_length))
        }
    };
    match frame.transport {
        TransportHeader::Tcp { .. } => tcp(frame, pseudo_header, &payload, bytes),
        TransportHeader::Udp | TransportHeader::UdpLite => udp(frame, pseudo_header, &payload, bytes),
        TransportHeader::Raw { .. } => raw(protocol, pseudo_header, &payload, bytes),
    }
    payload.lengths(bytes.len() - start - payload.captured.len())
}

/// The payload as far as IP's length field reaches.
#[derive(Clone, Copy)]
pub(super) struct FittedPayload<'a> {
    pub(super) captured: &'a [u8],
    /// Bytes that were not captured.
    pub(super) missing: usize,
    /// Transport header and original payload: what follows IP's header.
    pub(super) ip_length: u16,
}

impl<'a> FittedPayload<'a> {
    /// That of a segment over IPv4.
    #[inline(always)]
    pub(super) fn of_segment(frame: &Frame<'a>, options: Option<HandshakeOptions>) -> Self {
        Self::fitting(frame, tcp_length(options), LENGTH_MAX - IPV4_HEADER)
    }

    /// How long the frame is that has it behind `headers` bytes.
    #[inline(always)]
    pub(super) const fn lengths(&self, headers: usize) -> Lengths {
        let captured = headers + self.captured.len();
        Lengths { captured, original: captured + self.missing }
    }

    /// The payload cut so that it takes `room` bytes together with a transport header of `header` bytes.
    #[inline]
    fn fitting(frame: &Frame<'a>, header: u16, room: u16) -> Self {
        let longest = room - header;
        let original = frame.original.max(frame.payload.len());
        let original = u16::try_from(original).map_or(longest, |original| original.min(longest));
        let captured = frame.payload.get(..original.into()).unwrap_or(frame.payload);
        Self { captured, missing: usize::from(original) - captured.len(), ip_length: header + original }
    }
}

/// IP's protocol number, and the length of the transport's header, in bytes.
const fn protocol_and_header(transport: &TransportHeader) -> (IpNumber, u16) {
    match transport {
        TransportHeader::Tcp { options, .. } => (IpNumber::TCP, tcp_length(*options)),
        TransportHeader::Udp => (IpNumber::UDP, 8),
        TransportHeader::UdpLite => (IpNumber::UDP_LITE, 8),
        TransportHeader::Raw { protocol } => (IpNumber(*protocol), 0),
    }
}

/// How long TCP's header is, in bytes.
#[inline(always)]
const fn tcp_length(options: Option<HandshakeOptions>) -> u16 {
    match options {
        None => TCP_HEADER,
        Some(_) => TCP_HEADER + 12,
    }
}

/// An address in a packet of IPv6: an IPv4 one v4-mapped (RFC 4291 §2.5.5.2).
const fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// Ethernet's header, 14 bytes, with an 802.1Q tag 18.
#[inline(always)]
fn link(packet: &Packet<'_>, carries: EtherType, bytes: &mut Vec<u8>) {
    let (source, destination) = match (packet.frame.link, &packet.about.by) {
        (LinkHeader::Marking, Some(mover)) => return bytes.extend_from_slice(&tagged(mover, carries)),
        (LinkHeader::Marking, None) => ([0; 6], [0; 6]),
        (LinkHeader::Macs { source, target }, _) => (source.0, target.0),
    };
    let header = Ethernet2Header { source, destination, ether_type: carries };
    bytes.extend_from_slice(&header.to_bytes());
}

/// Ethernet's header with an 802.1Q tag: the one place where the marking is written.
#[inline]
pub(super) fn tagged((by, direction): &(Marking, Direction), carries: EtherType) -> [u8; 18] {
    let [source, target] = marking::macs(by, *direction).map(u128::from);
    let tag = u128::from(EtherType::VLAN_TAGGED_FRAME.0) << 16 | u128::from(marking::vlan(by));
    let mut header = [0; 18];
    if let Some(front) = header.first_chunk_mut() {
        *front = (target << 80 | source << 32 | tag).to_be_bytes();
    }
    if let Some(end) = header.last_chunk_mut() {
        *end = carries.0.to_be_bytes();
    }
    header
}

/// IPv4's header (RFC 791 §3.1): no options, no fragments. `length` is that of what follows.
#[inline]
fn ipv4(id: u16, protocol: IpNumber, length: u16, [source, target]: [Ipv4Addr; 2], bytes: &mut Vec<u8>) {
    let header = Ipv4Header {
        total_len: IPV4_HEADER + length,
        identification: id,
        dont_fragment: false,
        time_to_live: HOP_LIMIT,
        protocol,
        source: source.octets(),
        destination: target.octets(),
        ..Ipv4Header::default()
    };
    let Ok(()) = header.write_raw(bytes) else { return };
    if let Some(header) = bytes.last_chunk_mut::<{ Ipv4Header::MIN_LEN }>() {
        Sum::default().fill_in(header, 10);
    }
}

/// IPv6's header (RFC 8200 §3): traffic class and flow label 0, no extension headers. `length` is that of what follows.
#[inline]
fn ipv6(protocol: IpNumber, length: u16, [source, target]: [Ipv6Addr; 2], bytes: &mut Vec<u8>) {
    let header = Ipv6Header {
        payload_length: length,
        next_header: protocol,
        hop_limit: HOP_LIMIT,
        source: source.octets(),
        destination: target.octets(),
        ..Ipv6Header::default()
    };
    bytes.extend_from_slice(&header.to_bytes());
}

/// TCP's header (RFC 9293 §3.1), and the payload.
#[inline]
fn tcp(frame: &Frame<'_>, pseudo_header: Sum, payload: &FittedPayload<'_>, bytes: &mut Vec<u8>) {
    let sum = pseudo_header.with(payload.captured);
    if let TransportHeader::Tcp { options: Some(options), .. } = frame.transport {
        handshake(frame, options, sum, bytes);
    } else {
        let Ok(()) = tcp_header(frame, TcpOptions::new()).write(bytes) else { return };
        if let Some(header) = bytes.last_chunk_mut::<{ TcpHeader::MIN_LEN }>() {
            sum.fill_in(header, 16);
        }
    }
    bytes.extend_from_slice(payload.captured);
}

/// A SYN's options: MSS (RFC 9293 §3.7.1), two NOPs, SACK permitted (RFC 2018 §2), NOP, window scale (RFC 7323 §2.2).
#[inline]
pub(super) fn handshake_options(options: HandshakeOptions) -> [u8; 12] {
    let [high, low] = options.mss.to_be_bytes();
    [2, 4, high, low, 1, 1, 4, 2, 1, 3, 3, options.window_scale]
}

/// TCP's header with a SYN's options.
#[cold]
fn handshake(frame: &Frame<'_>, options: HandshakeOptions, sum: Sum, bytes: &mut Vec<u8>) {
    let mut header = tcp_header(frame, handshake_options(options).into()).to_bytes();
    sum.fill_in(&mut header, 16);
    bytes.extend_from_slice(&header);
}

/// The header, its checksum still 0.
#[inline(always)]
fn tcp_header(frame: &Frame<'_>, options: TcpOptions) -> TcpHeader {
    let (source, target) = (frame.source.port(), frame.target.port());
    let TransportHeader::Tcp { seq, ack, flags, window, .. } = frame.transport else {
        return TcpHeader::new(source, target, 0, 0);
    };
    TcpHeader {
        acknowledgment_number: ack.0,
        fin: flags.has(Flags::FIN),
        syn: flags.has(Flags::SYN),
        rst: flags.has(Flags::RST),
        psh: flags.has(Flags::PSH),
        ack: flags.has(Flags::ACK),
        urg: flags.has(Flags::URG),
        urgent_pointer: if flags.has(Flags::URG) { urgent_pointer(frame) } else { 0 },
        options,
        ..TcpHeader::new(source, target, seq.0, window)
    }
}

/// Behind the urgent byte, which is the last one (RFC 6093 §3.1).
#[cold]
fn urgent_pointer(frame: &Frame<'_>) -> u16 {
    u16::try_from(frame.original).unwrap_or(u16::MAX)
}

/// UDP's header (RFC 768), and the payload. A checksum of 0 is sent as ffff, for 0 means that there is none.
#[inline]
fn udp(frame: &Frame<'_>, pseudo_header: Sum, payload: &FittedPayload<'_>, bytes: &mut Vec<u8>) {
    let (source_port, destination_port) = (frame.source.port(), frame.target.port());
    let mut header = UdpHeader { source_port, destination_port, length: payload.ip_length, checksum: 0 };
    let sum = pseudo_header.with(&header.to_bytes()).with(payload.captured);
    header.checksum = match u16::from_be_bytes(sum.checksum()) {
        0 => 0xffff,
        checksum => checksum,
    };
    bytes.extend_from_slice(&header.to_bytes());
    bytes.extend_from_slice(payload.captured);
}

/// A payload that begins with the protocol's own header. Where an ICMP message has no checksum it is filled in, over IPv6
/// with the pseudo-header (RFC 4443 §2.3).
#[inline]
fn raw(protocol: IpNumber, pseudo_header: Sum, payload: &FittedPayload<'_>, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend_from_slice(payload.captured);
    let message = bytes.get_mut(start..).unwrap_or_default();
    if payload.missing > 0 || message.get(2..4) != Some(&[0, 0]) {
        return;
    }
    match protocol {
        IpNumber::ICMP => Sum::default().fill_in(message, 2),
        IpNumber::IPV6_ICMP => pseudo_header.fill_in(message, 2),
        _ => {}
    }
}
