//! What was sent and waits for the reader's call: bytes that the sender's call does not show (sendfile, splice), and sends
//! that were under way at once, whose order the reader's bytes tell.
//!
//! Of one direction of a connection, from the first such call until none waits or is under way:
//!
//! ```text
//! sends, as they return  ─→ sent:  they wait, until only one can be the next or the reader's bytes say which it is
//! receives               ─→ their bytes are looked for among these; what is of none is shown, for its sender's call
//!                           has not returned, and remembered until it does (shown)
//! ```
//! Where several receive at once, what is sent tells the order instead ([`shared`]).
//!
//! Nothing is lost and nothing shown twice, for each byte of a receive is held against one of a send: by what it is, and
//! only where nothing is under way any more and no bytes fit, by its place. Sends that waited too long go out in the order
//! in which they returned, and are remembered while others are under way.

mod queue;
mod sent;
mod shared;
mod shown;

pub use queue::Late;

use crate::event::{Direction, Op, Timestamp};
use crate::limits;
use crate::packets::tcp::{Chunk, OwnChunk};
use crate::packets::waits::Waits;
use crate::sockets::{
    ByConnection, Change, Connection, ConnectionId, FlowId, Moved, Overlap, Refs, Side, Stream, ToldBy,
};
use queue::{Item, Queue};
use sent::Sent;
use shared::Shared;
use std::collections::BTreeSet;

/// How many sends are held against what was received: more are rarely under way at once.
const COMPARED_SENDS: usize = 16;

/// By how many of its first bytes a send is found within what was received.
const HEAD_BYTES: usize = 32;

/// Fewer bytes may be the same by chance.
const TELLING_BYTES: usize = 4;

/// Whether the reader's call has bytes, perhaps, that the sender's does not show.
#[inline]
pub fn is_unseen(moved: &Moved, chunk: &Chunk<'_>, connection: &Connection) -> bool {
    chunk.missing > 0
        && chunk.bytes.is_empty()
        && chunk.skipped == 0
        && moved.direction == Direction::Sent
        && matches!(moved.marking.op, Some(Op::Sendfile | Op::Splice))
        && connection.end(chunk.sender.other()).may_show()
}

/// What becomes of what a call moved beside others, or of a change behind them.
#[derive(Debug, Default)]
pub struct Met {
    /// It is held here; if not, it is shown as ever.
    pub is_held: bool,
    /// What is to be shown first.
    pub lates: Vec<Late>,
}

impl Met {
    const fn shown(lates: Vec<Late>) -> Self {
        Self { is_held: false, lates }
    }

    const fn held(lates: Vec<Late>) -> Self {
        Self { is_held: true, lates }
    }
}

/// What is known of a direction.
#[derive(Debug)]
enum FlowState {
    /// The reader's calls tell the order.
    ByReader(Queue),
    /// Several receive.
    BySenders(Shared),
}

impl FlowState {
    /// Since when it is held.
    const fn since(&self) -> Timestamp {
        match self {
            Self::ByReader(queue) => queue.since,
            Self::BySenders(shared) => shared.before.since,
        }
    }

    const fn bytes(&self) -> usize {
        match self {
            Self::ByReader(queue) => queue.bytes,
            Self::BySenders(shared) => shared.bytes(),
        }
    }

    fn waits_since(&self) -> Option<Timestamp> {
        match self {
            Self::ByReader(queue) => queue.waits_since(),
            Self::BySenders(shared) => shared.waits_since(),
        }
    }

    fn looked_at_after(&mut self, time: Timestamp) -> Option<Timestamp> {
        match self {
            Self::ByReader(queue) => queue.looked_at_after(time),
            Self::BySenders(shared) => shared.looked_at_after(time),
        }
    }

    fn forget(&mut self) {
        match self {
            Self::ByReader(queue) => queue.forget(),
            Self::BySenders(shared) => shared.forget(),
        }
    }
}

/// All that waits for readers' calls, or is held against them, on the connections of a view.
#[derive(Debug, Default)]
pub struct Unread {
    known: ByConnection<[Option<Box<FlowState>>; 2]>,
    /// Of how many directions something is known.
    count: usize,
    /// What is to be looked at once a moment has passed.
    due: BTreeSet<(Timestamp, FlowId)>,
    waits: Waits<FlowId>,
    /// How many bytes are held.
    bytes: usize,
}

impl Unread {
    /// Whether nothing waits, and nothing is held against anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether something is to be written.
    #[inline]
    pub fn waits(&self) -> bool {
        !(self.waits.is_empty() && self.due.is_empty())
    }

