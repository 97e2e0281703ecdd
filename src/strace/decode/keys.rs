//! Lines of TLS key logs in what is written to files, of which nothing but these is looked at further than its first bytes.

use super::super::{arguments, details, escape, time};
use super::call::Call;
use super::decoded::{Decoded, NOT_SOCKET, NOT_USED};
use super::transfer::{self, Shown, Transfer};
use super::vectors;
use crate::event::{Op, Outcome, What, as_u64};
use crate::keys;

/// `(fd, buffer, count, offset)` of pwrite64. Sockets have no offsets.
pub(crate) fn pwrite<'s>(call: Call<'_, 's>) -> Decoded<'s> {
    if may_be(&call) { lines(call) } else { Err(NOT_USED) }
}

/// A payload call on what is no socket.
#[inline]
pub(super) fn written<'s>(call: Call<'_, 's>, transfer: Transfer) -> Decoded<'s> {
    if writes(transfer) && may_be(&call) { lines(call) } else { Err(NOT_SOCKET) }
}

/// Whether a call of this kind writes to files as well.
pub(in super::super) const fn writes(transfer: Transfer) -> bool {
    matches!(transfer.op, Op::Write | Op::Writev)
}

/// Whether what a call writes to a file, as far as the first bytes tell, may be of a key log.
#[inline]
pub(in super::super) fn may_be(call: &Call<'_, '_>) -> bool {
    let Some(logs) = &call.scratch.keys else { return false };
    let Some((file, buffer)) = parts(call.text) else { return false };
    begins_like_one(buffer) || logs.have_begun(file)
}

/// The details of a call's descriptor, and its next argument.
#[inline]
fn parts(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = arguments::unnamed(text);
    let (_, digits) = time::digits(text);
    let text = text.get(digits..)?;
    let behind = details::skip(text)?;
    Some((text.get(..text.len() - behind.len())?, arguments::next(behind)))
}

/// Whether the first bytes of a buffer, or of the first one of an array, are such as a key log begins with.
#[inline]
fn begins_like_one(buffer: &[u8]) -> bool {
    let first = buffer.strip_prefix(b"[{");
    let first = first.map(|first| first.strip_prefix(b"iov_base=").unwrap_or(first));
    let Some(text) = first.unwrap_or(buffer).strip_prefix(b"\"") else { return false };
    // Most files begin with another letter, in plain text or as -xx writes it.
    if !matches!(text, [b'C' | b'S' | b'E' | b'R' | b'P' | b'#', ..] | [b'\\', b'x', b'2'..=b'5', ..]) {
        return false;
    }
    let beginning = text.get(..4 * keys::BEGINNING).unwrap_or(text);
    let end = memchr::memchr(b'"', beginning).unwrap_or(beginning.len());
    let mut bytes = Vec::new();
    // Where it ends within an escape, the bytes before are there.
    let _ = escape::unquoted(beginning.get(..end).unwrap_or(beginning), &mut bytes);
    keys::may_begin(bytes.get(..keys::BEGINNING).unwrap_or(&bytes))
}

/// The whole lines of a key log with which this write ends or goes on.
#[cold]
#[inline(never)]
fn lines<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    call.scratch.clear();
    let (file, buffer) = call.some(parts(call.text))?;
    call.rest = buffer;
    let shown = match call.rest.first() {
        Some(b'[') => vectors::array(&mut call, 0)?.shown,
        _ => transfer::bytes(&mut call, (0, 0))?,
    };
    let outcome = call.outcome()?;
    let Call { scratch, .. } = call;
    let logs = scratch.keys.as_mut().ok_or(NOT_USED)?;
    let Outcome::Done(moved) = outcome else { return Err(NOT_SOCKET) };
    let printed = as_u64(scratch.payload.len());
    if shown != Shown::All && printed < moved {
        logs.lose(file);
        return Err(NOT_SOCKET);
    }
    let written = usize::try_from(moved).ok().and_then(|moved| scratch.payload.get(..moved));
    scratch.key_lines.clear();
    logs.take(file, written.unwrap_or(&scratch.payload), &mut scratch.key_lines);
    if scratch.key_lines.is_empty() {
        return Err(NOT_SOCKET);
    }
    scratch.key_file = details::path_in(file).unwrap_or_default();
    Ok(What::Keys { lines: &scratch.key_lines, file: &scratch.key_file })
}
