//! The section header block (§4.1).

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use std::borrow::Cow;

/// What has written the file.
const APPLICATION: &str = concat!("strace2pcap ", env!("CARGO_PKG_VERSION"));

/// The system that the packets are from: strace knows no other.
pub(super) const SYSTEM: &str = "Linux";

/// The header.
pub(super) fn header() -> SectionHeaderBlock<'static> {
    SectionHeaderBlock {
        endianness: Endianness::Little,
        major_version: 1,
        minor_version: 0,
        // Not known: the section ends with the file.
        section_length: -1,
        options: vec![
            SectionHeaderOption::OS(Cow::Borrowed(SYSTEM)),
            SectionHeaderOption::UserApplication(Cow::Borrowed(APPLICATION)),
        ],
    }
}
