//! What a run has come to, as counts, and how it is told: what was lost as warnings with their cure, the rest with `-v`.

use std::fmt;

/// Why lines or bytes are not in the capture; `--strict` makes a failure of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// How often.
    pub count: u64,
    /// Of what and why, behind the count: `lines were not understood`.
    pub what: String,
    /// What to do, behind the reason: `record with -s 1048576`; may be empty.
    pub cure: String,
}

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines read, without those too long.
    pub lines: u64,
    /// Whole system calls among them.
    pub calls: u64,
    /// Packets written.
    pub packets: u64,
    /// Bytes of payload in them.
    pub payload_bytes: u64,
    /// Bytes of the capture.
    pub capture_bytes: u64,
    /// What is left out because it was asked to be, or because it is nothing to convert, by reason; not a loss.
    pub left_out: Vec<(String, u64)>,
    /// What will surprise, and is no loss.
    pub notes: Vec<String>,
    /// What was lost, by reason.
    pub losses: Vec<Loss>,
    /// What helps to read the capture.
    pub hints: Vec<String>,
}

impl Summary {
    /// Counts a loss, unless it is of nothing. Of `[line was|lines were]` the part that goes with the count is told.
    pub fn lose(&mut self, count: u64, what: impl Into<String>, cure: impl Into<String>) {
        if count > 0 {
            self.losses.push(Loss {
                count,
                what: in_number(count, &what.into()),
                cure: cure.into(),
            });
        }
    }

    /// Tells it: losses as warnings, counts as information.
    pub fn tell(&self) {
        for loss in &self.losses {
            log::warn!("{loss}");
        }
        for note in &self.notes {
            log::warn!("{note}");
        }
        log::info!("{self}");
        for (reason, count) in &self.left_out {
            log::info!("left out: {count} {reason}");
        }
        for hint in &self.hints {
            log::info!("{hint}");
        }
    }
}

/// `text` with the parts that go with one, or with many.
fn in_number(count: u64, text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, one, many, after)) = forms(rest) {
        told.push_str(before);
        told.push_str(if count == 1 { one } else { many });
        rest = after;
    }
    told + rest
}

/// What stands before, in, and behind the first `[one|many]`.
fn forms(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (both, after) = rest.split_once(']')?;
    let (one, many) = both.split_once('|')?;
    Some((before, one, many, after))
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.what)?;
        if self.cure.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.cure)
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lines,
            calls,
            packets,
            payload_bytes,
            capture_bytes,
            ..
        } = self;
        write!(
            f,
            "{lines} lines, {calls} calls, {packets} packets with {payload_bytes} bytes of payload; "
        )?;
        write!(f, "the capture has {capture_bytes} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_with_its_cure() {
        let mut summary = Summary {
            lines: 3,
            calls: 2,
            packets: 1,
            payload_bytes: 7,
            ..Summary::default()
        };
        summary.lose(0, "lines were eaten", "feed them");
        summary.lose(
            14,
            "[payload was|payloads were] cut by strace's -s 32",
            "record with -s 1048576",
        );
        summary.lose(1, "[line was|lines were] not understood", "");
        let told: Vec<_> = summary.losses.iter().map(Loss::to_string).collect();
        assert_eq!(
            told,
            [
                "14 payloads were cut by strace's -s 32: record with -s 1048576",
                "1 line was not understood"
            ]
        );
        assert!(
            summary
                .to_string()
                .starts_with("3 lines, 2 calls, 1 packets with 7 bytes")
        );
    }
}
