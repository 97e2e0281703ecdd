//! Calls that move payload: one buffer, or unseen from one descriptor to another. And what all payload calls have in
//! common at their end.

use super::super::cache::Handle;
use super::super::counts::{Counts, Skip};
use super::super::symbols::{self, Flag, Flags};
use super::super::table::Tail;
use super::super::{arguments, escape, returned, sockaddr};
use super::{Bench, Call, Emit, NOT_SOCKET, NOT_USED, Verdict, used};
use crate::event::{Address, Direction, Message, Move, Op, Outcome, What};
use crate::limits;

/// Which call, and which way its bytes go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) op: Op,
    pub(super) direction: Direction,
}

/// How much of a buffer's bytes the trace has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shown {
    /// All that there were, at the time when strace printed them.
    #[default]
    All,
    /// The first ones: `-s` cut a string or an array.
    Cut,
    /// None: strace printed a pointer.
    Hidden,
    /// Not as bytes: strace knew what they mean, as of netlink, which is not converted.
    Structured,
}

/// A payload call as far as its arguments tell.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) socket: Handle,
    pub(super) outcome: Outcome,
    pub(super) requested: Option<u64>,
    pub(super) flags: Flags,
    pub(super) shown: Shown,
}

/// `(fd, buffer, count)`, and flags and an address behind that.
#[inline]
pub(super) fn buffer(
    call: Call<'_>,
    kind: Kind,
    tail: Tail,
    bench: &mut Bench,
    counts: &mut Counts,
    emit: Emit<'_>,
) -> Option<Verdict> {
    let (socket, text) = bench.first(call.text)?;
    if socket.is_no_socket() || !socket.is_possible() {
        return NOT_SOCKET;
    }
    bench.clear();
    let (shown, text) = bytes(arguments::next(text), call, (0, 0), bench, counts)?;
    let (requested, text) = arguments::count(arguments::next(text))?;
    let (flags, text) = match tail {
        Tail::Nothing => (Flags::NONE, text),
        Tail::Flags | Tail::Address => {
            let (flags, text) = arguments::value(arguments::next(text))?;
            (Flags::of_message(flags), text)
        }
    };
    let (address, text) = match tail {
        Tail::Address => sockaddr::address_given(arguments::next(text), &mut bench.names)?,
        Tail::Nothing | Tail::Flags => (None, text),
    };
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    let draft = Draft { kind, socket, outcome, requested, flags, shown };
    single(call, &draft, address, bench, counts, emit)
}

/// One buffer's bytes, appended to the payload: a string, or anything else that strace prints instead. `place` is the
/// message and the buffer within it, for the dump.
#[inline(always)]
pub(super) fn bytes<'t>(
    text: &'t [u8],
    call: Call<'_>,
    place: (u64, u64),
    bench: &mut Bench,
    counts: &mut Counts,
) -> Option<(Shown, &'t [u8])> {
    let start = bench.payload.len();
    let (shown, text) = if text.first() == Some(&b'"') {
        let (quoted, text) = escape::string(text, &mut bench.payload)?;
        counts.strings_hex += u64::from(quoted.hex);
        counts.strings_escaped += u64::from(!quoted.hex && bench.payload.len() > start);
        (if quoted.cut { Shown::Cut } else { Shown::All }, text)
    } else {
        let (value, text) = arguments::value(text)?;
        let shown = match value {
            b"NULL" => Shown::All,
            [b'[' | b'{', ..] => Shown::Structured,
            _ => Shown::Hidden,
        };
        (shown, text)
    };
    let dumped = if shown == Shown::All { None } else { call.dump.and_then(|dump| dump.buffer(place.0, place.1)) };
    if let Some(dumped) = dumped.filter(|dumped| dumped.len() > bench.payload.len() - start) {
        bench.payload.truncate(start);
        bench.payload.extend_from_slice(dumped);
    }
    Some((shown, text))
}

/// Whether these flags of a receive make that it takes nothing away.
#[inline]
pub(super) const fn is_peek(flags: Flags) -> bool {
    flags.has(symbols::MSG_PEEK) || flags.has(symbols::MSG_ERRQUEUE)
}

/// The end of a call that moves one message, to or from `address` if it says that.
#[inline(always)]
pub(super) fn single(
    call: Call<'_>,
    draft: &Draft,
    address: Option<Address>,
    bench: &mut Bench,
    counts: &mut Counts,
    emit: Emit<'_>,
) -> Option<Verdict> {
    let Outcome::Done(moved) = draft.outcome else {
        return emit_move(draft, bench, counts, emit);
    };
    if moved > limits::MOVED {
        return None;
    }
    if draft.kind.direction == Direction::Received && is_peek(draft.flags) {
        return Some(Verdict::Skipped(Skip::Peeked));
    }
    let moved = believable(moved, draft, bench.payload.len() as u64);
    let room = match draft.kind.direction {
        Direction::Received => draft.requested.map_or(moved, |requested| requested.min(moved)),
        Direction::Sent => moved,
    };
    let captured = usize::try_from(room).map_or(bench.payload.len(), |room| room.min(bench.payload.len()));
    let missing = room.saturating_sub(captured as u64);
    if missing > 0 {
        match draft.shown {
            Shown::Cut if call.dump.is_none() => return Some(Verdict::Hold),
            Shown::Hidden => counts.hidden.add(missing),
            Shown::Structured => {}
            Shown::Cut | Shown::All => counts.cut.add(missing),
        }
    }
    bench.payload.truncate(captured);
    bench.messages.push(Message { start: 0, captured, moved, address, rights: bench.rights.len() });
    emit_move(draft, bench, counts, emit)
}

