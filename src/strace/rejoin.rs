//! Calls that strace cut in two because another thread's line came between.
//!
//! ```text
//! 17525 read(3<UNIX-STREAM:[70479->70480]>,  <unfinished ...>
//! 17525 <... read resumed>"one", 100)     = 3
//! ```
//! A thread has one call open at most. Put together the two texts are the call as one line would have it, up to blanks,
//! for every version of strace: where the comma stands, and whether a blank follows `resumed>`, changed over time.

use rustc_hash::FxHashMap;

use super::counts::Skip;
use super::table::{Row, Shape};
use crate::event::{Tid, Timestamp};
use crate::limits;

/// Buffers kept for the next unfinished calls.
const SPARES: usize = 64;

/// The first half of a call.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// Which call.
    pub(super) row: &'static Row,
    /// When it began.
    pub(super) entry: Timestamp,
    /// Its event has come already, or none will: the second half is passed over.
    pub(super) told: bool,
    /// What stands behind the opening parenthesis.
    pub(super) text: Vec<u8>,
}

/// All calls that are open.
#[derive(Debug, Default)]
pub(super) struct Rejoin {
    open: FxHashMap<Tid, Unfinished>,
    bytes: usize,
    spares: Vec<Vec<u8>>,
    /// What the spares hold in all, at most `limits::SPARE_BYTES`.
    spare_bytes: usize,
}

/// The text before the mark that strace puts where it stopped, and what the mark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// `<unfinished ...>`, or `<pid changed to N ...>` of a thread that executes another program.
    Unfinished,
    /// `<detached ...>`
    Detached,
}

/// How every mark ends.
const MARK_END: &[u8] = b" ...>";

/// Whether there may be a mark at a line's end.
#[inline(always)]
pub(super) fn may_stop(text: &[u8]) -> bool {
    text.ends_with(MARK_END)
}

/// The mark at a line's end, if there is one; the blank before it is strace's too.
pub(super) fn stop(text: &[u8]) -> Option<(&[u8], Stop)> {
    let (before, stop) = mark(text.strip_suffix(MARK_END)?)?;
    Some((before.strip_suffix(b" ").unwrap_or(before), stop))
}

fn mark(inner: &[u8]) -> Option<(&[u8], Stop)> {
    if let Some(before) = inner.strip_suffix(b"<unfinished") {
        return Some((before, Stop::Unfinished));
    }
    if let Some(before) = inner.strip_suffix(b"<detached") {
        return Some((before, Stop::Detached));
    }
    let start = inner.len() - inner.iter().rev().take(40).position(|byte| *byte == b'<')? - 1;
    let (before, mark) = inner.split_at_checked(start)?;
    mark.starts_with(b"<pid changed to ").then_some((before, Stop::Unfinished))
}

/// The name and the second half of a line `<... NAME resumed>REST`, without the blank that strace up to 4.26 puts there.
#[inline]
pub(super) fn resumed(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = body.strip_prefix(b"<... ")?;
    let end = text.iter().take(64).position(|byte| *byte == b' ')?;
    let (name, rest) = text.split_at_checked(end)?;
    let rest = rest.strip_prefix(b" resumed>")?;
    Some((name, rest.strip_prefix(b" ").unwrap_or(rest)))
}

impl Rejoin {
    /// Holds a first half. A call of the same thread that was still open is given up: true then.
    pub(super) fn hold(&mut self, tid: Tid, half: Unfinished) -> Result<bool, Skip> {
        let size = half.text.len();
        let fits = size <= limits::UNFINISHED_BYTES && self.bytes + size <= limits::HELD_BYTES;
        if !fits || self.open.len() >= limits::UNFINISHED_CALLS {
            self.give_back(half.text);
            return Err(Skip::TooMany);
        }
        self.bytes += size;
        let given_up = self.open.insert(tid, half);
        let lost = given_up.as_ref().is_some_and(|old| !old.told);
        if let Some(old) = given_up {
            self.bytes = self.bytes.saturating_sub(old.text.len());
            self.give_back(old.text);
        }
        Ok(lost)
    }

    /// The first half of a thread's call, which is open no longer.
    pub(super) fn take(&mut self, tid: Tid) -> Option<Unfinished> {
        let half = self.open.remove(&tid)?;
        self.bytes = self.bytes.saturating_sub(half.text.len());
        Some(half)
    }

