//! A call's text, read from left to right.

use super::super::cache::Handle;
use super::super::counts::{Counts, Skip};
use super::super::dump::Dump;
use super::super::returned::{self, Returned};
use super::super::{arguments, sockaddr};
use super::decoded::{NOT_SOCKET, NOT_USED, NoEvent};
use super::scratch::Scratch;
use crate::event::{Address, Details, Family, Outcome};

/// A call, and how far its text has been read. What is read of it goes to the scratch space.
#[derive(Debug)]
pub(crate) struct Call<'t, 's> {
    /// What follows the opening parenthesis, to the line's end.
    pub(super) text: &'t [u8],
    /// What of it has not been read.
    pub(super) rest: &'t [u8],
    /// The dump lines behind it, once they have been waited for.
    pub(super) dump: Option<&'t Dump>,
    pub(super) counts: &'t mut Counts,
    pub(super) scratch: &'s mut Scratch,
}

impl<'t, 's> Call<'t, 's> {
    #[inline]
    pub(in super::super) fn new(
        text: &'t [u8],
        dump: Option<&'t Dump>,
        counts: &'t mut Counts,
        scratch: &'s mut Scratch,
    ) -> Self {
        Self { text, rest: text, dump, counts, scratch }
    }

    /// Whether the first argument is known to be no socket.
    pub(in super::super) fn begins_with_no_socket(&self) -> bool {
        self.scratch.cache.begins_with_no_socket(arguments::unnamed(self.text))
    }

    /// Whether what paths are is not asked for.
    pub(in super::super) fn passes_over_paths(&self) -> bool {
        self.scratch.cache.fifos().is_none()
    }

    /// The text is not as strace prints it. Addresses of families that are not converted have forms of their own.
    #[cold]
    #[inline(never)]
    pub(super) fn malformed(&mut self) -> NoEvent {
        let first = self.scratch.cache.read(arguments::unnamed(self.text), &mut self.scratch.names);
        NoEvent::Skip(match first.map(|(first, _)| self.scratch.descriptor(first).details) {
            Some(Details::NotSocket) => Skip::NotSocket,
            Some(Details::Socket(details)) if details.family == Family::Other => Skip::NotUsed,
            _ => Skip::Malformed,
        })
    }

    /// What was read, or that the text is not as strace prints it.
    #[inline(always)]
    pub(super) fn some<T>(&mut self, read: Option<T>) -> Result<T, NoEvent> {
        match read {
            Some(read) => Ok(read),
            None => Err(self.malformed()),
        }
    }

    /// What was read, and the text behind it, which is the rest from here on.
    #[inline(always)]
    pub(super) fn read<T>(&mut self, read: Option<(T, &'t [u8])>) -> Result<T, NoEvent> {
        let (value, rest) = self.some(read)?;
        self.rest = rest;
        Ok(value)
    }

    /// Passes over `text` if the rest begins with it.
    #[inline(always)]
    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Passes over `text`, with which the rest must begin.
    #[inline]
    pub(super) fn expect(&mut self, text: &[u8]) -> Result<(), NoEvent> {
        if self.take(text) { Ok(()) } else { Err(self.malformed()) }
    }

    /// Goes to the next argument, or from the opening parenthesis to the first.
    #[inline(always)]
    pub(super) fn next(&mut self) {
        self.rest = arguments::next(self.rest);
    }

    /// Passes over blanks and commas.
    pub(super) fn separators(&mut self) {
        self.rest = arguments::separated(self.rest);
    }

    /// Any value, from here to the comma or bracket that ends it.
    #[inline(always)]
    pub(super) fn value_here(&mut self) -> Result<&'t [u8], NoEvent> {
        self.read(arguments::value(self.rest))
    }

    /// The next argument, whatever it is.
    #[inline(always)]
    pub(super) fn value(&mut self) -> Result<&'t [u8], NoEvent> {
        self.next();
        self.value_here()
    }

    /// The next argument, a number; none where it is something else.
    #[inline(always)]
    pub(super) fn count(&mut self) -> Result<Option<u64>, NoEvent> {
        self.next();
        self.read(arguments::count(self.rest))
    }

    /// The next argument, a descriptor.
    #[inline(always)]
    pub(super) fn descriptor(&mut self) -> Result<Handle, NoEvent> {
        self.next();
        let read = self.scratch.cache.read(self.rest, &mut self.scratch.names);
        self.read(read)
    }

    /// The first argument of a payload call, which may be a socket.
    #[inline(always)]
    pub(super) fn socket(&mut self) -> Result<Handle, NoEvent> {
        self.socket_or_other()?.ok_or(NOT_SOCKET)
    }

    /// The first argument of a payload call; none where it is no socket.
    #[inline(always)]
    pub(super) fn socket_or_other(&mut self) -> Result<Option<Handle>, NoEvent> {
        let socket = self.descriptor()?;
        if !is_socket(socket) {
            return Ok(None);
        }
        self.scratch.clear();
        Ok(Some(socket))
    }

    /// The next argument, an address where the call gave one.
    #[inline]
    pub(super) fn address(&mut self) -> Result<Option<Address>, NoEvent> {
        self.next();
        let read = sockaddr::address_given(self.rest, &mut self.scratch.names);
        self.read(read)
    }

    /// `[fd, fd]` from here; none where the call failed.
    pub(super) fn two(&mut self) -> Option<[Handle; 2]> {
        let (cache, names) = (&mut self.scratch.cache, &mut self.scratch.names);
        let (first, text) = cache.read(self.rest.strip_prefix(b"[")?, names)?;
        let (second, text) = cache.read(arguments::next(text), names)?;
        self.rest = arguments::separated(text).strip_prefix(b"]")?;
        (first.is_possible() && second.is_possible()).then_some([first, second])
    }

    /// What has been read so far: the arguments, once the result has been.
    pub(super) fn arguments(&self) -> &'t [u8] {
        self.text.get(..self.text.len() - self.rest.len()).unwrap_or_default()
    }

    /// The result, behind whatever arguments are left.
    #[inline(always)]
    pub(super) fn returned(&mut self) -> Result<Returned<'t>, NoEvent> {
        let rest = arguments::close(self.rest);
        self.rest = self.some(rest)?;
        self.some(returned::parse(self.rest))
    }

    /// How the call ended.
    #[inline(always)]
    pub(super) fn outcome(&mut self) -> Result<Outcome, NoEvent> {
        Ok(self.returned()?.outcome)
    }

    /// The result of a call that is of no interest where it failed.
    pub(super) fn success(&mut self) -> Result<u64, NoEvent> {
        self.outcome()?.value().ok_or(NOT_USED)
    }

    /// The descriptor that the call returned.
    pub(super) fn made(&mut self) -> Result<Handle, NoEvent> {
        let returned = self.returned()?;
        self.made_by(returned).ok_or(NOT_USED)
    }

    /// The descriptor that this result is, if the call did not fail.
    pub(super) fn made_by(&mut self, returned: Returned<'_>) -> Option<Handle> {
        returned.outcome.value()?;
        let (made, _) = self.scratch.cache.read(returned.text, &mut self.scratch.names)?;
        made.is_possible().then_some(made)
    }
}

/// Whether this can be an open descriptor, and its details do not say that it is no socket.
#[inline]
pub(super) fn is_socket(descriptor: Handle) -> bool {
    descriptor.is_possible() && !descriptor.is_no_socket()
}
