//! Which socket it is: what one line says of a socket may contradict what others have said, and then it is of another one.
//! A close that was not traced, a child that nobody told of, and a wrong guess show by that alone.
//!
//! | evidence | contradicts |
//! |---|---|
//! | details | another family or kind, another inode, another address than details had before |
//! | a connect | another family; a connection that it has already, unless its connect was still going on |
//! | a close | an inode or addresses that the socket with this number cannot have, or it began before its connection: it came while the close was under way |
//! | details of who has connected | its own address, which an accept has told that was taken for its other end |
//! | two ends that may be one connection's | an address that is another than the one that the other end has seen |

use crate::event::{Address, Descriptor, Details, Errno, Family, Outcome, SocketDetails, Transport};
use crate::sockets::connections::state::{Connection, Role};
use crate::sockets::names::Side;
use crate::sockets::open_socket::{OpenSocket, canonical};
use std::net::SocketAddr;

/// What tells these details from others.
pub(super) fn serial_of(details: Option<&SocketDetails>) -> u64 {
    details.map_or(SocketDetails::NO_SERIAL, |details| details.serial)
}

/// The socket details of a descriptor.
pub(super) fn details_of(descriptor: Descriptor<'_>) -> Option<&SocketDetails> {
    match descriptor.details {
        Details::Socket(details) => Some(details),
        _ => None,
    }
}

/// Whether details may be of this socket.
pub(super) fn agrees(open: &OpenSocket, details: &SocketDetails) -> bool {
    if details.family != Family::Other && open.family != Family::Other && details.family != open.family {
        return false;
    }
    if (details.family == Family::Pipe) != (open.family == Family::Pipe) {
        return false;
    }
    if let (Some(theirs), Some(ours)) = (open.inode_in(details), open.inode) {
        return theirs == ours;
    }
    let same_kind = details.transport == open.transport
        || details.transport == Transport::Unknown
        || open.transport == Transport::Unknown;
    same_kind
        && may_be_same(details.local, open.local.in_details())
        && (open.transport != Transport::Stream || may_be_same(details.remote, open.remote.in_details()))
}

/// Whether a connect, seen without details, is of another socket than `open`, whose close was not traced: a socket keeps its
/// family, and what is connected cannot be connected again. A connect that goes on is asked for its end by another one.
pub(super) fn connects_another(
    open: &OpenSocket,
    connection: Option<&Connection>,
    family: Family,
    (address, outcome): (&Address, Outcome),
) -> bool {
    let is_decided = match outcome {
        Outcome::Done(_) => true,
        Outcome::Failed(error) => matches!(
            error,
            Errno::InProgress
                | Errno::ConnRefused
                | Errno::TimedOut
                | Errno::HostUnreachable
                | Errno::NetUnreachable
                | Errno::ConnReset
        ),
        Outcome::Unknown => false,
    };
    if !is_decided || family == Family::Other {
        return false;
    }
    let is_other_family = match (open.family, family) {
        (Family::Other | Family::Pipe, _) => false,
        // A datagram socket of IPv6 can be connected through IPv4.
        (Family::Inet6, Family::Inet) => open.is_stream(),
        (ours, theirs) => ours != theirs,
    };
    let Some(connection) = connection else {
        // What is known to have datagrams may be connected anew.
        let is_guessed = !open.family_known && !open.is_stream() && open.remote.get().is_some();
        return is_other_family || is_guessed;
    };
    let is_same = match address {
        Address::Inet(address) => open.remote.get().map(canonical) == Some(canonical(*address)),
        Address::Unix(name) => open.peer_name == *name,
        Address::Unspecified | Address::Other => true,
    };
    is_other_family || !(is_same && (connection.is_begun() || open.is_connecting))
}

/// Whether a close is of the socket that had the number before `open`, which came while the close was under way: nobody has
/// connected `open`, and the details are a connected one's, or it was accepted, and they are of another connection, or they
/// have another inode.
pub(super) fn is_closed_already(open: &OpenSocket, details: &SocketDetails) -> bool {
    let is_another = |theirs, ours| matches!((theirs, ours), (Some(theirs), Some(ours)) if theirs != ours);
    let is_new = open.is_made && open.stream.is_none() && open.remote.get().is_none();
    is_another(open.inode_in(details), open.inode)
        || (open.listener.is_some() && !agrees(open, details))
        || (is_new && open.transport == Transport::Stream && details.remote.is_some())
}

/// Whether details are of `open` but for its own address, which was only a guess.
pub(super) fn has_met_another(open: &OpenSocket, details: &SocketDetails) -> bool {
    open.has_met
        && details.family == open.family
        && details.transport == open.transport
        && details.local.is_some()
        && details.remote.is_some()
        && details.remote.map(canonical) == open.remote.get().map(canonical)
}

/// How far two ends are known to belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// Nothing contradicts it.
    Possible,
    /// What one has seen of the client's address is what the other one knows.
    Confirmed,
}

/// Whether `open`, in its role, may be the other end of a connection of which only the first end is traced.
pub(super) fn meeting(waiting: &Connection, open: &OpenSocket, role: Role) -> Option<Meeting> {
    let [first, second] = Side::BOTH.map(|side| waiting.end(side).address().map(canonical));
    let (local, remote) = (open.local.get().map(canonical), open.remote.get().map(canonical));
    // The server's address as the client and the server have it, and the client's as they have that.
    let (targets, [client, source]) = match role {
        Role::Accepted => ([second, local], [first, remote]),
        _ => ([remote, first], [local, second]),
    };
    // The listening socket's name, likewise.
    let (listener_as_waiting, listener) = match role {
        Role::Accepted => (waiting.end(Side::Second).name(), &open.name),
        _ => (waiting.end(Side::First).name(), &open.peer_name),
    };
    let [target, _] = targets;
    let is_other_name = open.family == Family::Unix && listener_as_waiting != listener.as_ref();
    if is_other_name || !may_be_same(client, source) || !may_be_target(targets) {
        return None;
    }
    // Who connects to a loopback address is seen to come from one, and nobody else is.
    if let (Some(target), Some(source)) = (target, source)
        && !target.ip().is_unspecified()
        && target.ip().is_loopback() != source.ip().is_loopback()
    {
        return None;
    }
    let port = |address: Option<SocketAddr>| address.map(|address| address.port()).filter(|port| *port != 0);
    Some(if port(client).is_some() && port(client) == port(source) { Meeting::Confirmed } else { Meeting::Possible })
}

/// Whether a client's target may be the server's address, of which a wildcard's may be any loopback one.
fn may_be_target([target, server]: [Option<SocketAddr>; 2]) -> bool {
    let is_loopback = |address: &SocketAddr| address.ip().is_loopback();
    let port = |address: Option<SocketAddr>| address.filter(is_loopback).map(|address| address.port());
    may_be_same(target, server) || (port(target).is_some() && port(target) == port(server))
}

/// Whether two addresses may be the same, each as far as it is known.
fn may_be_same(theirs: Option<SocketAddr>, ours: Option<SocketAddr>) -> bool {
    let (Some(theirs), Some(ours)) = (theirs.map(canonical), ours.map(canonical)) else {
        return true;
    };
    let same_host = theirs.ip() == ours.ip() || theirs.ip().is_unspecified() || ours.ip().is_unspecified();
    same_host && (theirs.port() == ours.port() || theirs.port() == 0 || ours.port() == 0)
}
