//! D-Bus: one direction of a connection cut into whole messages, its authentication left out.
//!
//! ```text
//! Text ──BEGIN, OK, … lines──→ Text
//!  └──────first header──────→ Inside(message) ──its last byte──→ Text or Inside
//!                                 └──bytes that strace cut beyond its end──→ Lost ──header at a call's front──→ Inside
//! ```
//! A message's length stands in its first sixteen bytes, so that none waits once its end is there (D-Bus specification,
//! "Message Format", "Authentication Protocol").

use crate::event::as_u64;
use crate::limits;
use crate::work;
use std::borrow::Cow;
use std::mem;

/// The part of a message's header whose size is fixed: byte order, type, flags, version, body length, serial, length of
/// the header's fields.
const FIXED_BYTES: usize = 16;

/// The longest message (specification), and array of header fields.
const MESSAGE_MAX: u64 = 1 << 27;
const FIELDS_MAX: u64 = 1 << 26;

/// Longest line of the authentication: libdbus refuses longer ones.
const LINE_MAX: usize = 16 << 10;

/// A message that has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DbusMessage<'a> {
    /// From its first byte, as far as they are in the trace without a gap and [`limits::DBUS_MESSAGE_BYTES`] reach.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Its length, in bytes.
    pub(super) original: u64,
}

/// A message that has begun.
#[derive(Debug)]
struct Inside {
    original: u64,
    /// Bytes that are still to come.
    left: u64,
    /// Nothing more of it is kept: it is longer than what is kept, or strace cut some of it.
    full: bool,
}

#[derive(Debug, Default)]
enum State {
    /// Between messages, where lines of the authentication may stand.
    #[default]
    Text,
    Inside(Inside),
    /// It is not known where the next message begins.
    Lost,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    state: State,
    /// The front of what is between messages, or of the message.
    held: Vec<u8>,
    /// Bytes of the authentication, and such as belong to no message.
    pub(super) left_out: u64,
}

