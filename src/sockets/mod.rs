//! Which open socket and which connection an event belongs to, and what it does to them.
//!
//! [`Sockets::apply`] takes events in the order of the trace; [`Sockets::changes`] are what the last one did. Identity rests on the best evidence
//! there is: the inode in the details; the addresses in the details; the open file description followed through socket,
//! accept, dup, fork, exec and SCM_RIGHTS. What calls say about addresses stands above details, which strace never
//! refreshes.
//!
//! ```text
//! Event ─→ tables (thread → table → slot) ─→ open socket ─→ connection, side ─→ Change
//!            clone, exec, exit                identity, learn   opening, moving, closing
//! ```
//!
//! A connection lives from its first evidence until every traced end is closed; then it lingers, in bounded number, in
//! case that its other end turns up.

mod change;
mod closing;
mod connection;
mod connections;
mod handover;
mod identity;
mod meeting;
mod messages;
mod moving;
mod names;
mod open_socket;
mod opening;
mod pipes;
mod processes;
mod session;
mod slots;
mod tables;

pub use change::{Change, Marking, Moved, Payload, Refs, Stream, UnixEnd, UnixMessage};
pub use connection::{Connection, End, Flow, Opening, Role};
pub use connections::ByConnection;
pub use names::{ConnectionId, Side, SocketNumber};
pub use open_socket::canonical;

use crate::event::{Descriptor, Event, Family, Inode, Op, Outcome, Tid, Timestamp, UnixName, What};
use connections::Connections;
use handover::{Pidfd, Transit, Way};
use names::{Place, SocketId};
use open_socket::OpenSocket;
use rustc_hash::FxHashMap;
use session::Sessions;
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use tables::Tables;

/// Two addresses, the smaller one first: what both ends of a connection agree on.
type AddressPair = (SocketAddr, SocketAddr);

/// Who closes a socket, and when; none where the trace just does not follow it any further.
type Closer = Option<(Marking, Timestamp)>;

/// The state of all sockets and connections of a trace.
#[derive(Debug, Default)]
pub struct Sockets {
    tables: Tables,
    open: Slab<OpenSocket>,
    sessions: Sessions,
    by_inode: FxHashMap<Inode, SocketId>,
    by_addresses: FxHashMap<(SocketAddr, SocketAddr), SocketId>,
    /// UNIX datagram sockets by the name they are bound to: where messages sent to that name arrive.
    by_name: FxHashMap<UnixName, SocketId>,
    connections: Connections,
    /// Connections by their addresses, the oldest first.
    by_pair: FxHashMap<AddressPair, Vec<ConnectionId>>,
    by_end_inode: FxHashMap<Inode, ConnectionId>,
    /// Connections whose other end can only be told by where it connected or was accepted, the oldest first.
    by_place: FxHashMap<Place, VecDeque<ConnectionId>>,
    lingering: VecDeque<ConnectionId>,
    /// Descriptors in messages between two ends, the oldest connection first.
    transits: BTreeMap<Way, Transit>,
    /// Sockets that were under way and will not arrive, and the ends of a FIFO that was opened for both: each has one
    /// reference too many.
    undelivered: Vec<(SocketId, Closer)>,
    pidfds: VecDeque<Pidfd>,
    /// What the last event did, in order.
    changes: Vec<Change>,
    /// Connections that ended with it: gone before the next one.
    over: Vec<ConnectionId>,
    /// Details with a family have been seen: what has none is of a family that is not converted.
    full_details: bool,
    /// How many open sockets there have been.
    numbered: u64,
}

/// Who does something, and when: what the steps of one event have in common.
#[derive(Clone, Copy, Debug)]
struct Moment {
    marking: Marking,
    entry: Timestamp,
    exit: Timestamp,
}

impl Sockets {
    /// Takes the next event.
    #[inline]
    pub fn apply(&mut self, event: &Event<'_>) {
        self.sweep();
        if let What::Move(call) = &event.what {
            self.call_moved(event, call);
        } else {
            self.apply_other(event);
        }
    }

