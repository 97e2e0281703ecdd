//! The times of a trace's lines, and nothing else of them: for putting the lines of several files in order, and for
//! finding out over how many days one goes.

use super::TraceOptions;
use super::body::{self, Body};
use super::counts::Counts;
use super::prefix::{self, Prefix};
use super::repair;
use super::table;
use super::time::{self, Clock, Moment};
use crate::event::Timestamp;

/// Follows the times of one file.
#[derive(Debug)]
pub struct Times {
    clock: Clock,
    counts: Counts,
    numbers: repair::LineNumbers,
    /// A line without colour.
    repaired: Vec<u8>,
}

impl Times {
    /// For a file of which `options` say what its text does not.
    pub fn new(options: &TraceOptions) -> Self {
        Self {
            clock: Clock::new(options.date, options.start),
            counts: Counts::default(),
            numbers: repair::LineNumbers::default(),
            repaired: Vec::new(),
        }
    }

    /// Takes the next line; when its event is over: when the call returned, or began if it makes a thread, whose own lines
    /// follow it, if it connects, which the other end may have seen before it returns, or if it closes a descriptor, whose
    /// number is free from its beginning on. None for a line without a time of its own.
    pub fn line(&mut self, line: &[u8]) -> Option<Timestamp> {
        let line = self.numbers.behind(line.strip_suffix(b"\r").unwrap_or(line));
        self.of_plain(line).or_else(|| self.of_other(line))
    }

    /// When the event of the next line has begun, where that is found at once, and else as [`Self::line`] has it: enough to
    /// tell days apart.
    #[inline]
    pub fn beginning(&mut self, line: &[u8]) -> Option<Timestamp> {
        match prefix::usual(line) {
            Some((_, prefix)) if table::short_call(prefix.body).is_some() => {
                Some(self.clock.read(prefix.moment, &mut self.counts))
            }
            _ => self.line(line),
        }
    }

    /// That of a line that has colour, or begins with what is no text.
    #[cold]
    fn of_other(&mut self, line: &[u8]) -> Option<Timestamp> {
        if !repair::needs_repair(line) {
            return None;
        }
        let mut repaired = std::mem::take(&mut self.repaired);
        repair::repaired(line, &mut repaired);
        let time = self.of_plain(&repaired);
        self.repaired = repaired;
        time
    }

    #[inline]
    fn of_plain(&mut self, line: &[u8]) -> Option<Timestamp> {
        let usual = prefix::usual(line).map(|(_, prefix)| prefix);
        let Prefix { moment, body, .. } = usual.unwrap_or_else(|| prefix::parse(line));
        let kind = body::kind(body);
        if kind == Body::Other || matches!(moment, Moment::Missing | Moment::Unreadable) {
            return None;
        }
        let at = self.clock.read(moment, &mut self.counts);
        match kind {
            Body::Call { name, .. } if !counts_from_its_beginning(name) => {
                Some(at.after(time::duration(line).unwrap_or_default()))
            }
            _ => Some(at),
        }
    }

    /// Whether there were times of day (`-t`, `-tt`).
    pub fn are_of_day(&self) -> bool {
        self.counts.times_of_day > 0
    }
}

fn counts_from_its_beginning(name: &[u8]) -> bool {
    table::find(name).is_some_and(|row| row.is_fork() || row.is_connect() || row.is_close())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: &[Option<u64>]) {
        let mut times = Times::new(&TraceOptions::default());
        let found: Vec<_> = lines.iter().map(|line| Some(times.line(line.as_bytes())?.0 / 1_000_000)).collect();
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn of_calls_and_other_lines() {
        let lines = [
            "1 7.100000 read(3, \"a\", 1) = 1 <0.050000>",
            "1 7.200000 read(3,  <unfinished ...>",
            "1 7.300000 <... read resumed>\"a\", 1) = 1 <0.100000>",
            "1 7.400000 clone3({flags=SIGCHLD}, 88) = 2 <0.500000>",
            "1 7.450000 close(3) = 0 <0.500000>",
            "1 7.460000 connect(3, {sa_family=AF_UNSPEC}, 16) = 0 <0.500000>",
            "1 7.500000 +++ exited with 0 +++",
            "\x1b[31m1\x1b[0m 7.600000 \x1b[1mclose\x1b[0m(3) = 0",
            "\u{feff}1 7.700000 close(3) = 0",
            "1 8 apples",
            " | 00000  61                                                a                |",
            "strace: Process 2 attached",
        ];
        let expected = [7150, 7200, 7300, 7400, 7450, 7460, 7500, 7600, 7700].map(Some);
        check(&lines, &[&expected[..], &[None; 3]].concat());
    }

    #[test]
    fn of_day_and_relative() {
        let of_day = ["23:59:59.5 close(3) = 0", "00:00:00.5 close(3) = 0"];
        check(&of_day, &[Some(86_399_500), Some(86_400_500)]);
        let relative = ["     0.000000 close(3) = 0", "     0.5 close(3) = 0", "     0.25 close(3) = 0"];
        check(&relative, &[Some(0), Some(500), Some(750)]);
    }
}
