//! Pipes and FIFOs: which end a descriptor is, and what is done to it.
//!
//! A pipe is a connection in which one end, the writer, sends and the other, the reader, receives. Details have the same
//! inode for both, so the calls tell: pipe has the read end first, a write is made on the write end, a read on the other.
//! What duplicates a descriptor whose end is not known yet, or passes it on, tells nothing.
//!
//! Of a pipe that was there before the trace, more processes may have an end than are seen to use it. Its FINs are told
//! by a read of nothing, and once all that was seen of both ends is closed.
//!
//! A FIFO is a pipe that anybody may open, so it is always like one that was there before. What a descriptor was opened for
//! tells its end; one opened for both stands for both. Where a read has met the end, that conversation is over, and what
//! is written later is another one:
//!
//! ```text
//! write, write, read, read = 0 ─→ FIN of both ends       read = 0: nobody writes      write ─→ SYN …
//! ```

use crate::event::{
    Access, Descriptor, Details, Direction, Event, Family, Inode, Message, Move, Op, Outcome, SocketDetails, Timestamp,
    Transport,
};
use crate::sockets::connection::{Opening, Role};
use crate::sockets::identity::refer;
use crate::sockets::meeting::Entrance;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::{Change, Marking, Moment, Sockets};
use std::rc::Rc;

/// What a pipe's end is.
const KIND: (Family, Transport) = (Family::Pipe, Transport::Stream);

const fn role(end: Direction) -> Role {
    match end {
        Direction::Sent => Role::Writer,
        Direction::Received => Role::Reader,
    }
}

