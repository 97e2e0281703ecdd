//! One direction of an HTTP/2 stream, cut at the ends of its frames.
//!
//! ```text
//!              a preface, a header               no header there
//! Beginning ──────────────────────────▶ Aligned ─────────────────▶ Lost
//!     │                                 │  ▲  ▲                   │ │
//!     │              frame too long to  │  │  └─ found by a search ┘ │
//!     │              hold, or a hole    ▼  │ its end                │
//!     │              within it         Passing ◀─ only its end is ──┘
//!     │                                   │       likely             ▲
//!     └── neither ────────────────────────┴─ hole beyond its end ────┘
//! ```
//!
//! What waits is only what cannot be given out whole yet: a part of the preface, of a header or of a frame, at most
//! [`HTTP2_FRAME_BYTES`]. While lost or passing nothing waits; `search.rs` says what ends being lost.

use super::PREFACE;
use super::header::{ACK, FRAME_SIZE_MAX, FRAME_SIZE_MIN, FrameHeader, HEADER, Limits, SETTINGS};
use super::piece::{PieceEnd, PieceKind, Pieces};
use super::search::{NextFrame, search};
use super::view::FrameView;
use crate::event::{as_u64, as_usize};
use crate::limits::HTTP2_FRAME_BYTES;
use crate::work;
use std::borrow::Cow;
use std::mem;

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
enum RunEnd {
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
        Self { state: State::Beginning, held: Vec::new(), wanted: 0, limits, announced: None }
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

    /// Takes what one call moved: `bytes`, then `missing` bytes that the trace does not hold. Returns what can be given out.
    /// Where some are missing, nothing waits; the piece in front of the hole says how many, and is empty behind whole frames.
    pub fn push<'a>(&mut self, bytes: &'a [u8], missing: u64) -> Pieces<'a> {
        let mut bytes = Cow::Borrowed(bytes);
        if !self.held.is_empty() {
            self.held.extend_from_slice(&bytes);
            if missing == 0 && self.held.len() < self.wanted {
                return Pieces::default();
            }
            work::steps(self.held.len());
            bytes = Cow::Owned(mem::take(&mut self.held));
        }
        let mut cuts = Vec::new();
        let rest = self.walk(&bytes, &mut cuts);
        if missing == 0 {
            self.held.extend_from_slice(rest);
        } else {
            self.end_before_hole(rest, missing, &mut cuts);
        }
        Pieces::new(bytes, cuts)
    }

    /// Returns what waits: nothing more will come.
    pub fn finish(&mut self) -> Vec<u8> {
        if !self.held.is_empty() {
            self.state = State::Lost;
        }
        mem::take(&mut self.held)
    }

    /// Gives out what can be, and returns what must wait.
    fn walk<'a>(&mut self, bytes: &'a [u8], cuts: &mut Vec<PieceEnd>) -> &'a [u8] {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.state {
                State::Beginning => match self.begin(rest, cuts) {
                    Some(behind) => rest = behind,
                    None => return rest,
                },
                State::Passing { left } => rest = self.pass(rest, left, cuts),
                State::Lost => rest = self.find(rest, cuts),
                State::Aligned => {
                    let (run, stop) = self.run(rest);
                    let (whole, behind) = rest.split_at(run);
                    if !whole.is_empty() {
                        cuts.push(PieceEnd::whole(PieceKind::Frames, whole));
                    }
                    rest = behind;
                    match stop {
                        RunEnd::Wait(wanted) => {
                            self.wanted = wanted;
                            return rest;
                        }
                        RunEnd::Long(length) => self.state = State::Passing { left: as_u64(length) },
                        RunEnd::Lost => self.state = State::Lost,
                    }
                }
            }
        }
        rest
    }

    /// Decides what the stream begins with, and returns what is behind the preface; none where more bytes must come.
    fn begin<'a>(&mut self, bytes: &'a [u8], cuts: &mut Vec<PieceEnd>) -> Option<&'a [u8]> {
        if let Some((preface, behind)) = bytes.split_first_chunk().filter(|(preface, _)| *preface == PREFACE) {
            cuts.push(PieceEnd::whole(PieceKind::Preface, preface));
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
    fn pass<'a>(&mut self, bytes: &'a [u8], left: u64, cuts: &mut Vec<PieceEnd>) -> &'a [u8] {
        let length = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (passed, rest) = bytes.split_at(length);
        cuts.push(PieceEnd::whole(PieceKind::Opaque, passed));
        self.expect_end_in(left - as_u64(length));
        rest
    }

    /// The frame at hand goes on for `left` bytes.
    fn expect_end_in(&mut self, left: u64) {
        self.state = if left == 0 { State::Aligned } else { State::Passing { left } };
    }

    /// Length of the whole frames that `bytes` begin with, and why no other follows. Reads the SETTINGS among them.
    fn run(&mut self, bytes: &[u8]) -> (usize, RunEnd) {
        let mut run = 0;
        loop {
            let rest = bytes.get(run..).unwrap_or_default();
            let Some(header) = rest.first_chunk() else {
                let open = self.limits.may_continue(rest);
                return (run, if open { RunEnd::Wait(rest.len() + 1) } else { RunEnd::Lost });
            };
            if !self.limits.continues(header) {
                return (run, RunEnd::Lost);
            }
            let Some(frame) = FrameView::first(rest) else {
                let length = FrameHeader::read(header).frame_length();
                let hold = length <= HTTP2_FRAME_BYTES;
                return (run, if hold { RunEnd::Wait(length) } else { RunEnd::Long(length) });
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

    /// Lost: forwards what is before the next frame or preface and returns what is to be read on.
    fn find<'a>(&mut self, bytes: &'a [u8], cuts: &mut Vec<PieceEnd>) -> &'a [u8] {
        match search(bytes, self.limits) {
            NextFrame::Begins(at) => {
                let (stray, rest) = bytes.split_at(at);
                if !stray.is_empty() {
                    cuts.push(PieceEnd::whole(PieceKind::Opaque, stray));
                }
                // The preface is read where a stream begins, a header likewise.
                self.state = State::Beginning;
                rest
            }
            NextFrame::Ends(end) => self.pass(bytes, as_u64(end), cuts),
            NextFrame::Nothing => {
                cuts.push(PieceEnd::whole(PieceKind::Opaque, bytes));
                &[]
            }
        }
    }

    /// Gives out what would have waited too: the hole goes with the last opaque bytes before it. Alignment goes on behind a
    /// hole that lies within the frame at hand.
    fn end_before_hole(&mut self, rest: &[u8], missing: u64, cuts: &mut Vec<PieceEnd>) {
        match cuts.last_mut() {
            Some(last) if rest.is_empty() && last.kind == PieceKind::Opaque => last.missing = missing,
            _ => cuts.push(PieceEnd { missing, ..PieceEnd::whole(PieceKind::Opaque, rest) }),
        }
        self.skip(rest, missing);
    }

    /// Passes over a hole of `missing` bytes behind `rest`, with which a frame begins.
    fn skip(&mut self, rest: &[u8], missing: u64) {
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
        let whole = if preface { PREFACE.len() } else { HEADER + as_usize(u32::from_be_bytes([0, a, b, c])) };
        whole.checked_sub(start.len()).map(as_u64)
    }
}
