//! What the bytes of a packet say, field by field.

use crate::event::HostPort;
use crate::wire::SeqNumber;

/// An Ethernet address, as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

/// What the link header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkHeader {
    /// Who made the packet, in the MACs and a VLAN tag; where nobody did, MACs of zeros and no tag.
    Marking,
    /// These MACs, and no tag.
    Macs {
        /// Of who sends it.
        source: Mac,
        /// Of whom it is for.
        target: Mac,
    },
}

/// TCP's flags (RFC 9293 §3.1), as the header's byte has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// FIN.
    pub const FIN: Self = Self(0x01);
    /// SYN.
    pub const SYN: Self = Self(0x02);
    /// RST.
    pub const RST: Self = Self(0x04);
    /// PSH.
    pub const PSH: Self = Self(0x08);
    /// ACK.
    pub const ACK: Self = Self(0x10);
    /// URG: the urgent pointer counts, and the last byte of the payload is urgent (RFC 6093 §3.1).
    pub const URG: Self = Self(0x20);
    /// SYN and ACK.
    pub const SYN_ACK: Self = Self::SYN.and(Self::ACK);
    /// PSH and ACK.
    pub const PSH_ACK: Self = Self::PSH.and(Self::ACK);
    /// FIN and ACK.
    pub const FIN_ACK: Self = Self::FIN.and(Self::ACK);
    /// RST and ACK.
    pub const RST_ACK: Self = Self::RST.and(Self::ACK);

    /// These and `others`.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether `flag` is among these.
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }
}

/// The header between IP and the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportHeader {
    /// A TCP header; 20 bytes, or 32 with the options that a SYN or SYN-ACK carries.
    Tcp {
        /// Sequence number of the first payload byte (of the SYN or FIN where there is none).
        seq: SeqNumber,
        /// Acknowledgement number, written even without the ACK flag.
        ack: SeqNumber,
        /// The flags.
        flags: Flags,
        /// The window field, unscaled.
        window: u16,
        /// What to announce, on a SYN only.
        options: Option<HandshakeOptions>,
    },
    /// A UDP header, 8 bytes.
    Udp,
    /// A UDP-Lite header, 8 bytes, whose checksum covers all of the payload (RFC 3828 §3.1).
    UdpLite,
    /// No header of ours: the payload begins with the protocol's own (ICMP, raw sockets, …). Ports are not used. An ICMP
    /// checksum of 0 is one that the kernel fills in (RFC 3542 §3.1), and so it is here.
    Raw {
        /// IP's protocol number.
        protocol: u8,
    },
}

/// The TCP options of a SYN: MSS (RFC 9293 §3.7.1), that selective ACKs are permitted (RFC 2018 §2), as Wireshark misses
/// where they are not, and window scale (RFC 7323 §2), 12 bytes with NOPs between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeOptions {
    /// Largest segment, in bytes.
    pub mss: u16,
    /// Shift count of the window, 0 to 14.
    pub window_scale: u8,
}

/// The bytes of one packet. Source and target must be of one address family; where they are not, the IPv4 one is written v4-mapped.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Ethernet's header, and the 802.1Q tag where there is one.
    pub link: LinkHeader,
    /// IP source and its port.
    pub source: &'a HostPort,
    /// IP target and its port.
    pub target: &'a HostPort,
    /// IPv4's identification; IPv6 has none.
    pub id: u16,
    /// The transport header.
    pub transport: TransportHeader,
    /// The payload, as far as it is in the trace.
    pub payload: &'a [u8],
    /// How long the payload really was, at least `payload.len()`: what is missing was not captured, as with a snaplen.
    /// The largest that fits IPv4 is 65 495 for TCP and 65 507 for UDP; longer is cut to what IP's length field holds.
    pub original: usize,
}
