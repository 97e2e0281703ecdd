//! TCP connections of the wire view: handshake where it was traced, each byte once, acknowledgements, FIN and RST.

use crate::event::{Errno, Family, Marking, Timestamp, as_u64};
use crate::inet::invented::StandIns;
use crate::inet::midway::Midway;
use crate::inet::roles::{FirstSaid, client};
use crate::inet::unaddressed::{Held, Unaddressed};
use crate::limits;
use crate::packets::contents::{self, FirstBytes};
use crate::packets::http2::Seed;
use crate::packets::{
    Chunk, Endpoint, HANDSHAKE, Invented, Late, OwnChunk, PacketOutput, Released, SmallReads, TcpConnection,
    UNKNOWN_PORT, Unread, Waits, Witness, beginning, begins, filled, handshake_times, is_unseen,
};
use crate::sockets::{
    ByConnection, Change, Connection, ConnectionId, End, Moved, Opening, Overlap, Refs, Role, Side, Stream, canonical,
    is_vague,
};
use crate::wire::{Remarks, SeqNumber, Sink};
use std::time::Duration;

/// How long before its end the handshake of an accepted connection began, in nanoseconds: what loopback needs for it.
const HANDSHAKE_LEAD: u64 = 30_000;

/// The window that every segment announces: with the scale of the handshake, 8 MiB, so that nothing ever fills it.
const WINDOW: u16 = u16::MAX;

/// Bytes that may wait for the other direction to acknowledge them; more get an ACK of their own.
const UNACKNOWLEDGED: u32 = 32 * 1024;

/// When the first packet of a connection is, and what it holds.
type First<'a> = (Timestamp, FirstSaid<'a>);

/// A connection on which nothing is said yet.
const NOTHING_SAID: First<'static> = (Timestamp(0), None);

/// All TCP connections of the view.
#[derive(Debug, Default)]
pub(super) struct Streams {
    shown: ByConnection<TcpConnection>,
    /// Connections of which nothing is shown yet: connect has not come to its end, an address is not known, or only accept
    /// has shown them. The other end's connect began before that, and where it is traced its line is about to come.
    waits: Waits<ConnectionId>,
    /// What has happened on those whose own address is about to be told.
    unaddressed: Unaddressed,
    /// Reads that may be one segment with the next.
    reads: SmallReads,
    /// What waits for the reader's call.
    unread: Unread,
    /// Those that were there before the trace, as far as they may be HTTP/2.
    midway: Midway,
    stand_ins: StandIns,
    invented: Invented,
}

impl Streams {
    /// None yet. HTTP/2 that was joined midway will be seeded so.
    pub(super) fn new(seed: Seed) -> Self {
        Self { midway: Midway::new(seed), ..Self::default() }
    }

    /// HTTP/2 on those that were there before the trace.
    pub(super) const fn midway(&self) -> &Midway {
        &self.midway
    }

    /// Payload: what of it is news becomes segments.
    pub(super) fn moved<S: Sink>(
        &mut self,
        moved: &Moved,
        stream: Stream,
        refs: Refs<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let Some(connection) = refs.connection(stream.connection) else {
            return Ok(());
        };
        if (stream.overlap != Overlap::None || !self.unread.is_empty())
            && self.moved_beside_others(connection, (moved, stream), refs, out)?
        {
            return Ok(());
        }
        if moved.moved <= stream.known {
            return Ok(());
        }
        let chunk = Chunk::of(moved, stream, stream.known, refs);
        if connection.awaits_address && self.holds_back(connection) {
            self.unaddressed.hold(connection, chunk.time, Held::Moved(OwnChunk::of(&chunk)));
            return Ok(());
        }
        if is_unseen(moved, &chunk, connection) {
            self.unread.hold(connection, (moved, stream), &chunk);
            return Ok(());
        }
        let filled = filled(moved, &chunk, connection, refs);
        if filled.is_some() || !self.reads.is_empty() {
            let (before, waits) = self.reads.meet(connection.id, &chunk, filled);
            if let Some(before) = before {
                self.write_reads(connection, before, out)?;
            }
            if waits {
                out.sink().expect(chunk.time);
                return Ok(());
            }
        }
        self.write(connection, &chunk, out)
    }

