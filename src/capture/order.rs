//! The order of a capture: records in order of time, each where it belongs although it may come too early or too late.
//!
//! What a record's time may be is for others to know: they say until when nothing earlier can come any more. Later records
//! wait, laid out as they will be written. One that comes behind its time, when later ones are out, takes the time of the
//! last of these. Where the traces' own clock is set back, so is the capture.

use crate::event::Timestamp;
use crate::limits;
use crate::work;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Bytes of records that are out may stay where they were as long as they are no more than this, or than those that wait.
const USED_BYTES: usize = 64 << 10;

/// No more bytes than about so many go out at once.
const RUN_BYTES: usize = 64 << 10;

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is next, with this time.
    Next(Timestamp),
    /// It waits.
    Waits,
}

/// A record that waits: those of one time in the order in which they came, which is that of their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LaterRecord {
    time: Timestamp,
    /// Where it begins among the bytes.
    place: usize,
    length: usize,
}

/// The records that wait, and how far the capture has come.
#[derive(Debug)]
pub(super) struct Order {
    /// Each no earlier than the one in front of it: nearly all that wait.
    row: VecDeque<LaterRecord>,
    /// Those that are earlier than another which waited already.
    others: BinaryHeap<Reverse<LaterRecord>>,
    /// All of them one behind the other, and those before that are out.
    bytes: Vec<u8>,
    /// Where the one begins that is laid out last.
    end: usize,
    /// How many bytes those that wait have.
    length: usize,
    /// Nothing earlier will come.
    until: Timestamp,
    /// The time of the last record that went out.
    last: Timestamp,
}

impl Order {
    /// An order in which nothing waits.
    pub(super) const fn new() -> Self {
        Self {
            row: VecDeque::new(),
            others: BinaryHeap::new(),
            bytes: Vec::new(),
            end: 0,
            length: 0,
            until: Timestamp::MAX,
            last: Timestamp(0),
        }
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
    #[inline]
    pub(super) fn turn(&self, time: Timestamp) -> Turn {
        if time <= self.until || time <= self.last { Turn::Next(self.last) } else { Turn::Waits }
    }

    /// Where a record is to be laid out that waits: at the end, to be followed by [`Order::keep`].
    #[inline]
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        if self.length == 0 {
            self.bytes.clear();
        } else if self.bytes.len() > 2 * self.length + USED_BYTES {
            self.pack();
        }
        self.end = self.bytes.len();
        &mut self.bytes
    }

    /// Keeps the record that has been laid out until its turn.
    #[inline]
    pub(super) fn keep(&mut self, time: Timestamp) {
        let waiting = LaterRecord { time, place: self.end, length: self.bytes.len() - self.end };
        self.length += waiting.length;
        if self.row.back().is_none_or(|last| last.time <= time) {
            self.row.push_back(waiting);
        } else {
            self.others.push(Reverse(waiting));
        }
    }

    /// Leaves out the bytes of records that are out. All that wait are then in one row.
    #[inline(never)]
    fn pack(&mut self) {
        self.row.extend(self.others.drain().map(|Reverse(waiting)| waiting));
        let row = self.row.make_contiguous();
        row.sort_unstable_by_key(|waiting| waiting.place);
        let mut end = 0;
        for waiting in work::each(row.iter_mut()) {
            work::steps(waiting.length);
            self.bytes.copy_within(waiting.place..waiting.place + waiting.length, end);
            waiting.place = end;
            end += waiting.length;
        }
        self.bytes.truncate(end);
        row.sort_unstable();
    }

    /// From here on nothing comes that is earlier than `until`. The next records whose turn that makes it, if there are
    /// some: to be asked for until there are none.
    #[inline]
    pub(super) fn next_until(&mut self, until: Timestamp) -> Option<&[u8]> {
        self.until = until;
        let start = self.first().map_or(0, |(first, _)| first.place);
        let mut end = start;
        while let Some((next, is_other)) = self.first()
            && next.place == end
            && (next.time <= until || self.length > limits::WAITING_BYTES)
            && end - start < RUN_BYTES
        {
            if is_other {
                self.others.pop();
            } else {
                self.row.pop_front();
            }
            self.length -= next.length;
            self.last = self.last.max(next.time);
            end += next.length;
        }
        self.bytes.get(start..end).filter(|run| !run.is_empty())
    }

    /// The first of those that wait, and whether it is one of the others.
    #[inline]
    fn first(&self) -> Option<(LaterRecord, bool)> {
        match (self.row.front(), self.others.peek()) {
            (Some(first), Some(Reverse(other))) if first <= other => Some((*first, false)),
            (_, Some(Reverse(other))) => Some((*other, true)),
            (first, None) => first.map(|first| (*first, false)),
        }
    }

    /// A record of this time is yet to come.
    pub(super) fn expect(&mut self, time: Timestamp) {
        self.until = self.until.min(time);
    }

    /// The clock was set back: the capture goes on from here.
    pub(super) const fn restart(&mut self, time: Timestamp) {
        self.last = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_goes_out_by_time_and_its_room_is_used_again() {
        let mut order = Order::new();
        let mut out = Vec::new();
        let mut take = |order: &mut Order, until: u64| {
            while let Some(records) = order.next_until(Timestamp(until)) {
                for record in records.chunks(100) {
                    let (time, number) = record.split_first_chunk::<8>().unwrap();
                    out.push((u64::from_le_bytes(*time), u64::from_le_bytes(*number.first_chunk().unwrap())));
                }
            }
        };
        take(&mut order, 0);
        // Each ten a little out of order, and one in a hundred far ahead.
        let time =
            |number: u64| if number % 100 == 7 { number + 5_000 } else { number / 10 * 10 + number * 7 % 10 + 1 };
        let mut longest = 0;
        for number in 0..20_000 {
            let record = [&time(number).to_le_bytes()[..], &number.to_le_bytes(), &[0; 84]].concat();
            assert_eq!(order.turn(Timestamp(time(number))), Turn::Waits);
            order.room().extend_from_slice(&record);
            order.keep(Timestamp(time(number)));
            longest = longest.max(order.bytes.len());
            if number % 10 == 9 {
                take(&mut order, number.saturating_sub(200));
            }
        }
        take(&mut order, u64::MAX);
        let mut expected: Vec<_> = (0..20_000).map(|number| (time(number), number)).collect();
        expected.sort_unstable();
        assert_eq!(out, expected);
        assert!(longest < 2 * USED_BYTES, "{longest} bytes for some 26,000 that wait");
    }
}
