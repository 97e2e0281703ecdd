//! Reads that take one segment in bites are one segment again: a TLS record's header and the rest, a line byte by byte.
//!
//! Of a direction whose reader alone is traced nothing tells where the sender's segments ended. Where a read filled its
//! buffer there was probably more, and the next one that follows at once has it; so these wait for each other, for as long
//! as nothing else happens on their connection.

use crate::event::{Direction, Timestamp, as_u64};
use crate::packets::tcp::{Chunk, Witness};
use crate::sockets::{ByConnection, Connection, ConnectionId, Moved, Refs, Side};
use std::collections::VecDeque;

/// How long after one read the next may begin, in nanoseconds.
const AT_ONCE: u64 = 1_000_000;

/// How long a read waits at most, in nanoseconds of the trace's time.
const WAITS: u64 = 2_000_000;

/// A read of this many bytes is for whatever there is, and begins nothing.
const LARGE: u64 = 4096;

/// The longest segment that is put together: a TLS record (RFC 8446 §5.1) and its header.
const LONGEST: u64 = (16 << 10) + 5;

/// The reads of a connection that wait, put together.
#[derive(Debug)]
struct Waiting {
    sender: Side,
    time: Timestamp,
    by: Witness,
    bytes: Vec<u8>,
    /// When the last one returned.
    ended: Timestamp,
}

/// Reads that wait for the next ones, of all connections of a view.
#[derive(Debug, Default)]
pub struct SmallReads {
    waiting: ByConnection<Waiting>,
    /// What waits, and when it began to, the longest first; what has gone out since is still among them.
    since: VecDeque<(Timestamp, ConnectionId)>,
    /// Room that is not in use.
    spare: Vec<u8>,
}

/// Reads put together that wait no longer.
#[derive(Debug)]
pub struct Released(Waiting);

impl Released {
    /// What they moved.
    pub fn chunk(&self) -> Chunk<'_> {
        let Waiting { sender, time, by, bytes, .. } = &self.0;
        Chunk { sender: *sender, time: *time, by: *by, skipped: 0, bytes, missing: 0, comment: None, is_urgent: false }
    }
}

/// Whether `chunk`, which `moved` is, is a read of a connection whose reader alone is traced, and has filled its buffer.
#[inline]
pub fn has_filled(moved: &Moved, chunk: &Chunk<'_>, connection: &Connection, refs: Refs<'_>) -> bool {
    moved.direction == Direction::Received
        && !connection.end(chunk.sender).traced
        && refs.call().is_some_and(|call| call.requested == Some(moved.moved))
        && chunk.moved() <= LONGEST
        && (chunk.missing, chunk.skipped, chunk.is_urgent, chunk.comment) == (0, 0, false, None)
}

impl SmallReads {
    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// A chunk has come; `filled`: when its call began, where that is a read which filled its buffer. What is to go out
    /// before it, and whether it waits itself.
    #[inline(never)]
    pub fn meet(&mut self, id: ConnectionId, chunk: &Chunk<'_>, filled: Option<Timestamp>) -> (Option<Released>, bool) {
        if filled.is_some_and(|entry| self.add(id, chunk, entry)) {
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
            let mut bytes = std::mem::take(&mut self.spare);
            bytes.clear();
            bytes.extend_from_slice(chunk.bytes);
            let waiting = Waiting { sender: chunk.sender, time: chunk.time, by: chunk.by, bytes, ended: chunk.time };
            self.waiting.insert(id, waiting);
            self.since.push_back((chunk.time, id));
        }
        begins
    }

    /// What waits on a connection on which something else happens.
    pub fn release(&mut self, id: ConnectionId) -> Option<Released> {
        let released = self.waiting.take(id).map(Released);
        while let Some((_, first)) = self.since.front()
            && self.waiting.get(*first).is_none()
        {
            self.since.pop_front();
        }
        released
    }

    /// Whether any may have waited long enough at `now`.
    #[inline]
    pub fn may_be_due(&self, now: Timestamp) -> bool {
        self.since.front().is_some_and(|(since, _)| since.after(WAITS) < now)
    }

    /// The next that have waited long enough at `now`, and their connection; all have where there is no such time.
    pub fn take_due(&mut self, now: Option<Timestamp>) -> Option<(ConnectionId, Released)> {
        let id = self.due(now)?;
        Some((id, self.release(id)?))
    }

    fn due(&mut self, now: Option<Timestamp>) -> Option<ConnectionId> {
        while let Some((since, id)) = self.since.front().copied() {
            let waited = |from: Timestamp| now.is_none_or(|now| from.after(WAITS) < now);
            let waiting = self.waiting.get(id).map(|waiting| waiting.ended);
            match waiting {
                _ if !waited(since) => return None,
                Some(ended) if waited(ended) => return Some(id),
                Some(ended) => self.since.push_back((ended, id)),
                None => {}
            }
            self.since.pop_front();
        }
        None
    }

    /// The moment of the first that wait.
    #[inline]
    pub fn earliest(&self) -> Timestamp {
        let first = self.since.front();
        first.map_or(Timestamp::MAX, |(since, id)| self.waiting.get(*id).map_or(*since, |waiting| waiting.time))
    }

    /// Room that is used again.
    pub fn give_back(&mut self, released: Released) {
        self.spare = released.0.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fd, Marking, Tid};

    fn chunk(bytes: &[u8], time: u64) -> Chunk<'_> {
        let marking = Marking { tid: Tid(1), fd: Fd(3), session: 1, op: None };
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
        assert_eq!(reads.due(Some(Timestamp(3_100_000))), None, "the last one counts");
        assert_eq!(reads.due(Some(Timestamp(3_100_001))), Some(id));
        let released = reads.release(id).unwrap();
        assert_eq!((released.chunk().moved(), released.chunk().time), (LONGEST, Timestamp(1_000)));
        assert!(reads.is_empty());
        assert_eq!(reads.due(None), None);
    }
}
