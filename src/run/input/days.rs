//! Finds out on which day a file's times of day begin: it ended when it was last written, and may go over midnight, once
//! or more, which only reading it tells. So a file with times of day is read twice; others up to their first time.

use std::time::Duration;

use super::beginning::FileAt;
use super::bytes::{Bytes, Got};
use super::lines::{CHUNK_BYTES, Lines, Step};
use super::source::{Source, SourceKind};
use crate::dates::{Date, Day};
use crate::event::Timestamp;
use crate::limits;
use crate::run::signals::Signals;
use crate::strace::{Times, TraceOptions};

const DAY: u64 = 86_400 * 1_000_000_000;

/// Some midnight, far enough from the beginning of time.
const MIDNIGHT: Timestamp = Timestamp(1000 * DAY);

/// How far the clock that dates files may be behind the one that strace reads: a tick of the kernel's on this machine,
/// and what two machines' clocks differ where a file server is another.
const BEHIND: Duration = Duration::from_secs(60);

/// The first day of a file's times of day, if it has any.
pub fn first(source: &Source, signals: &Signals) -> Option<Date> {
    let modified = source.modified().filter(|_| source.kind() == SourceKind::File)?;
    let latest = latest(source, signals)?.0.checked_sub(MIDNIGHT.0)?;
    let last_day = Date::last_with(latest % DAY, modified + BEHIND)?;
    last_day.earlier(latest / DAY)
}

/// The latest time of day in a file, if its times are times of day.
fn latest(source: &Source, signals: &Signals) -> Option<Timestamp> {
    let mut lines = Lines::new(CHUNK_BYTES, limits::LINE_BYTES);
    let mut times = Times::new(&TraceOptions { date: Day::Known(MIDNIGHT), ..TraceOptions::default() });
    let (mut file, mut bytes, mut ended) = (FileAt::new(source.file(), source.start()), Bytes::new(), false);
    let (mut latest, mut without) = (None, 0);
    loop {
        match lines.step() {
            Step::Line => match times.beginning(lines.line()) {
                Some(_) if !times.are_of_day() => return None,
                None if latest.is_none() && without >= limits::LINES_WITHOUT_TIME => return None,
                None => without += 1,
                time => latest = latest.max(time),
            },
            Step::TooLong => {}
            Step::More if ended || signals.stop().is_some() => return latest,
            Step::More => match bytes.read(&mut file, lines.room()) {
                Ok(Got::End) => {
                    ended = true;
                    lines.finish();
                }
                Ok(Got::Bytes(count)) => lines.filled(count),
                Ok(Got::Nothing) => {}
                // Who reads it for its calls will tell.
                Err(_) => return latest,
            },
        }
    }
}
