//! What is told at the end: each kind of loss and note by its key, `--strict`, JSON, and what is given by mistake.
//!
//! The words of each message are held by `tests/cases`.

mod common;

use common::program::{Folder, Outcome, convert, run_in};
use serde_json::{Map, Value};
use std::fs;

/// The report of a run, which must be the last line of standard error and JSON.
#[track_caller]
fn report(outcome: &Outcome) -> Map<String, Value> {
    let last = outcome.stderr.lines().last().unwrap_or_default();
    match serde_json::from_str(last) {
        Ok(Value::Object(report)) => report,
        other => panic!("{other:?} of {:?}", outcome.stderr),
    }
}

/// The keys of a list of the report.
fn keys<'r>(report: &'r Map<String, Value>, list: &str, key: &str) -> Vec<&'r str> {
    let list = report[list].as_array().expect("it is a list");
    let key = |item: &'r Value| item[key].as_str().expect("it is text");
    list.iter().map(key).collect()
}

const GOOD: &str = "100 1700000000.000001 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n";

/// One trace for each kind of loss, with its key and how many there are; the line is the second.
const LOSSES: [(&str, u64, &str); 14] = [
    ("cut", 1, "100 1700000000.000002 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\"..., 10) = 10"),
    ("hidden", 1, "100 1700000000.000002 sendfile(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, 5</x>, NULL, 7) = 7"),
    ("io_uring", 1, "100 1700000000.000002 io_uring_enter(6<anon_inode:[io_uring]>, 1, 1, 0, NULL, 0) = 1"),
    ("wire_only", 1, "100 1700000000.000002 sendto(4<UDPLITE:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1, 0, NULL, 0) = 1"),
    (
        "protocols",
        1,
        "100 1700000000.000002 socket(AF_INET, SOCK_RDM, 0) = 4\n100 1700000000.000003 sendto(4, \"a\", 1, 0, NULL, 0) = 1",
    ),
    ("addresses", 1, "100 1700000000.000002 write(4<TCP:[700]>, \"a\", 1) = 1"),
    (
        "addresses_late",
        1,
        "100 1700000000.000002 sendto(4<UDP:[7]>, \"a\", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"10.4.5.6\")}, 16) = 1\n100 1700000000.000003 close(4<UDP:[10.1.2.3:4444]>) = 0",
    ),
    ("peers", 1, "100 1700000000.000002 write(4<TCP:[10.1.2.3:4000]>, \"a\", 1) = 1"),
    ("senders", 1, "100 1700000000.000002 recvfrom(4<UDP:[10.1.2.3:53]>, \"a\", 9, 0, NULL, NULL) = 1"),
    ("first_half_missing", 1, "100 1700000000.000002 <... read resumed>\"a\", 9) = 1"),
    ("damaged", 1, "100 1700000000.000002 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a"),
    ("not_strace", 2, "hello\nworld"),
    (
        "messages_cut",
        3,
        "100 1700000000.000002 sendmmsg(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, [{msg_hdr={msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"m\", iov_len=1}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, msg_len=1}, ...], 4, 0) = 4",
    ),
    ("unreadable_time", 1, "100 nan write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1"),
];

#[test]
fn each_kind_of_loss_has_its_key_and_fails_a_strict_run() {
    for (key, count, lines) in LOSSES {
        let trace = format!("{GOOD}{lines}\n");
        let options = ["--report", "json", "--capture-unix-socket"];
        let outcome = convert(&options, trace.as_bytes());
        let told = report(&outcome);
        assert_eq!(keys(&told, "losses", "key"), [key], "{told:?}");
        let loss = &told["losses"][0];
        assert_eq!(loss["count"], count, "{loss}");
        if key == "protocols" {
            assert_eq!(loss["first_line"], 3, "{loss}");
        } else if !["addresses", "addresses_late", "peers", "senders"].contains(&key) {
            assert_eq!(loss["first_line"], 2, "{loss}");
        }
        assert_eq!(loss["trace"], Value::Null, "there is one alone");
        assert_eq!(outcome.status, Some(0), "{told:?}");
        assert_eq!(told["exit_code"], 0);
        let outcome = convert(&[&options[..], &["--strict"]].concat(), trace.as_bytes());
        assert_eq!(outcome.status, Some(3), "{key}");
        assert_eq!(report(&outcome)["exit_code"], 3);
    }
}

/// Traces that a note is about, with its key.
const NOTES: [(&str, &str); 6] = [
    ("nothing_read", ""),
    ("nothing_shown", "100 1700000000.000001 close(3) = 0\n"),
    ("no_times", "write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n"),
    ("relative_times", "     0.000005 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n"),
    ("assumed_date", "12:00:00.000001 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n"),
    ("tls", "1700000000.000001 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"\\26\\3\\1\", 3) = 3\n"),
];

#[test]
fn notes_are_no_losses() {
    for (key, trace) in NOTES {
        let outcome = convert(&["--strict", "--report=json"], trace.as_bytes());
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        let told = report(&outcome);
        assert_eq!(keys(&told, "notes", "key"), [key], "{told:?}");
        assert_eq!(told["losses"], Value::Array(Vec::new()));
    }
}

