//! Calls that make, change and end threads and processes.

use super::super::table::Row;
use super::super::{arguments, escape, returned, symbols, time};
use super::sockets::possible;
use super::{Begun, Bench, Call, Emit, NOT_USED, Verdict, used};
use crate::event::{Outcome, Sharing, Tid, What};

/// Longest name of a thread (TASK_COMM_LEN of the kernel's `linux/sched.h`, without its NUL).
const COMMAND_BYTES: usize = 15;

/// `(child_stack=…, flags=CLONE_FILES|…, …) = tid`, `({flags=…} => {…}, 88) = tid`, `() = tid`
pub(super) fn fork(call: Call<'_>, emit: Emit<'_>) -> Option<Verdict> {
    let text = call.text;
    let rest = arguments::close(text)?;
    let returned = returned::parse(rest)?;
    let sharing = sharing(call.row, text.get(..text.len() - rest.len()).unwrap_or_default());
    let child = match returned.outcome {
        Outcome::Done(_) => returned::tid(returned.text),
        _ => None,
    };
    used(What::Cloned { child, sharing }, emit)
}

/// The first half, as far as it was printed.
pub(super) fn fork_begun(call: Call<'_>, emit: Emit<'_>) -> Begun {
    emit(What::CloneBegun { sharing: sharing(call.row, call.text) });
    Begun::Keep
}

/// What flags say. A clone3 known by number only hides them behind a pointer: most that use it make threads.
fn sharing(row: &Row, arguments: &[u8]) -> Sharing {
    if row.name.starts_with("syscall_") {
        return Sharing { files: true, thread: false };
    }
    let flags = flags_of(arguments);
    let files = symbols::CLONE_FILES.is_in(flags);
    let thread = symbols::CLONE_THREAD.is_in(flags);
    Sharing { files, thread }
}

/// What stands behind `flags=`, in full or as far as it was printed; with `-e raw=clone` the first argument.
fn flags_of(arguments: &[u8]) -> &[u8] {
    const NAME: &[u8] = b"flags=";
    let start = memchr::memmem::find(arguments, NAME).map_or(0, |at| at + NAME.len());
    let text = arguments.get(start..).unwrap_or_default();
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b')');
    let end = text.iter().position(ends).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// `(flags)`
pub(super) fn unshare(text: &[u8], emit: Emit<'_>) -> Option<Verdict> {
    let (flags, text) = arguments::value(arguments::unnamed(text))?;
    let done = matches!(returned::parse(arguments::close(text)?)?.outcome, Outcome::Done(_));
    if !done || !symbols::CLONE_FILES.is_in(flags) {
        return NOT_USED;
    }
    used(What::UnsharedFiles, emit)
}

/// `(path, arguments, environment)`, of execveat `(dirfd, path, …)`
pub(super) fn execute(text: &[u8], emit: Emit<'_>) -> Option<Verdict> {
    let Outcome::Done(_) = returned::parse(arguments::close(text)?)?.outcome else {
        return NOT_USED;
    };
    let mut path = Vec::new();
    let first = arguments::unnamed(text);
    let from = if first.starts_with(b"\"") { first } else { arguments::next(arguments::value(first)?.1) };
    if escape::string(from, &mut path).is_some() {
        let at = memchr::memrchr(b'/', &path).map_or(0, |at| at + 1);
        let name = path.get(at..).unwrap_or_default();
        let name = name.get(..COMMAND_BYTES).unwrap_or(name);
        emit(What::Called { name });
    }
    used(What::Executed, emit)
}

/// `(pid, flags) = fd`
pub(super) fn pidfd_open(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let process = returned::tid(arguments::unnamed(text));
    let made = bench.made(&returned::parse(arguments::close(text)?)?);
    let (Some(made), Some(process)) = (possible(made), process) else {
        return NOT_USED;
    };
    let made = bench.descriptor(made);
    used(What::PidfdOpened { made, process }, emit)
}

/// `(pidfd, fd, flags) = fd`; the first with details `<pid:14806>` since strace 5.6.
pub(super) fn pidfd_getfd(text: &[u8], bench: &mut Bench, emit: Emit<'_>) -> Option<Verdict> {
    let process = process_of(text);
    let (pidfd, text) = bench.first(text)?;
    let (from, text) = bench.next(text)?;
    let made = bench.made(&returned::parse(arguments::close(text)?)?);
    let Some(made) = possible(made).filter(|_| pidfd.is_possible() && from.is_possible()) else {
        return NOT_USED;
    };
    let (pidfd, made) = (bench.descriptor(pidfd), bench.descriptor(made));
    let from = from.fd;
    used(What::Fetched { pidfd, process, from, made }, emit)
}

/// The process that a pidfd's details name.
fn process_of(text: &[u8]) -> Option<Tid> {
    let text = arguments::unnamed(text);
    let details = text.get(time::digits(text).1..)?;
    returned::tid(details.strip_prefix(b"<pid:")?)
}

/// `(status)`; it does not return.
pub(super) fn exit(group: bool, emit: Emit<'_>) -> Option<Verdict> {
    used(What::Ended { group }, emit)
}
