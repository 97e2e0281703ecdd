//! What inputs and outputs are called in messages and reports.

use std::ffi::OsStr;
use std::fmt;

use crate::escape::{escaped, word};

/// What standard input is called.
const STANDARD_INPUT: &str = "standard input";

/// The name of an input or output as messages have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The name of a file.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        Self(path.as_ref().as_encoded_bytes().into())
    }

    /// That of standard input.
    pub fn standard_input() -> Self {
        Self::new(STANDARD_INPUT)
    }

    /// It as a word in a shell's command.
    pub fn word(&self) -> String {
        if *self == Self::standard_input() { "FILE".to_owned() } else { word(&self.0) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(&self.0).fmt(f)
    }
}
