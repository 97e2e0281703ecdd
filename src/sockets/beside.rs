//! Calls that move bytes of a stream while others do, in the same direction: which of their bytes are news, totals do not
//! tell then.
//!
//! ```text
//! two sends are under way             the reader's bytes tell whose come next, until none is    Overlap::Sends
//! what was sent is not in the trace   the bytes tell whose they are, from then on               Overlap::Lost
//! two receives are under way          what is sent tells the order, from then on                Overlap::Receives
//! several traces, or `strace -z`      lines come as calls end, and others may be under way      Overlap::Traces
//! ```

use crate::event::{Direction, Marking, Move, Outcome, Tid, Timestamp};
use crate::sockets::connections::{Connection, ToldBy};
use crate::sockets::names::{ConnectionId, FlowId, Side, SocketId};
use crate::sockets::sending::Sending;
use crate::sockets::{Change, Moved, Overlap, Sockets};

/// What is known of the others beside a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside {
    pub(super) overlap: Overlap,
    /// How many bytes of a send are known to have been received.
    pub(super) foretold: Option<u64>,
    /// Who has sent what is received and was not sent before: the send is under way.
    pub(super) sent_by: Option<Marking>,
}

/// A call has failed, or others came between its beginning and its end: lines are not of ends alone.
pub(super) const fn failures_are_shown(sockets: &mut Sockets) {
    sockets.shows_failures = true;
    sockets.at_ends = sockets.traces > 1;
}

/// A call began before one on a line before: it has one line at its end, if those that only begin have none.
#[cold]
#[inline(never)]
pub(super) const fn goes_back(sockets: &mut Sockets) {
    sockets.at_ends |= !sockets.shows_failures;
}

/// A call has begun to move bytes of a connection.
pub(super) fn begun(sockets: &mut Sockets, (id, side): (ConnectionId, Side), (by, direction): (Marking, Direction)) {
    let tid = by.tid;
    if direction == Direction::Sent {
        send_ended(sockets, tid, Outcome::Unknown);
    }
    let Sockets { sending, connections, now, .. } = sockets;
    let Some(connection) = connections.get_mut(id) else {
        return;
    };
    match direction {
        Direction::Sent => sending.begin((by, now.entry), connection, side),
        Direction::Received => receives(sending, connection, (side, tid), true),
    }
}

/// A thread receives by an end, and is under way with that or is not. Where another one is, they may return in any order.
fn receives(sending: &mut Sending, connection: &mut Connection, (side, tid): (Side, Tid), is_under_way: bool) {
    let sender = side.other();
    let are_several = connection.calls(side).seldom().receiver.is_some_and(|other| other != tid);
    if are_several && connection.flow_from(sender).told_by != ToldBy::Senders {
        // Totals still tell what was received of the send that is under way.
        sending.contend(connection, sender);
        connection.tell_by(sender, ToldBy::Senders);
    }
    connection.set_receiver(side, is_under_way.then_some(tid));
}

/// A call has moved nothing, or nobody knows how much.
pub(super) fn failed(sockets: &mut Sockets, socket: SocketId, call: &Move<'_>) {
    let Some((id, side)) = sockets.stream(socket) else {
        return;
    };
    let (tid, direction, outcome) = (sockets.now.tid, call.direction, call.outcome);
    match direction {
        Direction::Sent if outcome == Outcome::Unknown && sockets.sending.of(tid).is_none() => {
            // Nothing came between its beginning and its thread's end.
            let by = sockets.marking(call.socket.fd, Some(call.op));
            begun(sockets, (id, side), (by, direction));
        }
        Direction::Sent => {}
        Direction::Received => {
            if let Some(connection) = sockets.connections.get_mut(id) {
                let receiver = connection.calls(side).seldom().receiver;
                connection.set_receiver(side, receiver.filter(|receiver| *receiver != tid));
            }
        }
    }
}

