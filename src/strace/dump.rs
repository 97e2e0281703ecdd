//! The hex dumps of `-e read=` and `-e write=`, which follow their call's line and hold the whole payload (strace
//! `dumpstr` and `dumpiov_upto` in util.c).
//!
//! ```text
//!  = 1 buffers in vector 0               sendmmsg and recvmmsg: a message begins
//!  * 5 bytes in buffer 0                 vectors: an iovec begins
//!  | 00000  66 69 72 73 74                                    first            |
//! ```
//! A write's dump holds the whole request, not what the result says. A vector's dump ends at its first empty buffer. So a
//! dump fills in what a cut string lacks, buffer by buffer, and is cut to the result like any payload.

use super::arguments;

/// Bytes on a whole line.
const ROW: usize = 16;

/// One buffer's bytes.
#[derive(Clone, Copy, Debug)]
struct Segment {
    message: u64,
    buffer: u64,
    start: usize,
    end: usize,
}

/// The dump lines behind one call.
#[derive(Debug, Default)]
pub(super) struct Dump {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
    message: u64,
    /// A line was not the next one: what follows in this segment does not follow its bytes.
    broken: bool,
}

/// Whether a line is one of a dump.
#[inline]
pub(super) fn is_line(line: &[u8]) -> bool {
    match line {
        [b' ', b'|', b' ', ..] => true,
        [b' ', b'*' | b'=', b' ', b'0'..=b'9', ..] => line
            .windows(10)
            .any(|part| part == b" in buffer" || part == b" in vector"),
        _ => false,
    }
}

impl Dump {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.segments.clear();
        self.message = 0;
        self.broken = false;
    }

    /// Whether no line has come.
    pub(super) const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Takes one line in.
    pub(super) fn line(&mut self, line: &[u8]) {
        match line {
            [b' ', b'|', b' ', row @ ..] => self.row(row),
            [b' ', b'=', ..] => self.message = last_number(line),
            _ => self.begin(last_number(line)),
        }
    }

    /// The bytes of a message's buffer.
    pub(super) fn buffer(&self, message: u64, buffer: u64) -> Option<&[u8]> {
        let is_it = |segment: &&Segment| segment.message == message && segment.buffer == buffer;
        let segment = self.segments.iter().find(is_it)?;
        self.bytes.get(segment.start..segment.end)
    }

    fn begin(&mut self, buffer: u64) {
        let start = self.bytes.len();
        self.segments.push(Segment {
            message: self.message,
            buffer,
            start,
            end: start,
        });
        self.broken = false;
    }

    /// `00010  68 65 … 6f  77 …  text |`
    fn row(&mut self, row: &[u8]) {
        if self.segments.is_empty() {
            self.begin(0);
        }
        let Some(segment) = self.segments.last_mut() else {
            return;
        };
        let at = u64::try_from(segment.end - segment.start).unwrap_or(u64::MAX);
        let parsed = arguments::hex_number(row)
            .and_then(|(offset, rest)| Some((offset, rest.strip_prefix(b"  ")?)));
        match parsed {
            Some((offset, columns)) if offset == at && !self.broken => {
                columns_to_bytes(columns, &mut self.bytes);
                segment.end = self.bytes.len();
            }
            _ => self.broken = true,
        }
    }
}

/// Up to sixteen `xx `, with one more blank in the middle.
fn columns_to_bytes(columns: &[u8], bytes: &mut Vec<u8>) {
    for index in 0..ROW {
        let at = index * 3 + usize::from(index >= ROW / 2);
        let digits = columns.get(at..at + 2).and_then(arguments::hex_number);
        match digits {
            Some((value, [])) => bytes.push(u8::try_from(value).unwrap_or_default()),
            _ => break,
        }
    }
}

/// The number that a line ends with.
fn last_number(line: &[u8]) -> u64 {
    let start = line
        .iter()
        .rposition(|byte| !byte.is_ascii_digit())
        .map_or(0, |at| at + 1);
    line.get(start..)
        .and_then(arguments::number)
        .map_or(0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Dump {
        let mut dump = Dump::default();
        for line in lines {
            assert!(is_line(line.as_bytes()), "{line}");
            dump.line(line.as_bytes());
        }
        dump
    }

    #[test]
    fn one_buffer() {
        let dump = read(&[
            " | 00000  68 65 6c 6c 6f 00 77 6f  72 6c 64 ff 20 30 31 32  hello.world. 012 |",
            " | 00010  6a 61                                             ja               |",
        ]);
        assert_eq!(
            dump.buffer(0, 0),
            Some(b"hello\0world\xff 012ja".as_slice())
        );
        assert_eq!(dump.buffer(0, 1), None);
    }

    #[test]
    fn ascii_is_not_read() {
        let dump = read(&[
            " | 00000  61                                                61 62 63         |",
        ]);
        assert_eq!(dump.buffer(0, 0), Some(b"a".as_slice()));
    }

    #[test]
    fn vectors() {
        let dump = read(&[
            " = 2 buffers in vector 0",
            " * 2 bytes in buffer 0",
            " | 00000  61 61                                             aa               |",
            " * 1 bytes in buffer 1",
            " | 00000  62                                                b                |",
            " = 1 buffers in vector 1",
            " * 3 bytes in buffer 0",
            " | 00000  63 63 63                                          ccc              |",
        ]);
        assert_eq!(dump.buffer(0, 0), Some(b"aa".as_slice()));
        assert_eq!(dump.buffer(0, 1), Some(b"b".as_slice()));
        assert_eq!(dump.buffer(1, 0), Some(b"ccc".as_slice()));
    }

    #[test]
    fn nothing_follows_a_gap() {
        let dump = read(&[
            " | 00000  68 65 6c 6c 6f 00 77 6f  72 6c 64 ff 20 30 31 32  hello.world. 012 |",
            " | <Cannot fetch 16 bytes from pid 1 @0x7f>",
            " | 00020  6a 61                                             ja               |",
        ]);
        assert_eq!(dump.buffer(0, 0).map(<[u8]>::len), Some(16));
    }

    #[test]
    fn other_lines() {
        for line in [
            "",
            " ",
            " > /lib/libc.so.6(x+0x1) [0x1]",
            " = 0",
            " => {parent_tid=[1]}",
            " <unfinished ...>",
        ] {
            assert!(!is_line(line.as_bytes()), "{line}");
        }
    }
}
