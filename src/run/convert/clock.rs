//! How far the traces have come: what has waited long enough is written by their time, not by the machine's.

use crate::event::Timestamp;
use crate::limits;
use crate::run::report::LineRef;

/// The time of the traces.
#[derive(Debug, Default)]
pub(super) struct TraceClock {
    pub(super) now: Timestamp,
    /// Of several traces: no line that is still to come is earlier.
    pub(super) line: Option<Timestamp>,
    /// Something was yet to be written when it ticked last.
    pub(super) held: bool,
    /// Where it was set back first.
    pub(super) set_back: Option<LineRef>,
}

impl TraceClock {
    /// A call has returned at `exit`. Whether the clock was set back by more than anything waits: it begins anew then.
    #[inline]
    pub(super) fn tick(&mut self, exit: Timestamp) -> bool {
        let moment = self.line.unwrap_or(exit);
        let before = self.now;
        self.now = before.moved_to(moment, limits::WAITING_TIME);
        self.now < before
    }
}
