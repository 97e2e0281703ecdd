//! What the live tests share: which programs there are, children with a time limit, ports nobody else uses.

use crate::common::program::Folder;
use std::fs;
use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use strace2pcap::inside::calls_to_trace;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_strace2pcap");

/// The longest name that a UNIX socket can have, its final NUL included (unix(7)).
const SUN_PATH: usize = 108;

/// How long any child may take. The programs give themselves less.
pub const LIMIT: Duration = Duration::from_secs(40);

/// Whether all of `programs` are there. Those that the CI promises must be, where it promises them.
pub fn has(programs: &[&str], test: &str) -> bool {
    let missing = missing(programs);
    assert!(missing.is_empty() || std::env::var_os("STRACE2PCAP_LIVE").is_none(), "there is no {missing:?}");
    say_left_out(&missing, test);
    missing.is_empty()
}

/// Whether all of `programs` are there, which nobody promises.
pub fn may_have(programs: &[&str], test: &str) -> bool {
    let missing = missing(programs);
    say_left_out(&missing, test);
    missing.is_empty()
}

fn say_left_out(missing: &[&str], test: &str) {
    if !missing.is_empty() {
        say(&format!("there is no {missing:?}, {test} is left out"));
    }
}

/// Says `text` past the test harness, so that it is seen: a check that was left out must say so.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "live: {text}");
}

/// The PATH with this program on it.
pub fn path_with_program() -> std::ffi::OsString {
    let place = Path::new(PROGRAM).parent().expect("it is in a folder");
    let mut path = place.as_os_str().to_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

fn missing<'a>(programs: &[&'a str]) -> Vec<&'a str> {
    let missing = programs.iter().filter(|program| find(program).is_none());
    missing.copied().collect()
}

/// Where `program` is, on the PATH or where servers are; its name may go on with a version, as `php-fpm8.2`'s does.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    // PostgreSQL's own come first: what has their names elsewhere chooses among them.
    let places = postgresql_places().into_iter().chain(std::env::split_paths(&path)).chain(servers);
    let mut places: Vec<_> = places.collect();
    places.dedup();
    let exact = places.iter().map(|place| place.join(program));
    exact.chain(places.iter().filter_map(|place| with_version(place, program))).find(|path| path.is_file())
}

/// PostgreSQL's folders of programs on Debian and its like, the newest version's first.
fn postgresql_places() -> Vec<PathBuf> {
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<u32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable();
    let place = |version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"));
    versions.into_iter().rev().map(place).collect()
}

/// The file in `place` that is named `program` and a version.
fn with_version(place: &Path, program: &str) -> Option<PathBuf> {
    let is_it = |name: &str| {
        name.strip_prefix(program).is_some_and(|version| {
            !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        })
    };
    let entries = fs::read_dir(place).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.filter(|name| is_it(name)).max()?;
    Some(place.join(name))
}

/// Python: the system's own where there is one, for what stands before it on the PATH may be a script.
pub fn python() -> &'static str {
    if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}

/// The file `name` of `tests/live/programs`.
pub fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/programs").join(name)
}

/// Compiles the C program `name` into `folder`.
pub fn compiled(name: &str, folder: &Folder) -> PathBuf {
    let binary = folder.path().join(name);
    let mut command = Command::new("cc");
    command.args(["-O1", "-Wall", "-pthread", "-o"]).arg(&binary).arg(program(&format!("{name}.c")));
    Running::start(&mut command).succeed();
    binary
}

/// Whether this machine has IPv6.
pub fn has_ipv6(test: &str) -> bool {
    let has_it = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has_it {
        say(&format!("there is no IPv6, {test} is left out"));
    }
    has_it
}

/// A port that nothing listens on, for TCP and UDP, outside of the range from which the kernel gives ports to clients,
/// and that no other test of this run is given.
pub fn free_port() -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut port = next.unwrap_or_else(|| {
        let part = u16::try_from(std::process::id() % 200).expect("it is below 200");
        20_000 + part * 50
    });
    loop {
        port = if port >= 30_500 { 20_000 } else { port + 1 };
        let bound = [
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).err(),
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).err(),
            UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).err(),
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).err(),
        ];
        // Where there is no IPv6, another error says so.
        let is_taken = |error: &Error| error.kind() == ErrorKind::AddrInUse;
        if !bound.iter().flatten().any(is_taken) {
            *next = Some(port);
            return port;
        }
    }
}

/// A folder with a path short enough for UNIX sockets, gone when dropped.
pub struct ShortFolder(PathBuf);

