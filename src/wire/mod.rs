//! Frames to bytes: Ethernet, VLAN, IPv4 and IPv6, TCP, UDP, checksums, sequence arithmetic.
//!
//! A [`Packet`] is a [`Frame`], which says what ends up in its bytes, and who made it and when; [`write()`] turns it into
//! bytes, and there the marking is put in. Why it is sent is not known here. A [`Record`] is a packet or one of the few
//! other things that a capture holds.

mod checksum;
mod dccp;
mod frame;
mod headers;
mod marking;
mod packet;
mod record;
mod sctp;
mod sequence;
mod sink;
#[cfg(test)]
mod tests;
mod write;

pub use dccp::{LONGEST_DCCP, dccp_packet};
pub use frame::{Flags, Frame, HandshakeOptions, LinkHeader, Mac, TransportHeader};
pub use headers::Headers;
pub use packet::{About, Packet, Remarks};
pub use record::Record;
pub use sctp::{LONGEST_SCTP_PART, SctpPart, sctp_packet};
pub use sequence::SeqNumber;
pub use sink::Sink;
pub use write::{Lengths, write};
