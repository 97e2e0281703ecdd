//! The open sockets, each with what is known of it, and how they are found: by inode, by addresses, by name.

use crate::event::{
    Address, Descriptor, Details, Direction, Family, HostPort, Inode, SocketDetails, Transport, UnixName,
};
use crate::limits;
use crate::sockets::connections::state::Connection;
use crate::sockets::identity;
use crate::sockets::names::{ConnectionId, Side, SocketId, SocketNumber};
use crate::sockets::open_socket::{OpenSocket, canonical};
use crate::sockets::pair_digest::PairDigest;
use crate::sockets::{Change, UnixEnd};
use foldhash::{HashMap, HashSet};
use slab::Slab;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What an end of a pipe is.
const PIPE: (Family, Transport) = (Family::Pipe, Transport::Stream);

/// All open sockets, and the ends of pipes.
#[derive(Debug, Default)]
pub(super) struct Registry {
    open: Slab<OpenSocket>,
    by_inode: HashMap<Inode, SocketId>,
    by_addresses: HashMap<PairDigest, SocketId>,
    /// Datagram sockets by the address they are bound to. Several may share one (SO_REUSEPORT); they are as one then, for
    /// what either of them sends and receives is the same on the wire.
    by_bound: HashMap<SocketAddr, SocketId>,
    /// UNIX datagram sockets by the name they are bound to: where messages sent to that name arrive.
    by_name: HashMap<UnixName, SocketId>,
    /// Where traced sockets listen.
    listening: HashSet<SocketAddr>,
    /// Details with a family have been seen: what has none is of a family that is not converted.
    pub(super) full_details: bool,
    /// How many open sockets there have been, counted anew after four thousand million.
    pub(super) numbered: u32,
}

impl Registry {
    #[inline]
    pub(super) fn get(&self, socket: SocketId) -> Option<&OpenSocket> {
        self.open.get(socket.index())
    }

    #[inline]
    pub(super) fn get_mut(&mut self, socket: SocketId) -> Option<&mut OpenSocket> {
        self.open.get_mut(socket.index())
    }

