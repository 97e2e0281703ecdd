//! From a whole call's text to what it means: one function for each form of arguments, named by the rows of `table`.
//!
//! A function reads the arguments in their order, then the result, and returns the event that the call is, or why it is
//! none. What an event borrows lives in the [`Scratch`] until the next call.

mod call;
mod decoded;
pub(super) mod descriptors;
pub(super) mod files;
pub(super) mod keys;
pub(super) mod messages;
pub(super) mod options;
pub(super) mod payload;
mod scratch;
pub(super) mod sockets;
pub(super) mod tasks;
mod transfer;
mod vectors;

pub(super) use call::Call;
pub(super) use decoded::{Decoded, FirstHalf, NOT_USED, NoEvent};
pub(super) use scratch::Scratch;
pub(super) use transfer::Transfer;
