//! The contract with users of the classic capture, byte for byte: header, marking, checksums, sequence numbers, times;
//! and the five checks that every UNIX conversation has to pass.

use crate::common::capture::hex;
use crate::common::escape::{Style, quoted};
use crate::common::packet::Packet;
use crate::common::program::{convert, packets};
use std::fmt::Write as _;

/// 24 bytes: little-endian, microseconds, 2.4, zone 0, accuracy 0, snaplen 262144, Ethernet.
const FILE_HEADER: &str = "d4c3b2a10200040000000000000000000000040001000000";

/// A line, and the frame it becomes.
const VECTORS: [(&str, &str); 6] = [
    (
        r#"write(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "\x41\x42", 2) = 2 <0.000010>"#,
        "000200000001 000000001234 8100 0005 0800 4500002a0001000040065fc00a0102030a040506
         0fa0005000bc4d15 00000000 5018 2000 d5b9 0000 4142",
    ),
    (
        r#"read(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "\x41\x42\x43", 100) = 2"#,
        "000000001234 000100000001 8100 0005 0800 4500002a0001000040065fc00a0405060a010203
         00500fa000bc4d15 00000000 5018 2000 d5b9 0000 4142",
    ),
    (
        r#"sendto(5<TCPv6:[[2001:db8::1]:4000->[2001:db8::2]:80]>, "\x41\x42", 2, 0, NULL, 0) = 2"#,
        "000600000001 000000001234 8100 0005 86dd 6000000000160640
         20010db8000000000000000000000001 20010db8000000000000000000000002
         0fa0005000bc4d15 00000000 5018 2000 9552 0000 4142",
    ),
    (
        r#"sendto(6<UDP:[10.1.2.3:4000->10.4.5.6:53]>, "\x41\x42", 2, 0, NULL, 0) = 2"#,
        "000600000001 000000001234 8100 0006 0800 4500001e0001000040115fc10a0102030a040506
         0fa00035000a93b5 4142",
    ),
    (
        r#"recvfrom(6<UDPv6:[[fe80::1]:4000->[fe80::2]:53]>, "\x41\x42", 99, 0, NULL, NULL) = 2"#,
        "000000001234 000500000001 8100 0006 86dd 60000000000a1140
         fe800000000000000000000000000002 fe800000000000000000000000000001
         00350fa0000ab1be 4142",
    ),
    (
        concat!(
            r#"sendto(6<UDP:[777]>, "\x41\x42", 2, 0, {sa_family=AF_INET, sin_port=htons(53), "#,
            r#"sin_addr=inet_addr("\x38\x2e\x38\x2e\x38\x2e\x38")}, 16) = 2"#
        ),
        "000600000001 000000001234 8100 0006 0800 4500001e000100004011ebbd7f00000108080808
         2b670035000a03eb 4142",
    ),
];

