//! Sends of streams that have begun and not returned. While two of one direction are under way, neither their order nor how
//! many bytes each has moved so far is known: the reader's bytes tell.
//!
//! ```text
//! 1 begins … 1 returns                        alone: how many bytes each end has moved tells what is news
//! 1 begins … 2 begins … 1 returns … 2 returns contended, from the second one's beginning until none is under way
//! ```
//! strace prints a whole call on one line where nothing came between; so a call that was under way beside another has a
//! line of its own for its beginning, or its only line stands between the two of the other one's.
//!
//! One whose thread was killed in it may have moved bytes that no line tells of: it stays under way for as long as what
//! waits for a line waits, until which the reader has shown them.

use crate::event::{Marking, Tid, Timestamp};
use crate::limits;
use crate::sockets::connections::{Connection, ToldBy};
use crate::sockets::names::{FlowId, Side};
use foldhash::HashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// When a send began, and its number among all.
type Began = (Timestamp, u64);

/// A send that is under way.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    by: Marking,
    /// How many of its bytes the reader had received before another send began.
    received: u64,
}

/// Those of one direction.
#[derive(Debug, Default)]
struct Busy {
    open: BTreeMap<Began, UnderWay>,
    /// Those that will not return.
    lost: BTreeSet<Began>,
    is_contended: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sending {
    by_thread: HashMap<Tid, (FlowId, Began)>,
    flows: HashMap<FlowId, Busy>,
    /// Those that will not return, and until when they are under way all the same.
    lost: VecDeque<(Timestamp, FlowId, Began)>,
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
    pub(super) fn begin(&mut self, (by, entry): (Marking, Timestamp), connection: &Connection, side: Side) {
        let tid = by.tid;
        self.end(tid);
        self.count += 1;
        let (flow, began) = ((connection.id, side), (entry, self.count));
        let busy = self.flows.entry(flow).or_default();
        busy.contend(connection, side);
        busy.open.insert(began, UnderWay { by, received: 0 });
        self.by_thread.insert(tid, (flow, began));
    }

    /// The send of a thread has returned, or never will. Whether no other is under way in its direction.
    pub(super) fn end(&mut self, tid: Tid) -> bool {
        self.by_thread.remove(&tid).is_some_and(|(flow, began)| self.end_one(flow, began))
    }

    fn end_one(&mut self, flow: FlowId, began: Began) -> bool {
        let Some(busy) = self.flows.get_mut(&flow) else {
            return false;
        };
        if busy.open.remove(&began).is_none() {
            busy.lost.remove(&began);
        }
        let is_last = busy.count() == 0;
        if is_last {
            self.flows.remove(&flow);
        }
        is_last
    }

    /// The direction in which a thread sends, and since when.
    pub(super) fn of(&self, tid: Tid) -> Option<(FlowId, Timestamp)> {
        self.by_thread.get(&tid).map(|(flow, (entry, _))| (*flow, *entry))
    }

    /// The send of a thread will not return, and its reader may show what it has moved. Whether no other is under way in its
    /// direction.
    pub(super) fn lose(&mut self, tid: Tid, now: Timestamp) -> bool {
        let Some((flow, began)) = self.by_thread.remove(&tid) else {
            return false;
        };
        self.lost.push_back((now.after(limits::WAITING_TIME), flow, began));
        self.flows.get_mut(&flow).is_some_and(|busy| {
            busy.is_contended = true;
            busy.open.remove(&began);
            busy.lost.insert(began);
            busy.count() == 1
        })
    }

    /// Those that were lost too long ago by `now` are under way no longer.
    pub(super) fn forget_lost(&mut self, now: Timestamp) {
        while let Some((until, flow, began)) = self.lost.front().copied()
            && until < now
        {
            self.lost.pop_front();
            self.end_one(flow, began);
        }
    }

    /// Something else than totals tells from here on what is news: what the reader has received beyond what was sent is of
    /// the send that is under way.
    pub(super) fn contend(&mut self, connection: &Connection, side: Side) {
        if let Some(busy) = self.flows.get_mut(&(connection.id, side)) {
            busy.contend(connection, side);
        }
    }

    /// A thread's send on a connection returns, and has not been counted yet. How many of its bytes the reader had received
    /// before another one began, where one did.
    pub(super) fn returns(&mut self, tid: Tid, connection: &Connection, side: Side) -> Option<u64> {
        let flow = (connection.id, side);
        let own = self.by_thread.get(&tid).filter(|(other, _)| *other == flow).map(|(_, began)| *began);
        let busy = self.flows.get_mut(&flow)?;
        if busy.count() > usize::from(own.is_some()) {
            busy.contend(connection, side);
        }
        let foretold = own.and_then(|own| busy.open.get(&own)).map(|send| send.received);
        busy.is_contended.then(|| foretold.unwrap_or_default())
    }

    /// Who sends in a direction, where nobody else does: what is received beyond what was sent is of this send.
    pub(super) fn alone(&self, flow: FlowId) -> Option<Marking> {
        let busy = self.flows.get(&flow).filter(|busy| !busy.is_contended && busy.count() == 1)?;
        busy.open.first_key_value().map(|(_, send)| send.by)
    }

    /// Whether several sends of a direction have been under way at once, and one still is.
    pub(super) fn is_contended(&self, flow: FlowId) -> bool {
        self.flows.get(&flow).is_some_and(|busy| busy.is_contended)
    }

    /// When the first began that is under way.
    pub(super) fn since(&self, flow: FlowId) -> Option<Timestamp> {
        let lost = self.flows.get(&flow)?.lost.first().map(|(entry, _)| *entry);
        lost.into_iter().chain(self.returning_since(flow)).min()
    }

    /// When the first began that will return.
    pub(super) fn returning_since(&self, flow: FlowId) -> Option<Timestamp> {
        self.flows.get(&flow)?.open.first_key_value().map(|((entry, _), _)| *entry)
    }
}

impl Busy {
    /// How many there are.
    fn count(&self) -> usize {
        self.open.len() + self.lost.len()
    }

    /// Another send is under way beside those that were. What the reader has received beyond what was sent by then is of
    /// the one that was alone; where what is sent tells the order, that has not been shown, and is not known.
    fn contend(&mut self, connection: &Connection, side: Side) {
        let is_told_by_sends = connection.flow_from(side).told_by == ToldBy::Senders;
        let is_first = !(self.is_contended || self.open.is_empty() || is_told_by_sends);
        if is_first
            && connection.end(side.other()).is_read()
            && let Some(mut alone) = self.open.first_entry()
        {
            self.is_contended = true;
            let [sent, received] = connection.progress(side);
            alone.get_mut().received = received.saturating_sub(sent);
        }
    }
}
