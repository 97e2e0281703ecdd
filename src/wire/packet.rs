//! A packet: a frame, and what is known of it beside its bytes.

use crate::event::{Direction, Marking, Timestamp};
use crate::wire::Frame;

/// What is known of a packet, whatever its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About<'a> {
    /// When it was seen.
    pub time: Timestamp,
    /// Who made it, and which way it went as that thread sees it. None where no thread is known.
    pub by: Option<(Marking, Direction)>,
    /// What a person should read beside it (Wireshark: `frame.comment`).
    pub comment: Option<&'a str>,
}

impl About<'_> {
    /// A packet that a call of a thread made, with nothing to be read beside it.
    #[inline]
    pub const fn made(time: Timestamp, by: Marking, direction: Direction) -> Self {
        Self { time, by: Some((by, direction)), comment: None }
    }
}

/// One packet of Ethernet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// What is known of it.
    pub about: About<'a>,
    /// What its bytes say.
    pub frame: Frame<'a>,
}
