//! Processes: the block by which Darwin's tcpdump describes one, before its first packet, and its number on the packets.
//!
//! ```text
//! 0x8000_0001, length, process's number, {2, length, name, padding}, {0, 0}, length
//! ```
//! No document describes it but Apple's libpcap; Wireshark reads it since 4.6. A process has a block for each name and
//! program that it had, so execve makes one.

use super::options::{END_OF_OPTIONS, fitting, option};
use crate::event::{Process, ProcessRef, as_usize};
use crate::limits;
use pcap_file::pcapng::blocks::unknown::UnknownBlock;
use std::borrow::Cow;
use std::collections::VecDeque;

/// The block's type, and its option for the name.
const PROCESS_BLOCK: u32 = 0x8000_0001;
const NAME: u16 = 2;

/// A process, and its block's number in the section once that is written.
#[derive(Debug)]
struct Listed {
    process: Process,
    block: Option<u32>,
}

/// What a packet's options say of the process that made it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owner {
    /// Who it is about; the default where nobody is known.
    reference: ProcessRef,
    /// The process's number; 0 where the trace has none.
    pub(super) number: u32,
    /// The number of its block.
    pub(super) block: u32,
}

/// The processes that may make packets, and those that have made some.
#[derive(Debug, Default)]
pub(super) struct ProcessBlocks {
    known: VecDeque<Listed>,
    /// The number of the first that is known.
    first: ProcessRef,
    /// The one that made the packet at hand.
    owner: Owner,
    /// How many blocks there are.
    blocks: u32,
}

impl ProcessBlocks {
    /// A process may make packets from here on.
    pub(super) fn add(&mut self, reference: ProcessRef, process: &Process) {
        if self.known.is_empty() {
            self.first = reference;
        }
        if self.known.len() >= limits::PROCESSES {
            self.known.pop_front();
            self.first.0 = self.first.0.wrapping_add(1);
        }
        self.known.push_back(Listed { process: process.clone(), block: None });
    }

    /// Lets the packet at hand be of this process, if it has made one before.
    #[inline(always)]
    pub(super) fn turn_to(&mut self, reference: ProcessRef) -> bool {
        self.owner.reference == reference || self.has_turned_to(reference)
    }

    #[inline]
    fn has_turned_to(&mut self, reference: ProcessRef) -> bool {
        let place = as_usize(reference.0.wrapping_sub(self.first.0));
        let Some(Listed { process, block: Some(block) }) = self.known.get(place) else { return false };
        self.owner = Owner { reference, number: process.number.0, block: *block };
        true
    }

    /// Lets the packet at hand be of this process, which has made none before; its block, where it has a number.
    pub(super) fn introduce(&mut self, reference: ProcessRef) -> Option<UnknownBlock<'static>> {
        self.owner = Owner { reference, ..Owner::default() };
        let place = as_usize(reference.0.wrapping_sub(self.first.0));
        let Listed { process, block } = self.known.get_mut(place).filter(|known| known.process.number.0 > 0)?;
        *block = Some(self.blocks);
        self.owner = Owner { reference, number: process.number.0, block: self.blocks };
        self.blocks += 1;
        Some(laid_out(process))
    }

    /// Who made the packet at hand.
    #[inline(always)]
    pub(super) const fn owner(&self) -> Owner {
        self.owner
    }

    /// What is known of who made the packet at hand.
    pub(super) fn process(&self) -> Option<&Process> {
        let place = as_usize(self.owner.reference.0.wrapping_sub(self.first.0));
        self.known.get(place).map(|known| &known.process)
    }
}

/// The block of a process.
fn laid_out(process: &Process) -> UnknownBlock<'static> {
    let mut value = process.number.0.to_le_bytes().to_vec();
    let name = process.name.as_deref().map_or_else(|| process.to_string().into(), Cow::Borrowed);
    option(NAME, fitting(&name).as_bytes(), &mut value);
    option(END_OF_OPTIONS, &[], &mut value);
    UnknownBlock { type_: PROCESS_BLOCK, length: 0, value: Cow::Owned(value) }
}
