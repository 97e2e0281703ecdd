//! What a view has yet to write, by the moment at which that begins: nothing later is written for good before it.

use crate::event::Timestamp;
use crate::work;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What waits; `K` is what it is known by.
#[derive(Debug)]
pub struct Waits<K> {
    since: BTreeMap<K, Timestamp>,
    /// Those that others wait for: not yet too long ago.
    order: BTreeSet<(Timestamp, K)>,
}

// By hand, because K need not have one.
impl<K> Default for Waits<K> {
    fn default() -> Self {
        Self { since: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<K: Copy + Ord> Waits<K> {
    /// What `key` stands for begins at `time`, and is not written yet.
    pub fn begin(&mut self, key: K, time: Timestamp) {
        if let Entry::Vacant(entry) = self.since.entry(key) {
            entry.insert(time);
            self.order.insert((time, key));
        }
    }

    /// It is written, or never will be. Whether it had waited.
    #[inline]
    pub fn end(&mut self, key: K) -> bool {
        if self.since.is_empty() {
            return false;
        }
        let since = self.since.remove(&key);
        since.is_some_and(|since| {
            self.order.remove(&(since, key));
            true
        })
    }

    /// Since when something waits, if it does.
    pub fn since(&self, key: K) -> Option<Timestamp> {
        self.since.get(&key).copied()
    }

    /// Whether nothing waits that others wait for.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Nothing waits any more for what began before `since`, whether it is written or not.
    #[inline]
    pub fn forget_before(&mut self, since: Timestamp) {
        while self.overdue(since).is_some() {
            self.order.pop_first();
        }
    }

    /// The first that began before `since`.
    #[inline]
    pub fn overdue(&self, since: Timestamp) -> Option<K> {
        self.order.first().filter(|(time, _)| *time < since).map(|(_, key)| *key)
    }

    /// The moment at which the first begins that others wait for; the last one of all where none does.
    #[inline]
    pub fn earliest(&self) -> Timestamp {
        self.order.first().map_or(Timestamp::MAX, |(time, _)| *time)
    }

    /// All that are not written.
    pub fn all(&self) -> Vec<K> {
        work::each(self.since.keys()).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_waited_for_until_it_is_written_or_too_long_ago() {
        let mut waits = Waits::default();
        assert_eq!(waits.earliest(), Timestamp::MAX);
        for (key, time) in [('b', 5), ('a', 3), ('b', 1)] {
            waits.begin(key, Timestamp(time));
        }
        assert_eq!(waits.earliest(), Timestamp(3), "what waits already keeps its time");
        waits.forget_before(Timestamp(4));
        assert_eq!((waits.earliest(), waits.all()), (Timestamp(5), vec!['a', 'b']));
        assert!(waits.end('a') && !waits.end('a'));
        assert!(waits.end('b'));
        assert_eq!(waits.earliest(), Timestamp::MAX);
    }
}
