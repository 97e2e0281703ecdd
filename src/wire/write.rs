//! A frame's bytes: its headers as etherparse lays them out, the payload behind them, and the checksum over both.
//!
//! Length fields say how long the payload really was, also where less of it was captured; checksums are then those of
//! the same packet with zeros in the place of what is missing. There is no padding to Ethernet's shortest frame.

use crate::wire::checksum::Sum;
use crate::wire::{Flags, Frame, HandshakeOptions, Transport, VlanTag};
use etherparse::{
    EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, SingleVlanHeader, TcpHeader, TcpOptionElement,
    UdpHeader, VlanId,
};
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
const HOP_LIMIT: u8 = 64;

/// Appends the frame's bytes to `bytes`. A payload longer than IP's length field can say is cut.
#[inline]
pub fn write(frame: &Frame<'_>, bytes: &mut Vec<u8>) -> Lengths {
    let start = bytes.len();
    let (payload, ends) = match (frame.source.ip(), frame.target.ip()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let payload = Payload::fitting(frame, LENGTH_MAX - IPV4_HEADER);
            link(frame, EtherType::IPV4, bytes);
            ipv4(frame, payload.ip_length, [source, target], bytes);
            (payload, [source.into(), target.into()])
        }
        (source, target) => {
            let ends = [source, target].map(mapped);
            let payload = Payload::fitting(frame, LENGTH_MAX);
            link(frame, EtherType::IPV6, bytes);
            ipv6(frame, payload.ip_length, ends, bytes);
            (payload, ends.map(IpAddr::from))
        }
    };
    let behind_ip = bytes.len();
    transport(frame, payload.ip_length, bytes);
    bytes.extend_from_slice(payload.captured);
    let sum = Sum::of_pseudo_header(ends, frame.transport.protocol().0, payload.ip_length);
    fill_in_checksum(frame.transport, &payload, sum, bytes.get_mut(behind_ip..).unwrap_or_default());
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
    fn fitting(frame: &Frame<'a>, room: u16) -> Self {
        let header = frame.transport.header_length();
        let longest = room - header;
        let original = frame.original.max(frame.payload.len());
        let original = u16::try_from(original).map_or(longest, |original| original.min(longest));
        let captured = frame.payload.get(..original.into()).unwrap_or(frame.payload);
        Self { captured, missing: usize::from(original) - captured.len(), ip_length: header + original }
    }
}

impl Transport {
    /// Length of the header, in bytes.
    const fn header_length(&self) -> u16 {
        match self {
            Self::Tcp { options: None, .. } => 20,
            Self::Tcp { options: Some(_), .. } => 28,
            Self::Udp | Self::UdpLite => 8,
            Self::Raw { .. } => 0,
        }
    }

    /// IP's protocol number.
    const fn protocol(&self) -> IpNumber {
        match self {
            Self::Tcp { .. } => IpNumber::TCP,
            Self::Udp => IpNumber::UDP,
            Self::UdpLite => IpNumber::UDP_LITE,
            Self::Raw { protocol } => IpNumber(*protocol),
        }
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
#[inline]
fn link(frame: &Frame<'_>, carries: EtherType, bytes: &mut Vec<u8>) {
    let ether_type = if frame.vlan.is_some() { EtherType::VLAN_TAGGED_FRAME } else { carries };
    let header = Ethernet2Header { source: frame.source_mac.0, destination: frame.target_mac.0, ether_type };
    bytes.extend_from_slice(&header.to_bytes());
    if let Some(VlanTag(id)) = frame.vlan {
        let vlan_id = VlanId::try_new(id & VlanId::MAX_U16).unwrap_or_default();
        let tag = SingleVlanHeader { vlan_id, ether_type: carries, ..SingleVlanHeader::default() };
        bytes.extend_from_slice(&tag.to_bytes());
    }
}

/// IPv4's header (RFC 791 §3.1): no options, no fragments. `length` is that of what follows.
#[inline]
fn ipv4(frame: &Frame<'_>, length: u16, [source, target]: [Ipv4Addr; 2], bytes: &mut Vec<u8>) {
    let mut header = Ipv4Header {
        total_len: IPV4_HEADER + length,
        identification: frame.id,
        dont_fragment: false,
        time_to_live: HOP_LIMIT,
        protocol: frame.transport.protocol(),
        source: source.octets(),
        destination: target.octets(),
        ..Ipv4Header::default()
    };
    header.header_checksum = header.calc_header_checksum();
    bytes.extend_from_slice(&header.to_bytes());
}

/// IPv6's header (RFC 8200 §3): traffic class and flow label 0, no extension headers. `length` is that of what follows.
#[inline]
fn ipv6(frame: &Frame<'_>, length: u16, [source, target]: [Ipv6Addr; 2], bytes: &mut Vec<u8>) {
    let header = Ipv6Header {
        payload_length: length,
        next_header: frame.transport.protocol(),
        hop_limit: HOP_LIMIT,
        source: source.octets(),
        destination: target.octets(),
        ..Ipv6Header::default()
    };
    bytes.extend_from_slice(&header.to_bytes());
}

/// The transport header, its checksum still 0. `length` is that of the header and of what follows.
#[inline]
fn transport(frame: &Frame<'_>, length: u16, bytes: &mut Vec<u8>) {
    let (source_port, destination_port) = (frame.source.port(), frame.target.port());
    match frame.transport {
        Transport::Tcp { seq, ack, flags, window, options } => {
            let mut header = TcpHeader {
                destination_port,
                acknowledgment_number: ack.0,
                fin: flags.has(Flags::FIN),
                syn: flags.has(Flags::SYN),
                rst: flags.has(Flags::RST),
                psh: flags.has(Flags::PSH),
                ack: flags.has(Flags::ACK),
                ..TcpHeader::new(source_port, destination_port, seq.0, window)
            };
            if let Some(HandshakeOptions { mss, window_scale }) = options {
                use TcpOptionElement::{MaximumSegmentSize, Noop, WindowScale};
                let options = [MaximumSegmentSize(mss), Noop, WindowScale(window_scale)];
                // These fit: eight bytes of at most forty.
                let _ = header.set_options(&options);
            }
            bytes.extend_from_slice(&header.to_bytes());
        }
        Transport::Udp | Transport::UdpLite => {
            let header = UdpHeader { source_port, destination_port, length, checksum: 0 };
            bytes.extend_from_slice(&header.to_bytes());
        }
        Transport::Raw { .. } => {}
    }
}

/// Fills in the checksum of what follows IP's header; `pseudo_header` is the sum of what else most of them cover.
#[inline]
fn fill_in_checksum(transport: Transport, payload: &Payload<'_>, pseudo_header: Sum, bytes: &mut [u8]) {
    match transport {
        Transport::Tcp { .. } => pseudo_header.fill_in(bytes, 16),
        Transport::Udp | Transport::UdpLite => {
            pseudo_header.fill_in(bytes, 6);
            // A checksum of 0 is sent as ffff, for 0 means that there is none (RFC 768).
            if let Some(checksum @ [0, 0]) = bytes.get_mut(6..8) {
                checksum.fill(0xff);
            }
        }
        Transport::Raw { protocol } if payload.missing == 0 && bytes.get(2..4) == Some(&[0, 0]) => {
            match IpNumber(protocol) {
                IpNumber::ICMP => Sum::default().fill_in(bytes, 2),
                // Its checksum is also over the pseudo-header (RFC 4443 §2.3).
                IpNumber::IPV6_ICMP => pseudo_header.fill_in(bytes, 2),
                _ => {}
            }
        }
        Transport::Raw { .. } => {}
    }
}
