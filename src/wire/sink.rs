//! Where records go: what a view needs of whoever writes them.

use crate::event::Timestamp;
use crate::wire::{Packet, Record};

/// Takes records in the order of the capture.
pub trait Sink {
    /// Why it takes no more.
    type Error;

    /// Takes the next record where that is a packet, as nearly all are.
    ///
    /// # Errors
    /// Those of [`Sink::record`].
    fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Self::Error>;

    /// Takes the next record.
    ///
    /// # Errors
    /// It could not be written.
    fn record(&mut self, record: &Record<'_>) -> Result<(), Self::Error>;

    /// A record of this time is yet to come: later ones wait for it, until it is settled that they need not.
    fn expect(&mut self, time: Timestamp);

    /// Nothing that is earlier than `until` will come any more.
    ///
    /// # Errors
    /// What waited for that could not be written.
    fn settle(&mut self, until: Timestamp) -> Result<(), Self::Error>;

    /// The clock was set back to `time`.
    ///
    /// # Errors
    /// What waited could not be written.
    fn set_back(&mut self, time: Timestamp) -> Result<(), Self::Error>;
}
