//! At which host a datagram of a socket was sent or received that is bound to every address. One that was received without
//! asking from whom waits like these.
//!
//! | evidence, the best first | |
//! |---|---|
//! | the other end's call has shown the same datagram | exact |
//! | it is sent to loopback | the kernel sends it from there |
//! | it did so for an earlier one of this socket and that host | the kernel's choice, which stays |
//! | the other end may be traced, and its line may still come | wait, and then: |
//! | it was received, and the socket has joined one multicast group of this family | who joins a group waits for that |
//! | the other end is at loopback | loopback talks to loopback |
//! | other sockets are bound or connected at an address of this family | a machine mostly has one |

use crate::event::Direction;
use crate::inet::datagram::Datagram;
use crate::limits;
use crate::packets::Sightings;
use crate::sockets::SocketNumber;
use foldhash::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How many targets with one port are remembered: a server has a few addresses.
const TARGETS: usize = 8;

/// What is known of hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// The own address, v4 and v6, as bound or connected sockets have shown it.
    own: [Option<IpAddr>; 2],
    /// Whether there is another traced socket that could be the other end.
    sockets: SocketCount,
    /// Ports that traced datagram sockets have had.
    ports: HashSet<u16>,
    /// Where traced sockets have sent to, by port.
    targets: HashMap<u16, Vec<IpAddr>>,
    /// What the other end's calls have told of a socket, as that host sees it.
    told: BTreeMap<(SocketNumber, IpAddr), IpAddr>,
    /// Whom sockets have sent to; none where these are several.
    asked: HashMap<SocketNumber, Option<SocketAddr>>,
    /// The multicast groups that sockets have joined, v4 and v6.
    groups: HashMap<SocketNumber, [Groups; 2]>,
}

/// The groups of one socket and one family.
#[derive(Clone, Copy, Debug, Default)]
enum Groups {
    #[default]
    None,
    One(IpAddr),
    /// Nothing tells for which of them a datagram was.
    Several,
}

/// How many sockets there have been, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
enum SocketCount {
    #[default]
    None,
    One(SocketNumber),
    Several,
}

