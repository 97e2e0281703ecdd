//! Ends of connections that are not over with their last known descriptor: they have gone to a child of which nobody told.

use crate::event::Op;
use crate::sockets::Sockets;
use crate::sockets::connections::{Connection, Role, Witnessed};
use crate::sockets::names::{ConnectionId, Side};
use crate::sockets::open_socket::OpenSocket;

/// Whether an end that its maker closes, and nobody else is known to have, has gone to a child of which nobody told: no
/// program makes a pair, uses neither end of it, and closes one. Nor does one that accepts a client close it without a word,
/// and where no call shows children being made it is one that makes them.
fn has_gone_to_a_child(
    connection: &Connection,
    side: Side,
    (open, are_children_told): (&OpenSocket, bool),
    op: Option<Op>,
) -> bool {
    let (own, other) = (connection.end(side), connection.end(side.other()));
    let is_unused_on = |side: Side| connection.calls(side).have_moved_nothing();
    let is_unused = match own.role {
        Role::Accepted => {
            !are_children_told
                && is_unused_on(side)
                && !connection.flow_from(side.other()).finished
                && !connection.is_begun()
        }
        _ => connection.is_pair() && is_unused_on(side) && is_unused_on(side.other()),
    };
    op == Some(Op::Close) && is_unused && !open.was_shared && !open.seldom().reset_on_close && !other.closed
}

/// Whether an end is not over with its last known descriptor. If the other end was left so and is closed as well, both are
/// over now.
pub(super) fn is_left_to_a_child(
    sockets: &mut Sockets,
    (id, side): (ConnectionId, Side),
    open: &OpenSocket,
    closer: Witnessed,
) -> bool {
    let Some(connection) = sockets.connections.get(id) else {
        return false;
    };
    if has_gone_to_a_child(connection, side, (open, sockets.tables.have_children()), closer.0.op) {
        sockets.connections.leave_end((id, side), closer.0);
        return true;
    }
    let other = side.other();
    if connection.end(other).is_left && !connection.flow_from(other).finished {
        sockets.finish_flow(id, [other, side], closer);
    }
    false
}
