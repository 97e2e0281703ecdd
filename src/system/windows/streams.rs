//! Waiting for several pipes at once, for which Windows has no call: a thread reads each that is waited for, one piece ahead,
//! and tells when there is one.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::windows::io::OwnedHandle;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::Awaited;

/// How much is read ahead at a time.
const PIECE_BYTES: usize = 64 << 10;

/// What a thread that reads needs at most.
const STACK_BYTES: usize = 256 << 10;

/// Told whenever something has come to any stream.
static NEWS: Condvar = Condvar::new();

/// Held while it is looked whether something has come, so that no news is missed.
static LOOKING: Mutex<()> = Mutex::new(());

/// What is in `mutex`: nobody leaves it half changed.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is read and can be waited for.
#[derive(Debug)]
pub struct Stream {
    file: File,
    /// What is read ahead, once it has been waited for.
    ahead: Mutex<Option<Ahead>>,
}

/// What has been read and not been taken.
#[derive(Debug)]
struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// The first piece, with how much of it has been taken. An empty one is the end.
    first: Option<(io::Result<Vec<u8>>, usize)>,
}

impl Ahead {
    fn of(file: &File) -> io::Result<Self> {
        let (to, pieces) = sync_channel(1);
        let file = file.try_clone()?;
        thread::Builder::new().stack_size(STACK_BYTES).spawn(move || feed(&file, &to))?;
        Ok(Self { pieces, first: None })
    }

    /// Whether reading would not wait.
    fn is_ready(&mut self) -> bool {
        if self.first.is_none() {
            self.first = match self.pieces.try_recv() {
                Ok(piece) => Some((piece, 0)),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some((Ok(Vec::new()), 0)),
            };
        }
        self.first.is_some()
    }

    /// Takes as much as there is room for.
    fn take(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let (piece, taken) = match self.first.take() {
            Some(first) => first,
            None => (self.pieces.recv().unwrap_or_else(|_| Ok(Vec::new())), 0),
        };
        let piece = piece?;
        let mut rest = piece.get(taken..).unwrap_or_default();
        let count = rest.read(room)?;
        let is_end = piece.is_empty();
        if is_end || !rest.is_empty() {
            self.first = Some((Ok(piece), taken + count));
        }
        Ok(count)
    }
}

/// Reads `file` to its end.
fn feed(file: &File, to: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let mut from = file;
        let read = from.read(&mut buffer).map(|count| buffer.get(..count).unwrap_or_default().to_vec());
        let is_last = !read.as_ref().is_ok_and(|piece| !piece.is_empty());
        let is_taken = to.send(read).is_ok();
        drop(held(&LOOKING));
        NEWS.notify_all();
        if !is_taken || is_last {
            return;
        }
    }
}

impl Stream {
    /// Reads `file`.
    pub const fn new(file: File) -> Self {
        Self { file, ahead: Mutex::new(None) }
    }

    /// Nobody tells that a reader has gone before something is written.
    pub fn to_reader(_file: &File) -> Option<Self> {
        None
    }

    /// What is behind it.
    pub const fn file(&self) -> &File {
        &self.file
    }

    fn is_ready(&self) -> io::Result<bool> {
        let mut ahead = held(&self.ahead);
        match &mut *ahead {
            Some(ahead) => Ok(ahead.is_ready()),
            None => Ok(ahead.insert(Ahead::of(&self.file)?).is_ready()),
        }
    }
}

impl From<PipeReader> for Stream {
    fn from(pipe: PipeReader) -> Self {
        Self::new(File::from(OwnedHandle::from(pipe)))
    }
}

impl Read for &Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match &mut *held(&self.ahead) {
            Some(ahead) => ahead.take(room),
            None => (&self.file).read(room),
        }
    }
}

pub(in crate::system) fn wait(all: &[Awaited<'_>], time: Option<Duration>) -> io::Result<Vec<bool>> {
    let end = time.and_then(|time| Instant::now().checked_add(time));
    let mut looking = held(&LOOKING);
    loop {
        let mut seen = Vec::with_capacity(all.len());
        for awaited in all {
            seen.push(match awaited {
                Awaited::Input(stream) => stream.is_ready()?,
                Awaited::Departure(_) => false,
            });
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if seen.contains(&true) || left == Some(Duration::ZERO) {
            return Ok(seen);
        }
        looking = match left {
            Some(left) => NEWS.wait_timeout(looking, left).unwrap_or_else(PoisonError::into_inner).0,
            None => NEWS.wait(looking).unwrap_or_else(PoisonError::into_inner),
        };
    }
}