/// What stands before each frame: 1700000000.123456, captured and original length.
fn record_header(frame: &str) -> String {
    let length = u32::try_from(frame.len() / 2).expect("a frame is short").to_le_bytes();
    format!("00f1536540e20100{0}{0}", hex(&length))
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The file of `trace` in hexadecimal digits.
#[track_caller]
fn file_of(trace: &str) -> String {
    let outcome = convert(&[], trace.as_bytes());
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    hex(&outcome.file)
}

#[test]
fn each_vector_alone_is_the_file_byte_for_byte() {
    for (line, frame) in VECTORS {
        let frame = without_blanks(frame);
        let expected = format!("{FILE_HEADER}{}{frame}", record_header(&frame));
        assert_eq!(file_of(&format!("1234 1700000000.123456 {line}\n")), expected, "{line}");
    }
}

#[test]
fn a_trace_without_payload_is_a_file_header() {
    assert_eq!(file_of(""), format!("{FILE_HEADER}"));
    assert_eq!(file_of("1234 1700000000.123456 +++ exited with 0 +++\n"), format!("{FILE_HEADER}"));
}

/// The seconds and microseconds that a line at `time` gets.
#[track_caller]
fn check_time(time: &str, seconds: u64, microseconds: u64) {
    let line = format!("1234 {time} write(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"A\", 1) = 1\n");
    let packets = packets(&[], line);
    assert_eq!(packets.len(), 1, "{time}");
    assert_eq!(packets[0].time, (seconds * 1_000_000 + microseconds) * 1000, "{time}");
}

#[test]
fn times_are_decimal_and_round_half_to_even_with_carry() {
    check_time("1700000000.000000", 1_700_000_000, 0);
    check_time("1700000000.123456", 1_700_000_000, 123_456);
    check_time("1700000000.123", 1_700_000_000, 123_000);
    check_time("1700000000", 1_700_000_000, 0);
    check_time("1700000000.123456499", 1_700_000_000, 123_456);
    check_time("1700000000.123456500", 1_700_000_000, 123_456);
    check_time("1700000000.123457500", 1_700_000_000, 123_458);
    check_time("1700000000.123456501", 1_700_000_000, 123_457);
    check_time("1700000000.999999499", 1_700_000_000, 999_999);
    check_time("1700000000.999999500", 1_700_000_001, 0);
    check_time("4294967295.999999", 4_294_967_295, 999_999);
}

/// The packets of a UNIX conversation: `calls` on fd 3 of thread 100, one a millisecond, in the given view.
#[track_caller]
fn unix(options: &[&str], view: &str, calls: &[String]) -> Vec<Packet> {
    let mut trace = String::new();
    for (at, call) in calls.iter().enumerate() {
        let _ = writeln!(trace, "100 1700000000.{:06} {call}", at * 1000);
    }
    let mut all = vec!["--view", view, "--capture-unix-socket", "--no-capture-net"];
    all.extend_from_slice(options);
    packets(&all, trace)
}

fn call(name: &str, payload: &[u8], result: usize) -> String {
    let text = quoted(payload, Style::Hex);
    format!("{name}(3<UNIX-STREAM:[777]>, {text}, {}) = {result}", payload.len().max(result))
}

const CLOSE: &str = "close(3<UNIX-STREAM:[777]>) = 0";

fn payloads(packets: &[Packet]) -> Vec<String> {
    packets.iter().filter(|packet| !packet.payload.is_empty()).map(|packet| hex(&packet.payload)).collect()
}

fn has_fin(packets: &[Packet]) -> bool {
    packets.iter().filter_map(Packet::tcp).any(|tcp| tcp.flags & 1 != 0)
}

const VIEWS: [&str; 2] = ["syscall", "wire"];

#[test]
fn first_check_http2_frames_come_out_whole_and_a_close_is_a_fin() {
    let sent = b"\x00\x00\x05\x00\x01\x00\x00\x00\x01HELLO";
    let received = b"\x00\x00\x03\x00\x01\x00\x00\x00\x01ACK";
    for view in VIEWS {
        let packets = unix(
            &[],
            view,
            &[
                call("write", &sent[..5], 5),
                call("write", &sent[5..], 9),
                call("read", received, 12),
                CLOSE.to_string(),
            ],
        );
        assert_eq!(payloads(&packets), [hex(sent), hex(received)], "{view}");
        assert!(has_fin(&packets), "{view}");
    }
}

const PREFACE_AND_SETTINGS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
const SETTINGS_ACK: &[u8] = b"\x00\x00\x00\x04\x01\x00\x00\x00\x00";

#[test]
fn second_check_a_seeded_conversation_begins_with_preface_and_settings() {
    let received = b"\x00\x00\x02\x00\x00\x00\x00\x00\x01OK";
    for view in VIEWS {
        let packets = unix(&["--seed-http2"], view, &[call("read", received, 11), CLOSE.to_string()]);
        assert_eq!(
            payloads(&packets),
            [hex(PREFACE_AND_SETTINGS), hex(SETTINGS_ACK), hex(SETTINGS_ACK), hex(received)],
            "{view}"
        );
    }
}

/// The seeded HEADERS frame for stream 1: six literals with incremental indexing and new names, no Huffman code.
fn seeded_headers() -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/placeholder.Service/Method"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut frame = b"\x00\x00\x81\x01\x04\x00\x00\x00\x01".to_vec();
    for (name, value) in fields {
        frame.push(0x40);
        for text in [name, value] {
            frame.push(u8::try_from(text.len()).expect("all are short"));
            frame.extend_from_slice(text.as_bytes());
        }
    }
    assert_eq!(frame.len(), 138);
    frame
}

