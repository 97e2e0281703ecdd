//! Notes on a trace that was recorded with too little: without times, without days, without the calls that matter.

use super::Report;
use super::traffic::Traffic;
use crate::run::dates::Date;
use crate::sockets::Sockets;
use crate::strace::{Counts, Parser};

/// Whether as many lines of a trace have such times that they are not another program's text that begins with a number.
pub fn are_usual(times: u64, counts: &Counts) -> bool {
    times > 0 && times.saturating_mul(2) >= counts.understood()
}

/// What the times of the traces leave open. `assumed` is the date of times of day where nobody gave one.
pub fn times(parsers: &[Parser], assumed: Option<Date>, has_start: bool, report: &mut Report) {
    if report.packets == 0 {
        return;
    }
    if let Some(date) = assumed {
        report.note(
            "assumed_date",
            format!("times of day have no date, {date} was assumed"),
            "record with -ttt or give --date",
        );
    }
    if parsers.iter().any(Parser::is_without_times) {
        report.note(
            "no_times",
            "the lines have no times and are put a microsecond apart, in their order",
            "record with -ttt",
        );
    }
    let is_relative = |parser: &Parser| {
        let counts = parser.counts();
        are_usual(counts.times_relative, counts)
    };
    let has_no_time = |parser: &Parser| parser.is_without_times() || is_relative(parser);
    if parsers.len() > 1 && parsers.iter().any(has_no_time) {
        report.note(
            "no_order",
            "each of the traces counts from its own beginning, so nothing tells in what order their lines belong",
            "record with -ttt",
        );
    }
    if !has_start && parsers.iter().any(is_relative) {
        report.note("relative_times", "times are relative and count from 1970", "record with -ttt or give --start");
    }
}

/// Why there is no packet, as far as that is known and no loss says it.
pub fn nothing_shown(traffic: &Traffic, sockets: &Sockets, all: &[&Counts], report: &mut Report) {
    if report.lines == report.blank {
        return report.note(
            "nothing_read",
            "nothing was read, the trace is empty",
            "strace writes it to standard error unless it is given -o",
        );
    }
    if report.packets > 0 || report.understood == 0 || traffic.has_unshowable() {
        return;
    }
    let payload_calls: u64 = all.iter().map(|counts| counts.payload_calls()).sum();
    let unknown: u64 = all.iter().map(|counts| counts.details_missing).sum();
    let (text, cure) = match traffic.unwanted() {
        (true, true, _) => (
            "sockets moved payload, and none was to be converted",
            "leave out --no-capture-net, or give --capture-unix-socket",
        ),
        (true, ..) => ("only internet sockets moved payload", "leave out --no-capture-net"),
        (_, true, _) => ("only UNIX sockets moved payload", "give --capture-unix-socket"),
        (_, _, true) => ("only sockets that are neither internet nor UNIX (netlink, packet, …) moved payload", ""),
        _ if sockets.seen() > 0 && payload_calls == 0 => (
            "sockets were used, but no call is in the trace that moves payload",
            "record read and write too, which -e trace=network leaves out (--help has a list)",
        ),
        _ if sockets.seen() > 0 => ("sockets were used, but no payload moved on them", ""),
        _ if unknown > 0 && !sockets.has_full_details() => {
            ("nothing in the trace tells which descriptors are sockets", "record with -yy")
        }
        _ => (
            "no call on a socket is in the trace",
            "record child processes too (-f), and the calls that --help lists (-e trace=…)",
        ),
    };
    report.note("nothing_shown", text, cure);
}
