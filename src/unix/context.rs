//! What the view of UNIX streams is asked for, and what writing needs beside a conversation.

use crate::event::Timestamp;
use crate::packets::Ids;
use crate::unix::ports::Ports;
use crate::wire::{Frame, Record};

/// What the command line asks of UNIX conversations.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Options {
    /// Seed HTTP/2 connections that do not bring their own preface.
    pub seed_http2: bool,
    /// Seed HEADERS for gRPC as well.
    pub seed_grpc: bool,
    /// The servers' ports.
    pub ports: Ports,
    /// Packets carry the marking instead of invented MACs (the wire view).
    pub marked: bool,
    /// Connections show their handshake when they are made, not at their first payload (the wire view).
    pub eager: bool,
    /// The capture can hold more than frames (pcapng): comments, names, D-Bus messages and journal entries.
    pub records: bool,
}

impl Options {
    /// The moment at which bytes moved: the call's start, as the predecessor had it; in the wire view its end.
    pub(super) const fn moment(&self, entry: Timestamp, exit: Timestamp) -> Timestamp {
        if self.eager { exit } else { entry }
    }
}

/// What writing needs beside the conversation.
pub(super) struct Context<'a, F> {
    pub(super) options: Options,
    /// How many conversations have begun.
    pub(super) begun: &'a mut u64,
    pub(super) ids: &'a mut Ids,
    pub(super) sink: &'a mut F,
}

impl<F: FnMut(&Record<'_>)> Context<'_, F> {
    /// What writing frames needs: their numbers, and where they go.
    pub(super) fn frames(&mut self) -> (&mut Ids, impl FnMut(&Frame<'_>)) {
        let Self { ids, sink, .. } = self;
        (ids, |frame: &Frame<'_>| sink(&Record::from(frame)))
    }
}
