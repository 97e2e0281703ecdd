//! Reads traces as lines, and knows when to wait, when to say that nothing more waits, and when to stop.
//!
//! [`Input::advance`] takes one step; the loop in [`super`] acts on it. Nothing is copied: a line is borrowed from the
//! buffer it was read into.

use crate::event::as_u64;
use std::io::{self, Read};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::Error;
use super::foreign::{Judge, Verdict};
use super::lines::{CHUNK_BYTES, Lines, Step};
use super::signals::Signals;
use super::source::{Kind, Source};
use crate::limits;

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// There is a line.
    Line,
    /// A line was longer than [`limits::LINE_BYTES`] and has been passed over.
    TooLong,
    /// Nothing more is there now; the next step will wait. What is known should be shown.
    Pause,
    /// A chunk of a file has been read: the moment to show progress.
    Chunk,
    /// A signal asks for the end.
    Stopped,
    /// There is nothing more.
    End,
}

/// Something that lines come from.
pub trait LineSource {
    /// Takes one step.
    ///
    /// # Errors
    ///
    /// Reading failed.
    fn advance(&mut self) -> Result<Advance, Error>;

    /// The line that the last step came to, without its end.
    fn line(&self) -> &[u8];
}

/// All traces of a run as one.
pub trait Input {
    /// Takes one step.
    ///
    /// # Errors
    ///
    /// Reading failed.
    fn advance(&mut self) -> Result<Advance, Error>;

    /// The line that the last step came to, without its end, and the number of the source it is from.
    fn line(&self) -> (usize, &[u8]);

    /// How many bytes have been read.
    fn position(&self) -> u64;

    /// Whether there was something to read, and nothing of it is strace's, as far as it has been looked at.
    fn holds_nothing(&self) -> bool;

    /// What is left of every pipe that has not come to its end.
    fn pipes(&self) -> Vec<&Source>;
}

/// Reads one source.
#[derive(Debug)]
pub struct Reader<'s> {
    source: Source,
    signals: &'s Signals,
    lines: Lines,
    position: u64,
    /// Looks at what has been read first, until it is known what it is. Files have been looked at before.
    judge: Option<Judge>,
    /// What has been read and waits, while it may be no trace's.
    doubtful: Vec<u8>,
    /// Nothing in it is strace's.
    nothing: bool,
    /// A pause has been told since the last read.
    paused: bool,
    ended: bool,
}

