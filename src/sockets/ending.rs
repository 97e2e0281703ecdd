//! What ends over several steps, a few connections at a time: a process with all that it has open, and at last the trace.

use crate::event::Op;
use crate::limits;
use crate::sockets::names::{ConnectionId, Side};
use crate::sockets::{Change, Sockets, processes};

/// Ends some more; whether there was any.
#[inline(never)]
pub(super) fn goes_on(sockets: &mut Sockets) -> bool {
    if sockets.leaving.is_none() && sockets.ending.as_ref().is_some_and(|ending| ending.len() == 0) {
        return false;
    }
    sockets.sweep();
    if sockets.leaving.is_some() {
        leave(sockets);
    } else if !processes::end_exiting(sockets) {
        end_some(sockets);
    }
    true
}

/// Closes some of what the thread that ends had open.
pub(super) fn leave(sockets: &mut Sockets) {
    let Some(mut slots) = sockets.leaving.take() else { return };
    for _ in 0..limits::CLOSED_AT_ONCE {
        let Some((fd, slot)) = slots.next() else {
            return sockets.sessions.forget(sockets.now.tid);
        };
        sockets.drop_slot(fd, &slot, Op::Exit);
    }
    sockets.leaving = Some(slots);
}

/// Ends some of the connections that there are at the end of the trace. What was made, or tried, and on which nothing was
/// said, is told at last.
fn end_some(sockets: &mut Sockets) {
    let mut ending = sockets.ending.take().unwrap_or_else(|| all_decided(sockets).into_iter());
    for connection in ending.by_ref().take(limits::CLOSED_AT_ONCE) {
        if let Some(open) = sockets.connections.get_mut(connection) {
            open.tell_at_last(sockets.now.entry, &mut sockets.changes);
        }
        sockets.changes.push(Change::ConnectionForgotten { connection });
    }
    sockets.ending = Some(ending);
}

/// All connections, once no bytes are to come that tell whose an accepted one is.
fn all_decided(sockets: &mut Sockets) -> Vec<ConnectionId> {
    for id in sockets.connections.ids() {
        let undecided = sockets.connections.get(id).filter(|connection| connection.is_undecided);
        if let Some(socket) = undecided.and_then(|connection| connection.calls(Side::First).socket) {
            sockets.decide(socket, None);
        }
    }
    sockets.connections.ids()
}
