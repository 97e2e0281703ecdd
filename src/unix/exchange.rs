//! What is known of one UNIX connection: whether it is HTTP/2, what waits for that decision, and its conversation once the
//! first packet has been written.

use crate::event::{Timestamp, Transport};
use crate::packets::contents::Beginning;
use crate::packets::{Portion, Witness};
use crate::sockets::{Connection, Opening, Role, Side};
use crate::unix::alignment::{self, Alignment, Held};
use crate::unix::context::Context;
use crate::unix::dbus::{self, Message};
use crate::unix::http2::{self, Aligner, GrpcSeeding, Piece, PieceKind, Step, Verdict};
use crate::unix::names;
use crate::unix::ports::{self, Midway, Said};
use crate::unix::roles;
use crate::unix::talk::UnixTalk;
use crate::wire::{Record, Sink};
use std::borrow::Cow;

/// How much earlier seeds stand than what they prepare, in nanoseconds.
const SEED_STEP: u64 = 1_000;

/// What becomes of gRPC in HTTP/2 that was joined midway.
#[derive(Debug, Default)]
enum Grpc {
    /// Nothing.
    #[default]
    Passed,
    /// What it needs is seeded: the connection was, and it was asked for.
    Seeded(Box<GrpcSeeding>),
    /// That it needs seeds is told.
    Watched(Box<GrpcSeeding>),
}

impl Grpc {
    /// Whether frames that are watched would have been seeded; the first time is enough to know.
    fn has_missed_seeds(&mut self, from_client: bool, frames: &[u8]) -> bool {
        let Self::Watched(seeding) = self else { return false };
        let needed = seeding.frames(from_client, frames).iter().any(|step| matches!(step, Step::Seed { .. }));
        if needed {
            *self = Self::Passed;
        }
        needed
    }
}

/// The state of one connection.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    alignment: Alignment,
    talk: Option<UnixTalk>,
    /// When the last bytes came that the first and the second end sent.
    last: [Timestamp; 2],
    /// Bytes to be written of what the first and the second end sent.
    taken: [u64; 2],
    grpc: Grpc,
    /// Its server's port is not asked for.
    left_out: bool,
}

impl Exchange {
    /// Whether nothing is written of it.
    pub(super) const fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// The connection was made: the handshake can be shown, unless the server's port depends on what is said.
    pub(super) fn opened<S: Sink>(
        &mut self,
        connection: &Connection,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let options = context.options;
        if options.records && ports::is_dbus(connection, &options.rules) {
            return Ok(());
        }
        let client = roles::client(connection).unwrap_or(Side::First);
        if was_connected(connection) && ports::settled(connection, client, (options.ports, &options.rules)) {
            self.begin(connection, client, Timestamp::default(), Said::NONE, context)?;
        }
        Ok(())
    }

    /// New bytes, behind `skipped` that are not to be shown.
    pub(super) fn take<S: Sink>(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        *of_side(&mut self.taken, portion.sender) += portion.bytes.len() as u64 + portion.missing;
        if skipped > 0 {
            self.decide_by_end(connection, context)?;
        }
        if !matches!(self.alignment, Alignment::Undecided(_)) {
            return self.pass(connection, portion, skipped, context);
        }
        if context.options.records && self.is_dbus(connection, portion, skipped, context)? {
            return Ok(());
        }
        let verdict = self.judge(connection, portion);
        let held = match &mut self.alignment {
            Alignment::Undecided(held) if verdict != Verdict::Undecided => std::mem::take(held),
            Alignment::Undecided(held) => {
                held.push(Held::new(portion, skipped));
                return Ok(());
            }
            _ => Vec::new(),
        };
        let (first, sender, (_, traced)) =
            held.first().map_or((portion.time, portion.sender, portion.by), |held| (held.time, held.sender, held.by));
        let preface_from = [Side::First, Side::Second]
            .into_iter()
            .find(|side| alignment::preface(&beginning(&held, portion, *side)) == Verdict::Http2);
        let in_mid_stream = connection.opening == Opening::Unseen;
        let is_midway = preface_from.is_none() && in_mid_stream;
        let seeds = is_midway && context.options.seed_http2;
        let beginning = beginning(&held, portion, portion.sender);
        let said = match verdict {
            // Whoever speaks first, the preface is or will be there, by which the port's dissector knows HTTP/2.
            Verdict::Http2 if seeds || preface_from.is_some() || !in_mid_stream => Said::Http2,
            Verdict::Http2 => Said::Http2Midway,
            _ => Said::Bytes(Beginning { bytes: &beginning, moved: beginning.len() as u64 + portion.missing }),
        };
        let guess = preface_from.unwrap_or(if in_mid_stream { traced } else { sender });
        self.begin(connection, guess, first, said, context)?;
        if verdict == Verdict::Http2 {
            self.alignment = Alignment::Http2(Box::new([Aligner::new(), Aligner::new()]));
            if seeds {
                self.seed_http2(first, portion.by, context)?;
            }
            if is_midway && !self.left_out {
                self.look_for_grpc(context);
            }
        } else {
            self.alignment = Alignment::Plain;
        }
        for held in &held {
            self.pass(connection, &held.portion(), held.skipped, context)?;
        }
        self.pass(connection, portion, skipped, context)
    }

