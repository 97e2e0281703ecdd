//! Calls that move payload: in one buffer, in several, or unseen from one descriptor to another.

use super::super::cache::Handle;
use super::super::symbols::Flags;
use super::call::{Call, is_socket};
use super::decoded::{Decoded, FirstHalf, NOT_SOCKET, NOT_USED};
use super::keys;
use super::transfer::{Draft, Shown, Transfer, bytes, single, transferred};
use super::vectors::{self, Vector};
use crate::event::{Direction, Message, Op, Outcome, What};
use crate::limits;

/// `(fd, buffer, count)`; of send and recv with flags behind that, of sendto and recvfrom with flags and an address.
pub(crate) fn buffer<'s>(mut call: Call<'_, 's>, transfer: Transfer) -> Decoded<'s> {
    let Some(socket) = call.socket_or_other()? else { return keys::written(call, transfer) };
    call.next();
    let shown = bytes(&mut call, (0, 0))?;
    let requested = call.count()?;
    let (mut flags, mut address) = (Flags::NONE, None);
    if !matches!(transfer.op, Op::Read | Op::Write) {
        flags = Flags::of_message(call.value()?);
        if matches!(transfer.op, Op::Recvfrom | Op::Sendto) {
            address = call.address()?;
        }
    }
    let outcome = call.outcome()?;
    single(call, Draft { transfer, socket, outcome, requested, flags, shown }, address)
}

/// `(fd, array, count)`
pub(crate) fn iovec<'s>(mut call: Call<'_, 's>, transfer: Transfer) -> Decoded<'s> {
    let Some(socket) = call.socket_or_other()? else { return keys::written(call, transfer) };
    call.next();
    let Vector { requested, shown } = vectors::array(&mut call, 0)?;
    let outcome = call.outcome()?;
    single(call, Draft { transfer, socket, outcome, requested, flags: Flags::NONE, shown }, None)
}

/// `(fd, …` of a payload call that goes on.
pub(in super::super) fn begun<'s>(mut call: Call<'_, 's>, Transfer { op, direction }: Transfer) -> FirstHalf<'s> {
    match call.descriptor() {
        Ok(socket) if is_socket(socket) => {
            FirstHalf::Needed(Some(What::MoveBegun { socket: call.scratch.descriptor(socket), op, direction }))
        }
        _ => FirstHalf::Needed(None),
    }
}

/// `(to, from, offset, count)`: bytes of a file that strace does not show.
pub(crate) fn sendfile<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let socket = call.socket()?;
    let outcome = call.outcome()?;
    if let Outcome::Done(moved) = outcome {
        if moved > limits::MOVED {
            return Err(call.malformed());
        }
        call.counts.unseen.add(moved);
        call.scratch.messages.push(Message { start: 0, captured: 0, moved, address: None, own: None, rights: 0 });
    }
    let transfer = Transfer { op: Op::Sendfile, direction: Direction::Sent };
    let draft = Draft { transfer, socket, outcome, requested: None, flags: Flags::NONE, shown: Shown::Hidden };
    Ok(transferred(call, draft))
}

/// `(from, offset, to, offset, count, flags)`
pub(crate) fn splice<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (from, _offset, to) = (call.descriptor()?, call.value()?, call.descriptor()?);
    relay(call, [from, to], Op::Splice)
}

/// `(from, to, count, flags)`, both of them pipes.
pub(crate) fn tee<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    if !call.scratch.cache.has_pipes() {
        return Err(NOT_USED);
    }
    let (from, to) = (call.descriptor()?, call.descriptor()?);
    relay(call, [from, to], Op::Tee)
}

/// The rest of a call behind the descriptors that bytes went from and to.
fn relay<'s>(mut call: Call<'_, 's>, [from, to]: [Handle; 2], op: Op) -> Decoded<'s> {
    if from.is_no_socket() && to.is_no_socket() {
        return Err(NOT_SOCKET);
    }
    let moved = call.success()?;
    if moved > limits::MOVED || !from.is_possible() || !to.is_possible() {
        return Err(call.malformed());
    }
    call.counts.unseen.add(moved);
    let [from, to] = [from, to].map(|descriptor| call.scratch.descriptor(descriptor));
    Ok(What::Relay { from, to, op, moved })
}
