//! From a whole call's text to what it means: one function for each shape of arguments in `table`.
//!
//! A function reads the arguments in their order, then the result, and gives [`Verdict`]. None means that the text is not
//! as strace prints it. What was read lives in the [`Bench`] until the next call.

mod descriptors;
#[cfg(test)]
mod documented;
mod files;
mod messages;
mod options;
mod payload;
mod sockets;
mod tasks;
mod vectors;

use super::arguments;
use super::cache::{Cache, Handle};
use super::counts::{Counts, Skip};
use super::dump::Dump;
use super::fifos::Fifos;
use super::names::Names;
use super::returned::Returned;
use super::table::{Row, Shape};
use crate::event::{Access, Credentials, Descriptor, Details, Family, Message, Outcome, What};

/// Where events go.
pub(super) type Emit<'e> = &'e mut dyn FnMut(What<'_>);

/// A whole call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'t> {
    /// Which one.
    pub(super) row: &'static Row,
    /// What stands behind the opening parenthesis, to the line's end.
    pub(super) text: &'t [u8],
    /// The dump lines behind it, once they have been waited for.
    pub(super) dump: Option<&'t Dump>,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It became one event or more.
    Used,
    /// It became none.
    Skipped(Skip),
    /// Its payload was cut, and a dump may follow: decode it again with what follows.
    Hold,
}

/// What came of a call's first half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// The second half is needed.
    Keep,
    /// It became an event, and the second half is not needed.
    Told,
    /// The second half will not be needed either.
    NotUsed(Skip),
}

/// Room for what is read from one call, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Bench {
    pub(super) cache: Cache,
    names: Names,
    payload: Vec<u8>,
    messages: Vec<Message>,
    rights: Vec<Handle>,
    credentials: Option<Credentials>,
}

impl Bench {
    /// A bench for traces of which pipes are asked for, and these FIFOs, or neither.
    pub(super) fn new(pipes: Option<Fifos>) -> Self {
        Self { cache: Cache::new(pipes), ..Self::default() }
    }

    /// Makes room for the next call.
    #[inline]
    fn clear(&mut self) {
        self.payload.clear();
        self.messages.clear();
        self.rights.clear();
        self.credentials = None;
    }

    /// Gives room back that an uncommonly large payload needed.
    #[inline]
    pub(super) fn tidy(&mut self) {
        self.cache.tidy();
        if self.names.scratch.capacity() > crate::limits::SPARE_BYTES {
            self.names.scratch = Vec::new();
        }
        if self.payload.capacity() > crate::limits::SPARE_BYTES {
            self.payload = Vec::new();
        }
    }

    /// The first argument, a descriptor.
    #[inline]
    fn first<'t>(&mut self, text: &'t [u8]) -> Option<(Handle, &'t [u8])> {
        self.cache.read(arguments::unnamed(text), &mut self.names)
    }

    /// The next argument, a descriptor.
    #[inline]
    fn next<'t>(&mut self, text: &'t [u8]) -> Option<(Handle, &'t [u8])> {
        self.cache.read(arguments::next(text), &mut self.names)
    }

    /// The descriptor that a call returned.
    fn made(&mut self, returned: &Returned<'_>) -> Option<Handle> {
        matches!(returned.outcome, Outcome::Done(_))
            .then(|| self.cache.read(returned.text, &mut self.names))?
            .map(|made| made.0)
    }

    /// Whether the details are a pipe's, or a FIFO's.
    fn is_pipe(&self, handle: Handle) -> bool {
        let details = self.descriptor(handle).details;
        matches!(details, Details::Socket(details) if details.family == Family::Pipe)
    }

    #[inline]
    fn descriptor(&self, handle: Handle) -> Descriptor<'_> {
        self.cache.descriptor(handle)
    }

    /// Counts what a payload call's descriptor tells: `socket:[inode]` of `-y` has an inode and no family.
    #[inline]
    fn count_details(&self, socket: Handle, counts: &mut Counts) {
        match self.descriptor(socket).details {
            Details::Socket(details) if details.tell_family() => counts.details_full += 1,
            Details::Socket(details) if details.family == Family::Pipe => {}
            Details::Socket(_) => counts.details_plain += 1,
            Details::Missing | Details::NotSocket => counts.details_missing += 1,
        }
    }

    /// The descriptors that arrived; few messages bring any.
    #[inline]
    fn rights(&self) -> Vec<Descriptor<'_>> {
        if self.rights.is_empty() {
            Vec::new()
        } else {
            self.rights.iter().map(|right| self.descriptor(*right)).collect()
        }
    }
}

/// Decodes a whole call.
#[inline]
pub(super) fn decode(call: Call<'_>, bench: &mut Bench, counts: &mut Counts, emit: Emit<'_>) -> Verdict {
    dispatch(call, bench, counts, emit).unwrap_or_else(|| Verdict::Skipped(not_understood(call, bench)))
}

