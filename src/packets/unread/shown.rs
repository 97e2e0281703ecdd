//! What receives have shown and no send has accounted for.

use crate::event::Timestamp;
use crate::work;
use std::collections::VecDeque;
use std::ops::Range;

/// The bytes, one behind the other, and when they were received.
#[derive(Debug, Default)]
pub(super) struct Shown {
    bytes: VecDeque<u8>,
    /// By when so many were received.
    runs: VecDeque<(Timestamp, usize)>,
}

impl Shown {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// By when the first were received.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.runs.front().map(|(exit, _)| *exit)
    }

    /// By when the last were.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.runs.back().map(|(exit, _)| *exit)
    }

    /// More were received by `exit`.
    pub(super) fn push(&mut self, bytes: &[u8], exit: Timestamp) {
        work::steps(bytes.len());
        self.bytes.extend(bytes);
        match self.runs.back_mut() {
            Some((last, length)) if *last == exit => *length += bytes.len(),
            _ => self.runs.push_back((exit, bytes.len())),
        }
    }

    pub(super) fn bytes(&mut self) -> &[u8] {
        self.bytes.make_contiguous()
    }

    /// The first that were received, and by when: they are shown no longer.
    pub(super) fn take_first(&mut self) -> Option<(Timestamp, Vec<u8>)> {
        let (exit, length) = self.runs.pop_front()?;
        let length = length.min(self.bytes.len());
        work::steps(length);
        Some((exit, self.bytes.drain(..length).collect()))
    }

    /// These are accounted for.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.bytes.drain(range.clone());
        let (mut start, mut left) = (range.start, range.len());
        for (_, length) in work::each(self.runs.iter_mut()) {
            let here = length.saturating_sub(start).min(left);
            start = start.saturating_sub(*length);
            *length -= here;
            left -= here;
            if left == 0 {
                break;
            }
        }
        self.runs.retain(|(_, length)| *length > 0);
    }

    /// How many at the front were received before `time`.
    pub(super) fn before(&self, time: Timestamp) -> usize {
        work::each(self.runs.iter()).take_while(|(exit, _)| *exit < time).map(|(_, length)| length).sum()
    }
}
