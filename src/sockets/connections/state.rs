//! A connection: one TCP or UNIX stream, its two ends, how far each direction has come, and its life.
//!
//! ```text
//! connect ─→ Begun ──its error or its close──→ Over
//!              └─ first proof that it is made ─┐
//! accept, socketpair, pipe ────────────────────┴→ Made ─→ Announced ──┬─ RST of either end ─→ Reset
//! there before the trace ──────────────────────→ Unseen ──────────────┘                         │
//!                    any of them ── every traced end is closed, and none is expected any more ──┴→ Over
//! ```
//!
//! How it was opened ([`Opening`]) stays true when it is reset or over, and the views ask for it then; how far it has come
//! is its [`Stage`]. Each direction has its own FIN. What changes either stands here.

use crate::event::{Direction, Errno, Family, Inode, Tid, Timestamp, Transport};
use crate::sockets::connections::end::{Calls, End};
use crate::sockets::connections::flow::{Flow, ToldBy};
use crate::sockets::connections::rendezvous::Rendezvous;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::pair_digest::PairDigest;
use crate::sockets::{Change, Marking};

/// How an end came to its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Not seen: the trace begins in mid-stream, or the end is not traced.
    #[default]
    Unknown,
    /// It called connect.
    Connected,
    /// It was returned by accept.
    Accepted,
    /// It was made by socketpair.
    Paired,
    /// It is a pipe's write end.
    Writer,
    /// It is a pipe's read end.
    Reader,
}

/// When a connection was made, as far as the trace shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// Joined in mid-stream.
    #[default]
    Unseen,
    /// connect has begun and not yet succeeded.
    Begun {
        /// Its entry.
        entry: Timestamp,
    },
    /// It is made.
    Made {
        /// Entry of connect, where that was traced.
        connected: Option<Timestamp>,
        /// Exit of the call that made it: connect, accept, socketpair or pipe.
        exit: Timestamp,
    },
}

impl Opening {
    /// A call that returned at `exit` made it.
    pub(in crate::sockets) const fn made(exit: Timestamp) -> Self {
        Self::Made { connected: None, exit }
    }

    /// When the call that shows it began, as far as that is known; its exit where it is not.
    pub(super) const fn entry(self) -> Timestamp {
        match self {
            Self::Unseen => Timestamp(0),
            Self::Begun { entry } | Self::Made { connected: Some(entry), .. } => entry,
            Self::Made { connected: None, exit } => exit,
        }
    }

    /// When the last of it that is known was.
    pub const fn last(self) -> Timestamp {
        match self {
            Self::Unseen => Timestamp(0),
            Self::Begun { entry } => entry,
            Self::Made { exit, .. } => exit,
        }
    }

    /// Whether a call that returned at `time` or later made it.
    fn is_made_after(self, time: Timestamp) -> bool {
        matches!(self, Self::Made { exit, .. } if exit >= time)
    }

    /// What two ends show of one opening, put together: connect's entry, and the exit of whichever call was first.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unseen, known) | (known, Self::Unseen) => known,
            (Self::Begun { entry }, Self::Begun { .. }) => Self::Begun { entry },
            (Self::Begun { entry }, Self::Made { exit, .. }) | (Self::Made { exit, .. }, Self::Begun { entry }) => {
                Self::Made { connected: Some(entry), exit: exit.max(entry) }
            }
            (Self::Made { connected: a, exit: x }, Self::Made { connected: b, exit: y }) => {
                Self::Made { connected: a.or(b), exit: x.min(y) }
            }
        }
    }
}

/// How far the life of a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Begun, made or there before; [`Change::Opened`] has not been emitted.
    #[default]
    Quiet,
    /// It has.
    Announced,
    /// An end has reset it: neither FIN nor RST can follow.
    Reset,
    /// Nothing more will come of it; it is kept until the next event, for the views to read.
    Over,
}

/// Whether the trace tells how long a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sockets) enum Length {
    #[default]
    Told,
    Untold,
}

/// What a call says about how its end came to a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::sockets) struct Origin {
    pub role: Role,
    pub opening: Opening,
}

impl Origin {
    /// Nothing: the connection was there before the trace.
    pub const MID_STREAM: Self = Self { role: Role::Unknown, opening: Opening::Unseen };

