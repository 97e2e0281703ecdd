//! What the view of UNIX streams is asked for, and what writing needs beside a conversation.

use crate::event::{Family, Timestamp};
use crate::packets::http2::Seed;
use crate::packets::{PacketOutput, ViewKind};
use crate::processes::Processes;
use crate::unix::endpoints::{self, ClientPorts};
use crate::unix::ports::{Chosen, PortRule, Ports};
use crate::unix::services::Services;
use std::ops::RangeInclusive;

/// What the command line asks of UNIX conversations.
#[derive(Clone, Debug)]
pub struct UnixOptions {
    /// Show UNIX sockets. Pipes are shown where there are any.
    pub sockets: bool,
    /// What seeds HTTP/2 that was joined midway.
    pub seed: Seed,
    /// The servers' ports.
    pub ports: Ports,
    /// And those of servers with certain names: the first that is for a name counts.
    pub rules: Vec<PortRule>,
    /// Only conversations whose server has one of these ports; all if empty.
    pub only_ports: Vec<RangeInclusive<u16>>,
    /// In the wire view packets carry the marking instead of invented MACs, connections show their handshake when they are
    /// made, not at their first payload, and clients have ports that are no protocol's.
    pub view: ViewKind,
    /// D-Bus is shown as messages where the capture can hold them.
    pub dbus: bool,
    /// The capture can hold more than frames (pcapng): comments, names, D-Bus messages and journal entries.
    pub records: bool,
}

impl UnixOptions {
    /// The ports that clients are given.
    pub(super) const fn client_ports(&self) -> ClientPorts {
        if self.is_wire() { endpoints::CLEAN } else { endpoints::CLASSIC }
    }

    /// The moment at which bytes moved: the call's start, as the predecessor had it; in the wire view its end.
    pub(super) const fn moment(&self, entry: Timestamp, exit: Timestamp) -> Timestamp {
        if self.is_wire() { exit } else { entry }
    }

    pub(super) const fn is_wire(&self) -> bool {
        matches!(self.view, ViewKind::Wire)
    }

    /// Whether D-Bus is shown as messages.
    pub(super) const fn shows_messages(&self) -> bool {
        self.dbus && self.records
    }

    /// Whether connections of this family are shown.
    pub(super) fn shows(&self, family: Family) -> bool {
        family == Family::Pipe || (family == Family::Unix && self.sockets)
    }

    /// Whether conversations with this server's port are asked for.
    pub(super) fn wants(&self, port: u16) -> bool {
        self.only_ports.is_empty() || self.only_ports.iter().any(|range| range.contains(&port))
    }
}

/// What writing needs beside the conversation.
pub(super) struct Context<'a, S> {
    pub(super) options: &'a UnixOptions,
    /// How many conversations have begun.
    pub(super) begun: &'a mut u64,
    pub(super) chosen: &'a mut Chosen,
    pub(super) services: &'a mut Services,
    pub(super) processes: &'a Processes,
    pub(super) out: PacketOutput<'a, S>,
}
