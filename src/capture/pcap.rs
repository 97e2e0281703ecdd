//! The classic format: 24 bytes of header, then records of 16 bytes and a frame (draft-ietf-opsawg-pcap).

use super::error::refused;
use super::{CaptureError, SNAPLEN, field, fill};
use crate::event::Timestamp;
use crate::wire::{Headers, Lengths, Packet};
use pcap_file::pcap::{PcapHeader, PcapWriter};
use pcap_file::{DataLink, Endianness, TsResolution};

/// Records, one behind the other.
pub(super) struct Records {
    bytes: Vec<u8>,
    headers: Headers,
}

impl Records {
    /// The file's header, of version 2.4 with microseconds, in `room`.
    pub(super) fn new(room: Vec<u8>) -> Result<Self, CaptureError> {
        let header = PcapHeader {
            version_major: 2,
            version_minor: 4,
            ts_correction: 0,
            ts_accuracy: 0,
            snaplen: SNAPLEN,
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::MicroSecond,
            endianness: Endianness::Little,
        };
        let writer = PcapWriter::with_header(room, header).map_err(refused)?;
        Ok(Self { bytes: writer.into_writer(), headers: Headers::default() })
    }

    /// Appends the record of a packet: four fields of 32 bits (§5), which its lengths are among, and its bytes.
    #[inline(always)]
    pub(super) fn append(&mut self, packet: &Packet<'_>) {
        let Self { bytes, headers } = self;
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 16]);
        let Lengths { captured, original } = headers.write(packet, bytes);
        let (seconds, microseconds) = rounded(packet.about.time);
        let [captured, original] = [captured, original].map(field);
        fill(bytes, start, [seconds, microseconds, captured, original]);
    }

    /// Their bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where they are laid out.
    #[inline]
    pub(super) const fn room(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

/// Seconds and microseconds, rounded half to even with carry; the last second that fits where the time is beyond it.
pub(super) fn rounded(time: Timestamp) -> (u32, u32) {
    let (whole, rest) = (time.0 / 1000, time.0 % 1000);
    let up = rest > 500 || (rest == 500 && whole % 2 == 1);
    let microseconds = whole + u64::from(up);
    let seconds = u32::try_from(microseconds / 1_000_000).unwrap_or(u32::MAX);
    (seconds, u32::try_from(microseconds % 1_000_000).unwrap_or_default())
}
