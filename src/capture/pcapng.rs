//! The newer format: a section header, one interface named `strace`, then an enhanced packet block for each frame
//! (draft-ietf-opsawg-pcapng §4).

use super::error::refused;
use super::{CaptureError, LINK, SNAPLEN};
use crate::wire::{self, Frame, Lengths};
use pcap_file::Endianness;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::ENHANCED_PACKET_BLOCK;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use std::borrow::Cow;

/// The number of the only interface: interfaces count from 0 in the order of their blocks.
const INTERFACE: u32 = 0;

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
#[expect(
    clippy::cast_possible_truncation,
    reason = "a frame has at most 65 593 bytes, a time is two fields"
)]
pub(super) fn append(frame: &Frame<'_>, gathered: &mut Vec<u8>) {
    let start = gathered.len();
    gathered.extend_from_slice(&[0; BEFORE]);
    let Lengths { captured, original } = wire::write(frame, gathered);
    let padded = captured.next_multiple_of(4);
    gathered.resize(start + BEFORE + padded, 0);
    let length = (BEFORE + padded + BEHIND) as u32;
    gathered.extend_from_slice(&length.to_le_bytes());
    let time = frame.time.0;
    let fields = [
        ENHANCED_PACKET_BLOCK,
        length,
        INTERFACE,
        (time >> 32) as u32,
        time as u32,
        captured as u32,
        original as u32,
    ];
    super::fill(gathered, start, fields);
}
