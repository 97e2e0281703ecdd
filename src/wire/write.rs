//! A frame's bytes: link, IP and transport header, filled in where they lie, and the payload behind them.
//!
//! Length fields say how long the payload really was, also where less of it was captured; checksums are then those of
//! the same packet with zeros in the place of what is missing. There is no padding to Ethernet's shortest frame.

use crate::wire::checksum::{Sum, of_bytes};
use crate::wire::{Frame, HandshakeOptions, SeqNumber, Transport, VlanTag};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// How long a written frame is, Ethernet header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes written.
    pub captured: usize,
    /// Bytes the frame had on the wire, at least `captured` and at most 65 593 (IPv6 with a VLAN tag).
    pub original: usize,
}

/// IP's length fields have 16 bits; IPv4's counts its own header (RFC 791 §3.1), IPv6's does not (RFC 8200 §3).
const LENGTH_MAX: usize = 0xffff;
const IPV4_HEADER: usize = 20;
const ETHER_IPV4: u16 = 0x0800;
const HOP_LIMIT: u8 = 64;
/// IP's protocol numbers (RFC 5237, IANA).
const TCP: u8 = 6;
const UDP: u8 = 17;
const UDP_LITE: u8 = 136;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Ethernet with a tag, IPv6, TCP with options.
const HEADERS_MAX: usize = 18 + 40 + 28;

/// Appends the frame's bytes to `bytes`. A payload longer than IP's length field can say is cut.
#[inline(always)]
pub fn write(frame: &Frame<'_>, bytes: &mut Vec<u8>) -> Lengths {
    if let (SocketAddr::V4(source), SocketAddr::V4(target)) = (&frame.source, &frame.target)
        && let Some(tag) = frame.vlan
        && let Transport::Tcp { options: None, .. } = frame.transport
        && let Some(lengths) = tagged_tcp(frame, tag, (source, target), bytes)
    {
        return lengths;
    }
    any(frame, bytes)
}

/// A marked packet of TCP over IPv4, as most are: the headers' places are known when compiling.
#[inline(always)]
fn tagged_tcp(
    frame: &Frame<'_>,
    VlanTag(tag): VlanTag,
    (source, target): (&SocketAddrV4, &SocketAddrV4),
    bytes: &mut Vec<u8>,
) -> Option<Lengths> {
    const HEADERS: usize = 18 + IPV4_HEADER + 20;
    let Transport::Tcp { seq, ack, flags, window, .. } = frame.transport else {
        return None;
    };
    let payload = frame.payload;
    if frame.original.max(payload.len()) > LENGTH_MAX - IPV4_HEADER - 20 {
        return None;
    }
    let missing = frame.original.saturating_sub(payload.len());
    let length = u16::try_from(20 + payload.len() + missing).ok()?;
    let addresses = Sum::of(0).with_v4(*source.ip()).with_v4(*target.ip());
    bytes.extend_from_slice(&[0; HEADERS]);
    let (link, rest) = bytes.last_chunk_mut::<HEADERS>()?.split_first_chunk_mut()?;
    ethernet(frame, link);
    let (link, rest) = rest.split_first_chunk_mut::<6>()?;
    link[0..2].copy_from_slice(&[0x81, 0x00]);
    link[2..4].copy_from_slice(&tag.to_be_bytes());
    link[4..6].copy_from_slice(&ETHER_IPV4.to_be_bytes());
    let (header, rest) = rest.split_first_chunk_mut()?;
    let ends = (*source.ip(), *target.ip());
    ipv4_header(frame.id, TCP, length, ends, addresses, header);
    let sum = addresses
        .with(length.into())
        .with(TCP.into())
        .with(source.port().into())
        .with(target.port().into())
        .with(of_bytes(payload));
    let ports = (source.port(), target.port());
    let fields = (seq, ack, [0x50, flags.0], window);
    tcp_header(ports, fields, sum, rest.first_chunk_mut()?);
    bytes.extend_from_slice(payload);
    let captured = HEADERS + payload.len();
    Some(Lengths { captured, original: captured + missing })
}

