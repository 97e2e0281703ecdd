//! How connections begin: socket, bind, connect, accept, socketpair; and how the two ends of one find each other.

use crate::event::{
    Address, Descriptor, Details, Errno, Event, Family, Inode, Op, Outcome, Timestamp, Transport,
};
use crate::sockets::closing::tell_opened;
use crate::sockets::connection::{Connection, ConnectionId, Opening, Role, Side};
use crate::sockets::open_socket::{OpenSocket, SocketId, canonical};
use crate::sockets::{AddressPair, Change, Sockets};
use std::net::SocketAddr;

/// What a call says about how its end came to a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entrance {
    pub(super) role: Role,
    pub(super) opening: Opening,
}

impl Entrance {
    /// Nothing: the connection was there before the trace.
    pub(super) const MID_STREAM: Self = Self {
        role: Role::Unknown,
        opening: Opening::Unseen,
    };
}

impl Sockets {
    /// socket.
    pub(super) fn made<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        made: Descriptor<'_>,
        kind: (Family, Transport),
        close_on_exec: bool,
        sink: &mut F,
    ) {
        self.make(event, made, kind, close_on_exec, sink);
    }

    /// socketpair.
    pub(super) fn paired<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        made: [Descriptor<'_>; 2],
        kind: (Family, Transport),
        close_on_exec: bool,
        sink: &mut F,
    ) {
        let [first, second] =
            made.map(|made| (made, self.make(event, made, kind, close_on_exec, sink)));
        if !self.open.get(first.1.0).is_some_and(OpenSocket::is_stream) {
            return;
        }
        let opening = Opening::Made {
            connected: None,
            exit: event.exit,
        };
        let id = self.connect_new(
            first.1,
            Entrance {
                role: Role::Paired,
                opening,
            },
        );
        self.enter(id, Side::Second, second.1, Role::Paired);
        for (side, (made, _)) in [(Side::First, first), (Side::Second, second)] {
            self.mark(id, side, event, made, None);
        }
    }

    /// bind or getsockname.
    pub(super) fn local_named<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        address: &Address,
        sink: &mut F,
    ) {
        let Some(socket) = self.locate(event, descriptor, sink) else {
            return;
        };
        if let Some(open) = self.open.get_mut(socket.0) {
            open.name_local(address);
        }
        self.settle(socket, sink);
    }

    /// getpeername. That it succeeds tells that the connection is made.
    pub(super) fn remote_named<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        address: &Address,
        sink: &mut F,
    ) {
        let Some(socket) = self.locate(event, descriptor, sink) else {
            return;
        };
        if let Some(open) = self.open.get_mut(socket.0) {
            open.name_remote(address);
        }
        self.settle(socket, sink);
        self.proven(socket, event.exit, sink);
    }

    /// listen.
    pub(super) fn listening<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        sink: &mut F,
    ) {
        if let Some(socket) = self.locate(event, descriptor, sink)
            && let Some(open) = self.open.get_mut(socket.0)
        {
            open.listening = true;
        }
    }

    /// connect, by a stream or a datagram socket.
    pub(super) fn connected<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        address: &Address,
        outcome: Outcome,
        sink: &mut F,
    ) {
        let kind = (family_of(address), Transport::Stream);
        let Some(socket) = self.locate_or_make(event, descriptor, kind, sink) else {
            return;
        };
        let goes_on = matches!(
            outcome,
            Outcome::Failed(Errno::InProgress | Errno::Interrupted | Errno::Already)
        );
        let made = matches!(
            outcome,
            Outcome::Done(_) | Outcome::Failed(Errno::IsConnected)
        );
        let Some(open) = self.open.get_mut(socket.0) else {
            return;
        };
        if made || goes_on || (open.is_stream() && open.family != Family::Unix) {
            open.name_remote(address);
        }
        if !open.is_stream() || matches!(address, Address::Unspecified) {
            return;
        }
        let current = open.stream;
        let is_unix = open.family == Family::Unix;
        let begun = current.filter(|(id, _)| {
            self.connections
                .get(id)
                .is_some_and(|at| matches!(at.opening, Opening::Begun { .. }))
        });
        let (id, side) = match (begun, current) {
            (Some(begun), _) => begun,
            (None, Some(_)) if outcome == Outcome::Failed(Errno::IsConnected) => return,
            // A UNIX connect either connects at once or leaves no trace on any wire.
            _ if is_unix && !made && !goes_on => return,
            _ => {
                let opening = Opening::Begun { entry: event.entry };
                self.enter_new(
                    socket,
                    Entrance {
                        role: Role::Connected,
                        opening,
                    },
                )
            }
        };
        self.mark(id, side, event, descriptor, Some(Op::Connect));
        match outcome {
            Outcome::Failed(error) if !made && !goes_on => self.fail(id, error, event.exit, sink),
            _ if made => self.proven(socket, event.exit, sink),
            _ => {}
        }
    }

    /// accept.
    pub(super) fn accepted<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        [listener, made]: [Descriptor<'_>; 2],
        peer: Option<&Address>,
        close_on_exec: bool,
        sink: &mut F,
    ) {
        let kind = (peer.map_or(Family::Other, family_of), Transport::Stream);
        let at = self
            .locate_or_make(event, listener, kind, sink)
            .and_then(|at| self.open.get(at.0).cloned());
        let kind = match (&at, made.details) {
            (_, Details::Socket(details)) if details.transport != Transport::Unknown => {
                (details.family, details.transport)
            }
            (Some(listener), _) => (listener.family, listener.transport),
            _ => kind,
        };
        let socket = self.make(event, made, kind, close_on_exec, sink);
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
        let opening = Opening::Made {
            connected: None,
            exit: event.exit,
        };
        let (id, side) = self.enter_new(
            socket,
            Entrance {
                role: Role::Accepted,
                opening,
            },
        );
        self.mark(id, side, event, made, Some(Op::Accept));
        self.settle(socket, sink);
    }

    /// getsockopt(SO_ERROR).
    pub(super) fn error_fetched<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        error: Option<Errno>,
        sink: &mut F,
    ) {
        let Some(socket) = self.locate(event, descriptor, sink) else {
            return;
        };
        match error {
            None => self.proven(socket, event.entry, sink),
            Some(error) => self.errored(event, descriptor, socket, error, sink),
        }
    }

    /// Something that only a made connection allows has succeeded.
    pub(super) fn proven<F: FnMut(&Change<'_>)>(
        &mut self,
        socket: SocketId,
        time: Timestamp,
        sink: &mut F,
    ) {
        let Some((id, _)) = self.open.get(socket.0).and_then(|open| open.stream) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&id)
            && let Opening::Begun { entry } = connection.opening
        {
            connection.opening = Opening::Made {
                connected: Some(entry),
                exit: time,
            };
        }
        self.settle(socket, sink);
    }

    /// The connection of `socket`, made or found if it has none.
    pub(super) fn stream_of(&mut self, socket: SocketId) -> (ConnectionId, Side) {
        match self.open.get(socket.0).and_then(|open| open.stream) {
            Some(stream) => stream,
            None => self.enter_new(socket, Entrance::MID_STREAM),
        }
    }

    /// Lets `socket` enter the connection that waits for it, or a new one.
    fn enter_new(&mut self, socket: SocketId, entrance: Entrance) -> (ConnectionId, Side) {
        let Some(open) = self.open.get(socket.0) else {
            return (self.connect_new(socket, entrance), Side::First);
        };
        match self.waiting_for(open, entrance.role) {
            Some((id, side)) => {
                self.enter(id, side, socket, entrance.role);
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.opening = earlier(connection.opening, entrance.opening);
                }
                (id, side)
            }
            None => (self.connect_new(socket, entrance), Side::First),
        }
    }

    /// A connection that `open` may be the missing end of. An accept takes the oldest, as the listen queue does; any
    /// other call the newest.
    fn waiting_for(&self, open: &OpenSocket, role: Role) -> Option<(ConnectionId, Side)> {
        if open.family == Family::Unix {
            let inodes = [open.inode, open.peer_inode];
            let id = inodes
                .into_iter()
                .flatten()
                .find_map(|inode| self.by_end_inode.get(&inode))?;
            let connection = self.connections.get(id)?;
            return [Side::First, Side::Second]
                .into_iter()
                .find(|side| is_free_for(connection, *side, open.inode))
                .map(|side| (*id, side));
        }
        let (local, pair) = addresses(open)?;
        let ids = self.by_pair.get(&pair)?;
        let free = |id: &ConnectionId| {
            let connection = self.connections.get(id)?;
            [Side::First, Side::Second]
                .into_iter()
                .find(|side| {
                    let end = connection.end(*side);
                    !end.traced && end.address.map(canonical) == Some(local)
                })
                .map(|side| (*id, side))
        };
        match role {
            Role::Accepted => ids.iter().find_map(free),
            _ => ids.iter().rev().find_map(free),
        }
    }

    /// A new connection with `socket` as its first end.
    fn connect_new(&mut self, socket: SocketId, entrance: Entrance) -> ConnectionId {
        let id = ConnectionId(self.connections_made);
        self.connections_made += 1;
        let (family, transport) = self
            .open
            .get(socket.0)
            .map_or((Family::Other, Transport::Stream), |open| {
                (open.family, open.transport)
            });
        let mut connection = Connection::new(id, family, transport);
        connection.opening = entrance.opening;
        self.connections.insert(id, connection);
        self.enter(id, Side::First, socket, entrance.role);
        id
    }

    /// Puts `socket` on `side` of a connection, with all that is known of both ends.
    fn enter(&mut self, id: ConnectionId, side: Side, socket: SocketId, role: Role) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = connection.end_mut(side);
        end.socket = Some(socket);
        end.traced = true;
        end.closed = false;
        if role != Role::Unknown {
            end.role = role;
        }
        if let Some(open) = self.open.get_mut(socket.0) {
            open.stream = Some((id, side));
        }
        self.describe(socket);
    }

    /// Takes over into the connection what is known of its ends by now.
    fn describe(&mut self, socket: SocketId) {
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        let Some((id, side)) = open.stream else {
            return;
        };
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let own = connection.end_mut(side);
        own.inode = own.inode.or(open.inode);
        own.address = open.local.get().or(own.address);
        let other = connection.end_mut(side.other());
        other.inode = other.inode.or(open.peer_inode);
        if !other.traced || other.address.is_none() {
            other.address = open.remote.get().or(other.address);
        }
        if open.family == Family::Unix {
            for inode in connection.ends.iter().filter_map(|end| end.inode) {
                self.by_end_inode.insert(inode, id);
            }
        }
        for (side, name) in [(side, &open.name), (side.other(), &open.peer_name)] {
            let end = connection.end_mut(side);
            if end.name.is_none() {
                end.name.clone_from(name);
            }
        }
        if connection.family == Family::Other {
            connection.family = open.family;
        }
        if connection.transport == Transport::Unknown {
            connection.transport = open.transport;
        }
    }

    /// More is known of `socket`: its connection's ends are described anew, found by their addresses, put together with
    /// a connection that the other end's calls have begun, and told if that was all that it waited for.
    pub(super) fn settle<F: FnMut(&Change<'_>)>(&mut self, socket: SocketId, sink: &mut F) {
        self.register(socket);
        self.describe(socket);
        let Some(open) = self.open.get_mut(socket.0) else {
            return;
        };
        let Some((id, _)) = open.stream else {
            if let Some(local) = open
                .local
                .get()
                .filter(|local| local.port() != 0 && !open.named && !open.is_stream())
            {
                open.named = true;
                sink(&Change::Named {
                    socket: open.number,
                    local,
                });
            }
            return;
        };
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        if self
            .connections
            .get(&id)
            .is_some_and(|connection| connection.pair.is_none())
        {
            if open.family == Family::Unix {
                self.unite(socket, id);
            } else if let Some((_, pair)) = addresses(open) {
                if !self.unite(socket, id)
                    && let Some(connection) = self.connections.get_mut(&id)
                {
                    connection.pair = Some(pair);
                    self.by_pair.entry(pair).or_default().push(id);
                }
            }
        }
        let Some((id, _)) = self.open.get(socket.0).and_then(|open| open.stream) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&id)
            && (connection.pair.is_some() || connection.family == Family::Unix)
        {
            tell_opened(connection, sink);
        }
    }

    /// Moves `socket` from a connection that it has alone, and that has told nothing yet, to one that waits for it.
    fn unite(&mut self, socket: SocketId, id: ConnectionId) -> bool {
        let Some(open) = self.open.get(socket.0) else {
            return false;
        };
        let Some(connection) = self.connections.get(&id) else {
            return false;
        };
        let (side, role) = match connection.side_of(socket) {
            Some(side) => (side, connection.end(side).role),
            None => return false,
        };
        let told = connection.opened_told || connection.flows.iter().any(|flow| flow.told > 0);
        if told || connection.end(side.other()).traced {
            return false;
        }
        let Some((found, free)) = self
            .waiting_for(open, role)
            .filter(|(found, _)| *found != id)
        else {
            return false;
        };
        let Some(alone) = self.connections.remove(&id) else {
            return false;
        };
        self.forget(&alone);
        self.enter(found, free, socket, role);
        if let Some(connection) = self.connections.get_mut(&found) {
            connection.opening = earlier(connection.opening, alone.opening);
            connection.end_mut(free).marking = alone.end(side).marking;
        }
        true
    }

    /// Remembers who used an end last.
    pub(super) fn mark(
        &mut self,
        id: ConnectionId,
        side: Side,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        op: Option<Op>,
    ) {
        let marking = self.moment(event, descriptor, op).marking;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end_mut(side).marking = Some(marking);
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

/// The local address and the pair that both ends of a connection agree on, once both are known.
fn addresses(open: &OpenSocket) -> Option<(SocketAddr, AddressPair)> {
    let (local, remote) = (canonical(open.local.get()?), canonical(open.remote.get()?));
    let vague = |address: SocketAddr| address.ip().is_unspecified() || address.port() == 0;
    if vague(local) || vague(remote) {
        return None;
    }
    Some((
        local,
        if local <= remote {
            (local, remote)
        } else {
            (remote, local)
        },
    ))
}

/// Whether a socket of this inode can be the end on `side`: it is the end's own, or nothing is known of the end but that it
/// is not the other one.
fn is_free_for(connection: &Connection, side: Side, inode: Option<Inode>) -> bool {
    let end = connection.end(side);
    let unknown =
        end.inode.is_none() && (inode.is_none() || connection.end(side.other()).inode != inode);
    !end.traced && (unknown || end.inode == inode)
}

/// What two ends tell of one opening, put together: connect's entry, and the exit of whichever call was first.
fn earlier(one: Opening, other: Opening) -> Opening {
    match (one, other) {
        (Opening::Unseen, known) | (known, Opening::Unseen) => known,
        (Opening::Begun { entry }, Opening::Begun { .. }) => Opening::Begun { entry },
        (Opening::Begun { entry }, Opening::Made { exit, .. })
        | (Opening::Made { exit, .. }, Opening::Begun { entry }) => Opening::Made {
            connected: Some(entry),
            exit: exit.max(entry),
        },
        (
            Opening::Made {
                connected: a,
                exit: x,
            },
            Opening::Made {
                connected: b,
                exit: y,
            },
        ) => Opening::Made {
            connected: a.or(b),
            exit: x.min(y),
        },
    }
}
