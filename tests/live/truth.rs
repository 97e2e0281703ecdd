//! The other capture: what tcpdump sees on the loopback interface while a program runs.

use crate::common::capture::{self, Record};
use crate::support::free_port;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Ends tcpdump when standard input ends, so that neither a failed test nor sudo leaves one behind.
const SCRIPT: &str = "tcpdump \"$@\" </dev/null & pid=$!; cat >/dev/null; kill -TERM $pid; wait $pid";

/// A running tcpdump.
pub struct Truth {
    child: Child,
    file: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    errors: BufReader<std::process::ChildStderr>,
    last_port: u16,
}

impl Truth {
    /// Captures all that goes to or from `ports`. None where nobody may capture.
    pub fn start(ports: &[u16]) -> Option<Self> {
        Self::start_as(&["sh"], ports).or_else(|| Self::start_as(&["sudo", "-n", "sh"], ports))
    }

    fn start_as(shell: &[&str], ports: &[u16]) -> Option<Self> {
        let last_port = free_port();
        let mut filter = format!("port {last_port}");
        for port in ports {
            let _ = write!(filter, " or port {port}");
        }
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", SCRIPT, "sh", "-i", "lo", "-p", "-U", "-s", "0", "-n"])
            .args(["--immediate-mode", "-B", "32768", "-w", "-", &filter])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut errors = BufReader::new(child.stderr.take()?);
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            if errors.read_line(&mut line).ok()? == 0 {
                drop(child.stdin.take());
                let _ = child.wait();
                return None;
            }
        }
        let file = Arc::new(Mutex::new(Vec::new()));
        let reader = read_into(child.stdout.take()?, Arc::clone(&file));
        Some(Self { child, file, reader: Some(reader), errors, last_port })
    }

    /// Waits until all packets up to now are there, and ends it. The records, without the one that told.
    #[track_caller]
    pub fn stop(mut self) -> Vec<Record> {
        let last = format!("the last packet, to port {}", self.last_port);
        let end = Instant::now() + Duration::from_secs(10);
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        while !contains(&self.file.lock().expect("no panic"), last.as_bytes()) {
            assert!(Instant::now() < end, "tcpdump does not see a datagram");
            let _ = sender.send_to(last.as_bytes(), ("127.0.0.1", self.last_port));
            std::thread::sleep(Duration::from_millis(20));
        }
        self.end();
        let mut told = String::new();
        let _ = self.errors.read_to_string(&mut told);
        let dropped = told.lines().find(|line| line.contains("dropped by kernel"));
        assert!(
            dropped.is_none_or(|line| line.starts_with("0 ")),
            "tcpdump missed packets, so there is no truth: {told}"
        );
        let file = self.file.lock().expect("no panic");
        let mut records = capture::read(&file).expect("tcpdump writes captures").records;
        records.retain(|record| !record.bytes.ends_with(last.as_bytes()));
        records
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let _ = self.child.wait();
    }
}

impl Drop for Truth {
    fn drop(&mut self) {
        self.end();
    }
}

fn contains(file: &[u8], text: &[u8]) -> bool {
    // Only the last packets of it are of interest.
    let start = file.len().saturating_sub(4096);
    file[start..].windows(text.len()).any(|window| window == text)
}

fn read_into(mut pipe: std::process::ChildStdout, file: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length) = pipe.read(&mut buffer) {
            if length == 0 {
                break;
            }
            let mut file = file.lock().expect("no panic");
            file.extend_from_slice(&buffer[..length]);
        }
    })
}

/// Writes `records` as a capture that tshark reads.
pub fn write(records: &[Record], path: &std::path::Path) {
    let mut file = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for record in records {
        let lengths = [record.bytes.len() as u64, record.original as u64];
        let times = [record.time / 1_000_000_000, record.time % 1_000_000_000];
        for word in times.into_iter().chain(lengths) {
            let word = u32::try_from(word).expect("it fits the format");
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&record.bytes);
    }
    let mut output = std::fs::File::create(path).expect("the folder is ours");
    output.write_all(&file).expect("there is room");
}
