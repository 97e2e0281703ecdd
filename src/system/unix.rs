//! Linux, macOS and their kin.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_getfl, open};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getpgrp, getppid, getrlimit, setrlimit};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

#[cfg(target_os = "linux")]
use super::linux as kin;
#[cfg(not(target_os = "linux"))]
use super::not_linux as kin;
use super::{Awaited, Facts, FileKind, Folders};

pub(super) use kin::{common_folders, enlarge};

pub(super) fn facts(file: &File) -> io::Result<Facts> {
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    let kind = if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Folder
    } else if kind.is_fifo() || kind.is_socket() {
        FileKind::Pipe
    } else if kind.is_char_device() {
        FileKind::Device
    } else {
        FileKind::Disk
    };
    let identity = (metadata.dev(), metadata.ino());
    Ok(Facts { kind, length: metadata.len(), modified: metadata.modified().ok(), identity })
}

pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

pub(super) fn standard_input() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

pub(super) fn standard_output() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(super) fn open_to_write(path: &Path) -> io::Result<File> {
    // First without creating: in /tmp the kernel refuses to "create" another user's FIFO that is there.
    match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create(true).truncate(false).open(path)
        }
        opened => opened,
    }
}

pub(super) fn end_fifo(path: &Path, time: Duration) {
    let (begun, flags) = (Instant::now(), OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC);
    // Nobody has it open.
    while open(path, flags, Mode::empty()).is_err_and(|error| error == Errno::NXIO) && begun.elapsed() < time {
        thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn locks(file: &File) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

pub(super) fn read_at(file: &File, room: &mut [u8], position: u64) -> io::Result<usize> {
    file.read_at(room, position)
}

pub(super) fn write_all_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    file.write_all_at(bytes, position)
}

pub(super) fn only_appends(file: &File) -> bool {
    fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::APPEND))
}

pub(super) fn wait_to_write(file: &File) -> io::Result<()> {
    match poll(&mut [PollFd::new(file, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Rust opens /dev/null for a standard output that is closed, for reading too, as nobody else does
/// (`library/std/src/sys/pal/unix/mod.rs`, `sanitize_standard_fds`).
pub(super) fn was_closed(file: &File) -> bool {
    let is_null = file.metadata().is_ok_and(|it| it.file_type().is_char_device() && kin::is_null(it.rdev()));
    is_null && fcntl_getfl(file).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDWR)
}

pub(super) fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

pub(super) fn close(file: File) -> io::Result<()> {
    nix::unistd::close(file).map_err(io::Error::from)
}

pub(super) fn raise_limit(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|soft| soft < files) {
        // Where it fails, opening does too, and tells it.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

pub(super) const TOO_MANY: i32 = Errno::MFILE.raw_os_error();

/// The soft limit has been raised to the hard one by then.
pub(super) fn cure_for_too_many() -> String {
    let limit = getrlimit(Resource::Nofile).maximum;
    let limit = limit.map_or_else(|| "as many as the system has".to_owned(), |limit| limit.to_string());
    format!("; the hard limit of open files is {limit} (ulimit -Hn): raise it, or give fewer traces at a time")
}

pub(super) const WHOSE: &str = "; strace run by root leaves files that are root's";

/// What is read and can be waited for.
#[derive(Debug)]
pub struct Stream(File);

impl Stream {
    /// Reads `file`.
    pub const fn new(file: File) -> Self {
        Self(file)
    }

    /// Where a reader at the other end of `file`, of a pipe, may go away.
    pub fn to_reader(file: &File) -> Option<Self> {
        let kind = file.metadata().ok()?.file_type();
        (kind.is_fifo() || kind.is_socket()).then(|| file.try_clone().ok().map(Self))?
    }

    /// What is behind it.
    pub const fn file(&self) -> &File {
        &self.0
    }
}

impl From<PipeReader> for Stream {
    fn from(pipe: PipeReader) -> Self {
        Self(File::from(OwnedFd::from(pipe)))
    }
}

impl Read for &Stream {
    #[inline]
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(room)
    }
}

pub(super) fn wait(all: &[Awaited<'_>], time: Option<Duration>) -> io::Result<Vec<bool>> {
    let polled = all.iter().map(|awaited| match awaited {
        Awaited::Input(stream) => PollFd::new(&stream.0, PollFlags::IN),
        // That is told unasked.
        Awaited::Departure(stream) => PollFd::new(&stream.0, PollFlags::empty()),
    });
    let mut polled: Vec<_> = polled.collect();
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    poll(&mut polled, time.as_ref())?;
    Ok(polled.iter().map(|it| !it.revents().is_empty()).collect())
}

pub(super) const INTERRUPT: i32 = SIGINT;

pub(super) const QUIT: i32 = SIGQUIT;

pub(super) fn signal_name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}

/// The signals that come.
#[derive(Debug)]
pub struct Arrivals(Signals);

impl Arrivals {
    /// Receives from now on those that ask for the end, unless who has started us has them ignored, and those `beside` in
    /// any case. SIGXFSZ, which by default kills with the last record cut, is received and nothing else: the write then
    /// fails (EFBIG).
    pub fn listen(beside: &[i32]) -> io::Result<Self> {
        let ignored = kin::ignored_signals();
        // Who starts us with a signal ignored, as nohup does with SIGHUP, wants it so.
        let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| (ignored >> (signal - 1)) & 1 == 0);
        let arrivals = Signals::new(heard.chain(beside.iter().copied()))?;
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        Ok(Self(arrivals))
    }

    /// All that come.
    pub fn forever(&mut self) -> impl Iterator<Item = i32> + '_ {
        self.0.forever()
    }
}

pub(super) fn keyboard_is_ours() -> bool {
    File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}

pub(super) fn exit(code: u8) {
    signal_hook::low_level::exit(code.into());
}

pub(super) fn die_of(signal: i32) {
    // Fails for a signal that there is not.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

pub(super) fn parent() -> Option<u32> {
    getppid().and_then(|parent| u32::try_from(parent.as_raw_nonzero().get()).ok())
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(super) const PERSON: &str = "HOME";

/// `~/.config/wireshark` and `~/.local/lib/wireshark`, on macOS too.
pub(super) fn folders() -> Option<Folders> {
    let home = PathBuf::from(env::var_os(PERSON).filter(|it| !it.is_empty())?);
    let config = env::var_os("XDG_CONFIG_HOME").filter(|it| Path::new(it).is_absolute());
    let config = config.map_or_else(|| home.join(".config"), PathBuf::from).join("wireshark");
    Some(Folders { config, library: home.join(".local/lib/wireshark") })
}

pub(super) fn place_program(program: &Path, path: &Path) -> io::Result<()> {
    symlink(program, path)
}

pub(super) const PLACED: &str = "linked";

pub(super) fn is_placed(path: &Path, program: &Path, name: &str, _mark: &[u8]) -> bool {
    fs::read_link(path).is_ok_and(|target| target == program || target.file_name().is_some_and(|it| it == name))
}
