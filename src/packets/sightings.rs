//! Each datagram once, where both ends are traced: the line that comes first shows it, and the other end's line is
//! recognised by the ends, the length and the first bytes.

use crate::event::Direction;
use crate::limits;
use crate::work;
use foldhash::HashMap;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;

/// Bytes of a datagram that are compared to recognise it.
const HEAD: usize = 32;

/// How many of those that wait are compared with one that is like none of them: it was cut by its reader's buffer, or is
/// several.
const COMPARED: usize = 64;

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
    /// It is several datagrams, of which only the other end's calls may show which.
    pub is_uncut: bool,
}

/// A datagram that one end's call has shown and the other's has not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sighting<E> {
    number: u64,
    source: Option<E>,
    direction: Direction,
    length: u64,
    /// The first bytes, as many as are in the trace.
    head: ([u8; HEAD], usize),
    /// The bytes of what was sent and may be received in pieces: those that have not been.
    uncut: VecDeque<u8>,
}

/// What a datagram that is whole is like: where it went, who shows it, its length and first bytes.
type Likeness<E> = (E, Direction, u64, [u8; HEAD]);

/// The datagrams that wait for their other end's line; `E` is what an end is known by.
#[derive(Debug)]
pub struct Sightings<E> {
    /// By target and who shows it; by number, the oldest first.
    waiting: HashMap<(E, Direction), BTreeMap<u64, Sighting<E>>>,
    /// Those that are whole; the oldest first.
    alike: HashMap<Likeness<E>, VecDeque<u64>>,
    /// Target, who shows it, and number of each sighting, the oldest first; those since recognised are still among them.
    order: VecDeque<((E, Direction), u64)>,
    numbered: u64,
    /// How many bytes of uncut ones are held.
    uncut_bytes: usize,
}

impl<E> Default for Sightings<E> {
    fn default() -> Self {
        let (waiting, alike) = (HashMap::default(), HashMap::default());
        Self { waiting, alike, order: VecDeque::new(), numbered: 0, uncut_bytes: 0 }
    }
}

impl<E: Clone + Eq + Hash> Sightings<E> {
    /// Whether the other end's call has shown this datagram; if not, what of it has not been shown is left in `sighted`,
    /// and remembered for the other end.
    pub fn seen_before(&mut self, sighted: &mut Sighted<'_, E>) -> bool {
        let is_shown = self.take(sighted, &sighted.target) || (sighted.is_uncut && self.take_pieces(sighted));
        // Others may receive it as well.
        if is_shown && !(sighted.to_many && sighted.direction == Direction::Sent) {
            return true;
        }
        self.numbered += 1;
        let number = self.numbered;
        let mut sighting = Sighting::of(sighted, number);
        let is_kept = sighted.is_uncut
            && sighted.direction == Direction::Sent
            && self.uncut_bytes + sighted.payload.len() <= limits::HELD_DATAGRAM_BYTES;
        if is_kept {
            self.uncut_bytes += sighted.payload.len();
            sighting.uncut = sighted.payload.iter().copied().collect();
        }
        let key = (sighted.target.clone(), sighted.direction);
        if sighting.uncut.is_empty() {
            self.alike.entry(sighting.likeness(key.clone())).or_default().push_back(number);
        }
        self.order.push_back((key.clone(), number));
        self.waiting.entry(key).or_default().insert(number, sighting);
        if self.order.len() > limits::DATAGRAM_SIGHTINGS {
            self.forget_oldest();
        }
        is_shown
    }

    /// Whether the other end's call has shown this datagram as one to `target`, another name for where it went.
    pub fn take(&mut self, sighted: &Sighted<'_, E>, target: &E) -> bool {
        let key = (target.clone(), sighted.direction.other());
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return false;
        };
        let sighting = Sighting::of(sighted, 0);
        let is_it = |number: &&u64| waiting.get(number).is_some_and(|other| sighting.is_of_the_same(other));
        let alike = self.alike.get(&sighting.likeness(key.clone()));
        let number = alike.and_then(|alike| work::each(alike.iter()).take(COMPARED).find(is_it).copied());
        let Some(number) = number.or_else(|| work::each(waiting.keys()).take(COMPARED).find(is_it).copied()) else {
            return false;
        };
        if sighted.to_many && sighted.direction == Direction::Received {
            return true;
        }
        if let Some(received) = waiting.get_mut(&number).and_then(|sent| sent.received(sighting.length)) {
            self.uncut_bytes = self.uncut_bytes.saturating_sub(received);
            return true;
        }
        self.forget(&key, number);
        true
    }

    /// Takes those that were sent and of which `sighted`, received, is made; whether there is nothing else in it.
    fn take_pieces(&mut self, sighted: &mut Sighted<'_, E>) -> bool {
        while sighted.direction == Direction::Received && sighted.length > 0 {
            let sighting = Sighting::of(sighted, 0);
            let key = (sighted.target.clone(), Direction::Sent);
            let mut sent = work::each(self.waiting.get(&key).into_iter().flatten()).take(COMPARED);
            let Some(number) = sent.find(|(_, sent)| sent.begins(&sighting)).map(|(number, _)| *number) else {
                return false;
            };
            let Some(sent) = self.forget(&key, number) else {
                return false;
            };
            let length = usize::try_from(sent.length).unwrap_or(usize::MAX);
            sighted.payload = sighted.payload.get(length..).unwrap_or_default();
            sighted.length -= sent.length;
        }
        sighted.direction == Direction::Received
    }

    fn forget_oldest(&mut self) {
        if let Some((key, number)) = self.order.pop_front() {
            self.forget(&key, number);
        }
    }

    /// One waits no longer, if it still did.
    fn forget(&mut self, key: &(E, Direction), number: u64) -> Option<Sighting<E>> {
        let waiting = self.waiting.get_mut(key)?;
        let sighting = waiting.remove(&number)?;
        if waiting.is_empty() {
            self.waiting.remove(key);
        }
        self.uncut_bytes = self.uncut_bytes.saturating_sub(sighting.uncut.len());
        if let Entry::Occupied(mut alike) = self.alike.entry(sighting.likeness(key.clone())) {
            // Mostly the oldest.
            let place = work::each(alike.get().iter()).take(COMPARED).position(|other| *other == number);
            place.map(|place| alike.get_mut().remove(place));
            if alike.get().is_empty() {
                alike.remove();
            }
        }
        Some(sighting)
    }
}

