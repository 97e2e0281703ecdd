//! The tests' own tools must notice what is wrong, or every other test is worth nothing.

use crate::common::capture::{Record, read};
use crate::common::code::code_only;
use crate::common::packet::decode;
use crate::common::render::line;

/// One packet of the classic view: thread 1234 writes "AB" on descriptor 5.
const FRAME: &[u8] = b"\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x12\x34\x81\x00\x00\x05\x08\x00\
    \x45\x00\x00\x2a\x00\x01\x00\x00\x40\x06\x5f\xc0\x0a\x01\x02\x03\x0a\x04\x05\x06\
    \x0f\xa0\x00\x50\x00\xbc\x4d\x15\x00\x00\x00\x00\x50\x18\x20\x00\xd5\xb9\x00\x00AB";

fn record(bytes: &[u8], original: usize) -> Record {
    Record { time: 1_700_000_000_000_001_000, link: 1, original, bytes: bytes.to_vec(), remarks: Vec::new() }
}

fn faults(bytes: &[u8], original: usize) -> Vec<String> {
    decode(&record(bytes, original)).expect("it is a packet").faults
}

#[test]
fn a_packet_is_one_line() {
    assert_eq!(
        line(&record(FRAME, FRAME.len())),
        "1700000000.000001000 00:00:00:00:12:34>00:02:00:00:00:01 v5 TCP 10.1.2.3:4000>10.4.5.6:80 [PA] \
         seq=12340501 ack=0 win=8192 id=1 2 \"AB\""
    );
}

#[test]
fn a_wrong_byte_anywhere_behind_the_vlan_tag_is_seen() {
    for position in 18..FRAME.len() {
        let mut bytes = FRAME.to_vec();
        bytes[position] ^= 1;
        let seen = match decode(&record(&bytes, bytes.len())) {
            Ok(packet) => !packet.faults.is_empty(),
            Err(_) => true,
        };
        assert!(seen, "byte {position}");
    }
}

#[test]
fn a_cut_packet_is_right_when_its_lengths_agree() {
    let mut bytes = FRAME.to_vec();
    bytes.truncate(FRAME.len() - 1);
    assert_eq!(faults(&bytes, FRAME.len()), [""; 0]);
    assert!(line(&record(&bytes, FRAME.len())).ends_with(r#" 2 "A" captured 59 of 60"#));
    assert!(!faults(&bytes, FRAME.len() - 1).is_empty());
}

#[test]
fn a_classic_file_is_read_in_either_resolution_and_a_cut_one_refused() {
    for (magic, nanoseconds) in [(0xa1b2_c3d4_u32, 1000), (0xa1b2_3c4d, 1)] {
        let mut file = Vec::new();
        for word in [magic, 0x0004_0002, 0, 0, 262_144, 1, 1_700_000_000, 1, 60, 60] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(FRAME);
        let capture = read(&file).expect("it is whole");
        assert_eq!(capture.records.len(), 1);
        assert_eq!(capture.records[0].time, 1_700_000_000_000_000_000 + nanoseconds);
        for end in 1..60 {
            assert!(read(&file[..file.len() - end]).is_err());
        }
    }
}

#[test]
fn pcapng_times_follow_the_resolution_of_the_interface() {
    let resolutions: [(&[u32], u64); 2] = [(&[], 1000), (&[0x0001_0009, 0x0000_0009, 0], 1)];
    for (options, nanoseconds) in resolutions {
        let mut file = block(0x0a0d_0d0a, &[0x1a2b_3c4d, 1, 0xffff_ffff, 0xffff_ffff], &[]);
        let mut interface = vec![1, 262_144];
        interface.extend_from_slice(options);
        file.extend(block(1, &interface, &[]));
        file.extend(block(6, &[0, 0x0006_0a24, 0x181e_4001, 60, 60], FRAME));
        let capture = read(&file).expect("it is whole");
        assert_eq!(capture.records.len(), 1);
        assert_eq!(capture.records[0].time, 0x0006_0a24_181e_4001 * nanoseconds);
        assert_eq!(capture.records[0].bytes, FRAME);
    }
}

/// A pcapng block of `words` and `bytes`, which must fill whole words.
fn block(kind: u32, words: &[u32], bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(12 + words.len() * 4 + bytes.len()).expect("it is short");
    let mut block = Vec::new();
    for word in [&[kind, length], words].concat() {
        block.extend_from_slice(&word.to_le_bytes());
    }
    block.extend_from_slice(bytes);
    block.extend_from_slice(&length.to_le_bytes());
    block
}

#[test]
fn literals_and_comments_are_no_code() {
    let text = r##"a/*b/*c*/d*/e"f\"g"h'i''\''j<'k>r#"l"m"#n b"o" br"p" var"q" '\u{7d}' // r"##;
    let blanked = code_only(text);
    assert_eq!(blanked.len(), text.len());
    let letters: String = blanked.chars().filter(char::is_ascii_alphabetic).collect();
    assert_eq!(letters, "aehjknbbvar");
}
