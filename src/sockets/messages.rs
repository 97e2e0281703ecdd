//! UNIX datagram sockets: whom a message comes from and where it goes.
//!
//! Such a socket has no connection that its messages belong to. The other end is named by the call, or the socket is
//! connected to it, or it is the other one of a pair.

use crate::event::{Address, Family, Message, Move, Timestamp, Transport, UnixName};
use crate::sockets::names::SocketId;
use crate::sockets::open_socket::OpenSocket;
use crate::sockets::{Change, Moment, Payload, Sockets, UnixEnd, UnixMessage};

impl Sockets {
    /// The messages of one call.
    pub(super) fn unix_messages_moved(&mut self, socket: SocketId, moment: &Moment, call: &Move<'_>) {
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        for message in call.messages {
            self.changes.push(Change::UnixMessage(UnixMessage {
                marking: moment.marking,
                entry: moment.entry,
                exit: moment.exit,
                direction: call.direction,
                local: end_of(open),
                remote: self.other_end(open, message.address.as_ref()),
                payload: Payload::of(message),
                moved: message.moved,
            }));
        }
    }

    /// Notes what goes with the messages of a call.
    #[cold]
    pub(super) fn note_ancillary(&mut self, socket: SocketId, entry: Timestamp, call: &Move<'_>) {
        let tells = |open: &OpenSocket| {
            let moves = |message: &Message| message.moved > 0 || !open.is_stream();
            open.family == Family::Unix && call.messages.iter().any(moves)
        };
        if let Some(open) = self.open.get(socket.0).filter(|open| tells(open)) {
            self.changes.push(Change::Ancillary { socket: open.number, entry });
        }
    }

    /// The other end of a message that `open` sent or received.
    fn other_end(&self, open: &OpenSocket, address: Option<&Address>) -> UnixEnd {
        match address {
            Some(Address::Unix(Some(name))) => self.named(name),
            // Its sender is bound to no name.
            Some(_) => UnixEnd::default(),
            None => self.connected_end(open),
        }
    }

    /// The socket bound to `name`, if it is traced.
    fn named(&self, name: &UnixName) -> UnixEnd {
        let bound = self.bound_socket(name);
        bound
            .and_then(|at| self.open.get(at.0))
            .map_or(UnixEnd { name: Some(name.clone()), ..UnixEnd::default() }, end_of)
    }

    /// The socket that `open` is connected to, or the other one of its pair.
    fn connected_end(&self, open: &OpenSocket) -> UnixEnd {
        let connected = self.connected_socket(open);
        let end = match connected.and_then(|at| self.open.get(at.0)) {
            Some(peer) => end_of(peer),
            None => UnixEnd { name: open.peer_name.clone(), ..UnixEnd::default() },
        };
        UnixEnd { inode: end.inode.or(open.peer_inode), ..end }
    }

    /// The datagram socket bound to `name`, if it is traced.
    pub(super) fn bound_socket(&self, name: &UnixName) -> Option<SocketId> {
        self.by_name.get(name).copied()
    }

    /// The socket that `open` is connected to, or the other one of its pair, if it is traced.
    pub(super) fn connected_socket(&self, open: &OpenSocket) -> Option<SocketId> {
        let by_inode = open.peer_inode.and_then(|inode| self.by_inode.get(&inode));
        let is_open = |at: &SocketId| self.open.contains(at.0);
        let peer = by_inode.copied().or(open.pair).filter(is_open);
        peer.or_else(|| self.bound_socket(open.peer_name.as_ref()?))
    }

    /// Two sockets that socketpair made, of a kind that has no connections.
    pub(super) fn pair_up(&mut self, [first, second]: [SocketId; 2]) {
        for (socket, other) in [(first, second), (second, first)] {
            if let Some(open) = self.open.get_mut(socket.0) {
                open.pair = Some(other);
                open.is_paired = true;
            }
        }
    }

    /// Lets a datagram socket be found by its name. A name belongs to who bound it last.
    pub(super) fn register_name(&mut self, socket: SocketId) {
        if let Some(open) = self.open.get(socket.0)
            && open.transport == Transport::Datagram
            && let Some(name) = &open.name
            && self.by_name.get(name) != Some(&socket)
        {
            self.by_name.insert(name.clone(), socket);
        }
    }

    /// The socket is gone: neither its name nor its pair leads to it.
    pub(super) fn unregister_name(&mut self, socket: SocketId, open: &OpenSocket) {
        if let Some(name) = &open.name
            && self.by_name.get(name) == Some(&socket)
        {
            self.by_name.remove(name);
        }
        if let Some(other) = open.pair.and_then(|other| self.open.get_mut(other.0))
            && other.pair == Some(socket)
        {
            other.pair = None;
        }
    }
}

fn end_of(open: &OpenSocket) -> UnixEnd {
    UnixEnd { socket: Some(open.number), inode: open.inode, name: open.name.clone() }
}
