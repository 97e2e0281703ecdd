//! Which open socket and which connection an event belongs to, and what it does to them.
//!
//! [`Sockets::apply`] takes events in the order of the trace; [`Sockets::changes`] are what the last one did, or a part of it
//! where [`Sockets::goes_on`] says so. Identity rests on the best evidence there is: the inode in the details; the addresses
//! in them; the open file description followed through socket, accept, dup, fork, exec and SCM_RIGHTS. What calls say about
//! addresses stands above details, which strace never refreshes.
//!
//! ```text
//! Event ─→ descriptors (thread → table → slot) ─→ registry (open socket) ─→ connections (connection, side) ─→ Change
//! ```
//!
//! Each of the three owns its state and names only those before it. What a call does to them is a function on [`Sockets`],
//! which holds the three, in a file for each kind of call: `open`, `processes`, `transfer`, `ancillary`, `pipes`, `beside`.
//! What ends over several steps is in `ending`.

mod ancillary;
mod beside;
mod change;
mod connections;
mod descriptors;
mod ending;
mod head;
mod identity;
mod in_flight;
mod known;
mod left;
mod names;
mod now;
mod open;
mod open_socket;
mod pair_digest;
mod pipes;
mod processes;
mod registry;
mod sending;
#[cfg(test)]
mod tests;
mod transfer;

pub use change::{Change, Moved, Overlap, Payload, Refs, Shape, Stream, UnixEnd, UnixMessage};
pub use connections::{ByConnection, Calls, Connection, End, Flow, Opening, Role, ToldBy};
pub use names::{ConnectionId, FlowId, Side, SocketNumber};
pub use open_socket::{canonical, is_vague, reached};

use crate::event::{
    Descriptor, Details, Errno, Event, Family, Fd, Marking, Op, ProcessRef, SocketDetails, Tid, Timestamp, Transport,
    What,
};
use crate::limits;
use connections::{Connections, Origin, Witnessed};
use descriptors::{Channel, Pidfds, Remains, Rights, Sessions, Slot, TableId, Tables};
use identity::{details_of, serial_of};
use in_flight::InFlight;
use names::SocketId;
use now::Now;
use open_socket::OpenSocket;
use registry::Registry;
use sending::Sending;
use std::collections::VecDeque;

/// Who closes a socket, and when; none where the trace just does not follow it any further.
type Closer = Option<Witnessed>;

/// The state of all sockets and connections of a trace.
#[derive(Debug, Default)]
pub struct Sockets {
    now: Now,
    /// Whose events come: who turns to another process sets it.
    pub acting: ProcessRef,
    tables: Tables,
    sessions: Sessions,
    rights: Rights,
    pidfds: Pidfds,
    registry: Registry,
    connections: Connections,
    sending: Sending,
    in_flight: InFlight,
    /// How many traces the events are of, where these are several.
    traces: usize,
    /// Calls that have failed, or that others came in between, have been seen: `strace -z` shows neither.
    shows_failures: bool,
    /// Calls come in the order of their ends: of several traces, or of one by `strace -z`.
    at_ends: bool,
    /// What the event at hand did, in order.
    changes: Vec<Change>,
    /// Sockets with one reference too many: in flight and never to arrive, or the ends of a FIFO opened for both.
    undelivered: Vec<(SocketId, Closer)>,
    /// Processes whose threads are still to end, by the thread that called exit_group.
    exiting: VecDeque<Now>,
    /// What the thread that ends had open and is still to be closed.
    leaving: Option<Remains>,
    /// At the end of the trace, once no process is about to end any more: the connections that are still to be ended.
    ending: Option<std::vec::IntoIter<ConnectionId>>,
    is_at_end: bool,
}

