//! The recorder: `--run`, `--attach` and `--via` with a real strace. What is traced is a small server of this process's own
//! making, so that it can be asked, before and after, whether it still answers and whether somebody traces it.

use crate::common::capture;
use crate::common::needed::has;
use crate::common::program::Folder;
use crate::support::Running;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_strace2pcap");

/// A server that answers each connection with one line. It has a child that only waits.
const SERVER: &str = r"
import socket, os, sys, time
if os.fork() == 0:
    while True: time.sleep(100)
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(5)
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    c.sendall(c.recv(100) + b' answered\n'); c.close()
";

/// What is ended with the test, with what it has made.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        for child in children(self.0.id()) {
            send(child, Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server under way.
struct Server {
    process: Ended,
    port: u16,
}

impl Server {
    fn start() -> Self {
        Self::of(SERVER)
    }

    fn of(script: &str) -> Self {
        let mut child = Command::new("python3").args(["-c", script]).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it was asked for")).read_line(&mut line).expect("it tells its port");
        Self { process: Ended(child), port: line.trim().parse().expect("a port") }
    }

    fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Whether it answers as ever.
    #[track_caller]
    fn ask(&self, what: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.write_all(what.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert_eq!(answer, format!("{what} answered\n"));
    }
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Who traces a process: 0 for nobody.
fn tracer(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).expect("a line of its");
    line.trim().parse().expect("a number")
}

/// Waits until `is_so`, for as long as a busy machine may need.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn program(folder: &Folder) -> Command {
    // A signal that comes ignored stays ignored, as nohup wants it: whoever runs the tests may have been started so.
    let mut command = Command::new("/usr/bin/env");
    command.args(["--default-signal=INT,HUP,TERM", PROGRAM]);
    command.current_dir(folder.path()).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the capture `file` is readable and a packet holds `payload`.
fn holds(file: &Path, payload: &str) -> bool {
    let bytes = fs::read(file).expect("the capture is there");
    let capture = capture::read(&bytes).expect("a readable capture");
    capture.records.iter().any(|record| text(&record.bytes).contains(payload))
}

/// Waits until a payload is in the capture, whole or not.
#[track_caller]
fn wait_for(file: &Path, payload: &str) {
    let is_there = |bytes: Vec<u8>| bytes.windows(payload.len()).any(|window| window == payload.as_bytes());
    wait_until("the payload is in the capture", || fs::read(file).is_ok_and(is_there));
}

#[test]
fn a_command_keeps_its_streams_and_its_status() {
    if !has(&["strace", "python3"], "recording a command") {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start());
    let script = "import socket, sys\ns = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
                  s.sendall(sys.argv[2].encode()); print(s.recv(100)); sys.stderr.write(sys.stdin.read()); sys.exit(7)";
    let word = "it's\n$HOME \"x\"";
    for via in [&[] as &[&str], &["--via", "env A=1"]] {
        let mut command = program(&folder);
        command.args(via).args(["--run", "out.pcapng", "python3", "-c", script, &server.port.to_string(), word]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("asked for").write_all(b"read by it\n").expect("it is read");
        let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
        let (stdout, stderr) = (text(&stdout), text(&stderr));
        assert_eq!(status.code(), Some(7), "{via:?} {stderr}");
        assert!(holds(&folder.path().join("out.pcapng"), &format!("{word} answered")), "{via:?}");
        // Elsewhere it has no input, and all it says comes on standard error.
        assert_eq!(stdout.contains("answered"), via.is_empty(), "{stdout}");
        assert_eq!(stderr.contains("answered"), !via.is_empty(), "{stderr}");
        assert_eq!(stderr.contains("read by it"), via.is_empty(), "{stderr}");
    }
    let mut command = program(&folder);
    let output = command.args(["--run", "-", "sh", "-c", "echo apart; kill -TERM $$"]).output().expect("it starts");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(15));
    assert!(output.stdout.starts_with(b"\x0a\x0d\x0d\x0a") && !text(&output.stdout).contains("apart\n"));
    assert!(text(&output.stderr).contains("apart\n"));
}

/// Attaches to the server, asks it, ends the recording by `end`, and looks at what is left.
#[track_caller]
fn attach_and_end(options: &[&str], output: &str, end: impl Fn(&mut Child)) -> (Option<i32>, String) {
    let (folder, server) = (Folder::new(), Server::start());
    let mut command = program(&folder);
    command.args(options).args(["--attach", &server.pid().to_string(), output]).stderr(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    wait_until("it is attached", || tracer(server.pid()) != 0);
    let strace = tracer(server.pid());
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.pid())).expect("a child of its");
    let made: u32 = children.trim().parse().expect("one child");
    wait_until("what it has made is attached, too", || tracer(made) == strace);
    server.ask("while attached");
    let file: PathBuf = folder.path().join(output);
    if output != "-" {
        wait_for(&file, "while attached answered");
    }
    end(&mut child);
    wait_until("it is detached", || tracer(server.pid()) == 0 && tracer(made) == 0);
    wait_until("strace has ended", || !Path::new(&format!("/proc/{strace}/exe")).exists());
    server.ask("afterwards");
    let output = child.wait_with_output().expect("it ends");
    if file.exists() {
        assert!(holds(&file, "while attached answered") && !holds(&file, "afterwards"));
    }
    (output.status.code(), text(&output.stderr))
}

#[test]
fn an_attached_process_goes_on_untraced() {
    if !has(&["strace", "python3"], "attaching") {
        return;
    }
    for options in [&[] as &[&str], &["--via", "env A=1"]] {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let (status, said) = attach_and_end(options, "out.pcapng", |child| send(child.id(), signal));
            assert_eq!(status, Some(0), "{options:?} {signal:?}: {said}");
        }
        let (status, _) = attach_and_end(options, "out.pcapng", |child| send(child.id(), Signal::KILL));
        assert_eq!(status, None);
        let (status, said) = attach_and_end(options, "-", |child| drop(child.stdout.take()));
        assert_eq!(status, Some(0), "the reader has gone: {said}");
    }
}

