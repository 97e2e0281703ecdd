//! Where the ends of a connection wait for each other while its addresses or inodes are not known.

use crate::event::UnixName;
use crate::sockets::packed::Packed;

/// Where an end waits for the other one: at the listening socket, on its side of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rendezvous {
    pub(super) at: Listener,
    /// The one that waits was accepted, and the other one connects.
    pub(super) accepted: bool,
}

impl Rendezvous {
    /// Where a connection is to be found: who connects also at the port, for it may be of one that listens at every address.
    pub(super) fn places(&self) -> [Option<Self>; 2] {
        let port = match self.at {
            Listener::Address(address) if !self.accepted => {
                Some(Self { at: Listener::Port(address.get().port()), accepted: false })
            }
            _ => None,
        };
        [Some(self.clone()), port]
    }
}

/// What a listening socket is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Listener {
    /// Of a UNIX socket.
    Name(UnixName),
    /// Of a TCP socket.
    Address(Packed),
    /// Of a TCP socket that listens at every address.
    Port(u16),
}