impl Sockets {
    /// Takes the next event.
    #[inline(always)]
    pub fn apply(&mut self, event: &Event<'_>) {
        self.sweep();
        if event.entry < self.now.entry {
            beside::goes_back(self);
        }
        if event.resumed {
            beside::failures_are_shown(self);
        }
        self.now = Now { tid: event.tid, process: self.acting, entry: event.entry, exit: event.exit };
        match &event.what {
            What::Move(call) => {
                transfer::moved(self, call);
                if !self.sending.is_empty() {
                    beside::send_ended(self, event.tid, call.outcome);
                }
            }
            other => self.apply_other(other),
        }
    }

    /// Takes an event that moves no payload that is seen.
    #[inline(never)]
    fn apply_other(&mut self, what: &What<'_>) {
        match what {
            What::Socket { made, family, transport, protocol, close_on_exec } => {
                open::socket(self, *made, (*family, *transport), *protocol, *close_on_exec);
            }
            What::Pair { made, family, transport, close_on_exec } => {
                open::socketpair(self, *made, (*family, *transport), *close_on_exec);
            }
            What::Bind { socket, address } => open::bind(self, *socket, address),
            What::LocalName { socket, address } => open::local_name(self, *socket, address),
            What::Connect { socket, address, outcome } => open::connect(self, *socket, address, *outcome),
            What::ConnectBegun { socket, address } => {
                open::connect_begun(self, *socket, address);
            }
            What::MoveBegun { socket, op, direction } => transfer::begun(self, *socket, (*op, *direction)),
            What::Accept { listener, made, peer, close_on_exec } => {
                open::accept(self, [*listener, *made], peer.as_ref(), *close_on_exec);
            }
            What::RemoteName { socket, address } => open::remote_name(self, *socket, address),
            What::SocketError { socket, error } => transfer::error_fetched(self, *socket, *error),
            What::PeerProcess { socket, process } => transfer::peer_is(self, *socket, *process),
            What::ResetOnClose { socket, on } => open::reset_on_close(self, *socket, *on),
            What::Listen { socket } => open::listen(self, *socket),
            What::Cork { socket, on } => transfer::corked(self, *socket, *on),
            What::Segment { socket, segments } => transfer::segmented(self, *socket, *segments),
            What::Membership { socket, group, own, joins } => {
                transfer::membership(self, *socket, (*group, *own), *joins);
            }
            What::Relay { from, to, op, moved } => transfer::spliced(self, [*from, *to], *op, *moved),
            What::ShutdownBegun { socket, how } => transfer::shutdown_begun(self, *socket, *how),
            What::Shutdown { socket, how, outcome } => transfer::shutdown(self, *socket, *how, *outcome),
            What::Close { socket, outcome } => processes::close(self, *socket, *outcome),
            What::CloseRange { first, last, only_mark, unshare } => {
                if *unshare {
                    self.tables.unshare(self.now.tid);
                }
                processes::close_range(self, *first..=*last, *only_mark);
            }
            What::Duplicate { from, made, close_on_exec } => processes::duplicate(self, [*from, *made], *close_on_exec),
            What::CloseOnExec { fd, on } => processes::close_on_exec(self, *fd, *on),
            What::Appeared { made, second, close_on_exec } => {
                self.arrive(*made, None, *close_on_exec);
                if let Some(second) = *second {
                    self.arrive(second, None, *close_on_exec);
                }
            }
            What::Opaque { made: Some(made) } => self.arrive(*made, None, true),
            What::Pipe { reader, writer, close_on_exec } => pipes::pipe(self, [*reader, *writer], *close_on_exec),
            What::PipeOpened { made, access, close_on_exec } => pipes::open(self, *made, *access, *close_on_exec),
            What::PidfdOpened { made, process } => processes::pidfd_open(self, *made, *process),
            What::Fetched { pidfd, process, from, made } => {
                processes::pidfd_getfd(self, *process, [pidfd.fd, *from], *made);
            }
            What::CloneBegun { sharing } => {
                self.table();
                self.tables.clone_begun(self.now.tid, *sharing);
            }
            What::Cloned { child, sharing } => processes::cloned(self, *child, *sharing),
            What::UnsharedFiles => self.tables.unshare(self.now.tid),
            What::Executed { .. } => processes::executed(self),
            What::Superseded { by } => processes::superseded(self, *by),
            What::Ended { group: true } => processes::exiting(self),
            What::Ended { group: false } => processes::ended(self, false),
            What::Move(_) | What::Called { .. } | What::Keys { .. } | What::Opaque { made: None } => {}
        }
    }

