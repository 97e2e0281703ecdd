//! At which host a datagram of a socket was sent or received that is bound to every address.
//!
//! | evidence, the best first | |
//! |---|---|
//! | the other end's call has shown the same datagram | exact |
//! | it did so for an earlier one of this socket and that host | the kernel's choice, which stays |
//! | the other end is traced, and its line may still come | wait |
//! | the other end is at loopback | loopback talks to loopback |
//! | other sockets are bound or connected at an address of this family | a machine mostly has one |

use crate::event::Direction;
use crate::inet::datagrams::Datagram;
use crate::limits;
use crate::packets::Sightings;
use crate::sockets::SocketNumber;
use rustc_hash::{FxHashMap, FxHashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How many targets with one port are remembered: a server has a few addresses.
const TARGETS: usize = 8;

/// What is known of hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// The own address, v4 and v6, as bound or connected sockets have shown it.
    own: [Option<IpAddr>; 2],
    /// Ports that traced datagram sockets have had.
    ports: FxHashSet<u16>,
    /// Where traced sockets have sent to, by port.
    targets: FxHashMap<u16, Vec<IpAddr>>,
    /// What the other end's calls have told of a socket, as that host sees it.
    told: FxHashMap<(SocketNumber, IpAddr), IpAddr>,
}

/// Where a datagram's own end is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Placed {
    /// There.
    At(SocketAddr),
    /// It need not be known: the other end's call has shown the datagram.
    Shown,
    /// Nothing tells yet.
    Unknown,
}

impl Hosts {
    /// A datagram socket has this address from here on.
    pub(super) fn bound(&mut self, local: SocketAddr) {
        self.ports.insert(local.port());
        self.learn(local);
    }

    /// The socket is closed.
    pub(super) fn closed(&mut self, socket: SocketNumber) {
        if !self.told.is_empty() {
            self.told.retain(|(told, _), _| *told != socket);
        }
    }

    /// A traced socket sent a datagram there.
    pub(super) fn sent_to(&mut self, target: SocketAddr) {
        let targets = self.targets.entry(target.port()).or_default();
        if targets.last() != Some(&target.ip()) {
            targets.retain(|ip| *ip != target.ip());
            if targets.len() >= TARGETS {
                targets.remove(0);
            }
            targets.push(target.ip());
        }
    }

    /// The other end's call has told at which address a socket is to that host.
    pub(super) fn told(&mut self, socket: SocketNumber, remote: Option<SocketAddr>, local: SocketAddr) {
        if let Some(remote) = remote.filter(|_| !local.ip().is_multicast()) {
            if self.told.len() >= limits::DATAGRAM_SIGHTINGS {
                self.told.clear();
            }
            self.told.insert((socket, remote.ip()), local.ip());
        }
    }

    /// Where the own end of a datagram is, whose port is known.
    pub(super) fn place(&mut self, datagram: &Datagram<'_>, sightings: &mut Sightings<SocketAddr>) -> Placed {
        let Some(local) = datagram.carried.local else {
            return Placed::Unknown;
        };
        if !local.ip().is_unspecified() {
            self.learn(local);
            return Placed::At(local);
        }
        let at = |ip: IpAddr| Placed::At(SocketAddr::new(ip, local.port()));
        let remote = datagram.carried.remote;
        if datagram.direction == Direction::Received && self.is_shown(datagram, local, sightings) {
            return Placed::Shown;
        }
        let Some(remote) = remote else {
            return Placed::Unknown;
        };
        if let Some(ip) = self.told.get(&(datagram.socket, remote.ip())) {
            return at(*ip);
        }
        let localhost = match remote.ip() {
            IpAddr::V4(ip) if ip.is_loopback() => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            IpAddr::V6(ip) if ip.is_loopback() => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            _ => None,
        };
        match localhost {
            // The kernel sends to loopback from there, whatever the socket is bound to.
            Some(ip) if datagram.direction == Direction::Sent => return at(ip),
            _ if self.ports.contains(&remote.port()) => return Placed::Unknown,
            Some(ip) => return at(ip),
            None => {}
        }
        let [v4, v6] = self.own;
        let own = if remote.is_ipv4() { v4 } else { v6 };
        own.map_or(Placed::Unknown, at)
    }

    /// Whether a traced socket has sent the datagram that is received, to one of the own addresses.
    fn is_shown(&mut self, datagram: &Datagram<'_>, local: SocketAddr, sightings: &mut Sightings<SocketAddr>) -> bool {
        let remote = datagram.carried.remote;
        let targets = self.targets.get(&local.port());
        let shown = targets.into_iter().flatten().rev().map(|ip| SocketAddr::new(*ip, local.port())).find(|target| {
            let sighted = datagram.sighted(*target, remote);
            sighted.is_some_and(|sighted| sightings.take(&sighted, target))
        });
        if let Some(target) = shown {
            self.told(datagram.socket, remote, target);
        }
        shown.is_some()
    }

    fn learn(&mut self, local: SocketAddr) {
        let ip = local.ip();
        if !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() {
            let [v4, v6] = &mut self.own;
            *(if ip.is_ipv4() { v4 } else { v6 }) = Some(ip);
        }
    }
}