    /// Something moved, in a direction in which sends overlap or something waits for the reader: the reader's bytes tell
    /// what of it is news. `all` is all of it, as the view shows it.
    pub fn meet(
        &mut self,
        connection: &Connection,
        (moved, stream): (&Moved, Stream),
        all: &Chunk<'_>,
        refs: Refs<'_>,
    ) -> Met {
        let flow = (connection.id, all.sender);
        if stream.skipped > 0 {
            return Met::shown(self.end_both(connection.id));
        }
        if stream.overlap == Overlap::None && !self.has(flow) {
            return Met::default();
        }
        let since = refs.sending_since(flow);
        if stream.overlap == Overlap::Receives {
            self.share(connection, flow, (moved, stream), all);
        }
        self.open(connection, flow, (moved, stream));
        if moved.direction == Direction::Received {
            let is_seen = matches!(stream.overlap, Overlap::None | Overlap::Lost);
            return Met::held(self.read(flow, (all, moved), !is_seen || since.is_some()));
        }
        let news = Chunk {
            time: all.time,
            comment: all.comment,
            is_urgent: all.is_urgent,
            ..Chunk::of(moved, stream, self.known_before(flow, (moved, stream)), refs)
        };
        if news.moved() == 0 {
            return Met::held(Vec::new());
        }
        Met::held(self.sent(flow, (moved, OwnChunk::of(&news)), since))
    }

    /// From here on several receive in this direction.
    fn share(&mut self, connection: &Connection, flow: FlowId, (moved, stream): (&Moved, Stream), all: &Chunk<'_>) {
        if matches!(self.known(flow), Some(FlowState::BySenders(_))) {
            return;
        }
        let [sent, received] = progress_before(connection, flow.1, (moved, stream));
        let shared = match self.close(flow) {
            Some(FlowState::ByReader(queue)) => queue.into_shared(all),
            _ => Queue::new(moved.exit, sent.saturating_sub(received), 0, false).into_shared(all),
        };
        self.keep(flow, FlowState::BySenders(shared));
    }

    /// Holds what a call of the sender's has moved, whose bytes the reader's call may have ([`is_unseen`]).
    pub fn hold(&mut self, connection: &Connection, (moved, stream): (&Moved, Stream), chunk: &Chunk<'_>) {
        let flow = (connection.id, chunk.sender);
        self.open(connection, flow, (moved, stream));
        // Nobody else receives in this direction, or it would not have come here: nothing is to be written first.
        let first = self.sent(flow, (moved, OwnChunk::of(chunk)), None);
        debug_assert!(first.is_empty(), "what is held waits for one reader");
    }

    /// Whether a change of a connection may have to wait, or something is to be written first.
    pub fn concerns(&self, connection: &Connection) -> bool {
        !self.is_empty() || connection.flow_from(Side::First).is_cut || connection.flow_from(Side::Second).is_cut
    }

    /// A FIN waits behind what its sender has sent, which may be what it was killed in; where nothing more can come, all goes
    /// out.
    pub fn change(&mut self, connection: &Connection, change: &Change) -> Met {
        let id = connection.id;
        match *change {
            Change::Finished { side, by, marking, time, .. } => {
                let flow = (id, side);
                if matches!(self.known(flow), Some(FlowState::BySenders(_))) {
                    return Met::shown(self.give_up(flow, None));
                }
                let is_cut = connection.flow_from(side).is_cut;
                let may_follow = is_cut && by == side && connection.end(side.other()).is_read();
                if !(may_follow || self.waits_in(flow)) {
                    return Met::default();
                }
                self.open_at(flow, connection.progress(side), time, false);
                self.lose(connection, flow);
                self.push(flow, time, Item::Finish { side, time, marking, by });
                Met::held(Vec::new())
            }
            Change::Reset { .. } | Change::Closed { .. } | Change::ConnectionForgotten { .. } => {
                Met::shown(self.end_both(id))
            }
            _ => Met::default(),
        }
    }

    /// What is to be shown of a connection on which something has waited long enough at `now`, or at all where there is no
    /// such time; to be asked for until there is none.
    pub fn next_due(&mut self, now: Option<Timestamp>, refs: Refs<'_>) -> Option<(ConnectionId, Vec<Late>)> {
        let end = now.unwrap_or(Timestamp::MAX);
        if let Some(flow) = self.take_due(end) {
            return Some((flow.0, self.resolve(flow, end, refs)));
        }
        let flow = self.overdue(now)?;
        Some((flow.0, self.give_up(flow, refs.sending_since(flow))))
    }

    /// Whether something of this direction is held.
    fn has(&mut self, flow: FlowId) -> bool {
        self.known(flow).is_some()
    }

    /// Whether something of this direction is to be written.
    fn waits_in(&mut self, flow: FlowId) -> bool {
        self.queue(flow).is_some_and(|queue| !queue.waiting.is_empty())
    }

