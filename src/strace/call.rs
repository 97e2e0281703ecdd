//! What becomes of a line: a whole call is decoded at once, a half is kept for its other half, and a call whose payload
//! `-s` cut is held until the next line, since that may begin a dump.

use super::attribution::Attribution;
use super::body::Body;
use super::decode::{self, Begun, Call, Verdict};
use super::rejoin::{self, Stop, Unfinished};
use super::table::{self, Row, Shape};
use super::{Parser, Sink, Skip, arguments, returned, time};
use crate::event::{Event, Sharing, Tid, Timestamp, What};

/// Whose call, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) line: u64,
    pub(super) tid: Tid,
    /// The time of its line, or of its first half's.
    pub(super) entry: Timestamp,
    /// The time of its second half. A whole line says at its end how long the call took.
    pub(super) resumed: Option<Timestamp>,
}

impl Origin {
    /// When the call returned.
    #[inline]
    fn exit(self, text: &[u8]) -> Timestamp {
        match self.resumed {
            Some(resumed) => resumed.max(self.entry),
            None => self.entry.after(time::duration(text).unwrap_or_default()),
        }
    }
}

/// The first half of a call, while its second half may stand on the next line as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct HalfBefore {
    line: u64,
    tid: Tid,
    /// The call is of the table, and its text is held.
    held: bool,
}

/// A call that waits for the next line, since that may begin a dump of what `-s` cut off.
#[derive(Debug)]
pub(super) struct Held {
    row: &'static Row,
    origin: Origin,
    text: Vec<u8>,
}

impl Held {
    /// How many bytes the call moved, where its result says so.
    pub(super) fn moved(&self) -> Option<u64> {
        match self.row.shape {
            Shape::Messages(..) => None,
            _ => returned::parse(arguments::close(&self.text)?)?.outcome.value(),
        }
    }
}

impl Parser {
    pub(super) fn body(&mut self, kind: Body<'_>, origin: Origin, sink: Sink<'_>) {
        match kind {
            Body::Call { name, text } => match table::find(name) {
                Some(row) => self.call(row, text, origin, sink),
                None => self.not_in_table(name, text, origin.tid),
            },
            Body::Resumed { name, text } => match table::find(name) {
                Some(row) => self.resumed(row, text, origin, sink),
                None => self.counts.skip(not_in_table(name)),
            },
            Body::Ended => self.ended(origin, sink),
            Body::Superseded(by) => self.superseded(Tid(by), origin, sink),
            Body::Signal => self.counts.skip(Skip::Signal),
            Body::Message => self.counts.skip(Skip::Message),
            Body::Blank => self.counts.skip(Skip::Blank),
            Body::Other => self.counts.skip(Skip::NotStrace),
        }
    }

    #[inline]
    pub(super) fn not_in_table(&mut self, name: &[u8], text: &[u8], tid: Tid) {
        self.counts.skip(not_in_table(name));
        if rejoin::may_stop(text) {
            self.half_before = Some(HalfBefore { line: self.counts.lines, tid, held: false });
        }
    }

    #[inline(always)]
    pub(super) fn call(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        if rejoin::may_stop(text) {
            self.call_stopped(row, text, origin, sink);
        } else {
            self.whole(row, text, origin, sink);
        }
    }

    #[inline(never)]
    fn call_stopped(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        match rejoin::stop(text) {
            None => self.whole(row, text, origin, sink),
            Some((text, Stop::Unfinished)) => self.begun(row, text, origin, sink),
            Some((_, Stop::Detached)) => self.counts.skip(Skip::Detached),
        }
    }

    /// A whole call.
    #[inline(always)]
    fn whole(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        if returned::is_made_up(text) {
            return self.not_carried_out(row, origin, sink);
        }
        match self.decode(row, text, origin, false, sink) {
            Verdict::Used => self.counts.used += 1,
            Verdict::Skipped(reason) => self.counts.skip(reason),
            Verdict::Hold => self.hold(row, text, origin),
        }
    }

