//! What a capture holds beside frames: messages of a link of their own, entries of a journal, names of addresses.

use crate::event::Timestamp;
use crate::wire::Frame;
use std::net::IpAddr;

/// One thing in a capture. Classic pcap holds frames and nothing else.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// An Ethernet frame, and what a person should read beside it (Wireshark: `frame.comment`).
    Frame {
        /// The frame.
        frame: &'a Frame<'a>,
        /// The comment.
        comment: Option<&'a str>,
    },
    /// A D-Bus message (D-Bus specification, "Message Format"), on an interface of its own with link type 231.
    Dbus {
        /// When it was seen.
        time: Timestamp,
        /// What a person should read beside it.
        comment: Option<&'a str>,
        /// The message from its first byte, as far as it is in the trace.
        bytes: &'a [u8],
        /// How long it really was, in bytes, at least `bytes.len()`.
        original: u64,
    },
    /// An entry of systemd's journal in the Journal Export Format: fields `KEY=VALUE`, each with a line end.
    Journal {
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
}

impl<'a> From<&'a Frame<'a>> for Record<'a> {
    fn from(frame: &'a Frame<'a>) -> Self {
        Self::Frame { frame, comment: None }
    }
}
