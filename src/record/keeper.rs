//! Between us and strace, so that no strace is ever left behind: our own program once more, which hears of our end from the
//! kernel and ends strace. It starts strace through itself a third time, so that strace hears of its end in turn.
//!
//! ```text
//! strace2pcap ─→ keeper (SIGTERM when that ends) ─→ strace (SIGKILL when that ends) ─→ command
//! ```
//! The kernel's word for it is the parent-death signal, which is that of the thread that has started the child: each of
//! the three starts the next from its first thread, which stays as long as the process does.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Ended;
use super::processes::RunningProcesses;

/// The first argument of a keeper.
pub const KEEPER: &str = "--keep-strace";

/// And of what becomes strace.
pub const TRACER: &str = "--become-strace";

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A strace that is attached: it detaches, and what it was attached to goes on.
    Attached,
    /// One that has started a command, which ends with it: with a filter in it (`--seccomp-bpf`) no process can go on
    /// without its tracer.
    Command,
}

impl Kept {
    const fn word(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Command => "command",
        }
    }
}

/// How long strace has to end when we are gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// What starts strace with `words` under a keeper.
pub fn command(kept: Kept, words: &[OsString]) -> Command {
    let mut command = own(KEEPER);
    command.arg(kept.word()).args(words);
    if kept == Kept::Attached {
        // Ctrl-C is ours alone then, and reaches strace once.
        command.process_group(0);
    }
    command
}

/// Our own program, also where its file has been replaced.
fn own(first: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("strace2pcap").arg(first).arg(getpid().as_raw_nonzero().to_string());
    command
}

/// Does what the hidden arguments ask for, if `words` are such: the program's name, what to be, and whose child.
pub fn hidden(words: &[OsString]) -> Option<Ended> {
    let [_, first, parent, rest @ ..] = words else { return None };
    let is_keeper = first == KEEPER;
    if !is_keeper && first != TRACER {
        return None;
    }
    let signal = if is_keeper { Signal::TERM } else { Signal::KILL };
    let is_heard = set_parent_process_death_signal(Some(signal)).is_ok();
    // Who has started us may have ended before we asked to hear of it.
    let is_there = getppid().is_some_and(|pid| parent.to_str() == Some(&pid.as_raw_nonzero().to_string()));
    if !is_heard || !is_there {
        return Some(Ended::Code(1));
    }
    Some(if is_keeper { keep(rest) } else { become_strace(rest) })
}

/// Becomes strace; comes back only where that fails.
fn become_strace(words: &[OsString]) -> Ended {
    let Some((program, arguments)) = words.split_first() else { return Ended::Code(2) };
    let _ = Command::new(program).args(arguments).exec();
    Ended::Code(127)
}

/// Starts strace and waits for its end, or ours.
fn keep(words: &[OsString]) -> Ended {
    let Some((kind, words)) = words.split_first() else { return Ended::Code(2) };
    let kept = if kind == Kept::Attached.word() { Kept::Attached } else { Kept::Command };
    // The keyboard's signals mean the command, or come to us from who has started us.
    let Ok(mut arrivals) = Signals::new([SIGINT, SIGQUIT, SIGHUP, SIGTERM]) else { return Ended::Code(1) };
    let Ok(mut strace) = own(TRACER).args(words).spawn() else { return Ended::Code(127) };
    let pid = strace.id();
    let watching = thread::Builder::new().spawn(move || {
        for signal in arrivals.forever() {
            if signal == SIGTERM {
                end(kept, pid);
            }
        }
    });
    match (watching, strace.wait()) {
        (Ok(_), Ok(status)) => ended_as(status),
        _ => Ended::Code(1),
    }
}

/// How a process has ended.
pub fn ended_as(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(u8::try_from(code).unwrap_or(1)),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::Code(1),
    }
}

/// Ends strace, and a command with it.
fn end(kept: Kept, strace: u32) {
    match kept {
        Kept::Attached => send(strace, SIGINT),
        Kept::Command => commands_of(strace).for_each(|pid| send(pid, SIGTERM)),
    }
    thread::sleep(PATIENCE);
    if kept == Kept::Command {
        RunningProcesses::now().traced_by(strace).for_each(|pid| send(pid, SIGKILL));
    }
    send(strace, SIGKILL);
}

/// The command that a strace has started.
pub fn commands_of(strace: u32) -> impl Iterator<Item = u32> {
    RunningProcesses::now().children(strace).collect::<Vec<_>>().into_iter()
}

/// The strace that a keeper has started.
pub fn strace_of(keeper: u32) -> Option<u32> {
    RunningProcesses::now().children(keeper).next()
}

/// Sends a signal to a process, if it is still there.
pub fn send(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some((pid, signal)) = pid.zip(Signal::from_named_raw(signal)) {
        let _ = kill_process(pid, signal);
    }
}
