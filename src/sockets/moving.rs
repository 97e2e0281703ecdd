//! Payload calls: which messages moved, on which connection, and how much of them is news.

use crate::event::{
    Address, Descriptor, Details, Direction, Errno, Event, Family, Message, Move, Op, Outcome, Transport,
};
use crate::sockets::meeting::Entrance;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::{Change, Moment, Moved, Opening, Payload, Role, Sockets, Stream};

impl Sockets {
    /// A payload call.
    pub(super) fn call_moved(&mut self, event: &Event<'_>, call: &Move<'_>) {
        let located = match kind_told_by(call) {
            Some(kind) => self.locate_or_make(event, call.socket, kind),
            None => self.locate(event, call.socket),
        };
        if !(call.rights.is_empty() && self.transits.is_empty()) {
            self.handed_over(event, call, located);
        }
        let Some(socket) = located else {
            return self.unknown_moved(event, call);
        };
        match call.outcome {
            Outcome::Done(_) => {}
            Outcome::Failed(error) => return self.errored(event, call.socket, socket, error),
            Outcome::Unknown => return,
        }
        if call.fast_open {
            self.fast_opened(event, socket, call);
        }
        if !self.full_details {
            self.guess_kind(socket, kind_by_content(call));
        }
        if call.messages.first().is_some_and(|message| message.address.is_some()) {
            self.learn_from_addresses(socket, call);
        }
        if !call.rights.is_empty() || call.credentials.is_some() {
            self.note_ancillary(socket, event.entry, call);
        }
        let moment = self.moment(event, call.socket, Some(call.op));
        let is_stream = self.open.get_mut(socket.0).is_some_and(|open| {
            open.count_messages(call);
            open.is_stream()
        });
        if is_stream {
            self.stream_moved(socket, &moment, call);
        } else {
            match self.family(socket) {
                Family::Unix => self.unix_messages_moved(socket, &moment, call),
                Family::Pipe => self.pipe_moved(event, socket, &moment, call),
                _ => self.datagrams_moved(socket, &moment, call),
            }
        }
    }

