//! What is told at the end: each kind of loss and note by its key, `--strict`, JSON, and what is given by mistake.
//!
//! The words of each message are held by `tests/cases`.

use crate::common::program::{Folder, Outcome, convert, run_in};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use strace2pcap::inside::keys::{LeftOutKey, LossKey, NoteKey};

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

/// Kinds of loss, each with its key, how many there are, the line of the first one where one is named, and the lines that
/// show it, the second of a trace and those behind it. Not among them are a line that is too long and more unfinished calls
/// than are held: they take hundreds of megabytes.
const LOSSES: [(&str, u64, Option<u64>, &str); 18] = [
    ("cut", 1, Some(2), "100 1700000000.000002 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\"..., 10) = 10"),
    ("hidden", 1, Some(2), "100 1700000000.000002 sendfile(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, 5</x>, NULL, 7) = 7"),
    ("io_uring", 1, Some(2), "100 1700000000.000002 io_uring_enter(6<anon_inode:[io_uring]>, 1, 1, 0, NULL, 0) = 1"),
    (
        "wire_only",
        1,
        Some(2),
        "100 1700000000.000002 sendto(4<UDPLITE:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1, 0, NULL, 0) = 1",
    ),
    (
        "protocols",
        1,
        Some(3),
        "100 1700000000.000002 socket(AF_INET, SOCK_RDM, 0) = 4\n100 1700000000.000003 sendto(4, \"a\", 1, 0, NULL, 0) = 1",
    ),
    ("addresses", 1, None, "100 1700000000.000002 write(4<TCP:[700]>, \"a\", 1) = 1"),
    (
        "addresses_late",
        1,
        None,
        "100 1700000000.000002 sendto(4<UDP:[7]>, \"a\", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"10.4.5.6\")}, 16) = 1\n100 1700000000.000003 close(4<UDP:[10.1.2.3:4444]>) = 0",
    ),
    ("peers", 1, None, "100 1700000000.000002 write(4<TCP:[10.1.2.3:4000]>, \"a\", 1) = 1"),
    ("senders", 1, None, "100 1700000000.000002 recvfrom(4<UDP:[10.1.2.3:53]>, \"a\", 9, 0, NULL, NULL) = 1"),
    ("first_half_missing", 1, Some(2), "100 1700000000.000002 <... read resumed>\"a\", 9) = 1"),
    ("damaged", 1, Some(2), "100 1700000000.000002 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a"),
    ("not_strace", 2, Some(2), "hello\nworld"),
    (
        "messages_cut",
        3,
        Some(2),
        "100 1700000000.000002 sendmmsg(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, [{msg_hdr={msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"m\", iov_len=1}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, msg_len=1}, ...], 4, 0) = 4",
    ),
    ("unreadable_time", 1, Some(2), "100 nan write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1"),
    (
        "discarded",
        1,
        Some(2),
        "100 1700000000.000002 recvfrom(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"b\", 9, MSG_TRUNC, NULL, NULL) = 1",
    ),
    (
        "in_flight",
        1,
        Some(3),
        "100 1700000000.000002 write(4<UNIX-STREAM:[500->501]>, \"hello\", 5) = 5\n200 1700000000.000003 read(5<UNIX-STREAM:[501->500]>, \"older hello\", 99) = 11",
    ),
    (
        "hosts",
        1,
        None,
        "100 1700000000.000002 recvfrom(4<UDP:[0.0.0.0:53]>, \"a\", 9, 0, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr(\"10.4.5.6\")}, [16]) = 1",
    ),
    (
        "uncut",
        1,
        None,
        "100 1700000000.000002 sendmsg(4<UDP:[127.0.0.1:4433->127.0.0.1:6000]>, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"ddddeeeeff\", iov_len=10}], msg_iovlen=1, msg_control=[{cmsg_len=18, cmsg_level=SOL_UDP, cmsg_type=0x67}], msg_controllen=24, msg_flags=0}, 0) = 10",
    ),
];

