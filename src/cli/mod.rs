//! The command line: as typed ([`Typed`]), checked, and turned into what a run needs ([`Options`]).

mod help;
mod typed;
mod values;

use std::ffi::OsString;

pub use typed::Typed;

use crate::run::Options;

/// Reads a command line, the program's name first.
///
/// # Errors
///
/// It makes no sense, or asks for help or the version; [`clap::Error::exit`] tells the person and exits with 2 or 0.
pub fn parse(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Options, clap::Error> {
    <Typed as clap::Parser>::try_parse_from(arguments)?.checked()
}

#[cfg(test)]
mod tests;
