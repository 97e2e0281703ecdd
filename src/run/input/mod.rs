//! Where traces come from: opened before anything is written, looked at for what is none, read as lines, and several of
//! them put in order of time.
//!
//! ```text
//! source ─→ bytes (compressed) ─→ foreign ─→ lines ─→ merge
//! ```
//! [`Input::advance`] takes one step; the loop in [`super`] acts on it. Nothing is copied: a line is borrowed from the
//! buffer it was read into.

mod beginning;
mod bytes;
pub mod compressed;
mod days;
pub mod foreign;
mod lines;
mod merge;
mod reader;
pub mod source;

use std::io::{self, Read};
use std::time::Duration;

use super::error::Error;
use super::signals::Signals;
use crate::event::Timestamp;
use crate::strace::Times;
use crate::system::{self, Awaited};
pub use beginning::beginning;
use bytes::is_temporary;
pub use days::first as first_day;
use lines::CHUNK_BYTES;
use merge::Merge;
use reader::Reader;
use source::Source;

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// There is a line.
    Line,
    /// A line was longer than [`crate::limits::LINE_BYTES`] and has been passed over.
    TooLong,
    /// Nothing has come for so long: at first for no time at all, then for each of the pauses in [`crate::limits`].
    Pause(Duration),
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
    fn advance(&mut self) -> Result<Advance, Error>;

    /// The line that the last step came to, without its end.
    fn line(&self) -> &[u8];
}

/// All traces of a run as one.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Input<'s> {
    /// There is one.
    One(Reader<'s>),
    /// Several, in order of time.
    Several(Merge<Reader<'s>>),
}

impl<'s> Input<'s> {
    /// Reads `sources`; `times` follow those of each, if there are several.
    pub fn open(sources: Vec<Source>, times: Vec<Times>, signals: &'s Signals) -> Self {
        match <[Source; 1]>::try_from(sources) {
            Ok([source]) => Self::One(Reader::new(source, CHUNK_BYTES, signals)),
            Err(sources) => Self::Several(Merge::open(sources, times, signals)),
        }
    }

    /// Takes one step.
    #[inline]
    pub fn advance(&mut self) -> Result<Advance, Error> {
        match self {
            Self::One(reader) => reader.advance(),
            Self::Several(merge) => merge.advance(),
        }
    }

    /// The line that the last step came to, without its end, and the number of the source it is from.
    #[inline]
    pub fn line(&self) -> (usize, &[u8]) {
        match self {
            Self::One(reader) => (0, reader.line()),
            Self::Several(merge) => merge.line(),
        }
    }

    /// The time of this line, where there are several sources: no later one is earlier.
    #[inline]
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            Self::One(_) => None,
            Self::Several(merge) => merge.time(),
        }
    }

    fn readers(&self) -> &[Reader<'s>] {
        match self {
            Self::One(reader) => std::slice::from_ref(reader),
            Self::Several(merge) => merge.sources(),
        }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> u64 {
        self.readers().iter().map(Reader::position).sum()
    }

    /// Whether all of each trace could be read, once the end has come: of one whose data is damaged what came before has
    /// been given, and the others are whole.
    pub fn whole(&self) -> Result<(), Error> {
        self.readers().iter().try_for_each(Reader::whole)
    }

    /// Whether there was something to read, and nothing of it is strace's, as far as it has been looked at.
    pub fn holds_nothing(&self) -> bool {
        let mut read = self.readers().iter().filter(|reader| reader.position() > 0).peekable();
        read.peek().is_some() && read.all(Reader::holds_nothing)
    }

    /// What is left of every pipe that has not come to its end.
    pub fn pipes(&self) -> Vec<&Source> {
        self.readers().iter().filter_map(Reader::pipe).collect()
    }
}

/// Reads `pipes` to their ends and forgets what comes: who writes there is traced, and must not be told that we are gone.
/// All at once, for each of them would be stopped while it waits for its turn. A signal ends it.
pub fn drain(mut pipes: Vec<&Source>, signals: &Signals) {
    let mut nowhere = vec![0; CHUNK_BYTES];
    while !pipes.is_empty() && signals.stop().is_none() {
        let mut all: Vec<_> = pipes.iter().map(|pipe| Awaited::Input(pipe.stream())).collect();
        all.push(Awaited::Input(signals.wake()));
        let mut ready = match system::wait(&all, None) {
            Ok(ready) => ready.into_iter(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        pipes.retain(|pipe| {
            !ready.next().unwrap_or_default()
                || match pipe.stream().read(&mut nowhere) {
                    Ok(count) => count > 0,
                    Err(error) => is_temporary(&error),
                }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::*;

    /// Everything that reading `sources` comes to, until a pause (which is told) or the end.
    fn steps(input: &mut Input<'_>) -> String {
        let mut told = Vec::new();
        loop {
            match input.advance().unwrap() {
                Advance::Line => {
                    let (source, line) = input.line();
                    told.push(format!("{source}:{}", String::from_utf8_lossy(line)));
                }
                Advance::End => return told.join(" "),
                Advance::Pause(_) => {
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
    fn a_file_is_read_to_its_end() {
        let signals = Signals::none().unwrap();
        let mut input = Input::open(vec![file("a", "one\ntwo")], Vec::new(), &signals);
        assert_eq!(steps(&mut input), "Chunk 0:one 0:two");
        assert_eq!(input.position(), 7);
        assert_eq!(steps(&mut input), "");
    }

    #[test]
    #[cfg_attr(windows, ignore = "a thread reads pipes there, and is a moment later")]
    fn a_pipe_pauses_when_nothing_more_waits() {
        let signals = Signals::none().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        let source = Source::of_pipe("a pipe", reader).unwrap();
        let mut input = Input::open(vec![source], Vec::new(), &signals);
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