/// Kinds that the wire view alone has.
const OF_WIRE_VIEW: [&str; 2] = ["hosts", "uncut"];

#[test]
fn each_kind_of_loss_has_its_key_and_fails_a_strict_run() {
    for (key, count, line, lines) in LOSSES {
        let trace = format!("{GOOD}{lines}\n");
        let view = if OF_WIRE_VIEW.contains(&key) { "wire" } else { "syscall" };
        let options = ["--report", "json", "--capture-unix-socket", "--view", view];
        let outcome = convert(&options, trace.as_bytes());
        let told = report(&outcome);
        assert_eq!(keys(&told, "losses", "key"), [key], "{told:?}");
        let loss = &told["losses"][0];
        assert_eq!(loss["count"], count, "{loss}");
        assert_eq!(loss.get("first_line").and_then(Value::as_u64), line, "{loss}");
        assert_eq!(loss["trace"], Value::Null, "there is one alone");
        assert_eq!(outcome.status, Some(0), "{told:?}");
        assert_eq!(told["exit_code"], 0);
        let outcome = convert(&[&options[..], &["--strict"]].concat(), trace.as_bytes());
        assert_eq!(outcome.status, Some(3), "{key}");
        assert_eq!(report(&outcome)["exit_code"], 3);
    }
}

/// Traces that a note is about, with its key.
const NOTES: [(&str, &str); 8] = [
    ("nothing_read", ""),
    ("nothing_shown", "100 1700000000.000001 close(3) = 0\n"),
    ("no_times", "write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n"),
    ("relative_times", "     0.000005 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n"),
    ("assumed_date", "12:00:00.000001 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n"),
    ("tls", "1700000000.000001 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"\\26\\3\\1\", 3) = 3\n"),
    (
        "no_payload",
        "1700000000.000001 accept4(3<TCP:[10.1.2.3:80]>, NULL, NULL, 0) = 4<TCP:[10.1.2.3:80->10.4.5.6:5]>\n",
    ),
    ("blotted_out", "1700000000.000001 write(3<TCP:[x.x.x.x:4000->10.4.5.6:80]>, \"a\", 1) = 1\n"),
];

#[test]
fn notes_are_no_losses() {
    for (key, trace) in NOTES {
        let outcome = convert(&["--strict", "--report=json", "--view=wire"], trace.as_bytes());
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        let told = report(&outcome);
        assert_eq!(keys(&told, "notes", "key"), [key], "{told:?}");
        assert_eq!(told["losses"], Value::Array(Vec::new()));
    }
}

/// Words in backticks, in order and once each.
fn spans(text: &str) -> BTreeSet<String> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.map(str::to_owned).collect()
}

/// What follows `start` in `text`, up to `end`.
#[track_caller]
fn part<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, behind) = text.split_once(start).unwrap_or_else(|| panic!("there is no {start:?}"));
    behind.split_once(end).map_or(behind, |(part, _)| part)
}

fn texts(all: impl Iterator<Item = &'static str>) -> BTreeSet<String> {
    all.map(str::to_owned).collect()
}

#[test]
fn the_calls_to_trace_are_those_of_the_page_and_depend_on_the_options() {
    let page = page("recording");
    let calls = |words: &[&str]| {
        let outcome = run_in(Folder::new().path(), words, b"");
        assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{words:?}");
        String::from_utf8(outcome.stdout).expect("names are ASCII")
    };
    let plain = calls(&["--calls"]);
    assert!(page.contains(&format!("$ strace2pcap --calls\n{plain}```")), "not in the page: {plain}");
    assert_eq!(calls(&["--capture-unix-socket", "--calls", "out.pcap"]), plain);
    let pipes = calls(&["--calls", "--capture-pipes=/run/fifo"]);
    for call in plain.trim_end().split(',').chain(["pipe2", "mknodat", "vmsplice"]) {
        assert!(pipes.trim_end().split(',').any(|it| it == call), "{call} is not in {pipes}");
    }
}

