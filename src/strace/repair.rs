//! Lines with something in them that is not the trace's: colour, a byte order mark, and strace's own messages in the middle
//! of a call; and lines that somebody has numbered.
//!
//! Without `-o`, strace writes `strace: Process 17535 attached` to where it writes the trace, and a call may be half out:
//! ```text
//! vfork(strace: Process 4977 attached
//!  <unfinished ...>
//! ```

use super::time;

/// What begins a sequence that a terminal obeys.
const ESC: u8 = 0x1b;

/// What some editors and shells put in front of a file that is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The numbers in front of lines, as `cat -n` and `nl` write them.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineNumbers {
    /// One was padded with blanks, so that those that fill their column are none of threads.
    padded: bool,
}

impl LineNumbers {
    /// The width of the column that a number is padded to; a larger one makes its own.
    const COLUMN: usize = 6;

    /// What stands behind the number in front of `line`. strace pads no thread's number and writes no tab.
    #[inline]
    pub fn behind<'t>(&mut self, line: &'t [u8]) -> &'t [u8] {
        if line.first() == Some(&b' ') || self.padded { self.looked_for(line) } else { line }
    }

    /// Whether one is looked for in front of every line.
    #[inline]
    pub const fn are_looked_for(self) -> bool {
        self.padded
    }

    fn looked_for<'t>(&mut self, line: &'t [u8]) -> &'t [u8] {
        let blanks = line.iter().take_while(|byte| **byte == b' ').count();
        let digits = line.get(blanks..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
        match line.get(blanks + digits..) {
            Some([b'\t', rest @ ..]) if digits > 0 && (blanks > 0 || digits >= Self::COLUMN) => {
                self.padded |= blanks > 0;
                rest
            }
            _ => line,
        }
    }
}

/// Whether a line may be none as strace writes it, by its ends: strace ends every coloured line with a reset.
#[inline]
pub(super) fn may_need_repair(line: &[u8]) -> bool {
    line.last() == Some(&b'm') || matches!(line.first(), Some(0 | &ESC | 0xef))
}

/// Whether a line has a sequence for the terminal in it, or something in front that is no text.
pub(super) fn needs_repair(line: &[u8]) -> bool {
    memchr::memchr(ESC, line).is_some() || foreign_start(line) > 0
}

/// Copies a line without its sequences for the terminal, and without zero bytes (a hole in the file) and a byte order mark
/// in front; whether there was a sequence.
pub fn repaired(line: &[u8], plain: &mut Vec<u8>) -> bool {
    let coloured = without_colour(line, plain);
    plain.drain(..foreign_start(plain));
    coloured
}

/// How many bytes in front of a line are no text.
fn foreign_start(line: &[u8]) -> usize {
    let mut rest = line;
    while let Some(behind) = rest.strip_prefix(b"\0").or_else(|| rest.strip_prefix(BYTE_ORDER_MARK)) {
        rest = behind;
    }
    line.len() - rest.len()
}

/// Copies a line without the sequences that strace, grep, ls and others write for a terminal; whether there was one.
pub(super) fn without_colour(line: &[u8], plain: &mut Vec<u8>) -> bool {
    let mut rest = line;
    plain.clear();
    while let Some(at) = memchr::memchr(ESC, rest) {
        let (before, sequence) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        plain.extend_from_slice(before);
        rest = behind_sequence(sequence.get(1..).unwrap_or_default());
    }
    plain.extend_from_slice(rest);
    plain.len() < line.len()
}

/// What follows a sequence (ECMA-48 §5.4, §5.6), given what stands behind its ESC. Of one that is cut, what is there goes.
fn behind_sequence(text: &[u8]) -> &[u8] {
    match text {
        // CSI: parameters, intermediate bytes, a final byte.
        [b'[', text @ ..] => {
            let length = text.iter().take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
            let is_whole = matches!(text.get(length), Some(0x40..=0x7e));
            text.get(length + usize::from(is_whole)..).unwrap_or_default()
        }
        // OSC, as of links: up to BEL or ESC \.
        [b']', text @ ..] => match text.iter().position(|byte| matches!(byte, 0x07 | 0x1b)) {
            Some(end) => {
                let text = text.get(end + 1..).unwrap_or_default();
                text.strip_prefix(b"\\").unwrap_or(text)
            }
            None => text,
        },
        // A character set.
        [b'(' | b')', b'0' | b'A' | b'B', text @ ..] => text,
        _ => text,
    }
}

/// A message that ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StraceMessage<'t> {
    /// The text before it: the beginning of a call that goes on in the next line.
    pub(super) before: &'t [u8],
    /// The thread, where strace attached to it.
    pub(super) attached: Option<u32>,
}

/// `strace: Process N attached`, also `detached` and `attached with N threads`, at a line's end.
#[inline(always)]
pub(super) fn message(line: &[u8]) -> Option<StraceMessage<'_>> {
    if matches!(line.last(), Some(b'd' | b's')) { message_at_end(line) } else { None }
}

#[inline(never)]
fn message_at_end(line: &[u8]) -> Option<StraceMessage<'_>> {
    if !(line.ends_with(b"tached") || line.ends_with(b" threads")) {
        return None;
    }
    let tail = line.len().saturating_sub(64);
    let at = tail + line.get(tail..)?.windows(8).rposition(|part| part == b"Process ")?;
    let (before, text) = line.split_at_checked(at)?;
    let text = text.get(8..)?;
    let (pid, count) = time::digits(text);
    let what = text.get(count..)?;
    let attached = what.starts_with(b" attached");
    if count == 0 || !(attached || what == b" detached") {
        return None;
    }
    let attached = attached.then(|| u32::try_from(pid).ok()).flatten();
    Some(StraceMessage { before: without_program(before), attached })
}

