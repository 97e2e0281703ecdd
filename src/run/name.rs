//! What inputs and outputs are called in messages and reports.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::escape::escaped;

/// What standard input is called.
const STANDARD_INPUT: &str = "standard input";

/// The name of an input or output as messages have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The name of a file.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        Self(path.as_ref().as_bytes().into())
    }

    /// That of standard input.
    pub fn standard_input() -> Self {
        Self::new(STANDARD_INPUT)
    }

    /// It as a word in a shell's command.
    pub fn word(&self) -> String {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%=".contains(byte);
        if *self == Self::standard_input() {
            "FILE".to_owned()
        } else if self.0.iter().all(is_plain) {
            self.to_string()
        } else {
            format!("'{}'", self.to_string().replace('\'', r"'\''"))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(&self.0).fmt(f)
    }
}
