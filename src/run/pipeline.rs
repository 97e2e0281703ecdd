//! What stands between the input's lines and the output: the rooms from [`crate::strace`] to [`crate::capture`].

use std::io;

use super::report::Report;

/// Takes lines and writes a capture.
///
/// Errors are those of the [`super::output::Output`] it writes to, given on as they are: a broken pipe is told from a
/// full disk by [`io::Error::kind`].
pub trait Pipeline {
    /// The next line, without its end, of the trace with number `trace` (from 0, in the order of the command line).
    ///
    /// # Errors
    ///
    /// Writing failed.
    fn line(&mut self, trace: usize, line: &[u8]) -> io::Result<()>;

    /// In place of a line that was longer than [`crate::limits::LINE_BYTES`]: it counts as a line for line numbers.
    ///
    /// # Errors
    ///
    /// Writing failed.
    fn too_long(&mut self, trace: usize) -> io::Result<()>;

    /// The input pauses: everything known goes to the output now. The header, too, when nothing else has come yet.
    ///
    /// # Errors
    ///
    /// Writing failed.
    fn pause(&mut self) -> io::Result<()>;

    /// The input has ended, or the end was asked for: what is still held goes to the output.
    ///
    /// # Errors
    ///
    /// Writing failed.
    fn finish(&mut self) -> io::Result<()>;

    /// What has come of it, after the end, whichever way it came; `read_all`: it was the end of the input.
    fn report(&self, read_all: bool) -> Report;
}
