//! Calls that move payload: which messages moved, on which connection, and how much of them is news. Their errors, and
//! those that other calls report, say that a connection is gone; shutdown and a read of nothing, that a direction is.

use crate::event::{
    Address, Descriptor, Details, Direction, Errno, Family, Fd, How, Message, MessageFlags, Move, Op, Outcome,
    Segments, Tid, Transport,
};
use crate::sockets::beside::Beside;
use crate::sockets::connections::{Connection, Origin};
use crate::sockets::in_flight::Older;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::open_socket::{OpenSocket, Seldom};
use crate::sockets::{
    Change, Marking, Moved, Now, Payload, Shape, Sockets, Stream, UnixMessage, ancillary, beside, in_flight, pipes,
    processes,
};
use std::net::IpAddr;

/// A payload call.
pub(super) fn moved(sockets: &mut Sockets, call: &Move<'_>) {
    let located = match call.socket.details {
        Details::Missing => locate_blindly(sockets, call),
        _ => sockets.locate(call.socket),
    };
    if !(call.ancillary.is_none() && sockets.rights.is_empty()) {
        ancillary::moved(sockets, call, located);
    }
    let Some(socket) = located else {
        let has_failed = matches!(call.outcome, Outcome::Failed(_));
        if !has_failed && pipes::locate(sockets, call.socket, call.direction).is_some() {
            moved(sockets, call);
        }
        return;
    };
    match call.outcome {
        Outcome::Done(_) => {}
        Outcome::Failed(error) => return failed(sockets, call, socket, error),
        Outcome::Unknown => return beside::failed(sockets, socket, call),
    }
    if call.flags.connect() && call.direction == Direction::Sent {
        fast_open(sockets, socket, call);
    }
    if !sockets.registry.full_details {
        sockets.registry.guess_kind(socket, kind_by_content(call));
    }
    if let Some(address) = call.messages.first().and_then(|message| message.address.as_ref()) {
        learn_from_address(sockets, socket, call, address);
    }
    let Some(open) = sockets.registry.get_mut(socket) else {
        return;
    };
    open.count_messages(call);
    let (is_stream, family, stream) = (open.is_stream(), open.family, open.stream);
    let marking = sockets.marking(call.socket.fd, Some(call.op));
    match family {
        _ if is_stream => stream_moved(sockets, (socket, stream), marking, call),
        Family::Unix => unix_messages_moved(sockets, socket, marking, call),
        Family::Pipe => pipes::moved(sockets, socket, marking, call),
        _ => datagrams_moved(sockets, socket, marking, call),
    }
}

/// What the address of a message tells of its socket: TCP tells no sender.
#[cold]
#[inline(never)]
fn learn_from_address(sockets: &mut Sockets, socket: SocketId, call: &Move<'_>, address: &Address) {
    let is_stream = sockets.registry.get(socket).is_some_and(OpenSocket::is_stream);
    if is_stream && call.direction == Direction::Received && matches!(address, Address::Inet(_)) {
        sockets.turn_into_datagrams(socket);
    }
    if let Some(open) = sockets.registry.get_mut(socket) {
        open.learn_from_message(address);
        if let Some(message) = call.messages.last().filter(|message| message.own.is_some()) {
            open.asked_at(message);
        }
    }
}

/// A payload call has begun. Its details may say more than those before, and who makes it is who has that end, whatever
/// comes of it.
pub(super) fn begun(sockets: &mut Sockets, descriptor: Descriptor<'_>, (op, direction): (Op, Direction)) {
    let located = sockets.locate(descriptor);
    let Some(socket) = located.or_else(|| pipes::locate(sockets, descriptor, direction)) else {
        return;
    };
    used(sockets, socket, descriptor.fd);
    // A connection that was not seen to be made was there before the trace: what is read meanwhile may be of this send.
    let is_connected =
        |open: &OpenSocket| open.is_stream() && (open.family == Family::Unix || open.remote.get().is_some());
    let may_join = direction == Direction::Sent && sockets.registry.get(socket).is_some_and(is_connected);
    let stream = if may_join { stream_of(sockets, socket) } else { sockets.stream(socket) };
    if let Some(stream) = stream {
        let by = sockets.marking(descriptor.fd, Some(op));
        beside::begun(sockets, stream, (by, direction));
    }
}

/// The thread has this end of a connection, if it is one.
pub(super) fn used(sockets: &mut Sockets, socket: SocketId, fd: Fd) {
    if let Some((id, side)) = sockets.stream(socket) {
        let marking = sockets.marking(fd, None);
        if let Some(connection) = sockets.connections.get_mut(id) {
            connection.calls_mut(side).marking = Some(marking);
        }
    }
}

