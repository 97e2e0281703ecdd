//! Pipes and FIFOs: which end a descriptor is, and what is done to it.
//!
//! A pipe is a connection in which one end, the writer, sends and the other, the reader, receives. Details have the same
//! inode for both, so the calls show which is which: pipe has the read end first, a write is made on the write end, a read on the other.
//! What duplicates a descriptor whose end is not known yet, or passes it on, shows nothing.
//!
//! Of a pipe that was there before the trace, more processes may have an end than are seen to use it. Its FINs are
//! shown by a read of nothing, and once all that was seen of both ends is closed.
//!
//! A FIFO is a pipe that anybody may open, so it is always like one that was there before. What a descriptor was opened for
//! tells its end; one opened for both stands for both. Where a read has met the end, that conversation is over, and what
//! is written later is another one:
//!
//! ```text
//! write, write, read, read = 0 ─→ FIN of both ends       read = 0: nobody writes      write ─→ SYN …
//! ```

use crate::event::{Access, Descriptor, Direction, Family, Inode, Message, Move, Op, Outcome, SocketDetails};
use crate::sockets::connections::{Opening, Origin, Role, Witnessed};
use crate::sockets::identity::details_of;
use crate::sockets::left;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::open_socket::OpenSocket;
use crate::sockets::{Marking, Sockets, open as opening, transfer};

const fn role(end: Direction) -> Role {
    match end {
        Direction::Sent => Role::Writer,
        Direction::Received => Role::Reader,
    }
}