    /// A call whose result strace made up: nothing came of it, and no child of a fork.
    #[cold]
    fn not_carried_out(&mut self, row: &'static Row, origin: Origin, sink: Sink<'_>) {
        self.counts.skip(Skip::Injected);
        if row.shape == Shape::Fork {
            let what = What::Cloned { child: None, sharing: Sharing::default() };
            emit(origin, b"", what, &mut self.who, sink);
        }
    }

    #[inline]
    fn decode(&mut self, row: &'static Row, text: &[u8], origin: Origin, dumped: bool, sink: Sink<'_>) -> Verdict {
        let Self { bench, who, dump, counts, .. } = self;
        let call = Call { row, text, dump: dumped.then_some(&*dump) };
        decode::decode(call, bench, counts, &mut |what| {
            emit(origin, text, what, who, sink);
        })
    }

    /// The first half of a call.
    fn begun(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        let Self { bench, who, .. } = self;
        let call = Call { row, text, dump: None };
        let begun = decode::begin(call, bench, &mut |what| emit(origin, text, what, who, sink));
        let mut buffer = self.rejoin.buffer();
        match begun {
            Begun::Keep => buffer.extend_from_slice(text),
            Begun::Told => self.counts.used += 1,
            Begun::NotUsed(_) => {}
        }
        if begun != Begun::Told {
            self.counts.skip(Skip::Unfinished);
        }
        let half = Unfinished { row, entry: origin.entry, told: begun != Begun::Keep, text: buffer };
        self.half_before = Some(HalfBefore { line: origin.line, tid: origin.tid, held: true });
        match self.rejoin.hold(origin.tid, half) {
            Ok(given_up) => self.counts.never_resumed += u64::from(given_up),
            Err(reason) => self.counts.skip(reason),
        }
    }

    /// The second half of a call.
    fn resumed(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        if row.shape == Shape::Execute {
            self.executed_elsewhere(origin, sink);
        }
        match self.rejoin.take(origin.tid) {
            Some(half) if half.row == row => self.rejoined(half, text, origin, sink),
            other => {
                self.give_up(other);
                self.resumed_alone(row, text, origin, sink);
            }
        }
    }

    /// A line without prefix or name. With `-z`, strace writes a call that a signal interrupted in two halves, of which
    /// the second stands on the next line as it is.
    #[cold]
    pub(super) fn continued(&mut self, text: &[u8], sink: Sink<'_>) {
        let line = self.counts.lines;
        let before = self.half_before.take();
        let Some(HalfBefore { tid, held, .. }) = before.filter(|before| before.line + 1 == line) else {
            return self.counts.skip(Skip::NotStrace);
        };
        let half = if held { self.rejoin.take(tid) } else { None };
        let Some(half) = half.filter(|half| !half.told) else {
            return self.counts.skip(Skip::NotUsed);
        };
        let mut whole = half.text;
        whole.extend_from_slice(text);
        let origin = Origin { line, tid, entry: half.entry, resumed: None };
        self.whole(half.row, &whole, origin, sink);
        self.rejoin.give_back(whole);
    }

    fn rejoined(&mut self, half: Unfinished, text: &[u8], origin: Origin, sink: Sink<'_>) {
        let Unfinished { row, entry, told, text: mut whole } = half;
        if told {
            self.counts.skip(Skip::NotUsed);
        } else {
            whole.extend_from_slice(text);
            let resumed = Some(origin.entry);
            match rejoin::stop(&whole) {
                None => self.whole(row, &whole, Origin { entry, resumed, ..origin }, sink),
                Some(_) => self.counts.skip(Skip::Detached),
            }
        }
        if matches!(row.shape, Shape::Exit | Shape::ExitGroup) {
            self.who.ending(origin.tid);
        }
        self.rejoin.give_back(whole);
    }