    fn slot(&mut self, (id, side): FlowId) -> Option<&mut Option<Box<FlowState>>> {
        self.known.get_mut(id).map(|both| side.of_mut(both))
    }

    fn known(&mut self, flow: FlowId) -> Option<&mut FlowState> {
        self.slot(flow)?.as_deref_mut()
    }

    fn queue(&mut self, flow: FlowId) -> Option<&mut Queue> {
        match self.known(flow)? {
            FlowState::ByReader(queue) => Some(queue),
            FlowState::BySenders(_) => None,
        }
    }

    /// Holds this direction from here on, if it is not held already. `moved` is news of it.
    fn open(&mut self, connection: &Connection, flow: FlowId, (moved, stream): (&Moved, Stream)) {
        if !self.has(flow) {
            let progress = progress_before(connection, flow.1, (moved, stream));
            self.open_at(flow, progress, moved.exit, stream.overlap == Overlap::Traces);
        }
        self.lose(connection, flow);
    }

    /// The same from `time` on, where so much was sent and received before. A call that was alone until now knows itself how
    /// much of it has been received, but where lines are merged.
    fn open_at(&mut self, flow: FlowId, [sent, received]: [u64; 2], time: Timestamp, is_merged: bool) {
        if !self.has(flow) {
            let unknown = if is_merged { received.saturating_sub(sent) } else { 0 };
            let queue = Queue::new(time, sent.saturating_sub(received), unknown, is_merged);
            self.keep(flow, FlowState::ByReader(queue));
        }
    }

    fn keep(&mut self, flow: FlowId, known: FlowState) {
        let _ = self.known.or_default(flow.0);
        let bytes = known.bytes();
        if let Some(slot) = self.slot(flow) {
            *slot = Some(Box::new(known));
            self.count += 1;
            self.bytes += bytes;
        }
    }

    /// Some of what is sent in this direction may not be in the trace.
    fn lose(&mut self, connection: &Connection, flow: FlowId) {
        let sender = connection.flow_from(flow.1);
        if let Some(queue) = self.queue(flow).filter(|_| sender.told_by == ToldBy::Bytes) {
            queue.lose(sender.is_cut);
        }
    }

    /// How many bytes of a send, at its front, were shown before this direction was held.
    fn known_before(&mut self, flow: FlowId, (moved, stream): (&Moved, Stream)) -> u64 {
        let since = self.known(flow).map(|known| known.since());
        if since.is_some_and(|since| moved.entry >= since) { 0 } else { stream.known }
    }

    /// A call of the sender's has moved this, which is `chunk`: what is to be written of it. `since`: when the first send began
    /// that is under way.
    fn sent(&mut self, flow: FlowId, (moved, chunk): (&Moved, OwnChunk), since: Option<Timestamp>) -> Vec<Late> {
        let Moved { entry, exit, moved, .. } = *moved;
        let Some(known) = self.known(flow) else { return Vec::new() };
        let before = known.bytes();
        let sent = Sent { chunk, entry, exit, done: 0, moved };
        let lates = match known {
            FlowState::ByReader(queue) => {
                queue.push(Item::Sent(sent));
                Vec::new()
            }
            FlowState::BySenders(shared) => shared.send(sent, since),
        };
        self.recount(flow, before);
        self.changed(flow, exit);
        lates
    }

    fn push(&mut self, flow: FlowId, time: Timestamp, item: Item) {
        let Some(queue) = self.queue(flow) else { return };
        let before = queue.bytes;
        queue.push(item);
        self.recount(flow, before);
        self.changed(flow, time);
    }

