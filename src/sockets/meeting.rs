//! How the two ends of a connection find each other, and what is known of both.
//!
//! By inode (UNIX, pipes) or by addresses (INET) where the details hold them. Where they do not, a connect and an accept meet at
//! the name or address of the listening socket, in the order in which they come, as in its queue.

use crate::event::{Family, Inode, Transport};
use crate::sockets::connection::{Connection, Opening, Role};
use crate::sockets::names::{ConnectionId, Meeting, Place, Side, SocketId};
use crate::sockets::open_socket::{OpenSocket, canonical};
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
    pub(super) const MID_STREAM: Self = Self { role: Role::Unknown, opening: Opening::Unseen };
}

impl Sockets {
    /// The connection of `socket`, made or found if it has none.
    pub(super) fn stream_of(&mut self, socket: SocketId) -> (ConnectionId, Side) {
        match self.open.get(socket.0).and_then(|open| open.stream) {
            Some(stream) => stream,
            None => self.enter_new(socket, Entrance::MID_STREAM),
        }
    }

    /// Lets `socket` enter the connection that waits for it, or a new one.
    pub(super) fn enter_new(&mut self, socket: SocketId, entrance: Entrance) -> (ConnectionId, Side) {
        let waiting = self.open.get(socket.0).and_then(|open| {
            self.waiting_for(open, entrance.role).or_else(|| self.waiting_at_place(open, entrance.role))
        });
        let Some((id, side)) = waiting else {
            let id = self.connect_new(socket, entrance);
            self.wait_at_place(socket, id, entrance.role);
            return (id, Side::First);
        };
        self.leave_place(id);
        self.share_addresses(id, side, socket);
        self.enter(id, side, socket, entrance.role);
        if let Some(connection) = self.connections.get_mut(id) {
            connection.opening = earlier(connection.opening, entrance.opening);
        }
        (id, side)
    }

    /// A connection whose other end met nobody yet at the place where `open` connects or was accepted. Only for a socket
    /// whose details tell less than that.
    fn waiting_at_place(&self, open: &OpenSocket, role: Role) -> Option<(ConnectionId, Side)> {
        if !open.is_blind() {
            return None;
        }
        let waiting = self.by_place.get(&place(open, role, counterpart(role)?)?)?;
        waiting.front().map(|id| (*id, Side::Second))
    }

    /// Lets a new connection be found by the other end at its place.
    fn wait_at_place(&mut self, socket: SocketId, id: ConnectionId, role: Role) {
        let Some(open) = self.open.get(socket.0).filter(|open| open.is_blind()) else {
            return;
        };
        if let (Some(place), Some(connection)) = (place(open, role, role), self.connections.get_mut(id)) {
            self.by_place.entry(place.clone()).or_default().push_back(id);
            connection.place = Some(place);
        }
    }

    /// The connection need not be found at its place any more.
    pub(super) fn leave_place(&mut self, id: ConnectionId) {
        let place = self.connections.get_mut(id).and_then(|at| at.place.take());
        if let Some(place) = place {
            self.leave(&place, id);
        }
    }

    /// Nobody is to meet the connection at `place`. The one that leaves is mostly the oldest.
    pub(super) fn leave(&mut self, place: &Place, id: ConnectionId) {
        let Some(waiting) = self.by_place.get_mut(place) else {
            return;
        };
        if let Some(index) = waiting.iter().position(|other| *other == id) {
            waiting.remove(index);
        }
        if waiting.is_empty() {
            self.by_place.remove(place);
        }
    }

    /// A socket of which no details are printed has the addresses that the other end's calls have told.
    fn share_addresses(&mut self, id: ConnectionId, side: Side, socket: SocketId) {
        let (Some(connection), Some(open)) = (self.connections.get(id), self.open.get_mut(socket.0)) else {
            return;
        };
        if let (None, Some(address)) = (open.local.get(), connection.end(side).address) {
            open.local.read(address);
        }
        if let (None, Some(address)) = (open.remote.get(), connection.end(side.other()).address) {
            open.remote.read(address);
        }
    }

