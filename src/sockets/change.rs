//! What an event did to sockets and connections: values that the views read.
//!
//! A change holds names, counts and places in the event's payload. What it names is looked up in [`Refs`], where a
//! connection is as the whole event has left it; one that is over stays there until the next event.

use crate::event::{
    Direction, Errno, Event, Family, HostPort, Inode, Marking, Message, Move, Segments, Tid, Timestamp, Transport,
    UnixName, What,
};
use crate::sockets::connections::Connection;
use crate::sockets::names::{ConnectionId, FlowId, Side, SocketNumber};
use crate::sockets::{Sockets, beside};
use std::net::{IpAddr, SocketAddr};

/// The bytes of a message that are in the trace, by their place in the payload of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    start: usize,
    length: usize,
}

impl Payload {
    /// That of `message`.
    pub(super) const fn of(message: &Message) -> Self {
        Self { start: message.start, length: message.captured }
    }

    /// How many bytes these are.
    pub const fn len(self) -> usize {
        self.length
    }
}

/// What changes refer to: the payload call that made them, if one did, and the connections.
#[derive(Clone, Copy, Debug)]
pub struct Refs<'a> {
    call: Option<&'a Move<'a>>,
    sockets: &'a Sockets,
}

impl<'a> Refs<'a> {
    pub(super) const fn new(event: Option<&'a Event<'a>>, sockets: &'a Sockets) -> Self {
        let call = match event {
            Some(Event { what: What::Move(call), .. }) => Some(call),
            _ => None,
        };
        Self { call, sockets }
    }

    /// The payload call.
    pub const fn call(self) -> Option<&'a Move<'a>> {
        self.call
    }

    /// The bytes of a payload.
    #[inline]
    pub fn bytes(self, Payload { start, length }: Payload) -> &'a [u8] {
        let payload = self.call.map_or(&[][..], |call| call.payload);
        payload.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// When the first send began that is, or may be, under way in a direction.
    pub fn sending_since(self, flow: FlowId) -> Option<Timestamp> {
        beside::sending_since(self.sockets, flow)
    }

    /// When the first began that will return.
    pub fn returning_since(self, flow: FlowId) -> Option<Timestamp> {
        beside::returning_since(self.sockets, flow)
    }

    /// The process of a thread, as it is known by now.
    pub fn process_of(self, tid: Tid) -> Tid {
        self.sockets.tables.process(tid)
    }

    /// A connection that a change names.
    #[inline]
    pub fn connection(self, id: ConnectionId) -> Option<&'a Connection> {
        self.sockets.connection(id)
    }
}

/// One message that a call moved. For a stream, a call's payload is one message.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "how much moved is what it says")]
pub struct Moved {
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
    pub local: Option<HostPort>,
    /// The other end: the message's own address, or the one that the socket is connected to.
    pub remote: Option<HostPort>,
    /// The bytes that are in the trace.
    pub payload: Payload,
    /// How many bytes moved.
    pub moved: u64,
    /// The call's descriptors or credentials go with it, which [`Refs::call`] has (unix(7), "Ancillary messages").
    pub ancillary: bool,
    /// The connection and the thread's side of it, for a stream.
    pub stream: Option<Stream>,
    /// What it is on the wire.
    pub shape: Shape,
}

/// What a message is on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The last byte of a stream's message is urgent.
    pub is_urgent: bool,
    /// Bytes of a stream were thrown away, and are not those that strace prints.
    pub is_discarded: bool,
    /// The next message adds to the same datagram (MSG_MORE, UDP_CORK).
    pub goes_on: bool,
    /// How it is cut.
    pub segments: Segments,
}

impl Moved {
    /// The moment at which the bytes moved: the end of the call. Held against tcpdump's times of the same runs it is 9 µs
    /// early in the median where the beginning of a send is 69 µs early; a receive begins with waiting.
    pub const fn moment(&self) -> Timestamp {
        self.exit
    }
}

/// Where a stream's message belongs.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// The connection.
    pub connection: ConnectionId,
    /// The side of the thread that made the call.
    pub side: Side,
    /// How many bytes the thread's end has sent or received with this message, counted from the beginning of what the
    /// trace shows of it.
    pub reached: u64,
    /// How many bytes at the message's front the other end's calls have accounted for.
    pub known: u64,
    /// How many bytes before the message's first one are left out, because who moved them is not asked for.
    pub skipped: u64,
    /// Whether other sends were under way in this direction.
    pub overlap: Overlap,
    /// Who sends what is news of a receive, where the send is under way and its line comes later.
    pub sent_by: Option<Marking>,
}

