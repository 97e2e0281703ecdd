//! A connection: one TCP or UNIX stream from open to close, two ends, two directions, and how far each has come.

use crate::event::{Direction, Family, Inode, Timestamp, Transport, UnixName};
use crate::sockets::names::{ConnectionId, Place, Side, SocketId};
use crate::sockets::{AddressPair, Change, Marking};
use std::net::SocketAddr;

/// How an end came to its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Not seen: the trace begins in mid-stream, or the end is not traced.
    #[default]
    Unknown,
    /// It called connect.
    Connected,
    /// It was returned by accept.
    Accepted,
    /// It was made by socketpair.
    Paired,
    /// It is a pipe's write end.
    Writer,
    /// It is a pipe's read end.
    Reader,
}

/// When a connection was made, as far as the trace shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// Joined in mid-stream.
    #[default]
    Unseen,
    /// connect has begun and not yet succeeded.
    Begun {
        /// Its entry.
        entry: Timestamp,
    },
    /// It is made.
    Made {
        /// Entry of connect, where that was traced.
        connected: Option<Timestamp>,
        /// Exit of the call that made it: connect, accept, socketpair or pipe.
        exit: Timestamp,
    },
}

/// One end of a connection.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// The open socket, while it is traced and open.
    pub(super) socket: Option<SocketId>,
    /// It is or was traced.
    pub traced: bool,
    /// How it came to the connection.
    pub role: Role,
    /// Its address (INET).
    pub address: Option<SocketAddr>,
    /// Its inode (UNIX); of a pipe's end as [`Inode::end_of_pipe`] has it.
    pub inode: Option<Inode>,
    /// The name it is bound to (UNIX).
    pub name: Option<UnixName>,
    /// Who brought it into the connection: connect, accept, socketpair.
    pub(super) brought: Option<Marking>,
    /// Who used it last, for packets that no call made.
    pub marking: Option<Marking>,
    /// All its descriptors are closed.
    pub closed: bool,
    /// Bytes its calls have sent, counted from the beginning of what the trace shows.
    pub(super) sent: u64,
    /// Bytes its calls have received, counted likewise.
    pub(super) received: u64,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    /// Bytes that are accounted for, by whichever end's line came first.
    pub accounted: u64,
    /// Its sender has finished it (FIN).
    pub finished: bool,
}

impl Flow {
    /// Counts a report of `moved` bytes that ends at `reached`; returns how many of them were
    /// accounted for before.
    ///
    /// Each end counts from its own first call. An end that strace was attached to later lags behind, and the other one,
    /// which is ahead, accounts for the bytes.
    pub fn account(&mut self, reached: u64, moved: u64) -> u64 {
        let fresh = reached.saturating_sub(self.accounted).min(moved);
        self.accounted = self.accounted.max(reached);
        moved - fresh
    }
}

/// One stream from open to close.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// The address family of the end that was seen first.
    pub family: Family,
    /// The transport: `Stream`, or `Unknown` for `UNIX:[…]` details whose kind nothing has told.
    pub transport: Transport,
    /// When it was made.
    pub opening: Opening,
    /// [`crate::sockets::Change::Opened`] has been emitted.
    pub(super) announced: bool,
    /// Nothing more will come of it; it is kept until the next event, for the views to read.
    pub(super) over: bool,
    /// Its two addresses, once both are known: where the other end's calls find it.
    pub(super) pair: Option<AddressPair>,
    /// Where the other end finds it, if it can by nothing else.
    pub(super) place: Option<Place>,
    /// The connection was reset; nothing more can come.
    pub reset: bool,
    pub(super) ends: [End; 2],
    pub(super) flows: [Flow; 2],
}

impl Connection {
    /// A connection of which nothing is known yet.
    pub(super) fn new(id: ConnectionId, family: Family, transport: Transport) -> Self {
        Self {
            id,
            family,
            transport,
            opening: Opening::Unseen,
            announced: false,
            over: false,
            pair: None,
            place: None,
            reset: false,
            ends: [End::default(), End::default()],
            flows: [Flow::default(), Flow::default()],
        }
    }

