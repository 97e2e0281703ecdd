//! A frame's bytes.
use crate::wire::Frame;

/// How long a written frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes written.
    pub captured: usize,
    /// Bytes the frame had on the wire.
    pub original: usize,
}

/// Replaces the content of `bytes` with the frame's.
pub fn write(frame: &Frame<'_>, bytes: &mut Vec<u8>) -> Lengths {
    bytes.clear();
    Lengths { captured: frame.payload.len(), original: frame.original }
}
