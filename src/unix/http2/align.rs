//! One direction of an HTTP/2 stream, cut at the ends of its frames.
//!
//! ```text
//!            preface, or a header           header that cannot be
//! Beginning ────────────────────▶ Aligned ───────────────────────▶ Lost ⟲ forwarded, searched
//!     │                           │     ▲ ◀─── frames in a row ────┘ │
//!     └── neither ──▶ Lost        │     │                            │ a lone header
//!       frame too long to be held ▼     │ its end                    ▼
//!       or with a hole          Passing{left} ◀──────────────────────┘
//! ```
//!
//! What waits is only what cannot be given out whole yet: a part of the preface, of a header or of a frame, at most
//! [`HTTP2_FRAME_BYTES`]. While lost or passing nothing waits. What ends being lost is the preface, or a header that
//! is evidence in itself and whose frame ends where another such header stands, or where the call ends. A header whose
//! frame's end the call does not reach is followed (its frame forwarded as it comes), and the next header decides.

use super::PREFACE;
use super::header::{ACK, FRAME_SIZE_MAX, FRAME_SIZE_MIN, FrameHeader, HEADER, Limits, SETTINGS};
use super::view::FrameView;
use crate::limits::HTTP2_FRAME_BYTES;
use std::mem;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PieceKind {
    /// The client's preface, alone and whole.
    Preface,
    /// Whole frames: it begins with a header and ends at a frame's end.
    Frames,
    /// Anything else: bytes that are no frames, and frames that cannot be given out whole.
    Opaque,
}

/// Bytes that belong together. Only opaque ones are empty or have something missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What they are.
    pub kind: PieceKind,
    /// The bytes.
    pub bytes: &'a [u8],
    /// How many bytes that are not in the trace follow them.
    pub missing: u64,
}

impl<'a> Piece<'a> {
    const fn whole(kind: PieceKind, bytes: &'a [u8]) -> Self {
        Self {
            kind,
            bytes,
            missing: 0,
        }
    }
}

/// Where a direction stands; see the picture above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the first byte: a preface or a header.
    Beginning,
    /// At a frame's first byte.
    Aligned,
    /// Within a frame, of which `left` bytes (at least 1) are still to be forwarded as they come.
    Passing { left: u64 },
    /// Anywhere.
    Lost,
}

/// Why a run of frames ended before the bytes did.
enum Stop {
    /// The bytes behind it are a part of a header or frame; at this length more can be said.
    Wait(usize),
    /// The frame behind it, of this length, is too long to be held.
    Long(usize),
    /// No frame begins there.
    Lost,
}

/// Aligns one direction.
#[derive(Debug)]
pub struct Aligner {
    state: State,
    /// What waits: a part of the preface, of a header or of a frame.
    held: Vec<u8>,
    /// At this length of `held` more can be said about it.
    wanted: usize,
    limits: Limits,
    announced: Option<u32>,
}

impl Default for Aligner {
    fn default() -> Self {
        Self::new()
    }
}

impl Aligner {
    /// A direction of which nothing was seen yet.
    pub const fn new() -> Self {
        let limits = Limits::NONE_SEEN;
        Self {
            state: State::Beginning,
            held: Vec::new(),
            wanted: 0,
            limits,
            announced: None,
        }
    }

    /// The largest payload that a SETTINGS frame in this direction announced last, in bytes: it is for the frames of the
    /// other direction. None where no such setting was seen.
    pub const fn settings_max_frame_size(&self) -> Option<u32> {
        self.announced
    }

    /// Tells what the other direction announced (RFC 9113 §6.5.2), in bytes. The largest that was ever told counts.
    pub fn set_max_frame_size(&mut self, max_frame_size: u32) {
        self.limits.announce(max_frame_size);
    }

