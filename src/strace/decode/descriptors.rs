//! Calls that make, copy, mark and close descriptors of any kind.

use super::super::cache::Handle;
use super::super::{arguments, details, symbols, time};
use super::call::Call;
use super::decoded::{Decoded, FirstHalf, NOT_USED};
use super::files::{self, FileArgument};
use crate::event::{Access, Fd, Outcome, What};

/// `(fd)`
pub(crate) fn close<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (socket, outcome) = (call.descriptor()?, call.outcome()?);
    if !socket.is_possible() {
        return Err(NOT_USED);
    }
    Ok(What::Close { socket: call.scratch.descriptor(socket), outcome })
}

/// `(fd)` of a call that goes on: the descriptor is free from its beginning on.
pub(in super::super) fn close_begun<'s>(mut call: Call<'_, 's>) -> FirstHalf<'s> {
    match call.descriptor() {
        Ok(socket) if socket.is_possible() => {
            FirstHalf::Known(What::Close { socket: call.scratch.descriptor(socket), outcome: Outcome::Done(0) })
        }
        Ok(_) => FirstHalf::NotUsed,
        // the descriptor comes with the second half
        Err(_) => FirstHalf::Needed(None),
    }
}

/// `(first, last, flags)`; the first had details in strace 5.12 to 5.14.
pub(crate) fn close_range<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (first, last, flags) = (call.descriptor()?, call.count()?, call.value()?);
    call.success()?;
    Ok(What::CloseRange {
        first: first.fd,
        last: Fd(last.and_then(|last| u32::try_from(last).ok()).unwrap_or(u32::MAX)),
        only_mark: symbols::CLOSE_RANGE_CLOEXEC.is_in(flags),
        unshare: symbols::CLOSE_RANGE_UNSHARE.is_in(flags),
    })
}

/// `(fd) = fd`, `(fd, fd) = fd`, `(fd, fd, flags) = fd`
pub(crate) fn dup<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (from, _wanted, flags) = (call.descriptor()?, call.value()?, call.value()?);
    duplicated(call, from, symbols::O_CLOEXEC.is_in(flags))
}

fn duplicated<'s>(mut call: Call<'_, 's>, from: Handle, close_on_exec: bool) -> Decoded<'s> {
    let made = call.made()?;
    if !from.is_possible() {
        return Err(NOT_USED);
    }
    let (from, made) = (call.scratch.descriptor(from), call.scratch.descriptor(made));
    Ok(What::Duplicate { from, made, close_on_exec })
}

/// `(fd, F_DUPFD_CLOEXEC, 60) = fd`, `(fd, F_SETFD, FD_CLOEXEC)`
pub(crate) fn fcntl<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (fd, command) = (call.descriptor()?, call.value()?);
    let close_on_exec = symbols::F_DUPFD_CLOEXEC.is(command);
    if close_on_exec || symbols::F_DUPFD.is(command) {
        return duplicated(call, fd, close_on_exec);
    }
    if !symbols::F_SETFD.is(command) || !fd.is_possible() {
        return Err(NOT_USED);
    }
    let flags = call.value()?;
    call.success()?;
    Ok(What::CloseOnExec { fd: fd.fd, on: symbols::FD_CLOEXEC.is_in(flags) })
}

/// `(fd, FIOCLEX)`, `(fd, FIONCLEX)`
pub(crate) fn ioctl<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let (fd, request) = (call.descriptor()?, call.value()?);
    let on = symbols::FIOCLEX.is(request);
    if !fd.is_possible() || !(on || symbols::FIONCLEX.is(request)) {
        return Err(NOT_USED);
    }
    call.success()?;
    Ok(What::CloseOnExec { fd: fd.fd, on })
}

/// `(path, mode) = fd`
pub(crate) fn creat<'s>(call: Call<'_, 's>) -> Decoded<'s> {
    opened(call, Some(Access::Write))
}

/// `(…) = fd`
pub(crate) fn open<'s>(call: Call<'_, 's>) -> Decoded<'s> {
    opened(call, None)
}

