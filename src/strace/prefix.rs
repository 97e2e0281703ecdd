//! The prefix of a line, before the call: thread, time, and things that are passed over (strace `printleader`).
//!
//! ```text
//! line := pid? secontext? abstime? reltime? scno? ip? body
//! ```
//! Every part is optional and found out from its shape, line by line.

use super::time::{self, Moment};

/// Highest process number of Linux (`PID_MAX_LIMIT`); a larger integer at a line's start is a time.
const PID_MAX: u64 = 4 << 20;
/// `-r` pads its seconds to this many columns; nothing else in a prefix is padded on the left.
const RELATIVE_COLUMNS: usize = 6;

/// How the thread's number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pid {
    /// Not at all.
    Missing,
    /// As a column, on every line of the trace (`-f` with `-o`).
    Column(u32),
    /// `[pid N]`, only while several threads are traced (on stderr).
    Bracket(u32),
}

/// A line taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix<'t> {
    /// Who.
    pub(super) pid: Pid,
    /// When.
    pub(super) moment: Moment,
    /// That is printed no finer than in milliseconds.
    pub(super) is_coarse: bool,
    /// The rest: the call or message.
    pub(super) body: &'t [u8],
}

/// Takes `line` apart; what is no prefix is body.
pub(super) fn parse(line: &[u8]) -> Prefix<'_> {
    let (indent, text) = blanks(line);
    match text.first() {
        Some(b'0'..=b'9') => starts_with_number(indent, text),
        Some(b'[') => starts_with_bracket(text),
        Some(b'(') => after_pid(Pid::Missing, indent, text),
        _ => without_time(text),
    }
}

/// `1234  1700000000.123456 CALL` or `1234  12:00:00.123456 CALL`, as most lines begin: the thread, and all as [`parse`]
/// finds it as well, at three times the cost. No other part of a prefix begins with a letter.
#[inline(always)]
pub(super) fn usual(line: &[u8]) -> Option<(u32, Prefix<'_>)> {
    let (pid, text) = time::short_number(line)?;
    let ([b' ', b' ', text @ ..] | [b' ', text @ ..]) = text else {
        return None;
    };
    let (moment, is_coarse, body) = if let Some((nanoseconds, body)) = time::usual_epoch(text) {
        (Moment::Epoch(nanoseconds), false, body)
    } else {
        let (nanoseconds, is_coarse, body) = time::usual_of_day(text)?;
        (Moment::OfDay(nanoseconds), is_coarse, body)
    };
    let plain = pid <= PID_MAX && matches!(body, [b'a'..=b'z' | b'<', ..]);
    let pid = u32::try_from(pid).unwrap_or_default();
    plain.then_some((pid, Prefix { pid: Pid::Column(pid), moment, is_coarse, body }))
}

/// How many blanks `text` begins with, and what follows them.
#[inline]
fn blanks(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (count, text.get(count..).unwrap_or_default())
}

/// A line that begins with a number, behind `indent` blanks:
///
/// ```text
/// 4711  1700000000.000001 read(…    a thread in its column, whatever the time's form
///   4711<nginx> 12:00:00 read(…     its name behind it (`-Y`)
///      0 read(…                     no thread, but a whole second of `-r`
/// 1700000000.000001 read(…          no thread, but a time
/// ```
#[inline]
fn starts_with_number(indent: usize, text: &[u8]) -> Prefix<'_> {
    let (value, count) = time::digits(text);
    let rest = text.get(count..).unwrap_or_default();
    match rest.first() {
        Some(b' ' | b'\t') if value <= PID_MAX => {
            let (gap, rest) = blanks(rest);
            // strace writes `%-5u `: the column is five wide, and a short number has more than one blank behind it. What is left
            // of the blanks belongs to the time.
            let column = 6_usize.saturating_sub(count).max(1);
            if is_delta(indent, count) && !has_time(rest) {
                let moment = Moment::Delta(value * time::SECOND);
                return after_time(Pid::Missing, moment, rest);
            }
            let pid = Pid::Column(u32::try_from(value).unwrap_or_default());
            after_pid(pid, gap.saturating_sub(column), rest)
        }
        Some(b'<') => match comm(rest) {
            Some(rest) => {
                let (gap, rest) = blanks(rest);
                after_pid(Pid::Column(u32::try_from(value).unwrap_or_default()), gap.saturating_sub(1), rest)
            }
            None => without_time(text),
        },
        _ => after_pid(Pid::Missing, indent, text),
    }
}

