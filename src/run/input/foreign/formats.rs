//! What is told from a trace by its bytes alone: formats by their first ones, text of wide characters, what is no text.

use super::super::compressed::Compression;
use super::Foreign;

/// How many bytes tell a format, at most.
pub(super) const HEAD_BYTES: usize = 32;

/// What files begin with.
pub(super) const MAGIC: [(&[u8], Foreign); 13] = [
    (Compression::Gzip.magic(), Foreign::Compressed(Compression::Gzip)),
    (b"BZh", Foreign::Bzip2),
    (b"\xfd7zXZ\0", Foreign::Xz),
    (Compression::Zstd.magic(), Foreign::Compressed(Compression::Zstd)),
    (b"PK\x03\x04", Foreign::Zip),
    (b"\xa1\xb2\xc3\xd4", Foreign::Capture),
    (b"\xd4\xc3\xb2\xa1", Foreign::Capture),
    (b"\xa1\xb2\x3c\x4d", Foreign::Capture),
    (b"\x4d\x3c\xb2\xa1", Foreign::Capture),
    (b"\x0a\x0d\x0d\x0a", Foreign::Capture),
    (b"\x7fELF", Foreign::Elf),
    (b"PERFILE2", Foreign::PerfData),
    (b"2ELIFREP", Foreign::PerfData),
];

/// What begins with these bytes, if they tell; `is_all`: no more of them are to come than are looked at here.
pub(super) fn format(head: &[u8], is_all: bool) -> Option<Foreign> {
    let found = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    // Three letters alone could be a word: the block size follows, and the first block's magic number or the last one's.
    let is_bzip2 =
        || matches!(head.get(3..), Some([b'1'..=b'9', b'1', b'A', b'Y', ..] | [b'1'..=b'9', 0x17, b'r', b'E', ..]));
    let magic = found.map(|(_, foreign)| *foreign).filter(|foreign| *foreign != Foreign::Bzip2 || is_bzip2());
    magic.or_else(|| wide(head, is_all).map(Foreign::Wide))
}

/// iconv's name of an encoding with wide characters, told by the byte order mark or by where the zero bytes are.
fn wide(head: &[u8], is_all: bool) -> Option<&'static str> {
    match head {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some("UTF-32"),
        [0xff, 0xfe, _, _, ..] | [0xfe, 0xff, _, _, ..] => return Some("UTF-16"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if is_all => return Some("UTF-16"),
        _ if !is_all || head.len() < 4 => return None,
        _ => {}
    }
    let (characters, _) = head.get(..head.len().min(HEAD_BYTES)).unwrap_or_default().as_chunks::<2>();
    let is_text = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if characters.iter().all(|[low, high]| is_text(*low) && *high == 0) {
        Some("UTF-16LE")
    } else if characters.iter().all(|[high, low]| is_text(*low) && *high == 0) {
        Some("UTF-16BE")
    } else {
        None
    }
}

/// Whether more than a sixteenth are control characters, which neither strace nor a person writes. Zero bytes do not count:
/// a crash of the machine leaves them in a file.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let is_odd = |byte: &&u8| byte.is_ascii_control() && !matches!(byte, 0 | b'\t' | b'\n' | b'\r' | 0x1b);
    bytes.iter().filter(is_odd).count() > bytes.len() / 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn wide_characters() {
        let text = "12 close(3) = 0\r\n";
        let marked = format!("\u{feff}{text}");
        let check = |bytes: &[u8], expected| {
            assert_eq!(format(bytes, true), expected, "{bytes:?}");
            let told = (0..bytes.len()).find_map(|length| format(&bytes[..length], false));
            assert!(told.is_none() || told == expected, "{bytes:?}: {told:?}");
        };
        check(&utf16(&marked, u16::to_le_bytes), Some(Foreign::Wide("UTF-16")));
        check(&utf16(&marked, u16::to_be_bytes), Some(Foreign::Wide("UTF-16")));
        check(&utf16(text, u16::to_le_bytes), Some(Foreign::Wide("UTF-16LE")));
        check(&utf16(text, u16::to_be_bytes), Some(Foreign::Wide("UTF-16BE")));
        let utf32: Vec<u8> = marked.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        check(&utf32, Some(Foreign::Wide("UTF-32")));
        check(b"\xff\xfe", Some(Foreign::Wide("UTF-16")));
        check(&[0; 40], None);
        check(&[&[0; 5][..], b"close(3) = 0\n"].concat(), None);
        check("\u{feff}close(3) = 0\n".as_bytes(), None);
        check(b"", None);
    }
}
