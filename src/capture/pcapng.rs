//! The newer format: a section header, an interface named `strace`, then an enhanced packet block for each frame, and
//! blocks for what no frame can say (draft-ietf-opsawg-pcapng §4).

use super::error::refused;
use super::{CaptureError, LINK, SNAPLEN};
use crate::event::Timestamp;
use crate::wire::{self, Frame, Lengths};
use pcap_file::Endianness;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::ENHANCED_PACKET_BLOCK;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use std::borrow::Cow;
use std::net::IpAddr;

/// Interfaces count from 0 in the order of their blocks: Ethernet is described at the beginning of the file, D-Bus where
/// its first message comes, because libpcap refuses files whose interfaces differ in their links.
const ETHERNET: u32 = 0;
const DBUS: u32 = 1;

/// LINKTYPE_DBUS.
const LINK_DBUS: u16 = 231;

/// Block types (draft-ietf-opsawg-pcapng §4).
const INTERFACE_DESCRIPTION_BLOCK: u32 = 1;
const NAME_RESOLUTION_BLOCK: u32 = 4;
const JOURNAL_EXPORT_BLOCK: u32 = 9;

/// Options of blocks: the end of them, a comment (§3.5), an interface's name and its times' unit (§4.2).
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;

/// Longest text of a comment or a name that is written, in bytes: their length fields have 16 bits.
const TEXT_BYTES: usize = 1024;

/// Timestamps in units of 10⁻⁹ s.
const NANOSECONDS: u8 = 9;

/// Bytes of an enhanced packet block before the frame and, its length once more, behind it.
const BEFORE: usize = 28;
const BEHIND: usize = 4;

/// Puts the section's header and the interface's description into `room`.
pub(super) fn header(room: Vec<u8>) -> Result<Vec<u8>, CaptureError> {
    let section = SectionHeaderBlock {
        endianness: Endianness::Little,
        major_version: 1,
        minor_version: 0,
        // Not known: the section ends with the file.
        section_length: -1,
        options: Vec::new(),
    };
    let interface = InterfaceDescriptionBlock {
        linktype: LINK,
        snaplen: SNAPLEN,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed("strace")),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ],
    };
    let mut writer = PcapNgWriter::with_section_header(room, section).map_err(refused)?;
    writer.write_pcapng_block(interface).map_err(refused)?;
    Ok(writer.into_inner())
}

/// Appends the block of a frame (§4.3): seven fields of 32 bits, the frame, zeros up to a multiple of four, and the
/// block's length again.
#[inline]
pub(super) fn append(frame: &Frame<'_>, gathered: &mut Vec<u8>) {
    let write = |gathered: &mut Vec<u8>| wire::write(frame, gathered);
    packet(ETHERNET, frame.time, None, write, gathered);
}

/// The same with a comment.
pub(super) fn append_with_comment(frame: &Frame<'_>, comment: &str, gathered: &mut Vec<u8>) {
    let write = |gathered: &mut Vec<u8>| wire::write(frame, gathered);
    packet(ETHERNET, frame.time, Some(comment), write, gathered);
}

/// Appends the block of a D-Bus message. `first` says that none came before, so that its interface is described now.
pub(super) fn append_dbus(
    first: bool,
    (time, comment): (Timestamp, Option<&str>),
    (bytes, original): (&[u8], u64),
    gathered: &mut Vec<u8>,
) {
    if first {
        describe_dbus(gathered);
    }
    let longest = usize::try_from(SNAPLEN).unwrap_or(usize::MAX);
    let bytes = bytes.get(..longest).unwrap_or(bytes);
    let write = |gathered: &mut Vec<u8>| {
        gathered.extend_from_slice(bytes);
        Lengths { captured: bytes.len(), original: usize::try_from(original).unwrap_or(usize::MAX) }
    };
    packet(DBUS, time, comment, write, gathered);
}

/// Appends the block of a journal entry (§4.7).
pub(super) fn append_journal(entry: &[u8], gathered: &mut Vec<u8>) {
    block(JOURNAL_EXPORT_BLOCK, gathered, |body| {
        body.extend_from_slice(entry);
    });
}

/// Appends a block that names an address (§4.5): one record, and the end of records.
pub(super) fn append_name(address: IpAddr, name: &str, gathered: &mut Vec<u8>) {
    const IPV4: u16 = 1;
    const IPV6: u16 = 2;
    let (kind, mut value) = match address {
        IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
        IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
    };
    value.extend_from_slice(fitting(name).as_bytes());
    value.push(0);
    block(NAME_RESOLUTION_BLOCK, gathered, |body| {
        option(kind, &value, body);
        option(END_OF_OPTIONS, &[], body);
    });
}

/// Describes the interface of D-Bus.
fn describe_dbus(gathered: &mut Vec<u8>) {
    block(INTERFACE_DESCRIPTION_BLOCK, gathered, |body| {
        body.extend_from_slice(&LINK_DBUS.to_le_bytes());
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(&SNAPLEN.to_le_bytes());
        option(INTERFACE_NAME, b"dbus", body);
        option(TIME_RESOLUTION, &[NANOSECONDS], body);
        option(END_OF_OPTIONS, &[], body);
    });
}

/// An enhanced packet block around what `write` writes.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a packet has at most SNAPLEN bytes, a time is two fields")]
fn packet(
    interface: u32,
    time: Timestamp,
    comment: Option<&str>,
    write: impl FnOnce(&mut Vec<u8>) -> Lengths,
    gathered: &mut Vec<u8>,
) {
    let start = gathered.len();
    gathered.extend_from_slice(&[0; BEFORE]);
    let Lengths { captured, original } = write(gathered);
    gathered.resize(start + BEFORE + captured.next_multiple_of(4), 0);
    if let Some(comment) = comment {
        option(COMMENT, fitting(comment).as_bytes(), gathered);
        option(END_OF_OPTIONS, &[], gathered);
    }
    let length = (gathered.len() - start + BEHIND) as u32;
    gathered.extend_from_slice(&length.to_le_bytes());
    let fields = [
        ENHANCED_PACKET_BLOCK,
        length,
        interface,
        (time.0 >> 32) as u32,
        time.0 as u32,
        captured as u32,
        u32::try_from(original).unwrap_or(u32::MAX),
    ];
    super::fill(gathered, start, fields);
}

/// A block of the given type around what `write` appends: type, length, body, zeros up to a multiple of four, length.
fn block(kind: u32, gathered: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = gathered.len();
    gathered.extend_from_slice(&[0; 8]);
    write(gathered);
    gathered.resize(start + (gathered.len() - start).next_multiple_of(4), 0);
    let length = u32::try_from(gathered.len() - start + BEHIND).unwrap_or_default();
    gathered.extend_from_slice(&length.to_le_bytes());
    super::fill(gathered, start, [kind, length]);
}

/// An option, or a record of a name resolution block, which looks the same: code, length, value, zeros up to a multiple
/// of four (§3.5).
fn option(code: u16, value: &[u8], body: &mut Vec<u8>) {
    body.extend_from_slice(&code.to_le_bytes());
    let length = u16::try_from(value.len()).unwrap_or_default();
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(value);
    body.resize(body.len() + value.len().next_multiple_of(4) - value.len(), 0);
}

/// As much of a text as is written, up to a character's end.
fn fitting(text: &str) -> &str {
    let ends = (0..=TEXT_BYTES.min(text.len())).rev();
    ends.into_iter().find_map(|end| text.get(..end)).unwrap_or_default()
}
