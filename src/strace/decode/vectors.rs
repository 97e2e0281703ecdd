//! Payload in several buffers: iovec arrays, by themselves and within messages.
//!
//! ```text
//! [{iov_base="one", iov_len=3}, {iov_base="", iov_len=0}]     since strace 4.13
//! [{"one", 3}, {"", 0}]                                       before
//! [{iov_base="0", iov_len=1}, ...]     0x8     NULL
//! ```

use super::super::counts::Counts;
use super::super::symbols::Flags;
use super::super::{arguments, returned};
use super::payload::{self, Draft, Kind, Shown};
use super::{Bench, Call, Emit, NOT_SOCKET, Verdict};

/// An iovec array whose bytes were appended to the payload, up to the first that is not shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vector {
    /// Room or bytes asked for in all, where every element was printed.
    pub(super) requested: Option<u64>,
    pub(super) shown: Shown,
}

/// `(fd, array, count)`
pub(super) fn vector(
    call: Call<'_>,
    kind: Kind,
    bench: &mut Bench,
    counts: &mut Counts,
    emit: Emit<'_>,
) -> Option<Verdict> {
    let (socket, text) = bench.first(call.text)?;
    if socket.is_no_socket() || !socket.is_possible() {
        return NOT_SOCKET;
    }
    bench.clear();
    let (vector, text) = array(arguments::next(text), 0, call, bench, counts)?;
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    let (requested, flags, shown) = (vector.requested, Flags::NONE, vector.shown);
    let draft = Draft { kind, socket, outcome, requested, flags, shown };
    payload::single(call, &draft, None, bench, counts, emit)
}

/// An iovec array, or what strace prints instead of one.
pub(super) fn array<'t>(
    text: &'t [u8],
    message: u64,
    call: Call<'_>,
    bench: &mut Bench,
    counts: &mut Counts,
) -> Option<(Vector, &'t [u8])> {
    let Some(mut text) = text.strip_prefix(b"[") else {
        let (_, text) = arguments::value(text)?;
        return Some((Vector { requested: None, shown: Shown::Hidden }, text));
    };
    let mut vector = Vector { requested: Some(0), shown: Shown::All };
    let mut index = 0;
    loop {
        text = separated(text);
        match text {
            [b']', rest @ ..] => return Some((vector, rest)),
            [b'{', rest @ ..] => {
                text = element(rest, (message, index), &mut vector, call, bench, counts)?;
            }
            _ => {
                vector.requested = None;
                text = rest_of_array(text, (message, index), &mut vector, call, bench)?;
            }
        }
        index += 1;
    }
}

/// Passes over blanks and commas.
pub(super) fn separated(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| matches!(byte, b' ' | b',')).count();
    text.get(count..).unwrap_or_default()
}

/// `iov_base="one", iov_len=3}`. Bytes behind a hole are not wanted, since a payload has none.
fn element<'t>(
    text: &'t [u8],
    place: (u64, u64),
    vector: &mut Vector,
    call: Call<'_>,
    bench: &mut Bench,
    counts: &mut Counts,
) -> Option<&'t [u8]> {
    let text = text.strip_prefix(b"iov_base=").unwrap_or(text);
    let start = bench.payload.len();
    let (shown, text) = match vector.shown {
        Shown::All => payload::bytes(text, call, place, bench, counts)?,
        hole => (hole, arguments::value(text)?.1),
    };
    let text = text.strip_prefix(b", iov_len=").unwrap_or_else(|| arguments::next(text));
    let (length, text) = arguments::count(text)?;
    let room = length.unwrap_or(u64::MAX);
    let complete = (bench.payload.len() - start) as u64 >= room;
    if vector.shown == Shown::All && !complete {
        vector.shown = shown;
    }
    if let Some(bytes) = length.and_then(|length| usize::try_from(length).ok()) {
        bench.payload.truncate(start.saturating_add(bytes).min(bench.payload.len()));
    }
    vector.requested = vector.requested.zip(length).map(|(sum, length)| sum.saturating_add(length));
    separated(text).strip_prefix(b"}")
}

/// `...]`: elements that were not printed; a dump may have them.
fn rest_of_array<'t>(
    text: &'t [u8],
    place: (u64, u64),
    vector: &mut Vector,
    call: Call<'_>,
    bench: &mut Bench,
) -> Option<&'t [u8]> {
    let (value, text) = arguments::value(text)?;
    if vector.shown == Shown::All {
        vector.shown = if value.starts_with(b"...") { Shown::Cut } else { Shown::Hidden };
        let (message, mut buffer) = place;
        while let Some(dumped) = call.dump.and_then(|dump| dump.buffer(message, buffer)) {
            bench.payload.extend_from_slice(dumped);
            buffer += 1;
        }
    }
    // a value that has no text would be read for ever
    if value.is_empty() { None } else { Some(text) }
}
