//! What payload calls do to descriptors in their messages (SCM_RIGHTS, unix(7)).

use crate::event::{Address, Details, Direction, Family, Move, Outcome, Right, SocketDetails, Transport, as_u64};
use crate::sockets::connections::Opening;
use crate::sockets::descriptors::{Channel, InFlight, Span};
use crate::sockets::names::SocketId;
use crate::sockets::{Sockets, transfer};

/// Descriptors went with a payload call, or may have. Comes before its bytes are counted.
#[cold]
pub(super) fn moved(sockets: &mut Sockets, call: &Move<'_>, socket: Option<SocketId>) {
    if !matches!(call.outcome, Outcome::Done(_)) {
        return;
    }
    let span = socket.and_then(|socket| span_of(sockets, socket, call));
    match (call.direction, span) {
        (Direction::Sent, Some(span)) => sent(sockets, call, &span),
        (Direction::Sent, None) => {}
        (Direction::Received, span) => received(sockets, call, span.as_ref()),
    }
}

/// What `call` moved, if `socket` is a UNIX socket.
fn span_of(sockets: &mut Sockets, socket: SocketId, call: &Move<'_>) -> Option<Span> {
    sockets.registry.guess_kind(socket, transfer::kind_by_content(call));
    let open = sockets.registry.get(socket)?;
    if open.family != Family::Unix {
        return None;
    }
    if !open.is_stream() {
        return span_of_datagrams(sockets, socket, call);
    }
    let (id, side) = transfer::stream_of(sockets, socket)?;
    let (open, connection) = (sockets.registry.get(socket)?, sockets.connections.get(id)?);
    let by_message = open.transport == Transport::Seqpacket;
    let (start, count) = if by_message {
        (open.messages(call.direction), message_count(call))
    } else {
        (connection.counted(side, call.direction), call.messages.iter().map(|message| message.moved).sum())
    };
    Some(Span {
        channel: Channel::From(id, side.sender(call.direction)),
        range: start..start.saturating_add(count),
        by_message,
        exact: matches!(connection.opening, Opening::Made { .. }),
        length: None,
    })
}

/// Where the datagrams of `call` stand among those that their receiver gets. Only the ends of a socketpair get them from
/// nobody else.
fn span_of_datagrams(sockets: &Sockets, socket: SocketId, call: &Move<'_>) -> Option<Span> {
    let registry = &sockets.registry;
    let open = registry.get(socket)?;
    let message = call.messages.first()?;
    let (receiver, exact) = match (call.direction, &message.address) {
        (Direction::Received, _) => (socket, open.seldom().is_paired),
        (Direction::Sent, None) => (registry.connected(open)?, open.seldom().is_paired),
        (Direction::Sent, Some(Address::Unix(Some(name)))) => (registry.bound(name)?, false),
        (Direction::Sent, Some(_)) => return None,
    };
    let start = open.messages(call.direction);
    Some(Span {
        channel: Channel::To(receiver),
        range: start..start.saturating_add(message_count(call)),
        by_message: true,
        exact,
        length: (!exact && call.messages.len() == 1).then_some(message.moved),
    })
}

fn sent(sockets: &mut Sockets, call: &Move<'_>, span: &Span) {
    let mut at = span.range.start;
    let mut rights = call.rights().iter();
    for message in call.messages {
        let length = message.moved;
        for right in rights.by_ref().take(message.rights) {
            let socket = sockets.locate(right.descriptor());
            send(sockets, span.channel, InFlight { at, length, socket });
        }
        at = at.saturating_add(if span.by_message { 1 } else { length });
    }
}

fn send(sockets: &mut Sockets, channel: Channel, right: InFlight) {
    let mut dropped = Vec::new();
    if let Some(awaiting) = sockets.rights.send(channel, right, &mut dropped) {
        // Nothing was known of it when it came: now it stands for the socket, unless something else has its number.
        if let Some(socket) = right.socket
            && sockets.tables.slot(awaiting.table, awaiting.fd).is_none()
        {
            sockets.install(awaiting.table, awaiting.fd, socket, SocketDetails::NO_SERIAL, awaiting.close_on_exec);
        }
        return;
    }
    if let Some(socket) = right.socket {
        sockets.registry.refer(socket);
    }
    for socket in dropped {
        sockets.drop_reference(socket, None);
    }
}

fn received(sockets: &mut Sockets, call: &Move<'_>, span: Option<&Span>) {
    let close_on_exec = call.ancillary.is_some_and(|ancillary| ancillary.close_on_exec);
    for right in call.rights().iter().map(Right::descriptor) {
        let sent = span.and_then(|span| sockets.rights.receive(span));
        let known = sent.and_then(|sent| sent.socket);
        let socket = known.filter(|known| sockets.registry.can_be(right, *known));
        sockets.arrive(right, socket, close_on_exec);
        if let Some(known) = known {
            sockets.drop_reference(known, None);
        }
        if let (Some(span), None, Details::Missing) = (span, sent, right.details) {
            let table = sockets.table();
            sockets.rights.await_send(span, table, right.fd, close_on_exec);
        }
    }
    let Some(span) = span.filter(|span| span.exact) else {
        return;
    };
    let closer = (sockets.marking(call.socket.fd, Some(call.op)), sockets.now.entry);
    while let Some(left) = sockets.rights.receive(span) {
        if let Some(socket) = left.socket {
            sockets.drop_reference(socket, Some(closer));
        }
    }
    sockets.rights.tidy(span.channel);
}

/// How many messages a call moved.
fn message_count(call: &Move<'_>) -> u64 {
    as_u64(call.messages.len())
}
