//! What a thread did to its descriptors before the line of its clone: `strace -z` prints each call at its end, and a clone
//! may end after its child has begun, that of vfork(2) after the child's execve.

use crate::event::Fd;
use crate::limits;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// All of it. What the thread opened is in its table; what it closed of what it inherited is nowhere else.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Early {
    /// The first and last number of each range that it closed, or let stand for something else.
    closed: BTreeSet<(Fd, Fd)>,
    /// It has executed another program.
    executed: bool,
}

impl Early {
    /// It has closed these.
    pub(in crate::sockets) fn close(&mut self, range: &RangeInclusive<Fd>) {
        if self.closed.len() < limits::EARLY_CLOSES {
            self.closed.insert((*range.start(), *range.end()));
        }
    }

    /// It has executed another program.
    pub(in crate::sockets) const fn execute(&mut self) {
        self.executed = true;
    }

    /// Which descriptors of its maker are none of its own.
    pub(super) fn closed(&self) -> impl Iterator<Item = RangeInclusive<Fd>> {
        self.closed.iter().map(|(first, last)| *first..=*last)
    }

    /// Whether those that execve closes are none of its own either.
    pub(super) const fn has_executed(&self) -> bool {
        self.executed
    }
}