    /// Takes what one call moved: `bytes`, then `missing` bytes that the trace does not hold. Where some are missing,
    /// nothing waits; the piece in front of the hole says how many, and may be empty.
    pub fn push(&mut self, bytes: &[u8], missing: u64, emit: &mut impl FnMut(Piece<'_>)) {
        if self.held.is_empty() {
            let rest = self.walk(bytes, emit);
            if missing == 0 {
                self.held.extend_from_slice(rest);
            } else {
                self.skip(rest, missing, emit);
            }
            return;
        }
        self.held.extend_from_slice(bytes);
        if missing == 0 && self.held.len() < self.wanted {
            return;
        }
        let mut held = mem::take(&mut self.held);
        let rest = self.walk(&held, emit);
        if missing > 0 {
            self.skip(rest, missing, emit);
            held.clear();
        } else {
            let given_out = held.len() - rest.len();
            held.drain(..given_out);
        }
        // One long call must not decide what every connection keeps.
        held.shrink_to(HTTP2_FRAME_BYTES);
        self.held = held;
    }

    /// Gives out what waits: nothing more will come.
    pub fn finish(&mut self, emit: &mut impl FnMut(Piece<'_>)) {
        if !self.held.is_empty() {
            emit(Piece::whole(PieceKind::Opaque, &self.held));
            self.held = Vec::new();
            self.state = State::Lost;
        }
    }

    /// Gives out what can be, and returns what must wait.
    fn walk<'a>(&mut self, bytes: &'a [u8], emit: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.state {
                State::Beginning => match self.begin(rest, emit) {
                    Some(behind) => rest = behind,
                    None => return rest,
                },
                State::Passing { left } => rest = self.pass(rest, left, emit),
                State::Lost => rest = self.search(rest, emit),
                State::Aligned => {
                    let (run, stop) = self.run(rest);
                    let (whole, behind) = rest.split_at(run);
                    if !whole.is_empty() {
                        emit(Piece::whole(PieceKind::Frames, whole));
                    }
                    rest = behind;
                    match stop {
                        Stop::Wait(wanted) => {
                            self.wanted = wanted;
                            return rest;
                        }
                        Stop::Long(length) => {
                            self.state = State::Passing {
                                left: length as u64,
                            }
                        }
                        Stop::Lost => self.state = State::Lost,
                    }
                }
            }
        }
        rest
    }

    /// Decides what the stream begins with, and returns what is behind the preface; none where more bytes must come.
    fn begin<'a>(&mut self, bytes: &'a [u8], emit: &mut impl FnMut(Piece<'_>)) -> Option<&'a [u8]> {
        if let Some((preface, behind)) = bytes
            .split_first_chunk()
            .filter(|(preface, _)| *preface == PREFACE)
        {
            emit(Piece::whole(PieceKind::Preface, preface));
            self.state = State::Aligned;
            return Some(behind);
        }
        let open = match bytes.first_chunk() {
            _ if PREFACE.starts_with(bytes) => true,
            Some(header) if self.limits.begins(header) => {
                self.state = State::Aligned;
                return Some(bytes);
            }
            Some(_) => false,
            None => self.limits.may_begin(bytes),
        };
        if open {
            self.wanted = bytes.len() + 1;
            return None;
        }
        self.state = State::Lost;
        Some(bytes)
    }

    /// Forwards the `left` bytes of the frame at hand, as far as they are there, and returns what follows the frame.
    fn pass<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        emit: &mut impl FnMut(Piece<'_>),
    ) -> &'a [u8] {
        let length = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (passed, rest) = bytes.split_at(length);
        emit(Piece::whole(PieceKind::Opaque, passed));
        self.expect_end_in(left - length as u64);
        rest
    }

    /// The frame at hand goes on for `left` bytes.
    fn expect_end_in(&mut self, left: u64) {
        self.state = if left == 0 {
            State::Aligned
        } else {
            State::Passing { left }
        };
    }

    /// Length of the whole frames that `bytes` begin with, and why no other follows. Reads the SETTINGS among them.
    fn run(&mut self, bytes: &[u8]) -> (usize, Stop) {
        let mut run = 0;
        loop {
            let rest = bytes.get(run..).unwrap_or_default();
            let Some(header) = rest.first_chunk() else {
                let open = self.limits.may_continue(rest);
                return (
                    run,
                    if open {
                        Stop::Wait(rest.len() + 1)
                    } else {
                        Stop::Lost
                    },
                );
            };
            if !self.limits.continues(header) {
                return (run, Stop::Lost);
            }
            let Some(frame) = FrameView::first(rest) else {
                let length = FrameHeader::read(header).frame_length();
                let hold = length <= HTTP2_FRAME_BYTES;
                return (
                    run,
                    if hold {
                        Stop::Wait(length)
                    } else {
                        Stop::Long(length)
                    },
                );
            };
            self.read_settings(&frame);
            run += frame.bytes.len();
        }
    }