#[test]
fn a_command_ends_with_the_one_who_records_it() {
    if !has(&["strace", "python3"], "ending a recorded command") {
        return;
    }
    for options in [&[] as &[&str], &["--via", "env A=1"]] {
        for signal in [Signal::TERM, Signal::KILL] {
            let folder = Folder::new();
            let mut command = program(&folder);
            command.args(options).args([
                "--run",
                "out.pcapng",
                "sh",
                "-c",
                "echo $$ >pid.new; mv pid.new pid; exec sleep 300",
            ]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            let path = folder.path().join("pid");
            wait_until("it runs", || path.exists());
            let pid: u32 = fs::read_to_string(&path).expect("it is there").trim().parse().expect("a number");
            let strace = tracer(pid);
            assert_ne!(strace, 0);
            send(child.id(), signal);
            let is_gone = |pid: u32| !Path::new(&format!("/proc/{pid}/exe")).exists();
            wait_until("the command has ended", || is_gone(pid));
            wait_until("strace has ended", || is_gone(strace));
            let status = child.wait().expect("it ends");
            assert!(!status.success(), "{options:?} {signal:?}");
        }
    }
}

#[test]
fn a_lost_connection_is_told_and_leaves_no_strace() {
    if !has(&["strace", "python3"], "losing a connection") {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start());
    let carrier = folder.path().join("carrier.py");
    let code = "import subprocess, sys, os, threading\n\
                p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n\
                open('carrier.new', 'w').write(str(os.getpid())); os.rename('carrier.new', 'carrier.pid')\n\
                def up():\n  while True:\n    b = os.read(0, 65536)\n    if not b: p.stdin.close(); return\n    p.stdin.write(b); p.stdin.flush()\n\
                threading.Thread(target=up, daemon=True).start()\n\
                while True:\n  b = os.read(p.stdout.fileno(), 65536)\n  if not b: break\n  os.write(1, b)\n\
                sys.exit(p.wait())";
    fs::write(&carrier, code).expect("it can be written");
    let prefix = format!("python3 {}", carrier.display());
    let mut command = program(&folder);
    command.args(["--via", &prefix, "--attach", &server.pid().to_string(), "out.pcapng"]).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    wait_until("it is attached", || tracer(server.pid()) != 0);
    server.ask("before");
    let file = folder.path().join("out.pcapng");
    wait_for(&file, "before answered");
    let pid = fs::read_to_string(folder.path().join("carrier.pid")).expect("it is there");
    send(pid.parse().expect("a number"), Signal::KILL);
    let output = child.wait_with_output().expect("it ends");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("was lost before strace had ended"), "{said}");
    wait_until("it is detached", || tracer(server.pid()) == 0);
    server.ask("afterwards");
    assert!(holds(&file, "before answered"));
}

