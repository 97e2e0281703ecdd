//! Text that waits for other lines: first halves of calls, by thread, and what the line before may go on with.

use foldhash::HashMap;
use std::collections::BTreeSet;

use super::attribution::CallOrigin;
use super::counts::Skip;
use super::dump::Dump;
use super::row::Row;
use crate::event::{Tid, Timestamp};
use crate::limits;
use crate::work;

/// Buffers kept for the next texts.
const SPARES: usize = 64;

/// What the next line may go on with.
#[derive(Debug, Default)]
enum Continuation {
    #[default]
    Nothing,
    /// The beginning of a call that one of strace's messages broke, and in how many pieces it came.
    Broken(Vec<u8>, u32),
    /// A call whose payload `-s` cut: a dump of it may follow.
    Cut(Cut),
    /// The first half of a call on line `line`, which is kept unless the call is of no interest. With `-z`, the second
    /// half may follow on the next line as it is.
    Half { line: u64, tid: Tid, is_kept: bool },
}

/// A whole call that waits for its dump.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) row: &'static Row,
    pub(super) origin: CallOrigin,
    /// What follows the opening parenthesis.
    pub(super) text: Vec<u8>,
}

/// The first half of a call.
#[derive(Debug)]
pub(super) struct Half {
    /// Which call.
    pub(super) row: &'static Row,
    /// When it began.
    pub(super) entry: Timestamp,
    /// Its event has come already, or none will: the second half is passed over.
    pub(super) is_settled: bool,
    /// What follows the opening parenthesis.
    pub(super) text: Vec<u8>,
}

/// All text that waits.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: Continuation,
    /// Which line goes on with a call that was broken, and how many pieces came before.
    joined: (u64, u32),
    /// The dump of the call that waits for it.
    pub(super) dump: Dump,
    /// First halves. A thread has one call open at most.
    open: HashMap<Tid, Half>,
    /// How many of them make threads.
    forking: usize,
    /// The threads that have an execve open.
    executing: BTreeSet<Tid>,
    /// How long they are in all.
    bytes: usize,
    spares: Vec<Vec<u8>>,
    /// What the spares hold in all, at most `limits::SPARE_BYTES`.
    spare_bytes: usize,
}

impl Pending {
    /// Keeps the beginning of a call that a message broke.
    pub(super) fn keep_broken(&mut self, text: Vec<u8>, line: u64) {
        let pieces = if self.joined.0 == line { self.joined.1 + 1 } else { 1 };
        if !text.is_empty() && pieces <= limits::BROKEN_PIECES {
            work::steps(text.len());
            self.waiting = Continuation::Broken(text, pieces);
        }
    }

    /// Whether the line before broke off within a call.
    #[inline]
    pub(super) const fn is_broken(&self) -> bool {
        matches!(self.waiting, Continuation::Broken(..))
    }

    /// Whether the next line may belong to the call before it.
    #[inline]
    pub(super) const fn may_go_on(&self) -> bool {
        matches!(self.waiting, Continuation::Broken(..) | Continuation::Cut(_))
    }

    /// The beginning of the call that broke off on the line before `line`.
    pub(super) fn take_broken(&mut self, line: u64) -> Option<Vec<u8>> {
        let Continuation::Broken(text, pieces) = &mut self.waiting else {
            return None;
        };
        let text = std::mem::take(text);
        self.joined = (line, *pieces);
        self.waiting = Continuation::Nothing;
        Some(text)
    }

    /// Keeps a call whose payload was cut until it is known whether a dump follows.
    pub(super) fn keep_cut(&mut self, row: &'static Row, text: &[u8], origin: CallOrigin) {
        let text = self.copy(text);
        self.dump.clear();
        self.waiting = Continuation::Cut(Cut { row, origin, text });
    }

    /// The call that waits for its dump.
    #[inline]
    pub(super) const fn cut(&self) -> Option<&Cut> {
        match &self.waiting {
            Continuation::Cut(cut) => Some(cut),
            _ => None,
        }
    }

    /// The same, which waits no longer.
    pub(super) fn take_cut(&mut self) -> Option<Cut> {
        self.cut()?;
        match std::mem::take(&mut self.waiting) {
            Continuation::Cut(cut) => Some(cut),
            _ => None,
        }
    }

    /// Notes that line `line` is a first half.
    pub(super) fn note_half(&mut self, line: u64, tid: Tid, is_kept: bool) {
        self.waiting = Continuation::Half { line, tid, is_kept };
    }

    /// The thread whose call's first half is the line before `line`, and whether that is kept.
    pub(super) const fn half_before(&self, line: u64) -> Option<(Tid, bool)> {
        match self.waiting {
            Continuation::Half { line: before, tid, is_kept } if before + 1 == line => Some((tid, is_kept)),
            _ => None,
        }
    }

