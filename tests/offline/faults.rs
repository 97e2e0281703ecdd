//! What happens when things go wrong around the program: closed pipes, mistakes, ends that come at once. Real processes.
//! Signals and FIFOs are of UNIX, full disks and limits are tried on Linux: `faults/unix.rs` and `faults/linux.rs`, which other
//! systems leave out.
//!
//! The traces are lines of one TCP connection, each of which the syscall view turns into one record of 76 bytes behind
//! the 24 bytes of pcap's header, so that the size of the output says how much is there.

#[cfg(target_os = "linux")]
mod linux;
mod process;
#[cfg(unix)]
mod unix;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use process::{Directory, HEADER, LINE, MOMENT, RECORD, Run, records_in, size, until, until_records, whole_records_in};

/// The beginning of a capture, which is enough to be taken for one.
const CAPTURE: &[u8] = &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];

#[test]
fn a_line_on_a_pipe_is_a_packet_at_once() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    let mut input = run.input();
    until_records(&output, 0);
    for records in 1..=3 {
        input.write_all(LINE).unwrap();
        until_records(&output, records);
    }
    let sent = Instant::now();
    input.write_all(LINE).unwrap();
    until_records(&output, 4);
    assert!(sent.elapsed() < Duration::from_secs(1));
    drop(input);
    assert_eq!(run.ended().code(), Some(0));
    assert_eq!(records_in(&fs::read(&output).unwrap()), 4);
}

#[test]
fn half_a_line_does_not_hold_up_the_one_before() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    let mut input = run.input();
    let (half, other_half) = LINE.split_at(40);
    input.write_all(&[LINE, half].concat()).unwrap();
    until_records(&output, 1);
    input.write_all(other_half).unwrap();
    until_records(&output, 2);
    // And a line of several reads, as strace writes one with a large payload.
    let long = [&LINE[..67], &b"\\x41".repeat(15_000)[..], b"\", 15000) = 15000\n"].concat();
    for piece in long.chunks(10_000) {
        input.write_all(piece).unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    until("the long line is written", || size(&output) > HEADER + 2 * RECORD);
    drop(input);
    assert_eq!(run.ended().code(), Some(0));
    assert_eq!(records_in(&fs::read(&output).unwrap()), 3);
}

#[test]
fn the_last_line_needs_no_newline() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    run.input().write_all(&LINE[..LINE.len() - 1]).unwrap();
    assert_eq!(run.ended().code(), Some(0));
    assert_eq!(size(&output), HEADER + RECORD);
}

#[test]
fn a_compressed_pipe_is_as_live_as_its_compressor() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    let mut encoder = flate2::write::GzEncoder::new(run.input(), flate2::Compression::fast());
    for records in 1..=3 {
        encoder.write_all(LINE).unwrap();
        encoder.flush().unwrap();
        until_records(&output, records);
    }
    drop(encoder.finish().unwrap());
    assert_eq!(run.told(), (Some(0), String::new()));
}

#[test]
fn nothing_in_gives_a_capture_without_packets() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let (code, said) = Run::start(&output, |command| command).told();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing was read"), "{said}");
    assert_eq!(size(&output), HEADER);
}

#[test]
fn a_capture_of_before_is_replaced_by_the_first_line_of_straces() {
    let directory = Directory::new();
    let (output, link) = (directory.file("out.pcap"), directory.file("link.pcap"));
    assert_eq!(Run::start(&output, |command| command.arg(directory.trace("trace", 9))).told().0, Some(0));
    fs::hard_link(&output, &link).unwrap();
    let before = fs::read(&output).unwrap();
    let mut run = Run::start(&output, |command| command);
    let mut input = run.input();
    for text in ["\n", "the program's own text\n", "8333 malloc(10)   = 0x169af2a0\n"] {
        input.write_all(text.as_bytes()).unwrap();
        thread::sleep(MOMENT);
        assert_eq!(fs::read(&output).unwrap(), before, "after {text:?}");
    }
    input.write_all(&LINE.repeat(16)).unwrap();
    until_records(&output, 16);
    drop(input);
    assert_eq!(run.ended().code(), Some(0));
    assert_eq!(fs::read(&output).unwrap(), fs::read(&link).unwrap(), "it is the same file, cut and written anew");
}

