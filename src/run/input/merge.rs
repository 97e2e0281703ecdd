//! Several traces as one, in the order of time: `strace -ff` writes a file for each thread.
//!
//! Each source is in its own right order, which is kept even where its times go back. Of the sources' next lines the one
//! with the earliest time comes first; of equal ones that of the source named first. A line without a time stays right
//! behind the one before it in its source, and lines before a source's first time come at the very start. Only the next
//! line of each source is held.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::lines::CHUNK_BYTES;
use super::reader::Reader;
use super::source::Source;
use super::{Advance, LineSource};
use crate::event::Timestamp;
use crate::run::error::Error;
use crate::run::signals::Signals;
use crate::strace::Times;

/// What the buffers of all sources together take at first: hundreds of sources share it.
const BUFFERS_BYTES: usize = 16 << 20;

/// Least that a source is read by, one page.
const LEAST_CHUNK_BYTES: usize = 4 << 10;

/// Lines of several sources in the order of their times.
#[derive(Debug)]
pub struct Merge<S> {
    sources: Vec<S>,
    /// Follows the times of each.
    times: Vec<Times>,
    /// How many sources have been begun: nothing that has a time is given before all have.
    begun: usize,
    /// The next lines that have a time, except the current source's.
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The source whose line was given last; its next line is not known yet.
    current: Option<usize>,
    /// The time of the line that was given last of those that have one.
    time: Option<Timestamp>,
}

impl<S: LineSource> Merge<S> {
    /// Merges `sources`, whose times `times` follow.
    pub fn new(sources: Vec<S>, times: Vec<Times>) -> Self {
        let heads = BinaryHeap::with_capacity(sources.len());
        Self { sources, times, begun: 0, heads, current: None, time: None }
    }

    /// What is merged.
    pub fn sources(&self) -> &[S] {
        &self.sources
    }

    /// Takes one step.
    pub fn advance(&mut self) -> Result<Advance, Error> {
        loop {
            let Some(current) = self.current else {
                if self.begun < self.sources.len() {
                    self.current = Some(self.begun);
                    self.begun += 1;
                    continue;
                }
                let Some(Reverse((time, first))) = self.heads.pop() else {
                    return Ok(Advance::End);
                };
                self.time = Some(time);
                self.current = Some(first);
                return Ok(Advance::Line);
            };
            let Some(source) = self.sources.get_mut(current) else {
                return Ok(Advance::End);
            };
            match source.advance()? {
                Advance::Line => {
                    let time = self.times.get_mut(current).and_then(|times| times.line(source.line()));
                    let Some(time) = time else {
                        return Ok(Advance::Line);
                    };
                    if self.is_first((time, current)) {
                        self.time = Some(time);
                        return Ok(Advance::Line);
                    }
                    self.heads.push(Reverse((time, current)));
                    self.current = None;
                }
                Advance::End => self.current = None,
                other => return Ok(other),
            }
        }
    }

    /// Whether nothing that is known or not known yet comes before `head`.
    fn is_first(&self, head: (Timestamp, usize)) -> bool {
        self.begun == self.sources.len() && self.heads.peek().is_none_or(|Reverse(other)| head < *other)
    }

    /// The time of the last line that had one. What comes is not earlier, unless its source's own times go back.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The line that the last step came to, and the number of its source.
    pub fn line(&self) -> (usize, &[u8]) {
        let current = self.current.unwrap_or_default();
        (current, self.sources.get(current).map(S::line).unwrap_or_default())
    }
}

impl<'s> Merge<Reader<'s>> {
    /// Reads and merges `sources`.
    pub fn open(sources: Vec<Source>, times: Vec<Times>, signals: &'s Signals) -> Self {
        let each = BUFFERS_BYTES / 2 / sources.len().max(1);
        let chunk = each.clamp(LEAST_CHUNK_BYTES, CHUNK_BYTES);
        Self::new(sources.into_iter().map(|source| Reader::new(source, chunk, signals)).collect(), times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strace::TraceOptions;
    use std::time::Duration;

    /// A source of lines separated by blanks; `!` is a pause, `#` a line that is too long. A number in front is the time.
    struct Words {
        words: Vec<String>,
        next: usize,
    }

    impl LineSource for Words {
        fn advance(&mut self) -> Result<Advance, Error> {
            self.next += 1;
            Ok(match self.words.get(self.next - 1).map(String::as_str) {
                Some("!") => Advance::Pause(Duration::ZERO),
                Some("#") => Advance::TooLong,
                Some(_) => Advance::Line,
                None => Advance::End,
            })
        }

        fn line(&self) -> &[u8] {
            self.words[self.next - 1].as_bytes()
        }
    }

    /// `1a` as a line of strace's at that time.
    fn line_of(word: &str) -> String {
        let name = word.trim_start_matches(|it: char| it.is_ascii_digit());
        if name == word { word.to_owned() } else { word.replace(name, &format!(".000000 {name}(3) = 0")) }
    }

    fn word_of(line: &[u8]) -> String {
        String::from_utf8_lossy(line).replace(".000000 ", "").replace("(3) = 0", "")
    }

    #[track_caller]
    fn check(sources: &[&'static str], expected: &str) {
        let times = sources.iter().map(|_| Times::new(&TraceOptions::default())).collect();
        let words = |text: &&str| Words { words: text.split_whitespace().map(line_of).collect(), next: 0 };
        let mut merge = Merge::new(sources.iter().map(words).collect(), times);
        let mut given = Vec::new();
        loop {
            match merge.advance().unwrap() {
                Advance::End => break,
                Advance::Pause(_) => given.push("!".to_owned()),
                _ => {
                    let (source, line) = merge.line();
                    given.push(format!("{source}:{}", word_of(line)));
                }
            }
        }
        assert_eq!(given.join(" "), expected);
    }

    #[test]
    fn the_earliest_comes_first() {
        check(&[], "");
        check(&["", ""], "");
        check(&["1a 2a 3a"], "0:1a 0:2a 0:3a");
        check(&["1a 4a", "2b 3b 5b"], "0:1a 1:2b 1:3b 0:4a 1:5b");
        check(&["5a", "", "1c"], "2:1c 0:5a");
    }

    #[test]
    fn equal_times_keep_the_order_of_the_sources() {
        check(&["1a 1x 2a", "1b 2b", "1c"], "0:1a 0:1x 1:1b 2:1c 0:2a 1:2b");
    }

    #[test]
    fn a_line_without_time_stays_behind_its_predecessor() {
        check(&["1a a # b 3a", "2b"], "0:1a 0:a 0:# 0:b 1:2b 0:3a");
        check(&["5a", "head 1b tail"], "1:head 1:1b 1:tail 0:5a");
    }

    #[test]
    fn times_that_go_back_keep_the_order_of_their_source() {
        check(&["5a 1a 6a", "2b 7b"], "1:2b 0:5a 0:1a 0:6a 1:7b");
    }

    #[test]
    fn a_pause_is_told_and_loses_nothing() {
        check(&["1a ! 3a", "! 2b"], "! 0:1a ! 1:2b 0:3a");
    }
}
