//! A connection of the trace as a TCP connection: its sides as client and server, its calls as segments, each with who
//! made it.

use crate::event::{Direction, HostPort, Marking, ProcessRef, Timestamp, as_u64};
use crate::packets::news::News;
use crate::packets::output::PacketOutput;
use crate::packets::segmenter::{Endpoint, Segmenter};
use crate::sockets::{Connection, Moved, Opening, Refs, Side, Stream};
use crate::wire::{About, Flags, HandshakeOptions, Remarks, Sink};
use crate::work;

/// The thread whose call shows what happened, and the side it is on.
pub type Witness = (Marking, Side);

/// What a call moved in one direction, as far as it is news.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The end that sent it.
    pub sender: Side,
    /// When.
    pub time: Timestamp,
    /// Whose call shows it.
    pub by: Witness,
    /// How many bytes before its first one are not to be shown.
    pub skipped: u64,
    /// The bytes that are in the trace.
    pub bytes: &'a [u8],
    /// How many more moved.
    pub missing: u64,
    /// What is to be read beside its first packet.
    pub comment: Option<&'a str>,
    /// Its last byte is urgent.
    pub is_urgent: bool,
}

impl<'a> Chunk<'a> {
    /// What a call moved, but for its first `front` bytes.
    #[inline(always)]
    pub fn of(moved: &Moved, stream: Stream, front: u64, refs: Refs<'a>) -> Self {
        let bytes = usize::try_from(front).ok().and_then(|front| refs.bytes(moved.payload).get(front..));
        let bytes = bytes.unwrap_or_default();
        let sender = stream.sender(moved.direction);
        Self {
            sender,
            time: moved.moment(),
            by: stream.sent_by.map_or((moved.marking, stream.side), |by| (by, sender)),
            skipped: stream.skipped,
            bytes,
            missing: moved.moved.saturating_sub(front).saturating_sub(as_u64(bytes.len())),
            comment: None,
            is_urgent: moved.shape.is_urgent,
        }
    }

    /// How many bytes moved.
    pub const fn moved(&self) -> u64 {
        as_u64(self.bytes.len()).saturating_add(self.missing)
    }

    /// What is known of a packet that shows all of it.
    pub fn about(&self) -> About<'_> {
        let (marking, side) = self.by;
        let direction = if side == self.sender { Direction::Sent } else { Direction::Received };
        About { comment: self.comment, ..About::made(self.time, marking, direction) }
    }
}

/// A [`Chunk`] that waits, with its own bytes.
#[derive(Clone, Debug)]
pub struct OwnChunk {
    /// The end that sent it.
    pub sender: Side,
    /// When.
    pub time: Timestamp,
    /// Whose call shows it.
    pub by: Witness,
    /// The bytes that are in the trace.
    pub bytes: Vec<u8>,
    /// How many more moved.
    pub missing: u64,
    skipped: u64,
    comment: Option<String>,
    is_urgent: bool,
}

impl OwnChunk {
    /// A copy.
    pub fn of(chunk: &Chunk<'_>) -> Self {
        let Chunk { sender, time, by, skipped, bytes, missing, comment, is_urgent } = *chunk;
        work::steps(bytes.len());
        let (bytes, comment) = (bytes.to_vec(), comment.map(str::to_owned));
        Self { sender, time, by, bytes, missing, skipped, comment, is_urgent }
    }

    /// As it was.
    pub fn chunk(&self) -> Chunk<'_> {
        let Self { sender, time, by, ref bytes, missing, skipped, ref comment, is_urgent } = *self;
        Chunk { sender, time, by, skipped, bytes, missing, comment: comment.as_deref(), is_urgent }
    }

    /// How much memory it takes, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

/// What SYNs announce in the wire view: the largest segment over IPv4, that acknowledgements may be selective, and a scale
/// as Linux has it.
pub const HANDSHAKE: HandshakeOptions = HandshakeOptions { mss: 65_495, window_scale: 7 };

/// A connection as its packets show it.
#[derive(Debug)]
pub struct TcpConnection {
    segments: Segmenter,
    client: Side,
    news: News,
    /// What is to be said of the next packet.
    next: Remarks,
}

