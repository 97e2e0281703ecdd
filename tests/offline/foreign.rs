//! What is no trace is found out from its bytes alone, whatever pieces they come in, and the way out that is named works.

use crate::common::cases::{all_cases, for_all, name};
use crate::common::program::{Folder, Outcome, convert, packets, run_in};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// A trace of some kinds of lines.
const TRACE: &str = "\
1234  1700000000.000001 execve(\"/bin/cat\", [\"cat\", \"a b\"], 0x7ffc /* 9 vars */) = 0 <0.000010>
1234  1700000000.000101 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"GET /a: <b> \\\"c\\\"\", 15) = 15 <0.000010>
1234  1700000000.000201 read(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>,  <unfinished ...>
1235  1700000000.000211 close(4) = 0 <0.000010>
1234  1700000000.000301 <... read resumed>\"200 OK\", 9) = 6 <0.000110>
1234  1700000000.000401 +++ exited with 0 +++
";

/// How bytes come.
#[derive(Clone, Copy, Debug)]
enum Pace {
    Bytes,
    Lines,
}

/// Runs the program over `text`, which comes slowly.
fn fed(text: &[u8], pace: Pace) -> Outcome {
    let folder = Folder::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_strace2pcap"))
        .arg("out.pcap")
        .current_dir(folder.path())
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("standard input was asked for");
    let pieces: Vec<&[u8]> = match pace {
        Pace::Bytes => text.chunks(1).collect(),
        Pace::Lines => text.split_inclusive(|byte| *byte == b'\n').collect(),
    };
    for piece in pieces {
        if input.write_all(piece).is_err() {
            break;
        }
        if matches!(pace, Pace::Lines) {
            thread::sleep(Duration::from_millis(3));
        }
    }
    drop(input);
    let output = child.wait_with_output().expect("the program ends");
    Outcome {
        status: output.status.code(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        stdout: Vec::new(),
        file: fs::read(folder.path().join("out.pcap")).unwrap_or_default(),
    }
}

/// Runs the program over `text` as a file.
fn of_file(text: &[u8]) -> Outcome {
    let folder = Folder::new();
    fs::write(folder.path().join("in"), text).expect("it can be written");
    run_in(folder.path(), &["out.pcap", "in"], b"")
}

/// What is the same whether the input is a file or a pipe, which is read to its end where that has not come yet.
fn said(outcome: &Outcome) -> String {
    let reading_on = outcome.stderr.find("; the trace is read to its end");
    let text = reading_on.map_or(outcome.stderr.as_str(), |at| outcome.stderr[..at].as_ref()).trim_end();
    let text = text.replace("standard input", "NAME").replace("FILE", "WORD");
    let text = text.replace("error: in ", "error: NAME ").replace("nothing in in ", "nothing in NAME ");
    text.replace(" in | strace2pcap", " WORD | strace2pcap")
}

/// The samples: what is no trace, traces that were taken for none, and true ones of several versions.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut samples = Vec::new();
    for case in all_cases() {
        let name = name(&case);
        let is_wanted =
            ["-text", "text-", "utf-", "quotes", "grep", "membarrier", "summary", "noise", "coloured", "perf"];
        if is_wanted.iter().any(|part| name.contains(part)) && !case.join("args").exists() {
            let text = fs::read(case.join("trace.strace")).expect("it has one trace");
            let title = text.iter().position(|byte| *byte == b'\n').expect("it has a title");
            samples.push((name, text[title + 1..].to_vec()));
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    for version in ["4.10", "5.0", "6.1", "7.2"] {
        let name = format!("strace-{version}.strace");
        samples.push((name.clone(), fs::read(folder.join(name)).expect("it is there")));
    }
    samples
}

#[test]
fn verdict_and_packets_are_the_same_whatever_the_pieces() {
    let samples = samples();
    assert!(samples.len() > 25, "{}", samples.len());
    let mut refused = 0;
    for (name, text) in samples {
        let whole = convert(&[], &text);
        for pace in [Pace::Bytes, Pace::Lines] {
            let slow = fed(&text, pace);
            assert_eq!((slow.status, said(&slow)), (whole.status, said(&whole)), "{name}, {pace:?}");
            assert_eq!(slow.file, whole.file, "{name}, {pace:?}");
        }
        let file = of_file(&text);
        if file.stderr.contains("assumed") {
            continue;
        }
        assert_eq!((file.status, said(&file)), (whole.status, said(&whole)), "{name} as a file");
        if file.status == Some(1) {
            refused += 1;
            assert!(file.file.is_empty(), "{name}: nothing is touched");
            assert!(whole.capture().records.is_empty(), "{name}: nothing became a packet");
        } else {
            assert_eq!(file.file, whole.file, "{name} as a file");
        }
    }
    assert!(refused > 15, "{refused}");
}

/// `TRACE` with `front` in front of each line; `#` in it is the line's number.
fn with_front(front: &str) -> Vec<u8> {
    let lines = TRACE.lines().enumerate();
    let numbered = lines.map(|(at, line)| format!("{}{line}\n", front.replace('#', &(at + 1).to_string())));
    numbered.collect::<Vec<_>>().concat().into()
}

/// The command that is named as the way out of `text`. It is tried on Linux, where the tools are GNU's.
#[cfg(target_os = "linux")]
#[track_caller]
fn way_out(text: &[u8]) -> (Vec<u8>, String) {
    let folder = Folder::new();
    fs::write(folder.path().join("in"), text).expect("it can be written");
    let outcome = run_in(folder.path(), &["out.pcap", "in"], b"");
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let begin = ["sed ", "cut ", "iconv "].iter().find_map(|tool| outcome.stderr.find(tool));
    let end = outcome.stderr.find(" | strace2pcap OUTPUT -");
    let (Some(begin), Some(end)) = (begin, end) else {
        panic!("{}", outcome.stderr);
    };
    let command = outcome.stderr[begin..end].to_owned();
    let output = Command::new("sh").args(["-c", &command]).env("LC_ALL", "C").current_dir(folder.path()).output();
    (output.expect("there is a shell").stdout, command)
}

#[cfg(target_os = "linux")]
#[track_caller]
fn check(text: &[u8]) {
    let (found, command) = way_out(text);
    let shown = String::from_utf8_lossy(&found).into_owned();
    assert_eq!(shown, TRACE, "{command}");
    assert_eq!(packets(&[], &found).len(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_in_front_of_the_lines_is_cut_off_by_the_command_that_is_named() {
    for front in [
        "2026-11-28T00:16:55.12345678#Z ",
        "2026-11-28T00:16:55.12345678#Z stderr F ",
        "Nov 28 00:16:5# web1 strace[12]: ",
        "Nov  8 00:16:5# web1 strace[12]: ",
        "2026-11-28T00:16:5#+0000 web1 strace[12]: ",
        "<34>1 2026-11-28T00:16:5#Z web1 strace 12 - - ",
        "11-28 00:16:55.12#  1234  1235 I strace  : ",
        "I/strace  ( 123#): ",
        "[2026-11-28 00:16:5#] ",
        "[    1.23456#] ",
        "web-1  | ",
        "#:",
        "trace.log:",
        "trace.log:#:",
        "> ",
        "> > ",
        "> >> ",
        "+",
    ] {
        check(&with_front(front));
    }
}

/// `text` as `cat -n` shows it.
fn numbered(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n').enumerate();
    lines.flat_map(|(at, line)| [format!("{:>6}\t", at + 1).as_bytes(), line].concat()).collect()
}

#[test]
fn every_case_is_the_same_with_numbers_in_front_of_its_lines() {
    // Numbers in front of numbers are too many, and those of cat in UTF-16 are none.
    let is_wanted = |case: &Path| !name(case).contains("number") && !name(case).starts_with("utf-16");
    let cases: Vec<_> = all_cases().into_iter().filter(|case| is_wanted(case)).collect();
    for_all(&cases, |case| {
        let Ok(text) = fs::read(case.join("trace.strace")) else { return Ok(()) };
        let options = fs::read_to_string(case.join("args")).unwrap_or_default();
        let options: Vec<_> = options.split_whitespace().collect();
        if options.iter().any(|option| *option == "-" || option.starts_with("out.")) {
            return Ok(());
        }
        let title = text.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let [plain, numbered] = [text[title..].to_vec(), numbered(&text[title..])].map(|text| convert(&options, &text));
        let is_same = (plain.status, &plain.stderr, &plain.file) == (numbered.status, &numbered.stderr, &numbered.file);
        if is_same { Ok(()) } else { Err(format!("{}\ninstead of\n{}", numbered.stderr, plain.stderr)) }
    });
}

#[test]
fn numbers_in_front_of_the_lines_change_nothing() {
    let plain = packets(&["--format", "pcap"], TRACE.as_bytes());
    for front in ["     #\t", " #\t", "            #\t"] {
        assert_eq!(packets(&["--format", "pcap"], with_front(front)), plain, "{front}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn other_encodings_and_quotes_are_undone_by_the_command_that_is_named() {
    let wide = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{TRACE}").encode_utf16().flat_map(bytes).collect()
    };
    check(&wide("\u{feff}", u16::to_le_bytes));
    check(&wide("\u{feff}", u16::to_be_bytes));
    check(&wide("", u16::to_le_bytes));
    check(&wide("", u16::to_be_bytes));
    check(TRACE.replace(" \"", " “").replace('"', "”").replace("...", "…").as_bytes());
    let html = TRACE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    check(html.as_bytes());
}
