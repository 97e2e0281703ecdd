//! What the tests share: running the program, reading its captures back, printing a packet as one line.
//!
//! The reader is deliberately none of the program's own code, and none of the libraries it writes with: `pcap-parser`
//! reads the file, and packets are taken apart by hand, so that a mistake there cannot hide behind the same one here.

#![allow(dead_code, reason = "each crate of tests uses its own part")]

pub mod attached;
pub mod capture;
pub mod cases;
pub mod code;
pub mod crowd;
pub mod escape;
pub mod fuzzed;
pub mod laws;
pub mod needed;
pub mod packet;
pub mod program;
pub mod render;
pub mod traffic;
