//! Bytes that their sender's call does not show (sendfile, splice): the reader's call has them, where it is traced.
//!
//! They wait for that, and behind them waits what the sender does next on the connection.

use crate::event::{Marking, Timestamp, as_u64};
use crate::limits;
use crate::packets::tcp::{Chunk, OwnChunk};
use crate::sockets::{ByConnection, ConnectionId, Side};
use std::collections::VecDeque;

/// Something of the sender's that waits.
#[derive(Debug)]
pub enum Late {
    /// What moved, as far as it is known.
    Chunk(OwnChunk),
    /// Its FIN.
    Finish { side: Side, time: Timestamp, marking: Marking, by: Side },
}

impl Late {
    fn length(&self) -> usize {
        match self {
            Self::Chunk(chunk) => chunk.size(),
            Self::Finish { .. } => size_of::<Self>(),
        }
    }
}

/// What waits on one connection.
#[derive(Debug)]
struct Queue {
    sender: Side,
    /// How many bytes the sender has sent before the first one that waits.
    next: u64,
    late: VecDeque<Late>,
}

/// What waits for readers' calls, on all connections of a view.
#[derive(Debug, Default)]
pub struct Unseen {
    queues: ByConnection<Queue>,
    /// Since when, the longest first; what has gone out since is still among them.
    since: VecDeque<(Timestamp, ConnectionId)>,
    bytes: usize,
}

impl Unseen {
    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// Whether `side` has something waiting on a connection.
    pub fn waits(&mut self, id: ConnectionId, side: Side) -> bool {
        self.queues.get(id).is_some_and(|queue| queue.sender == side)
    }

    /// Lets something of the sender's wait, behind what waits already. `before`: how many bytes it has sent before.
    pub fn push(&mut self, id: ConnectionId, (sender, before): (Side, u64), time: Timestamp, late: Late) {
        self.bytes += late.length();
        if let Some(queue) = self.queues.get_mut(id) {
            return queue.late.push_back(late);
        }
        self.queues.insert(id, Queue { sender, next: before, late: VecDeque::from([late]) });
        self.since.push_back((time, id));
    }

    /// The reader has received `bytes`, the first of which is the one behind `before` others: the next that is known by
    /// that, to be asked for until there is none.
    pub fn read(&mut self, id: ConnectionId, before: u64, bytes: &[u8]) -> Option<Late> {
        let queue = self.queues.get_mut(id)?;
        let first = queue.late.front_mut()?;
        let Late::Chunk(first) = first else {
            return self.pop(id);
        };
        if first.missing == 0 || !first.bytes.is_empty() {
            return self.pop(id);
        }
        // Of what the reader's call before has received, the trace had not all.
        let lost = before.saturating_sub(queue.next).min(first.missing);
        let known = queue.next.checked_sub(before).and_then(|at| bytes.get(usize::try_from(at).ok()?..));
        let known = known.unwrap_or_default();
        let length = if lost > 0 { lost } else { as_u64(known.len()).min(first.missing) };
        if length == 0 {
            return None;
        }
        let known = usize::try_from(length).ok().and_then(|length| known.get(..length)).unwrap_or_default();
        let part = Chunk { bytes: known, missing: length - as_u64(known.len()), ..first.chunk() };
        let part = Late::Chunk(OwnChunk::of(&part));
        (queue.next, first.missing) = (queue.next + length, first.missing - length);
        if first.missing == 0 {
            self.pop(id);
        }
        Some(part)
    }

    /// The next that waits on a connection, whether it is known or not.
    pub fn pop(&mut self, id: ConnectionId) -> Option<Late> {
        let queue = self.queues.get_mut(id)?;
        let late = queue.late.pop_front();
        if let Some(Late::Chunk(chunk)) = &late {
            queue.next += chunk.chunk().moved();
        }
        if queue.late.is_empty() {
            self.queues.forget(id);
            while let Some((_, first)) = self.since.front()
                && self.queues.get(*first).is_none()
            {
                self.since.pop_front();
            }
        }
        self.bytes = self.bytes.saturating_sub(late.as_ref().map_or(0, Late::length));
        late
    }

    /// The moment of the first that waits.
    #[inline]
    pub fn earliest(&self) -> Timestamp {
        self.since.front().map_or(Timestamp::MAX, |(since, _)| *since)
    }

    /// A connection that has waited long enough at `now`, or where too much waits; any where there is no such time.
    pub fn due(&mut self, now: Option<Timestamp>) -> Option<ConnectionId> {
        let (since, id) = self.since.front().copied()?;
        let is_due = now.is_none_or(|now| since.after(limits::WAITING_TIME) < now);
        (is_due || self.bytes > limits::WAITING_BYTES).then_some(id)
    }
}