impl SocketCount {
    /// This one is there.
    fn meet(&mut self, socket: SocketNumber) {
        *self = match *self {
            Self::None => Self::One(socket),
            Self::One(first) if first == socket => *self,
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    const fn is_several(self) -> bool {
        matches!(self, Self::Several)
    }
}

/// Where loopback talks to `remote` from, if that is there.
const fn localhost(remote: IpAddr) -> Option<IpAddr> {
    match remote {
        IpAddr::V4(ip) if ip.is_loopback() => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        IpAddr::V6(ip) if ip.is_loopback() => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        _ => None,
    }
}

/// The own end of a datagram that is sent to loopback by a socket that is bound to every address: the kernel sends it from
/// there, wherever the socket was asked.
pub(super) fn from_loopback(datagram: &Datagram<'_>) -> Option<SocketAddr> {
    let (local, remote) = (datagram.carried.local?, datagram.carried.remote?);
    let is_its = datagram.direction == Direction::Sent && local.ip().is_unspecified();
    let ip = localhost(remote.ip()).filter(|_| is_its)?;
    Some(SocketAddr::new(ip, local.port()))
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
    /// Nothing tells, nor will.
    Nowhere,
}

impl Hosts {
    /// A message of this socket.
    pub(super) fn meet(&mut self, socket: SocketNumber) {
        self.sockets.meet(socket);
    }

    /// A datagram socket has this address from here on.
    pub(super) fn bound(&mut self, local: SocketAddr) {
        self.ports.insert(local.port());
        self.learn(local.ip());
    }

    /// A socket has joined a group, or left it.
    pub(super) fn membership(&mut self, socket: SocketNumber, group: IpAddr, joins: bool) {
        let [v4, v6] = self.groups.entry(socket).or_default();
        let groups = if group.is_ipv4() { v4 } else { v6 };
        *groups = match *groups {
            Groups::None if joins => Groups::One(group),
            Groups::One(joined) if joins && joined != group => Groups::Several,
            Groups::One(joined) if !joins && joined == group => Groups::None,
            as_before => as_before,
        };
    }

    /// The socket is closed.
    pub(super) fn closed(&mut self, socket: SocketNumber) {
        self.groups.remove(&socket);
        self.asked.remove(&socket);
        let from = (socket, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        while let Some((told, _)) = self.told.range(from..).next().filter(|((told, _), _)| *told == socket) {
            let told = *told;
            self.told.remove(&told);
        }
    }

    /// The other end of what a socket receives without asking from whom, where nothing will tell it: the only one that it
    /// has sent to, which answers.
    pub(super) fn only_asked(&self, socket: SocketNumber) -> Option<SocketAddr> {
        let asked = self.asked.get(&socket).copied().flatten();
        asked.filter(|asked| !asked.ip().is_multicast() && asked.ip() != IpAddr::V4(Ipv4Addr::BROADCAST))
    }

    /// A traced socket sent a datagram there.
    pub(super) fn sent_to(&mut self, socket: SocketNumber, target: SocketAddr) {
        let asked = self.asked.entry(socket).or_insert(Some(target));
        *asked = asked.filter(|asked| *asked == target);
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
            return Placed::Nowhere;
        };
        if !local.ip().is_unspecified() {
            self.learn(local.ip());
            return if datagram.direction == Direction::Sent
                || datagram.carried.remote.is_some()
                || !self.sockets.is_several()
            {
                Placed::At(local)
            } else if datagram.sighted(local, None).is_some_and(|sighted| sightings.take(&sighted, &local)) {
                Placed::Shown
            } else {
                Placed::Unknown
            };
        }
        let at = |ip: IpAddr| Placed::At(SocketAddr::new(ip, local.port()));
        let remote = datagram.carried.remote;
        if datagram.direction == Direction::Received && self.is_shown(datagram, local, sightings) {
            return Placed::Shown;
        }
        let Some(remote) = remote else {
            return if self.sockets.is_several() { Placed::Unknown } else { self.guessed(datagram) };
        };
        if let Some(local) = from_loopback(datagram) {
            return Placed::At(local);
        }
        let is_sent = datagram.direction == Direction::Sent;
        if let Some(ip) = self.told.get(&(datagram.socket, remote.ip())) {
            return at(*ip);
        }
        // Who sends to a traced socket is not known before its line; its own line tells to whom a traced one sends.
        let may_be_told = if is_sent { self.ports.contains(&remote.port()) } else { self.sockets.is_several() };
        if may_be_told {
            return Placed::Unknown;
        }
        self.guessed(datagram)
    }

    fn guessed(&self, datagram: &Datagram<'_>) -> Placed {
        self.guess(datagram).map_or(Placed::Nowhere, Placed::At)
    }

    /// Where the own end of a datagram most likely is, where nothing will tell it.
    pub(super) fn guess(&self, datagram: &Datagram<'_>) -> Option<SocketAddr> {
        let local = datagram.carried.local?;
        if let Some(group) = self.group(datagram, local) {
            return Some(SocketAddr::new(group, local.port()));
        }
        let remote = datagram.carried.remote?;
        let [v4, v6] = self.own;
        let own = if remote.is_ipv4() { v4 } else { v6 };
        let ip = localhost(remote.ip()).or(own)?;
        Some(SocketAddr::new(ip, local.port()))
    }

    /// The multicast group to which a datagram was sent that a socket has received at every address.
    fn group(&self, datagram: &Datagram<'_>, local: SocketAddr) -> Option<IpAddr> {
        let [v4, v6] = self.groups.get(&datagram.socket)?;
        let is_v4 = datagram.carried.remote.unwrap_or(local).is_ipv4();
        match if is_v4 { v4 } else { v6 } {
            Groups::One(group) if datagram.direction == Direction::Received && local.ip().is_unspecified() => {
                Some(*group)
            }
            _ => None,
        }
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

    /// The host has this address.
    pub(super) fn learn(&mut self, ip: IpAddr) {
        if !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() {
            let [v4, v6] = &mut self.own;
            *(if ip.is_ipv4() { v4 } else { v6 }) = Some(ip);
        }
    }
}
