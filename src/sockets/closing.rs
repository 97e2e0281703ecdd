//! How connections end: close of the last descriptor, shutdown, the other end's FIN or RST; what lingers afterwards.

use crate::event::Errno;
use crate::event::{Descriptor, Event, Family, Fd, How, Op, Outcome, Timestamp};
use crate::limits;
use crate::sockets::connection::{Connection, Opening};
use crate::sockets::handover::Way;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::slots::Slot;
use crate::sockets::tables::TableId;
use crate::sockets::{Change, Closer, Marking, Sockets};

impl Sockets {
    /// close.
    pub(super) fn closed(&mut self, event: &Event<'_>, socket: Descriptor<'_>, outcome: Outcome) {
        let Some(located) = self.locate(event, socket) else {
            return;
        };
        let family = self.family(located);
        if !matches!(outcome, Outcome::Failed(Errno::BadFd)) {
            let table = self.table(event);
            self.vacate(event, table, socket.fd, Op::Close);
        }
        self.session_ended(event, socket, family, outcome);
    }

    /// shutdown.
    pub(super) fn shut_down(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, how: How, outcome: Outcome) {
        let Some(socket) = self.locate(event, descriptor) else {
            return;
        };
        let done = outcome.value().is_some();
        if done
            && matches!(how, How::Read | How::Both)
            && let Some(open) = self.open.get_mut(socket.0)
        {
            open.read_shut = true;
        }
        let sends_fin = done && matches!(how, How::Write | How::Both);
        if sends_fin && let Some((id, side)) = self.open.get(socket.0).and_then(|open| open.stream) {
            let marking = self.moment(event, descriptor, Some(Op::Shutdown)).marking;
            self.finish_flow(id, [side, side], marking, event.entry);
        }
        self.session_ended(event, descriptor, self.family(socket), outcome);
    }

    pub(super) fn family(&self, socket: SocketId) -> Family {
        self.open.get(socket.0).map_or(Family::Other, |open| open.family)
    }

    /// setsockopt(SO_LINGER).
    pub(super) fn reset_on_close(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, on: bool) {
        if let Some(socket) = self.locate(event, descriptor)
            && let Some(open) = self.open.get_mut(socket.0)
        {
            open.reset_on_close = on;
        }
    }

    /// `fd` stands for nothing any more; its socket is closed if this was the last descriptor.
    pub(super) fn vacate(&mut self, event: &Event<'_>, table: TableId, fd: Fd, op: Op) {
        if let Some(slot) = self.tables.take(table, fd) {
            self.let_go(event, fd, &slot, op);
        }
    }

    /// A slot is gone from its table.
    pub(super) fn let_go(&mut self, event: &Event<'_>, fd: Fd, slot: &Slot, op: Op) {
        let session = self.sessions.current(event.tid, fd);
        let marking = Marking { tid: event.tid, fd, session, op: Some(op) };
        self.drop_reference(slot.socket, Some((marking, event.entry)));
    }

    /// One descriptor fewer stands for `socket`. If that closes a UNIX stream, what was in flight to it is gone as well,
    /// and what was in flight to that.
    pub(super) fn drop_reference(&mut self, socket: SocketId, closer: Closer) {
        self.drop_one(socket, closer);
        while let Some((socket, closer)) = self.undelivered.pop() {
            self.drop_one(socket, closer);
        }
    }

    fn drop_one(&mut self, socket: SocketId, closer: Closer) {
        let Some(open) = self.open.get_mut(socket.0) else {
            return;
        };
        open.references = open.references.saturating_sub(1);
        if open.references > 0 {
            return;
        }
        let open = self.open.remove(socket.0);
        self.tables.closed(socket);
        self.unregister(socket, &open);
        let both_ends = open.both_ends.into_iter().flatten();
        self.undelivered.extend(both_ends.map(|end| (end, closer)));
        if !self.transits.is_empty() {
            self.undeliverable(Way::To(socket), closer);
        }
        let Some((id, side)) = open.stream else {
            return self.changes.push(Change::SocketClosed { socket: open.number });
        };
        if let Some((marking, time)) = closer {
            if open.pipe_end.is_some() {
                self.pipe_closed((id, side), marking, time);
            } else if open.reset_on_close || self.leaves_unread(id, side) {
                self.reset(id, [side, side], marking, time);
            } else {
                self.finish_flow(id, [side, side], marking, time);
            }
        }
        if !self.transits.is_empty() {
            self.undeliverable(Way::From(id, side.other()), closer);
        }
        self.close_end(id, side);
    }

