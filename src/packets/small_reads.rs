//! Reads that take one segment in bites are one segment again: a TLS record's header and the rest, a line byte by byte.
//!
//! Of a direction whose reader alone is traced nothing tells where the sender's segments ended. Where a read filled its
//! buffer there was probably more, and the next one that follows at once has it; so these wait for each other, for as long
//! as nothing else happens on their connection and no read finds that there is no more.

use crate::event::{Direction, Timestamp, as_u64};
use crate::packets::tcp::{Chunk, Witness};
use crate::sockets::{ByConnection, Connection, ConnectionId, Moved, Refs, Side};
use crate::work;
use std::collections::VecDeque;

/// How long after one read the next may begin, in nanoseconds.
const AT_ONCE: u64 = 1_000_000;

/// How long after one read the next must have returned, in nanoseconds of the trace's time.
const WAITS: u64 = 2_000_000;

/// How long after one read those that wait are looked at: later than they have to, for many at once cost less.
const LOOKED_AT_AFTER: u64 = 2 * WAITS;

/// How many connections' room is kept for the next.
const SPARE: usize = 64;

/// A read of this many bytes is for whatever there is, and begins nothing.
const LARGE: u64 = 4096;

/// The longest segment that is put together: a TLS record (RFC 8446 §5.1) and its header.
const LONGEST: u64 = (16 << 10) + 5;

/// The reads of a connection that wait, put together.
#[derive(Debug)]
struct JoinedReads {
    sender: Side,
    time: Timestamp,
    by: Witness,
    bytes: Vec<u8>,
    /// When the last one returned.
    ended: Timestamp,
    /// Which one it is of all that have waited.
    number: u64,
}

/// Reads that wait for the next ones, of all connections of a view.
#[derive(Debug)]
pub struct SmallReads {
    waiting: ByConnection<JoinedReads>,
    count: usize,
    /// What waits, by its number, in the order in which they came; what has gone out since is still among them.
    since: VecDeque<(u64, ConnectionId)>,
    /// Those of them that are being looked at, and have not been.
    looked_at: VecDeque<(u64, ConnectionId)>,
    /// How many have waited.
    numbered: u64,
    /// None of these is before it.
    earliest: Timestamp,
    /// When they are to be looked at next; the last moment of all where nothing has waited since they were.
    look_at: Timestamp,
    /// Room that is not in use.
    spare: Vec<Vec<u8>>,
}

impl Default for SmallReads {
    fn default() -> Self {
        Self {
            waiting: ByConnection::default(),
            count: 0,
            since: VecDeque::new(),
            looked_at: VecDeque::new(),
            numbered: 0,
            earliest: Timestamp::MAX,
            look_at: Timestamp::MAX,
            spare: Vec::new(),
        }
    }
}

/// Reads put together that wait no longer.
#[derive(Debug)]
pub struct Released(JoinedReads);

impl Released {
    /// What they moved.
    pub fn chunk(&self) -> Chunk<'_> {
        let JoinedReads { sender, time, by, bytes, .. } = &self.0;
        Chunk { sender: *sender, time: *time, by: *by, skipped: 0, bytes, missing: 0, comment: None, is_urgent: false }
    }
}

/// A read that has filled its buffer.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    entry: Timestamp,
    /// A read before it has found that there is no more: it begins another segment.
    begins: bool,
}

/// `chunk`, which `moved` is, where it is a read of a connection whose reader alone is traced, and has filled its buffer.
#[inline]
pub fn filled(moved: &Moved, chunk: &Chunk<'_>, connection: &Connection, refs: Refs<'_>) -> Option<Filled> {
    let has_filled = moved.direction == Direction::Received
        && !connection.end(chunk.sender).traced
        && refs.call().is_some_and(|call| call.requested == Some(moved.moved))
        && chunk.moved() <= LONGEST
        && (chunk.missing, chunk.skipped, chunk.is_urgent, chunk.comment) == (0, 0, false, None);
    has_filled.then(|| {
        let begins = connection.calls(chunk.sender.other()).had_met_all_before(moved.moved);
        Filled { entry: moved.entry, begins }
    })
}

impl SmallReads {
    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A chunk has come; `filled` where that is a read which filled its buffer. What is to go out before it, and whether it
    /// waits itself.
    #[inline(never)]
    pub fn meet(&mut self, id: ConnectionId, chunk: &Chunk<'_>, filled: Option<Filled>) -> (Option<Released>, bool) {
        if filled.is_some_and(|filled| !filled.begins && self.add(id, chunk, filled.entry)) {
            return (None, true);
        }
        (self.release(id), filled.is_some() && self.begin(id, chunk))
    }

    /// Lets a read, which began at `entry` and has filled its buffer, wait with those before it. Whether it does: if not, it
    /// is to go out behind them.
    fn add(&mut self, id: ConnectionId, chunk: &Chunk<'_>, entry: Timestamp) -> bool {
        let Some(waiting) = self.waiting.get_mut(id) else {
            return false;
        };
        let follows = waiting.sender == chunk.sender
            && entry <= waiting.ended.after(AT_ONCE)
            && chunk.time <= waiting.ended.after(WAITS)
            && as_u64(waiting.bytes.len()) + chunk.moved() <= LONGEST;
        if follows {
            waiting.bytes.extend_from_slice(chunk.bytes);
            waiting.ended = chunk.time;
        }
        follows
    }

