//! Calls that make, change and end threads and processes.

use super::super::{arguments, escape, returned, symbols, time};
use super::call::Call;
use super::decoded::{Decoded, NOT_USED};
use crate::event::{Sharing, Tid, What};

/// Whether the flags of a call that makes a thread or process are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum CloneFlags {
    /// They are, where it has any.
    Printed,
    /// A clone3 that strace knows by its number alone: they are behind a pointer.
    Hidden,
}

/// `(child_stack=…, flags=CLONE_FILES|…, …) = tid`, `({flags=…} => {…}, 88) = tid`, `() = tid`
pub(crate) fn fork<'s>(mut call: Call<'_, 's>, flags: CloneFlags) -> Decoded<'s> {
    let returned = call.returned()?;
    let child = returned.outcome.value().and_then(|_| returned::tid(returned.text));
    Ok(What::Cloned { child, sharing: sharing(flags, call.arguments()) })
}

/// The first half, as far as it was printed.
pub(in super::super) fn fork_begun(call: &Call<'_, '_>, flags: CloneFlags) -> What<'static> {
    What::CloneBegun { sharing: sharing(flags, call.text) }
}

/// What flags say. Most calls that hide them make threads.
fn sharing(flags: CloneFlags, arguments: &[u8]) -> Sharing {
    if flags == CloneFlags::Hidden {
        return Sharing { files: true, thread: false };
    }
    let flags = flags_of(arguments);
    Sharing { files: symbols::CLONE_FILES.is_in(flags), thread: symbols::CLONE_THREAD.is_in(flags) }
}

/// The value of `flags=`, in full or as far as it was printed; with `-e raw=clone` the first argument.
fn flags_of(arguments: &[u8]) -> &[u8] {
    const NAME: &[u8] = b"flags=";
    let start = memchr::memmem::find(arguments, NAME).map_or(0, |at| at + NAME.len());
    let text = arguments.get(start..).unwrap_or_default();
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b')');
    let end = text.iter().position(ends).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// `(flags)`
pub(crate) fn unshare<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let flags = call.value()?;
    call.success()?;
    if symbols::CLONE_FILES.is_in(flags) { Ok(What::UnsharedFiles) } else { Err(NOT_USED) }
}

/// `(path, arguments, environment)`, of execveat `(dirfd, path, …)`
pub(crate) fn execve<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    call.success()?;
    let mut text = arguments::unnamed(call.text);
    if !text.starts_with(b"\"") {
        let (_directory, rest) = call.some(arguments::value(text))?;
        text = arguments::next(rest);
    }
    let path = &mut call.scratch.command;
    path.clear();
    let is_read = escape::string(text, path).is_some();
    Ok(What::Executed { path: is_read.then_some(path.as_slice()) })
}

/// `(pid, flags) = fd`
pub(crate) fn pidfd_open<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let process = returned::tid(arguments::unnamed(call.text));
    let made = call.made()?;
    let process = process.ok_or(NOT_USED)?;
    Ok(What::PidfdOpened { made: call.scratch.descriptor(made), process })
}

/// `(pidfd, fd, flags) = fd`; the first with details `<pid:14806>` since strace 5.6.
pub(crate) fn pidfd_getfd<'s>(mut call: Call<'_, 's>) -> Decoded<'s> {
    let process = process_of(call.text);
    let (pidfd, from, made) = (call.descriptor()?, call.descriptor()?, call.made()?);
    if !pidfd.is_possible() || !from.is_possible() {
        return Err(NOT_USED);
    }
    let (pidfd, made) = (call.scratch.descriptor(pidfd), call.scratch.descriptor(made));
    Ok(What::Fetched { pidfd, process, from: from.fd, made })
}

/// The process that a pidfd's details name.
fn process_of(text: &[u8]) -> Option<Tid> {
    let text = arguments::unnamed(text);
    let details = text.get(time::digits(text).1..)?;
    returned::tid(details.strip_prefix(b"<pid:")?)
}
