//! All connections: which one a socket enters, how more that is known of an end reaches it, and when it is over.
//!
//! A connection lives from its first evidence until every traced end is closed; then it lingers, in bounded number, in
//! case that its other end turns up. What has ended stays until the next event, so that its last changes can be read.

mod end;
mod flow;
mod index;
mod pairing;
mod rendezvous;
pub(in crate::sockets) mod state;
mod store;

pub use end::{Calls, End};
pub use flow::{Flow, ToldBy};
pub use state::{Connection, Opening, Role};
pub(in crate::sockets) use state::{Length, Origin, Witnessed};
pub use store::ByConnection;
use store::Store;

use crate::event::{Errno, Family, HostPort, Marking, Timestamp, Transport};
use crate::limits;
use crate::sockets::Change;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::registry::Registry;
use pairing::{Pairing, addresses};
use std::collections::VecDeque;

/// The connections of a trace.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Connections {
    store: Store,
    pairing: Pairing,
    lingering: VecDeque<ConnectionId>,
    /// Those that the event at hand has ended.
    over: Vec<ConnectionId>,
}

impl Connections {
    /// One that is not over.
    pub(in crate::sockets) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.store.get(id)
    }

    /// One that is not over, to change it.
    #[inline]
    pub(in crate::sockets) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.store.get_mut(id)
    }

    /// One that may be over with the event at hand.
    #[inline]
    pub(in crate::sockets) fn any(&self, id: ConnectionId) -> Option<&Connection> {
        self.store.any(id)
    }

    /// The names of all, in the order in which they were made.
    pub(in crate::sockets) fn ids(&self) -> Vec<ConnectionId> {
        self.store.ids()
    }

    /// Those that the event at hand has ended.
    pub(in crate::sockets) fn over(&self) -> &[ConnectionId] {
        &self.over
    }

    /// What has ended is gone.
    #[inline(always)]
    pub(in crate::sockets) fn sweep(&mut self) {
        if !self.over.is_empty() {
            self.over.drain(..).for_each(|id| drop(self.store.remove(id)));
        }
    }

    /// Lets `socket` enter the connection that waits for it, or a new one. Where not all connects are shown, which one was
    /// accepted is left to its first bytes, even if only one waits.
    pub(in crate::sockets) fn join(
        &mut self,
        registry: &mut Registry,
        socket: SocketId,
        origin: Origin,
        connects_are_shown: bool,
    ) -> Option<(ConnectionId, Side)> {
        let open = registry.get(socket)?;
        let entry = origin.opening.entry();
        let found = self.pairing.find(&self.store, (open, addresses(open)), origin.role);
        let waiting = match found {
            Some(_) => None,
            None => self.pairing.find_waiting(&self.store, open, origin.role, entry),
        };
        let is_certain = |is_alone: bool| is_alone && (connects_are_shown || origin.role != Role::Accepted);
        let certain = waiting.filter(|(_, is_alone)| is_certain(*is_alone)).map(|(id, _)| (id, Side::Second));
        let Some((id, side)) = found.or(certain) else {
            let id = self.begin(registry, socket, origin)?;
            // It may be the one that was accepted: its first bytes show that, and then where it is.
            if let Some(other) = waiting.and_then(|(other, _)| self.store.get_mut(other)) {
                other.awaits_address = true;
                other.may_be_accepted_as(id);
            }
            if let (Some(connection), Some(open)) = (self.store.get_mut(id), registry.get_mut(socket)) {
                self.pairing.wait(connection, open, origin.role);
                connection.is_undecided = waiting.is_some();
                if origin.role == Role::Accepted && waiting.is_none() {
                    open.guess_host();
                }
            }
            return Some((id, Side::First));
        };
        if let Some(connection) = self.store.get_mut(id) {
            self.pairing.leave(connection);
            connection.learn_opening(origin.opening);
        }
        self.enter(registry, (id, side), socket, origin.role);
        self.complete(registry, id);
        Some((id, side))
    }

    /// What is known of an end by the other end's calls alone goes to its socket.
    fn complete(&self, registry: &mut Registry, id: ConnectionId) {
        let Some(connection) = self.store.get(id).filter(|connection| !connection.family.is_local()) else {
            return;
        };
        for side in Side::BOTH {
            let (end, other) = (connection.end(side), connection.end(side.other()));
            if let Some(socket) = connection.calls(side).socket {
                registry.fill_in(socket, end.address(), other.address());
            }
        }
    }

    /// A new connection with `socket` as its first end.
    pub(in crate::sockets) fn begin(
        &mut self,
        registry: &mut Registry,
        socket: SocketId,
        origin: Origin,
    ) -> Option<ConnectionId> {
        let open = registry.get(socket)?;
        let connection = self.store.make(open.family, open.transport);
        connection.opening = origin.opening;
        connection.kind_guessed = origin.role == Role::Connected && !open.is_made && !open.family_known;
        let id = connection.id;
        self.enter(registry, (id, Side::First), socket, origin.role);
        Some(id)
    }

    /// Puts `socket` on a side of a connection, with all that is known of both ends.
    pub(in crate::sockets) fn enter(
        &mut self,
        registry: &mut Registry,
        (id, side): (ConnectionId, Side),
        socket: SocketId,
        role: Role,
    ) {
        let (Some(connection), Some(open)) = (self.store.get_mut(id), registry.get_mut(socket)) else {
            return;
        };
        if connection.end(side).is_left {
            self.pairing.is_back(connection, side);
        }
        connection.calls_mut(side).socket = Some(socket);
        let end = connection.end_mut(side);
        (end.traced, end.closed) = (true, false);
        if role != Role::Unknown {
            end.role = role;
        }
        if connection.end(side.other()).traced {
            self.pairing.is_whole(connection);
            connection.is_undecided = false;
        }
        open.stream = Some((id, side));
        self.describe(registry, socket);
    }

    /// Takes over into the connection of `socket` what is known of its ends by now.
    fn describe(&mut self, registry: &Registry, socket: SocketId) -> Option<&mut Connection> {
        let open = registry.get(socket)?;
        let (id, side) = open.stream?;
        let connection = self.store.get_mut(id)?;
        if open.family.is_local() {
            connection.end_mut(side).know_local(open.inode, open.name.as_ref());
            connection.end_mut(side.other()).know_local(open.peer_inode, open.peer_name.as_ref());
            self.pairing.know_inodes(connection);
        } else {
            let own = connection.end_mut(side);
            own.know_address(open.local.packed());
            let is_client = own.role == Role::Connected;
            let other = connection.end_mut(side.other());
            // What it connected to is what the other end is; who accepted may not have known better.
            if is_client || !other.traced || other.packed().is_none_or(HostPort::is_vague) {
                other.know_address(open.remote.packed());
            }
        }
        if connection.family == Family::Other {
            connection.family = open.family;
        }
        if connection.transport == Transport::Unknown {
            connection.transport = open.transport;
        }
        Some(connection)
    }

    /// More is known of `socket`: its connection's ends are described anew, found by their addresses, put together with
    /// a connection that the other end's calls have begun, and announced if that was all that it waited for.
    pub(in crate::sockets) fn refresh(&mut self, registry: &mut Registry, socket: SocketId, changes: &mut Vec<Change>) {
        let Some(connection) = self.describe(registry, socket) else {
            return;
        };
        let (id, is_paired) = (connection.id, connection.pair.is_some());
        if registry.get(socket).is_some_and(|open| !open.is_blind())
            && let Some(connection) = self.store.get_mut(id)
        {
            self.pairing.leave(connection);
        }
        if !is_paired
            && let Some(open) = registry.get(socket)
            && let (is_local, pair) = (open.family.is_local(), addresses(open))
            && (is_local || pair.is_some())
            && !self.merge(registry, (socket, pair), id)
            && let (Some(connection), Some(pair)) = (self.store.get_mut(id), pair.filter(|_| !is_local))
        {
            self.pairing.know_addresses(connection, pair);
        }
        if let Some((id, _)) = registry.get(socket).and_then(|open| open.stream)
            && let Some(connection) = self.store.get_mut(id)
            && (connection.pair.is_some() || connection.family.is_local())
        {
            connection.announce(changes);
            connection.tell_addresses(changes);
        }
    }

    /// Moves `socket` from a connection that it has alone, and of which nothing has been emitted, to one that waits for it.
    fn merge(
        &mut self,
        registry: &mut Registry,
        (socket, pair): (SocketId, Option<[HostPort; 2]>),
        id: ConnectionId,
    ) -> bool {
        let (Some(open), Some(connection)) = (registry.get(socket), self.store.get_mut(id)) else {
            return false;
        };
        let Some(side) = connection.side_of(socket).filter(|_| connection.is_unheard()) else {
            return false;
        };
        let role = connection.end(side).role;
        if connection.end(side.other()).traced {
            return false;
        }
        let Some(found) = self.pairing.find(&self.store, (open, pair), role).filter(|(found, _)| *found != id) else {
            return false;
        };
        self.move_to(registry, (id, side), found, socket)
    }

    /// Moves `socket` from the connection that it has alone to another one.
    fn move_to(
        &mut self,
        registry: &mut Registry,
        (id, side): (ConnectionId, Side),
        found: (ConnectionId, Side),
        socket: SocketId,
    ) -> bool {
        let Some(mut alone) = self.store.remove(id) else {
            return false;
        };
        self.pairing.forget(&mut alone);
        self.enter(registry, found, socket, alone.end(side).role);
        if let Some(connection) = self.store.get_mut(found.0) {
            connection.learn_opening(alone.opening);
            let (calls, alone) = (connection.calls_mut(found.1), alone.calls(side));
            (calls.brought, calls.marking) = (alone.brought, alone.marking);
        }
        true
    }

    /// The first bytes of an accepted connection, or that it has sent some or is at its end, decide which of several that
    /// wait its other end is.
    pub(in crate::sockets) fn decide(
        &mut self,
        registry: &mut Registry,
        (id, side): (ConnectionId, Side),
        socket: SocketId,
        received: Option<&[u8]>,
    ) {
        let found = registry.get(socket).and_then(|open| self.pairing.find_by_bytes(&self.store, (id, open), received));
        if let Some(found) = found {
            if let Some(connection) = self.store.get_mut(found) {
                self.pairing.leave(connection);
            }
            self.move_to(registry, (id, side), (found, Side::Second), socket);
            return self.complete(registry, found);
        }
        if let (Some(connection), Some(open)) = (self.store.get_mut(id), registry.get_mut(socket)) {
            connection.is_undecided = false;
            open.guess_host();
        }
    }

    /// The end on `side` sends no more, as the end on `by` has seen. A connection that has only begun ends with that.
    pub(in crate::sockets) fn finish(
        &mut self,
        registry: &mut Registry,
        id: ConnectionId,
        sides: [Side; 2],
        witnessed: Witnessed,
        changes: &mut Vec<Change>,
    ) {
        match self.store.get_mut(id) {
            Some(connection) if connection.is_begun() => {
                self.fail(registry, id, (Errno::InProgress, witnessed.1), changes);
            }
            Some(connection) => connection.finish(sides, witnessed, changes),
            None => {}
        }
    }

    /// The connection could not be made: its socket is free for another one.
    pub(in crate::sockets) fn fail(
        &mut self,
        registry: &mut Registry,
        id: ConnectionId,
        failed: (Errno, Timestamp),
        changes: &mut Vec<Change>,
    ) {
        if let Some(connection) = self.store.get_mut(id) {
            registry.free(connection);
            self.end(id, Some(failed), changes);
        }
    }

    /// The conversation is over, and its ends are free for another.
    pub(in crate::sockets) fn part(&mut self, registry: &mut Registry, id: ConnectionId, changes: &mut Vec<Change>) {
        if let Some(connection) = self.store.get_mut(id) {
            registry.free(connection);
            changes.push(Change::Closed { connection: id });
            self.end(id, None, changes);
        }
    }

    /// The end on `side` was not the other one's. When its own connect began, and who called that.
    pub(in crate::sockets) fn free_end(
        &mut self,
        id: ConnectionId,
        side: Side,
    ) -> Option<(Timestamp, Option<Marking>)> {
        let connection = self.store.get_mut(id)?;
        let brought = connection.free_end(side);
        self.pairing.is_open_again(connection);
        Some((connection.opening.entry(), brought))
    }

    /// A process that nobody told of has the end on `side`, which `closer` has closed.
    pub(in crate::sockets) fn leave_end(&mut self, (id, side): (ConnectionId, Side), closer: Marking) {
        if let Some(connection) = self.store.get_mut(id) {
            connection.calls_mut(side).marking = Some(closer);
            self.pairing.is_left(connection, side);
        }
    }

    /// The end on `side` is no open socket's any more.
    pub(in crate::sockets) fn close_end(&mut self, id: ConnectionId, side: Side, changes: &mut Vec<Change>) {
        let Some(connection) = self.store.get_mut(id) else {
            return;
        };
        connection.close(side);
        if connection.is_closed() {
            changes.push(Change::Closed { connection: id });
            self.linger(id, changes);
        }
    }

    /// Every traced end is closed: the connection is over now if both were traced, else once too many others linger.
    fn linger(&mut self, id: ConnectionId, changes: &mut Vec<Change>) {
        if self.store.get(id).is_some_and(|connection| connection.ends.iter().all(|end| end.traced)) {
            return self.end(id, None, changes);
        }
        if self.lingering.back() == Some(&id) {
            return;
        }
        self.lingering.push_back(id);
        if self.lingering.len() > limits::LINGERING_CONNECTIONS
            && let Some(oldest) = self.lingering.pop_front()
            && self.store.get(oldest).is_some_and(Connection::is_closed)
        {
            self.end(oldest, None, changes);
        }
    }

    fn end(&mut self, id: ConnectionId, failed: Option<(Errno, Timestamp)>, changes: &mut Vec<Change>) {
        if let Some(connection) = self.store.get_mut(id) {
            self.pairing.forget(connection);
            connection.conclude(failed, changes);
            self.over.push(id);
        }
    }
}
