//! The table of services held against the tshark that is installed: what it registers for each port, that it gives no
//! client's port to a protocol, and that it reads what each protocol begins with.

use crate::common::escape::{Style, quoted};
use crate::common::program::{Folder, run_in};
use crate::support::{Running, has, tshark};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::process::Command;
use strace2pcap::inside::{CLEAN, PROTOCOLS, Protocol, Recognition, UNKNOWN_PORT};

/// One of the lists that tshark prints, as the fields of its lines.
fn list(name: &str) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    let (text, _) = Running::start(command.args(["-G", name])).succeed();
    let text = String::from_utf8_lossy(&text);
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
    text.lines().map(fields).collect()
}

/// The dissectors that are registered for the ports of `table`.
fn registered(decodes: &[Vec<String>], table: &str) -> HashMap<u16, Vec<String>> {
    let mut ports: HashMap<u16, Vec<String>> = HashMap::new();
    for line in decodes {
        if let [of, port, dissector] = &line[..]
            && of == table
            && let Ok(port) = port.parse()
        {
            ports.entry(port).or_default().push(dissector.clone());
        }
    }
    assert!(ports.len() > 100, "{table} has {} ports", ports.len());
    ports
}

#[test]
fn each_port_of_the_table_is_its_dissector_s() {
    if !has(&["tshark"], "the table of services") {
        return;
    }
    let tcp = registered(&list("decodes"), "tcp.port");
    let links = registered(&list("decodes"), "wtap_encap");
    let heuristic: HashSet<String> = list("heuristic-decodes")
        .into_iter()
        .filter(|line| line.first().is_some_and(|of| of == "tcp"))
        .filter(|line| line.get(2).is_some_and(|on| on == "T"))
        .filter_map(|line| line.get(1).cloned())
        .collect();
    let at = |port: u16| tcp.get(&port).map(Vec::as_slice).unwrap_or_default();
    for protocol in PROTOCOLS {
        let found = at(protocol.port);
        let own = found == [protocol.dissector];
        let right = match protocol.recognition {
            Recognition::Port => own,
            Recognition::PortLater(other) | Recognition::PortEarlier(other) => own || found == [other],
            Recognition::Heuristic => {
                let is_free = found.is_empty() || found == ["tls"];
                own || is_free && heuristic.contains(protocol.dissector)
            }
            Recognition::DecodeAs => found.is_empty(),
            Recognition::Link => found.is_empty() && links.values().flatten().any(|it| it == protocol.dissector),
        };
        assert!(right, "{protocol:?}: tshark has {found:?} there");
    }
    assert!(at(UNKNOWN_PORT).is_empty());
}

/// Ports that later versions of Wireshark give to a protocol.
const LATER: [u16; 8] = [34_980, 40_000, 44_321, 44_322, 44_818, 48_049, 48_898, 57_000];

/// The ranges of ports among tshark's preferences: `a.port: 5`, `b.ports: 1-9,20`, `c.port_low: 3` with `c.port_high: 7`.
fn preferred() -> Vec<(String, RangeInclusive<u32>)> {
    let numbers = |text: &str| -> Option<RangeInclusive<u32>> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    let mut lows = HashMap::new();
    let mut ranges = Vec::new();
    for line in list("defaultprefs") {
        let Some((name, value)) = line[0].strip_prefix('#').and_then(|it| it.split_once(": ")) else {
            continue;
        };
        if !name.contains("port") {
            continue;
        }
        for range in value.split(',').filter_map(numbers) {
            if name.contains("low") {
                lows.insert(name.replace("low", ""), *range.start());
            } else if let Some(low) = lows.get(&name.replace("high", "")) {
                ranges.push((name.to_owned(), *low..=*range.end()));
            }
            ranges.push((name.to_owned(), range));
        }
    }
    assert!(ranges.len() > 50, "only {} preferences", ranges.len());
    ranges
}

#[test]
fn no_client_s_port_is_a_protocol_s() {
    if !has(&["tshark"], "the ports of clients") {
        return;
    }
    let decodes = list("decodes");
    let clients = CLEAN.first..=CLEAN.first + (CLEAN.count - 1);
    assert!(clients.contains(&(CLEAN.first + 999)) && clients.len() == 1000);
    for table in ["tcp.port", "udp.port"] {
        for (port, dissectors) in registered(&decodes, table) {
            assert!(!clients.contains(&port), "{table} {port}: {dissectors:?}");
        }
    }
    for port in LATER {
        assert!(!clients.contains(&port));
    }
    let wide = u32::from(*clients.start())..=u32::from(*clients.end());
    for (name, range) in preferred() {
        let apart = range.end() < wide.start() || range.start() > wide.end();
        assert!(apart, "{name} is {range:?}");
    }
    for protocol in PROTOCOLS {
        assert!(!clients.contains(&protocol.port), "{protocol:?}");
    }
}

/// How a conversation begins: the protocol, whether its client speaks first, and the first bytes.
type Sample = (&'static str, bool, &'static [u8]);

