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
//! A new case: write the trace, run `UPDATE=1 cargo test --test cases`, read the diff, commit.
//! `CASE=name` restricts a run to the cases whose name holds `name`.

mod common;

use common::program::{Folder, Outcome, run_in};
use common::render;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

const OUTPUT: &str = "out.pcap";

/// The folders of all cases, in order of their names.
fn cases_in(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.is_dir() && name(path).contains(&wanted))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    cases
}

fn all_cases() -> Vec<PathBuf> {
    cases_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"))
}

fn name(case: &Path) -> String {
    case.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The traces of a case: the one for standard input, or the named ones in order.
#[derive(Default)]
struct Traces {
    input: Vec<u8>,
    named: Vec<String>,
}

/// Reads the traces of `case` and puts the named ones into `folder`.
fn place_traces(case: &Path, folder: &Path) -> Result<Traces, String> {
    let single = case.join("trace.strace");
    if single.exists() {
        return Ok(Traces {
            input: trace_without_title(&single)?,
            named: Vec::new(),
        });
    }
    let mut traces = Traces::default();
    for entry in fs::read_dir(case).map_err(|error| error.to_string())? {
        let name = name(&entry.map_err(|error| error.to_string())?.path());
        if name.starts_with("trace.strace.") {
            let text = trace_without_title(&case.join(&name))?;
            fs::write(folder.join(&name), text).map_err(|error| error.to_string())?;
            traces.named.push(name);
        }
    }
    traces.named.sort_by_key(|name| (name.len(), name.clone()));
    if traces.named.is_empty() {
        Err("there is no trace".to_string())
    } else {
        Ok(traces)
    }
}

fn trace_without_title(path: &Path) -> Result<Vec<u8>, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    let end = text
        .iter()
        .position(|&byte| byte == b'\n')
        .ok_or("the trace has no line")?;
    if text.starts_with(b"# ") {
        Ok(text[end + 1..].to_vec())
    } else {
        Err(format!(
            "{} does not begin with `# what this shows`",
            name(path)
        ))
    }
}

/// Runs the program over `case`, in `folder`.
fn run(case: &Path, folder: &Path) -> Result<Outcome, String> {
    let traces = place_traces(case, folder)?;
    let options = fs::read_to_string(case.join("args")).unwrap_or_default();
    let mut arguments: Vec<&str> = options.split_whitespace().collect();
    if !arguments
        .iter()
        .any(|argument| argument.starts_with("out.") || *argument == "-")
    {
        arguments.push(OUTPUT);
    }
    arguments.extend(traces.named.iter().map(String::as_str));
    Ok(run_in(folder, &arguments, &traces.input))
}

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
    match common::capture::read(&outcome.file) {
        Err(problem) => {
            let _ = writeln!(report, "!unreadable capture: {problem}");
        }
        Ok(capture) => {
            for line in capture
                .notes
                .iter()
                .cloned()
                .chain(capture.records.iter().map(render::line))
            {
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
    let after = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
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
    let folder = Folder::new();
    let found = report(&run(case, folder.path())?);
    let faults: Vec<&str> = found.lines().filter(|line| is_fault(line)).collect();
    if !faults.is_empty() {
        return Err(format!(
            "broken whatever is expected:\n  {}\n",
            faults.join("\n  ")
        ));
    }
    let path = case.join("expected.txt");
    if update {
        return fs::write(path, found).map_err(|error| error.to_string());
    }
    let expected = fs::read_to_string(path).map_err(|error| format!("expected.txt: {error}"))?;
    if expected == found {
        Ok(())
    } else {
        Err(difference(&expected, &found))
    }
}

/// Checks all cases with two threads, and fails with what is wrong with any.
fn for_all(cases: &[PathBuf], check: impl Fn(&Path) -> Result<(), String> + Sync) {
    let waiting = Mutex::new(cases.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no thread panics holding it").next();
                    let Some(case) = next else { break };
                    if let Err(problem) = check(case) {
                        wrong
                            .lock()
                            .expect("no thread panics holding it")
                            .push((name(case), problem));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("no thread panicked");
    wrong.sort();
    let list = wrong.iter().fold(String::new(), |list, (name, problem)| {
        format!("{list}{name}: {problem}\n")
    });
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{list}",
        wrong.len(),
        cases.len()
    );
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

/// Runs tshark over `capture` with its checks of checksums on.
fn tshark(capture: &Path) -> Result<String, String> {
    let mut command = Command::new("tshark");
    for protocol in ["ip", "tcp", "udp"] {
        command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    let output = command
        .arg("-r")
        .arg(capture)
        .args(["-T", "pdml"])
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!(
            "tshark refuses it: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

/// The fields of `tcp.analysis` that tell nothing bad.
const HARMLESS: [&str; 12] = [
    "flags",
    "bytes_in_flight",
    "push_bytes_sent",
    "acks_frame",
    "ack_rtt",
    "initial_rtt",
    "rto",
    "rto_frame",
    "duplicate_ack_num",
    "duplicate_ack_frame",
    "ack_lost_segment_hint",
    "window_update_hint",
];

/// What tshark complains about, as names of fields, each once.
fn complaints(pdml: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (at, _) in pdml.match_indices("name=\"") {
        let name = pdml[at + 6..].split('"').next().unwrap_or_default();
        let analysis = name
            .strip_prefix("tcp.analysis.")
            .is_some_and(|field| !HARMLESS.contains(&field));
        let bad = analysis || name == "_ws.malformed" || name.ends_with(".checksum_bad.expert");
        if bad && !found.iter().any(|other| other == name) {
            found.push(name.to_string());
        }
    }
    found
}

fn check_with_tshark(case: &Path) -> Result<(), String> {
    let folder = Folder::new();
    let outcome = run(case, folder.path())?;
    if outcome.file.is_empty() {
        return Ok(());
    }
    let capture = folder.path().join("capture");
    fs::write(&capture, &outcome.file).map_err(|error| error.to_string())?;
    let announced = fs::read_to_string(case.join("flags")).unwrap_or_default();
    let announced: Vec<&str> = announced.split_whitespace().collect();
    let found = complaints(&tshark(&capture)?);
    let surprising: Vec<&String> = found
        .iter()
        .filter(|name| !announced.contains(&name.as_str()))
        .collect();
    let absent: Vec<&&str> = announced
        .iter()
        .filter(|name| !found.iter().any(|other| other == **name))
        .collect();
    if surprising.is_empty() && absent.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "not announced: {surprising:?}; announced but absent: {absent:?}"
        ))
    }
}

#[test]
fn wireshark_finds_nothing_wrong() {
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("STRACE2PCAP_LIVE").is_none(),
            "there is no tshark"
        );
        // Past the test harness's capture, so that it is seen: a check that was left out must say so.
        let _ = writeln!(
            std::io::stderr(),
            "cases: tshark is missing, its reading of the cases is left out"
        );
        return;
    }
    for_all(&all_cases(), check_with_tshark);
}

#[test]
fn a_complaint_of_wireshark_is_found() {
    let pdml = r#"<field name="tcp.analysis.flags"/><field name="tcp.analysis.retransmission" showname="x"/>
        <proto name="_ws.malformed"/><field name="tcp.checksum_bad.expert"/><field name="tcp.analysis.ack_rtt"/>"#;
    assert_eq!(
        complaints(pdml),
        [
            "tcp.analysis.retransmission",
            "_ws.malformed",
            "tcp.checksum_bad.expert"
        ]
    );
}
