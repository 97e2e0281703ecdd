//! Command lines as other programs have them: OUTPUT behind `-o` or `-w`, the trace behind `-r` or `-i`. The answer is the
//! command to type, made of the person's own words.

use super::given::{command_of, given};
use super::typed::Typed;
use std::ffi::{OsStr, OsString};

/// What other programs call their output, and their input.
const OUTPUT_OPTIONS: [&str; 6] = ["-o", "-w", "--output", "--output-file", "--outfile", "--write"];
const TRACE_OPTIONS: [&str; 7] = ["-r", "-i", "--input", "--input-file", "--infile", "--read", "--trace"];

/// What is said where a process is given as strace and others have it.
const ATTACH: &str = "there is no -p: `strace2pcap --attach PID OUTPUT` records what runs, `strace2pcap --pid PID OUTPUT TRACE` \
                      takes one process's part of a trace";

/// What is said of a command line that has the unknown option `option`, if it is one for OUTPUT or TRACE.
pub(super) fn misplaced(option: &str, words: &[OsString]) -> Option<String> {
    if option == "-p" {
        return Some(ATTACH.to_owned());
    }
    kind_of(option)?;
    let command = Sorted::of(words).command().unwrap_or_else(|| "strace2pcap [OPTIONS] OUTPUT [TRACE...]".to_owned());
    Some(format!("there is no {option}: OUTPUT is the first argument, TRACE files are the next: {command}"))
}

/// What an option of another program is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    Output,
    Trace,
}

fn kind_of(option: &str) -> Option<Meant> {
    let is_one = |known: &&str| *known == option || (option.len() > 3 && known.starts_with(option));
    if OUTPUT_OPTIONS.iter().any(is_one) {
        Some(Meant::Output)
    } else {
        TRACE_OPTIONS.iter().any(is_one).then_some(Meant::Trace)
    }
}

/// The words of a command line by what they are meant as.
#[derive(Debug, Default)]
struct Sorted<'w> {
    output: Option<&'w OsStr>,
    traces: Vec<&'w OsStr>,
    others: Vec<&'w OsStr>,
}

impl<'w> Sorted<'w> {
    fn of(words: &'w [OsString]) -> Self {
        let mut sorted = Self::default();
        let mut words = given(words);
        while let Some(it) = words.next() {
            let Some((kind, value)) = split(it) else {
                sorted.others.push(it);
                continue;
            };
            let value = value.or_else(|| words.next());
            match kind {
                Meant::Output => sorted.output = value.or(sorted.output),
                Meant::Trace => sorted.traces.extend(value),
            }
        }
        sorted
    }

    /// The command that was meant, if it is one.
    fn command(self) -> Option<String> {
        let Self { output, traces, others } = self;
        let is_command = |words: &[&OsStr]| {
            let words = [OsStr::new("strace2pcap")].into_iter().chain(words.iter().copied());
            <Typed as clap::Parser>::try_parse_from(words).is_ok()
        };
        let has_output = output.is_some() || is_command(&others);
        let first = if has_output { output } else { Some(OsStr::new("OUTPUT")) };
        let meant: Vec<_> = first.into_iter().chain(others).chain(traces).collect();
        is_command(&meant).then(|| command_of(meant.into_iter()))
    }
}

/// The kind of a word that is such an option, and its value where that is a part of the word: `-oX`, `--output=X`.
fn split(it: &OsStr) -> Option<(Meant, Option<&OsStr>)> {
    let text = it.to_str()?;
    if let Some((option, value)) = text.split_once('=').filter(|_| text.starts_with("--")) {
        return Some((kind_of(option)?, Some(OsStr::new(value))));
    }
    match text.split_at_checked(2) {
        Some((option, value)) if !text.starts_with("--") => {
            Some((kind_of(option)?, Some(OsStr::new(value)).filter(|value| !value.is_empty())))
        }
        _ => Some((kind_of(text)?, None)),
    }
}
