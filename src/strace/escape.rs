//! strace's string literals back to bytes (strace `string_quote` in util.c).
//!
//! ```text
//! string := '"' item* '"' '...'?       "..." behind the quote: -s cut the string
//! item   := \xHH | \ooo (1 to 3 octal digits) | \n \r \t \v \f \" \\ | any other byte as it is
//! ```
//! Every mixture is read, since one trace holds several styles. `-xx` traces are all `\xHH` and hold most of the bytes, so
//! that form is decoded in blocks which the compiler turns into vector instructions.

#![expect(clippy::as_conversions, reason = "bytes and words of eight bytes, in constants too")]

use crate::work;

/// A string literal that has been decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoted {
    /// `-s` cut it.
    pub(super) cut: bool,
    /// It began with `\xHH`.
    pub(super) hex: bool,
}

/// Decodes the literal that `text` begins with, appending to `out`; what follows it. None if it has no end.
#[inline(always)]
pub(super) fn string<'t>(text: &'t [u8], out: &mut Vec<u8>) -> Option<(Quoted, &'t [u8])> {
    let text = text.strip_prefix(b"\"")?;
    let hex = text.starts_with(b"\\x");
    let text = if hex { hex_run(text, out) } else { text };
    let text = match text.split_first() {
        Some((b'"', rest)) => rest,
        _ => mixed(text, out)?,
    };
    Some(match text {
        [b'.', b'.', b'.', rest @ ..] => (Quoted { cut: true, hex }, rest),
        _ => (Quoted { cut: false, hex }, text),
    })
}

/// Passes over the literal that `text` begins with, without `...`; None if it has no end.
#[inline]
pub(super) fn skip_string(text: &[u8]) -> Option<&[u8]> {
    let mut from = 1;
    loop {
        let end = from + memchr::memchr(b'"', text.get(from..)?)?;
        work::steps(end - from);
        let backslashes = work::each(text.get(1..end)?.iter().rev()).take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return text.get(end + 1..);
        }
        from = end + 1;
    }
}

/// Decodes `text` that is between other marks than quotes, such as a path in angle brackets.
pub(super) fn unquoted(mut text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    while let Some((first, rest)) = text.split_first() {
        let (byte, rest) = if *first == b'\\' { escape(rest)? } else { (*first, rest) };
        out.push(byte);
        text = rest;
    }
    Some(())
}

/// Decodes `\xHH` groups as far as they go; the rest of the text.
fn hex_run<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    hex_groups(if text.len() < TEXT { text } else { hex_blocks(text, out) }, out)
}

/// Decodes whole blocks of groups as far as they go; the rest of the text. By itself, because its many registers would
/// cost a short string their saving.
#[inline(never)]
fn hex_blocks<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let (blocks, _) = text.as_chunks::<TEXT>();
    let mut used = 0;
    for block in blocks {
        let mut bytes = [0; BYTES];
        if !hex_block(block, &mut bytes) {
            break;
        }
        out.extend_from_slice(&bytes);
        used += TEXT;
    }
    text.get(used..).unwrap_or_default()
}

/// Text bytes that are decoded at a time, and what they come to.
const TEXT: usize = 256;
const BYTES: usize = TEXT / 4;

/// Decodes a whole block; false if anything in it is not `\xHH`.
///
/// In two steps, so that the second handles twice as many digits at once: each group is a little-endian word with the
/// escape in its low half and the two digits in its high half.
#[inline]
fn hex_block<const TEXT: usize, const BYTES: usize>(block: &[u8; TEXT], bytes: &mut [u8; BYTES]) -> bool {
    let (groups, _) = block.as_chunks::<4>();
    let mut pairs = [0; BYTES];
    let mut not_escape = 0;
    for (pair, group) in pairs.iter_mut().zip(groups) {
        let [e1, e2, high, low] = *group;
        not_escape |= u16::from_le_bytes([e1, e2]) ^ u16::from_le_bytes(*b"\\x");
        *pair = u16::from_le_bytes([high, low]);
    }
    let mut not_digits = 0;
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let (value, mistakes) = hex_pair(pair);
        *byte = value;
        not_digits |= mistakes;
    }
    not_escape | not_digits == 0
}

