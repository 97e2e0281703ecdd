//! Frames to bytes: Ethernet, VLAN, IPv4 and IPv6, TCP, UDP, checksums, sequence arithmetic.
//!
//! A [`Frame`] says everything that ends up in a packet; [`write()`] turns it into bytes. Why it is sent is not known here.

mod frame;
mod sequence;
mod write;

pub use frame::{Flags, Frame, HandshakeOptions, Mac, Transport, VlanTag};
pub use sequence::SeqNumber;
pub use write::{Lengths, write};
