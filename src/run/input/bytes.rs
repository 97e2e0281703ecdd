//! The bytes of a trace's text, from what is read of a source: as they are, or decoded where they are compressed, which
//! the first ones tell. Nothing is copied of what is not compressed.

use std::io::{self, Read};

use super::compressed::{Compression, Damage, Decompressor, Detected};
use crate::event::as_u64;
use crate::limits;

/// What reading once has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// So many bytes of the text.
    Bytes(usize),
    /// None yet: reading on will tell.
    Nothing,
    /// There is nothing more. [`Bytes::whole`] says whether that is all there was.
    End,
}

/// The bytes of a text.
#[derive(Debug)]
pub(super) struct Bytes {
    state: State,
    read: Reads,
    /// The decoder has come to where it needs more of the data.
    wants_data: bool,
}

/// What has been read of the source.
#[derive(Debug)]
struct Reads {
    position: u64,
    /// The source has come to its end, or cannot be read any more.
    has_ended: bool,
}

impl Reads {
    /// Reads once: nothing where it has to be tried again.
    fn once(&mut self, source: &mut impl Read, room: &mut [u8]) -> io::Result<Option<usize>> {
        match source.read(room) {
            Ok(count) => {
                self.position += as_u64(count);
                self.has_ended = count == 0;
                Ok(Some(count))
            }
            Err(error) if is_temporary(&error) => Ok(None),
            Err(error) => {
                self.has_ended = true;
                Err(error)
            }
        }
    }
}

#[derive(Debug)]
enum State {
    /// As few bytes as these do not tell.
    Unknown(Vec<u8>),
    Plain,
    Compressed(Box<Decompressor>),
}

impl Bytes {
    /// Of a source of which nothing has been read.
    pub(super) const fn new() -> Self {
        Self { state: State::Unknown(Vec::new()), read: Reads { position: 0, has_ended: false }, wants_data: true }
    }

    /// How many bytes of the source have been read.
    pub(super) const fn position(&self) -> u64 {
        self.read.position
    }

    /// What it is compressed with.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.stream().map(Decompressor::compression)
    }

    /// Whether the source has come to its end.
    pub(super) const fn has_ended(&self) -> bool {
        self.read.has_ended
    }

    /// Whether the next read gives something without reading from the source.
    pub(super) const fn has_more(&self) -> bool {
        !self.wants_data
    }

    /// Whether what has come to its end was all there was.
    pub(super) fn whole(&self) -> Result<(), (Compression, Damage)> {
        let end = self.stream().and_then(|stream| stream.end().map(|end| (stream.compression(), end)));
        end.map_or(Ok(()), |(compression, end)| end.map_err(|damage| (compression, damage)))
    }

    /// Gives bytes of the text into `room`, which has some, having read from `source` once at most.
    pub(super) fn read(&mut self, source: &mut impl Read, room: &mut [u8]) -> io::Result<Got> {
        match &mut self.state {
            State::Plain => Ok(match self.read.once(source, room)? {
                Some(0) => Got::End,
                Some(count) => Got::Bytes(count),
                None => Got::Nothing,
            }),
            State::Unknown(_) => self.begin(source, room),
            State::Compressed(_) => self.decode(source, room),
        }
    }

    fn stream(&self) -> Option<&Decompressor> {
        if let State::Compressed(stream) = &self.state { Some(stream) } else { None }
    }

    /// Reads the first bytes, which tell whether they are compressed.
    fn begin(&mut self, source: &mut impl Read, room: &mut [u8]) -> io::Result<Got> {
        let known = if let State::Unknown(known) = &mut self.state { std::mem::take(known) } else { Vec::new() };
        let (front, behind) = room.split_at_mut_checked(known.len()).unwrap_or_default();
        front.copy_from_slice(&known);
        let count = match self.read.once(source, behind) {
            Ok(Some(count)) => count,
            other => {
                self.state = State::Unknown(known);
                return other.map(|_| Got::Nothing);
            }
        };
        let length = known.len() + count;
        let bytes = room.get(..length).unwrap_or_default();
        match Compression::of(bytes) {
            Detected::Compressed(compression) => {
                self.state = State::Compressed(Box::new(Decompressor::new(compression, bytes)));
                self.wants_data = false;
                Ok(Got::Nothing)
            }
            Detected::Unknown if count > 0 => {
                self.state = State::Unknown(bytes.to_vec());
                Ok(Got::Nothing)
            }
            Detected::Unknown | Detected::Plain => {
                self.state = State::Plain;
                Ok(if length == 0 { Got::End } else { Got::Bytes(length) })
            }
        }
    }

    fn decode(&mut self, source: &mut impl Read, room: &mut [u8]) -> io::Result<Got> {
        let State::Compressed(stream) = &mut self.state else {
            return Ok(Got::Nothing);
        };
        if self.wants_data && !self.read.has_ended && stream.end().is_none() {
            let data = stream.room(limits::COMPRESSED_BYTES);
            let length = data.len();
            let read = self.read.once(source, data);
            stream.filled(length - read.as_ref().map_or(0, |count| count.unwrap_or_default()));
            if read?.is_none() {
                return Ok(Got::Nothing);
            }
        }
        let given = stream.decode(self.read.has_ended, room);
        self.wants_data = given == 0 && stream.end().is_none();
        Ok(match given {
            0 if stream.end().is_some() => Got::End,
            0 => Got::Nothing,
            count => Got::Bytes(count),
        })
    }
}

/// Whether to try again: interrupted, or a descriptor that does not block, for which its reader waits.
pub(super) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
