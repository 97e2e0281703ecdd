//! Sends of streams that have begun and not returned. While two of one direction are under way, neither their order nor how
//! many bytes each has moved so far is known: the reader's bytes tell.
//!
//! ```text
//! 1 begins … 1 returns                        alone: how many bytes each end has moved tells what is news
//! 1 begins … 2 begins … 1 returns … 2 returns contended, from the second one's beginning until none is under way
//! ```
//! strace prints a whole call on one line where nothing came between; so a call that was under way beside another has a
//! line of its own for its beginning, or its only line stands between the two of the other one's.

use crate::event::{Tid, Timestamp};
use crate::sockets::connections::Connection;
use crate::sockets::names::{FlowId, Side};
use foldhash::HashMap;
use std::collections::BTreeMap;

/// When a send began, and its number among all.
type Began = (Timestamp, u64);

/// Those of one direction that are under way.
#[derive(Debug, Default)]
struct Busy {
    /// How many bytes of each the reader had received before another send began.
    open: BTreeMap<Began, u64>,
    is_contended: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sending {
    by_thread: HashMap<Tid, (FlowId, Began)>,
    flows: HashMap<FlowId, Busy>,
    /// How many there have been.
    count: u64,
}

impl Sending {
    /// Whether none is under way.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.by_thread.is_empty()
    }

    /// A thread begins to send on a connection, by the end on `side`.
    pub(super) fn begin(&mut self, (tid, entry): (Tid, Timestamp), connection: &Connection, side: Side) {
        self.end(tid);
        self.count += 1;
        let (flow, began) = ((connection.id, side), (entry, self.count));
        let busy = self.flows.entry(flow).or_default();
        busy.contend(connection, side);
        busy.open.insert(began, 0);
        self.by_thread.insert(tid, (flow, began));
    }

    /// The send of a thread has returned, or never will. Its direction, if no other is under way there.
    pub(super) fn end(&mut self, tid: Tid) -> Option<FlowId> {
        let (flow, began) = self.by_thread.remove(&tid)?;
        let busy = self.flows.get_mut(&flow)?;
        busy.open.remove(&began);
        let is_last = busy.open.is_empty();
        if is_last {
            self.flows.remove(&flow);
        }
        is_last.then_some(flow)
    }

    /// A thread's send on a connection returns, and has not been counted yet. How many of its bytes the reader had received
    /// before another one began, where one did.
    pub(super) fn returns(&mut self, tid: Tid, connection: &Connection, side: Side) -> Option<u64> {
        let flow = (connection.id, side);
        let own = self.by_thread.get(&tid).filter(|(other, _)| *other == flow).map(|(_, began)| *began);
        let busy = self.flows.get_mut(&flow)?;
        if busy.open.len() > usize::from(own.is_some()) {
            busy.contend(connection, side);
        }
        let foretold = own.and_then(|own| busy.open.get(&own)).copied();
        busy.is_contended.then(|| foretold.unwrap_or_default())
    }

    /// Whether several sends of a direction have been under way at once, and one still is.
    pub(super) fn is_contended(&self, flow: FlowId) -> bool {
        self.flows.get(&flow).is_some_and(|busy| busy.is_contended)
    }

    /// When the first began that is under way.
    pub(super) fn since(&self, flow: FlowId) -> Option<Timestamp> {
        self.flows.get(&flow)?.open.first_key_value().map(|((entry, _), _)| *entry)
    }
}

impl Busy {
    /// Another send is under way beside those that were. What the reader has received beyond what was sent by then is of
    /// the one that was alone.
    fn contend(&mut self, connection: &Connection, side: Side) {
        let is_first = !self.is_contended && !self.open.is_empty() && connection.end(side.other()).is_read();
        if is_first && let Some(mut alone) = self.open.first_entry() {
            self.is_contended = true;
            let [sent, received] = connection.progress(side);
            alone.insert(received.saturating_sub(sent));
        }
    }
}
