//! Every folder below `tests/cases` is a trace and what must come of it.
//!
//! | file | |
//! |---|---|
//! | `trace.strace` | the trace; its first line, `# what this shows`, is not handed on |
//! | `trace.strace.N` | instead: several traces, handed on by name in the order of N |
//! | `args` | the options, on one line; may be absent. A word `out.pcapng` or `-` is the output instead of `out.pcap` |
//! | `expected.txt` | exit status, standard error, then one line a packet |
//! | `flags` | the `tcp.analysis` fields that Wireshark may raise here; absent where it may raise none |
//!
//! A new case: write the trace, run `UPDATE=1 cargo test --test offline cases`, read the diff, commit.
//! `CASE=name` restricts a run to the cases whose name holds `name`.

use crate::common::cases::{all_cases, cases_in, for_all, run};
use crate::common::program::{Folder, Outcome};
use crate::common::render;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What `expected.txt` is to say about `outcome`.
fn report(outcome: &Outcome) -> String {
    let mut report = match outcome.status {
        Some(status) => format!("exit {status}\n"),
        None => "killed by a signal\n".to_string(),
    };
    for line in outcome.stderr.lines() {
        let _ = writeln!(report, "stderr: {line}");
    }
    if outcome.file.is_empty() {
        report.push_str("no capture\n");
        return report;
    }
    match crate::common::capture::read(&outcome.file) {
        Err(problem) => {
            let _ = writeln!(report, "!unreadable capture: {problem}");
        }
        Ok(capture) => {
            for line in capture.notes.iter().cloned().chain(capture.records.iter().map(render::line)) {
                report.push_str(&line);
                report.push('\n');
            }
        }
    }
    report
}

/// Whether a line of a report tells of a packet or file that is broken: such a line is never right.
fn is_fault(line: &str) -> bool {
    let unquoted = line.split('"').step_by(2).collect::<String>();
    !line.starts_with("stderr: ") && (unquoted.starts_with('!') || unquoted.contains(" !"))
}

/// The lines of two reports that differ, as a diff shows them, without those before and after.
fn difference(expected: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let mut text = format!("  after {before} equal lines:\n");
    for line in &old[..old.len() - after] {
        let _ = writeln!(text, "  - {line}");
    }
    for line in &new[..new.len() - after] {
        let _ = writeln!(text, "  + {line}");
    }
    text
}

/// What is wrong with `case`, having rewritten its expectation where `update` asks for it.
fn check(case: &Path, update: bool) -> Result<(), String> {
    let found = report(&run(case)?);
    let faults: Vec<&str> = found.lines().filter(|line| is_fault(line)).collect();
    if !faults.is_empty() {
        return Err(format!("broken whatever is expected:\n  {}\n", faults.join("\n  ")));
    }
    let path = case.join("expected.txt");
    if update {
        return fs::write(path, found).map_err(|error| error.to_string());
    }
    let expected = fs::read_to_string(path).map_err(|error| format!("expected.txt: {error}"))?;
    if expected == found { Ok(()) } else { Err(difference(&expected, &found)) }
}

#[test]
fn every_case_gives_what_is_expected() {
    let update = std::env::var_os("UPDATE").is_some();
    for_all(&all_cases(), |case| check(case, update));
}

#[test]
#[should_panic(expected = "no case in")]
fn a_folder_without_cases_is_refused() {
    let folder = Folder::new();
    cases_in(folder.path());
}

#[test]
fn a_broken_packet_is_a_fault_and_a_payload_that_looks_like_one_is_not() {
    assert!(is_fault(r#"1.000000000 ... 2 "AB" !wrong IP checksum"#));
    assert!(is_fault("!unreadable capture: it is cut"));
    assert!(!is_fault(r#"1.000000000 ... 2 "A !B""#));
    assert!(!is_fault("stderr: warning !"));
}
