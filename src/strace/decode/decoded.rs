//! What comes of a call's text.

use super::super::counts::Skip;
use crate::event::What;

/// The event that a call is, or why it is none.
pub(in super::super) type Decoded<'s> = Result<What<'s>, NoEvent>;

/// Why a call is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum NoEvent {
    /// It is counted for this reason.
    Skip(Skip),
    /// Its payload was cut and a dump may follow: it is to be decoded again with what follows.
    Cut,
}

/// The call failed, or did nothing of interest.
pub(in super::super) const NOT_USED: NoEvent = NoEvent::Skip(Skip::NotUsed);
pub(super) const NOT_SOCKET: NoEvent = NoEvent::Skip(Skip::NotSocket);

/// What comes of a call's first half.
#[derive(Debug)]
pub(in super::super) enum FirstHalf<'s> {
    /// The second half is needed; for some calls there is an event already.
    Needed(Option<What<'s>>),
    /// The event is known already, and the second half adds nothing.
    Known(What<'s>),
    /// There will be no event.
    NotUsed,
}
