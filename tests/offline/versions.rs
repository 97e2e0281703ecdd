//! The same program as eight straces write it, from 4.10 to 7.2: the same packets.
//!
//! `tests/samples` holds the logs. Between them lie named fields, the comma's move behind `<unfinished ...>`, socket
//! details with and without brackets and peers, octal and hexadecimal escapes, and the order of sockaddr fields.

use crate::common::program::convert;
use crate::common::render;
use std::fs;
use std::path::{Path, PathBuf};

const VERSIONS: [&str; 8] = ["4.10", "4.13", "4.26", "5.0", "5.15", "6.1", "6.16", "7.2"];

/// What the program sent and received, in the order in which its calls returned.
const PAYLOADS: [&[u8]; 18] = [
    b"hello",
    b"abc\0def",
    b"\x001\x008\0a\x01\x017\x7f5\xff\xff0",
    b"quick",
    b"zz\n\r\t\"\\",
    b"onethree",
    b"onethree",
    b"m1m2",
    b"r1r2",
    b"datagram",
    b"reply",
    b"a1",
    b"b22",
    b"c1",
    b"d22",
    b"six",
    b"unix ask",
    b"unix answer",
];

fn sample(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/strace-{version}.strace"))
}

/// The packets of a sample, one line each.
fn lines(version: &str, view: &str) -> Vec<String> {
    let trace = fs::read(sample(version)).expect("the sample is there");
    let outcome = convert(&["--capture-unix-socket", "--view", view], &trace);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{version}");
    outcome.packets().iter().map(render::packet_line).collect()
}

#[test]
fn each_version_gives_the_payloads_of_the_program() {
    for version in VERSIONS {
        let trace = fs::read(sample(version)).expect("the sample is there");
        let packets = convert(&["--capture-unix-socket"], &trace).packets();
        let found: Vec<String> = packets
            .iter()
            .filter(|packet| !packet.payload.is_empty())
            .map(|packet| render::payload(&packet.payload))
            .collect();
        let expected: Vec<String> = PAYLOADS.iter().map(|bytes| render::payload(bytes)).collect();
        assert_eq!(found, expected, "strace {version}");
    }
}

#[test]
fn each_version_gives_the_packets_of_the_last() {
    for view in ["syscall", "wire"] {
        let expected = lines("7.2", view);
        for version in VERSIONS {
            assert_eq!(lines(version, view), expected, "strace {version}, {view} view");
        }
    }
}

#[test]
fn no_sample_is_left_out() {
    let folder = sample("7.2");
    let folder = folder.parent().expect("it lies in a folder");
    let count = fs::read_dir(folder).expect("the folder is there").count();
    assert_eq!(count, VERSIONS.len());
}
