//! What processes are called that are being traced, and whose threads there are: names were given, and threads made, before
//! the trace began.
//!
//! A trace that comes through a pipe may be of another machine, or of yesterday. So a process is asked only where it is
//! traced right now by somebody who holds our pipe's other end: then its number means the same to strace and to us. Of
//! another machine that is known which it has told in front of the trace.

use super::input::source::{Source, SourceKind};
use crate::event::Tid;
use crate::limits;
use crate::system;
use foldhash::HashMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

/// A thread as /proc has it.
#[derive(Debug, PartialEq, Eq)]
pub struct ThreadInfo {
    /// The process that it is of.
    pub process: Tid,
    /// Its name (`comm`).
    pub name: Vec<u8>,
    /// Its program's path, where that may be read.
    pub path: Option<Vec<u8>>,
}

/// The threads of another machine, as they are told.
pub type RemoteThreads = Receiver<(Tid, ThreadInfo)>;

/// Who tells of them.
#[derive(Debug)]
pub struct Teller {
    tell: Sender<(Tid, ThreadInfo)>,
    /// How many more are listened to.
    left: usize,
}

impl Teller {
    /// Somebody who tells, and who listens.
    pub fn begin() -> (Self, RemoteThreads) {
        let (tell, told) = channel();
        (Self { tell, left: limits::THREADS_TOLD }, told)
    }

    /// Tells of a thread: its number, its process's, and how that is called, with a blank between them.
    pub fn tell(&mut self, line: &[u8]) {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let thread = (words.next().and_then(value), words.next().and_then(value), words.next());
        let ((Some(thread), Some(process), Some(name)), 1..) = (thread, self.left) else { return };
        self.left -= 1;
        // Where nobody is asked for them any more they are not wanted.
        let _ = self.tell.send((Tid(thread), ThreadInfo { process: Tid(process), name: name.to_vec(), path: None }));
    }
}

/// Who can be asked.
#[derive(Debug)]
pub enum ProcessSource {
    /// This machine.
    Here(PipeTracer),
    /// Nobody, but another machine has told of these. Each is looked up once: its number may be another's later.
    There(RemoteThreads, HashMap<Tid, ThreadInfo>),
}

impl ProcessSource {
    /// Where the only trace comes through a pipe.
    pub fn of(sources: &[Source]) -> Option<Self> {
        match sources {
            [source] if source.kind() == SourceKind::Pipe => {
                Some(Self::Here(PipeTracer { pipe: source.identity(), tracer: None }))
            }
            _ => None,
        }
    }

    /// Where another machine tells of its threads.
    pub fn told(told: RemoteThreads) -> Self {
        Self::There(told, HashMap::default())
    }

    /// The thread of this number, if it is traced by who writes to us.
    pub fn look(&mut self, thread: Tid) -> Option<ThreadInfo> {
        match self {
            Self::Here(tracer) => tracer.look(thread),
            Self::There(told, threads) => {
                threads.extend(told.try_iter());
                threads.remove(&thread)
            }
        }
    }
}

/// Who traces the processes whose trace comes through a pipe.
#[derive(Debug)]
pub struct PipeTracer {
    /// Device and inode of our pipe.
    pipe: (u64, u64),
    /// The tracer that was found to hold its other end.
    tracer: Option<u32>,
}

impl PipeTracer {
    fn look(&mut self, thread: Tid) -> Option<ThreadInfo> {
        let status = fs::read(format!("/proc/{thread}/status")).ok()?;
        let tracer = tracer(&status)?;
        if self.tracer != Some(tracer) && !self.is_held_by(tracer) {
            return None;
        }
        self.tracer = Some(tracer);
        let mut name = fs::read(format!("/proc/{thread}/comm")).ok()?;
        name.truncate(name.trim_ascii_end().len());
        let path = fs::read_link(format!("/proc/{thread}/exe")).ok();
        let process = number(&status, b"Tgid:").map_or(thread, Tid);
        Some(ThreadInfo { process, name, path: path.map(|path| path.into_os_string().into_encoded_bytes()) })
    }

    /// Whether one of a process's descriptors is our pipe.
    fn is_held_by(&self, process: u32) -> bool {
        let descriptors = fs::read_dir(format!("/proc/{process}/fd"));
        let ours = |path: &Path| system::identity(path) == Some(self.pipe);
        descriptors.into_iter().flatten().flatten().any(|descriptor| ours(&descriptor.path()))
    }
}

/// The number of a process's tracer, by its status (proc(5)); none where it has none.
pub fn tracer(status: &[u8]) -> Option<u32> {
    number(status, b"TracerPid:").filter(|tracer| *tracer > 0)
}

/// A number that stands in a status behind such a key.
fn number(status: &[u8], key: &[u8]) -> Option<u32> {
    let mut lines = status.split(|byte| *byte == b'\n');
    value(lines.find_map(|line| line.strip_prefix(key))?)
}

fn value(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_traces_a_process() {
        assert_eq!(tracer(b"Name:\tcurl\nTracerPid:\t4711\nUid:\t0\n"), Some(4711));
        assert_eq!(tracer(b"Name:\tcurl\nTracerPid:\t0\n"), None);
        assert_eq!(tracer(b"Name:\tcurl\n"), None);
    }

    #[test]
    fn nobody_is_asked_who_is_not_traced_by_who_writes_to_us() {
        let mut live = ProcessSource::Here(PipeTracer { pipe: (0, 0), tracer: None });
        assert_eq!(live.look(Tid(std::process::id())), None);
    }

    #[test]
    fn what_another_machine_has_told_counts_once() {
        let (mut teller, told) = Teller::begin();
        let found = || ThreadInfo { process: Tid(7), name: b"a b".to_vec(), path: None };
        let mut live = ProcessSource::told(told);
        assert_eq!(live.look(Tid(8)), None);
        for line in ["8 7 a b", "9", "9 7", "x 7 a", "9 x a", ""] {
            teller.tell(line.as_bytes());
        }
        assert_eq!((live.look(Tid(8)), live.look(Tid(8)), live.look(Tid(9))), (Some(found()), None, None));
        for thread in 0..=limits::THREADS_TOLD {
            teller.tell(format!("{thread} 7 a").as_bytes());
        }
        let ProcessSource::There(told, _) = &live else { panic!("{live:?}") };
        assert_eq!(told.try_iter().count(), limits::THREADS_TOLD - 1);
        drop(teller);
        assert_eq!(live.look(Tid(8)), None);
    }
}
