//! The newer format: a section header, an interface named `strace`, then an enhanced packet block for each packet,
//! and blocks for what no packet can say (draft-ietf-opsawg-pcapng §4).
//!
//! The library writes every block but the packet's own. Of those that it does not know, Darwin's of processes
//! and that of secrets, the fields and options are laid out here.

mod comment;
mod interface;
mod name;
mod options;
mod packet;
mod process;
mod secrets;
pub(super) mod section;
mod statistics;

use super::error::refused;
use super::{CaptureError, Comments};
use crate::event::{ProcessRef, Timestamp};
use crate::wire::{About, Headers, Packet, Record};
use interface::Interface;
use packet::OptionSources;
use pcap_file::pcapng::blocks::systemd_journal_export::SystemdJournalExportBlock;
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use process::ProcessBlocks;
use statistics::Statistics;
use std::borrow::Cow;

/// Blocks, one behind the other.
pub(super) struct Blocks {
    writer: PcapNgWriter<Vec<u8>>,
    processes: ProcessBlocks,
    statistics: Statistics,
    comments: Comments,
    headers: Headers,
}

impl Blocks {
    /// The section's header and the description of Ethernet's interface, in `room`.
    pub(super) fn new(room: Vec<u8>) -> Result<Self, CaptureError> {
        let writer = PcapNgWriter::with_section_header(room, section::header()).map_err(refused)?;
        let mut blocks = Self {
            writer,
            processes: ProcessBlocks::default(),
            statistics: Statistics::default(),
            comments: Comments::default(),
            headers: Headers::default(),
        };
        blocks.describe(Interface::ETHERNET)?;
        Ok(blocks)
    }

    /// Lets these packets have comments.
    pub(super) const fn comment(&mut self, comments: Comments) {
        self.comments = comments;
    }

    /// Appends the block of a packet that needs nothing described any more.
    #[inline(always)]
    pub(super) fn append_packet(&mut self, packet: &Packet<'_>) {
        let Self { writer, processes, statistics, comments, headers } = self;
        statistics.count(Interface::ETHERNET, packet.about.time);
        packet::append(packet, headers, OptionSources { processes, comments: *comments }, writer.get_mut());
    }

    /// Describes whatever a packet needs to be described before it.
    #[inline(always)]
    pub(super) fn prepare_packet(&mut self, about: &About<'_>) -> Result<(), CaptureError> {
        match &about.by {
            Some((by, _)) if !self.processes.turn_to(by.process) => self.introduce(by.process),
            _ => Ok(()),
        }
    }

    /// The same of any record. D-Bus's interface is described where the first message comes, because libpcap refuses files
    /// whose interfaces differ in their links.
    #[inline]
    pub(super) fn prepare(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match record {
            Record::Packet(packet) => self.prepare_packet(&packet.about),
            Record::Dbus { about, .. } => {
                if self.writer.interfaces().len() == 1 {
                    self.describe(Interface::DBUS)?;
                }
                self.prepare_packet(about)
            }
            _ => Ok(()),
        }
    }

    /// A process makes its first packet.
    #[cold]
    fn introduce(&mut self, process: ProcessRef) -> Result<(), CaptureError> {
        match self.processes.introduce(process) {
            Some(block) => self.block(block),
            None => Ok(()),
        }
    }

    /// When the last packet was.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.statistics.last()
    }

    /// What is known at the end: how many packets each interface had.
    pub(super) fn finish(&mut self) -> Result<(), CaptureError> {
        let interfaces = [Interface::ETHERNET, Interface::DBUS].into_iter().take(self.writer.interfaces().len());
        for interface in interfaces {
            self.block(self.statistics.block(interface))?;
        }
        Ok(())
    }

    /// Appends the block of any record whose interface is described.
    #[cold]
    pub(super) fn append(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match *record {
            Record::Packet(packet) => self.append_packet(packet),
            Record::Dbus { about, bytes, original } => {
                let Self { writer, processes, statistics, comments, .. } = self;
                statistics.count(Interface::DBUS, about.time);
                let beside = OptionSources { processes, comments: *comments };
                packet::append_message(&about, (bytes, original), beside, writer.get_mut());
            }
            Record::Journal { entry, .. } => {
                self.block(SystemdJournalExportBlock { journal_entry: Cow::Borrowed(entry) })?;
            }
            Record::Name { address, name } => self.block(name::block(address, name))?,
            Record::Secrets { lines } => self.block(secrets::block(lines))?,
            Record::Process { reference, process } => self.processes.add(reference, process),
        }
        Ok(())
    }

    /// Their bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.writer.get_ref()
    }

    /// Where they are laid out. What was said of the section and its interfaces holds for what follows.
    #[inline]
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.writer.get_mut()
    }

    fn describe(&mut self, interface: Interface) -> Result<(), CaptureError> {
        self.block(interface.description())
    }

    fn block<'a>(&mut self, block: impl PcapNgBlock<'a>) -> Result<(), CaptureError> {
        self.writer.write_pcapng_block(block).map_err(refused)?;
        Ok(())
    }
}
