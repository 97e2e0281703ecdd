//! Quotes bytes as strace does, in each of its styles (strace `src/util.c`, `string_quote`).

use std::fmt::Write as _;

/// How strace was told to quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No option: C's short escapes, octal for the rest.
    Plain,
    /// `-x`: all hexadecimal where a byte is not ASCII, else as without.
    HexIfNeeded,
    /// `-xx`: all hexadecimal.
    Hex,
    /// `--strings-in-hex=non-ascii-chars`: as without, hexadecimal in place of octal.
    HexForOctal,
}

/// Every style.
pub const STYLES: [Style; 4] = [Style::Plain, Style::HexIfNeeded, Style::Hex, Style::HexForOctal];

/// `bytes` between quotes.
pub fn quoted(bytes: &[u8], style: Style) -> String {
    let all_hex = match style {
        Style::Hex => true,
        Style::HexIfNeeded => bytes.iter().any(|&byte| !printable(byte) && !byte.is_ascii_whitespace()),
        Style::Plain | Style::HexForOctal => false,
    };
    let mut text = String::from("\"");
    for (at, &byte) in bytes.iter().enumerate() {
        if all_hex {
            let _ = write!(text, "\\x{byte:02x}");
        } else {
            push_escaped(&mut text, byte, bytes.get(at + 1).copied(), style);
        }
    }
    text.push('"');
    text
}

fn printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

fn push_escaped(text: &mut String, byte: u8, next: Option<u8>, style: Style) {
    match byte {
        b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
        b'\n' => text.push_str("\\n"),
        b'\r' => text.push_str("\\r"),
        b'\t' => text.push_str("\\t"),
        0x0b => text.push_str("\\v"),
        0x0c => text.push_str("\\f"),
        _ if printable(byte) => text.push(char::from(byte)),
        _ => {
            let _ = match next {
                _ if style == Style::HexForOctal => write!(text, "\\x{byte:02x}"),
                // The shortest form, unless the next byte would be read as a part of it.
                Some(b'0'..=b'7') => write!(text, "\\{byte:03o}"),
                _ => write!(text, "\\{byte:o}"),
            };
        }
    }
}
