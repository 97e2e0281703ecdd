//! Clones that have begun and not returned: a thread that appears before is the child of one of them.

use crate::event::{Sharing, Tid};
use crate::limits;
use foldhash::HashMap;
use std::collections::BTreeMap;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct BegunClone {
    pub(super) maker: Tid,
    pub(super) sharing: Sharing,
    /// Who is taken for its child.
    pub(super) child: Option<Tid>,
    /// Where it stands among all, in the order in which they began.
    number: u64,
}

/// All of them. A thread makes one at a time.
#[derive(Debug, Default)]
pub(super) struct Clones {
    begun: HashMap<Tid, BegunClone>,
    /// The makers of those without a child.
    childless: BTreeMap<u64, Tid>,
    /// The makers of those with one.
    by_child: HashMap<Tid, Tid>,
    /// How many there have been.
    count: u64,
}

impl Clones {
    /// One has begun in `maker`.
    pub(super) fn begin(&mut self, maker: Tid, sharing: Sharing) {
        self.end(maker);
        if self.begun.len() < limits::PENDING_CLONES {
            self.count += 1;
            self.childless.insert(self.count, maker);
            self.begun.insert(maker, BegunClone { maker, sharing, child: None, number: self.count });
        }
    }

    /// It has returned, or never will.
    pub(super) fn end(&mut self, maker: Tid) -> Option<BegunClone> {
        let begun = self.begun.remove(&maker)?;
        self.childless.remove(&begun.number);
        if let Some(child) = begun.child.filter(|child| self.by_child.get(child) == Some(&maker)) {
            self.by_child.remove(&child);
        }
        Some(begun)
    }

    /// The one of which `child` is taken for the child.
    pub(super) fn of_child(&self, child: Tid) -> Option<Tid> {
        self.by_child.get(&child).copied()
    }

    /// The one without a child that began first.
    pub(super) fn first_childless(&self) -> Option<Tid> {
        self.childless.first_key_value().map(|(_, maker)| *maker)
    }

    /// Takes `child` for the one of `maker`.
    pub(super) fn take_for(&mut self, maker: Tid, child: Tid) -> Option<BegunClone> {
        let begun = self.begun.get_mut(&maker)?;
        self.childless.remove(&begun.number);
        if let Some(before) = begun.child.replace(child).filter(|before| self.by_child.get(before) == Some(&maker)) {
            self.by_child.remove(&before);
        }
        self.by_child.insert(child, maker);
        Some(*begun)
    }
}