    /// The end on `side`.
    pub const fn end(&self, side: Side) -> &End {
        let [first, second] = &self.ends;
        match side {
            Side::First => first,
            Side::Second => second,
        }
    }

    /// The inode of the end on `side` as the trace has it: a pipe's ends have the same, a FIFO's none.
    pub fn inode(&self, side: Side) -> Option<Inode> {
        let inode = self.end(side).inode?;
        match self.family {
            Family::Pipe if inode.is_fifo() => None,
            Family::Pipe => Some(inode.pipe()),
            _ => Some(inode),
        }
    }

    pub(super) const fn end_mut(&mut self, side: Side) -> &mut End {
        let [first, second] = &mut self.ends;
        match side {
            Side::First => first,
            Side::Second => second,
        }
    }

    /// Who opened the connection as far as it is traced: the client's thread before the server's, and the call that
    /// brought it there before what came later.
    pub fn opener(&self, client: Side) -> Option<(Marking, Side)> {
        let of = |side: Side| {
            let end = self.end(side);
            let marking = end.brought.or(end.marking)?;
            Some((marking, side))
        };
        of(client).or_else(|| of(client.other()))
    }

    /// The direction in which the end on `side` sends.
    pub const fn flow_from(&self, side: Side) -> &Flow {
        let [first, second] = &self.flows;
        match side {
            Side::First => first,
            Side::Second => second,
        }
    }

    pub(super) const fn flow_from_mut(&mut self, side: Side) -> &mut Flow {
        let [first, second] = &mut self.flows;
        match side {
            Side::First => first,
            Side::Second => second,
        }
    }

    /// Counts `moved` bytes that the end on `side` sent or received; returns how many those are by now, and how many of
    /// the new ones, at the front, had been accounted for before.
    pub(super) fn count(&mut self, side: Side, direction: Direction, moved: u64) -> (u64, u64) {
        let end = self.end_mut(side);
        let (count, sender) = match direction {
            Direction::Sent => (&mut end.sent, side),
            Direction::Received => (&mut end.received, side.other()),
        };
        *count = count.saturating_add(moved);
        let reached = *count;
        (reached, self.flow_from_mut(sender).account(reached, moved))
    }

    /// Says once that the connection is made, if it is.
    pub(super) fn announce(&mut self, changes: &mut Vec<Change>) {
        if !self.announced && matches!(self.opening, Opening::Made { .. }) {
            self.announced = true;
            changes.push(Change::Opened { connection: self.id });
        }
    }

    /// Which side the open socket `socket` is on.
    pub(super) fn side_of(&self, socket: SocketId) -> Option<Side> {
        let [first, second] = &self.ends;
        if first.socket == Some(socket) {
            Some(Side::First)
        } else if second.socket == Some(socket) {
            Some(Side::Second)
        } else {
            None
        }
    }

    /// Every end that was ever traced is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.ends.iter().all(|end| end.closed || !end.traced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::connections::Connections;

    #[test]
    fn each_byte_is_accounted_for_once_whichever_end_comes_first() {
        let mut connections = Connections::default();
        let connection = connections.make(Family::Inet, Transport::Stream);
        assert_eq!(connection.count(Side::First, Direction::Sent, 10).1, 0);
        assert_eq!(connection.count(Side::Second, Direction::Received, 4).1, 4);
        assert_eq!(connection.count(Side::Second, Direction::Received, 16).1, 6, "ten more are new");
        assert_eq!(connection.count(Side::First, Direction::Sent, 10).1, 10);
        assert_eq!(connection.flow_from(Side::First).accounted, 20);
        assert_eq!(connection.flow_from(Side::Second).accounted, 0);
    }

    #[test]
    fn an_end_attached_late_accounts_for_nothing_twice() {
        let mut connections = Connections::default();
        let connection = connections.make(Family::Inet, Transport::Stream);
        connection.count(Side::First, Direction::Sent, 100);
        connection.count(Side::First, Direction::Received, 50);
        assert_eq!(connection.count(Side::Second, Direction::Received, 7).1, 7);
        assert_eq!(connection.count(Side::Second, Direction::Sent, 5).1, 5, "the reader will tell them");
        assert_eq!(connection.count(Side::First, Direction::Received, 5).1, 0);
    }
}
