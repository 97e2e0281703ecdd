//! What the table says of a system call, and how its text is decoded by that.

use super::decode::files::FileArgument;
use super::decode::tasks::{self, CloneFlags};
use super::decode::{Call, Decoded, FirstHalf, NOT_USED, Transfer, descriptors, keys, payload, sockets};
use crate::event::What;

/// The function that reads a call, by what is special about the call's halves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decode {
    /// A call that takes effect when it returns.
    Plain(for<'t, 's> fn(Call<'t, 's>) -> Decoded<'s>),
    /// connect, of which its beginning tells where to.
    Connect(for<'t, 's> fn(Call<'t, 's>) -> Decoded<'s>),
    /// A call that moves payload.
    Payload(for<'t, 's> fn(Call<'t, 's>, Transfer) -> Decoded<'s>, Transfer),
    /// A call that only shows what a path is, and makes no event.
    Path(fn(&Call<'_, '_>, FileArgument) -> Option<()>, FileArgument),
    /// A call that closes its descriptor when it begins.
    Close(for<'t, 's> fn(Call<'t, 's>) -> Decoded<'s>),
    /// A call that may wake others before it returns.
    Shutdown(for<'t, 's> fn(Call<'t, 's>) -> Decoded<'s>),
    /// A call whose child may be seen before it returns.
    Fork(for<'t, 's> fn(Call<'t, 's>, CloneFlags) -> Decoded<'s>, CloneFlags),
    /// A call that may return as another thread's.
    Execute(for<'t, 's> fn(Call<'t, 's>) -> Decoded<'s>),
    /// A call that does not return, and ends a thread or with `group` the whole process.
    Exit { group: bool },
}

/// Whether a call has to be traced for a capture that lacks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracing {
    /// It is read where it was traced, but says little that other calls or the details do not.
    No,
    /// It is one of strace's class `network`.
    Network,
    Always,
    /// Wherever strace knows it: some architecture has no such call, or strace 4.17 is older than the call.
    IfKnown,
    /// For pipes and FIFOs.
    ForPipes,
    /// For pipes and FIFOs, wherever strace knows it.
    ForPipesIfKnown,
}

/// A system call by its name.
#[derive(Debug)]
pub(super) struct Row {
    /// As strace prints it, without what marks x32 calls.
    pub(super) name: &'static str,
    /// The name's first eight bytes.
    pub(super) word: u64,
    /// The function that reads it.
    pub(super) decode: Decode,
    pub(super) traced: Tracing,
}

impl Row {
    /// Whether it closes one descriptor.
    pub(super) const fn is_close(&self) -> bool {
        matches!(self.decode, Decode::Close(_))
    }

    /// Whether it connects.
    pub(super) const fn is_connect(&self) -> bool {
        matches!(self.decode, Decode::Connect(_))
    }

    /// Whether the call makes a thread or a process.
    pub(super) const fn is_fork(&self) -> bool {
        matches!(self.decode, Decode::Fork(..))
    }

    /// Whether the call executes a program.
    pub(super) const fn is_execute(&self) -> bool {
        matches!(self.decode, Decode::Execute(_))
    }

    /// Decodes a whole call of this kind.
    #[inline(always)]
    pub(super) fn decode<'s>(&self, call: Call<'_, 's>) -> Decoded<'s> {
        match self.decode {
            Decode::Payload(decode, transfer) => decode(call, transfer),
            Decode::Fork(decode, flags) => decode(call, flags),
            Decode::Path(learn, named) => {
                // It makes no event, whether it says something of a path or not.
                learn(&call, named);
                Err(NOT_USED)
            }
            Decode::Plain(decode)
            | Decode::Connect(decode)
            | Decode::Close(decode)
            | Decode::Shutdown(decode)
            | Decode::Execute(decode) => decode(call),
            Decode::Exit { group } => Ok(What::Ended { group }),
        }
    }

    /// Decodes the first half of a call, for what takes effect when a call begins.
    pub(super) fn begin<'s>(&self, call: Call<'_, 's>) -> FirstHalf<'s> {
        match self.decode {
            Decode::Payload(_, transfer) if call.begins_with_no_socket() => {
                let may_be = keys::writes(transfer) && keys::may_be(&call);
                if may_be { FirstHalf::Needed(None) } else { FirstHalf::NotUsed }
            }
            Decode::Payload(_, transfer) => payload::begun(call, transfer),
            Decode::Connect(_) => sockets::connect_begun(call),
            Decode::Path(..) if call.passes_over_paths() => FirstHalf::NotUsed,
            Decode::Close(_) => descriptors::close_begun(call),
            Decode::Shutdown(_) => FirstHalf::Needed(sockets::shutdown_begun(call)),
            Decode::Fork(_, flags) => FirstHalf::Needed(Some(tasks::fork_begun(&call, flags))),
            Decode::Exit { group } => FirstHalf::Known(What::Ended { group }),
            _ => FirstHalf::Needed(None),
        }
    }
}