/// A frame of any kind.
#[inline(never)]
fn any(frame: &Frame<'_>, bytes: &mut Vec<u8>) -> Lengths {
    let start = bytes.len();
    // Room for any header, filled in where it lies: building headers apart and copying them costs as much again.
    bytes.extend_from_slice(&[0; HEADERS_MAX]);
    let room = bytes.last_chunk_mut::<HEADERS_MAX>();
    let room = room.map_or_else(<&mut [u8]>::default, |room| room.as_mut_slice());
    let (payload, addresses, rest) = match (&frame.source, &frame.target) {
        (SocketAddr::V4(source), SocketAddr::V4(target)) => {
            let (source, target) = (*source.ip(), *target.ip());
            let payload = Payload::fitting(frame, LENGTH_MAX - IPV4_HEADER);
            let rest = link(frame, ETHER_IPV4, room);
            let rest = ipv4(frame, payload.ip_length, source, target, rest);
            (payload, Sum::of(0).with_v4(source).with_v4(target), rest)
        }
        (source, target) => {
            let (source, target) = (v6(source), v6(target));
            let payload = Payload::fitting(frame, LENGTH_MAX);
            let rest = link(frame, 0x86dd, room);
            let rest = ipv6(frame, payload.ip_length, source, target, rest);
            (payload, Sum::of(0).with_v6(source).with_v6(target), rest)
        }
    };
    let pseudo_header = addresses;
    let rest = transport(frame, &payload, addresses, rest).len();
    bytes.truncate(start + HEADERS_MAX - rest);
    let headers = bytes.len();
    bytes.extend_from_slice(payload.captured);
    if let Transport::Raw { protocol } = frame.transport
        && payload.missing == 0
    {
        fill_icmp_checksum(protocol, pseudo_header, bytes.get_mut(headers..));
    }
    let captured = bytes.len() - start;
    Lengths { captured, original: captured + payload.missing }
}

/// The payload as far as IP's length field reaches.
struct Payload<'a> {
    captured: &'a [u8],
    /// Bytes that were not captured.
    missing: usize,
    /// Transport header and original payload: what follows IP's header.
    ip_length: u16,
}

impl<'a> Payload<'a> {
    /// The payload cut so that it takes `room` bytes together with its transport header.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "room is at most 65 535")]
    fn fitting(frame: &Frame<'a>, room: usize) -> Self {
        let header = frame.transport.header_length();
        let original = frame.original.max(frame.payload.len()).min(room - header);
        let captured = frame.payload.get(..original).unwrap_or(frame.payload);
        Self { captured, missing: original - captured.len(), ip_length: (header + original) as u16 }
    }
}

impl Transport {
    /// Length of the header, in bytes.
    const fn header_length(&self) -> usize {
        match self {
            Self::Tcp { options: None, .. } => 20,
            Self::Tcp { options: Some(_), .. } => 28,
            Self::Udp | Self::UdpLite => 8,
            Self::Raw { .. } => 0,
        }
    }

    /// IP's protocol number.
    const fn protocol(&self) -> u8 {
        match self {
            Self::Tcp { .. } => TCP,
            Self::Udp => UDP,
            Self::UdpLite => UDP_LITE,
            Self::Raw { protocol } => *protocol,
        }
    }
}

/// An address in a packet of IPv6: an IPv4 one v4-mapped (RFC 4291 §2.5.5.2). As a number, which stays in registers.
const fn v6(address: &SocketAddr) -> u128 {
    match address {
        SocketAddr::V4(address) => address.ip().to_ipv6_mapped().to_bits(),
        SocketAddr::V6(address) => address.ip().to_bits(),
    }
}

// The writers of headers take the room for what is still to come, fill its front and return the rest. The room was made
// for all of them, so that none ever finds too little.

