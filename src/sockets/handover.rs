//! Descriptors that go from one process to another: in messages over a UNIX socket (SCM_RIGHTS, unix(7)), and fetched
//! through a pidfd.
//!
//! A sendmsg lists the sender's numbers, a recvmsg the receiver's, and without details nothing else tells that both stand
//! for the same open socket. So each direction of a connection, and each datagram socket that is sent to, has a queue of
//! those sent and not yet received:
//!
//! ```text
//! sendmsg ─→ in flight ─→ recvmsg       the usual order
//! recvmsg ─→ awaited   ─→ sendmsg       where the receiver's line comes before the end of the sender's call
//! ```
//! What is in flight keeps its socket open, whatever its sender closes. It belongs to the first byte of its message, or
//! where messages have bounds to its message, and is gone with that, also where a call reads it that takes no descriptors.

use crate::event::{Address, Descriptor, Details, Direction, Event, Family, Fd, Move, Outcome, Tid, Transport};
use crate::limits;
use crate::sockets::connection::Opening;
use crate::sockets::identity::refer;
use crate::sockets::moving::kind_by_content;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::tables::TableId;
use crate::sockets::{Closer, Sockets};
use std::collections::VecDeque;
use std::ops::Range;

/// Where descriptors are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// In one direction of a connection, by the side that sends.
    From(ConnectionId, Side),
    /// To a datagram socket.
    To(SocketId),
}

/// A descriptor that was sent and not received.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    /// How many bytes or messages its side had sent before its message.
    at: u64,
    /// How many bytes its message has.
    length: u64,
    /// None for a file, or what nothing is known of.
    socket: Option<SocketId>,
}

/// A descriptor that was received before it was told to be sent.
#[derive(Clone, Debug)]
struct Awaited {
    /// Which bytes or messages it came with.
    with: Range<u64>,
    table: TableId,
    fd: Fd,
    close_on_exec: bool,
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Transit {
    sent: VecDeque<InFlight>,
    awaited: VecDeque<Awaited>,
}

impl Transit {
    fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.awaited.is_empty()
    }
}

/// A pidfd that was seen to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pidfd {
    table: TableId,
    fd: Fd,
    process: Tid,
}

/// Where what a call moved stands on its way.
#[derive(Clone, Debug)]
struct Span {
    way: Way,
    /// Which bytes, or of a socket whose messages have bounds which messages.
    range: Range<u64>,
    by_message: bool,
    /// Both ends count from the same byte or message. Else a descriptor is known by its turn, and if it came in one
    /// datagram by the length of that.
    exact: bool,
    length: Option<u64>,
}

impl Sockets {
    /// What a payload call does to descriptors in messages. Comes before its bytes are counted.
    #[cold]
    pub(super) fn handed_over(&mut self, event: &Event<'_>, call: &Move<'_>, socket: Option<SocketId>) {
        if !matches!(call.outcome, Outcome::Done(_)) {
            return;
        }
        let span = socket.and_then(|socket| self.span_of(socket, call));
        match call.direction {
            Direction::Sent => self.rights_sent(event, call, span),
            Direction::Received => self.rights_received(event, call, span.as_ref()),
        }
    }

    /// Where what `call` moved stands, if `socket` is a UNIX socket.
    fn span_of(&mut self, socket: SocketId, call: &Move<'_>) -> Option<Span> {
        self.guess_kind(socket, kind_by_content(call));
        let open = self.open.get(socket.0)?;
        if open.family != Family::Unix {
            return None;
        }
        if !open.is_stream() {
            return self.span_of_datagrams(socket, call);
        }
        if open.stream.is_none() {
            self.stream_of(socket);
            self.settle(socket);
        }
        let open = self.open.get(socket.0)?;
        let (id, side) = open.stream?;
        let connection = self.connections.get(id)?;
        let sender = match call.direction {
            Direction::Sent => side,
            Direction::Received => side.other(),
        };
        let by_message = open.transport == Transport::Seqpacket;
        let (start, count) = if by_message {
            (open.messages(call.direction), message_count(call))
        } else {
            let end = connection.end(side);
            let moved = call.messages.iter().map(|message| message.moved).sum();
            match call.direction {
                Direction::Sent => (end.sent, moved),
                Direction::Received => (end.received, moved),
            }
        };
        Some(Span {
            way: Way::From(id, sender),
            range: start..start.saturating_add(count),
            by_message,
            exact: matches!(connection.opening, Opening::Made { .. }),
            length: None,
        })
    }

