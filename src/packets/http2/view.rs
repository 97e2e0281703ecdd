//! Whole frames, one after the other.

use super::header::{FrameHeader, HEADER, PADDED, PRIORITY_GIVEN};

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameView<'a> {
    /// Its header.
    pub(super) header: FrameHeader,
    /// Header and payload.
    pub(super) bytes: &'a [u8],
}

impl<'a> FrameView<'a> {
    /// What follows the header.
    pub(super) fn payload(&self) -> &'a [u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The header block, or its first part, of a HEADERS frame (RFC 9113 §6.2).
    pub(super) fn header_block(&self) -> &'a [u8] {
        const PRIORITY: usize = 5;
        let mut block = self.payload();
        if self.header.flags & PADDED != 0 {
            let (padding, rest) = block.split_first().unwrap_or((&0, &[]));
            let length = rest.len().saturating_sub(usize::from(*padding));
            block = rest.get(..length).unwrap_or_default();
        }
        if self.header.flags & PRIORITY_GIVEN != 0 {
            block = block.get(PRIORITY..).unwrap_or_default();
        }
        block
    }

    /// The frame at the beginning of `bytes`, where all of it is there.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        let header = FrameHeader::read(bytes.first_chunk()?);
        Some(Self { header, bytes: bytes.get(..header.frame_length())? })
    }
}

/// The frames of a piece of whole frames. It ends before a frame that is not all there.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = FrameView<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let frame = FrameView::first(rest)?;
        rest = rest.get(frame.bytes.len()..)?;
        Some(frame)
    })
}
