//! Whose line it is and when, also where the trace does not number every line.
//!
//! A trace on stderr has `[pid N]` only while more than one thread is traced. So a line without a number is of the only
//! one alive; the first thread has no number until it is not alone any more. Until then it is [`FIRST`], and afterwards
//! its number supersedes that.

use foldhash::HashSet;
use std::collections::BTreeSet;

use super::time;
use crate::event::{Tid, Timestamp};
use crate::limits;

/// The first thread of a trace, as long as its number is not known.
pub(super) const FIRST: Tid = Tid(0);

/// Whose call, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallOrigin {
    pub(super) line: u64,
    pub(super) tid: Tid,
    /// The time of its line, or of its first half's.
    pub(super) entry: Timestamp,
    /// The time of its second half. A whole line says at its end how long the call took.
    pub(super) resumed: Option<Timestamp>,
}

impl CallOrigin {
    /// When the call returned.
    #[inline]
    pub(super) fn exit(self, text: &[u8]) -> Timestamp {
        match self.resumed {
            Some(resumed) => resumed.max(self.entry),
            None => self.entry.after(time::duration(text).unwrap_or_default()),
        }
    }
}

/// What is known about the threads of a trace.
#[derive(Debug)]
pub(super) struct Attribution {
    /// The one thread of the whole trace (`strace -ff`).
    own: Option<Tid>,
    /// Threads alive, as far as it was said: [`FIRST`], numbers seen, threads attached to.
    alive: BTreeSet<Tid>,
    /// Threads that another one made, before they are seen, and those that are about to end: none can be the first.
    children: HashSet<Tid>,
    /// The first thread, by its number once that is known.
    first: Option<Tid>,
    /// The number seen last.
    last: Option<Tid>,
}

impl Attribution {
    pub(super) fn new(own: Option<Tid>) -> Self {
        let (alive, children) = (BTreeSet::new(), HashSet::default());
        Self { own, alive, children, first: None, last: None }
    }

    /// Whose a line without a number is.
    #[inline]
    pub(super) fn unnumbered(&mut self) -> Tid {
        match self.own {
            Some(own) => own,
            None => self.only_one(),
        }
    }

    fn only_one(&mut self) -> Tid {
        let mut alive = self.alive.iter();
        if let (Some(only), None) = (alive.next(), alive.next()) {
            return *only;
        }
        let first = match self.first {
            Some(first) => first,
            None => FIRST,
        };
        if self.alive.is_empty() && self.first.is_none() {
            self.first = Some(FIRST);
            self.alive.insert(FIRST);
        }
        first
    }

    /// Notes a number in brackets.
    #[inline]
    pub(super) fn numbered(&mut self, tid: Tid) {
        if self.last != Some(tid) {
            self.last = Some(tid);
            if self.alive.len() < limits::UNFINISHED_CALLS {
                self.alive.insert(tid);
            }
            self.children.remove(&tid);
        }
    }

    /// Whether `tid`, seen for the first time, may be the first thread: lines of that have come, without a number, and
    /// this is nobody that another thread made.
    #[inline]
    pub(super) fn may_be_first(&self, tid: Tid) -> bool {
        self.first == Some(FIRST)
            && self.last != Some(tid)
            && !self.children.contains(&tid)
            && !self.alive.contains(&tid)
    }

    /// The first thread's number is `tid`.
    pub(super) fn found_first(&mut self, tid: Tid) {
        self.alive.remove(&FIRST);
        self.first = Some(tid);
    }

    /// A thread made another one.
    #[cold]
    pub(super) fn made(&mut self, child: Tid) {
        if self.own.is_none() && self.children.len() < limits::UNCLAIMED_CHILDREN {
            self.children.insert(child);
        }
    }

    /// strace said that it attached to a thread: to one that was just made, or to one that ran already.
    pub(super) fn attached(&mut self, tid: Tid) {
        if self.first.is_some() || self.last.is_some() {
            self.made(tid);
        } else {
            self.alive.insert(tid);
        }
    }

    /// A thread is about to end: lines without a number are another's, and the line that says that it ended is still to
    /// come, with its number.
    #[cold]
    pub(super) fn ending(&mut self, tid: Tid) {
        self.ended(tid);
        if tid != FIRST {
            self.made(tid);
        }
    }

    /// A thread ended.
    pub(super) fn ended(&mut self, tid: Tid) {
        self.alive.remove(&tid);
        self.children.remove(&tid);
        if self.last == Some(tid) {
            self.last = None;
        }
        if self.first == Some(FIRST) && tid == FIRST {
            self.first = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_one_alive_has_no_number() {
        let mut who = Attribution::new(None);
        assert_eq!(who.unnumbered(), FIRST);
        who.attached(Tid(7));
        assert!(!who.may_be_first(Tid(7)));
        who.numbered(Tid(7));
        assert!(who.may_be_first(Tid(6)));
        who.found_first(Tid(6));
        who.numbered(Tid(6));
        assert!(!who.may_be_first(Tid(6)) && !who.may_be_first(Tid(8)));
        who.ended(Tid(7));
        assert_eq!(who.unnumbered(), Tid(6));
        who.numbered(Tid(8));
        who.ended(Tid(6));
        assert_eq!(who.unnumbered(), Tid(8));
    }

    #[test]
    fn one_that_ends_is_not_the_first() {
        let mut who = Attribution::new(None);
        assert_eq!(who.unnumbered(), FIRST);
        who.made(Tid(7));
        who.numbered(Tid(7));
        who.ending(Tid(7));
        assert!(!who.may_be_first(Tid(7)));
        who.ended(Tid(7));
        assert_eq!(who.unnumbered(), FIRST);
        assert!(who.may_be_first(Tid(6)));
    }

    #[test]
    fn a_thread_attached_to_is_known_by_number() {
        let mut who = Attribution::new(None);
        who.attached(Tid(123));
        assert_eq!(who.unnumbered(), Tid(123));
        assert!(!who.may_be_first(Tid(124)));
    }

    #[test]
    fn a_file_of_its_own() {
        assert_eq!(Attribution::new(Some(Tid(5))).unnumbered(), Tid(5));
    }
}
