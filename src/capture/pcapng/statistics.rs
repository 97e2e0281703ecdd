//! The interface statistics block (§4.6), at the end of a capture: how many packets it has, and that none was dropped.

use super::interface::Interface;
use crate::event::Timestamp;
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};

/// What one interface had.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    packets: u64,
    last: Timestamp,
}

/// What each interface had.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    counts: [Count; Interface::COUNT],
}

impl Statistics {
    /// A packet of this interface.
    #[inline(always)]
    pub(super) fn count(&mut self, interface: Interface, time: Timestamp) {
        if let Some(count) = self.counts.get_mut(interface.index()) {
            count.packets += 1;
            count.last = count.last.max(time);
        }
    }

    /// When the last packet of all was.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.counts.iter().filter(|count| count.packets > 0).map(|count| count.last).max()
    }

    /// What this interface had.
    pub(super) fn block(&self, interface: Interface) -> InterfaceStatisticsBlock<'static> {
        let Count { packets, last } = self.counts.get(interface.index()).copied().unwrap_or_default();
        InterfaceStatisticsBlock {
            interface_id: interface.number,
            // The library writes it as one number, little-endian as all of ours; the format has the upper half in front.
            timestamp: last.0.rotate_left(32),
            options: vec![InterfaceStatisticsOption::IsbIfRecv(packets), InterfaceStatisticsOption::IsbIfDrop(0)],
        }
    }
}
