//! Times at a line's start and durations at its end: exact decimal arithmetic on the digits, in nanoseconds.

use super::counts::Counts;
use crate::dates::Day;
use crate::event::{Timestamp, as_usize};

/// Nanoseconds of a second.
pub(super) const SECOND: u64 = 1_000_000_000;
/// Nanoseconds of a day.
const DAY: u64 = 86_400 * SECOND;
/// How far a time of day may lie before the line above it and still be of the same day: lines of several threads, and
/// with `-z` whole calls, are not in the order of their times.
const BACKWARDS: u64 = 3_600 * SECOND;
/// A pcap file holds seconds in 32 bits.
const SECONDS_MAX: u64 = 0xffff_ffff;

/// The time that a line begins with, as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// There is no time.
    Missing,
    /// `-ttt`: nanoseconds since 1970.
    Epoch(u64),
    /// `-t`, `-tt`: nanoseconds since midnight, local time.
    OfDay(u64),
    /// `-r`: nanoseconds since the line before.
    Delta(u64),
    /// It is no time, or out of range.
    Unreadable,
}

/// The decimal number that `text` begins with, saturating, and how many digits it has. Most have one or two.
#[inline]
pub(super) fn digits(text: &[u8]) -> (u64, usize) {
    let value = |digit: u8| u64::from(digit - b'0');
    match *text {
        [a @ b'0'..=b'9', next, ..] if !next.is_ascii_digit() => (value(a), 1),
        [a @ b'0'..=b'9', b @ b'0'..=b'9', next, ..] if !next.is_ascii_digit() => (value(a) * 10 + value(b), 2),
        _ => many_digits(text),
    }
}

#[inline(never)]
fn many_digits(text: &[u8]) -> (u64, usize) {
    if let Some((value, rest)) = short_number(text) {
        return (value, text.len() - rest.len());
    }
    let mut value = 0_u64;
    let mut count = 0;
    for byte in text.iter().take_while(|byte| byte.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
        count += 1;
    }
    (value, count)
}

/// The number that eight digits make, the first in the lowest byte.
#[inline]
const fn together(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    high.wrapping_add(low) >> 32
}

/// The number that `text` begins with, where it has one to seven digits and eight bytes follow, and the rest. All of them
/// are found side by side within a word.
#[inline]
pub(super) fn short_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let word = u64::from_le_bytes(*text.first_chunk::<8>()?) ^ 0x3030_3030_3030_3030;
    let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
    let bits = others.trailing_zeros() & !7;
    if !(8..64).contains(&bits) {
        return None;
    }
    Some((together(word << (64 - bits)), text.get(as_usize(bits) / 8..)?))
}

/// Eight bytes as the digits that they are where `pattern` has a `0`, each in its byte, and 0 where they are just the
/// byte that the pattern has. None where they are anything else.
#[inline]
fn matching(text: [u8; 8], pattern: [u8; 8]) -> Option<u64> {
    // What added to a byte reaches the highest bit: more than 9 for a digit, more than 0 for another.
    let limits = pattern.map(|byte| if byte == b'0' { 0x76 } else { 0x7f });
    let found = u64::from_le_bytes(text) ^ u64::from_le_bytes(pattern);
    let beyond = found.wrapping_add(u64::from_le_bytes(limits)) | found;
    (beyond & 0x8080_8080_8080_8080 == 0).then_some(found)
}

