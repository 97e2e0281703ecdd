//! The words of a command line as a person gave them.

use crate::escape::word;
use std::ffi::{OsStr, OsString};

/// What the person gave, without the program's name.
pub(super) fn given(words: &[OsString]) -> impl Iterator<Item = &OsStr> {
    words.iter().skip(1).map(OsString::as_os_str)
}

/// The command of these words, for a shell.
pub(super) fn command_of<'w>(words: impl Iterator<Item = &'w OsStr>) -> String {
    words.fold(String::from("strace2pcap"), |command, it| command + " " + &word(it.as_encoded_bytes()))
}
