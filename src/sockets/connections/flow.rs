//! One direction of a connection: how far it has come, and what tells that.

/// What tells which of the bytes that move in a direction are news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToldBy {
    /// How many each end has moved.
    #[default]
    Totals,
    /// Bytes, in the order in which they are received: of some no call has told that they were sent.
    Bytes,
    /// What is sent: several receive at once, and return in another order than bytes were given to them.
    Senders,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    /// Bytes that are accounted for, by whichever end's line came first.
    pub accounted: u64,
    /// Its sender has finished it (FIN).
    pub finished: bool,
    /// What tells which bytes are news.
    pub told_by: ToldBy,
    /// How a send has ended is not in the trace: its bytes may be received later.
    pub is_cut: bool,
}

impl Flow {
    /// Counts a report of `moved` bytes that ends at `reached`; returns how many of them were accounted for before.
    ///
    /// Each end counts from its own first call. An end that strace was attached to later lags behind, and the other one,
    /// which is ahead, accounts for the bytes.
    pub fn account(&mut self, reached: u64, moved: u64) -> u64 {
        let fresh = reached.saturating_sub(self.accounted).min(moved);
        self.accounted = self.accounted.max(reached);
        moved - fresh
    }
}
