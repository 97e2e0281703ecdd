//! One line a packet, for people to read in a diff.

use super::capture::Record;
use super::packet::{Packet, Transport, decode};
use std::fmt::Write as _;

/// The most payload bytes that are printed; of a longer payload the first ones, and a digest of all.
const PRINTED_BYTES: usize = 160;

/// LINKTYPE_DBUS.
const DBUS: u32 = 231;

/// `record` as one line.
pub fn line(record: &Record) -> String {
    let mut line = match decode(record) {
        _ if record.link == DBUS => {
            format!("{} D-Bus {} {}", time(record.time), record.original, payload(&record.bytes))
        }
        Ok(packet) => packet_line(&packet),
        Err(problem) => format!("{} !no packet: {problem}: {}", time(record.time), payload(&record.bytes)),
    };
    if record.bytes.len() != record.original {
        let _ = write!(line, " captured {} of {}", record.bytes.len(), record.original);
    }
    for remark in &record.remarks {
        let _ = write!(line, " {remark}");
    }
    line
}

/// A decoded packet as one line; `!` stands before each fault.
pub fn packet_line(packet: &Packet) -> String {
    let mut line = format!("{} {}>{}", time(packet.time), mac(packet.source_mac), mac(packet.target_mac));
    if let Some(tag) = packet.vlan {
        let _ = write!(line, " v{tag}");
    }
    match &packet.transport {
        Transport::Tcp(tcp) => {
            let _ = write!(
                line,
                " TCP {}>{} [{}] seq={} ack={} win={}",
                packet.source,
                packet.target,
                flags(tcp.flags),
                tcp.seq,
                tcp.ack,
                tcp.window
            );
            if !tcp.options.is_empty() {
                let _ = write!(line, " options={}", super::capture::hex(&tcp.options));
            }
        }
        Transport::Udp => {
            let _ = write!(line, " UDP {}>{}", packet.source, packet.target);
        }
        Transport::Other(protocol) => {
            let _ = write!(line, " protocol {protocol} {}>{}", packet.source.ip(), packet.target.ip());
        }
    }
    if let Some(id) = packet.id {
        let _ = write!(line, " id={id}");
    }
    if packet.ttl != 64 {
        let _ = write!(line, " ttl={}", packet.ttl);
    }
    if packet.payload_original > 0 {
        let _ = write!(line, " {} {}", packet.payload_original, payload(&packet.payload));
    }
    for fault in &packet.faults {
        let _ = write!(line, " !{fault}");
    }
    line
}

/// Seconds and nanoseconds.
pub fn time(nanoseconds: u64) -> String {
    format!("{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000)
}

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

fn flags(byte: u8) -> String {
    "FSRPAUEC".chars().enumerate().filter(|(bit, _)| byte & (1 << bit) != 0).map(|(_, letter)| letter).collect()
}

/// Bytes between quotes, as C would write them, each unprintable one as `\xHH`.
pub fn payload(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes.iter().take(PRINTED_BYTES) {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x20..=0x7e => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push('"');
    if bytes.len() > PRINTED_BYTES {
        let _ = write!(text, "... digest {:016x}", digest(bytes));
    }
    text
}

/// FNV-1a, 64 bits: tells long payloads apart in a diff.
pub fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
