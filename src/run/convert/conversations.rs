//! How many conversations a capture has, as Wireshark counts them: pairs of addresses and ports under one transport.
//! Counted only for a person who is told it.

use crate::event::HostPort;
use crate::limits;
use crate::wire::{Frame, TransportHeader};
use foldhash::HashSet;
use std::mem::{Discriminant, discriminant};

/// Both ends, the smaller one first, and what is between them.
type EndPair = (HostPort, HostPort, Discriminant<TransportHeader>);

/// The conversations of a capture.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    met: HashSet<EndPair>,
}

impl Conversations {
    /// A frame is written.
    pub(super) fn take(&mut self, frame: &Frame<'_>) {
        let (source, target) = (*frame.source, *frame.target);
        if self.met.len() <= limits::CONVERSATIONS_COUNTED {
            self.met.insert((source.min(target), source.max(target), discriminant(&frame.transport)));
        }
    }

    /// How many there are, at most one more than are counted.
    pub(super) fn count(&self) -> usize {
        self.met.len()
    }
}
