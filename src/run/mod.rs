//! The one loop: lines from the input through the pipeline to the output, with signals, and the report of it.
//!
//! Nothing is written before all inputs are open, so that a mistyped command costs no file, and a capture of before is
//! replaced only once a line of strace's has come. Whoever writes to our pipe is strace, whose traced program must never
//! be harmed by our end: whatever ends us early, we tell it and go on reading the pipe to its end.

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
pub mod report;
pub mod screen;
pub mod signals;
pub mod source;

use crate::cli::Usage;
use crate::strace::{self, Fifos, Times};
use std::io;
use std::time::SystemTime;

use convert::{Converter, Trace};
use dates::Date;
use error::READING_ON;
pub use error::{Error, Exit};
use foreign::Foreign;
use input::{Advance, Input, Sequence};
use merge::Merge;
use name::Name;
use names_given::Repeated;
pub use options::Options;
use output::Output;
use report::Report;
use report::keys::NoteKey;
use screen::{Progress, Screen};
use signals::Signals;
use source::{Kind, Source};

/// Tells that a command line makes no sense, and reads what strace may be writing to us.
pub fn refuse(usage: &Usage) -> Exit {
    let source = Source::stdin().ok().filter(|source| usage.reads_standard_input && source.kind() == Kind::Pipe);
    let end = if source.is_some() { format!("strace2pcap: {READING_ON}\n") } else { String::new() };
    let exit = Report::refuse(&(usage.text.clone() + &end), usage.message.clone(), usage.report);
    read_on(source.as_slice());
    exit
}

/// Does what `options` say and tells what came of it.
pub fn convert(options: &Options) -> Exit {
    let screen = Screen::new(options.verbosity);
    let mut report = Report::default();
    let exit = match prepared(options, &screen, &mut report) {
        Exit::Done if options.strict && report.has_losses() => Exit::Strict,
        exit => exit,
    };
    report.tell(exit, options.report);
    exit
}

fn prepared(options: &Options, screen: &Screen, report: &mut Report) -> Exit {
    let mut sources = Vec::new();
    let mut repeated = Vec::new();
    match prepare(options, &mut sources, &mut repeated) {
        Ok((output, signals)) => {
            let run = Run::new(options, screen, &sources, &signals, report);
            let exit = run.convert(options, sources, output);
            names_given::tell(&repeated, &options.output, options.format, report);
            exit
        }
        Err(error) => give_up(&error, sources, report),
    }
}

/// All that has to be there before the first line: the traces, which `sources` takes, each once, the output, and the
/// signals' way.
fn prepare(
    options: &Options,
    sources: &mut Vec<Source>,
    repeated: &mut Vec<Repeated>,
) -> Result<(Output, Signals), Error> {
    if !options.force {
        output::look(&options.output)?;
    }
    source::raise_limit(options.traces.len());
    Source::open_all(&options.traces, sources)?;
    *repeated = names_given::once(sources);
    refuse_nothing(sources)?;
    if let Some(terminal) = sources.iter().find(|source| source.is_terminal()) {
        return Err(Error::TerminalTrace(terminal.name().clone()));
    }
    let output = Output::open(&options.output, sources)?;
    // Only now: while an output FIFO waits for its reader there is nothing to save from a signal.
    let is_live = sources.iter().any(|source| source.kind() == Kind::Pipe);
    Ok((output, Signals::listen(is_live).map_err(Error::Signals)?))
}

/// Tells why nothing can be done, and reads what pipes still bring. Of `sources` those are there that could be opened.
fn give_up(error: &Error, mut sources: Vec<Source>, report: &mut Report) -> Exit {
    // The others' descriptors may be what the signals' way was wanting.
    sources.retain(|source| source.kind() == Kind::Pipe);
    let exit = report.fail(error, !sources.is_empty());
    read_on(&sources);
    exit
}

/// Reads pipes that nothing comes of any more.
fn read_on(pipes: &[Source]) {
    if let (false, Ok(signals)) = (pipes.is_empty(), Signals::listen(false)) {
        input::drain(pipes.iter().collect(), &signals);
    }
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
    traces: Vec<Trace>,
    progress: Progress,
    signals: &'r Signals,
    report: &'r mut Report,
    /// All that is read is there: nobody writes to us.
    all_files: bool,
    /// A person waits for the end.
    has_person: bool,
}

