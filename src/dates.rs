//! Days and moments that a trace's text leaves out: what a person gives, or else the file's date. Times of day are of
//! the machine's time zone (`TZ`).

use std::str::FromStr;
use std::time::SystemTime;

use jiff::civil;
use jiff::tz::TimeZone;

use crate::event::Timestamp;

/// A day in the machine's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(civil::Date);

impl Date {
    /// The day of `moment`.
    pub fn of(moment: SystemTime) -> Option<Self> {
        let moment = jiff::Timestamp::try_from(moment).ok()?;
        Some(Self(TimeZone::system().to_datetime(moment).date()))
    }

    /// The last day on which it was so many nanoseconds past midnight, up to `moment`.
    pub fn last_with(time_of_day: u64, moment: SystemTime) -> Option<Self> {
        let moment = jiff::Timestamp::try_from(moment).ok()?;
        let local = TimeZone::system().to_datetime(moment);
        let passed = local.time() >= time(time_of_day)?;
        Self(local.date()).earlier(u64::from(!passed))
    }

    /// The day so many days earlier.
    pub fn earlier(self, days: u64) -> Option<Self> {
        let span = jiff::Span::new().try_days(i64::try_from(days).ok()?).ok()?;
        self.0.checked_sub(span).ok().map(Self)
    }

    /// The day that begins at `midnight`.
    pub fn at(midnight: Timestamp) -> Option<Self> {
        let noon = midnight.after(12 * 3_600 * 1_000_000_000);
        Self::of(SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(noon.0))
    }

    /// When the day began. On days when the clock is changed, its second half counts.
    pub fn midnight(self) -> Timestamp {
        let noon = moment(self.0.at(12, 0, 0, 0)).unwrap_or_default();
        noon.before(12 * 3_600 * 1_000_000_000)
    }
}

/// The day on which times of day begin.
#[derive(Clone, Copy, Debug)]
pub enum Day {
    /// Its midnight is known.
    Known(Timestamp),
    /// It is the day of a moment. Which that is in the machine's time zone is found out when it is asked for: that takes
    /// longer than all else before the first line.
    Of(SystemTime),
}

impl Default for Day {
    fn default() -> Self {
        Self::Known(Timestamp::default())
    }
}

impl Day {
    /// When it began.
    #[cold]
    pub fn midnight(self) -> Timestamp {
        match self {
            Self::Known(midnight) => midnight,
            Self::Of(moment) => Date::of(moment).map(Date::midnight).unwrap_or_default(),
        }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let date: civil::Date = text.parse().map_err(|_| "give YYYY-MM-DD".to_owned())?;
        if (1970..2106).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err("a capture holds the years 1970 to 2105".to_owned())
        }
    }
}

/// The time so many nanoseconds past midnight.
fn time(nanoseconds: u64) -> Option<civil::Time> {
    let seconds = nanoseconds / 1_000_000_000;
    let part = |value: u64| i8::try_from(value % 60).ok();
    let hour = i8::try_from(seconds / 3600).ok()?;
    let rest = i32::try_from(nanoseconds % 1_000_000_000).ok()?;
    civil::Time::new(hour, part(seconds / 60)?, part(seconds)?, rest).ok()
}

/// A moment: seconds since 1970, a date and time of the machine's time zone, or one with its own (`2026-01-31T12:00:00Z`).
pub fn start(text: &str) -> Result<Timestamp, String> {
    let wrong = || "give seconds since 1970 or YYYY-MM-DDTHH:MM:SS".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let moment = if let Ok(seconds) = whole.parse::<u32>() {
        let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        let nanoseconds: u32 = digits.parse().map_err(|_| wrong())?;
        Some(Timestamp(u64::from(seconds) * 1_000_000_000 + u64::from(nanoseconds)))
    } else if let Ok(zoned) = text.parse::<jiff::Timestamp>() {
        u64::try_from(zoned.as_nanosecond()).ok().map(Timestamp)
    } else {
        moment(text.parse().map_err(|_| wrong())?)
    };
    moment.filter(|moment| u32::try_from(moment.0 / 1_000_000_000).is_ok()).ok_or_else(wrong)
}

fn moment(local: civil::DateTime) -> Option<Timestamp> {
    let zoned = TimeZone::system().to_timestamp(local).ok()?;
    u64::try_from(zoned.as_nanosecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts() {
        assert_eq!(start("5"), Ok(Timestamp(5_000_000_000)));
        assert_eq!(start("1.25"), Ok(Timestamp(1_250_000_000)));
        assert_eq!(start("1970-01-02T00:00:00Z"), Ok(Timestamp(86_400_000_000_000)));
        assert!(start("2026-01-31T12:00:00").is_ok());
        for wrong in ["", "x", "-1", "4294967296", "1.x", "1960-01-01T00:00:00Z"] {
            assert!(start(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_of_day() {
        assert_eq!(time(0), Some(civil::time(0, 0, 0, 0)));
        let nanoseconds = ((23 * 60 + 59) * 60 + 58) * 1_000_000_000 + 7;
        assert_eq!(time(nanoseconds), Some(civil::time(23, 59, 58, 7)));
        assert_eq!(time(86_400 * 1_000_000_000), None);
    }

    #[test]
    fn dates() {
        assert!("2026-01-31".parse::<Date>().is_ok());
        for wrong in ["2026-02-30", "1969-12-31", "2106-01-01", "today"] {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
    }
}
