//! Who of the two ends of a TCP connection is the client.

use crate::packets::contents::{self, FirstBytes};
use crate::packets::http2::{self, Http2Verdict};
use crate::sockets::{Connection, Role, Side};

/// What is said first on a connection, and by which end.
pub(super) type FirstSaid<'a> = Option<(FirstBytes<'a>, Side)>;

/// The client: who connected, or the other end of who accepted; in mid-stream the end that speaks as one in HTTP/2, which
/// seeds hang on, else, where it makes no difference to the segments, the end with the higher port. Where nothing is known
/// of the ports, what is said first tells.
pub(super) fn client(connection: &Connection, said: FirstSaid<'_>) -> Side {
    match (connection.end(Side::First).role, connection.end(Side::Second).role) {
        (Role::Connected, _) | (_, Role::Accepted) => Side::First,
        (Role::Accepted, _) | (_, Role::Connected) => Side::Second,
        _ => said.and_then(http2_client).unwrap_or_else(|| client_by_ports(connection, said)),
    }
}

/// The end with the higher port; where both have the same, the one that what is said first makes the client.
fn client_by_ports(connection: &Connection, said: FirstSaid<'_>) -> Side {
    let [first, second] = Side::BOTH.map(|side| connection.end(side).address().map_or(0, |address| address.port()));
    if first != second {
        return if first > second { Side::First } else { Side::Second };
    }
    match said {
        Some((beginning, sender)) if contents::is_of_client(&beginning) => sender,
        Some((beginning, sender)) if contents::is_of_server(&beginning) => sender.other(),
        _ => Side::First,
    }
}

/// The client of HTTP/2 that was joined midway, where the first frames tell.
fn http2_client((FirstBytes { bytes, .. }, sender): (FirstBytes<'_>, Side)) -> Option<Side> {
    if http2::judge(bytes) != Http2Verdict::Http2 {
        return None;
    }
    let is_client = http2::is_of_client(bytes)?;
    Some(if is_client { sender } else { sender.other() })
}
