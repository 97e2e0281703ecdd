//! The words of a command line by what they are, whether it makes sense or not.

use super::given::given;
use super::typed::Typed;
use clap::CommandFactory;
use std::ffi::{OsStr, OsString};

/// A word of a command line that may make no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word<'w> {
    /// A long option by its whole name if it is one of ours, and its value.
    Option(String, Option<&'w OsStr>),
    /// A short one.
    Short(&'w OsStr),
    /// OUTPUT or a TRACE.
    Plain(&'w OsStr),
}

impl<'w> Word<'w> {
    /// It, if it is no option.
    pub(super) fn plain(&self) -> Option<&'w OsStr> {
        if let Self::Plain(word) = self { Some(word) } else { None }
    }
}

/// What the words are, in each form in which they may be typed: options shortened, their values behind `=` or as the next
/// word.
pub(super) fn scan(words: &[OsString]) -> Vec<Word<'_>> {
    let command = Typed::command();
    let takes_word = |it: &clap::Arg| it.get_action().takes_values() && !it.is_require_equals_set();
    let options: Vec<_> = command.get_arguments().filter_map(|it| Some((it.get_long()?, takes_word(it)))).collect();
    let whole = |name: &str| {
        let mut meant = options.iter().filter(|(long, _)| long.starts_with(name));
        let exact = options.iter().find(|(long, _)| *long == name);
        exact.or_else(|| meant.next().filter(|_| meant.next().is_none())).copied()
    };
    let mut scanned = Vec::new();
    let mut words = given(words).peekable();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        match text.strip_prefix("--") {
            Some("") => scanned.extend(words.by_ref().map(Word::Plain)),
            Some(option) => {
                let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
                let (name, takes_word) = whole(name).unwrap_or((name, false));
                let next = if takes_word && value.is_none() { words.next() } else { None };
                scanned.push(Word::Option(name.to_owned(), value.map(OsStr::new).or(next)));
            }
            None if text.starts_with('-') && text.len() > 1 => scanned.push(Word::Short(word)),
            None => scanned.push(Word::Plain(word)),
        }
    }
    scanned
}
