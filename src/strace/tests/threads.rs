//! Whose line it is: on stderr without numbers as long as one thread is traced, and when a thread executes a program.

use super::*;
use crate::event::Tid;

#[test]
fn the_first_thread_gets_its_number() {
    let trace = "\
dup(3) = 4
clone(child_stack=NULL, flags=SIGCHLDstrace: Process 8 attached
, child_tidptr=0x7fbbcc1a8a10) = 8
[pid     8] dup(3) = 5
[pid     7] dup(3) = 6
[pid     8] +++ exited with 0 +++
dup(3) = 7";
    check(
        trace,
        &[
            "0 dup 3 = 4",
            "0 cloned 8 files false thread false",
            "8 dup 3 = 5",
            "7 superseded by 0",
            "7 dup 3 = 6",
            "8 ended",
            "7 dup 3 = 7",
        ],
    );
}

#[test]
fn its_open_call_goes_with_it() {
    let trace = "\
vfork(/usr/bin/strace: Process 8 attached
\x20<unfinished ...>
[pid     8] execve(\"a\", [], 0x1 /* 1 var */ <unfinished ...>
[pid     7] <... vfork resumed>) = 8
[pid     8] <... execve resumed>) = 0";
    check(
        trace,
        &[
            "0 clone begun files false thread false",
            "7 superseded by 0",
            "7 cloned 8 files false thread false",
            "8 executed a",
        ],
    );
}

#[test]
fn a_child_seen_before_its_number_is_known() {
    let trace = "\
clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
[pid     8] dup(3) = 5
[pid     7] <... clone resumed>, child_tidptr=0x7) = 8
[pid     8] dup(3) = 6";
    check(
        trace,
        &[
            "0 clone begun files false thread false",
            "8 dup 3 = 5",
            "7 superseded by 0",
            "7 cloned 8 files false thread false",
            "8 dup 3 = 6",
        ],
    );
}

#[test]
fn a_grandchild_is_not_the_first() {
    let trace = "\
clone(child_stack=NULL, flags=SIGCHLD, child_tidptr=0x7) = 8
[pid     8] clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
[pid     9] dup(3) = 5
[pid     7] <... wait4 resumed>, 0, NULL) = 8";
    let (events, _) = read(trace.lines(), TraceOptions::default());
    let superseded: Vec<_> = events.iter().filter(|event| event.contains("superseded")).collect();
    assert_eq!(superseded, ["7 superseded by 0"]);
}

#[test]
fn attached_to_one_that_runs() {
    check("strace: Process 7 attached\ndup(3) = 4", &["7 dup 3 = 4"]);
    let two = "strace: Process 7 attached with 2 threads\n[pid     9] dup(3) = 4\n[pid     7] dup(3) = 5";
    check(two, &["9 dup 3 = 4", "7 dup 3 = 5"]);
    let older = "Process 7 attached\n[pid     7] +++ exited with 0 +++\ndup(3) = 4";
    check(older, &["7 ended", "0 dup 3 = 4"]);
}

/// `-qq` leaves the `+++` lines out.
#[test]
fn a_process_that_ends_without_saying_so() {
    let trace = "\
fork() = 8
[pid     7] dup(3) = 4
[pid     8] exit_group(0) = ?
dup(3) = 5
fork() = 9
[pid     7] fork() = 10
[pid     9] exit_group(0 <unfinished ...>
[pid    10] exit_group(0) = ?
[pid     9] <... exit_group resumed>) = ?
dup(3) = 6";
    let (events, _) = read(trace.lines(), TraceOptions::default());
    let dups: Vec<_> = events.iter().filter(|event| event.contains("dup")).collect();
    assert_eq!(dups, ["7 dup 3 = 4", "7 dup 3 = 5", "7 dup 3 = 6"]);
}

#[test]
fn the_last_one_ends_before_another_is_seen() {
    let trace = "dup(3) = 4\n+++ killed by SIGSEGV +++\n[pid     8] dup(3) = 5";
    check(trace, &["0 dup 3 = 4", "0 ended", "8 dup 3 = 5"]);
}

