//! What can end a run early, each worded for the person: what happened to which file, and what to do.

use std::borrow::Cow;
use std::io;
use std::process::ExitCode;

use thiserror::Error;

use super::input::compressed::{Compression, Damage};
use super::input::foreign::Foreign;
use super::name::Name;
use super::options::ReportFormat;
use crate::system;

/// How a run ended. The numbers are a contract (`--help`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, also when lines were skipped, when the reader of the output went away, and when a signal asked for the end of
    /// a live capture: whoever stops it gets what they asked for, as with tcpdump.
    Done = 0,
    /// Reading a trace or writing the capture failed, a trace is none, or a signal came before a file's end.
    Failed = 1,
    /// The command line makes no sense; nothing was touched.
    Usage = 2,
    /// With `--strict`: something was not understood or was lost.
    Strict = 3,
}

/// What is said of a command line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// All of it, as lines.
    pub text: String,
    /// What is wrong, alone.
    pub message: String,
    /// How the end is to be told, as far as the command line says that.
    pub report: ReportFormat,
    /// The trace is standard input, as far as the command line says that.
    pub reads_standard_input: bool,
}

impl Exit {
    /// The number.
    #[expect(clippy::as_conversions, reason = "each variant is its number")]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What is added where a run has failed and a pipe is still written to.
pub const READING_ON: &str =
    "the trace is read to its end all the same, so that the traced program is not disturbed; Ctrl-C ends it";

/// Why a run could not be done, or not to its end.
#[derive(Debug, Error)]
pub enum Error {
    /// A trace cannot be opened.
    #[error("cannot open the trace {0}: {1}{cure}", cure = cure_for_reading(.1))]
    OpenTrace(Name, #[source] io::Error),
    /// A trace is a directory.
    #[error("the trace {0} is a directory: name the files in it ({0}/*)")]
    Directory(Name),
    /// A trace is none.
    #[error("{}", .1.told(.0, *.2))]
    NotATrace(Name, Foreign, Option<Compression>),
    /// Compressed data ends early or makes no sense, before anything is known of it, or behind what was converted.
    #[error("{}{came}", .1.told(.0, *.2), came = if *.3 { "; the capture holds what came before" } else { "" })]
    DamagedTrace(Name, Damage, Compression, bool),
    /// A trace's file has nothing in it.
    #[error(
        "the trace {0} is empty: strace writes to standard error unless it is given -o; name the file that it wrote"
    )]
    EmptyTrace(Name),
    /// Reading failed.
    #[error("cannot read the trace {0}: {1}; the capture holds what came before")]
    ReadTrace(Name, #[source] io::Error),
    /// TLS keys cannot be read.
    #[error("cannot read the TLS keys in {0}: {1}")]
    ReadKeys(Name, #[source] io::Error),
    /// The output is an input.
    #[error("{0} is both the output and a trace: it would be overwritten before it is read; give another OUTPUT")]
    SameFile(Name),
    /// The output is a terminal.
    #[error("a capture is not for a terminal: give a file name as OUTPUT, or pipe it (`| wireshark -k -i -`)")]
    Terminal,
    /// The trace is a terminal.
    #[error(
        "{0} is a terminal, where no trace comes from: name the file that strace wrote (strace2pcap OUTPUT TRACE), or pipe strace's output here"
    )]
    TerminalTrace(Name),
    /// The output is there, and is a trace: OUTPUT was left out.
    #[error("{0} is a trace and would be overwritten: OUTPUT comes first, as in `strace2pcap out.pcapng {word}`; --force overwrites it all the same", word = .0.word())]
    OutputIsTrace(Name),
    /// The output is there, and is no capture.
    #[error(
        "{0} is there and is no capture, so it is not overwritten: OUTPUT comes first, then the traces; give another OUTPUT, or --force"
    )]
    NotACapture(Name),
    /// The output is there, and cannot be looked at.
    #[error(
        "{0} is there and cannot be read, so nobody knows whether it is a capture: give another OUTPUT, or --force to overwrite it"
    )]
    Unseen(Name),
    /// Another run writes to the output.
    #[error("another run is writing {0}: give another OUTPUT, or wait for its end")]
    Locked(Name),
    /// The output cannot be opened.
    #[error("cannot write {0}: {1}{cure}", cure = cure_for_creating(.1))]
    OpenOutput(Name, #[source] io::Error),
    /// Writing failed.
    #[error("writing {0} failed: {1}; {cure}", cure = cure_for_writing(.1))]
    WriteOutput(Name, #[source] io::Error),
    /// The output is gone.
    #[error("{0} was removed while it was written: the capture is lost; convert again")]
    Removed(Name),
    /// A signal asked for the end before all was read.
    #[error("stopped by {0}: the capture holds what came before")]
    Stopped(&'static str),
    /// strace cannot be started here, or not traced what was to be: why, and what to do.
    #[error("{0}")]
    Recording(String),
    /// There is no strace on this machine.
    #[error(
        "strace is not installed here: apt-get install strace, dnf install strace or apk add strace, or name a machine that has it with --via"
    )]
    NoStrace,
    /// What was asked to be recorded makes no sense here; nothing was started.
    #[error("{0}")]
    NothingToRecord(String),
    /// Signals cannot be received.
    #[error("cannot set up the handling of signals: {0}{cure}", cure = cure_for_reading(.0))]
    Signals(#[source] io::Error),
}

impl Error {
    /// Whether nobody reads the output any more.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::WriteOutput(_, error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code that says it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Directory(_)
            | Self::SameFile(_)
            | Self::Terminal
            | Self::TerminalTrace(_)
            | Self::OutputIsTrace(_)
            | Self::NotACapture(_)
            | Self::Unseen(_)
            | Self::Locked(_)
            | Self::NothingToRecord(_) => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

fn cure_for_reading(error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        _ if error.raw_os_error() == Some(system::TOO_MANY) => system::cure_for_too_many().into(),
        io::ErrorKind::PermissionDenied => system::WHOSE.into(),
        _ => "".into(),
    }
}

fn cure_for_creating(error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        _ if error.raw_os_error() == Some(system::TOO_MANY) => system::cure_for_too_many().into(),
        io::ErrorKind::IsADirectory => "; give a file name in it".into(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "; its folder must be there".into(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "; choose a place that can be written".into()
        }
        _ => "".into(),
    }
}

fn cure_for_writing(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "what was written is a readable capture, the rest is lost: make room or choose another place, then convert again"
        }
        io::ErrorKind::FileTooLarge => {
            "what was written is a readable capture, the rest is lost: raise the limit (ulimit -f), then convert again"
        }
        _ => "what was written before is a readable capture, the rest is lost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_file_and_the_cure() {
        let name = || Name::new("a\x1b[31m");
        let full = Error::WriteOutput(name(), io::Error::from(io::ErrorKind::StorageFull));
        let text = full.to_string();
        assert!(text.starts_with("writing a\\x1b[31m failed: no storage space"), "{text}");
        assert!(text.contains("make room"), "{text}");
        assert_eq!(full.exit(), Exit::Failed);
        let many = Error::OpenTrace(name(), io::Error::from_raw_os_error(system::TOO_MANY)).to_string();
        assert!(many.contains("fewer traces at a time"), "{many}");
        let create = |kind: io::ErrorKind| Error::OpenOutput(name(), io::Error::from(kind)).to_string();
        assert!(create(io::ErrorKind::PermissionDenied).ends_with("choose a place that can be written"));
        assert!(create(io::ErrorKind::NotFound).ends_with("its folder must be there"));
        assert_eq!(Error::SameFile(name()).exit(), Exit::Usage);
        let foreign = Error::NotATrace(name(), Foreign::Text, None);
        assert_eq!(foreign.exit(), Exit::Failed);
        assert_eq!(Error::EmptyTrace(name()).exit(), Exit::Failed);
    }
}