    /// Where the datagrams of `call` stand among those that their receiver gets. Only the ends of a socketpair get them
    /// from nobody else.
    fn span_of_datagrams(&self, socket: SocketId, call: &Move<'_>) -> Option<Span> {
        let open = self.open.get(socket.0)?;
        let message = call.messages.first()?;
        let (receiver, exact) = match (call.direction, &message.address) {
            (Direction::Received, _) => (socket, open.is_paired),
            (Direction::Sent, None) => (self.connected_socket(open)?, open.is_paired),
            (Direction::Sent, Some(Address::Unix(Some(name)))) => (self.bound_socket(name)?, false),
            (Direction::Sent, Some(_)) => return None,
        };
        let start = open.messages(call.direction);
        Some(Span {
            way: Way::To(receiver),
            range: start..start.saturating_add(message_count(call)),
            by_message: true,
            exact,
            length: (!exact && call.messages.len() == 1).then_some(message.moved),
        })
    }

    fn rights_sent(&mut self, event: &Event<'_>, call: &Move<'_>, span: Option<Span>) {
        let Some(span) = span else {
            return;
        };
        let mut at = span.range.start;
        let mut rights = call.rights.iter();
        for message in call.messages {
            let length = message.moved;
            for right in rights.by_ref().take(message.rights) {
                let socket = self.locate(event, *right);
                let sent = InFlight { at, length, socket };
                self.right_sent(span.way, sent);
            }
            at = at.saturating_add(if span.by_message { 1 } else { length });
        }
    }

    fn right_sent(&mut self, way: Way, right: InFlight) {
        let transit = self.transits.entry(way).or_default();
        while let Some(awaited) = transit.awaited.pop_front() {
            if awaited.with.contains(&right.at) {
                return self.arrived_before(&awaited, right.socket);
            }
        }
        if let Some(socket) = right.socket {
            refer(&mut self.open, socket);
        }
        transit.sent.push_back(right);
        if transit.sent.len() > limits::RIGHTS_IN_FLIGHT
            && let Some(oldest) = transit.sent.pop_front().and_then(|oldest| oldest.socket)
        {
            self.drop_reference(oldest, None);
        }
        if self.transits.len() > limits::TRANSITS
            && let Some((_, oldest)) = self.transits.pop_first()
        {
            for socket in oldest.sent.iter().filter_map(|sent| sent.socket) {
                self.drop_reference(socket, None);
            }
        }
    }

    /// Nothing was known of a descriptor when it came: now it stands for `socket`, unless something else has taken its
    /// number.
    fn arrived_before(&mut self, awaited: &Awaited, socket: Option<SocketId>) {
        if let Some(socket) = socket
            && self.tables.slot(awaited.table, awaited.fd).is_none()
        {
            self.place(awaited.table, awaited.fd, socket, None, awaited.close_on_exec);
        }
    }

    fn rights_received(&mut self, event: &Event<'_>, call: &Move<'_>, span: Option<&Span>) {
        for right in call.rights {
            let sent = span.and_then(|span| self.next_in_flight(span));
            let known = sent.and_then(|sent| sent.socket);
            let socket = known.filter(|known| self.can_be(*right, *known));
            self.arrived(event, *right, socket, call.close_on_exec);
            if let Some(known) = known {
                self.drop_reference(known, None);
            }
            if let (Some(span), None, Details::Missing) = (span, sent, right.details) {
                self.await_sender(event, span, right.fd, call.close_on_exec);
            }
        }
        let Some(span) = span.filter(|span| span.exact) else {
            return;
        };
        let closer = (self.moment(event, call.socket, Some(call.op)).marking, event.entry);
        while let Some(left) = self.next_in_flight(span) {
            if let Some(socket) = left.socket {
                self.drop_reference(socket, Some(closer));
            }
        }
        if self.transits.get(&span.way).is_some_and(Transit::is_empty) {
            self.transits.remove(&span.way);
        }
    }

