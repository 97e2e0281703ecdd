//! An independent reader over every case: Wireshark finds nothing malformed, no bad checksum, and raises no
//! `tcp.analysis` flag that the case does not announce in its file `flags`.
//!
//! tshark takes a quarter of a second to start, so it reads the packets of all cases from one file. To keep them apart,
//! a number of the case's own is added to both addresses of each packet and, as RFC 1624 does it, to its checksums: a
//! wrong checksum stays wrong.

use crate::common::capture::Record;
use crate::common::cases::{all_cases, name, run};
use crate::common::needed::has;
use crate::common::program::Folder;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs tshark over `capture` with its checks of checksums on.
fn tshark(capture: &Path, output: &[&str]) -> String {
    let mut command = Command::new("tshark");
    for protocol in ["ip", "tcp", "udp"] {
        command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    let output = command.arg("-r").arg(capture).args(output).output().expect("tshark starts");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark refuses {}: {problem}", capture.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Adds `number` to the 16 bits at `at`.
fn add(bytes: &mut [u8], at: usize, number: u16) {
    let word = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let sum = word.checked_add(number).expect("the addresses of cases are small");
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Corrects the checksum at `at` for `number` having been added twice to what it covers (RFC 1624, equation 3).
fn correct(bytes: &mut [u8], at: usize, number: u16) {
    let mut sum = u32::from(!u16::from_be_bytes([bytes[at], bytes[at + 1]])) + 2 * u32::from(number);
    sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from(sum).expect("the carry was added");
    bytes[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Adds `number` to both addresses of a packet.
fn set_apart(bytes: &mut [u8], number: u16) {
    let ip = if bytes[12..14] == [0x81, 0] { 18 } else { 14 };
    let is_v4 = bytes[ip - 2..ip] == [8, 0];
    let (protocol, transport) = if is_v4 {
        add(bytes, ip + 12, number);
        add(bytes, ip + 16, number);
        correct(bytes, ip + 10, number);
        (bytes[ip + 9], ip + 20)
    } else {
        add(bytes, ip + 10, number);
        add(bytes, ip + 26, number);
        (bytes[ip + 6], ip + 40)
    };
    match protocol {
        6 => correct(bytes, transport + 16, number),
        17 => correct(bytes, transport + 6, number),
        _ => {}
    }
}

/// A classic capture of `records`, in nanoseconds.
fn pcap_of(records: &[Record]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut words = vec![0xa1b2_3c4d_u64, 0x0004_0002, 0, 0, 262_144, 1];
    for record in records {
        let lengths = [record.bytes.len() as u64, record.original as u64];
        words.extend([record.time / 1_000_000_000, record.time % 1_000_000_000]);
        words.extend(lengths);
        for word in words.drain(..) {
            file.extend_from_slice(&u32::try_from(word).expect("it fits the format").to_le_bytes());
        }
        file.extend_from_slice(&record.bytes);
    }
    file
}

/// The fields of `tcp.analysis` that tell nothing bad.
const HARMLESS: [&str; 11] = [
    "flags",
    "bytes_in_flight",
    "push_bytes_sent",
    "acks_frame",
    "partial_ack",
    "ack_rtt",
    "initial_rtt",
    "rto",
    "rto_frame",
    "duplicate_ack_num",
    "duplicate_ack_frame",
];

/// What tshark complains about in a packet or in several, as names of fields, each once.
fn complaints(pdml: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (at, _) in pdml.match_indices("name=\"") {
        let name = pdml[at + 6..].split('"').next().unwrap_or_default();
        let analysis = name.strip_prefix("tcp.analysis.").is_some_and(|field| !HARMLESS.contains(&field));
        let bad = analysis || name == "_ws.malformed" || name.contains("checksum_bad");
        if bad && !found.iter().any(|other| other == name) {
            found.push(name.to_string());
        }
    }
    found.sort();
    found
}

/// The packets of each case, set apart from those of the others.
fn packets_of_cases(cases: &[PathBuf]) -> Vec<Vec<Record>> {
    let records = |(number, case): (usize, &PathBuf)| {
        let outcome = run(case).unwrap_or_else(|problem| panic!("{}: {problem}", name(case)));
        if outcome.file.is_empty() {
            return Vec::new();
        }
        let mut records = outcome.capture().records;
        // D-Bus has no addresses; it is read in its own file below.
        records.retain(|record| record.link == 1);
        for record in &mut records {
            set_apart(&mut record.bytes, u16::try_from(number).expect("there are not that many"));
        }
        records
    };
    cases.iter().enumerate().map(records).collect()
}

#[test]
fn wireshark_finds_nothing_wrong_in_any_case() {
    if !has(&["tshark"], "its reading of the cases") {
        return;
    }
    let cases = all_cases();
    let records = packets_of_cases(&cases);
    let folder = Folder::new();
    let file = folder.path().join("all.pcap");
    fs::write(&file, pcap_of(&records.concat())).expect("the capture can be written");
    let pdml = tshark(&file, &["-T", "pdml"]);
    let mut packets = pdml.split("<packet>").skip(1);
    let mut wrong = Vec::new();
    for (case, records) in cases.iter().zip(&records) {
        let found = complaints(&packets.by_ref().take(records.len()).collect::<String>());
        let announced = fs::read_to_string(case.join("flags")).unwrap_or_default();
        let mut announced: Vec<&str> = announced.split_whitespace().collect();
        announced.sort_unstable();
        if found != announced {
            wrong.push(format!("{}: found {found:?}, announced {announced:?}", name(case)));
        }
    }
    assert_eq!(packets.count(), 0, "tshark found more packets than there are");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn wireshark_reads_each_format() {
    if !has(&["tshark"], "its reading of the formats") {
        return;
    }
    let folder = Folder::new();
    for case in all_cases() {
        let outcome = run(&case).unwrap_or_else(|problem| panic!("{}: {problem}", name(&case)));
        if outcome.file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            let file = folder.path().join(name(&case));
            fs::write(&file, &outcome.file).expect("the capture can be written");
            let times: Vec<String> =
                outcome.capture().records.iter().map(|record| crate::common::render::time(record.time)).collect();
            let fields = ["-T", "fields", "-e", "frame.protocols", "-e", "frame.time_epoch", "-e", "_ws.malformed"];
            let told = tshark(&file, &fields);
            assert!(!told.contains("Malformed"), "{}: {told}", name(&case));
            // Entries of the journal have their time in their text.
            let packets = told.lines().filter(|line| !line.contains("systemd_journal"));
            let found: Vec<_> = packets.filter_map(|line| line.split('\t').nth(1)).collect();
            assert_eq!(found, times, "{}", name(&case));
        }
    }
}

#[test]
fn complaints_are_found_by_name() {
    let pdml = r#"<field name="tcp.analysis.flags"/><field name="tcp.analysis.retransmission" showname="x"/>
        <proto name="_ws.malformed"/><field name="tcp.checksum_bad.expert"/><field name="tcp.analysis.ack_rtt"/>"#;
    assert_eq!(complaints(pdml), ["_ws.malformed", "tcp.analysis.retransmission", "tcp.checksum_bad.expert"]);
}

#[test]
fn a_wrong_checksum_is_found_though_set_apart() {
    if !has(&["tshark"], "the check of its check") {
        return;
    }
    let frame = b"\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x12\x34\x81\x00\x00\x05\x08\x00\
        \x45\x00\x00\x2a\x00\x01\x00\x00\x40\x06\x5f\xc0\x0a\x01\x02\x03\x0a\x04\x05\x06\
        \x0f\xa0\x00\x50\x00\xbc\x4d\x15\x00\x00\x00\x00\x50\x18\x20\x00\xd5\xb9\x00\x00AB";
    let mut records = Vec::new();
    for number in [0, 300] {
        for wrong in [0, 1] {
            let mut bytes = frame.to_vec();
            set_apart(&mut bytes, number);
            bytes[55] ^= wrong;
            records.push(Record { original: bytes.len(), bytes, ..Record::default() });
        }
    }
    let folder = Folder::new();
    let file = folder.path().join("four.pcap");
    fs::write(&file, pcap_of(&records)).expect("the capture can be written");
    let pdml = tshark(&file, &["-T", "pdml"]);
    let found: Vec<bool> = pdml.split("<packet>").skip(1).map(|packet| packet.contains("checksum_bad")).collect();
    assert_eq!(found, [false, true, false, true]);
}
