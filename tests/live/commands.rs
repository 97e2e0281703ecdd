//! Live runs as a new user makes them: strace starts this program, and Wireshark reads what comes out.
//!
//! The servers are in `tests/live/programs`, or Python's own. What is said on UNIX sockets is in `unix.rs`.

use crate::common::program::Folder;
use crate::support::{Running, has, path_with_program, program, python, strace, tshark};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use strace2pcap::inside::calls_to_trace;

/// `command` with this program on the PATH, in `folder`.
fn at(command: Command, folder: &Path) -> Command {
    let mut command = command;
    command.env("PATH", path_with_program()).current_dir(folder);
    command
}

/// Runs `traced` under strace, which writes to `output`; fails if anything was said on standard error.
#[track_caller]
fn run(folder: &Path, output: &str, traced: &[&str]) -> Vec<u8> {
    let mut command = strace(output);
    command.args(traced);
    let (told, said) = Running::start(&mut at(command, folder)).succeed();
    assert_eq!(said, "", "no warning and no error");
    told
}

/// Python's web server over `folder`, and its port.
fn web_server(folder: &Path) -> (Running, String) {
    fs::write(folder.join("hello.json"), "{\"hello\": \"wire\"}\n").expect("the folder is ours");
    let mut command = Command::new(python());
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]).current_dir(folder);
    let mut server = Running::start(&mut command);
    let line = server.line();
    let port = line.split(" port ").nth(1).and_then(|rest| rest.split(' ').next());
    let port = port.unwrap_or_else(|| panic!("it says its port in {line}"));
    (server, port.to_string())
}

/// Waits until `done`.
#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + crate::support::LIMIT;
    while !done() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What Wireshark's expert has to say from warnings on.
fn warnings(capture: &Path) -> String {
    tshark(capture, &["-q", "-z", "expert,warn"]).trim().to_string()
}

/// The columns `fields` of the packets that pass `filter`, as lines.
#[track_caller]
fn fields(capture: &Path, filter: &str, fields: &[&str]) -> Vec<String> {
    let mut arguments = vec!["-Y", filter, "-T", "fields", "-E", "separator= "];
    for field in fields {
        arguments.extend(["-e", field]);
    }
    let text = tshark(capture, &arguments);
    text.lines().map(|line| line.trim().to_string()).collect()
}

#[test]
fn curl_to_a_capture() {
    if !has(&["strace", "tshark", "curl", "python3"], "curl") {
        return;
    }
    let folder = Folder::new();
    let (_server, port) = web_server(folder.path());
    let url = format!("http://127.0.0.1:{port}/hello.json");
    for name in ["out.pcap", "out.pcapng"] {
        let told = run(folder.path(), &format!("! strace2pcap {name}"), &["curl", "-s", &url]);
        assert_eq!(told, b"{\"hello\": \"wire\"}\n");
        let capture = folder.path().join(name);
        // Wireshark 4.4 has the request's URI with the response as well.
        let request = fields(&capture, "http.request", &["http.request.uri"]);
        assert_eq!(request, ["/hello.json"], "{name}");
        let response = ["http.response.code", "json.value.string"];
        let response = fields(&capture, "http.response", &response);
        assert_eq!(response, ["200 wire"], "{name}");
        let handshake = fields(&capture, "tcp.flags.syn == 1", &["tcp.flags.ack"]);
        if name == "out.pcapng" {
            assert_eq!(handshake.len(), 2);
            assert_eq!(warnings(&capture), "");
            let fin = format!("tcp.flags.fin == 1 && tcp.dstport == {port}");
            assert_eq!(fields(&capture, &fin, &["tcp.dstport"]), [port.as_str()]);
        } else {
            assert!(handshake.is_empty());
        }
    }
}

