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
    /// The sequence number of its next byte.
    next: SeqNumber,
    /// How much of what it sent the other end has acknowledged.
    acknowledged: SeqNumber,
}

impl Endpoint {
    /// An end whose first segment has the sequence number `first`: its ISN if a handshake follows.
    pub const fn new(address: HostPort, first: SeqNumber) -> Self {
        Self { address, next: first, acknowledged: first }
    }
}

/// How far both directions of a connection have come.
#[derive(Clone, Debug)]
pub(super) struct Segmenter {
    ends: [Endpoint; 2],
    /// Which of them have sent their FIN.
    finished: [bool; 2],
    /// Theirs, where packets carry these instead of the marking; SYNs have no options then.
    macs: Option<[Mac; 2]>,
    last: Timestamp,
}

/// What SYNs announce: the largest segment over IPv4, that acknowledgements may be selective, and a scale as Linux has it.
const HANDSHAKE: HandshakeOptions = HandshakeOptions { mss: 65_495, window_scale: 7 };

/// The window that every segment announces: with the scale of the handshake, 8 MiB, so that nothing ever fills it.
const WINDOW: u16 = u16::MAX;

/// Longest payload of one TCP segment over IPv4: 65 535 less 20 of IP and 20 of TCP.
const LONGEST_SEGMENT_V4: usize = 65_495;

/// Longest payload of one TCP segment over IPv6, whose length field does not count its own header.
const LONGEST_SEGMENT_V6: usize = 65_515;

impl Segmenter {
    /// The first and the second end, of which nothing is written yet.
    pub(super) const fn new(ends: [Endpoint; 2], macs: Option<[Mac; 2]>) -> Self {
        Self { ends, finished: [false; 2], macs, last: Timestamp(0) }
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
        *sender.of(&self.finished)
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
        let options = (flags.has(Flags::SYN) && self.macs.is_none()).then_some(HANDSHAKE);
        let link = self.macs.map_or(LinkHeader::Marking, |macs| LinkHeader::Macs {
            source: *sender.of(&macs),
            target: *sender.other().of(&macs),
        });
        *sender.of_mut(&mut self.finished) |= flags.has(Flags::FIN);
        let (from, to) = self.ends_mut(sender);
        let seq = from.next;
        let ends_or_begins = flags.has(Flags::SYN) || flags.has(Flags::FIN);
        from.next = seq.advanced(as_u64(original) + u64::from(ends_or_begins));
        let ack = if flags.has(Flags::ACK) {
            to.acknowledged = to.next;
            to.next
        } else {
            SeqNumber(0)
        };
        let transport = TransportHeader::Tcp { seq, ack, flags, window: WINDOW, options };
        Frame { link, source: &from.address, target: &to.address, id: 0, transport, payload, original }
    }
}
