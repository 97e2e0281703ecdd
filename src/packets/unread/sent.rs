//! A send that has returned, and how its bytes and received ones fit.

use super::HEAD_BYTES;
use crate::event::{Timestamp, as_u64};
use crate::packets::tcp::{Chunk, OwnChunk};
use crate::work;

/// A send of no more bytes goes into a pipe in one piece (PIPE_BUF, pipe(7)), and into a socket as well.
const ATOMIC: u64 = 4096;

/// A send that has returned.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) chunk: OwnChunk,
    pub(super) entry: Timestamp,
    pub(super) exit: Timestamp,
    /// How many of its bytes have been received.
    pub(super) done: u64,
    /// How many bytes its call has moved, those that were shown before included.
    pub(super) moved: u64,
}

/// Bytes of a call, and how many more behind them that are not in the trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) missing: u64,
}

/// How a send and what was received fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    /// Up to the end of one of the two.
    pub(super) is_whole: bool,
    /// How many bytes are the same.
    pub(super) same: usize,
    /// The send has been received to its end.
    pub(super) ends: bool,
}

impl Fit {
    /// Whether more of the send may follow.
    pub(super) const fn is_open(self) -> bool {
        self.is_whole && !self.ends && self.same > 0
    }
}

impl Part<'_> {
    pub(super) const fn moved(self) -> u64 {
        as_u64(self.bytes.len()).saturating_add(self.missing)
    }

    /// What is behind its first `length` bytes.
    pub(super) fn after(self, length: u64) -> Self {
        let known = as_u64(self.bytes.len());
        let bytes = usize::try_from(length).ok().and_then(|length| self.bytes.get(length..)).unwrap_or_default();
        Self { bytes, missing: self.missing.saturating_sub(length.saturating_sub(known)) }
    }

    /// Its first `length` bytes.
    pub(super) fn first(self, length: u64) -> Self {
        let bytes = usize::try_from(length).ok().and_then(|length| self.bytes.get(..length)).unwrap_or(self.bytes);
        Self { bytes, missing: length.saturating_sub(as_u64(bytes.len())).min(self.missing) }
    }

    /// How this, sent, and `received` fit, as far as `limit` bytes tell.
    pub(super) fn fit(self, received: Self, limit: usize) -> Fit {
        let known = self.bytes.len().min(received.bytes.len());
        let compared = known.min(limit);
        let pairs = self.bytes.iter().zip(received.bytes).take(compared);
        let same = work::each(pairs).take_while(|(sent, received)| sent == received).count();
        Fit { is_whole: same == compared, same, ends: self.moved() <= received.moved() }
    }
}

impl Sent {
    pub(super) fn rest(&self) -> Part<'_> {
        Part { bytes: &self.chunk.bytes, missing: self.chunk.missing }.after(self.done)
    }

    /// Whether it may have gone in pieces, between others'.
    pub(super) const fn is_long(&self) -> bool {
        self.moved > ATOMIC
    }

    /// Whether bytes that fit are a piece of it.
    pub(super) const fn is_piece(&self, fit: Fit) -> bool {
        self.is_long() && fit.same >= HEAD_BYTES
    }

    /// What is to be written of the next `length` bytes, which the reader shows as `received`.
    pub(super) fn part(&self, length: u64, received: Part<'_>) -> OwnChunk {
        let (own, shown) = (self.rest().first(length), received.first(length));
        let best = if own.missing > 0 && shown.bytes.len() > own.bytes.len() { shown } else { own };
        let whole = self.chunk.chunk();
        let is_last = self.done + length >= whole.moved();
        let part = Chunk {
            bytes: best.bytes,
            missing: length - as_u64(best.bytes.len()),
            comment: whole.comment.filter(|_| self.done == 0),
            is_urgent: whole.is_urgent && is_last,
            ..whole
        };
        OwnChunk::of(&part)
    }

    /// All that is left of it.
    pub(super) fn all(&self) -> OwnChunk {
        let rest = self.rest();
        self.part(rest.moved(), rest)
    }
}
