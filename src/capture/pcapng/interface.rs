//! The interface description block (§4.2).

use crate::capture::SNAPLEN;
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
}

impl Interface {
    pub(super) const ETHERNET: Self = Self { number: 0, link: DataLink::ETHERNET, name: "strace" };
    pub(super) const DBUS: Self = Self { number: 1, link: DataLink::DBUS, name: "dbus" };

    pub(super) fn description(self) -> InterfaceDescriptionBlock<'static> {
        InterfaceDescriptionBlock {
            linktype: self.link,
            snaplen: SNAPLEN,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Borrowed(self.name)),
                InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
            ],
        }
    }
}