    /// Keeps a first half. A call of the same thread that was still open is abandoned: true where that was to become an
    /// event.
    pub(super) fn keep_half(&mut self, tid: Tid, half: Half) -> Result<bool, Skip> {
        let size = half.text.len();
        let fits = size <= limits::UNFINISHED_BYTES && self.bytes + size <= limits::HELD_BYTES;
        if !fits || self.open.len() >= limits::UNFINISHED_CALLS {
            self.give_back(half.text);
            return Err(Skip::TooMany);
        }
        Ok(self.insert(tid, half))
    }

    /// Makes a call the one that a thread has open. Whether the one before, which is abandoned, was to become an event.
    fn insert(&mut self, tid: Tid, half: Half) -> bool {
        let abandoned = self.take_half(tid);
        self.bytes += half.text.len();
        self.forking += usize::from(half.row.is_fork());
        if half.row.is_execute() {
            self.executing.insert(tid);
        }
        self.open.insert(tid, half);
        abandoned.is_some_and(|old| {
            self.give_back(old.text);
            !old.is_settled
        })
    }

    /// The first half of a thread's call, which is open no longer.
    pub(super) fn take_half(&mut self, tid: Tid) -> Option<Half> {
        let half = self.open.remove(&tid)?;
        self.bytes = self.bytes.saturating_sub(half.text.len());
        self.forking -= usize::from(half.row.is_fork());
        if half.row.is_execute() {
            self.executing.remove(&tid);
        }
        Some(half)
    }

    /// Which call a thread has open.
    pub(super) fn open(&self, tid: Tid) -> Option<&'static Row> {
        self.open.get(&tid).map(|half| half.row)
    }

    /// Makes the open call of one thread another's, whose own is abandoned.
    pub(super) fn rename(&mut self, from: Tid, to: Tid) {
        if let Some(half) = self.take_half(from) {
            self.insert(to, half);
        }
    }

    /// Whether any thread is about to make another one, which may be seen before its maker says its number.
    pub(super) const fn is_forking(&self) -> bool {
        self.forking > 0
    }

    /// The thread other than `tid` that has an execve open, where there is just one.
    pub(super) fn executing(&self, tid: Tid) -> Option<Tid> {
        let mut others = self.executing.iter().filter(|other| **other != tid);
        let first = others.next()?;
        others.next().is_none().then_some(*first)
    }

    /// Gives up all open calls; how many were to become events.
    pub(super) fn clear(&mut self) -> u64 {
        (self.bytes, self.forking) = (0, 0);
        self.executing.clear();
        self.open.drain().map(|(_, half)| u64::from(!half.is_settled)).sum()
    }

    /// A copy of `text` in a buffer used before where possible.
    pub(super) fn copy(&mut self, text: &[u8]) -> Vec<u8> {
        let mut buffer = self.spares.pop().unwrap_or_default();
        self.spare_bytes = self.spare_bytes.saturating_sub(buffer.capacity());
        buffer.extend_from_slice(text);
        buffer
    }

    /// Takes a buffer back for the next use.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        let bytes = self.spare_bytes + buffer.capacity();
        if self.spares.len() < SPARES && (1..=limits::SPARE_BYTES).contains(&bytes) {
            buffer.clear();
            self.spare_bytes = bytes;
            self.spares.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    #[track_caller]
    fn half(name: &str) -> Half {
        let row = table::find(name.as_bytes()).expect("a call of the table");
        Half { row, entry: Timestamp(1), is_settled: false, text: b"12345".to_vec() }
    }

    #[test]
    fn a_call_may_change_hands() {
        let mut pending = Pending::default();
        assert_eq!(pending.keep_half(Tid(1), half("read")), Ok(false));
        assert_eq!(pending.keep_half(Tid(2), half("execve")), Ok(false));
        assert_eq!((pending.bytes, pending.executing(Tid(1)), pending.is_forking()), (10, Some(Tid(2)), false));
        pending.rename(Tid(2), Tid(1));
        assert_eq!((pending.bytes, pending.open.len()), (5, 1));
        assert_eq!(pending.take_half(Tid(1)).map(|half| half.row.name), Some("execve"));
        assert_eq!((pending.bytes, pending.open.len()), (0, 0));
        pending.rename(Tid(1), Tid(2));
        assert_eq!(pending.clear(), 0);
    }

    #[test]
    fn a_second_call_abandons_the_first() {
        let mut pending = Pending::default();
        assert_eq!(pending.keep_half(Tid(1), half("read")), Ok(false));
        assert_eq!(pending.keep_half(Tid(1), half("clone")), Ok(true));
        assert_eq!((pending.bytes, pending.is_forking()), (5, true));
        assert_eq!((pending.clear(), pending.bytes), (1, 0));
    }
}
