//! What an event did to a socket or a connection: the words that the views read.

use crate::event::{
    Credentials, Descriptor, Direction, Errno, Family, Fd, Inode, Op, Tid, Timestamp, Transport, UnixName,
};
use crate::sockets::connection::{Connection, Opening};
use crate::sockets::names::{Side, SocketNumber};
use std::net::SocketAddr;

/// Who did it: what a packet's MAC addresses and VLAN tag say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marking {
    /// The thread.
    pub tid: Tid,
    /// The descriptor it used.
    pub fd: Fd,
    /// The n-th life of this descriptor in this thread, from 1.
    pub session: u32,
    /// The system call; none for packets that no call made.
    pub op: Option<Op>,
}

/// One message that a call moved. For a stream, a call's payload is one message.
#[derive(Clone, Copy, Debug)]
pub struct Moved<'a> {
    /// Who.
    pub marking: Marking,
    /// When the call began.
    pub entry: Timestamp,
    /// When it returned.
    pub exit: Timestamp,
    /// Which way, as the thread sees it.
    pub direction: Direction,
    /// The open socket.
    pub socket: SocketNumber,
    /// The socket's family.
    pub family: Family,
    /// The socket's transport.
    pub transport: Transport,
    /// The thread's own end, as far as it is known.
    pub local: Option<&'a SocketAddr>,
    /// The other end: the message's own address, or the one that the socket is connected to.
    pub remote: Option<&'a SocketAddr>,
    /// The bytes that are in the trace.
    pub payload: &'a [u8],
    /// How many bytes moved.
    pub moved: u64,
    /// The connection and the thread's side of it, for a stream.
    pub stream: Option<Stream<'a>>,
}

impl Moved<'_> {
    /// The moment at which the bytes moved: the end of the call. Held against tcpdump's times of the same runs it is 9 µs
    /// early in the median where the beginning of a send is 69 µs early; a receive begins with waiting.
    pub const fn moment(&self) -> Timestamp {
        self.exit
    }
}

/// Where a stream's message belongs.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// The connection, with this message counted.
    pub connection: &'a Connection,
    /// The side of the thread that made the call.
    pub side: Side,
    /// How many bytes at the message's front the other end's calls have told before.
    pub known: u64,
    /// How many bytes before the message's first one are not told, because who moved them is not asked for.
    pub skipped: u64,
}

impl Stream<'_> {
    /// The side that sent the bytes.
    pub const fn sender(&self, direction: Direction) -> Side {
        match direction {
            Direction::Sent => self.side,
            Direction::Received => self.side.other(),
        }
    }

    /// How many bytes the thread's end has sent or received by now, counted from the beginning of what the trace shows
    /// of it.
    pub const fn reached(&self, direction: Direction) -> u64 {
        let end = self.connection.end(self.side);
        match direction {
            Direction::Sent => end.sent,
            Direction::Received => end.received,
        }
    }
}

/// One end of a message between UNIX sockets, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnixEnd<'a> {
    /// The open socket, if it is traced.
    pub socket: Option<SocketNumber>,
    /// Its inode.
    pub inode: Option<Inode>,
    /// The name it is bound to, or by which it was sent to.
    pub name: Option<&'a UnixName>,
}

/// A message that a UNIX datagram socket sent or received.
#[derive(Clone, Copy, Debug)]
pub struct UnixMessage<'a> {
    /// Who.
    pub marking: Marking,
    /// When the call began.
    pub entry: Timestamp,
    /// When it returned.
    pub exit: Timestamp,
    /// Which way, as the thread sees it.
    pub direction: Direction,
    /// The thread's own end.
    pub local: UnixEnd<'a>,
    /// The other end.
    pub remote: UnixEnd<'a>,
    /// The bytes that are in the trace.
    pub payload: &'a [u8],
    /// How many bytes moved.
    pub moved: u64,
}

/// What goes with a UNIX socket's message beside its bytes (unix(7), "Ancillary messages").
#[derive(Clone, Copy, Debug)]
pub struct Handed<'a> {
    /// The thread's socket.
    pub socket: SocketNumber,
    /// When the call began.
    pub entry: Timestamp,
    /// Descriptors, by the numbers that they have for the thread (SCM_RIGHTS).
    pub rights: &'a [Descriptor<'a>],
    /// Who the sender is (SCM_CREDENTIALS).
    pub credentials: Option<Credentials>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Bytes moved.
    Moved(Moved<'a>),
    /// What goes with what the same call moves, which is told next.
    Handed(Handed<'a>),
    /// A message moved between UNIX datagram sockets.
    UnixMessage(UnixMessage<'a>),
    /// The local address of a datagram socket is known from here on, port and all.
    Named {
        /// The socket.
        socket: SocketNumber,
        /// Its address; the host may be a wildcard.
        local: SocketAddr,
    },
    /// A datagram socket is closed.
    Gone {
        /// The socket.
        socket: SocketNumber,
    },
    /// What a thread is called from here on.
    Called {
        /// The thread.
        tid: Tid,
        /// Its name, as bytes of any encoding.
        name: &'a [u8],
    },
    /// A thread made another one, which is called as it is.
    Begot {
        /// The maker.
        by: Tid,
        /// The new one.
        child: Tid,
    },
    /// A connection is made and, where the trace tells, its addresses are known. Told at most once, before its payload.
    Opened {
        /// The connection.
        connection: &'a Connection,
    },
    /// A connection could not be made.
    Failed {
        /// The connection, over with this.
        connection: &'a Connection,
        /// Why.
        error: Errno,
        /// When that was known.
        time: Timestamp,
    },
    /// An end will send no more: its FIN.
    Finished {
        /// The connection.
        connection: &'a Connection,
        /// The end that has finished.
        side: Side,
        /// The end whose thread tells it: the same, or the other one if that saw it.
        told_by: Side,
        /// That thread.
        marking: Marking,
        /// When.
        time: Timestamp,
    },
    /// An end reset the connection.
    Reset {
        /// The connection.
        connection: &'a Connection,
        /// The end that sent the reset.
        side: Side,
        /// The end whose thread tells it: the same, or the other one if that saw it.
        told_by: Side,
        /// That thread.
        marking: Marking,
        /// When.
        time: Timestamp,
    },
    /// Every traced end is closed. The other end may still turn up.
    Closed {
        /// The connection.
        connection: &'a Connection,
    },
    /// Nothing more will come of this connection.
    Over {
        /// The connection.
        connection: &'a Connection,
    },
}

/// Tells once that a connection is made, if it is.
pub(super) fn tell_opened<F: FnMut(&Change<'_>)>(connection: &mut Connection, sink: &mut F) {
    if !connection.opened_told && matches!(connection.opening, Opening::Made { .. }) {
        connection.opened_told = true;
        sink(&Change::Opened { connection });
    }
}
