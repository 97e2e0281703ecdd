//! What an aligner gives out.

use std::borrow::Cow;

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

/// Where a piece ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct PieceEnd {
    pub(super) kind: PieceKind,
    /// How many bytes it has.
    pub(super) length: usize,
    pub(super) missing: u64,
}

impl PieceEnd {
    pub(super) const fn whole(kind: PieceKind, bytes: &[u8]) -> Self {
        Self { kind, length: bytes.len(), missing: 0 }
    }
}

/// Pieces, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Pieces<'a> {
    /// Their bytes, and maybe others behind them.
    bytes: Cow<'a, [u8]>,
    cuts: Vec<PieceEnd>,
}

impl<'a> Pieces<'a> {
    pub(super) const fn new(bytes: Cow<'a, [u8]>, cuts: Vec<PieceEnd>) -> Self {
        Self { bytes, cuts }
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut rest = &*self.bytes;
        self.cuts.iter().map(move |PieceEnd { kind, length, missing }| {
            let (bytes, behind) = rest.split_at_checked(*length).unwrap_or((rest, &[]));
            rest = behind;
            Piece { kind: *kind, bytes, missing: *missing }
        })
    }
}
