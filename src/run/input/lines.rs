//! Cuts a stream of bytes into lines without copying them; no input or output happens here.
//!
//! The caller reads into [`Lines::room`], says with [`Lines::filled`] how much came, and calls [`Lines::step`] until it
//! needs more. A line stays in place, and is borrowed from there, until the next step:
//!
//! ```text
//!   0       line.start  line.end  next        searched       end            data.len()
//!   | given back  | the line | \n |  no newline | not looked at | room …          |
//! ```
//!
//! The buffer grows for long lines and comes back to its first size when none has come for a while, so memory follows
//! the lines that there are now.

use std::ops::Range;

use memchr::memchr;

/// How much is read at once. From 128 KiB to 1 MiB the time is the same within the noise; this stays in a core's cache.
pub const CHUNK_BYTES: usize = 256 << 10;

/// After so many chunks in which only short lines came a grown buffer goes back to its first size. More than a few,
/// because lines that are long come in groups and growing costs a page fault for every 4 KiB.
const CHUNKS_UNTIL_SHRUNK: u32 = 64;

/// What [`Lines::step`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A line: see [`Lines::line`].
    Line,
    /// The end of a line that was longer than the limit; nothing of it is there any more.
    TooLong,
    /// No whole line is left: read more, or the input is at its end.
    More,
}

/// A buffer that gives lines.
#[derive(Debug)]
pub struct Lines {
    data: Vec<u8>,
    line: Range<usize>,
    next: usize,
    searched: usize,
    end: usize,
    chunk: usize,
    limit: usize,
    /// A line longer than the limit is being passed over.
    skipping: bool,
    /// Nothing will come any more: what is left is the last line.
    ended: bool,
    short_chunks: u32,
}

impl Lines {
    /// A buffer that is read into by `chunk` bytes and gives lines of up to `limit` bytes.
    pub fn new(chunk: usize, limit: usize) -> Self {
        let chunk = chunk.max(1);
        Self {
            data: Vec::new(),
            line: 0..0,
            next: 0,
            searched: 0,
            end: 0,
            chunk,
            limit,
            skipping: false,
            ended: false,
            short_chunks: 0,
        }
    }

    /// The line that the last step found, without its line end (`\n`, `\r\n`).
    pub fn line(&self) -> &[u8] {
        self.data.get(self.line.clone()).unwrap_or_default()
    }

    /// Finds the next line.
    #[inline(always)]
    pub fn step(&mut self) -> Step {
        let rest = self.data.get(self.searched..self.end);
        match memchr(b'\n', rest.unwrap_or_default()) {
            Some(distance) => {
                let newline = self.searched + distance;
                self.take(newline, newline + 1)
            }
            None => self.no_newline(),
        }
    }

    /// No whole line is there: the last one, or the beginning of one.
    #[cold]
    fn no_newline(&mut self) -> Step {
        if self.ended {
            return self.last();
        }
        self.searched = self.end;
        self.skipping |= self.end - self.next > self.limit + 1; // one more for a '\r'
        if self.skipping {
            self.forget();
        }
        Step::More
    }

    /// Takes the line that ends before `newline`; the following begins at `next`.
    #[inline]
    fn take(&mut self, newline: usize, next: usize) -> Step {
        let start = std::mem::replace(&mut self.next, next);
        self.searched = next;
        let bytes = self.data.get(start..newline).unwrap_or_default();
        let length = bytes.strip_suffix(b"\r").unwrap_or(bytes).len();
        if std::mem::take(&mut self.skipping) || length > self.limit {
            return Step::TooLong;
        }
        if length > self.chunk {
            self.short_chunks = 0;
        }
        self.line = start..start + length;
        Step::Line
    }

    /// The last line, which has no newline, if there is one.
    fn last(&mut self) -> Step {
        if self.next == self.end && !self.skipping { Step::More } else { self.take(self.end, self.end) }
    }

    /// Drops everything that is held.
    fn forget(&mut self) {
        (self.next, self.searched, self.end) = (0, 0, 0);
        self.line = 0..0;
    }

