//! What a line is, once its prefix is off.

use super::{halves, prefix, repair, time};

/// A line's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body<'t> {
    /// `NAME(TEXT`, whole or a first half.
    Call {
        /// The system call's name.
        name: &'t [u8],
        /// What stands behind the opening parenthesis.
        text: &'t [u8],
    },
    /// `<... NAME resumed>TEXT`
    Resumed {
        /// The system call's name.
        name: &'t [u8],
        /// What stands behind `resumed>`.
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
const NAME_MAX: usize = 40;

/// The bytes that system calls' names are made of, `#` and `:` in those of x32, `?` where strace knows no name.
static NAME_BYTES: [bool; 256] = name_bytes();

#[expect(clippy::indexing_slicing, reason = "computed when compiling")]
const fn name_bytes() -> [bool; 256] {
    let mut is_name = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        is_name[byte as usize] =
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'#' | b':' | b'?');
        byte += 1;
    }
    is_name
}

/// Finds out what a body is.
pub(super) fn kind(body: &[u8]) -> Body<'_> {
    match body.first() {
        Some(b'a'..=b'z' | b'_' | b'0'..=b'9' | b'?') => call(body).unwrap_or_else(|| other(body)),
        Some(b'<') => match halves::resumed(body) {
            Some((name, text)) => Body::Resumed { name, text },
            None => other(body),
        },
        _ => other(body),
    }
}

/// `NAME(TEXT`, if the name is one.
#[inline]
fn call(body: &[u8]) -> Option<Body<'_>> {
    let (name, text) = at_parenthesis(body)?;
    is_name(name).then_some(Body::Call { name, text })
}

/// Whether a system call can have this name.
#[inline]
pub(super) fn is_name(text: &[u8]) -> bool {
    text.iter().all(|byte| NAME_BYTES.get(usize::from(*byte)) == Some(&true))
}

/// What stands before the opening parenthesis and behind it. Its place is looked for eight bytes at a time.
#[inline(always)]
pub(super) fn at_parenthesis(body: &[u8]) -> Option<(&[u8], &[u8])> {
    const PARENTHESES: u64 = 0x2828_2828_2828_2828;
    let end = match body.first_chunk::<8>() {
        Some(chunk) => {
            let word = u64::from_le_bytes(*chunk) ^ PARENTHESES;
            let found = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
            match found.trailing_zeros() / 8 {
                8 => position(body, 8)?,
                place => place as usize,
            }
        }
        None => position(body, 0)?,
    };
    let (name, text) = body.split_at_checked(end)?;
    Some((name, text.get(1..)?))
}

fn position(body: &[u8], from: usize) -> Option<usize> {
    let found = body.get(from..)?.iter().take(NAME_MAX).position(|byte| *byte == b'(')?;
    Some(from + found)
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