    fn give_up(&mut self, half: Option<Unfinished>) {
        if let Some(half) = half {
            self.counts.never_resumed += u64::from(!half.told);
            self.rejoin.give_back(half.text);
        }
    }

    /// A second half by itself: some calls say all that matters there.
    fn resumed_alone(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        match row.shape {
            Shape::Fork | Shape::Execute => {
                let took = time::duration(text).unwrap_or_default();
                let (entry, resumed) = (origin.entry.before(took), Some(origin.entry));
                self.whole(row, text, Origin { entry, resumed, ..origin }, sink);
            }
            Shape::Close | Shape::Exit | Shape::ExitGroup => self.counts.skip(Skip::NotUsed),
            shape if shape.is_of_path() => self.counts.skip(Skip::NotUsed),
            _ => self.counts.skip(Skip::ResumedAlone),
        }
    }

    /// Another thread's execve comes to its end as this one's, without `+++ superseded`, which `-qqq` leaves out.
    fn executed_elsewhere(&mut self, origin: Origin, sink: Sink<'_>) {
        if self.rejoin.open(origin.tid).is_some_and(|row| row.shape == Shape::Execute) {
            return;
        }
        if let Some(by) = self.rejoin.executing(origin.tid) {
            self.take_over(by, origin, sink);
        }
    }

    fn superseded(&mut self, by: Tid, origin: Origin, sink: Sink<'_>) {
        self.counts.used += 1;
        self.take_over(by, origin, sink);
    }

    /// The thread of `origin` is from here on what `by` was.
    fn take_over(&mut self, by: Tid, origin: Origin, sink: Sink<'_>) {
        self.rejoin.rename(by, origin.tid);
        self.who.ended(by);
        emit(origin, b"", What::Superseded { by }, &mut self.who, sink);
    }

    fn ended(&mut self, origin: Origin, sink: Sink<'_>) {
        self.counts.used += 1;
        if let Some(half) = self.rejoin.take(origin.tid) {
            self.counts.died_within += u64::from(!half.told);
            self.rejoin.give_back(half.text);
        }
        emit(origin, b"", What::Ended { group: false }, &mut self.who, sink);
        self.who.ended(origin.tid);
    }

    /// Keeps a call whose payload was cut until it is known whether a dump follows.
    fn hold(&mut self, row: &'static Row, text: &[u8], origin: Origin) {
        let mut buffer = self.rejoin.buffer();
        buffer.extend_from_slice(text);
        self.dump.clear();
        self.held = Some(Held { row, origin, text: buffer });
    }

    #[cold]
    pub(super) fn let_go(&mut self, sink: Sink<'_>) {
        let Some(Held { row, origin, text }) = self.held.take() else {
            return;
        };
        self.counts.dumps_used += u64::from(!self.dump.is_empty());
        // What is counted stands on the call's own line, not on the one that has come since.
        let lines = std::mem::replace(&mut self.counts.lines, origin.line);
        match self.decode(row, &text, origin, true, sink) {
            Verdict::Skipped(reason) => self.counts.skip(reason),
            Verdict::Used | Verdict::Hold => self.counts.used += 1,
        }
        self.counts.lines = lines;
        self.rejoin.give_back(text);
    }
}

/// Hands out an event of the call with this text, and notes what it says about threads.
#[inline]
fn emit(origin: Origin, text: &[u8], what: What<'_>, who: &mut Attribution, sink: Sink<'_>) {
    match what {
        What::Cloned { child: Some(child), .. } => who.made(child),
        What::Ended { .. } => who.ending(origin.tid),
        _ => {}
    }
    let Origin { line, tid, entry, .. } = origin;
    sink(&Event { line, tid, entry, exit: origin.exit(text), what });
}

/// Why a call without a row is skipped.
fn not_in_table(name: &[u8]) -> Skip {
    if name.starts_with(b"syscall_") { Skip::UnknownCall } else { Skip::NotUsed }
}
