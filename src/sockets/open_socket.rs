//! An open file description that is a socket: what dup and fork share.

use crate::event::{
    Address, Direction, Family, Inode, Message, Move, Segments, SocketDetails, Transport, UnixName, as_u64,
};
use crate::sockets::Shape;
use crate::sockets::names::{ConnectionId, Side, SocketId, SocketNumber};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address and where it is known from: what a call said stands above what details say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    from_call: Option<SocketAddr>,
    from_details: Option<SocketAddr>,
    /// What details say that is not true any more: strace prints it for as long as the socket is open.
    outdated: Option<SocketAddr>,
    /// What [`Known::merged`] makes of the two: asked for at every payload call.
    best: Option<SocketAddr>,
}

impl Known {
    /// The best that is known.
    pub(super) const fn get(&self) -> Option<SocketAddr> {
        self.best
    }

    /// Where a call left the host or the port open (bind to 0.0.0.0:0), details fill it in.
    fn merged(&self) -> Option<SocketAddr> {
        let (Some(mut address), Some(details)) = (self.from_call, self.from_details) else {
            return self.from_call.or(self.from_details);
        };
        if address.ip().is_unspecified() {
            address.set_ip(details.ip());
        }
        if address.port() == 0 {
            address.set_port(details.port());
        }
        Some(address)
    }

    /// A call said so.
    pub(super) fn say(&mut self, address: SocketAddr) {
        self.from_call = Some(address);
        self.best = self.merged();
    }

    /// Details said so.
    pub(super) fn read(&mut self, address: SocketAddr) {
        if self.outdated == Some(address) {
            return;
        }
        self.from_details = Some(address);
        self.best = self.merged();
    }

    /// Nothing is known any more, whatever details go on to say.
    pub(super) fn forget(&mut self) {
        *self = Self { outdated: self.from_details.or(self.outdated), ..Self::default() };
    }
}

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
    /// The other one of a pair that has no connection (socketpair of datagram sockets), while it is open.
    pub(super) pair: Option<SocketId>,
    /// It is one of such a pair.
    pub(super) is_paired: bool,
    /// How many messages it has sent, without an address, and received; counted where messages have bounds.
    messages: [u64; 2],
    /// Which end of a pipe it is: the one that bytes are sent by, or received by.
    pub(super) pipe_end: Option<Direction>,
    /// A FIFO opened for both has a reference to its write end and one to its read end.
    pub(super) both_ends: Option<[SocketId; 2]>,
    /// How many descriptors, in all tables, stand for it.
    pub(super) references: u32,
    /// [`crate::sockets::Change::LocalAddressKnown`] has been emitted.
    pub(super) address_announced: bool,
    /// Its reading was shut down: a read of nothing is no FIN of the other end.
    pub(super) read_shut: bool,
    /// Its making or its details say its family: where it is another, nothing is guessed.
    pub(super) family_known: bool,
    /// A close sends RST (SO_LINGER with 0 seconds).
    pub(super) reset_on_close: bool,
    pub(super) stream: Option<(ConnectionId, Side)>,
    /// What bind asked for.
    pub(super) bound: Option<SocketAddr>,
    /// The trace shows that it had no address to begin with.
    pub(super) began_unbound: bool,
    /// What is sent gathers for one datagram (UDP_CORK).
    pub(super) corked: bool,
    /// Something has gathered.
    pub(super) is_gathering: bool,
    /// How what is sent is cut into datagrams (UDP_SEGMENT).
    pub(super) segments: Segments,
}

impl OpenSocket {
    pub(super) fn new(number: SocketNumber, (family, transport): (Family, Transport)) -> Self {
        Self { number, family, transport, ..Self::default() }
    }