/// The text of `docs/NAME.md`.
fn page(name: &str) -> String {
    let path = format!("{}/docs/{name}.md", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("there is such a page")
}

/// The lists of keys, and what the page and help call them.
fn lists() -> [(&'static str, BTreeSet<String>); 3] {
    [
        ("Keys of losses:", texts(LossKey::ALL.iter().map(|key| key.text()))),
        ("Keys of notes:", texts(NoteKey::ALL.iter().map(|key| key.text()))),
        ("Reasons in left_out:", texts(LeftOutKey::ALL.iter().map(|key| key.text()))),
    ]
}

#[test]
fn page_and_help_have_the_keys_that_there_are_and_no_others() {
    let page = page("reports");
    let help = run_in(Folder::new().path(), &["--help"], b"");
    let help = String::from_utf8(help.stdout).expect("help is text");
    for (title, keys) in lists() {
        assert_eq!(spans(part(&page, title, "\n\n")), keys, "page, {title}");
        let words = part(&help, title, ":").split_whitespace();
        let known: BTreeSet<_> = words.take(keys.len()).map(str::to_owned).collect();
        assert_eq!(known, keys, "help, {title}");
    }
    let told = report(&convert(&["--report=json"], GOOD.as_bytes()));
    let fields: BTreeSet<String> = told.keys().cloned().collect();
    let table = part(&page, "| key | |\n|---|---|\n", "\n\n");
    let of_page = table.lines().filter_map(|line| line.split('|').nth(1)).flat_map(spans);
    assert_eq!(of_page.collect::<BTreeSet<_>>(), fields, "page");
    let listed = part(&help, "with the keys\n", "Reasons in left_out:");
    let of_help = listed.lines().flat_map(|line| line.split('[').next().unwrap_or_default().split_whitespace());
    assert_eq!(of_help.map(str::to_owned).collect::<BTreeSet<_>>(), fields, "help");
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
    let is_linux = cfg!(target_os = "linux");
    let (output, said) = if is_linux { ("/dev/full", "No space left") } else { ("no/such", "cannot write no/such") };
    let full = run_in(folder.path(), &["-q", "--report=json", output], trace.as_bytes());
    let missing = run_in(folder.path(), &["--report=json", "out.pcap", "missing"], b"");
    for (outcome, part) in [(full, said), (missing, "cannot open the trace missing")] {
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
const MISTAKES: [(&[u8], &str); 9] = [
    (b"BZh91AY&SY", "NAME is bzip2-compressed: bzcat WORD | strace2pcap OUTPUT -"),
    (b"\xfd7zXZ\0\0", "NAME is xz-compressed: xzcat WORD | strace2pcap OUTPUT -"),
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

#[test]
fn json_is_told_of_a_command_line_that_makes_no_sense() {
    let words: [&[&str]; 6] = [
        &["--report", "json"],
        &["--report=json", "--nosuch\u{1b}[31m", "out.pcap"],
        &["--nosuch", "--rep", "json"],
        &["-o", "out.pcap", "--rep=json"],
        &["out.pcap", "--seed-grpc", "--report=text", "--report=json"],
        &["out.pcap", "-", "-", "--report=json"],
    ];
    let usual = report(&convert(&["--report=json"], GOOD.as_bytes()));
    for words in words {
        let outcome = run_in(Folder::new().path(), words, b"");
        assert_eq!(outcome.status, Some(2), "{words:?}");
        let told = report(&outcome);
        assert_eq!(told["exit_code"], 2);
        assert!(told.keys().eq(usual.keys()), "{told:?}");
        let error = told["errors"][0].as_str().expect("it is text");
        assert!(outcome.stderr.starts_with(&format!("error: {error}")), "{}", outcome.stderr);
        assert!(!error.contains("Usage:") && !outcome.stderr.contains('\u{1b}'), "{error}");
    }
    let outcome = run_in(Folder::new().path(), &["--nosuch", "--report=text"], b"");
    assert!(!outcome.stderr.contains('{'), "{}", outcome.stderr);
}

/// Lets a name lead to another, as anybody may where they are.
fn link(folder: &Path, to: &str, name: &str) {
    #[cfg(unix)]
    std::os::unix::fs::symlink(to, folder.join(name)).expect("it can be linked");
    #[cfg(not(unix))]
    fs::hard_link(folder.join(to), folder.join(name)).expect("it can be linked");
}

#[test]
fn a_trace_that_is_given_twice_is_read_once() {
    let folder = Folder::new();
    fs::write(folder.path().join("a.log"), GOOD).expect("it can be written");
    fs::hard_link(folder.path().join("a.log"), folder.path().join("b.log")).expect("it can be linked");
    link(folder.path(), "a.log", "c.log");
    for (traces, text) in [
        (&["a.log", "a.log"][..], "the trace a.log is given twice, and is read once"),
        (
            &["a.log", "b.log", "c.log"],
            "the traces a.log and b.log are the same file, which is read once, and so is 1 more",
        ),
    ] {
        let outcome = run_in(folder.path(), &[&["--report=json", "out.pcap"], traces].concat(), b"");
        assert_eq!((outcome.status, outcome.packets().len()), (Some(0), 1), "{}", outcome.stderr);
        let told = report(&outcome);
        assert_eq!(keys(&told, "notes", "key"), ["given_twice"]);
        assert_eq!(told["notes"][0]["text"], text);
    }
    fs::write(folder.path().join("d.log"), GOOD).expect("it can be written");
    let outcome = run_in(folder.path(), &["--report=json", "out.pcap", "a.log", "d.log"], b"");
    assert_eq!(keys(&report(&outcome), "notes", "key"), [""; 0], "equal text in two files is no mistake");
    assert_eq!(outcome.packets().len(), 2);
}

#[test]
fn an_option_that_changes_nothing_and_a_name_that_promises_too_much_are_notes() {
    let notes = |options: &[&str]| {
        let outcome = convert(&[&["--report=json", "--strict"], options].concat(), GOOD.as_bytes());
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        let told = report(&outcome);
        keys(&told, "notes", "key").join(" ")
    };
    assert_eq!(notes(&["--date=2026-01-31", "--start=7"]), "no_effect no_effect");
    assert_eq!(notes(&["--unix-port-for=/run/*=80"]), "no_effect");
    assert_eq!(notes(&["out.pcapng.gz"]), "not_compressed");
    assert_eq!(notes(&["out.PCAP.ZST"]), "not_compressed");
    assert_eq!(notes(&["out.gz.pcap"]), "");
    assert_eq!(notes(&["--port=81", "--pid=7"]), "selects_nothing selects_nothing");
}

#[test]
fn with_q_a_strict_failure_has_its_word() {
    let trace = format!("{GOOD}hello\nworld\n");
    let outcome = convert(&["-q", "--strict"], trace.as_bytes());
    assert_eq!(outcome.status, Some(3));
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.starts_with("strace2pcap: error: --strict: 2 lines are not of strace"),
        "{}",
        outcome.stderr
    );
    let outcome = convert(&["--strict"], trace.as_bytes());
    assert!(!outcome.stderr.contains("error: "), "the warning says it: {}", outcome.stderr);
}

#[test]
fn many_hints_are_bounded() {
    let line = |port| {
        let payload = r"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0";
        format!("1 1700000000.000001 write(3<TCP:[10.1.2.3:4000->10.4.5.6:{port}]>, \"{payload}\", 16) = 16\n")
    };
    let trace: String = (9000..9008).map(line).collect();
    let outcome = convert(&[], trace.as_bytes());
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines[0].ends_with("add -d tcp.port==9000,fcgi"), "{lines:?}");
    assert_eq!(lines[5], "strace2pcap: 3 more such lines: -v tells them");
    let told = report(&convert(&["--report=json"], trace.as_bytes()));
    assert_eq!(told["hints"].as_array().map(Vec::len), Some(8));
    assert_eq!(convert(&["-q"], trace.as_bytes()).stderr, "");
}