/// splice: two descriptors, either of them perhaps a socket, and no payload to show.
pub(super) fn spliced(sockets: &mut Sockets, [from, to]: [Descriptor<'_>; 2], op: Op, count: u64) {
    let message = [Message { start: 0, captured: 0, moved: count, address: None, own: None, rights: 0 }];
    let stays = op == Op::Tee;
    let ends = [(from, Direction::Received), (to, Direction::Sent)];
    for (socket, direction) in ends.into_iter().skip(usize::from(stays)) {
        let call = Move {
            socket,
            op,
            direction,
            outcome: Outcome::Done(count),
            payload: &[],
            messages: if count > 0 { &message } else { &[] },
            requested: None,
            ancillary: None,
            flags: MessageFlags::default(),
        };
        moved(sockets, &call);
    }
}

/// Bytes moved through a stream: mostly on a connection that is made, where no other call moves any.
#[inline(always)]
pub(super) fn stream_moved(
    sockets: &mut Sockets,
    (socket, stream): (SocketId, Option<(ConnectionId, Side)>),
    marking: Marking,
    call: &Move<'_>,
) {
    let Sockets { connections, registry, changes, now, sending, at_ends, .. } = sockets;
    if let (Some((id, side)), [message]) = (stream, call.messages)
        && message.moved > 0
        && let (Some(connection), Some(open)) = (connections.get_mut(id), registry.get(socket))
        && connection.is_plain()
        && sending.is_empty()
        && !*at_ends
        && !in_flight::may_begin(connection, side, call.direction)
    {
        let known = Circumstances { marking, beside: Beside::default(), older: 0 };
        let is_known = count_moved(connection, (id, side), open, known, (*now, call, message), changes);
        if call.direction == Direction::Received && connection.end(side.other()).traced && !is_known {
            beside::received_unsent(connection, side, changes);
        }
        return;
    }
    any_moved(sockets, socket, marking, call);
}

/// A call on a stream, whatever it moved.
#[inline(never)]
fn any_moved(sockets: &mut Sockets, socket: SocketId, marking: Marking, call: &Move<'_>) {
    let Some(stream) = stream_of(sockets, socket) else {
        return;
    };
    if call.messages.iter().all(|message| message.moved == 0) {
        return nothing_moved(sockets, socket, stream, marking, call);
    }
    open_moved(sockets, (socket, stream), marking, call);
}

/// Bytes move where that may tell more than how many they are: on a connection that was only begun, or of which an end is
/// to be found, or where other calls move some as well.
#[cold]
#[inline(never)]
fn open_moved(
    sockets: &mut Sockets,
    (socket, stream): (SocketId, (ConnectionId, Side)),
    marking: Marking,
    call: &Move<'_>,
) {
    let is_settled = sockets.connections.get(stream.0).is_some_and(Connection::is_settled);
    let (id, side) = if is_settled { stream } else { settled(sockets, socket, stream, call) };
    let moved: u64 = call.messages.iter().map(|message| message.moved).sum();
    let Older { mut bytes, told } = in_flight::moved(sockets, (id, side), call, moved);
    let beside = beside::returned(sockets, (id, side), call.direction, moved - bytes);
    let Sockets { connections, registry, changes, now, .. } = sockets;
    if let (Some(connection), Some(open)) = (connections.get_mut(id), registry.get(socket)) {
        for message in call.messages {
            let known = Circumstances { marking, beside, older: bytes.min(message.moved) };
            bytes -= known.older;
            count_moved(connection, (id, side), open, known, (*now, call, message), changes);
        }
    }
    if told > 0 {
        changes.push(Change::InFlight { connection: id, bytes: told });
    }
}

/// What is known of a call beside what it says.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    marking: Marking,
    beside: Beside,
    /// How many bytes, at the front, are older than all that was sent in the trace.
    older: u64,
}

