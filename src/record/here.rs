//! Recording on this machine, which is Linux's alone.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::keeper::{self, Kept, commands_of, ended_as, send, strace_of};
use super::processes::RunningProcesses;
use super::refusals::Wanted;
use super::script::{self, Subject};
use super::watch::{Heir, Watch};
use super::{Ended, Recording, cannot_start, is_finished, manner, patiently, probe, refusals, remote, tell_strace};
use crate::run::live::Live;
use crate::run::{Error, Exit};
use crate::strace::calls_to_trace;
use crate::system;

/// How many steps are waited for a strace, or its command, that is just being started.
const STEPS: u32 = 20;

/// Whom the end of a recording here is handed on to.
#[derive(Debug)]
pub enum Tracer {
    /// A strace that is attached, by the number of its keeper: it is interrupted.
    Attached(u32),
    /// What a strace has started, by the number of that one's keeper: it gets the same signal. Where nobody asks for the
    /// end it goes on, and its trace is read to the end and forgotten.
    Command(u32),
    /// The same, but it ends with the recording, whoever asks for that, with all that it has started.
    Keeper(u32),
}

impl Tracer {
    /// Hands on a signal, or that nobody reads any more.
    pub fn hand_on(&self, signal: Option<i32>) {
        match (self, signal) {
            (Self::Attached(keeper), _) => match patiently(STEPS, || strace_of(*keeper)) {
                Some(strace) => send(strace, SIGINT),
                None => send(*keeper, SIGTERM),
            },
            (Self::Command(keeper), Some(signal)) => {
                let command = || strace_of(*keeper).and_then(|strace| commands_of(strace).next());
                match patiently(STEPS, command) {
                    Some(command) => send(command, signal),
                    None => send(*keeper, SIGTERM),
                }
            }
            (Self::Keeper(keeper), _) => send(*keeper, SIGTERM),
            (Self::Command(_), None) => {}
        }
    }
}

/// Records on this machine.
pub(super) fn here(recording: &Recording, live: &mut Live<'_>) -> Result<(Exit, Ended), Error> {
    live.look()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !is_program("strace".as_ref(), &path) {
        return Err(Error::NoStrace);
    }
    let subject = subject_here(&recording.subject, &path)?;
    let is_command = subject.is_started();
    let answer = probe::ask(&calls_to_trace(recording.options.pipes), is_command).map_err(cannot_start)?;
    if let Some(said) = &answer.refused {
        return Err(Error::Recording(refusals::with_cure(said, Wanted::Here(&[]))));
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
        Kept::Attached => Tracer::Attached(pid),
        Kept::Command if recording.is_silent => Tracer::Keeper(pid),
        Kept::Command => Tracer::Command(pid),
    };
    let watch = Watch::begin(Heir::Here(heir), &ready, recording.is_silent)?;
    let to = (!recording.is_silent).then(io::stderr);
    let said = strace.stderr.take().map(|stderr| thread::spawn(move || remote::listen(stderr, to)));
    // Only with strace's end is ours of the pipe closed, and so the trace's end is told.
    let waiting = thread::spawn(move || {
        let status = strace.wait();
        drop(writer);
        status
    });
    let exit = live.convert(ready, trace);
    if !is_finished(&waiting) {
        send(pid, SIGTERM);
    }
    drop(watch);
    let status = waiting.join().map_err(|_| Error::Recording("waiting for strace failed".to_owned()))?;
    let ended = ended_as(status.map_err(cannot_start)?);
    let said = said.and_then(|said| said.join().ok()).unwrap_or_default();
    tell_strace(&said, recording, live)?;
    match ended {
        // As a live capture is ended.
        Ended::Signal(SIGINT) | Ended::Code(130) if !is_command => Ok((exit, Ended::Code(0))),
        Ended::Signal(signal) if !is_command => {
            let name = system::signal_name(signal);
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
            let processes = RunningProcesses::now();
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

/// Whether a program of this name can be started: a path, or a file in one of the folders of PATH.
fn is_program(name: &OsStr, path: &OsStr) -> bool {
    let is_file = |path: &Path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if name.as_encoded_bytes().contains(&b'/') {
        return is_file(name.as_ref());
    }
    !name.is_empty() && std::env::split_paths(path).any(|folder| is_file(&folder.join(name)))
}
