//! Calls that make, copy, mark and close descriptors of any kind.

use super::super::cache::Handle;
use super::super::counts::Skip;
use super::super::table::Named;
use super::super::{arguments, details, returned, symbols, time};
use super::files;
use super::sockets::{possible, two};
use super::{Begun, Bench, Emit, NOT_USED, Verdict, used};
use crate::event::{Access, Fd, Outcome, What};

/// `(fd)`
#[inline]
pub(super) fn close(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (socket, text) = bench.first(text)?;
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    if !socket.is_possible() {
        return NOT_USED;
    }
    used(What::Close { socket: bench.descriptor(socket), outcome }, emit)
}

/// `(fd)` of a call that goes on: the descriptor is free from its beginning on.
pub(super) fn close_begun(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Begun {
    match bench.first(text) {
        Some((socket, _)) if socket.is_possible() => {
            emit(What::Close { socket: bench.descriptor(socket), outcome: Outcome::Done(0) });
            Begun::Told
        }
        Some(_) => Begun::NotUsed(Skip::NotUsed),
        // the descriptor comes with the second half
        None => Begun::Keep,
    }
}

/// `(first, last, flags)`; the first had details in strace 5.12 to 5.14.
pub(super) fn close_range(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (first, text) = bench.first(text)?;
    let (last, text) = arguments::count(arguments::next(text))?;
    let (flags, text) = arguments::value(arguments::next(text))?;
    if !matches!(returned::parse(arguments::close(text)?)?.outcome, Outcome::Done(_)) {
        return NOT_USED;
    }
    let last = Fd(last.and_then(|last| u32::try_from(last).ok()).unwrap_or(u32::MAX));
    let only_mark = symbols::CLOSE_RANGE_CLOEXEC.is_in(flags);
    let unshare = symbols::CLOSE_RANGE_UNSHARE.is_in(flags);
    used(What::CloseRange { first: first.fd, last, only_mark, unshare }, emit)
}

/// `(fd) = fd`, `(fd, fd) = fd`, `(fd, fd, flags) = fd`
pub(super) fn duplicate(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (from, text) = bench.first(text)?;
    let (_, rest) = arguments::value(arguments::next(text))?;
    let (flags, rest) = arguments::value(arguments::next(rest))?;
    let rest = arguments::close(rest)?;
    duplicated(from, rest, symbols::O_CLOEXEC.is_in(flags), bench, emit)
}

fn duplicated(from: Handle, rest: &[u8], close_on_exec: bool, bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let returned = returned::parse(rest)?;
    let Some(made) = possible(bench.made(&returned)).filter(|_| from.is_possible()) else {
        return NOT_USED;
    };
    let (from, made) = (bench.descriptor(from), bench.descriptor(made));
    used(What::Duplicate { from, made, close_on_exec }, emit)
}

/// `(fd, F_DUPFD_CLOEXEC, 60) = fd`, `(fd, F_SETFD, FD_CLOEXEC)`
pub(super) fn control(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (from, text) = bench.first(text)?;
    let (command, text) = arguments::value(arguments::next(text))?;
    let close_on_exec = symbols::F_DUPFD_CLOEXEC.is(command);
    if close_on_exec || symbols::F_DUPFD.is(command) {
        let rest = arguments::close(text)?;
        return duplicated(from, rest, close_on_exec, bench, emit);
    }
    if !symbols::F_SETFD.is(command) || !from.is_possible() {
        return NOT_USED;
    }
    let (flags, text) = arguments::value(arguments::next(text))?;
    if !matches!(returned::parse(arguments::close(text)?)?.outcome, Outcome::Done(_)) {
        return NOT_USED;
    }
    let on = symbols::FD_CLOEXEC.is_in(flags);
    used(What::CloseOnExec { fd: from.fd, on }, emit)
}

/// `(fd, FIOCLEX)`, `(fd, FIONCLEX)`
pub(super) fn device(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let (fd, text) = bench.first(text)?;
    let (request, text) = arguments::value(arguments::next(text))?;
    let on = symbols::FIOCLEX.is(request);
    if !fd.is_possible() || !(on || symbols::FIONCLEX.is(request)) {
        return NOT_USED;
    }
    match returned::parse(arguments::close(text)?)?.outcome {
        Outcome::Done(_) => used(What::CloseOnExec { fd: fd.fd, on }, emit),
        _ => NOT_USED,
    }
}

/// `(…) = fd`; `access` where the arguments do not say what a file is opened for.
pub(super) fn opens(text: &[u8], access: Option<Access>, bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let rest = arguments::close(text)?;
    let returned = returned::parse(rest)?;
    let Some(made) = possible(bench.made(&returned)) else {
        return NOT_USED;
    };
    let arguments = text.get(..text.len() - rest.len()).unwrap_or_default();
    let close_on_exec = closes_on_exec(arguments);
    if let Some((made, told)) = opened_pipe(arguments, made, returned.text, bench) {
        let made = bench.descriptor(made);
        let what = What::PipeOpened { made, access: access.unwrap_or(told), close_on_exec };
        return used(what, emit);
    }
    used(What::Appeared { made: bench.descriptor(made), close_on_exec }, emit)
}

/// `("/tmp/f", O_RDWR) = fd`, `(AT_FDCWD, "f", {flags=O_RDWR, …}, 24) = fd`: the descriptor as that of a pipe, where the
/// details or the path tell, and what it was opened for. `result` begins with the descriptor that was made.
fn opened_pipe(text: &[u8], made: Handle, result: &[u8], bench: &mut Bench) -> Option<(Handle, Access)> {
    let fifos = bench.cache.fifos()?.clone();
    let text = arguments::unnamed(text);
    let named = if text.first() == Some(&b'"') { Named::Path } else { Named::At };
    let opened = files::path(text, named);
    let flags = match &opened {
        Some((_, rest)) => arguments::value(arguments::next(rest)).map(|(flags, _)| flags),
        None => None,
    };
    let flags = flags.unwrap_or_default();
    if symbols::O_PATH.is_in(flags) {
        return None;
    }
    let access = access(flags);
    if bench.is_pipe(made) {
        return Some((made, access));
    }
    let (path, _) = opened.filter(|(path, _)| path.first() == Some(&b'/') || made.is_blind())?;
    let number = fifos.number(&path)?;
    if made.is_blind() {
        let made = bench.cache.fifo(made.fd, &path, number, &mut bench.names)?;
        return Some((made, access));
    }
    // A link on the way: the details have the path behind it.
    let details = result.get(time::digits(result).1..)?;
    let details = details.get(..details.len() - details::skip(details)?.len())?;
    fifos.also(&details::path_in(details)?, number);
    let (made, _) = bench.cache.read(result, &mut bench.names)?;
    bench.is_pipe(made).then_some((made, access))
}

/// What flags are for.
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
pub(super) fn pipe(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let Some((first, second, text)) = two(arguments::unnamed(text), bench) else {
        return NOT_USED;
    };
    let rest = arguments::close(text)?;
    if !matches!(returned::parse(rest)?.outcome, Outcome::Done(_)) {
        return NOT_USED;
    }
    let close_on_exec = closes_on_exec(text.get(..text.len() - rest.len()).unwrap_or_default());
    if bench.cache.has_pipes() {
        let (reader, writer) = (bench.descriptor(first), bench.descriptor(second));
        let what = What::Pipe { reader, writer, close_on_exec };
        return used(what, emit);
    }
    emit(What::Appeared { made: bench.descriptor(first), close_on_exec });
    used(What::Appeared { made: bench.descriptor(second), close_on_exec }, emit)
}

/// `io_uring` moves payload where strace cannot see it.
pub(super) fn ring(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let returned = returned::parse(arguments::close(text)?)?;
    if !matches!(returned.outcome, Outcome::Done(_)) {
        return NOT_USED;
    }
    // only io_uring_setup returns a descriptor, and that has details
    if let Some(made) = possible(bench.made(&returned)).filter(|made| made.is_no_socket()) {
        emit(What::Appeared { made: bench.descriptor(made), close_on_exec: true });
    }
    used(What::Opaque { socket: None }, emit)
}
