//! The segments of one TCP connection: sequence numbers, acknowledgements and the order of flags (RFC 9293 §3.4, §3.5).
//!
//! The law of this file: per direction, seq never repeats, and skips only what it is told to; ack is what the other end
//! has sent so far; a SYN and a FIN take one sequence number each; time never goes backwards within the connection, unless the
//! traces' own clock does.

use crate::event::{HostPort, Timestamp, as_u64};
use crate::limits;
use crate::sockets::Side;
use crate::wire::{Flags, Frame, HandshakeOptions, LinkHeader, Mac, SeqNumber, TransportHeader};

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Address and port.
    address: HostPort,
    /// Its MAC, where packets carry MACs of the ends instead of the marking.
    mac: Option<Mac>,
    /// The sequence number of its next byte.
    next: SeqNumber,
    /// How much of what it sent the other end has acknowledged.
    acknowledged: SeqNumber,
    /// It has sent its FIN.
    finished: bool,
}

impl Endpoint {
    /// An end whose first segment has the sequence number `first`: its ISN if a handshake follows.
    pub const fn new(address: HostPort, mac: Option<Mac>, first: SeqNumber) -> Self {
        Self { address, mac, next: first, acknowledged: first, finished: false }
    }
}

/// How far both directions of a connection have come.
#[derive(Clone, Debug)]
pub(super) struct Segmenter {
    ends: [Endpoint; 2],
    window: u16,
    options: Option<HandshakeOptions>,
    last: Timestamp,
}

/// Longest payload of one TCP segment over IPv4: 65 535 less 20 of IP and 20 of TCP.
const LONGEST_SEGMENT_V4: usize = 65_495;

/// Longest payload of one TCP segment over IPv6, whose length field does not count its own header.
const LONGEST_SEGMENT_V6: usize = 65_515;

impl Segmenter {
    /// The first and the second end, of which nothing is written yet. Each segment announces `window`; SYNs carry
    /// `options`.
    pub(super) const fn new(ends: [Endpoint; 2], window: u16, options: Option<HandshakeOptions>) -> Self {
        Self { ends, window, options, last: Timestamp(0) }
    }

    const fn end(&self, side: Side) -> &Endpoint {
        side.of(&self.ends)
    }

    const fn ends_mut(&mut self, side: Side) -> (&mut Endpoint, &mut Endpoint) {
        side.and_other_mut(&mut self.ends)
    }

    /// The address of the end on `side`.
    pub(super) const fn address(&self, side: Side) -> HostPort {
        self.end(side).address
    }

    /// Bytes of `sender` that the other end has not acknowledged in a segment of its own.
    pub(super) const fn unacknowledged(&self, sender: Side) -> u32 {
        let end = self.end(sender);
        end.next.0.wrapping_sub(end.acknowledged.0)
    }

    /// Whether `sender` has sent its FIN.
    pub(super) const fn has_finished(&self, sender: Side) -> bool {
        self.end(sender).finished
    }

    /// The longest payload that a segment of `sender` can have.
    pub(super) const fn longest(&self, sender: Side) -> usize {
        match self.end(sender).address {
            HostPort::V4(..) => LONGEST_SEGMENT_V4,
            HostPort::V6(..) => LONGEST_SEGMENT_V6,
        }
    }

    /// `bytes` that no segment shows: a reader finds the gap that a lost segment leaves.
    pub(super) const fn skip(&mut self, sender: Side, bytes: u64) {
        let (end, _) = self.ends_mut(sender);
        end.next = end.next.advanced(bytes);
    }

    /// When a segment that was seen at `time` is written: not before the one before, unless the traces' clock was set back.
    #[inline]
    pub(super) fn moment(&mut self, time: Timestamp) -> Timestamp {
        self.last = self.last.moved_to(time, limits::WAITING_TIME);
        self.last
    }

    /// The next segment of `sender`. Of `original` bytes of payload those in `payload` are there.
    #[inline(always)]
    pub(super) fn segment<'a>(
        &'a mut self,
        sender: Side,
        flags: Flags,
        (payload, original): (&'a [u8], usize),
    ) -> Frame<'a> {
        let (window, options) = (self.window, self.options.filter(|_| flags.has(Flags::SYN)));
        let (from, to) = self.ends_mut(sender);
        let seq = from.next;
        let ends_or_begins = flags.has(Flags::SYN) || flags.has(Flags::FIN);
        from.next = seq.advanced(as_u64(original) + u64::from(ends_or_begins));
        from.finished |= flags.has(Flags::FIN);
        let ack = if flags.has(Flags::ACK) {
            to.acknowledged = to.next;
            to.next
        } else {
            SeqNumber(0)
        };
        let link = match (from.mac, to.mac) {
            (Some(source), Some(target)) => LinkHeader::Macs { source, target },
            _ => LinkHeader::Marking,
        };
        let transport = TransportHeader::Tcp { seq, ack, flags, window, options };
        Frame { link, source: &from.address, target: &to.address, id: 0, transport, payload, original }
    }
}
