//! Room `capture`: frames as the records of a capture file, and those on their way to where the capture goes.
//!
//! Only whole records leave: each `write` to the sink begins and ends where a record does, so that what has arrived can
//! be read at any moment, whatever happens next. A format is a file here with two functions, `header` and `append`; this
//! room alone names the library that knows the formats' layout. The library writes what stands once in a file; a record
//! is written here, around its frame, which is so built where it goes out and copied nowhere. Bytes are little-endian on
//! every machine, so that one trace gives one capture.
//!
//! What pcapng holds beside frames comes as a [`Record`]: a block that this room does not write yet (secrets, who made a
//! packet) is a variant there and a function in `pcapng`.

mod error;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

pub use error::CaptureError;

use crate::wire::{Frame, Record};
use std::fmt;
use std::io::Write;

/// The file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The classic one: microseconds, nothing but packets (draft-ietf-opsawg-pcap).
    Pcap,
    /// Blocks with options, nanoseconds (draft-ietf-opsawg-pcapng).
    PcapNg,
}

/// The longest frame a reader must expect, in bytes: libpcap's own `MAXIMUM_SNAPLEN`, above which it refuses a file. Our
/// longest is 65 593, which 65 535 would not cover; libpcap wants one value for all interfaces of a file.
const SNAPLEN: u32 = 262_144;

/// Link type 1, Ethernet, for all but D-Bus.
const LINK: pcap_file::DataLink = pcap_file::DataLink::ETHERNET;

/// Bytes that are gathered before the sink is called: large enough that the call costs nothing beside the copying, small
/// enough to stay in a processor's second-level cache. One record may reach beyond it.
const BUFFER_BYTES: usize = 256 << 10;

/// Room for the longest record behind a buffer that was almost full.
const RECORD_BYTES: usize = 65_593 + 64;

/// Fills in fields at `start`, where room was left for them.
#[inline]
fn fill<const FIELDS: usize>(gathered: &mut [u8], start: usize, values: [u32; FIELDS]) {
    let room = gathered.get_mut(start..).unwrap_or_default();
    if let Some(fields) = room.as_chunks_mut::<4>().0.first_chunk_mut::<FIELDS>() {
        *fields = values.map(u32::to_le_bytes);
    }
}

/// A capture on its way into `W`. What is still gathered when it is dropped is lost: end it with [`Capture::finish`].
pub struct Capture<W: Write> {
    format: Format,
    /// Whole records that the sink has not seen.
    gathered: Vec<u8>,
    sink: W,
    records: u64,
    /// The interface of D-Bus has been described.
    dbus: bool,
    /// Bytes that the sink took.
    handed_over: u64,
}

// By hand, because the library's writer for pcapng has none, and the gathered bytes would say nothing.
impl<W: Write> fmt::Debug for Capture<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("records", &self.records).field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl<W: Write> Capture<W> {
    /// An empty capture: its header is gathered and waits for a flush.
    ///
    /// # Errors
    /// Never in practice: nothing is written to the sink yet.
    pub fn new(format: Format, sink: W) -> Result<Self, CaptureError> {
        let room = Vec::with_capacity(BUFFER_BYTES + RECORD_BYTES);
        let gathered = match format {
            Format::Pcap => pcap::header(room)?,
            Format::PcapNg => pcapng::header(room)?,
        };
        Ok(Self { format, gathered, sink, records: 0, dbus: false, handed_over: 0 })
    }

    /// Adds one frame. The sink sees it when enough has been gathered, or at the next [`Capture::flush`].
    ///
    /// # Errors
    /// [`CaptureError::Sink`] where the sink did not take what was gathered. The capture has then ended.
    #[inline(always)]
    pub fn write(&mut self, frame: &Frame<'_>) -> Result<(), CaptureError> {
        match self.format {
            Format::Pcap => pcap::append(frame, &mut self.gathered),
            Format::PcapNg => pcapng::append(frame, &mut self.gathered),
        }
        self.added()
    }

    /// Adds whatever the format can hold. A classic capture takes the frames, without their comments, and leaves the rest
    /// out: whoever has more to tell asks for [`Format::PcapNg`].
    ///
    /// # Errors
    /// As [`Capture::write`].
    #[inline(always)]
    pub fn record(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match *record {
            Record::Frame { frame, comment: None } => self.write(frame),
            ref other => self.other(other),
        }
    }

    /// Anything but a plain frame.
    #[cold]
    fn other(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match (*record, self.format) {
            (Record::Frame { frame, comment: Some(comment) }, Format::PcapNg) => {
                pcapng::append_with_comment(frame, comment, &mut self.gathered);
            }
            (Record::Frame { frame, .. }, _) => return self.write(frame),
            (_, Format::Pcap) => return Ok(()),
            (Record::Dbus { time, comment, bytes, original }, Format::PcapNg) => {
                let first = !std::mem::replace(&mut self.dbus, true);
                let message = (bytes, original);
                pcapng::append_dbus(first, (time, comment), message, &mut self.gathered);
            }
            (Record::Journal { entry }, Format::PcapNg) => {
                pcapng::append_journal(entry, &mut self.gathered);
            }
            (Record::Name { address, name }, Format::PcapNg) => {
                pcapng::append_name(address, name, &mut self.gathered);
                return Ok(());
            }
        }
        self.added()
    }

    /// A record has been gathered.
    #[inline]
    fn added(&mut self) -> Result<(), CaptureError> {
        self.records += 1;
        if self.gathered.len() >= BUFFER_BYTES { self.hand_over() } else { Ok(()) }
    }

    /// Hands everything gathered to the sink and flushes it: what was written so far can be read from now on.
    ///
    /// # Errors
    /// [`CaptureError::Sink`] where the sink did not take it. The capture has then ended.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        self.hand_over()?;
        self.sink.flush().map_err(CaptureError::Sink)
    }

    /// Flushes and gives the sink back.
    ///
    /// # Errors
    /// As [`Capture::flush`].
    pub fn finish(mut self) -> Result<W, CaptureError> {
        self.flush()?;
        Ok(self.sink)
    }

    /// Frames, messages and journal entries written.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the capture so far, its header and what is still gathered included.
    pub fn bytes(&self) -> u64 {
        self.handed_over + self.gathered.len() as u64
    }

    /// Gives the sink back, without what is still gathered.
    pub fn into_sink(self) -> W {
        self.sink
    }

    /// Gives the gathered records to the sink in one call. After a failure, which may have left part of a record there,
    /// nothing may follow, so what was gathered is dropped.
    fn hand_over(&mut self) -> Result<(), CaptureError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let done = self.sink.write_all(&self.gathered).map_err(CaptureError::Sink);
        if done.is_ok() {
            self.handed_over += self.gathered.len() as u64;
        }
        self.gathered.clear();
        done
    }
}