    /// HTTP/2 was joined midway: gRPC in it is seeded, or else it is told that it should be.
    fn look_for_grpc<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let options = context.options;
        if !options.seed_http2 {
            context.chosen.lack(Midway::Http2);
        }
        self.grpc = if options.seed_grpc { Grpc::Seeded(Box::default()) } else { Grpc::Watched(Box::default()) };
    }

    /// D-Bus is shown as messages. Whether the portion is dealt with: given out as some, or held until more tells.
    fn is_dbus<S: Sink>(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        context: &mut Context<'_, S>,
    ) -> Result<bool, S::Error> {
        let (None, Alignment::Undecided(held)) = (&self.talk, &mut self.alignment) else {
            return Ok(false);
        };
        if connection.transport == Transport::Seqpacket {
            return Ok(false);
        }
        let by_name = ports::is_dbus(connection, &context.options.rules).then_some(true);
        let by_content = || dbus::is_begun_by(&beginning(held, portion, portion.sender));
        match by_name.or_else(by_content) {
            Some(false) => return Ok(false),
            None if portion.missing > 0 => return Ok(false),
            None => held.push(Held::new(portion, skipped)),
            Some(true) => {
                let held = std::mem::take(held);
                self.alignment = Alignment::Dbus(Box::default());
                for held in &held {
                    self.pass(connection, &held.portion(), held.skipped, context)?;
                }
                self.pass(connection, portion, skipped, context)?;
            }
        }
        Ok(true)
    }

    /// What the first bytes of the portion's direction tell. Where the trace lacks some, they cannot be followed.
    fn judge(&self, connection: &Connection, portion: &Portion<'_>) -> Verdict {
        let Alignment::Undecided(held) = &self.alignment else {
            return Verdict::Other;
        };
        // Its messages are none to be cut anew.
        if connection.transport == Transport::Seqpacket {
            return Verdict::Other;
        }
        let first = beginning(held, portion, portion.sender);
        match alignment::judge(connection, portion.sender, &first) {
            Verdict::Undecided if portion.missing > 0 => Verdict::Other,
            verdict => verdict,
        }
    }

    /// The first packet is about to be written: the conversation begins with its handshake. If it has begun with that
    /// alone, only what was said is news.
    fn begin<S: Sink>(
        &mut self,
        connection: &Connection,
        guess: Side,
        first: Timestamp,
        said: Said<'_>,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        if self.left_out {
            return Ok(());
        }
        let options = context.options;
        let client = roles::client(connection).unwrap_or(guess);
        let choice = ports::choose(connection, client, said, (options.ports, &options.rules));
        if !options.wants(choice.port) {
            self.left_out = true;
            context.chosen.pass_over(&choice);
            return Ok(());
        }
        context.chosen.note(&choice);
        if self.talk.is_none() {
            self.talk = Some(UnixTalk::begin(connection, (client, choice.port), first, context)?);
        }
        Ok(())
    }

    /// Lets a portion through, behind `skipped` bytes that are not to be shown: cut at frame ends if the connection is
    /// HTTP/2, as messages if it is D-Bus, else as it is.
    fn pass<S: Sink>(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        *of_side(&mut self.last, portion.sender) = portion.time;
        if let Alignment::Dbus(assemblers) = &mut self.alignment {
            let assembler = of_side(assemblers, portion.sender);
            let mut outcome = Ok(());
            let mut write = |message: Message<'_>| {
                if outcome.is_ok() {
                    outcome = write_message(connection, portion, message, context);
                }
            };
            assembler.push(&[], skipped, &mut write);
            assembler.push(portion.bytes, portion.missing, &mut write);
            return outcome;
        }
        let Some(talk) = &mut self.talk else {
            return Ok(());
        };
        let Alignment::Http2(aligners) = &mut self.alignment else {
            if skipped > 0 {
                talk.skip(portion.sender, skipped);
            }
            return talk.write(portion, context);
        };
        let (own, other) = directions(aligners, portion.sender);
        if skipped > 0 {
            pass_over(own, talk, (portion, skipped), context)?;
        }
        let grpc = &mut self.grpc;
        let mut outcome = Ok(());
        own.push(portion.bytes, portion.missing, &mut |piece: Piece<'_>| {
            let part = Portion { bytes: piece.bytes, missing: piece.missing, ..*portion };
            if outcome.is_ok() {
                outcome = match grpc {
                    Grpc::Seeded(seeding) if piece.kind == PieceKind::Frames => {
                        write_with_seeds(talk, seeding, &part, context)
                    }
                    _ => {
                        if piece.kind == PieceKind::Frames
                            && grpc.has_missed_seeds(talk.is_client(part.sender), part.bytes)
                        {
                            context.chosen.lack(Midway::Grpc);
                        }
                        talk.write(&part, context)
                    }
                };
            }
        });
        if let Some(size) = own.settings_max_frame_size() {
            other.set_max_frame_size(size);
        }
        outcome
    }

    /// An end sends no more: what is held of its direction goes out, then its FIN.
    pub(super) fn finished<S: Sink>(
        &mut self,
        connection: &Connection,
        side: Side,
        by: Witness,
        time: Timestamp,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        self.decide_by_end(connection, context)?;
        let is_dbus = matches!(self.alignment, Alignment::Dbus(_));
        if is_dbus || (self.talk.is_none() && !was_connected(connection)) {
            return Ok(());
        }
        if self.talk.is_none() {
            self.begin(connection, by.1, time, Said::NONE, context)?;
        }
        self.let_out(side, by, context)?;
        match &mut self.talk {
            Some(talk) => talk.finish(side, time, by, context),
            None => Ok(()),
        }
    }

    /// Nothing more is expected: everything held goes out.
    pub(super) fn release<S: Sink>(
        &mut self,
        connection: &Connection,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        self.decide_by_end(connection, context)?;
        let user = |side: Side| connection.end(side).marking.map(|marking| (marking, side));
        let Some(by) = user(Side::First).or_else(|| user(Side::Second)) else {
            return Ok(());
        };
        self.let_messages_out(connection, by, context)?;
        self.let_out(Side::First, by, context)?;
        self.let_out(Side::Second, by, context)
    }

    /// Bytes that wait for the decision will get no more company: they go out as they are.
    fn decide_by_end<S: Sink>(
        &mut self,
        connection: &Connection,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let Alignment::Undecided(held) = &mut self.alignment else {
            return Ok(());
        };
        let held = std::mem::take(held);
        let Some(first) = held.first() else { return Ok(()) };
        let said = Said::Bytes(Beginning { bytes: &first.bytes, moved: first.bytes.len() as u64 });
        self.begin(connection, first.by.1, first.time, said, context)?;
        self.alignment = Alignment::Plain;
        for held in &held {
            self.pass(connection, &held.portion(), held.skipped, context)?;
        }
        Ok(())
    }

    /// What the aligner of a direction holds goes out, at the time of its last bytes.
    fn let_out<S: Sink>(&mut self, sender: Side, by: Witness, context: &mut Context<'_, S>) -> Result<(), S::Error> {
        let (Some(talk), Alignment::Http2(aligners)) = (&mut self.talk, &mut self.alignment) else {
            return Ok(());
        };
        let time = *of_side(&mut self.last, sender);
        let mut outcome = Ok(());
        directions(aligners, sender).0.finish(&mut |piece: Piece<'_>| {
            outcome = talk.write(&Portion { sender, time, by, bytes: piece.bytes, missing: 0 }, context);
        });
        outcome
    }

    /// D-Bus messages that have begun and will not go on.
    fn let_messages_out<S: Sink>(
        &mut self,
        connection: &Connection,
        by: Witness,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let Alignment::Dbus(assemblers) = &mut self.alignment else {
            return Ok(());
        };
        for sender in [Side::First, Side::Second] {
            let portion = Portion { sender, time: *of_side(&mut self.last, sender), by, bytes: &[], missing: 0 };
            let mut outcome = Ok(());
            of_side(assemblers, sender).finish(&mut |message| {
                outcome = write_message(connection, &portion, message, context);
            });
            outcome?;
        }
        Ok(())
    }

    /// Preface and SETTINGS of the client, and both acknowledgements, before the first frames of a connection that was
    /// joined in mid-stream.
    fn seed_http2<S: Sink>(
        &mut self,
        first: Timestamp,
        by: Witness,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let Some(talk) = &mut self.talk else { return Ok(()) };
        let steps: [(bool, u64, &[u8]); 3] = [
            (true, 2 * SEED_STEP, http2::SEED_CLIENT),
            (false, SEED_STEP, http2::SETTINGS_ACK),
            (true, 0, http2::SETTINGS_ACK),
        ];
        for (from_client, earlier, bytes) in steps {
            talk.write_seed(from_client, first.before(earlier), bytes, by, context)?;
        }
        Ok(())
    }

    /// Holds what was written against what moved.
    pub(super) fn account(&self, connection: &Connection) {
        if let Alignment::Dbus(assemblers) = &self.alignment {
            let [first, second] = &**assemblers;
            let left_out = first.left_out + second.left_out;
            let id = connection.id.number;
            return log::info!(
                "UNIX connection {id} is D-Bus: {left_out} bytes of its authentication, or of no message, left out"
            );
        }
        let Some(talk) = &self.talk else { return };
        let [first, second] = talk.written;
        let [moved_first, moved_second] = self.taken;
        let id = connection.id.number;
        if (first, second) == (moved_first, moved_second) {
            log::info!("UNIX connection {id}: {first} and {second} bytes moved, all written");
        } else {
            log::warn!(
                "UNIX connection {id}: {moved_first} and {moved_second} bytes moved, {first} and {second} written"
            );
        }
    }
}

