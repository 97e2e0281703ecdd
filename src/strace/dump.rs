//! The hex dumps of `-e read=` and `-e write=`, which follow their call's line and hold the whole payload (strace
//! `dumpstr` and `dumpiov_upto` in util.c).
//!
//! ```text
//!  = 1 buffers in vector 0               sendmmsg and recvmmsg: a message begins
//!  * 5 bytes in buffer 0                 vectors: an iovec begins
//!  | 00000  66 69 72 73 74                                    first            |
//! ```
//! A write's dump holds the whole request, not what the result says. A vector's dump ends at its first empty buffer, so
//! that of an empty message has no lines. A dump fills in what a cut string lacks, buffer by buffer, and is cut to the result like any payload.

use super::arguments;
use crate::event::as_u64;
use crate::limits;

/// Bytes on a whole line.
const ROW: usize = 16;

/// One buffer's bytes.
#[derive(Clone, Copy, Debug)]
struct DumpedBuffer {
    message: u64,
    buffer: u64,
    start: usize,
    end: usize,
}

impl DumpedBuffer {
    const fn place(&self) -> (u64, u64) {
        (self.message, self.buffer)
    }
}

/// The dump lines behind one call.
#[derive(Debug, Default)]
pub(super) struct Dump {
    bytes: Vec<u8>,
    segments: Vec<DumpedBuffer>,
    message: u64,
    /// Messages and how many buffers each has, in their order.
    messages: Vec<(u64, u64)>,
    /// A line was not the next one: what follows in this segment does not follow its bytes.
    broken: bool,
    /// This trace has dumps.
    seen: bool,
}

/// Whether a line is one of a dump.
#[inline]
pub(super) fn is_line(line: &[u8]) -> bool {
    match line {
        [b' ', b'|', b' ', ..] => true,
        [b' ', b'*' | b'=', b' ', b'0'..=b'9', ..] => {
            line.windows(10).any(|part| part == b" in buffer" || part == b" in vector")
        }
        _ => false,
    }
}

impl Dump {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.segments.clear();
        self.messages.clear();
        self.message = 0;
        self.broken = false;
        if self.bytes.capacity() > limits::SPARE_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// Notes that the trace has dumps.
    pub(super) const fn note(&mut self) {
        self.seen = true;
    }

    /// Whether a call that moved so many bytes is to be held although no more input waits: where the trace has dumps, one
    /// follows it, and strace may not be done with it. Only a request longer than the result goes on behind `moved`.
    pub(super) fn goes_on(&self, moved: Option<u64>) -> bool {
        let more_may_come = moved.is_none_or(|moved| as_u64(self.bytes.len()) < moved);
        self.seen && (self.is_empty() || more_may_come)
    }

    /// Whether the trace has dumps.
    pub(super) const fn is_usual(&self) -> bool {
        self.seen
    }

    /// Whether no line has come.
    pub(super) const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Takes one line in.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.seen = true;
        match line {
            [b' ', b'|', b' ', row @ ..] => self.row(row),
            [b' ', b'=', b' ', count @ ..] => self.next_message(last_number(line), count),
            _ => self.begin(last_number(line)),
        }
    }

    /// The bytes of a message's buffer.
    pub(super) fn buffer(&self, message: u64, buffer: u64) -> Option<&[u8]> {
        let at = self.segments.binary_search_by_key(&(message, buffer), DumpedBuffer::place).ok()?;
        let segment = self.segments.get(at)?;
        self.bytes.get(segment.start..segment.end)
    }

    /// Whether a message has one buffer, and that is empty.
    pub(super) fn is_empty_message(&self, message: u64) -> bool {
        self.messages.binary_search(&(message, 1)).is_ok() && self.buffer(message, 0).is_none()
    }

    /// ` = 1 buffers in vector 0`: a message begins.
    fn next_message(&mut self, message: u64, count: &[u8]) {
        self.message = message;
        let follows = self.messages.last().is_none_or(|last| last.0 < message);
        if follows && self.messages.len() < limits::DUMP_BUFFERS {
            let buffers = arguments::number(count).map_or(0, |(count, _)| count);
            self.messages.push((message, buffers));
        }
    }

    /// A buffer begins. They come in order; one that does not is passed over.
    fn begin(&mut self, buffer: u64) {
        let start = self.bytes.len();
        let next = DumpedBuffer { message: self.message, buffer, start, end: start };
        let follows = self.segments.last().is_none_or(|last| last.place() < next.place());
        self.broken = !follows || self.segments.len() >= limits::DUMP_BUFFERS;
        if !self.broken {
            self.segments.push(next);
        }
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
        let fits = self.bytes.len() < limits::DUMP_BYTES;
        let parsed = arguments::hex_number(row).and_then(|(offset, rest)| Some((offset, rest.strip_prefix(b"  ")?)));
        match parsed {
            Some((offset, columns)) if offset == at && !self.broken && fits => {
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
    let start = line.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    line.get(start..).and_then(arguments::number).map_or(0, |(number, _)| number)
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
        assert_eq!(dump.buffer(0, 0), Some(b"hello\0world\xff 012ja".as_slice()));
        assert_eq!(dump.buffer(0, 1), None);
    }

    #[test]
    fn ascii_is_not_read() {
        let dump = read(&[" | 00000  61                                                61 62 63         |"]);
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
    fn empty_messages() {
        let dump = read(&[
            " = 1 buffers in vector 0",
            " = 2 buffers in vector 1",
            " = 1 buffers in vector 2",
            " * 1 bytes in buffer 0",
            " | 00000  62                                                b                |",
        ]);
        let empty = [0, 1, 2, 3].map(|message| dump.is_empty_message(message));
        assert_eq!(empty, [true, false, false, false]);
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
    fn what_is_out_of_order_is_passed_over() {
        let dump = read(&[
            " * 1 bytes in buffer 1",
            " | 00000  61                                                a                |",
            " * 1 bytes in buffer 0",
            " | 00000  62                                                b                |",
        ]);
        assert_eq!((dump.buffer(0, 0), dump.buffer(0, 1)), (None, Some(b"a".as_slice())));
    }

    #[test]
    fn a_dump_goes_on_until_all_that_moved_is_there() {
        assert!(!Dump::default().goes_on(Some(1)));
        let mut dump = read(&[" | 00000  61 62                                             ab               |"]);
        assert!(dump.goes_on(Some(3)) && dump.goes_on(None) && !dump.goes_on(Some(2)));
        dump.clear();
        assert!(dump.goes_on(Some(0)));
    }

    #[test]
    fn other_lines() {
        for line in ["", " ", " > /lib/libc.so.6(x+0x1) [0x1]", " = 0", " => {parent_tid=[1]}", " <unfinished ...>"] {
            assert!(!is_line(line.as_bytes()), "{line}");
        }
    }
}
