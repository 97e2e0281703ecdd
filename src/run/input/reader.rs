//! Reads one trace as lines, and knows when to wait, when to say that nothing more waits, and when to stop.
//!
//! Nothing is copied: a line is borrowed from the buffer it was read into.

use std::io;
use std::time::Duration;

use super::bytes::{Bytes, Got};
use super::foreign::{Judge, Judgement};
use super::lines::{Lines, Step};
use super::source::{Source, SourceKind};
use super::{Advance, LineSource};
use crate::limits;
use crate::run::error::Error;
use crate::run::signals::Signals;
use crate::system::{self, Awaited};

/// When it is told that nothing has come.
const PAUSES: [Duration; 4] = [Duration::ZERO, limits::PAUSE, limits::DUMP_PAUSE, limits::LONG_PAUSE];

/// What waiting has come to.
#[derive(Clone, Copy, Debug)]
enum Wait {
    Ready,
    Quiet,
    Interrupted,
}

/// Reads one source.
#[derive(Debug)]
pub struct Reader<'s> {
    source: Source,
    signals: &'s Signals,
    bytes: Bytes,
    lines: Lines,
    /// Looks at what has been read first, until it is known what it is. Files have been looked at before.
    judge: Option<Judge>,
    /// What has been read and waits, while it may be no trace's.
    doubtful: Vec<u8>,
    /// Nothing in it is strace's.
    nothing: bool,
    /// How many pauses have been told since the last read.
    pauses: usize,
    ended: bool,
}

impl<'s> Reader<'s> {
    /// Reads `source`, by `chunk` bytes.
    pub fn new(source: Source, chunk: usize, signals: &'s Signals) -> Self {
        let lines = Lines::new(chunk, limits::LINE_BYTES);
        Self {
            judge: (source.kind() != SourceKind::File).then(Judge::default),
            doubtful: Vec::new(),
            nothing: source.nothing().is_some(),
            source,
            signals,
            bytes: Bytes::new(),
            lines,
            pauses: 0,
            ended: false,
        }
    }

    /// How many bytes of the source have been read.
    pub fn position(&self) -> u64 {
        self.bytes.position()
    }

    /// Whether all of it could be read, once its end has come.
    pub fn whole(&self) -> Result<(), Error> {
        let damaged = |(with, damage)| Error::DamagedTrace(self.source.name().clone(), damage, with, true);
        self.bytes.whole().map_err(damaged)
    }

    /// Whether nothing in it is strace's, as far as it has been looked at.
    pub fn holds_nothing(&self) -> bool {
        self.nothing
    }

    /// Reads on until there is a line, or something else to tell.
    #[cold]
    fn read(&mut self) -> Result<Advance, Error> {
        let is_file = self.source.kind() == SourceKind::File;
        while !self.ended {
            if self.signals.stop().is_some() {
                return Ok(Advance::Stopped);
            }
            let wait = if is_file || self.bytes.has_more() { Wait::Ready } else { self.wait()? };
            match (wait, PAUSES.get(self.pauses)) {
                (Wait::Ready, _) => {}
                (Wait::Quiet, Some(pause)) => {
                    self.pauses += 1;
                    return Ok(Advance::Pause(*pause));
                }
                _ => continue,
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

    /// Reads from the source once at most.
    fn read_chunk(&mut self) -> Result<(), Error> {
        self.pauses = 0;
        let room = self.lines.room();
        match self.bytes.read(&mut self.source.stream(), room) {
            Ok(Got::End) => {
                self.ended = true;
                if let Some(mut judge) = self.judge.take() {
                    self.believe(judge.end())?;
                }
                self.release();
                self.lines.finish();
            }
            Ok(Got::Bytes(count)) if self.judge.is_some() => {
                let bytes = room.get(..count).unwrap_or_default().to_vec();
                self.look(&bytes)?;
            }
            Ok(Got::Bytes(count)) => self.lines.filled(count),
            Ok(Got::Nothing) => {}
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

    fn believe(&mut self, verdict: Judgement) -> Result<(), Error> {
        match verdict {
            Judgement::Foreign(kind) if kind.is_certain() => {
                Err(Error::NotATrace(self.source.name().clone(), kind, self.bytes.compression()))
            }
            Judgement::Foreign(_) => {
                self.nothing = true;
                Ok(())
            }
            Judgement::Trace | Judgement::Unknown => Ok(()),
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

    /// Waits until something can be read, the next pause is over, or a signal asks for the end.
    fn wait(&self) -> Result<Wait, Error> {
        let both = [Awaited::Input(self.source.stream()), Awaited::Input(self.signals.wake())];
        let before = self.pauses.checked_sub(1).and_then(|last| PAUSES.get(last)).copied().unwrap_or_default();
        let left = PAUSES.get(self.pauses).map(|next| next.saturating_sub(before));
        match system::wait(&both, left) {
            // The end and an error are there to be read, too.
            Ok(seen) if seen.first() == Some(&true) => Ok(Wait::Ready),
            Ok(seen) if seen.contains(&true) => Ok(Wait::Interrupted),
            Ok(_) => Ok(Wait::Quiet),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Wait::Interrupted),
            Err(error) => Err(Error::ReadTrace(self.source.name().clone(), error)),
        }
    }

    /// What it reads, if that is a pipe that has not come to its end.
    pub fn pipe(&self) -> Option<&Source> {
        (self.source.kind() == SourceKind::Pipe && !self.bytes.has_ended()).then_some(&self.source)
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
