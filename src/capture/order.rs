//! The order of a capture: records in order of time, each where it belongs although it may come too early or too late.
//!
//! What a record's time may be is for others to know: they say until when nothing earlier can come any more. Later records
//! wait, laid out as they will be written. One that comes behind its time, when later ones are out, takes the time of the
//! last of these. Where the traces' own clock is set back, so is the capture.

use crate::event::Timestamp;
use crate::limits;
use std::collections::BTreeMap;

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is next, with this time.
    Next(Timestamp),
    /// It waits.
    Waits,
}

/// The records that wait, and how far the capture has come.
#[derive(Debug)]
pub(super) struct Order {
    /// By time; those of one time in the order in which they came.
    waiting: BTreeMap<(Timestamp, u64), Box<[u8]>>,
    /// How many bytes these have.
    bytes: usize,
    /// How many have waited.
    taken: u64,
    /// Nothing earlier will come.
    until: Timestamp,
    /// The time of the last record that went out.
    last: Timestamp,
}

impl Order {
    /// An order in which nothing waits.
    pub(super) const fn new() -> Self {
        Self { waiting: BTreeMap::new(), bytes: 0, taken: 0, until: Timestamp::MAX, last: Timestamp(0) }
    }

    /// Whether a record of this time is next as it comes: so are nearly all.
    #[inline]
    pub(super) fn takes(&mut self, time: Timestamp) -> bool {
        let is_next = self.last <= time && time <= self.until;
        if is_next {
            self.last = time;
        }
        is_next
    }

    /// What becomes of a record that is not next as it comes.
    pub(super) fn turn(&mut self, time: Timestamp) -> Turn {
        if time <= self.until || time <= self.last { Turn::Next(self.last) } else { Turn::Waits }
    }

    /// Keeps a record until its turn.
    pub(super) fn keep(&mut self, time: Timestamp, record: &[u8]) {
        self.bytes += record.len();
        self.taken += 1;
        self.waiting.insert((time, self.taken), record.into());
    }

    /// From here on nothing comes that is earlier than `until`. The next record whose turn that makes it, if there is one:
    /// to be asked for until there is none.
    pub(super) fn next_until(&mut self, until: Timestamp) -> Option<Box<[u8]>> {
        self.until = until;
        let first = self.waiting.first_entry()?;
        if first.key().0 > until && self.bytes <= limits::WAITING_BYTES {
            return None;
        }
        let ((time, _), record) = first.remove_entry();
        self.bytes -= record.len();
        self.last = self.last.max(time);
        Some(record)
    }

    /// The clock was set back: the capture goes on from here.
    pub(super) const fn restart(&mut self, time: Timestamp) {
        self.last = time;
    }
}