/// Whether a number of `count` digits behind `indent` blanks is one of `-r`.
const fn is_delta(indent: usize, count: usize) -> bool {
    indent > 0 && indent + count == RELATIVE_COLUMNS
}

fn has_time(text: &[u8]) -> bool {
    matches!(absolute(0, text), Some((_, _)))
}

/// What `-Y` says a line's thread is called, as it is written.
pub(super) fn command(line: &[u8]) -> Option<&[u8]> {
    let (_, line) = blanks(line);
    let line = line.strip_prefix(b"[pid").unwrap_or(line);
    let (_, line) = blanks(line);
    let (_, count) = time::digits(line);
    let name = line.get(count..)?.strip_prefix(b"<").filter(|_| count > 0)?;
    let rest = comm(name)?;
    name.get(..name.len() - rest.len() - 1)
}

/// `<comm>` of `-Y`; a `>` within is escaped.
fn comm(text: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b'>', text.get(..256.min(text.len()))?)?;
    text.get(end + 1..)
}

fn starts_with_bracket(text: &[u8]) -> Prefix<'_> {
    match bracketed_pid(text) {
        Some((pid, rest)) => {
            let (gap, rest) = blanks(rest);
            after_pid(Pid::Bracket(pid), gap.saturating_sub(1), rest)
        }
        None => after_pid(Pid::Missing, 0, text),
    }
}

/// `[pid %5u]` or `[pid %5u<comm>]`.
fn bracketed_pid(text: &[u8]) -> Option<(u32, &[u8])> {
    let (_, text) = blanks(text.strip_prefix(b"[pid")?);
    let (value, count) = time::digits(text);
    let text = text.get(count..)?;
    let text = if text.first() == Some(&b'<') { comm(text)? } else { text };
    let text = text.strip_prefix(b"]")?;
    (count > 0).then_some((u32::try_from(value).ok()?, text))
}

/// Passes over `[…] ` groups: security context, system call number, instruction pointer.
fn groups(mut text: &[u8]) -> &[u8] {
    while text.first() == Some(&b'[') {
        let Some(end) = memchr::memchr(b']', text) else {
            return text;
        };
        match text.get(end + 1..) {
            Some(rest @ [b' ' | b'\t', ..]) => text = blanks(rest).1,
            _ => return text,
        }
    }
    text
}

#[inline]
fn after_pid(pid: Pid, indent: usize, text: &[u8]) -> Prefix<'_> {
    if let Some((nanoseconds, body)) = time::usual_epoch(text) {
        return after_time(pid, Moment::Epoch(nanoseconds), blanks(body).1);
    }
    let text = groups(text);
    match absolute(indent, text) {
        Some((moment, rest)) => {
            let is_coarse = !matches!(moment, Moment::Delta(_)) && is_coarse(text);
            Prefix { is_coarse, ..after_time(pid, moment, rest) }
        }
        None => after_time(pid, Moment::Missing, text),
    }
}

/// Neither thread nor time.
const fn without_time(body: &[u8]) -> Prefix<'_> {
    Prefix { pid: Pid::Missing, moment: Moment::Missing, is_coarse: false, body }
}

/// Whether the absolute time that `text` begins with has no more than three digits behind its point.
fn is_coarse(text: &[u8]) -> bool {
    let (whole, rest) = text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b':').count());
    let digits = rest.strip_prefix(b".").map_or(0, |fraction| time::digits(fraction).1);
    !whole.is_empty() && digits <= 3
}

/// A time, and what follows it and a blank.
fn absolute(indent: usize, text: &[u8]) -> Option<(Moment, &[u8])> {
    if let Some((nanoseconds, rest)) = time::of_day(text) {
        return Some((Moment::OfDay(nanoseconds), blank(rest)?));
    }
    let (nanoseconds, rest) = time::seconds(text)?;
    let whole = time::digits(text).1;
    let moment = match nanoseconds {
        Some(nanoseconds) if is_delta(indent, whole) => Moment::Delta(nanoseconds),
        Some(nanoseconds) => Moment::Epoch(nanoseconds),
        None => Moment::Unreadable,
    };
    Some((moment, blank(rest)?))
}