    /// connect began at `entry`.
    pub const fn connect(entry: Timestamp) -> Self {
        Self { role: Role::Connected, opening: Opening::Begun { entry } }
    }
}

/// Whether a call on a connection is to be held against others.
#[derive(Clone, Copy, Debug, Default)]
enum Manner {
    #[default]
    Plain,
    Odd,
}

/// One stream from open to close.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// The address family of the end that was seen first.
    pub family: Family,
    /// The transport: `Stream`, or `Unknown` for `UNIX:[…]` details that leave the kind open.
    pub transport: Transport,
    /// When it was made.
    pub opening: Opening,
    /// Nothing but its connect shows that its socket is a stream's: it may be one for datagrams.
    pub kind_guessed: bool,
    stage: Stage,
    /// The other end's accept, or the next details, are about to tell the address of who connected.
    pub awaits_address: bool,
    /// Of its accept: where no line tells how long that took, it may have returned after all that has come since.
    pub(in crate::sockets) accept_length: Length,
    /// It was accepted, and of several that wait any may be its other end: the first bytes tell which.
    pub(in crate::sockets) is_undecided: bool,
    /// Plain where no receive is under way on it, and totals tell which bytes are news.
    manner: Manner,
    /// Its two addresses, once both are known: where the other end's calls find it.
    pub(super) pair: Option<PairDigest>,
    /// Where the other end finds it, if it can by nothing else.
    pub(super) rendezvous: Option<Box<Rendezvous>>,
    pub(super) ends: [End; 2],
    /// What the first end's calls have done, and the second one's: of few connections both are traced.
    first: Calls,
    second: Option<Box<Calls>>,
    flows: [Flow; 2],
}

impl Connection {
    /// A connection of which nothing is known yet.
    pub(super) fn new(id: ConnectionId, family: Family, transport: Transport) -> Self {
        Self { id, family, transport, ..Self::default() }
    }

    /// The end on `side`.
    pub const fn end(&self, side: Side) -> &End {
        side.of(&self.ends)
    }

    pub(in crate::sockets) const fn end_mut(&mut self, side: Side) -> &mut End {
        side.of_mut(&mut self.ends)
    }

    /// What the calls of the end on `side` have done.
    #[inline]
    pub fn calls(&self, side: Side) -> &Calls {
        match side {
            Side::First => &self.first,
            Side::Second => self.second.as_deref().unwrap_or(Calls::NONE),
        }
    }

    /// The same, to change it.
    #[inline]
    pub(in crate::sockets) fn calls_mut(&mut self, side: Side) -> &mut Calls {
        match side {
            Side::First => &mut self.first,
            Side::Second => self.second.get_or_insert_default(),
        }
    }

    /// The inode of the end on `side` as the trace has it: a pipe's ends have the same, a FIFO's none.
    pub fn inode(&self, side: Side) -> Option<Inode> {
        let inode = self.end(side).inode()?;
        match self.family {
            Family::Pipe if inode.is_fifo() => None,
            Family::Pipe => inode.pipe(),
            _ => Some(inode),
        }
    }

    /// Who opened the connection as far as it is traced: the client's thread before the server's, and the call that
    /// brought it there before what came later.
    pub fn opener(&self, client: Side) -> Option<(Marking, Side)> {
        let of = |side: Side| {
            let calls = self.calls(side);
            let marking = calls.brought.or(calls.marking)?;
            Some((marking, side))
        };
        of(client).or_else(|| of(client.other()))
    }

    /// The direction in which the end on `side` sends.
    pub const fn flow_from(&self, side: Side) -> &Flow {
        side.of(&self.flows)
    }

    const fn flow_from_mut(&mut self, side: Side) -> &mut Flow {
        side.of_mut(&mut self.flows)
    }

    /// Whether the first call that shows its opening began, or where it is an accept returned, after `time`.
    pub(in crate::sockets) fn is_begun_after(&self, time: Timestamp) -> bool {
        self.opening.entry() > time
    }

    /// The end on `side` is another one's, of whom nothing is known but the address; who brought the wrong one here.
    pub(super) fn free_end(&mut self, side: Side) -> Option<Marking> {
        self.end_mut(side).traced = false;
        let calls = self.calls_mut(side);
        (calls.socket, calls.marking) = (None, None);
        calls.brought.take()
    }

