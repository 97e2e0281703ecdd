//! What is held of descriptors in messages and of pidfds is bounded, and nothing is left of what arrived.

use super::*;
use crate::event::{Ancillary, Direction, Message, MessageFlags, Move, Outcome, Right};

const MISSING: &Details = &Details::Missing;

fn descriptor(number: u32) -> Descriptor<'static> {
    Descriptor { fd: Fd(number), details: MISSING }
}

fn apply(sockets: &mut Sockets, what: What<'_>) {
    let event = Event { line: 1, tid: Tid(1), entry: Timestamp(1), exit: Timestamp(1), resumed: false, what };
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
    let messages = [Message { start: 0, captured: 1, moved: 1, address: None, own: None, rights: rights.len() }];
    let right = |from: &Descriptor<'_>| Right { fd: from.fd, details: from.details.clone(), path: None };
    let ancillary = Ancillary { rights: rights.iter().map(right).collect(), ..Ancillary::default() };
    let call = Move {
        socket: descriptor(on),
        op,
        direction,
        outcome: Outcome::Done(1),
        payload: b"x",
        messages: &messages,
        requested: Some(1),
        ancillary: Some(&ancillary),
        flags: MessageFlags::default(),
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
    let most = limits::RIGHTS_IN_FLIGHT;
    assert_eq!(sockets.rights.lengths(), [(0, most), (most, 0)]);
}

#[test]
fn nothing_is_left_of_what_arrived() {
    let mut sockets = sockets();
    message(&mut sockets, Op::Sendmsg, 3, &[descriptor(5), descriptor(1)]);
    message(&mut sockets, Op::Recvmsg, 4, &[descriptor(6), descriptor(7)]);
    assert!(sockets.rights.is_empty());
    for fd in [5, 6] {
        assert_eq!(sockets.registry.len(), 3);
        let (socket, outcome) = (descriptor(fd), Outcome::Done(0));
        apply(&mut sockets, What::Close { socket, outcome });
    }
    assert_eq!(sockets.registry.len(), 2);
}

#[test]
fn what_is_in_flight_to_a_datagram_socket_is_gone_with_it() {
    let mut sockets = Sockets::default();
    apply(&mut sockets, pair([3, 4], Transport::Datagram));
    message(&mut sockets, Op::Sendmsg, 3, &[descriptor(3)]);
    assert_eq!(sockets.rights.lengths().len(), 1);
    for fd in [3, 4] {
        let (socket, outcome) = (descriptor(fd), Outcome::Done(0));
        apply(&mut sockets, What::Close { socket, outcome });
    }
    assert!(sockets.rights.is_empty() && sockets.registry.len() == 0);
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
    assert!(sockets.registry.len() == 0 && sockets.rights.is_empty());
}

#[test]
fn sockets_in_flight_over_themselves_are_bounded() {
    let mut sockets = sockets();
    for _ in 0..2 * limits::TRANSITS {
        apply(&mut sockets, pair([3, 4], Transport::Stream));
        message(&mut sockets, Op::Sendmsg, 3, &[descriptor(4)]);
    }
    assert_eq!(sockets.rights.lengths().len(), limits::TRANSITS);
    // the other end of each of them is closed, and the TCP socket and the last pair are open
    assert_eq!(sockets.registry.len(), limits::TRANSITS + 2);
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
