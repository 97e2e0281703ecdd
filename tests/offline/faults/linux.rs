//! Faults that are made on Linux: `/dev/full`, and limits that a shell sets.

use std::fs;
use std::io::{Read, Write};
use std::process::Command;
use std::thread;

use super::process::{Directory, HEADER, LINE, MOMENT, RECORD, Run, records_in, size, until};

#[test]
fn a_compressed_pipe_is_read_on_like_any() {
    let mut run = Run::start("/dev/full", |command| command);
    let mut encoder = flate2::write::GzEncoder::new(run.input(), flate2::Compression::none());
    for _ in 0..100 {
        encoder.write_all(&LINE.repeat(1000)).unwrap();
    }
    thread::sleep(MOMENT);
    assert!(run.is_running(), "it goes on reading while somebody may write");
    drop(encoder.finish().unwrap());
    let (code, said) = run.told();
    assert_eq!(code, Some(1));
    assert!(said.contains("No space left") && said.contains("Ctrl-C ends it"), "{said}");
}

#[test]
fn one_ctrl_c_ends_the_reading_on() {
    for (output, status) in [("/dev/full", 1), ("/no/such/folder/out.pcap", 1), ("--no-such-option", 2)] {
        let mut run = Run::start(output, |command| command);
        let mut input = run.input();
        input.write_all(LINE).unwrap();
        let mut said = [0; 1];
        run.0.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
        thread::sleep(MOMENT);
        run.signal("INT");
        until("it has ended", || !run.is_running());
        drop(input);
        assert_eq!(run.told().0, Some(status));
    }
}

#[test]
fn a_full_disk_is_told_and_harms_nobody() {
    let mut run = Run::start("/dev/full", |command| command);
    let mut input = run.input();
    for _ in 0..100 {
        input.write_all(&LINE.repeat(1000)).unwrap();
    }
    thread::sleep(MOMENT);
    assert!(run.is_running(), "it goes on reading while somebody may write");
    drop(input);
    let (code, said) = run.told();
    assert_eq!(code, Some(1));
    assert!(said.contains("/dev/full") && said.contains("No space left") && said.contains("make room"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_full_disk_leaves_whole_records() {
    let directory = Directory::new();
    let (trace, output) = (directory.trace("trace", 100_000), directory.file("out.pcap"));
    // A limit on the size of files fails as a full disk does; 1024 bytes each, and no multiple of a record.
    // The last one replaces a capture by less than is gathered before the first write.
    for (limit, least, signal) in [(1000, 1001, ""), (1000, 1001, "trap '' XFSZ; "), (1, 0, "")] {
        let script = format!("ulimit -f {limit}; {signal}exec \"$0\" \"$@\"");
        let program = env!("CARGO_BIN_EXE_strace2pcap");
        let run = Command::new("bash").args(["-c", &script, program]).args([&output, &trace]).output().unwrap();
        assert_eq!(run.status.code(), Some(1));
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(said.contains("out.pcap") && said.contains("ulimit -f"), "{said}");
        assert!(records_in(&fs::read(&output).unwrap()) >= least);
    }
}

#[test]
fn several_traces_are_read() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    // More than a soft limit may allow.
    let traces: Vec<_> = (1..=300).map(|number| directory.trace(&format!("trace.{number}"), 2)).collect();
    for (limit, status, part) in [("-Sn 100", 0, ""), ("-n 100", 1, "the hard limit of open files is 100")] {
        let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
        let program = env!("CARGO_BIN_EXE_strace2pcap");
        let run = Command::new("bash").args(["-c", &script, program]).arg(&output).args(&traces).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(status), "{said}");
        assert!(said.contains(part) && said.is_empty() == part.is_empty(), "{said}");
        assert_eq!(size(&output), HEADER + 600 * RECORD);
    }
}
