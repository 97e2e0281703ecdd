//! Compressed traces: what tells one, and the decoder that takes pieces of any size and gives pieces of any size.
//!
//! Decoders do no input or output and hold a bounded part of what they decode: gzip's window of 32 KiB, and of a zstd
//! frame its window and a block. Several gzip members or zstd frames, one behind the other, are one text.

mod gzip;
mod zstd;

use std::fmt;

use crate::run::name::Name;
use gzip::Gzip;
use zstd::Zstd;

/// What compressed a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// What the first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// It is compressed.
    Compressed(Compression),
    /// It is not.
    Plain,
    /// It may be, if more bytes follow.
    Unknown,
}

impl Compression {
    const ALL: [Self; 2] = [Self::Gzip, Self::Zstd];

    /// What a text begins with.
    pub const fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => b"\x1f\x8b\x08",
            Self::Zstd => b"\x28\xb5\x2f\xfd",
        }
    }

    /// What a text that begins with these bytes is.
    pub fn of(beginning: &[u8]) -> Detected {
        if let Some(found) = Self::ALL.into_iter().find(|it| beginning.starts_with(it.magic())) {
            return Detected::Compressed(found);
        }
        let is_beginning = |magic: &[u8]| magic.starts_with(beginning);
        match beginning {
            // A skippable frame, as parallel and seekable compressors put one in front (RFC 8878 §3.1.2).
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Detected::Compressed(Self::Zstd),
            [] | [0x50..=0x5f] | [0x50..=0x5f, 0x2a] | [0x50..=0x5f, 0x2a, 0x4d] => Detected::Unknown,
            _ if Self::ALL.iter().any(|it| is_beginning(it.magic())) => Detected::Unknown,
            _ => Detected::Plain,
        }
    }

    /// The program that reads it.
    pub const fn reader(self) -> &'static str {
        match self {
            Self::Gzip => "zcat",
            Self::Zstd => "zstdcat",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Why compressed data cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It ends before its end.
    Cut,
    /// It makes no sense, or its checksum is another.
    Changed,
    /// Its window is larger than [`crate::limits::ZSTD_WINDOW_BYTES`].
    Window,
    /// It was compressed with a dictionary.
    Dictionary,
}

impl Damage {
    /// What the trace `name` is, and what to do.
    pub fn told(self, name: &Name, with: Compression) -> String {
        let (reader, word) = (with.reader(), name.word());
        match self {
            Self::Cut => format!("the trace {name} is cut: its {with} data ends early; fetch it again"),
            Self::Changed => format!("the trace {name} is damaged: its {with} data makes no sense; fetch it again"),
            Self::Window => format!(
                "the trace {name} takes too much memory to be read here: {reader} --long=31 {word} | strace2pcap OUTPUT -"
            ),
            Self::Dictionary => format!(
                "the trace {name} was compressed with a dictionary: {reader} -D DICTIONARY {word} | strace2pcap OUTPUT -"
            ),
        }
    }
}

/// What a step of decoding has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// So many bytes of the data were taken, and so many of the text were given.
    On { taken: usize, given: usize },
    /// More of the data is needed.
    More,
    /// The text has been given whole, and so has the data been taken.
    End,
}

/// Decodes a compressed text.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a source has one")]
enum FormatDecoder {
    Gzip(Gzip),
    Zstd(Zstd),
}

impl FormatDecoder {
    fn new(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip(Gzip::default()),
            Compression::Zstd => Self::Zstd(Zstd::default()),
        }
    }

    /// Decodes from `data` into `room`; nothing comes behind `data` if `is_all`. What was given before an error is right
    /// as far as it can be told.
    fn step(&mut self, data: &[u8], is_all: bool, room: &mut [u8]) -> Result<Step, Damage> {
        match self {
            Self::Gzip(gzip) => gzip.step(data, is_all, room),
            Self::Zstd(zstd) => zstd.step(data, is_all, room),
        }
    }
}

/// Compressed data as it comes, and its decoder.
#[derive(Debug)]
pub(super) struct Decompressor {
    compression: Compression,
    decoder: FormatDecoder,
    data: Vec<u8>,
    /// Up to where `data` has been taken.
    taken: usize,
    /// How the text ended, if it has.
    end: Option<Result<(), Damage>>,
}

