//! Real programs, seen twice: by tcpdump on the loopback interface, and by strace and this program. In the wire view
//! both captures must say the same: connections, bytes, openings, ends, datagrams; and Wireshark must find nothing
//! wrong in ours.
//!
//! The programs are in `tests/live/programs`; each is given two free ports. A new one is a file there and a test here.

use crate::common::capture::Record;
use crate::common::cases::name;
use crate::common::packet::{Packet, Tcp, Transport, decode};
use crate::common::program::{Folder, good_packet};
use crate::compare::{Content, Known};
use crate::support::{Running, compiled, free_port, has, has_ipv6, may_have, program, python, strace, tshark};
use crate::truth::Truth;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each of these tests needs.
const NEEDED: [&str; 5] = ["strace", "tcpdump", "tshark", "python3", "sh"];

/// What Wireshark tells of sequence numbers and is no news on a fast loopback.
const ANALYSIS: &str = "(tcp.analysis.flags && !tcp.analysis.window_full && !tcp.analysis.zero_window \
    && !tcp.analysis.window_update && !tcp.analysis.keep_alive && !tcp.analysis.keep_alive_ack \
    && !tcp.analysis.reused_ports) || _ws.malformed || tcp.checksum.status == 0 || udp.checksum.status == 0 \
    || ip.checksum.status == 0";

/// What the programs say is no protocol's: whichever ports they are given, no dissector is to take it for its own.
const AS_DATA: [&str; 4] = ["-d", "tcp.port==1024-65535,data", "-d", "udp.port==1024-65535,data"];

/// A folder, two ports, and tcpdump listening to them.
struct Scene {
    folder: Folder,
    ports: [u16; 2],
    truth: Truth,
}

/// What the program made of a trace, and what tcpdump saw.
struct Both {
    folder: Folder,
    ours: Vec<Record>,
    truth: Vec<Record>,
}

impl Scene {
    /// None where tcpdump may not capture and nobody promised that it may.
    fn new(test: &str) -> Option<Self> {
        let ports = [free_port(), free_port()];
        let truth = Truth::start(&ports);
        assert!(
            truth.is_some() || std::env::var_os("STRACE2PCAP_LIVE").is_none(),
            "tcpdump cannot capture, nor with sudo"
        );
        if truth.is_none() {
            crate::support::say(&format!("tcpdump may not capture, {test} is left out"));
        }
        Some(Self { folder: Folder::new(), ports, truth: truth? })
    }

    /// `interpreter` with the program `name` and the ports.
    fn command(&self, interpreter: &str, name: &str) -> Vec<String> {
        let mut command = vec![interpreter.to_string()];
        command.push(program(name).to_string_lossy().into_owned());
        command.extend(self.port_arguments());
        command
    }

    fn port_arguments(&self) -> [String; 2] {
        self.ports.map(|port| port.to_string())
    }

    /// Runs `command` under strace to its end.
    #[track_caller]
    fn trace(&self, command: &[String]) {
        let mut strace = strace(self.trace_file());
        Running::start(strace.args(command)).succeed();
    }

    fn trace_file(&self) -> PathBuf {
        self.folder.path().join("trace.log")
    }

    /// The traces: one, or one of each process.
    fn trace_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder is ours");
        let paths = entries.map(|entry| entry.expect("it can be listed").path());
        let is_trace = |path: &PathBuf| name(path).starts_with("trace.log");
        paths.filter(is_trace).collect()
    }

    /// Ends tcpdump and converts the trace.
    #[track_caller]
    fn finish(self) -> Both {
        let traces = self.trace_files();
        let truth = self.truth.stop();
        let output = self.folder.path().join("out.pcapng");
        let mut command = Command::new(crate::support::PROGRAM);
        let (_, said) = Running::start(command.arg("--strict").arg(&output).args(&traces)).succeed();
        assert_eq!(said, "", "nothing is lost");
        let file = fs::read(&output).expect("it was written");
        let capture = crate::common::capture::read(&file).expect("it is a capture");
        for trace in &traces {
            keep(trace);
        }
        keep(&output);
        crate::truth::write(&truth, &self.folder.path().join("truth.pcap"));
        keep(&self.folder.path().join("truth.pcap"));
        Both { folder: self.folder, ours: capture.records, truth }
    }
}