    /// Counts `moved` bytes that the end on `side` sent or received; returns how many those are by now, and how many of
    /// the new ones, at the front, had been accounted for before.
    #[inline(always)]
    pub(in crate::sockets) fn count(&mut self, side: Side, direction: Direction, moved: u64) -> (u64, u64) {
        let calls = self.calls_mut(side);
        let (count, sender) = match direction {
            Direction::Sent => (&mut calls.sent, side),
            Direction::Received => (&mut calls.received, side.other()),
        };
        *count = count.saturating_add(moved);
        let reached = *count;
        (reached, self.flow_from_mut(sender).account(reached, moved))
    }

    /// How many bytes the end on `side` has sent, or received.
    #[inline]
    pub(in crate::sockets) fn counted(&self, side: Side, direction: Direction) -> u64 {
        let calls = self.calls(side);
        match direction {
            Direction::Sent => calls.sent,
            Direction::Received => calls.received,
        }
    }

    /// How many bytes the end on `side` has sent, and the other one received, each counted from its first call in the trace.
    pub fn progress(&self, side: Side) -> [u64; 2] {
        [self.calls(side).sent, self.calls(side.other()).received]
    }

    /// What the end on `side` sends is counted from here on, of which the other one has received so much.
    pub(in crate::sockets) fn restart(&mut self, side: Side, received: u64) {
        self.calls_mut(side.other()).received = received;
        self.flow_from_mut(side).accounted = received;
    }

    /// What the end on `side` has sent and will not tell of is what the other one has received.
    pub(in crate::sockets) fn catch_up(&mut self, side: Side) {
        let [sent, received] = self.progress(side);
        self.calls_mut(side).sent = sent.max(received);
    }

    /// Whether what was accepted may be of a connect that began at `time`; `is_newest`: none that waits was accepted later.
    pub(super) fn may_be_accepted_after(&self, time: Timestamp, is_newest: bool) -> bool {
        let is_unused = || Side::BOTH.into_iter().all(|side| self.calls(side).have_moved_nothing());
        self.opening.is_made_after(time) || (is_newest && self.accept_length == Length::Untold && is_unused())
    }

