//! What a capture holds: packets of Ethernet, messages of a link of their own, entries of a journal, names of
//! addresses, processes.

use crate::event::{Process, ProcessRef, Timestamp};
use crate::wire::{About, Packet};
use std::net::IpAddr;

/// One thing in a capture. Classic pcap holds packets of Ethernet and nothing else.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A packet of Ethernet.
    Packet(&'a Packet<'a>),
    /// A D-Bus message (D-Bus specification, "Message Format"), on an interface of its own with link type 231.
    Dbus {
        /// What is known of it.
        about: About<'a>,
        /// The message from its first byte, as far as it is in the trace.
        bytes: &'a [u8],
        /// How long it really was, in bytes, at least `bytes.len()`.
        original: u64,
    },
    /// An entry of systemd's journal in the Journal Export Format: fields `KEY=VALUE`, each with a line end.
    Journal {
        /// When it was written.
        time: Timestamp,
        /// The entry.
        entry: &'a [u8],
    },
    /// What is to be read in place of an address.
    Name {
        /// The address.
        address: IpAddr,
        /// Its name; a NUL in it would end it.
        name: &'a str,
    },
    /// TLS secrets, as lines of a key log.
    Secrets {
        /// The lines, each with its end.
        lines: &'a [u8],
    },
    /// A process that may make packets from here on.
    Process {
        /// By which packets name it. Each is one more than the one before.
        reference: ProcessRef,
        /// What is known of it.
        process: &'a Process,
    },
}

impl Record<'_> {
    /// When it was seen; names, secrets and processes hold for the whole capture.
    #[inline]
    pub const fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Packet(packet) => Some(packet.about.time),
            Self::Dbus { about, .. } => Some(about.time),
            Self::Journal { time, .. } => Some(*time),
            Self::Name { .. } | Self::Secrets { .. } | Self::Process { .. } => None,
        }
    }
}