/// Copies `file` to the folder that KEEP names, for a person who asks why a test failed.
fn keep(file: &Path) {
    if let (Some(folder), Some(name)) = (std::env::var_os("KEEP"), file.file_name()) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default();
        let target = Path::new(&folder).join(format!("{test}.{}", name.to_string_lossy()));
        fs::copy(file, target).expect("KEEP names a folder");
    }
}

impl Both {
    /// Fails with what differs, or with what Wireshark says of ours beyond what it says of the truth.
    #[track_caller]
    fn compare(&self, known: Known) {
        let ours: Vec<Packet> = self.ours.iter().map(good_packet).collect();
        let truth: Vec<Packet> =
            self.truth.iter().map(|record| decode(record).expect("tcpdump's packets are readable")).collect();
        let (ours, truth) = (Content::of(&ours), Content::of(&truth));
        assert_ne!(truth.counts(), (0, 0), "tcpdump saw nothing");
        let difference = ours.difference(&truth, known);
        assert!(difference.is_empty(), "\n{difference}");
        let complaints = self.complaints("out.pcapng");
        if !complaints.is_empty() {
            let of_truth = self.complaints("truth.pcap");
            assert!(
                complaints.len() <= of_truth.len(),
                "Wireshark says of ours\n{}\nand of tcpdump's\n{}",
                complaints.join("\n"),
                of_truth.join("\n")
            );
        }
    }

    fn complaints(&self, file: &str) -> Vec<String> {
        let path = self.folder.path().join(file);
        // On the loopback interface nobody computes checksums, so the truth's are not looked at.
        let filter = if file == "truth.pcap" { ANALYSIS.split(" || ").next().unwrap_or_default() } else { ANALYSIS };
        let text = tshark(&path, &[&AS_DATA[..], &["-Y", filter]].concat());
        text.lines().map(str::to_string).collect()
    }

    /// Fails if Wireshark's expert has a warning or worse.
    #[track_caller]
    fn no_warnings(&self) {
        let path = self.folder.path().join("out.pcapng");
        let text = tshark(&path, &[&AS_DATA[..], &["-q", "-z", "expert,warn"]].concat());
        assert_eq!(text.trim(), "", "Wireshark's expert on out.pcapng");
    }
}

/// Runs the Python program `name` under strace and compares.
#[track_caller]
fn python_program(name: &str, is_clean: bool) {
    if !has(&NEEDED, name) {
        return;
    }
    let Some(scene) = Scene::new(name) else {
        return;
    };
    scene.trace(&scene.command(python(), name));
    let both = scene.finish();
    both.compare(Known::Whole);
    if is_clean {
        both.no_warnings();
    }
}

/// Compiles the C program `name`, runs it under strace and compares.
#[track_caller]
fn c_program(name: &str) {
    if !(has(&NEEDED, name) && has(&["cc"], name)) {
        return;
    }
    let Some(scene) = Scene::new(name) else {
        return;
    };
    let binary = compiled(name, &scene.folder);
    let mut command = vec![binary.to_string_lossy().into_owned()];
    command.extend(scene.port_arguments());
    scene.trace(&command);
    scene.finish().compare(Known::Whole);
}

#[test]
fn threads_of_one_process_at_both_ends() {
    python_program("threads.py", true);
}

#[test]
fn a_server_that_forks() {
    python_program("forking.py", true);
}

#[test]
fn connecting_without_blocking() {
    python_program("nonblocking.py", true);
}

#[test]
fn several_buffers_a_call() {
    python_program("vectors.py", true);
}

#[test]
fn one_side_done_before_the_other() {
    python_program("halfclose.py", true);
}

#[test]
fn resets_by_so_linger() {
    python_program("linger.py", false);
}

#[test]
fn closed_with_bytes_unread() {
    python_program("unread.py", false);
}

#[test]
fn connections_refused() {
    if has_ipv6("refused.py") {
        python_program("refused.py", false);
    }
}

#[test]
fn the_same_ports_again() {
    python_program("reuse.py", false);
}

#[test]
fn ipv6_and_v4_mapped() {
    if has_ipv6("families.py") {
        python_program("families.py", true);
    }
}

#[test]
fn megabytes_both_ways_with_partial_writes() {
    python_program("large.py", true);
}

#[test]
fn datagrams() {
    python_program("udp.py", true);
}