    /// Which side the open socket `socket` is on.
    pub(super) fn side_of(&self, socket: SocketId) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.calls(*side).socket == Some(socket))
    }

    /// Whether its connect has not come to its end.
    pub(in crate::sockets) const fn is_begun(&self) -> bool {
        matches!(self.opening, Opening::Begun { .. })
    }

    /// Whether its other end may still be found where it connected or was accepted.
    #[inline]
    pub(in crate::sockets) const fn is_waiting(&self) -> bool {
        self.rendezvous.is_some() || self.is_undecided
    }

    /// Whether bytes that move on it tell nothing more of it.
    #[inline]
    pub(in crate::sockets) const fn is_settled(&self) -> bool {
        !self.is_begun() && !self.is_waiting()
    }

    /// Whether totals tell what is news of the bytes that move on it.
    #[inline]
    pub(in crate::sockets) const fn is_plain(&self) -> bool {
        self.is_settled() && matches!(self.manner, Manner::Plain)
    }

    /// Whether all that the end on `side` has sent is, as far as it is known, in the trace.
    pub(in crate::sockets) fn has_begun_to_send(&self, side: Side) -> bool {
        self.opening != Opening::Unseen || self.calls(side).sent > 0
    }

    /// Whether the end on `side` receives more than the other one is known to have sent, which is traced. What was sent before
    /// the trace does not count.
    pub(in crate::sockets) fn receives_unsent(&self, side: Side, moved: u64) -> bool {
        let sender = side.other();
        self.end(sender).traced
            && self.has_begun_to_send(sender)
            && self.calls(side).received.saturating_add(moved) > self.flow_from(sender).accounted
    }

    /// A thread has begun to receive by the end on `side`, or none has that has not returned.
    pub(in crate::sockets) fn set_receiver(&mut self, side: Side, receiver: Option<Tid>) {
        if self.calls(side).seldom().receiver != receiver {
            self.calls_mut(side).seldom_mut().receiver = receiver;
        }
        let is_plain = Side::BOTH.into_iter().all(|side| self.calls(side).seldom().receiver.is_none())
            && self.flows.iter().all(|flow| flow.told_by == ToldBy::Totals);
        self.manner = if is_plain { Manner::Plain } else { Manner::Odd };
    }

    /// What tells what is news of what the end on `side` sends is another from here on; several receivers stay.
    pub(in crate::sockets) fn tell_by(&mut self, side: Side, told_by: ToldBy) {
        let flow = self.flow_from_mut(side);
        if flow.told_by != ToldBy::Senders {
            flow.told_by = told_by;
        }
        self.manner = Manner::Odd;
    }

    /// How a send of the end on `side` has ended is not in the trace.
    pub(in crate::sockets) fn cut(&mut self, side: Side) {
        self.tell_by(side, ToldBy::Bytes);
        self.flow_from_mut(side).is_cut = true;
    }

    /// The first end of one that waits has sent this.
    pub(in crate::sockets) fn note_head(&mut self, bytes: &[u8]) {
        if let Some(rendezvous) = &mut self.rendezvous {
            rendezvous.note_head(bytes);
        }
    }

    /// One that was accepted is its other end, if no bytes tell another one.
    pub(super) fn may_be_accepted_as(&mut self, accepted: ConnectionId) {
        if let Some(rendezvous) = &mut self.rendezvous {
            rendezvous.accepted = Some(accepted);
        }
    }

    /// Whether what its first end has sent begins like what another one has received; none where nothing tells.
    pub(super) fn has_sent(&self, received: &[u8]) -> Option<bool> {
        self.rendezvous.as_ref()?.has_sent(received)
    }

    /// Whether nothing of it has been emitted, neither its opening nor bytes.
    pub(super) fn is_unheard(&self) -> bool {
        self.stage == Stage::Quiet && self.flows.iter().all(|flow| flow.accounted == 0)
    }

    /// Whether every end that was ever traced is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.ends.iter().all(|end| end.closed || !end.traced)
    }

    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// A close on `side` throws away bytes that the other end has sent: TCP then resets (RFC 2525 §2.17).
    pub(in crate::sockets) fn leaves_unread(&self, side: Side) -> bool {
        !self.family.is_local()
            && self.opening != Opening::Unseen
            && self.end(side.other()).traced
            && self.flow_from(side.other()).accounted
                > self.calls(side).received + u64::from(self.calls(side).seldom().urgent)
    }

    /// A call shows how an end came here.
    pub(super) fn learn_opening(&mut self, opening: Opening) {
        self.opening = self.opening.and(opening);
    }

    /// Something that only a made connection allows has succeeded by `time`.
    pub(in crate::sockets) const fn prove(&mut self, time: Timestamp) {
        if let Opening::Begun { entry } = self.opening {
            self.opening = Opening::Made { connected: Some(entry), exit: time };
        }
    }

    /// Says once that the addresses are known that something waited for.
    pub(super) fn tell_addresses(&mut self, changes: &mut Vec<Change>) {
        let is_known = |end: &End| end.packed().is_some_and(|address| !address.is_vague());
        if self.awaits_address && self.ends.iter().all(is_known) {
            self.awaits_address = false;
            changes.push(Change::AddressesKnown { connection: self.id });
        }
    }

    /// Says once that the connection is made, if it is.
    #[inline]
    pub(in crate::sockets) fn announce(&mut self, changes: &mut Vec<Change>) {
        if self.stage == Stage::Quiet && !self.is_undecided && matches!(self.opening, Opening::Made { .. }) {
            self.stage = Stage::Announced;
            changes.push(Change::Opened { connection: self.id });
        }
    }

    /// The end of the trace, which is at `time`: what nothing was said of is said now.
    pub(in crate::sockets) fn tell_at_last(&mut self, time: Timestamp, changes: &mut Vec<Change>) {
        self.is_undecided = false;
        self.announce(changes);
        for side in Side::BOTH {
            // Nobody was there to whom it was left: its close was its end.
            let end = self.end(side);
            let closer = self.calls(side).marking.filter(|_| end.is_left && end.role == Role::Accepted);
            if let Some(closer) = closer {
                self.finish([side; 2], (closer, time), changes);
            }
        }
        if let (Opening::Begun { entry }, false) = (self.opening, self.family.is_local()) {
            changes.push(Change::Failed { connection: self.id, error: Errno::InProgress, time: entry });
        }
    }

    /// Whether one call has made both ends.
    pub(in crate::sockets) fn is_pair(&self) -> bool {
        let is_of_pair = |end: &End| matches!(end.role, Role::Paired | Role::Writer | Role::Reader);
        matches!(self.opening, Opening::Made { .. }) && self.ends.iter().all(is_of_pair)
    }

    /// The end on `side` sends no more, as the end on `by` has seen.
    pub(super) fn finish(&mut self, [side, by]: [Side; 2], (marking, time): Witnessed, changes: &mut Vec<Change>) {
        if self.flow_from(side).finished || self.stage == Stage::Reset {
            return;
        }
        self.flow_from_mut(side).finished = true;
        self.is_undecided = false;
        self.announce(changes);
        changes.push(Change::Finished { connection: self.id, side, by, marking, time });
    }

    /// The end on `side` resets the connection, as the end on `by` has seen.
    pub(in crate::sockets) fn reset(
        &mut self,
        [side, by]: [Side; 2],
        (marking, time): Witnessed,
        changes: &mut Vec<Change>,
    ) {
        if self.stage == Stage::Reset || self.is_begun() {
            return;
        }
        self.is_undecided = false;
        self.announce(changes);
        self.stage = Stage::Reset;
        changes.push(Change::Reset { connection: self.id, side, by, marking, time });
    }

    /// The end on `side` is no open socket's any more.
    pub(super) fn close(&mut self, side: Side) -> Option<SocketId> {
        self.end_mut(side).closed = true;
        self.calls_mut(side).socket.take()
    }

    /// The connection is over; with an error it could not be made.
    pub(super) fn conclude(&mut self, failed: Option<(Errno, Timestamp)>, changes: &mut Vec<Change>) {
        self.stage = Stage::Over;
        if let Some((error, time)) = failed {
            changes.push(Change::Failed { connection: self.id, error, time });
        }
        changes.push(Change::ConnectionForgotten { connection: self.id });
    }
}

