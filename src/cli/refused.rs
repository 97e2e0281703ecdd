//! A command line that is refused, in words that are safe to print: what was typed may hold anything.

use super::typed::{Typed, usage};
use super::words::{Word, scan};
use super::{mistakes, recording};
use crate::escape::{escaped, is_harmless};
use crate::run::Usage;
use crate::run::options::ReportFormat;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Refused {
    /// Help or the version was asked for; [`clap::Error::exit`] tells it.
    Asked(Box<clap::Error>),
    /// A text was asked for in place of a conversion: this.
    Answer(String),
    /// The command line makes no sense.
    Usage(Usage),
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
        let reads_standard_input = reads_standard_input(words);
        Self::Usage(Usage { text, message, report: report_of(words), reads_standard_input })
    }
}

/// The error that is told: our own where it helps more than clap's, and of escaped words.
fn told(error: clap::Error, words: &[OsString]) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && let Some(message) = recording::misplaced(option, words).or_else(|| mistakes::misplaced(option, words))
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

/// What the last `--report` asks for.
fn report_of(words: &[OsString]) -> ReportFormat {
    let asked = scan(words).into_iter().filter_map(|word| match word {
        Word::Option(name, value) if name == "report" => value?.to_str(),
        _ => None,
    });
    let mut formats = asked.filter_map(|value| match value {
        "json" => Some(ReportFormat::Json),
        "text" => Some(ReportFormat::Text),
        _ => None,
    });
    formats.next_back().unwrap_or_default()
}

/// Whether no TRACE is named beside OUTPUT, or `-` is one.
fn reads_standard_input(words: &[OsString]) -> bool {
    let words = scan(words);
    if words
        .iter()
        .any(|word| matches!(word, Word::Option(name, _) if ["run", "attach", "script"].contains(&name.as_str())))
    {
        return false;
    }
    let mut traces = words.iter().filter_map(Word::plain).skip(1).peekable();
    traces.peek().is_none() || traces.any(|trace| trace == "-")
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
            "--re=json",
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
    fn the_trace_is_standard_input_where_none_is_named() {
        let reads = |words: &str| {
            let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
            reads_standard_input(&words)
        };
        for it in
            ["", "out", "--nosuch out", "-x out", "--view top out", "--vie top -- out", "out - -", "-o out", "a -"]
        {
            assert!(reads(&format!("strace2pcap {it}")), "{it}");
        }
        for it in [
            "out trace",
            "--nosuch out trace",
            "--view=top out a b",
            "-- -x -y",
            "--capture-unix out trace",
            "--run out",
            "--att 7 out",
        ] {
            assert!(!reads(&format!("strace2pcap {it}")), "{it}");
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