/// Writes a D-Bus message, and beside it who sent or received it.
fn write_message<S: Sink>(
    connection: &Connection,
    portion: &Portion<'_>,
    message: Message<'_>,
    context: &mut Context<'_, S>,
) -> Result<(), S::Error> {
    let client = roles::client(connection).unwrap_or(portion.by.1);
    let mut comment = names::of_message(connection, client, portion);
    if let Some(beside) = context.comment.take() {
        comment = format!("{comment}; {beside}");
    }
    context.sink.record(&Record::Dbus {
        time: portion.time,
        comment: Some(&comment),
        bytes: message.bytes,
        original: message.original,
    })
}

/// Passes over what moved before the portion and is not to be shown: what waits goes out first.
fn pass_over<S: Sink>(
    own: &mut Aligner,
    talk: &mut UnixTalk,
    (portion, skipped): (&Portion<'_>, u64),
    context: &mut Context<'_, S>,
) -> Result<(), S::Error> {
    let mut outcome = Ok(());
    own.push(&[], skipped, &mut |piece: Piece<'_>| {
        let part = Portion { bytes: piece.bytes, missing: 0, ..*portion };
        if outcome.is_ok() {
            outcome = talk.write(&part, context);
        }
        talk.skip(portion.sender, piece.missing);
    });
    outcome
}