/// Decodes what is left of a run, less than a block: four groups together, since most strings are short, and then single
/// ones.
#[inline]
fn hex_groups<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let mut bytes = [0; 8];
    while let Some((groups, rest)) = text.split_first_chunk::<32>()
        && hex_block(groups, &mut bytes)
    {
        out.extend_from_slice(&bytes);
        text = rest;
    }
    if let Some((groups, rest)) = text.split_first_chunk::<16>()
        && let Some(bytes) = hex_four(groups)
    {
        out.extend_from_slice(&bytes);
        text = rest;
    }
    while let Some(([b'\\', b'x', high, low], rest)) = text.split_first_chunk::<4>() {
        let (high, low) = (value_of(*high), value_of(*low));
        if (high | low) > 0x0f {
            break;
        }
        out.push(high << 4 | low);
        text = rest;
    }
    text
}

/// Decodes four groups; none if anything in them is not `\xHH`.
///
/// The digits of the last two groups are moved between those of the first two, so that all eight lie side by side in one
/// word: in pairs of the first, third, second and fourth group.
#[inline]
fn hex_four(groups: &[u8; 16]) -> Option<[u8; 4]> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x0000_ffff_0000_ffff;
    const ESCAPES: u64 = u64::from_le_bytes(*b"\\x\0\0\\x\0\0");
    if groups[12] != b'\\' {
        return None; // as most that are none
    }
    let word = |half: Option<&[u8; 8]>| half.map_or(0, |half| u64::from_le_bytes(*half));
    let (first, second) = (word(groups.first_chunk()), word(groups.last_chunk()));
    let not_escape = ((first & LOW) ^ ESCAPES) | ((second & LOW) ^ ESCAPES);
    let digits = (first >> 16 & LOW) | (second & !LOW);
    // As in `hex_pair`: a letter is 0x61 to 0x66 and ten to fifteen, a digit 0x30 to 0x39.
    let letter = digits & (EACH * 0x40);
    let value = (digits & (EACH * 0x0f)).wrapping_add((letter >> 6).wrapping_mul(9));
    let not_class = (digits ^ (letter >> 2) ^ (EACH * 0x30)) & (EACH * 0xb0);
    let not_digit = ((value.wrapping_add(EACH * 6) ^ (letter >> 2)) | value) & (EACH * 0x10);
    let pairs = (value << 4 | value >> 8) & 0x00ff_00ff_00ff_00ff;
    let [bytes @ .., _, _, _, _] = (pairs | pairs >> 24).to_le_bytes();
    (not_escape | not_class | not_digit == 0).then_some(bytes)
}

/// Two hexadecimal digits, the first in the low byte: their value, and bits that are set where they are none.
///
/// Both are handled side by side. A letter has bit 6, a digit has not; nine more than its low nibble is a letter's value.
#[inline]
const fn hex_pair(pair: u16) -> (u8, u16) {
    let letter = (pair >> 6) & 0x0101;
    let value = (pair & 0x0f0f).wrapping_add(letter.wrapping_mul(9));
    let not_class = (pair & 0xf0f0) ^ 0x3030 ^ letter.wrapping_mul(0x50);
    let not_letter = ((value.wrapping_add(0x0606) >> 4) & 0x0101) ^ letter;
    let too_large = value & 0x1010;
    let [byte, _] = ((value << 4) | (value >> 8)).to_le_bytes();
    (byte, not_class | not_letter | too_large)
}

/// Room for decoded bytes before they are moved on; eight more than are waited for, since eight are written at once.
const ROOM: usize = 512;

/// Decodes up to the closing quote; what follows it. Eight bytes of text are looked at together.
#[inline(never)]
fn mixed<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    let mut room = [0; ROOM];
    let mut filled = 0;
    while let Some(chunk) = text.first_chunk::<8>() {
        if filled > ROOM - 8 {
            out.extend_from_slice(room.get(..filled)?);
            filled = 0;
        }
        let free = room.get_mut(filled..)?.first_chunk_mut::<8>()?;
        let word = u64::from_le_bytes(*chunk);
        if chunk.first() == Some(&b'\\') {
            let (byte, length) = short_escape(word).or_else(|| long_escape(text))?;
            *free.first_mut()? = byte;
            filled += 1;
            text = text.get(length..)?;
            continue;
        }
        let plain = plain_bytes(word);
        if plain == 0 {
            out.extend_from_slice(room.get(..filled)?);
            return text.get(1..);
        }
        *free = *chunk;
        filled += plain;
        text = text.get(plain..)?;
    }
    out.extend_from_slice(room.get(..filled)?);
    mixed_end(text, out)
}

