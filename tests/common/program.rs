//! Runs the program as a user does.

use super::capture::{self, Capture, Record};
use super::packet::{Packet, decode};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own for one run, gone when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty one below cargo's folder for tests.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder below target/tmp can be made");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How a run ended and what it wrote.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    /// Standard error, as text.
    pub stderr: String,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// The capture: of standard output where the arguments hold `-`; empty where no file was written.
    pub file: Vec<u8>,
}

impl Outcome {
    /// The capture, which must be readable.
    #[track_caller]
    pub fn capture(&self) -> Capture {
        capture::read(&self.file).unwrap_or_else(|problem| panic!("{problem}; stderr: {}", self.stderr))
    }

    /// The packets, each of which must be right in all its lengths and checksums.
    #[track_caller]
    pub fn packets(&self) -> Vec<Packet> {
        self.capture().records.iter().map(good_packet).collect()
    }
}

/// The packet in `record`, which must be right in all its lengths and checksums.
#[track_caller]
pub fn good_packet(record: &Record) -> Packet {
    let packet = decode(record).unwrap_or_else(|problem| panic!("{problem} in {record:?}"));
    assert!(packet.faults.is_empty(), "{}", super::render::packet_line(&packet));
    packet
}

/// Runs the program in `folder` with `arguments`, `input` on its standard input; the output is the argument that is `-`
/// or begins with `out.`.
pub fn run_in(folder: &Path, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strace2pcap"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input was asked for");
    let input = input.to_vec();
    // From a thread of its own, for the program may write before it has read all. It may also end before: no failure.
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("the feeding thread does not panic");
    let name = arguments.iter().find(|argument| argument.starts_with("out."));
    let file = match name {
        Some(name) => fs::read(folder.join(name)).unwrap_or_default(),
        None => output.stdout.clone(),
    };
    Outcome {
        status: output.status.code(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        stdout: output.stdout,
        file,
    }
}

/// Runs the program over `trace` with `options`, into a classic pcap unless the options name an output.
pub fn convert(options: &[&str], trace: &[u8]) -> Outcome {
    let folder = Folder::new();
    let mut arguments = options.to_vec();
    if !arguments.iter().any(|argument| argument.starts_with("out.") || *argument == "-") {
        arguments.push("out.pcap");
    }
    run_in(folder.path(), &arguments, trace)
}

/// The packets of `trace` under `options`: the run must end with status 0 and every packet must be right.
#[track_caller]
pub fn packets(options: &[&str], trace: impl AsRef<[u8]>) -> Vec<Packet> {
    let outcome = convert(options, trace.as_ref());
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    outcome.packets()
}