/// The send that a thread had under way is over. Where its outcome is not in the trace, for the thread was killed in it or the
/// line is missing, the reader may have shown what it has moved, or may show it yet.
#[cold]
#[inline(never)]
pub(super) fn send_ended(sockets: &mut Sockets, tid: Tid, outcome: Outcome) {
    let Sockets { sending, connections, now, .. } = sockets;
    let Some(((id, side), entry)) = sending.of(tid) else { return };
    let is_lost = outcome == Outcome::Unknown || entry != now.entry;
    let connection = connections.get_mut(id).filter(|_| is_lost);
    let is_read = connection.as_ref().is_some_and(|connection| connection.end(side.other()).is_read());
    let is_alone = if is_read { sending.lose(tid, now.exit) } else { sending.end(tid) };
    if let Some(connection) = connection {
        if is_alone {
            connection.catch_up(side);
        }
        if is_read {
            connection.cut(side);
        }
    }
}

/// A call has returned that has moved so many bytes of a connection.
#[cold]
#[inline(never)]
pub(super) fn returned(
    sockets: &mut Sockets,
    (id, side): (ConnectionId, Side),
    direction: Direction,
    moved: u64,
) -> Beside {
    let Sockets { sending, connections, tables, traces, now, at_ends, .. } = sockets;
    let at_ends = *at_ends;
    let Some(connection) = connections.get_mut(id) else {
        return Beside::default();
    };
    sending.forget_lost(now.exit);
    // Two traces whose threads nobody is known to have made may be the two ends of it all.
    let may_overlap = at_ends && (*traces != 2 || tables.have_children());
    if direction == Direction::Sent {
        let foretold = sending.returns(now.tid, connection, side);
        let reader = connection.end(side.other());
        let (overlap, foretold) = match (connection.flow_from(side).told_by, foretold) {
            (ToldBy::Senders, _) if reader.traced => (Overlap::Receives, Some(foretold.unwrap_or_default())),
            (ToldBy::Bytes, _) if reader.traced => (Overlap::Lost, Some(foretold.unwrap_or_default())),
            (_, Some(_)) => (Overlap::Sends, foretold),
            _ if may_overlap && reader.is_read() => (Overlap::Traces, Some(0)),
            _ => (Overlap::None, None),
        };
        return Beside { overlap, foretold, sent_by: None };
    }
    let flow = (id, side.other());
    receives(sending, connection, (side, now.tid), at_ends);
    if connection.receives_unsent(side, moved) && !at_ends && sending.since(flow).is_none() {
        // Something that the other end has sent is not in the trace.
        connection.tell_by(flow.1, ToldBy::Bytes);
    }
    let overlap = match connection.flow_from(flow.1).told_by {
        _ if !connection.end(flow.1).traced => Overlap::None,
        ToldBy::Senders => Overlap::Receives,
        ToldBy::Bytes => Overlap::Lost,
        ToldBy::Totals if sending.is_contended(flow) => Overlap::Sends,
        ToldBy::Totals if may_overlap => Overlap::Traces,
        ToldBy::Totals => Overlap::None,
    };
    let sent_by = sending.alone(flow).filter(|_| overlap == Overlap::None);
    Beside { overlap, foretold: None, sent_by }
}

/// What was received last was not sent, although no send is under way: the other end has sent it unseen.
#[cold]
#[inline(never)]
pub(super) fn received_unsent(connection: &mut Connection, side: Side, changes: &mut [Change]) {
    if !connection.has_begun_to_send(side.other()) {
        return;
    }
    connection.tell_by(side.other(), ToldBy::Bytes);
    if let Some(Change::Moved(Moved { stream: Some(stream), .. })) = changes.last_mut() {
        stream.overlap = Overlap::Lost;
    }
}

/// Since when sends are under way in a direction, those included that will not return: where that is not seen, since ever.
pub(super) fn sending_since(sockets: &Sockets, flow: FlowId) -> Option<Timestamp> {
    sockets.sending.since(flow).or_else(|| unseen_since(sockets, flow))
}

/// The same of those whose lines are to come.
pub(super) fn returning_since(sockets: &Sockets, flow: FlowId) -> Option<Timestamp> {
    sockets.sending.returning_since(flow).or_else(|| unseen_since(sockets, flow))
}

fn unseen_since(sockets: &Sockets, flow: FlowId) -> Option<Timestamp> {
    let told_by = sockets.connection(flow.0)?.flow_from(flow.1).told_by;
    (told_by != ToldBy::Totals && sockets.at_ends).then_some(Timestamp::default())
}
