//! The newer format: a section header, one interface named `strace`, then an enhanced packet block for each frame
//! (draft-ietf-opsawg-pcapng §4).

use super::error::refused;
use super::{Buffer, CaptureError, Encode, LINK, Record, SNAPLEN};
use pcap_file::Endianness;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use std::borrow::Cow;
use std::time::Duration;

/// The number of the only interface: interfaces count from 0 in the order of their blocks.
const INTERFACE: u32 = 0;

/// Timestamps in units of 10⁻⁹ s.
const NANOSECONDS: u8 = 9;

/// A pcapng capture of one section.
pub(super) struct PcapNg {
    writer: PcapNgWriter<Buffer>,
}

impl PcapNg {
    /// Puts the section's header and the interface's description into the buffer.
    pub(super) fn new(buffer: Buffer) -> Result<Self, CaptureError> {
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
        let mut writer = PcapNgWriter::with_section_header(buffer, section).map_err(refused)?;
        writer.write_pcapng_block(interface).map_err(refused)?;
        Ok(Self { writer })
    }
}

impl Encode for PcapNg {
    fn append(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        let packet = EnhancedPacketBlock {
            interface_id: INTERFACE,
            timestamp: Duration::from_nanos(record.time.0),
            original_len: record.original,
            data: Cow::Borrowed(record.bytes),
            options: Vec::new(),
        };
        self.writer.write_pcapng_block(packet).map_err(refused)?;
        Ok(())
    }
}
