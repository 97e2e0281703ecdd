//! The two socket options that say something about a connection's end: `SO_ERROR` and `SO_LINGER`.

use super::super::{arguments, returned, symbols};
use super::{Bench, Emit, NOT_USED, Verdict, used};
use crate::event::{Outcome, What};

/// `(fd, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4])`; a number before strace 4.19.
pub(super) fn get(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (socket, text) = bench.first(text)?;
    let (level, text) = arguments::value(arguments::next(text))?;
    let (option, text) = arguments::value(arguments::next(text))?;
    let wanted = symbols::SOL_SOCKET.is(level) && symbols::SO_ERROR.is(option);
    if !wanted || !socket.is_possible() {
        return NOT_USED;
    }
    let (value, text) = arguments::value(arguments::next(text))?;
    let done = matches!(returned::parse(arguments::close(text)?)?.outcome, Outcome::Done(_));
    let Some(value) = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")).filter(|_| done) else {
        return NOT_USED;
    };
    let error = match arguments::number(value) {
        Some((0, _)) => None,
        Some((number, _)) => Some(returned::errno_number(number)),
        None => Some(returned::errno_name(value)),
    };
    used(What::SocketError { socket: bench.descriptor(socket), error }, emit)
}

/// `(fd, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8)`; `{onoff=1, linger=0}` in old versions.
pub(super) fn set(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (socket, text) = bench.first(text)?;
    let (level, text) = arguments::value(arguments::next(text))?;
    let (option, text) = arguments::value(arguments::next(text))?;
    let wanted = symbols::SOL_SOCKET.is(level) && symbols::SO_LINGER.is(option);
    if !wanted || !socket.is_possible() {
        return NOT_USED;
    }
    let (value, text) = arguments::value(arguments::next(text))?;
    let done = matches!(returned::parse(arguments::close(text)?)?.outcome, Outcome::Done(_));
    let mut numbers = value.split(|byte| *byte == b'=').skip(1).filter_map(|text| Some(arguments::number(text)?.0));
    match (numbers.next(), numbers.next()) {
        (Some(onoff), Some(linger)) if done => {
            let on = onoff != 0 && linger == 0;
            used(What::ResetOnClose { socket: bench.descriptor(socket), on }, emit)
        }
        _ => NOT_USED,
    }
}
