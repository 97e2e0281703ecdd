//! What an aligner gives out.

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
    pub(super) const fn whole(kind: PieceKind, bytes: &'a [u8]) -> Self {
        Self { kind, bytes, missing: 0 }
    }
}
