//! TCP connections of the wire view: handshake where it was traced, each byte once, acknowledgements, FIN and RST.

use crate::event::{Errno, Family, Timestamp};
use crate::inet::invented::{Invented, StandIns};
use crate::inet::unaddressed::{Held, OwnPortion, Unaddressed, Waiting};
use crate::limits;
use crate::packets::contents::{self, Beginning};
use crate::packets::{Endpoint, Ids, Look, Portion, Talk, UNKNOWN_PORT, Witness, handshake_times};
use crate::sockets::{
    ByConnection, Change, Connection, ConnectionId, End, Moved, Opening, Refs, Role, Side, Stream, canonical, is_vague,
};
use crate::wire::{HandshakeOptions, SeqNumber, Sink};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// How long before its end the handshake of an accepted connection began, in nanoseconds: what loopback needs for it.
const HANDSHAKE_LEAD: u64 = 30_000;

/// The window that every segment announces: with the scale of the handshake, 8 MiB, so that nothing ever fills it.
const WINDOW: u16 = u16::MAX;

/// What SYNs announce: the largest segment that is ever written, and a scale as Linux has it.
const OPTIONS: HandshakeOptions = HandshakeOptions { mss: 65_495, window_scale: 7 };

/// Bytes that may wait for the other direction to acknowledge them; more get an ACK of their own.
const UNACKNOWLEDGED: u32 = 32 * 1024;

/// When the first packet of a connection is, and what it holds.
type First<'a> = (Timestamp, Said<'a>);

/// What is said first on a connection, and by which end.
type Said<'a> = Option<(Beginning<'a>, Side)>;

/// A connection on which nothing is said yet.
const NOTHING_SAID: First<'static> = (Timestamp(0), None);

/// All TCP connections of the view.
#[derive(Debug, Default)]
pub(super) struct Streams {
    talks: ByConnection<Talk>,
    /// Connections that only accept has shown so far. The other end's connect began before it, and where that is traced its
    /// line is about to come: their handshakes wait for that, for their first payload, or for the input to pause.
    accepted: BTreeMap<ConnectionId, Connection>,
    unaddressed: Unaddressed,
    stand_ins: StandIns,
    invented: Invented,
}

impl Streams {
    /// Payload: what of it is news becomes segments.
    pub(super) fn moved<S: Sink>(
        &mut self,
        moved: &Moved,
        stream: Stream,
        refs: Refs<'_>,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let fresh = moved.moved.saturating_sub(stream.known);
        let Some(connection) = refs.connection(stream.connection).filter(|_| fresh > 0) else {
            return Ok(());
        };
        let known = usize::try_from(stream.known).unwrap_or(usize::MAX);
        let bytes = refs.bytes(moved.payload).get(known..).unwrap_or_default();
        let time = moved.moment();
        let by = (moved.marking, stream.side);
        let sender = stream.sender(moved.direction);
        let missing = fresh.saturating_sub(bytes.len() as u64);
        let portion = Portion { sender, time, by, bytes, missing };
        if (connection.awaits_address || !self.unaddressed.is_empty())
            && self.is_held(connection, &portion, stream.skipped, ids, sink)?
        {
            return Ok(());
        }
        self.write(connection, &portion, stream.skipped, ids, sink)
    }

