//! What the beginning of a file tells before the file is read, and without moving in it.

use std::fs::File;
use std::io::{self, Read};

use super::bytes::{Bytes, Got};
use super::compressed::{Compression, Damage};
use super::foreign::{Judgement, judge};
use crate::event::as_u64;
use crate::limits;
use crate::system;

/// Reads a file from a position on, and leaves its own where it is.
#[derive(Debug)]
pub(super) struct FileAt<'f> {
    file: &'f File,
    position: u64,
}

impl<'f> FileAt<'f> {
    pub(super) const fn new(file: &'f File, position: u64) -> Self {
        Self { file, position }
    }
}

impl Read for FileAt<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = system::read_at(self.file, room, self.position)?;
        self.position += as_u64(count);
        Ok(count)
    }
}

/// What a beginning tells.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// What the text is, decoded where it is compressed.
    pub verdict: Judgement,
    /// What it is compressed with.
    pub compression: Option<Compression>,
    /// There is no text.
    pub is_empty: bool,
    /// As far as it was looked at, it cannot be decoded to its end.
    pub damage: Option<Damage>,
}

/// What the text in `file` from `position` on is.
pub fn beginning(file: &File, position: u64) -> io::Result<Beginning> {
    let mut source = FileAt::new(file, position);
    let mut bytes = Bytes::new();
    let mut text = vec![0; limits::BEGINNING_BYTES];
    let mut length = 0;
    while let Some(room) = text.get_mut(length..).filter(|room| !room.is_empty()) {
        match bytes.read(&mut source, room)? {
            Got::Bytes(count) => length += count,
            Got::Nothing => {}
            Got::End => break,
        }
    }
    Ok(Beginning {
        verdict: judge::whole(text.get(..length).unwrap_or_default()),
        compression: bytes.compression(),
        is_empty: length == 0,
        damage: bytes.whole().err().map(|(_, damage)| damage),
    })
}
