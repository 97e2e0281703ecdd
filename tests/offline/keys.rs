//! TLS keys that are given by name, and what is left out.

use crate::common::capture;
use crate::common::program::{Folder, run_in};
use std::fs;

const TRACE: &[u8] = b"1234 1700000000.000100 write(5<TCP:[10.1.2.3:4000->10.4.5.6:443]>, \"x\", 1) = 1 <0.000010>\n";

fn key() -> String {
    format!("CLIENT_RANDOM {} {}\n", "0a".repeat(32), "5a".repeat(48))
}

#[test]
fn a_key_log_that_is_given_stands_before_all_packets() {
    let folder = Folder::new();
    fs::write(folder.path().join("k.txt"), format!("# of yesterday\npassword\n{0}{0}", key())).expect("it is ours");
    let outcome = run_in(folder.path(), &["--keylog", "k.txt", "out.pcapng"], TRACE);
    let read = capture::read(&outcome.file).expect("it is a capture");
    let secrets: Vec<_> = read.notes.iter().filter(|note| note.starts_with("secrets")).collect();
    assert_eq!(secrets.len(), 1, "{:?}", read.notes);
    assert!(secrets[0].starts_with("secrets behind packet 0: CLIENT_RANDOM 0a0a"), "{secrets:?}");
    assert!(!outcome.file.windows(8).any(|bytes| bytes == b"password"), "nothing else of it is kept");
    assert!(outcome.stderr.contains("keys of 1 TLS session are in the capture"), "{}", outcome.stderr);
    assert!(read.notes[0].contains("editcap --discard-all-secrets"), "{}", read.notes[0]);
}

#[test]
fn a_classic_capture_is_read_with_the_file() {
    let folder = Folder::new();
    fs::write(folder.path().join("a key.txt"), key()).expect("it is ours");
    let plain = run_in(folder.path(), &["out.pcap"], TRACE);
    let outcome = run_in(folder.path(), &["--keylog", "a key.txt", "out.pcap"], TRACE);
    assert!(outcome.file == plain.file);
    assert!(outcome.stderr.contains("add -o tls.keylog_file:'a key.txt'"), "{}", outcome.stderr);
}

#[test]
fn a_key_log_that_is_not_there_costs_no_file() {
    let folder = Folder::new();
    fs::write(folder.path().join("out.pcapng"), b"\x0a\x0d\x0d\x0a").expect("it is ours");
    let outcome = run_in(folder.path(), &["--keylog", "nosuch", "out.pcapng"], TRACE);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("cannot read the TLS keys in nosuch"), "{}", outcome.stderr);
    assert_eq!(fs::read(folder.path().join("out.pcapng")).expect("it is there"), b"\x0a\x0d\x0d\x0a");
}
