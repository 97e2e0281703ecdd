//! Pipes: which end a descriptor is, and what is done to it.
//!
//! A pipe is a connection in which one end, the writer, sends and the other, the reader, receives. Details have the same
//! inode for both, so the calls tell: pipe has the read end first, a write is made on the write end, a read on the other.
//! What duplicates a descriptor whose end is not known yet, or passes it on, tells nothing.
//!
//! Of a pipe that was there before the trace, more processes may have an end than are seen to use it. Its FINs are told
//! by a read of nothing, and once all that was seen of both ends is closed.

use crate::event::{
    Descriptor, Details, Direction, Event, Family, Message, Move, Op, Outcome, Timestamp, Transport,
};
use crate::sockets::connection::{Opening, Role};
use crate::sockets::meeting::Entrance;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::{Change, Marking, Moment, Sockets};

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
    pub(super) fn pipe_made<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        [reader, writer]: [Descriptor<'_>; 2],
        close_on_exec: bool,
        sink: &mut F,
    ) {
        let [reading, writing] =
            [(reader, Direction::Received), (writer, Direction::Sent)].map(|(made, end)| {
                let table = self.table(event);
                self.vacate(event, table, made.fd, Op::Replace, sink);
                let socket = self.new_end(end);
                self.take_up(table, made, socket, close_on_exec);
                socket
            });
        let opening = Opening::Made {
            connected: None,
            exit: event.exit,
        };
        let entrance = Entrance {
            role: Role::Writer,
            opening,
        };
        let id = self.connect_new(writing, entrance);
        self.enter(id, Side::Second, reading, Role::Reader);
        self.mark(id, Side::First, event, writer, None);
        self.mark(id, Side::Second, event, reader, None);
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
    pub(super) fn unknown_moved<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        call: &Move<'_>,
        sink: &mut F,
    ) {
        if self.pipe_used(event, call, sink).is_some() {
            self.call_moved(event, call, sink);
        }
    }

    /// The end that a payload call uses, of which its descriptor told nothing before.
    fn pipe_used<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        call: &Move<'_>,
        sink: &mut F,
    ) -> Option<SocketId> {
        let Details::Socket(details) = call.socket.details else {
            return None;
        };
        let pipe = details
            .inode
            .filter(|_| details.family == Family::Pipe && matches!(call.outcome, Outcome::Done(_)));
        let end = call.direction;
        let known = self.by_inode.get(&pipe?.end_of_pipe(end)).copied();
        let socket = known.unwrap_or_else(|| self.new_end(end));
        let table = self.table(event);
        self.place(table, call.socket.fd, socket, None, false);
        self.refresh(table, call.socket.fd, socket, details, sink);
        Some(socket)
    }

    /// A call moved bytes through an end of a pipe. If it is not the end that was known, the descriptor has come to stand
    /// for something else, unseen.
    #[cold]
    pub(super) fn pipe_moved<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        socket: SocketId,
        moment: &Moment,
        call: &Move<'_>,
        sink: &mut F,
    ) {
        let end = self.open.get(socket.0).and_then(|open| open.pipe_end);
        let socket = if end == Some(call.direction) {
            socket
        } else if call.op == Op::Vmsplice {
            // Into memory, of which strace shows what was there before.
            let unseen = |message: &Message| Message {
                captured: 0,
                ..message.clone()
            };
            let messages: Vec<_> = call.messages.iter().map(unseen).collect();
            let call = Move {
                direction: call.direction.other(),
                payload: &[],
                messages: &messages,
                ..call.clone()
            };
            return self.pipe_moved(event, socket, moment, &call, sink);
        } else {
            let table = self.table(event);
            self.vacate(event, table, call.socket.fd, Op::Replace, sink);
            match self.pipe_used(event, call, sink) {
                Some(other) => other,
                None => return,
            }
        };
        if self
            .open
            .get(socket.0)
            .is_some_and(|open| open.stream.is_none())
        {
            let entrance = Entrance {
                role: role(call.direction),
                opening: Opening::Unseen,
            };
            self.enter_new(socket, entrance);
            self.settle(socket, sink);
        }
        self.stream_moved(socket, moment, call, sink);
    }

    /// The last descriptor of an end is closed.
    pub(super) fn pipe_closed<F: FnMut(&Change<'_>)>(
        &mut self,
        (id, side): (ConnectionId, Side),
        marking: Marking,
        time: Timestamp,
        sink: &mut F,
    ) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        if connection.opening == Opening::Unseen {
            let other = connection.end(side.other());
            if !(other.traced && other.closed) {
                return;
            }
            self.finish_flow(id, [side.other(), side], marking, time, sink);
        }
        self.finish_flow(id, [side, side], marking, time, sink);
    }
}