impl TcpConnection {
    /// A connection whose client is the end on `client`; `ends` are client and server. Nothing is written yet.
    pub const fn new(client: Side, ends: [Endpoint; 2], window: u16, options: Option<HandshakeOptions>) -> Self {
        let [client_end, server_end] = ends;
        let ends = match client {
            Side::First => [client_end, server_end],
            Side::Second => [server_end, client_end],
        };
        Self { segments: Segmenter::new(ends, window, options), client, news: News::NONE, next: Remarks::NONE }
    }

    /// SYN, SYN-ACK and ACK at three times; `comment` is to be read beside the first.
    pub fn handshake<S: Sink>(
        &mut self,
        [syn, syn_ack, ack]: [Timestamp; 3],
        by: Option<Witness>,
        comment: Option<&str>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let (client, server) = (self.client, self.client.other());
        let about = About { comment, ..self.about(client, syn, by) };
        out.frame(about, self.segments.segment(client, Flags::SYN, (&[], 0)))?;
        self.bare(server, Flags::SYN_ACK, syn_ack, by, out)?;
        self.bare(client, Flags::ACK, ack, by, out)
    }

    /// The SYN alone.
    pub fn syn<S: Sink>(
        &mut self,
        time: Timestamp,
        by: Option<Witness>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.bare(self.client, Flags::SYN, time, by, out)
    }

    /// Payload of one call, mostly one segment that shows all of it.
    #[inline(always)]
    pub fn write<S: Sink>(&mut self, chunk: &Chunk<'_>, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        let Chunk { sender, time, by, skipped, bytes, missing, comment, is_urgent } = *chunk;
        let fits = !bytes.is_empty() && bytes.len() <= self.segments.longest(sender);
        if !fits || missing > 0 || skipped > 0 || is_urgent {
            return self.write_in_parts(chunk, out);
        }
        let about = About { comment, ..self.about(sender, time, Some(by)) };
        out.frame(about, self.segments.segment(sender, Flags::PSH_ACK, (bytes, bytes.len())))
    }

