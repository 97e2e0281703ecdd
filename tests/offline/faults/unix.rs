//! Faults of UNIX: signals, FIFOs, descriptors that do not block or are closed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use super::process::{Directory, HEADER, LINE, MOMENT, RECORD, Run, records_in, size, until_records};

#[test]
fn an_output_that_does_not_block_is_waited_for() {
    let directory = Directory::new();
    let trace = directory.trace("trace", 10_000);
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    let mut run = Run::start("-", |command| {
        command.args(["--format", "pcap"]).arg(&trace).stdout(std::os::fd::OwnedFd::from(writer))
    });
    thread::sleep(MOMENT); // The pipe is full by now.
    let mut capture = Vec::new();
    reader.read_to_end(&mut capture).unwrap();
    assert_eq!(run.told(), (Some(0), String::new()));
    assert_eq!(records_in(&capture), 10_000);
}

#[test]
fn a_standard_output_that_is_closed_is_told() {
    let directory = Directory::new();
    let trace = directory.trace("trace", 1);
    let said = |redirection: &str| {
        let script = format!("exec \"$0\" - \"$1\" {redirection}");
        let run = Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_strace2pcap")]).arg(&trace).output();
        String::from_utf8(run.unwrap().stderr).unwrap()
    };
    assert!(said(">&-").contains("standard output is closed"), "{}", said(">&-"));
    assert_eq!(said("> /dev/null"), "");
}

#[test]
fn the_first_ctrl_c_is_the_traced_programs_the_second_ours() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    let mut input = run.input();
    input.write_all(LINE).unwrap();
    until_records(&output, 1);
    run.signal("INT");
    thread::sleep(MOMENT);
    assert!(run.is_running());
    input.write_all(LINE).unwrap();
    until_records(&output, 2);
    run.signal("INT");
    assert_eq!(run.told(), (Some(0), String::new()));
    assert_eq!(records_in(&fs::read(&output).unwrap()), 2);
}

#[test]
fn a_first_ctrl_c_and_the_end_of_the_input_lose_nothing() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    let mut input = run.input();
    until_records(&output, 0);
    run.signal("INT");
    input.write_all(&LINE.repeat(1000)).unwrap();
    drop(input);
    assert_eq!(run.told(), (Some(0), String::new()));
    assert_eq!(size(&output), HEADER + 1000 * RECORD);
}

#[test]
fn term_and_hup_end_it_with_everything_written() {
    for signal in ["TERM", "HUP"] {
        let directory = Directory::new();
        let output = directory.file("out.pcap");
        let mut run = Run::start(&output, |command| command);
        let mut input = run.input();
        input.write_all(&[LINE, LINE, &LINE[..30]].concat()).unwrap();
        until_records(&output, 2);
        run.signal(signal);
        assert_eq!(run.told(), (Some(0), String::new()), "{signal}");
        assert_eq!(size(&output), HEADER + 2 * RECORD);
    }
}

#[test]
fn a_second_term_ends_it_even_when_nobody_reads() {
    let directory = Directory::new();
    let mut run = Run::start("-", |command| {
        command.args(["--format", "pcap"]).arg(directory.trace("trace", 100_000)).stdout(Stdio::piped())
    });
    let _never_read = run.0.stdout.take().unwrap();
    thread::sleep(MOMENT); // The pipe is full by now.
    run.signal("TERM");
    thread::sleep(MOMENT);
    run.signal("TERM");
    assert_eq!(run.ended().code(), Some(1));
}

#[test]
fn a_fifo_is_an_output() {
    let directory = Directory::new();
    let fifo = directory.fifo("out");
    let mut run = Run::start(&fifo, |command| command);
    let mut input = run.input();
    let mut reader = File::open(&fifo).unwrap();
    input.write_all(LINE).unwrap();
    let mut start = [0; 100];
    reader.read_exact(&mut start).unwrap();
    assert_eq!(records_in(&start), 1);
    input.write_all(LINE).unwrap();
    drop(input);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len() as u64, RECORD);
    assert_eq!(run.told(), (Some(0), String::new()));
}

#[test]
fn a_fifo_is_an_input() {
    let directory = Directory::new();
    let (fifo, output) = (directory.fifo("in"), directory.file("out.pcap"));
    let mut run = Run::start(&output, |command| command.arg(&fifo).stdin(Stdio::null()));
    let mut writer = File::options().write(true).open(&fifo).unwrap();
    writer.write_all(LINE).unwrap();
    until_records(&output, 1);
    drop(writer);
    assert_eq!(run.told(), (Some(0), String::new()));
}

#[test]
fn a_signal_while_a_file_is_read_stops_at_a_whole_record() {
    for (signal, flags, status) in [("INT", &[][..], 1), ("TERM", &[], 1), ("TERM", &["--strict"], 3)] {
        stop_in_a_file(signal, flags, status);
    }
}

#[track_caller]
fn stop_in_a_file(signal: &str, flags: &[&str], status: i32) {
    let directory = Directory::new();
    let trace = directory.trace("trace", 100_000);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut run = Run::start("-", |command| {
        command.args(["--format", "pcap"]).args(flags).arg(&trace).stdout(std::os::fd::OwnedFd::from(writer))
    });
    let mut reader = reader;
    let mut capture = vec![0; 100];
    reader.read_exact(&mut capture).unwrap();
    run.signal(signal);
    thread::sleep(MOMENT); // It is blocked in writing, and the signal is known when it goes on.
    reader.read_to_end(&mut capture).unwrap();
    let (code, said) = run.told();
    assert_eq!(code, Some(status));
    assert!(said.contains(&format!("stopped by SIG{signal}")), "{said}");
    assert!((1..100_000).contains(&records_in(&capture)));
}

#[test]
fn it_stops_while_waiting_for_a_reader() {
    let directory = Directory::new();
    let fifo = directory.fifo("out");
    let mut run = Run::start(&fifo, |command| command);
    thread::sleep(MOMENT);
    run.signal("INT");
    run.ended();
}