impl Assembler {
    /// Takes the bytes of one call, and how many of it strace cut. Returns the messages that they complete.
    pub(super) fn push<'a>(&mut self, mut bytes: &'a [u8], missing: u64) -> Vec<DbusMessage<'a>> {
        let mut whole = Vec::new();
        if let State::Lost = self.state {
            self.state = State::Text;
        }
        while !bytes.is_empty() {
            bytes = match &self.state {
                State::Inside(_) => self.fill(bytes, &mut whole),
                State::Text => self.begin(bytes, &mut whole),
                State::Lost => {
                    self.left_out += as_u64(bytes.len());
                    &[]
                }
            };
        }
        if missing > 0 {
            self.skip(missing, &mut whole);
        }
        whole
    }

    /// The connection is at its end: what is held belongs to no whole message. Returns the message that has begun.
    pub(super) fn finish(&mut self) -> Option<DbusMessage<'static>> {
        let held = mem::take(&mut self.held);
        if let State::Inside(Inside { original, .. }) = mem::take(&mut self.state) {
            return Some(DbusMessage { bytes: Cow::Owned(held), original });
        }
        self.left_out += as_u64(held.len());
        None
    }

    /// More of the message that has begun; returns what stands behind it.
    fn fill<'a>(&mut self, bytes: &'a [u8], whole: &mut Vec<DbusMessage<'a>>) -> &'a [u8] {
        let State::Inside(inside) = &mut self.state else {
            return bytes;
        };
        let left = usize::try_from(inside.left).unwrap_or(usize::MAX);
        let (own, rest) = bytes.split_at_checked(left).unwrap_or((bytes, &[]));
        inside.left -= as_u64(own.len());
        if !inside.full {
            let room = limits::DBUS_MESSAGE_BYTES.saturating_sub(self.held.len());
            self.held.extend_from_slice(own.get(..room).unwrap_or(own));
            inside.full = own.len() > room;
        }
        self.end_if_whole(whole);
        rest
    }

    /// strace cut bytes here.
    fn skip(&mut self, missing: u64, whole: &mut Vec<DbusMessage<'_>>) {
        let beyond = match &mut self.state {
            State::Inside(inside) => {
                let own = missing.min(inside.left);
                inside.left -= own;
                inside.full = true;
                missing - own
            }
            _ => missing,
        };
        self.end_if_whole(whole);
        if beyond > 0 {
            self.left_out += beyond + as_u64(self.held.len());
            self.held.clear();
            self.state = State::Lost;
        }
    }

    fn end_if_whole(&mut self, whole: &mut Vec<DbusMessage<'_>>) {
        if let State::Inside(Inside { original, left: 0, .. }) = self.state {
            whole.push(DbusMessage { bytes: Cow::Owned(mem::take(&mut self.held)), original });
            self.state = State::Text;
        }
    }

    /// Between messages: a header, a line of the authentication, or neither; returns what stands behind it.
    fn begin<'a>(&mut self, bytes: &'a [u8], whole: &mut Vec<DbusMessage<'a>>) -> &'a [u8] {
        let held = self.held.len();
        // As much as tells: a header, or a line.
        let looked_at = bytes.get(..LINE_MAX).unwrap_or(bytes);
        let kind = if held == 0 {
            kind(looked_at)
        } else {
            self.held.extend_from_slice(looked_at);
            kind(&self.held)
        };
        let (used, state) = match kind {
            Next::DbusMessage(length) => {
                // A message that is there from its first to its last byte is not copied twice.
                let front = usize::try_from(length).unwrap_or(usize::MAX);
                if held == 0
                    && let Some((message, rest)) = bytes.split_at_checked(front)
                    && front <= limits::DBUS_MESSAGE_BYTES
                {
                    whole.push(DbusMessage { bytes: Cow::Borrowed(message), original: length });
                    return rest;
                }
                self.held.truncate(held);
                self.state = State::Inside(Inside { original: length, left: length - as_u64(held), full: false });
                return bytes;
            }
            Next::Line(length) => (length - held, State::Text),
            Next::Undecided => {
                self.held.truncate(held);
                self.held.extend_from_slice(looked_at);
                return &[];
            }
            Next::Neither => (looked_at.len(), State::Lost),
        };
        self.left_out += as_u64(held + used);
        self.held.clear();
        self.state = state;
        bytes.get(used..).unwrap_or_default()
    }
}

/// What bytes between messages begin with.
enum Next {
    /// A message of this length.
    DbusMessage(u64),
    /// A line of the authentication, of this length with its end.
    Line(usize),
    /// More must come to tell.
    Undecided,
    /// Neither.
    Neither,
}

fn kind(bytes: &[u8]) -> Next {
    if let Some(fixed) = bytes.first_chunk() {
        if let Some(length) = message_length(fixed) {
            return Next::DbusMessage(length);
        }
    } else if may_be_header(bytes) {
        return Next::Undecided;
    }
    // The client's first byte is NUL, alone or before its first line.
    let line = bytes.strip_prefix(b"\0").unwrap_or(bytes);
    if line.iter().take(4).any(|byte| !byte.is_ascii_uppercase()) {
        return match line {
            [] => Next::Line(bytes.len()),
            _ => Next::Neither,
        };
    }
    work::steps(bytes.len());
    match memchr::memmem::find(bytes, b"\r\n") {
        Some(end) => Next::Line(end + 2),
        None if bytes.len() < LINE_MAX => Next::Undecided,
        None => Next::Neither,
    }
}

/// Whether fewer than sixteen bytes may be the front of a header.
fn may_be_header(bytes: &[u8]) -> bool {
    let fits = |at: usize, test: fn(u8) -> bool| bytes.get(at).is_none_or(|byte| test(*byte));
    !bytes.is_empty()
        && fits(0, |order| matches!(order, b'l' | b'B'))
        && fits(1, |kind| (1..=4).contains(&kind))
        && fits(3, |version| version == 1)
}

