//! Who of the two ends is the client.

use crate::sockets::{Connection, Role, Side};

/// The client, where the calls or the names tell: who connected, the other end of who accepted, who writes to a pipe, the
/// other end of the one that is bound to a name.
pub(super) fn client(connection: &Connection) -> Option<Side> {
    let by_role = |side: Side| match connection.end(side).role {
        Role::Connected | Role::Writer => Some(side),
        Role::Accepted | Role::Reader => Some(side.other()),
        Role::Paired | Role::Unknown => None,
    };
    let by_name = |side: Side| connection.end(side).name().map(|_| side.other());
    by_role(Side::First)
        .or_else(|| by_role(Side::Second))
        .or_else(|| by_name(Side::First))
        .or_else(|| by_name(Side::Second))
}