    /// Payload of one call, in as many segments as IP needs, all at one time. What is not to be shown before it is a gap in
    /// the sequence numbers.
    #[inline(never)]
    fn write_in_parts<S: Sink>(&mut self, chunk: &Chunk<'_>, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        let Chunk { sender, time, by, skipped, mut bytes, comment, .. } = *chunk;
        if skipped > 0 {
            self.skip(sender, skipped);
        }
        let mut left = chunk.moved();
        let longest = self.segments.longest(sender);
        let mut about = About { comment, ..self.about(sender, time, Some(by)) };
        let unshown = if chunk.missing > as_u64(longest) { unshown(chunk.missing, longest, out) } else { 0 };
        left -= unshown;
        if chunk.missing > 0 {
            about.remarks = about.remarks.and(self.news.lost());
        }
        while left > 0 {
            work::steps(1);
            let length = usize::try_from(left).map_or(longest, |left| left.min(longest));
            let (own, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
            left -= as_u64(length);
            let flags = if chunk.is_urgent && left == 0 { Flags::PSH_ACK.and(Flags::URG) } else { Flags::PSH_ACK };
            out.frame(about, self.segments.segment(sender, flags, (own, length)))?;
            (about.comment, about.remarks) = (None, Remarks::NONE);
            bytes = rest;
        }
        if unshown > 0 {
            self.skip(sender, unshown);
        }
        Ok(())
    }

    /// The next packet is such a one.
    pub const fn remark(&mut self, remark: Remarks) {
        self.next = self.next.and(remark);
    }

    /// `bytes` of the end on `side` are not to be shown: a gap in the sequence numbers.
    pub const fn skip(&mut self, side: Side, bytes: u64) {
        self.segments.skip(side, bytes);
    }

    /// An ACK of everything that the end on `side` has been sent.
    pub fn acknowledge<S: Sink>(
        &mut self,
        side: Side,
        time: Timestamp,
        (marking, by): Witness,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let unmade = (Marking { op: None, ..marking }, by);
        self.bare(side, Flags::ACK, time, Some(unmade), out)
    }

    /// The FIN of the end on `side`, once, and the other end's ACK of it `acknowledged_after` nanoseconds later; `comment` is
    /// to be read beside the FIN.
    pub fn finish<S: Sink>(
        &mut self,
        (side, comment): (Side, Option<&str>),
        (time, acknowledged_after): (Timestamp, u64),
        by: Witness,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        if self.segments.has_finished(side) {
            return Ok(());
        }
        let about = About { comment, ..self.about(side, time, Some(by)) };
        out.frame(about, self.segments.segment(side, Flags::FIN_ACK, (&[], 0)))?;
        self.acknowledge(side.other(), time.after(acknowledged_after), by, out)
    }

    /// The RST of the end on `side`, which fits what has been sent.
    pub fn reset<S: Sink>(
        &mut self,
        side: Side,
        time: Timestamp,
        by: Witness,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.bare(side, Flags::RST_ACK, time, Some(by), out)
    }

    /// How many bytes of the end on `side` wait for an acknowledgement.
    pub const fn unacknowledged(&self, side: Side) -> u32 {
        self.segments.unacknowledged(side)
    }

    /// The address of the end on `side`.
    pub const fn address(&self, side: Side) -> HostPort {
        self.segments.address(side)
    }

    /// Who was named last beside what the end on `side` has shown.
    pub const fn named(&self, side: Side) -> ProcessRef {
        self.news.named(side)
    }

    /// The side of the client.
    pub const fn client(&self) -> Side {
        self.client
    }

    /// A segment without payload.
    fn bare<S: Sink>(
        &mut self,
        sender: Side,
        flags: Flags,
        time: Timestamp,
        by: Option<Witness>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let about = self.about(sender, time, by);
        out.frame(about, self.segments.segment(sender, flags, (&[], 0)))
    }

    /// What is known of a segment of `sender` that a call at `time` shows.
    #[inline(always)]
    fn about(&mut self, sender: Side, time: Timestamp, by: Option<Witness>) -> About<'static> {
        let direction = |side| if side == sender { Direction::Sent } else { Direction::Received };
        let mut remarks = by.map_or(Remarks::NONE, |(marking, side)| self.news.of_end(side, &marking));
        if self.next != Remarks::NONE {
            remarks = remarks.and(std::mem::take(&mut self.next));
        }
        let by = by.map(|(marking, side)| (marking, direction(side)));
        About { time: self.segments.moment(time), by, comment: None, remarks }
    }
}

/// How many of the bytes that are missing no segment shows: they are a gap in the sequence numbers.
#[cold]
fn unshown<S: Sink>(missing: u64, longest: usize, out: &mut PacketOutput<'_, S>) -> u64 {
    let longest = as_u64(longest);
    missing.saturating_sub(out.hollow(missing.div_ceil(longest)).saturating_mul(longest))
}

/// When a connection begins of which nothing is written yet; none if that is before the trace.
pub fn begins(connection: &Connection, lead: u64) -> Option<Timestamp> {
    match connection.opening {
        Opening::Begun { entry } => Some(entry),
        Opening::Made { .. } => Some(handshake_times(connection, Timestamp::default(), lead)[0]),
        Opening::Unseen => None,
    }
}

/// When the handshake's segments were seen: at the times of connect and accept where those were traced; where only accept
/// was, shortly before its end; else `lead` nanoseconds before the first packet. Steps are a third of `lead`.
pub fn handshake_times(connection: &Connection, first: Timestamp, lead: u64) -> [Timestamp; 3] {
    let step = lead / 3;
    let (syn, ack) = match connection.opening {
        Opening::Made { connected: Some(entry), exit } => (entry, exit.max(entry)),
        Opening::Made { connected: None, exit } => (exit.before(2 * step), exit),
        Opening::Begun { .. } | Opening::Unseen => (first.before(lead), first.before(lead).after(2 * step)),
    };
    [syn, syn.after((ack.0 - syn.0) / 2), ack]
}
