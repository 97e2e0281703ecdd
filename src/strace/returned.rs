//! A call's result, behind its closing parenthesis (strace `syscall_exiting_trace`).
//!
//! ```text
//! = 5<TCP:[…]>   = 0x4bc8   = -1 EAGAIN (Resource temporarily unavailable)   = ? ERESTARTSYS (…)   = ?
//! = 3<comm> /* 25428 in strace's PID NS */
//! ```
//! and behind those `(aux)`, `(INJECTED)`, `(DELAYED)`, `<0.000010>`, which nothing here needs.

use super::{arguments, details, time};
use crate::event::{Errno, Outcome, Tid};

/// A call's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Returned<'t> {
    /// How the call ended.
    pub(super) outcome: Outcome,
    /// The text of the result, from its first digit on.
    pub(super) text: &'t [u8],
}

/// The result in what follows the closing parenthesis; none where the line was cut before it.
#[inline(always)]
pub(super) fn parse(text: &[u8]) -> Option<Returned<'_>> {
    let text = match text {
        [b' ', b'=', b' ', rest @ ..] => rest,
        _ => trimmed(trimmed(text).strip_prefix(b"=")?),
    };
    let outcome = match text.first()? {
        b'?' => Outcome::Unknown,
        b'-' => Outcome::Failed(errno(text)),
        b'1'..=b'9' => Outcome::Done(time::digits(text).0),
        _ => Outcome::Done(arguments::number(text)?.0),
    };
    Some(Returned { outcome, text })
}

/// Whether the call with this text was not carried out: strace made up its result. With `args` alone it changed what
/// stands behind the arguments, and with `(DELAYED)` the time.
#[inline]
pub(super) fn is_made_up(text: &[u8]) -> bool {
    /// How far the J of INJECTED can be from the line's end, with room to spare.
    const TAIL: usize = 80;
    if !matches!(text.last(), Some(b')' | b'>')) {
        return false;
    }
    let tail = text.get(text.len().saturating_sub(TAIL)..);
    tail.is_some_and(|tail| memchr::memchr(b'J', tail).is_some()) && ends_made_up(text)
}

#[cold]
fn ends_made_up(text: &[u8]) -> bool {
    let text = match text.last() {
        Some(b'>') => without_duration(text),
        _ => text,
    };
    text.last() == Some(&b')') && says_made_up(text)
}

fn without_duration(text: &[u8]) -> &[u8] {
    let start = text.iter().rev().take(24).position(|byte| *byte == b'<');
    let before = start.and_then(|start| text.get(..text.len() - start - 1));
    before.and_then(|before| before.strip_suffix(b" ")).unwrap_or(text)
}

