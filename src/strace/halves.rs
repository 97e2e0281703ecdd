//! The marks of calls that strace cut in two because another thread's line came between.
//!
//! ```text
//! 17525 read(3<UNIX-STREAM:[70479->70480]>,  <unfinished ...>
//! 17525 <... read resumed>"one", 100)     = 3
//! ```
//! Put together, the two texts are the call as one line would have it, up to blanks, for every version of strace. Where the
//! comma is, and whether a blank follows `resumed>`, has changed over time.

/// The text before the mark that strace puts where it stopped, and what the mark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HalfMark {
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
pub(super) fn stop(text: &[u8]) -> Option<(&[u8], HalfMark)> {
    let (before, stop) = mark(text.strip_suffix(MARK_END)?)?;
    Some((before.strip_suffix(b" ").unwrap_or(before), stop))
}

fn mark(inner: &[u8]) -> Option<(&[u8], HalfMark)> {
    if let Some(before) = inner.strip_suffix(b"<unfinished") {
        return Some((before, HalfMark::Unfinished));
    }
    if let Some(before) = inner.strip_suffix(b"<detached") {
        return Some((before, HalfMark::Detached));
    }
    let start = inner.len() - inner.iter().rev().take(40).position(|byte| *byte == b'<')? - 1;
    let (before, mark) = inner.split_at_checked(start)?;
    mark.starts_with(b"<pid changed to ").then_some((before, HalfMark::Unfinished))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_stop(text: &str, expected: Option<(&str, HalfMark)>) {
        assert_eq!(stop(text.as_bytes()), expected.map(|(text, stop)| (text.as_bytes(), stop)), "{text}");
    }

    #[test]
    fn marks() {
        check_stop("read(3,  <unfinished ...>", Some(("read(3, ", HalfMark::Unfinished)));
        check_stop("read(3 <unfinished ...>", Some(("read(3", HalfMark::Unfinished)));
        check_stop("epoll_wait(4,  <detached ...>", Some(("epoll_wait(4, ", HalfMark::Detached)));
        check_stop(
            "execve(\"a\", [\"b\"] <pid changed to 23474 ...>",
            Some(("execve(\"a\", [\"b\"]", HalfMark::Unfinished)),
        );
        check_stop("rt_sigprocmask(SIG_SETMASK, [],  <unfinished ...>) = ?", None);
        check_stop("read(3, \"a\", 1) = 1 <0.000010>", None);
        check_stop("restart_syscall(<... resuming interrupted poll ...>", None);
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
