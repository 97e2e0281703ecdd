//! Frames in the midst of other bytes, within what one call moved and in linear time.
//!
//! What is believed is the preface, or a header that is evidence in itself and whose frame ends where another such header
//! stands, or where the call ends, for most senders hand over whole frames. Where the call does not reach so far, only
//! the frame's end is believed, and the header that should stand there decides: so nothing is held on suspicion.

use super::PREFACE;
use super::header::{FrameHeader, Limits};

/// What was found.
pub(super) enum NextFrame {
    /// The preface or a frame begins at this offset.
    Begins(usize),
    /// None that is believed, but one that should end so many bytes from the first on, perhaps behind the last.
    Ends(usize),
    /// Nothing.
    Nothing,
}

/// Looks for the first preface or frame.
pub(super) fn search(bytes: &[u8], limits: Limits) -> NextFrame {
    // Of several ends the first counts: any may be wrong, and then the search goes on there.
    let mut end_of_first = None;
    let mut rest = bytes;
    while let Some(candidate) = limits.next_candidate(rest) {
        let at = bytes.len() - candidate.len();
        let header = candidate.first_chunk().filter(|header| limits.begins(header));
        let evidence = match header.map(|header| FrameHeader::read(header).frame_length()) {
            None => candidate.starts_with(PREFACE),
            Some(length) => ends_well(candidate, length, limits).unwrap_or_else(|| {
                end_of_first.get_or_insert(at + length);
                false
            }),
        };
        if evidence {
            return NextFrame::Begins(at);
        }
        rest = candidate.get(1..).unwrap_or_default();
    }
    end_of_first.map_or(NextFrame::Nothing, NextFrame::Ends)
}

/// Whether what stands behind the first `length` bytes shows that a frame ended there: nothing, or another header. None
/// where that is not known.
fn ends_well(bytes: &[u8], length: usize, limits: Limits) -> Option<bool> {
    let behind = bytes.get(length..)?;
    match behind.first_chunk() {
        Some(header) => Some(limits.begins(header)),
        None if behind.is_empty() => Some(true),
        None if limits.may_begin(behind) => None,
        None => Some(false),
    }
}
