//! strace's string literals back to bytes (strace `string_quote` in util.c).
//!
//! ```text
//! string := '"' item* '"' '...'?       "..." behind the quote: -s cut the string
//! item   := \xHH | \ooo (1 to 3 octal digits) | \n \r \t \v \f \" \\ | any other byte as it is
//! ```
//! Every mixture is read, since one trace holds several styles. `-xx` traces are all `\xHH` and hold most of the bytes, so
//! that form is decoded in blocks which the compiler turns into vector instructions.

use memchr::memchr2;

/// A string literal that has been decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoted {
    /// `-s` cut it.
    pub(super) cut: bool,
    /// It began with `\xHH`.
    pub(super) hex: bool,
}

/// Decodes the literal that `text` begins with, appending to `out`; what follows it. None if it has no end.
#[inline]
pub(super) fn string<'t>(text: &'t [u8], out: &mut Vec<u8>) -> Option<(Quoted, &'t [u8])> {
    let text = text.strip_prefix(b"\"")?;
    let hex = text.starts_with(b"\\x");
    let text = if hex { hex_run(text, out) } else { text };
    let text = match text.split_first() {
        Some((b'"', rest)) => rest,
        _ => mixed(text, out)?,
    };
    Some(match text.strip_prefix(b"...") {
        Some(rest) => (Quoted { cut: true, hex }, rest),
        None => (Quoted { cut: false, hex }, text),
    })
}

/// Passes over the literal that `text` begins with, without `...`; None if it has no end.
#[inline]
pub(super) fn skip_string(text: &[u8]) -> Option<&[u8]> {
    let mut from = 1;
    loop {
        let end = from + memchr::memchr(b'"', text.get(from..)?)?;
        let backslashes = text
            .get(1..end)?
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        if backslashes % 2 == 0 {
            return text.get(end + 1..);
        }
        from = end + 1;
    }
}

/// Decodes `text` that stands between other marks than quotes, such as a path in angle brackets.
pub(super) fn unquoted(mut text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    while let Some((first, rest)) = text.split_first() {
        text = if *first == b'\\' {
            escape(rest, out)?
        } else {
            out.push(*first);
            rest
        };
    }
    Some(())
}

/// Text bytes that are decoded at a time.
const BLOCK: usize = 128;

/// Decodes `\xHH` groups as far as they go; the rest of the text.
fn hex_run<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let (blocks, _) = text.as_chunks::<BLOCK>();
    let mut used = 0;
    for block in blocks {
        let mut bytes = [0; BLOCK / 4];
        if !hex_block(block, &mut bytes) {
            break;
        }
        out.extend_from_slice(&bytes);
        used += BLOCK;
    }
    hex_groups(text.get(used..).unwrap_or_default(), out)
}

fn hex_groups<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    while let Some((group, rest)) = text.split_first_chunk::<4>() {
        let (byte, wrong) = hex_group(u32::from_le_bytes(*group));
        if wrong != 0 {
            break;
        }
        out.push(byte);
        text = rest;
    }
    text
}

/// Decodes a whole block; false if anything in it is not `\xHH`.
#[inline]
fn hex_block(block: &[u8; BLOCK], bytes: &mut [u8; BLOCK / 4]) -> bool {
    let (groups, _) = block.as_chunks::<4>();
    let mut wrong = 0;
    for (byte, group) in bytes.iter_mut().zip(groups) {
        let (value, mistakes) = hex_group(u32::from_le_bytes(*group));
        *byte = value;
        wrong |= mistakes;
    }
    wrong == 0
}

/// One `\xHH` as a little-endian word: its byte, and bits that are set where it is not of that form.
///
/// The two digits lie in bits 16 to 31 and are handled side by side. A letter has bit 6, a digit has not; nine more than
/// its low nibble is a letter's value.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the mask above keeps eight bits"
)]
const fn hex_group(word: u32) -> (u8, u32) {
    let digits = word >> 16;
    let letter = (digits >> 6) & 0x0101;
    let value = (digits & 0x0f0f) + (letter << 3) + letter;
    let not_escape = (word & 0xffff) ^ 0x785c;
    let not_class = (digits & 0xf0f0) ^ 0x3030 ^ (letter << 6) ^ (letter << 4);
    let not_letter = (((value + 0x0606) >> 4) & 0x0101) ^ letter;
    let too_large = value & 0x1010;
    let byte = ((value << 4) | (value >> 8)) & 0xff;
    (byte as u8, not_escape | not_class | not_letter | too_large)
}

/// Decodes up to the closing quote; what follows it.
fn mixed<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    loop {
        match text {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', rest @ ..] => text = escape(rest, out)?,
            _ => {
                let (plain, rest) = text.split_at_checked(memchr2(b'"', b'\\', text)?)?;
                out.extend_from_slice(plain);
                text = rest;
            }
        }
    }
}

/// Decodes what stands behind a backslash; what follows it.
#[inline]
fn escape<'t>(text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    let (first, rest) = text.split_first()?;
    let byte = match first {
        b'0'..=b'7' => return Some(octal(text, out)),
        b'x' => {
            let ([high, low], rest) = rest.split_first_chunk::<2>()?;
            out.push(hex_digit(*high)? << 4 | hex_digit(*low)?);
            return Some(rest);
        }
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'a' => 0x07,
        b'b' => 0x08,
        b'e' => 0x1b,
        other => *other,
    };
    out.push(byte);
    Some(rest)
}

/// One to three octal digits.
#[inline]
fn octal<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let mut value = 0_u8;
    for _ in 0..3 {
        let Some((digit @ b'0'..=b'7', rest)) = text.split_first() else {
            break;
        };
        value = value << 3 | (digit - b'0');
        text = rest;
    }
    out.push(value);
    text
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
        check(
            r#""a\n\r\t\v\f\"\\b"..., 9"#,
            b"a\n\r\t\x0b\x0c\"\\b",
            ", 9",
        );
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
        for text in [
            r#""abc"#,
            r#""abc\"#,
            r#""abc\""#,
            r#""\x4"#,
            r#""\x4z""#,
            "\"",
            "",
        ] {
            assert_eq!(string(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
        assert_eq!(skip_string(br#""a\\\"b\\", 3"#), Some(b", 3".as_slice()));
        assert_eq!(skip_string(br#""a\""#), None);
    }

    #[test]
    fn every_group_is_judged_alike() {
        for word in 0..=u16::MAX {
            let [high, low] = word.to_le_bytes();
            let group = [b'\\', b'x', high, low];
            let (byte, wrong) = hex_group(u32::from_le_bytes(group));
            let lower = |digit: u8| !digit.is_ascii_uppercase();
            let expected = hex_digit(high)
                .zip(hex_digit(low))
                .filter(|_| lower(high) && lower(low));
            assert_eq!(
                (wrong == 0).then_some(byte),
                expected.map(|(high, low)| high << 4 | low),
                "{group:?}"
            );
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
