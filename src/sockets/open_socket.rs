//! An open file description that is a socket: what dup and fork share.

use crate::event::{
    Address, Direction, Family, HostPort, Inode, Message, Move, Segments, SocketDetails, Transport, UnixName, as_u64,
};
use crate::sockets::Shape;
use crate::sockets::known::Known;
use crate::sockets::names::{ConnectionId, Side, SocketId, SocketNumber};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One open socket.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct OpenSocket {
    pub(super) number: SocketNumber,
    pub(super) family: Family,
    pub(super) transport: Transport,
    pub(super) inode: Option<Inode>,
    pub(super) peer_inode: Option<Inode>,
    pub(super) local: Known,
    pub(super) remote: Known,
    /// The name it is bound to (UNIX); an accepted socket has its listener's.
    pub(super) name: Option<UnixName>,
    /// The name it connected to (UNIX).
    pub(super) peer_name: Option<UnixName>,
    /// It is one of such a pair.
    pub(super) is_paired: bool,
    /// Which end of a pipe it is: the one that bytes are sent by, or received by.
    pub(super) pipe_end: Option<Direction>,
    /// How many descriptors, in all tables, stand for it.
    pub(super) references: u32,
    /// [`crate::sockets::Change::LocalAddressKnown`] has been emitted.
    pub(super) address_announced: bool,
    /// Its reading was shut down: a read of nothing is no FIN of the other end.
    pub(super) read_shut: bool,
    /// Its making or its details say its family: where it is another, nothing is guessed.
    pub(super) family_known: bool,
    /// The kernel has chosen its port: it had none when it was connected.
    pub(super) has_chosen_port: bool,
    /// Its own address is what an accept has told that was taken for the other end of its connect.
    pub(super) has_met: bool,
    /// connect has said that it goes on, and not yet how it ended.
    pub(super) is_connecting: bool,
    /// It waits for connects.
    pub(super) listens: bool,
    /// Who has accepted it.
    pub(super) listener: Option<(SocketId, SocketNumber)>,
    /// A call of the trace has made it.
    pub(super) is_made: bool,
    /// More than one descriptor has stood for it.
    pub(super) was_shared: bool,
    /// A close sends RST (SO_LINGER with 0 seconds).
    pub(super) reset_on_close: bool,
    pub(super) stream: Option<(ConnectionId, Side)>,
    /// What is sent gathers for one datagram (UDP_CORK).
    pub(super) corked: bool,
    /// Something has gathered.
    pub(super) is_gathering: bool,
    /// What few sockets have.
    seldom: Option<Box<Seldom>>,
}

/// What few open sockets have, of which there may be a million.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seldom {
    /// The other one of a pair that has no connection (socketpair of datagram sockets), while it is open.
    pub(super) pair: Option<SocketId>,
    /// How many messages it has sent, without an address, and received; counted where messages have bounds.
    messages: [u64; 2],
    /// A FIFO opened for both has a reference to its write end and one to its read end.
    pub(super) both_ends: Option<[SocketId; 2]>,
    /// The host that asked last, and the own address at which it did.
    asked_at: Option<(IpAddr, IpAddr)>,
    /// Where bind has put it.
    pub(super) bound: Option<HostPort>,
    /// The address that details go on to show though it is gone: strace looks it up once.
    stale: Option<HostPort>,
    /// Of a listener, or one that it accepted at every address: where another one was that it accepted.
    pub(super) sibling: Option<HostPort>,
    /// How what is sent is cut into datagrams (UDP_SEGMENT).
    pub(super) segments: Segments,
}

impl Seldom {
    const NOTHING: Self = Self {
        pair: None,
        messages: [0; 2],
        both_ends: None,
        asked_at: None,
        bound: None,
        stale: None,
        sibling: None,
        segments: Segments::One,
    };
}

impl OpenSocket {
    pub(super) fn new(number: SocketNumber, (family, transport): (Family, Transport)) -> Self {
        Self { number, family, transport, ..Self::default() }
    }

    /// What few have.
    #[inline]
    pub(super) fn seldom(&self) -> &Seldom {
        self.seldom.as_deref().unwrap_or(&Seldom::NOTHING)
    }

    /// The same, to change it.
    pub(super) fn seldom_mut(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_with(|| Seldom::NOTHING.into())
    }