    /// The first descriptor in flight, if what stands in `span` brings it.
    fn next_in_flight(&mut self, span: &Span) -> Option<InFlight> {
        let sent = &mut self.transits.get_mut(&span.way)?.sent;
        if let Some(length) = span.length {
            let found = sent.iter().position(|right| right.length == length)?;
            return sent.remove(found);
        }
        let first = *sent.front()?;
        if span.exact && first.at >= span.range.end {
            return None;
        }
        sent.pop_front()
    }

    /// Whether a descriptor can stand for `socket`, as far as its details tell.
    fn can_be(&self, descriptor: Descriptor<'_>, socket: SocketId) -> bool {
        match descriptor.details {
            Details::Missing => true,
            Details::NotSocket => false,
            Details::Socket(details) => {
                let open = self.open.get(socket.0);
                open.is_some_and(|open| open.agrees(details))
            }
        }
    }

    fn await_sender(&mut self, event: &Event<'_>, span: &Span, fd: Fd, close_on_exec: bool) {
        let full = self.transits.len() >= limits::TRANSITS && !self.transits.contains_key(&span.way);
        if full || !span.exact {
            return;
        }
        let table = self.table(event);
        let waiting = &mut self.transits.entry(span.way).or_default().awaited;
        if waiting.len() < limits::RIGHTS_IN_FLIGHT {
            waiting.push_back(Awaited { with: span.range.clone(), table, fd, close_on_exec });
        }
    }

    /// What is under way will not be received: its receiver is closed, or the connection is over.
    pub(super) fn undeliverable(&mut self, way: Way, closer: Closer) {
        if let Some(transit) = self.transits.remove(&way) {
            let sockets = transit.sent.iter().filter_map(|sent| sent.socket);
            self.undelivered.extend(sockets.map(|socket| (socket, closer)));
        }
    }

    /// pidfd_open.
    pub(super) fn pidfd_opened(&mut self, event: &Event<'_>, made: Descriptor<'_>, process: Tid) {
        self.arrived(event, made, None, true);
        let (table, fd) = (self.table(event), made.fd);
        self.pidfds.retain(|pidfd| (pidfd.table, pidfd.fd) != (table, fd));
        if self.pidfds.len() >= limits::PIDFDS {
            self.pidfds.pop_front();
        }
        self.pidfds.push_back(Pidfd { table, fd, process });
    }

    /// pidfd_getfd.
    pub(super) fn fetched(
        &mut self,
        event: &Event<'_>,
        process: Option<Tid>,
        [pidfd, from]: [Fd; 2],
        made: Descriptor<'_>,
    ) {
        let table = self.table(event);
        let is_it = |other: &&Pidfd| (other.table, other.fd) == (table, pidfd);
        let process = process.or_else(|| Some(self.pidfds.iter().find(is_it)?.process));
        let socket = process
            .and_then(|process| self.tables.slot(self.tables.known(process)?, from))
            .map(|slot| slot.socket)
            .filter(|socket| self.can_be(made, *socket));
        self.arrived(event, made, socket, true);
    }
}