#[test]
fn mistakes_start_nothing_and_say_what_to_do() {
    if !has(&["strace", "python3"], "mistakes in recording") {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start());
    let pid = server.pid().to_string();
    // A machine that has a shell and no strace.
    let tools = folder.path().join("tools");
    fs::create_dir(&tools).expect("it can be made");
    for name in ["sh", "cat"] {
        std::os::unix::fs::symlink(format!("/bin/{name}"), tools.join(name)).expect("it can be linked");
    }
    fs::write(folder.path().join("notes"), "some text\n").expect("it can be written");
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--attach", "4194305", "out.pcapng"], 2, "there is no process 4194305"),
        (&["--run", "out.pcapng", "no-such-program"], 2, "there is no program no-such-program"),
        (&["--run", "notes", "true"], 2, "notes is there and is no capture"),
        (&["--attach", &pid, "no-such-folder/out.pcapng"], 1, "its folder must be there"),
        (&["--attach", &pid], 2, "OUTPUT"),
        (&["--via", "false", "--attach", &pid, "out.pcapng"], 1, "no shell was reached through false"),
        (&["--via", "env", "--attach", "4194305", "out.pcapng"], 1, "No such process"),
        (&["--via", "env PATH=tools", "--attach", &pid, "out.pcapng"], 1, "apt-get install strace"),
    ];
    for (words, status, part) in cases {
        let output = program(&folder).args(words).output().expect("it starts");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
        assert!(!folder.path().join("out.pcapng").exists(), "{words:?}");
        assert_eq!(tracer(server.pid()), 0);
    }
    assert_eq!(fs::read(folder.path().join("notes")).expect("it is there"), b"some text\n");
    let output =
        program(&folder).env("PATH", &tools).args(["--attach", &pid, "out.pcapng"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(127));
    assert!(text(&output.stderr).contains("strace is not installed here"), "{}", text(&output.stderr));
}

/// An sshd of its own, and what reaches it.
fn sshd(folder: &Folder) -> (Ended, String) {
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["host", "user"] {
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(name)]).status();
        assert!(made.expect("it starts").success());
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let words = [
        format!("Port {port}"),
        "ListenAddress 127.0.0.1".to_string(),
        format!("HostKey {}", path("host")),
        format!("AuthorizedKeysFile {}", path("user.pub")),
        format!("PidFile {}", path("pid")),
        "StrictModes no\nUsePAM no\nPermitRootLogin yes\n".to_string(),
    ];
    fs::write(path("config"), words.join("\n")).expect("it can be written");
    // Root's sshd wants this folder, which its service makes; anybody else's does not.
    let _ = fs::create_dir("/run/sshd");
    let mut daemon = Command::new("/usr/sbin/sshd");
    daemon.args(["-D", "-f", &path("config"), "-E", &path("log")]).stdin(Stdio::null());
    let daemon = Ended(daemon.spawn().expect("it starts"));
    wait_until("sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let options = "-q -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
    (daemon, format!("ssh {options} -p {port} -i {} 127.0.0.1", path("user")))
}

#[test]
fn ssh_is_a_way_like_any() {
    if !has(&["strace", "python3", "ssh", "ssh-keygen", "/usr/sbin/sshd"], "recording through ssh") {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start());
    let (daemon, prefix) = sshd(&folder);
    let word = "it's\n$HOME \"x\"";
    let script = format!("import sys; print(sys.argv[1:] == [{word:?}, '']); sys.exit(3)");
    let mut command = program(&folder);
    let output = command.args(["--via", &prefix, "--run", "out.pcapng", "python3", "-c", &script, word, ""]).output();
    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("True\n") && output.stdout.is_empty());
    let pid = server.pid().to_string();
    for cut in [false, true] {
        let child =
            program(&folder).args(["--via", &prefix, "--attach", &pid, "out.pcapng"]).stderr(Stdio::piped()).spawn();
        let child = child.expect("it starts");
        wait_until("it is attached", || tracer(server.pid()) != 0);
        server.ask("while attached");
        let file = folder.path().join("out.pcapng");
        wait_for(&file, "while attached answered");
        if cut {
            for session in children(daemon.0.id()) {
                send(session, Signal::KILL);
            }
        } else {
            send(child.id(), Signal::INT);
        }
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(i32::from(cut)), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr).contains("was lost before strace had ended"), cut);
        wait_until("it is detached", || tracer(server.pid()) == 0);
        server.ask("afterwards");
        assert!(holds(&file, "while attached answered"));
        fs::remove_file(file).expect("it was written");
    }
}

