//! Attacks by threads, processes and their descriptors: many of them, and ends that never come or come too often.

use super::{Attack, Text, USUAL, attack};

/// All of them.
pub(super) const ATTACKS: &[Attack] = &[
    attack("many_tcp_noy_reverse", USUAL, |text, n| {
        connect_blind(text, n);
        (0..n).rev().for_each(|i| text.line(100, format_args!("close({}) = 0", i + 3)));
    }),
    attack("many_tcp_noy_fifo", USUAL, |text, n| {
        connect_blind(text, n);
        (0..n).for_each(|i| text.line(100, format_args!("close({}) = 0", i + 3)));
    }),
    attack("exit_group_noexit", USUAL, |text, n| {
        for i in 0..n {
            text.line(1000 + i, format_args!("getpid() = 1"));
            write(text, 1000 + i, 3);
            text.line(1000 + i, format_args!("exit_group(0) = ?"));
        }
    }),
    attack("exec_same_noexit", USUAL, |text, n| {
        (0..n).for_each(|i| write(text, 1000 + i, 3));
        (0..n).for_each(|_| text.line(1, format_args!("{EXEC}")));
    }),
    attack("exec_fds", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        (0..n).for_each(|_| text.line(100, format_args!("{EXEC}")));
    }),
    attack("fork_fds", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        (0..n).for_each(|_| child(text, None));
    }),
    attack("exec_one_fd", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        for _ in 0..n {
            text.line(100, format_args!("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = 5"));
            text.line(100, format_args!("{EXEC}"));
        }
    }),
    attack("fork_fds_change", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        (0..n).for_each(|_| child(text, Some("close(1000) = 0")));
    }),
    attack("fork_fds_close_range", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        (0..n).for_each(|_| child(text, Some("close_range(3, 4294967295, 0) = 0")));
    }),
    attack("fork_fds_exec", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM|SOCK_CLOEXEC");
        (0..n).for_each(|_| child(text, Some(EXEC)));
    }),
    attack("close_range", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        (0..n).for_each(|_| text.line(100, format_args!("close_range(5, 6, 0) = 0")));
    }),
    attack("superseded", USUAL, |text, n| {
        (0..n).for_each(|i| write(text, 1000 + i, 3));
        (0..n).for_each(|i| text.line(1, format_args!("+++ superseded by execve in pid {} +++", 5_000_000 + i)));
    }),
    attack("superseded_while_reading", USUAL, |text, n| {
        (0..n).for_each(|i| text.line(1000 + i, format_args!("read(3<TCP:[1]>,  <unfinished ...>")));
        (0..n).for_each(|i| text.line(1, format_args!("+++ superseded by execve in pid {} +++", 1000 + i)));
    }),
    attack("exec_resumed", USUAL, |text, n| {
        (0..n).for_each(|i| text.line(1000 + i, format_args!("execve(\"/x\", [\"x\"], 0x7ff <unfinished ...>")));
        (0..n).for_each(|_| text.line(1, format_args!("<... execve resumed>) = 0")));
    }),
    attack("exec_resumed_among_reads", USUAL, |text, n| {
        (0..n).for_each(|i| text.line(1000 + i, format_args!("read(3,  <unfinished ...>")));
        for _ in 0..n {
            text.line(1, format_args!("execve(\"/x\", [\"x\"], 0x7ff <unfinished ...>"));
            text.line(1, format_args!("+++ superseded by execve in pid 7 +++"));
            text.line(1, format_args!("<... execve resumed>) = 0"));
        }
    }),
    attack("exec_noexit", USUAL, |text, n| {
        for i in 0..n {
            text.line(1, format_args!("clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = {}", 1000 + i));
            text.line(1000 + i, format_args!("{EXEC}"));
        }
    }),
    attack("clones_under_way", 2000, |text, n| {
        (0..n).for_each(|i| text.line(10 + i, format_args!("clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>")));
        for i in 0..n {
            write(text, 100_000 + i % 7, 3);
            text.line(100_000 + i % 7, format_args!("+++ exited with 0 +++"));
        }
    }),
    attack("clones_under_way_and_first_lines", USUAL, |text, n| {
        text.plain(format_args!("1700000000.000001 read(3, \"x\", 1) = 1"));
        text.plain(format_args!("strace: Process 100 attached"));
        text.plain(format_args!("[pid 100] 1700000000.000002 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>"));
        for i in 0..n {
            text.plain(format_args!("[pid {}] 1700000000.000003 read(3,  <unfinished ...>", 1000 + i));
        }
    }),
    attack("all_ended_but_one", 2000, |text, n| {
        text.plain(format_args!("1700000000.000001 read(3, \"x\", 1) = 1"));
        for what in ["getpid() = 1", "+++ exited with 0 +++"] {
            (1..n).for_each(|i| text.plain(format_args!("[pid {}] 1700000000.000002 {what}", 1000 + i)));
        }
        (0..n).for_each(|_| text.plain(format_args!("1700000000.000003 read(3, \"x\", 1) = 1")));
    }),
    attack("children_never_seen", 4000, |text, n| {
        (0..n).for_each(|i| text.line(1, format_args!("clone(child_stack=NULL, flags=SIGCHLD) = {}", 900_000 + i)));
        (0..n).for_each(|i| write(text, 1000 + i, 3));
    }),
    attack("unnumbered_closes", USUAL, |text, n| {
        let line = |text: &mut Text, body: &str| text.plain(format_args!("1700000000.000001 {body}"));
        (0..n).for_each(|i| line(text, &format!("socket(AF_INET, SOCK_STREAM, 0) = {}", i + 1000)));
        (0..16).for_each(|i| line(text, &format!("clone(child_stack=NULL, flags=SIGCHLD) = {}", 500_000 + i)));
        (0..n).for_each(|i| line(text, &format!("close({}) = 0", i + 1000)));
    }),
    attack("threads_with_long_names", 20, |text, n| {
        for i in 0..n {
            let (tid, name) = (1000 + i, "n".repeat(20_000));
            text.plain(format_args!("{tid}<{i}{name}> 1700000000.000001 read(3, \"x\", 1) = 1"));
        }
    }),
    attack("threads_of_one_descriptor", USUAL, |text, n| {
        (0..n).for_each(|i| write(text, 1000 + i, 255));
    }),
    attack("fork_fds_live", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        for i in 0..n {
            text.line(100, format_args!("clone(child_stack=NULL, flags=SIGCHLD) = {}", 5000 + i));
            text.line(5000 + i, format_args!("getpid() = 1"));
            write(text, 5000 + i, 3);
        }
    }),
    attack("pidfds", USUAL, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("pidfd_open({}, 0) = {}<anon_inode:[pidfd]>", i + 1, i + 3));
            text.line(100, format_args!("pidfd_getfd({}, 5, 0) = 9", i + 3));
        }
    }),
];

