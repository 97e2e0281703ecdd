//! Payload in several buffers: iovec arrays, by themselves and within messages.
//!
//! ```text
//! [{iov_base="one", iov_len=3}, {iov_base="", iov_len=0}]     since strace 4.13
//! [{"one", 3}, {"", 0}]                                       before
//! [{iov_base="0", iov_len=1}, ...]     0x8     NULL
//! ```

use super::super::arguments;
use super::call::Call;
use super::decoded::NoEvent;
use super::transfer::{self, Shown};
use crate::event::as_u64;

/// An iovec array whose bytes were appended to the payload, up to the first that is not shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vector {
    /// Room or bytes asked for in all, where every element was printed.
    pub(super) requested: Option<u64>,
    pub(super) shown: Shown,
}

/// An iovec array from here, or what strace prints instead of one.
pub(super) fn array(call: &mut Call<'_, '_>, message: u64) -> Result<Vector, NoEvent> {
    if !call.take(b"[") {
        call.value_here()?;
        return Ok(Vector { requested: None, shown: Shown::Hidden });
    }
    let mut vector = Vector { requested: Some(0), shown: Shown::All };
    let mut buffer = 0;
    loop {
        call.separators();
        if call.take(b"]") {
            return Ok(vector);
        }
        if call.take(b"{") {
            element(call, (message, buffer), &mut vector)?;
        } else {
            vector.requested = None;
            rest_of_array(call, (message, buffer), &mut vector)?;
        }
        buffer += 1;
    }
}

/// `iov_base="one", iov_len=3}`. Bytes behind a hole are not wanted, since a payload has none.
fn element(call: &mut Call<'_, '_>, position: (u64, u64), vector: &mut Vector) -> Result<(), NoEvent> {
    call.take(b"iov_base=");
    let start = call.scratch.payload.len();
    let shown = match vector.shown {
        Shown::All => transfer::bytes(call, position)?,
        hole => {
            call.value_here()?;
            hole
        }
    };
    if !call.take(b", iov_len=") {
        call.next();
    }
    let length = call.read(arguments::count(call.rest))?;
    let payload = &mut call.scratch.payload;
    let is_complete = as_u64(payload.len() - start) >= length.unwrap_or(u64::MAX);
    if vector.shown == Shown::All && !is_complete {
        vector.shown = shown;
    }
    if let Some(bytes) = length.and_then(|length| usize::try_from(length).ok()) {
        payload.truncate(start.saturating_add(bytes));
    }
    vector.requested = vector.requested.zip(length).map(|(sum, length)| sum.saturating_add(length));
    call.separators();
    call.expect(b"}")
}

/// `...]`: elements that were not printed; a dump may have them.
fn rest_of_array(call: &mut Call<'_, '_>, position: (u64, u64), vector: &mut Vector) -> Result<(), NoEvent> {
    let value = call.value_here()?;
    if vector.shown == Shown::All {
        vector.shown = if value.starts_with(b"...") { Shown::Cut } else { Shown::Hidden };
        let (message, mut buffer) = position;
        while let Some(dumped) = call.dump.and_then(|dump| dump.buffer(message, buffer)) {
            call.scratch.payload.extend_from_slice(dumped);
            buffer += 1;
        }
    }
    // a value that has no text would be read for ever
    if value.is_empty() { Err(call.malformed()) } else { Ok(()) }
}