/// The escape that a word begins with, its first byte in the lowest, and its length: octal, or one letter.
#[inline]
fn short_escape(word: u64) -> Option<(u8, usize)> {
    let [_, first, second, third, ..] = word.to_le_bytes();
    if first & 0xf8 != b'0' {
        let byte = control(first);
        return if byte == b'x' { None } else { Some((byte, 2)) };
    }
    if second & 0xf8 != b'0' {
        return Some((first & 7, 2));
    }
    let two = (first & 7) << 3 | (second & 7);
    Some(if third & 0xf8 == b'0' { (two << 3 | (third & 7), 4) } else { (two, 3) })
}

/// Any escape at the beginning of `text`, and its length.
#[cold]
fn long_escape(text: &[u8]) -> Option<(u8, usize)> {
    let (byte, rest) = escape(text.get(1..)?)?;
    Some((byte, text.len() - rest.len()))
}

/// How many of eight bytes, the first in the lowest, come before a quote or backslash.
#[inline]
const fn plain_bytes(word: u64) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(EACH) & !word & (EACH << 7)
    }
    let special = zeros(word ^ (EACH * b'"' as u64)) | zeros(word ^ (EACH * b'\\' as u64));
    special.trailing_zeros() as usize / 8
}

/// The same for the last bytes of a line.
fn mixed_end<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    loop {
        let (first, rest) = text.split_first()?;
        let (byte, rest) = match first {
            b'"' => return Some(rest),
            b'\\' => escape(rest)?,
            plain => (*plain, rest),
        };
        out.push(byte);
        text = rest;
    }
}

/// The byte behind a backslash, and what follows it.
#[inline]
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [d1 @ b'0'..=b'7', d2 @ b'0'..=b'7', d3 @ b'0'..=b'7', rest @ ..] => {
            Some(((d1 & 7) << 6 | (d2 & 7) << 3 | (d3 & 7), rest))
        }
        [d1 @ b'0'..=b'7', d2 @ b'0'..=b'7', rest @ ..] => Some(((d1 & 7) << 3 | (d2 & 7), rest)),
        [d1 @ b'0'..=b'7', rest @ ..] => Some((d1 & 7, rest)),
        [b'x', high, low, rest @ ..] => Some((hex_digit(*high)? << 4 | hex_digit(*low)?, rest)),
        [b'x', ..] | [] => None,
        [letter, rest @ ..] => Some((control(*letter), rest)),
    }
}

/// The byte that a letter behind a backslash means; any other letter means itself.
#[inline]
fn control(letter: u8) -> u8 {
    CONTROLS.get(usize::from(letter)).copied().unwrap_or(letter)
}

static CONTROLS: [u8; 256] = controls();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "computed when compiling")]
const fn controls() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'a' => 0x07,
            b'b' => 0x08,
            b'e' => 0x1b,
            other => other,
        };
        byte += 1;
    }
    table
}

/// The value of each hexadecimal digit, and [`NO_DIGIT`] for every other byte.
static VALUES: [u8; 256] = values();
const NO_DIGIT: u8 = 0xff;

#[expect(clippy::indexing_slicing, reason = "computed when compiling")]
const fn values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        if let Some(value) = hex_digit(byte) {
            values[byte as usize] = value;
        }
        byte += 1;
    }
    values
}

