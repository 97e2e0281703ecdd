//! What a person sees on stderr: messages, and a progress bar for work that takes longer than a second.
//!
//! Both belong together, because a message must not be written into the bar.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use env_logger::{Builder, Target};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use log::{Level, LevelFilter};

use super::options::Verbosity;

/// What warns of nothing and is told all the same, unless -q is given.
pub const PLAIN: &str = "strace2pcap::plain";

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the bar looks like.
const TEMPLATE: &str = "{bytes}/{total_bytes} {wide_bar} {bytes_per_sec}, {eta} left";

/// The person's screen.
#[derive(Debug)]
pub struct Screen {
    bars: MultiProgress,
    shows_bars: bool,
}

impl Screen {
    /// Sets up the messages; `RUST_LOG` stands above `verbosity`. A second call in one process leaves the first in force.
    pub fn new(verbosity: Verbosity) -> Self {
        let bars = MultiProgress::new();
        let stderr = AboveBar { bars: bars.clone() };
        let mut builder = Builder::new();
        builder
            .filter_level(level(verbosity))
            .parse_default_env()
            .format(|line, record| {
                let kind = if record.target() == PLAIN { "" } else { kind(record.level()) };
                writeln!(line, "strace2pcap: {kind}{}", record.args())
            })
            .target(Target::Pipe(Box::new(stderr)));
        // Fails only where a logger is set already, and then messages have a way.
        let _ = builder.try_init();
        Self { bars, shows_bars: verbosity != Verbosity::Quiet && io::stderr().is_terminal() }
    }

    /// Whether a person looks at it and wants to be told.
    pub const fn has_person(&self) -> bool {
        self.shows_bars
    }

    /// The progress of reading `bytes` bytes.
    pub fn progress(&self, bytes: u64) -> Progress {
        if !self.shows_bars {
            return Progress::none();
        }
        let style = ProgressStyle::with_template(TEMPLATE);
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
        Progress {
            bar: Some(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))),
            hidden: Some((self.bars.clone(), Instant::now() + PATIENCE)),
        }
    }
}

const fn level(verbosity: Verbosity) -> LevelFilter {
    match verbosity {
        Verbosity::Quiet => LevelFilter::Error,
        Verbosity::Warnings => LevelFilter::Warn,
        Verbosity::Summary => LevelFilter::Info,
        Verbosity::Debug => LevelFilter::Debug,
        Verbosity::Trace => LevelFilter::Trace,
    }
}

const fn kind(level: Level) -> &'static str {
    match level {
        Level::Error => "error: ",
        Level::Warn => "warning: ",
        Level::Info => "",
        Level::Debug => "debug: ",
        Level::Trace => "trace: ",
    }
}

/// stderr, with the bar out of the way while a message is written.
struct AboveBar {
    bars: MultiProgress,
}

impl Write for AboveBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// How far a run has come.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Where the bar is shown from which moment on, as long as it is not.
    hidden: Option<(MultiProgress, Instant)>,
}

impl Progress {
    /// No progress is shown: it is not known how much there is to read.
    pub const fn none() -> Self {
        Self { bar: None, hidden: None }
    }

    /// `position` bytes have been read.
    pub fn at(&mut self, position: impl FnOnce() -> u64) {
        let Some(bar) = &self.bar else { return };
        if let Some((bars, _)) = self.hidden.take_if(|(_, from)| Instant::now() >= *from) {
            bars.add(bar.clone());
        }
        bar.set_position(position());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_waits_for_its_moment() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut progress = Screen { bars: bars.clone(), shows_bars: true }.progress(10);
        progress.at(|| 5);
        assert!(progress.hidden.is_some());
        progress.hidden = Some((bars, Instant::now()));
        progress.at(|| 6);
        assert!(progress.hidden.is_none());
        assert_eq!(progress.bar.as_ref().map(ProgressBar::position), Some(6));
    }
}
