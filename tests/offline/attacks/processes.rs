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
    attack("close_range", USUAL, |text, n| {
        sockets(text, n, "SOCK_STREAM");
        (0..n).for_each(|_| text.line(100, format_args!("close_range(5, 6, 0) = 0")));
    }),
    attack("superseded", USUAL, |text, n| {
        (0..n).for_each(|i| write(text, 1000 + i, 3));
        (0..n).for_each(|i| text.line(1, format_args!("+++ superseded by execve in pid {} +++", 5_000_000 + i)));
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
