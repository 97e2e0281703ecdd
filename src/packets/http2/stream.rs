//! A connection that speaks HTTP/2, on its way to the capture: its calls' bytes in whole frames, and what seeds them.
//!
//! Of one that was joined midway Wireshark needs the preface before the first frames ([`Http2Stream::begin`]), and before
//! some of gRPC's frames headers. What no call moved counts nowhere but in the sequence numbers.

use super::align::Aligner;
use super::piece::PieceKind;
use super::seeding::{GrpcSeeding, Step};
use super::{SEED_CLIENT, SETTINGS_ACK};
use crate::event::{Timestamp, as_u64};
use crate::packets::output::PacketOutput;
use crate::packets::tcp::{Chunk, TcpConnection, Witness};
use crate::sockets::Side;
use crate::wire::{Remarks, Sink};

/// How much earlier seeds are than what they prepare, in nanoseconds.
const SEED_STEP: u64 = 1_000;

/// What seeds a conversation that the trace does not hold from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seed {
    /// Nothing.
    #[default]
    None,
    /// The HTTP/2 preface and settings.
    Http2,
    /// These, and headers that make it gRPC.
    Grpc,
}

/// What HTTP/2 that was joined midway lacks for Wireshark to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Its beginning.
    Http2,
    /// Headers that make it gRPC.
    Grpc,
}

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

/// The state of one connection; what belongs to a direction is indexed by its sender's side.
#[derive(Debug, Default)]
pub struct Http2Stream {
    aligners: [Aligner; 2],
    grpc: Grpc,
    /// When the last bytes came.
    last: [Timestamp; 2],
    /// How many bytes are written; seeds do not count.
    written: [u64; 2],
}

impl Http2Stream {
    /// One that was joined midway: gRPC in it is seeded, or else it is told that it should be.
    pub fn midway(seed: Seed) -> Self {
        let grpc = if seed == Seed::Grpc { Grpc::Seeded(Box::default()) } else { Grpc::Watched(Box::default()) };
        Self { grpc, ..Self::default() }
    }

    /// Preface and SETTINGS of the client, and both acknowledgements, before the first frames of a connection that was
    /// joined midway; those are of the moment `first`.
    pub fn begin<S: Sink>(
        tcp: &mut TcpConnection,
        (first, by): (Timestamp, Witness),
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        seed(tcp, true, (first.before(2 * SEED_STEP), by), SEED_CLIENT, out)?;
        seed(tcp, false, (first.before(SEED_STEP), by), SETTINGS_ACK, out)?;
        seed(tcp, true, (first, by), SETTINGS_ACK, out)
    }

    /// Lets a chunk through, as far as its frames are whole. What would be read with other seeds.
    pub fn write<S: Sink>(
        &mut self,
        tcp: &mut TcpConnection,
        chunk: &Chunk<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<Option<Lack>, S::Error> {
        let Self { aligners, grpc, last, written } = self;
        *chunk.sender.of_mut(last) = chunk.time;
        let written = chunk.sender.of_mut(written);
        let (own, other) = chunk.sender.and_other_mut(aligners);
        let bare = Chunk { skipped: 0, comment: None, ..*chunk };
        if chunk.skipped > 0 {
            // What waits goes out first.
            for piece in own.push(&[], chunk.skipped).iter() {
                let part = Chunk { bytes: piece.bytes, missing: 0, ..bare };
                *written += part.moved();
                tcp.write(&part, out)?;
                tcp.skip(chunk.sender, piece.missing);
            }
        }
        let (mut comment, mut lack) = (chunk.comment, None);
        for piece in own.push(chunk.bytes, chunk.missing).iter() {
            let part = Chunk { bytes: piece.bytes, missing: piece.missing, comment: comment.take(), ..bare };
            *written += part.moved();
            lack = lack.max(write_piece(tcp, grpc, (piece.kind, &part), out)?);
        }
        if let Some(size) = own.settings_max_frame_size() {
            other.set_max_frame_size(size);
        }
        Ok(lack)
    }

    /// Looks at a chunk that is written as it is. What would be read with other seeds.
    pub fn watch(&mut self, tcp: &TcpConnection, chunk: &Chunk<'_>) -> Option<Lack> {
        let Self { aligners, grpc, .. } = self;
        let (own, other) = chunk.sender.and_other_mut(aligners);
        if chunk.skipped > 0 {
            own.push(&[], chunk.skipped);
        }
        let mut lack = None;
        for piece in own.push(chunk.bytes, chunk.missing).iter().filter(|piece| piece.kind == PieceKind::Frames) {
            let is_missed = grpc.has_missed_seeds(tcp.client() == chunk.sender, piece.bytes);
            lack = lack.max(is_missed.then_some(Lack::Grpc));
        }
        if let Some(size) = own.settings_max_frame_size() {
            other.set_max_frame_size(size);
        }
        lack
    }

    /// What is held of a direction goes out, at the time of its last bytes: it will not go on.
    pub fn finish<S: Sink>(
        &mut self,
        tcp: &mut TcpConnection,
        sender: Side,
        by: Witness,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let bytes = &*sender.of_mut(&mut self.aligners).finish();
        let time = *sender.of_mut(&mut self.last);
        *sender.of_mut(&mut self.written) += as_u64(bytes.len());
        tcp.write(&plain(sender, (time, by), bytes), out)
    }

    /// How many bytes of the first and the second end are written.
    pub const fn written(&self) -> [u64; 2] {
        self.written
    }
}

/// Writes a piece, and where frames of gRPC need seeds these before them, or tells that they are missed.
fn write_piece<S: Sink>(
    tcp: &mut TcpConnection,
    grpc: &mut Grpc,
    (kind, chunk): (PieceKind, &Chunk<'_>),
    out: &mut PacketOutput<'_, S>,
) -> Result<Option<Lack>, S::Error> {
    let from_client = tcp.client() == chunk.sender;
    let Grpc::Seeded(seeding) = grpc else {
        let lacks = kind == PieceKind::Frames && grpc.has_missed_seeds(from_client, chunk.bytes);
        tcp.write(chunk, out)?;
        return Ok(lacks.then_some(Lack::Grpc));
    };
    if kind != PieceKind::Frames {
        tcp.write(chunk, out)?;
        return Ok(None);
    }
    let mut comment = chunk.comment;
    for step in seeding.frames(from_client, chunk.bytes) {
        match step {
            Step::Frames(bytes) => tcp.write(&Chunk { bytes, comment: comment.take(), ..*chunk }, out)?,
            Step::Seed { from_client, frame } => {
                seed(tcp, from_client, (chunk.time.before(SEED_STEP), chunk.by), &frame, out)?;
            }
        }
    }
    Ok(None)
}

/// Writes bytes that no call moved.
fn seed<S: Sink>(
    tcp: &mut TcpConnection,
    from_client: bool,
    by: (Timestamp, Witness),
    bytes: &[u8],
    out: &mut PacketOutput<'_, S>,
) -> Result<(), S::Error> {
    let sender = if from_client { tcp.client() } else { tcp.client().other() };
    tcp.remark(Remarks::MADE_UP);
    tcp.write(&plain(sender, by, bytes), out)
}

/// Bytes, with nothing to be said of them.
const fn plain(sender: Side, (time, by): (Timestamp, Witness), bytes: &[u8]) -> Chunk<'_> {
    Chunk { sender, time, by, skipped: 0, bytes, missing: 0, comment: None, is_urgent: false }
}
