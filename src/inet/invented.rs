//! Stand-ins for addresses that nothing in the trace tells, and how many connections and sockets needed them.

use crate::event::Direction;
use crate::packets::{Invented, UNKNOWN_PORT};
use crate::sockets::{ConnectionId, Moved, SocketNumber, is_vague};
use foldhash::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The local end where nothing is known of it (compat).
const UNKNOWN_LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 11111);

/// The remote end where nothing is known of it (compat).
const UNKNOWN_REMOTE: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 2), 22222);

/// Both endpoints of something.
type Endpoints = (SocketAddr, SocketAddr);

/// What is known of them, perhaps without a host or a port.
type KnownEndpoints = (Option<SocketAddr>, Option<SocketAddr>);

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

/// Stand-ins of the wire view. No two connections or sockets of a capture get the same: of what nothing is known the first
/// has the usual address, and the others have it at other addresses of the loopback network, `127.X.Y.Z`, with the usual
/// port. Where the port is known, and the host is not, the stand-in is for the host alone, and the other way round.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    /// How many were given.
    given: u64,
    by_socket: HashMap<SocketNumber, u64>,
}

impl StandIns {
    /// Both endpoints of a connection, the client's first; `port`: the server's, if that is not known.
    pub(super) fn of_connection(&mut self, known: KnownEndpoints, is_v6: bool, port: u16) -> Endpoints {
        let (client, _) = known;
        // A client's port tells its connections apart, whatever stands in for the server.
        let number = if client.is_none_or(is_vague) { self.next() } else { 0 };
        placed(known, is_v6, number, port)
    }

    /// Both endpoints of a datagram of this socket, its own first. What stands in for its own stays the same.
    pub(super) fn of_socket(&mut self, socket: SocketNumber, known: KnownEndpoints, is_v6: bool) -> Endpoints {
        if let (Some(local), Some(remote)) = known
            && !local.ip().is_unspecified()
        {
            return (local, remote);
        }
        let known_number = self.by_socket.get(&socket).copied();
        let number = known_number.unwrap_or_else(|| self.next());
        self.by_socket.insert(socket, number);
        placed(known, is_v6, number, UNKNOWN_PORT)
    }

    /// The socket is closed.
    pub(super) fn forget(&mut self, socket: SocketNumber) {
        self.by_socket.remove(&socket);
    }

    const fn next(&mut self) -> u64 {
        let number = self.given;
        self.given = self.given.wrapping_add(1);
        number
    }
}

/// Both endpoints as far as they are known, and stand-ins for the rest.
fn placed((local, remote): KnownEndpoints, is_v6: bool, number: u64, port: u16) -> Endpoints {
    let family = |address: SocketAddr| address.is_ipv6();
    let is_v6 = local.filter(|_| remote.is_none()).or(remote).map_or(is_v6, family);
    let end = |known: Option<SocketAddr>, (ip, usual): (Ipv4Addr, u16), number: u64| match known {
        Some(known) if !known.ip().is_unspecified() && known.port() != 0 => known,
        Some(known) => {
            let stand_in = numbered(ip, number, is_v6);
            match (known.ip(), known.port()) {
                (ip, port) if ip.is_unspecified() => SocketAddr::new(stand_in, if port == 0 { usual } else { port }),
                (ip, _) => SocketAddr::new(ip, numbered_port(usual, number)),
            }
        }
        None => SocketAddr::new(numbered(ip, number, is_v6), usual),
    };
    (end(local, UNKNOWN_LOCAL, number), end(remote, (UNKNOWN_REMOTE.0, port), 0))
}

/// The stand-in in the place of a host for the one who is `number`th of those that need it: 127.X.Y.Z, where Z goes on once
/// X and Y have been through. Beyond 8 million some are the same.
fn numbered(ip: Ipv4Addr, number: u64, is_v6: bool) -> IpAddr {
    let [first, .., last] = ip.octets();
    let [.., round, second, third] = number.to_be_bytes();
    let ip = Ipv4Addr::new(first, second, third, last.wrapping_add(round.wrapping_mul(2) % 252));
    if is_v6 { IpAddr::V6(ip.to_ipv6_mapped()) } else { IpAddr::V4(ip) }
}

/// The stand-in for a port alone: the first has the usual one, the others go through those that nobody is given by IANA.
fn numbered_port(usual: u16, number: u64) -> u16 {
    const FIRST: u16 = 49_152;
    let place = u16::try_from(number % u64::from(u16::MAX - FIRST)).unwrap_or_default();
    if number == 0 { usual } else { FIRST + place }
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
    counted: HashMap<Counted, bool>,
    invented: Invented,
}

impl Counter {
    /// A message is shown with stand-ins for what is not known of the thread's own end or of the other one. Whether it is
    /// the first.
    #[cold]
    pub(super) fn count(&mut self, counted: Counted, own: Option<SocketAddr>, direction: Direction) -> bool {
        if self.counted.contains_key(&counted) {
            return false;
        }
        self.counted.insert(counted, own.is_some());
        let count = match (counted, own, direction) {
            (_, None, _) => &mut self.invented.own,
            (_, Some(own), _) if own.ip().is_unspecified() => &mut self.invented.hosts,
            (Counted::Socket(_), _, Direction::Received) => &mut self.invented.senders,
            _ => &mut self.invented.peers,
        };
        *count += 1;
        true
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
    fn no_two_are_the_same() {
        let of = |number, is_v6| numbered(UNKNOWN_LOCAL.0, number, is_v6).to_string();
        for (number, expected) in [(0, "127.0.0.1"), (1, "127.0.1.1"), (0x2345, "127.35.69.1"), (0x1_0000, "127.0.0.3")]
        {
            assert_eq!(of(number, false), expected);
        }
        assert_eq!(of(256, true), "::ffff:127.1.0.1");
        let mut stand_ins = StandIns::default();
        let unknown = |stand_ins: &mut StandIns| stand_ins.of_connection((None, None), false, 80);
        assert_ne!(unknown(&mut stand_ins), unknown(&mut stand_ins));
    }

    #[test]
    fn what_is_known_is_kept() {
        let address = |text: &str| text.parse::<SocketAddr>().ok();
        let mut stand_ins = StandIns::default();
        let known = (address("10.0.0.1:4000"), address("0.0.0.0:9000"));
        assert_eq!(stand_ins.of_connection(known, false, 80), (known.0.unwrap(), address("127.0.0.2:9000").unwrap()));
        let [first, again] =
            [0, 0].map(|_| stand_ins.of_socket(SocketNumber::default(), (address("[::]:53"), None), true));
        assert_eq!(first, again);
        assert_eq!(Some(first.0), address("[::ffff:127.0.0.1]:53"));
    }
}