    /// Which call a thread has open.
    pub(super) fn open(&self, tid: Tid) -> Option<&'static Row> {
        self.open.get(&tid).map(|half| half.row)
    }

    /// Makes the open call of one thread another's, whose own is given up.
    pub(super) fn rename(&mut self, from: Tid, to: Tid) {
        if let Some(half) = self.open.remove(&from)
            && let Some(old) = self.open.insert(to, half)
        {
            self.bytes = self.bytes.saturating_sub(old.text.len());
            self.give_back(old.text);
        }
    }

    /// Whether any thread is about to make another one, which may be seen before its maker says its number.
    pub(super) fn is_forking(&self) -> bool {
        self.open.values().any(|half| half.row.shape == Shape::Fork)
    }

    /// The thread other than `tid` that has an execve open, where there is just one.
    pub(super) fn executing(&self, tid: Tid) -> Option<Tid> {
        let mut others = self.open.iter().filter(|(other, half)| half.row.shape == Shape::Execute && **other != tid);
        let (first, _) = others.next()?;
        others.next().is_none().then_some(*first)
    }

    /// How many calls are open that would have become events.
    pub(super) fn remaining(&self) -> u64 {
        self.open.values().map(|half| u64::from(!half.told)).sum()
    }

    /// Gives up all open calls.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.bytes = 0;
    }

    /// An empty buffer, one used before where possible.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        let buffer = self.spares.pop().unwrap_or_default();
        self.spare_bytes = self.spare_bytes.saturating_sub(buffer.capacity());
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
    fn check_stop(text: &str, expected: Option<(&str, Stop)>) {
        assert_eq!(stop(text.as_bytes()), expected.map(|(text, stop)| (text.as_bytes(), stop)), "{text}");
    }

    #[test]
    fn marks() {
        check_stop("read(3,  <unfinished ...>", Some(("read(3, ", Stop::Unfinished)));
        check_stop("read(3 <unfinished ...>", Some(("read(3", Stop::Unfinished)));
        check_stop("epoll_wait(4,  <detached ...>", Some(("epoll_wait(4, ", Stop::Detached)));
        check_stop(
            "execve(\"a\", [\"b\"] <pid changed to 23474 ...>",
            Some(("execve(\"a\", [\"b\"]", Stop::Unfinished)),
        );
        check_stop("rt_sigprocmask(SIG_SETMASK, [],  <unfinished ...>) = ?", None);
        check_stop("read(3, \"a\", 1) = 1 <0.000010>", None);
        check_stop("restart_syscall(<... resuming interrupted poll ...>", None);
    }

    #[track_caller]
    fn half(name: &str) -> Unfinished {
        let row = table::find(name.as_bytes()).expect("a call of the table");
        Unfinished { row, entry: Timestamp(1), told: false, text: b"12345".to_vec() }
    }

    #[test]
    fn a_call_may_change_hands() {
        let mut rejoin = Rejoin::default();
        assert_eq!(rejoin.hold(Tid(1), half("read")), Ok(false));
        assert_eq!(rejoin.hold(Tid(2), half("execve")), Ok(false));
        assert_eq!((rejoin.bytes, rejoin.executing(Tid(1)), rejoin.is_forking()), (10, Some(Tid(2)), false));
        rejoin.rename(Tid(2), Tid(1));
        assert_eq!((rejoin.bytes, rejoin.remaining()), (5, 1));
        assert_eq!(rejoin.take(Tid(1)).map(|half| half.row.name), Some("execve"));
        assert_eq!((rejoin.bytes, rejoin.remaining()), (0, 0));
        rejoin.rename(Tid(1), Tid(2));
        assert_eq!(rejoin.remaining(), 0);
    }

    #[test]
    fn a_second_call_gives_the_first_up() {
        let mut rejoin = Rejoin::default();
        assert_eq!(rejoin.hold(Tid(1), half("read")), Ok(false));
        assert_eq!(rejoin.hold(Tid(1), half("clone")), Ok(true));
        assert_eq!((rejoin.bytes, rejoin.is_forking()), (5, true));
    }

    #[test]
    fn second_halves() {
        let parts = resumed(b"<... read resumed>\"one\", 100) = 3");
        assert_eq!(parts, Some((b"read".as_slice(), b"\"one\", 100) = 3".as_slice())));
        let older = resumed(b"<... sendto resumed> ) = 4");
        assert_eq!(older, Some((b"sendto".as_slice(), b") = 4".as_slice())));
        assert_eq!(resumed(b"<... resuming interrupted poll ...>"), None);
        assert_eq!(resumed(b"<... read"), None);
    }
}