/// A message's bytes moved on a connection that is made. Whether all were accounted for before.
#[inline(always)]
fn count_moved(
    connection: &mut Connection,
    (id, side): (ConnectionId, Side),
    open: &OpenSocket,
    Circumstances { marking, beside, older }: Circumstances,
    (now, call, message): (Now, &Move<'_>, &Message),
    changes: &mut Vec<Change>,
) -> bool {
    connection.announce(changes);
    connection.calls_mut(side).marking = Some(marking);
    let shape = if call.flags == MessageFlags::default() {
        Shape::default()
    } else {
        shape_of_stream(connection, (side, open), call)
    };
    let (reached, known) = connection.count(side, call.direction, message.moved - older);
    let known = known + older;
    let known = beside.foretold.map_or(known, |foretold| foretold.min(message.moved));
    let Beside { overlap, sent_by, .. } = beside;
    let stream = Some(Stream { connection: id, side, reached, known, skipped: 0, overlap, sent_by });
    changes.push(message_moved(now, marking, (open, stream, shape), call, message));
    known >= message.moved
}

/// What flags make of bytes of TCP. Urgent ones the other end may pass over (tcp(7), SO_OOBINLINE).
#[cold]
fn shape_of_stream(connection: &mut Connection, (side, open): (Side, &OpenSocket), call: &Move<'_>) -> Shape {
    if !open.family.is_inet() {
        return Shape::default();
    }
    let is_urgent = call.flags.is_urgent();
    if is_urgent && call.direction == Direction::Sent {
        connection.calls_mut(side.other()).seldom_mut().urgent += 1;
    }
    Shape { is_urgent, is_discarded: call.direction == Direction::Received && call.flags.discard(), ..Shape::default() }
}

/// What the bytes that move on such a connection tell of it, and the connection that the socket has then.
fn settled(
    sockets: &mut Sockets,
    socket: SocketId,
    (id, side): (ConnectionId, Side),
    call: &Move<'_>,
) -> (ConnectionId, Side) {
    if sockets.connections.get(id).is_some_and(Connection::is_begun) {
        sockets.prove(socket, sockets.now.entry);
    }
    let received = call.direction == Direction::Received;
    let stream = sockets.decide(socket, received.then_some(call.payload)).unwrap_or((id, side));
    let connection = sockets.connections.get_mut(stream.0);
    if let Some(connection) = connection.filter(|at| at.is_waiting() && !received && stream.1 == Side::First) {
        connection.note_head(call.payload);
    }
    stream
}

/// The connection of `socket`; one that was there before the trace where it has none.
#[inline]
pub(super) fn stream_of(sockets: &mut Sockets, socket: SocketId) -> Option<(ConnectionId, Side)> {
    if let Some(stream) = sockets.stream(socket) {
        return Some(stream);
    }
    sockets.join(socket, Origin::MID_STREAM)?;
    sockets.refresh_connection(socket);
    sockets.stream(socket)
}

/// A call on a stream moved no bytes: a receive that had room for some has met the other end's FIN.
fn nothing_moved(
    sockets: &mut Sockets,
    socket: SocketId,
    (id, side): (ConnectionId, Side),
    marking: Marking,
    call: &Move<'_>,
) {
    let read_shut = sockets.registry.get(socket).is_some_and(|open| open.read_shut);
    if call.direction == Direction::Received && had_room(call) && !read_shut {
        sockets.prove(socket, sockets.now.entry);
        let (id, side) = sockets.decide(socket, None).unwrap_or((id, side));
        sockets.finish_flow(id, [side.other(), side], (marking, sockets.now.exit));
    }
}

/// Whether a call had room for bytes.
pub(super) fn had_room(call: &Move<'_>) -> bool {
    call.requested.is_some_and(|room| room > 0)
}

/// A sendto with MSG_FASTOPEN and an address is a connect as well (tcp(7)).
fn fast_open(sockets: &mut Sockets, socket: SocketId, call: &Move<'_>) {
    let address = call.messages.first().and_then(|message| message.address.as_ref());
    let Some(open) = sockets.registry.get_mut(socket) else {
        return;
    };
    if let Some(address) = address.filter(|_| open.is_stream() && open.stream.is_none()) {
        open.connect_to(address);
        if let Some(stream) = sockets.join(socket, Origin::connect(sockets.now.entry)) {
            sockets.mark(stream, call.socket.fd, Some(call.op));
            sockets.expect_address(socket, true);
            sockets.prove(socket, sockets.now.entry);
        }
    }
}

fn datagrams_moved(sockets: &mut Sockets, socket: SocketId, marking: Marking, call: &Move<'_>) {
    let Sockets { registry, changes, now, .. } = sockets;
    let Some(open) = registry.get_mut(socket) else {
        return;
    };
    for (place, message) in call.messages.iter().enumerate() {
        if is_message(open, call, message) {
            let shape = open.shape(call, place);
            changes.push(message_moved(*now, marking, (open, None, shape), call, message));
        }
    }
}

/// Whether a call has met a message: a receive of nothing from nobody may be one that shutdown has woken.
fn is_message(open: &OpenSocket, call: &Move<'_>, message: &Message) -> bool {
    let is_nothing = call.direction == Direction::Received && message.moved == 0 && message.address.is_none();
    !(open.read_shut && is_nothing)
}

/// setsockopt(UDP_CORK): what has gathered goes out when it is switched off.
pub(super) fn corked(sockets: &mut Sockets, descriptor: Descriptor<'_>, on: bool) {
    let Some(socket) = sockets.locate(descriptor) else {
        return;
    };
    if let Some(open) = sockets.registry.get_mut(socket) {
        let Seldom { corked, is_gathering, .. } = open.seldom_mut();
        *corked = on;
        if !on && std::mem::take(is_gathering) {
            sockets.changes.push(Change::Uncorked { socket: open.number, time: sockets.now.exit });
        }
    }
}

/// setsockopt(UDP_SEGMENT).
pub(super) fn segmented(sockets: &mut Sockets, descriptor: Descriptor<'_>, segments: Segments) {
    if let Some(socket) = sockets.locate(descriptor)
        && let Some(open) = sockets.registry.get_mut(socket)
    {
        open.seldom_mut().segments = segments;
    }
}

/// A multicast group was joined, or left.
pub(super) fn membership(
    sockets: &mut Sockets,
    descriptor: Descriptor<'_>,
    (group, own): (IpAddr, Option<IpAddr>),
    joins: bool,
) {
    if let Some(socket) = sockets.locate(descriptor)
        && let Some(open) = sockets.registry.get(socket).filter(|open| open.stream.is_none())
    {
        sockets.changes.push(Change::Membership { socket: open.number, group, own, joins });
    }
}

/// A message moved on `open`. The other end of a datagram may be its own.
#[inline(always)]
fn message_moved(
    now: Now,
    marking: Marking,
    (open, stream, shape): (&OpenSocket, Option<Stream>, Shape),
    call: &Move<'_>,
    message: &Message,
) -> Change {
    let remote = match &message.address {
        Some(Address::Inet(address)) if stream.is_none() => Some((*address).into()),
        _ => open.remote.packed(),
    };
    Change::Moved(Moved {
        marking,
        entry: now.entry,
        exit: now.exit,
        direction: call.direction,
        socket: open.number,
        family: open.family,
        transport: open.transport,
        local: if stream.is_some() { open.local.packed() } else { open.own_end(message, remote) },
        remote,
        payload: if shape.is_discarded { Payload::default() } else { Payload::of(message) },
        moved: message.moved,
        ancillary: has_ancillary(call, message),
        stream,
        shape,
    })
}

/// Messages of a UNIX socket that has no connection. The other end is named by the call, or the socket is connected to it,
/// or it is the other one of a pair.
fn unix_messages_moved(sockets: &mut Sockets, socket: SocketId, marking: Marking, call: &Move<'_>) {
    let Sockets { registry, changes, now, .. } = sockets;
    let Some(open) = registry.get(socket) else {
        return;
    };
    for message in call.messages.iter().filter(|message| is_message(open, call, message)) {
        let [local, remote] = registry.ends(open, message.address.as_ref());
        changes.push(Change::UnixMessage(UnixMessage {
            marking,
            entry: now.entry,
            exit: now.exit,
            direction: call.direction,
            local,
            remote,
            payload: Payload::of(message),
            moved: message.moved,
            ancillary: has_ancillary(call, message),
        }));
    }
}

/// shutdown begins: a receive that it wakes may return first.
pub(super) fn shutdown_begun(sockets: &mut Sockets, descriptor: Descriptor<'_>, how: How) {
    if let Some(socket) = sockets.locate(descriptor) {
        shut_reading(sockets, socket, how);
    }
}

fn shut_reading(sockets: &mut Sockets, socket: SocketId, how: How) {
    if matches!(how, How::Read | How::Both)
        && let Some(open) = sockets.registry.get_mut(socket)
    {
        open.read_shut = true;
    }
}

/// shutdown. A datagram socket without a peer is shut as well where the call says that it is not connected
/// (`inet_shutdown`).
pub(super) fn shutdown(sockets: &mut Sockets, descriptor: Descriptor<'_>, how: How, outcome: Outcome) {
    let Some(socket) = sockets.locate(descriptor) else {
        return;
    };
    let done = outcome.value().is_some();
    if done || outcome == Outcome::Failed(Errno::NotConnected) {
        shut_reading(sockets, socket, how);
    }
    let sends_fin = done && matches!(how, How::Write | How::Both);
    if sends_fin && let Some((id, side)) = sockets.decide(socket, None) {
        let marking = sockets.marking(descriptor.fd, Some(Op::Shutdown));
        sockets.finish_flow(id, [side; 2], (marking, sockets.now.entry));
    }
    processes::session_ended(sockets, descriptor.fd, sockets.registry.family(socket), outcome);
}

/// getsockopt(SO_ERROR).
pub(super) fn error_fetched(sockets: &mut Sockets, descriptor: Descriptor<'_>, error: Option<Errno>) {
    if let Some(socket) = sockets.locate(descriptor) {
        match error {
            None => {
                sockets.prove(socket, sockets.now.entry);
            }
            Some(error) => errored(sockets, descriptor, socket, error),
        }
    }
}

/// The other end of a connection is of this process.
pub(super) fn peer_is(sockets: &mut Sockets, descriptor: Descriptor<'_>, process: Tid) {
    if let Some(socket) = sockets.locate(descriptor)
        && let Some((id, side)) = sockets.stream(socket)
        && let Some(connection) = sockets.connections.get_mut(id)
    {
        connection.calls_mut(side).seldom_mut().peer = Some(process);
    }
}

/// A payload call failed: a send that would have added to a datagram throws away what had gathered for it
/// (`udp_flush_pending_frames`).
fn failed(sockets: &mut Sockets, call: &Move<'_>, socket: SocketId, error: Errno) {
    beside::failures_are_shown(sockets);
    beside::failed(sockets, socket, call);
    if call.direction == Direction::Sent
        && let Some(open) = sockets.registry.get_mut(socket)
        && open.seldom().is_gathering
    {
        open.seldom_mut().is_gathering = false;
        sockets.changes.push(Change::GatheredInVain { socket: open.number });
    }
    if error == Errno::Again && call.direction == Direction::Received {
        return found_nothing(sockets, socket);
    }
    errored(sockets, call.socket, socket, error);
}

/// A receive found nothing: what comes next is not of the segment that came last.
fn found_nothing(sockets: &mut Sockets, socket: SocketId) {
    if let Some((id, side)) = sockets.stream(socket)
        && let Some(connection) = sockets.connections.get_mut(id)
    {
        let calls = connection.calls_mut(side);
        calls.emptied = calls.received;
    }
}

/// A call on the socket failed: some errors say that the connection is gone.
fn errored(sockets: &mut Sockets, descriptor: Descriptor<'_>, socket: SocketId, error: Errno) {
    let Some((id, side)) = sockets.stream(socket) else {
        return;
    };
    let Some(connection) = sockets.connections.get(id) else {
        return;
    };
    let is_reset = match error {
        Errno::ConnRefused | Errno::TimedOut | Errno::HostUnreachable | Errno::NetUnreachable | Errno::ConnReset
            if connection.is_begun() =>
        {
            return sockets.fail(id, error);
        }
        // Without a FIN of our own, a broken pipe is what the other end's reset leaves behind (RFC 9293 §3.5.2).
        Errno::Pipe => !connection.family.is_local() && !connection.flow_from(side).finished,
        other => other == Errno::ConnReset,
    };
    if is_reset {
        let witnessed = (sockets.marking(descriptor.fd, None), sockets.now.exit);
        sockets.reset(id, [side.other(), side], witnessed);
    }
}

/// The open socket of a call without details. Only sockets can send and receive: what is not known is made then.
#[inline(never)]
fn locate_blindly(sockets: &mut Sockets, call: &Move<'_>) -> Option<SocketId> {
    let found = sockets.locate(call.socket);
    match call.op {
        _ if found.is_some() => found,
        Op::Sendmsg | Op::Recvmsg | Op::Recvfrom | Op::Sendto | Op::Sendmmsg | Op::Recvmmsg | Op::Send | Op::Recv => {
            sockets.locate_or_make(call.socket, kind_by_content(call))
        }
        _ => None,
    }
}

/// The kind of socket that a call is made on, by its sockaddrs or by the descriptors in its messages; without any, TCP.
pub(super) fn kind_by_content(call: &Move<'_>) -> (Family, Transport) {
    if !call.rights().is_empty() {
        return (Family::Unix, Transport::Stream);
    }
    let first = call.messages.first();
    match first.and_then(|message| message.address.as_ref()) {
        Some(Address::Inet(address)) if address.is_ipv4() => (Family::Inet, Transport::Datagram),
        Some(Address::Inet(_)) => (Family::Inet6, Transport::Datagram),
        Some(Address::Unix(_)) => (Family::Unix, Transport::Datagram),
        Some(_) => (Family::Other, Transport::Unknown),
        None => (Family::Inet, Transport::Stream),
    }
}

/// Whether the descriptors and credentials of `call` go with this message: with its first one, if there are any.
#[inline]
fn has_ancillary(call: &Move<'_>, message: &Message) -> bool {
    call.ancillary.is_some() && call.messages.first().is_some_and(|first| std::ptr::eq(first, message))
}
