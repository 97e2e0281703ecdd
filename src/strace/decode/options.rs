//! The two socket options that say something about a connection's end: `SO_ERROR` and `SO_LINGER`.

use super::super::cache::Handle;
use super::super::symbols::{self, Value};
use super::super::{arguments, returned};
use super::{Call, Decoded, NOT_USED, NoEvent};
use crate::event::What;

/// `(fd, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4])`; a number before strace 4.19.
pub(crate) fn getsockopt<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, value) = option(&mut call, symbols::SO_ERROR)?;
    let value = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")).ok_or(NOT_USED)?;
    let error = match arguments::number(value) {
        Some((0, _)) => None,
        Some((number, _)) => Some(returned::errno_number(number)),
        None => Some(returned::errno_name(value)),
    };
    Ok(What::SocketError { socket: call.scratch.descriptor(socket), error })
}

/// `(fd, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8)`; `{onoff=1, linger=0}` in old versions.
pub(crate) fn setsockopt<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, value) = option(&mut call, symbols::SO_LINGER)?;
    let mut numbers = value.split(|byte| *byte == b'=').skip(1).filter_map(|text| Some(arguments::number(text)?.0));
    let (Some(onoff), Some(linger)) = (numbers.next(), numbers.next()) else {
        return Err(NOT_USED);
    };
    let on = onoff != 0 && linger == 0;
    Ok(What::ResetOnClose { socket: call.scratch.descriptor(socket), on })
}

/// The socket and the value of `(fd, SOL_SOCKET, wanted, value, length)` that succeeded.
fn option<'t>(call: &mut Call<'t, '_>, wanted: Value) -> Result<(Handle, &'t [u8]), NoEvent> {
    let (socket, level, option) = (call.descriptor()?, call.value()?, call.value()?);
    if !symbols::SOL_SOCKET.is(level) || !wanted.is(option) || !socket.is_possible() {
        return Err(NOT_USED);
    }
    let value = call.value()?;
    call.success()?;
    Ok((socket, value))
}