    /// Takes an event that moves no payload that is seen.
    #[inline(never)]
    fn apply_other(&mut self, event: &Event<'_>) {
        match &event.what {
            What::Relay { from, to, op, moved } => self.relayed(event, [*from, *to], *op, *moved),
            What::Socket { made, family, transport, protocol, close_on_exec } => {
                let kind = (*family, *transport);
                self.made(event, *made, kind, *protocol, *close_on_exec);
            }
            What::Pair { made, family, transport, close_on_exec } => {
                self.paired(event, *made, (*family, *transport), *close_on_exec);
            }
            What::Bind { socket, address } | What::LocalName { socket, address } => {
                self.local_named(event, *socket, address);
            }
            What::Connect { socket, address, outcome } => self.connected(event, *socket, address, *outcome),
            What::Accept { listener, made, peer, close_on_exec } => {
                self.accepted(event, [*listener, *made], peer.as_ref(), *close_on_exec);
            }
            What::RemoteName { socket, address } => {
                self.remote_named(event, *socket, address);
            }
            What::SocketError { socket, error } => self.error_fetched(event, *socket, *error),
            What::ResetOnClose { socket, on } => self.reset_on_close(event, *socket, *on),
            What::Shutdown { socket, how, outcome } => self.shut_down(event, *socket, *how, *outcome),
            What::Close { socket, outcome } => self.closed(event, *socket, *outcome),
            // Their details may say more than those before.
            What::Listen { socket } | What::Opaque { socket: Some(socket) } => {
                self.locate(event, *socket);
            }
            _ => self.process_event(event),
        }
    }

    /// The process of the thread that does `event`, by the thread it began with: as far as clones in the trace tell, else
    /// the thread itself.
    pub fn process_of(&mut self, event: &Event<'_>) -> Tid {
        // A thread of which nothing but the end is seen had no table that anything could be known of.
        if !matches!(event.what, What::Ended { .. }) {
            self.table(event);
        }
        self.tables.process(event.tid)
    }

    /// What the last event did, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What these changes refer to; `event` is the one that made them.
    pub const fn refs<'a>(&'a self, event: &'a Event<'a>) -> Refs<'a> {
        Refs::new(Some(event), self)
    }

    /// The end of the trace: every connection is over, in the order in which they were made.
    pub fn finish(&mut self) {
        self.sweep();
        let ids = self.connections.ids();
        self.changes.extend(ids.into_iter().map(|connection| Change::ConnectionForgotten { connection }));
    }

    /// What the last changes at the end of the trace refer to.
    pub const fn last_refs(&self) -> Refs<'_> {
        Refs::new(None, self)
    }

    /// A connection that is not over, or that the last event has ended.
    pub(super) fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.any(id)
    }

    /// Removes what only the changes of the last event referred to.
    #[inline]
    fn sweep(&mut self) {
        self.changes.clear();
        for id in self.over.drain(..) {
            self.connections.remove(id);
        }
    }

    /// Whether details with a family (`-yy`) have been seen.
    pub const fn has_full_details(&self) -> bool {
        self.full_details
    }

    /// How many open sockets there have been.
    pub const fn seen(&self) -> u64 {
        self.numbered
    }

    /// What a packet of this event says about who made it.
    fn moment(&self, event: &Event<'_>, descriptor: Descriptor<'_>, op: Option<Op>) -> Moment {
        let session = self.sessions.current(event.tid, descriptor.fd);
        let marking = Marking { tid: event.tid, fd: descriptor.fd, session, op };
        Moment { marking, entry: event.entry, exit: event.exit }
    }

    /// A close or shutdown on a socket: the session goes on to the next. Sockets of other families do not count, as the
    /// predecessor did not know them.
    fn session_ended(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>, family: Family, outcome: Outcome) {
        if family != Family::Other {
            self.sessions.ended(event.tid, descriptor.fd, outcome);
        }
    }
}