    /// A connection that `open` may be the missing end of. An accept takes the oldest, as the listen queue does; any
    /// other call the newest.
    fn waiting_for(&self, open: &OpenSocket, role: Role) -> Option<(ConnectionId, Side)> {
        if open.family.is_local() {
            let inodes = [open.inode, open.peer_inode];
            let id = inodes.into_iter().flatten().find_map(|inode| self.by_end_inode.get(&inode))?;
            let connection = self.connections.get(*id)?;
            return [Side::First, Side::Second]
                .into_iter()
                .find(|side| is_free_for(connection, *side, open.inode))
                .map(|side| (*id, side));
        }
        let (local, pair) = addresses(open)?;
        let ids = self.by_pair.get(&pair)?;
        let free = |id: &ConnectionId| {
            let connection = self.connections.get(*id)?;
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
    pub(super) fn connect_new(&mut self, socket: SocketId, entrance: Entrance) -> ConnectionId {
        let (family, transport) =
            self.open.get(socket.0).map_or((Family::Other, Transport::Stream), |open| (open.family, open.transport));
        let connection = self.connections.make(family, transport);
        connection.opening = entrance.opening;
        let id = connection.id;
        self.enter(id, Side::First, socket, entrance.role);
        id
    }

    /// Puts `socket` on `side` of a connection, with all that is known of both ends.
    pub(super) fn enter(&mut self, id: ConnectionId, side: Side, socket: SocketId, role: Role) {
        let Some(connection) = self.connections.get_mut(id) else {
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
        let Some(connection) = self.connections.get_mut(id) else {
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
        if open.family.is_local() {
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
    pub(super) fn settle(&mut self, socket: SocketId) {
        self.register(socket);
        self.describe(socket);
        if let Some(open) = self.open.get(socket.0)
            && let Some((id, _)) = open.stream
            && !open.is_blind()
        {
            self.leave_place(id);
        }
        let Some(open) = self.open.get_mut(socket.0) else {
            return;
        };
        let Some((id, _)) = open.stream else {
            if let Some(local) = open.local.get().filter(|local| local.port() != 0 && !open.named && !open.is_stream())
            {
                open.named = true;
                self.changes.push(Change::LocalAddressKnown { socket: open.number, local });
            }
            return;
        };
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        if self.connections.get(id).is_some_and(|connection| connection.pair.is_none()) {
            if open.family.is_local() {
                self.unite(socket, id);
            } else if let Some((_, pair)) = addresses(open)
                && !self.unite(socket, id)
                && let Some(connection) = self.connections.get_mut(id)
            {
                connection.pair = Some(pair);
                self.by_pair.entry(pair).or_default().push(id);
            }
        }
        let Some((id, _)) = self.open.get(socket.0).and_then(|open| open.stream) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(id)
            && (connection.pair.is_some() || connection.family.is_local())
        {
            connection.announce(&mut self.changes);
        }
    }

    /// Moves `socket` from a connection that it has alone, and that has told nothing yet, to one that waits for it.
    fn unite(&mut self, socket: SocketId, id: ConnectionId) -> bool {
        let Some(open) = self.open.get(socket.0) else {
            return false;
        };
        let Some(connection) = self.connections.get(id) else {
            return false;
        };
        let (side, role) = match connection.side_of(socket) {
            Some(side) => (side, connection.end(side).role),
            None => return false,
        };
        let emitted = connection.announced || connection.flows.iter().any(|flow| flow.accounted > 0);
        if emitted || connection.end(side.other()).traced {
            return false;
        }
        let Some((found, free)) = self.waiting_for(open, role).filter(|(found, _)| *found != id) else {
            return false;
        };
        self.forget(id);
        let Some(alone) = self.connections.remove(id) else {
            return false;
        };
        self.enter(found, free, socket, role);
        if let Some(connection) = self.connections.get_mut(found) {
            connection.opening = earlier(connection.opening, alone.opening);
            let (end, alone) = (connection.end_mut(free), alone.end(side));
            (end.brought, end.marking) = (alone.brought, alone.marking);
        }
        true
    }
}

/// The local address and the pair that both ends of a connection agree on, once both are known.
fn addresses(open: &OpenSocket) -> Option<(SocketAddr, AddressPair)> {
    let (local, remote) = (canonical(open.local.get()?), canonical(open.remote.get()?));
    let vague = |address: SocketAddr| address.ip().is_unspecified() || address.port() == 0;
    if vague(local) || vague(remote) {
        return None;
    }
    Some((local, if local <= remote { (local, remote) } else { (remote, local) }))
}

/// Whether a socket of this inode can be the end on `side`: it is the end's own, or nothing is known of the end but that it
/// is not the other one. An end of a pipe comes back where a process has it from before the trace.
fn is_free_for(connection: &Connection, side: Side, inode: Option<Inode>) -> bool {
    let end = connection.end(side);
    let unknown = end.inode.is_none() && (inode.is_none() || connection.end(side.other()).inode != inode);
    let is_back = connection.family == Family::Pipe && end.closed && inode.is_some();
    (!end.traced && unknown) || ((!end.traced || is_back) && end.inode == inode)
}

/// The place at which an end in the role `waiting` waits, as `open` in the role `own` knows it.
fn place(open: &OpenSocket, own: Role, waiting: Role) -> Option<Place> {
    let (name, address) = match own {
        Role::Connected => (&open.peer_name, open.remote.get()),
        Role::Accepted => (&open.name, open.local.get()),
        Role::Paired | Role::Writer | Role::Reader | Role::Unknown => return None,
    };
    let at = match open.family {
        Family::Unix => name.clone().map(Meeting::Name),
        _ => address.map(|address| Meeting::Address(canonical(address))),
    };
    let accepted = waiting == Role::Accepted;
    at.map(|at| Place { at, accepted })
}

/// The role of the other end.
const fn counterpart(role: Role) -> Option<Role> {
    match role {
        Role::Connected => Some(Role::Accepted),
        Role::Accepted => Some(Role::Connected),
        Role::Paired | Role::Writer | Role::Reader | Role::Unknown => None,
    }
}

/// What two ends tell of one opening, put together: connect's entry, and the exit of whichever call was first.
fn earlier(one: Opening, other: Opening) -> Opening {
    match (one, other) {
        (Opening::Unseen, known) | (known, Opening::Unseen) => known,
        (Opening::Begun { entry }, Opening::Begun { .. }) => Opening::Begun { entry },
        (Opening::Begun { entry }, Opening::Made { exit, .. })
        | (Opening::Made { exit, .. }, Opening::Begun { entry }) => {
            Opening::Made { connected: Some(entry), exit: exit.max(entry) }
        }
        (Opening::Made { connected: a, exit: x }, Opening::Made { connected: b, exit: y }) => {
            Opening::Made { connected: a.or(b), exit: x.min(y) }
        }
    }
}
