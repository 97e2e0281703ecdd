//! A server and its client over a UNIX socket: one of them, or both, under strace with the command that the README
//! gives, and what Wireshark makes of the capture by itself.

use crate::support::{LIMIT, Running, ShortFolder, find, path_with_program, signal_to, strace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a server may live, in seconds, whatever happens to the test: longer than [`LIMIT`].
const SERVER_SECONDS: &str = "60";

/// A program and its arguments.
pub type Words = Vec<String>;

/// `text` as words, split at blanks, and after them `more` as they are.
pub fn words(text: &str, more: &[&str]) -> Words {
    let first = text.split_whitespace();
    first.chain(more.iter().copied()).map(str::to_string).collect()
}

impl ShortFolder {
    /// A folder in it that belongs to [`unprivileged`] where we are root.
    pub fn unprivileged_place(&self) -> String {
        let place = self.file("run");
        fs::create_dir(&place).expect("the folder is ours");
        if let Some([user, group]) = unprivileged() {
            let (user, group) = (user.parse().ok(), group.parse().ok());
            std::os::unix::fs::chown(&place, user, group).expect("we are root");
        }
        place
    }
}

/// The numbers of a user without rights and of its group, where we are root: some servers do not run as root.
pub fn unprivileged() -> Option<[String; 2]> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output();
        let output = output.expect("id is everywhere").stdout;
        String::from_utf8_lossy(&output).trim().to_string()
    };
    (id(&["-u"]) == "0").then(|| [id(&["-u", "nobody"]), id(&["-g", "nobody"])])
}

/// `command` as [`unprivileged`], or as we are where we are not root.
pub fn as_unprivileged(command: Words) -> Words {
    let Some([user, group]) = unprivileged() else {
        return command;
    };
    let mut whole = words("setpriv --clear-groups --reuid", &[&user, "--regid", &group]);
    whole.extend(command);
    whole
}

/// Who is under strace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    Client,
    Server,
    Both,
}

/// What is run.
pub struct Service {
    /// Stays until it is ended by SIGTERM.
    pub server: Words,
    /// The socket on which it listens.
    pub socket: String,
    /// What it says when it serves, where that is later.
    pub ready: &'static str,
    /// Ends by itself.
    pub client: Words,
}

/// A server that runs; ended by its number when dropped.
struct Server {
    child: Running,
    pid: u32,
}