impl ShortFolder {
    /// A new, empty one among the temporary files.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("s2p-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("the folder for temporary files can be written");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> String {
        let path = self.0.join(name).to_string_lossy().into_owned();
        assert!(path.len() < SUN_PATH, "{path} is too long for a socket");
        path
    }
}

impl Drop for ShortFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A child process, ended by its number when dropped, of which standard error is kept and standard output is read line
/// by line or whole.
pub struct Running {
    child: Child,
    name: String,
    lines: Receiver<Vec<u8>>,
    errors: Receiver<Vec<u8>>,
    said: Vec<u8>,
    started: Instant,
}

impl Running {
    /// Starts `command`, with a pipe as standard input.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        command
            .env_remove("RUST_LOG")
            .env_remove("STRACE_OPTS")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let name = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines = lines_of(child.stdout.take().expect("a pipe was asked for"));
        let errors = lines_of(child.stderr.take().expect("a pipe was asked for"));
        Self { child, name, lines, errors, said: Vec::new(), started: Instant::now() }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` to it.
    pub fn signal(&self, signal: &str) {
        signal_to(self.child.id(), signal);
    }

    /// Writes `text` to its standard input.
    #[track_caller]
    pub fn tell(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("it has not been closed");
        input.write_all(text.as_bytes()).expect("it listens");
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// The next line of its standard output.
    #[track_caller]
    pub fn line(&mut self) -> String {
        if let Ok(line) = self.lines.recv_timeout(LIMIT) {
            String::from_utf8_lossy(&line).trim_end().to_string()
        } else {
            let errors = self.errors_so_far();
            panic!("{} said nothing more; {errors}", self.name)
        }
    }

    /// Waits for a line of standard error that contains `text`; whether there was one.
    pub fn error_line(&mut self, text: &str) -> bool {
        let end = Instant::now() + LIMIT;
        loop {
            match self.errors.recv_timeout(left(end)) {
                Ok(line) => {
                    self.said.extend_from_slice(&line);
                    if String::from_utf8_lossy(&line).contains(text) {
                        return true;
                    }
                }
                Err(_) => return false,
            }
        }
    }

    /// What it wrote to standard error up to now.
    pub fn errors_so_far(&mut self) -> String {
        self.said.extend(self.errors.try_iter().flatten());
        String::from_utf8_lossy(&self.said).into_owned()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end; what it wrote to both outputs since.
    #[track_caller]
    pub fn ended(&mut self) -> (ExitStatus, Vec<u8>, String) {
        self.close_input();
        let mut output = Vec::new();
        loop {
            match self.lines.recv_timeout(left(self.started + LIMIT)) {
                Ok(line) => output.extend_from_slice(&line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let errors = self.errors_so_far();
                    panic!("{} took longer than {LIMIT:?}; {errors}", self.name);
                }
            }
        }
        while let Ok(line) = self.errors.recv_timeout(left(self.started + LIMIT)) {
            self.said.extend_from_slice(&line);
        }
        while self.is_running() {
            assert!(self.started.elapsed() < LIMIT, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(2));
        }
        let status = self.child.wait().expect("it has ended");
        (status, output, self.errors_so_far())
    }

    /// Waits for its end, which must be a success; its standard output and error.
    #[track_caller]
    pub fn succeed(&mut self) -> (Vec<u8>, String) {
        let (status, output, errors) = self.ended();
        let text = String::from_utf8_lossy(&output);
        assert!(status.success(), "{}: {status}\n{text}\n{errors}", self.name);
        (output, errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            // strace ends what it started at SIGTERM, and a shell waits for it.
            self.signal("TERM");
            std::thread::sleep(Duration::from_millis(200));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `signal` to the process `pid`.
pub fn signal_to(pid: u32, signal: &str) {
    let script = format!("kill -{signal} {pid}");
    let _ = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

/// Reads `pipe` in a thread of its own, so that the child never waits for us.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::with_capacity(1 << 16, pipe);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(length) if length > 0 => {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
                _ => break,
            }
        }
    });
    receiver
}

/// `strace` with the options that `docs/recording.md` gives, writing to `output` (strace's `-o`).
pub fn strace(output: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-s", "1048576", "-ttt", "-T", "-yy", "-xx", "-e"])
        .arg(calls_to_trace(false))
        .arg("-o")
        .arg(output);
    command
}

/// Runs tshark over `capture`; its standard output.
#[track_caller]
pub fn tshark(capture: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("tshark");
    for protocol in ["ip", "tcp", "udp"] {
        command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    let (output, _) = Running::start(command.arg("-r").arg(capture).args(arguments)).succeed();
    String::from_utf8_lossy(&output).into_owned()
}