#[test]
fn a_connection_handed_to_another_process() {
    python_program("handover.py", true);
}

#[test]
fn several_datagrams_a_call() {
    c_program("datagrams");
}

#[test]
fn descriptors_replaced_and_programs_replaced() {
    c_program("replaced");
}

#[test]
fn http_of_node() {
    if !(has(&NEEDED, "http.js") && may_have(&["node"], "http.js")) {
        return;
    }
    let Some(scene) = Scene::new("http.js") else {
        return;
    };
    scene.trace(&scene.command("node", "http.js"));
    let both = scene.finish();
    both.compare(Known::Whole);
    both.no_warnings();
}

#[test]
fn a_shell_script_with_curl() {
    if !(has(&NEEDED, "curl") && has(&["curl"], "curl")) {
        return;
    }
    let Some(scene) = Scene::new("curl") else {
        return;
    };
    let port = scene.ports[0];
    let mut server = Command::new(python());
    server
        .args(["-u", "-m", "http.server", "--bind", "127.0.0.1"])
        .arg(port.to_string())
        .current_dir(scene.folder.path());
    fs::write(scene.folder.path().join("page"), "line\n".repeat(50_000)).expect("it is ours");
    let mut server = Running::start(&mut server);
    assert!(server.line().contains("Serving"));
    let script = format!(
        "curl -s http://127.0.0.1:{port}/page | wc -c; curl -s http://127.0.0.1:{port}/none http://127.0.0.1:{port}/page >/dev/null"
    );
    scene.trace(&["sh", "-c", &script].map(str::to_string));
    let both = scene.finish();
    both.compare(Known::NotTheirEnd);
    both.no_warnings();
}

/// The two roles of `role.py`, of which `traced` is under strace, from its start or after its first half.
#[track_caller]
fn one_end(traced: &str, attach: bool) {
    let test = format!("one end: {traced}");
    if !has(&NEEDED, &test) {
        return;
    }
    let Some(scene) = Scene::new(&test) else {
        return;
    };
    let start = |role: &str| {
        let is_traced = role == traced;
        let mut line = scene.command(python(), "role.py");
        line.push(role.to_string());
        if is_traced && attach {
            line.push("waits".to_string());
        }
        if is_traced && !attach {
            Running::start(strace(scene.trace_file()).args(line))
        } else {
            Running::start(Command::new(&line[0]).args(&line[1..]))
        }
    };
    let mut server = start("server");
    assert_eq!(server.line(), "listening");
    let mut client = start("client");
    if attach {
        let (watched, other) = if traced == "server" { (&mut server, &mut client) } else { (&mut client, &mut server) };
        assert_eq!(watched.line(), "waiting");
        let mut observer = Running::start(strace(scene.trace_file()).args(["-p", &watched.pid().to_string()]));
        assert!(observer.error_line("attached"), "{}", observer.errors_so_far());
        watched.tell("go on\n");
        assert_eq!(watched.line(), "done");
        observer.signal("INT");
        observer.ended();
        other.succeed();
        assert!(watched.is_running(), "strace left it alive");
        watched.tell("end\n");
        watched.succeed();
    } else {
        client.succeed();
        server.succeed();
    }
    let known = if attach { Known::FromMidstream } else { Known::Whole };
    let both = scene.finish();
    both.compare(known);
    both.no_warnings();
}

#[test]
fn only_the_server_traced() {
    one_end("server", false);
}

#[test]
fn only_the_client_traced() {
    one_end("client", false);
}

#[test]
fn a_server_attached_to_in_midstream() {
    one_end("server", true);
}

#[test]
fn a_client_attached_to_in_midstream() {
    one_end("client", true);
}

#[test]
fn children_that_accept_on_one_listener() {
    python_program("prefork.py", true);
}

#[test]
fn processes_killed() {
    python_program("killed.py", false);
}

#[test]
fn programs_with_a_connection_as_standard_input() {
    python_program("spawned.py", true);
}

#[test]
fn datagrams_over_ipv6_and_between_threads() {
    if has_ipv6("datagrams6.py") {
        python_program("datagrams6.py", true);
    }
}

#[test]
fn shut_for_reading_and_never_accepted() {
    python_program("shut.py", false);
}