/// Puts the interface where tshark with this home looks for it.
fn install(home: &Folder) {
    let mut install = program(home);
    let installed = install.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME").arg("--install-wireshark").output();
    assert!(installed.expect("it starts").status.success());
}

/// A tshark that records through the interface into `out.pcapng`.
fn tshark(home: &Folder, options: &[&str]) -> Command {
    let mut tshark = Command::new("tshark");
    tshark.current_dir(home.path()).env("HOME", home.path()).env_remove("XDG_CONFIG_HOME").stdin(Stdio::null());
    tshark.args(["-q", "-i", "strace2pcap", "-w", "out.pcapng"]).stderr(Stdio::piped());
    tshark.args(options.iter().flat_map(|option| ["-o", option]));
    tshark
}

/// What a process has made.
fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[test]
fn wireshark_records_through_ssh_and_a_connection_that_is_cut_leaves_no_strace() {
    if !has(&["strace", "python3", "tshark", "ssh", "ssh-keygen", "/usr/sbin/sshd"], "recording from Wireshark") {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start());
    install(&folder);
    let (daemon, prefix) = sshd(&folder);
    let options = [format!("extcap.strace2pcap.via:{prefix}"), format!("extcap.strace2pcap.pids:{}", server.pid())];
    // Ended by Wireshark, cut over there, cut here.
    for end in 0..3 {
        let mut child = tshark(&folder, &options.each_ref().map(String::as_str)).spawn().expect("it starts");
        wait_until("it is attached", || tracer(server.pid()) != 0);
        server.ask("while attached");
        let file = folder.path().join("out.pcapng");
        wait_for(&file, "while attached answered");
        // tshark, the interface, the shell that starts ssh.
        let own = children(child.id()).into_iter().flat_map(children).flat_map(children);
        match end {
            0 => send(child.id(), Signal::INT),
            1 => children(daemon.0.id()).into_iter().for_each(|pid| send(pid, Signal::KILL)),
            _ => own.for_each(|pid| send(pid, Signal::KILL)),
        }
        wait_until("it is detached", || tracer(server.pid()) == 0);
        server.ask("afterwards");
        // tshark 4.0 goes on where its interface has ended.
        send(child.id(), Signal::INT);
        let mut said = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
        child.wait().expect("it ends");
        assert_eq!(said.contains("was lost before strace had ended"), end > 0, "{end} {said}");
        assert!(holds(&file, "while attached answered"));
        fs::remove_file(file).expect("it was written");
    }
}

#[test]
fn wireshark_starts_and_ends_a_recording() {
    if !has(&["strace", "python3", "tshark"], "recording from Wireshark") {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start());
    install(&folder);
    let tshark = |option: &str| tshark(&folder, &[option]);
    for signal in [Signal::INT, Signal::KILL] {
        let mut child = tshark(&format!("extcap.strace2pcap.pids:{}", server.pid())).spawn().expect("it starts");
        wait_until("it is attached", || tracer(server.pid()) != 0);
        server.ask("while attached");
        let file = folder.path().join("out.pcapng");
        wait_for(&file, "while attached answered");
        send(child.id(), signal);
        wait_until("it is detached", || tracer(server.pid()) == 0);
        server.ask("afterwards");
        child.wait().expect("it ends");
        fs::remove_file(file).expect("it was written");
    }
    let output = tshark("extcap.strace2pcap.pids:4194305").output().expect("it starts");
    let said = text(&output.stderr);
    assert!(said.contains("strace2pcap: error: there is no process 4194305"), "{said}");
}

#[test]
fn who_waits_for_a_recording_that_fails_sees_its_end() {
    if !has(&["strace", "mkfifo", "cat"], "recording from Wireshark") {
        return;
    }
    let folder = Folder::new();
    let of_fifo = |program: &str| {
        let mut command = Command::new(program);
        Running::start(command.arg("fifo").current_dir(folder.path()))
    };
    of_fifo("mkfifo").succeed();
    let mut reader = of_fifo("cat");
    let options = ["--capture", "--extcap-interface", "strace2pcap", "--fifo", "fifo", "--pids", "4194305"];
    let output = program(&folder).args(options).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is no process 4194305"));
    reader.succeed();
}

