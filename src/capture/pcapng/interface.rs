//! The interface description block (§4.2).

use super::section::SYSTEM;
use crate::capture::SNAPLEN;
use crate::event::as_usize;
use pcap_file::DataLink;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use std::borrow::Cow;

/// Timestamps in units of 10⁻⁹ s.
const NANOSECONDS: u8 = 9;

/// Where packets of one link come from.
#[derive(Clone, Copy)]
pub(super) struct Interface {
    /// Interfaces count from 0 in the order of their blocks.
    pub(super) number: u32,
    link: DataLink,
    name: &'static str,
    description: &'static str,
}

impl Interface {
    pub(super) const ETHERNET: Self = Self {
        number: 0,
        link: DataLink::ETHERNET,
        name: "strace",
        description: "system calls of the traced processes",
    };
    pub(super) const DBUS: Self =
        Self { number: 1, link: DataLink::DBUS, name: "dbus", description: "D-Bus messages of the traced processes" };

    /// How many there are.
    pub(super) const COUNT: usize = 2;

    /// Its number, as a place.
    #[inline]
    pub(super) const fn index(self) -> usize {
        as_usize(self.number)
    }

    pub(super) fn description(self) -> InterfaceDescriptionBlock<'static> {
        InterfaceDescriptionBlock {
            linktype: self.link,
            snaplen: SNAPLEN,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Borrowed(self.name)),
                InterfaceDescriptionOption::IfDescription(Cow::Borrowed(self.description)),
                InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
                InterfaceDescriptionOption::IfOs(Cow::Borrowed(SYSTEM)),
            ],
        }
    }
}
