//! A shell's pipes and a FIFO under real strace, with all details, with some and with none: one conversation a pipe, each
//! byte once, from the writer to the reader, and an end on both sides.

use crate::common::packet::Packet;
use crate::common::program::{Folder, run_in};
use crate::support::has;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use strace2pcap::inside::calls_to_trace;

const FIN: u8 = 1;
const SYN: u8 = 2;

const PIPES: &str = "printf hello | cat | wc -c";

/// Two who write to the FIFO, each after the other's bytes were read to their end.
const FIFO: &str = "mkfifo fifo && for each in 1 2; do printf hello > fifo & cat fifo > read; wait; done; wc -c < read";

const DETAILS: [&[&str]; 3] = [&["-yy", "-xx"], &["-y"], &[]];

/// What strace writes of a shell that runs `script`, under `options`.
fn trace(script: &str, options: &[&str], folder: &Path) -> Vec<u8> {
    let file = folder.join("trace.strace");
    // Into files: a pipe of the test's own would be a conversation as well.
    let told = folder.join("told");
    let status = Command::new("strace")
        .args(["-f", "-s", "1048576", "-ttt", "-T", "-e", &calls_to_trace(true)])
        .args(options)
        .arg("-o")
        .arg(&file)
        .args(["sh", "-c", script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&told).expect("the folder can be written"))
        .stderr(Stdio::null())
        .status()
        .expect("strace starts");
    assert!(status.success(), "{status}");
    let told = fs::read_to_string(told).expect("wc has written");
    assert_eq!(told.trim(), "5");
    fs::read(file).expect("strace has written its trace")
}

/// How many packets have `flag`, and all payload, of one direction of the `number`th conversation.
fn direction(packets: &[Packet], number: usize, from_client: bool, flag: u8) -> (usize, Vec<u8>) {
    let client = format!("10.0.0.{number}");
    let server = format!("10.0.1.{number}");
    let [source, target] = if from_client { [client, server] } else { [server, client] };
    let own: Vec<_> = packets
        .iter()
        .filter(|packet| packet.source.ip().to_string() == source)
        .filter(|packet| packet.target.ip().to_string() == target)
        .collect();
    let flags = own.iter().filter_map(|packet| packet.tcp());
    let count = flags.filter(|tcp| tcp.flags & flag != 0).count();
    let payload = own.iter().flat_map(|packet| packet.payload.clone());
    (count, payload.collect())
}

/// That there are two conversations, in each of which the client says hello and both ends finish.
fn check_two(packets: &[Packet], options: &[&str]) {
    for number in [1, 2] {
        let of = |from_client, flag| direction(packets, number, from_client, flag);
        for flag in [SYN, FIN] {
            assert_eq!(of(true, flag), (1, b"hello".to_vec()), "{options:?}");
            assert_eq!(of(false, flag), (1, Vec::new()), "{options:?}");
        }
    }
    let third = packets.iter().find(|packet| packet.source.ip().to_string() == "10.0.0.3");
    assert_eq!(third, None, "{options:?}");
}

#[test]
fn a_shell_with_two_pipes() {
    if !has(&["strace", "sh", "cat", "wc"], "pipes") {
        return;
    }
    for options in DETAILS {
        let folder = Folder::new();
        let trace = trace(PIPES, options, folder.path());
        let none = run_in(folder.path(), &["out.pcap"], &trace);
        assert!(none.packets().is_empty(), "{options:?}: {none:?}");
        for output in ["out.pcap", "out.pcapng"] {
            let outcome = run_in(folder.path(), &["--capture-pipes", output], &trace);
            assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
            check_two(&outcome.packets(), options);
        }
    }
}

#[test]
fn a_shell_with_a_fifo() {
    if !has(&["strace", "sh", "mkfifo", "cat", "wc"], "FIFOs") {
        return;
    }
    for options in DETAILS {
        let folder = Folder::new();
        let trace = trace(FIFO, options, folder.path());
        for arguments in [["--capture-pipes", "out.pcap"], ["--capture-pipes=*fifo", "out.pcapng"]] {
            let outcome = run_in(folder.path(), &arguments, &trace);
            assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
            check_two(&outcome.packets(), options);
        }
        let other = run_in(folder.path(), &["--capture-pipes=/other", "out.pcap"], &trace);
        assert!(other.packets().is_empty(), "{options:?}: {other:?}");
    }
}
