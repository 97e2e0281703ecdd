//! A filter in Wireshark takes the conversations that `--pid` takes at conversion, where both ends are traced too: each
//! byte is there once then and names one of two processes, but both are named in the conversation.

use crate::common::program::{Folder, run_in};
use crate::support::{Running, free_port, has, may_have, program, python, tshark};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use strace2pcap::inside::calls_to_trace;

const FIN: u32 = 1;
const SYN: u32 = 2;

/// Two processes, one of which only answers.
const PAIR: &str = "import os, socket
ours, theirs = socket.socketpair()
if os.fork() == 0:
    ours.close()
    while data := theirs.recv(99):
        theirs.sendall(b'got ' + data)
    os._exit(0)
theirs.close()
for number in range(3):
    ours.sendall(b'question %d' % number)
    ours.recv(99)
ours.close()
os.wait()
";

/// The last one only reads.
const PIPES: &str = "(echo one; sleep 0.1; echo two) | cat | wc -c";

/// All bytes of one direction of a conversation, and how often it begins and ends.
type Flow = (String, usize, usize);

/// What a capture has of the packets that `filter` takes, by conversation and direction. The addresses of UNIX
/// conversations are numbers of what is shown, so that the ports tell them apart.
fn flows(capture: &Path, filter: &str) -> BTreeMap<(String, String), Flow> {
    let fields = ["tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.payload"].map(|field| ["-e", field]).concat();
    let mut flows: BTreeMap<_, Flow> = BTreeMap::new();
    for line in tshark(capture, &[&["-n", "-Y", filter, "-T", "fields"], &fields[..]].concat()).lines() {
        let mut columns = line.split('\t').map(str::to_owned);
        let mut next = || columns.next().unwrap_or_default();
        let (ports, flags, payload) = ((next(), next()), next(), next());
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).expect("flags of TCP");
        let flow = flows.entry(ports).or_default();
        flow.0.push_str(&payload);
        flow.1 += usize::from(flags & SYN != 0);
        flow.2 += usize::from(flags & FIN != 0);
    }
    flows
}

/// The processes that the comments of a capture name.
fn named(capture: &Path) -> BTreeSet<u32> {
    let comments = tshark(capture, &["-T", "fields", "-e", "frame.comment", "-Y", "frame.comment"]);
    comments.split(" pid=").skip(1).filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
}

/// Of each process that has moved something in `trace`, what the filter takes is what `--pid` takes. How many there are.
fn check(trace: &Path, options: &[&str], folder: &Folder) -> usize {
    let convert = |output: &str, more: &[&str]| {
        let words = [options, more, &["-q", "--force", output, trace.to_str().expect("a path in UTF-8")]].concat();
        let outcome = run_in(folder.path(), &words, b"");
        assert_eq!(outcome.status, Some(0), "{words:?}: {}", outcome.stderr);
        folder.path().join(output)
    };
    let all = convert("out.pcapng", &[]);
    let mut count = 0;
    for process in named(&all) {
        let asked = flows(&convert("out.asked.pcapng", &["--pid", &process.to_string()]), "tcp");
        // A shell that makes pipes for others moves nothing itself.
        if asked.is_empty() {
            continue;
        }
        let its = format!("frame.comment contains \"pid={process} \"");
        let streams = tshark(&all, &["-Y", &its, "-T", "fields", "-e", "tcp.stream"]);
        let streams: BTreeSet<&str> = streams.lines().collect();
        let filter = format!("tcp.stream in {{{}}}", streams.into_iter().collect::<Vec<_>>().join(", "));
        assert_eq!(flows(&all, &filter), asked, "process {process}: {filter}");
        count += 1;
    }
    count
}

/// What strace tells of `command`, in a file of `folder`.
fn record(command: &[&str], folder: &Folder) -> PathBuf {
    let trace = folder.path().join("trace.strace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-s", "1048576", "-ttt", "-T", "-yy", "-xx", "-e", &calls_to_trace(true), "-o"]).arg(&trace);
    Running::start(strace.args(command).current_dir(folder.path()).stdin(Stdio::null())).succeed();
    trace
}

#[test]
fn workers_and_their_clients() {
    if !has(&["strace", "tshark", "python3"], "filters where both ends are traced") {
        return;
    }
    let folder = Folder::new();
    let (script, ports) = (program("prefork.py"), [free_port(), free_port()].map(|port| port.to_string()));
    let trace = record(&[python(), script.to_str().expect("a path in UTF-8"), &ports[0], &ports[1]], &folder);
    assert!(check(&trace, &[], &folder) >= 3, "two clients, and the workers that had something to do");
}

#[test]
fn nginx_and_curl() {
    if !may_have(&["strace", "tshark", "nginx", "curl"], "filters of nginx and curl") {
        return;
    }
    let folder = Folder::new();
    let (place, port) = (folder.path().display(), free_port());
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders.map(|name| format!("{name}_temp_path {place}/{name};")).concat();
    let text = format!(
        "worker_processes 2; daemon off; pid {place}/pid; error_log {place}/errors; events {{ worker_connections 64; }}
        http {{ access_log off; {folders} server {{ listen 127.0.0.1:{port}; location / {{ return 200 'hello'; }} }} }}"
    );
    fs::write(folder.path().join("nginx.conf"), text).expect("the folder can be written");
    let ask = format!("curl -s --retry 9 --retry-connrefused -o answer http://127.0.0.1:{port}/");
    let nginx = format!("nginx -e {place}/errors -c {place}/nginx.conf");
    let script = format!("{nginx} & {ask} && {ask} && {ask} && kill -QUIT $! && wait");
    let trace = record(&["sh", "-c", &script], &folder);
    assert!(check(&trace, &[], &folder) >= 4, "three of curl, and a worker");
}

#[test]
fn a_socket_pair_and_pipes() {
    if !has(&["strace", "tshark", "python3", "sh", "cat", "wc"], "filters of UNIX sockets and pipes") {
        return;
    }
    let folder = Folder::new();
    let trace = record(&[python(), "-c", PAIR], &folder);
    assert_eq!(check(&trace, &["--capture-unix-socket"], &folder), 2);
    let trace = record(&["sh", "-c", PIPES], &folder);
    assert_eq!(check(&trace, &["--capture-pipes"], &folder), 3, "the shell that echoes, cat and wc");
}
