//! The event at hand: who, and when.

use crate::event::{ProcessRef, Tid, Timestamp};

/// Whose event it is, and when its call began and returned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Now {
    pub(super) tid: Tid,
    pub(super) process: ProcessRef,
    pub(super) entry: Timestamp,
    pub(super) exit: Timestamp,
}
