//! HPACK (RFC 7541) as far as the names of fields go: whether a reader that joined midway can tell a request's path and
//! a message's content type, or whether they stand in entries of the dynamic table that were made before.
//!
//! The table modelled is the reader's: what it has not seen made is in it under no name. Values are never decoded.

use crate::limits::HPACK_NAMES;
use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// The static table's entries (RFC 7541, appendix A): how many there are, and which have the names asked for.
const STATIC: usize = 61;
const STATIC_REQUEST: RangeInclusive<usize> = 1..=7;
const STATIC_PATH: RangeInclusive<usize> = 4..=5;
const STATIC_STATUS: RangeInclusive<usize> = 8..=14;
const STATIC_CONTENT_TYPE: usize = 31;

/// What a header block tells such a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldsSeen {
    /// A field named `content-type`.
    pub(super) content_type: bool,
    /// A field named `:path`.
    pub(super) path: bool,
    /// Whether it is a request's, by the first field that tells: replies have `:status`, requests the other names with a
    /// colon.
    pub(super) is_request: Option<bool>,
}

/// The names of fields that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeaderName {
    Path,
    ContentType,
    /// Another one of a request: `:authority`, `:method` or `:scheme`.
    Request,
    /// `:status`.
    Status,
    Other,
}

/// The names in one direction's dynamic table, as far as they were seen to enter it.
#[derive(Clone, Debug, Default)]
pub(super) struct HeaderNames {
    newest_first: VecDeque<HeaderName>,
    lost: bool,
}

impl HeaderNames {
    /// Reads a whole header block. A block that is none, and all after it, tell nothing.
    pub(super) fn read(&mut self, block: &[u8]) -> FieldsSeen {
        if self.lost {
            return FieldsSeen::default();
        }
        self.walk(block).unwrap_or_else(|| {
            self.lose();
            FieldsSeen::default()
        })
    }

    /// A block was not read: from here on it is not known which entry an index means.
    pub(super) fn lose(&mut self) {
        self.lost = true;
        self.newest_first = VecDeque::new();
    }

    /// None where the block ends within a field (RFC 7541 §6).
    fn walk(&mut self, block: &[u8]) -> Option<FieldsSeen> {
        let mut told = FieldsSeen::default();
        let mut rest = block;
        while let Some(first) = rest.first() {
            let (prefix, is_literal, enters) = match first {
                0x80.. => (7, false, false),
                0x40.. => (6, true, true),
                0x20.. => (5, false, false),
                _ => (4, true, false),
            };
            let is_size = matches!(first, 0x20..0x40);
            let (index, behind) = integer(rest, prefix)?;
            rest = behind;
            let name = if is_literal && index == 0 {
                let (text, behind) = string(rest)?;
                rest = behind;
                named(text)
            } else if is_size {
                HeaderName::Other
            } else {
                self.name_at(index)
            };
            if is_literal {
                rest = string(rest)?.1;
            }
            if enters {
                self.newest_first.push_front(name);
                self.newest_first.truncate(HPACK_NAMES);
            }
            told.content_type |= name == HeaderName::ContentType;
            told.path |= name == HeaderName::Path;
            told.is_request = told.is_request.or(match name {
                HeaderName::Path | HeaderName::Request => Some(true),
                HeaderName::Status => Some(false),
                HeaderName::ContentType | HeaderName::Other => None,
            });
        }
        Some(told)
    }

    fn name_at(&self, index: usize) -> HeaderName {
        match index {
            STATIC_CONTENT_TYPE => HeaderName::ContentType,
            index if STATIC_PATH.contains(&index) => HeaderName::Path,
            index if STATIC_REQUEST.contains(&index) => HeaderName::Request,
            index if STATIC_STATUS.contains(&index) => HeaderName::Status,
            index => index
                .checked_sub(STATIC + 1)
                .and_then(|at| self.newest_first.get(at).copied())
                .unwrap_or(HeaderName::Other),
        }
    }
}

/// The name in a literal. Names that matter are in the static table, so that no encoder writes them in Huffman's code.
fn named(text: &[u8]) -> HeaderName {
    match text {
        b":path" => HeaderName::Path,
        b"content-type" => HeaderName::ContentType,
        b":authority" | b":method" | b":scheme" => HeaderName::Request,
        b":status" => HeaderName::Status,
        _ => HeaderName::Other,
    }
}

