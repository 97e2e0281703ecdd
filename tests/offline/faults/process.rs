//! The program as a process among files and pipes, for the tests of faults.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub const HEADER: u64 = 24;
pub const RECORD: u64 = 76;
pub const LINE: &[u8] =
    b"1234 1700000000.123456 write(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"\\x41\\x42\", 2) = 2 <0.000010>\n";

/// How long anything may take on a busy machine before it counts as stuck.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long to look whether something that must not happen happens.
pub const MOMENT: Duration = Duration::from_millis(150);

/// A directory that is removed again.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn trace(&self, name: &str, lines: usize) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, LINE.repeat(lines)).unwrap();
        path
    }

    #[cfg(unix)]
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.file(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program under test; killed if a test gives up on it.
pub struct Run(pub Child);

impl Run {
    pub fn start(output: impl AsRef<Path>, set_up: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = command();
        command.arg(output.as_ref()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        set_up(&mut command);
        Self(command.spawn().unwrap())
    }

    pub fn input(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends it at once.
    #[track_caller]
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        assert_ne!(self.ended().code(), Some(0));
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        drop(self.0.stdin.take());
        let mut status = None;
        until("the program has ended", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Its exit code and what it said.
    #[track_caller]
    pub fn told(&mut self) -> (Option<i32>, String) {
        let code = self.ended().code();
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, with the signals' dispositions that a person's shell gives it, even where the tests run under nohup.
#[cfg(target_os = "linux")]
pub fn command() -> Command {
    let program = env!("CARGO_BIN_EXE_strace2pcap");
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    let hup_or_int = 0b11;
    if u64::from_str_radix(ignored, 16).unwrap() & hup_or_int == 0 {
        return Command::new(program);
    }
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT").arg(program);
    command
}

/// The program.
#[cfg(not(target_os = "linux"))]
pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_strace2pcap"))
}

/// Lets `link` lead to a file, as anybody may where they are.
pub fn link(file: &Path, link: &Path) {
    #[cfg(unix)]
    std::os::unix::fs::symlink(file, link).unwrap();
    #[cfg(not(unix))]
    fs::hard_link(file, link).unwrap();
}

#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

pub fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Waits until so many records are in the file.
#[track_caller]
pub fn until_records(path: &Path, records: u64) {
    until(&format!("{records} records are written"), || size(path) == HEADER + records * RECORD);
}

/// Reads a capture as any reader does, record by record, to a whole end.
#[track_caller]
pub fn records_in(capture: &[u8]) -> usize {
    let (records, rest) = whole_records_in(capture);
    assert_eq!(rest, 0, "bytes of a record that is cut, behind {records} whole ones");
    records
}

/// How many whole records there are, and how many bytes of one that is cut.
#[track_caller]
pub fn whole_records_in(capture: &[u8]) -> (usize, usize) {
    assert_eq!(capture[..4], [0xd4, 0xc3, 0xb2, 0xa1], "pcap's magic number");
    let mut rest = &capture[24..];
    let mut count = 0;
    while let Some((header, behind)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        assert!((1..100_000).contains(&length), "record {count} has {length} bytes");
        let Some(next) = behind.get(length..) else {
            break;
        };
        (rest, count) = (next, count + 1);
    }
    (count, rest.len())
}
