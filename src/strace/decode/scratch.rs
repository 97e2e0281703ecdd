//! What an event borrows: it lives here until the next call.

use super::super::cache::{Cache, Handle};
use super::super::fifos::Fifos;
use super::super::names::NameTable;
use crate::event::{Address, Ancillary, Descriptor, Details, Family, Message};
use crate::keys::KeyLogs;
use crate::limits;
use std::net::SocketAddr;

/// Room for what is read from one call, used again for the next.
#[derive(Debug, Default)]
pub(in super::super) struct Scratch {
    pub(super) cache: Cache,
    pub(super) names: NameTable,
    pub(super) payload: Vec<u8>,
    pub(super) messages: Vec<Message>,
    /// What goes with the messages at hand beside their bytes.
    pub(super) beside: Ancillary,
    /// The thread's own end, as control messages of the message at hand tell it.
    pub(super) own: Option<Box<SocketAddr>>,
    /// There is something beside them.
    pub(super) is_beside: bool,
    /// What a thread is called.
    pub(in super::super) command: Vec<u8>,
    /// The key logs that are being written, where they are looked for.
    pub(super) keys: Option<KeyLogs>,
    /// Whole lines of one, and its path.
    pub(super) key_lines: Vec<u8>,
    pub(super) key_file: Vec<u8>,
}

impl Scratch {
    /// Scratch space for the trace with this number, of which pipes are asked for, and these FIFOs, or neither; and TLS keys,
    /// or not.
    pub(in super::super) fn new(trace: u32, pipes: Option<Fifos>, keys: bool) -> Self {
        Self { cache: Cache::new(pipes, trace), keys: keys.then(KeyLogs::default), ..Self::default() }
    }

    /// How many hosts were blotted out by a person.
    pub(in super::super) fn blotted_hosts(&self) -> usize {
        self.names.blotted()
    }

    /// Makes room for the next payload.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.payload.clear();
        self.messages.clear();
        if self.is_beside {
            self.clear_beside();
        }
    }

    #[cold]
    fn clear_beside(&mut self) {
        let Ancillary { rights, close_on_exec: _, credentials, segments } = &mut self.beside;
        rights.clear();
        *credentials = None;
        segments.clear();
        self.own = None;
        self.is_beside = false;
    }

    /// Gives back the memory that an uncommonly large payload or many details needed.
    #[inline(always)]
    pub(in super::super) fn trim(&mut self) {
        self.cache.trim();
        if self.names.decoded.capacity() > limits::SPARE_BYTES {
            self.names.decoded = Vec::new();
        }
        if self.payload.capacity() > limits::SPARE_BYTES {
            self.payload = Vec::new();
        }
    }

    /// Whether the details are a pipe's, or a FIFO's.
    pub(super) fn is_pipe(&self, handle: Handle) -> bool {
        let details = self.descriptor(handle).details;
        matches!(details, Details::Socket(details) if details.family == Family::Pipe)
    }

    #[inline]
    pub(super) fn descriptor(&self, handle: Handle) -> Descriptor<'_> {
        self.cache.descriptor(handle)
    }

    /// The one message of the call at hand, whose bytes are all of the payload.
    #[inline(always)]
    pub(super) fn message(&mut self, captured: usize, moved: u64, address: Option<Address>) {
        let (rights, own) = (self.beside.rights.len(), self.own.take());
        self.messages.push(Message { start: 0, captured, moved, address, own, rights });
    }
}
