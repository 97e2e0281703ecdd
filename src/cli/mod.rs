//! The command line: as typed ([`Typed`]), checked, and turned into what a run needs ([`Options`]).

mod help;
mod manual;
mod mistakes;
mod recording;
mod refused;
mod typed;
mod values;

use std::ffi::OsString;

pub use refused::{Refused, Usage};
pub use typed::Typed;

use crate::install::Place;
use crate::record::Recording;
use crate::run::Options;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// To convert traces.
    Convert(Options),
    /// To record one.
    Record(Recording),
    /// To put our files where Wireshark looks for them, or to take them away.
    Wireshark(Place),
}

/// Reads a command line, the program's name first.
///
/// # Errors
///
/// It makes no sense, or asks for a text.
pub fn parse(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Task, Refused> {
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    let (words, command) = recording::split(&words);
    let refused = |error| Refused::new(error, &words);
    let typed = <Typed as clap::Parser>::try_parse_from(&words).map_err(refused)?;
    match typed.answer() {
        Some(text) => Err(Refused::Answer(text)),
        None => typed.checked(&words, &command).map_err(refused),
    }
}

#[cfg(test)]
mod tests;
