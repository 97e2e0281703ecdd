//! Datagrams of sockets that are bound to every address, as long as nothing tells at which host they were sent or received;
//! and those that a receive did not ask the sender of.
//!
//! The other end's call tells it, where that is traced: its line may come later, for a call that waits is printed at its
//! end. They wait for that a bounded time, in bounded number.

use crate::event::{Direction, Timestamp};
use crate::inet::datagram::{Datagram, Held};
use crate::limits;
use crate::sockets::{SocketNumber, is_vague};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How many of those that wait are compared with a datagram: the oldest.
const COMPARED: usize = 64;

/// All that wait, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Unplaced {
    waiting: VecDeque<Held>,
    bytes: usize,
}

impl Unplaced {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The moment of the oldest.
    #[inline]
    pub(super) fn earliest(&self) -> Timestamp {
        self.waiting.front().map_or(Timestamp::MAX, |waiting| waiting.datagram.time)
    }

    /// Keeps a datagram.
    pub(super) fn hold(&mut self, datagram: &Datagram<'_>) {
        let held = Held::of(*datagram);
        self.bytes += held.size();
        self.waiting.push_back(held);
    }

    /// The oldest, if all together take more than they may.
    pub(super) fn take_over_bound(&mut self) -> Option<Held> {
        if self.bytes > limits::HELD_DATAGRAM_BYTES { self.take(0) } else { None }
    }

    /// The oldest, if it was made before `time`.
    pub(super) fn take_before(&mut self, time: Timestamp) -> Option<Held> {
        if self.waiting.front()?.datagram.time < time { self.take(0) } else { None }
    }

    /// The oldest of this socket.
    pub(super) fn take_of(&mut self, socket: SocketNumber) -> Option<Held> {
        let index = self.waiting.iter().position(|waiting| waiting.datagram.socket == socket)?;
        self.take(index)
    }

    /// The oldest one that `other` shows at its other end, and both ends by that.
    pub(super) fn take_told_by(&mut self, other: &Datagram<'_>) -> Option<(Held, (SocketAddr, SocketAddr))> {
        let mut compared = self.waiting.iter().take(COMPARED).enumerate();
        let (index, ends) = compared.find_map(|(index, waiting)| Some((index, told_by(waiting, other)?)))?;
        Some((self.take(index)?, ends))
    }

    fn take(&mut self, index: usize) -> Option<Held> {
        let taken = self.waiting.remove(index)?;
        self.bytes = self.bytes.saturating_sub(taken.size());
        Some(taken)
    }
}

/// Both ends of `held`, its own first, if `other` shows the same datagram at its other end.
fn told_by(held: &Held, other: &Datagram<'_>) -> Option<(SocketAddr, SocketAddr)> {
    let (own, theirs) = (held.datagram.carried, other.carried);
    let (local, seen) = (own.local?, theirs.remote?);
    let remote = own.remote.or(theirs.local.filter(|remote| !is_vague(*remote)))?;
    let (sent, received) = match (held.datagram.direction, other.direction) {
        (Direction::Sent, Direction::Received) => (own.moved, theirs.moved),
        (Direction::Received, Direction::Sent) => (theirs.moved, own.moved),
        _ => return None,
    };
    let is_same = |ours: Option<SocketAddr>, theirs: Option<SocketAddr>| match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            ours.port() == theirs.port() && (ours.ip() == theirs.ip() || theirs.ip().is_unspecified())
        }
        _ => true,
    };
    let compared = held.payload.len().min(theirs.payload.len());
    let is_it = seen.port() == local.port()
        && (seen.ip() == local.ip() || local.ip().is_unspecified())
        && !seen.ip().is_unspecified()
        && is_same(own.remote, theirs.local)
        && received <= sent
        && held.payload.get(..compared) == theirs.payload.get(..compared);
    is_it.then(|| (SocketAddr::new(seen.ip(), local.port()), remote))
}