/// An integer in the last `prefix` bits of the first byte and those behind it (RFC 7541 §5.1), and what follows.
fn integer(bytes: &[u8], prefix: u32) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let most = (1_usize << prefix) - 1;
    let mut value = usize::from(*first) & most;
    if value < most {
        return Some((value, rest));
    }
    // Four bytes more count to 2²⁸: longer than any block.
    for shift in [0, 7, 14, 21] {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// A string as it is written, in Huffman's code or not (RFC 7541 §5.2), and what follows.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = integer(bytes, 7)?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(names: &mut HeaderNames, block: &[u8], content_type: bool, path: bool) {
        let told = names.read(block);
        assert_eq!((told.content_type, told.path), (content_type, path), "{}", block.escape_ascii());
    }

    #[test]
    fn a_block_tells_what_it_names() {
        let mut names = HeaderNames::default();
        // RFC 7541 C.3.1: GET http://www.example.com/.
        check(&mut names, b"\x82\x86\x84\x41\x0fwww.example.com", false, true);
        // The same with Huffman's code, and a content type by its index, with and without indexing, never indexed.
        check(&mut names, b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff", false, true);
        check(&mut names, b"\x5f\x10application/grpc", true, false);
        check(&mut names, b"\x0f\x10\x10application/grpc", true, false);
        check(&mut names, b"\x1f\x10\x10application/grpc", true, false);
        check(&mut names, b"\x10\x05:path\x02/x", false, true);
        check(&mut names, b"\x00\x0ccontent-type\x01x", true, false);
        check(&mut names, b"\x3f\xe1\x1f", false, false);
        check(&mut names, b"", false, false);
    }

    #[test]
    fn entries_seen_made_are_known_the_newest_first() {
        let mut names = HeaderNames::default();
        check(&mut names, b"\x44\x02/x\x5f\x01y\x40\x01a\x01b", true, true);
        for (index, told) in
            [(0xbe, (false, false)), (0xbf, (true, false)), (0xc0, (false, true)), (0xc1, (false, false))]
        {
            check(&mut names, &[index], told.0, told.1);
        }
        // By an entry's name, which makes another.
        check(&mut names, b"\x7f\x01\x02/z", false, true);
        check(&mut names, b"\xbe\xc0", true, true);
    }

    #[test]
    fn requests_and_replies_are_told_apart() {
        for (block, expected) in [
            (b"\xc4\xc3\x83\x86\xc2".as_slice(), Some(true)),
            (b"\x41\x01a", Some(true)),
            (b"\x88\xc0\xbf", Some(false)),
            (b"\x48\x03206", Some(false)),
            (b"\x00\x07:status\x03200", Some(false)),
            (b"\xbe\x00\x0cgrpc-message\x00", None),
            (b"\x83\x41\x09a", None),
        ] {
            assert_eq!(HeaderNames::default().read(block).is_request, expected, "{}", block.escape_ascii());
        }
        let mut names = HeaderNames::default();
        names.read(b"\x48\x03206");
        assert_eq!(names.read(b"\xbe").is_request, Some(false), "by an entry that was seen made");
    }

    #[test]
    fn what_no_block_is_loses_all() {
        for broken in [b"\x44".as_slice(), b"\x44\x09/x", b"\xff", b"\xff\xff\xff\xff\xff\xff\x01", b"\x40"] {
            let mut names = HeaderNames::default();
            names.read(b"\x44\x02/x");
            check(&mut names, broken, false, false);
            check(&mut names, b"\xbe\x84", false, false);
        }
    }

    #[test]
    fn as_many_names_as_a_table_of_the_default_size_holds() {
        let mut names = HeaderNames::default();
        names.read(b"\x44\x00");
        for _ in 0..HPACK_NAMES - 1 {
            names.read(b"\x40\x01a\x00");
        }
        let oldest = [0xff, 0x80 + 62, 0];
        assert_eq!(integer(&oldest, 7).unwrap().0, STATIC + HPACK_NAMES);
        check(&mut names.clone(), &oldest, false, true);
        names.read(b"\x40\x01a\x00");
        check(&mut names, &[0xff, 0x80 + 63, 0], false, false);
    }

    proptest! {
        #[test]
        fn any_bytes(blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut names = HeaderNames::default();
            for block in blocks {
                names.read(&block);
                prop_assert!(names.newest_first.len() <= HPACK_NAMES);
            }
        }
    }
}
