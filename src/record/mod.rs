//! The recorder: starts strace, here or on another machine, with what a conversion needs, and converts what it says. The
//! only room that starts processes.
//!
//! ```text
//! here:     strace2pcap ←─ pipe, by its path in /proc ─ strace ←─ keeper ←─ strace2pcap
//! --via:    strace2pcap ←─ standard output ─ PREFIX sh ← script, then nothing: its end is the end of strace
//! ```
//! Everything that can be refused is refused before strace is started. Whatever ends us, a process that strace was attached
//! to goes on untraced, and no strace is left, here or there.

mod ask;
mod keeper;
mod probe;
mod processes;
mod refusals;
mod remote;
mod script;
mod watch;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use signal_hook::consts::SIGINT;

pub use ask::ask;
pub use keeper::hidden;
use keeper::{Kept, is_program};
pub use processes::{Process, Processes, process};
use remote::Course;
pub use script::{Subject, quoted};

use crate::escape::escaped;
use crate::run::live::Live;
use crate::run::signals::Manner;
use crate::run::{Error, Exit, Options};
use crate::strace::calls_to_trace;
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
    /// How a process has ended.
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(u8::try_from(code).unwrap_or(1)),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Code(1),
        }
    }

    /// Ends this process in the same way.
    pub fn exit(self) -> std::process::ExitCode {
        match self {
            Self::Code(code) => code.into(),
            Self::Signal(signal) => {
                // Comes back only for a signal that ends nobody.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
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

/// Records on this machine.
fn here(recording: &Recording, live: &mut Live<'_>) -> Result<(Exit, Ended), Error> {
    live.look()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !is_program("strace".as_ref(), &path) {
        return Err(Error::NoStrace);
    }
    let subject = subject_here(&recording.subject, &path)?;
    let is_command = subject.is_started();
    let answer = probe::ask(&calls_to_trace(recording.options.pipes), is_command).map_err(cannot_start)?;
    if let Some(said) = &answer.refused {
        return Err(Error::Recording(refusals::with_cure(said, &[])));
    }
    let ready = live.open(manner(&subject))?;
    let (trace, writer) = io::pipe().map_err(cannot_start)?;
    let text = format!("/proc/{}/fd/{}", std::process::id(), writer.as_raw_fd());
    let words = script::words(&subject, &answer, OsStr::new(&text));
    let kept = if is_command { Kept::Command } else { Kept::Attached };
    let mut strace = keeper::command(kept, &words);
    give_streams(&mut strace, recording).map_err(cannot_start)?;
    let mut strace = strace.spawn().map_err(cannot_start)?;
    let pid = strace.id();
    let heir = match kept {
        Kept::Attached => Heir::Attached(pid),
        Kept::Command if recording.is_silent => Heir::Keeper(pid),
        Kept::Command => Heir::Command(pid),
    };
    let watch = Watch::begin(heir, &ready, recording.is_silent)?;
    let to = (!recording.is_silent).then(io::stderr);
    let said = strace.stderr.take().map(|stderr| thread::spawn(move || remote::listen(stderr, to)));
    // Only with strace's end is ours of the pipe closed, and so the trace's end is told.
    let waiting = thread::spawn(move || {
        let status = strace.wait();
        drop(writer);
        status
    });
    let exit = live.convert(ready, trace.into());
    if !is_finished(&waiting) {
        keeper::send(pid, rustix::process::Signal::TERM);
    }
    drop(watch);
    let status = waiting.join().map_err(|_| Error::Recording("waiting for strace failed".to_owned()))?;
    let ended = Ended::of(status.map_err(cannot_start)?);
    let said = said.and_then(|said| said.join().ok()).unwrap_or_default();
    tell_strace(&said, recording, live)?;
    match ended {
        // As a live capture is ended.
        Ended::Signal(SIGINT) | Ended::Code(130) if !is_command => Ok((exit, Ended::Code(0))),
        Ended::Signal(signal) if !is_command => {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
            Err(Error::Recording(format!("strace was ended by {name}: the capture holds what came before")))
        }
        _ => Ok((exit, ended)),
    }
}

/// What is to be traced on this machine, if it is there: processes with those that they have made.
fn subject_here(subject: &Subject, path: &OsStr) -> Result<Subject, Error> {
    match subject {
        Subject::Command(words) if script::is_of_strace(words) => Ok(subject.clone()),
        Subject::Command(words) => {
            let program = words.first().map(OsString::as_os_str).unwrap_or_default();
            if !is_program(program, path) {
                return Err(Error::NothingToRecord(refusals::no_program(program)));
            }
            Ok(subject.clone())
        }
        Subject::Processes(named) => {
            let processes = Processes::now();
            for pid in named {
                if !Path::new("/proc").join(pid.to_string()).exists() {
                    return Err(Error::NothingToRecord(format!("there is no process {pid}")));
                }
                if let Some(tracer) = processes.tracer(*pid) {
                    return Err(Error::Recording(refusals::traced_already(&processes, *pid, tracer)));
                }
            }
            let ours = processes.line_of(std::process::id());
            Ok(Subject::Processes(processes.with_descendants(named, &ours)))
        }
    }
}

/// The streams of a strace here: those of the command are ours, but that nothing else is on a standard output which is the
/// capture's; where strace is attached, standard error has its own words alone.
fn give_streams(strace: &mut Command, recording: &Recording) -> io::Result<()> {
    if !recording.subject.is_started() {
        strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    } else if recording.is_silent {
        strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    } else if recording.options.output.as_os_str() == "-" {
        strace.stdout(io::stderr().as_fd().try_clone_to_owned()?);
    }
    Ok(())
}

/// Records on another machine, or wherever `prefix` leads.
fn there(recording: &Recording, prefix: &OsStr, live: &mut Live<'_>) -> Result<(Exit, Ended), Error> {
    live.look()?;
    let is_command = recording.subject.is_started();
    let text = script::remote(&recording.subject, &calls_to_trace(recording.options.pipes));
    let ready = live.open(manner(&recording.subject))?;
    let mut shell = script::through(prefix);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = shell.spawn().map_err(cannot_start)?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (shell.stdin.take(), shell.stdout.take(), shell.stderr.take())
    else {
        return Err(cannot_start(io::ErrorKind::BrokenPipe.into()));
    };
    let (trace, writer) = io::pipe().map_err(cannot_start)?;
    let passing = thread::spawn(move || remote::pass(stdout, writer));
    let to = (!recording.is_silent).then(io::stderr);
    let saying = thread::spawn(move || remote::listen(stderr, to));
    // Who does not read it has ended, and has told why.
    let _ = stdin.write_all(&text);
    let watch =
        Watch::begin(Heir::There(Some(stdin), is_command && !recording.is_silent), &ready, recording.is_silent)?;
    let exit = live.convert(ready, trace.into());
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
    // Of another machine's processes nothing can be seen here.
    let pids = match &recording.subject {
        Subject::Processes(pids) if recording.via.is_none() => pids.as_slice(),
        _ => &[],
    };
    // It has been handed on as it was; where strace could do nothing it is told again, with what helps.
    if live.has_lines() { Ok(()) } else { Err(Error::Recording(refusals::with_cure(said, pids))) }
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
