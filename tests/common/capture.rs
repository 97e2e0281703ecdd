//! Reads classic pcap and pcapng into records, as far as the file is whole, and says what is not.

use pcap_parser::nom;
use pcap_parser::{
    Block, DecryptionSecretsBlock, EnhancedPacketBlock, InterfaceDescriptionBlock, InterfaceStatisticsBlock,
    NameRecordType, OptionCode, PcapError, PcapNGOption, ProcessInformationBlock, SectionHeaderBlock, parse_block_le,
    parse_pcap_frame, parse_pcap_header,
};
use std::fmt::Write as _;
use std::net::IpAddr;

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
    let (mut rest, header) = parse_pcap_header(file).map_err(|error| problem(&error, 0))?;
    let nanoseconds = header.is_nanosecond_precision();
    let mut capture = Capture::default();
    capture.notes.push(format!(
        "pcap {}.{} {} {} snaplen {} link {}",
        header.version_major,
        header.version_minor,
        if header.is_bigendian() { "Big" } else { "Little" },
        if nanoseconds { "NanoSecond" } else { "MicroSecond" },
        header.snaplen,
        header.network.0
    ));
    while !rest.is_empty() {
        let (after, packet) = parse_pcap_frame(rest).map_err(|error| problem(&error, capture.records.len()))?;
        rest = after;
        let unit = if nanoseconds { 1 } else { 1000 };
        capture.records.push(Record {
            time: u64::from(packet.ts_sec) * 1_000_000_000 + u64::from(packet.ts_usec) * unit,
            link: u32::try_from(header.network.0).map_err(|error| error.to_string())?,
            original: packet.origlen as usize,
            bytes: packet.data.to_vec(),
            remarks: Vec::new(),
        });
    }
    Ok(capture)
}

fn read_pcapng(file: &[u8]) -> Result<Capture, String> {
    let mut capture = Capture::default();
    let (mut interfaces, mut processes) = (Vec::new(), 0);
    let mut rest = file;
    while !rest.is_empty() {
        let (after, block) = parse_block_le(rest).map_err(|error| problem(&error, capture.records.len()))?;
        rest = after;
        match block {
            Block::SectionHeader(section) => {
                capture.notes.push(section_note(&section)?);
            }
            Block::EnhancedPacket(packet) => {
                let interface = interfaces
                    .get(packet.if_id as usize)
                    .ok_or_else(|| format!("packet {} has no interface", capture.records.len()))?;
                capture.records.push(enhanced_record(&packet, interface, processes)?);
            }
            Block::InterfaceDescription(interface) => {
                capture.notes.push(interface_note(&interface)?);
                interfaces.push(interface);
            }
            Block::NameResolution(names) => {
                for record in &names.nr {
                    match record.record_type {
                        NameRecordType::End => {}
                        NameRecordType::Ipv4 => capture.notes.push(name_note::<4>(record.record_value)?),
                        NameRecordType::Ipv6 => capture.notes.push(name_note::<16>(record.record_value)?),
                        other => return Err(format!("a name of type {}", other.0)),
                    }
                }
            }
            Block::SystemdJournalExport(journal) => {
                let text = String::from_utf8_lossy(journal.data);
                capture.notes.push(short(&format!("journal entry {:?}", text.trim_end_matches('\0'))));
            }
            Block::DecryptionSecrets(secrets) => {
                capture.notes.extend(secrets_notes(&secrets, capture.records.len())?);
            }
            Block::InterfaceStatistics(statistics) => capture.notes.push(statistics_note(&statistics)?),
            Block::ProcessInformation(process) => {
                capture.notes.push(process_note(processes, &process)?);
                processes += 1;
            }
            other => capture.notes.push(short(&format!("{other:?}"))),
        }
    }
    Ok(capture)
}

fn problem(error: &nom::Err<PcapError<&[u8]>>, records: usize) -> String {
    match error {
        nom::Err::Incomplete(_) => format!("the file is cut inside what follows packet {records}"),
        other => format!("after packet {records}: {}", short(&other.to_string())),
    }
}

fn enhanced_record(
    packet: &EnhancedPacketBlock<'_>,
    interface: &InterfaceDescriptionBlock<'_>,
    processes: u32,
) -> Result<Record, String> {
    let mut remarks = Vec::new();
    if packet.if_id != 0 {
        remarks.push(format!("interface {}", packet.if_id));
    }
    for option in &packet.options {
        remarks.extend(remark(option, processes)?);
    }
    let count = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
    let units = interface.ts_resolution().ok_or("no resolution of times")?;
    let time = count * 1_000_000_000 / u128::from(units);
    Ok(Record {
        time: u64::try_from(time).unwrap_or(u64::MAX),
        link: u32::try_from(interface.linktype.0).map_err(|error| error.to_string())?,
        original: packet.origlen as usize,
        // What fills up the block is no part of the packet.
        bytes: packet.data.get(..packet.caplen as usize).ok_or("a packet longer than its block")?.to_vec(),
        remarks,
    })
}