impl<E: Clone + Eq> Sighting<E> {
    fn of(sighted: &Sighted<'_, E>, number: u64) -> Self {
        Self {
            number,
            source: sighted.source.clone(),
            direction: sighted.direction,
            length: sighted.length,
            head: head(sighted.payload.iter()),
            uncut: VecDeque::new(),
        }
    }

    fn likeness(&self, (target, direction): (E, Direction)) -> Likeness<E> {
        (target, direction, self.length, self.head.0)
    }

    /// The other end has received so many of the bytes of an uncut one: how many are held no longer, if others are still
    /// to come.
    fn received(&mut self, length: u64) -> Option<usize> {
        let left = self.length.checked_sub(length).filter(|left| *left > 0 && length > 0)?;
        let received = usize::try_from(length).ok().filter(|received| *received <= self.uncut.len())?;
        self.uncut.drain(..received);
        (self.length, self.head) = (left, head(self.uncut.iter()));
        Some(received)
    }

    /// Whether this, sent, is what `received` begins with.
    fn begins(&self, received: &Self) -> bool {
        let is_from_there = self.source == received.source || received.source.is_none();
        let compared = self.head.1.min(received.head.1);
        self.direction == Direction::Sent
            && is_from_there
            && (1..=received.length).contains(&self.length)
            && self.head.0.get(..compared) == received.head.0.get(..compared)
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

/// The first bytes, and how many there are.
fn head<'a>(payload: impl ExactSizeIterator<Item = &'a u8>) -> ([u8; HEAD], usize) {
    let (mut first, length) = ([0; HEAD], payload.len().min(HEAD));
    first.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
    (first, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighted(direction: Direction, source: Option<u8>, payload: &[u8]) -> Sighted<'_, u8> {
        Sighted { source, target: 7, direction, length: payload.len() as u64, payload, to_many: false, is_uncut: false }
    }

    #[test]
    fn pieces_of_what_was_sent_or_received_at_once() {
        let mut sightings = Sightings::default();
        let uncut = |direction, payload| Sighted { is_uncut: true, ..sighted(direction, Some(1), payload) };
        assert!(!sightings.seen_before(&mut uncut(Direction::Sent, b"aaaabbbbcc")));
        assert_eq!(sightings.uncut_bytes, 10);
        for piece in ["aaaa", "bbbb", "cc"] {
            assert!(sightings.seen_before(&mut sighted(Direction::Received, Some(1), piece.as_bytes())), "{piece}");
        }
        assert_eq!((sightings.waiting.is_empty(), sightings.uncut_bytes), (true, 0));
        for piece in ["dddd", "eeee"] {
            assert!(!sightings.seen_before(&mut sighted(Direction::Sent, Some(1), piece.as_bytes())));
        }
        let mut received = uncut(Direction::Received, b"ddddeeeeff");
        assert!(!sightings.seen_before(&mut received));
        assert_eq!((received.payload, received.length), (&b"ff"[..], 2), "its sender's line is still to come");
        assert!(sightings.seen_before(&mut sighted(Direction::Sent, Some(1), b"ff")));
    }

    #[test]
    fn each_datagram_once_whichever_line_comes_first() {
        let mut sightings = Sightings::default();
        for [first, second] in [[Direction::Sent, Direction::Received], [Direction::Received, Direction::Sent]] {
            assert!(!sightings.seen_before(&mut sighted(first, Some(1), b"a")));
            assert!(!sightings.seen_before(&mut sighted(first, Some(1), b"a")));
            assert!(sightings.seen_before(&mut sighted(second, Some(1), b"a")));
            assert!(sightings.seen_before(&mut sighted(second, Some(1), b"a")));
        }
    }

    #[test]
    fn other_sources_and_other_bytes_are_other_datagrams() {
        let mut sightings = Sightings::default();
        assert!(!sightings.seen_before(&mut sighted(Direction::Sent, Some(1), b"abc")));
        assert!(!sightings.seen_before(&mut sighted(Direction::Received, Some(2), b"abc")));
        assert!(!sightings.seen_before(&mut sighted(Direction::Received, None, b"abd")));
        assert!(sightings.seen_before(&mut sighted(Direction::Received, None, b"ab")), "cut by its reader's buffer");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut sightings = Sightings::default();
        for _ in 0..=limits::DATAGRAM_SIGHTINGS {
            sightings.seen_before(&mut sighted(Direction::Sent, None, b"x"));
        }
        let waiting: usize = sightings.waiting.values().map(BTreeMap::len).sum();
        assert_eq!(waiting, limits::DATAGRAM_SIGHTINGS);
    }
}
