//! Each datagram once, where both ends are traced: the line that comes first shows it, and the other end's line is
//! recognised by the ends, the length and the first bytes.

use crate::event::Direction;
use crate::limits;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::hash::Hash;

/// Bytes of a datagram that are compared to recognise it.
const HEAD: usize = 32;

/// A datagram as one end's call shows it.
#[derive(Clone, Copy, Debug)]
pub struct Sighted<'a, E> {
    /// Where it came from. A receive need not say.
    pub source: Option<E>,
    /// Where it went.
    pub target: E,
    /// Whether the sender's or the receiver's call shows it.
    pub direction: Direction,
    /// Its length, in bytes.
    pub length: u64,
    /// Its bytes, as far as they are in the trace.
    pub payload: &'a [u8],
    /// It goes to everyone who has joined (multicast), or to all: several calls may show that it was received.
    pub to_many: bool,
}

/// A datagram that one end's call has shown and the other's has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sighting<E> {
    number: u64,
    source: Option<E>,
    direction: Direction,
    length: u64,
    /// The first bytes, as many as are in the trace.
    head: ([u8; HEAD], usize),
}

/// The datagrams that wait for their other end's line; `E` is what an end is known by.
#[derive(Debug)]
pub struct Sightings<E> {
    /// By target.
    waiting: FxHashMap<E, VecDeque<Sighting<E>>>,
    /// Target and number of each sighting, the oldest first; those since recognised are still among them.
    order: VecDeque<(E, u64)>,
    numbered: u64,
}

impl<E> Default for Sightings<E> {
    fn default() -> Self {
        Self { waiting: FxHashMap::default(), order: VecDeque::new(), numbered: 0 }
    }
}

impl<E: Clone + Eq + Hash> Sightings<E> {
    /// Whether the other end's call has shown this datagram; if not, it is remembered for the other end.
    pub fn seen_before(&mut self, sighted: Sighted<'_, E>) -> bool {
        let is_shown = self.take(&sighted, &sighted.target);
        // Others may receive it as well.
        if is_shown && !(sighted.to_many && sighted.direction == Direction::Sent) {
            return true;
        }
        self.numbered += 1;
        let number = self.numbered;
        let sighting = Sighting::of(&sighted, number);
        let waiting = self.waiting.entry(sighted.target.clone()).or_default();
        waiting.push_back(sighting);
        self.order.push_back((sighted.target, number));
        if self.order.len() > limits::DATAGRAM_SIGHTINGS {
            self.forget_oldest();
        }
        is_shown
    }

    /// Whether the other end's call has shown this datagram as one to `target`, another name for where it went.
    pub fn take(&mut self, sighted: &Sighted<'_, E>, target: &E) -> bool {
        let Some(waiting) = self.waiting.get_mut(target) else {
            return false;
        };
        let sighting = Sighting::of(sighted, 0);
        let found = waiting.iter().position(|other| sighting.is_of_the_same(other));
        if let Some(index) = found.filter(|_| !(sighted.to_many && sighted.direction == Direction::Received)) {
            waiting.remove(index);
        }
        found.is_some()
    }

    fn forget_oldest(&mut self) {
        let Some((target, number)) = self.order.pop_front() else {
            return;
        };
        if let Some(waiting) = self.waiting.get_mut(&target) {
            if waiting.front().is_some_and(|sighting| sighting.number == number) {
                waiting.pop_front();
            }
            if waiting.is_empty() {
                self.waiting.remove(&target);
            }
        }
    }
}

impl<E: Clone + Eq> Sighting<E> {
    fn of(sighted: &Sighted<'_, E>, number: u64) -> Self {
        let mut first = [0; HEAD];
        first.iter_mut().zip(sighted.payload).for_each(|(to, from)| *to = *from);
        Self {
            number,
            source: sighted.source.clone(),
            direction: sighted.direction,
            length: sighted.length,
            head: (first, sighted.payload.len().min(HEAD)),
        }
    }

    /// Whether the two are one datagram, sent and received. A receive may have been cut by its buffer.
    fn is_of_the_same(&self, other: &Self) -> bool {
        let (sent, received) = match (self.direction, other.direction) {
            (Direction::Sent, Direction::Received) => (self, other),
            (Direction::Received, Direction::Sent) => (other, self),
            _ => return false,
        };
        // A receive without an address buffer does not tell its source.
        if sent.source != received.source && received.source.is_some() {
            return false;
        }
        let compared = sent.head.1.min(received.head.1);
        received.length <= sent.length && sent.head.0.get(..compared) == received.head.0.get(..compared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighted(direction: Direction, source: Option<u8>, payload: &[u8]) -> Sighted<'_, u8> {
        Sighted { source, target: 7, direction, length: payload.len() as u64, payload, to_many: false }
    }

    #[test]
    fn each_datagram_once_whichever_line_comes_first() {
        let mut sightings = Sightings::default();
        for [first, second] in [[Direction::Sent, Direction::Received], [Direction::Received, Direction::Sent]] {
            assert!(!sightings.seen_before(sighted(first, Some(1), b"a")));
            assert!(!sightings.seen_before(sighted(first, Some(1), b"a")));
            assert!(sightings.seen_before(sighted(second, Some(1), b"a")));
            assert!(sightings.seen_before(sighted(second, Some(1), b"a")));
        }
    }

    #[test]
    fn other_sources_and_other_bytes_are_other_datagrams() {
        let mut sightings = Sightings::default();
        assert!(!sightings.seen_before(sighted(Direction::Sent, Some(1), b"abc")));
        assert!(!sightings.seen_before(sighted(Direction::Received, Some(2), b"abc")));
        assert!(!sightings.seen_before(sighted(Direction::Received, None, b"abd")));
        assert!(sightings.seen_before(sighted(Direction::Received, None, b"ab")), "cut by its reader's buffer");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut sightings = Sightings::default();
        for _ in 0..=limits::DATAGRAM_SIGHTINGS {
            sightings.seen_before(sighted(Direction::Sent, None, b"x"));
        }
        let waiting: usize = sightings.waiting.values().map(VecDeque::len).sum();
        assert_eq!(waiting, limits::DATAGRAM_SIGHTINGS);
    }
}