    /// Whether bytes have to wait, and do.
    #[cold]
    #[inline(never)]
    fn is_held<S: Sink>(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<bool, S::Error> {
        self.give_up_before(portion.time.before(limits::WAITING_NANOSECONDS), ids, sink)?;
        let waits = self.waits(connection);
        if waits {
            let held = Held::Moved { portion: OwnPortion::of(portion), skipped };
            self.unaddressed.hold(connection, portion.time, held);
        }
        Ok(waits)
    }

    #[inline(always)]
    fn write<S: Sink>(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Portion { sender, time, by, bytes, missing } = *portion;
        if self.talks.get(connection.id).is_none() {
            let moved = missing.saturating_add(bytes.len() as u64);
            self.begin(connection, (time, Some((Beginning { bytes, moved }, sender))), ids, sink)?;
        }
        let Some(talk) = self.talks.get_mut(connection.id) else {
            return Ok(());
        };
        if skipped > 0 {
            talk.skip(sender, skipped);
        }
        talk.write(portion, ids, sink)?;
        if talk.unacknowledged(sender) > UNACKNOWLEDGED {
            talk.acknowledge(sender.other(), time, by, ids, sink)?;
        }
        Ok(())
    }

    /// Whether nothing is written yet of a connection, because its address is about to be told.
    fn waits(&self, connection: &Connection) -> bool {
        connection.awaits_address && self.talks.get(connection.id).is_none()
    }

    /// What began to wait for its address before `time` goes out as it is.
    fn give_up_before<S: Sink>(&mut self, time: Timestamp, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        while let Some(waiting) = self.unaddressed.take_overdue(time) {
            let connection = waiting.connection.clone();
            self.resume(&connection, &waiting, ids, sink)?;
        }
        Ok(())
    }

    /// What was held of a connection is written.
    fn resume<S: Sink>(
        &mut self,
        connection: &Connection,
        waiting: &Waiting,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        for held in &waiting.held {
            match held {
                Held::Moved { portion, skipped } => {
                    self.write(connection, &portion.portion(), *skipped, ids, sink)?;
                }
                Held::Change(change) => self.show(connection, change, ids, sink)?,
            }
        }
        Ok(())
    }

    /// Everything but payload, unless it has to wait.
    pub(super) fn change<S: Sink>(
        &mut self,
        connection: &Connection,
        change: &Change,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let time = match change {
            Change::Opened { .. } => connection.opening.last(),
            Change::Finished { time, .. } | Change::Reset { time, .. } => *time,
            Change::Closed { .. } => return Ok(()),
            _ => {
                if let Some(waiting) = self.unaddressed.take(connection.id) {
                    self.resume(connection, &waiting, ids, sink)?;
                }
                return self.show(connection, change, ids, sink);
            }
        };
        if self.waits(connection) {
            self.unaddressed.hold(connection, time, Held::Change(change.clone()));
            return Ok(());
        }
        self.show(connection, change, ids, sink)
    }

    /// Everything but payload.
    fn show<S: Sink>(
        &mut self,
        connection: &Connection,
        change: &Change,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        match change {
            Change::Opened { .. } if is_seen_by_accept_alone(connection) => {
                self.accepted.insert(connection.id, connection.clone());
            }
            Change::Opened { .. } => {
                self.talk(connection, NOTHING_SAID, ids, sink)?;
            }
            Change::Failed { error, time, .. } => {
                failed(connection, (*error, *time), &mut self.stand_ins, ids, sink)?;
            }
            Change::Finished { side, by, marking, time, .. } => {
                if let Some(talk) = self.talk(connection, (*time, None), ids, sink)? {
                    talk.finish(*side, (*time, 0), (*marking, *by), ids, sink)?;
                }
            }
            Change::Reset { side, by, marking, time, .. } => {
                if let Some(talk) = self.talk(connection, (*time, None), ids, sink)? {
                    talk.reset(*side, *time, (*marking, *by), ids, sink)?;
                }
            }
            Change::ConnectionForgotten { .. } => {
                if self.accepted.contains_key(&connection.id) {
                    self.talk(connection, NOTHING_SAID, ids, sink)?;
                }
                self.talks.forget(connection.id);
            }
            _ => {}
        }
        Ok(())
    }

    /// The input pauses: what could be waited for is long in coming.
    pub(super) fn pause<S: Sink>(&mut self, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        self.give_up_before(Timestamp(u64::MAX), ids, sink)?;
        while let Some((_, connection)) = self.accepted.pop_first() {
            self.talk(&connection, NOTHING_SAID, ids, sink)?;
        }
        Ok(())
    }

    /// How many connections have been shown with invented addresses.
    pub(super) const fn invented(&self) -> Invented {
        self.invented
    }

    /// The conversation of a connection; begun, with its handshake if that was traced, when it is asked for first.
    #[inline]
    fn talk<S: Sink>(
        &mut self,
        connection: &Connection,
        first: First<'_>,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<Option<&mut Talk>, S::Error> {
        if self.talks.get(connection.id).is_none() {
            self.begin(connection, first, ids, sink)?;
        }
        Ok(self.talks.get_mut(connection.id))
    }

    #[inline(never)]
    fn begin<S: Sink>(
        &mut self,
        connection: &Connection,
        first: First<'_>,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.accepted.remove(&connection.id);
        count_invented(connection, &mut self.invented);
        let (time, beginning) = first;
        let (mut talk, opener) = new_talk(connection, beginning, &mut self.stand_ins);
        if matches!(connection.opening, Opening::Made { .. }) {
            talk.handshake(handshake_times(connection, time, HANDSHAKE_LEAD), opener, ids, sink)?;
        }
        self.talks.insert(connection.id, talk);
        Ok(())
    }
}

/// Whether the connection was accepted, and nothing has been heard of the end that connected.
fn is_seen_by_accept_alone(connection: &Connection) -> bool {
    let is_accepted = [Side::First, Side::Second].into_iter().any(|side| connection.end(side).role == Role::Accepted);
    let connect_is_unseen = matches!(connection.opening, Opening::Made { connected: None, .. });
    is_accepted && connect_is_unseen
}

/// Counts a connection of which not both addresses are known. One that could not be made is none: its socket had no
/// address to know.
fn count_invented(connection: &Connection, invented: &mut Invented) {
    let [first, second] = [Side::First, Side::Second].map(|side| connection.end(side));
    let is_open = |end: &End| end.address.is_none_or(is_vague);
    if [first, second].iter().any(|end| end.traced && is_open(end)) {
        invented.own += 1;
    } else if is_open(first) || is_open(second) {
        invented.peers += 1;
    }
}

/// A conversation that has not begun, and who opened it.
fn new_talk(connection: &Connection, said: Said<'_>, stand_ins: &mut StandIns) -> (Talk, Option<Witness>) {
    let client = client(connection, said);
    let known = |side: Side| connection.end(side).address.map(canonical);
    // By the port Wireshark picks the dissector: where it is not known, the first bytes ask for one.
    let protocol = said.and_then(|(beginning, _)| contents::protocol(&beginning));
    let port = protocol.map_or(UNKNOWN_PORT, |protocol| protocol.port);
    let ends = (known(client), known(client.other()));
    let (client_address, server_address) = stand_ins.of_connection(ends, connection.family == Family::Inet6, port);
    let (client_isn, server_isn) = isns(connection.id);
    let ends = [Endpoint::new(client_address, client_isn), Endpoint::new(server_address, server_isn)];
    let opener = connection.opener(client);
    (Talk::new(client, ends, WINDOW, Some(OPTIONS), Look::Marked), opener)
}

/// The client: who connected, or the other end of who accepted; in mid-stream, where it makes no difference to the
/// segments, the end with the higher port. Where nothing is known of the ports, what is said first tells.
fn client(connection: &Connection, said: Said<'_>) -> Side {
    let port = |side: Side| connection.end(side).address.as_ref().map_or(0, SocketAddr::port);
    match (connection.end(Side::First).role, connection.end(Side::Second).role) {
        (Role::Connected, _) | (_, Role::Accepted) => Side::First,
        (Role::Accepted, _) | (_, Role::Connected) => Side::Second,
        _ if port(Side::First) == port(Side::Second) => match said {
            Some((beginning, sender)) if contents::is_of_client(&beginning) => sender,
            Some((beginning, sender)) if contents::is_of_server(&beginning) => sender.other(),
            _ => Side::First,
        },
        _ if port(Side::First) > port(Side::Second) => Side::First,
        _ => Side::Second,
    }
}

/// Initial sequence numbers: spread over the space, so that a connection that reuses another's ports is not taken for it.
fn isns(id: ConnectionId) -> (SeqNumber, SeqNumber) {
    const SPREAD: u64 = 0x9e37_79b1;
    (
        SeqNumber(0x1000_0000).advanced(id.number.wrapping_mul(SPREAD)),
        SeqNumber(0x7000_0000).advanced(id.number.wrapping_mul(SPREAD)),
    )
}

/// A connection that could not be made: the SYN, and the RST of a port where nobody listens. Other errors are found before
/// anything is sent.
fn failed<S: Sink>(
    connection: &Connection,
    (error, time): (Errno, Timestamp),
    stand_ins: &mut StandIns,
    ids: &mut Ids,
    sink: &mut S,
) -> Result<(), S::Error> {
    let Opening::Begun { entry } = connection.opening else {
        return Ok(());
    };
    if matches!(error, Errno::NetUnreachable | Errno::Other) {
        return Ok(());
    }
    let (mut talk, opener) = new_talk(connection, None, stand_ins);
    talk.syn(entry, opener, ids, sink)?;
    if let (Errno::ConnRefused | Errno::ConnReset, Some(opener)) = (error, opener) {
        talk.reset(talk.client().other(), time, opener, ids, sink)?;
    }
    Ok(())
}
