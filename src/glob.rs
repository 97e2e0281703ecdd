//! Patterns for the names of UNIX sockets, pipes and FIFOs: `*` any text, `?` any byte, `[a-z]` one of these, `[!a-z]`
//! none of these, `\` before a byte that is to stand for itself.
//!
//! Names are bytes, of any encoding or none, and a pattern is for the whole name: `*` stands for `/` too, as what a
//! container sees as `/run/x.sock` lies somewhere below its root. An abstract name has `@` in front, as everybody writes
//! it. No crate for it works on bytes without a regular-expression engine behind it.

use crate::event::UnixName;
use std::fmt;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<[u8]>);

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It is empty, and fits no name.
    #[error("it is empty")]
    Empty,
    /// A `[` is open.
    #[error("a `[` has no `]`; write `\\[` for the character itself")]
    OpenBracket,
    /// A `\` has nothing behind it.
    #[error("the last `\\` has nothing behind it")]
    OpenEscape,
}

impl Glob {
    /// The pattern that `text` is.
    ///
    /// # Errors
    ///
    /// See [`GlobError`].
    pub fn new(text: &[u8]) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        let mut rest = text;
        while !rest.is_empty() {
            rest = match (next(rest), rest.first()) {
                (Some((_, rest)), _) => rest,
                (None, Some(b'[')) => return Err(GlobError::OpenBracket),
                (None, _) => return Err(GlobError::OpenEscape),
            };
        }
        Ok(Self(text.into()))
    }

    /// Whether the pattern is for what has this name.
    pub fn is_for(&self, name: &UnixName) -> bool {
        match name.parts() {
            ("", path) => self.is_for_path(path),
            (sign, name) => fits(&[sign.as_bytes(), name].concat(), &self.0),
        }
    }

    /// Whether the pattern is for this path.
    pub fn is_for_path(&self, path: &[u8]) -> bool {
        fits(path, &self.0)
    }

    /// The text that the pattern was made of.
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// One part of a pattern.
#[derive(Clone, Copy, Debug)]
enum PatternPart<'a> {
    /// `*`
    Star,
    /// `?`
    Any,
    /// Itself.
    Byte(u8),
    /// What stands between the brackets, and whether it is excluded.
    Set(&'a [u8], bool),
}

impl PatternPart<'_> {
    /// Whether it stands for this one byte.
    fn takes(self, byte: u8) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Byte(own) => own == byte,
            Self::Set(set, excluded) => holds(set, byte) != excluded,
        }
    }
}

/// The pattern's first part, and what follows it; none where it is empty or no pattern.
fn next(pattern: &[u8]) -> Option<(PatternPart<'_>, &[u8])> {
    match pattern {
        [] | [b'\\'] => None,
        [b'*', rest @ ..] => Some((PatternPart::Star, rest)),
        [b'?', rest @ ..] => Some((PatternPart::Any, rest)),
        [b'[', inner @ ..] => {
            let (excluded, inner) = match inner {
                [b'!' | b'^', inner @ ..] => (true, inner),
                _ => (false, inner),
            };
            // A bracket that comes first is one of the set.
            let end = 1 + inner.iter().skip(1).position(|byte| *byte == b']')?;
            let (set, rest) = inner.split_at_checked(end)?;
            Some((PatternPart::Set(set, excluded), rest.get(1..)?))
        }
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => Some((PatternPart::Byte(*byte), rest)),
    }
}

/// Whether `byte` is in a set like `a-z0-9_`.
fn holds(set: &[u8], byte: u8) -> bool {
    match set {
        [] => false,
        [from, b'-', to, rest @ ..] => (from..=to).contains(&&byte) || holds(rest, byte),
        [one, rest @ ..] => *one == byte || holds(rest, byte),
    }
}

/// Whether all of `text` fits all of `pattern`. Only the last `*` is ever tried anew, so that the steps are at most as
/// many as the one's length times the other's.
pub(crate) fn fits(text: &[u8], pattern: &[u8]) -> bool {
    let (mut text, mut pattern) = (text, pattern);
    // The text from which the last star's successor was tried, and the pattern behind the star.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (next(pattern), text.split_first()) {
            (Some((PatternPart::Star, rest)), _) => {
                retry = Some((text, rest));
                pattern = rest;
                continue;
            }
            (Some((part, rest)), Some((byte, behind))) if part.takes(*byte) => {
                (text, pattern) = (behind, rest);
                continue;
            }
            (None, None) => return pattern.is_empty(),
            _ => {}
        }
        let Some(([_, behind @ ..], rest)) = retry else {
            return false;
        };
        retry = Some((behind, rest));
        (text, pattern) = (behind, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fitting: &[&str], others: &[&str]) {
        let glob = Glob::new(pattern.as_bytes()).unwrap();
        for (texts, expected) in [(fitting, true), (others, false)] {
            for text in texts {
                assert_eq!(glob.is_for(&UnixName::of(text)), expected, "{pattern} {text}");
            }
        }
    }

    #[test]
    fn names_and_patterns() {
        check("/run/a.sock", &["/run/a.sock"], &["/run/a.sockx", "/run/a", ""]);
        check("/run/*.sock", &["/run/a.sock", "/run/b/c.sock", "/run/.sock"], &["/run/a.socket", "/a/run/b.sock"]);
        check("*docker*", &["/run/docker.sock", "docker", "@docker"], &["/run/dock.er"]);
        check("@*", &["@a", "@"], &["/a", "a"]);
        check("*", &["", "/a", "@a"], &[]);
        check("a?c", &["abc", "a?c"], &["ac", "abbc"]);
        check("[a-c1]x", &["ax", "cx", "1x"], &["dx", "-x", "x"]);
        check("[!a-c]x", &["dx", "1x"], &["ax", "x"]);
        check("[^]]x", &["ax"], &["]x"]);
        check("[]a-]x", &["]x", "ax", "-x"], &["bx"]);
        check("\\*\\[\\\\", &["*[\\"], &["a[\\"]);
        check("*a*b*c", &["abc", "xaybzc", "abcabc"], &["acb", "abcd"]);
    }

    #[test]
    fn names_need_not_be_text() {
        let glob = Glob::new(b"/\xff*[\x80-\x90]").unwrap();
        assert!(glob.is_for(&UnixName::new(b"/\xff\0\x85")));
        assert!(!glob.is_for(&UnixName::new(b"/\xff\0\x95")));
    }

    #[test]
    fn what_is_no_pattern() {
        assert_eq!(Glob::new(b""), Err(GlobError::Empty));
        for open in ["[", "a[b", "[]", "[!]"] {
            assert_eq!(Glob::new(open.as_bytes()), Err(GlobError::OpenBracket), "{open}");
        }
        assert_eq!(Glob::new(b"a\\"), Err(GlobError::OpenEscape));
    }

    #[test]
    fn many_stars_take_no_longer_than_their_number() {
        let text = vec![b'a'; 1 << 16];
        let pattern = "*a".repeat(64) + "b";
        assert!(!fits(&text, pattern.as_bytes()));
    }
}
