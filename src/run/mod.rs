//! The one loop: lines from the input through the conversion to the output, with signals, and the report of it.
//!
//! ```text
//! convert:  prepare ─→ Input ─→ Converter ─→ Output     Report: told at the end, however it comes
//!           (traces, output, signals)  pass: line by line
//! ```
//! Nothing is written before all inputs are open, so that a mistyped command costs no file, and a capture of before is
//! replaced only once a line of strace's has come. Whoever writes to our pipe is strace, whose traced program must never
//! be harmed by our end: whatever ends us early, we tell it and go on reading the pipe to its end.

pub mod convert;
mod error;
pub mod input;
pub mod live;
pub mod name;
pub mod options;
mod output;
pub mod report;
mod screen;
pub mod signals;
pub mod traced;

use crate::dates::Day;
use crate::limits;
use crate::strace::{self, Fifos, Times};
use std::fs::File;
use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime};

use convert::{Converter, Trace};
use error::READING_ON;
pub use error::{Error, Exit, Usage};

use input::foreign::Foreign;
use input::source::{self, Repeated, Source, SourceKind};
use input::{Advance, Input, drain, first_day};
use name::Name;
pub use options::Options;
use options::ReportFormat;
use output::Output;
use report::keys::NoteKey;
use report::{Report, names_given};
use screen::{Progress, Screen};
use signals::{Manner, Signals};
use traced::{ProcessSource, RemoteThreads};

/// Tells that a command line makes no sense, and reads what strace may be writing to us.
pub fn refuse(usage: &Usage) -> Exit {
    let source = Source::stdin().ok().filter(|source| usage.reads_standard_input && source.kind() == SourceKind::Pipe);
    let end = if source.is_some() { format!("strace2pcap: {READING_ON}\n") } else { String::new() };
    let exit = Report::refuse(&(usage.text.clone() + &end), usage.message.clone(), usage.report);
    read_on(source.as_slice());
    exit
}

/// Prints a text that was asked for in place of a conversion.
pub fn answer(text: &str) -> Exit {
    match writeln!(io::stdout(), "{text}") {
        // As after a conversion: who reads no more has what they want.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Failed,
        _ => Exit::Done,
    }
}

/// Tells why nothing could be done, where no report is asked for.
pub fn tell(message: &str) {
    // Where standard error is closed nobody wants it.
    let _ = writeln!(io::stderr(), "strace2pcap: error: {message}");
}

/// Does what `options` say and tells what came of it.
pub fn convert(options: &Options) -> Exit {
    let screen = Screen::new(options.verbosity);
    let mut report = Report::default();
    let mut sources = Vec::new();
    let mut exit = match prepare(options, &mut sources) {
        Ok(prepared) => {
            let repeated = prepared.repeated.clone();
            let exit = convert_all(options, &screen, sources, prepared, &mut report);
            names_given::tell(&repeated, &options.output, options.format, &mut report);
            exit
        }
        Err(error) => give_up(&error, sources, &mut report),
    };
    if exit == Exit::Done && options.strict && report.has_losses() {
        exit = Exit::Strict;
    }
    report.tell(exit, options.report);
    exit
}

/// What has to be there before the first line, beside the traces.
#[derive(Debug)]
struct Prepared {
    output: Output,
    signals: Signals,
    /// Traces that were named twice.
    repeated: Vec<Repeated>,
    /// The key log that was given.
    keys: Vec<u8>,
    /// What another machine tells of its threads.
    told: Option<RemoteThreads>,
}

/// The TLS keys that were given.
fn keys_given(options: &Options) -> Result<Vec<u8>, Error> {
    let mut log = Vec::new();
    let Some(path) = &options.key_log else {
        return Ok(log);
    };
    let read = File::open(path).and_then(|file| file.take(limits::KEY_LOG_BYTES).read_to_end(&mut log));
    read.map_err(|error| Error::ReadKeys(Name::new(path.as_os_str()), error))?;
    Ok(log)
}

