//! The recorder: starts strace, here or on another machine, with what a conversion needs, and converts what it says. The
//! only room that starts processes.
//!
//! ```text
//! here:     strace2pcap ←─ pipe, by its path in /proc ─ strace ←─ keeper ←─ strace2pcap
//! --via:    strace2pcap ←─ standard output ─ PREFIX sh ← script, then nothing: its end is the end of strace
//! ```
//! Everything that can be refused is refused before strace is started. Whatever ends us, a process that strace was attached
//! to goes on untraced, and no strace is left, here or there.

#![cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "of what recording here needs, some is portable"))]

mod ask;
#[cfg(target_os = "linux")]
mod here;
#[cfg(target_os = "linux")]
mod keeper;
#[cfg(not(target_os = "linux"))]
mod nowhere;
mod probe;
mod processes;
mod refusals;
mod remote;
mod script;
mod shell;
mod watch;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use ask::ask;
#[cfg(target_os = "linux")]
use here::{Tracer, here};
#[cfg(target_os = "linux")]
pub use keeper::hidden;
#[cfg(not(target_os = "linux"))]
pub use nowhere::hidden;
#[cfg(not(target_os = "linux"))]
use nowhere::{Tracer, here};
pub use processes::{RunningProcess, RunningProcesses, process};
use refusals::Wanted;
use remote::Course;
pub use script::Subject;
pub use shell::word;

use crate::escape::escaped;
use crate::run::live::Live;
use crate::run::signals::Manner;
use crate::run::traced::Teller;
use crate::run::{Error, Exit, Options};
use crate::strace::calls_to_trace;
use crate::system;
use watch::{Heir, Watch};

/// What is to be recorded, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What strace is to trace.
    pub subject: Subject,
    /// What strace is started by, as a shell's words; nothing is this machine.
    pub via: Option<OsString>,
    /// The conversion. Its traces are not read.
    pub options: Options,
    /// Standard error is not for strace's own words, nor for what the command says: an error is told as a whole.
    pub is_silent: bool,
}

/// How it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Code(u8),
    /// As by this signal.
    Signal(i32),
}

/// As a shell says that a program is not there: strace.
const MISSING: Ended = Ended::Code(127);

impl Ended {
    /// Ends this process in the same way.
    pub fn exit(self) -> std::process::ExitCode {
        match self {
            Self::Code(code) => code.into(),
            Self::Signal(signal) => {
                system::die_of(signal);
                std::process::ExitCode::FAILURE
            }
        }
    }
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::Code(exit.code())
    }
}

/// Records, and tells what came of it: the status is that of strace, which is the command's, unless converting failed.
pub fn record(recording: &Recording) -> Ended {
    let mut live = Live::new(&recording.options);
    let ended = match &recording.via {
        None => here(recording, &mut live),
        Some(prefix) => there(recording, prefix, &mut live),
    };
    let (exit, ended) = match ended {
        Ok((exit, ended)) => (exit, ended),
        Err(error) => {
            let exit = live.fail(&error);
            live.take_away();
            (exit, if matches!(error, Error::NoStrace) { MISSING } else { exit.into() })
        }
    };
    match live.tell(exit) {
        // How a command has ended is no failure of the capture's.
        Exit::Done if recording.is_silent => Exit::Done.into(),
        Exit::Done => ended,
        _ if ended == MISSING => MISSING,
        exit => exit.into(),
    }
}

/// How the signals are taken.
fn manner(subject: &Subject) -> Manner {
    if subject.is_started() { Manner::Command } else { Manner::Attached }
}

/// Records on another machine, or wherever `prefix` leads.
fn there(recording: &Recording, prefix: &OsStr, live: &mut Live<'_>) -> Result<(Exit, Ended), Error> {
    live.look()?;
    let is_command = recording.subject.is_started();
    let text = script::remote(&recording.subject, &calls_to_trace(recording.options.pipes));
    let ready = live.open(manner(&recording.subject))?;
    let mut shell = shell::through(prefix);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = shell.spawn().map_err(cannot_start)?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (shell.stdin.take(), shell.stdout.take(), shell.stderr.take())
    else {
        return Err(cannot_start(io::ErrorKind::BrokenPipe.into()));
    };
    let (trace, writer) = io::pipe().map_err(cannot_start)?;
    let (mut teller, told) = Teller::begin();
    let passing = thread::spawn(move || remote::pass(stdout, writer, &mut teller));
    let to = (!recording.is_silent).then(io::stderr);
    let saying = thread::spawn(move || remote::listen(stderr, to));
    // Who does not read it has ended, and has told why.
    let _ = stdin.write_all(&text);
    let watch =
        Watch::begin(Heir::There(Some(stdin), is_command && !recording.is_silent), &ready, recording.is_silent)?;
    let exit = live.convert(ready.with(told), trace);
    drop(watch);
    let status = end(&mut shell);
    let course =
        if is_finished(&passing) { passing.join().ok().and_then(Result::ok) } else { None }.unwrap_or_default();
    let said = if is_finished(&saying) { saying.join().unwrap_or_default() } else { String::new() };
    tell_strace(&said, recording, live)?;
    match course {
        Course { status: Some(status), .. } if is_command => Ok((exit, Ended::Code(status))),
        Course { status: Some(0 | 130), .. } => Ok((exit, Ended::Code(0))),
        Course { status: Some(status), .. } => Ok((exit, Ended::Code(status))),
        Course { has_begun: true, .. } => Err(Error::Recording(format!(
            "the connection ({}) was lost before strace had ended: the capture holds what came before",
            escaped(prefix.as_encoded_bytes())
        ))),
        Course { has_begun: false, .. } => Err(Error::Recording(format!(
            "no shell was reached through {}, which ended with {status}",
            escaped(prefix.as_encoded_bytes())
        ))),
    }
}

/// What strace has said is the reason why nothing came.
fn tell_strace(said: &str, recording: &Recording, live: &Live<'_>) -> Result<(), Error> {
    if said.is_empty() {
        return Ok(());
    }
    let pids = recording.subject.attached();
    let wanted = if recording.via.is_some() { Wanted::Elsewhere } else { Wanted::Here(&pids) };
    // It has been handed on as it was; where strace could do nothing it is told again, with what helps.
    if live.has_lines() { Ok(()) } else { Err(Error::Recording(refusals::with_cure(said, wanted))) }
}

/// Waits for the end of a shell whose output has ended, and makes it end where it does not; its status in words.
fn end(shell: &mut Child) -> String {
    if let Some(status) = patiently(STEPS, || shell.try_wait().ok().flatten()) {
        return status.to_string();
    }
    let _ = shell.kill();
    shell.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// How long is waited for what ends with the trace.
const STEPS: u32 = 100;
const STEP: Duration = Duration::from_millis(20);

/// Whether a thread ends, if it is given some time.
fn is_finished<T>(thread: &JoinHandle<T>) -> bool {
    patiently(STEPS, || thread.is_finished().then_some(())).is_some()
}

/// What `find` finds, which may be just coming: it is asked once more after each of so many steps.
fn patiently<T>(steps: u32, mut find: impl FnMut() -> Option<T>) -> Option<T> {
    find().or_else(|| {
        (0..steps).find_map(|_| {
            thread::sleep(STEP);
            find()
        })
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn cannot_start(error: io::Error) -> Error {
    Error::Recording(format!("cannot start strace: {error}"))
}