/// Why a call that was not understood is skipped: addresses of families that are not converted have forms of their own.
#[cold]
fn not_understood(call: Call<'_>, bench: &mut Bench) -> Skip {
    match bench.first(call.text).map(|(first, _)| bench.descriptor(first).details) {
        Some(Details::NotSocket) => Skip::NotSocket,
        Some(Details::Socket(details)) if details.family == Family::Other => Skip::NotUsed,
        _ => Skip::Malformed,
    }
}

#[inline]
fn dispatch(call: Call<'_>, bench: &mut Bench, counts: &mut Counts, emit: Emit<'_>) -> Option<Verdict> {
    let text = call.text;
    match call.row.shape {
        Shape::Buffer(op, direction, tail) => {
            payload::buffer(call, payload::Kind { op, direction }, tail, bench, counts, emit)
        }
        Shape::Vector(op, direction) => vectors::vector(call, payload::Kind { op, direction }, bench, counts, emit),
        Shape::Message(op, direction) => messages::one(call, payload::Kind { op, direction }, bench, counts, emit),
        Shape::Messages(op, direction) => messages::many(call, payload::Kind { op, direction }, bench, counts, emit),
        Shape::Sendfile(op) => payload::sendfile(text, op, bench, counts, emit),
        Shape::Splice(op) => payload::splice(text, op, bench, counts, emit),
        Shape::Tee(op) => payload::tee(text, op, bench, counts, emit),
        Shape::Socket => sockets::socket(text, bench, emit),
        Shape::Socketpair => sockets::pair(text, bench, emit),
        Shape::Bind => sockets::bind(text, bench, emit),
        Shape::Listen => sockets::listen(text, bench, emit),
        Shape::Connect => sockets::connect(text, bench, emit),
        Shape::Accept => sockets::accept(text, bench, emit),
        Shape::LocalName => sockets::own_name(text, bench, emit),
        Shape::RemoteName => sockets::remote_name(text, bench, emit),
        Shape::GetOption => options::get(text, bench, emit),
        Shape::SetOption => options::set(text, bench, emit),
        Shape::Shutdown => sockets::shutdown(text, bench, emit),
        Shape::Close => descriptors::close(text, bench, emit),
        Shape::CloseRange => descriptors::close_range(text, bench, emit),
        Shape::Duplicate => descriptors::duplicate(text, bench, emit),
        Shape::Control => descriptors::control(text, bench, emit),
        Shape::Device => descriptors::device(text, bench, emit),
        Shape::Opens => descriptors::opens(text, None, bench, emit),
        Shape::Creates => descriptors::opens(text, Some(Access::Write), bench, emit),
        Shape::PidfdOpen => tasks::pidfd_open(text, bench, emit),
        Shape::PidfdGetfd => tasks::pidfd_getfd(text, bench, emit),
        Shape::Pipe => descriptors::pipe(text, bench, emit),
        Shape::MakeNode(named) => files::make_node(text, named, bench),
        Shape::Status(named) => files::status(text, named, bench),
        Shape::Remove(named) => files::remove(text, named, bench),
        Shape::Rename(named) => files::rename(text, named, bench),
        Shape::Ring => descriptors::ring(text, bench, emit),
        Shape::Fork => tasks::fork(call, emit),
        Shape::Unshare => tasks::unshare(text, emit),
        Shape::Execute => tasks::execute(text, emit),
        Shape::ExitGroup => tasks::exit(true, emit),
        Shape::Exit => tasks::exit(false, emit),
    }
}

/// Decodes the first half of a call, for what takes effect when a call begins.
pub(super) fn begin(call: Call<'_>, bench: &mut Bench, emit: Emit<'_>) -> Begun {
    match call.row.shape {
        Shape::Buffer(..) | Shape::Vector(..) | Shape::Message(..) | Shape::Messages(..)
            if bench.cache.begins_with_no_socket(arguments::unnamed(call.text)) =>
        {
            Begun::NotUsed(Skip::NotSocket)
        }
        shape if shape.is_of_path() && bench.cache.fifos().is_none() => Begun::NotUsed(Skip::NotUsed),
        Shape::Close => descriptors::close_begun(call.text, bench, emit),
        Shape::Fork => tasks::fork_begun(call, emit),
        Shape::ExitGroup => told(tasks::exit(true, emit)),
        Shape::Exit => told(tasks::exit(false, emit)),
        _ => Begun::Keep,
    }
}

fn told(verdict: Option<Verdict>) -> Begun {
    if verdict == Some(Verdict::Used) { Begun::Told } else { Begun::NotUsed(Skip::Malformed) }
}

/// A call that failed, or that did nothing of interest.
const NOT_USED: Option<Verdict> = Some(Verdict::Skipped(Skip::NotUsed));
const NOT_SOCKET: Option<Verdict> = Some(Verdict::Skipped(Skip::NotSocket));
const USED: Option<Verdict> = Some(Verdict::Used);

/// Emits one event.
#[inline]
fn used(what: What<'_>, emit: Emit<'_>) -> Option<Verdict> {
    emit(what);
    USED
}