    /// The end on `side` is no open socket's any more.
    pub(super) fn close_end(&mut self, id: ConnectionId, side: Side) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let end = connection.end_mut(side);
        end.socket = None;
        end.closed = true;
        if connection.is_closed() {
            self.changes.push(Change::Closed { connection: id });
            self.linger(id);
        }
    }

    /// Whether a close on `side` throws away bytes that the other end has sent: TCP then resets (RFC 2525 §2.17).
    fn leaves_unread(&self, id: ConnectionId, side: Side) -> bool {
        self.connections.get(id).is_some_and(|connection| {
            let end = connection.end(side);
            !connection.family.is_local()
                && !matches!(connection.opening, Opening::Unseen)
                && connection.end(side.other()).traced
                && connection.flow_from(side.other()).accounted > end.received
        })
    }

    /// The end on `side` sends no more, as the end on `by` has seen.
    pub(super) fn finish_flow(&mut self, id: ConnectionId, [side, by]: [Side; 2], marking: Marking, time: Timestamp) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        if let Opening::Begun { .. } = connection.opening {
            self.fail(id, Errno::InProgress, time);
            return;
        }
        let flow = connection.flow_from_mut(side);
        if flow.finished || connection.reset {
            return;
        }
        connection.flow_from_mut(side).finished = true;
        connection.announce(&mut self.changes);
        self.changes.push(Change::Finished { connection: id, side, by, marking, time });
    }

    /// The end on `side` resets the connection, as the end on `by` has seen.
    pub(super) fn reset(&mut self, id: ConnectionId, [side, by]: [Side; 2], marking: Marking, time: Timestamp) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        if connection.reset || matches!(connection.opening, Opening::Begun { .. }) {
            return;
        }
        connection.reset = true;
        connection.announce(&mut self.changes);
        self.changes.push(Change::Reset { connection: id, side, by, marking, time });
    }

    /// The connection could not be made.
    pub(super) fn fail(&mut self, id: ConnectionId, error: Errno, time: Timestamp) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        for side in [Side::First, Side::Second] {
            if let Some(socket) = connection.end_mut(side).socket.take()
                && let Some(open) = self.open.get_mut(socket.0)
            {
                open.stream = None;
            }
        }
        self.changes.push(Change::Failed { connection: id, error, time });
        self.end(id);
    }

    /// Every traced end is closed: the connection is over now if both were traced, else once too many others linger.
    fn linger(&mut self, id: ConnectionId) {
        let both = self.connections.get(id).is_some_and(|connection| connection.ends.iter().all(|end| end.traced));
        if both {
            self.end(id);
            return;
        }
        if self.lingering.back() == Some(&id) {
            return;
        }
        self.lingering.push_back(id);
        if self.lingering.len() > limits::LINGERING_CONNECTIONS
            && let Some(oldest) = self.lingering.pop_front()
            && self.connections.get(oldest).is_some_and(Connection::is_closed)
        {
            self.end(oldest);
        }
    }

    /// The connection is over.
    pub(super) fn end(&mut self, id: ConnectionId) {
        self.forget(id);
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.over = true;
        self.over.push(id);
        if !self.transits.is_empty() {
            self.undeliverable(Way::From(id, Side::First), None);
            self.undeliverable(Way::From(id, Side::Second), None);
        }
        self.changes.push(Change::ConnectionForgotten { connection: id });
    }

    /// The connection can no longer be joined.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.leave_place(id);
        let Some(connection) = self.connections.any(id) else {
            return;
        };
        if let Some(pair) = connection.pair
            && let Some(ids) = self.by_pair.get_mut(&pair)
        {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_pair.remove(&pair);
            }
        }
        for inode in connection.ends.iter().filter_map(|end| end.inode) {
            if self.by_end_inode.get(&inode) == Some(&id) {
                self.by_end_inode.remove(&inode);
            }
        }
    }
}
