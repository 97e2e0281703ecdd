//! The one loop: lines from the input through the pipeline to the output, with signals, counts and the summary.
//!
//! Nothing is written before all inputs are open, so that a mistyped command costs no file. Whoever writes to our pipe is
//! strace, whose traced program must never be harmed by our end: where the output fails we go on reading it to its end.

pub mod convert;
pub mod dates;
pub mod error;
pub mod escape;
mod filter;
mod hints;
pub mod input;
pub mod lines;
pub mod merge;
pub mod options;
pub mod output;
pub mod pipeline;
mod report;
pub mod screen;
pub mod signals;
pub mod source;
pub mod summary;
mod unshown;

use crate::strace::{self, Parser};
use std::io;
use std::time::SystemTime;

use convert::Converter;
use dates::Date;
pub use error::{Error, Exit};
use input::{Advance, Input, Sequence};
use merge::Merge;
pub use options::Options;
use output::Output;
pub use pipeline::Pipeline;
use screen::{Progress, Screen};
use signals::Signals;
use source::{Kind, Source};

/// Does what `options` say and tells what came of it.
pub fn run(options: &Options) -> Exit {
    let screen = Screen::new(options.verbosity);
    match convert(options, &screen) {
        Ok(exit) => exit,
        Err(error) => {
            log::error!("{error}");
            error.exit()
        }
    }
}

fn convert(options: &Options, screen: &Screen) -> Result<Exit, Error> {
    let sources = Source::open_all(&options.traces)?;
    let output = Output::open(&options.output, &sources)?;
    if sources.iter().any(Source::is_terminal) {
        log::warn!(
            "reading the trace from the terminal: give a TRACE file, or pipe strace's output here"
        );
    }
    // Only now: while an output FIFO waits for its reader there is nothing to save from a signal.
    let signals = Signals::listen(sources.iter().any(|source| source.kind() == Kind::Pipe))
        .map_err(Error::Signals)?;
    let all_files = sources.iter().all(|source| source.kind() == Kind::File);
    let progress = if all_files {
        screen.progress(sources.iter().map(Source::size).sum())
    } else {
        Progress::none()
    };
    let name = output.name().clone();
    let several = options.traces.len() > 1;
    let traces: Vec<_> = sources
        .iter()
        .map(|source| trace(options, source))
        .collect();
    let write_error = |error| Error::WriteOutput(name.clone(), error);
    let converter = Converter::new(options, &traces, output).map_err(write_error)?;
    let exit = if several {
        let clocks: Vec<_> = traces.iter().map(|trace| Parser::new(*trace)).collect();
        let key =
            |source: usize, line: &[u8]| clocks.get(source).and_then(|clock| clock.completes(line));
        let mut input = Merge::open(sources, &signals, key);
        drive(&mut input, converter, progress, options.strict, write_error)
    } else {
        drive(
            &mut Sequence::new(sources, &signals),
            converter,
            progress,
            options.strict,
            write_error,
        )
    };
    if let (Some(stop), true) = (signals.stop(), all_files) {
        log::warn!(
            "stopped by {}: the capture holds what came before",
            stop.name()
        );
    }
    exit
}

/// What the text of `source` does not say. The date is the one given, the day on which a file was last written, or today.
fn trace(options: &Options, source: &Source) -> strace::Options {
    let date = options
        .date
        .or_else(|| Date::of(source.modified().unwrap_or_else(SystemTime::now)));
    strace::Options {
        tid: source.tid(),
        date: date.map(Date::midnight).unwrap_or_default(),
        start: options.start,
    }
}

/// Runs `input` through `pipeline` to the end, whichever it is.
fn drive(
    input: &mut impl Input,
    mut pipeline: impl Pipeline,
    progress: Progress,
    strict: bool,
    write_error: impl Fn(io::Error) -> Error,
) -> Result<Exit, Error> {
    let reading = pass(input, &mut pipeline, progress);
    let (mut failed, reading) = match reading {
        Ok(()) => (None, Ok(())),
        Err(Broken::Output(error)) => (Some(error), Ok(())),
        Err(Broken::Input(error)) => (None, Err(error)),
    };
    if failed.is_none() {
        failed = pipeline.finish().err();
    }
    let mut exit = Exit::Done;
    if let Some(error) = failed {
        if error.kind() == io::ErrorKind::BrokenPipe {
            log::info!("nobody reads the output any more");
        } else {
            // Told before the rest is read, which may take as long as the traced program runs.
            log::error!("{}", write_error(error));
            exit = Exit::Failed;
        }
        input.drain();
    }
    let summary = pipeline.summary();
    summary.tell();
    reading?;
    Ok(
        if exit == Exit::Done && strict && !summary.losses.is_empty() {
            Exit::Strict
        } else {
            exit
        },
    )
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
fn pass(
    input: &mut impl Input,
    pipeline: &mut impl Pipeline,
    mut progress: Progress,
) -> Result<(), Broken> {
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
