//! Calls that make, change and end threads and processes.

use super::super::{arguments, returned};
use super::{Begun, Emit, NOT_USED, Verdict, used};
use crate::event::{Outcome, Sharing, What};

/// `(child_stack=…, flags=CLONE_FILES|…, …) = tid`, `({flags=…} => {…}, 88) = tid`, `() = tid`
pub(super) fn fork(text: &[u8], emit: Emit<'_>) -> Option<Verdict> {
    let rest = arguments::close(text)?;
    let returned = returned::parse(rest)?;
    let sharing = sharing(text.get(..text.len() - rest.len()).unwrap_or_default());
    let child = match returned.outcome {
        Outcome::Done(_) => returned::tid(returned.text),
        _ => None,
    };
    used(What::Cloned { child, sharing }, emit)
}

/// The first half, as far as it was printed.
pub(super) fn fork_begun(text: &[u8], emit: Emit<'_>) -> Begun {
    emit(What::CloneBegun {
        sharing: sharing(text),
    });
    Begun::Keep
}

fn sharing(arguments: &[u8]) -> Sharing {
    let files = arguments::has_flag(arguments, b"CLONE_FILES");
    let thread = arguments::has_flag(arguments, b"CLONE_THREAD");
    Sharing { files, thread }
}

/// `(flags)`
pub(super) fn unshare(text: &[u8], emit: Emit<'_>) -> Option<Verdict> {
    let (flags, text) = arguments::value(arguments::unnamed(text))?;
    let done = matches!(
        returned::parse(arguments::close(text)?)?.outcome,
        Outcome::Done(_)
    );
    if !done || !arguments::has_flag(flags, b"CLONE_FILES") {
        return NOT_USED;
    }
    used(What::UnsharedFiles, emit)
}

/// `(path, arguments, environment)`
pub(super) fn execute(text: &[u8], emit: Emit<'_>) -> Option<Verdict> {
    match returned::parse(arguments::close(text)?)?.outcome {
        Outcome::Done(_) => used(What::Executed, emit),
        _ => NOT_USED,
    }
}

/// `(status)`; it does not return.
pub(super) fn exit(group: bool, emit: Emit<'_>) -> Option<Verdict> {
    used(What::Ended { group }, emit)
}