impl Decompressor {
    pub(super) fn new(compression: Compression, beginning: &[u8]) -> Self {
        let decoder = FormatDecoder::new(compression);
        Self { compression, decoder, data: beginning.to_vec(), taken: 0, end: None }
    }

    pub(super) const fn compression(&self) -> Compression {
        self.compression
    }

    /// How the text ended, if it has.
    pub(super) const fn end(&self) -> Option<Result<(), Damage>> {
        self.end
    }

    /// Room for the next `length` bytes of the data; [`Decompressor::filled`] says how many have come.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        self.data.drain(..self.taken);
        self.taken = 0;
        let end = self.data.len();
        self.data.resize(end + length, 0);
        self.data.get_mut(end..).unwrap_or_default()
    }

    /// Of the last room `unused` bytes have not been filled.
    pub(super) fn filled(&mut self, unused: usize) {
        self.data.truncate(self.data.len().saturating_sub(unused));
    }

    /// Decodes into `room`: how many bytes, 0 where more of the data is needed, or the text has ended.
    pub(super) fn decode(&mut self, is_all: bool, room: &mut [u8]) -> usize {
        while self.end.is_none() {
            let data = self.data.get(self.taken..).unwrap_or_default();
            match self.decoder.step(data, is_all, room) {
                Ok(Step::On { taken, given }) => {
                    self.taken += taken;
                    if given > 0 {
                        return given;
                    }
                }
                Ok(Step::More) => return 0,
                Ok(Step::End) => self.end = Some(Ok(())),
                Err(damage) => self.end = Some(Err(damage)),
            }
        }
        0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    pub fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    pub fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// What `data` that comes by pieces of `piece` bytes decodes to in rooms of `room` bytes, and how it ends.
    fn decoded(data: &[u8], piece: usize, room: usize) -> (Vec<u8>, Result<(), Damage>) {
        let Detected::Compressed(compression) = Compression::of(data) else { panic!("{data:?}") };
        let mut stream = Decompressor::new(compression, b"");
        let (mut text, mut rest, mut room) = (Vec::new(), data, vec![0; room]);
        loop {
            match stream.decode(rest.is_empty(), &mut room) {
                0 => {}
                given => {
                    text.extend_from_slice(&room[..given]);
                    continue;
                }
            }
            if let Some(end) = stream.end() {
                return (text, end);
            }
            let (now, later) = rest.split_at(piece.min(rest.len()));
            stream.room(piece)[..now.len()].copy_from_slice(now);
            stream.filled(piece - now.len());
            rest = later;
        }
    }

    /// Text that compresses well, and some that does not.
    fn text(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..length).map(|at| if at % 3000 < 2000 { b"close(3) = 0\n"[at % 13] } else { next() }).collect()
    }

    #[test]
    fn whatever_the_pieces() {
        let text = text(400_000);
        for data in [gzip(&text), zstd(&text)] {
            for (piece, room) in [(data.len(), 1 << 20), (4096, 4096), (1, 1 << 16), (777, 1000)] {
                let (found, end) = decoded(&data, piece, room);
                assert!(found == text, "{piece}, {room}");
                assert_eq!(end, Ok(()));
            }
        }
        for data in [gzip(b""), zstd(b"")] {
            assert_eq!(decoded(&data, 1, 16), (Vec::new(), Ok(())));
        }
    }

    #[test]
    fn one_behind_the_other() {
        let skippable = b"\x5a\x2a\x4d\x18\x05\0\0\0abcde";
        let gzips = [gzip(b"one\n"), gzip(b""), gzip(b"two\n"), vec![0; 600]].concat();
        let zstds = [&skippable[..], &zstd(b"one\n"), &skippable[..], &zstd(b""), &zstd(b"two\n")].concat();
        for data in [gzips, zstds] {
            for piece in [1, 5, data.len()] {
                assert_eq!(decoded(&data, piece, 64), (b"one\ntwo\n".to_vec(), Ok(())));
            }
        }
        let none = b"\x5a\x2a\x4d\x18\0\0\0\0";
        assert_eq!(decoded(none, 1, 64), (Vec::new(), Ok(())));
    }

    #[test]
    fn cut_anywhere() {
        let text = text(9000);
        for data in [gzip(&text), zstd(&text), [zstd(&text), zstd(&text)].concat()] {
            let whole = decoded(&data, 4096, 4096).0;
            let starts = [data.len() / 2, data.len()];
            for length in (4..data.len()).filter(|length| length % 7 == 0 || data.len() - length < 9) {
                let (found, end) = decoded(&data[..length], 4096, 4096);
                assert!(whole.starts_with(&found), "{length}");
                assert!(end == Err(Damage::Cut) || starts.contains(&length), "{length}: {end:?}");
            }
        }
        let data = gzip(&text);
        let found = decoded(&data[..data.len() - 3], 4096, 4096).0;
        assert!(found == text, "only the checksum is cut");
        let data = zstd(&[text.as_slice(); 40].concat());
        let found = decoded(&data[..data.len() - 8], 4096, 4096).0;
        assert!(found.len() > 100_000, "{}: all blocks but the last one", found.len());
    }

    #[test]
    fn changed_anywhere_it_ends_and_mostly_tells() {
        let text = text(5000);
        for data in [gzip(&text), zstd(&text), zstd(&b"x".repeat(300_000))] {
            let mut told = 0;
            for at in 4..data.len() {
                for bit in [1, 64] {
                    let mut changed = data.clone();
                    changed[at] ^= bit;
                    let (found, end) = decoded(&changed, 4096, 4096);
                    assert!(found.len() < 10_000_000);
                    told += usize::from(end.is_err());
                }
            }
            assert!(told > data.len(), "{told} of {}", 2 * data.len());
        }
        for rubbish in [[gzip(&text), b"rubbish".to_vec()].concat(), [zstd(&text), b"rubbish".to_vec()].concat()] {
            let (found, end) = decoded(&rubbish, 4096, 4096);
            assert_eq!((found == text, end), (true, Err(Damage::Changed)));
        }
    }

    #[test]
    fn what_is_told_by_the_first_bytes() {
        assert_eq!(Compression::of(b"\x1f\x8b\x08\0"), Detected::Compressed(Compression::Gzip));
        assert_eq!(Compression::of(b"\x28\xb5\x2f\xfd"), Detected::Compressed(Compression::Zstd));
        for unknown in [&b""[..], b"\x1f", b"\x1f\x8b", b"\x28\xb5\x2f", b"\x50\x2a", b"("] {
            assert_eq!(Compression::of(unknown), Detected::Unknown);
        }
        for plain in [&b"1234 close(3) = 0"[..], b"\x1f\x8b\x07", b"Process", b"Z*A", b"(a"] {
            assert_eq!(Compression::of(plain), Detected::Plain);
        }
    }

    #[test]
    fn what_takes_too_much_or_something_else() {
        // A window of 256 MiB.
        let window = b"\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00";
        assert_eq!(decoded(window, 4096, 64), (Vec::new(), Err(Damage::Window)));
        let dictionary = b"\x28\xb5\x2f\xfd\x21\x07\x01\x09\x00\x00A";
        assert_eq!(decoded(dictionary, 4096, 64), (Vec::new(), Err(Damage::Dictionary)));
    }

    #[test]
    fn a_bomb_is_decoded_by_rooms() {
        // Blocks of 128 KiB of one byte each.
        let block = [&(((128 << 10) << 3 | 2_u32).to_le_bytes()[..3]), b"\0"].concat();
        let last = [&((1 << 3 | 3_u32).to_le_bytes()[..3]), b"\n"].concat();
        let bomb = [b"\x28\xb5\x2f\xfd\x00\x58".to_vec(), block.repeat(800), last].concat();
        let mut stream = Decompressor::new(Compression::Zstd, &bomb);
        let (mut room, mut total) = (vec![0; 4096], 0);
        loop {
            match stream.decode(true, &mut room) {
                0 => break,
                given => total += given,
            }
        }
        assert_eq!((stream.end(), total), (Some(Ok(())), 800 * (128 << 10) + 1));
        let FormatDecoder::Zstd(zstd) = &stream.decoder else { panic!() };
        assert!(zstd.held() <= 8 << 20);
    }
}
