//! Reads classic pcap and pcapng into records, as far as the file is whole, and says what is not.

use pcap_file::PcapError;
use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::{Block, PcapNgParser};
use std::fmt::Write as _;

/// A capture file.
#[derive(Debug, Default)]
pub struct Capture {
    /// One line on each thing in the file that is no packet: the file header, interfaces, other blocks.
    pub notes: Vec<String>,
    /// The packets, in the order of the file.
    pub records: Vec<Record>,
}

/// One packet of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Nanoseconds since 1970.
    pub time: u64,
    /// The link type of its interface: 1 is Ethernet.
    pub link: u32,
    /// How long the packet says it was.
    pub original: usize,
    /// Its bytes, as far as the file holds them.
    pub bytes: Vec<u8>,
    /// What pcapng says beside it: interface, direction, comments; empty in classic pcap.
    pub remarks: Vec<String>,
}

/// Reads a whole file.
pub fn read(file: &[u8]) -> Result<Capture, String> {
    match file.first_chunk() {
        None => Err(format!("{} bytes are no capture", file.len())),
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => read_pcapng(file),
        Some(_) => read_pcap(file),
    }
}

fn read_pcap(file: &[u8]) -> Result<Capture, String> {
    let (mut rest, parser) = PcapParser::new(file).map_err(|error| format!("file header: {error}"))?;
    let header = parser.header();
    let mut capture = Capture::default();
    capture.notes.push(format!(
        "pcap {}.{} {:?} {:?} snaplen {} link {}",
        header.version_major,
        header.version_minor,
        header.endianness,
        header.ts_resolution,
        header.snaplen,
        u32::from(header.datalink)
    ));
    while !rest.is_empty() {
        let (after, packet) = parser.next_packet(rest).map_err(|error| problem(&error, capture.records.len()))?;
        rest = after;
        capture.records.push(Record {
            time: u64::try_from(packet.timestamp.as_nanos()).map_err(|error| error.to_string())?,
            link: u32::from(header.datalink),
            original: packet.orig_len as usize,
            bytes: packet.data.into_owned(),
            remarks: Vec::new(),
        });
    }
    Ok(capture)
}

fn read_pcapng(file: &[u8]) -> Result<Capture, String> {
    let (mut rest, mut parser) = PcapNgParser::new(file).map_err(|error| format!("section header: {error}"))?;
    let section = parser.section();
    let mut capture = Capture::default();
    capture.notes.push(format!("pcapng {}.{} {:?}", section.major_version, section.minor_version, section.endianness));
    while !rest.is_empty() {
        let (after, block) = parser.next_block(rest).map_err(|error| problem(&error, capture.records.len()))?;
        rest = after;
        match block {
            Block::EnhancedPacket(packet) => {
                let interface = parser
                    .interfaces()
                    .get(packet.interface_id as usize)
                    .ok_or_else(|| format!("packet {} has no interface", capture.records.len()))?;
                capture.records.push(enhanced_record(&packet, interface));
            }
            Block::InterfaceDescription(interface) => {
                capture.notes.push(interface_note(&interface));
            }
            other => capture.notes.push(short(&format!("{other:?}"))),
        }
    }
    Ok(capture)
}

fn problem(error: &PcapError, records: usize) -> String {
    match error {
        PcapError::IncompleteBuffer => {
            format!("the file is cut inside what follows packet {records}")
        }
        other => format!("after packet {records}: {other}"),
    }
}

fn enhanced_record(packet: &EnhancedPacketBlock<'_>, interface: &InterfaceDescriptionBlock<'_>) -> Record {
    let mut remarks = Vec::new();
    if packet.interface_id != 0 {
        remarks.push(format!("interface {}", packet.interface_id));
    }
    for option in &packet.options {
        remarks.push(match option {
            EnhancedPacketOption::Comment(text) => format!("# {}", text.escape_debug()),
            EnhancedPacketOption::Flags(flags) => match flags & 3 {
                1 => "in".to_string(),
                2 => "out".to_string(),
                _ => format!("flags {flags:#x}"),
            },
            EnhancedPacketOption::Unknown(option) => {
                format!("option {} {}", option.code, hex(&option.value))
            }
            other => short(&format!("{other:?}")),
        });
    }
    // pcap-file hands the raw count over as nanoseconds, whatever the interface's resolution is.
    let count = packet.timestamp.as_nanos();
    let time = count * 1_000_000_000 / units_per_second(interface);
    Record {
        time: u64::try_from(time).unwrap_or(u64::MAX),
        link: u32::from(interface.linktype),
        original: packet.original_len as usize,
        bytes: packet.data.to_vec(),
        remarks,
    }
}

fn units_per_second(interface: &InterfaceDescriptionBlock<'_>) -> u128 {
    let resolution = interface.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfTsResol(value) => Some(*value),
        _ => None,
    });
    match resolution {
        None => 1_000_000,
        Some(power) if power & 0x80 == 0 => 10u128.pow(u32::from(power)),
        Some(power) => 1u128 << (power & 0x7f),
    }
}

fn interface_note(interface: &InterfaceDescriptionBlock<'_>) -> String {
    let mut note = format!("interface snaplen {} link {}", interface.snaplen, u32::from(interface.linktype));
    for option in &interface.options {
        let _ = match option {
            InterfaceDescriptionOption::IfName(name) => write!(note, " name {name:?}"),
            InterfaceDescriptionOption::IfDescription(text) => {
                write!(note, " description {text:?}")
            }
            InterfaceDescriptionOption::IfTsResol(power) => write!(note, " resolution {power}"),
            other => write!(note, " {}", short(&format!("{other:?}"))),
        };
    }
    note
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