impl<'r> Run<'r> {
    fn new(
        options: &Options,
        screen: &Screen,
        sources: &[Source],
        signals: &'r Signals,
        report: &'r mut Report,
    ) -> Self {
        let all_files = sources.iter().all(|source| source.kind() == Kind::File);
        let size = all_files.then(|| sources.iter().map(Source::size).sum());
        let fifos = options.pipes.then(|| Fifos::new(options.pipe_names.clone()));
        let trace = |source| trace(options, fifos.clone(), source, signals);
        let progress = size.map_or_else(Progress::none, |size| screen.progress(size));
        Self {
            traces: sources.iter().map(trace).collect(),
            progress,
            signals,
            report,
            all_files,
            has_person: screen.has_person(),
        }
    }

    fn convert(mut self, options: &Options, sources: Vec<Source>, output: Output) -> Exit {
        let (name, keeps) = (output.name().clone(), output.keeps());
        let mut converter = match Converter::new(options, &self.traces, output) {
            Ok(converter) => converter,
            Err(error) => return self.report.fail(&Error::WriteOutput(name, error), false),
        };
        if self.has_person {
            converter.close_with(name.clone());
        }
        let exit = if self.traces.len() > 1 {
            let mut times: Vec<_> = self.traces.iter().map(|trace| Times::new(&trace.options)).collect();
            let key = |source: usize, line: &[u8]| times.get_mut(source)?.line(line);
            let mut input = Merge::open(sources, self.signals, key);
            self.drive(&mut input, converter, &name, keeps)
        } else {
            let mut input = Sequence::new(sources, self.signals);
            self.drive(&mut input, converter, &name, keeps)
        };
        match self.signals.stop() {
            Some(stop) if self.all_files && exit == Exit::Done => {
                let exit = self.report.fail(&Error::Stopped(stop.name()), false);
                if options.strict { Exit::Strict } else { exit }
            }
            _ => exit,
        }
    }

    /// Runs `input` through `pipeline` to the end, whichever it is, and fills the report. `keeps`: a capture of before is
    /// still in the output.
    fn drive(&mut self, input: &mut impl Input, mut pipeline: Converter<Output>, name: &Name, mut keeps: bool) -> Exit {
        let write_error = |error| Error::WriteOutput(name.clone(), error);
        let mut ended = pass(input, &mut pipeline, &mut self.progress, &mut keeps);
        keeps &= !pipeline.has_understood();
        if !keeps && !matches!(ended, Err(Broken::Output(_))) {
            ended = pipeline.finish().map_err(Broken::Output).and(ended);
        }
        let read_all = ended.is_ok() && self.signals.stop().is_none();
        let pipes = input.pipes();
        let mut exit = match ended {
            Ok(()) => Exit::Done,
            // Told before the rest is read, which may take as long as the traced program runs.
            Err(Broken::Input(error)) => self.report.fail(&error, !pipes.is_empty()),
            Err(Broken::Output(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.report.fail(&write_error(error), !pipes.is_empty())
            }
            Err(Broken::Output(_)) if pipes.is_empty() => Exit::Done,
            Err(Broken::Output(_)) => {
                log::warn!("nobody reads the output any more: {READING_ON}");
                Exit::Done
            }
        };
        if !pipes.is_empty() && !read_all {
            self.signals.lose_patience();
            input::drain(pipes, self.signals);
        }
        self.report.fill(pipeline.report(read_all));
        if let Err(error) = pipeline.into_sink().close()
            && exit == Exit::Done
        {
            exit = self.report.fail(&error, false);
        }
        let nothing = self.report.is_all_strange() || input.holds_nothing();
        if let (true, true, Some(first)) = (read_all, nothing, self.traces.first()) {
            exit = self.report.fail(&Error::NotATrace(first.name.clone(), Foreign::Text), false);
        }
        if keeps {
            self.report.note(NoteKey::Kept, format!("{name} is as it was before"), "");
        }
        exit
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

/// Passes on lines until the input ends or a signal asks for the end. As long as `keeps`, nothing is written.
fn pass(
    input: &mut impl Input,
    pipeline: &mut Converter<Output>,
    progress: &mut Progress,
    keeps: &mut bool,
) -> Result<(), Broken> {
    // The header at once: a reader waits for it before anything has been recorded.
    if !*keeps {
        pipeline.pause()?;
    }
    loop {
        match input.advance()? {
            Advance::Line => {
                let (source, line) = input.line();
                pipeline.line(source, line)?;
            }
            Advance::TooLong => pipeline.too_long(input.line().0)?,
            Advance::Pause => {
                *keeps &= !pipeline.has_understood();
                if !*keeps {
                    pipeline.pause()?;
                }
            }
            Advance::Chunk => progress.at(|| input.position()),
            Advance::Stopped | Advance::End => return Ok(()),
        }
    }
}