    /// Lets a read, the first of its connection, wait for the next; whether it does.
    fn begin(&mut self, id: ConnectionId, chunk: &Chunk<'_>) -> bool {
        let begins = chunk.moved() < LARGE;
        if begins {
            let mut bytes = self.spare.pop().unwrap_or_default();
            bytes.clear();
            bytes.extend_from_slice(chunk.bytes);
            self.numbered += 1;
            let (time, number) = (chunk.time, self.numbered);
            let waiting = JoinedReads { sender: chunk.sender, time, by: chunk.by, bytes, ended: time, number };
            self.waiting.insert(id, waiting);
            self.count += 1;
            self.since.push_back((number, id));
            self.wait_from(time, time);
        }
        begins
    }

    /// Some wait since `time`, the last of which has ended at `ended`.
    fn wait_from(&mut self, time: Timestamp, ended: Timestamp) {
        self.earliest = self.earliest.min(time);
        self.look_at = self.look_at.min(ended.after(LOOKED_AT_AFTER));
    }

    /// What waits on a connection on which something else happens.
    pub fn release(&mut self, id: ConnectionId) -> Option<Released> {
        let waiting = self.waiting.take(id)?;
        self.count -= 1;
        Some(Released(waiting))
    }

    /// Whether it is time at `now` to ask for those that have waited long enough.
    #[inline]
    pub fn are_due(&self, now: Timestamp) -> bool {
        self.look_at < now
    }

    /// The next of those that have waited long enough at `now`, and its connection; of all that wait where there is no such
    /// time. To be asked for until there is none.
    pub fn next_due(&mut self, now: Option<Timestamp>) -> Option<(ConnectionId, Released)> {
        if self.looked_at.is_empty() {
            std::mem::swap(&mut self.since, &mut self.looked_at);
            (self.earliest, self.look_at) = (Timestamp::MAX, Timestamp::MAX);
        }
        while let Some((number, id)) = self.looked_at.pop_front() {
            work::steps(1);
            let waiting = self.waiting.get(id).filter(|waiting| waiting.number == number);
            let Some((time, ended)) = waiting.map(|waiting| (waiting.time, waiting.ended)) else { continue };
            if now.is_some_and(|now| now <= ended.after(WAITS)) {
                self.since.push_back((number, id));
                self.wait_from(time, ended);
            } else {
                return self.release(id).map(|released| (id, released));
            }
        }
        None
    }

    /// No read that waits is earlier.
    #[inline]
    pub const fn earliest(&self) -> Timestamp {
        self.earliest
    }

    /// Room that is used again.
    pub fn give_back(&mut self, released: Released) {
        if self.spare.len() < SPARE {
            self.spare.push(released.0.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fd, Marking, ProcessRef, Tid};

    fn chunk(bytes: &[u8], time: u64) -> Chunk<'_> {
        let marking = Marking { tid: Tid(1), process: ProcessRef(1), fd: Fd(3), session: 1, op: None };
        let (sender, time) = (Side::Second, Timestamp(time));
        let by = (marking, Side::First);
        Chunk { sender, time, by, skipped: 0, bytes, missing: 0, comment: None, is_urgent: false }
    }

    #[test]
    fn what_follows_at_once_and_fits_is_put_together() {
        let mut reads = SmallReads::default();
        let id = ConnectionId::default();
        assert!(!reads.begin(id, &chunk(&[0; 4096], 0)), "a large one begins nothing");
        assert!(reads.begin(id, &chunk(b"ab", 1_000)));
        assert!(reads.add(id, &chunk(b"c", 1_100_000), Timestamp(1_001_000)), "a millisecond later");
        assert!(!reads.add(id, &chunk(b"d", 2_200_000), Timestamp(2_100_001)), "later than that");
        let long = vec![0; (16 << 10) + 3];
        assert!(!reads.add(id, &chunk(&long, 1_100_000), Timestamp(1_100_000)), "too long");
        assert!(reads.add(id, &chunk(&long[1..], 1_100_000), Timestamp(1_100_000)));
        assert!(!reads.are_due(Timestamp(4_001_000)) && reads.are_due(Timestamp(4_001_001)));
        assert!(reads.next_due(Some(Timestamp(3_100_000))).is_none(), "the last one counts");
        assert_eq!(reads.earliest(), Timestamp(1_000));
        assert!(!reads.are_due(Timestamp(5_100_000)), "and what ended last is looked at later");
        let (of, released) = reads.next_due(Some(Timestamp(3_100_001))).expect("it is due");
        assert_eq!((of, released.chunk().moved(), released.chunk().time), (id, LONGEST, Timestamp(1_000)));
        assert!(reads.is_empty() && reads.next_due(None).is_none());
        assert_eq!(reads.earliest(), Timestamp::MAX);
    }
}