/// `1700000000.123456 ` in nanoseconds, and what follows the blank: the time of most lines.
#[inline]
pub(super) fn usual_epoch(text: &[u8]) -> Option<(u64, &[u8])> {
    let (time, rest) = text.split_first_chunk::<18>()?;
    let [s1, s2, s3, s4, s5, s6, s7, s8, tens, ones, point @ ..] = *time;
    let whole = matching([s1, s2, s3, s4, s5, s6, s7, s8], *b"00000000")?;
    let [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = [tens, ones] else {
        return None;
    };
    let fraction = matching(point, *b".000000 ")?;
    let seconds = together(whole) * 100 + u64::from(tens - b'0') * 10 + u64::from(ones - b'0');
    // the zero in the blank's place makes it tenths of microseconds
    (seconds <= SECONDS_MAX).then_some((seconds * SECOND + together(fraction) * 100, rest))
}

/// `12:00:00.123456 ` or `12:00:00 ` in nanoseconds since midnight, whether there is no fraction, and what follows the
/// blank: the times of day of most lines that have one.
#[inline]
pub(super) fn usual_of_day(text: &[u8]) -> Option<(u64, bool, &[u8])> {
    let (time, rest) = text.split_first_chunk()?;
    let [h1, h2, _, m1, m2, _, s1, s2] = matching(*time, *b"00:00:00")?.to_le_bytes().map(u64::from);
    let seconds = ((h1 * 10 + h2) * 60 + m1 * 10 + m2) * 60 + s1 * 10 + s2;
    if let Some((point, rest)) = rest.split_first_chunk()
        && let Some(fraction) = matching(*point, *b".000000 ")
    {
        return Some((seconds * SECOND + together(fraction) * 100, false, rest));
    }
    Some((seconds * SECOND, true, rest.strip_prefix(b" ")?))
}

/// The nanoseconds of the digits behind a decimal point, rounded half to even where there are more than nine (then maybe
/// a whole second), and how many digits there are.
pub(super) fn fraction(text: &[u8]) -> (u64, usize) {
    const SCALE: [u64; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let (value, count) = digits(text);
    match SCALE.get(count) {
        Some(scale) => (value * scale, count),
        None => (rounded(text.get(..count).unwrap_or_default()), count),
    }
}

fn rounded(text: &[u8]) -> u64 {
    let (kept, tail) = text.split_at_checked(9).unwrap_or((text, &[]));
    let (value, _) = many_digits(kept);
    let (first, others) = tail.split_first().map_or((b'0', [].as_slice()), |(first, others)| (*first, others));
    let half = first == b'5' && others.iter().all(|digit| *digit == b'0');
    let up = if half { value % 2 == 1 } else { first >= b'5' };
    value + u64::from(up)
}

/// `SECONDS[.FRACTION]` in nanoseconds, and what follows. Seconds that a pcap file cannot hold are not readable.
pub(super) fn seconds(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let (whole, count) = digits(text);
    if count == 0 {
        return None;
    }
    let text = text.get(count..)?;
    let (nanoseconds, text) = match text.split_first() {
        Some((b'.', rest)) => {
            let (nanoseconds, count) = fraction(rest);
            (nanoseconds, rest.get(count..)?)
        }
        _ => (0, text),
    };
    let total = (whole <= SECONDS_MAX).then(|| whole * SECOND + nanoseconds);
    Some((total, text))
}

/// `HH:MM:SS[.FRACTION]` in nanoseconds, and what follows.
pub(super) fn of_day(text: &[u8]) -> Option<(u64, &[u8])> {
    let [h1, h2, b':', m1, m2, b':', rest @ ..] = text else {
        return None;
    };
    let hours = two_digits(*h1, *h2)?;
    let minutes = two_digits(*m1, *m2)?;
    let (seconds, rest) = seconds(rest)?;
    Some(((hours * 60 + minutes) * 60 * SECOND + seconds?, rest))
}

fn two_digits(high: u8, low: u8) -> Option<u64> {
    let digits = high.is_ascii_digit() && low.is_ascii_digit();
    digits.then(|| u64::from(high - b'0') * 10 + u64::from(low - b'0'))
}

/// The duration of most lines, `5 <0.000010>` at their end: of a call that took less than ten seconds and returned a number
/// of which strace says no more.
#[inline(always)]
pub(super) fn duration_behind_number(line: &[u8]) -> Option<u64> {
    match line.split_last_chunk()? {
        ([.., b'0'..=b'9'], end) => short_duration(end),
        _ => None,
    }
}

/// ` <0.000010>`
#[inline(always)]
fn short_duration(end: &[u8; 11]) -> Option<u64> {
    let [b' ', b'<', seconds @ b'0'..=b'9', point @ ..] = end else {
        return None;
    };
    let fraction = matching(*point, *b".000000>")?;
    Some(u64::from(seconds - b'0') * SECOND + together(fraction) * 100)
}

/// The duration that `-T` writes at a line's end, ` <0.000010>`, in nanoseconds.
#[inline]
pub(super) fn duration(line: &[u8]) -> Option<u64> {
    if line.last() != Some(&b'>') {
        return None;
    }
    line.last_chunk().and_then(short_duration).or_else(|| any_duration(line))
}

fn any_duration(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b">")?;
    let start = inner.iter().rev().take(24).position(|byte| *byte == b'<')?;
    let (before, number) = inner.split_at_checked(inner.len() - start)?;
    if !before.ends_with(b" <") {
        return None;
    }
    let (nanoseconds, rest) = seconds(number)?;
    if rest.is_empty() { nanoseconds } else { None }
}

/// How far lines without a time are put apart, in nanoseconds.
const STEP: u64 = 1_000;

/// Makes the times of a trace's lines absolute.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// When a trace begins that has no times of its own.
    start: Timestamp,
    /// The day of the first time of day.
    date: Day,
    /// Midnight of the day that the last one belongs to.
    midnight: Option<Timestamp>,
    /// The last line's time.
    last: Timestamp,
}