impl Sockets {
    /// pipe: the read end and the write end.
    pub(super) fn pipe_made(&mut self, event: &Event<'_>, [reader, writer]: [Descriptor<'_>; 2], close_on_exec: bool) {
        let [reading, writing] = [(reader, Direction::Received), (writer, Direction::Sent)].map(|(made, end)| {
            let table = self.table(event);
            self.vacate(event, table, made.fd, Op::Replace);
            let socket = self.new_end(end);
            self.take_up(table, made, socket, close_on_exec);
            socket
        });
        let opening = Opening::Made { connected: None, exit: event.exit };
        let entrance = Entrance { role: Role::Writer, opening };
        let id = self.connect_new(writing, entrance);
        self.enter(id, Side::Second, reading, Role::Reader);
        self.mark(id, Side::First, event, writer, None);
        self.mark(id, Side::Second, event, reader, None);
    }

    /// open of a FIFO, or of a pipe once more.
    pub(super) fn pipe_opened(&mut self, event: &Event<'_>, made: Descriptor<'_>, access: Access, close_on_exec: bool) {
        let table = self.table(event);
        self.vacate(event, table, made.fd, Op::Replace);
        let Details::Socket(details) = made.details else {
            return;
        };
        let socket = match access {
            Access::Read => self.end_of(details, Direction::Received),
            Access::Write => self.end_of(details, Direction::Sent),
            Access::Both => self.both_ends_of(details),
        };
        self.place(table, made.fd, socket, None, close_on_exec);
        self.refresh(table, made.fd, socket, details);
    }

    /// The end of the pipe with these details, as it is known or as a new one.
    fn end_of(&mut self, details: &SocketDetails, end: Direction) -> SocketId {
        let known = details.inode.and_then(|inode| self.by_inode.get(&inode.end_of_pipe(end)));
        match known {
            Some(known) => *known,
            None => self.new_end(end),
        }
    }

    /// Both ends of the pipe with these details, as one open file description.
    fn both_ends_of(&mut self, details: &SocketDetails) -> SocketId {
        let ends = [Direction::Sent, Direction::Received].map(|end| {
            let socket = self.end_of(details, end);
            refer(&mut self.open, socket);
            if let Some(open) = self.open.get_mut(socket.0) {
                open.learn(details);
            }
            self.register(socket);
            socket
        });
        let both = self.insert(KIND);
        if let Some(open) = self.open.get_mut(both.0) {
            open.both_ends = Some(ends);
        }
        both
    }

    /// An end of a pipe that no descriptor stands for yet.
    fn new_end(&mut self, end: Direction) -> SocketId {
        let socket = self.insert(KIND);
        if let Some(open) = self.open.get_mut(socket.0) {
            open.pipe_end = Some(end);
        }
        socket
    }

    /// A payload call on a descriptor of which nothing is known. If it is a pipe's, the call tells which end it is.
    #[cold]
    #[inline(never)]
    pub(super) fn unknown_moved(&mut self, event: &Event<'_>, call: &Move<'_>) {
        if self.pipe_used(event, call).is_some() {
            self.call_moved(event, call);
        }
    }

    /// The end that a payload call uses, of which its descriptor told nothing before.
    fn pipe_used(&mut self, event: &Event<'_>, call: &Move<'_>) -> Option<SocketId> {
        let details = pipe_in(call)?;
        let socket = self.end_of(details, call.direction);
        let table = self.table(event);
        self.place(table, call.socket.fd, socket, None, false);
        self.refresh(table, call.socket.fd, socket, details);
        Some(socket)
    }

    /// A call moved bytes through an end of a pipe. If it is not the end that was known, the descriptor has come to stand
    /// for something else, unseen.
    #[cold]
    pub(super) fn pipe_moved(&mut self, event: &Event<'_>, socket: SocketId, moment: &Moment, call: &Move<'_>) {
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        let both_ends = open.both_ends;
        if let Some([writer, reader]) = both_ends {
            let end = match call.direction {
                Direction::Sent => writer,
                Direction::Received => reader,
            };
            return self.end_moved(end, moment, call);
        }
        if open.pipe_end == Some(call.direction) {
            return self.end_moved(socket, moment, call);
        }
        if call.op == Op::Vmsplice {
            // Into memory, of which strace shows what was there before.
            let unseen = |message: &Message| Message { captured: 0, ..message.clone() };
            let messages: Vec<_> = call.messages.iter().map(unseen).collect();
            let call = Move { direction: call.direction.other(), payload: &[], messages: &messages, ..call.clone() };
            return self.pipe_moved(event, socket, moment, &call);
        }
        self.other_end_moved(event, socket, moment, call);
    }

    /// A call moved bytes through the end that its descriptor did not stand for: it was opened for both before the trace,
    /// or it has come to stand for something else, unseen.
    fn other_end_moved(&mut self, event: &Event<'_>, socket: SocketId, moment: &Moment, call: &Move<'_>) {
        let same = self.open.get(socket.0).and_then(|open| open.inode);
        let details = pipe_in(call);
        let is_both = |details: &&Rc<SocketDetails>| {
            let inode = details.inode.filter(|inode| inode.is_fifo());
            inode.map(|inode| inode.end_of_pipe(call.direction.other())) == same && same.is_some()
        };
        let table = self.table(event);
        if let Some(details) = details.filter(is_both) {
            let both = self.both_ends_of(details);
            let closes = self.tables.slot(table, call.socket.fd);
            let closes = closes.is_some_and(|slot| slot.close_on_exec);
            self.vacate(event, table, call.socket.fd, Op::Replace);
            self.place(table, call.socket.fd, both, None, closes);
            return self.pipe_moved(event, both, moment, call);
        }
        self.vacate(event, table, call.socket.fd, Op::Replace);
        if let Some(other) = self.pipe_used(event, call) {
            self.end_moved(other, moment, call);
        }
    }

    /// A call moved bytes through this end.
    fn end_moved(&mut self, socket: SocketId, moment: &Moment, call: &Move<'_>) {
        if self.is_fifo(socket) && self.fifo_moved(socket, moment, call) {
            return;
        }
        if self.open.get(socket.0).is_some_and(|open| open.stream.is_none()) {
            let entrance = Entrance { role: role(call.direction), opening: Opening::Unseen };
            self.enter_new(socket, entrance);
            self.settle(socket);
        }
        self.stream_moved(socket, moment, call);
    }

    fn is_fifo(&self, socket: SocketId) -> bool {
        let inode = self.open.get(socket.0).and_then(|open| open.inode);
        inode.is_some_and(Inode::is_fifo)
    }

    /// What a call on a FIFO does beside moving bytes: a read of nothing ends the conversation, if there was one, and what
    /// moves after that begins another. True if that was all.
    fn fifo_moved(&mut self, socket: SocketId, moment: &Moment, call: &Move<'_>) -> bool {
        let moved: u64 = call.messages.iter().map(|message| message.moved).sum();
        let Some((id, side)) = self.open.get(socket.0).and_then(|open| open.stream) else {
            return moved == 0;
        };
        let Some(connection) = self.connections.get(id) else {
            return true;
        };
        let (writer, count) = match call.direction {
            Direction::Sent => (side, connection.end(side).sent),
            Direction::Received => (side.other(), connection.end(side).received),
        };
        let flow = *connection.flow_from(writer);
        if moved == 0 {
            let is_end = call.direction == Direction::Received && call.requested.is_some_and(|room| room > 0);
            if is_end && flow.accounted > 0 {
                for finished in [writer, writer.other()] {
                    self.finish_flow(id, [finished, side], moment.marking, moment.exit);
                }
            }
            return true;
        }
        if flow.finished && count.saturating_add(moved) > flow.accounted {
            self.part(id);
        }
        false
    }

    /// The conversation is over, and its ends are free for another.
    fn part(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        for side in [Side::First, Side::Second] {
            let end = connection.end_mut(side);
            end.closed = true;
            if let Some(socket) = end.socket.take()
                && let Some(open) = self.open.get_mut(socket.0)
            {
                open.stream = None;
            }
        }
        self.changes.push(Change::Closed { connection: id });
        self.end(id);
    }

    /// The last descriptor of an end is closed.
    pub(super) fn pipe_closed(&mut self, (id, side): (ConnectionId, Side), marking: Marking, time: Timestamp) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        if connection.opening == Opening::Unseen {
            let other = connection.end(side.other());
            if !(other.traced && other.closed) {
                return;
            }
            self.finish_flow(id, [side.other(), side], marking, time);
        }
        self.finish_flow(id, [side, side], marking, time);
    }
}

/// The details of the pipe that a successful call was made on.
fn pipe_in<'e>(call: &Move<'e>) -> Option<&'e Rc<SocketDetails>> {
    match call.socket.details {
        Details::Socket(details)
            if details.family == Family::Pipe
                && details.inode.is_some()
                && matches!(call.outcome, Outcome::Done(_)) =>
        {
            Some(details)
        }
        _ => None,
    }
}