/// Who shows that something happened, and when it did.
pub(in crate::sockets) type Witnessed = (Marking, Timestamp);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fd, ProcessRef};
    use crate::sockets::connections::store::Store;

    #[test]
    fn each_byte_is_accounted_for_once_whichever_end_comes_first() {
        let mut connections = Store::default();
        let connection = connections.make(Family::Inet, Transport::Stream);
        assert_eq!(connection.count(Side::First, Direction::Sent, 10), (10, 0));
        assert_eq!(connection.count(Side::Second, Direction::Received, 4), (4, 4));
        assert_eq!(connection.count(Side::Second, Direction::Received, 16), (20, 6), "ten more are new");
        assert_eq!(connection.count(Side::First, Direction::Sent, 10), (20, 10));
        assert_eq!(connection.flow_from(Side::First).accounted, 20);
        assert_eq!(connection.flow_from(Side::Second).accounted, 0);
    }

    #[test]
    fn an_end_attached_late_accounts_for_nothing_twice() {
        let mut connections = Store::default();
        let connection = connections.make(Family::Inet, Transport::Stream);
        connection.count(Side::First, Direction::Sent, 100);
        connection.count(Side::First, Direction::Received, 50);
        assert_eq!(connection.count(Side::Second, Direction::Received, 7).1, 7);
        assert_eq!(connection.count(Side::Second, Direction::Sent, 5).1, 5, "the reader will account for them");
        assert_eq!(connection.count(Side::First, Direction::Received, 5).1, 0);
    }

    #[test]
    fn a_life_goes_one_way() {
        let mut connections = Store::default();
        let connection = connections.make(Family::Inet, Transport::Stream);
        let marking = Marking { tid: Tid(1), process: ProcessRef(1), fd: Fd(3), session: 1, op: None };
        let (at, mut changes) = ((marking, Timestamp(9)), Vec::new());
        connection.learn_opening(Opening::Begun { entry: Timestamp(1) });
        connection.announce(&mut changes);
        connection.reset([Side::First; 2], at, &mut changes);
        assert!(changes.is_empty(), "what is not made can be neither");
        connection.prove(Timestamp(5));
        for _ in 0..2 {
            connection.finish([Side::First; 2], at, &mut changes);
            connection.reset([Side::Second, Side::First], at, &mut changes);
            connection.finish([Side::Second; 2], at, &mut changes);
        }
        let [Change::Opened { .. }, Change::Finished { .. }, Change::Reset { .. }] = changes[..] else {
            panic!("{changes:?}");
        };
        assert_eq!(connection.opening, Opening::Made { connected: Some(Timestamp(1)), exit: Timestamp(5) });
    }
}