impl Clock {
    pub(super) const fn new(date: Day, start: Timestamp) -> Self {
        Self { start, date, midnight: None, last: start }
    }

    /// The absolute time of a line, which becomes the last one known.
    #[inline]
    pub(super) fn read(&mut self, moment: Moment, counts: &mut Counts) -> Timestamp {
        if let Moment::Epoch(nanoseconds) = moment {
            self.last = Timestamp(nanoseconds);
        } else {
            self.read_other(moment, counts);
        }
        self.last
    }

    fn read_other(&mut self, moment: Moment, counts: &mut Counts) {
        if let Some(at) = self.peek(moment) {
            self.last = at;
        }
        match moment {
            Moment::Epoch(_) => {}
            Moment::OfDay(nanoseconds) => {
                counts.times_of_day += 1;
                self.midnight = Some(self.last.before(nanoseconds));
            }
            Moment::Delta(_) => counts.times_relative += 1,
            Moment::Missing => {
                counts.times_missing += 1;
                self.last = self.last.after(STEP);
            }
            Moment::Unreadable => {
                let line = counts.lines;
                counts.times_unreadable.add(line);
            }
        }
    }

    /// Whether there were lines without a time and no other: the clock is where counting them has brought it.
    pub(super) fn only_counted(&self, counts: &Counts) -> bool {
        let steps = counts.times_missing;
        steps > 0 && self.last == self.start.after(steps.saturating_mul(STEP))
    }

    /// The absolute time of a line, where one is printed.
    pub(super) fn peek(&self, moment: Moment) -> Option<Timestamp> {
        match moment {
            Moment::Epoch(nanoseconds) => Some(Timestamp(nanoseconds)),
            Moment::OfDay(nanoseconds) => Some(self.on_its_day(nanoseconds)),
            Moment::Delta(nanoseconds) => Some(self.last.after(nanoseconds)),
            Moment::Missing | Moment::Unreadable => None,
        }
    }