    /// The reader has received `chunk`: what is to be written of it.
    fn read(&mut self, flow: FlowId, (chunk, moved): (&Chunk<'_>, &Moved), is_busy: bool) -> Vec<Late> {
        let exit = moved.exit;
        // Of a call that has one line its end may not be told.
        let until = if moved.entry == exit { exit.after(limits::WAITING_TIME) } else { exit };
        let Some(known) = self.known(flow) else { return Vec::new() };
        let before = known.bytes();
        let lates = match known {
            FlowState::ByReader(queue) => queue.read(chunk, [exit, until], is_busy),
            FlowState::BySenders(shared) => {
                shared.read(chunk, exit);
                Vec::new()
            }
        };
        self.recount(flow, before);
        self.changed(flow, chunk.time);
        lates
    }

    /// Something came of this direction at `time`: once that has passed it is looked at.
    fn changed(&mut self, flow: FlowId, time: Timestamp) {
        if let Some(known) = self.known(flow) {
            let due = known.looked_at_after(time);
            self.due.extend(due.map(|due| (due, flow)));
        }
        self.wait_anew(flow);
        if self.bytes > limits::WAITING_BYTES
            && let Some(known) = self.known(flow)
        {
            let before = known.bytes();
            known.forget();
            self.recount(flow, before);
        }
    }

    fn wait_anew(&mut self, flow: FlowId) {
        let since = self.known(flow).and_then(|known| known.waits_since());
        if since.is_none_or(|since| self.waits.since(flow) != Some(since)) {
            self.waits.end(flow);
        }
        if let Some(since) = since {
            self.waits.begin(flow, since);
        }
    }

    fn recount(&mut self, flow: FlowId, before: usize) {
        let now = self.known(flow).map_or(0, |known| known.bytes());
        self.bytes = (self.bytes + now).saturating_sub(before);
    }

    /// A direction that is to be looked at, for what was to pass first has passed at `now`.
    fn take_due(&mut self, now: Timestamp) -> Option<FlowId> {
        let (time, flow) = self.due.first().copied()?;
        (time <= now).then(|| {
            self.due.remove(&(time, flow));
            flow
        })
    }

    /// What of this direction is known to be the next at `now`.
    fn resolve(&mut self, flow: FlowId, now: Timestamp, refs: Refs<'_>) -> Vec<Late> {
        let mut lates = Vec::new();
        let since = refs.sending_since(flow);
        if matches!(self.known(flow), Some(FlowState::BySenders(_))) {
            return self.settle(flow, since, false);
        }
        let Some(queue) = self.queue(flow) else { return lates };
        let before = queue.bytes;
        let is_busy = since.is_some() || queue.may_go_on(now);
        queue.give_up_lost(now, refs.returning_since(flow));
        queue.account(is_busy, false);
        while let Some(first) = queue.waits_since()
            && first <= now
            && !queue.may_be_shown()
            && queue.is_next_known(since)
        {
            queue.write_next(&mut lates);
        }
        let is_over = !(is_busy || queue.is_kept()) && queue.waiting.is_empty();
        let due = queue.looked_at_next(now);
        self.due.extend(due.map(|due| (due, flow)));
        self.recount(flow, before);
        if is_over {
            self.close(flow);
        }
        self.wait_anew(flow);
        lates
    }

    /// A direction that has waited long enough at `now`, or where too much waits; any where there is no such time.
    fn overdue(&self, now: Option<Timestamp>) -> Option<FlowId> {
        let since = match now {
            Some(now) if self.bytes <= limits::WAITING_BYTES => now.before(limits::WAITING_TIME),
            _ => Timestamp::MAX,
        };
        self.waits.overdue(since)
    }

    /// All that waits in this direction, whether it is known or not. `since`: when the first send began that is under way.
    fn give_up(&mut self, flow: FlowId, since: Option<Timestamp>) -> Vec<Late> {
        let Some(queue) = self.queue(flow) else { return self.settle(flow, since, true) };
        let before = queue.bytes;
        let lates = queue.give_up(since.is_some());
        self.recount(flow, before);
        self.wait_anew(flow);
        lates
    }

    /// The same where several receive, once no send is under way or, where `is_long`, now.
    fn settle(&mut self, flow: FlowId, since: Option<Timestamp>, is_long: bool) -> Vec<Late> {
        let Some(FlowState::BySenders(shared)) = self.known(flow) else { return Vec::new() };
        let before = shared.bytes();
        let lates = shared.settle(since, is_long);
        self.recount(flow, before);
        self.wait_anew(flow);
        lates
    }

    /// The same of both directions, and nothing more will come of them, or they are to be counted anew.
    fn end_both(&mut self, id: ConnectionId) -> Vec<Late> {
        let mut lates = Vec::new();
        for flow in [(id, Side::First), (id, Side::Second)] {
            lates.append(&mut self.give_up(flow, None));
            self.close(flow);
        }
        lates
    }

    /// Nothing of this direction is held any more.
    fn close(&mut self, flow: FlowId) -> Option<FlowState> {
        let known = self.slot(flow).and_then(Option::take)?;
        self.count -= 1;
        self.bytes = self.bytes.saturating_sub(known.bytes());
        self.waits.end(flow);
        Some(*known)
    }

    /// The moment of the first that waits.
    #[inline]
    pub fn earliest(&self) -> Timestamp {
        self.waits.earliest()
    }
}

/// How much the end on `sender` had sent, and the other one received, before a call moved something.
fn progress_before(connection: &Connection, sender: Side, (moved, stream): (&Moved, Stream)) -> [u64; 2] {
    let [mut sent, mut received] = connection.progress(sender);
    let before = stream.reached.saturating_sub(moved.moved);
    if stream.side == sender {
        sent = before;
    } else {
        received = before;
    }
    [sent, received]
}
