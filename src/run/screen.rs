//! What a person sees on stderr: messages, and a progress bar for work that takes longer than a second.
//!
//! Both belong together, because a message must not be written into the bar.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use env_logger::{Builder, Target};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use log::{Level, LevelFilter};

use super::options::Verbosity;

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
        let stderr = Beside { bars: bars.clone() };
        let mut builder = Builder::new();
        builder
            .filter_level(level(verbosity))
            .parse_default_env()
            .format(|line, record| {
                let kind = kind(record.level());
                writeln!(line, "strace2pcap: {kind}{}", record.args())
            })
            .target(Target::Pipe(Box::new(stderr)));
        // Fails only where a logger is set already, and then messages have a way.
        let _ = builder.try_init();
        Self { bars, shows_bars: verbosity != Verbosity::Quiet && io::stderr().is_terminal() }
    }

    /// The progress of reading `bytes` bytes.
    pub fn progress(&self, bytes: u64) -> Progress {
        let bar = if self.shows_bars { Bar::Waiting(self.bars.clone(), Instant::now() + PATIENCE) } else { Bar::None };
        Progress { bytes, bar }
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
struct Beside {
    bars: MultiProgress,
}

impl Write for Beside {
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
    bytes: u64,
    bar: Bar,
}

#[derive(Debug)]
enum Bar {
    None,
    /// Nothing is shown before this moment.
    Waiting(MultiProgress, Instant),
    Shown(ProgressBar),
}

impl Progress {
    /// No progress is shown: it is not known how much there is to read.
    pub const fn none() -> Self {
        Self { bytes: 0, bar: Bar::None }
    }

    /// `position` bytes have been read.
    pub fn at(&mut self, position: impl FnOnce() -> u64) {
        match &self.bar {
            Bar::None => {}
            Bar::Waiting(bars, from) => {
                if Instant::now() >= *from {
                    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
                    let bar = bars.add(ProgressBar::new(self.bytes).with_style(style));
                    bar.set_position(position());
                    self.bar = Bar::Shown(bar);
                }
            }
            Bar::Shown(bar) => bar.set_position(position()),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Bar::Shown(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_waits_for_its_moment() {
        let bars = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden());
        let mut progress =
            Progress { bytes: 10, bar: Bar::Waiting(bars.clone(), Instant::now() + Duration::from_hours(1)) };
        progress.at(|| unreachable!("nothing is shown yet"));
        progress = Progress { bytes: 10, bar: Bar::Waiting(bars, Instant::now()) };
        progress.at(|| 5);
        assert!(matches!(&progress.bar, Bar::Shown(bar) if bar.position() == 5));
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
