//! Frame headers, and what can be one: nine bytes that say enough about themselves to be told from other bytes.
//!
//! Two questions are asked. *Can the next frame of an aligned stream begin so?* ([`plausible`], as strict as RFC 9113.)
//! *Do these bytes show that a frame begins here?* ([`Limits::begins`]), where nothing else speaks for it: then a
//! header that arbitrary bytes easily make (long, or nothing but zeros) is no evidence.

use super::PREFACE;
use crate::event::as_usize;
use crate::work;

/// Length of a frame's header, in bytes (RFC 9113 §4.1).
pub(super) const HEADER: usize = 9;

/// The frame types with rules of their own (RFC 9113 §6); 9, CONTINUATION, is the last.
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// The flags (RFC 9113 §6); ACK is that of SETTINGS and PING.
pub(super) const ACK: u8 = 0x01;
pub(super) const END_STREAM: u8 = 0x01;
pub(super) const END_HEADERS: u8 = 0x04;
pub(super) const PADDED: u8 = 0x08;
pub(super) const PRIORITY_GIVEN: u8 = 0x20;

/// `SETTINGS_MAX_FRAME_SIZE` before anything else was announced, in bytes, and its bounds (RFC 9113 §6.5.2).
pub(super) const FRAME_SIZE_MIN: u32 = 1 << 14;
pub(super) const FRAME_SIZE_MAX: u32 = (1 << 24) - 1;

/// What a SETTINGS frame that the trace does not hold may have allowed: gRPC's C core announces 4 MiB, Go's servers 1 MiB,
/// most others nothing.
const FRAME_SIZE_UNSEEN: u32 = 1 << 22;

/// The same where nothing else speaks for a frame: below it no length begins with a printable character.
const FRAME_SIZE_BELIEVED: u32 = 1 << 20;

/// The preface's first eight bytes.
const PREFACE_START: u64 = u64::from_be_bytes(*b"PRI * HT");

/// A frame's header (RFC 9113 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// Length of the payload in bytes, below 2²⁴.
    pub length: u32,
    /// The type, as registered: 0 DATA, 1 HEADERS, …
    pub kind: u8,
    /// Flags, whose meaning depends on the type.
    pub flags: u8,
    /// The stream, below 2³¹; 0 is the connection itself.
    pub stream_id: u32,
}

impl FrameHeader {
    /// The header in these bytes, whatever they are; the reserved bit is left out.
    pub const fn read(bytes: &[u8; HEADER]) -> Self {
        let [high, middle, low, kind, flags, stream_id @ ..] = *bytes;
        Self {
            length: u32::from_be_bytes([0, high, middle, low]),
            kind,
            flags,
            stream_id: u32::from_be_bytes(stream_id) & 0x7fff_ffff,
        }
    }

    /// Length of the whole frame, header included, in bytes.
    pub(super) const fn frame_length(&self) -> usize {
        // 24 bits fit wherever this runs.
        HEADER + as_usize(self.length)
    }

    /// The rules of the header's type: which stream it may be on and how long it may be (RFC 9113 §6).
    pub(super) const fn keeps_the_rules_of_its_type(&self) -> bool {
        let connection = self.stream_id == 0;
        match self.kind {
            DATA | HEADERS | CONTINUATION => !connection,
            PRIORITY => !connection && self.length == 5,
            RST_STREAM => !connection && self.length == 4,
            SETTINGS if self.flags & ACK != 0 => connection && self.length == 0,
            SETTINGS => connection && self.length.is_multiple_of(6),
            PUSH_PROMISE => !connection && self.length >= 4,
            PING => connection && self.length == 8,
            GOAWAY => connection && self.length >= 8,
            WINDOW_UPDATE => self.length == 4,
            _ => false,
        }
    }

    /// Whether no flag is set that the type does not have. Senders leave those unset (RFC 9113 §4.1), receivers ignore
    /// them, so that this is no rule but evidence.
    const fn has_only_flags_of_its_type(&self) -> bool {
        let known = match self.kind {
            DATA => END_STREAM | PADDED,
            HEADERS => END_STREAM | END_HEADERS | PADDED | PRIORITY_GIVEN,
            SETTINGS | PING => ACK,
            PUSH_PROMISE => END_HEADERS | PADDED,
            CONTINUATION => END_HEADERS,
            _ => 0,
        };
        self.flags & !known == 0
    }
}

/// Whether a frame may begin with `header`: a type that RFC 9113 knows, its rules for stream and length, the reserved
/// bit 0, and at most `max_frame_size` bytes of payload.
pub fn plausible(header: &[u8; HEADER], max_frame_size: u32) -> bool {
    let reserved = header[5] & 0x80 != 0;
    let header = FrameHeader::read(header);
    !reserved && header.length <= max_frame_size && header.keeps_the_rules_of_its_type()
}

/// How long the frames of a direction may be: what the other end's SETTINGS announced, where that was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    announced: Option<u32>,
}

impl Limits {
    /// No announcement was seen.
    pub(super) const NONE_SEEN: Self = Self { announced: None };

