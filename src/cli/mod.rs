//! The command line: as typed ([`Typed`]), checked, and turned into what a run needs ([`Options`](crate::run::Options)).

mod given;
mod help;
mod manual;
mod mistakes;
mod recording;
mod refused;
mod subject;
mod typed;
mod values;
mod words;

use std::ffi::OsString;

pub use crate::run::Usage;
pub use refused::Refused;
pub use typed::{Task, Typed};

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