    /// The inode that details of this socket tell.
    pub(super) fn inode_in(&self, details: &SocketDetails) -> Option<Inode> {
        match self.pipe_end {
            Some(end) => details.inode.map(|inode| inode.end_of_pipe(end)),
            None => details.inode,
        }
    }

    /// Whether details say nothing that is new.
    pub(super) fn knows(&self, details: &SocketDetails) -> bool {
        let is_named = |own: &Option<UnixName>| details.name.is_none() || details.name == *own;
        let is_same = |theirs: Option<SocketAddr>, own: &Known| theirs.is_none() || theirs == own.in_details();
        let is_inode = details.inode.is_none() || self.inode_in(details) == self.inode;
        (self.family_known || !details.tell_family())
            && self.family == details.family
            && self.transport == details.transport
            && is_inode
            && match self.pipe_end {
                Some(Direction::Sent) => is_named(&self.peer_name),
                Some(Direction::Received) => is_named(&self.name),
                None => {
                    (details.peer_inode.is_none() || details.peer_inode == self.peer_inode)
                        && is_same(details.local, &self.local)
                        && is_same(details.remote, &self.remote)
                        && is_named(&self.name)
                }
            }
    }

    /// Whether these are its addresses.
    pub(super) fn is_at(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        let is = |address: SocketAddr, known: &Known| {
            let known = [known.get(), known.in_details()];
            known.into_iter().flatten().any(|known| canonical(known) == canonical(address))
        };
        is(local, &self.local) && is(remote, &self.remote)
    }

    /// Takes over what details say.
    pub(super) fn learn(&mut self, details: &SocketDetails) {
        self.family_known |= details.tell_family();
        if self.family == Family::Other {
            self.family = details.family;
        }
        if self.transport == Transport::Unknown {
            self.transport = details.transport;
        }
        self.inode = self.inode.or(self.inode_in(details));
        self.peer_inode = details.peer_inode.or(self.peer_inode);
        if let Some(end) = self.pipe_end {
            let other = |inode: Inode| inode.end_of_pipe(end.other());
            self.peer_inode = details.inode.map(other).or(self.peer_inode);
            // The reader has the pipe's name, as a server has its socket's.
            let name = match end {
                Direction::Sent => &mut self.peer_name,
                Direction::Received => &mut self.name,
            };
            name.clone_from(&details.name);
            return;
        }
        let stale = self.seldom().stale;
        if let Some(local) = details.local.filter(|local| stale.is_none_or(|stale| stale != (*local).into())) {
            self.local.read(local);
        }
        if let Some(remote) = details.remote.filter(|_| stale.is_none()) {
            self.remote.read(remote);
        }
        if self.name.is_none() {
            self.name.clone_from(&details.name);
        }
    }

    /// bind or getsockname named the local end.
    pub(super) fn name_local(&mut self, address: &Address) {
        match address {
            Address::Inet(address) => {
                self.local.say(*address);
                self.guess_family(*address);
            }
            Address::Unix(Some(name)) => self.name = Some(name.clone()),
            _ => {}
        }
    }

    /// connect named the remote end: to a loopback address the kernel connects from 127.0.0.1 or ::1.
    pub(super) fn connect_to(&mut self, address: &Address) {
        let Address::Inet(remote) = address else {
            return self.name_remote(address);
        };
        let reached = reached(*remote, self.local.get());
        self.name_remote(&Address::Inet(reached));
        self.local.imply(reached.ip());
    }

    /// connect or getpeername named the remote end.
    pub(super) fn name_remote(&mut self, address: &Address) {
        match address {
            Address::Inet(address) => {
                self.remote.say(*address);
                self.guess_family(*address);
            }
            Address::Unix(Some(name)) => self.peer_name = Some(name.clone()),
            _ => {}
        }
    }

    /// A sockaddr in a payload call tells the family of a socket of which nothing else is known, and that a UNIX socket of
    /// unknown kind sends datagrams.
    pub(super) fn learn_from_message(&mut self, address: &Address) {
        match address {
            Address::Inet(address) => self.guess_family(*address),
            Address::Unix(_) if self.transport == Transport::Unknown && self.stream.is_none() => {
                self.transport = Transport::Datagram;
            }
            _ => {}
        }
    }