    /// splice: two descriptors, either of them perhaps a socket, and no payload to show.
    pub(super) fn relayed(&mut self, event: &Event<'_>, [from, to]: [Descriptor<'_>; 2], op: Op, moved: u64) {
        let message = [Message { start: 0, captured: 0, moved, address: None, rights: 0 }];
        let stays = op == Op::Tee;
        let ends = [(from, Direction::Received), (to, Direction::Sent)];
        for (socket, direction) in ends.into_iter().skip(usize::from(stays)) {
            let call = Move {
                socket,
                op,
                direction,
                outcome: Outcome::Done(moved),
                payload: &[],
                messages: if moved > 0 { &message } else { &[] },
                requested: None,
                rights: &[],
                credentials: None,
                fast_open: false,
                close_on_exec: false,
            };
            self.call_moved(event, &call);
        }
    }

    /// A sockaddr in a payload call tells the family of a socket of which nothing else is known, and that a UNIX socket
    /// of unknown kind sends datagrams.
    fn learn_from_addresses(&mut self, socket: SocketId, call: &Move<'_>) {
        let Some(open) = self.open.get_mut(socket.0) else {
            return;
        };
        let address = call.messages.first().and_then(|message| message.address.as_ref());
        match address {
            Some(Address::Inet(address)) => {
                open.guess_family(*address);
            }
            Some(Address::Unix(_)) if open.transport == Transport::Unknown && open.stream.is_none() => {
                open.transport = Transport::Datagram;
            }
            _ => {}
        }
    }

    /// `-y` alone tells of a socket that it is one, and no more: what was open before the trace began is taken for TCP, or
    /// for what its sockaddrs say.
    pub(super) fn guess_kind(&mut self, socket: SocketId, kind: (Family, Transport)) {
        if self.full_details {
            return;
        }
        if let Some(open) = self.open.get_mut(socket.0)
            && !open.is_told
            && (open.family, open.transport) == (Family::Other, Transport::Unknown)
        {
            (open.family, open.transport) = kind;
        }
    }

    #[inline(always)]
    pub(super) fn stream_moved(&mut self, socket: SocketId, moment: &Moment, call: &Move<'_>) {
        let known = self.open.get(socket.0).and_then(|open| open.stream);
        let (id, side) = if let Some(stream) = known {
            stream
        } else {
            self.stream_of(socket);
            self.settle(socket);
            self.stream_of(socket)
        };
        if call.messages.iter().all(|message| message.moved == 0) {
            return self.nothing_moved(socket, moment, call);
        }
        let Some(mut connection) = self.connections.get_mut(id) else {
            return;
        };
        if matches!(connection.opening, Opening::Begun { .. }) {
            self.proven(socket, moment.entry);
            match self.connections.get_mut(id) {
                Some(proven) => connection = proven,
                None => return,
            }
        }
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        connection.announce(&mut self.changes);
        connection.end_mut(side).marking = Some(moment.marking);
        for message in call.messages {
            let (reached, known) = connection.count(side, call.direction, message.moved);
            let stream = Stream { connection: id, side, reached, known, skipped: 0 };
            self.changes.push(Change::Moved(Moved {
                marking: moment.marking,
                entry: moment.entry,
                exit: moment.exit,
                direction: call.direction,
                socket: open.number,
                family: open.family,
                transport: open.transport,
                local: open.local.get(),
                remote: open.remote.get(),
                payload: Payload::of(message),
                moved: message.moved,
                stream: Some(stream),
            }));
        }
    }

    /// A call on a stream moved no bytes: a receive that had room for some has met the other end's FIN.
    fn nothing_moved(&mut self, socket: SocketId, moment: &Moment, call: &Move<'_>) {
        let (id, side) = self.stream_of(socket);
        let read_shut = self.open.get(socket.0).is_some_and(|open| open.read_shut);
        let had_room = call.requested.is_some_and(|room| room > 0);
        if call.direction == Direction::Received && had_room && !read_shut {
            self.proven(socket, moment.entry);
            let by = [side.other(), side];
            self.finish_flow(id, by, moment.marking, moment.exit);
        }
    }

    /// Whether the end on `side` has not finished its direction.
    fn sends_still(&self, id: ConnectionId, side: Side) -> bool {
        self.connections.get(id).is_some_and(|at| !at.family.is_local() && !at.flow_from(side).finished)
    }

    /// Whether a connection's connect has not come to its end.
    pub(super) fn is_begun(&self, id: ConnectionId) -> bool {
        self.connections.get(id).is_some_and(|at| matches!(at.opening, Opening::Begun { .. }))
    }

    /// A sendto with MSG_FASTOPEN and an address is a connect as well (tcp(7)).
    fn fast_opened(&mut self, event: &Event<'_>, socket: SocketId, call: &Move<'_>) {
        let address = call.messages.first().and_then(|message| message.address.clone());
        let Some(open) = self.open.get_mut(socket.0) else {
            return;
        };
        if let Some(address) = address.filter(|_| open.is_stream() && open.stream.is_none()) {
            open.name_remote(&address);
            let entrance = Entrance { role: Role::Connected, opening: Opening::Begun { entry: event.entry } };
            let (id, side) = self.enter_new(socket, entrance);
            self.mark(id, side, event, call.socket, Some(call.op));
            self.proven(socket, event.entry);
        }
    }

    fn datagrams_moved(&mut self, socket: SocketId, moment: &Moment, call: &Move<'_>) {
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        for message in call.messages {
            let address = match &message.address {
                Some(Address::Inet(address)) => Some(*address),
                _ => None,
            };
            self.changes.push(Change::Moved(Moved {
                marking: moment.marking,
                entry: moment.entry,
                exit: moment.exit,
                direction: call.direction,
                socket: open.number,
                family: open.family,
                transport: open.transport,
                local: open.local.get(),
                remote: address.or_else(|| open.remote.get()),
                payload: Payload::of(message),
                moved: message.moved,
                stream: None,
            }));
        }
    }

    /// A call on the socket failed: some errors tell that the connection is gone.
    pub(super) fn errored(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, socket: SocketId, error: Errno) {
        let Some((id, side)) = self.open.get(socket.0).and_then(|open| open.stream) else {
            return;
        };
        let begun = self.is_begun(id);
        match error {
            Errno::ConnRefused
            | Errno::TimedOut
            | Errno::HostUnreachable
            | Errno::NetUnreachable
            | Errno::ConnReset
                if begun =>
            {
                self.fail(id, error, event.exit);
            }
            // Without a FIN of our own, a broken pipe is what the other end's reset leaves behind (RFC 9293 §3.5.2).
            Errno::Pipe if self.sends_still(id, side) => {
                let marking = self.moment(event, descriptor, None).marking;
                self.reset(id, [side.other(), side], marking, event.exit);
            }
            Errno::ConnReset => {
                let marking = self.moment(event, descriptor, None).marking;
                self.reset(id, [side.other(), side], marking, event.exit);
            }
            _ => {}
        }
    }
}

/// What the call itself tells of a socket of which nothing else is known: only sockets can send and receive.
fn kind_told_by(call: &Move<'_>) -> Option<(Family, Transport)> {
    if !matches!(call.socket.details, Details::Missing) {
        return None;
    }
    match call.op {
        Op::Sendmsg | Op::Recvmsg | Op::Recvfrom | Op::Sendto | Op::Sendmmsg | Op::Recvmmsg | Op::Send | Op::Recv => {
            Some(kind_by_content(call))
        }
        _ => None,
    }
}

/// The kind of socket that a call is made on, by its sockaddrs or by the descriptors in its messages; without any, TCP.
pub(super) fn kind_by_content(call: &Move<'_>) -> (Family, Transport) {
    if !call.rights.is_empty() {
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
