//! Where the ends of a connection wait for each other while its addresses or inodes are not known.

use crate::event::{HostPort, UnixName};
use crate::sockets::head::Head;
use crate::sockets::names::ConnectionId;
use std::hash::BuildHasher;

/// What a connection has while its other end may still be found where it connected or was accepted.
#[derive(Clone, Debug)]
pub(super) struct Rendezvous {
    /// Where it waits.
    pub(super) places: [Option<Place>; 2],
    /// What its first end has sent first.
    head: Head,
    /// The accepted connection that is its other end if no bytes tell another one.
    pub(super) accepted: Option<ConnectionId>,
}

impl Rendezvous {
    pub(super) const fn at(places: [Option<Place>; 2]) -> Self {
        Self { places, head: Head::EMPTY, accepted: None }
    }

    /// The first end has sent this.
    pub(super) fn note_head(&mut self, bytes: &[u8]) {
        self.head.note(bytes);
    }

    /// Whether what the first end has sent begins like what another one has received; none where nothing tells.
    pub(super) fn has_sent(&self, received: &[u8]) -> Option<bool> {
        let head = self.head.bytes();
        let compared = head.len().min(received.len());
        let same = || head.get(..compared) == received.get(..compared);
        (compared > 0).then(same)
    }
}

/// A listening socket, on one side of which ends wait. Who finds one there looks at the name and the addresses as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(u64);

impl Place {
    /// `accepted`: those that wait were accepted, and the other ones connect. By the hash of the table in which it is kept.
    pub(super) fn of(listener: &Listener<'_>, accepted: bool, hash: &impl BuildHasher) -> Self {
        Self(hash.hash_one((listener, accepted)))
    }
}

/// What a listening socket is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Listener<'a> {
    /// Of a UNIX socket.
    Name(&'a UnixName),
    /// Of a TCP socket.
    Address(HostPort),
    /// Of a TCP socket that listens at every address.
    Port(u16),
}
