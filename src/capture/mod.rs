//! Room `capture`: frames as the records of a capture file, and those on their way to where the capture goes.
//!
//! Only whole records leave: each `write` to the sink begins and ends where a record does, so that what has arrived can
//! be read at any moment, whatever happens next. A format is a module here; this room alone names the library that knows
//! the formats' layout. The library writes all but packets: those are written here, around their frames, which are so
//! built where they go out and copied nowhere. Bytes are little-endian on every machine, so that one trace gives one
//! capture.
//!
//! What pcapng holds comes as a [`Record`]. What is known of a packet beside its bytes (who made it, which way it went, what
//! is to be said of it) stands in its [`About`]: as options it is for `pcapng/packet.rs` to write. A further block is a
//! variant of [`Record`] and a file in `pcapng`.

mod error;
mod order;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

pub use error::CaptureError;

use crate::event::Timestamp;
use crate::wire::{About, Packet, Record};
use order::{Order, Turn};
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

/// Which packets of pcapng have comments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comments {
    /// Those with which a conversation begins, or something is news.
    #[default]
    First,
    /// All, with who made them.
    All,
    /// None.
    None,
}

/// The longest frame a reader must expect, in bytes: libpcap's own `MAXIMUM_SNAPLEN`, above which it refuses a file. Our
/// longest is 65 593, which 65 535 would not cover; libpcap wants one value for all interfaces of a file.
const SNAPLEN: u32 = 262_144;

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

/// A length as a field: none of ours is longer than 32 bits can say, but what a message of D-Bus claims to have had.
#[inline]
fn field(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Whole records that the sink has not seen.
enum WholeRecords {
    Pcap(pcap::Records),
    PcapNg(pcapng::Blocks),
}

impl WholeRecords {
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Pcap(records) => records.bytes(),
            Self::PcapNg(blocks) => blocks.bytes(),
        }
    }

    /// Lays out a packet of Ethernet.
    #[inline(always)]
    fn append_packet(&mut self, packet: &Packet<'_>) {
        match self {
            Self::Pcap(records) => records.append(packet),
            Self::PcapNg(blocks) => blocks.append_packet(packet),
        }
    }

    /// Describes what a packet of Ethernet needs to be described before it.
    #[inline(always)]
    fn prepare_packet(&mut self, about: &About<'_>) -> Result<(), CaptureError> {
        match self {
            Self::Pcap(_) => Ok(()),
            Self::PcapNg(blocks) => blocks.prepare_packet(about),
        }
    }

    /// Describes what a record needs to be described before it.
    fn prepare(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match self {
            Self::Pcap(_) => Ok(()),
            Self::PcapNg(blocks) => blocks.prepare(record),
        }
    }

    /// Lays out whatever the format can hold.
    fn append(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        self.prepare(record)?;
        self.lay_out(record)
    }

    /// Lays out a record in `room`, behind what is there, and here what it needs to be described before it.
    fn append_to(&mut self, room: &mut Vec<u8>, record: &Record<'_>) -> Result<(), CaptureError> {
        self.prepare(record)?;
        std::mem::swap(self.room(), room);
        let done = self.lay_out(record);
        std::mem::swap(self.room(), room);
        done
    }

    /// Where records are laid out.
    fn room(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Pcap(records) => records.room(),
            Self::PcapNg(blocks) => blocks.room(),
        }
    }

    /// Lays out a record for which nothing is to be described any more.
    fn lay_out(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        match (self, record) {
            (gathered, Record::Packet(packet)) => gathered.append_packet(packet),
            (Self::Pcap(_), _) => {}
            (Self::PcapNg(blocks), other) => blocks.append(other)?,
        }
        Ok(())
    }

    /// Lays out a record with another time than its own. What a journal's entry says of its time stays.
    fn append_at(&mut self, time: Timestamp, record: &Record<'_>) -> Result<(), CaptureError> {
        match *record {
            Record::Packet(packet) => {
                let packet = Packet { about: About { time, ..packet.about }, ..*packet };
                self.append(&Record::Packet(&packet))
            }
            Record::Dbus { about, bytes, original } => {
                self.append(&Record::Dbus { about: About { time, ..about }, bytes, original })
            }
            Record::Journal { .. } | Record::Name { .. } | Record::Secrets { .. } | Record::Process { .. } => {
                self.append(record)
            }
        }
    }
}

/// A capture on its way into `W`. What is still gathered when it is dropped is lost: end it with [`Capture::flush`].
pub struct Capture<W: Write> {
    gathered: WholeRecords,
    /// In which order; none: as records come.
    order: Option<Order>,
    /// How many bytes the header has.
    header: usize,
    sink: W,
    /// Bytes that the sink took.
    handed_over: u64,
}

// By hand, because the library's writer for pcapng has none, and the gathered bytes would say nothing.
impl<W: Write> fmt::Debug for Capture<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl<W: Write> Capture<W> {
    /// An empty capture: its header is gathered and waits for a flush. `by_time`: its records are in order of time.
    ///
    /// # Errors
    /// Never in practice: nothing is written to the sink yet.
    pub fn new(format: Format, by_time: bool, sink: W) -> Result<Self, CaptureError> {
        let room = Vec::with_capacity(BUFFER_BYTES + RECORD_BYTES);
        let gathered = match format {
            Format::Pcap => WholeRecords::Pcap(pcap::Records::new(room)?),
            Format::PcapNg => WholeRecords::PcapNg(pcapng::Blocks::new(room)?),
        };
        Ok(Self { header: gathered.bytes().len(), gathered, order: by_time.then(Order::new), sink, handed_over: 0 })
    }

