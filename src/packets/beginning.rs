//! What a connection begins with, put together from what waits and what has just come.

use crate::packets::tcp::{Chunk, OwnChunk};
use crate::sockets::Side;
use std::borrow::Cow;

/// The first bytes of one direction: those that wait and those of the chunk.
pub fn beginning<'a>(held: &[OwnChunk], chunk: &Chunk<'a>, side: Side) -> Cow<'a, [u8]> {
    let own = if chunk.sender == side { chunk.bytes } else { &[] };
    let mut before = held.iter().filter(|held| held.sender == side).peekable();
    if before.peek().is_none() {
        return Cow::Borrowed(own);
    }
    let held = before.flat_map(|held| &held.bytes);
    Cow::Owned(held.chain(own).copied().collect())
}