/// Ethernet's header, 14 bytes, with an 802.1Q tag 18.
#[inline]
fn link<'a>(frame: &Frame<'_>, ether_type: u16, room: &'a mut [u8]) -> &'a mut [u8] {
    let Some((header, rest)) = room.split_first_chunk_mut::<12>() else {
        return &mut [];
    };
    ethernet(frame, header);
    let mut rest = rest;
    if let Some(VlanTag(tag)) = frame.vlan {
        let Some((header, behind)) = rest.split_first_chunk_mut::<4>() else {
            return &mut [];
        };
        header[0..2].copy_from_slice(&[0x81, 0x00]);
        header[2..4].copy_from_slice(&tag.to_be_bytes());
        rest = behind;
    }
    let Some((header, rest)) = rest.split_first_chunk_mut::<2>() else {
        return &mut [];
    };
    *header = ether_type.to_be_bytes();
    rest
}

/// Both MACs.
#[inline]
fn ethernet(frame: &Frame<'_>, header: &mut [u8; 12]) {
    header[0..6].copy_from_slice(&frame.target_mac.0);
    header[6..12].copy_from_slice(&frame.source_mac.0);
}

/// IPv4's header.
#[inline]
fn ipv4<'a>(frame: &Frame<'_>, length: u16, source: Ipv4Addr, target: Ipv4Addr, room: &'a mut [u8]) -> &'a mut [u8] {
    let Some((header, rest)) = room.split_first_chunk_mut() else {
        return &mut [];
    };
    let addresses = Sum::of(0).with_v4(source).with_v4(target);
    let protocol = frame.transport.protocol();
    ipv4_header(frame.id, protocol, length, (source, target), addresses, header);
    rest
}