    /// Lets these packets have comments, where the format has any.
    pub fn comment(&mut self, comments: Comments) {
        if let WholeRecords::PcapNg(blocks) = &mut self.gathered {
            blocks.comment(comments);
        }
    }

    /// Adds whatever the format can hold. The sink sees it when enough has been gathered, or at the next
    /// [`Capture::flush`]. A classic capture takes packets of Ethernet, without their comments, and leaves the rest out:
    /// whoever has more to tell asks for [`Format::PcapNg`].
    ///
    /// # Errors
    /// [`CaptureError::Sink`] where the sink did not take what was gathered. The capture has then ended.
    pub fn record(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        if let Record::Packet(packet) = record {
            return self.packet(packet);
        }
        let is_out_of_turn = |time: &Timestamp| self.order.as_mut().is_some_and(|order| !order.takes(*time));
        match record.time().filter(is_out_of_turn) {
            Some(time) => self.in_turn(record, time)?,
            None => self.gathered.append(record)?,
        }
        self.hand_over_if_enough()
    }

    /// Adds a packet of Ethernet, as [`Capture::record`] does.
    ///
    /// # Errors
    /// Those of [`Capture::record`].
    #[inline(always)]
    pub fn packet(&mut self, packet: &Packet<'_>) -> Result<(), CaptureError> {
        if let Some(order) = &mut self.order
            && !order.takes(packet.about.time)
        {
            self.in_turn(&Record::Packet(packet), packet.about.time)?;
        } else {
            self.gathered.prepare_packet(&packet.about)?;
            self.gathered.append_packet(packet);
        }
        self.hand_over_if_enough()
    }

    /// A record of this time is yet to come: later ones wait for it, until it is settled that it has come.
    #[inline]
    pub fn expect(&mut self, time: Timestamp) {
        self.order.iter_mut().for_each(|order| order.expect(time));
    }

    /// Nothing that is earlier than `until` will come any more: what waited for that goes out.
    ///
    /// # Errors
    /// Those of [`Capture::record`].
    #[inline]
    pub fn settle(&mut self, until: Timestamp) -> Result<(), CaptureError> {
        while let Some(records) = self.order.as_mut().and_then(|order| order.next_until(until)) {
            self.gathered.room().extend_from_slice(records);
            self.hand_over_if_enough()?;
        }
        Ok(())
    }

    /// The traces' clock was set back to `time`: what waits goes out, and the capture goes on from there.
    ///
    /// # Errors
    /// Those of [`Capture::record`].
    pub fn set_back(&mut self, time: Timestamp) -> Result<(), CaptureError> {
        self.settle(Timestamp::MAX)?;
        self.order.iter_mut().for_each(|order| order.restart(time));
        Ok(())
    }

    /// Adds a record that comes before its turn, or too late.
    #[inline(never)]
    fn in_turn(&mut self, record: &Record<'_>, time: Timestamp) -> Result<(), CaptureError> {
        let Self { gathered, order: Some(order), .. } = self else { return Ok(()) };
        match order.turn(time) {
            Turn::Next(time) => gathered.append_at(time, record),
            Turn::Waits => {
                gathered.append_to(order.room(), record)?;
                order.keep(time);
                Ok(())
            }
        }
    }

    #[inline(always)]
    fn hand_over_if_enough(&mut self) -> Result<(), CaptureError> {
        if self.gathered.bytes().len() >= BUFFER_BYTES { self.hand_over() } else { Ok(()) }
    }

    /// When the last packet was, as far as the format counts them.
    pub fn last(&self) -> Option<Timestamp> {
        match &self.gathered {
            WholeRecords::Pcap(_) => None,
            WholeRecords::PcapNg(blocks) => blocks.last(),
        }
    }

    /// For the comment of the whole capture to be this text: what is to be written at which byte of it, where that can be.
    pub fn section_comment(&self, text: &str) -> Option<(u64, Vec<u8>)> {
        matches!(self.gathered, WholeRecords::PcapNg(_)).then(|| pcapng::section::comment(text))
    }

    /// The end of the capture: what is only known then.
    ///
    /// # Errors
    /// Those of [`Capture::record`].
    pub fn finish(&mut self) -> Result<(), CaptureError> {
        match &mut self.gathered {
            WholeRecords::Pcap(_) => Ok(()),
            WholeRecords::PcapNg(blocks) => blocks.finish(),
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

    /// Bytes of the capture so far, its header and what is still gathered included.
    pub fn bytes(&self) -> u64 {
        self.handed_over + self.waiting()
    }

    /// Gives the sink back, without what is still gathered.
    pub fn into_sink(self) -> W {
        self.sink
    }

    /// Bytes that are still gathered.
    fn waiting(&self) -> u64 {
        u64::try_from(self.gathered.bytes().len()).unwrap_or(u64::MAX)
    }

    /// Gives the gathered records to the sink in one call; the header in a call of its own, so that a capture is readable
    /// from then on also where the records do not fit. After a failure, which may have left part of a record there,
    /// nothing may follow, so what was gathered is dropped.
    fn hand_over(&mut self) -> Result<(), CaptureError> {
        if self.gathered.bytes().is_empty() {
            return Ok(());
        }
        let header = if self.handed_over == 0 { self.header } else { 0 };
        let (header, records) = self.gathered.bytes().split_at_checked(header).unwrap_or_default();
        let done = self.sink.write_all(header).and_then(|()| self.sink.write_all(records)).map_err(CaptureError::Sink);
        if done.is_ok() {
            self.handed_over += self.waiting();
        }
        self.gathered.room().clear();
        done
    }
}