#[test]
fn a_file_for_each_process() {
    if !has(&NEEDED, "strace -ff") {
        return;
    }
    let Some(scene) = Scene::new("strace -ff") else {
        return;
    };
    let mut command = strace(scene.trace_file());
    command.arg("-ff").args(scene.command(python(), "forking.py"));
    Running::start(&mut command).succeed();
    let both = scene.finish();
    both.compare(Known::Whole);
    both.no_warnings();
}

#[test]
fn a_web_server_with_threads_and_curl_at_once() {
    if !(has(&NEEDED, "curl -Z") && has(&["curl"], "curl -Z")) {
        return;
    }
    let Some(scene) = Scene::new("curl -Z") else {
        return;
    };
    fs::write(scene.folder.path().join("page"), "line\n".repeat(20_000)).expect("it is ours");
    let script = "python=$1 port=$2; cd \"$3\" || exit
        \"$python\" -u -m http.server --bind 127.0.0.1 \"$port\" >log 2>&1 & server=$!
        until grep -q Serving log; do sleep 0.05; done
        curl -sZ \"http://127.0.0.1:$port/page?[1-8]\" >pages; kill $server; wait $server; wc -c <pages";
    let mut command = ["sh", "-c", script, "sh", python()].map(str::to_string).to_vec();
    command.push(scene.ports[0].to_string());
    command.push(scene.folder.path().to_string_lossy().into_owned());
    let mut strace = strace(scene.trace_file());
    let (told, _) = Running::start(strace.args(command)).succeed();
    assert_eq!(told, b"800000\n");
    let both = scene.finish();
    both.compare(Known::Whole);
    both.no_warnings();
}

/// What one connection looks like: its packets, of which the last but one has `text`.
fn conversation(text: &str) -> Vec<Packet> {
    let [client, server]: [std::net::SocketAddr; 2] =
        ["127.0.0.1:4000", "127.0.0.1:80"].map(|text| text.parse().expect("an address"));
    let segment = |number: u32, flags, seq, payload: &str| Packet {
        time: 1_700_000_000_000_000_000 + u64::from(number),
        source_mac: [0; 6],
        target_mac: [0; 6],
        vlan: None,
        source: if number == 1 { server } else { client },
        target: if number == 1 { client } else { server },
        id: None,
        ttl: 64,
        transport: Transport::Tcp(Tcp { seq, ack: 0, flags, window: 100, options: Vec::new() }),
        payload: payload.as_bytes().to_vec(),
        payload_original: payload.len(),
        faults: Vec::new(),
    };
    vec![
        segment(0, 2, u32::MAX - 3, ""),
        segment(1, 0x12, 70, ""),
        segment(2, 0x18, 0, " you "),
        segment(3, 0x18, u32::MAX - 2, "see"),
        segment(4, 0x18, 5, text),
        segment(5, 0x11, 5 + u32::try_from(text.len()).expect("it is short"), ""),
    ]
}

#[test]
fn differences_are_told() {
    let truth = conversation("the wire");
    let against = |ours: &[Packet]| Content::of(ours).difference(&Content::of(&truth), Known::Whole);
    assert_eq!(against(&truth), "");
    let again = [&truth[..], &truth[2..3]].concat();
    assert!(against(&again).contains("time goes backwards"));
    assert!(against(&conversation("the wine")).contains("other from byte 14 on: \"ne\" against \"re\""));
    assert!(against(&truth[..5]).contains("FIN of 127.0.0.1:4000 is missing"));
    assert!(against(&truth[1..]).contains("SYN of 127.0.0.1:4000 is missing"));
    let gap = [&truth[..3], &truth[4..]].concat();
    assert!(against(&gap).contains("3 bytes missing at 0"), "{}", against(&gap));
    let mut twice = truth.clone();
    for mut packet in truth.clone() {
        packet.time += 1_000_000;
        if let Transport::Tcp(tcp) = &mut packet.transport {
            tcp.seq = tcp.seq.wrapping_add(5000);
        }
        twice.push(packet);
    }
    assert!(against(&twice).contains("#1: never was"));
    let mut datagrams = truth.clone();
    for packet in &mut datagrams {
        packet.transport = Transport::Udp;
    }
    assert!(against(&datagrams).contains("#0: is missing"));
    assert!(against(&datagrams).contains("UDP 127.0.0.1:4000 > 127.0.0.1:80: 5 datagrams, truly 0"));
}
