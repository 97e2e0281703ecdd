//! What comes from another machine: our own lines taken out of strace's text, and strace's own words heard in what is
//! said on standard error.

use std::io::{self, Read, Write};

use super::script::{MARK, THREAD};
use crate::run::traced::Teller;

/// Most bytes of strace's own messages that are kept: each is a line, and the first ones tell why.
const MESSAGES_BYTES: usize = 4 << 10;

/// Most bytes of a line that is taken out.
const LINE_BYTES: usize = 1 << 10;

/// How strace begins its messages.
const STRACE: &str = "strace: ";

/// How far a trace from another machine has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// The script over there has begun.
    pub has_begun: bool,
    /// strace over there has ended with this status.
    pub status: Option<u8>,
}

impl Course {
    /// Takes a line of ours.
    fn note(&mut self, line: &[u8], teller: &mut Teller) {
        let said = line.get(MARK.len()..).unwrap_or_default().trim_ascii_end();
        self.has_begun = true;
        match said.strip_prefix(THREAD.as_bytes()) {
            Some(thread) => teller.tell(thread),
            None => self.status = String::from_utf8_lossy(said).parse().ok().or(self.status),
        }
    }
}

/// Takes lines out of a text that comes in pieces: those with a certain beginning. Another one goes on as soon as it is
/// known to be another.
struct Sieve {
    beginning: &'static [u8],
    /// The beginning of a line that may be taken out.
    held: Vec<u8>,
    /// What comes next begins a line.
    at_start: bool,
}

impl Sieve {
    const fn new(beginning: &'static str) -> Self {
        Self { beginning: beginning.as_bytes(), held: Vec::new(), at_start: true }
    }

    /// What goes on of the next piece, and the lines that are taken out.
    fn sift(&mut self, piece: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut out, mut taken) = (Vec::with_capacity(piece.len() + self.held.len()), Vec::new());
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let ends = part.ends_with(b"\n");
            if self.at_start || !self.held.is_empty() {
                self.held.extend_from_slice(part);
                if !self.may_be_taken() {
                    out.append(&mut self.held);
                } else if ends {
                    taken.push(std::mem::take(&mut self.held));
                }
            } else {
                out.extend_from_slice(part);
            }
            self.at_start = ends;
        }
        (out, taken)
    }

    fn may_be_taken(&self) -> bool {
        let both = self.held.len().min(self.beginning.len());
        self.held.len() < LINE_BYTES && self.held.get(..both) == self.beginning.get(..both)
    }
}

/// Reads once, whatever interrupts.
fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Passes strace's text from `from` to `to` until either ends, without our own lines ([`MARK`]); those of threads are told.
pub fn pass(mut from: impl Read, mut to: impl Write, teller: &mut Teller) -> io::Result<Course> {
    let mut course = Course::default();
    let mut sieve = Sieve::new(MARK);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = read(&mut from, &mut buffer)?;
        if count == 0 {
            to.write_all(&sieve.held)?;
            return Ok(course);
        }
        let (out, ours) = sieve.sift(buffer.get(..count).unwrap_or_default());
        for line in &ours {
            course.note(line, teller);
        }
        to.write_all(&out)?;
    }
}

/// Hands what comes from `from` on to `to`, as it is; strace's own lines in it.
pub fn listen(mut from: impl Read, mut to: Option<impl Write>) -> String {
    let mut said = Vec::new();
    let mut sieve = Sieve::new(STRACE);
    let mut buffer = vec![0; 8 << 10];
    loop {
        let count = read(&mut from, &mut buffer).unwrap_or_default();
        let bytes = buffer.get(..count).unwrap_or_default();
        if let Some(to) = &mut to {
            // Where standard error is closed nobody wants it.
            let _ = to.write_all(bytes);
        }
        for line in sieve.sift(bytes).1 {
            if said.len() + line.len() < MESSAGES_BYTES {
                said.extend(line);
            }
        }
        if count == 0 {
            return String::from_utf8_lossy(&said).into_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a text in pieces of so many bytes.
    struct Pieces<'t>(&'t [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(room.len());
            let (now, later) = self.0.split_at(count);
            room[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    #[test]
    fn our_lines_are_taken_out_however_they_come() {
        let (mut teller, told) = Teller::begin();
        let text = b"+++ strace2pcap begins\n+++ strace2pcap thread 8 7 a b\n+++ strace2pcap thread 8\n7 read(3) = 0\n+++ exited with 3 +++\n7 +++ strace2pcap 9\n+++ strace2pcap 3\n+++ stra";
        let left = "7 read(3) = 0\n+++ exited with 3 +++\n7 +++ strace2pcap 9\n+++ stra";
        for size in 1..=text.len() {
            let mut out = Vec::new();
            let course = pass(Pieces(text, size), &mut out, &mut teller).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), left, "{size}");
            assert_eq!(course, Course { has_begun: true, status: Some(3) });
            let names: Vec<_> = told.try_iter().map(|(_, found)| found.name).collect();
            assert_eq!(names, [b"a b"]);
        }
        let mut out = Vec::new();
        assert_eq!(pass(&b"7 close(3) = "[..], &mut out, &mut teller).unwrap(), Course::default());
        assert_eq!(out, b"7 close(3) = ");
    }

    #[test]
    fn what_strace_says_is_heard_and_everything_handed_on() {
        let text = b"hello\nstrace: attach: no\nx strace: y\nstrace: more\nstrace: cut";
        for size in 1..=text.len() {
            let mut out = Vec::new();
            let said = listen(Pieces(text, size), Some(&mut out));
            assert_eq!((said.as_str(), out.as_slice()), ("strace: attach: no\nstrace: more\n", text.as_slice()));
        }
    }
}
