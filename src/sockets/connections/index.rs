//! Connections by what they are known by. Nearly always that is one connection, so the oldest of each has a table of its own,
//! which holds nothing else.

use crate::sockets::names::ConnectionId;
use crate::work;
use foldhash::HashMap;
use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};

/// Connections by keys, of which several may have the same.
#[derive(Debug)]
pub(super) struct Index<K> {
    oldest: HashMap<K, ConnectionId>,
    /// Those behind it.
    others: HashMap<K, BTreeSet<ConnectionId>>,
}

// By hand, because K need not have one.
impl<K> Default for Index<K> {
    fn default() -> Self {
        Self { oldest: HashMap::default(), others: HashMap::default() }
    }
}

impl<K: Copy + Eq + Hash> Index<K> {
    /// By what its keys are made where they are digests.
    pub(super) fn hasher(&self) -> &impl BuildHasher {
        self.oldest.hasher()
    }

    /// The oldest.
    pub(super) fn first(&self, key: K) -> Option<ConnectionId> {
        self.oldest.get(&key).copied()
    }

    /// All, the oldest first.
    pub(super) fn all(&self, key: K) -> impl DoubleEndedIterator<Item = ConnectionId> {
        work::each(self.first(key).into_iter().chain(self.others.get(&key).into_iter().flatten().copied()))
    }

    /// `from` and those behind it.
    pub(super) fn since(&self, key: K, from: ConnectionId) -> impl Iterator<Item = ConnectionId> {
        let others = self.others.get(&key).into_iter();
        let first = self.first(key).filter(|first| *first >= from);
        work::each(first.into_iter().chain(others.flat_map(move |others| others.range(from..)).copied()))
    }

    pub(super) fn add(&mut self, key: K, id: ConnectionId) {
        match self.oldest.entry(key) {
            Entry::Vacant(place) => {
                place.insert(id);
            }
            Entry::Occupied(place) if *place.get() == id => {}
            Entry::Occupied(mut place) => {
                let younger = id.max(*place.get());
                place.insert(id.min(*place.get()));
                self.others.entry(key).or_default().insert(younger);
            }
        }
    }

    pub(super) fn remove(&mut self, key: K, id: ConnectionId) {
        let Entry::Occupied(mut oldest) = self.oldest.entry(key) else { return };
        let Entry::Occupied(mut others) = self.others.entry(key) else {
            if *oldest.get() == id {
                oldest.remove();
            }
            return;
        };
        if *oldest.get() != id {
            others.get_mut().remove(&id);
        } else if let Some(next) = others.get_mut().pop_first() {
            oldest.insert(next);
        }
        if others.get().is_empty() {
            others.remove();
        }
    }

    /// As if the keys of all had one digest.
    #[cfg(test)]
    pub(super) fn confuse(&mut self, id: ConnectionId) {
        self.oldest.values_mut().for_each(|oldest| *oldest = id);
    }
}
