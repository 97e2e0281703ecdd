//! A thread that hands on what asks for the end of a recording: signals that come to us, a reader of the capture that has
//! gone, a conversion that can write no more.

use std::io::{self, PipeWriter, Read, Write};
use std::process::ChildStdin;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Tracer;
use super::script::BEAT;
use crate::run::Error;
use crate::run::live::Ready;
use crate::system::{self, Awaited, Stream};

/// How often is looked whether who has started us is there: nothing tells that unasked but a signal, which is about a thread.
const LOOK: Duration = Duration::from_secs(1);

/// Whom it is handed on to.
#[derive(Debug)]
pub enum Heir {
    /// A strace here.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is none"))]
    Here(Tracer),
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
            let parent = if with_parent { system::parent() } else { None };
            let (handed, ended) = (handed.into(), ended.into());
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
struct Look {
    handed: bool,
    ended: bool,
    gone: bool,
}

struct Watcher {
    heir: Heir,
    handed: Stream,
    ended: Stream,
    reader: Option<Stream>,
    /// Who has started us, if that one's end is ours.
    parent: Option<u32>,
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
                if (&self.handed).read_exact(&mut signal).is_err() {
                    return;
                }
                self.hand_on(Some(i32::from(signal[0])).filter(|signal| *signal > 0));
            }
            let is_orphan = self.parent.take_if(|parent| system::parent() != Some(*parent)).is_some();
            if seen.gone {
                self.reader = None;
            }
            if seen.gone || is_orphan {
                self.hand_on(None);
            }
        }
    }

    /// Waits until something happens.
    fn wait(&self) -> Look {
        let mut all = vec![Awaited::Input(&self.handed), Awaited::Input(&self.ended)];
        all.extend(self.reader.as_ref().map(Awaited::Departure));
        let look = match (&self.heir, self.parent) {
            (_, Some(_)) => Some(LOOK),
            (Heir::There(Some(_), _), None) => Some(BEAT),
            _ => None,
        };
        let mut happened = system::wait(&all, look).unwrap_or_default().into_iter();
        let mut next = || happened.next().unwrap_or_default();
        Look { handed: next(), ended: next(), gone: next() }
    }

    /// Hands on a signal, or that nobody reads any more.
    fn hand_on(&mut self, signal: Option<i32>) {
        match (&mut self.heir, signal) {
            (Heir::Here(tracer), _) => tracer.hand_on(signal),
            (Heir::There(_, true), None) => {}
            (Heir::There(stdin, _), _) => *stdin = None,
        }
    }
}