    /// The events are of so many traces.
    pub const fn merge(&mut self, traces: usize) {
        (self.traces, self.at_ends) = (traces, traces > 1);
    }

    /// Whether the event, or the end of the trace, does more than [`Self::changes`]; these are what comes next then.
    #[inline(always)]
    pub fn goes_on(&mut self) -> bool {
        (self.leaving.is_some() || self.is_at_end) && ending::goes_on(self)
    }

    /// What has been read is gone.
    #[inline(always)]
    fn sweep(&mut self) {
        self.changes.clear();
        self.connections.sweep();
    }

    /// What the last event did, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What these changes refer to; `event` is the one that made them.
    pub const fn refs<'a>(&'a self, event: &'a Event<'a>) -> Refs<'a> {
        Refs::new(Some(event), self)
    }

    /// The end of the trace: every connection is over, in the order in which they were made.
    pub fn finish(&mut self) {
        self.is_at_end = true;
        self.goes_on();
    }

    /// The same at the end of the trace.
    pub const fn last_refs(&self) -> Refs<'_> {
        Refs::new(None, self)
    }

    /// A connection that is not over, or that the last event has ended.
    #[inline]
    fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.any(id)
    }

    /// The process of the thread that does `event`, by the thread it began with, as far as clones tell; else the thread.
    pub fn process_of(&mut self, event: &Event<'_>) -> Tid {
        // A thread of which nothing but the end is seen had no table that anything could be known of.
        if !matches!(event.what, What::Ended { .. }) {
            self.tables.of(event.tid, &mut self.registry);
        }
        self.tables.process(event.tid)
    }

    /// Whether details with a family (`-yy`) have been seen.
    pub const fn has_full_details(&self) -> bool {
        self.registry.full_details
    }

    /// Whether there have been open sockets.
    pub const fn have_been_seen(&self) -> bool {
        self.registry.last.is_some()
    }

    /// The table of the event's thread.
    #[inline]
    fn table(&mut self) -> TableId {
        self.tables.of(self.now.tid, &mut self.registry)
    }

    /// What a packet of this event says about who made it.
    #[inline]
    fn marking(&self, fd: Fd, op: Option<Op>) -> Marking {
        Marking {
            tid: self.now.tid,
            process: self.now.process,
            fd,
            session: self.sessions.current(self.now.tid, fd),
            op,
        }
    }

    /// The open socket that `descriptor` stands for; none if it is no socket, or nothing tells. Mostly the details are the
    /// ones that were printed last.
    #[inline(always)]
    fn locate(&mut self, descriptor: Descriptor<'_>) -> Option<SocketId> {
        let table = self.table();
        if let Details::Socket(details) = descriptor.details
            && let Some(slot) = self.tables.slot(table, descriptor.fd)
            && slot.seen == details.serial
        {
            return Some(slot.socket);
        }
        self.locate_anew(table, descriptor)
    }

    #[inline(never)]
    fn locate_anew(&mut self, table: TableId, descriptor: Descriptor<'_>) -> Option<SocketId> {
        let slot = self.tables.slot(table, descriptor.fd);
        match descriptor.details {
            Details::Missing => {
                slot.map(|slot| slot.socket).or_else(|| processes::inherited(self, table, descriptor.fd))
            }
            Details::NotSocket => {
                self.vacate(table, descriptor.fd, Op::Replace);
                None
            }
            Details::Socket(details) => {
                if let Some(slot) = slot {
                    let socket = slot.socket;
                    if let Some(open) = self.registry.get(socket).filter(|open| identity::agrees(open, details)) {
                        if open.knows(details) {
                            self.tables.see(table, descriptor.fd, details, &mut self.registry);
                        } else {
                            self.refresh(table, descriptor.fd, socket, details);
                        }
                        return Some(socket);
                    }
                    if open::part(self, socket, descriptor.fd, details) {
                        return Some(socket);
                    }
                    // Its close was not traced.
                    self.vacate(table, descriptor.fd, Op::Replace);
                }
                // Which end of a pipe it is, the first payload call shows.
                (details.family != Family::Pipe).then(|| self.recognise(table, descriptor.fd, details))
            }
        }
    }

    /// As [`Self::locate`], and where nothing is known a new socket of the given kind: the call itself shows that it is
    /// one.
    fn locate_or_make(&mut self, descriptor: Descriptor<'_>, kind: (Family, Transport)) -> Option<SocketId> {
        let found = self.locate(descriptor);
        if found.is_some() || !matches!(descriptor.details, Details::Missing) || descriptor.fd.0 > limits::FD {
            return found;
        }
        let table = self.table();
        let socket = self.registry.insert(kind);
        self.install(table, descriptor.fd, socket, SocketDetails::NO_SERIAL, false);
        Some(socket)
    }

    /// A socket that a call has just made: whatever the descriptor stood for before is gone.
    fn make(&mut self, made: Descriptor<'_>, kind: (Family, Transport), close_on_exec: bool) -> SocketId {
        let table = self.table();
        self.vacate(table, made.fd, Op::Replace);
        let socket = self.registry.insert(kind);
        self.take_up(table, made, socket, close_on_exec);
        socket
    }

    /// Lets the descriptor that a call has made stand for a new socket.
    fn take_up(&mut self, table: TableId, made: Descriptor<'_>, socket: SocketId, close_on_exec: bool) {
        let details = details_of(made);
        self.registry.learn(socket, details);
        self.install(table, made.fd, socket, serial_of(details), close_on_exec);
    }

    /// A descriptor that came by dup, SCM_RIGHTS or pidfd_getfd: it stands for `socket`, or for what its details say.
    fn arrive(&mut self, made: Descriptor<'_>, socket: Option<SocketId>, close_on_exec: bool) {
        let table = self.table();
        let details = details_of(made);
        let Some(socket) = socket else {
            self.vacate(table, made.fd, Op::Replace);
            if let Some(details) = details.filter(|details| details.family != Family::Pipe) {
                self.recognise(table, made.fd, details);
                self.tables.close_on_exec(table, made.fd, close_on_exec, &mut self.registry);
            }
            return;
        };
        // Refer first, so that dup2 of a descriptor onto itself or its twin does not close what it keeps.
        self.registry.refer(socket);
        self.vacate(table, made.fd, Op::Replace);
        self.install(table, made.fd, socket, serial_of(details), close_on_exec);
        self.registry.release_extra(socket);
    }

    /// A descriptor not seen before, by its details: a socket known from elsewhere, or a new one.
    fn recognise(&mut self, table: TableId, fd: Fd, details: &SocketDetails) -> SocketId {
        let known = self.registry.find(details);
        let socket = known.unwrap_or_else(|| self.registry.insert((details.family, details.transport)));
        self.install(table, fd, socket, SocketDetails::NO_SERIAL, false);
        self.refresh(table, fd, socket, details);
        socket
    }

    /// The details of a known socket say more than before.
    fn refresh(&mut self, table: TableId, fd: Fd, socket: SocketId, details: &SocketDetails) {
        self.tables.see(table, fd, details, &mut self.registry);
        self.registry.learn(socket, Some(details));
        self.tell_connection(socket);
    }

    /// Lets `fd` stand for `socket`.
    fn install(&mut self, table: TableId, fd: Fd, socket: SocketId, seen: u64, close_on_exec: bool) {
        self.registry.refer(socket);
        self.tables.put(table, fd, Slot { socket, seen, close_on_exec }, &mut self.registry);
    }

    /// More is known of a socket: it is findable by that, and its connection knows.
    fn refresh_connection(&mut self, socket: SocketId) {
        self.registry.register(socket);
        self.tell_connection(socket);
    }

    /// More is known of a socket, which may be all that its connection, or what waits for its address, needed.
    fn tell_connection(&mut self, socket: SocketId) {
        if self.registry.get(socket).is_some_and(|open| open.stream.is_some()) {
            self.connections.refresh(&mut self.registry, socket, &mut self.changes);
        } else {
            self.changes.extend(self.registry.announce_address(socket));
        }
    }

    /// The connection of `socket`, and its side of it.
    fn stream(&self, socket: SocketId) -> Option<(ConnectionId, Side)> {
        self.registry.get(socket)?.stream
    }

    /// The same, as far as it has come.
    fn connection_of(&self, socket: SocketId) -> Option<&Connection> {
        self.stream(socket).and_then(|(id, _)| self.connections.get(id))
    }

    /// A socket was taken for a stream by its connect alone, and a call shows that it has datagrams; whether it was.
    fn turn_into_datagrams(&mut self, socket: SocketId) -> bool {
        let Some(open) = self.registry.get_mut(socket).filter(|open| !open.family_known && open.family != Family::Unix)
        else {
            return false;
        };
        open.transport = Transport::Datagram;
        if let Some((id, _)) = open.stream {
            self.connections.part(&mut self.registry, id, &mut self.changes);
        }
        true
    }

    /// The connection that `socket` has begun may learn its own address yet: by `details_tell` with the next details.
    fn expect_address(&mut self, socket: SocketId, details_tell: bool) {
        if (details_tell || self.registry.is_answered(socket))
            && let Some((id, _)) = self.stream(socket)
            && let Some(connection) = self.connections.get_mut(id)
        {
            connection.awaits_address = true;
        }
    }

    /// Lets `socket` enter the connection that waits for it, or a new one.
    fn join(&mut self, socket: SocketId, origin: Origin) -> Option<(ConnectionId, Side)> {
        // strace -z shows no connect that does not wait: another one may have been accepted.
        let connects_are_shown = !self.at_ends || self.traces > 1;
        let (id, side) = self.connections.join(&mut self.registry, socket, origin, connects_are_shown)?;
        if origin.opening != Opening::Unseen {
            self.changes.push(Change::Begun { connection: id });
        }
        Some((id, side))
    }

    /// Something that only a made connection allows has succeeded. The connection that the socket has then: it may have been
    /// put together with one that the other end's calls had begun.
    fn prove(&mut self, socket: SocketId, time: Timestamp) -> Option<(ConnectionId, Side)> {
        let (id, _) = self.stream(socket)?;
        if let Some(connection) = self.connections.get_mut(id) {
            connection.prove(time);
        }
        self.refresh_connection(socket);
        self.stream(socket)
    }

    /// As [`Connections::decide`], where that is open; the connection that the socket has then.
    fn decide(&mut self, socket: SocketId, received: Option<&[u8]>) -> Option<(ConnectionId, Side)> {
        let stream = self.stream(socket)?;
        if self.connections.get(stream.0).is_some_and(|connection| connection.is_undecided) {
            self.connections.decide(&mut self.registry, stream, socket, received);
            self.refresh_connection(socket);
        }
        self.stream(socket)
    }

    /// Remembers who brought an end into its connection.
    fn mark(&mut self, (id, side): (ConnectionId, Side), fd: Fd, op: Option<Op>) {
        let marking = self.marking(fd, op);
        if let Some(connection) = self.connections.get_mut(id) {
            let calls = connection.calls_mut(side);
            (calls.brought, calls.marking) = (Some(marking), Some(marking));
        }
    }

    /// The first of `sides` sends no more, as the second has seen.
    fn finish_flow(&mut self, id: ConnectionId, sides: [Side; 2], witnessed: Witnessed) {
        self.connections.finish(&mut self.registry, id, sides, witnessed, &mut self.changes);
    }

    /// The first of `sides` resets the connection, as the second has seen.
    fn reset(&mut self, id: ConnectionId, sides: [Side; 2], witnessed: Witnessed) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.reset(sides, witnessed, &mut self.changes);
        }
    }

    /// The connection could not be made.
    fn fail(&mut self, id: ConnectionId, error: Errno) {
        self.connections.fail(&mut self.registry, id, (error, self.now.exit), &mut self.changes);
    }

    /// `fd` stands for nothing any more; its socket is closed if this was the last descriptor.
    fn vacate(&mut self, table: TableId, fd: Fd, op: Op) {
        processes::closed_early(self, table, &(fd..=fd));
        if let Some(slot) = self.tables.take(table, fd, &mut self.registry) {
            self.drop_slot(fd, &slot, op);
        }
    }

    /// A slot is gone from its table.
    fn drop_slot(&mut self, fd: Fd, slot: &Slot, op: Op) {
        let closer = (self.marking(fd, Some(op)), self.now.entry);
        self.drop_reference(slot.socket, Some(closer));
    }

    /// A whole table is gone.
    fn drop_slots(&mut self, slots: Remains, op: Op) {
        for (fd, slot) in slots {
            self.drop_slot(fd, &slot, op);
        }
    }

    /// One descriptor fewer stands for `socket`. If that closes a UNIX stream, all that was in flight to it is gone as well.
    fn drop_reference(&mut self, socket: SocketId, closer: Closer) {
        self.undelivered.push((socket, closer));
        while let Some((socket, closer)) = self.undelivered.pop() {
            if self.registry.get(socket).is_some_and(|open| open.references == 1 && open.stream.is_some()) {
                self.decide(socket, None);
            }
            if let Some(open) = self.registry.release(socket) {
                self.closed(socket, &open, closer);
            }
        }
    }

    /// The last descriptor of a socket is gone.
    fn closed(&mut self, socket: SocketId, open: &OpenSocket, closer: Closer) {
        let both_ends = open.seldom().both_ends.into_iter().flatten();
        self.undelivered.extend(both_ends.map(|end| (end, closer)));
        self.undeliverable(Channel::To(socket), closer);
        let Some((id, side)) = open.stream else {
            return self.changes.push(Change::SocketClosed { socket: open.number });
        };
        let ended_before = self.connections.over().len();
        if let Some(witnessed) = closer {
            if open.pipe_end.is_some() {
                pipes::end_closed(self, (id, side), open, witnessed);
            } else if left::is_left_to_a_child(self, (id, side), open, witnessed) {
                // It goes on with a process that nobody told of.
            } else if open.seldom().reset_on_close || self.connections.get(id).is_some_and(|at| at.leaves_unread(side))
            {
                self.reset(id, [side; 2], witnessed);
            } else {
                self.finish_flow(id, [side; 2], witnessed);
            }
        }
        self.undeliverable(Channel::From(id, side.other()), closer);
        self.connections.close_end(id, side, &mut self.changes);
        let mut ended = ended_before..self.connections.over().len();
        while let Some(id) = ended.next().and_then(|at| self.connections.over().get(at).copied()) {
            self.undeliverable(Channel::From(id, Side::First), None);
            self.undeliverable(Channel::From(id, Side::Second), None);
        }
    }

    /// What is under way will not be received: its receiver is closed, or the connection is over.
    fn undeliverable(&mut self, channel: Channel, closer: Closer) {
        if !self.rights.is_empty() {
            self.undelivered.extend(self.rights.close(channel).map(|socket| (socket, closer)));
        }
    }
}
