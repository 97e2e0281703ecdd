//! What stands in place of recording on this machine, where that is not Linux's.

use std::ffi::OsString;

use super::{Ended, Recording};
use crate::run::live::Live;
use crate::run::{Error, Exit};

/// No strace runs here.
#[derive(Debug)]
pub enum Tracer {}

impl Tracer {
    /// Never.
    pub const fn hand_on(&self, _signal: Option<i32>) {
        match *self {}
    }
}

/// Nothing is hidden behind arguments.
pub const fn hidden(_words: &[OsString]) -> Option<Ended> {
    None
}

/// Refuses.
pub fn here(_recording: &Recording, _live: &mut Live<'_>) -> Result<(Exit, Ended), Error> {
    Err(Error::NothingToRecord(
        "strace is there on Linux alone: name a machine that has it with --via, as in --via 'ssh HOST'".to_owned(),
    ))
}