const SAMPLES: &[Sample] = &[
    ("http", true, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("http2", true, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    ("tls", true, b"\x16\x03\x01\0\x30\x01\0\0\x2c\x03\x03aaaabbbbccccddddeeeeffffgggghhhh\0\0\x02\x13\x01\x01\0\0\x01\0"),
    ("ssh", false, b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("postgresql", true, b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0"),
    ("mysql", false, b"\x4a\0\0\0\x0a8.0.35\0\x08\0\0\0aaaaaaaa\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0mysql_native_password\0"),
    ("redis", true, b"*1\r\n$4\r\nPING\r\n"),
    ("memcached", true, b"set k 0 0 1\r\nx\r\n"),
    ("mongodb", true, b"\x2f\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1a\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x02\0\0\0a\0\0"),
    ("fastcgi", true, b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0"),
    ("ajp", true, b"\x12\x34\0\x01\x0a"),
    ("x11", true, b"l\0\x0b\0\0\0\0\0\0\0\0\0"),
    ("vnc", false, b"RFB 003.008\n"),
    ("amqp", true, b"AMQP\0\x01\0\0"),
    ("mqtt", true, b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02me"),
    ("gearman", true, b"\0REQ\0\0\0\x10\0\0\0\x01x"),
    ("smtp", false, b"220 mail.example ESMTP Postfix\r\n"),
    ("imap", false, b"* OK IMAP4rev1 ready.\r\n"),
    ("pop", false, b"+OK Dovecot ready.\r\n"),
    ("ldap", true, b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0"),
    ("9p", true, b"\x15\0\0\0\x64\xff\xff\0\x20\0\0\x08\x009P2000.L"),
    ("nbd", true, b"\x25\x60\x95\x13\0\0\0\0abcdefgh\0\0\0\0\0\0\x10\0\0\0\x02\0"),
    ("rsync", false, b"@RSYNCD: 31.0\n"),
];

/// A trace of a conversation for each sample, at a socket of which the name tells nothing, and one of HTTP/2 that was
/// joined midway.
fn trace() -> String {
    let mut trace = String::new();
    let mut time = 1_700_000_000;
    for (number, (_, from_client, bytes)) in SAMPLES.iter().enumerate() {
        let (inode, peer) = (2 * number + 1000, 2 * number + 1001);
        let call = if *from_client { "write" } else { "read" };
        let text = quoted(bytes, Style::Hex);
        let length = bytes.len();
        let _ = write!(
            trace,
            "7 {time}.0 connect(3<UNIX-STREAM:[{inode}]>, {{sa_family=AF_UNIX, sun_path=\"/run/s\"}}, 110) = 0\n\
             7 {time}.1 {call}(3<UNIX-STREAM:[{inode}->{peer}]>, {text}, {length}) = {length}\n\
             7 {time}.2 close(3<UNIX-STREAM:[{inode}->{peer}]>) = 0\n"
        );
        time += 1;
    }
    let frame = quoted(b"\0\0\x05\0\0\0\0\0\x01hello", Style::Hex);
    let _ = writeln!(trace, "7 {time}.0 write(4<UNIX-STREAM:[1->2]>, {frame}, 14) = 14");
    trace
}

#[test]
fn wireshark_reads_what_each_protocol_begins_with() {
    if !has(&["tshark"], "what protocols begin with") {
        return;
    }
    let folder = Folder::new();
    let options = ["--capture-unix-socket", "-v", "out.pcapng"];
    let outcome = run_in(folder.path(), &options, trace().as_bytes());
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    // The hints as they are given.
    let hints: Vec<&str> = outcome
        .stderr
        .lines()
        .filter_map(|line| Some(line.split_once(", add ")?.1))
        .flat_map(str::split_whitespace)
        .collect();
    let expected = [
        "-d",
        "tcp.port==8009,ajp13",
        "-d",
        "tcp.port==27017,mongo",
        "-d",
        "tcp.port==50052,http2",
        "-d",
        "tcp.port==50053,fcgi",
    ];
    assert_eq!(hints, expected, "{}", outcome.stderr);
    let columns = ["-T", "fields", "-e", "tcp.stream", "-e", "tcp.dstport"];
    let protocols = ["-e", "tcp.srcport", "-e", "frame.protocols", "-Y", "tcp.len > 0"];
    let capture = folder.path().join("out.pcapng");
    let told = tshark(&capture, &[&hints[..], &columns, &protocols].concat());
    let packets: Vec<Vec<&str>> = told.lines().map(|line| line.split('\t').collect()).collect();
    let midway = [("http2-midway", true, &b""[..])];
    for (number, (name, from_client, _)) in SAMPLES.iter().chain(&midway).enumerate() {
        let protocol = Protocol::named(name).expect("the table has it");
        let stream = number.to_string();
        let all: Vec<_> = packets.iter().filter(|packet| packet[0] == stream).collect();
        let packet = all.last().unwrap_or_else(|| panic!("{name}: there is no packet"));
        let port = packet[if *from_client { 1 } else { 2 }];
        assert_eq!(port, protocol.port.to_string(), "{name}");
        let dissector = match *name {
            "http2" => "http2",
            _ => protocol.dissector,
        };
        let read = packet[3].split(':').any(|layer| layer == dissector);
        assert!(read, "{name}: {}", packet[3]);
    }
}
