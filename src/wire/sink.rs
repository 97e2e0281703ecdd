//! Where records go: what a view needs of whoever writes them.

use crate::wire::{Frame, Record};

/// Takes records in the order of the capture.
pub trait Sink {
    /// Why it takes no more.
    type Error;

    /// Takes the next record.
    ///
    /// # Errors
    /// It could not be written.
    fn record(&mut self, record: &Record<'_>) -> Result<(), Self::Error>;

    /// Takes a frame beside which nothing is to be read.
    ///
    /// # Errors
    /// It could not be written.
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), Self::Error> {
        self.record(&Record::from(frame))
    }
}