impl<'s> Reader<'s> {
    /// Reads `source`, by `chunk` bytes.
    pub fn new(source: Source, chunk: usize, signals: &'s Signals) -> Self {
        let lines = Lines::new(chunk, limits::LINE_BYTES);
        Self {
            judge: (source.kind() != Kind::File).then(Judge::default),
            doubtful: Vec::new(),
            nothing: source.nothing().is_some(),
            source,
            signals,
            lines,
            position: 0,
            paused: false,
            ended: false,
        }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether nothing in it is strace's, as far as it has been looked at.
    pub fn holds_nothing(&self) -> bool {
        self.nothing
    }

    /// Reads on until there is a line, or something else to tell.
    #[cold]
    fn read(&mut self) -> Result<Advance, Error> {
        let is_file = self.source.kind() == Kind::File;
        while !self.ended {
            if self.signals.stop().is_some() {
                return Ok(Advance::Stopped);
            }
            if !is_file && !self.is_ready(!self.paused)? {
                if !self.paused {
                    self.paused = true;
                    return Ok(Advance::Pause);
                }
                continue;
            }
            self.read_chunk()?;
            if is_file && !self.ended {
                return Ok(Advance::Chunk);
            }
            match self.lines.step() {
                Step::Line => return Ok(Advance::Line),
                Step::TooLong => return Ok(Advance::TooLong),
                Step::More => {}
            }
        }
        self.lines = Lines::new(0, 0);
        Ok(Advance::End)
    }

    /// Reads once.
    fn read_chunk(&mut self) -> Result<(), Error> {
        self.paused = false;
        let room = self.lines.room();
        match self.source.file().read(room) {
            Ok(0) => {
                self.ended = true;
                if let Some(mut judge) = self.judge.take() {
                    self.believe(judge.end())?;
                }
                self.release();
                self.lines.finish();
            }
            Ok(count) => {
                self.position += as_u64(count);
                if self.judge.is_some() {
                    let bytes = room.get(..count).unwrap_or_default().to_vec();
                    self.look(&bytes)?;
                } else {
                    self.lines.filled(count);
                }
            }
            Err(error) if is_temporary(&error) => {}
            Err(error) => {
                self.ended = true;
                return Err(Error::ReadTrace(self.source.name().clone(), error));
            }
        }
        Ok(())
    }

    /// Looks whether what is read first is of a trace. Nothing of it goes on while more speaks against that: what another
    /// program wrote must not become packets.
    fn look(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.doubtful.extend_from_slice(bytes);
        let verdict = self.judge.as_mut().and_then(|judge| judge.take(bytes));
        if let Some(verdict) = verdict {
            self.judge = None;
            self.believe(verdict)?;
        }
        if !self.judge.as_ref().is_some_and(Judge::doubts) {
            self.release();
        }
        Ok(())
    }

    fn believe(&mut self, verdict: Verdict) -> Result<(), Error> {
        match verdict {
            Verdict::Foreign(kind) if kind.is_certain() => Err(Error::NotATrace(self.source.name().clone(), kind)),
            Verdict::Foreign(_) => {
                self.nothing = true;
                Ok(())
            }
            Verdict::Trace | Verdict::Unknown => Ok(()),
        }
    }

    /// Lets go on what waits.
    fn release(&mut self) {
        let mut waiting = std::mem::take(&mut self.doubtful);
        let mut rest = waiting.as_slice();
        while !rest.is_empty() {
            let room = self.lines.room();
            let count = rest.len().min(room.len());
            let (bytes, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            self.lines.filled(count);
            rest = behind;
        }
        waiting.clear();
        self.doubtful = waiting;
    }

    /// Whether something can be read: looked up at once, or waited for until it can or a signal asks for the end.
    fn is_ready(&self, at_once: bool) -> Result<bool, Error> {
        let input = PollFd::from_borrowed_fd(self.source.file().as_fd(), PollFlags::IN);
        let signal = PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN);
        let mut both = [input, signal];
        let no_time = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut both, at_once.then_some(&no_time)) {
            // The end and an error are there to be read, too.
            Ok(_) => Ok(both.first().is_some_and(|input| !input.revents().is_empty())),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(Error::ReadTrace(self.source.name().clone(), error.into())),
        }
    }

    /// What it reads, if that is a pipe that has not come to its end.
    pub fn pipe(&self) -> Option<&Source> {
        (self.source.kind() == Kind::Pipe && !self.ended).then_some(&self.source)
    }
}

/// Reads `pipes` to their ends and forgets what comes: who writes there is traced, and must not be told that we are gone.
/// All at once, for each of them would be stopped while it waits for its turn. A signal ends it.
pub fn drain(mut pipes: Vec<&Source>, signals: &Signals) {
    let mut nowhere = vec![0; CHUNK_BYTES];
    while !pipes.is_empty() && signals.stop().is_none() {
        let mut all: Vec<_> = pipes.iter().map(|pipe| PollFd::new(pipe.file(), PollFlags::IN)).collect();
        all.push(PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN));
        let polled = poll(&mut all, None);
        let ready: Vec<_> = all.iter().map(|polled| !polled.revents().is_empty()).collect();
        if polled.is_err() {
            continue;
        }
        let mut ready = ready.into_iter();
        pipes.retain(|pipe| {
            !ready.next().unwrap_or_default()
                || match pipe.file().read(&mut nowhere) {
                    Ok(count) => count > 0,
                    Err(error) => is_temporary(&error),
                }
        });
    }
}

