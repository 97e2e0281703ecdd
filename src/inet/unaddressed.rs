//! What happened on connections whose own address is about to be told, by accept or by the next details: nothing of them is
//! written until then, so that no stand-in has to be.
//!
//! They wait a bounded time, and with a bounded number of bytes; what comes too late for that goes out with a stand-in.

use crate::event::Timestamp;
use crate::limits;
use crate::packets::OwnChunk;
use crate::sockets::{Change, Connection, ConnectionId};
use std::collections::BTreeMap;

/// What happened.
#[derive(Debug)]
pub(super) enum Held {
    /// Bytes moved.
    Moved(OwnChunk),
    /// Anything else.
    Change(Change),
}

/// A connection that waits.
#[derive(Debug)]
pub(super) struct Unsettled {
    /// As it was when it began to wait.
    pub(super) connection: Connection,
    /// What happened on it, in order.
    pub(super) held: Vec<Held>,
    since: Timestamp,
}

/// All that wait, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Unaddressed {
    waiting: BTreeMap<ConnectionId, Unsettled>,
    bytes: usize,
}

impl Unaddressed {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Since when the first of them waits.
    #[inline]
    pub(super) fn earliest(&self) -> Timestamp {
        self.waiting.first_key_value().map_or(Timestamp::MAX, |(_, first)| first.since)
    }

    /// Keeps what happened at `time`.
    pub(super) fn hold(&mut self, connection: &Connection, time: Timestamp, held: Held) {
        let waiting = self.waiting.entry(connection.id).or_insert_with(|| Unsettled {
            connection: connection.clone(),
            held: Vec::new(),
            since: time,
        });
        self.bytes += size(&held);
        waiting.held.push(held);
    }

    /// One that waits no longer.
    pub(super) fn take(&mut self, id: ConnectionId) -> Option<Unsettled> {
        let taken = self.waiting.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(taken.held.iter().map(size).sum());
        Some(taken)
    }

    /// The oldest, if it has waited since before `time`, or all together hold more than they may.
    pub(super) fn take_overdue(&mut self, time: Timestamp) -> Option<Unsettled> {
        let (id, oldest) = self.waiting.first_key_value()?;
        let is_overdue = oldest.since < time || self.bytes > limits::HELD_DATAGRAM_BYTES;
        let id = *id;
        if is_overdue { self.take(id) } else { None }
    }
}

fn size(held: &Held) -> usize {
    match held {
        Held::Moved(chunk) => chunk.size(),
        Held::Change(_) => size_of::<Held>(),
    }
}
