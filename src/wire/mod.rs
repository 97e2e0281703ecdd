//! Frames to bytes: Ethernet, VLAN, IPv4 and IPv6, TCP, UDP, checksums, sequence arithmetic.
//!
//! A [`Frame`] says everything that ends up in a packet; [`write()`] turns it into bytes. Why it is sent is not known here.
//! A [`Record`] is a frame or one of the few other things that a capture holds.

mod checksum;
mod dccp;
mod frame;
mod record;
mod sctp;
mod sequence;
mod sink;
#[cfg(test)]
mod tests;
mod write;

pub use dccp::{LONGEST_DCCP, dccp_packet};
pub use frame::{Flags, Frame, HandshakeOptions, Mac, Transport, VlanTag};
pub use record::Record;
pub use sctp::{LONGEST_SCTP_PART, SctpPart, sctp_packet};
pub use sequence::SeqNumber;
pub use sink::Sink;
pub use write::{Lengths, write};