#[test]
fn two_runs_never_write_one_file() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut first = Run::start(&output, |command| command);
    let mut input = first.input();
    input.write_all(LINE).unwrap();
    until_records(&output, 1);
    let (code, said) = Run::start(&output, |command| command.arg(directory.trace("trace", 5))).told();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("another run is writing"), "{said}");
    input.write_all(LINE).unwrap();
    drop(input);
    assert_eq!(first.told(), (Some(0), String::new()));
    assert_eq!(records_in(&fs::read(&output).unwrap()), 2);
}

#[test]
#[cfg_attr(windows, ignore = "whether a file can be removed while it is open depends on the Windows")]
fn an_output_that_was_removed_meanwhile_is_told() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    let mut input = run.input();
    input.write_all(LINE).unwrap();
    until_records(&output, 1);
    fs::remove_file(&output).unwrap();
    drop(input);
    let (code, said) = run.told();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("out.pcap was removed while it was written"), "{said}");
}

#[test]
fn an_empty_file_is_a_mistake_that_costs_nothing() {
    let directory = Directory::new();
    let (output, trace) = (directory.file("out.pcap"), directory.file("trace.log"));
    fs::write(&output, CAPTURE).unwrap();
    fs::write(&trace, "").unwrap();
    let (code, said) = Run::start(&output, |command| command.arg(&trace)).told();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("trace.log is empty"), "{said}");
    assert_eq!(fs::read(&output).unwrap(), CAPTURE);
}

#[test]
fn what_is_no_trace_is_told_while_it_goes_on() {
    let perf = "     0.052 ( 0.020 ms): true/1665 brk()  = 0x563072350000\n".repeat(3);
    for (bytes, part) in
        [(&b"BZh91AY&SY"[..], "bzip2"), (b"\x1f\x8b\x08\xff\0\0\0\0\0\0", "gzip"), (perf.as_bytes(), "perf")]
    {
        let directory = Directory::new();
        let mut run = Run::start(directory.file("out.pcap"), |command| command);
        let mut input = run.input();
        input.write_all(bytes).unwrap();
        let mut first = [0; 1];
        let mut stderr = run.0.stderr.take().unwrap();
        stderr.read_exact(&mut first).unwrap();
        for _ in 0..100 {
            input.write_all(&LINE.repeat(1000)).unwrap();
        }
        assert!(run.is_running(), "it goes on reading while somebody may write");
        drop(input);
        assert_eq!(run.ended().code(), Some(1));
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert!(said.contains(part) && said.lines().count() == 1 && said.contains("Ctrl-C ends it"), "{said}");
    }
}

#[test]
fn who_writes_to_us_is_not_told_that_our_reader_is_gone() {
    let mut run = Run::start("-", |command| command.args(["--format", "pcap"]).stdout(Stdio::piped()));
    let mut input = run.input();
    let mut capture = run.0.stdout.take().unwrap();
    input.write_all(LINE).unwrap();
    let mut first = [0; 100];
    capture.read_exact(&mut first).unwrap();
    assert_eq!(records_in(&first), 1);
    drop(capture);
    for _ in 0..100 {
        input.write_all(&LINE.repeat(1000)).unwrap();
    }
    thread::sleep(MOMENT);
    assert!(run.is_running(), "it goes on reading while somebody may write");
    input.write_all(LINE).unwrap();
    drop(input);
    let (code, said) = run.told();
    assert_eq!(code, Some(0));
    assert!(said.contains("nobody reads the output any more") && said.contains("Ctrl-C ends it"), "{said}");
}

#[test]
fn a_command_line_that_makes_no_sense_does_not_close_the_pipe() {
    for (words, reads) in
        [("--view top out.pcap", true), ("", true), ("-o x -", true), ("--no-such x y", false), ("--help", false)]
    {
        let mut command = process::command();
        command.args(words.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut run = Run(command.spawn().unwrap());
        let mut input = run.input();
        thread::sleep(MOMENT);
        let written = (0..100).all(|_| input.write_all(&LINE.repeat(1000)).is_ok());
        assert_eq!(written, reads, "{words}");
        drop(input);
        let (code, said) = run.told();
        assert_eq!(code, Some(if words == "--help" { 0 } else { 2 }), "{said}");
        assert_eq!(said.contains("Ctrl-C ends it"), reads, "{said}");
    }
}

#[test]
fn a_file_is_not_read_on_when_the_reader_is_gone() {
    let directory = Directory::new();
    let trace = directory.trace("trace", 100_000);
    let mut run = Run::start("-", |command| command.arg(&trace).stdout(Stdio::piped()));
    drop(run.0.stdout.take());
    assert_eq!(run.told(), (Some(0), String::new()));
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let directory = Directory::new();
    let missing = directory.file("no-such-directory/out.pcap");
    for output in [missing.as_path(), directory.0.as_path(), Path::new("/proc/out.pcap")] {
        let (code, said) = Run::start(output, |command| command).told();
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.starts_with("strace2pcap: error: cannot write ") && said.contains(output.to_str().unwrap()),
            "{said}"
        );
    }
}

