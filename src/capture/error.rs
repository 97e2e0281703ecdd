//! What can go wrong with a capture, in words of our own: callers need not know which library writes it.

use pcap_file::PcapError;
use std::io;
use thiserror::Error;

/// A capture could not be written.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The sink did not take the bytes: no space, a closed pipe, …
    #[error("cannot write the capture: {0}")]
    Sink(#[source] io::Error),
    /// The format cannot hold the record. None of ours is such a one.
    #[error("the capture cannot hold a packet: {reason}")]
    Record {
        /// Why.
        reason: String,
    },
}

impl CaptureError {
    /// The kind of the sink's error: `BrokenPipe` means that the reader has gone and is no failure of ours.
    pub fn sink(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Sink(error) => Some(error.kind()),
            Self::Record { .. } => None,
        }
    }
}

impl From<CaptureError> for io::Error {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Sink(error) => error,
            record @ CaptureError::Record { .. } => Self::other(record),
        }
    }
}

/// The library's error. It writes into memory only, so that no error of input or output comes this way.
pub(super) fn refused(error: PcapError) -> CaptureError {
    match error {
        PcapError::IoError(error) => CaptureError::Sink(error),
        other => CaptureError::Record { reason: other.to_string() },
    }
}
