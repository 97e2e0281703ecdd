//! Live runs over UNIX sockets: whoever is traced, server, client or both, the conversation has the same two roles, each
//! byte once, and each packet the mark of the thread that told it.

use crate::common::program::{Folder, run_in};
use crate::support::{Running, ShortFolder, has, program, python, strace, tshark};
use std::fs;
use std::path::Path;
use std::process::Command;

/// `tests/live/programs/unix_role.py` in `role`.
fn in_role(role: &str, socket: &Path) -> Vec<String> {
    let script = program("unix_role.py").to_string_lossy().into_owned();
    let socket = socket.to_string_lossy().into_owned();
    vec![python().to_owned(), script, role.to_owned(), socket]
}

fn traced(role: &str, socket: &Path, trace: &Path) -> Command {
    let mut command = strace(trace);
    command.args(in_role(role, socket));
    command
}

fn untraced(role: &str, socket: &Path) -> Command {
    let arguments = in_role(role, socket);
    let mut command = Command::new(&arguments[0]);
    command.args(&arguments[1..]);
    command
}

/// The number that a role's line says.
fn number(line: &str) -> String {
    let number: u32 = line
        .split(' ')
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("there is no number in {line}"));
    let digits = format!("{number:012}");
    let pairs: Vec<&str> = (0..6).map(|at| &digits[2 * at..2 * at + 2]).collect();
    pairs.join(":")
}

/// Traces `role` as it talks to the others; the numbers of client and server, as the marking writes them, where they
/// were traced.
fn record(role: &str, folder: &ShortFolder, trace: &Path) -> [Option<String>; 2] {
    let socket = folder.path().join("role.sock");
    match role {
        "both" => {
            let mut both = Running::start(&mut traced("both", &socket, trace));
            let lines = [both.line(), both.line()];
            both.succeed();
            ["client", "server"].map(|role| {
                let line = lines.iter().find(|line| line.starts_with(role));
                line.map(|line| number(line))
            })
        }
        "server" => {
            let mut server = Running::start(&mut traced("server", &socket, trace));
            let line = server.line();
            Running::start(&mut untraced("client", &socket)).succeed();
            server.succeed();
            [None, Some(number(&line))]
        }
        _ => {
            let mut server = Running::start(&mut untraced("server", &socket));
            server.line();
            let mut client = Running::start(&mut traced("client", &socket, trace));
            let line = client.line();
            client.succeed();
            server.succeed();
            [Some(number(&line)), None]
        }
    }
}

/// The columns of the packets that pass `filter`.
fn rows(capture: &Path, filter: &str) -> Vec<Vec<String>> {
    let fields = ["eth.src", "eth.dst", "ip.src", "ip.dst", "tcp.dstport"];
    let mut arguments = vec!["-Y", filter, "-T", "fields", "-E", "separator= "];
    for field in fields {
        arguments.extend(["-e", field]);
    }
    let row = |line: &str| line.split(' ').map(str::to_owned).collect();
    tshark(capture, &arguments).lines().map(row).collect()
}

fn check(role: &str) {
    let folder = Folder::new();
    let sockets = ShortFolder::new();
    let trace = folder.path().join("trace");
    let [client, server] = record(role, &sockets, &trace);
    assert_eq!([client.is_some(), server.is_some()], [role != "server", role != "client"]);
    let options = ["--capture-unix-socket=*/role.sock", "--port", "80", "out.pcapng"];
    let outcome = run_in(folder.path(), &options, &fs::read(&trace).expect("it was written"));
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{role}");
    let capture = folder.path().join("out.pcapng");
    let marks: Vec<&String> = client.iter().chain(&server).collect();
    let conversation = [
        ("tcp.flags == 2", "10.0.0.1", "80"),
        ("http.request && http.request.uri == \"/role\"", "10.0.0.1", "80"),
        ("http.response.code == 200", "10.0.1.1", ""),
        ("tcp.flags.fin == 1 && ip.src == 10.0.0.1", "10.0.0.1", "80"),
    ];
    for (filter, source, port) in conversation {
        let found = rows(&capture, filter);
        let [row] = &found[..] else {
            panic!("{role}: {} packets are {filter}", found.len());
        };
        assert_eq!(row[2], source, "{role}: {filter}");
        assert!(port.is_empty() || row[4] == port, "{role}: {filter}: {row:?}");
        // What a thread sent has its mark as source, what it received as target.
        let by_client = client.as_ref().is_some_and(|mark| row[usize::from(source != "10.0.0.1")] == *mark);
        let by_server = server.as_ref().is_some_and(|mark| row[usize::from(source == "10.0.0.1")] == *mark);
        assert!(by_client != by_server, "{role}: {filter}: {row:?} is of none of {marks:?}");
    }
    let expert = tshark(&capture, &["-q", "-z", "expert,warn"]);
    assert_eq!(expert.trim(), "", "{role}");
}

#[test]
fn roles_and_marks_of_a_traced_client() {
    if has(&["strace", "tshark", "python3"], "a traced UNIX client") {
        check("client");
    }
}

#[test]
fn roles_and_marks_of_a_traced_server() {
    if has(&["strace", "tshark", "python3"], "a traced UNIX server") {
        check("server");
    }
}

#[test]
fn roles_and_marks_where_both_are_traced() {
    if has(&["strace", "tshark", "python3"], "two traced UNIX ends") {
        check("both");
    }
}
