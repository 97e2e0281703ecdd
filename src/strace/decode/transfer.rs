//! What all payload calls have in common: their bytes, and what is made of them at the call's end.

use super::super::cache::Handle;
use super::super::counts::Skip;
use super::super::escape;
use super::super::symbols::{self, Flags};
use super::call::Call;
use super::decoded::{Decoded, NoEvent};
use crate::event::{Address, Direction, Errno, MessageFlags, Move, Op, Outcome, What, as_u64};
use crate::limits;

/// A payload call, and which way its bytes go.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Transfer {
    pub(in super::super) op: Op,
    pub(in super::super) direction: Direction,
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

/// A payload call, as its arguments have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) transfer: Transfer,
    pub(super) socket: Handle,
    pub(super) outcome: Outcome,
    pub(super) requested: Option<u64>,
    pub(super) flags: Flags,
    pub(super) shown: Shown,
}

/// One buffer's bytes from here, appended to the payload: a string, or anything else that strace prints instead.
/// `position`: the message, and the buffer within it, for the dump.
#[inline(always)]
pub(super) fn bytes(call: &mut Call<'_, '_>, position: (u64, u64)) -> Result<Shown, NoEvent> {
    let start = call.scratch.payload.len();
    let shown = if call.rest.first() == Some(&b'"') {
        let read = escape::string(call.rest, &mut call.scratch.payload);
        let quoted = call.read(read)?;
        call.counts.strings_hex += u64::from(quoted.hex);
        call.counts.strings_escaped += u64::from(!quoted.hex && call.scratch.payload.len() > start);
        if quoted.cut { Shown::Cut } else { Shown::All }
    } else {
        match call.value_here()? {
            b"NULL" => Shown::All,
            [b'[' | b'{', ..] => Shown::Structured,
            _ => Shown::Hidden,
        }
    };
    let dump = call.dump.filter(|_| shown != Shown::All);
    if let Some(dumped) = dump.and_then(|dump| dump.buffer(position.0, position.1)) {
        let payload = &mut call.scratch.payload;
        if dumped.len() > payload.len() - start {
            payload.truncate(start);
            payload.extend_from_slice(dumped);
        }
    }
    Ok(shown)
}

/// Whether these flags of a receive make that it takes nothing away.
#[inline]
pub(super) const fn is_peek(flags: Flags) -> bool {
    flags.has(symbols::MSG_PEEK) || flags.has(symbols::MSG_ERRQUEUE)
}

/// The end of a call that moves one message, to or from `address` if it says that.
#[inline(always)]
pub(super) fn single<'s>(mut call: Call<'_, 's>, draft: Draft, address: Option<Address>) -> Decoded<'s> {
    let Outcome::Done(moved) = draft.outcome else {
        return Ok(failed(call, draft, address));
    };
    if moved > limits::MOVED {
        return Err(call.malformed());
    }
    let is_received = draft.transfer.direction == Direction::Received;
    if is_received && is_peek(draft.flags) {
        return Err(NoEvent::Skip(Skip::Peeked));
    }
    let printed = call.scratch.payload.len();
    let fits = !is_received || draft.requested.is_none_or(|requested| moved <= requested);
    if moved == as_u64(printed) && moved > 0 && fits {
        call.scratch.message(printed, moved, address);
        return Ok(transferred(call, draft));
    }
    let moved = believable(moved, &draft, as_u64(printed));
    let room = draft.requested.filter(|_| is_received).map_or(moved, |requested| requested.min(moved));
    let captured = usize::try_from(room).map_or(printed, |room| room.min(printed));
    let missing = room.saturating_sub(as_u64(captured));
    if moved == 0 && asks_for_nothing(&draft) {
        return Ok(transferred(call, draft));
    }
    if missing > 0 {
        match draft.shown {
            Shown::Cut if call.dump.is_none() => return Err(NoEvent::Cut),
            Shown::Hidden => call.counts.hidden.add(missing),
            Shown::Structured => {}
            Shown::Cut | Shown::All => call.counts.cut.add(missing),
        }
    }
    call.scratch.payload.truncate(captured);
    call.scratch.message(captured, moved, address);
    Ok(transferred(call, draft))
}

/// A call that has moved nothing. One with MSG_FASTOPEN has begun to connect all the same (tcp(7)).
#[cold]
fn failed<'s>(call: Call<'_, 's>, draft: Draft, address: Option<Address>) -> What<'s> {
    let begins = draft.transfer.direction == Direction::Sent
        && draft.flags.has(symbols::MSG_FASTOPEN)
        && draft.outcome == Outcome::Failed(Errno::InProgress);
    match address.filter(|_| begins) {
        Some(address) => {
            What::Connect { socket: call.scratch.descriptor(draft.socket), address, outcome: draft.outcome }
        }
        None => transferred(call, draft),
    }
}

/// Whether the kernel returns before it asks the socket: a read or a vector of no bytes sends and takes nothing, where
/// write, send and recv of none send and take an empty datagram (`sock_read_iter`, `do_iter_readv_writev`).
#[cold]
fn asks_for_nothing(draft: &Draft) -> bool {
    let returns_at_once = matches!(draft.transfer.op, Op::Read | Op::Readv | Op::Writev | Op::Preadv2 | Op::Pwritev2);
    returns_at_once && draft.requested == Some(0)
}

/// What a call can have moved: of a buffer that is printed whole no more than was asked for, unless MSG_TRUNC returned
/// the length of a datagram that did not fit. A damaged line must not make gigabytes of nothing.
#[inline(always)]
fn believable(moved: u64, draft: &Draft, printed: u64) -> u64 {
    let most = match (draft.requested, &draft.shown) {
        (Some(requested), Shown::All) => requested.max(printed),
        _ => return moved,
    };
    if moved > most && !draft.flags.has(symbols::MSG_TRUNC) { most } else { moved }
}

/// A payload call whose messages are in the scratch space; a failed one has none.
#[inline(always)]
pub(super) fn transferred<'s>(call: Call<'_, 's>, draft: Draft) -> What<'s> {
    let Draft { transfer: Transfer { op, direction }, socket, outcome, requested, flags, .. } = draft;
    let Call { scratch, counts, .. } = call;
    if outcome.value().is_none() {
        scratch.clear();
    }
    if scratch.is_beside {
        scratch.beside.close_on_exec = direction == Direction::Received && flags.has(symbols::MSG_CMSG_CLOEXEC);
    }
    let socket = scratch.descriptor(socket);
    counts.details(socket);
    What::Move(Move {
        socket,
        op,
        direction,
        outcome,
        payload: &scratch.payload,
        messages: &scratch.messages,
        requested,
        ancillary: scratch.is_beside.then_some(&scratch.beside),
        flags: MessageFlags(flags.bits()),
    })
}
