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
    identity: Identity,
    /// All its descriptors are closed.
    pub closed: bool,
    /// All that are known of are, and a process that nobody told of has it.
    pub(in crate::sockets) is_left: bool,
}

/// What an end is known by.
#[derive(Clone, Debug, Default)]
enum Identity {
    #[default]
    Unknown,
    Inet(HostPort),
    Local(Option<Inode>, Option<UnixName>),
}

impl End {
    /// Its address (INET).
    pub fn address(&self) -> Option<SocketAddr> {
        self.packed().map(HostPort::get)
    }

    /// The same, packed.
    pub(super) const fn packed(&self) -> Option<HostPort> {
        if let Identity::Inet(address) = self.identity { Some(address) } else { None }
    }

    /// Its inode (UNIX); of a pipe's end as [`Inode::end_of_pipe`] has it.
    pub const fn inode(&self) -> Option<Inode> {
        if let Identity::Local(inode, _) = self.identity { inode } else { None }
    }

    /// The name it is bound to (UNIX).
    pub const fn name(&self) -> Option<&UnixName> {
        if let Identity::Local(_, name) = &self.identity { name.as_ref() } else { None }
    }

    /// Its address may be known (INET): one that is whole is better than one that is not.
    pub(super) fn know_address(&mut self, address: Option<HostPort>) {
        let before = self.packed().filter(|before| address.is_none_or(HostPort::is_vague) && !before.is_vague());
        if let Some(best) = before.or(address) {
            self.identity = Identity::Inet(best);
        }
    }

    /// Its inode or its name may be known (UNIX): those that were known before stay.
    pub(super) fn know_local(&mut self, inode: Option<Inode>, name: Option<&UnixName>) {
        let (inode, name) = (self.inode().or(inode), self.name().or(name).cloned());
        self.identity = Identity::Local(inode, name);
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
    seldom: Option<Box<SeldomCalls>>,
}

/// What the calls of few ends have done.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sockets) struct SeldomCalls {
    /// Urgent bytes that the end was sent, each of which its reads may pass over.
    pub(in crate::sockets) urgent: u32,
    /// Whose receive has begun, and not returned.
    pub(in crate::sockets) receiver: Option<Tid>,
    /// The other end's process, as the kernel has told (SO_PEERCRED).
    pub(in crate::sockets) peer: Option<Tid>,
}

impl Calls {
    /// There were none.
    pub(super) const NONE: &Self =
        &Self { socket: None, brought: None, marking: None, sent: 0, received: 0, emptied: 0, seldom: None };

    /// What those of few ends have done.
    #[inline]
    pub(in crate::sockets) fn seldom(&self) -> SeldomCalls {
        self.seldom.as_deref().copied().unwrap_or_default()
    }

    /// The same, to change it.
    pub(in crate::sockets) fn seldom_mut(&mut self) -> &mut SeldomCalls {
        self.seldom.get_or_insert_default()
    }

    /// The other end's process, as the kernel has told (SO_PEERCRED).
    pub fn peer(&self) -> Option<Tid> {
        self.seldom().peer
    }

    /// Whether none has moved anything.
    pub(in crate::sockets) const fn have_moved_nothing(&self) -> bool {
        self.sent == 0 && self.received == 0
    }

    /// Whether a receive has found no more before the last `moved` bytes came.
    pub const fn had_met_all_before(&self, moved: u64) -> bool {
        self.emptied > 0 && self.emptied == self.received.saturating_sub(moved)
    }
}