/// Whether a stream's calls overlap, so that totals do not tell their order and what of them is news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// They do not: [`Stream::known`] tells what is news.
    #[default]
    None,
    /// They do, and `known` tells how many bytes of a send its reader had received while that was alone.
    Sends,
    /// The lines of other traces may tell of others, in the order in which they end; `known` of a send is 0.
    Traces,
    /// Some of what was sent is not in the trace; `known` as with `Sends`.
    Lost,
    /// Several receive at once; `known` as with `Sends`.
    Receives,
}

impl Stream {
    /// The side that sent the bytes.
    pub const fn sender(&self, direction: Direction) -> Side {
        self.side.sender(direction)
    }
}

/// One end of a message between UNIX sockets, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct UnixEnd {
    /// The open socket, if it is traced.
    pub socket: Option<SocketNumber>,
    /// Its inode.
    pub inode: Option<Inode>,
    /// The name it is bound to, or by which it was sent to.
    pub name: Option<UnixName>,
}

/// A message that a UNIX datagram socket sent or received.
#[derive(Clone, Debug)]
pub struct UnixMessage {
    /// Who.
    pub marking: Marking,
    /// When the call began.
    pub entry: Timestamp,
    /// When it returned.
    pub exit: Timestamp,
    /// Which way, as the thread sees it.
    pub direction: Direction,
    /// The thread's own end.
    pub local: UnixEnd,
    /// The other end.
    pub remote: UnixEnd,
    /// The bytes that are in the trace.
    pub payload: Payload,
    /// How many bytes moved.
    pub moved: u64,
    /// The call's descriptors or credentials go with it, which [`Refs::call`] has.
    pub ancillary: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Change {
    /// Bytes moved.
    Moved(Moved),
    /// So many of the bytes that the last change moved had been sent before the trace, and are received behind others that
    /// it has shown: where each byte is shown once, their place is gone.
    InFlight { connection: ConnectionId, bytes: u64 },
    /// A message moved between UNIX datagram sockets.
    UnixMessage(UnixMessage),
    /// The local address of a datagram socket is known from here on, port and all; the host may be a wildcard.
    LocalAddressKnown { socket: SocketNumber, local: SocketAddr },
    /// A socket has joined a multicast group, or left it; `own`: the own host for that, where it is told.
    Membership { socket: SocketNumber, group: IpAddr, own: Option<IpAddr>, joins: bool },
    /// What gathers on a datagram socket goes out.
    Uncorked { socket: SocketNumber, time: Timestamp },
    /// What gathers on a datagram socket is thrown away.
    GatheredInVain { socket: SocketNumber },
    /// A datagram socket is closed, or has lost its address and is as good as a new one.
    SocketClosed { socket: SocketNumber },
    /// A connection is being made, or is made and yet to be shown.
    Begun { connection: ConnectionId },
    /// A connection is made and, where the trace tells, its addresses are known. Comes at most once, before its payload.
    Opened { connection: ConnectionId },
    /// The addresses of a connection are known that it was said to wait for.
    AddressesKnown { connection: ConnectionId },
    /// A connection could not be made, as was known at `time`; it is over.
    Failed { connection: ConnectionId, error: Errno, time: Timestamp },
    /// The end on `side` will send no more: its FIN. The thread that shows it is on side `by`, the same, or the other one if
    /// that saw it.
    Finished { connection: ConnectionId, side: Side, by: Side, marking: Marking, time: Timestamp },
    /// The end on `side` reset the connection; the rest is as with `Finished`.
    Reset { connection: ConnectionId, side: Side, by: Side, marking: Marking, time: Timestamp },
    /// Every traced end is closed. The other end may still turn up.
    Closed { connection: ConnectionId },
    /// Nothing more will come of this connection.
    ConnectionForgotten { connection: ConnectionId },
}

impl Change {
    /// The connection that it is of, where bytes are not what moved.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Begun { connection }
            | Self::Opened { connection }
            | Self::AddressesKnown { connection }
            | Self::Failed { connection, .. }
            | Self::Finished { connection, .. }
            | Self::Reset { connection, .. }
            | Self::Closed { connection }
            | Self::ConnectionForgotten { connection } => Some(*connection),
            Self::Moved(_)
            | Self::InFlight { .. }
            | Self::UnixMessage(_)
            | Self::LocalAddressKnown { .. }
            | Self::Membership { .. }
            | Self::Uncorked { .. }
            | Self::GatheredInVain { .. }
            | Self::SocketClosed { .. } => None,
        }
    }
}
