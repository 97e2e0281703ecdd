//! A thread that hands on what asks for the end of a recording: signals that come to us, a reader of the capture that has
//! gone, a conversion that can write no more.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ChildStdin;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getppid};

use super::keeper::{commands_of, send, strace_of};
use super::patiently;
use super::script::BEAT;
use crate::run::Error;
use crate::run::live::Ready;

/// How often is looked whether who has started us is there: nothing tells that unasked but a signal, which is about a thread.
const LOOK: Duration = Duration::from_secs(1);

/// How many steps are waited for a strace, or its command, that is just being started.
const STEPS: u32 = 20;

/// Whom it is handed on to.
#[derive(Debug)]
pub enum Heir {
    /// A strace here that is attached, by the number of its keeper: it is interrupted.
    Attached(u32),
    /// What a strace here has started, by the number of that one's keeper: it gets the same signal. Where nobody asks for
    /// the end it goes on, and its trace is read to the end and forgotten.
    Command(u32),
    /// The same, but it ends with the recording, whoever asks for that, with all that it has started.
    Keeper(u32),
    /// A strace on another machine, by the standard input of its script, and whether a command that it has started goes on
    /// where nobody asks for the end.
    There(Option<ChildStdin>, bool),
}

/// The thread, which ends with this.
#[derive(Debug)]
pub struct Watch {
    end: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch.
    ///
    /// `with_parent`: who has started us is whom it is for (Wireshark), and what reads the capture may outlive that.
    pub fn begin(heir: Heir, ready: &Ready, with_parent: bool) -> Result<Self, Error> {
        let begun = || {
            let handed = ready.signals().handed()?;
            let (ended, end) = io::pipe()?;
            let parent = if with_parent { getppid() } else { None };
            let watcher = Watcher { heir, handed, ended, reader: ready.reader(), parent };
            let thread = thread::Builder::new().spawn(move || watcher.run())?;
            Ok(Self { end: Some(end), thread: Some(thread) })
        };
        begun().map_err(Error::Signals)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end = None;
        // It has nothing to tell.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What happens on one look.
struct Seen {
    handed: bool,
    ended: bool,
    gone: bool,
}

struct Watcher {
    heir: Heir,
    handed: PipeReader,
    ended: PipeReader,
    reader: Option<OwnedFd>,
    /// Who has started us, if that one's end is ours.
    parent: Option<Pid>,
}

impl Watcher {
    fn run(mut self) {
        loop {
            if let Heir::There(Some(stdin), _) = &mut self.heir {
                // Where it is not read any more, the end of the trace tells that.
                let _ = stdin.write_all(b"\n");
            }
            let seen = self.wait();
            if seen.ended {
                return;
            }
            if seen.handed {
                let mut signal = [0];
                if self.handed.read_exact(&mut signal).is_err() {
                    return;
                }
                self.hand_on(Signal::from_named_raw(i32::from(signal[0])));
            }
            let is_orphan = self.parent.take_if(|parent| getppid() != Some(*parent)).is_some();
            if seen.gone {
                self.reader = None;
            }
            if seen.gone || is_orphan {
                self.hand_on(None);
            }
        }
    }

    /// Waits until something happens.
    fn wait(&self) -> Seen {
        let input = |descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN);
        let mut all = vec![input(self.handed.as_fd()), input(self.ended.as_fd())];
        // That nobody reads any more is told unasked.
        all.extend(self.reader.as_ref().map(|reader| PollFd::new(reader, PollFlags::empty())));
        let look = match (&self.heir, self.parent) {
            (_, Some(_)) => Some(LOOK),
            (Heir::There(Some(_), _), None) => Some(BEAT),
            _ => None,
        };
        let look = look.and_then(|look| Timespec::try_from(look).ok());
        let is_polled = poll(&mut all, look.as_ref()).is_ok();
        let mut happened = all.iter().map(|it| is_polled && !it.revents().is_empty());
        let mut next = || happened.next().unwrap_or_default();
        Seen { handed: next(), ended: next(), gone: next() }
    }

    /// Hands on a signal, or that nobody reads any more.
    fn hand_on(&mut self, signal: Option<Signal>) {
        match (&mut self.heir, signal) {
            (Heir::Attached(keeper), _) => match patiently(STEPS, || strace_of(*keeper)) {
                Some(strace) => send(strace, Signal::INT),
                None => send(*keeper, Signal::TERM),
            },
            (Heir::Command(keeper), Some(signal)) => {
                let command = || strace_of(*keeper).and_then(|strace| commands_of(strace).next());
                match patiently(STEPS, command) {
                    Some(command) => send(command, signal),
                    None => send(*keeper, Signal::TERM),
                }
            }
            (Heir::Keeper(keeper), _) => send(*keeper, Signal::TERM),
            (Heir::Command(_) | Heir::There(_, true), None) => {}
            (Heir::There(stdin, _), _) => *stdin = None,
        }
    }
}