#[test]
fn the_readme_has_each_key() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).expect("there is a README");
    let losses = LOSSES.iter().map(|(key, ..)| *key);
    for key in losses.chain(NOTES.iter().map(|(key, _)| *key)) {
        assert!(readme.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn a_start_that_was_given_needs_no_note() {
    let trace = NOTES[3].1;
    let outcome = convert(&["--start=0", "--report=json"], trace.as_bytes());
    assert_eq!(keys(&report(&outcome), "notes", "key"), [""; 0]);
}

#[test]
fn json_has_all_counts_and_stands_alone() {
    let trace =
        format!("{GOOD}{GOOD}100 1700000000.000002 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"ab\"..., 10) = 10\n\n");
    for quiet in [&["--report", "json"][..], &["--report", "json", "-q"]] {
        let outcome = convert(quiet, trace.as_bytes());
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        let told = report(&outcome);
        let names: Vec<&str> = told.keys().map(String::as_str).collect();
        let mut expected = [
            "version",
            "exit_code",
            "lines",
            "calls",
            "packets",
            "payload_bytes",
            "capture_bytes",
            "left_out",
            "losses",
            "notes",
            "hints",
            "errors",
        ];
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!((&told["lines"], &told["calls"]), (&4.into(), &3.into()));
        assert_eq!(told["packets"], outcome.capture().records.len());
        assert_eq!(told["payload_bytes"], 4);
        assert_eq!(told["capture_bytes"], outcome.file.len());
        assert_eq!(keys(&told, "left_out", "reason"), ["blank"]);
        assert_eq!(told["left_out"][0]["count"], 1);
        let cut = &told["losses"][0];
        assert_eq!((&cut["bytes"], &cut["first_line"]), (&8.into(), &3.into()));
        assert_eq!(cut["text"], "1 payload was cut by strace's -s, 8 bytes");
        assert_eq!(cut["cure"], "record with -s 1048576");
    }
}

#[test]
fn of_several_traces_json_names_the_one() {
    let folder = Folder::new();
    fs::write(folder.path().join("a.1"), GOOD).expect("it can be written");
    fs::write(folder.path().join("a.2"), format!("{GOOD}hello\n")).expect("it can be written");
    let arguments = ["--report=json", "out.pcap", "a.1", "a.2"];
    let told = report(&run_in(folder.path(), &arguments, b""));
    assert_eq!(told["losses"][0]["trace"], "a.2");
    assert_eq!(told["losses"][0]["first_line"], 2);
}

#[test]
fn json_is_told_of_a_run_that_fails() {
    let folder = Folder::new();
    let trace = GOOD.repeat(5);
    let full = run_in(folder.path(), &["-q", "--report=json", "/dev/full"], trace.as_bytes());
    let missing = run_in(folder.path(), &["--report=json", "out.pcap", "missing"], b"");
    for (outcome, part) in [(full, "No space left"), (missing, "cannot open the trace missing")] {
        assert_eq!(outcome.status, Some(1));
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "the error as text as well: {lines:?}");
        assert!(lines[0].starts_with("strace2pcap: error: ") && lines[0].contains(part));
        let told = report(&outcome);
        assert_eq!(told["exit_code"], 1);
        let error = told["errors"][0].as_str().expect("it is text");
        assert!(lines[0].ends_with(error), "{told:?}");
    }
}

/// What is given by mistake, and what is said of it: `NAME` is its name, `WORD` its name in a command.
const MISTAKES: [(&[u8], &str); 11] = [
    (b"\x1f\x8b\x08\0\0\0\0\0", "NAME is gzip-compressed: zcat WORD | strace2pcap OUTPUT -"),
    (b"BZh91AY&SY", "NAME is bzip2-compressed: bzcat WORD | strace2pcap OUTPUT -"),
    (b"\xfd7zXZ\0\0", "NAME is xz-compressed: xzcat WORD | strace2pcap OUTPUT -"),
    (b"\x28\xb5\x2f\xfd\x04", "NAME is zstd-compressed: zstdcat WORD | strace2pcap OUTPUT -"),
    (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "NAME is a capture, not a trace: OUTPUT comes first"),
    (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", "NAME is a capture, not a trace: OUTPUT comes first"),
    (b"\x7fELF\x02\x01\x01\0", "NAME is a program or a core dump, not a trace"),
    (b"\x01\x02\x03\x04\x05\x06\xfe\xff", "NAME is no text, so not a trace"),
    (b"<!doctype html>\n", "nothing in NAME is of strace"),
    (b"     0.052 ( 0.020 ms): true/1665 brk()  = 0x563072350000\n", "NAME is of perf"),
    (b"malloc(10)   = 0x4882a0\n", "NAME is of ltrace"),
];

#[test]
fn mistakes_in_a_file_leave_the_output_untouched() {
    for (bytes, part) in MISTAKES {
        let folder = Folder::new();
        fs::write(folder.path().join("in"), bytes).expect("it can be written");
        fs::write(folder.path().join("out.pcap"), b"\xd4\xc3\xb2\xa1").expect("it can be written");
        let outcome = run_in(folder.path(), &["out.pcap", "in"], b"");
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        let part = part.replace("NAME", "in").replace("WORD", "in");
        assert!(outcome.stderr.contains(&part), "{}", outcome.stderr);
        assert_eq!(outcome.file, b"\xd4\xc3\xb2\xa1");
    }
}

#[test]
fn mistakes_on_a_pipe_are_told_as_well() {
    for (bytes, part) in MISTAKES {
        let outcome = convert(&[], bytes);
        let part = part.replace("NAME", "standard input").replace("WORD", "FILE");
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&part), "{part}: {}", outcome.stderr);
        assert!(outcome.capture().records.is_empty());
    }
}

#[test]
fn a_long_text_is_refused_at_its_end_and_a_long_prologue_is_not() {
    let text = "Lorem ipsum dolor sit amet, consectetur\n".repeat(20_000);
    let outcome = convert(&[], text.as_bytes());
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("nothing in standard input is of strace"));
    let folder = Folder::new();
    fs::write(folder.path().join("in"), &text).expect("it can be written");
    let outcome = run_in(folder.path(), &["out.pcap", "in"], b"");
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let outcome = convert(&[], (text + GOOD).as_bytes());
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.packets().len(), 1);
}