    /// Reads a SETTINGS frame's `SETTINGS_MAX_FRAME_SIZE` (5); values that RFC 9113 §6.5.2 forbids are none.
    fn read_settings(&mut self, frame: &FrameView<'_>) {
        if frame.header.kind != SETTINGS || frame.header.flags & ACK != 0 {
            return;
        }
        for setting in frame.payload().as_chunks::<6>().0 {
            let [0, 5, value @ ..] = *setting else {
                continue;
            };
            let value = u32::from_be_bytes(value);
            if (FRAME_SIZE_MIN..=FRAME_SIZE_MAX).contains(&value) {
                self.announced = Some(value);
            }
        }
    }

    /// Looks for frames in bytes that belong to none, forwards what is before them and returns what is to be read on.
    /// Each byte is looked at a bounded number of times: the state it leaves behind always consumes what it found.
    fn search<'a>(&mut self, bytes: &'a [u8], emit: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        // Where the first frame ends that nothing confirms or refutes.
        let mut followed = None;
        for (at, window) in bytes.windows(HEADER).enumerate() {
            let Some(header) = window.first_chunk() else {
                break;
            };
            let evidence = if self.limits.begins(header) {
                let end = at + FrameHeader::read(header).frame_length();
                match self.confirmed(bytes, end) {
                    None => {
                        followed.get_or_insert(end);
                        false
                    }
                    Some(confirmed) => confirmed,
                }
            } else {
                header[0] == PREFACE[0]
                    && bytes
                        .get(at..)
                        .is_some_and(|rest| rest.starts_with(PREFACE))
            };
            if evidence {
                let (stray, rest) = bytes.split_at(at);
                if !stray.is_empty() {
                    emit(Piece::whole(PieceKind::Opaque, stray));
                }
                // The preface is read where a stream begins, a header likewise.
                self.state = State::Beginning;
                return rest;
            }
        }
        if let Some(end) = followed {
            return self.pass(bytes, end as u64, emit);
        }
        emit(Piece::whole(PieceKind::Opaque, bytes));
        &[]
    }

    /// Whether what stands at `end` shows that a frame ended there: nothing, for calls move whole frames as a rule, or
    /// another header. None where that is not known.
    fn confirmed(&self, bytes: &[u8], end: usize) -> Option<bool> {
        let behind = bytes.get(end..)?;
        match behind.first_chunk() {
            Some(header) => Some(self.limits.begins(header)),
            None if behind.is_empty() => Some(true),
            None if self.limits.may_begin(behind) => None,
            None => Some(false),
        }
    }

    /// Gives out `rest`, which would have waited, with the hole behind it, and goes on behind the hole where that is
    /// within the frame at hand.
    fn skip(&mut self, rest: &[u8], missing: u64, emit: &mut impl FnMut(Piece<'_>)) {
        emit(Piece {
            kind: PieceKind::Opaque,
            bytes: rest,
            missing,
        });
        let left = match self.state {
            State::Passing { left } => Some(left),
            State::Lost => None,
            State::Beginning | State::Aligned => self.left_behind(rest),
        };
        match left.and_then(|left| left.checked_sub(missing)) {
            Some(left) => self.expect_end_in(left),
            None => self.state = State::Lost,
        }
    }

    /// How many bytes of the preface or frame that `start` begins are still to come, where it says so.
    fn left_behind(&self, start: &[u8]) -> Option<u64> {
        // The length is a header's first field.
        let [a, b, c, ..] = *start else { return None };
        let preface = self.state == State::Beginning && PREFACE.starts_with(start);
        let whole = if preface {
            PREFACE.len()
        } else {
            HEADER + u32::from_be_bytes([0, a, b, c]) as usize
        };
        whole.checked_sub(start.len()).map(|left| left as u64)
    }
}