/// `access` where the arguments do not say what a file is opened for.
fn opened<'s>(mut call: Call<'_, 's>, access: Option<Access>) -> Decoded<'s> {
    let returned = call.returned()?;
    let made = call.made_by(returned).ok_or(NOT_USED)?;
    let close_on_exec = closes_on_exec(call.arguments());
    if let Some((made, printed)) = opened_pipe(&mut call, made, returned.text) {
        let made = call.scratch.descriptor(made);
        return Ok(What::PipeOpened { made, access: access.unwrap_or(printed), close_on_exec });
    }
    Ok(What::Appeared { made: call.scratch.descriptor(made), second: None, close_on_exec })
}

/// `("/tmp/f", O_RDWR) = fd`, `(AT_FDCWD, "f", {flags=O_RDWR, …}, 24) = fd`: the descriptor as a pipe's, if
/// the details or the path are one's, and what it was opened for. `result` begins with the descriptor that was made.
fn opened_pipe(call: &mut Call<'_, '_>, made: Handle, result: &[u8]) -> Option<(Handle, Access)> {
    let fifos = call.scratch.cache.fifos()?.clone();
    let text = arguments::unnamed(call.arguments());
    let named = if text.first() == Some(&b'"') { FileArgument::Path } else { FileArgument::At };
    let opened = files::path(text, named);
    let flags =
        opened.as_ref().and_then(|(_, rest)| Some(arguments::value(arguments::next(rest))?.0)).unwrap_or_default();
    if symbols::O_PATH.is_in(flags) {
        return None;
    }
    let access = access(flags);
    let scratch = &mut *call.scratch;
    if scratch.is_pipe(made) {
        return Some((made, access));
    }
    let (path, _) = opened.filter(|(path, _)| path.first() == Some(&b'/') || made.has_no_details())?;
    let number = fifos.number(&path)?;
    if made.has_no_details() {
        let made = scratch.cache.fifo(made.fd, &path, number, &mut scratch.names)?;
        return Some((made, access));
    }
    // A link on the way: the details have the path behind it.
    let details = result.get(time::digits(result).1..)?;
    let details = details.get(..details.len() - details::skip(details)?.len())?;
    fifos.also(&details::path_in(details)?, number);
    let (made, _) = scratch.cache.read(result, &mut scratch.names)?;
    scratch.is_pipe(made).then_some((made, access))
}

/// What a file is opened for with these flags.
fn access(flags: &[u8]) -> Access {
    let flags = flags.strip_prefix(b"{flags=").unwrap_or(flags);
    let flags = flags.split(|byte| *byte == b',').next().unwrap_or_default();
    if symbols::O_RDWR.is_access(flags) {
        Access::Both
    } else if symbols::O_WRONLY.is_access(flags) {
        Access::Write
    } else {
        Access::Read
    }
}

/// Whether the last arguments hold a flag such as `O_CLOEXEC`, `EPOLL_CLOEXEC` or `EFD_CLOEXEC`. Those of paths are not
/// looked through.
fn closes_on_exec(arguments: &[u8]) -> bool {
    let tail = arguments.get(arguments.len().saturating_sub(128)..).unwrap_or_default();
    memchr::memmem::find(tail, b"_CLOEXEC").is_some()
}

/// `([fd, fd], flags)`: the read end, then the write end.
pub(crate) fn pipe<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    call.next();
    let made = call.two().ok_or(NOT_USED)?;
    let flags = call.rest;
    call.success()?;
    let close_on_exec = closes_on_exec(flags.get(..flags.len() - call.rest.len()).unwrap_or_default());
    let [reader, writer] = made.map(|made| call.scratch.descriptor(made));
    Ok(if call.scratch.cache.has_pipes() {
        What::Pipe { reader, writer, close_on_exec }
    } else {
        What::Appeared { made: reader, second: Some(writer), close_on_exec }
    })
}

/// `io_uring` moves payload where strace cannot see it. Only `io_uring_setup` returns a descriptor, which has details.
pub(crate) fn io_uring<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let returned = call.returned()?;
    returned.outcome.value().ok_or(NOT_USED)?;
    let made = call.made_by(returned).filter(|made| made.is_no_socket());
    Ok(What::Opaque { made: made.map(|made| call.scratch.descriptor(made)) })
}
