//! Stand-ins for addresses that nothing in the trace tells, and how many connections and sockets needed them.

use crate::event::Direction;
use crate::sockets::{ConnectionId, Moved, SocketNumber};
use rustc_hash::FxHashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The local end where nothing is known of it (compat).
const UNKNOWN_LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 11111);

/// The remote end where nothing is known of it (compat).
const UNKNOWN_REMOTE: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 2), 22222);

/// Both endpoints as far as they are known, and the invented values for the rest, in the family of what is known.
pub(super) fn endpoints(
    (local, remote): (Option<SocketAddr>, Option<SocketAddr>),
    is_v6: bool,
) -> (SocketAddr, SocketAddr) {
    let is_v6 = match (local, remote) {
        (Some(address), _) | (None, Some(address)) => address.is_ipv6(),
        (None, None) => is_v6,
    };
    let invented = |(ip, port): (Ipv4Addr, u16)| {
        let ip = if is_v6 {
            IpAddr::V6(ip.to_ipv6_mapped())
        } else {
            IpAddr::V4(ip)
        };
        SocketAddr::new(ip, port)
    };
    (
        local.unwrap_or_else(|| invented(UNKNOWN_LOCAL)),
        remote.unwrap_or_else(|| invented(UNKNOWN_REMOTE)),
    )
}

/// How many connections, and sockets for datagrams, were shown with stand-ins, each counted once, by what was not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invented {
    /// The traced end's own address, and maybe the other end's.
    pub own: u64,
    /// The own address of a datagram socket, but only at first.
    pub late: u64,
    /// The other end's address alone.
    pub peers: u64,
    /// The address of a sender for which the receive of a datagram did not ask.
    pub senders: u64,
}

impl Invented {
    /// All together.
    pub const fn total(self) -> u64 {
        self.own + self.late + self.peers + self.senders
    }

    /// These and others.
    #[must_use]
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            own: self.own + other.own,
            late: self.late + other.late,
            peers: self.peers + other.peers,
            senders: self.senders + other.senders,
        }
    }
}

/// Who has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stranger {
    /// A connection.
    Connection(ConnectionId),
    /// A datagram socket.
    Socket(SocketNumber),
}

impl Stranger {
    /// Whose message it is.
    pub(super) fn of(moved: &Moved<'_>) -> Self {
        match moved.stream {
            Some(stream) => Self::Connection(stream.connection.id),
            None => Self::Socket(moved.socket),
        }
    }
}

/// Counts each stranger once. Forgets it with its end, so that memory follows what is open.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// Whether its own address is known.
    met: FxHashMap<Stranger, bool>,
    invented: Invented,
}

impl Strangers {
    /// A message is shown with stand-ins for what is not known of the thread's own end or of the other one.
    #[cold]
    pub(super) fn meet(&mut self, stranger: Stranger, knows_own: bool, direction: Direction) {
        if self.met.contains_key(&stranger) {
            return;
        }
        self.met.insert(stranger, knows_own);
        let count = match (stranger, knows_own, direction) {
            (_, false, _) => &mut self.invented.own,
            (Stranger::Socket(_), true, Direction::Received) => &mut self.invented.senders,
            (_, true, _) => &mut self.invented.peers,
        };
        *count += 1;
    }

    /// The own address of a datagram socket is known from here on.
    pub(super) fn named(&mut self, socket: SocketNumber) {
        if let Some(knows_own @ false) = self.met.get_mut(&Stranger::Socket(socket)) {
            *knows_own = true;
            self.invented.own -= 1;
            self.invented.late += 1;
        }
    }

    /// Nothing more will come of it.
    pub(super) fn forget(&mut self, stranger: Stranger) {
        self.met.remove(&stranger);
    }

    /// How many there were.
    pub(super) const fn count(&self) -> Invented {
        self.invented
    }
}