fn says_made_up(text: &[u8]) -> bool {
    let text = text.strip_suffix(b" (DELAYED)").unwrap_or(text);
    text.ends_with(b" (INJECTED)") || text.ends_with(b" (INJECTED: args, retval)")
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

fn errno(text: &[u8]) -> Errno {
    let Some(name) = text.strip_prefix(b"-1 ") else {
        return Errno::Other;
    };
    if let Some(number) = name.strip_prefix(b"(errno ") {
        return errno_number(time::digits(number).0);
    }
    let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(name.len());
    name.get(..end).map_or(Errno::Other, errno_name)
}

/// The error of a name.
pub(super) fn errno_name(name: &[u8]) -> Errno {
    match name {
        b"EAGAIN" | b"EWOULDBLOCK" => Errno::Again,
        b"EALREADY" => Errno::Already,
        b"EBADF" => Errno::BadFd,
        b"ECONNABORTED" => Errno::ConnAborted,
        b"ECONNREFUSED" => Errno::ConnRefused,
        b"ECONNRESET" => Errno::ConnReset,
        b"EHOSTUNREACH" => Errno::HostUnreachable,
        b"EINPROGRESS" => Errno::InProgress,
        b"EINTR" => Errno::Interrupted,
        b"EISCONN" => Errno::IsConnected,
        b"ENETUNREACH" => Errno::NetUnreachable,
        b"ENOTCONN" => Errno::NotConnected,
        b"ENOTSOCK" => Errno::NotSocket,
        b"EPIPE" => Errno::Pipe,
        b"ETIMEDOUT" => Errno::TimedOut,
        _ => Errno::Other,
    }
}

/// The error of a number, as all Linux architectures but MIPS, SPARC, Alpha and PA-RISC count (`asm-generic/errno.h`).
pub(super) fn errno_number(number: u64) -> Errno {
    match number {
        4 => Errno::Interrupted,
        9 => Errno::BadFd,
        11 => Errno::Again,
        32 => Errno::Pipe,
        88 => Errno::NotSocket,
        101 => Errno::NetUnreachable,
        103 => Errno::ConnAborted,
        104 => Errno::ConnReset,
        106 => Errno::IsConnected,
        107 => Errno::NotConnected,
        110 => Errno::TimedOut,
        111 => Errno::ConnRefused,
        113 => Errno::HostUnreachable,
        114 => Errno::Already,
        115 => Errno::InProgress,
        _ => Errno::Other,
    }
}

/// The thread that a result names: the number within strace's own PID namespace where that is said.
pub(super) fn tid(text: &[u8]) -> Option<Tid> {
    let (value, rest) = arguments::number(text)?;
    let rest = if rest.first() == Some(&b'<') { details::skip(rest)? } else { rest };
    let seen = match rest.strip_prefix(b" /* ") {
        Some(comment) => match time::digits(comment) {
            (_, 0) => value,
            (value, _) => value,
        },
        None => value,
    };
    u32::try_from(seen).ok().filter(|tid| *tid > 0).map(Tid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, outcome: Outcome) {
        assert_eq!(parse(text.as_bytes()).map(|returned| returned.outcome), Some(outcome), "{text}");
    }

    #[test]
    fn results() {
        check(" = 5", Outcome::Done(5));
        check("             = 7 (INJECTED) (DELAYED)", Outcome::Done(7));
        check(" = 0x4bc8", Outcome::Done(0x4bc8));
        check(" = 5<TCP:[1]> <0.1>", Outcome::Done(5));
        check(" = -1 EAGAIN (Resource temporarily unavailable) <0.000012>", Outcome::Failed(Errno::Again));
        check(" = -1 ECONNRESET (Verbindungsabbruch = ()", Outcome::Failed(Errno::ConnReset));
        check(" = -1 (errno 104)", Outcome::Failed(Errno::ConnReset));
        check(" = -1 ENOPE", Outcome::Failed(Errno::Other));
        check(" = -7", Outcome::Failed(Errno::Other));
        check(" = ? ERESTARTSYS (To be restarted)", Outcome::Unknown);
        check("        = ?", Outcome::Unknown);
        check(" = ? <unavailable>", Outcome::Unknown);
        for text in ["", " ", " =", " = ", " = x", "= -"] {
            let outcome = parse(text.as_bytes()).map(|returned| returned.outcome);
            assert!(matches!(outcome, None | Some(Outcome::Failed(Errno::Other))), "{text}");
        }
    }

    #[test]
    fn made_up_results() {
        for text in [
            " = 7 (INJECTED)",
            " = 7 (INJECTED) (DELAYED) <0.000010>",
            " = -1 EPIPE (Broken pipe) (INJECTED) <12>",
            " = 7 (INJECTED: args, retval)",
        ] {
            assert!(is_made_up(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            " = 7",
            " = 7 <0.000010>",
            " = -7 (JJJ) = 7 <0.000010>",
            " = 7 (INJECTED: args) <0.000010>",
            " = 7 (DELAYED)",
            " = -1 EPIPE (Broken pipe)",
            " = 7</tmp/a (INJECTED)>",
        ] {
            assert!(!is_made_up(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn threads() {
        assert_eq!(tid(b"25072"), Some(Tid(25072)));
        assert_eq!(tid(b"25072<thr> <0.1>"), Some(Tid(25072)));
        assert_eq!(tid(b"3<thr> /* 25428 in strace's PID NS */"), Some(Tid(25428)));
        assert_eq!(tid(b"3 /* 25428 in strace's PID NS */ <0.2>"), Some(Tid(25428)));
        assert_eq!(tid(b"0"), None);
        assert_eq!(tid(b"?"), None);
    }
}