    /// Takes in an announcement. Frames on their way may still keep to an earlier, larger one, so the largest counts.
    pub(super) fn announce(&mut self, max_frame_size: u32) {
        let size = max_frame_size.clamp(FRAME_SIZE_MIN, FRAME_SIZE_MAX);
        self.announced = Some(self.announced.map_or(size, |earlier| earlier.max(size)));
    }

    /// Whether the next frame of an aligned stream may begin so.
    pub(super) fn continues(self, header: &[u8; HEADER]) -> bool {
        plausible(header, self.announced.unwrap_or(FRAME_SIZE_UNSEEN))
    }

    /// Whether this alone is evidence of a frame. A plausible header is none
    /// - with a flag that its type does not have;
    /// - with an empty payload that says nothing: zeros look like it, and so does every small number in 64 bits;
    /// - with more than 16 384 bytes, but for DATA, the one type that gets so long in practice, on a stream of a young
    ///   connection: small little-endian numbers, as Wayland's and `MySQL`'s messages begin with, are lengths of 65 536
    ///   and more.
    pub(super) fn begins(self, header: &[u8; HEADER]) -> bool {
        if !plausible(header, self.believed()) {
            return false;
        }
        let header = FrameHeader::read(header);
        let length_speaks = match header.length {
            0 => header.kind == SETTINGS || header.kind == DATA && header.flags & END_STREAM != 0,
            1..=FRAME_SIZE_MIN => true,
            _ => header.kind == DATA && header.stream_id < 1 << 16,
        };
        length_speaks && header.has_only_flags_of_its_type()
    }

    /// The rest of `bytes` from the first offset on at which [`Self::begins`] or a preface is worth a closer look: one
    /// test that nearly every offset of nearly every payload fails.
    pub(super) fn next_candidate(self, bytes: &[u8]) -> Option<&[u8]> {
        let longest = u64::from(self.believed());
        // Eight bytes as one number: length, type, flags, three quarters of the stream.
        let at = work::each(bytes.windows(HEADER)).position(|window| {
            let word = window.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
            let header = word >> 40 <= longest
                && (word >> 32) & 0xff <= u64::from(CONTINUATION)
                && word & 0x80_0000 == 0 // the reserved bit
                && word >> 24 != 0; // an empty DATA frame without flags
            header || word == PREFACE_START
        })?;
        bytes.get(at..)
    }

    /// The longest payload that is evidence of a frame, in bytes.
    const fn believed(self) -> u32 {
        match self.announced {
            Some(size) => size,
            None => FRAME_SIZE_BELIEVED,
        }
    }

    /// Whether fewer than nine bytes can still become a header of an aligned stream.
    pub(super) fn may_continue(self, start: &[u8]) -> bool {
        completions(start).iter().any(|header| self.continues(header))
    }

    /// Whether fewer than nine bytes can still become evidence of a frame.
    pub(super) fn may_begin(self, start: &[u8]) -> bool {
        completions(start).iter().any(|header| self.begins(header))
    }
}

/// The most permissive headers that begin with `start`: where type, flags and stream are open, a DATA frame that ends a
/// stream; else on stream 0 or on another one.
fn completions(start: &[u8]) -> [[u8; HEADER]; 2] {
    let filled = |last: [u8; HEADER]| {
        let mut header = last;
        header.iter_mut().zip(start).for_each(|(byte, known)| *byte = *known);
        header
    };
    // END_STREAM in the place of the flags only where the type is open too: it would be SETTINGS' ACK.
    let flags = if matches!(start, [_, _, _, kind, ..] if *kind != DATA) { 0 } else { END_STREAM };
    [filled([0, 0, 0, 0, flags, 0, 0, 0, 1]), filled([0, 0, 0, 0, flags, 0, 0, 0, 0])]
}

/// What a direction's first bytes say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http2Verdict {
    /// Too few bytes yet, and none that speaks against it.
    Undecided,
    /// HTTP/2: its preface, or from mid-stream a frame's header.
    Http2,
    /// Anything else.
    Other,
}

/// Whether the stream is HTTP/2, from the first bytes that one of its directions moved in the trace. Nine bytes decide.
pub fn judge(first_bytes: &[u8]) -> Http2Verdict {
    let limits = Limits::NONE_SEEN;
    let preface = first_bytes.starts_with(PREFACE) || PREFACE.starts_with(first_bytes);
    match first_bytes.first_chunk() {
        Some(header) if preface || limits.begins(header) => Http2Verdict::Http2,
        None if preface || limits.may_begin(first_bytes) => Http2Verdict::Undecided,
        _ => Http2Verdict::Other,
    }
}

/// Whether a direction begins with the preface; nine bytes are enough to tell.
pub fn preface(first: &[u8]) -> Http2Verdict {
    const TELLING: usize = 9;
    let compared = first.len().min(PREFACE.len());
    if first.get(..compared) != PREFACE.get(..compared) {
        Http2Verdict::Other
    } else if first.len() >= TELLING {
        Http2Verdict::Http2
    } else {
        Http2Verdict::Undecided
    }
}
