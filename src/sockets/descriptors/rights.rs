//! Descriptors that go from one process to another in messages over a UNIX socket (SCM_RIGHTS, unix(7)).
//!
//! A sendmsg lists the sender's numbers, a recvmsg the receiver's, and without details nothing else says that both stand
//! for the same open socket. So each direction of a connection, and each datagram socket that is sent to, has a queue of
//! those sent and not yet received:
//!
//! ```text
//! sendmsg ─→ in flight       ─→ recvmsg       the usual order
//! recvmsg ─→ awaits its send ─→ sendmsg       where the receiver's line comes before the end of the sender's call
//! ```
//! What is in flight keeps its socket open, whatever its sender closes. It belongs to the first byte of its message, or
//! where messages have bounds to its message, and is gone with that, also where a call reads it that takes no descriptors.

use crate::event::Fd;
use crate::limits;
use crate::sockets::descriptors::TableId;
use crate::sockets::names::{ConnectionId, Side, SocketId};
use crate::work;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Where descriptors are in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sockets) enum Channel {
    /// In one direction of a connection, by the side that sends.
    From(ConnectionId, Side),
    /// To a datagram socket.
    To(SocketId),
}

/// A descriptor that was sent and not received.
#[derive(Clone, Copy, Debug)]
pub(in crate::sockets) struct InFlight {
    /// How many bytes or messages its side had sent before its message.
    pub at: u64,
    /// How many bytes its message has.
    pub length: u64,
    /// None for a file, or what nothing is known of.
    pub socket: Option<SocketId>,
}

/// A descriptor that was received before its sender's call was shown.
#[derive(Clone, Debug)]
pub(in crate::sockets) struct AwaitingSend {
    /// Which bytes or messages it came with.
    with: Range<u64>,
    pub table: TableId,
    pub fd: Fd,
    pub close_on_exec: bool,
}

/// What is under way in one direction.
#[derive(Debug, Default)]
struct RightsQueue {
    sent: VecDeque<InFlight>,
    awaiting: VecDeque<AwaitingSend>,
}

/// Which bytes or messages of a channel a call moved.
#[derive(Clone, Debug)]
pub(in crate::sockets) struct Span {
    pub channel: Channel,
    /// Which bytes, or of a socket whose messages have bounds which messages.
    pub range: Range<u64>,
    pub by_message: bool,
    /// Both ends count from the same byte or message. Else a descriptor is known by its turn, and if it came in one
    /// datagram by the length of that.
    pub exact: bool,
    pub length: Option<u64>,
}

/// All that is in flight, the oldest connection first.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Rights(BTreeMap<Channel, RightsQueue>);

impl Rights {
    pub(in crate::sockets) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A descriptor is sent: who has it already, or else it is in flight, and its socket has one reference more. `dropped`
    /// gets the sockets of those that are too many.
    pub(in crate::sockets) fn send(
        &mut self,
        channel: Channel,
        right: InFlight,
        dropped: &mut Vec<SocketId>,
    ) -> Option<AwaitingSend> {
        let queue = self.0.entry(channel).or_default();
        while let Some(awaiting) = queue.awaiting.pop_front() {
            if awaiting.with.contains(&right.at) {
                return Some(awaiting);
            }
        }
        queue.sent.push_back(right);
        if queue.sent.len() > limits::RIGHTS_IN_FLIGHT {
            dropped.extend(queue.sent.pop_front().and_then(|oldest| oldest.socket));
        }
        if self.0.len() > limits::TRANSITS
            && let Some((_, oldest)) = self.0.pop_first()
        {
            dropped.extend(oldest.sent.iter().filter_map(|sent| sent.socket));
        }
        None
    }

    /// The first descriptor in flight, if what `span` moved brings it.
    pub(in crate::sockets) fn receive(&mut self, span: &Span) -> Option<InFlight> {
        let sent = &mut self.0.get_mut(&span.channel)?.sent;
        if let Some(length) = span.length {
            let found = work::each(sent.iter()).position(|right| right.length == length)?;
            return sent.remove(found);
        }
        let first = *sent.front()?;
        if span.exact && first.at >= span.range.end {
            return None;
        }
        sent.pop_front()
    }

    /// A descriptor came with `span` whose sending was not seen yet.
    pub(in crate::sockets) fn await_send(&mut self, span: &Span, table: TableId, fd: Fd, close_on_exec: bool) {
        let full = self.0.len() >= limits::TRANSITS && !self.0.contains_key(&span.channel);
        if full || !span.exact {
            return;
        }
        let awaiting = &mut self.0.entry(span.channel).or_default().awaiting;
        if awaiting.len() < limits::RIGHTS_IN_FLIGHT {
            awaiting.push_back(AwaitingSend { with: span.range.clone(), table, fd, close_on_exec });
        }
    }

    /// Nothing is kept of a channel in which nothing is under way.
    pub(in crate::sockets) fn tidy(&mut self, channel: Channel) {
        if self.0.get(&channel).is_some_and(|queue| queue.sent.is_empty() && queue.awaiting.is_empty()) {
            self.0.remove(&channel);
        }
    }

    /// What is under way there will not be received: the sockets.
    pub(in crate::sockets) fn close(&mut self, channel: Channel) -> impl Iterator<Item = SocketId> {
        let queue = self.0.remove(&channel).unwrap_or_default();
        queue.sent.into_iter().filter_map(|sent| sent.socket)
    }

    /// How many there are in each channel, sent and awaiting.
    #[cfg(test)]
    pub(in crate::sockets) fn lengths(&self) -> Vec<(usize, usize)> {
        let mut lengths: Vec<_> = self.0.values().map(|queue| (queue.sent.len(), queue.awaiting.len())).collect();
        lengths.sort_unstable();
        lengths
    }
}