/// What an option of a packet says; nothing for their end. `processes`: how many have been described before it.
fn remark(option: &PcapNGOption<'_>, processes: u32) -> Result<Option<String>, String> {
    let value = option.as_bytes().map_err(|error| error.to_string())?;
    Ok(match (option.code.0, value) {
        (0, _) => None,
        (1, text) => Some(format!("# {}", String::from_utf8_lossy(text).escape_debug())),
        (2, [flags, ..]) => match flags & 3 {
            1 => Some("in".to_string()),
            2 => Some("out".to_string()),
            _ => Some(format!("flags {}", hex(value))),
        },
        (8, value) => match numbers(value)?[..] {
            [process, thread] if process == thread => Some(process.to_string()),
            [process, thread] => Some(format!("{process}/{thread}")),
            _ => return Err("a process and thread of another length".to_string()),
        },
        (32_769, value) => match numbers(value)?[..] {
            [block] if block < processes => Some(format!("p{block}")),
            _ => return Err("a process that no block before it describes".to_string()),
        },
        (code, value) => Some(format!("option {code} {}", hex(value))),
    })
}

/// Fields of 32 bits.
fn numbers(value: &[u8]) -> Result<Vec<u32>, String> {
    match value.as_chunks::<4>() {
        (chunks, []) => Ok(chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect()),
        _ => Err(format!("{} bytes are no fields", value.len())),
    }
}

/// What the section says of itself; its application's version is not printed, for it changes.
fn section_note(section: &SectionHeaderBlock<'_>) -> Result<String, String> {
    let order = if section.big_endian() { "Big" } else { "Little" };
    let mut note = format!("pcapng {}.{} {order}", section.major_version, section.minor_version);
    for option in &section.options {
        let value = option.as_bytes().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(value);
        let _ = match option.code.0 {
            0 => Ok(()),
            1 => write!(note, " # {}", text.trim_end().escape_debug()),
            3 => write!(note, " system {text:?}"),
            4 => write!(note, " by {:?}", text.split(' ').next().unwrap_or_default()),
            code => write!(note, " option {code} {}", hex(value)),
        };
    }
    Ok(note)
}

fn process_note(number: u32, process: &ProcessInformationBlock<'_>) -> Result<String, String> {
    let mut note = format!("process p{number} {}", process.process_id);
    for option in &process.options {
        let value = option.as_bytes().map_err(|error| error.to_string())?;
        let _ = match option.code.0 {
            0 => Ok(()),
            2 => write!(note, " {:?}", String::from_utf8_lossy(value)),
            code => write!(note, " option {code} {}", hex(value)),
        };
    }
    Ok(note)
}

/// One line on each of the secrets that stand behind so many packets.
fn secrets_notes(secrets: &DecryptionSecretsBlock<'_>, records: usize) -> Result<Vec<String>, String> {
    if secrets.secrets_type.0 != 0x544c_534b {
        return Err(format!("secrets of type {:x}", secrets.secrets_type.0));
    }
    let text = secrets.data.get(..secrets.secrets_len as usize).ok_or("secrets longer than their block")?;
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    Ok(text.lines().map(|line| short(&format!("secrets behind packet {records}: {line}"))).collect())
}

fn statistics_note(statistics: &InterfaceStatisticsBlock<'_>) -> Result<String, String> {
    let time = u64::from(statistics.ts_high) << 32 | u64::from(statistics.ts_low);
    let mut note = format!("statistics of interface {} at {}", statistics.if_id, super::render::time(time));
    for option in &statistics.options {
        let value = option.as_bytes().map_err(|error| error.to_string())?;
        let number = || value.try_into().map(u64::from_le_bytes).map_err(|_| "a count of another length");
        let _ = match option.code.0 {
            0 => Ok(()),
            4 => write!(note, " received {}", number()?),
            5 => write!(note, " dropped {}", number()?),
            code => write!(note, " option {code} {}", hex(value)),
        };
    }
    Ok(note)
}

fn interface_note(interface: &InterfaceDescriptionBlock<'_>) -> Result<String, String> {
    let mut note = format!("interface snaplen {} link {}", interface.snaplen, interface.linktype.0);
    for option in &interface.options {
        let value = option.as_bytes().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(value);
        let _ = match option.code {
            OptionCode::EndOfOpt => Ok(()),
            OptionCode::IfName => write!(note, " name {text:?}"),
            OptionCode::IfDescription => write!(note, " description {text:?}"),
            OptionCode::IfOs => write!(note, " system {text:?}"),
            OptionCode::IfTsresol => write!(note, " resolution {}", hex(value).trim_start_matches('0')),
            OptionCode(code) => write!(note, " option {code} {}", hex(value)),
        };
    }
    Ok(note)
}

/// A record of a name resolution block: an address of so many bytes, and a name up to its NUL.
fn name_note<const BYTES: usize>(record: &[u8]) -> Result<String, String>
where
    IpAddr: From<[u8; BYTES]>,
{
    let (address, name) = record.split_first_chunk::<BYTES>().ok_or("a name without an address")?;
    // The rest is what fills up the record.
    let end = name.iter().position(|byte| *byte == 0).ok_or("a name without its end")?;
    let name = &name[..end];
    Ok(format!("name {} {:?}", IpAddr::from(*address), String::from_utf8_lossy(name)))
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