/// All that has to be there before the first line; `sources` takes the traces, each once.
fn prepare(options: &Options, sources: &mut Vec<Source>) -> Result<Prepared, Error> {
    if !options.force {
        output::look(&options.output)?;
    }
    source::raise_limit(options.traces.len());
    Source::open_all(&options.traces, sources)?;
    let repeated = source::once(sources);
    refuse_nothing(sources)?;
    if let Some(terminal) = sources.iter().find(|source| source.is_terminal()) {
        return Err(Error::TerminalTrace(terminal.name().clone()));
    }
    let keys = keys_given(options)?;
    let output = Output::open(&options.output, sources)?;
    // Only now: while an output FIFO waits for its reader there is nothing to save from a signal.
    let is_live = sources.iter().any(|source| source.kind() == SourceKind::Pipe);
    let manner = if is_live { Manner::Pipe } else { Manner::Files };
    let signals = Signals::listen(manner).map_err(Error::Signals)?;
    Ok(Prepared { output, signals, repeated, keys, told: None })
}

/// Before anything is touched: where not a line of any trace is strace's, there is nothing to do. Of a pipe nothing may
/// come, for a program that does nothing of what is traced; a file that is empty was given by mistake.
fn refuse_nothing(sources: &[Source]) -> Result<(), Error> {
    match sources.first() {
        Some(first) if sources.iter().all(Source::is_empty) => Err(Error::EmptyTrace(first.name().clone())),
        Some(first) if sources.iter().all(|source| source.nothing().is_some()) => {
            let kind = first.nothing().unwrap_or(Foreign::Text);
            Err(Error::NotATrace(first.name().clone(), kind, first.compression()))
        }
        _ => Ok(()),
    }
}

/// Tells why nothing can be done, and reads what pipes still bring. Of `sources` those are there that could be opened.
fn give_up(error: &Error, mut sources: Vec<Source>, report: &mut Report) -> Exit {
    // The others' descriptors may be what the signals' way was wanting.
    sources.retain(|source| source.kind() == SourceKind::Pipe);
    let exit = report.fail(error, !sources.is_empty());
    read_on(&sources);
    exit
}

/// Reads pipes that nothing comes of any more.
fn read_on(pipes: &[Source]) {
    if let (false, Ok(signals)) = (pipes.is_empty(), Signals::listen(Manner::Files)) {
        drain(pipes.iter().collect(), &signals);
    }
}

/// What the text of `source` does not say. The date is the one given, the one on which a file's times of day began, or
/// today.
fn trace(options: &Options, fifos: Option<Fifos>, source: &Source, signals: &Signals) -> Trace {
    let date = match options.date.or_else(|| first_day(source, signals)) {
        Some(date) => Day::Known(date.midnight()),
        None => Day::Of(source.modified().unwrap_or_else(SystemTime::now)),
    };
    let text = strace::TraceOptions {
        tid: source.tid(),
        date,
        start: options.start.unwrap_or_default(),
        pipes: fifos,
        keys: options.tls_keys,
        ..strace::TraceOptions::default()
    };
    Trace { name: source.name().clone(), options: text }
}

/// Converts `sources` into `output`.
fn convert_all(
    options: &Options,
    screen: &Screen,
    sources: Vec<Source>,
    Prepared { output, signals, keys, told, .. }: Prepared,
    report: &mut Report,
) -> Exit {
    let signals = &signals;
    let fifos = options.pipes.then(|| Fifos::new(options.pipe_names.clone()));
    let traces: Vec<_> = sources.iter().map(|source| trace(options, fifos.clone(), source, signals)).collect();
    let name = output.name().clone();
    // Where all that is read is there, nobody writes to us.
    let all_files = sources.iter().all(|source| source.kind() == SourceKind::File);
    let progress = if all_files { screen.progress(sources.iter().map(Source::size).sum()) } else { Progress::none() };
    let keeps = output.keeps();
    let mut converter = match Converter::new(options, &traces, output) {
        Ok(converter) => converter,
        Err(error) => return report.fail(&Error::WriteOutput(name, error), false),
    };
    converter.ask(told.map_or_else(|| ProcessSource::of(&sources), |told| Some(ProcessSource::told(told))));
    if let Some(path) = &options.key_log
        && let Err(error) = converter.give_keys(&keys, path.as_os_str().as_encoded_bytes())
    {
        return report.fail(&Error::WriteOutput(name, error), false);
    }
    if screen.has_person() {
        converter.close_with(name.clone());
    }
    let times = traces.iter().map(|trace| Times::new(&trace.options)).collect();
    let input = Input::open(sources, times, signals);
    let tells_within = options.report == ReportFormat::Within;
    let exit = Run { input, converter, progress, name, keeps, tells_within }.run_to_end(signals, &traces, report);
    match signals.stop() {
        Some(stop) if all_files && exit == Exit::Done => {
            let exit = report.fail(&Error::Stopped(stop.name()), false);
            if options.strict { Exit::Strict } else { exit }
        }
        _ => exit,
    }
}

