//! Socket options that say something about a connection's end, `SO_ERROR`, `SO_PEERCRED` and `SO_LINGER`, or about what becomes a datagram:
//! `UDP_CORK` and `UDP_SEGMENT`.

use super::super::{arguments, returned, symbols};
use super::{Call, Decoded, NOT_USED, messages};
use crate::event::{Segments, Tid, What};

/// `(fd, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4])`, a number before strace 4.19;
/// `(fd, SOL_SOCKET, SO_PEERCRED, {pid=1, uid=0, gid=0}, [12])`.
pub(crate) fn getsockopt<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, level, option) = (call.descriptor()?, call.value()?, call.value()?);
    let is_error = symbols::SO_ERROR.is(option);
    if !symbols::SOL_SOCKET.is(level) || !(is_error || symbols::SO_PEERCRED.is(option)) || !socket.is_possible() {
        return Err(NOT_USED);
    }
    let value = call.value()?;
    call.success()?;
    if !is_error {
        let process = messages::credentials(value).ok_or(NOT_USED)?.process;
        return Ok(What::PeerProcess { socket: call.scratch.descriptor(socket), process: Tid(process) });
    }
    let value = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")).ok_or(NOT_USED)?;
    let error = match arguments::number(value) {
        Some((0, _)) => None,
        Some((number, _)) => Some(returned::errno_number(number)),
        None => Some(returned::errno_name(value)),
    };
    Ok(What::SocketError { socket: call.scratch.descriptor(socket), error })
}

/// `(fd, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8)`; `{onoff=1, linger=0}` in old versions.
/// `(fd, SOL_UDP, UDP_CORK, [1], 4)`; `SOL_UDP, 1, "\1\0\0\0"` in old versions.
pub(crate) fn setsockopt<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, level, option) = (call.descriptor()?, call.value()?, call.value()?);
    let is_udp = symbols::SOL_UDP.is(level) || symbols::SOL_UDPLITE.is(level);
    let is_linger = symbols::SOL_SOCKET.is(level) && symbols::SO_LINGER.is(option);
    let (is_cork, is_segment) = (is_udp && symbols::UDP_CORK.is(option), is_udp && symbols::UDP_SEGMENT.is(option));
    if !(is_linger || is_cork || is_segment) || !socket.is_possible() {
        return Err(NOT_USED);
    }
    let value = call.value()?;
    call.success()?;
    let socket = call.scratch.descriptor(socket);
    if is_linger {
        return linger(value).map(|on| What::ResetOnClose { socket, on }).ok_or(NOT_USED);
    }
    let segments = messages::segments(value);
    let on = segments != Segments::One;
    Ok(if is_cork { What::Cork { socket, on } } else { What::Segment { socket, segments } })
}

/// Whether a close resets.
fn linger(value: &[u8]) -> Option<bool> {
    let mut numbers = value.split(|byte| *byte == b'=').skip(1).filter_map(|text| Some(arguments::number(text)?.0));
    let (onoff, linger) = (numbers.next()?, numbers.next()?);
    Some(onoff != 0 && linger == 0)
}