#[test]
fn every_line_of_a_file_of_its_own() {
    let options = TraceOptions { tid: Some(Tid(9)), ..TraceOptions::default() };
    let lines = ["clone(flags=SIGCHLD) = 10", "dup(3) = 4", "+++ exited with 0 +++"];
    let (events, _) = read(lines, options);
    assert_eq!(events, ["9 cloned 10 files false thread false", "9 dup 3 = 4", "9 ended"]);
}

#[test]
fn a_thread_that_executes_becomes_the_leader() {
    let expected = ["3 superseded by 5", "3 executed /bin/echo", "3 dup 3 = 4"];
    let last = "3 <... execve resumed>) = 0\n3 dup(3) = 4";
    for begin in ["<pid changed to 3 ...>", "<unfinished ...>"] {
        let begin = format!("5 execve(\"/bin/echo\", [\"echo\", \"hi\"], 0x7 /* 35 vars */ {begin}");
        let died = "3 pause( <unfinished ...>\n3 <... pause resumed>) = ?";
        check(&format!("{begin}\n{died}\n3 +++ superseded by execve in pid 5 +++\n{last}"), &expected);
        // -qqq leaves the middle line out
        check(&format!("{begin}\n{died}\n{last}"), &expected);
    }
}

#[test]
fn other_lines() {
    check_skip("5 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=6} ---", Skip::Signal);
    check_skip("5 --- stopped by SIGSTOP ---", Skip::Signal);
    check_skip("strace: [ Process PID=6 runs in 64 bit mode. ]", Skip::Message);
    check_skip("[ Process PID=29657 runs in 32 bit mode. ]", Skip::Message);
    check_skip("strace: |head -5: Broken pipe", Skip::Message);
    check_skip(" > /usr/lib/x86_64-linux-gnu/libc.so.6(__sendmmsg+0x13) [0x10b0c3]", Skip::Stack);
    check_skip("5 syscall_0x1c1(0x7ffd, 0x58, 0, 0, 0, 0) = 0x4bc8", Skip::UnknownCall);
    check_skip("5 ????( <unfinished ...>", Skip::NotUsed);
    check_skip("", Skip::Blank);
    check_skip("5", Skip::NotStrace);
    check_skip("hello", Skip::NotStrace);
    check("5 +++ killed by SIGSEGV (core dumped) +++\r", &["5 ended"]);
    check("\0\0\0\x005\tdup(3)\t= 4", &["5 dup 3 = 4"]);
}

#[test]
fn colour_is_taken_off() {
    let line = "\x1b[32m5\x1b[0m \x1b[1;34mdup\x1b[0m(\x1b[31m3\x1b[m) = \x1b[1m4\x1b[0m\x1b[0m";
    check(line, &["5 dup 3 = 4"]);
    let broken = "\x1b[1;34mvfork\x1b[0m(strace: Process 4 attached\n\x1b[0m) = \x1b[1m4\x1b[0m";
    check(broken, &["0 cloned 4 files false thread false"]);
}

/// Nothing in other text is taken for a call of the table.
#[test]
fn text_that_is_no_trace() {
    let ltrace = "puts(\"hello\") = 6\n+++ exited (status 0) +++";
    let perf = "     0.000 ( 0.010 ms): cat/1234 read(fd: 3, buf: 0x7f, count: 832) = 832";
    let gzip = "\x1f\u{8b}\x08\0\0\0\0\0\0\x03";
    let pcap = "\u{d4}\u{c3}\u{b2}\u{a1}\x02\0\x04\0";
    for text in [perf, gzip, pcap, "<?xml version=\"1.0\"?>", "(gdb) run"] {
        let (events, counts) = read(text.lines(), TraceOptions::default());
        assert_eq!((events.len(), counts.used, counts.skipped(Skip::NotStrace).count), (0, 0, 1), "{text}");
    }
    let (events, counts) = read(ltrace.lines(), TraceOptions::default());
    assert_eq!((events, counts.skipped(Skip::NotUsed).count), (vec!["0 ended".to_string()], 1));
}
