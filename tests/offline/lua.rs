//! The files for Wireshark in `tools/wireshark`: the Lua file's fields are those of the marking, as `docs/marking.md` has it and
//! as the bytes of a capture have them.

use crate::common::capture;
use crate::common::needed::has;
use crate::common::program::{Folder, run_in};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(project(path)).expect("it is there")
}

/// The calls in the Lua file, by their numbers from 1.
fn calls() -> Vec<String> {
    let lua = text("tools/wireshark/strace2pcap.lua");
    let list = lua.split("local CALLS = {").nth(1).and_then(|rest| rest.split('}').next()).expect("a list");
    list.split(',').map(|word| word.trim().trim_matches('"').to_string()).filter(|word| !word.is_empty()).collect()
}

#[test]
fn the_calls_are_those_of_the_page() {
    let page = text("docs/marking.md");
    let known = calls();
    assert!(known.len() > 20, "{known:?}");
    for (call, number) in known.iter().zip(1_u8..) {
        assert!(page.contains(&format!("| {number} {call}")), "{number} {call} is not in the page");
    }
}

/// What the marking of a packet says: thread, descriptor, call, direction. Without a VLAN tag it has none.
fn marking(bytes: &[u8], calls: &[String]) -> String {
    if bytes[12..14] != [0x81, 0] {
        return "\t\t\t".to_string();
    }
    let digits = |mac: &[u8]| mac.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let (target, source) = (digits(&bytes[..6]), digits(&bytes[6..12]));
    let number = |text: &str| text.parse::<usize>().expect("digits");
    // Where no call has made it, the thread's number is the larger one: the session's is small.
    let [sent, received] = [&target, &source].map(|mac| number(&mac[2..4]));
    let is_sent = sent > 0 || (received == 0 && number(&source) > number(&target));
    let (thread, direction) = if is_sent { (source, "out") } else { (target, "in") };
    let fd = u16::from_be_bytes([bytes[14], bytes[15]]) & 0xfff;
    let call = (sent + received).checked_sub(1).map_or("", |at| calls[at].as_str());
    format!("{}\t{fd}\t{call}\t{direction}", number(&thread))
}

