//! Notes on a trace that was recorded with too little: without times, without days, without the calls that matter.

use super::keys::NoteKey;
use super::traffic::Traffic;
use super::{LineRef, Report, in_number};
use crate::dates::Date;
use crate::run::name::Name;
use crate::run::options::Recorded;
use crate::sockets::Sockets;
use crate::strace::{Counts, Parser, Skip};

/// Which times were given.
#[derive(Clone, Copy, Debug)]
pub struct GivenTimes {
    /// `--date`
    pub date: bool,
    /// `--start`
    pub start: bool,
}

/// Whether as many lines of a trace have such times that they are not another program's text that begins with a number.
pub fn are_usual(times: u64, counts: &Counts) -> bool {
    times > 0 && times.saturating_mul(2) >= counts.understood()
}

/// What the times of the traces leave open, and options on them that change nothing. `assumed` is the date of times of day
/// where nobody gave one.
pub fn times(parsers: &[Parser], assumed: Option<Date>, given: GivenTimes, report: &mut Report) {
    if report.understood > 0 {
        let has = |of: fn(&Counts) -> u64| parsers.iter().any(|parser| of(parser.counts()) > 0);
        if given.date && !has(|counts| counts.times_of_day) {
            let text = "--date has no effect, no line has a time of day without a date (strace -t, -tt)";
            report.note(NoteKey::NoEffect, text, "");
        }
        if given.start && !has(|counts| counts.times_relative) {
            report.note(NoteKey::NoEffect, "--start has no effect, no line has a relative time (strace -r)", "");
        }
    }
    if report.packets == 0 {
        return;
    }
    if let Some(date) = assumed {
        report.note(
            NoteKey::AssumedDate,
            format!("times of day have no date, {date} was assumed"),
            "record with -ttt or give --date",
        );
    }
    if parsers.iter().any(Parser::is_without_times) {
        report.note(
            NoteKey::NoTimes,
            "the lines have no times and are put a microsecond apart, in their order",
            "record with -ttt",
        );
    }
    let is_relative = |parser: &Parser| {
        let counts = parser.counts();
        are_usual(counts.times_relative, counts)
    };
    let is_coarse = |parser: &Parser| {
        let counts = parser.counts();
        are_usual(counts.times_coarse, counts)
    };
    let has_no_time = |parser: &Parser| parser.is_without_times() || is_relative(parser);
    if parsers.len() > 1 && parsers.iter().any(has_no_time) {
        report.note(
            NoteKey::NoOrder,
            "each of the traces counts from its own beginning, so nothing tells in what order their lines belong",
            "record with -ttt",
        );
    } else if parsers.len() > 1 && parsers.iter().any(is_coarse) {
        report.note(
            NoteKey::CoarseTimes,
            "times are in seconds or milliseconds, so the order of calls of different traces is a guess",
            "record with -ttt",
        );
    }
    if !given.start && parsers.iter().any(is_relative) {
        report.note(
            NoteKey::RelativeTimes,
            "times are relative and count from 1970",
            "record with -ttt or give --start",
        );
    }
}

/// The traces' own clock goes back, first at `place`; `names` are those of the traces.
pub fn set_back(place: LineRef, names: &[Name], report: &mut Report) {
    let name = names.get(place.trace).filter(|_| names.len() > 1);
    let of_trace = name.map(|name| format!(" of {name}")).unwrap_or_default();
    report.note(
        NoteKey::ClockSetBack,
        format!("the trace's times go back (first at line {}{of_trace}), and so do the capture's", place.line),
        "where it holds several recordings, convert each alone",
    );
}

/// What the options that select have left of a trace.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Messages that they leave out.
    pub left_out: u64,
    /// Their names, as typed: `--pid, --port`.
    pub options: String,
    /// They select threads and nothing else.
    pub is_by_thread: bool,
    /// It is told already that one of them selects nothing.
    pub is_told: bool,
}