#[test]
fn third_check_grpc_data_is_preceded_by_a_seeded_headers_frame() {
    let sent = b"\x00\x00\x05\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00";
    for view in VIEWS {
        let packets = unix(&["--seed-http2", "--seed-grpc"], view, &[call("write", sent, 14), CLOSE.to_string()]);
        let found = payloads(&packets);
        let headers = found.iter().position(|payload| *payload == hex(&seeded_headers()));
        let data = found.iter().position(|payload| *payload == hex(sent));
        assert!(headers.is_some() && headers < data, "{view}: {found:?}");
    }
}

#[test]
fn fourth_check_what_is_no_http2_is_not_held_back() {
    for view in VIEWS {
        let packets = unix(&[], view, &[call("write", b"PARTIAL", 7), CLOSE.to_string()]);
        assert_eq!(payloads(&packets), [hex(b"PARTIAL")], "{view}");
    }
}

#[test]
fn fifth_check_the_result_cuts_the_payload() {
    for view in VIEWS {
        let packets = unix(&[], view, &[call("write", b"ABCDEF", 3), call("read", b"GHIJKL", 2), CLOSE.to_string()]);
        let to_server: Vec<u8> = bytes(&packets, |packet| packet.target.port() == 50051);
        let from_server: Vec<u8> = bytes(&packets, |packet| packet.source.port() == 50051);
        assert_eq!((hex(&to_server), hex(&from_server)), (hex(b"ABC"), hex(b"GH")), "{view}");
    }
}

fn bytes(packets: &[Packet], wanted: impl Fn(&Packet) -> bool) -> Vec<u8> {
    packets.iter().filter(|packet| wanted(packet)).flat_map(|packet| packet.payload.clone()).collect()
}

/// The two ends of connection `i`, whose client has inode `inode`, as the contract has them.
fn ends_of(i: usize, inode: usize) -> [String; 2] {
    let (block, host) = (i / 254, 1 + i % 254);
    [format!("10.0.{}.{host}:{}", 2 * block, 30000 + inode % 10000), format!("10.0.{}.{host}:50051", 2 * block + 1)]
}

#[test]
fn each_of_many_connections_has_addresses_and_macs_of_its_own() {
    let mut trace = String::new();
    for i in 0..600 {
        let inode = 4000 + 100 * i;
        let details = format!("{}<UNIX-STREAM:[{inode}->{}]>", 3 + i, inode + 1);
        let _ = writeln!(trace, "100 1700000000.{i:06} write({details}, \"a\", 1) = 1");
    }
    let packets = packets(&["--capture-unix-socket"], trace);
    let data: Vec<&Packet> = packets.iter().filter(|packet| !packet.payload.is_empty()).collect();
    assert_eq!(data.len(), 600);
    let mut macs = Vec::new();
    for (i, packet) in data.into_iter().enumerate() {
        let inode = 4000 + 100 * i;
        assert_eq!([packet.source.to_string(), packet.target.to_string()], ends_of(i, inode));
        let isn = 0x1000_0000 + u32::try_from(inode).expect("it is small");
        assert_eq!(packet.tcp().map(|tcp| (tcp.seq, tcp.ack)), Some((isn + 1, isn + 0x1000_0001)));
        macs.extend([packet.source_mac, packet.target_mac]);
    }
    macs.sort_unstable();
    macs.dedup();
    assert_eq!(macs.len(), 1200);
}
