//! The tests that need nothing but this program; what a few of them ask of Wireshark or a shell is passed over where it is
//! missing. `cargo test --test offline cases` runs those of one file. A new file is a module here.
//!
//! All run on Linux. What asks /proc, runs scripts and tools of GNU, or makes a terminal is left out elsewhere, and what
//! sends signals or makes FIFOs is left out on Windows.

#[path = "../common/mod.rs"]
mod common;

#[cfg(debug_assertions)]
mod attacks;
mod cases;
mod compressed;
mod conversations;
mod crowds;
mod days;
#[cfg(target_os = "linux")]
mod documents;
mod faults;
mod foreign;
mod fuzzed;
mod keys;
mod laws;
mod lua;
#[cfg(target_os = "linux")]
mod many_connections;
#[cfg(target_os = "linux")]
mod mistakes;
mod packages;
mod reader;
mod recorded;
mod report;
#[cfg(target_os = "linux")]
mod terminal;
mod tidy;
#[cfg(target_os = "linux")]
mod tools;
mod vectors;
mod versions;
mod waits;
mod wireshark;