/// The length of the message that begins with these bytes, if one does.
fn message_length(fixed: &[u8; FIXED_BYTES]) -> Option<u64> {
    let [order, 1..=4, _, 1, rest @ ..] = fixed else {
        return None;
    };
    let [body, serial, fields] = [0, 4, 8].map(|at| {
        let word = rest.get(at..).and_then(<[u8]>::first_chunk).copied();
        match order {
            b'l' => word.map(u32::from_le_bytes),
            b'B' => word.map(u32::from_be_bytes),
            _ => None,
        }
    });
    let (body, fields) = (u64::from(body?), u64::from(fields?));
    let length = as_u64(FIXED_BYTES) + fields.next_multiple_of(8) + body;
    (serial? != 0 && fields <= FIELDS_MAX && length <= MESSAGE_MAX).then_some(length)
}

/// Whether a direction that begins like this is D-Bus: with its authentication, or midway with a message's header, whose
/// first field has a known code and a type of one letter. None where more must come to tell.
pub(super) fn is_begun_by(first: &[u8]) -> Option<bool> {
    const AUTHENTICATION: &[u8] = b"\0AUTH ";
    const TELLING: usize = FIXED_BYTES + 2;
    if first.starts_with(AUTHENTICATION) {
        return Some(true);
    }
    if AUTHENTICATION.starts_with(first) || (first.len() < TELLING && may_be_header(first)) {
        return None;
    }
    let is_message = first
        .split_first_chunk()
        .is_some_and(|(fixed, fields)| message_length(fixed).is_some() && matches!(fields, [1..=9, 1, ..]));
    Some(is_message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A call of a method without a body, with this many bytes of fields.
    fn message(order: u8, body: u32, fields: u32) -> Vec<u8> {
        let word = |number: u32| match order {
            b'l' => number.to_le_bytes(),
            _ => number.to_be_bytes(),
        };
        let mut message = vec![order, 1, 0, 1];
        for number in [body, 7, fields] {
            message.extend(word(number));
        }
        let rest = u64::from(fields).next_multiple_of(8) + u64::from(body);
        message.extend((0..rest).map(|at| u8::try_from(at % 251).unwrap()));
        message
    }

    /// What comes of these calls: the messages, and how many bytes were left out.
    fn assembled(calls: &[(&[u8], u64)]) -> (Vec<(Vec<u8>, u64)>, u64) {
        let mut assembler = Assembler::default();
        let mut messages = Vec::new();
        for (bytes, missing) in calls {
            messages.extend(assembler.push(bytes, *missing));
        }
        messages.extend(assembler.finish());
        let messages = messages.into_iter().map(|message| (message.bytes.into_owned(), message.original));
        (messages.collect(), assembler.left_out)
    }

    fn whole(message: &[u8]) -> (Vec<u8>, u64) {
        (message.to_vec(), message.len() as u64)
    }

    #[test]
    fn authentication_is_left_out_and_messages_are_whole() {
        let hello = message(b'l', 0, 109);
        let other = message(b'B', 12, 30);
        let first = [b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", &hello[..]].concat();
        let (messages, left_out) = assembled(&[(&first, 0), (&other, 0)]);
        assert_eq!(messages, [whole(&hello), whole(&other)]);
        assert_eq!(left_out, (first.len() - hello.len()) as u64);
        let (messages, left_out) = assembled(&[(b"\0", 0), (b"AUTH EXTERNAL\r\n", 0), (&hello, 0)]);
        assert_eq!((messages, left_out), (vec![whole(&hello)], 16));
        let (messages, _) = assembled(&[(b"OK 1234deadbeef\r\nAGREE_UNIX_FD\r\n", 0), (&hello, 0)]);
        assert_eq!(messages, [whole(&hello)]);
    }

    #[test]
    fn the_first_bytes_tell() {
        let mut midway = message(b'l', 0, 109);
        midway[16..18].copy_from_slice(&[1, 1]);
        for (first, expected) in [
            (b"\0".as_slice(), None),
            (b"\0AUTH", None),
            (b"\0AUTH EXTERNAL", Some(true)),
            (b"l\x01", None),
            (b"list\r\n", Some(false)),
            (b"\0\0", Some(false)),
            (b"GET ", Some(false)),
            (&midway, Some(true)),
            (&message(b'l', 0, 109), Some(false)),
        ] {
            assert_eq!(is_begun_by(first), expected, "{}", first.escape_ascii());
        }
    }

    #[test]
    fn every_cut_gives_the_same_messages() {
        let [one, two] = [message(b'l', 5, 20), message(b'B', 0, 8)];
        let all = [b"\0AUTH A\r\nBEGIN\r\n", &one[..], &two[..]].concat();
        for cut in 0..=all.len() {
            let (messages, left_out) = assembled(&[(&all[..cut], 0), (&all[cut..], 0)]);
            assert_eq!(messages, [whole(&one), whole(&two)], "cut at {cut}");
            assert_eq!(left_out, 16, "cut at {cut}");
        }
        let bytes: Vec<_> = all.chunks(1).map(|byte| (byte, 0)).collect();
        assert_eq!(assembled(&bytes).0, [whole(&one), whole(&two)]);
    }

    #[test]
    fn none_waits_once_its_end_is_there() {
        let one = message(b'l', 5, 20);
        let mut assembler = Assembler::default();
        for last in [one.len(), one.len() / 2] {
            let count = assembler.push(&one[..last], 0).len();
            assert_eq!(count, usize::from(last == one.len()));
        }
    }

    #[test]
    fn what_strace_cut_counts() {
        let one = message(b'l', 100, 16);
        let two = message(b'l', 0, 16);
        let cut = (one[..40].to_vec(), one.len() as u64);
        let missing = one.len() as u64 - 40;
        assert_eq!(assembled(&[(&one[..40], missing), (&two, 0)]), (vec![cut.clone(), whole(&two)], 0));
        // Cut beyond its end: what is there of the next is not known.
        let (messages, left_out) = assembled(&[(&one[..40], missing + 9), (b"zz", 0), (&two, 0)]);
        assert_eq!((messages, left_out), (vec![cut, whole(&two)], 11));
    }

    #[test]
    fn midway_a_message_is_found_at_a_calls_front() {
        let one = message(b'l', 0, 16);
        let (messages, left_out) = assembled(&[(&one[5..], 0), (&one, 0), (b"\x01\x02", 0), (&one, 0)]);
        assert_eq!(messages, [whole(&one), whole(&one)]);
        assert_eq!(left_out, one.len() as u64 - 5 + 2);
    }

    #[test]
    fn long_messages_are_kept_in_part() {
        let body = u32::try_from(limits::DBUS_MESSAGE_BYTES).unwrap();
        let one = message(b'l', body, 16);
        let (messages, _) = assembled(&[(&one[..1000], 0), (&one[1000..], 0)]);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].0, one[..limits::DBUS_MESSAGE_BYTES]);
        assert_eq!(messages[0].1, one.len() as u64);
    }

    proptest! {
        #[test]
        fn any_bytes_are_counted(calls in proptest::collection::vec(
            (proptest::collection::vec(prop_oneof![Just(b'l'), Just(1), Just(0), Just(b'A'), any::<u8>()], 0..40), 0_u64..3), 0..12)
        ) {
            let calls: Vec<_> = calls.iter().map(|(bytes, missing)| (&bytes[..], *missing)).collect();
            let (messages, left_out) = assembled(&calls);
            let came: u64 = calls.iter().map(|(bytes, missing)| bytes.len() as u64 + missing).sum();
            let whole: u64 = messages.iter().map(|message| message.1).sum();
            prop_assert!(left_out + whole >= came, "only the last message may be longer than what came");
            for (bytes, original) in &messages {
                prop_assert!(bytes.len() as u64 <= *original);
            }
        }
    }
}
