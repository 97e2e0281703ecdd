//! The arguments of a call, one after the other: each function takes text and gives a value and the rest.
//!
//! What a call's parentheses hold is found by matching brackets and quotes, never by searching for a text that a payload
//! or a path may hold as well.

use super::{details, escape, time};
use crate::work;

/// Deepest nesting of brackets that is followed; strace's own structures stay below ten.
const DEPTH_MAX: usize = 64;

/// Goes to the next argument, or the first one if none has been read: passes over blanks, a comma, a security context (`[ctx]` behind a descriptor), and the
/// argument's name of `-N`.
#[inline(always)]
pub(super) fn next(text: &[u8]) -> &[u8] {
    match text {
        [b',', b' ', b'"' | b'0'..=b'9', ..] => text.get(2..).unwrap_or_default(),
        [b'0'..=b'9', ..] => text,
        _ => any_next(text),
    }
}

#[inline(never)]
fn any_next(text: &[u8]) -> &[u8] {
    let text = match text {
        [b',', b' ', rest @ ..] => rest,
        [b' ' | b',', ..] => separators(text),
        _ => text,
    };
    match text.first() {
        Some(b'a'..=b'z' | b' ' | b',') => unnamed(separators(text)),
        _ => text,
    }
}

fn separators(mut text: &[u8]) -> &[u8] {
    loop {
        let count = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b',')).count();
        text = text.get(count..).unwrap_or_default();
        // a security context is where a comma is due, so a comma follows it
        match security_context(text) {
            Some(rest) if count == 1 => text = rest,
            _ => return text,
        }
    }
}

/// Passes over blanks and commas.
pub(super) fn separated(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| matches!(byte, b' ' | b',')).count();
    text.get(count..).unwrap_or_default()
}

fn security_context(text: &[u8]) -> Option<&[u8]> {
    let [b'[', b'a'..=b'z' | b'A'..=b'Z', ..] = text else {
        return None;
    };
    let inner = text.get(1..)?;
    // there are no brackets in it
    let end = memchr::memchr3(b']', b'[', b'}', inner);
    work::steps(end.unwrap_or(inner.len()));
    let rest = inner.get(end?..)?.strip_prefix(b"]")?;
    (rest.first() == Some(&b',')).then_some(rest)
}

/// The value behind `name=`, where there is a name.
#[inline]
pub(super) fn unnamed(text: &[u8]) -> &[u8] {
    match text.first() {
        Some(b'a'..=b'z') => name(text).map_or(text, |(_, rest)| rest),
        _ => text,
    }
}

/// `name=` or, before strace 4.13, `name(3)=`: the name, and the value behind it.
pub(super) fn name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| IS_NAME.get(usize::from(*byte)) != Some(&true))?;
    let (name, rest) = text.split_at_checked(end)?;
    if name.is_empty() || name.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let rest = match rest.strip_prefix(b"(") {
        Some(inner) => inner.get(time::digits(inner).1..)?.strip_prefix(b")")?,
        None => rest,
    };
    Some((name, rest.strip_prefix(b"=")?))
}

/// The bytes at which a plain value ends: its own end, a bracket, a quote, details or a comment.
static IS_SPECIAL: [bool; 256] = set_of(b",)]}([{\"</");

/// The bytes of which arguments' names are made.
static IS_NAME: [bool; 256] = set_of(b"abcdefghijklmnopqrstuvwxyz_0123456789");

/// Which bytes are among `bytes`.
#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "computed when compiling")]
pub(super) const fn set_of(mut bytes: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    while let Some((byte, others)) = bytes.split_first() {
        set[*byte as usize] = true;
        bytes = others;
    }
    set
}

/// Any one value: up to the comma or closing bracket that ends it. None if the text ends first.
#[inline]
pub(super) fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = plain(text)?;
    match text.split_at_checked(end)? {
        parts @ (_, [b',' | b')' | b']' | b'}', ..]) => Some(parts),
        _ => nested(text, end),
    }
}

/// How many bytes come before the next special one.
#[inline]
fn plain(text: &[u8]) -> Option<usize> {
    work::each(text.iter()).position(|byte| IS_SPECIAL.get(usize::from(*byte)) == Some(&true))
}