    /// An address that is not known, or not whole, is `local` or `remote`, as the other end's calls show.
    pub(super) fn fill_in(&mut self, local: Option<SocketAddr>, remote: Option<SocketAddr>) {
        let is_open = |own: &Known| own.get().is_none_or(is_vague);
        self.has_met |= local.is_some() && is_open(&self.local);
        for (own, known) in [(&mut self.local, local), (&mut self.remote, remote)] {
            if let Some(address) = known.filter(|_| is_open(own)) {
                own.read(address);
            }
        }
    }

    /// An accepted socket has its listener's port and name, and its address if that is no wildcard.
    pub(super) fn inherit(&mut self, listener: &Self) {
        if self.name.is_none() {
            self.name.clone_from(&listener.name);
        }
        let sibling = listener.seldom().sibling;
        if self.local.get().is_none()
            && let Some(local) = listener.local.get().or(sibling.map(HostPort::get))
        {
            self.local.read(local);
        }
        if sibling.is_some() && self.local.get().is_none_or(|local| local.ip().is_unspecified()) {
            self.seldom_mut().sibling = sibling;
        }
    }

    /// A listener at every address has accepted it: mostly a loopback peer asked at its own address, and another one where
    /// the one before did.
    pub(super) fn guess_host(&mut self) {
        let (Some(local), Some(remote)) = (self.local.get(), self.remote.get()) else {
            return;
        };
        let is_local = |address: SocketAddr| canonical(address).ip().is_loopback();
        let sibling = self
            .seldom()
            .sibling
            .map(HostPort::get)
            .filter(|sibling| !is_local(*sibling) && sibling.port() == local.port());
        let host = if is_local(remote) { Some(remote) } else { sibling };
        if let Some(host) = host.filter(|_| local.ip().is_unspecified()) {
            self.local.read(SocketAddr::new(host.ip(), local.port()));
        }
    }

    /// The accept that was taken for the other end was not: its own address is not known yet.
    pub(super) fn part(&mut self) {
        self.has_met = false;
        self.local.forget();
        if let Some(bound) = self.seldom().bound {
            self.local.say(bound.get());
        }
        if let Some(remote) = self.remote.get() {
            self.local.imply(remote.ip());
        }
    }

    /// connect to AF_UNSPEC has dissolved what it was connected to: what bind has not said of its own address is gone.
    pub(super) fn unconnect(&mut self) {
        if !(self.is_made || self.has_chosen_port || self.seldom().bound.is_some()) {
            // It may have been bound before the trace.
            return self.remote.forget();
        }
        let own = self.seldom().bound.map(HostPort::get);
        let bound = own.filter(|bound| !bound.ip().is_unspecified() || bound.port() != 0);
        let stale = self.local.in_details().map(HostPort::from).or(self.seldom().stale);
        if stale.is_some() || self.seldom.is_some() {
            let seldom = self.seldom_mut();
            (seldom.stale, seldom.asked_at) = (stale, None);
        }
        self.remote.forget();
        if own.is_none_or(is_vague) {
            self.local.forget();
            self.address_announced = false;
        }
        if let Some(bound) = bound {
            self.local.say(bound);
        }
    }

    /// A sockaddr tells the family of a socket that was opened before the trace began.
    pub(super) fn guess_family(&mut self, address: SocketAddr) {
        if self.family == Family::Other {
            self.family = if address.is_ipv4() { Family::Inet } else { Family::Inet6 };
        }
    }

