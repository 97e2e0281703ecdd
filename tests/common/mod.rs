//! What the tests share: running the program, reading its captures back, printing a packet as one line.
//!
//! The reader is deliberately none of the program's own code: `pcap-file` reads the file, `etherparse` the packets, so
//! that a mistake in `src/wire` or `src/capture` cannot hide behind the same mistake here.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod capture;
pub mod cases;
pub mod code;
pub mod escape;
pub mod laws;
pub mod packet;
pub mod program;
pub mod render;
pub mod traffic;
