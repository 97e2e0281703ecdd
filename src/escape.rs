//! Makes bytes from a trace, a file name or the command line safe to print: a terminal obeys what it is sent, and a trace
//! holds what the other end of a network connection chose.

use std::fmt::{self, Write};

/// Most bytes of an excerpt: with the words around it, it stays on one line.
const EXCERPT_BYTES: usize = 60;

/// `bytes` for a person: what is printable stays, control characters, characters that reorder or hide text, and bytes
/// that are no UTF-8 are written as escapes. A backslash stays as it is: the text is to be read, not to be read back.
pub fn escaped(bytes: &[u8]) -> Escaped<'_> {
    Escaped { bytes, cut: false }
}

/// The beginning of `bytes` as [`escaped`] writes it, with `…` where something is left out.
pub fn excerpt(bytes: &[u8]) -> Escaped<'_> {
    match bytes.split_at_checked(EXCERPT_BYTES) {
        Some((start, rest)) => Escaped { bytes: start, cut: !rest.is_empty() },
        None => Escaped { bytes, cut: false },
    }
}

/// What [`escaped`] and [`excerpt`] give.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a> {
    bytes: &'a [u8],
    cut: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_harmless(character) {
                    f.write_char(character)?;
                } else if character.is_ascii() {
                    write!(f, "\\x{:02x}", u32::from(character))?;
                } else {
                    write!(f, "{}", character.escape_unicode())?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        if self.cut { f.write_char('…') } else { Ok(()) }
    }
}

/// `bytes` as a name that a person reads: a mark stands for what is no text, or would turn around or hide what is beside it.
pub fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|char| if is_harmless(char) { char } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// `bytes` as a word of a shell's command: as they are, or in single quotes. What must not be printed stands as `\xHH`
/// in `$'…'`, which bash, zsh, ksh and the shells of POSIX.1-2024 read back.
pub fn word(bytes: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%=".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return escaped(bytes).to_string();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(is_harmless) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => dollar_quoted(bytes),
    }
}

fn dollar_quoted(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    let push_hex = |word: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a string never fails.
            let _ = write!(word, "\\x{byte:02x}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' | '\\' => word.extend(['\\', character]),
                _ if is_harmless(character) => word.push(character),
                _ => push_hex(&mut word, character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_hex(&mut word, chunk.invalid());
    }
    word.push('\'');
    word
}

/// Whether a character does nothing but stand there: no control character, no mark of direction (which lets text read
/// in another order than it is), nothing without a width.
pub fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(escaped(bytes).to_string(), expected);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        check(b"trace.log", "trace.log");
        check("größe 中 \\n".as_bytes(), "größe 中 \\n");
        check(b"\x1b]0;owned\x07", "\\x1b]0;owned\\x07");
        check(b"a\nb\tc\0\x7f", "a\\x0ab\\x09c\\x00\\x7f");
        check(b"\xff\xc3(", "\\xff\\xc3(");
        check("\u{9b}31m\u{202e}gol".as_bytes(), "\\u{9b}31m\\u{202e}gol");
    }

    #[test]
    fn a_word_is_what_a_shell_reads_back() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(word(bytes), expected);
        check(b"a/b-1.log", "a/b-1.log");
        check(b"--port=80", "--port=80");
        check(b"", "''");
        check("gr\u{f6}\u{df}e *".as_bytes(), "'gr\u{f6}\u{df}e *'");
        check(b"it's", r"'it'\''s'");
        check(b"a\\b", r"'a\b'");
        check(b"a\x1b[1m'\\\xff", r"$'a\x1b[1m\'\\\xff'");
        check("\u{202e}gol".as_bytes(), r"$'\xe2\x80\xaegol'");
    }

    #[test]
    fn an_excerpt_is_short() {
        assert_eq!(excerpt(b"short").to_string(), "short");
        assert_eq!(excerpt(&[b'x'; 60]).to_string(), "x".repeat(60));
        assert_eq!(excerpt(&[b'x'; 61]).to_string(), format!("{}…", "x".repeat(60)));
    }
}
