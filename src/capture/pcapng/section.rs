//! The section header block (§4.1). Its comment is the one that readers show of a whole file; what it has to say is known
//! at the end, so that room is kept for it.

use super::options::fitting;
use pcap_file::Endianness;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use std::borrow::Cow;

/// What has written the file.
const APPLICATION: &str = concat!("strace2pcap ", env!("CARGO_PKG_VERSION"));

/// The system that the packets are from: strace knows no other.
pub(super) const SYSTEM: &str = "Linux";

/// What the comment says until then, and for good where the capture's beginning cannot be written again.
const AT_FIRST: &str = "From a trace of system calls: nothing here was captured on an interface. What the trace lacks is \
                        told beside packets, and at the end: on standard error, or to Wireshark in last entries of a journal.";

/// Bytes of the comment, with blanks behind its text: six losses fit in.
const ROOM: usize = 1024;

/// Where its text begins: behind the block's fields and the option's code and length.
const TEXT_AT: u64 = 28;

/// What is to be written where, for the comment to be this text.
pub(in crate::capture) fn comment(text: &str) -> (u64, Vec<u8>) {
    let mut bytes = fitting(text).as_bytes().to_vec();
    bytes.resize(ROOM, b' ');
    (TEXT_AT, bytes)
}

/// The header.
pub(super) fn header() -> SectionHeaderBlock<'static> {
    SectionHeaderBlock {
        endianness: Endianness::Little,
        major_version: 1,
        minor_version: 0,
        // Not known: the section ends with the file.
        section_length: -1,
        options: vec![
            SectionHeaderOption::Comment(Cow::Owned(format!("{AT_FIRST:ROOM$}"))),
            SectionHeaderOption::OS(Cow::Borrowed(SYSTEM)),
            SectionHeaderOption::UserApplication(Cow::Borrowed(APPLICATION)),
        ],
    }
}
