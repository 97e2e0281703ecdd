//! A conversion of what somebody writes whom we start ourselves: all that can be refused is refused before that.

use std::io::PipeReader;

use super::Prepared;
use super::error::{Error, Exit};
use super::input::source::Source;
use super::options::Options;
use super::output::{self, Output};
use super::report::Report;
use super::screen::Screen;
use super::signals::{Manner, Signals};
use super::traced::RemoteThreads;
use crate::system::Stream;

/// A recording from its first look at the output to its report.
#[derive(Debug)]
pub struct Live<'o> {
    options: &'o Options,
    screen: Screen,
    report: Report,
    /// OUTPUT is a file that was not there before.
    is_new: bool,
}

/// What has to be there before anything is started.
#[derive(Debug)]
pub struct Ready(Prepared);

impl Ready {
    /// Who asks for the end.
    pub fn signals(&self) -> &Signals {
        &self.0.signals
    }

    /// Another machine tells of its threads.
    pub fn with(self, told: RemoteThreads) -> Self {
        Self(Prepared { told: Some(told), ..self.0 })
    }

    /// The output where a reader may go away.
    pub fn reader(&self) -> Option<Stream> {
        self.0.output.reader()
    }
}

impl<'o> Live<'o> {
    /// Sets up the messages.
    pub fn new(options: &'o Options) -> Self {
        Self { options, screen: Screen::new(options.verbosity), report: Report::default(), is_new: false }
    }

    /// Refuses an output that must not be overwritten, and touches nothing.
    pub fn look(&self) -> Result<(), Error> {
        if self.options.force {
            return Ok(());
        }
        output::look(&self.options.output).map_err(|error| match error {
            Error::NotACapture(name) => Error::NothingToRecord(format!(
                "{name} is there and is no capture, so it is not overwritten: it stands where OUTPUT does, the capture's name; give another OUTPUT, or --force"
            )),
            error => error,
        })
    }

    /// Opens the output, and receives signals from now on.
    pub fn open(&mut self, manner: Manner) -> Result<Ready, Error> {
        self.is_new = self.options.output.symlink_metadata().is_err() && self.options.output.as_os_str() != "-";
        let keys = super::keys_given(self.options)?;
        let output = Output::open(&self.options.output, &[])?;
        let signals = Signals::listen(manner).map_err(Error::Signals)?;
        Ok(Ready(Prepared { output, signals, repeated: Vec::new(), keys, told: None }))
    }

    /// Converts what comes from `trace` to its end, whichever it is.
    pub fn convert(&mut self, ready: Ready, trace: PipeReader) -> Exit {
        let source = match Source::of_pipe("strace's text", trace) {
            Ok(source) => source,
            Err(error) => return self.fail(&error),
        };
        super::convert_all(self.options, &self.screen, vec![source], ready.0, &mut self.report)
    }

    /// Whether a line of strace's has come.
    pub fn has_lines(&self) -> bool {
        self.report.understood > 0
    }

    /// Takes away an output that was not there before, where nothing has come into it.
    pub fn take_away(&self) {
        if self.is_new && !self.has_lines() {
            // Where it fails, an empty capture is left.
            let _ = std::fs::remove_file(&self.options.output);
        }
    }

    /// Tells an error at once.
    pub fn fail(&mut self, error: &Error) -> Exit {
        self.report.fail(error, false)
    }

    /// Tells what came of it.
    pub fn tell(self, exit: Exit) -> Exit {
        let exit =
            if exit == Exit::Done && self.options.strict && self.report.has_losses() { Exit::Strict } else { exit };
        self.report.tell(exit, self.options.report);
        exit
    }
}
