//! What reading has counted, in words: what was lost with its cure, and what was left out.

use crate::run::summary::Summary;
use crate::strace::{Counts, Skip};

/// What is said of lines that gave nothing, and the cure where there is one.
const REASONS: [(Skip, &str, &str); 17] = [
    (Skip::NotUsed, "calls that concern no socket", ""),
    (
        Skip::NotSocket,
        "payload calls on files, pipes and devices",
        "",
    ),
    (
        Skip::Peeked,
        "receives with MSG_PEEK or MSG_ERRQUEUE, which move nothing",
        "",
    ),
    (Skip::Unfinished, "first halves of calls", ""),
    (Skip::Signal, "signals", ""),
    (Skip::Message, "messages of strace", ""),
    (Skip::Dump, "lines of hex dumps that were not needed", ""),
    (Skip::Stack, "lines of stack traces", ""),
    (Skip::Blank, "empty lines", ""),
    (
        Skip::Injected,
        "calls whose result strace made up (-e inject), so that nothing moved",
        "",
    ),
    (Skip::Detached, "calls that strace detached from", ""),
    (
        Skip::UnknownCall,
        "calls that this strace knows by number only",
        "record with a newer strace to have them followed",
    ),
    (
        Skip::ResumedAlone,
        "[call|calls] whose first half is not in the trace [was|were] not understood",
        "",
    ),
    (
        Skip::TooMany,
        "unfinished [call was|calls were] more than are held",
        "",
    ),
    (
        Skip::TooLong,
        "[line was|lines were] longer than 128 MiB and passed over",
        "",
    ),
    (Skip::Malformed, "[line was|lines were] cut or damaged", ""),
    (
        Skip::NotStrace,
        "[line is|lines are] not of strace",
        "give the text that strace writes with -o",
    ),
];

/// Adds what the parsers of all traces have counted.
pub fn reading<'a>(all: impl Iterator<Item = &'a Counts> + Clone, summary: &mut Summary) {
    summary.lines += all.clone().map(|counts| counts.lines).sum::<u64>();
    summary.calls += all.clone().map(|counts| counts.used).sum::<u64>();
    for (reason, what, cure) in REASONS {
        let tallies = all
            .clone()
            .map(|counts| counts.skipped(reason))
            .filter(|tally| tally.count > 0);
        let count: u64 = tallies.clone().map(|tally| tally.count).sum();
        if reason.is_loss() {
            let first = tallies
                .map(|tally| tally.first_line)
                .min()
                .unwrap_or_default();
            summary.lose(count, format!("{what} (the first is line {first})"), cure);
        } else if count > 0 {
            summary.left_out.push((what.to_owned(), count));
        }
    }
    let cut: u64 = all.clone().map(|counts| counts.messages_cut.count).sum();
    summary.lose(
        cut,
        "[message was|messages were] cut off [its|their] array by strace's -s",
        "record with -s 1048576",
    );
    let open: u64 = all.map(|counts| counts.never_resumed).sum();
    if open > 0 {
        summary
            .left_out
            .push(("calls that were still open at the end".to_owned(), open));
    }
}
