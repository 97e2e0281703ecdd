//! How connections begin: socket, bind, connect, accept, socketpair.

use crate::event::{Address, Descriptor, Details, Errno, Event, Family, Op, Outcome, Timestamp, Transport};
use crate::sockets::Sockets;
use crate::sockets::connection::{Opening, Role};
use crate::sockets::meeting::Entrance;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::sockets::open_socket::{OpenSocket, canonical};

impl Sockets {
    /// socket.
    pub(super) fn made(
        &mut self,
        event: &Event<'_>,
        made: Descriptor<'_>,
        kind: (Family, Transport),
        protocol: Option<u8>,
        close_on_exec: bool,
    ) {
        let socket = self.make(event, made, kind, close_on_exec);
        if let Some(open) = self.open.get_mut(socket.0) {
            open.is_told = true;
            if let Some(protocol) = protocol {
                open.speak(protocol);
            }
        }
    }

    /// socketpair.
    pub(super) fn paired(
        &mut self,
        event: &Event<'_>,
        made: [Descriptor<'_>; 2],
        kind: (Family, Transport),
        close_on_exec: bool,
    ) {
        let [first, second] = made.map(|made| (made, self.make(event, made, kind, close_on_exec)));
        if !self.open.get(first.1.0).is_some_and(OpenSocket::is_stream) {
            return self.pair_up([first.1, second.1]);
        }
        let opening = Opening::Made { connected: None, exit: event.exit };
        let id = self.connect_new(first.1, Entrance { role: Role::Paired, opening });
        self.enter(id, Side::Second, second.1, Role::Paired);
        for (side, (made, _)) in [(Side::First, first), (Side::Second, second)] {
            self.mark(id, side, event, made, None);
        }
    }

    /// bind or getsockname.
    pub(super) fn local_named(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, address: &Address) {
        let Some(socket) = self.locate(event, descriptor) else {
            return;
        };
        if let Some(open) = self.open.get_mut(socket.0) {
            open.name_local(address);
        }
        self.settle(socket);
    }

    /// getpeername. That it succeeds tells that the connection is made.
    pub(super) fn remote_named(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, address: &Address) {
        let Some(socket) = self.locate(event, descriptor) else {
            return;
        };
        if let Some(open) = self.open.get_mut(socket.0) {
            open.name_remote(address);
        }
        self.settle(socket);
        self.proven(socket, event.exit);
    }

    /// connect, by a stream or a datagram socket.
    pub(super) fn connected(
        &mut self,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        address: &Address,
        outcome: Outcome,
    ) {
        let kind = (family_of(address), Transport::Stream);
        let Some(socket) = self.locate_or_make(event, descriptor, kind) else {
            return;
        };
        self.guess_kind(socket, kind);
        let goes_on = matches!(outcome, Outcome::Failed(Errno::InProgress | Errno::Interrupted | Errno::Already));
        let made = matches!(outcome, Outcome::Done(_) | Outcome::Failed(Errno::IsConnected));
        let current = self.open.get(socket.0).and_then(|open| open.stream);
        let begun = current.filter(|(id, _)| self.is_begun(*id));
        let dissolves = matches!(address, Address::Unspecified);
        // A stream connects once: what comes after only tells again how that went.
        if current.is_some() && begun.is_none() && !dissolves {
            return;
        }
        let Some(open) = self.open.get_mut(socket.0) else {
            return;
        };
        if made || goes_on || (open.is_stream() && open.family != Family::Unix) {
            open.name_remote(address);
        }
        if dissolves && made {
            self.dissolve(event, descriptor, socket);
        }
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        if !open.is_stream() || dissolves {
            return;
        }
        let is_unix = open.family == Family::Unix;
        let (id, side) = match begun {
            Some(begun) => begun,
            // A UNIX connect either connects at once or leaves no trace on any wire.
            _ if is_unix && !made && !goes_on => return,
            _ => {
                let opening = Opening::Begun { entry: event.entry };
                self.enter_new(socket, Entrance { role: Role::Connected, opening })
            }
        };
        self.mark(id, side, event, descriptor, Some(Op::Connect));
        match outcome {
            Outcome::Failed(error) if !made && !goes_on => self.fail(id, error, event.exit),
            _ if made => self.proven(socket, event.exit),
            _ => {}
        }
    }

    /// connect to AF_UNSPEC: the socket is free for another connection, and the one it had is reset (tcp_disconnect in the
    /// kernel's net/ipv4/tcp.c).
    fn dissolve(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, socket: SocketId) {
        let Some((id, side)) = self.open.get_mut(socket.0).and_then(|open| open.stream.take()) else {
            return;
        };
        let marking = self.moment(event, descriptor, Some(Op::Connect)).marking;
        self.reset(id, [side, side], marking, event.entry);
        self.close_end(id, side);
    }

    /// accept.
    pub(super) fn accepted(
        &mut self,
        event: &Event<'_>,
        [listener, made]: [Descriptor<'_>; 2],
        peer: Option<&Address>,
        close_on_exec: bool,
    ) {
        let kind = (peer.map_or(Family::Other, family_of), Transport::Stream);
        let at = self.locate_or_make(event, listener, kind).and_then(|at| self.open.get(at.0).cloned());
        let kind = match (&at, made.details) {
            (_, Details::Socket(details)) if details.transport != Transport::Unknown => {
                (details.family, details.transport)
            }
            (Some(listener), _) => (listener.family, listener.transport),
            _ => kind,
        };
        let socket = self.make(event, made, kind, close_on_exec);
        if let Some(open) = self.open.get_mut(socket.0) {
            if open.transport == Transport::Unknown {
                open.transport = Transport::Stream;
            }
            if let Some(peer) = peer {
                open.name_remote(peer);
            }
            if let Some(listener) = at {
                inherit(open, &listener);
            }
            if !open.is_stream() {
                return;
            }
        }
        let opening = Opening::Made { connected: None, exit: event.exit };
        let (id, side) = self.enter_new(socket, Entrance { role: Role::Accepted, opening });
        self.mark(id, side, event, made, Some(Op::Accept));
        self.settle(socket);
    }

    /// getsockopt(SO_ERROR).
    pub(super) fn error_fetched(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, error: Option<Errno>) {
        let Some(socket) = self.locate(event, descriptor) else {
            return;
        };
        match error {
            None => self.proven(socket, event.entry),
            Some(error) => self.errored(event, descriptor, socket, error),
        }
    }

    /// Something that only a made connection allows has succeeded.
    pub(super) fn proven(&mut self, socket: SocketId, time: Timestamp) {
        let Some((id, _)) = self.open.get(socket.0).and_then(|open| open.stream) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(id)
            && let Opening::Begun { entry } = connection.opening
        {
            connection.opening = Opening::Made { connected: Some(entry), exit: time };
        }
        self.settle(socket);
    }

    /// Remembers who brought an end into its connection.
    pub(super) fn mark(
        &mut self,
        id: ConnectionId,
        side: Side,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        op: Option<Op>,
    ) {
        let marking = self.moment(event, descriptor, op).marking;
        if let Some(connection) = self.connections.get_mut(id) {
            let end = connection.end_mut(side);
            (end.brought, end.marking) = (Some(marking), Some(marking));
        }
    }
}

/// An accepted socket has its listener's port and name, and its address if that is no wildcard.
fn inherit(open: &mut OpenSocket, listener: &OpenSocket) {
    if open.name.is_none() {
        open.name.clone_from(&listener.name);
    }
    if open.local.get().is_none()
        && let Some(mut local) = listener.local.get()
    {
        // To a loopback peer the kernel answers from the same address.
        if let (true, Some(remote)) = (local.ip().is_unspecified(), open.remote.get())
            && canonical(remote).ip().is_loopback()
        {
            local.set_ip(remote.ip());
        }
        open.local.read(local);
    }
}

/// The family a sockaddr belongs to.
fn family_of(address: &Address) -> Family {
    match address {
        Address::Inet(address) if address.is_ipv4() => Family::Inet,
        Address::Inet(_) => Family::Inet6,
        Address::Unix(_) => Family::Unix,
        Address::Unspecified | Address::Other => Family::Other,
    }
}