    /// Writes the reads, and what waits for a reader's call, that have waited long enough at `now`, or all.
    #[inline(never)]
    fn write_due<S: Sink>(
        &mut self,
        now: Option<Timestamp>,
        refs: Refs<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        while let Some((id, reads)) = self.reads.next_due(now) {
            if let Some(connection) = refs.connection(id) {
                self.write_reads(connection, reads, out)?;
            }
        }
        while let Some((id, lates)) = self.unread.next_due(now, refs) {
            if let Some(connection) = refs.connection(id) {
                self.write_late(connection, lates, out)?;
            }
        }
        Ok(())
    }

    /// Something moved where sends overlap or something waits for the reader. Whether it is dealt with.
    #[cold]
    #[inline(never)]
    fn moved_beside_others<S: Sink>(
        &mut self,
        connection: &Connection,
        (moved, stream): (&Moved, Stream),
        refs: Refs<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<bool, S::Error> {
        let all = Chunk::of(moved, stream, 0, refs);
        let beside = self.unread.meet(connection, (moved, stream), &all, refs);
        self.write_late(connection, beside.lates, out)?;
        Ok(beside.is_held)
    }

    fn write_late<S: Sink>(
        &mut self,
        connection: &Connection,
        lates: Vec<Late>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        for late in lates {
            match late {
                Late::Chunk(chunk) if self.holds_back(connection) => {
                    self.unaddressed.hold(connection, chunk.time, Held::Moved(chunk));
                }
                Late::Chunk(chunk) => self.write(connection, &chunk.chunk(), out)?,
                Late::Finish { side, time, marking, by } => {
                    self.finish(connection, (side, by), (marking, time), out)?;
                }
            }
        }
        Ok(())
    }

    /// Writes a FIN.
    fn finish<S: Sink>(
        &mut self,
        connection: &Connection,
        (side, by): (Side, Side),
        (marking, time): (Marking, Timestamp),
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.decide(connection, out)?;
        self.tcp(connection, (time, None), out)?;
        self.end_frames(connection.id, side, (marking, by), out)?;
        match self.shown.get_mut(connection.id) {
            Some(tcp) => tcp.finish((side, None), (time, 0), (marking, by), out),
            None => Ok(()),
        }
    }

    /// Writes reads that wait no longer.
    #[inline(never)]
    fn write_reads<S: Sink>(
        &mut self,
        connection: &Connection,
        reads: Released,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.write(connection, &reads.chunk(), out)?;
        self.reads.give_back(reads);
        Ok(())
    }

    /// Writes what moved, and an acknowledgement where much waits for one.
    #[inline(always)]
    fn write<S: Sink>(
        &mut self,
        connection: &Connection,
        chunk: &Chunk<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let Chunk { sender, time, by, bytes, .. } = *chunk;
        let tcp = match self.shown.get_mut(connection.id) {
            Some(tcp) => tcp,
            None if connection.opening == Opening::Unseen => return self.join(connection, chunk, out),
            None => {
                let beginning = FirstBytes { bytes, moved: chunk.moved() };
                self.begin(connection, (time, Some((beginning, sender))), out)?;
                let Some(tcp) = self.shown.get_mut(connection.id) else { return Ok(()) };
                tcp
            }
        };
        if self.midway.is_empty() {
            tcp.write(chunk, out)?;
        } else {
            self.midway.write(connection.id, tcp, chunk, out)?;
        }
        if tcp.unacknowledged(sender) > UNACKNOWLEDGED {
            tcp.acknowledge(sender.other(), time, by, out)?;
        }
        Ok(())
    }

    /// Writes what moved first on a connection that was there before the trace, unless it is yet to be known what it is.
    #[inline(never)]
    fn join<S: Sink>(
        &mut self,
        connection: &Connection,
        chunk: &Chunk<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let Some(joined) = self.midway.meet(connection.id, chunk) else {
            self.waits.begin(connection.id, chunk.time);
            return Ok(());
        };
        let all = || joined.held.iter().map(OwnChunk::chunk).chain([*chunk]);
        let Some(first) = all().next() else { return Ok(()) };
        let bytes = &*beginning(&joined.held, chunk, first.sender);
        let said = FirstBytes { bytes, moved: as_u64(bytes.len()).saturating_add(chunk.missing) };
        self.begin(connection, (first.time, Some((said, first.sender))), out)?;
        if let Some(tcp) = self.shown.get_mut(connection.id) {
            self.midway.begin(&joined, tcp, &first, out)?;
        }
        all().try_for_each(|chunk| self.write(connection, &chunk, out))
    }

    /// What has moved on a connection and does not tell what it is goes out: no more is to come soon.
    fn decide<S: Sink>(&mut self, connection: &Connection, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        if self.midway.is_empty() {
            return Ok(());
        }
        let held = self.midway.take_undecided(connection.id);
        let Some(first) = held.first().map(OwnChunk::chunk) else { return Ok(()) };
        let beginning = FirstBytes { bytes: first.bytes, moved: first.moved() };
        self.begin(connection, (first.time, Some((beginning, first.sender))), out)?;
        held.iter().try_for_each(|held| self.write(connection, &held.chunk(), out))
    }

    /// What is held of the last frame of an end goes out.
    fn end_frames<S: Sink>(
        &mut self,
        id: ConnectionId,
        side: Side,
        by: Witness,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        match self.shown.get_mut(id) {
            Some(tcp) if !self.midway.is_empty() => self.midway.finish((id, side), tcp, by, out),
            _ => Ok(()),
        }
    }

    /// Whether nothing is written yet of a connection, because its address is about to be told.
    fn holds_back(&self, connection: &Connection) -> bool {
        connection.awaits_address && self.shown.get(connection.id).is_none()
    }

    /// What began to wait for its address before `time` goes out as it is.
    #[inline]
    fn give_up_before<S: Sink>(&mut self, time: Timestamp, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        while let Some(waiting) = self.unaddressed.take_overdue(time) {
            self.resume(&waiting.connection, &waiting.held, out)?;
        }
        Ok(())
    }

    /// What was held of a connection is written.
    fn resume<S: Sink>(
        &mut self,
        connection: &Connection,
        held: &[Held],
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        held.iter().try_for_each(|held| match held {
            Held::Moved(chunk) => self.write(connection, &chunk.chunk(), out),
            Held::Change(change) => self.show(connection, change, out),
        })
    }

    /// Everything but payload, unless it has to wait.
    pub(super) fn change<S: Sink>(
        &mut self,
        connection: &Connection,
        change: &Change,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        if let Some(reads) = self.reads.release(connection.id) {
            self.write_reads(connection, reads, out)?;
        }
        if self.unread.concerns(connection) {
            let beside = self.unread.change(connection, change);
            self.write_late(connection, beside.lates, out)?;
            if beside.is_held {
                return Ok(());
            }
        }
        let time = match change {
            Change::Closed { .. } => return Ok(()),
            Change::Begun { .. } => None,
            Change::Opened { .. } => Some(connection.opening.last()),
            Change::Finished { time, .. } | Change::Reset { time, .. } => Some(*time),
            _ => {
                if let Some(waiting) = self.unaddressed.take(connection.id) {
                    self.resume(connection, &waiting.held, out)?;
                }
                None
            }
        };
        match time {
            Some(time) if self.holds_back(connection) => {
                self.unaddressed.hold(connection, time, Held::Change(change.clone()));
                Ok(())
            }
            _ => self.show(connection, change, out),
        }
    }

    /// Everything but payload.
    fn show<S: Sink>(
        &mut self,
        connection: &Connection,
        change: &Change,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        match change {
            Change::Begun { .. } => self.wait(connection),
            Change::Opened { .. } if is_seen_by_accept_alone(connection) => self.wait(connection),
            Change::Opened { .. } => {
                self.decide(connection, out)?;
                self.tcp(connection, NOTHING_SAID, out)?;
            }
            Change::Failed { error, time, .. } => {
                self.waits.end(connection.id);
                failed(connection, (*error, *time), &mut self.stand_ins, out)?;
            }
            Change::Finished { side, by, marking, time, .. } => {
                self.finish(connection, (*side, *by), (*marking, *time), out)?;
            }
            Change::Reset { side, by, marking, time, .. } => {
                self.decide(connection, out)?;
                for side in Side::BOTH {
                    self.end_frames(connection.id, side, (*marking, *by), out)?;
                }
                if let Some(tcp) = self.tcp(connection, (*time, None), out)? {
                    tcp.reset(*side, *time, (*marking, *by), out)?;
                }
            }
            Change::ConnectionForgotten { .. } => {
                self.decide(connection, out)?;
                if self.waits.end(connection.id) {
                    self.show_silent(connection, out)?;
                }
                self.forget(connection, out)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The connection is over.
    fn forget<S: Sink>(&mut self, connection: &Connection, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        if !self.midway.is_empty() {
            let user = |side: Side| connection.calls(side).marking.map(|marking| (marking, side));
            if let Some(by) = user(Side::First).or_else(|| user(Side::Second)) {
                self.end_frames(connection.id, Side::First, by, out)?;
                self.end_frames(connection.id, Side::Second, by, out)?;
            }
            self.midway.forget(connection.id);
        }
        self.shown.forget(connection.id);
        Ok(())
    }

    /// The connection is yet to be shown, if it has not been.
    fn wait(&mut self, connection: &Connection) {
        if self.shown.get(connection.id).is_none()
            && let Some(time) = begins(connection, HANDSHAKE_LEAD)
        {
            self.waits.begin(connection.id, time);
        }
    }

    /// A connection on which nothing has been said: its handshake, or the SYN if it has not been made.
    fn show_silent<S: Sink>(&mut self, connection: &Connection, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        match connection.opening {
            _ if connection.kind_guessed => Ok(()),
            Opening::Begun { entry } => failed(connection, (Errno::InProgress, entry), &mut self.stand_ins, out),
            _ => self.tcp(connection, NOTHING_SAID, out).map(drop),
        }
    }

    /// Whether anything waits that is to be looked at at `now`.
    #[inline(always)]
    pub(super) fn have_due(&self, now: Timestamp) -> bool {
        let nothing_waits = self.waits.is_empty() && !self.unread.waits() && self.unaddressed.is_empty();
        !nothing_waits || self.reads.are_due(now)
    }

    /// What has waited long enough at `now` is written, as far as it can be. The moment at which the first begins of what
    /// others wait for.
    #[inline]
    pub(super) fn settle<S: Sink>(
        &mut self,
        now: Timestamp,
        refs: Refs<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<Timestamp, S::Error> {
        if self.reads.are_due(now) || self.unread.waits() {
            self.write_due(Some(now), refs, out)?;
        }
        let since = now.before(limits::WAITING_TIME);
        if !self.unaddressed.is_empty() {
            self.give_up_before(since, out)?;
        }
        self.waits.forget_before(since);
        let waits = self.waits.earliest().min(self.unaddressed.earliest());
        Ok(waits.min(self.reads.earliest()).min(self.unread.earliest()))
    }

    /// Nothing has come for so long: what waits for another call is written. After long, what has been made is shown as far
    /// as it is known, and keeps its stand-ins.
    pub(super) fn pause<S: Sink>(
        &mut self,
        quiet: Duration,
        refs: Refs<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.write_due(None, refs, out)?;
        if quiet < limits::LONG_PAUSE {
            return Ok(());
        }
        self.give_up_before(Timestamp::MAX, out)?;
        for id in self.waits.all() {
            let Some(connection) = refs.connection(id) else { continue };
            self.decide(connection, out)?;
            if matches!(connection.opening, Opening::Made { .. }) {
                self.show_silent(connection, out)?;
            }
        }
        Ok(())
    }

    /// How many connections have been shown with invented addresses.
    pub(super) const fn invented(&self) -> Invented {
        self.invented
    }

    /// The conversation of a connection; begun, with its handshake if that was traced, when it is asked for first.
    #[inline]
    fn tcp<S: Sink>(
        &mut self,
        connection: &Connection,
        first: First<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<Option<&mut TcpConnection>, S::Error> {
        if self.shown.get(connection.id).is_none() {
            self.begin(connection, first, out)?;
        }
        Ok(self.shown.get_mut(connection.id))
    }

    #[inline(never)]
    fn begin<S: Sink>(
        &mut self,
        connection: &Connection,
        first: First<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.waits.end(connection.id);
        count_invented(connection, &mut self.invented);
        let (time, beginning) = first;
        let (mut tcp, opener) = new_connection(connection, beginning, &mut self.stand_ins);
        if matches!(connection.opening, Opening::Made { .. }) {
            tcp.handshake(handshake_times(connection, time, HANDSHAKE_LEAD), opener, None, out)?;
        }
        self.shown.insert(connection.id, tcp);
        Ok(())
    }
}

/// Whether the connection was accepted, and nothing has been heard of the end that connected.
fn is_seen_by_accept_alone(connection: &Connection) -> bool {
    let is_accepted = Side::BOTH.into_iter().any(|side| connection.end(side).role == Role::Accepted);
    let connect_is_unseen = matches!(connection.opening, Opening::Made { connected: None, .. });
    is_accepted && connect_is_unseen
}

/// Whether a stand-in is shown for an end's address.
fn is_open(end: &End) -> bool {
    end.address().is_none_or(is_vague)
}

/// Counts a connection of which not both addresses are known. One that could not be made is none: its socket had no
/// address to know.
fn count_invented(connection: &Connection, invented: &mut Invented) {
    let [first, second] = Side::BOTH.map(|side| connection.end(side));
    if [first, second].iter().any(|end| end.traced && is_open(end)) {
        invented.own += 1;
    } else if is_open(first) || is_open(second) {
        invented.peers += 1;
    }
}

/// A conversation that has not begun, and who opened it.
fn new_connection(
    connection: &Connection,
    said: FirstSaid<'_>,
    stand_ins: &mut StandIns,
) -> (TcpConnection, Option<Witness>) {
    let client = client(connection, said);
    let known = |side: Side| connection.end(side).address().map(canonical);
    // By the port Wireshark picks the dissector: where it is not known, the first bytes ask for one.
    let protocol = said.and_then(|(beginning, _)| contents::protocol(&beginning));
    let port = protocol.map_or(UNKNOWN_PORT, |protocol| protocol.port);
    let ends = (known(client), known(client.other()));
    let (client_address, server_address) = stand_ins.of_connection(ends, connection.family == Family::Inet6, port);
    let (client_isn, server_isn) = isns(connection.id);
    let ends = [(client_address, client_isn), (server_address, server_isn)];
    let ends = ends.map(|(address, isn)| Endpoint::new(address.into(), None, isn));
    let opener = connection.opener(client);
    let mut tcp = TcpConnection::new(client, ends, WINDOW, Some(HANDSHAKE));
    let has_stand_in = Side::BOTH.into_iter().any(|side| is_open(connection.end(side)));
    tcp.remark(Remarks::STAND_IN.only_if(has_stand_in));
    (tcp, opener)
}

/// Initial sequence numbers: spread over the space, so that a connection that reuses another's ports is not taken for it.
fn isns(id: ConnectionId) -> (SeqNumber, SeqNumber) {
    const SPREAD: u64 = 0x9e37_79b1;
    (
        SeqNumber(0x1000_0000).advanced(u64::from(id.number) * SPREAD),
        SeqNumber(0x7000_0000).advanced(u64::from(id.number) * SPREAD),
    )
}

/// A connection that could not be made: the SYN, and the RST of a port where nobody listens. Other errors are found before
/// anything is sent.
fn failed<S: Sink>(
    connection: &Connection,
    (error, time): (Errno, Timestamp),
    stand_ins: &mut StandIns,
    out: &mut PacketOutput<'_, S>,
) -> Result<(), S::Error> {
    let Opening::Begun { entry } = connection.opening else {
        return Ok(());
    };
    if matches!(error, Errno::NetUnreachable | Errno::Other) {
        return Ok(());
    }
    let (mut tcp, opener) = new_connection(connection, None, stand_ins);
    tcp.syn(entry, opener, out)?;
    if let (Errno::ConnRefused | Errno::ConnReset, Some(opener)) = (error, opener) {
        tcp.reset(tcp.client().other(), time, opener, out)?;
    }
    Ok(())
}
