//! Whole frames, one after the other.

use super::header::{FrameHeader, HEADER};

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameView<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// Header and payload.
    pub bytes: &'a [u8],
}

impl<'a> FrameView<'a> {
    /// What follows the header.
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The frame at the beginning of `bytes`, where all of it is there.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        let header = FrameHeader::read(bytes.first_chunk()?);
        Some(Self {
            header,
            bytes: bytes.get(..header.frame_length())?,
        })
    }
}

/// The frames of a piece of whole frames. It ends before a frame that is not all there.
pub fn frames(bytes: &[u8]) -> impl Iterator<Item = FrameView<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let frame = FrameView::first(rest)?;
        rest = rest.get(frame.bytes.len()..)?;
        Some(frame)
    })
}
