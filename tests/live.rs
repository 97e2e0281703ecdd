//! Live runs as a new user makes them: strace starts this program, and Wireshark reads what comes out.
//!
//! The servers are in `tests/live/programs`, or Python's, Redis's and PostgreSQL's own.

mod common;
#[path = "live/support.rs"]
mod support;

use common::program::Folder;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use support::{PROGRAM, Running, ShortFolder, has, may_have, program, python, strace, tshark};

/// `command` with this program on the PATH, in `folder`.
fn at(command: Command, folder: &Path) -> Command {
    let mut command = command;
    let place = Path::new(PROGRAM).parent().expect("it is in a folder");
    let mut path = place.as_os_str().to_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    command.env("PATH", path).current_dir(folder);
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
    command
        .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
        .current_dir(folder);
    let mut server = Running::start(&mut command);
    let line = server.line();
    let port = line
        .split(" port ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let port = port.unwrap_or_else(|| panic!("it says its port in {line}"));
    (server, port.to_string())
}

/// Waits until `done`.
#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + support::LIMIT;
    while !done() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What Wireshark's expert has to say from warnings on.
fn warnings(capture: &Path) -> String {
    tshark(capture, &["-q", "-z", "expert,warn"])
        .trim()
        .to_string()
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
        let told = run(
            folder.path(),
            &format!("! strace2pcap {name}"),
            &["curl", "-s", &url],
        );
        assert_eq!(told, b"{\"hello\": \"wire\"}\n");
        let capture = folder.path().join(name);
        let http = [
            "http.request.uri",
            "http.response.code",
            "json.value.string",
        ];
        assert_eq!(
            fields(&capture, "http", &http),
            ["/hello.json", "200 wire"],
            "{name}"
        );
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
        support::CALLS,
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
    let any_tracer =
        "import ctypes; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)";
    let run = "import runpy, sys; print('ready', flush=True); runpy.run_path(sys.argv[1])";
    line.push(format!("{any_tracer}; {run}"));
    line.push(program("slow.py").to_string_lossy().into_owned());
    let mut watched = Running::start(Command::new(python()).args(line));
    assert_eq!(watched.line(), "ready");
    for name in ["first.pcapng", "second.pcapng"] {
        let mut command = strace(format!("! strace2pcap {name}"));
        command.args(["-p", &watched.pid().to_string()]);
        let mut observer = Running::start(&mut at(command, folder.path()));
        assert!(
            observer.error_line("attached"),
            "{}",
            observer.errors_so_far()
        );
        watched.tell(&format!("for {name}\n"));
        let capture = folder.path().join(name);
        // As soon as it is sent it is in the file: a pcapng without packets is shorter.
        until("there is a packet", || {
            fs::read(&capture).is_ok_and(|file| {
                let text = format!("for {name}");
                file.windows(text.len())
                    .any(|window| window == text.as_bytes())
            })
        });
        observer.signal("INT");
        observer.ended();
        assert_eq!(fields(&capture, "udp", &["udp.length"]).len(), 1);
        assert!(watched.is_running());
    }
    watched.succeed();
}

#[test]
fn curl_over_a_unix_socket_is_http() {
    if !has(
        &["strace", "tshark", "curl", "python3"],
        "curl --unix-socket",
    ) {
        return;
    }
    let folder = ShortFolder::new();
    let socket = folder.file("web");
    let mut command = Command::new(python());
    let mut server = Running::start(command.arg(program("unix_http.py")).arg(&socket));
    assert_eq!(server.line(), "listening");
    run(
        &folder.0,
        "! strace2pcap --capture-unix-socket out.pcapng",
        &[
            "curl",
            "-s",
            "--unix-socket",
            &socket,
            "http://localhost/one",
            "http://localhost/two",
        ],
    );
    let capture = folder.0.join("out.pcapng");
    assert_eq!(
        fields(
            &capture,
            "http",
            &[
                "http.request.uri",
                "http.response.code",
                "json.value.string"
            ]
        ),
        ["/one", "200 /one", "/two", "200 /two"]
    );
    assert_eq!(warnings(&capture), "");
}

#[test]
fn redis_over_a_unix_socket() {
    let test = "Redis";
    if !(has(&["strace", "tshark"], test) && may_have(&["redis-server", "redis-cli"], test)) {
        return;
    }
    let folder = ShortFolder::new();
    let socket = folder.file("redis.sock");
    let mut command = Command::new("redis-server");
    command
        .args(["--port", "0", "--save", "", "--unixsocket", &socket])
        .current_dir(&folder.0);
    let _server = Running::start(&mut command);
    until("Redis listens", || Path::new(&socket).exists());
    run(
        &folder.0,
        "! strace2pcap --capture-unix-socket out.pcapng",
        &["redis-cli", "-s", &socket, "SET", "greeting", "hello, wire"],
    );
    let capture = folder.0.join("out.pcapng");
    let found = tshark(&capture, &["-Y", "resp"]);
    assert!(
        found.contains("SET greeting hello, wire") && found.contains("OK"),
        "{found}"
    );
    assert_eq!(warnings(&capture), "");
}

/// A new PostgreSQL cluster in `folder`, listening on a UNIX socket there; as another user where we are root.
fn postgres(folder: &ShortFolder) -> Running {
    let id = Command::new("id").arg("-u").output().expect("id is there");
    let is_root = id.stdout == b"0\n";
    let as_user = |line: &[&str]| {
        let mut command = Command::new(if is_root { "runuser" } else { "env" });
        if is_root {
            command.args(["-u", "postgres", "--"]);
        }
        command.args(line).current_dir(&folder.0);
        command
    };
    if is_root {
        let mut give = Command::new("chown");
        Running::start(give.args(["postgres", &folder.file("")])).succeed();
    }
    let data = folder.file("data");
    let made = [
        "initdb",
        "-D",
        &data,
        "-A",
        "trust",
        "-U",
        "postgres",
        "-N",
        "--no-locale",
    ];
    Running::start(&mut as_user(&made)).succeed();
    let directory = folder.file("");
    let service = [
        "postgres",
        "-D",
        &data,
        "-k",
        &directory,
        "-F",
        "-c",
        "listen_addresses=",
    ];
    let mut server = Running::start(&mut as_user(&service));
    assert!(
        server.error_line("ready to accept connections"),
        "{}",
        server.errors_so_far()
    );
    server
}

#[test]
fn psql_over_a_unix_socket() {
    let test = "PostgreSQL";
    if !(has(&["strace", "tshark"], test) && may_have(&["postgres", "initdb", "psql", "id"], test))
    {
        return;
    }
    let folder = ShortFolder::new();
    let _server = postgres(&folder);
    let query = "SELECT number * 2 AS twice FROM generate_series(1, 3) AS number";
    let told = run(
        &folder.0,
        "! strace2pcap --capture-unix-socket out.pcapng",
        &[
            "psql",
            "-X",
            "-A",
            "-t",
            "-h",
            &folder.file(""),
            "-U",
            "postgres",
            "-c",
            query,
        ],
    );
    assert_eq!(told, b"2\n4\n6\n");
    let capture = folder.0.join("out.pcapng");
    assert_eq!(fields(&capture, "pgsql.query", &["pgsql.query"]), [query]);
    let types = fields(&capture, "pgsql", &["pgsql.type"]).join(" ");
    for wanted in [
        "Startup message",
        "Ready for query",
        "Row description",
        "Data row",
        "Termination",
    ] {
        assert!(types.contains(wanted), "no {wanted} in {types}");
    }
    assert_eq!(warnings(&capture), "");
}

#[test]
fn grpc_over_a_unix_socket() {
    if !has(&["strace", "tshark", "python3"], "gRPC") {
        return;
    }
    let Some(python) = python_with_grpc() else {
        support::say("no Python here has grpc, gRPC is left out");
        return;
    };
    let folder = ShortFolder::new();
    let program = program("grpc_unix.py");
    run(
        &folder.0,
        "! strace2pcap --no-capture-net --capture-unix-socket out.pcapng",
        &[
            &python,
            &program.to_string_lossy(),
            &folder.file("grpc.sock"),
        ],
    );
    let capture = folder.0.join("out.pcapng");
    let paths = fields(&capture, "http2.headers.path", &["http2.headers.path"]);
    assert_eq!(paths, ["/greet.Greeter/SayHello"; 2]);
    let messages = fields(&capture, "grpc.message_length", &["grpc.message_length"]);
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert_eq!(warnings(&capture), "");
}

/// A Python that can import grpc.
fn python_with_grpc() -> Option<String> {
    let script = "import grpc, sys; print(sys.executable)";
    let has_it = |python: &&str| {
        Command::new(python)
            .args(["-c", script])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let found = [python(), "python3"].into_iter().find(has_it)?;
    let output = Command::new(found).args(["-c", script]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}