    /// By what a socket with these two addresses is kept.
    fn pair(&self, pair: [SocketAddr; 2]) -> PairDigest {
        PairDigest::of(pair.map(|address| HostPort::from(address).canonical()), self.by_addresses.hasher())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn family(&self, socket: SocketId) -> Family {
        self.get(socket).map_or(Family::Other, |open| open.family)
    }

    /// A new open socket, which no descriptor stands for yet.
    pub(super) fn insert(&mut self, kind: (Family, Transport)) -> SocketId {
        self.numbered = self.numbered.wrapping_add(1);
        SocketId::at(self.open.insert(OpenSocket::new(SocketNumber(self.numbered), kind)))
    }

    /// One more descriptor stands for the socket.
    pub(super) fn refer(&mut self, socket: SocketId) {
        if let Some(open) = self.get_mut(socket) {
            open.was_shared |= open.references > 0;
            open.references += 1;
        }
    }

    /// More than one descriptor has stood for the socket.
    pub(super) fn note_shared(&mut self, socket: SocketId) {
        if let Some(open) = self.get_mut(socket) {
            open.was_shared = true;
        }
    }

    /// One descriptor fewer stands for it; the socket itself if that was the last: it is closed.
    pub(super) fn release(&mut self, socket: SocketId) -> Option<OpenSocket> {
        let open = self.get_mut(socket)?;
        open.references = open.references.saturating_sub(1);
        if open.references > 0 {
            return None;
        }
        let open = self.open.remove(socket.index());
        self.unregister(socket, &open);
        Some(open)
    }

    /// Takes back a reference that was only held for safety while another was installed.
    pub(super) fn release_extra(&mut self, socket: SocketId) {
        if let Some(open) = self.get_mut(socket) {
            open.references = open.references.saturating_sub(1);
        }
    }

    /// The sockets of a connection that is over have none.
    pub(super) fn free(&mut self, connection: &mut Connection) {
        for side in Side::BOTH {
            let Some(socket) = connection.calls(side).socket else { continue };
            connection.calls_mut(side).socket = None;
            if let Some(open) = self.get_mut(socket) {
                open.stream = None;
            }
        }
    }

    /// The socket that these details are of, as far as they and earlier ones tell.
    pub(super) fn find(&self, details: &SocketDetails) -> Option<SocketId> {
        let known = match (details.inode, details.local, details.remote) {
            (Some(inode), ..) => self.by_inode.get(&inode),
            (None, Some(local), Some(remote)) => {
                let found = self.by_addresses.get(&self.pair([local, remote]));
                found.filter(|socket| self.get(**socket).is_some_and(|open| open.is_at(local, remote)))
            }
            (None, Some(local), None) if details.transport == Transport::Datagram => self.by_bound.get(&local),
            _ => None,
        };
        known.copied().filter(|socket| self.get(*socket).is_some_and(|open| identity::agrees(open, details)))
    }

    /// Whether a descriptor can stand for `socket`, as far as its details tell.
    pub(super) fn can_be(&self, descriptor: Descriptor<'_>, socket: SocketId) -> bool {
        match descriptor.details {
            Details::Missing => true,
            Details::NotSocket => false,
            Details::Socket(details) => self.get(socket).is_some_and(|open| identity::agrees(open, details)),
        }
    }

    /// Takes over what details say of `socket`, if there are any, and makes it findable by that.
    pub(super) fn learn(&mut self, socket: SocketId, details: Option<&SocketDetails>) {
        if let (Some(open), Some(details)) = (self.get_mut(socket), details) {
            open.learn(details);
            self.full_details |= details.tell_family();
        }
        self.register(socket);
    }

    /// Takes over which addresses the other end's calls show, and makes the socket findable by them.
    pub(super) fn fill_in(&mut self, socket: SocketId, local: Option<SocketAddr>, remote: Option<SocketAddr>) {
        if let Some(open) = self.get_mut(socket) {
            open.fill_in(local, remote);
        }
        self.register(socket);
    }

    /// Makes the socket findable by what is known of it.
    pub(super) fn register(&mut self, socket: SocketId) {
        let Some(open) = self.open.get(socket.index()) else {
            return;
        };
        if let Some(inode) = open.inode {
            self.by_inode.insert(inode, socket);
        }
        if let Some(local) = open.local.get().filter(|_| open.listens) {
            if self.listening.len() >= limits::LISTENERS {
                self.listening.clear();
            }
            self.listening.insert(canonical(local));
        }
        match (open.transport, open.local.get(), open.remote.get(), &open.name) {
            (Transport::Stream, Some(local), Some(remote), _) => {
                let pair = self.pair([local, remote]);
                self.by_addresses.insert(pair, socket);
            }
            (Transport::Datagram, Some(local), ..) if local.port() != 0 && !self.by_bound.contains_key(&local) => {
                self.by_bound.insert(local, socket);
            }
            // A name belongs to who bound it last.
            (Transport::Datagram, .., Some(name)) if self.by_name.get(name) != Some(&socket) => {
                self.by_name.insert(name.clone(), socket);
            }
            _ => {}
        }
    }

    /// The socket is gone and must not be found any more, neither by its pair.
    fn unregister(&mut self, socket: SocketId, open: &OpenSocket) {
        if let Some(inode) = open.inode
            && self.by_inode.get(&inode) == Some(&socket)
        {
            self.by_inode.remove(&inode);
        }
        if let Some(name) = &open.name
            && self.by_name.get(name) == Some(&socket)
        {
            self.by_name.remove(name);
        }
        if let Some(other) = open.seldom().pair.and_then(|other| self.get_mut(other))
            && other.seldom().pair == Some(socket)
        {
            other.seldom_mut().pair = None;
        }
        self.forget_addresses(socket, open.local.get(), open.remote.get());
    }

    /// The socket is not found by its addresses any more.
    fn forget_addresses(&mut self, socket: SocketId, local: Option<SocketAddr>, remote: Option<SocketAddr>) {
        let Some(local) = local else {
            return;
        };
        if self.by_bound.get(&local) == Some(&socket) {
            self.by_bound.remove(&local);
        }
        if let Some(remote) = remote {
            let key = self.pair([local, remote]);
            if self.by_addresses.get(&key) == Some(&socket) {
                self.by_addresses.remove(&key);
            }
        }
    }

    /// The socket listens. Where, may be known later: the kernel chooses a port that bind has left open.
    pub(super) fn listen(&mut self, socket: SocketId) {
        if let Some(open) = self.get_mut(socket).filter(|open| !open.listens) {
            open.listens = true;
            self.register(socket);
        }
    }

    /// Whether a traced socket listens where `socket` connects to.
    pub(super) fn is_answered(&self, socket: SocketId) -> bool {
        let remote = self.get(socket).and_then(|open| open.remote.get()).map(canonical);
        remote.is_some_and(|remote| {
            let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
            let mut hosts = any.into_iter().chain([remote.ip()]);
            hosts.any(|host| self.listening.contains(&SocketAddr::new(host, remote.port())))
        })
    }

    /// `socket` was accepted by `listener`.
    pub(super) fn inherit(&mut self, socket: SocketId, listener: SocketId) {
        if socket != listener
            && let Some((open, listening)) = self.open.get2_mut(socket.index(), listener.index())
        {
            open.inherit(listening);
            open.listener = Some((listener, listening.number));
        }
    }

    /// An accepted socket is at `local`, and so is its listener, as far as nothing else says where that is.
    pub(super) fn tell_listener(&mut self, socket: SocketId, local: SocketAddr) {
        let listener = self.get(socket).and_then(|open| open.listener);
        if let Some((at, number)) = listener
            && let Some(open) = self.get_mut(at).filter(|open| open.number == number)
        {
            open.seldom_mut().sibling = Some(local.into());
        }
    }

    /// connect to AF_UNSPEC: for the views it is another socket where its own address may be another from here on.
    pub(super) fn unconnect(&mut self, socket: SocketId) -> Option<Change> {
        let number = self.numbered.wrapping_add(1);
        let open = self.get_mut(socket)?;
        open.unconnect();
        if open.is_gathering || open.local.get().is_some_and(|local| local.port() != 0) {
            return None;
        }
        let before = std::mem::replace(&mut open.number, SocketNumber(number));
        self.numbered = number;
        Some(Change::SocketClosed { socket: before })
    }

    /// The own address of `socket` was another one's; which connection it had with that.
    pub(super) fn part(&mut self, socket: SocketId) -> Option<(ConnectionId, Side)> {
        let (local, remote) = self.get(socket).map(|open| (open.local.get(), open.remote.get()))?;
        self.forget_addresses(socket, local, remote);
        let open = self.get_mut(socket)?;
        open.part();
        open.stream.take()
    }

    /// Says once that the local address of a datagram socket is known, if it is.
    pub(super) fn announce_address(&mut self, socket: SocketId) -> Option<Change> {
        let open = self.get_mut(socket).filter(|open| !open.address_announced && !open.is_stream())?;
        let local = open.local.get().filter(|local| local.port() != 0)?;
        open.address_announced = true;
        Some(Change::LocalAddressKnown { socket: open.number, local })
    }

    /// `-y` alone says of a socket that it is one, and no more: what was open before the trace began is taken for TCP, or
    /// for what its sockaddrs say.
    pub(super) fn guess_kind(&mut self, socket: SocketId, kind: (Family, Transport)) {
        if self.full_details {
            return;
        }
        if let Some(open) = self.get_mut(socket)
            && !open.family_known
            && (open.family == Family::Other || open.family == kind.0)
            && open.transport == Transport::Unknown
        {
            (open.family, open.transport) = kind;
        }
    }

    /// Two sockets that socketpair made, of a kind that has no connections.
    pub(super) fn pair_up(&mut self, [first, second]: [SocketId; 2]) {
        for (socket, other) in [(first, second), (second, first)] {
            if let Some(open) = self.get_mut(socket) {
                (open.seldom_mut().pair, open.is_paired) = (Some(other), true);
            }
        }
    }

    /// The datagram socket bound to `name`, if it is traced.
    pub(super) fn bound(&self, name: &UnixName) -> Option<SocketId> {
        self.by_name.get(name).copied()
    }

    /// The socket that `open` is connected to, or the other one of its pair, if it is traced.
    pub(super) fn connected(&self, open: &OpenSocket) -> Option<SocketId> {
        let by_inode = open.peer_inode.and_then(|inode| self.by_inode.get(&inode));
        let peer = by_inode.copied().or(open.seldom().pair).filter(|at| self.open.contains(at.index()));
        peer.or_else(|| self.bound(open.peer_name.as_ref()?))
    }

    /// Both ends of a message that the UNIX socket `open` sent or received, its own first.
    pub(super) fn ends(&self, open: &OpenSocket, address: Option<&Address>) -> [UnixEnd; 2] {
        let end = |open: &OpenSocket| UnixEnd { socket: Some(open.number), inode: open.inode, name: open.name.clone() };
        let named = |name: Option<&UnixName>| UnixEnd { name: name.cloned(), ..UnixEnd::default() };
        let traced = |at: Option<SocketId>| at.and_then(|at| self.get(at)).map(end);
        let other = match address {
            Some(Address::Unix(Some(name))) => traced(self.bound(name)).unwrap_or_else(|| named(Some(name))),
            // Its sender is bound to no name.
            Some(_) => UnixEnd::default(),
            None => {
                let peer = traced(self.connected(open)).unwrap_or_else(|| named(open.peer_name.as_ref()));
                UnixEnd { inode: peer.inode.or(open.peer_inode), ..peer }
            }
        };
        [end(open), other]
    }

    /// An end of a pipe that no descriptor stands for yet.
    pub(super) fn new_pipe_end(&mut self, end: Direction) -> SocketId {
        let socket = self.insert(PIPE);
        if let Some(open) = self.get_mut(socket) {
            open.pipe_end = Some(end);
        }
        socket
    }

    /// The end of the pipe with these details, as it is known or as a new one.
    pub(super) fn pipe_end(&mut self, details: &SocketDetails, end: Direction) -> SocketId {
        let known = details.inode.and_then(|inode| self.by_inode.get(&inode.end_of_pipe(end)));
        match known {
            Some(known) => *known,
            None => self.new_pipe_end(end),
        }
    }

    /// Both ends of the pipe with these details, as one open file description.
    pub(super) fn both_pipe_ends(&mut self, details: &SocketDetails) -> SocketId {
        let ends = [Direction::Sent, Direction::Received].map(|end| {
            let socket = self.pipe_end(details, end);
            self.refer(socket);
            if let Some(open) = self.get_mut(socket) {
                open.learn(details);
            }
            self.register(socket);
            socket
        });
        let both = self.insert(PIPE);
        if let Some(open) = self.get_mut(both) {
            open.seldom_mut().both_ends = Some(ends);
        }
        both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details([local, remote]: [&str; 2]) -> SocketDetails {
        SocketDetails {
            family: Family::Inet,
            transport: Transport::Stream,
            inode: None,
            peer_inode: None,
            local: Some(local.parse().expect("an address")),
            remote: Some(remote.parse().expect("an address")),
            name: None,
            serial: 1,
        }
    }

    #[test]
    fn addresses_with_the_digest_of_others_are_not_theirs() {
        let mut registry = Registry::default();
        let mut open = |details: &SocketDetails| {
            let socket = registry.insert((Family::Inet, Transport::Stream));
            registry.learn(socket, Some(details));
            socket
        };
        let [one, other] = [["10.0.0.1:4000", "10.0.0.2:80"], ["10.0.0.1:4001", "10.0.0.2:80"]].map(details);
        let [first, second] = [&one, &other].map(&mut open);
        assert_eq!([&one, &other].map(|details| registry.find(details)), [Some(first), Some(second)]);
        registry.by_addresses.values_mut().for_each(|socket| *socket = first);
        assert_eq!([&one, &other].map(|details| registry.find(details)), [Some(first), None]);
    }
}