#[test]
fn a_trace_that_cannot_be_read_leaves_the_output_untouched() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    fs::write(&output, CAPTURE).unwrap();
    for (trace, expected) in [(directory.file("no-such\x1b[31m-trace"), 1), (directory.0.clone(), 2)] {
        let (code, said) = Run::start(&output, |command| command.arg(&trace)).told();
        assert_eq!(code, Some(expected), "{said}");
        assert!(said.contains(directory.0.to_str().unwrap()), "{said}");
        assert!(!said.contains('\x1b'), "what a terminal would obey is escaped");
        assert_eq!(fs::read(&output).unwrap(), CAPTURE);
    }
}

#[test]
fn the_output_is_never_an_input() {
    let directory = Directory::new();
    let trace = directory.trace("trace", 10);
    let link = directory.file("link");
    process::link(&trace, &link);
    let other = directory.trace("other", 1);
    let as_argument = Run::start(&link, |command| command.arg("--force").args([&other, &trace])).told();
    let as_stdin = Run::start(&link, |command| command.arg("--force").stdin(File::open(&trace).unwrap())).told();
    let appending = File::options().append(true).open(&trace).unwrap();
    let as_stdout = Run::start("-", |command| command.arg(&trace).stdout(appending)).told();
    for (code, said) in [as_argument, as_stdin, as_stdout] {
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("both the output and a trace"), "{said}");
    }
    assert_eq!(fs::read(&trace).unwrap(), LINE.repeat(10));
}

#[test]
fn arguments_the_wrong_way_round_cost_no_trace() {
    let directory = Directory::new();
    let (trace, capture) = (directory.trace("trace", 3), directory.file("old.pcap"));
    fs::write(&capture, CAPTURE).unwrap();
    let (code, said) = Run::start(&trace, |command| command.arg(&capture)).told();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("OUTPUT comes first"), "{said}");
    assert_eq!(fs::read(&trace).unwrap(), LINE.repeat(3));
}

#[test]
fn a_mistyped_command_touches_nothing() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    fs::write(&output, "kept").unwrap();
    for wrong in ["--seed-grpc", "--no-such-option", "--view=top"] {
        let (code, said) = Run::start(&output, |command| command.arg(wrong)).told();
        assert_eq!(code, Some(2), "{said}");
        assert_eq!(fs::read(&output).unwrap(), b"kept", "{wrong}");
    }
}

#[test]
fn killed_at_any_moment_it_leaves_a_readable_file() {
    for milliseconds in [1, 5, 20, 60] {
        let directory = Directory::new();
        let output = directory.file("out.pcap");
        let mut run = Run::start(&output, |command| command);
        let mut input = run.input();
        let writer = thread::spawn(move || while input.write_all(&LINE.repeat(500)).is_ok() {});
        until("something is written", || size(&output) > HEADER);
        thread::sleep(Duration::from_millis(milliseconds));
        run.kill();
        writer.join().unwrap();
        // Linux may stop between two pages of one write, so the last record alone may be cut.
        let (records, rest) = whole_records_in(&fs::read(&output).unwrap());
        assert!(records > 0 && (rest as u64) < RECORD, "{records}, {rest}");
    }
}

#[test]
fn killed_while_it_waits_it_leaves_whole_records() {
    let directory = Directory::new();
    let output = directory.file("out.pcap");
    let mut run = Run::start(&output, |command| command);
    let mut input = run.input();
    input.write_all(&LINE.repeat(777)).unwrap();
    until_records(&output, 777);
    run.kill();
    assert_eq!(records_in(&fs::read(&output).unwrap()), 777);
}

#[test]
fn quiet_says_nothing_and_verbose_says_what_was_done() {
    let directory = Directory::new();
    let (trace, output) = (directory.trace("trace", 7), directory.file("out.pcap"));
    let said = |flag: &str| Run::start(&output, |command| command.arg(flag).arg(&trace)).told();
    assert_eq!(said("-q"), (Some(0), String::new()));
    let (code, text) = said("-v");
    assert_eq!(code, Some(0));
    assert!(text.starts_with("strace2pcap: ") && text.contains("7 lines") && text.contains("7 packets"), "{text}");
}
