//! Where a trace comes from: a file, a pipe, a terminal; opened before anything is written.

use foldhash::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{IsTerminal, PipeReader, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::beginning::beginning;
use super::compressed::Compression;
use super::foreign::{Foreign, Judgement};
use crate::event::{Tid, as_u64};
use crate::run::error::Error;
use crate::run::name::Name;
use crate::system::{self, Facts, FileKind, Stream};

/// What a pipe from strace is asked to hold, so that the traced program waits less often for us; the most that Linux
/// gives without privileges.
const PIPE_BYTES: usize = 1 << 20;

/// What reading means for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// All there is is there: reading never waits.
    File,
    /// Somebody writes at the other end (pipe, FIFO, socket), and would be told if we went away.
    Pipe,
    /// A person types; also other devices.
    Device,
}

/// Descriptors that are open beside the traces: standard ones, the output, the signals'.
const OTHER_DESCRIPTORS: usize = 64;

/// Lets this process open so many traces, as far as the hard limit goes.
pub fn raise_limit(traces: usize) {
    system::raise_limit(as_u64(traces + OTHER_DESCRIPTORS));
}

/// A trace that has been opened.
#[derive(Debug)]
pub struct Source {
    name: Name,
    tid: Option<Tid>,
    kind: SourceKind,
    start: u64,
    size: u64,
    modified: Option<SystemTime>,
    compression: Option<Compression>,
    is_empty: bool,
    nothing: Option<Foreign>,
    identity: (u64, u64),
    stream: Stream,
}