/// What a call can have moved: of a buffer that is printed whole no more than was asked for, unless MSG_TRUNC told the
/// length of a datagram that did not fit. A damaged line must not make gigabytes of nothing.
#[inline(always)]
fn believable(moved: u64, draft: &Draft, printed: u64) -> u64 {
    let most = match (draft.requested, &draft.shown) {
        (Some(requested), Shown::All) => requested.max(printed),
        _ => return moved,
    };
    if moved > most && !draft.flags.has(symbols::MSG_TRUNC) { most } else { moved }
}

/// Emits a payload call whose messages are on the bench; a failed one has none.
pub(super) fn emit_move(draft: &Draft, bench: &mut Bench, counts: &mut Counts, emit: Emit<'_>) -> Option<Verdict> {
    bench.count_details(draft.socket, counts);
    let done = matches!(draft.outcome, Outcome::Done(_));
    if !done {
        bench.clear();
    }
    let rights = bench.rights();
    let Kind { op, direction } = draft.kind;
    let has = |of: Direction, flag: Flag| direction == of && draft.flags.has(flag);
    let what = Move {
        socket: bench.descriptor(draft.socket),
        op,
        direction,
        outcome: draft.outcome,
        payload: &bench.payload,
        messages: &bench.messages,
        requested: draft.requested,
        rights: &rights,
        credentials: bench.credentials,
        fast_open: has(Direction::Sent, symbols::MSG_FASTOPEN),
        close_on_exec: has(Direction::Received, symbols::MSG_CMSG_CLOEXEC),
    };
    used(What::Move(what), emit)
}

/// `(to, from, offset, count)`: bytes of a file that strace does not show.
pub(super) fn sendfile(text: &[u8], op: Op, bench: &mut Bench, counts: &mut Counts, emit: Emit<'_>) -> Option<Verdict> {
    let (socket, text) = bench.first(text)?;
    if socket.is_no_socket() || !socket.is_possible() {
        return NOT_SOCKET;
    }
    bench.clear();
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    if let Outcome::Done(moved) = outcome {
        if moved > limits::MOVED {
            return None;
        }
        counts.unseen.add(moved);
        bench.messages.push(Message { start: 0, captured: 0, moved, address: None, rights: 0 });
    }
    let kind = Kind { op, direction: Direction::Sent };
    let (flags, shown) = (Flags::NONE, Shown::Hidden);
    let draft = Draft { kind, socket, outcome, requested: None, flags, shown };
    emit_move(&draft, bench, counts, emit)
}

/// `(from, offset, to, offset, count, flags)`
pub(super) fn splice(text: &[u8], op: Op, bench: &mut Bench, counts: &mut Counts, emit: Emit<'_>) -> Option<Verdict> {
    let (from, text) = bench.first(text)?;
    let (_, text) = arguments::value(arguments::next(text))?;
    let (to, text) = bench.next(text)?;
    relay(text, [from, to], op, bench, counts, emit)
}

/// `(from, to, count, flags)`, both of them pipes.
pub(super) fn tee(text: &[u8], op: Op, bench: &mut Bench, counts: &mut Counts, emit: Emit<'_>) -> Option<Verdict> {
    if !bench.cache.has_pipes() {
        return NOT_USED;
    }
    let (from, text) = bench.first(text)?;
    let (to, text) = bench.next(text)?;
    relay(text, [from, to], op, bench, counts, emit)
}

/// What is left of a call's text behind the descriptors that bytes went from and to.
fn relay(
    text: &[u8],
    [from, to]: [Handle; 2],
    op: Op,
    bench: &Bench,
    counts: &mut Counts,
    emit: Emit<'_>,
) -> Option<Verdict> {
    if from.is_no_socket() && to.is_no_socket() {
        return NOT_SOCKET;
    }
    let Outcome::Done(moved) = returned::parse(arguments::close(text)?)?.outcome else {
        return NOT_USED;
    };
    if moved > limits::MOVED || !from.is_possible() || !to.is_possible() {
        return None;
    }
    counts.unseen.add(moved);
    let (from, to) = (bench.descriptor(from), bench.descriptor(to));
    used(What::Relay { from, to, op, moved }, emit)
}
