//! What is known of one UNIX connection: whether it is HTTP/2, what waits for that decision, and its conversation once the
//! first packet has been written.

use crate::event::{Timestamp, Transport};
use crate::packets::{Portion, Teller};
use crate::sockets::{Connection, Opening, Role, Side};
use crate::unix::alignment::{self, Alignment, Held};
use crate::unix::contents::Beginning;
use crate::unix::context::Context;
use crate::unix::dbus::{self, Message};
use crate::unix::http2::{self, Aligner, GrpcSeeding, Piece, PieceKind, Step, Verdict};
use crate::unix::names;
use crate::unix::ports::{self, Midway, Said};
use crate::unix::roles;
use crate::unix::talk::UnixTalk;
use crate::wire::Record;
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
        let mut needed = false;
        seeding.frames(from_client, frames, &mut |step| needed |= matches!(step, Step::Seed { .. }));
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
    pub(super) fn opened(&mut self, connection: &Connection, context: &mut Context<'_, impl FnMut(&Record<'_>)>) {
        let options = context.options;
        if options.records && ports::is_dbus(connection, &options.rules) {
            return;
        }
        let client = roles::client(connection).unwrap_or(Side::First);
        if was_connected(connection) && ports::settled(connection, client, (options.ports, &options.rules)) {
            self.begin(connection, client, Timestamp::default(), Said::NONE, context);
        }
    }

    /// New bytes, behind `skipped` that are not to be shown.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        context: &mut Context<'_, impl FnMut(&Record<'_>)>,
    ) {
        *of_side(&mut self.taken, portion.sender) += portion.bytes.len() as u64 + portion.missing;
        if skipped > 0 {
            self.decide_by_end(connection, context);
        }
        if !matches!(self.alignment, Alignment::Undecided(_)) {
            return self.pass(connection, portion, skipped, context);
        }
        if context.options.records && self.is_dbus(connection, portion, skipped, context) {
            return;
        }
        let verdict = self.judge(connection, portion);
        let held = match &mut self.alignment {
            Alignment::Undecided(held) if verdict != Verdict::Undecided => std::mem::take(held),
            Alignment::Undecided(held) => return held.push(Held::new(portion, skipped)),
            _ => Vec::new(),
        };
        let (first, sender, (_, traced)) = held
            .first()
            .map_or((portion.time, portion.sender, portion.told_by), |held| (held.time, held.sender, held.told_by));
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
        self.begin(connection, guess, first, said, context);
        if verdict == Verdict::Http2 {
            self.alignment = Alignment::Http2(Box::new([Aligner::new(), Aligner::new()]));
            if seeds {
                self.seed_http2(first, portion.told_by, context);
            }
            if is_midway && !self.left_out {
                self.look_for_grpc(context);
            }
        } else {
            self.alignment = Alignment::Plain;
        }
        for held in &held {
            self.pass(connection, &held.portion(), held.skipped, context);
        }
        self.pass(connection, portion, skipped, context);
    }

    /// HTTP/2 was joined midway: gRPC in it is seeded, or else it is told that it should be.
    fn look_for_grpc(&mut self, context: &mut Context<'_, impl FnMut(&Record<'_>)>) {
        let options = context.options;
        if !options.seed_http2 {
            context.chosen.lack(Midway::Http2);
        }
        self.grpc = if options.seed_grpc { Grpc::Seeded(Box::default()) } else { Grpc::Watched(Box::default()) };
    }

    /// D-Bus is told as messages. Whether the portion is dealt with: given out as some, or held until more tells.
    fn is_dbus(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        context: &mut Context<'_, impl FnMut(&Record<'_>)>,
    ) -> bool {
        let (None, Alignment::Undecided(held)) = (&self.talk, &mut self.alignment) else {
            return false;
        };
        if connection.transport == Transport::Seqpacket {
            return false;
        }
        let by_name = ports::is_dbus(connection, &context.options.rules).then_some(true);
        let by_content = || dbus::is_begun_by(&beginning(held, portion, portion.sender));
        match by_name.or_else(by_content) {
            Some(false) => return false,
            None if portion.missing > 0 => return false,
            None => held.push(Held::new(portion, skipped)),
            Some(true) => {
                let held = std::mem::take(held);
                self.alignment = Alignment::Dbus(Box::default());
                for held in &held {
                    self.pass(connection, &held.portion(), held.skipped, context);
                }
                self.pass(connection, portion, skipped, context);
            }
        }
        true
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
    fn begin(
        &mut self,
        connection: &Connection,
        guess: Side,
        first: Timestamp,
        said: Said<'_>,
        context: &mut Context<'_, impl FnMut(&Record<'_>)>,
    ) {
        if self.left_out {
            return;
        }
        let options = context.options;
        let client = roles::client(connection).unwrap_or(guess);
        let choice = ports::choose(connection, client, said, (options.ports, &options.rules));
        if !options.wants(choice.port) {
            self.left_out = true;
            return context.chosen.pass_over(&choice);
        }
        context.chosen.note(&choice);
        if self.talk.is_none() {
            let talk = UnixTalk::begin(connection, (client, choice.port), first, context);
            self.talk = Some(talk);
        }
    }

    /// Lets a portion through, behind `skipped` bytes that are not to be shown: cut at frame ends if the connection is
    /// HTTP/2, as messages if it is D-Bus, else as it is.
    fn pass(
        &mut self,
        connection: &Connection,
        portion: &Portion<'_>,
        skipped: u64,
        context: &mut Context<'_, impl FnMut(&Record<'_>)>,
    ) {
        *of_side(&mut self.last, portion.sender) = portion.time;
        if let Alignment::Dbus(assemblers) = &mut self.alignment {
            let assembler = of_side(assemblers, portion.sender);
            let mut tell = |message: Message<'_>| tell_message(connection, portion, message, context);
            assembler.push(&[], skipped, &mut tell);
            return assembler.push(portion.bytes, portion.missing, &mut tell);
        }
        let Some(talk) = &mut self.talk else { return };
        let Alignment::Http2(aligners) = &mut self.alignment else {
            if skipped > 0 {
                talk.skip(portion.sender, skipped);
            }
            return talk.write(portion, context);
        };
        let (own, other) = directions(aligners, portion.sender);
        if skipped > 0 {
            pass_over(own, talk, (portion, skipped), context);
        }
        let grpc = &mut self.grpc;
        own.push(portion.bytes, portion.missing, &mut |piece: Piece<'_>| {
            let part = Portion { bytes: piece.bytes, missing: piece.missing, ..*portion };
            if piece.kind == PieceKind::Frames {
                if let Grpc::Seeded(seeding) = grpc {
                    return write_with_seeds(talk, seeding, &part, context);
                }
                if grpc.has_missed_seeds(talk.is_client(part.sender), part.bytes) {
                    context.chosen.lack(Midway::Grpc);
                }
            }
            talk.write(&part, context);
        });
        if let Some(size) = own.settings_max_frame_size() {
            other.set_max_frame_size(size);
        }
    }

    /// An end sends no more: what is held of its direction goes out, then its FIN.
    pub(super) fn finished(
        &mut self,
        connection: &Connection,
        side: Side,
        told_by: Teller,
        time: Timestamp,
        context: &mut Context<'_, impl FnMut(&Record<'_>)>,
    ) {
        self.decide_by_end(connection, context);
        let is_dbus = matches!(self.alignment, Alignment::Dbus(_));
        if is_dbus || (self.talk.is_none() && !was_connected(connection)) {
            return;
        }
        if self.talk.is_none() {
            self.begin(connection, told_by.1, time, Said::NONE, context);
        }
        self.let_out(side, told_by, context);
        if let Some(talk) = &mut self.talk {
            talk.finish(side, time, told_by, context);
        }
    }

    /// Nothing more is expected: everything held goes out.
    pub(super) fn release(&mut self, connection: &Connection, context: &mut Context<'_, impl FnMut(&Record<'_>)>) {
        self.decide_by_end(connection, context);
        let user = |side: Side| connection.end(side).marking.map(|marking| (marking, side));
        let Some(told_by) = user(Side::First).or_else(|| user(Side::Second)) else {
            return;
        };
        self.let_messages_out(connection, told_by, context);
        self.let_out(Side::First, told_by, context);
        self.let_out(Side::Second, told_by, context);
    }

    /// Bytes that wait for the decision will get no more company: they go out as they are.
    fn decide_by_end(&mut self, connection: &Connection, context: &mut Context<'_, impl FnMut(&Record<'_>)>) {
        let Alignment::Undecided(held) = &mut self.alignment else {
            return;
        };
        let held = std::mem::take(held);
        let Some(first) = held.first() else { return };
        let said = Said::Bytes(Beginning { bytes: &first.bytes, moved: first.bytes.len() as u64 });
        self.begin(connection, first.told_by.1, first.time, said, context);
        self.alignment = Alignment::Plain;
        for held in &held {
            self.pass(connection, &held.portion(), held.skipped, context);
        }
    }

    /// What the aligner of a direction holds goes out, at the time of its last bytes.
    fn let_out(&mut self, sender: Side, told_by: Teller, context: &mut Context<'_, impl FnMut(&Record<'_>)>) {
        let (Some(talk), Alignment::Http2(aligners)) = (&mut self.talk, &mut self.alignment) else {
            return;
        };
        let time = *of_side(&mut self.last, sender);
        directions(aligners, sender).0.finish(&mut |piece: Piece<'_>| {
            talk.write(&Portion { sender, time, told_by, bytes: piece.bytes, missing: 0 }, context);
        });
    }

    /// D-Bus messages that have begun and will not go on.
    fn let_messages_out(
        &mut self,
        connection: &Connection,
        told_by: Teller,
        context: &mut Context<'_, impl FnMut(&Record<'_>)>,
    ) {
        let Alignment::Dbus(assemblers) = &mut self.alignment else {
            return;
        };
        for sender in [Side::First, Side::Second] {
            let portion = Portion { sender, time: *of_side(&mut self.last, sender), told_by, bytes: &[], missing: 0 };
            of_side(assemblers, sender).finish(&mut |message| {
                tell_message(connection, &portion, message, context);
            });
        }
    }

    /// Preface and SETTINGS of the client, and both acknowledgements, before the first frames of a connection that was
    /// joined in mid-stream.
    fn seed_http2(&mut self, first: Timestamp, told_by: Teller, context: &mut Context<'_, impl FnMut(&Record<'_>)>) {
        let Some(talk) = &mut self.talk else { return };
        let steps: [(bool, u64, &[u8]); 3] = [
            (true, 2 * SEED_STEP, http2::SEED_CLIENT),
            (false, SEED_STEP, http2::SETTINGS_ACK),
            (true, 0, http2::SETTINGS_ACK),
        ];
        for (from_client, earlier, bytes) in steps {
            talk.write_seed(from_client, first.before(earlier), bytes, told_by, context);
        }
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
fn tell_message(
    connection: &Connection,
    portion: &Portion<'_>,
    message: Message<'_>,
    context: &mut Context<'_, impl FnMut(&Record<'_>)>,
) {
    let client = roles::client(connection).unwrap_or(portion.told_by.1);
    let mut comment = names::of_message(connection, client, portion);
    if let Some(handed) = context.comment.take() {
        comment = format!("{comment}; {handed}");
    }
    (context.sink)(&Record::Dbus {
        time: portion.time,
        comment: Some(&comment),
        bytes: message.bytes,
        original: message.original,
    });
}

/// Passes over what moved before the portion and is not to be shown: what waits goes out first.
fn pass_over(
    own: &mut Aligner,
    talk: &mut UnixTalk,
    (portion, skipped): (&Portion<'_>, u64),
    context: &mut Context<'_, impl FnMut(&Record<'_>)>,
) {
    own.push(&[], skipped, &mut |piece: Piece<'_>| {
        let part = Portion { bytes: piece.bytes, missing: 0, ..*portion };
        talk.write(&part, context);
        talk.skip(portion.sender, piece.missing);
    });
}

/// Writes whole frames, and between them the seeds for gRPC.
fn write_with_seeds(
    talk: &mut UnixTalk,
    seeding: &mut GrpcSeeding,
    portion: &Portion<'_>,
    context: &mut Context<'_, impl FnMut(&Record<'_>)>,
) {
    let from_client = talk.is_client(portion.sender);
    seeding.frames(from_client, portion.bytes, &mut |step| match step {
        Step::Frames(bytes) => talk.write(&Portion { bytes, ..*portion }, context),
        Step::Seed { from_client, frame } => {
            let time = portion.time.before(SEED_STEP);
            talk.write_seed(from_client, time, &frame, portion.told_by, context);
        }
    });
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
