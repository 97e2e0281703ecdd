//! The command line: as typed ([`Typed`]), checked, and turned into what a run needs ([`Options`]).

mod help;
mod manual;
mod mistakes;
mod refused;
mod typed;
mod values;

use std::ffi::OsString;

pub use refused::{Refused, Usage};
pub use typed::Typed;

use crate::run::Options;

/// Reads a command line, the program's name first.
///
/// # Errors
///
/// It makes no sense, or asks for something else than a conversion.
pub fn parse(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Options, Refused> {
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    let refused = |error| Refused::new(error, &words);
    let typed = <Typed as clap::Parser>::try_parse_from(&words).map_err(refused)?;
    match typed.answer() {
        Some(text) => Err(Refused::Answer(text)),
        None => typed.checked(&words).map_err(refused),
    }
}

#[cfg(test)]
mod tests;
