//! Room `capture`: frames as the records of a capture file, and those on their way to where the capture goes.
//!
//! Only whole records leave: each `write` to the sink begins and ends where a record does, so that what has arrived can
//! be read at any moment, whatever happens next. A format is a file here behind the one method of [`Encode`]; this room
//! alone names the library that knows the formats' layout. Bytes are little-endian on every machine, so that one trace
//! gives one capture.
//!
//! A block that pcapng has and this room does not write yet (a comment, names, secrets, another interface) belongs into
//! [`Record`] as a field if it goes with a frame, as a method of [`Capture`] and [`Encode`] if it stands alone.

mod error;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

pub use error::CaptureError;

use crate::event::Timestamp;
use crate::wire::{self, Frame, Lengths};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;

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

/// Link type 1, Ethernet, is the only one written.
const LINK: pcap_file::DataLink = pcap_file::DataLink::ETHERNET;

/// Bytes that are gathered before the sink is called: large enough that the call costs nothing beside the copying, small
/// enough to stay in a processor's second-level cache. One record may reach beyond it.
const BUFFER_BYTES: usize = 256 << 10;

/// Room for the longest record behind a buffer that was almost full.
const RECORD_BYTES: usize = 65_593 + 64;

/// What a format makes a record of.
struct Record<'a> {
    time: Timestamp,
    /// The frame, as far as it was captured.
    bytes: &'a [u8],
    /// How long it was on the wire, in bytes.
    original: u32,
}

/// A file format. Its header is in the buffer once it has been made.
trait Encode {
    /// Puts one whole record into the buffer.
    fn append(&mut self, record: &Record<'_>) -> Result<(), CaptureError>;
}

/// Where records gather: shared, because the library's writer for the classic format does not let go of its own.
#[derive(Clone)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Buffer {
    fn new() -> Self {
        Self(Rc::new(RefCell::new(Vec::with_capacity(
            BUFFER_BYTES + RECORD_BYTES,
        ))))
    }

    fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

impl Write for Buffer {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A capture on its way into `W`. What is still gathered when it is dropped is lost: end it with [`Capture::finish`].
pub struct Capture<W: Write> {
    encoder: Box<dyn Encode>,
    buffer: Buffer,
    /// The frame at hand.
    frame: Vec<u8>,
    sink: W,
    records: u64,
    /// Bytes that the sink took.
    handed_over: u64,
}

// By hand, because the library's writer for pcapng has none, and the gathered bytes would say nothing.
impl<W: Write> fmt::Debug for Capture<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("records", &self.records)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl<W: Write> Capture<W> {
    /// An empty capture: its header is gathered and waits for a flush.
    ///
    /// # Errors
    /// Never in practice: nothing is written to the sink yet.
    pub fn new(format: Format, sink: W) -> Result<Self, CaptureError> {
        let buffer = Buffer::new();
        let encoder: Box<dyn Encode> = match format {
            Format::Pcap => Box::new(pcap::Pcap::new(buffer.clone())?),
            Format::PcapNg => Box::new(pcapng::PcapNg::new(buffer.clone())?),
        };
        Ok(Self {
            encoder,
            buffer,
            frame: Vec::new(),
            sink,
            records: 0,
            handed_over: 0,
        })
    }

    /// Adds one frame. The sink sees it when enough has been gathered, or at the next [`Capture::flush`].
    ///
    /// # Errors
    /// [`CaptureError::Sink`] where the sink did not take what was gathered. The capture has then ended.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a frame has at most 65 593 bytes"
    )]
    pub fn write(&mut self, frame: &Frame<'_>) -> Result<(), CaptureError> {
        let Lengths { original, .. } = wire::write(frame, &mut self.frame);
        self.encoder.append(&Record {
            time: frame.time,
            bytes: &self.frame,
            original: original as u32,
        })?;
        self.records += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.hand_over()
        } else {
            Ok(())
        }
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

    /// Frames written.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the capture so far, its header and what is still gathered included.
    pub fn bytes(&self) -> u64 {
        self.handed_over + self.buffer.len() as u64
    }

    /// The sink, of which it is not known how much it has seen.
    pub const fn sink(&self) -> &W {
        &self.sink
    }

    /// Gives the gathered records to the sink in one call. After a failure, which may have left part of a record there,
    /// nothing may follow, so what was gathered is dropped.
    fn hand_over(&mut self) -> Result<(), CaptureError> {
        let mut gathered = self.buffer.0.borrow_mut();
        if gathered.is_empty() {
            return Ok(());
        }
        let done = self.sink.write_all(&gathered).map_err(CaptureError::Sink);
        if done.is_ok() {
            self.handed_over += gathered.len() as u64;
        }
        gathered.clear();
        done
    }
}
