//! Which process a pidfd stands for, where its making was seen.

use crate::event::{Fd, Tid};
use crate::limits;
use crate::sockets::descriptors::TableId;
use foldhash::HashMap;
use std::collections::BTreeMap;

/// The pidfds that were seen to be made.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Pidfds {
    /// Each with its number among all.
    processes: HashMap<(TableId, Fd), (Tid, u64)>,
    /// By that number, the oldest first.
    order: BTreeMap<u64, (TableId, Fd)>,
    /// How many there have been.
    numbered: u64,
}

impl Pidfds {
    /// `fd` stands for `process` from here on.
    pub(in crate::sockets) fn opened(&mut self, table: TableId, fd: Fd, process: Tid) {
        self.numbered += 1;
        if let Some((_, before)) = self.processes.insert((table, fd), (process, self.numbered)) {
            self.order.remove(&before);
        } else if self.order.len() >= limits::PIDFDS
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.processes.remove(&oldest);
        }
        self.order.insert(self.numbered, (table, fd));
    }

    /// The process that `fd` stands for.
    pub(in crate::sockets) fn process(&self, table: TableId, fd: Fd) -> Option<Tid> {
        self.processes.get(&(table, fd)).map(|(process, _)| *process)
    }

    #[cfg(test)]
    pub(in crate::sockets) fn len(&self) -> usize {
        self.processes.len()
    }
}
