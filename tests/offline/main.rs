//! The tests that need nothing but this program; what a few of them ask of Wireshark or a shell is passed over where it is
//! missing. `cargo test --test offline cases` runs those of one file. A new file is a module here.

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod compressed;
mod conversations;
mod crowds;
mod days;
mod faults;
mod foreign;
mod keys;
mod laws;
mod lua;
mod many_connections;
mod mistakes;
mod packages;
mod reader;
mod recorded;
mod report;
mod tidy;
mod tools;
mod vectors;
mod versions;
mod waits;
mod wireshark;