#[inline]
fn blank(text: &[u8]) -> Option<&[u8]> {
    let (count, rest) = blanks(text);
    (count > 0).then_some(rest)
}

#[inline]
fn after_time(pid: Pid, moment: Moment, text: &[u8]) -> Prefix<'_> {
    let body = match text.first() {
        Some(b'(' | b'[') => after_groups(text),
        _ => text,
    };
    Prefix { pid, moment, is_coarse: false, body }
}

/// The body behind what may follow the time: a relative time, a number, an instruction pointer.
fn after_groups(text: &[u8]) -> &[u8] {
    groups(match text.strip_prefix(b"(+") {
        Some(rest) => relative(rest).unwrap_or(text),
        None => text,
    })
}

/// The rest of `(+     0.102297) `, which repeats what the time before it says.
fn relative(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = time::seconds(blanks(text).1)?;
    blank(rest.strip_prefix(b")")?)
}

/// A time that is no number (`nan`, `-1.5`): passes over it where a call, a resumed call or an exit follows.
pub(super) fn unreadable_time(body: &[u8]) -> Option<&[u8]> {
    let end = body.iter().take(64).position(|byte| matches!(byte, b' ' | b'\t'))?;
    let (token, rest) = body.split_at_checked(end)?;
    let plain = token.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b':'));
    let (_, rest) = blanks(rest);
    let rest = groups(rest);
    let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let call = name > 0 && rest.get(name) == Some(&b'(');
    let other = rest.starts_with(b"<... ") || rest.starts_with(b"+++ ");
    let sign = token == b"---" || token == b"+++";
    (plain && !sign && (call || other)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, pid: Pid, moment: Moment, body: &str) {
        let found = parse(line.as_bytes());
        assert_eq!((found.pid, found.moment, found.body), (pid, moment, body.as_bytes()), "{line}");
    }

    const S: u64 = time::SECOND;
    const TIME: Moment = Moment::Epoch(1_700_000_000_123_456_000);

    #[test]
    fn columns() {
        check("1234 1700000000.123456 read(3", Pid::Column(1234), TIME, "read(3");
        check("1     1700000000.123456 read(3", Pid::Column(1), TIME, "read(3");
        check("1     read(3", Pid::Column(1), Moment::Missing, "read(3");
        check(" 1234 1700000000.123456 read(3", Pid::Column(1234), TIME, "read(3");
        check("1234\t1700000000.123456\tread(3", Pid::Column(1234), TIME, "read(3");
        check("1234 <... read resumed>", Pid::Column(1234), Moment::Missing, "<... read resumed>");
        check("1234 1700000000 read(3", Pid::Column(1234), Moment::Epoch(1_700_000_000 * S), "read(3");
        check("1700000000 read(3", Pid::Missing, Moment::Epoch(1_700_000_000 * S), "read(3");
        check("1700000000.123456 read(3", Pid::Missing, TIME, "read(3");
        check("1234 99999999999.5 read(3", Pid::Column(1234), Moment::Unreadable, "read(3");
        check("1234", Pid::Missing, Moment::Missing, "1234");
        check("read(3", Pid::Missing, Moment::Missing, "read(3");
        check("", Pid::Missing, Moment::Missing, "");
    }

    #[test]
    fn names_of_commands() {
        let line = "17643<th\\74r\\76\\\"e\\\\ad \\303\\251> 1700000000.123456 recvfrom(3";
        check(line, Pid::Column(17643), TIME, "recvfrom(3");
        check("5<a> read(3", Pid::Column(5), Moment::Missing, "read(3");
        check("[pid  77<a b>] read(3", Pid::Bracket(77), Moment::Missing, "read(3");
    }

    #[test]
    fn commands() {
        let is = |line: &str, name: Option<&str>| {
            assert_eq!(command(line.as_bytes()), name.map(str::as_bytes), "{line}");
        };
        is("17643<th\\74r> 1700000000.123456 recvfrom(3", Some("th\\74r"));
        is("[pid  77<a b>] read(3", Some("a b"));
        is("77 read(3<TCP:[1]>", None);
        is("<... read resumed>\"a\", 1) = 1", None);
        is("[pid 77] read(3", None);
        is("5<a", None);
    }

    #[test]
    fn brackets() {
        check("[pid  4977] 1700000000.123456 read(3", Pid::Bracket(4977), TIME, "read(3");
        check("[pid 4122682] [000000000044307a] <... x", Pid::Bracket(4_122_682), Moment::Missing, "<... x");
        check("[00000000004305e8] read(3", Pid::Missing, Moment::Missing, "read(3");
        check("[????????????????] +++ killed", Pid::Missing, Moment::Missing, "+++ killed");
        let secontext = "151020 [unconfined_t] 14:37:21.990449 connect(3";
        let moment = Moment::OfDay(((14 * 60 + 37) * 60 + 21) * S + 990_449_000);
        check(secontext, Pid::Column(151_020), moment, "connect(3");
    }

    #[test]
    fn times() {
        let all = "17637 09:57:49.615798 (+     0.102297) [  45] [00007f041d2fe974] recvfrom(3";
        let moment = Moment::OfDay(((9 * 60 + 57) * 60 + 49) * S + 615_798_000);
        check(all, Pid::Column(17637), moment, "recvfrom(3");
        check("121009      0.000004 futex(", Pid::Column(121_009), Moment::Delta(4_000), "futex(");
        check("1         0.000004 futex(", Pid::Column(1), Moment::Epoch(4_000), "futex(");
        check("1          0.000004 futex(", Pid::Column(1), Moment::Delta(4_000), "futex(");
        check("     0.104924 read(", Pid::Missing, Moment::Delta(104_924_000), "read(");
        check("     0 read(", Pid::Missing, Moment::Delta(0), "read(");
        check("09:57:49 read(", Pid::Missing, Moment::OfDay(((9 * 60 + 57) * 60 + 49) * S), "read(");
        check("64:readv(3", Pid::Missing, Moment::Missing, "64:readv(3");
    }

    #[test]
    fn how_fine_a_time_is() {
        let is = |line: &str, coarse: bool| assert_eq!(parse(line.as_bytes()).is_coarse, coarse, "{line}");
        is("09:57:49 recvfrom(3", true);
        is("7 09:57:49.615 recvfrom(3", true);
        is("[pid 7] 1700000000 recvfrom(3", true);
        is("1700000000.001 recvfrom(3", true);
        is("09:57:49.000000 recvfrom(3", false);
        is("1700000000.001000 recvfrom(3", false);
        is("7 1700000000.001000000 recvfrom(3", false);
        is("     0.104924 recvfrom(3", false);
        is("     0.104 recvfrom(3", false);
        is("7 recvfrom(3", false);
        is("recvfrom(3", false);
    }

    #[test]
    fn most_lines_are_read_as_any() {
        for time in ["1700000000.123456", "00:00:00.000000", "23:59:59.999999", "12:34:56"] {
            for line in [format!("4711 {time} read(3"), format!("7  {time} <... read resumed>\"a\", 1) = 1")] {
                let prefix = usual(line.as_bytes()).map(|(pid, prefix)| (Pid::Column(pid), prefix));
                let expected = parse(line.as_bytes());
                assert_eq!(prefix, Some((expected.pid, expected)), "{line}");
            }
        }
        for time in ["12:34:56.123", "12:34:5x", "12-34-56", "12:34:56.12345x", "1700000000"] {
            assert_eq!(usual(format!("4711 {time} read(3").as_bytes()), None, "{time}");
        }
    }

    #[test]
    fn no_numbers() {
        assert_eq!(unreadable_time(b"nan write(5"), Some(b"write(5".as_slice()));
        assert_eq!(unreadable_time(b"-1.5 <... write resumed>"), Some(b"<... write resumed>".as_slice()));
        assert_eq!(unreadable_time(b"hello world"), None);
        assert_eq!(unreadable_time(b"--- SIGCHLD {si_signo"), None);
    }
}
