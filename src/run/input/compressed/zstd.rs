//! zstd (RFC 8878), block by block.
//!
//! The library reads blocks from a reader that has to hold them whole, so a block is handed over once all of it is here:
//! 128 KiB at most. What a frame's window holds is given once the frame has ended; of a frame that is cut or changed, an
//! empty last block in place of what is missing ends it.

use std::fmt;
use std::io::Read;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Damage, Step};
use crate::event::as_u64;
use crate::limits;

/// The longest header of a frame, with its magic number (RFC 8878 §3.1.1.1).
const FRAME_HEADER_BYTES: usize = 18;

/// Of a block (RFC 8878 §3.1.1.2).
const BLOCK_HEADER_BYTES: usize = 3;

/// The longest block.
const BLOCK_BYTES: usize = 128 << 10;

const CHECKSUM_BYTES: usize = 4;

/// An empty last block, and a checksum where one is wanted.
const EMPTY_END: [u8; BLOCK_HEADER_BYTES + CHECKSUM_BYTES] = [1, 0, 0, 0, 0, 0, 0];

/// Where in the data it is.
#[derive(Clone, Copy, Debug, Default)]
enum At {
    /// A frame begins, or the data ends.
    #[default]
    Frame,
    /// So many bytes of a skippable frame are left.
    Skippable(u64),
    /// A block of a frame begins, or the frame has ended.
    Block {
        /// Behind the last block there is one.
        has_checksum: bool,
    },
    /// What the frame's window holds is all that is left.
    Damaged(Damage),
}

/// Decodes zstd's frames.
#[derive(Default)]
pub(super) struct Zstd {
    at: At,
    decoder: FrameDecoder,
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Zstd {
    pub(super) fn step(&mut self, data: &[u8], is_all: bool, room: &mut [u8]) -> Result<Step, Damage> {
        match self.at {
            At::Frame => self.frame(data, is_all),
            At::Skippable(0) => Ok(self.go_on(At::Frame, 0)),
            At::Skippable(left) => {
                let taken = data.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                match taken {
                    0 if is_all => Err(Damage::Cut),
                    0 => Ok(Step::More),
                    _ => Ok(self.go_on(At::Skippable(left - as_u64(taken)), taken)),
                }
            }
            At::Block { has_checksum } => match self.give(room) {
                0 if self.decoder.is_finished() => self.frame_end(),
                0 => Ok(self.block(data, is_all, has_checksum)),
                given => Ok(Step::On { taken: 0, given }),
            },
            At::Damaged(damage) => match self.give(room) {
                0 => Err(damage),
                given => Ok(Step::On { taken: 0, given }),
            },
        }
    }

    /// How many bytes are decoded and not given yet.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.decoder.can_collect()
    }

    fn go_on(&mut self, at: At, taken: usize) -> Step {
        self.at = at;
        Step::On { taken, given: 0 }
    }

    /// Gives what the window need not hold.
    fn give(&mut self, room: &mut [u8]) -> usize {
        self.decoder.read(room).unwrap_or(0)
    }

    fn frame(&mut self, data: &[u8], is_all: bool) -> Result<Step, Damage> {
        if data.len() < FRAME_HEADER_BYTES && !is_all {
            return Ok(Step::More);
        }
        if data.is_empty() {
            return Ok(Step::End);
        }
        self.decoder.set_max_window_size(limits::ZSTD_WINDOW_BYTES);
        let mut rest = data;
        let begun = self.decoder.reset(&mut rest);
        let taken = data.len() - rest.len();
        match begun {
            Ok(()) => {
                let has_checksum = data.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
                Ok(self.go_on(At::Block { has_checksum }, taken))
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                Ok(self.go_on(At::Skippable(length.into()), taken))
            }
            Err(FrameDecoderError::ReadFrameHeaderError(
                ReadFrameHeaderError::BadMagicNumber(_) | ReadFrameHeaderError::InvalidFrameDescriptor(_),
            )) => Err(Damage::Changed),
            Err(FrameDecoderError::ReadFrameHeaderError(_)) => Err(Damage::Cut),
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => Err(Damage::Window),
            Err(FrameDecoderError::DictNotProvided { .. }) => Err(Damage::Dictionary),
            Err(_) => Err(Damage::Changed),
        }
    }

    /// Decodes the next block, if all of it is here.
    fn block(&mut self, data: &[u8], is_all: bool, has_checksum: bool) -> Step {
        let Some(length) = block_length(data, has_checksum) else {
            return self.missing(is_all);
        };
        if length > BLOCK_HEADER_BYTES + BLOCK_BYTES + CHECKSUM_BYTES {
            return self.damaged(Damage::Changed);
        }
        let Some(mut block) = data.get(..length) else {
            return self.missing(is_all);
        };
        match self.decoder.decode_blocks(&mut block, BlockDecodingStrategy::UptoBlocks(1)) {
            Ok(_) => Step::On { taken: length - block.len(), given: 0 },
            Err(_) => self.damaged(Damage::Changed),
        }
    }

    fn missing(&mut self, is_all: bool) -> Step {
        if is_all { self.damaged(Damage::Cut) } else { Step::More }
    }

    /// The frame goes no further than here.
    fn damaged(&mut self, damage: Damage) -> Step {
        // Fails only where nothing can be decoded any more, and then nothing is given.
        let _ = self.decoder.decode_blocks(EMPTY_END.as_slice(), BlockDecodingStrategy::UptoBlocks(1));
        self.go_on(At::Damaged(damage), 0)
    }

    /// All of a frame has been given.
    fn frame_end(&mut self) -> Result<Step, Damage> {
        match self.decoder.get_checksum_from_data() {
            Some(told) if self.decoder.get_calculated_checksum() != Some(told) => Err(Damage::Changed),
            _ => Ok(self.go_on(At::Frame, 0)),
        }
    }
}

/// How long the block at the front is, with its header, and the checksum if it is the last one.
fn block_length(data: &[u8], has_checksum: bool) -> Option<usize> {
    const RUN_LENGTH: u32 = 1;
    let (header, _) = data.split_first_chunk::<BLOCK_HEADER_BYTES>()?;
    let [low, middle, high] = *header;
    let header = u32::from_le_bytes([low, middle, high, 0]);
    let is_last = header & 1 == 1;
    let length = if (header >> 1) & 3 == RUN_LENGTH { 1 } else { usize::try_from(header >> 3).ok()? };
    Some(BLOCK_HEADER_BYTES + length + if is_last && has_checksum { CHECKSUM_BYTES } else { 0 })
}