#[test]
fn a_packet_is_seen_within_a_second_of_its_call() {
    if !has(&["strace", "tshark", "python3"], "the pipe to tshark") {
        return;
    }
    let folder = Folder::new();
    let script = format!(
        "strace -f -s 1048576 -ttt -T -yy -xx -e {} -o '|strace2pcap -' {} {} | tshark -l -n -r -",
        calls_to_trace(false),
        python(),
        program("slow.py").display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let mut pipeline = Running::start(&mut at(command, folder.path()));
    // tshark needs its time to start.
    pipeline.tell("first\n");
    let line = pipeline.line();
    assert!(line.contains("UDP") && line.contains("Len=6"), "{line}");
    for text in ["a second one\n", "and the third\n"] {
        pipeline.tell(text);
        let told = Instant::now();
        let line = pipeline.line();
        assert!(line.ends_with(&format!("Len={}", text.len())), "{line}");
        assert!(told.elapsed() < Duration::from_secs(1));
        assert!(pipeline.is_running());
    }
    let (status, rest, _) = pipeline.ended();
    assert!(status.success() && rest.is_empty());
}

#[test]
fn attaching_and_leaving_harm_nobody() {
    if !has(&["strace", "tshark", "python3"], "attaching") {
        return;
    }
    let folder = Folder::new();
    let mut line = vec!["-c".to_string()];
    let any_tracer = "import ctypes; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)";
    let run = "import runpy, sys; print('ready', flush=True); runpy.run_path(sys.argv[1])";
    line.push(format!("{any_tracer}; {run}"));
    line.push(program("slow.py").to_string_lossy().into_owned());
    let mut watched = Running::start(Command::new(python()).args(line));
    assert_eq!(watched.line(), "ready");
    for name in ["first.pcapng", "second.pcapng"] {
        let mut command = strace(format!("! strace2pcap {name}"));
        command.args(["-p", &watched.pid().to_string()]);
        let mut observer = Running::start(&mut at(command, folder.path()));
        assert!(observer.error_line("attached"), "{}", observer.errors_so_far());
        watched.tell(&format!("for {name}\n"));
        let capture = folder.path().join(name);
        // As soon as it is sent it is in the file: a pcapng without packets is shorter.
        until("there is a packet", || {
            fs::read(&capture).is_ok_and(|file| {
                let text = format!("for {name}");
                file.windows(text.len()).any(|window| window == text.as_bytes())
            })
        });
        observer.signal("INT");
        observer.ended();
        assert_eq!(fields(&capture, "udp", &["udp.length"]).len(), 1);
        assert!(watched.is_running());
    }
    watched.succeed();
}

/// A process in a network namespace of its own, if one may be made here.
fn apart() -> Option<Running> {
    let mut try_it = Command::new("unshare");
    let may = try_it.args(["-n", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        crate::support::say("no namespace can be made, looking into one is left out");
        return None;
    }
    let program = program("apart.py");
    let script = "ip link set lo up && exec \"$0\" \"$1\"";
    let mut command = Command::new("unshare");
    command.args(["-n", "sh", "-c", script, python()]);
    Some(Running::start(command.arg(program)))
}

#[test]
fn addresses_in_another_namespace_are_found_as_the_warning_says() {
    if !has(&["strace", "python3", "ip"], "another namespace") {
        return;
    }
    let Some(mut watched) = apart() else { return };
    assert_eq!(watched.line(), "ready");
    let pid = watched.pid().to_string();
    let cure = format!("nsenter -t {pid} -n strace");
    for (name, enters) in [("outside.pcapng", false), ("inside.pcapng", true)] {
        let folder = Folder::new();
        let plain = strace(format!("! strace2pcap {name}"));
        let mut command = if enters {
            let mut words = cure.split(' ');
            let mut command = Command::new(words.next().expect("it is a command"));
            command.args(words).args(plain.get_args());
            command
        } else {
            plain
        };
        command.args(["-p", &pid]);
        let mut observer = Running::start(&mut at(command, folder.path()));
        assert!(observer.error_line("attached"), "{}", observer.errors_so_far());
        watched.tell("hello\n");
        assert_eq!(watched.line(), "said");
        observer.signal("INT");
        let (_, _, said) = observer.ended();
        let warned = said.contains("invented addresses");
        assert_eq!(warned, !enters, "{said}");
        assert_eq!(said.contains(&cure.replace(&pid, "PID")), !enters, "{said}");
        assert!(fs::metadata(folder.path().join(name)).is_ok());
    }
    watched.succeed();
}