/// Takes off the `strace: ` that the message begins with: the program's name as it was called, maybe with a path.
fn without_program(text: &[u8]) -> &[u8] {
    let Some(text) = text.strip_suffix(b": ") else {
        return text;
    };
    let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'+');
    let length = text.iter().rev().take_while(|byte| is_path(byte)).count();
    let (before, path) = text.split_at_checked(text.len() - length).unwrap_or((text, &[]));
    let start = match (path.first(), path.iter().position(|byte| *byte == b'/')) {
        (Some(b'.'), _) => 0,
        (_, Some(slash)) => slash,
        (_, None) => path.windows(6).rposition(|part| part == b"strace").unwrap_or(0),
    };
    text.get(..before.len() + start).unwrap_or_default()
}

/// Whether a line can go on where a message broke the one before. A line of its own begins with a number or a thread.
pub(super) fn goes_on(line: &[u8]) -> bool {
    !line.starts_with(b"[pid") && !line.first().is_some_and(u8::is_ascii_digit)
}

/// Whether a line is one of strace's own messages.
pub(super) fn is_message(body: &[u8]) -> bool {
    let start = body.get(..body.len().min(256)).unwrap_or_default();
    start.starts_with(b"[ Process PID=") || start.windows(8).any(|part| part == b"strace: ")
}

/// Whether a line is the first of the table that `-C` writes behind a trace:
///
/// ```text
/// % time     seconds  usecs/call     calls    errors syscall
/// ------ ----------- ----------- --------- --------- ----------------
///  28.57    0.000012           2         5           sendto
/// ------ ----------- ----------- --------- --------- ----------------
/// 100.00    0.000042           3        12         1 total
/// ```
pub(super) fn begins_table(line: &[u8]) -> bool {
    line.starts_with(b"% time ") && line.ends_with(b" syscall")
}

/// Whether a line of the table is its last.
pub(super) fn ends_table(line: &[u8]) -> bool {
    line.ends_with(b" total")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, before: &str, attached: Option<u32>) {
        assert_eq!(message(line.as_bytes()), Some(StraceMessage { before: before.as_bytes(), attached }), "{line}");
    }

    #[test]
    fn messages() {
        check("strace: Process 17535 attached", "", Some(17535));
        check("/usr/bin/strace: Process 6325 attached with 11 threads", "", Some(6325));
        check("Process 6325 attached", "", Some(6325));
        check("strace: Process 69326 detached", "", None);
        check("epoll_wait(4, ^Cstrace: Process 69326 detached", "epoll_wait(4, ^C", None);
        check("17.1 vfork(strace: Process 4977 attached", "17.1 vfork(", Some(4977));
        check("vfork(/tmp/ws/usr/bin/strace: Process 4977 attached", "vfork(", Some(4977));
        check("clone(flags=A|SIGCHLD/usr/bin/strace: Process 4977 attached", "clone(flags=A|SIGCHLD", Some(4977));
        check("clone3({tls=0x7f}./strace: Process 4977 attached", "clone3({tls=0x7f}", Some(4977));
        assert_eq!(message(b"write(1, \"Process attached"), None);
        assert_eq!(message(b"attached"), None);
    }

    #[test]
    fn colour() {
        let check = |line: &str, expected: &str| {
            let mut plain = Vec::new();
            assert_eq!(without_colour(line.as_bytes(), &mut plain), line != expected, "{line}");
            assert_eq!(plain.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
        };
        check("\x1b[1;33mread\x1b[0m(3, \"a\")\x1b[m", "read(3, \"a\")");
        check("1 \x1b[01;31m\x1b[Kread\x1b[m\x1b[K(3)", "1 read(3)");
        check("\x1b[38:2::255:0:0mread\x1b[?25h(3)\x1b(B\x1b[m", "read(3)");
        check("\x1b]8;;file://a/b\x1b\\read\x1b]8;;\x07(3)", "read(3)");
        check("read(3) = 1m", "read(3) = 1m");
        check("\x1b", "");
        check("read(\x1b[3", "read(");
        check("read(\x1b]3", "read(3");
    }

    #[test]
    fn numbers_in_front() {
        let check = |numbers: &mut LineNumbers, line: &str, expected: &str| {
            assert_eq!(numbers.behind(line.as_bytes()).escape_ascii().to_string(), expected, "{line}");
        };
        let numbers = &mut LineNumbers::default();
        check(numbers, "123456\tread(3)", "123456\\tread(3)");
        check(numbers, "     1\t4711 read(3)", "4711 read(3)");
        check(numbers, "  12\t", "");
        check(numbers, "100000\tread(3)", "read(3)");
        check(numbers, "1000000\tread(3)", "read(3)");
        check(numbers, "     3\t | 00000  61", " | 00000  61");
        for other in
            ["4711 read(3)", "99999\\tread(3)", "     0.000004 read(3)", "     0 read(3)", " | 00000  61", "", "      "]
        {
            check(numbers, &other.replace("\\t", "\t"), other);
        }
    }

    #[test]
    fn what_is_in_front_of_a_line() {
        let check = |line: &[u8], expected: &str| {
            let mut plain = Vec::new();
            repaired(line, &mut plain);
            assert_eq!(plain, expected.as_bytes());
            assert_eq!(needs_repair(line), line != expected.as_bytes());
            assert!(may_need_repair(line) || !needs_repair(line));
        };
        check(b"\xef\xbb\xbfread(3)", "read(3)");
        check(b"\0\0\0read(3)", "read(3)");
        check(b"\0\xef\xbb\xbf\xef\xbb\xbf\0read(3)", "read(3)");
        check("ïread(3)".as_bytes(), "ïread(3)");
        check(b"read(3)", "read(3)");
    }
}