#[test]
fn what_there_is_to_be_told_is_in_the_capture() {
    if !has(&["strace", "python3"], "recording from Wireshark") {
        return;
    }
    let folder = Folder::new();
    let script = "import os, socket; a, b = socket.socketpair(); a.sendall(b'some words'); b.recv(99); \
                  f = open('/etc/passwd', 'rb'); os.sendfile(a.fileno(), f.fileno(), 0, 10)";
    fs::write(folder.path().join("x.py"), script).expect("it is written");
    let options = ["--capture", "--extcap-interface", "strace2pcap", "--fifo", "out.pcapng", "--unix", "true"];
    let output = program(&folder).args(options).args(["--run", "python3 x.py"]).output().expect("it starts");
    assert_eq!(
        (output.status.code(), text(&output.stdout), text(&output.stderr)),
        (Some(0), String::new(), String::new())
    );
    let file = folder.path().join("out.pcapng");
    assert!(holds(&file, "some words"));
    let bytes = fs::read(&file).expect("it is there");
    let said = String::from_utf8_lossy(&bytes);
    let (_, entry) = said.split_once("MESSAGE=strace2pcap: ").expect("an entry");
    assert!(entry.contains("sendfile"), "{entry}");
}

#[test]
fn an_interrupt_ends_it_though_a_script_has_it_ignored() {
    if !has(&["strace", "python3"], "recording from a script") {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start());
    // What a shell without job control starts with & ignores SIGINT.
    let script = "\"$0\" --attach \"$1\" out.pcapng & read -r line; kill -s INT $!; wait $!";
    let mut shell = Command::new("sh");
    shell.current_dir(folder.path()).args(["-c", script, PROGRAM, &server.pid().to_string()]);
    let mut shell = shell.stdin(Stdio::piped()).spawn().expect("it starts");
    wait_until("it is attached", || tracer(server.pid()) != 0);
    server.ask("while attached");
    shell.stdin.take().expect("it is piped").write_all(b"\n").expect("it is read");
    wait_until("it is detached", || tracer(server.pid()) == 0);
    assert_eq!(shell.wait().expect("it ends").code(), Some(0));
    assert!(holds(&folder.path().join("out.pcapng"), "while attached answered"));
}

/// A server whose connections are another thread's, which it had before anybody traced it.
const THREADED: &str = r"
import queue, socket, threading, time
work = queue.Queue()
def serve():
    while True:
        c = work.get(); c.sendall(c.recv(100) + b' answered\n'); c.close()
threading.Thread(target=serve, daemon=True).start()
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(5)
print(s.getsockname()[1], flush=True)
while True: work.put(s.accept()[0])
";

#[test]
fn a_thread_that_was_there_before_is_its_processs() {
    if !has(&["strace", "python3"], "recording threads") {
        return;
    }
    for via in [&[] as &[&str], &["--via", "env"]] {
        let (folder, server) = (Folder::new(), Server::of(THREADED));
        let (pid, file) = (server.pid(), folder.path().join("out.pcapng"));
        let mut child = program(&folder);
        let mut child = child.args(via).args(["--attach", &pid.to_string(), "out.pcapng"]).spawn().expect("it starts");
        wait_until("it is attached", || tracer(pid) != 0);
        server.ask("while attached");
        wait_for(&file, "while attached answered");
        send(child.id(), Signal::INT);
        assert!(child.wait().expect("it ends").success());
        let bytes = fs::read(&file).expect("it is there");
        let said = text(&bytes);
        let who: Vec<_> = said.split("] pid=").skip(1).map(|rest| rest.split(' ').next()).collect();
        let pid = pid.to_string();
        assert!(!who.is_empty() && who.iter().all(|process| *process == Some(&pid)), "{via:?} {pid} {who:?}");
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
        let names: Vec<_> = threads.map(|thread| thread.file_name().to_string_lossy().into_owned()).collect();
        let other = names.iter().find(|thread| **thread != pid).expect("it has two threads");
        let mac = format!("{other:0>12}").into_bytes();
        let mac: Vec<_> = mac.chunks(2).map(|two| (two[0] - b'0') * 16 + two[1] - b'0').collect();
        assert!(bytes.windows(6).any(|window| window == mac), "{via:?}: its other thread has answered");
    }
}