/// Why there is no packet, or no payload, as far as that is known and no loss says it.
pub fn nothing_shown(traffic: &Traffic, sockets: &Sockets, all: &[&Counts], selected: &Selected, report: &mut Report) {
    if report.lines == report.blank {
        return report.note(
            NoteKey::NothingRead,
            "nothing was read",
            report.recorded.cure(
                "if strace has told an error, that is why; else nothing that it traces has happened, or its text went \
                 elsewhere (to standard error, unless it is given -o)",
                "no call that moves data, or makes a process, ended while it was recorded",
            ),
        );
    }
    if report.understood == 0 || traffic.has_unshowable() {
        return;
    }
    let is_empty = report.packets == 0;
    let Selected { left_out, options, .. } = selected;
    if *left_out > 0 {
        if !is_empty {
            return;
        }
        if let Some((text, cure)) = unwanted(traffic).filter(|_| selected.is_by_thread) {
            report.note(NoteKey::NothingShown, format!("of what {options} leaves, {text}"), cure);
        } else if !selected.is_told {
            let what = format!("{left_out} [message is|messages are] left out by {options}, and no other is converted");
            report.note(NoteKey::NothingShown, in_number(*left_out, &what), "");
        }
        return;
    }
    if !is_empty {
        let is_known = traffic.has_bytes() || all.iter().any(|counts| counts.messages_cut.count > 0);
        if let Some((what, cure)) =
            no_payload(traffic, all, report.recorded).filter(|_| traffic.has_opened() && !is_known)
        {
            report.note(NoteKey::NoPayload, format!("connections were made, but {what}"), cure);
        }
        return;
    }
    let unknown: u64 = all.iter().map(|counts| counts.details_missing).sum();
    let (text, cure) = if let Some(unwanted) = unwanted(traffic) {
        unwanted
    } else if sockets.have_been_seen() {
        let who = if traffic.has_opened() { "connections were made" } else { "sockets were used" };
        let (what, cure) = no_payload(traffic, all, report.recorded).unwrap_or(("no payload moved on them", ""));
        return report.note(NoteKey::NothingShown, format!("{who}, but {what}"), cure);
    } else if unknown > 0 && !sockets.has_full_details() {
        let cure = "strace reads that in /proc, which must be mounted where strace runs";
        ("nothing in the trace tells which descriptors are sockets", report.recorded.cure("record with -yy", cure))
    } else {
        no_call(report.recorded)
    };
    report.note(NoteKey::NothingShown, text, cure);
}

/// What is said where no call on a socket was recorded.
const fn no_call(recorded: Recorded) -> (&'static str, &'static str) {
    match recorded {
        Recorded::ByHand => (
            "no call on a socket is in the trace",
            "record child processes too (-f), and all calls that strace2pcap --calls prints",
        ),
        Recorded::Started => (
            "neither the command nor a process that it made has used a socket",
            "where another process does that for it, as a server does for its client, record that one (--attach PID)",
        ),
        Recorded::Attached => (
            "no call on a socket ended while strace was attached",
            "record for longer, and attach to the process that does what you look for: it may be another one",
        ),
    }
}

/// What is said of payload that was not to be converted, and how to have it.
const fn unwanted(traffic: &Traffic) -> Option<(&'static str, &'static str)> {
    Some(match traffic.unwanted() {
        (true, true, _) => (
            "sockets moved payload, and none was to be converted",
            "leave out --no-capture-net, or give --capture-unix-socket",
        ),
        (true, ..) => ("only internet sockets moved payload", "leave out --no-capture-net"),
        (_, true, _) => ("only UNIX sockets moved payload", "give --capture-unix-socket"),
        (_, _, true) => ("only sockets that are neither internet nor UNIX (netlink, packet, …) moved payload", ""),
        _ => return None,
    })
}

/// What is said where no byte moved on any socket and the trace has no call of a kind that could have moved some. Whether
/// one was made is not known: it may not have been recorded, unless the calls to record were ours to choose.
fn no_payload(traffic: &Traffic, all: &[&Counts], recorded: Recorded) -> Option<(&'static str, &'static str)> {
    if recorded != Recorded::ByHand {
        return None;
    }
    let sum = |reason| all.iter().map(|counts| counts.skipped(reason).count).sum::<u64>();
    let [any, socket] = traffic.has_tried();
    let texts = match (any || sum(Skip::NotSocket) > 0, socket || sum(Skip::Peeked) > 0) {
        (true, true) => return None,
        (true, false) => (
            "no byte moved on any socket, and no sendto, recvfrom, sendmsg or recvmsg is in the trace",
            "if some was expected, record these too: -e \"$(strace2pcap --calls)\"",
        ),
        (false, true) => (
            "no byte moved on any socket, and no read or write is in the trace",
            "if some was expected, record these too: -e \"$(strace2pcap --calls)\"",
        ),
        (false, false) => (
            "no call is in the trace that moves payload",
            "record read and write too, which -e trace=network leaves out: -e \"$(strace2pcap --calls)\"",
        ),
    };
    Some(texts)
}