const EXEC: &str = "execve(\"/bin/true\", [\"true\"], 0x7ffc) = 0";

/// A byte on a TCP connection that was there before.
fn write(text: &mut Text, tid: usize, fd: usize) {
    text.line(tid, format_args!("write({fd}<TCP:[10.0.0.1:4000->10.0.0.2:80]>, \"x\", 1) = 1"));
}

/// Connections to one place, of which nothing else is known.
fn connect_blind(text: &mut Text, n: usize) {
    let address = "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.0.0.2\")}";
    for i in 0..n {
        text.line(100, format_args!("socket(AF_INET, SOCK_STREAM, 0) = {}", i + 3));
        text.line(100, format_args!("connect({}, {address}, 16) = 0", i + 3));
    }
}

/// Sockets that one process has open.
fn sockets(text: &mut Text, n: usize, kind: &str) {
    (0..n).for_each(|i| text.line(100, format_args!("socket(AF_INET, {kind}, 0) = {}", i + 1000)));
}

/// A child of that process, which perhaps calls something, and ends.
fn child(text: &mut Text, call: Option<&str>) {
    text.line(100, format_args!("clone(child_stack=NULL, flags=SIGCHLD) = 101"));
    if let Some(call) = call {
        text.line(101, format_args!("{call}"));
    }
    text.line(101, format_args!("+++ exited with 0 +++"));
}
