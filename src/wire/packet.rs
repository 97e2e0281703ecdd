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
    /// And what is to be said in words of the capture's.
    pub remarks: Remarks,
}

/// What is to be said of a packet that follows from what is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remarks(u8);

impl Remarks {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Who made it: that is news in its conversation.
    pub const WHO: Self = Self(1);
    /// It is the first of its conversation that lacks bytes.
    pub const LOST: Self = Self(2);
    /// It is the first of its conversation, which has a stand-in for an address.
    pub const STAND_IN: Self = Self(4);
    /// No call moved its bytes: they let a reader understand what follows.
    pub const MADE_UP: Self = Self(8);
    /// It begins a conversation whose beginning the trace does not show.
    pub const MIDWAY: Self = Self(16);

    /// These and `others`.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These, if that is so.
    #[must_use]
    pub const fn only_if(self, is_so: bool) -> Self {
        if is_so { self } else { Self::NONE }
    }

    /// Whether `remark` is among these.
    pub const fn has(self, remark: Self) -> bool {
        self.0 & remark.0 != 0
    }
}

impl About<'_> {
    /// A packet that a call of a thread made, with nothing to be read beside it.
    #[inline]
    pub const fn made(time: Timestamp, by: Marking, direction: Direction) -> Self {
        Self { time, by: Some((by, direction)), comment: None, remarks: Remarks::NONE }
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