impl LineSource for Reader<'_> {
    #[inline]
    fn advance(&mut self) -> Result<Advance, Error> {
        match self.lines.step() {
            Step::Line => Ok(Advance::Line),
            Step::TooLong => Ok(Advance::TooLong),
            Step::More => self.read(),
        }
    }

    #[inline]
    fn line(&self) -> &[u8] {
        self.lines.line()
    }
}

/// Whether to try again: interrupted, or a descriptor that does not block, for which [`Reader::is_ready`] waits.
fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// Whether something was there to read, and nothing of it is strace's.
pub(super) fn hold_nothing(readers: &[Reader<'_>]) -> bool {
    let mut read = readers.iter().filter(|reader| reader.position() > 0);
    let any = read.clone().next().is_some();
    any && read.all(Reader::holds_nothing)
}

/// Reads several sources one after the other.
#[derive(Debug)]
pub struct Sequence<'s> {
    readers: Vec<Reader<'s>>,
    current: usize,
}

impl<'s> Sequence<'s> {
    /// Reads `sources` in this order.
    pub fn new(sources: Vec<Source>, signals: &'s Signals) -> Self {
        let readers = sources.into_iter().map(|source| Reader::new(source, CHUNK_BYTES, signals));
        Self { readers: readers.collect(), current: 0 }
    }
}

impl Input for Sequence<'_> {
    #[inline]
    fn advance(&mut self) -> Result<Advance, Error> {
        while let Some(reader) = self.readers.get_mut(self.current) {
            match reader.advance()? {
                Advance::End => self.current += 1,
                other => return Ok(other),
            }
        }
        Ok(Advance::End)
    }

    #[inline]
    fn line(&self) -> (usize, &[u8]) {
        (self.current, self.readers.get(self.current).map(Reader::line).unwrap_or_default())
    }

    fn position(&self) -> u64 {
        self.readers.iter().map(Reader::position).sum()
    }

    fn holds_nothing(&self) -> bool {
        hold_nothing(&self.readers)
    }

    fn pipes(&self) -> Vec<&Source> {
        self.readers.iter().filter_map(Reader::pipe).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;

    use super::*;

    /// Everything that reading `sources` comes to, until a pause (which is told) or the end.
    fn steps(input: &mut impl Input) -> String {
        let mut told = Vec::new();
        loop {
            match input.advance().unwrap() {
                Advance::Line => {
                    let (source, line) = input.line();
                    told.push(format!("{source}:{}", String::from_utf8_lossy(line)));
                }
                Advance::End => return told.join(" "),
                Advance::Pause => {
                    told.push("pause".to_owned());
                    return told.join(" ");
                }
                other => told.push(format!("{other:?}")),
            }
        }
    }

    fn file(name: &str, text: &str) -> Source {
        let path = std::env::temp_dir().join(format!("strace2pcap-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let source = Source::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        source
    }

    #[test]
    fn files_are_read_one_after_the_other() {
        let signals = Signals::none().unwrap();
        let sources = vec![file("a", "one\ntwo"), file("b", ""), file("c", "three\n")];
        let mut input = Sequence::new(sources, &signals);
        assert_eq!(steps(&mut input), "Chunk 0:one 0:two Chunk 2:three");
        assert_eq!(input.position(), 13);
        assert_eq!(steps(&mut input), "");
    }

    #[test]
    fn a_pipe_pauses_when_nothing_more_waits() {
        let signals = Signals::none().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        let source = Source::of_descriptor("a pipe", OwnedFd::from(reader)).unwrap();
        let mut input = Sequence::new(vec![source], &signals);
        assert_eq!(steps(&mut input), "pause");
        writer.write_all(b"one\ntw").unwrap();
        assert_eq!(steps(&mut input), "0:one pause");
        writer.write_all(b"o\n").unwrap();
        assert_eq!(steps(&mut input), "0:two pause");
        writer.write_all(b"three").unwrap();
        drop(writer);
        assert_eq!(steps(&mut input), "0:three");
    }
}
