//! What one system does otherwise than another: signals, waiting, what a file is, locks, descriptors, folders. The only room
//! that asks which system it is, but for [`record`](mod@crate::record), which starts processes.
//!
//! | file | of |
//! |---|---|
//! | `unix.rs` | Linux, macOS and their kin |
//! | `linux.rs`, `not_linux.rs` | what of that is Linux's own, and what stands in its place |
//! | `windows/` | Windows |
//!
//! All have the same functions, and what they promise is written here. What a system has not is as if it never happened.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(unix, not(target_os = "linux")))]
mod not_linux;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[cfg(unix)]
use unix as own;
#[cfg(windows)]
use windows as own;

pub use own::{Arrivals, Stream};

/// What is behind an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Somebody is at the other end: a pipe, a FIFO, a socket.
    Pipe,
    /// A terminal, and what is like it.
    Device,
    /// Something else of a certain length: a disk.
    Disk,
}

/// What is known of an open file.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What it is.
    pub kind: FileKind,
    /// How many bytes are in it.
    pub length: u64,
    /// When it was last written, where that is known.
    pub modified: Option<SystemTime>,
    /// Which one it is: on which volume, and its number there.
    pub identity: (u64, u64),
}

/// What is known of `file`.
pub fn facts(file: &File) -> io::Result<Facts> {
    own::facts(file)
}

/// Which file a name leads to, as in [`Facts`], whatever it is.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    own::identity(path)
}

/// Standard input, as a file of its own.
pub fn standard_input() -> io::Result<File> {
    own::standard_input()
}

/// Standard output, as a file of its own.
pub fn standard_output() -> io::Result<File> {
    own::standard_output()
}

/// Opens a file, or a folder, which [`facts`] then tells.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    own::open_to_read(path)
}

/// Opens a file for writing without touching what is in it. A FIFO waits for its reader here.
///
/// # Errors
///
/// [`io::ErrorKind::WouldBlock`] where another run is writing to it, if the system tells that here; else [`locks`] does.
pub fn open_to_write(path: &Path) -> io::Result<File> {
    own::open_to_write(path)
}

/// Whoever reads the FIFO at `path`, or comes to read it within `time`, sees its end.
pub fn end_fifo(path: &Path, time: Duration) {
    own::end_fifo(path, time);
}

/// Whether other runs are kept from writing to `file` from now on: not where one is writing. A file system that knows no
/// locks has none.
pub fn locks(file: &File) -> bool {
    own::locks(file)
}

/// Reads once from `position` on, and leaves the file's own position where it is.
pub fn read_at(file: &File, room: &mut [u8], position: u64) -> io::Result<usize> {
    own::read_at(file, room, position)
}

/// Writes all from `position` on.
pub fn write_all_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    own::write_all_at(file, bytes, position)
}

/// Whether what is written to `file` can only be added to it, whatever the position.
pub fn only_appends(file: &File) -> bool {
    own::only_appends(file)
}

/// Waits until the other end of `file` takes more, where it does not block.
pub fn wait_to_write(file: &File) -> io::Result<()> {
    own::wait_to_write(file)
}

/// Whether `file` is what stands in place of a standard output that is closed.
pub fn was_closed(file: &File) -> bool {
    own::was_closed(file)
}

/// Whether no name leads to `file` any more.
pub fn is_removed(file: &File) -> bool {
    own::is_removed(file)
}

/// Closes `file`, and tells what has failed by then.
pub fn close(file: File) -> io::Result<()> {
    own::close(file)
}

/// A pipe is asked to hold `bytes`. Worth a try: it may refuse.
pub fn enlarge(pipe: &File, bytes: usize) {
    own::enlarge(pipe, bytes);
}

/// Lets this process have so many files open, as far as the system goes.
pub fn raise_limit(files: u64) {
    own::raise_limit(files);
}

/// The number of the error that no more files can be opened.
pub const TOO_MANY: i32 = own::TOO_MANY;

/// What helps against that.
pub fn cure_for_too_many() -> String {
    own::cure_for_too_many()
}

/// Who may read what others have written, as a hint: how a file comes not to be ours.
pub const WHOSE: &str = own::WHOSE;

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub enum Awaited<'s> {
    /// That something can be read, the end and an error too.
    Input(&'s Stream),
    /// That the reader at the other end goes away. Not every system tells.
    #[cfg_attr(windows, expect(dead_code, reason = "nothing tells"))]
    Departure(&'s Stream),
}

/// Waits until something of `all` happens, and tells what. Nothing has once the time is over.
///
/// # Errors
///
/// [`io::ErrorKind::Interrupted`] when a signal came.
pub fn wait(all: &[Awaited<'_>], time: Option<Duration>) -> io::Result<Vec<bool>> {
    own::wait(all, time)
}

/// Who interrupts: Ctrl-C.
pub const INTERRUPT: i32 = own::INTERRUPT;

/// The keyboard's other signal that ends.
pub const QUIT: i32 = own::QUIT;

/// What a signal is called.
pub fn signal_name(signal: i32) -> &'static str {
    own::signal_name(signal)
}

/// Whether what is typed at the terminal reaches us, and with us all that we have started.
pub fn keyboard_is_ours() -> bool {
    own::keyboard_is_ours()
}

/// Ends this process at once, whatever it is doing.
pub fn exit(code: u8) {
    own::exit(code);
}

/// Ends this process as `signal` does. Comes back only for a signal that ends nobody.
pub fn die_of(signal: i32) {
    own::die_of(signal);
}

/// Who has started us, where the system tells when that one is gone.
pub fn parent() -> Option<u32> {
    own::parent()
}

/// Whether we may do everything.
pub fn is_root() -> bool {
    own::is_root()
}

/// A person's folders of Wireshark.
#[derive(Clone, Debug)]
pub struct Folders {
    /// For settings.
    pub config: PathBuf,
    /// For programs.
    pub library: PathBuf,
}

/// These, where the person is known.
pub fn folders() -> Option<Folders> {
    own::folders()
}

/// What must be set for them to be known.
pub const PERSON: &str = own::PERSON;

/// Where Wireshark has interfaces that are there for all.
pub fn common_folders() -> Vec<PathBuf> {
    own::common_folders()
}

/// Lets `path` lead to `program`, as well as the system can: a link, or a copy.
pub fn place_program(program: &Path, path: &Path) -> io::Result<()> {
    own::place_program(program, path)
}

/// What has been done by then, as a word.
pub const PLACED: &str = own::PLACED;

/// Whether that is what stands at `path`: a link to `program`, or to another file of its `name`; a copy of what has `mark` in
/// it.
pub fn is_placed(path: &Path, program: &Path, name: &str, mark: &[u8]) -> bool {
    own::is_placed(path, program, name, mark)
}
