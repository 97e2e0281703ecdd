//! What reading has counted, in words: what was lost with its cure, and what was left out.

use super::keys::{LeftOutKey, LossKey};
use super::{LineRef, Loss, Report};
use crate::run::name::Name;
use crate::strace::{Counts, Skip, Tally};

/// Lines that gave nothing and are no loss: key and text.
const LEFT_OUT: [(Skip, LeftOutKey, &str); 12] = [
    (Skip::NotUsed, LeftOutKey::NotUsed, "calls that concern no socket"),
    (Skip::NotSocket, LeftOutKey::NotSocket, "payload calls on files, pipes and devices"),
    (Skip::Peeked, LeftOutKey::Peeked, "receives with MSG_PEEK or MSG_ERRQUEUE, which move nothing"),
    (Skip::Unfinished, LeftOutKey::Unfinished, "first halves of calls"),
    (Skip::Signal, LeftOutKey::Signal, "signals"),
    (Skip::Message, LeftOutKey::Message, "messages of strace"),
    (Skip::Dump, LeftOutKey::Dump, "lines of hex dumps that were not needed"),
    (Skip::Stack, LeftOutKey::Stack, "lines of stack traces"),
    (Skip::Blank, LeftOutKey::Blank, "empty lines"),
    (Skip::Injected, LeftOutKey::Injected, "calls whose result strace made up (-e inject), so that nothing moved"),
    (Skip::Detached, LeftOutKey::Detached, "calls that strace detached from"),
    (Skip::UnknownCall, LeftOutKey::UnknownCall, "calls that this strace knows by number only"),
];

/// Lines that were lost: key, text and cure.
const LOST: [(Skip, LossKey, &str, &str); 5] = [
    (
        Skip::TooLong,
        LossKey::TooLong,
        "[line was|lines were] longer than 128 MiB and passed over",
        "record with a smaller -s",
    ),
    (
        Skip::ResumedAlone,
        LossKey::FirstHalfMissing,
        "[call|calls] whose first half is not in the trace [was|were] not understood",
        "give the trace from its beginning",
    ),
    (Skip::TooMany, LossKey::TooManyUnfinished, "unfinished [call was|calls were] more than are held", ""),
    (
        Skip::Malformed,
        LossKey::Damaged,
        "[line was|lines were] cut or damaged",
        "record with -o FILE, to which nothing else is written",
    ),
    (
        Skip::NotStrace,
        LossKey::NotStrace,
        "[line is|lines are] not of strace",
        "give the text that strace writes with -o",
    ),
];

/// Adds what the parsers of all traces have counted, in the order of `traces`.
pub fn tell(all: &[&Counts], traces: &[Name], report: &mut Report) {
    let sum = |of: fn(&Counts) -> u64| all.iter().map(|counts| of(counts)).sum::<u64>();
    report.lines = sum(|counts| counts.lines);
    report.calls = sum(|counts| counts.used);
    report.understood = sum(Counts::understood);
    report.blank = sum(|counts| counts.skipped(Skip::Blank).count);
    let lose = |(key, what, cure), tally: &dyn Fn(&Counts) -> Tally, report: &mut Report| {
        let (count, first) = together(all.iter().map(|counts| tally(counts)));
        report.lose(Loss::new(key, count, what).first(first, traces).cure(cure));
    };
    for (reason, key, what, cure) in LOST {
        let at_the_end = reason == Skip::Malformed && all.iter().all(|counts| ends_cut(counts));
        // Of what we record ourselves, everything is read from its beginning, and nobody else writes to it.
        let ours = if reason == Skip::TooLong {
            "give strace a smaller -s (--run OUTPUT -- -s 65536 COMMAND, or -p PID for it)"
        } else {
            ""
        };
        let cure = if at_the_end { "" } else { report.recorded.cure(cure, ours) };
        let tally = |counts: &Counts| counts.skipped(reason);
        lose((key, what, cure), &tally, report);
    }
    lose(
        (
            LossKey::MessagesCut,
            "[message was|messages were] cut off [its|their] array by strace's -s",
            "record with -s 1048576",
        ),
        &|counts| counts.messages_cut,
        report,
    );
    lose(
        (
            LossKey::UnreadableTime,
            "[line has a time|lines have times] that cannot be read, and got that of the line before",
            "record with -ttt",
        ),
        &|counts| counts.times_unreadable,
        report,
    );
    for (reason, key, what) in LEFT_OUT {
        let (count, _) = together(all.iter().map(|counts| counts.skipped(reason)));
        report.leave_out(key, what, count);
    }
    let open = sum(|counts| counts.never_resumed);
    report.leave_out(LeftOutKey::StillOpen, "calls that were still open at the end", open);
}

/// How often in all traces, and where first: in the first trace that has any.
fn together(tallies: impl Iterator<Item = Tally>) -> (u64, Option<LineRef>) {
    let mut count = 0;
    let mut first = None;
    for (trace, tally) in tallies.enumerate() {
        if tally.count > 0 && first.is_none() {
            let line = tally.first_line;
            first = Some(LineRef { trace, line });
        }
        count += tally.count;
    }
    (count, first)
}

/// Whether no line but the last one is damaged: strace was killed while it wrote.
fn ends_cut(counts: &Counts) -> bool {
    let damaged = counts.skipped(Skip::Malformed);
    damaged.count == 0 || damaged.first_line == counts.lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strace::{Parser, TraceOptions};

    #[test]
    fn every_reason_is_told_once_and_as_what_it_is() {
        let mut told: Vec<_> = LOST.iter().map(|(reason, ..)| *reason).collect();
        let is_loss = |reason: &Skip| {
            use Skip::{Malformed, NotStrace, ResumedAlone, TooLong, TooMany};
            matches!(reason, ResumedAlone | TooMany | Malformed | NotStrace | TooLong)
        };
        assert!(told.iter().all(is_loss));
        told.extend(LEFT_OUT.iter().map(|(reason, ..)| *reason));
        let others = told.iter().skip(LOST.len());
        assert!(others.clone().all(|reason| !is_loss(reason)));
        told.sort_by_key(|reason| *reason as usize);
        told.dedup();
        assert_eq!(told.len(), Skip::COUNT);
    }

    #[test]
    fn a_line_too_long_counts_as_a_line() {
        let mut parser = Parser::new(TraceOptions::default());
        assert!(parser.line(b"close(3) = 0").next().is_some());
        parser.passed_over();
        assert!(parser.line(b"hello").next().is_none());
        let mut report = Report::default();
        tell(&[parser.counts()], &[Name::new("a")], &mut report);
        let told: Vec<_> = report.losses.iter().map(Loss::to_string).collect();
        assert_eq!(report.lines, 3);
        assert!(told[0].starts_with("1 line was longer than 128 MiB"), "{told:?}");
        assert!(told[0].contains("(the first is line 2)"), "{told:?}");
        assert!(told[1].contains("(the first is line 3)"), "{told:?}");
    }

    #[test]
    fn the_first_example_is_in_the_first_trace_that_has_one() {
        let tally = |count, first_line| Tally { count, first_line };
        let place = |trace, line| Some(LineRef { trace, line });
        let all = [tally(0, 0), tally(2, 9), tally(1, 3)];
        assert_eq!(together(all.into_iter()), (3, place(1, 9)));
        assert_eq!(together([tally(0, 0)].into_iter()), (0, None));
    }
}
