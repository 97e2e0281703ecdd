//! A command line that is refused, in words that are safe to print: what was typed may hold anything.

use super::mistakes;
use super::typed::{Typed, usage};
use crate::escape::{escaped, is_harmless};
use crate::run::options::ReportFormat;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Refused {
    /// Help or the version was asked for; [`clap::Error::exit`] tells it.
    Asked(Box<clap::Error>),
    /// The command line makes no sense.
    Usage(Usage),
}

/// What is said of a command line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// All of it, as lines.
    pub text: String,
    /// What is wrong, alone.
    pub message: String,
    /// How the end is to be told, as far as the command line says that.
    pub report: ReportFormat,
}

impl Refused {
    /// `error` has come of `words`.
    pub(super) fn new(error: clap::Error, words: &[OsString]) -> Self {
        if !error.use_stderr() {
            return Self::Asked(Box::new(error));
        }
        let text = printable(&told(error, words).to_string());
        let message = text.split("\n\nUsage:").next().unwrap_or_default();
        let message = message.split("\n\nFor more").next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message).trim_end().to_owned();
        Self::Usage(Usage { text, message, report: report_of(words) })
    }
}

/// The error that is told: our own where it helps more than clap's, and of escaped words.
fn told(error: clap::Error, words: &[OsString]) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && let Some(message) = mistakes::misplaced(option, words)
    {
        return usage(&message);
    }
    let safe: Vec<OsString> = words.iter().map(|word| escaped(word.as_encoded_bytes()).to_string().into()).collect();
    if safe == words {
        return error;
    }
    // clap puts what was typed into its texts as it is, so they are made again, of what can be printed.
    match <Typed as clap::Parser>::try_parse_from(&safe) {
        Err(safe) if safe.use_stderr() => safe,
        _ => error,
    }
}

/// `text` in its lines, with nothing in them that a terminal would obey.
fn printable(text: &str) -> String {
    if text.chars().all(|character| character == '\n' || is_harmless(character)) {
        return text.to_owned();
    }
    text.split('\n').map(|line| escaped(line.as_bytes()).to_string()).collect::<Vec<_>>().join("\n")
}

/// What the last `--report` asks for, in each form in which it may be typed: shortened, with its value behind `=` or as
/// the next word.
fn report_of(words: &[OsString]) -> ReportFormat {
    let command = Typed::command();
    let names: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let is_report = |name: &str| {
        let meant: Vec<_> = names.iter().filter(|long| long.starts_with(name)).collect();
        name == "report" || matches!(meant[..], [&"report"])
    };
    let mut format = ReportFormat::Text;
    let mut words = mistakes::given(words).take_while(|word| *word != "--").peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.to_str().and_then(|word| word.strip_prefix("--")) else {
            continue;
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, words.peek().and_then(|next| next.to_str())),
        };
        if is_report(name) {
            format = match value {
                Some("json") => ReportFormat::Json,
                Some("text") => ReportFormat::Text,
                _ => format,
            };
        }
    }
    format
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(words: &str) -> ReportFormat {
        let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        report_of(&words)
    }

    #[test]
    fn the_format_is_known_however_it_is_typed() {
        for json in [
            "--report json",
            "--report=json",
            "--rep json",
            "--r=json",
            "x --nosuch --report json -v",
            "--report text --report=json",
        ] {
            assert_eq!(format(&format!("strace2pcap {json}")), ReportFormat::Json, "{json}");
        }
        for text in
            ["", "--report", "--report=json --report text", "-- --report json", "--s=json", "json", "--reporter json"]
        {
            assert_eq!(format(&format!("strace2pcap {text}")), ReportFormat::Text, "{text}");
        }
    }

    #[test]
    fn what_was_typed_is_escaped() {
        for words in [
            ["--no\x1b[31m\nerror: \u{202e}x", "out"],
            ["--port=\x1b[31m\u{202e}\n", "out"],
            ["--unix-port-for=a=\x07\u{9b}", "out"],
            ["--view=\r\x08wire", "out"],
        ] {
            let Err(Refused::Usage(usage)) = super::super::parse(["strace2pcap"].into_iter().chain(words)) else {
                panic!("{words:?}");
            };
            assert!(usage.text.chars().all(|it| it == '\n' || is_harmless(it)), "{:?}", usage.text);
            assert!(usage.text.contains("\\x") || usage.text.contains("\\u{"), "{}", usage.text);
            assert!(!usage.message.contains("Usage:"), "{}", usage.message);
        }
    }
}
