//! Stand-ins for addresses that nothing in the trace tells, and how many connections and sockets needed them.

use crate::event::Direction;
use crate::packets::Invented;
use crate::sockets::{ConnectionId, Moved, SocketNumber};
use rustc_hash::FxHashMap;
use slab::Slab;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The local end where nothing is known of it (compat).
const UNKNOWN_LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 11111);

/// The remote end where nothing is known of it (compat).
const UNKNOWN_REMOTE: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 2), 22222);

/// Both endpoints of something.
type Endpoints = (SocketAddr, SocketAddr);

/// Both endpoints as far as they are known, and the invented values for the rest, in the family of what is known.
pub(super) fn endpoints((local, remote): (Option<SocketAddr>, Option<SocketAddr>), is_v6: bool) -> Endpoints {
    let is_v6 = match (local, remote) {
        (Some(address), _) | (None, Some(address)) => address.is_ipv6(),
        (None, None) => is_v6,
    };
    (local.unwrap_or_else(|| invented(UNKNOWN_LOCAL, is_v6)), remote.unwrap_or_else(|| invented(UNKNOWN_REMOTE, is_v6)))
}

fn invented((ip, port): (Ipv4Addr, u16), is_v6: bool) -> SocketAddr {
    let ip = if is_v6 { IpAddr::V6(ip.to_ipv6_mapped()) } else { IpAddr::V4(ip) };
    SocketAddr::new(ip, port)
}

/// Stand-ins that are in use, so that no two open connections have the same: of those whose addresses would all be the
/// same the first has the usual one, and the others have it at other addresses of the loopback network, `127.X.Y.1` or
/// `127.X.Y.2`, with the usual port.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    in_use: FxHashMap<Endpoints, Slab<()>>,
    by_connection: FxHashMap<ConnectionId, (Endpoints, usize)>,
}

impl StandIns {
    /// Both endpoints of a connection, the client's first. What is invented is its own until it is given back.
    pub(super) fn take(
        &mut self,
        id: ConnectionId,
        known: (Option<SocketAddr>, Option<SocketAddr>),
        is_v6: bool,
    ) -> Endpoints {
        let usual = endpoints(known, is_v6);
        let (client, server) = usual;
        if let (Some(_), Some(_)) = known {
            return usual;
        }
        self.give_back(id);
        let number = self.in_use.entry(usual).or_default().insert(());
        self.by_connection.insert(id, (usual, number));
        match known {
            (None, _) => (numbered(client, UNKNOWN_LOCAL, number), server),
            _ => (client, numbered(server, UNKNOWN_REMOTE, number)),
        }
    }

    /// The connection is closed: others may have what stood in for its addresses.
    pub(super) fn give_back(&mut self, id: ConnectionId) {
        if let Some((usual, number)) = self.by_connection.remove(&id)
            && let Some(numbers) = self.in_use.get_mut(&usual)
        {
            numbers.try_remove(number);
            if numbers.is_empty() {
                self.in_use.remove(&usual);
            }
        }
    }
}

/// The stand-in in the place of `of` for the one who is `number`th of those that need it at a time. Beyond 65,536 some are
/// the same.
fn numbered(of: SocketAddr, (ip, port): (Ipv4Addr, u16), number: usize) -> SocketAddr {
    let [first, second, third, last] = ip.octets();
    let [.., high, low] = number.to_be_bytes();
    let ip = Ipv4Addr::new(first, second | high, third | low, last);
    invented((ip, port), of.is_ipv6())
}

/// Who has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// A connection.
    Connection(ConnectionId),
    /// A datagram socket.
    Socket(SocketNumber),
}

impl Counted {
    /// Whose message it is.
    pub(super) fn of(moved: &Moved) -> Self {
        match moved.stream {
            Some(stream) => Self::Connection(stream.connection),
            None => Self::Socket(moved.socket),
        }
    }
}

/// Counts each once. Forgets it with its end, so that memory follows what is open.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// Whether its own address is known.
    counted: FxHashMap<Counted, bool>,
    invented: Invented,
}

impl Counter {
    /// A message is shown with stand-ins for what is not known of the thread's own end or of the other one.
    #[cold]
    pub(super) fn count(&mut self, counted: Counted, knows_own: bool, direction: Direction) {
        if self.counted.contains_key(&counted) {
            return;
        }
        self.counted.insert(counted, knows_own);
        let count = match (counted, knows_own, direction) {
            (_, false, _) => &mut self.invented.own,
            (Counted::Socket(_), true, Direction::Received) => &mut self.invented.senders,
            (_, true, _) => &mut self.invented.peers,
        };
        *count += 1;
    }

    /// The own address of a datagram socket is known from here on.
    pub(super) fn named(&mut self, socket: SocketNumber) {
        if let Some(knows_own @ false) = self.counted.get_mut(&Counted::Socket(socket)) {
            *knows_own = true;
            self.invented.own -= 1;
            self.invented.late += 1;
        }
    }

    /// Nothing more will come of it.
    pub(super) fn forget(&mut self, counted: Counted) {
        self.counted.remove(&counted);
    }

    /// How many there were.
    pub(super) const fn invented(&self) -> Invented {
        self.invented
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_numbered() {
        let of = |text: &str, number| {
            let usual = text.parse().expect("it is an address");
            numbered(usual, UNKNOWN_LOCAL, number).to_string()
        };
        for (number, expected) in [(0, "127.0.0.1:11111"), (1, "127.0.1.1:11111"), (0x1_2345, "127.35.69.1:11111")] {
            assert_eq!(of("127.0.0.1:11111", number), expected);
        }
        let mapped = of("[::ffff:127.0.0.1]:11111", 256);
        assert_eq!(mapped, "[::ffff:127.1.0.1]:11111");
    }
}
