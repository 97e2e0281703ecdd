//! Tells Rust's code from its comments and literals, for the rules over the sources.

/// `text` with every comment and every string or character literal blanked out, lines and lengths kept.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at + 1),
            b'r' if starts_raw_string(bytes, at) => raw_string_end(bytes, at + 1),
            b'\'' => character_end(bytes, at),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("whole literals and comments were replaced")
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes[from..].iter().position(|&byte| byte == b'\n');
    rest.map_or(bytes.len(), |length| from + length)
}

fn block_comment_end(bytes: &[u8], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Where the string ends whose first character is at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Whether `r` at `at` begins `r"…"`, `r#"…"#`, or the same behind `b`.
fn starts_raw_string(bytes: &[u8], at: usize) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let before = &bytes[..at];
    let before = before.strip_suffix(b"b").unwrap_or(before);
    let hashes = bytes[at + 1..].iter().take_while(|&&byte| byte == b'#').count();
    !before.last().is_some_and(is_name) && bytes.get(at + 1 + hashes) == Some(&b'"')
}

fn raw_string_end(bytes: &[u8], from: usize) -> usize {
    let hashes = bytes[from..].iter().take_while(|&&byte| byte == b'#').count();
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let inside = from + hashes + 1;
    let length = bytes[inside..].windows(close.len()).position(|window| window == close);
    length.map_or(bytes.len(), |length| inside + length + close.len())
}

/// Where the character literal ends that begins at `at`; `at` for a lifetime.
fn character_end(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at + 1) == Some(&b'\\') {
        let close = bytes[at + 3..].iter().position(|&byte| byte == b'\'');
        return close.map_or(at, |length| at + 3 + length + 1);
    }
    let text = std::str::from_utf8(&bytes[at + 1..]).unwrap_or_default();
    let width = text.chars().next().map_or(1, char::len_utf8);
    if bytes.get(at + 1 + width) == Some(&b'\'') { at + width + 2 } else { at }
}
