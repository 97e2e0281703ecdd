//! What kind of line it is, by the text behind its prefix.

use super::{arguments, halves, prefix, repair, time};

/// A line's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body<'t> {
    /// `NAME(TEXT`, whole or a first half.
    Call {
        /// The system call's name.
        name: &'t [u8],
        /// The text behind the opening parenthesis.
        text: &'t [u8],
    },
    /// `<... NAME resumed>TEXT`
    Resumed {
        /// The system call's name.
        name: &'t [u8],
        /// The text behind `resumed>`.
        text: &'t [u8],
    },
    /// `+++ exited with 0 +++`, `+++ killed by SIGKILL +++`
    Ended,
    /// `+++ superseded by execve in pid N +++`
    Superseded(u32),
    /// `--- SIGCHLD {…} ---`
    Signal,
    /// strace's own.
    Message,
    /// Nothing.
    Blank,
    /// Anything else.
    Other,
}

/// Longest name of a system call that is looked at.
const NAME_MAX: usize = 48;

/// The bytes that system calls' names are made of, `#` and `:` in those of x32, `?` where strace knows no name.
static IS_NAME: [bool; 256] = arguments::set_of(b"abcdefghijklmnopqrstuvwxyz_0123456789#:?");

/// Finds out what a body is.
pub(super) fn kind(body: &[u8]) -> Body<'_> {
    match body.first() {
        Some(b'a'..=b'z' | b'_' | b'0'..=b'9' | b'?') => match call(body) {
            Some((name, text)) => Body::Call { name, text },
            None => other(body),
        },
        Some(b'<') => match halves::resumed(body) {
            Some((name, text)) => Body::Resumed { name, text },
            None => other(body),
        },
        _ => other(body),
    }
}

/// The name and the text of `NAME(TEXT`.
#[inline(always)]
pub(super) fn call(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = body.get(..NAME_MAX).unwrap_or(body);
    let end = start.iter().position(|byte| IS_NAME.get(usize::from(*byte)) != Some(&true))?;
    let (name, text) = body.split_at_checked(end)?;
    Some((name, text.strip_prefix(b"(")?))
}

#[cold]
fn other(body: &[u8]) -> Body<'_> {
    if body.is_empty() {
        return Body::Blank;
    }
    if let Some(text) = body.strip_prefix(b"+++ ") {
        return ended(text);
    }
    if body.starts_with(b"--- ") {
        return Body::Signal;
    }
    if repair::is_message(body) { Body::Message } else { Body::Other }
}

fn ended(text: &[u8]) -> Body<'_> {
    match text.strip_prefix(b"superseded by execve in pid ") {
        Some(text) => u32::try_from(time::digits(text).0).map_or(Body::Other, Body::Superseded),
        None => Body::Ended,
    }
}

/// The body behind a time that is no number, if there is one.
pub(super) fn behind_unreadable_time(body: &[u8]) -> Option<Body<'_>> {
    prefix::unreadable_time(body).map(kind).filter(|kind| *kind != Body::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Body<'_>) {
        assert_eq!(kind(text.as_bytes()), expected, "{text}");
    }

    #[track_caller]
    fn check_call(text: &str, name: &str, rest: &str) {
        let (name, text_of_call) = (name.as_bytes(), rest.as_bytes());
        check(text, Body::Call { name, text: text_of_call });
    }

    #[test]
    fn calls() {
        check_call("read(3, \"\", 1) = 0", "read", "3, \"\", 1) = 0");
        check_call("a()", "a", ")");
        check_call("io_uring_enter(3", "io_uring_enter", "3");
        check_call("recvfro(3", "recvfro", "3");
        check_call("recvfrom(3", "recvfrom", "3");
        check_call("readv#64(3", "readv#64", "3");
        check_call("64:readv(3", "64:readv", "3");
        check_call("????(", "????", "");
    }

    #[test]
    fn other_kinds() {
        check("<... read resumed>\"a\"", Body::Resumed { name: b"read", text: b"\"a\"" });
        check("+++ exited with 0 +++", Body::Ended);
        check("+++ killed by SIGSEGV (core dumped) +++", Body::Ended);
        check("+++ superseded by execve in pid 23741 +++", Body::Superseded(23741));
        check("--- SIGCHLD {si_signo=SIGCHLD} ---", Body::Signal);
        check("--- stopped by SIGSTOP ---", Body::Signal);
        check("strace: umoven: short read (6 < 100) @0x1", Body::Message);
        check("/usr/bin/strace: Exit of unknown pid 1 ignored", Body::Message);
        check("[ Process PID=29657 runs in 32 bit mode. ]", Body::Message);
        check("", Body::Blank);
        check("hello", Body::Other);
        check("hello world (", Body::Other);
        check("1234", Body::Other);
        check("<hello>", Body::Other);
    }
}