    /// Room for the next bytes, one chunk of it. What [`Lines::line`] gave is void from here on.
    pub fn room(&mut self) -> &mut [u8] {
        self.line = 0..0;
        self.short_chunks = self.short_chunks.saturating_add(1);
        if self.next == self.end || self.data.len() - self.end < self.chunk {
            self.move_to_front();
        }
        let first_size = 2 * self.chunk;
        if self.data.len() - self.end < self.chunk {
            // Doubled, so that a line of any length is moved a few times at most. `step` lets nothing longer wait.
            let longest = self.limit + 1 + self.chunk;
            let size = longest.min(2 * self.data.len()).max(first_size);
            if self.data.is_empty() {
                // Zeros that come with the memory cost nothing.
                self.data = vec![0; size];
            } else {
                self.data.resize(size, 0);
            }
        } else if self.data.len() > first_size && self.short_chunks > CHUNKS_UNTIL_SHRUNK {
            self.move_to_front();
            if self.end <= self.chunk {
                self.data.truncate(first_size);
                self.data.shrink_to_fit();
            }
        }
        let end = self.end;
        self.data.get_mut(end..end + self.chunk).unwrap_or_default()
    }

    /// Moves what is left of a line to the front.
    fn move_to_front(&mut self) {
        if self.next > 0 {
            self.data.copy_within(self.next..self.end, 0);
            self.searched -= self.next;
            self.end -= self.next;
            self.next = 0;
        }
    }

    /// `count` bytes have been read into the room.
    pub fn filled(&mut self, count: usize) {
        self.end = self.data.len().min(self.end + count);
    }

    /// The input has ended: what is left is a line, if there is anything.
    pub fn finish(&mut self) {
        self.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `input` that comes `piece` bytes at a time; a line that is too long is `None`.
    fn cut(input: &[u8], piece: usize, chunk: usize, limit: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(chunk, limit);
        let mut found = Vec::new();
        let mut pieces = input.chunks(piece.min(chunk));
        loop {
            match lines.step() {
                Step::Line => found.push(Some(lines.line().to_vec())),
                Step::TooLong => found.push(None),
                Step::More => match pieces.next() {
                    Some(bytes) => {
                        lines.room()[..bytes.len()].copy_from_slice(bytes);
                        lines.filled(bytes.len());
                    }
                    None if lines.ended => return found,
                    None => lines.finish(),
                },
            }
        }
    }

    #[track_caller]
    fn check(input: &str, expected: &[Option<&str>]) {
        for piece in 1..=input.len().max(1) {
            for chunk in 1..=8 {
                let expected: Vec<_> = expected.iter().map(|line| line.map(|line| line.as_bytes().to_vec())).collect();
                assert_eq!(cut(input.as_bytes(), piece, chunk, 6), expected, "{piece} at a time, chunk {chunk}");
            }
        }
    }

    #[test]
    fn lines_whatever_their_pieces() {
        check("", &[]);
        check("\n", &[Some("")]);
        check("a", &[Some("a")]);
        check("a\nbc\n", &[Some("a"), Some("bc")]);
        check("a\n\nbc", &[Some("a"), Some(""), Some("bc")]);
        check("a\r\nb\rc\r\r\nd\r", &[Some("a"), Some("b\rc\r"), Some("d")]);
        check("a\0b\n", &[Some("a\0b")]);
    }

    #[test]
    fn a_line_over_the_limit_is_told_once_and_the_next_is_whole() {
        check("123456\n1234567\nab\n", &[Some("123456"), None, Some("ab")]);
        check("123456\r\n", &[Some("123456")]);
        check("12345678901234567890\nab", &[None, Some("ab")]);
        check("ab\n12345678901234567890", &[Some("ab"), None]);
    }

    #[test]
    fn memory_returns_after_a_long_line() {
        let (chunk, limit) = (1024, 1 << 20);
        let mut lines = Lines::new(chunk, limit);
        let read = |lines: &mut Lines, bytes: &[u8]| {
            for piece in bytes.chunks(chunk) {
                lines.room()[..piece.len()].copy_from_slice(piece);
                lines.filled(piece.len());
                while lines.step() != Step::More {}
            }
        };
        read(&mut lines, &[vec![b'x'; 500_000], b"\n".to_vec()].concat());
        assert!(lines.data.capacity() >= 500_000);
        for _ in 0..100 {
            read(&mut lines, b"short\n");
        }
        assert_eq!(lines.data.capacity(), 2 * chunk);
        for _ in 0..4096 {
            read(&mut lines, &[b'y'; 1024]);
        }
        assert!(lines.data.len() <= limit + 1 + chunk, "a line without end is not held");
    }
}