impl Server {
    /// Starts `command`, which prints the server's number first.
    fn start(command: &Command, service: &Service, log: &Path) -> Self {
        let mut child = Running::start(&mut limited(command, SERVER_SECONDS));
        let pid = child.line().parse().expect("its number comes first");
        let server = Self { child, pid };
        let end = Instant::now() + LIMIT;
        let said = || fs::read_to_string(log).unwrap_or_default();
        while !is_open(&service.socket) || !said().contains(service.ready) {
            assert!(Instant::now() < end, "no {}: {}", service.socket, said());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Ends it, and what watches it; what that said on standard error.
    fn stop(mut self) -> String {
        signal_to(self.pid, "TERM");
        self.child.ended().2
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        if !self.child.is_running() {
            return;
        }
        self.child.close_input();
        signal_to(self.pid, "TERM");
        let end = Instant::now() + PATIENCE;
        while self.child.is_running() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        if self.child.is_running() {
            signal_to(self.pid, "KILL");
        }
    }
}

/// Waits until somebody listens on `socket`.
#[track_caller]
pub fn wait_until_open(socket: &str) {
    let end = Instant::now() + LIMIT;
    while !is_open(socket) {
        assert!(Instant::now() < end, "no {socket}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether somebody listens on `socket`, or is bound to it and takes datagrams (proc(5), /proc/net/unix).
fn is_open(socket: &str) -> bool {
    const LISTENS: &str = "00010000";
    const DATAGRAMS: &str = "0002";
    let table = fs::read_to_string("/proc/net/unix").expect("it is Linux");
    table.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        matches!(fields[..], [_, _, _, flags, kind, _, _, path]
            if path == socket && (flags == LISTENS || kind == DATAGRAMS))
    })
}

/// `command`, which is ended after so many seconds and finds this program on its PATH.
fn limited(command: &Command, seconds: &str) -> Command {
    let mut whole = Command::new("timeout");
    whole.env("PATH", path_with_program());
    whole.args(["-k", "5", seconds]).arg(command.get_program());
    whole.args(command.get_args());
    whole
}

/// `words`, not under strace.
fn plain(words: &Words) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// `words` under strace, which hands its trace to this program: nothing is asked of it but UNIX sockets.
fn traced(words: &Words, capture: &str) -> Command {
    let mut command = strace(format!("! strace2pcap --capture-unix-socket '{capture}'"));
    command.args(words);
    command
}

/// A shell that prints the server's number and becomes the server.
fn announced(server: &Words, log: &Path) -> Words {
    let script = format!("echo $$; exec \"$@\" > {} 2>&1", log.display());
    let mut whole = words("sh -c", &[&script, "sh"]);
    whole.extend(server.iter().cloned());
    whole
}

/// A shell that starts the server, prints its number, waits for a line, runs the client and ends the server.
fn both(service: &Service, log: &Path) -> Words {
    let quote = |words: &Words| {
        let quoted = words.iter().map(|word| format!("'{word}'"));
        quoted.collect::<Vec<_>>().join(" ")
    };
    let script = format!(
        "{} > {} 2>&1 & echo $!; read go; {}; s=$?; kill $!; wait $!; exit $s",
        quote(&service.server),
        log.display(),
        quote(&service.client)
    );
    words("sh -c", &[&script])
}

impl Service {
    /// Runs both, with strace on whom it is told: the capture, in `folder`, and what the client printed.
    #[track_caller]
    pub fn record(&self, folder: &ShortFolder, who: Traced) -> (PathBuf, String) {
        let capture = folder.file(&format!("{who:?}.pcapng"));
        let log = folder.path().join("server.log");
        let command = match who {
            Traced::Client => plain(&announced(&self.server, &log)),
            Traced::Server => traced(&announced(&self.server, &log), &capture),
            Traced::Both => traced(&both(self, &log), &capture),
        };
        let mut server = Server::start(&command, self, &log);
        let seconds = LIMIT.as_secs().to_string();
        let (told, said) = match who {
            Traced::Both => {
                server.child.tell("go\n");
                server.child.succeed()
            }
            Traced::Client => {
                let client = limited(&traced(&self.client, &capture), &seconds);
                let (told, said) = Running::start(&mut { client }).succeed();
                server.stop();
                (told, said)
            }
            Traced::Server => {
                let client = limited(&plain(&self.client), &seconds);
                let (told, _) = Running::start(&mut { client }).succeed();
                (told, server.stop())
            }
        };
        // What helps Wireshark is no complaint.
        let mut complaints = said.lines().filter(|line| line.contains("strace2pcap:") && !line.contains(", add -d "));
        assert!(complaints.next().is_none(), "{who:?}: {said}");
        let told = String::from_utf8_lossy(&told).into_owned();
        (PathBuf::from(capture), told)
    }
}

/// A packet as Wireshark lists it.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub protocol: String,
    pub source: String,
    pub source_port: String,
    pub target: String,
    pub target_port: String,
    pub info: String,
    /// The field that was asked for, empty in packets without.
    pub field: String,
}

/// What Wireshark says of a capture.
#[derive(Debug)]
pub struct Reading {
    pub rows: Vec<Row>,
    /// Its expert's warnings and errors.
    pub expert: String,
}

/// Reads `capture` as Wireshark does by itself, but for `options`; `field` is shown beside each packet.
#[track_caller]
pub fn read(capture: &Path, field: &str, options: &[&str]) -> Reading {
    // Which columns are shown, which changes nothing of how packets are read.
    let columns = format!(
        "gui.column.format:\"a\",\"%p\",\"b\",\"%us\",\"c\",\"%uS\",\"d\",\"%ud\",\"e\",\"%uD\",\"f\",\"%i\",\
         \"g\",\"%Cus:{field}:0:U\""
    );
    let mut command = Command::new("tshark");
    command.args(["-n", "-o", &columns, "-T", "tabs", "-z", "expert,warn", "-r"]);
    command.arg(capture).args(options);
    let (output, _) = Running::start(&mut command).succeed();
    let text = String::from_utf8_lossy(&output);
    let is_row = |line: &&str| line.matches('\t').count() == 6;
    Reading {
        rows: text.lines().filter(is_row).map(row).collect(),
        expert: text.lines().filter(|line| !is_row(line) && !line.is_empty()).collect::<Vec<_>>().join("\n"),
    }
}

fn row(line: &str) -> Row {
    let mut fields = line.split('\t').map(|field| field.trim().to_string());
    let mut next = || fields.next().unwrap_or_default();
    Row {
        protocol: next(),
        source: next(),
        source_port: next(),
        target: next(),
        target_port: next(),
        info: next(),
        field: next(),
    }
}

impl Reading {
    /// Leaves out what comes before the first packet that tells `text`.
    pub fn begin_with(&mut self, text: &str) {
        let begins = |row: &Row| row.info.contains(text);
        let first = self.rows.iter().position(begins).unwrap_or_default();
        self.rows.drain(..first);
    }

    /// The requests and the replies of the conversations with a server on `port`: every packet with payload must be
    /// of one of `protocols`, or a part of a message that is, from a client's address to the server's or back.
    #[track_caller]
    pub fn conversation(&self, protocols: &[&str], port: &str) -> [Vec<&Row>; 2] {
        assert_eq!(self.expert, "", "{self:#?}");
        let with_payload = |row: &&Row| {
            let is_other = row.protocol == "TCP" && !row.info.contains("reassembled PDU");
            (row.source_port == port || row.target_port == port) && !(is_other && row.info.contains(" Len=0"))
        };
        let mut ways = [Vec::new(), Vec::new()];
        for row in self.rows.iter().filter(with_payload) {
            if row.target_port == port && row.source.starts_with("10.0.0.") {
                ways[0].push(row);
            } else {
                let is_reply = row.source_port == port && row.target.starts_with("10.0.0.");
                assert!(is_reply, "{row:?} is between other addresses");
                ways[1].push(row);
            }
            // Wireshark 4.4 leaves what a dissector said of the part in the place of that text, and of TCP's numbers.
            let is_told = row.info.contains("reassembled PDU") || !row.info.contains(" Len=");
            let is_part = row.protocol == "TCP" && is_told;
            let is_one = |protocol: &&str| row.protocol.contains(protocol);
            let is_it = is_part || protocols.iter().any(is_one);
            assert!(is_it, "{row:?} is none of {protocols:?}");
        }
        for way in &mut ways {
            way.retain(|row| row.protocol != "TCP");
            assert!(!way.is_empty(), "one way only: {self:#?}");
        }
        ways
    }
}

/// Whether each of `wanted` is in the information of some of `rows`.
#[track_caller]
pub fn tell(rows: &[&Row], wanted: &[&str]) {
    for text in wanted {
        assert!(rows.iter().any(|row| row.info.contains(text)), "no {text} in {rows:#?}");
    }
}

/// The programs among `names` as they are found on this machine.
pub fn found<const N: usize>(names: [&str; N]) -> [String; N] {
    names.map(|name| find(name).map_or_else(|| name.to_string(), |path| path.display().to_string()))
}