    /// A raw socket is for this protocol. sock_diag, and so details, have the number in the place of a port.
    pub(super) fn speak(&mut self, protocol: u8) {
        let ip = match self.family {
            Family::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        self.local.read(SocketAddr::new(ip, protocol.into()));
    }

    /// Whether its details, if there are any, leave the other end open: `-yy` tells both addresses of TCP once they are
    /// there, but none in another network namespace, and since strace 4.12 the peer's inode of UNIX sockets.
    pub(super) fn is_blind(&self) -> bool {
        match self.family {
            Family::Unix | Family::Pipe => self.peer_inode.is_none(),
            _ => self.remote.in_details().is_none(),
        }
    }

    /// What the message at this place of a call is on the wire: sockets that write packets of IP gather with MSG_MORE,
    /// those of UDP are corked, and the size of its datagrams is the message's own before the socket's.
    pub(super) fn shape(&mut self, call: &Move<'_>, place: usize) -> Shape {
        let is_udp = matches!(self.transport, Transport::Datagram | Transport::UdpLite);
        let is_ip = is_udp || matches!(self.transport, Transport::Raw | Transport::Ping);
        let segments = call.segments(place);
        match call.direction {
            Direction::Received => Shape { segments: segments.unwrap_or_default(), ..Shape::default() },
            Direction::Sent => {
                self.is_gathering = (is_udp && self.corked) || (is_ip && call.flags.go_on());
                let segments = segments.unwrap_or(self.seldom().segments);
                Shape { goes_on: self.is_gathering, segments, ..Shape::default() }
            }
        }
    }

    /// Counts the messages of a call. What goes to an address is not for the other end.
    #[inline]
    pub(super) fn count_messages(&mut self, call: &Move<'_>) {
        if !matches!(self.transport, Transport::Datagram | Transport::Seqpacket) {
            return;
        }
        let [sent, received] = &mut self.seldom_mut().messages;
        match call.direction {
            Direction::Received => *received += as_u64(call.messages.len()),
            Direction::Sent => {
                let own = |message: &&Message| message.address.is_none();
                *sent += as_u64(call.messages.iter().filter(own).count());
            }
        }
    }

    /// How many messages it has moved in this direction.
    pub(super) fn messages(&self, direction: Direction) -> u64 {
        let [sent, received] = self.seldom().messages;
        match direction {
            Direction::Sent => sent,
            Direction::Received => received,
        }
    }

    /// A receive tells where the message was sent to: an answer to the same host comes from there.
    #[cold]
    pub(super) fn asked_at(&mut self, peer: &Message) {
        if let (Some(own), Some(Address::Inet(remote))) = (&peer.own, &peer.address)
            && !own.ip().is_multicast()
            && !own.ip().is_loopback()
        {
            self.seldom_mut().asked_at = Some((canonical(*remote).ip(), own.ip()));
        }
    }

    /// The thread's own end of a message from or to `remote`: as the message tells it; of a socket that is bound to every
    /// address the one at which the remote host has asked.
    #[inline]
    pub(super) fn own_end(&self, message: &Message, remote: Option<HostPort>) -> Option<HostPort> {
        let local = self.local.packed();
        if message.own.is_none() && self.seldom.is_none() {
            return local;
        }
        let at = |host: IpAddr| SocketAddr::new(host, local.map_or(0, HostPort::port)).into();
        if let Some(own) = &message.own {
            return Some(if own.port() == 0 { at(own.ip()) } else { (**own).into() });
        }
        let is_open = local.is_none_or(|local| local.get().ip().is_unspecified());
        match (self.seldom().asked_at, remote) {
            (Some((peer, own)), Some(remote)) if is_open && remote.canonical().get().ip() == peer => Some(at(own)),
            _ => local,
        }
    }

    /// Whether it is a stream socket, or may be one as far as anything is known.
    pub(super) fn is_stream(&self) -> bool {
        match self.transport {
            Transport::Stream => matches!(self.family, Family::Inet | Family::Inet6 | Family::Unix),
            // A seqpacket socket is one with messages for bytes.
            Transport::Seqpacket | Transport::Unknown => self.family == Family::Unix,
            _ => false,
        }
    }
}

/// Whether an address leaves its host or its port open.
pub fn is_vague(address: SocketAddr) -> bool {
    HostPort::from(address).is_vague()
}

/// Where a packet to `target` goes from `local`. Every address as a target is the own host: the address that the socket is
/// bound to, of IPv6 always ::1, else loopback (the kernel's ip_route_output_key_hash_rcu and tcp_v6_connect).
pub fn reached(target: SocketAddr, local: Option<SocketAddr>) -> SocketAddr {
    let is_own = |local: &IpAddr| local.is_ipv4() && !local.is_unspecified();
    let host = match (target.ip(), canonical(target).ip()) {
        (IpAddr::V4(host), _) if host.is_unspecified() => {
            let own = local.map(|local| canonical(local).ip()).filter(is_own);
            own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
        (_, IpAddr::V6(host)) if host.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        (_, IpAddr::V4(host)) if host.is_unspecified() => IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
        _ => return target,
    };
    SocketAddr::new(host, target.port())
}

/// An address as the wire has it: v4-mapped IPv6 is IPv4.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    HostPort::from(address).canonical().get()
}