/// How many messages a call moved.
fn message_count(call: &Move<'_>) -> u64 {
    call.messages.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Message, Op, Timestamp, What};

    const MISSING: &Details = &Details::Missing;

    fn descriptor(number: u32) -> Descriptor<'static> {
        Descriptor { fd: Fd(number), details: MISSING }
    }

    fn apply(sockets: &mut Sockets, what: What<'_>) {
        let event = Event { line: 1, tid: Tid(1), entry: Timestamp(1), exit: Timestamp(1), what };
        sockets.apply(&event);
    }

    /// socketpair, which made these UNIX sockets.
    fn pair(made: [u32; 2], transport: Transport) -> What<'static> {
        What::Pair { made: made.map(descriptor), family: Family::Unix, transport, close_on_exec: false }
    }

    /// A TCP socket is 5, a pair of UNIX sockets 3 and 4.
    fn sockets() -> Sockets {
        let mut sockets = Sockets::default();
        apply(&mut sockets, pair([3, 4], Transport::Stream));
        let socket = What::Socket {
            made: descriptor(5),
            family: Family::Inet,
            transport: Transport::Stream,
            protocol: None,
            close_on_exec: false,
        };
        apply(&mut sockets, socket);
        sockets
    }

    fn message(sockets: &mut Sockets, op: Op, on: u32, rights: &[Descriptor<'_>]) {
        let direction = match op {
            Op::Sendmsg => Direction::Sent,
            _ => Direction::Received,
        };
        let messages = [Message { start: 0, captured: 1, moved: 1, address: None, rights: rights.len() }];
        let call = Move {
            socket: descriptor(on),
            op,
            direction,
            outcome: Outcome::Done(1),
            payload: b"x",
            messages: &messages,
            requested: Some(1),
            rights,
            credentials: None,
            fast_open: false,
            close_on_exec: false,
        };
        apply(sockets, What::Move(call));
    }

    #[test]
    fn what_is_in_flight_is_bounded() {
        let mut sockets = sockets();
        for _ in 0..2 * limits::RIGHTS_IN_FLIGHT {
            message(&mut sockets, Op::Sendmsg, 3, &[descriptor(5)]);
            message(&mut sockets, Op::Recvmsg, 3, &[descriptor(6)]);
        }
        let lengths = |transit: &Transit| (transit.sent.len(), transit.awaited.len());
        let mut held: Vec<_> = sockets.transits.values().map(lengths).collect();
        held.sort_unstable();
        let most = limits::RIGHTS_IN_FLIGHT;
        assert_eq!(held, [(0, most), (most, 0)]);
    }

    #[test]
    fn nothing_is_left_of_what_arrived() {
        let mut sockets = sockets();
        message(&mut sockets, Op::Sendmsg, 3, &[descriptor(5), descriptor(1)]);
        message(&mut sockets, Op::Recvmsg, 4, &[descriptor(6), descriptor(7)]);
        assert!(sockets.transits.is_empty());
        for fd in [5, 6] {
            assert_eq!(sockets.open.len(), 3);
            let (socket, outcome) = (descriptor(fd), Outcome::Done(0));
            apply(&mut sockets, What::Close { socket, outcome });
        }
        assert_eq!(sockets.open.len(), 2);
    }

    #[test]
    fn what_is_in_flight_to_a_datagram_socket_is_gone_with_it() {
        let mut sockets = Sockets::default();
        apply(&mut sockets, pair([3, 4], Transport::Datagram));
        message(&mut sockets, Op::Sendmsg, 3, &[descriptor(3)]);
        assert_eq!(sockets.transits.len(), 1);
        for fd in [3, 4] {
            let (socket, outcome) = (descriptor(fd), Outcome::Done(0));
            apply(&mut sockets, What::Close { socket, outcome });
        }
        assert!(sockets.transits.is_empty() && sockets.open.is_empty());
    }

    #[test]
    fn a_chain_of_sockets_in_flight_over_each_other_is_closed() {
        let mut sockets = sockets();
        for _ in 0..100_000 {
            // the pair's second end is sent over the first of the next pair, whose ends then have the old numbers
            apply(&mut sockets, pair([13, 14], Transport::Stream));
            message(&mut sockets, Op::Sendmsg, 13, &[descriptor(4)]);
            for (from, made) in [(13, 3), (14, 4)] {
                let [from, made] = [from, made].map(descriptor);
                let duplicate = What::Duplicate { from, made, close_on_exec: false };
                apply(&mut sockets, duplicate);
                let (socket, outcome) = (from, Outcome::Done(0));
                apply(&mut sockets, What::Close { socket, outcome });
            }
        }
        apply(&mut sockets, What::Ended { group: false });
        assert!(sockets.open.is_empty() && sockets.transits.is_empty());
    }

    #[test]
    fn sockets_in_flight_over_themselves_are_bounded() {
        let mut sockets = sockets();
        for _ in 0..2 * limits::TRANSITS {
            apply(&mut sockets, pair([3, 4], Transport::Stream));
            message(&mut sockets, Op::Sendmsg, 3, &[descriptor(4)]);
        }
        assert_eq!(sockets.transits.len(), limits::TRANSITS);
        // the other end of each of them is closed, and the TCP socket and the last pair are open
        assert_eq!(sockets.open.len(), limits::TRANSITS + 2);
    }

    #[test]
    fn pidfds_are_bounded() {
        let mut sockets = sockets();
        for number in 0..2000 {
            let (made, process) = (descriptor(10 + number), Tid(1));
            apply(&mut sockets, What::PidfdOpened { made, process });
        }
        assert_eq!(sockets.pidfds.len(), limits::PIDFDS);
    }
}