/// The same (RFC 791 §3.1): no options, no fragments. `addresses` is the sum of both.
#[inline(always)]
fn ipv4_header(
    id: u16,
    protocol: u8,
    length: u16,
    (source, target): (Ipv4Addr, Ipv4Addr),
    addresses: Sum,
    header: &mut [u8; IPV4_HEADER],
) {
    let total = length + 20;
    let sum =
        addresses.with(0x4500).with(total.into()).with(id.into()).with(u64::from(HOP_LIMIT) << 8 | u64::from(protocol));
    header[0..2].copy_from_slice(&[0x45, 0]);
    header[2..4].copy_from_slice(&total.to_be_bytes());
    header[4..6].copy_from_slice(&id.to_be_bytes());
    header[6..8].copy_from_slice(&[0, 0]); // flags, fragment offset
    header[8..10].copy_from_slice(&[HOP_LIMIT, protocol]);
    header[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
    header[12..16].copy_from_slice(&source.octets());
    header[16..20].copy_from_slice(&target.octets());
}

/// IPv6's header (RFC 8200 §3): traffic class and flow label 0, no extension headers.
#[inline]
fn ipv6<'a>(frame: &Frame<'_>, length: u16, source: u128, target: u128, room: &'a mut [u8]) -> &'a mut [u8] {
    let Some((header, rest)) = room.split_first_chunk_mut::<40>() else {
        return &mut [];
    };
    header[0..4].copy_from_slice(&[0x60, 0, 0, 0]);
    header[4..6].copy_from_slice(&length.to_be_bytes());
    header[6..8].copy_from_slice(&[frame.transport.protocol(), HOP_LIMIT]);
    header[8..24].copy_from_slice(&source.to_be_bytes());
    header[24..40].copy_from_slice(&target.to_be_bytes());
    rest
}

/// The checksum of an ICMP message that has none: ICMPv6's is also over the pseudo-header (RFC 4443 §2.3).
#[cold]
fn fill_icmp_checksum(protocol: u8, pseudo_header: Sum, message: Option<&mut [u8]>) {
    let Some(message) = message else { return };
    let around = match protocol {
        ICMP => Sum::of(0),
        ICMPV6 => pseudo_header.with(message.len() as u64).with(ICMPV6.into()),
        _ => return,
    };
    let checksum = around.with(of_bytes(message)).checksum();
    if let Some(field) = message.get_mut(2..4)
        && *field == [0, 0]
    {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The transport header. `addresses` is the sum of both IP addresses, the first part of the pseudo-header.
#[inline]
fn transport<'a>(frame: &Frame<'_>, payload: &Payload<'_>, addresses: Sum, room: &'a mut [u8]) -> &'a mut [u8] {
    // The pseudo-header's other fields (RFC 9293 §3.1, RFC 768, RFC 8200 §8.1) and the ports.
    let sum = || {
        addresses
            .with(payload.ip_length.into())
            .with(frame.transport.protocol().into())
            .with(frame.source.port().into())
            .with(frame.target.port().into())
            .with(of_bytes(payload.captured))
    };
    match frame.transport {
        Transport::Tcp { .. } => tcp(frame, sum(), room),
        Transport::Udp | Transport::UdpLite => udp(frame, payload.ip_length, sum(), room),
        Transport::Raw { .. } => room,
    }
}

/// TCP's header (RFC 9293 §3.1), 20 bytes and 8 of options. `sum` is that of the ports and of everything around it.
#[inline]
fn tcp<'a>(frame: &Frame<'_>, sum: Sum, room: &'a mut [u8]) -> &'a mut [u8] {
    let Transport::Tcp { seq, ack, flags, window, options } = frame.transport else {
        return room;
    };
    let options = options.map(handshake);
    // The data offset counts 32-bit words.
    let offset = if options.is_some() { 0x70 } else { 0x50 };
    let sum = sum.with(options.map_or(0, |options| of_bytes(&options)));
    let Some((header, rest)) = room.split_first_chunk_mut() else {
        return &mut [];
    };
    let ports = (frame.source.port(), frame.target.port());
    let fields = (seq, ack, [offset, flags.0], window);
    tcp_header(ports, fields, sum, header);
    let Some(options) = options else { return rest };
    let Some((header, rest)) = rest.split_first_chunk_mut::<8>() else {
        return &mut [];
    };
    *header = options;
    rest
}

/// TCP's header without options: sequence numbers, data offset and flags, window. `sum` is that of all else.
#[inline(always)]
fn tcp_header(
    (source, target): (u16, u16),
    (seq, ack, offset_and_flags, window): (SeqNumber, SeqNumber, [u8; 2], u16),
    sum: Sum,
    header: &mut [u8; 20],
) {
    let sum =
        sum.with(seq.0.into()).with(ack.0.into()).with(u16::from_be_bytes(offset_and_flags).into()).with(window.into());
    header[0..2].copy_from_slice(&source.to_be_bytes());
    header[2..4].copy_from_slice(&target.to_be_bytes());
    header[4..8].copy_from_slice(&seq.0.to_be_bytes());
    header[8..12].copy_from_slice(&ack.0.to_be_bytes());
    header[12..14].copy_from_slice(&offset_and_flags);
    header[14..16].copy_from_slice(&window.to_be_bytes());
    header[16..18].copy_from_slice(&sum.checksum().to_be_bytes());
    header[18..20].copy_from_slice(&[0, 0]); // urgent pointer
}

/// The options of a SYN, 8 bytes: MSS (RFC 9293 §3.7.1), NOP, window scale (RFC 7323 §2.2).
const fn handshake(options: HandshakeOptions) -> [u8; 8] {
    let [high, low] = options.mss.to_be_bytes();
    [2, 4, high, low, 1, 3, 3, options.window_scale]
}

/// UDP's header (RFC 768). A checksum of 0 is sent as ffff, for 0 means that there is none.
#[inline]
fn udp<'a>(frame: &Frame<'_>, length: u16, sum: Sum, room: &'a mut [u8]) -> &'a mut [u8] {
    let checksum = match sum.with(length.into()).checksum() {
        0 => 0xffff,
        checksum => checksum,
    };
    let Some((header, rest)) = room.split_first_chunk_mut::<8>() else {
        return &mut [];
    };
    header[0..2].copy_from_slice(&frame.source.port().to_be_bytes());
    header[2..4].copy_from_slice(&frame.target.port().to_be_bytes());
    header[4..6].copy_from_slice(&length.to_be_bytes());
    header[6..8].copy_from_slice(&checksum.to_be_bytes());
    rest
}
