//! The newer format: a section header, an interface named `strace`, then an enhanced packet block for each packet,
//! and blocks for what no packet can say (draft-ietf-opsawg-pcapng §4).
//!
//! The library writes every block but the packet's own. It can write what may come next too: comments, custom options and
//! options that it does not know, on any block; application and system of the section; blocks that it does not know, such
//! as secrets (type 10) or Darwin's process block (0x8000_0001), as bytes whose own options are then laid out here. The
//! time of an interface's statistics it writes as one number, whose upper half the format wants in front.

mod interface;
mod name;
mod packet;

use super::CaptureError;
use super::error::refused;
use crate::wire::{Headers, Packet, Record};
use interface::Interface;
use pcap_file::Endianness;
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use pcap_file::pcapng::blocks::systemd_journal_export::SystemdJournalExportBlock;
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use std::borrow::Cow;

/// Longest text of a comment or a name that is written, in bytes: their length fields have 16 bits.
const TEXT_BYTES: usize = 1024;

/// Blocks, one behind the other.
pub(super) struct Blocks {
    writer: PcapNgWriter<Vec<u8>>,
    headers: Headers,
}

impl Blocks {
    /// The section's header and the description of Ethernet's interface, in `room`.
    pub(super) fn new(room: Vec<u8>) -> Result<Self, CaptureError> {
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            major_version: 1,
            minor_version: 0,
            // Not known: the section ends with the file.
            section_length: -1,
            options: Vec::new(),
        };
        let writer = PcapNgWriter::with_section_header(room, section).map_err(refused)?;
        let mut blocks = Self { writer, headers: Headers::default() };
        blocks.describe(Interface::ETHERNET)?;
        Ok(blocks)
    }

    /// Appends the block of a packet.
    #[inline(always)]
    pub(super) fn append_packet(&mut self, packet: &Packet<'_>) {
        packet::append(packet, &mut self.headers, self.writer.get_mut());
    }

    /// Describes the interface of a record if that has not been done. D-Bus's is described where the first message comes,
    /// because libpcap refuses files whose interfaces differ in their links.
    #[inline]
    pub(super) fn prepare(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match record {
            Record::Dbus { .. } if self.writer.interfaces().len() == 1 => self.describe(Interface::DBUS),
            _ => Ok(()),
        }
    }

    /// Appends the block of any record whose interface is described.
    #[cold]
    pub(super) fn append(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match *record {
            Record::Packet(packet) => self.append_packet(packet),
            Record::Dbus { about, bytes, original } => {
                packet::append_message(&about, (bytes, original), self.writer.get_mut());
            }
            Record::Journal { entry, .. } => {
                self.block(SystemdJournalExportBlock { journal_entry: Cow::Borrowed(entry) })?;
            }
            Record::Name { address, name } => self.block(name::block(address, name))?,
        }
        Ok(())
    }

    /// Their bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.writer.get_ref()
    }

    /// Takes the bytes behind the first `length` away. What was said of the section and its interfaces holds for what
    /// follows.
    pub(super) fn truncate(&mut self, length: usize) {
        self.writer.get_mut().truncate(length);
    }

    /// Appends a block that is laid out.
    pub(super) fn extend(&mut self, block: &[u8]) {
        self.writer.get_mut().extend_from_slice(block);
    }

    fn describe(&mut self, interface: Interface) -> Result<(), CaptureError> {
        self.block(interface.description())
    }

    fn block<'a>(&mut self, block: impl PcapNgBlock<'a>) -> Result<(), CaptureError> {
        self.writer.write_pcapng_block(block).map_err(refused)?;
        Ok(())
    }
}

/// As much of a text as is written, up to a character's end.
fn fitting(text: &str) -> &str {
    let mut ends = (0..=TEXT_BYTES.min(text.len())).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}
