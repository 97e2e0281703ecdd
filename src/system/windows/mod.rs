//! Windows.

mod streams;

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::AsHandle;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use winapi_util::file::{information, typ};

use super::{Facts, FileKind, Folders};
pub use streams::Stream;
use streams::held;
pub(super) use streams::wait;

/// `FILE_FLAG_BACKUP_SEMANTICS`, without which no folder can be opened.
const FOLDERS_TOO: u32 = 0x0200_0000;

/// `FILE_SHARE_READ` and `FILE_SHARE_DELETE`: others may do all but write.
const ONE_WRITER: u32 = 1 | 4;

/// What is asked beside the type is not asked of a pipe: whoever reads it elsewhere would have to be waited for.
pub(super) fn facts(file: &File) -> io::Result<Facts> {
    let kind = typ(file)?;
    if !kind.is_disk() {
        let kind = if kind.is_pipe() { FileKind::Pipe } else { FileKind::Device };
        return Ok(Facts { kind, length: 0, modified: None, identity: (0, 0) });
    }
    let metadata = file.metadata()?;
    let kind = if metadata.is_dir() { FileKind::Folder } else { FileKind::File };
    let known = information(file)?;
    let identity = (known.volume_serial_number(), known.file_index());
    Ok(Facts { kind, length: metadata.len(), modified: metadata.modified().ok(), identity })
}

pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    let file = open_to_read(path).ok()?;
    facts(&file).ok().map(|facts| facts.identity)
}

pub(super) fn standard_input() -> io::Result<File> {
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

pub(super) fn standard_output() -> io::Result<File> {
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}

pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(FOLDERS_TOO).open(path)
}

/// What is open for writing is nobody else's to write, which is the lock here: a real one would keep readers out.
pub(super) fn open_to_write(path: &Path) -> io::Result<File> {
    /// `ERROR_SHARING_VIOLATION`.
    const SHARED: i32 = 32;
    let opened = OpenOptions::new().write(true).create(true).truncate(false).share_mode(ONE_WRITER).open(path);
    opened.map_err(|error| if error.raw_os_error() == Some(SHARED) { io::ErrorKind::WouldBlock.into() } else { error })
}

/// Wireshark's pipes here are opened by their reader first.
pub(super) const fn end_fifo(_: &Path, _: Duration) {}

pub(super) fn locks(_file: &File) -> bool {
    true
}

pub(super) fn read_at(file: &File, room: &mut [u8], position: u64) -> io::Result<usize> {
    let mut cursor = file;
    let before = cursor.stream_position()?;
    let read = file.seek_read(room, position);
    cursor.seek(SeekFrom::Start(before))?;
    read
}

pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = file.seek_write(bytes, position)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(count..).unwrap_or_default();
        position += u64::try_from(count).unwrap_or_default();
    }
    Ok(())
}

/// Nobody tells how a standard output was opened, so that nothing is written in another place of it.
pub(super) fn only_appends(file: &File) -> bool {
    let number = |file: &File| information(file).map(|it| (it.volume_serial_number(), it.file_index())).ok();
    let standard = standard_output().ok().and_then(|it| number(&it));
    standard.is_some() && standard == number(file)
}

pub(super) fn wait_to_write(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::WouldBlock.into())
}

pub(super) fn was_closed(_file: &File) -> bool {
    false
}

pub(super) fn is_removed(file: &File) -> bool {
    information(file).is_ok_and(|known| known.number_of_links() == 0)
}

#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
pub(super) fn close(file: File) -> io::Result<()> {
    drop(file);
    Ok(())
}

pub(super) fn enlarge(_pipe: &File, _bytes: usize) {}

pub(super) fn raise_limit(_files: u64) {}

/// `ERROR_TOO_MANY_OPEN_FILES`.
pub(super) const TOO_MANY: i32 = 4;

pub(super) fn cure_for_too_many() -> String {
    "; give fewer traces at a time".to_owned()
}

pub(super) const WHOSE: &str = "";

pub(super) const INTERRUPT: i32 = 2;

pub(super) const QUIT: i32 = 3;

/// There is but one.
pub(super) fn signal_name(_signal: i32) -> &'static str {
    "Ctrl-C"
}

/// Who hears of what comes from the console: there is one handler for the life of a process.
static HEARER: Mutex<Option<Sender<i32>>> = Mutex::new(None);

fn tell() {
    if let Some(hearer) = held(&HEARER).as_ref() {
        // Who does not hear it has ended.
        let _ = hearer.send(INTERRUPT);
    }
}

/// What comes from the console: Ctrl-C, Ctrl-Break, its end.
#[derive(Debug)]
pub struct Arrivals(Receiver<i32>);

impl Arrivals {
    /// Receives from now on.
    pub fn listen(_beside: &[i32]) -> io::Result<Self> {
        let (hearer, arrivals) = channel();
        let before = held(&HEARER).replace(hearer);
        if before.is_none() {
            ctrlc::set_handler(tell).map_err(io::Error::other)?;
        }
        Ok(Self(arrivals))
    }

    /// All that come.
    pub fn forever(&mut self) -> impl Iterator<Item = i32> + '_ {
        self.0.iter()
    }
}

/// What we start is in a group of its own.
pub(super) fn keyboard_is_ours() -> bool {
    false
}

pub(super) fn exit(code: u8) {
    std::process::exit(code.into());
}

pub(super) fn die_of(_signal: i32) {}

pub(super) fn parent() -> Option<u32> {
    None
}

pub(super) fn is_root() -> bool {
    false
}

pub(super) const PERSON: &str = "APPDATA";

/// Both are `%APPDATA%\Wireshark`.
pub(super) fn folders() -> Option<Folders> {
    let config = PathBuf::from(env::var_os(PERSON).filter(|it| !it.is_empty())?).join("Wireshark");
    Some(Folders { library: config.clone(), config })
}

/// Below the program's own folder, since 4.4 one deeper.
pub(super) fn common_folders() -> Vec<PathBuf> {
    let Some(programs) = env::var_os("ProgramFiles") else { return Vec::new() };
    let folder = PathBuf::from(programs).join("Wireshark").join("extcap");
    vec![folder.join("wireshark"), folder]
}

/// A link is not for everybody to make.
pub(super) fn place_program(program: &Path, path: &Path) -> io::Result<()> {
    fs::copy(program, path).map(drop)
}

pub(super) const PLACED: &str = "copied";

pub(super) fn is_placed(path: &Path, _program: &Path, _name: &str, mark: &[u8]) -> bool {
    fs::read(path).is_ok_and(|bytes| memchr::memmem::find(&bytes, mark).is_some())
}