/// Writes whole frames, and between them the seeds for gRPC.
fn write_with_seeds<S: Sink>(
    talk: &mut UnixTalk,
    seeding: &mut GrpcSeeding,
    portion: &Portion<'_>,
    context: &mut Context<'_, S>,
) -> Result<(), S::Error> {
    let from_client = talk.is_client(portion.sender);
    for step in seeding.frames(from_client, portion.bytes) {
        match step {
            Step::Frames(bytes) => talk.write(&Portion { bytes, ..*portion }, context)?,
            Step::Seed { from_client, frame } => {
                let time = portion.time.before(SEED_STEP);
                talk.write_seed(from_client, time, &frame, portion.by, context)?;
            }
        }
    }
    Ok(())
}

/// The first bytes of one direction: those that wait and those of the portion.
fn beginning<'a>(held: &[Held], portion: &Portion<'a>, side: Side) -> Cow<'a, [u8]> {
    let own = if portion.sender == side { portion.bytes } else { &[] };
    let mut before = held.iter().filter(|held| held.sender == side).peekable();
    if before.peek().is_none() {
        return Cow::Borrowed(own);
    }
    let held = before.flat_map(|held| &held.bytes);
    Cow::Owned(held.chain(own).copied().collect())
}

/// What belongs to one side.
const fn of_side<T>([first, second]: &mut [T; 2], side: Side) -> &mut T {
    match side {
        Side::First => first,
        Side::Second => second,
    }
}

/// The aligner of what `sender` sends, and the other one.
const fn directions(aligners: &mut [Aligner; 2], sender: Side) -> (&mut Aligner, &mut Aligner) {
    let [first, second] = aligners;
    match sender {
        Side::First => (first, second),
        Side::Second => (second, first),
    }
}

/// Whether connect or accept made the connection within the trace.
fn was_connected(connection: &Connection) -> bool {
    let by_call = |side: Side| matches!(connection.end(side).role, Role::Connected | Role::Accepted);
    connection.opening != Opening::Unseen && (by_call(Side::First) || by_call(Side::Second))
}