    /// Whether details may be of this socket: nothing in them contradicts what earlier details said.
    pub(super) fn agrees(&self, details: &SocketDetails) -> bool {
        if details.family != Family::Other && self.family != Family::Other && details.family != self.family {
            return false;
        }
        if (details.family == Family::Pipe) != (self.family == Family::Pipe) {
            return false;
        }
        if let (Some(theirs), Some(ours)) = (self.inode_in(details), self.inode) {
            return theirs == ours;
        }
        let same_kind = details.transport == self.transport
            || details.transport == Transport::Unknown
            || self.transport == Transport::Unknown;
        same_kind
            && may_be_same(details.local, self.local.from_details)
            && (self.transport != Transport::Stream || may_be_same(details.remote, self.remote.from_details))
    }

    /// The inode that details of this socket tell.
    fn inode_in(&self, details: &SocketDetails) -> Option<Inode> {
        match self.pipe_end {
            Some(end) => details.inode.map(|inode| inode.end_of_pipe(end)),
            None => details.inode,
        }
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
        if let Some(local) = details.local {
            self.local.read(local);
        }
        if let Some(remote) = details.remote {
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

    /// An address that is not known is `local` or `remote`, as the other end's calls show.
    pub(super) fn fill_in(&mut self, local: Option<SocketAddr>, remote: Option<SocketAddr>) {
        for (own, known) in [(&mut self.local, local), (&mut self.remote, remote)] {
            if let (None, Some(address)) = (own.get(), known) {
                own.read(address);
            }
        }
    }

    /// An accepted socket has its listener's port and name, and its address if that is no wildcard.
    pub(super) fn inherit(&mut self, listener: &Self) {
        if self.name.is_none() {
            self.name.clone_from(&listener.name);
        }
        if self.local.get().is_none()
            && let Some(mut local) = listener.local.get()
        {
            // To a loopback peer the kernel answers from the same address.
            if let (true, Some(remote)) = (local.ip().is_unspecified(), self.remote.get())
                && canonical(remote).ip().is_loopback()
            {
                local.set_ip(remote.ip());
            }
            self.local.read(local);
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
            _ => self.remote.from_details.is_none(),
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
                let segments = segments.unwrap_or(self.segments);
                Shape { goes_on: self.is_gathering, segments, ..Shape::default() }
            }
        }
    }

    /// connect to AF_UNSPEC: the other end is none any more, and what the kernel chose of the local address is free again
    /// (`__udp_disconnect`, `tcp_disconnect`). Whether anything was.
    pub(super) fn unbind(&mut self) -> bool {
        self.remote.forget();
        if self.bound.is_none() && !self.began_unbound {
            return false;
        }
        let before = self.local.get();
        self.local.forget();
        if let Some(bound) = self.bound {
            self.local.say(bound);
        }
        before != self.local.get()
    }

    /// Counts the messages of a call. What goes to an address is not for the other end.
    #[inline]
    pub(super) fn count_messages(&mut self, call: &Move<'_>) {
        if !matches!(self.transport, Transport::Datagram | Transport::Seqpacket) {
            return;
        }
        let [sent, received] = &mut self.messages;
        match call.direction {
            Direction::Received => *received += as_u64(call.messages.len()),
            Direction::Sent => {
                let own = |message: &&Message| message.address.is_none();
                *sent += as_u64(call.messages.iter().filter(own).count());
            }
        }
    }

    /// How many messages it has moved in this direction.
    pub(super) const fn messages(&self, direction: Direction) -> u64 {
        let [sent, received] = self.messages;
        match direction {
            Direction::Sent => sent,
            Direction::Received => received,
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

fn may_be_same(theirs: Option<SocketAddr>, ours: Option<SocketAddr>) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => {
            theirs.port() == ours.port()
                && (theirs.ip() == ours.ip() || theirs.ip().is_unspecified() || ours.ip().is_unspecified())
        }
        _ => true,
    }
}

/// An address as the wire has it: v4-mapped IPv6 is IPv4.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            // Details never carry a scope or flow label; sockaddrs may.
            None => SocketAddr::new(IpAddr::V6(*v6.ip()), v6.port()),
        },
        v4 @ SocketAddr::V4(_) => v4,
    }
}
