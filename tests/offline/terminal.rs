//! What is said on a terminal, which tests make on UNIX alone.

use crate::common::program::{Folder, convert};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

const GOOD: &str = "100 1700000000.000001 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n";

/// What the program says on a terminal, with its trace on a pipe.
fn said_on_a_terminal(folder: &Path, arguments: &[&str], trace: &str) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is ours");
    let name = ptsname(&master, Vec::new()).expect("it has a name");
    let name = OsStr::from_bytes(name.as_bytes());
    let terminal = File::options().read(true).write(true).open(name).expect("it can be opened");
    fs::write(folder.join("in"), trace).expect("it can be written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_strace2pcap"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .stdin(File::open(folder.join("in")).expect("it was written"))
        .stdout(Stdio::piped())
        .stderr(terminal)
        .spawn()
        .expect("the program starts");
    let mut capture = Vec::new();
    child.stdout.take().expect("it was asked for").read_to_end(&mut capture).expect("it can be read");
    child.wait().expect("the program ends");
    // The terminal has no other end any more: reading it ends with an error behind what was said.
    let mut said = Vec::new();
    let _ = File::from(master).read_to_end(&mut said);
    String::from_utf8(said).expect("it is text").replace("\r\n", "\n")
}

#[test]
fn a_person_is_told_at_the_end_what_was_written_and_nobody_else() {
    let folder = Folder::new();
    let udp = "100 1700000000.000002 sendto(4<UDP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1, 0, NULL, 0) = 1\n";
    let trace = format!("{GOOD}{GOOD}{udp}");
    let said = |arguments: &[&str], trace: &str| said_on_a_terminal(folder.path(), arguments, trace);
    let line = said(&["out \u{1b}x.pcap"], &trace);
    let bytes = fs::metadata(folder.path().join("out \u{1b}x.pcap")).expect("it is there").len();
    let expected = format!("strace2pcap: 3 packets of 2 conversations, {bytes} bytes, written to out \\x1bx.pcap\n");
    assert_eq!(line, expected);
    let line = said(&["-"], GOOD);
    assert!(line.contains("1 packet of 1 conversation, ") && line.ends_with("written to standard output\n"), "{line}");
    assert_eq!(said(&["-q", "out.pcap"], &trace), "");
    assert!(said(&["--report=json", "out.pcap"], &trace).starts_with('{'));
    assert!(!said(&["out.pcap"], "hello\n").contains("written to"), "an error says it");
    assert_eq!(convert(&[], trace.as_bytes()).stderr, "");
}