    /// The first moment with this time of day that is not clearly before the last line's, so that it runs over midnight.
    fn on_its_day(&self, nanoseconds: u64) -> Timestamp {
        let Some(midnight) = self.midnight else {
            return self.date.midnight().after(nanoseconds);
        };
        let today = midnight.after(nanoseconds);
        let earliest = self.last.before(BACKWARDS);
        if today < earliest {
            return today.after(DAY);
        }
        if today.before(DAY) >= earliest && today.0 >= DAY { today.before(DAY) } else { today }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_seconds(text: &str, nanoseconds: Option<u64>) {
        assert_eq!(seconds(text.as_bytes()).and_then(|(value, _)| value), nanoseconds, "{text}");
    }

    #[test]
    fn seconds_are_exact() {
        check_seconds("1700000000.123456 w", Some(1_700_000_000_123_456_000));
        check_seconds("1700000000.123456789 w", Some(1_700_000_000_123_456_789));
        check_seconds("0.000010>", Some(10_000));
        check_seconds("7", Some(7 * SECOND));
        check_seconds("1.9999999995", Some(2 * SECOND));
        check_seconds("1.0000000005", Some(SECOND));
        check_seconds("1.0000000015", Some(SECOND + 2));
        check_seconds("1.00000000051", Some(SECOND + 1));
        check_seconds("4294967295.5", Some(4_294_967_295 * SECOND + SECOND / 2));
        check_seconds("4294967296", None);
        check_seconds("99999999999999999999999999", None);
        check_seconds("nan", None);
    }

    #[test]
    fn digits_agree_with_std() {
        for text in ["0", "00", "7", "12345678", "123456789", "1234567890123456", "18446744073709551615"] {
            let padded = format!("{text}             ");
            assert_eq!(digits(padded.as_bytes()), (text.parse().expect("a number"), text.len()));
            assert_eq!(digits(text.as_bytes()), (text.parse().expect("a number"), text.len()));
        }
        assert_eq!(digits(b"99999999999999999999999 "), (u64::MAX, 23));
        assert_eq!(digits(b"x"), (0, 0));
        assert_eq!(digits(b"12\xff\xff\xff\xff\xff\xff\xff"), (12, 2));
    }

    #[track_caller]
    fn check_duration(line: &str, nanoseconds: Option<u64>) {
        assert_eq!(duration(line.as_bytes()), nanoseconds, "{line}");
    }

    #[test]
    fn durations_stand_at_the_end() {
        check_duration("= 2 <0.000010>", Some(10_000));
        check_duration("= 2 <8>", Some(8 * SECOND));
        check_duration("= 5<TCP:[1->2]> <0.1>", Some(SECOND / 10));
        check_duration("= 5<TCP:[12]>", None);
        check_duration("= 5<0.5>", None);
        check_duration("<unfinished ...>", None);
        check_duration("", None);
    }

    fn times(moments: &[Moment]) -> Vec<u64> {
        let mut clock = Clock::new(Day::Known(Timestamp(10 * DAY)), Timestamp(20 * DAY));
        let mut counts = Counts::default();
        moments.iter().map(|moment| clock.read(*moment, &mut counts).0).collect()
    }

    #[test]
    fn times_of_day_run_over_midnight() {
        let (evening, night) = (DAY - SECOND, SECOND);
        let lines = [Moment::OfDay(evening), Moment::OfDay(night), Moment::OfDay(evening), Moment::OfDay(night)];
        assert_eq!(times(&lines), [11 * DAY - SECOND, 11 * DAY + SECOND, 11 * DAY - SECOND, 11 * DAY + SECOND]);
        let (morning, late) = (8 * 3600 * SECOND, 22 * 3600 * SECOND);
        assert_eq!(times(&[Moment::OfDay(morning), Moment::OfDay(late)]), [10 * DAY + morning, 10 * DAY + late]);
    }

    #[test]
    fn a_trace_without_times_is_told_from_one_that_lacks_some() {
        let only_counted = |moments: &[Moment]| {
            let mut clock = Clock::new(Day::Known(Timestamp(10 * DAY)), Timestamp(20 * DAY));
            let mut counts = Counts::default();
            for moment in moments {
                clock.read(*moment, &mut counts);
            }
            clock.only_counted(&counts)
        };
        assert!(only_counted(&[Moment::Missing, Moment::Missing]));
        assert!(!only_counted(&[]));
        assert!(!only_counted(&[Moment::Epoch(77), Moment::Missing]));
        assert!(!only_counted(&[Moment::Missing, Moment::OfDay(1)]));
        assert!(!only_counted(&[Moment::Missing, Moment::Delta(1)]));
    }

    #[test]
    fn other_times() {
        assert_eq!(times(&[Moment::Delta(5), Moment::Delta(6)]), [20 * DAY + 5, 20 * DAY + 11]);
        assert_eq!(times(&[Moment::Missing, Moment::Missing]), [20 * DAY + 1000, 20 * DAY + 2000]);
        assert_eq!(times(&[Moment::Epoch(77), Moment::Unreadable]), [77, 77]);
    }
}
