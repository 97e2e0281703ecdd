//! The classic format: 24 bytes of header, then records of 16 bytes and a frame (draft-ietf-opsawg-pcap).

use super::error::refused;
use super::{Buffer, CaptureError, Encode, LINK, Record, SNAPLEN};
use crate::event::Timestamp;
use pcap_file::pcap::{PcapHeader, PcapWriter, RawPcapPacket};
use pcap_file::{Endianness, TsResolution};
use std::borrow::Cow;

/// A classic capture with microseconds, version 2.4.
pub(super) struct Pcap {
    writer: PcapWriter<Buffer>,
}

impl Pcap {
    /// Puts the file's header into the buffer.
    pub(super) fn new(buffer: Buffer) -> Result<Self, CaptureError> {
        let header = PcapHeader {
            version_major: 2,
            version_minor: 4,
            ts_correction: 0,
            ts_accuracy: 0,
            snaplen: SNAPLEN,
            datalink: LINK,
            ts_resolution: TsResolution::MicroSecond,
            endianness: Endianness::Little,
        };
        Ok(Self {
            writer: PcapWriter::with_header(buffer, header).map_err(refused)?,
        })
    }
}

impl Encode for Pcap {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a frame has at most 65 593 bytes"
    )]
    fn append(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        let (ts_sec, ts_frac) = rounded(record.time);
        // The raw record, because the library would cut the time instead of rounding it.
        let packet = RawPcapPacket {
            ts_sec,
            ts_frac,
            incl_len: record.bytes.len() as u32,
            orig_len: record.original,
            data: Cow::Borrowed(record.bytes),
        };
        self.writer.write_raw_packet(&packet).map_err(refused)?;
        Ok(())
    }
}

/// Seconds and microseconds, rounded half to even with carry; the last second that fits where the time is beyond it.
pub(super) fn rounded(time: Timestamp) -> (u32, u32) {
    let (whole, rest) = (time.0 / 1000, time.0 % 1000);
    let up = rest > 500 || (rest == 500 && whole % 2 == 1);
    let microseconds = whole + u64::from(up);
    let seconds = u32::try_from(microseconds / 1_000_000).unwrap_or(u32::MAX);
    (seconds, (microseconds % 1_000_000) as u32)
}
