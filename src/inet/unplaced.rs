//! Datagrams of sockets that are bound to every address, as long as nothing tells at which host they were sent or received;
//! and those that a receive did not ask the sender of.
//!
//! The other end's call tells it, where that is traced: its line may come later, for a call that waits is printed at its
//! end. They wait for that a bounded time, in bounded number.

use crate::event::{Direction, Timestamp};
use crate::inet::datagram::{Datagram, HeldDatagram};
use crate::limits;
use crate::sockets::{SocketNumber, is_vague};
use crate::work;
use foldhash::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// How many of those that wait are compared with a datagram: the oldest.
const COMPARED: usize = 64;

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Unplaced {
    /// By number, the oldest first.
    waiting: BTreeMap<u64, HeldDatagram>,
    by_socket: HashMap<SocketNumber, BTreeSet<u64>>,
    /// How many have waited.
    numbered: u64,
    bytes: usize,
}

impl Unplaced {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The moment of the oldest.
    #[inline]
    pub(super) fn earliest(&self) -> Timestamp {
        self.waiting.first_key_value().map_or(Timestamp::MAX, |(_, waiting)| waiting.datagram.time)
    }

    /// Keeps a datagram.
    pub(super) fn hold(&mut self, datagram: &Datagram<'_>) {
        let held = HeldDatagram::of(*datagram);
        self.bytes += held.size();
        self.numbered += 1;
        self.by_socket.entry(held.datagram.socket).or_default().insert(self.numbered);
        self.waiting.insert(self.numbered, held);
    }

    /// The oldest, if all together take more than they may.
    pub(super) fn take_over_bound(&mut self) -> Option<HeldDatagram> {
        if self.bytes > limits::HELD_DATAGRAM_BYTES { self.take(self.first()?) } else { None }
    }

    /// The oldest, if it was made before `time`.
    pub(super) fn take_before(&mut self, time: Timestamp) -> Option<HeldDatagram> {
        let (number, first) = self.waiting.first_key_value()?;
        if first.datagram.time < time { self.take(*number) } else { None }
    }

    fn first(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(number, _)| *number)
    }

    /// The oldest of this socket.
    pub(super) fn take_of(&mut self, socket: SocketNumber) -> Option<HeldDatagram> {
        let number = *self.by_socket.get(&socket)?.first()?;
        self.take(number)
    }

    /// The oldest one that `other` shows at its other end, and both ends by that.
    pub(super) fn take_told_by(&mut self, other: &Datagram<'_>) -> Option<(HeldDatagram, (SocketAddr, SocketAddr))> {
        let mut compared = work::each(self.waiting.iter()).take(COMPARED);
        let (number, ends) = compared.find_map(|(number, waiting)| Some((*number, told_by(waiting, other)?)))?;
        Some((self.take(number)?, ends))
    }

    fn take(&mut self, number: u64) -> Option<HeldDatagram> {
        let taken = self.waiting.remove(&number)?;
        let socket = taken.datagram.socket;
        if let Some(numbers) = self.by_socket.get_mut(&socket) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_socket.remove(&socket);
            }
        }
        self.bytes = self.bytes.saturating_sub(taken.size());
        Some(taken)
    }
}

/// Both ends of `held`, its own first, if `other` shows the same datagram at its other end.
fn told_by(held: &HeldDatagram, other: &Datagram<'_>) -> Option<(SocketAddr, SocketAddr)> {
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