#[test]
fn the_fields_are_what_the_marking_says() {
    if !has(&["tshark"], "the Lua file") {
        return;
    }
    let (folder, calls) = (Folder::new(), calls());
    let script = format!("lua_script:{}", project("tools/wireshark/strace2pcap.lua").display());
    for (name, view) in [
        ("wire-client", "--view=wire"),
        ("wire-server", "--view=wire"),
        ("tcp-without-details", "--view=syscall"),
        ("unix-messages-and-vectors", "--view=syscall"),
        ("udp-many-datagrams-a-call", "--view=syscall"),
    ] {
        let output = folder.path().join("out.pcap");
        let trace = project(&format!("tests/cases/{name}/trace.strace"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_strace2pcap"));
        command.args(["-q", view, "--capture-unix-socket"]).arg(&output).arg(trace);
        assert!(command.env_remove("RUST_LOG").status().expect("it starts").success());
        let file = fs::read(&output).expect("it was written");
        let capture = capture::read(&file).expect("a readable capture");
        let expected: Vec<_> = capture.records.iter().map(|record| marking(&record.bytes, &calls)).collect();
        assert!(!expected.is_empty(), "{name}");
        let mut tshark = Command::new("tshark");
        tshark.env("HOME", folder.path()).args(["-X", &script, "-r"]).arg(&output).args(["-T", "fields"]);
        for field in ["strace.tid", "strace.fd", "strace.call", "strace.dir"] {
            tshark.args(["-e", field]);
        }
        let printed = tshark.output().expect("it starts");
        let said = String::from_utf8_lossy(&printed.stderr);
        assert!(printed.status.success() && !said.contains("Lua:"), "{said}");
        let found: Vec<_> = String::from_utf8_lossy(&printed.stdout).lines().map(str::to_string).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// The numbers of the packets of the example that tshark shows with this filter, in two passes.
fn taken(filter: &str, capture: &Path, folder: &Folder) -> Vec<String> {
    let script = format!("lua_script:{}", project("tools/wireshark/strace2pcap.lua").display());
    let mut tshark = Command::new("tshark");
    tshark.env("HOME", folder.path()).args(["-2", "-X", &script, "-Y", filter, "-T", "fields", "-e", "frame.number"]);
    let printed = tshark.arg("-r").arg(capture).output().expect("it starts");
    assert!(printed.status.success(), "{filter}: {}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8_lossy(&printed.stdout).lines().map(str::to_string).collect()
}

#[test]
fn either_end_is_known_in_each_packet_of_a_conversation() {
    if !has(&["tshark"], "the Lua file") {
        return;
    }
    let folder = Folder::new();
    let output = folder.path().join("out.pcapng");
    let mut command = Command::new(env!("CARGO_BIN_EXE_strace2pcap"));
    command.args(["-q", "--capture-unix-socket"]).arg(&output).arg(project("example/shop.strace"));
    assert!(command.env_remove("RUST_LOG").status().expect("it starts").success());
    let all = taken("frame", &output, &folder).len();
    for (filter, peer) in [("strace.either.comm == \"redis-server\"", 6379), ("strace.either.comm == \"curl\"", 8080)] {
        let found = taken(filter, &output, &folder);
        assert!(!found.is_empty() && found.len() < all, "{filter}");
        assert_eq!(found, taken(&format!("tcp.port == {peer}"), &output, &folder), "{filter}");
    }
    // One that talks to three services, to one as its server.
    let both = taken("strace.either.comm == \"python3\" && strace.either.comm == \"redis-server\"", &output, &folder);
    assert!(
        !both.is_empty() && both.len() < taken("tcp.port == 6379", &output, &folder).len(),
        "redis-cli's are not there"
    );
    assert_eq!(taken("strace.either.pid == 1", &output, &folder), Vec::<String>::new());
}

#[test]
fn one_that_only_reads_is_known_in_its_conversation() {
    if !has(&["tshark"], "the Lua file") {
        return;
    }
    let folder = Folder::new();
    let trace = fs::read(project("tests/cases/unix-end-that-a-third-process-closes/trace.strace"));
    let outcome = run_in(folder.path(), &["-q", "--capture-unix-socket", "out.pcapng"], &trace.expect("it is there"));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let output = folder.path().join("out.pcapng");
    let all = taken("frame", &output, &folder);
    assert_eq!(taken("strace.either.comm == \"worker\" && strace.either.pid == 101", &output, &folder), all);
    assert_eq!(taken("strace.pid == 101", &output, &folder), Vec::<String>::new());
}

#[test]
fn the_profile_is_read_without_a_complaint() {
    if !has(&["tshark"], "the profile") {
        return;
    }
    let folder = Folder::new();
    let profile = folder.path().join(".config/wireshark/profiles/strace2pcap");
    fs::create_dir_all(&profile).expect("it can be made");
    for name in ["preferences", "colorfilters", "dfilter_buttons"] {
        fs::copy(project("tools/wireshark/profile").join(name), profile.join(name)).expect("it can be copied");
    }
    let mut tshark = Command::new("tshark");
    tshark.env("HOME", folder.path()).env_remove("XDG_CONFIG_HOME").args(["-C", "strace2pcap", "--color", "-r"]);
    let printed = tshark.arg(project("example/shop.pcapng")).output().expect("it starts");
    let said: Vec<_> = String::from_utf8_lossy(&printed.stderr)
        .lines()
        .filter(|line| !line.starts_with("Running as"))
        .map(str::to_string)
        .collect();
    assert!(printed.status.success() && said.is_empty(), "{said:?}");
    let shown = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(shown.lines().count() > 4 && shown.contains("127.0.0.1"), "{shown}");
}