/// A value with brackets or quotes in it, the first of them at `from`.
fn nested(text: &[u8], from: usize) -> Option<(&[u8], &[u8])> {
    let mut depth = 0_usize;
    let mut before = from.checked_sub(1).and_then(|at| text.get(at)).copied();
    let mut rest = text.get(from..)?;
    let mut comments_end = true;
    loop {
        let (first, after) = rest.split_first()?;
        rest = match first {
            b',' | b')' | b']' | b'}' if depth == 0 => break,
            b'"' => escape::skip_string(rest)?,
            b'(' | b'[' | b'{' if depth < DEPTH_MAX => {
                depth += 1;
                after
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                after
            }
            b'<' if before.is_some_and(|byte| byte.is_ascii_digit() || byte == b'D') => {
                details::skip(rest).unwrap_or(after)
            }
            b'/' if comments_end && after.first() == Some(&b'*') => {
                let behind = comment(rest);
                comments_end = behind.is_some();
                behind.unwrap_or(after)
            }
            _ => after,
        };
        let step = plain(rest)?;
        let (passed, special) = rest.split_at_checked(step)?;
        before = passed.last().copied();
        rest = special;
    }
    Some((text.get(..text.len() - rest.len())?, rest))
}

/// Passes over `/* … */`.
fn comment(text: &[u8]) -> Option<&[u8]> {
    let inner = text.strip_prefix(b"/*")?;
    let end = work::each(inner.windows(2)).position(|pair| pair == b"*/")?;
    inner.get(end + 2..)
}

/// The rest of the arguments, up to and over the closing parenthesis; what follows it.
#[inline]
pub(super) fn close(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        match text {
            [b')', rest @ ..] => return Some(rest),
            [b',' | b' ' | b']' | b'}', rest @ ..] => text = rest,
            _ => text = value(text)?.1,
        }
    }
}

/// An unsigned number, decimal or hexadecimal, also as `[16]`.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = text.strip_prefix(b"[").unwrap_or(text);
    if let Some(hexadecimal) = text.strip_prefix(b"0x") {
        return hex_number(hexadecimal);
    }
    let (value, count) = time::digits(text);
    (count > 0).then_some((value, text.get(count..)?))
}

/// A hexadecimal number without its `0x`.
pub(super) fn hex_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut count = 0;
    for byte in text.iter().take(16) {
        let Some(digit) = char::from(*byte).to_digit(16) else {
            break;
        };
        value = value << 4 | u64::from(digit);
        count += 1;
    }
    (count > 0).then_some((value, text.get(count..)?))
}

/// A number and nothing else, as an argument that may also be something else (then none): `4096`.
#[inline(always)]
pub(super) fn count(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let (value, digits) = time::digits(text);
    match text.get(digits..) {
        Some(rest @ [b',' | b')', ..]) if digits > 0 => Some((Some(value), rest)),
        _ => any_count(text),
    }
}

fn any_count(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    match number(text) {
        Some((value, rest @ [b',' | b')' | b'}' | b']', ..])) => Some((Some(value), rest)),
        _ => value(text).map(|(_, rest)| (None, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_value(text: &str, expected: &str) {
        let (value, _) = value(text.as_bytes()).expect("a value");
        assert_eq!(String::from_utf8_lossy(value), expected);
    }

    #[test]
    fn values_end_where_they_end() {
        check_value("abc, 3", "abc");
        check_value("\"a, \\\")b\"..., 3) = 4", "\"a, \\\")b\"...");
        check_value("[{iov_base=\"]}\", iov_len=2}], 1) = 2", "[{iov_base=\"]}\", iov_len=2}]");
        check_value(
            "4<UNIX-STREAM:[61843,\"/tmp/t/so,\\\"ck>et\"]>, 3",
            "4<UNIX-STREAM:[61843,\"/tmp/t/so,\\\"ck>et\"]>",
        );
        check_value("AT_FDCWD</tmp/a,b)>, 3", "AT_FDCWD</tmp/a,b)>");
        check_value("0x100 /* IPPROTO_???, ) */) = 3", "0x100 /* IPPROTO_???, ) */");
        check_value("{1<<CAP_A|1<<CAP_B}, 3", "{1<<CAP_A|1<<CAP_B}");
        check_value(") = 3", "");
        assert_eq!(value(b"\"abc"), None);
        assert_eq!(value(b"[1, 2"), None);
    }

    #[test]
    fn names_and_separators_are_passed_over() {
        assert_eq!(next(b", 3)"), b"3)");
        assert_eq!(next(b" 3)"), b"3)");
        assert_eq!(next(b",  3)"), b"3)");
        assert_eq!(next(b", buf=\"a=\")"), b"\"a=\")");
        assert_eq!(next(b" [unconfined_t], {sa_"), b"{sa_");
        assert_eq!(next(b" [12, 13])"), b"[12, 13])");
        assert_eq!(name(b"msg_iov(3)=[{"), Some((b"msg_iov".as_slice(), b"[{".as_slice())));
        assert_eq!(name(b"inet_addr(\"1.2.3.4\")"), None);
    }
}
