//! The tests that record real programs with strace and ask tcpdump and Wireshark; each says what it leaves out where a
//! program is missing. `cargo test --test live tcp` runs those of one file. strace is there on Linux alone, and so are these.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod compare;
mod likeness;
mod service;
mod support;
mod truth;

mod commands;
mod either;
mod matrix;
mod pipes;
mod ports;
mod recorder;
mod roles;
mod tcp;
mod unix;
