//! Where records go: what a view needs of whoever writes them.

use crate::wire::Record;

/// Takes records in the order of the capture.
pub trait Sink {
    /// Why it takes no more.
    type Error;

    /// Takes the next record.
    ///
    /// # Errors
    /// It could not be written.
    fn record(&mut self, record: &Record<'_>) -> Result<(), Self::Error>;
}
