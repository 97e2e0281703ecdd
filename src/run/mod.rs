//! The one loop: lines from the input through the pipeline to the output, with signals, and the report of it.
//!
//! Nothing is written before all inputs are open, so that a mistyped command costs no file. Whoever writes to our pipe is
//! strace, whose traced program must never be harmed by our end: where the output fails we go on reading it to its end.

mod conversations;
pub mod convert;
pub mod dates;
mod days;
pub mod error;
mod filter;
pub mod foreign;
mod hints;
pub mod input;
pub mod lines;
pub mod merge;
pub mod name;
mod names_given;
mod offers;
pub mod options;
pub mod output;
pub mod pipeline;
pub mod report;
pub mod screen;
pub mod signals;
pub mod source;

use crate::strace::{self, Fifos, Times};
use std::io;
use std::time::SystemTime;

use convert::{Converter, Trace};
use dates::Date;
pub use error::{Error, Exit};
use foreign::Foreign;
use input::{Advance, Input, Sequence};
use merge::Merge;
pub use options::Options;
use output::Output;
pub use pipeline::Pipeline;
use report::Report;
use report::keys::NoteKey;
use screen::{Progress, Screen};
use signals::Signals;
use source::{Kind, Source};

/// Does what `options` say and tells what came of it.
pub fn run(options: &Options) -> Exit {
    let screen = Screen::new(options.verbosity);
    let mut report = Report::default();
    let exit = match convert(options, &screen, &mut report) {
        Ok(exit) if exit == Exit::Done && options.strict && report.has_losses() => Exit::Strict,
        Ok(exit) => exit,
        Err(error) => report.fail(&error),
    };
    report.tell(exit, options.report);
    exit
}

fn convert(options: &Options, screen: &Screen, report: &mut Report) -> Result<Exit, Error> {
    let (sources, repeated) = names_given::once(Source::open_all(&options.traces)?);
    refuse_nothing(&sources)?;
    let output = Output::open(&options.output, &sources)?;
    if sources.iter().any(Source::is_terminal) {
        log::warn!("reading the trace from the terminal: give a TRACE file, or pipe strace's output here");
    }
    // Only now: while an output FIFO waits for its reader there is nothing to save from a signal.
    let signals = Signals::listen(sources.iter().any(|source| source.kind() == Kind::Pipe)).map_err(Error::Signals)?;
    let all_files = sources.iter().all(|source| source.kind() == Kind::File);
    let progress = if all_files { screen.progress(sources.iter().map(Source::size).sum()) } else { Progress::none() };
    let name = output.name().clone();
    let fifos = options.pipes.then(|| Fifos::new(options.pipe_names.clone()));
    let traces: Vec<_> = sources.iter().map(|source| trace(options, fifos.clone(), source, &signals)).collect();
    let write_error = |error| Error::WriteOutput(name.clone(), error);
    let mut converter = Converter::new(options, &traces, output).map_err(write_error)?;
    if screen.has_person() {
        converter.close_with(name.clone());
    }
    let run = Run { traces: &traces, progress, signals: &signals, report };
    let exit = if traces.len() > 1 {
        let mut times: Vec<_> = traces.iter().map(|trace| Times::new(&trace.options)).collect();
        let key = |source: usize, line: &[u8]| times.get_mut(source)?.line(line);
        let mut input = Merge::open(sources, &signals, key);
        run.drive(&mut input, converter, write_error)
    } else {
        let mut input = Sequence::new(sources, &signals);
        run.drive(&mut input, converter, write_error)
    };
    names_given::tell(&repeated, &options.output, options.format, report);
    if let (Some(stop), true) = (signals.stop(), all_files) {
        report.note(NoteKey::Stopped, format!("stopped by {}", stop.name()), "the capture holds what came before");
    }
    exit
}

/// Before anything is touched: where not a line of any trace is strace's, there is nothing to do. Of a pipe nothing may
/// come, for a program that does nothing of what is traced; a file that is empty was given by mistake.
fn refuse_nothing(sources: &[Source]) -> Result<(), Error> {
    let is_empty = |source: &Source| source.kind() == Kind::File && source.size() == 0;
    match sources.first() {
        Some(first) if sources.iter().all(is_empty) => Err(Error::EmptyTrace(first.name().clone())),
        Some(first) if sources.iter().all(|source| source.nothing().is_some()) => {
            let kind = first.nothing().unwrap_or(Foreign::Text);
            Err(Error::NotATrace(first.name().clone(), kind))
        }
        _ => Ok(()),
    }
}

/// What the text of `source` does not say. The date is the one given, the one on which a file's times of day began, or
/// today.
fn trace(options: &Options, fifos: Option<Fifos>, source: &Source, signals: &Signals) -> Trace {
    let date = options
        .date
        .or_else(|| days::first(source, signals))
        .or_else(|| Date::of(source.modified().unwrap_or_else(SystemTime::now)));
    let text = strace::Options {
        tid: source.tid(),
        date: date.map(Date::midnight).unwrap_or_default(),
        start: options.start.unwrap_or_default(),
        pipes: fifos,
    };
    Trace { name: source.name().clone(), options: text }
}

/// What a run has beside its input and its way to the output.
struct Run<'r> {
    traces: &'r [Trace],
    progress: Progress,
    signals: &'r Signals,
    report: &'r mut Report,
}

impl Run<'_> {
    /// Runs `input` through `pipeline` to the end, whichever it is, and fills the report.
    fn drive(
        self,
        input: &mut impl Input,
        mut pipeline: impl Pipeline,
        write_error: impl Fn(io::Error) -> Error,
    ) -> Result<Exit, Error> {
        let Self { traces, progress, signals, report } = self;
        let (mut failed, reading) = match pass(input, &mut pipeline, progress) {
            Ok(()) => (None, Ok(())),
            Err(Broken::Output(error)) => (Some(error), Ok(())),
            Err(Broken::Input(error)) => (None, Err(error)),
        };
        if failed.is_none() {
            failed = pipeline.finish().err();
        }
        let read_all = failed.is_none() && reading.is_ok() && signals.stop().is_none();
        let mut exit = Exit::Done;
        if let Some(error) = failed {
            if error.kind() == io::ErrorKind::BrokenPipe {
                log::info!("nobody reads the output any more");
            } else {
                // Told before the rest is read, which may take as long as the traced program runs.
                exit = report.fail(&write_error(error));
            }
            input.drain();
        }
        report.fill(pipeline.report(read_all));
        reading?;
        let nothing = report.is_all_strange() || input.holds_nothing();
        match traces.first() {
            Some(first) if read_all && nothing => Err(Error::NotATrace(first.name.clone(), Foreign::Text)),
            _ => Ok(exit),
        }
    }
}

/// Why passing lines on has ended early.
enum Broken {
    Input(Error),
    Output(io::Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Input(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Passes on lines until the input ends or a signal asks for the end.
fn pass(input: &mut impl Input, pipeline: &mut impl Pipeline, mut progress: Progress) -> Result<(), Broken> {
    // The header at once: a reader waits for it before anything has been recorded.
    pipeline.pause()?;
    loop {
        match input.advance()? {
            Advance::Line => {
                let (source, line) = input.line();
                pipeline.line(source, line)?;
            }
            Advance::TooLong => pipeline.too_long(input.line().0)?,
            Advance::Pause => pipeline.pause()?,
            Advance::Chunk => progress.at(|| input.position()),
            Advance::Stopped | Advance::End => return Ok(()),
        }
    }
}
