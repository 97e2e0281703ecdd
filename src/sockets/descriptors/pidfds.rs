//! Which process a pidfd stands for, where its making was seen.

use crate::event::{Fd, Tid};
use crate::limits;
use crate::sockets::descriptors::TableId;
use crate::work;
use std::collections::VecDeque;

/// The pidfds that were seen to be made, the oldest first.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Pidfds(VecDeque<(TableId, Fd, Tid)>);

impl Pidfds {
    /// `fd` stands for `process` from here on.
    pub(in crate::sockets) fn opened(&mut self, table: TableId, fd: Fd, process: Tid) {
        work::steps(self.0.len());
        self.0.retain(|other| (other.0, other.1) != (table, fd));
        if self.0.len() >= limits::PIDFDS {
            self.0.pop_front();
        }
        self.0.push_back((table, fd, process));
    }

    /// The process that `fd` stands for.
    pub(in crate::sockets) fn process(&self, table: TableId, fd: Fd) -> Option<Tid> {
        work::each(self.0.iter()).find(|other| (other.0, other.1) == (table, fd)).map(|other| other.2)
    }

    #[cfg(test)]
    pub(in crate::sockets) fn len(&self) -> usize {
        self.0.len()
    }
}