impl Source {
    /// Opens the traces named on the command line: `-` is standard input. `sources` takes those that could be opened, and
    /// standard input in any case, for somebody may be writing to it.
    pub fn open_all(paths: &[PathBuf], sources: &mut Vec<Self>) -> Result<(), Error> {
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        for (at, path) in paths.iter().enumerate() {
            match if is_stdin(path) { Self::stdin() } else { Self::open(path) } {
                Ok(source) => sources.push(source),
                Err(error) => {
                    if paths.iter().skip(at + 1).any(is_stdin) {
                        sources.extend(Self::stdin());
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Standard input.
    pub fn stdin() -> Result<Self, Error> {
        match system::standard_input() {
            Ok(file) => Self::new(Name::standard_input(), None, Stream::new(file)),
            Err(error) => Err(Error::OpenTrace(Name::standard_input(), error)),
        }
    }

    /// What is open already.
    pub fn of_pipe(name: &str, pipe: PipeReader) -> Result<Self, Error> {
        Self::new(Name::new(name), None, pipe.into())
    }

    /// A file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = Name::new(path);
        match system::open_to_read(path) {
            Ok(file) => Self::new(name, path.file_name().and_then(tid_in), Stream::new(file)),
            Err(error) => Err(Error::OpenTrace(name, error)),
        }
    }

    fn new(name: Name, tid: Option<Tid>, stream: Stream) -> Result<Self, Error> {
        let mut file = stream.file();
        let facts = match system::facts(file) {
            Ok(facts) => facts,
            Err(error) => return Err(Error::OpenTrace(name, error)),
        };
        let kind = match facts.kind {
            FileKind::Folder => return Err(Error::Directory(name)),
            FileKind::Pipe => SourceKind::Pipe,
            FileKind::Device => SourceKind::Device,
            FileKind::File | FileKind::Disk => SourceKind::File,
        };
        let (mut start, mut size, mut nothing, mut compression, mut is_empty) = (0, 0, None, None, false);
        match kind {
            SourceKind::File => {
                // Standard input may stand behind the beginning of its file.
                start = file.stream_position().unwrap_or(0);
                size = facts.length.saturating_sub(start);
                // One that cannot be read is read again, and told, by who reads it all.
                if let Ok(it) = beginning(file, start) {
                    (compression, is_empty) = (it.compression, it.is_empty);
                    match (it.verdict, it.damage.zip(it.compression)) {
                        (Judgement::Foreign(kind), _) if kind.is_certain() => {
                            return Err(Error::NotATrace(name, kind, compression));
                        }
                        (Judgement::Trace, _) | (Judgement::Unknown, None) => {}
                        // Nothing of strace's can be read.
                        (_, Some((damage, with))) => return Err(Error::DamagedTrace(name, damage, with, false)),
                        (Judgement::Foreign(kind), None) => nothing = Some(kind),
                    }
                }
            }
            SourceKind::Pipe => system::enlarge(file, PIPE_BYTES),
            SourceKind::Device => {}
        }
        Ok(Self {
            name,
            tid,
            kind,
            start,
            size,
            modified: facts.modified.filter(|_| facts.kind == FileKind::File),
            compression,
            is_empty,
            nothing,
            identity: facts.identity,
            stream,
        })
    }

    /// Its name for messages.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The thread whose calls it holds, where the name says so as `strace -ff -o NAME` does: `NAME.PID`, also compressed.
    pub fn tid(&self) -> Option<Tid> {
        self.tid
    }

    /// What reading it means.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// Where in a file the trace begins.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// What a file is compressed with.
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Whether there is no text in a file.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// How many bytes are there to read, of a file, as they are; else 0.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When a file was last written.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// What a file is of which not a line is strace's, where that is known.
    pub fn nothing(&self) -> Option<Foreign> {
        self.nothing
    }

    /// Whether a person types it.
    pub fn is_terminal(&self) -> bool {
        self.kind == SourceKind::Device && self.file().is_terminal()
    }

    /// Whether this is the regular file that `facts` describe.
    pub fn is_same_file(&self, facts: &Facts) -> bool {
        self.kind == SourceKind::File && self.identity == facts.identity
    }

    /// Its device and inode, or what is like these.
    pub const fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// What is behind it.
    pub(super) const fn file(&self) -> &File {
        self.stream.file()
    }

    /// What to read from, and to wait for.
    pub(super) const fn stream(&self) -> &Stream {
        &self.stream
    }
}

/// The name of a trace, and the one under which it was given before.
pub type Repeated = (Name, Name);

/// Takes from `sources` the files that were there before under whichever name, so that each is read once; what these are
/// called. Nobody wants each byte doubled, but a pattern like `trace.log*` beside the name of a file that it is for, or a
/// link to it, is no reason to convert nothing.
pub fn once(sources: &mut Vec<Source>) -> Vec<Repeated> {
    let mut names = HashMap::default();
    let mut repeated = Vec::new();
    sources.retain(|source| {
        let name = || source.name.clone();
        match names.entry(source.identity) {
            _ if source.kind != SourceKind::File => return true,
            Entry::Occupied(before) => repeated.push((name(), Name::clone(before.get()))),
            Entry::Vacant(entry) => {
                entry.insert(name());
                return true;
            }
        }
        false
    });
    repeated
}

/// The PID at the end of `NAME.PID`, `NAME.PID.gz` or `NAME.PID.zst`.
fn tid_in(file_name: &OsStr) -> Option<Tid> {
    let name = file_name.as_encoded_bytes();
    let name = name.strip_suffix(b".gz").or_else(|| name.strip_suffix(b".zst")).unwrap_or(name);
    let dot = memchr::memrchr(b'.', name).filter(|&dot| dot > 0)?;
    let digits = std::str::from_utf8(name.get(dot + 1..)?).ok()?;
    let number = if digits.starts_with(|first: char| matches!(first, '1'..='9')) { digits.parse().ok()? } else { 0 };
    (number > 0).then_some(Tid(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_at_the_end_of_a_name() {
        let tid = |name: &str| tid_in(OsStr::new(name)).map(|tid| tid.0);
        assert_eq!(tid("trace.1234"), Some(1234));
        assert_eq!(tid("a.b.7"), Some(7));
        assert_eq!(tid("trace.1234.gz"), Some(1234));
        assert_eq!(tid("trace.log.7.zst"), Some(7));
        for other in [
            "trace",
            "trace.log",
            "1234",
            ".1234",
            "trace.",
            "trace.0",
            "trace.012",
            "trace.+1",
            "t.99999999999",
            "7.gz",
        ] {
            assert_eq!(tid(other), None, "{other}");
        }
    }

    #[test]
    fn a_directory_is_no_trace() {
        assert!(matches!(Source::open(Path::new("/")), Err(Error::Directory(_))));
        assert!(matches!(Source::open(Path::new("/no/such")), Err(Error::OpenTrace(..))));
    }
}