/// A conversion under way.
struct Run<'s> {
    input: Input<'s>,
    converter: Converter<Output>,
    progress: Progress,
    /// The output's.
    name: Name,
    /// A capture of before is still in the output: nothing is written yet.
    keeps: bool,
    /// What there is to be told is told in the capture.
    tells_within: bool,
}

impl Run<'_> {
    /// Passes all lines on to the end, whichever it is, and fills the report.
    fn run_to_end(mut self, signals: &Signals, traces: &[Trace], report: &mut Report) -> Exit {
        let mut ended = self.pass();
        self.keeps &= !self.converter.has_understood();
        if !self.keeps && !matches!(ended, Err(Error::WriteOutput(..))) {
            let finished = self.converter.finish();
            ended = finished.map_err(|error| self.write_error(error)).and(ended);
        }
        let read_all = ended.is_ok() && signals.stop().is_none();
        // Told before the rest is read, which may take as long as the traced program runs.
        let pipes = self.input.pipes();
        let mut exit = match ended {
            Ok(()) => Exit::Done,
            Err(error) if !error.is_broken_pipe() => report.fail(&error, !pipes.is_empty()),
            Err(_) => {
                if !pipes.is_empty() {
                    log::warn!("nobody reads the output any more: {READING_ON}");
                }
                Exit::Done
            }
        };
        if !pipes.is_empty() && !read_all {
            signals.lose_patience();
            drain(pipes, signals);
        }
        report.fill(self.converter.report(read_all));
        if self.tells_within && exit == Exit::Done {
            // Who does not read to the end is told nothing.
            let _ = self.converter.tell(report);
        }
        let comment = self.converter.section_comment(&report.of_whole_capture()).filter(|_| !self.keeps);
        let mut output = self.converter.into_sink();
        if let Some((at, text)) = comment {
            output.fill_in(at, &text);
        }
        if let (Err(error), Exit::Done) = (output.close(), exit) {
            exit = report.fail(&error, false);
        }
        let nothing = report.is_all_strange() || self.input.holds_nothing();
        if let (true, true, Some(first)) = (read_all, nothing, traces.first()) {
            exit = report.fail(&Error::NotATrace(first.name.clone(), Foreign::Text, None), false);
        }
        if self.keeps {
            report.note(NoteKey::Kept, format!("{} is as it was before", self.name), "");
        }
        exit
    }

    /// Passes on lines until the input ends or a signal asks for the end.
    fn pass(&mut self) -> Result<(), Error> {
        // The header at once: a reader waits for it before anything has been recorded.
        self.pause(Duration::ZERO)?;
        loop {
            match self.input.advance()? {
                Advance::Line => {
                    let (source, line) = self.input.line();
                    if let Err(error) = self.converter.line(source, self.input.time(), line) {
                        return Err(self.write_error(error));
                    }
                }
                Advance::TooLong => self.converter.too_long(self.input.line().0),
                Advance::Pause(quiet) => self.pause(quiet)?,
                Advance::Chunk => self.progress.at(|| self.input.position()),
                Advance::Stopped => return Ok(()),
                Advance::End => return self.input.whole(),
            }
        }
    }

    /// Shows what is known after nothing has come for so long, unless a capture of before is to stay for now.
    fn pause(&mut self, quiet: Duration) -> Result<(), Error> {
        self.keeps &= !self.converter.has_understood();
        if self.keeps {
            return Ok(());
        }
        self.converter.pause(quiet).map_err(|error| self.write_error(error))
    }

    fn write_error(&self, error: io::Error) -> Error {
        Error::WriteOutput(self.name.clone(), error)
    }
}