/// pipe: the read end and the write end.
pub(super) fn pipe(sockets: &mut Sockets, [reader, writer]: [Descriptor<'_>; 2], close_on_exec: bool) {
    let [reading, writing] = [(reader, Direction::Received), (writer, Direction::Sent)].map(|(made, end)| {
        let table = sockets.table();
        sockets.vacate(table, made.fd, Op::Replace);
        let socket = sockets.registry.new_pipe_end(end);
        sockets.take_up(table, made, socket, close_on_exec);
        socket
    });
    let origin = Origin { role: Role::Writer, opening: Opening::made(sockets.now.exit) };
    opening::connect_both(sockets, [writing, reading], [writer, reader], origin, Role::Reader);
}

/// open of a FIFO, or of a pipe once more.
pub(super) fn open(sockets: &mut Sockets, made: Descriptor<'_>, access: Access, close_on_exec: bool) {
    let table = sockets.table();
    sockets.vacate(table, made.fd, Op::Replace);
    let Some(details) = details_of(made) else {
        return;
    };
    let socket = match access {
        Access::Read => sockets.registry.pipe_end(details, Direction::Received),
        Access::Write => sockets.registry.pipe_end(details, Direction::Sent),
        Access::Both => sockets.registry.both_pipe_ends(details),
    };
    sockets.install(table, made.fd, socket, SocketDetails::NO_SERIAL, close_on_exec);
    sockets.refresh(table, made.fd, socket, details);
}

/// The end that a payload call uses, of whose descriptor nothing was known before; none if it is no pipe's.
#[cold]
#[inline(never)]
pub(super) fn locate(sockets: &mut Sockets, descriptor: Descriptor<'_>, direction: Direction) -> Option<SocketId> {
    let details = details_of(descriptor).filter(|details| is_pipe(details))?;
    let socket = sockets.registry.pipe_end(details, direction);
    let table = sockets.table();
    sockets.install(table, descriptor.fd, socket, SocketDetails::NO_SERIAL, false);
    sockets.refresh(table, descriptor.fd, socket, details);
    Some(socket)
}

/// A call moved bytes through an end of a pipe. If it is not the end that was known, the descriptor has come to stand
/// for something else, unseen.
#[cold]
pub(super) fn moved(sockets: &mut Sockets, socket: SocketId, marking: Marking, call: &Move<'_>) {
    let Some(open) = sockets.registry.get(socket) else {
        return;
    };
    if let Some([writer, reader]) = open.seldom().both_ends {
        let end = match call.direction {
            Direction::Sent => writer,
            Direction::Received => reader,
        };
        return end_moved(sockets, end, marking, call);
    }
    if open.pipe_end == Some(call.direction) {
        return end_moved(sockets, socket, marking, call);
    }
    if call.op == Op::Vmsplice {
        // Into memory, of which strace shows what was there before.
        let unseen = |message: &Message| Message { captured: 0, ..message.clone() };
        let messages: Vec<_> = call.messages.iter().map(unseen).collect();
        let call = Move { direction: call.direction.other(), payload: &[], messages: &messages, ..*call };
        return moved(sockets, socket, marking, &call);
    }
    other_end_moved(sockets, socket, marking, call);
}

/// A call moved bytes through the end that its descriptor did not stand for: it was opened for both before the trace,
/// or it has come to stand for something else, unseen.
fn other_end_moved(sockets: &mut Sockets, socket: SocketId, marking: Marking, call: &Move<'_>) {
    let same = sockets.registry.get(socket).and_then(|open| open.inode);
    let is_both = |details: &&SocketDetails| {
        let inode = details.inode.filter(|inode| inode.is_fifo());
        inode.map(|inode| inode.end_of_pipe(call.direction.other())) == same && same.is_some()
    };
    let (table, fd) = (sockets.table(), call.socket.fd);
    let both = details_in(call).filter(is_both).map(|details| sockets.registry.both_pipe_ends(details));
    let close_on_exec = sockets.tables.slot(table, fd).is_some_and(|slot| slot.close_on_exec);
    sockets.vacate(table, fd, Op::Replace);
    if let Some(both) = both {
        sockets.install(table, fd, both, SocketDetails::NO_SERIAL, close_on_exec);
        moved(sockets, both, marking, call);
    } else if let Some(other) = locate(sockets, call.socket, call.direction) {
        end_moved(sockets, other, marking, call);
    }
}

/// A call moved bytes through this end.
fn end_moved(sockets: &mut Sockets, socket: SocketId, marking: Marking, call: &Move<'_>) {
    let Some(open) = sockets.registry.get(socket) else {
        return;
    };
    if open.inode.is_some_and(Inode::is_fifo) && fifo_moved(sockets, open.stream, marking, call) {
        return;
    }
    if sockets.stream(socket).is_none() {
        sockets.join(socket, Origin { role: role(call.direction), opening: Opening::Unseen });
        sockets.refresh_connection(socket);
    }
    transfer::stream_moved(sockets, (socket, sockets.stream(socket)), marking, call);
}

/// What a call on a FIFO does beside moving bytes: a read of nothing ends the conversation, if there was one, and what
/// moves after that begins another. True if that was all.
fn fifo_moved(sockets: &mut Sockets, stream: Option<(ConnectionId, Side)>, marking: Marking, call: &Move<'_>) -> bool {
    let moved: u64 = call.messages.iter().map(|message| message.moved).sum();
    let Some((id, side)) = stream else {
        return moved == 0;
    };
    let Some(connection) = sockets.connections.get(id) else {
        return true;
    };
    let (writer, count) = (side.sender(call.direction), connection.counted(side, call.direction));
    let flow = *connection.flow_from(writer);
    if moved == 0 {
        if call.direction == Direction::Received && transfer::had_room(call) && flow.accounted > 0 {
            for finished in [writer, writer.other()] {
                sockets.finish_flow(id, [finished, side], (marking, sockets.now.exit));
            }
        }
        return true;
    }
    if flow.finished && count.saturating_add(moved) > flow.accounted {
        sockets.connections.part(&mut sockets.registry, id, &mut sockets.changes);
    }
    false
}

/// The last descriptor of an end is closed.
pub(super) fn end_closed(
    sockets: &mut Sockets,
    (id, side): (ConnectionId, Side),
    open: &OpenSocket,
    witnessed: Witnessed,
) {
    let Some(connection) = sockets.connections.get(id) else {
        return;
    };
    if connection.opening == Opening::Unseen {
        let other = connection.end(side.other());
        if !(other.traced && other.closed) {
            return;
        }
        sockets.finish_flow(id, [side.other(), side], witnessed);
    }
    if !left::is_left_to_a_child(sockets, (id, side), open, witnessed) {
        sockets.finish_flow(id, [side; 2], witnessed);
    }
}

/// The details of the pipe that a successful call was made on.
fn details_in<'e>(call: &Move<'e>) -> Option<&'e SocketDetails> {
    details_of(call.socket).filter(|details| is_pipe(details) && matches!(call.outcome, Outcome::Done(_)))
}

fn is_pipe(details: &SocketDetails) -> bool {
    details.family == Family::Pipe && details.inode.is_some()
}
