//! From a whole call's text to what it means: one function for each form of arguments, named by the rows of `table`.
//!
//! A function reads the arguments in their order, then the result, and returns the event that the call is, or why it is
//! none. What an event borrows lives in the [`Scratch`] until the next call.

mod call;
pub(super) mod descriptors;
pub(super) mod files;
pub(super) mod keys;
pub(super) mod messages;
pub(super) mod options;
pub(super) mod payload;
pub(super) mod sockets;
pub(super) mod tasks;
pub(super) mod vectors;

pub(super) use call::Call;

use super::arguments;
use super::cache::{Cache, Handle};
use super::counts::Skip;
use super::fifos::Fifos;
use super::names::NameTable;
use super::table::Decode;
use crate::event::{Address, Ancillary, Descriptor, Details, Family, Message, What};
use crate::keys::KeyLogs;
use crate::limits;
use std::net::SocketAddr;

/// The event that a call is, or why it is none.
pub(super) type Decoded<'s> = Result<What<'s>, NoEvent>;

/// Why a call is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEvent {
    /// It is counted for this reason.
    Skip(Skip),
    /// Its payload was cut and a dump may follow: it is to be decoded again with what follows.
    Cut,
}

/// The call failed, or did nothing of interest.
const NOT_USED: NoEvent = NoEvent::Skip(Skip::NotUsed);
const NOT_SOCKET: NoEvent = NoEvent::Skip(Skip::NotSocket);

/// What comes of a call's first half.
#[derive(Debug)]
pub(super) enum FirstHalf<'s> {
    /// The second half is needed; for some calls there is an event already.
    Needed(Option<What<'s>>),
    /// The event is known already, and the second half adds nothing.
    Known(What<'s>),
    /// There will be no event.
    NotUsed,
}

/// Room for what is read from one call, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    cache: Cache,
    names: NameTable,
    payload: Vec<u8>,
    messages: Vec<Message>,
    /// What goes with the messages at hand beside their bytes.
    beside: Ancillary,
    /// The thread's own end, as control messages of the message at hand tell it.
    own: Option<Box<SocketAddr>>,
    /// There is something beside them.
    is_beside: bool,
    /// What a thread is called.
    pub(super) command: Vec<u8>,
    /// The key logs that are being written, where they are looked for.
    keys: Option<KeyLogs>,
    /// Whole lines of one, and its path.
    key_lines: Vec<u8>,
    key_file: Vec<u8>,
}

impl Scratch {
    /// Scratch space for the trace with this number, of which pipes are asked for, and these FIFOs, or neither; and TLS keys,
    /// or not.
    pub(super) fn new(trace: u32, pipes: Option<Fifos>, keys: bool) -> Self {
        Self { cache: Cache::new(pipes, trace), keys: keys.then(KeyLogs::default), ..Self::default() }
    }

    /// How many hosts were blotted out by a person.
    pub(super) fn blotted_hosts(&self) -> usize {
        self.names.blotted()
    }

    /// Makes room for the next payload.
    #[inline]
    fn clear(&mut self) {
        self.payload.clear();
        self.messages.clear();
        if self.is_beside {
            self.clear_beside();
        }
    }

    #[cold]
    fn clear_beside(&mut self) {
        let Ancillary { rights, close_on_exec: _, credentials, segments } = &mut self.beside;
        rights.clear();
        *credentials = None;
        segments.clear();
        self.own = None;
        self.is_beside = false;
    }

    /// Gives back the memory that an uncommonly large payload or many details needed.
    #[inline]
    pub(super) fn trim(&mut self) {
        self.cache.trim();
        if self.names.decoded.capacity() > limits::SPARE_BYTES {
            self.names.decoded = Vec::new();
        }
        if self.payload.capacity() > limits::SPARE_BYTES {
            self.payload = Vec::new();
        }
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

    /// The one message of the call at hand, whose bytes are all of the payload.
    #[inline(always)]
    fn message(&mut self, captured: usize, moved: u64, address: Option<Address>) {
        let (rights, own) = (self.beside.rights.len(), self.own.take());
        self.messages.push(Message { start: 0, captured, moved, address, own, rights });
    }
}

/// Decodes a whole call.
#[inline]
pub(super) fn decode<'s>(call: Call<'_, 's>) -> Decoded<'s> {
    match call.row.decode {
        Decode::Payload(decode, transfer) => decode(call, transfer),
        Decode::Path(learn, named) => {
            // It makes no event, whether it says something of a path or not.
            learn(&call, named);
            Err(NOT_USED)
        }
        Decode::Plain(decode)
        | Decode::Connect(decode)
        | Decode::Close(decode)
        | Decode::Shutdown(decode)
        | Decode::Fork(decode)
        | Decode::Execute(decode) => decode(call),
        Decode::Exit { group } => Ok(What::Ended { group }),
    }
}

/// Decodes the first half of a call, for what takes effect when a call begins.
pub(super) fn begin<'s>(call: Call<'_, 's>) -> FirstHalf<'s> {
    match call.row.decode {
        Decode::Payload(_, transfer) if call.scratch.cache.begins_with_no_socket(arguments::unnamed(call.text)) => {
            let may_be = keys::writes(transfer) && keys::may_be(&call);
            if may_be { FirstHalf::Needed(None) } else { FirstHalf::NotUsed }
        }
        Decode::Payload(_, transfer) => payload::begun(call, transfer),
        Decode::Connect(_) => sockets::connect_begun(call),
        Decode::Path(..) if call.scratch.cache.fifos().is_none() => FirstHalf::NotUsed,
        Decode::Close(_) => descriptors::close_begun(call),
        Decode::Shutdown(_) => FirstHalf::Needed(sockets::shutdown_begun(call)),
        Decode::Fork(_) => FirstHalf::Needed(Some(tasks::fork_begun(&call))),
        Decode::Exit { group } => FirstHalf::Known(What::Ended { group }),
        _ => FirstHalf::Needed(None),
    }
}