#[inline]
fn value_of(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    #[track_caller]
    fn check(text: &str, bytes: &[u8], rest: &str) {
        let mut out = Vec::new();
        let (_, after) = string(text.as_bytes(), &mut out).expect("a string");
        assert_eq!((out.as_slice(), after), (bytes, rest.as_bytes()), "{text}");
    }

    #[test]
    fn escapes() {
        check(r#""abc", 3"#, b"abc", ", 3");
        check(r#""""#, b"", "");
        check(r#""a\n\r\t\v\f\"\\b"..., 9"#, b"a\n\r\t\x0b\x0c\"\\b", ", 9");
        let mixed = b"\x001\x008\x00a\x01\x017\x7f5\xff\xff0";
        check(r#""\0001\08\0a\1\0017\1775\377\3770""#, mixed, "");
        check(r#""\0001\0008\0a\1\0017\1775\377\3770""#, mixed, "");
        check(r#""\x001\x41B\7""#, b"\x001AB\x07", "");
        check(r#""\x68\x69", 2"#, b"hi", ", 2");
        check(r#""\023""#, b"\x13", "");
        check(r#""\xAB""#, b"\xab", "");
        check(r#""\777""#, b"\xff", "");
    }

    #[test]
    fn ends() {
        for text in [r#""abc"#, r#""abc\"#, r#""abc\""#, r#""\x4"#, r#""\x4z""#, "\"", ""] {
            assert_eq!(string(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
        assert_eq!(skip_string(br#""a\\\"b\\", 3"#), Some(b", 3".as_slice()));
        assert_eq!(skip_string(br#""a\""#), None);
    }

    #[test]
    fn every_group_is_judged_alike() {
        for word in 0..=u16::MAX {
            let [high, low] = word.to_le_bytes();
            let (byte, wrong) = hex_pair(word);
            let lower = |digit: u8| !digit.is_ascii_uppercase();
            let expected = hex_digit(high).zip(hex_digit(low)).filter(|_| lower(high) && lower(low));
            assert_eq!((wrong == 0).then_some(byte), expected.map(|(high, low)| high << 4 | low), "{word:04x}");
            for place in 0..4 {
                let mut groups = *br"\x1f\xe0\x2d\xc3";
                groups[4 * place + 2..4 * place + 4].copy_from_slice(&[high, low]);
                let mut bytes = [0x1f, 0xe0, 0x2d, 0xc3];
                bytes[place] = byte;
                let expected = (wrong == 0).then_some(bytes);
                assert_eq!(hex_four(&groups), expected, "{word:04x} at {place}");
            }
        }
        for place in 0..16 {
            for other in 0..=u8::MAX {
                let mut groups = *br"\x1f\xe0\x2d\xc3";
                let same = std::mem::replace(&mut groups[place], other) == other;
                let is_digit = place % 4 > 1 && hex_digit(other).is_some();
                let may_be = same || is_digit && !other.is_ascii_uppercase();
                assert_eq!(hex_four(&groups).is_some(), may_be, "{other:02x} at {place}");
            }
        }
    }

    fn in_hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\x{byte:02x}").expect("a String takes all");
            text
        })
    }

    /// As strace 4.22 and later: octal as short as it can be.
    fn in_c(bytes: &[u8], hex: bool) -> String {
        let mut text = String::new();
        for (index, byte) in bytes.iter().enumerate() {
            let next_is_octal = matches!(bytes.get(index + 1), Some(b'0'..=b'7'));
            match byte {
                b'"' | b'\\' => write!(text, "\\{}", char::from(*byte)),
                b'\n' => write!(text, "\\n"),
                b' '..=b'~' => write!(text, "{}", char::from(*byte)),
                _ if hex => write!(text, "\\x{byte:02x}"),
                _ if next_is_octal => write!(text, "\\{byte:03o}"),
                _ => write!(text, "\\{byte:o}"),
            }
            .expect("a String takes all");
        }
        text
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(bytes: Vec<u8>, tail in "[^.]?") {
            for text in [in_hex(&bytes), in_c(&bytes, false), in_c(&bytes, true)] {
                let line = format!("\"{text}\"{tail}");
                let mut out = Vec::new();
                let (_, rest) = string(line.as_bytes(), &mut out).expect("a string");
                prop_assert_eq!(&out, &bytes);
                prop_assert_eq!(rest, tail.as_bytes());
                prop_assert_eq!(skip_string(line.as_bytes()), Some(tail.as_bytes()));
            }
        }

        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            let line = [b"\"".as_slice(), &text].concat();
            string(&line, &mut Vec::new());
            skip_string(&line);
        }
    }
}
