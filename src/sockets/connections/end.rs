//! An end of a connection: what is known of it, and what its calls have done.

use crate::event::{HostPort, Inode, Marking, Tid, UnixName};
use crate::sockets::canonical;
use crate::sockets::connections::state::Role;
use crate::sockets::names::SocketId;
use std::net::SocketAddr;

/// What is known of an end of a connection.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// It is or was traced.
    pub traced: bool,
    /// How it came to the connection.
    pub role: Role,
    /// Its address (INET).
    address: Option<HostPort>,
    /// Its inode (UNIX); of a pipe's end as [`Inode::end_of_pipe`] has it.
    pub inode: Option<Inode>,
    /// The name it is bound to (UNIX).
    pub name: Option<UnixName>,
    /// All its descriptors are closed.
    pub closed: bool,
    /// All that are known of are, and a process that nobody told of has it.
    pub(in crate::sockets) is_left: bool,
}

impl End {
    /// Its address (INET).
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.map(HostPort::get)
    }

    /// The same, packed.
    pub(super) const fn packed(&self) -> Option<HostPort> {
        self.address
    }

    /// Its address is known.
    pub(super) fn know_address(&mut self, address: Option<SocketAddr>) {
        self.address = address.map(HostPort::from);
    }

    /// Whether it is traced, and may still read.
    pub const fn is_read(&self) -> bool {
        self.traced && !self.closed
    }

    /// Whether its calls may show what the other end's do not: it is traced, or it is on this host and may turn up.
    pub fn may_show(&self) -> bool {
        let is_here = self.address().is_some_and(|address| canonical(address).ip().is_loopback());
        if self.traced { !self.closed } else { is_here }
    }
}

/// What the calls of an end have done.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// The open socket, while it is traced and open.
    pub(in crate::sockets) socket: Option<SocketId>,
    /// Who brought the end into the connection: connect, accept, socketpair.
    pub(in crate::sockets) brought: Option<Marking>,
    /// Who used the end last, for packets that no call made.
    pub marking: Option<Marking>,
    /// Bytes they have sent, counted from the beginning of what the trace shows.
    pub(in crate::sockets) sent: u64,
    /// Bytes they have received, counted likewise.
    pub(in crate::sockets) received: u64,
    /// How many they had received when a receive found no more: there a segment has ended.
    pub(in crate::sockets) emptied: u64,
    /// Urgent bytes that the end was sent, each of which its reads may pass over.
    pub(in crate::sockets) urgent: u32,
    /// Whose receive has begun, and not returned.
    pub(in crate::sockets) receiver: Option<Tid>,
    /// The other end's process, as the kernel has told (SO_PEERCRED); 0 where it has not.
    pub peer: Tid,
}

impl Calls {
    /// There were none.
    pub(super) const NONE: &Self = &Self {
        socket: None,
        brought: None,
        marking: None,
        sent: 0,
        received: 0,
        emptied: 0,
        urgent: 0,
        receiver: None,
        peer: Tid(0),
    };

    /// Whether none has moved anything.
    pub(in crate::sockets) const fn have_moved_nothing(&self) -> bool {
        self.sent == 0 && self.received == 0
    }

    /// Whether a receive has found no more before the last `moved` bytes came.
    pub const fn had_met_all_before(&self, moved: u64) -> bool {
        self.emptied > 0 && self.emptied == self.received.saturating_sub(moved)
    }
}
