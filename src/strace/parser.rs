//! From lines to events: what each line is, and what becomes of it.

use super::attribution::{Attribution, CallOrigin, FIRST};
use super::body::{self, Body};
use super::counts::{Counts, Skip};
use super::decode::Scratch;
use super::decoder::Decoder;
use super::halves::{self, HalfMark};
use super::pending::{Half, Pending};
use super::prefix::{self, Pid, Prefix};
use super::row::{Decode, Row};
use super::table;
use super::time::{self, Clock, Moment};
use super::{TraceOptions, arguments, dump, escape, repair, returned};
use crate::event::{Event, Op, Tid, Timestamp, What};
use crate::limits;
use foldhash::HashMap;
use std::time::Duration;

/// Reads a trace line by line.
#[derive(Debug)]
pub struct Parser {
    decoder: Decoder,
    clock: Clock,
    pending: Pending,
    /// How many lines from here on are looked at as a whole for what is not strace's: the first ones, and those behind one
    /// that had something.
    closely: u32,
    numbers: repair::LineNumbers,
    /// The table of `-C` has begun and not ended.
    in_table: bool,
    /// What `-Y` has said threads are called, as it was written.
    commands: HashMap<Tid, Box<[u8]>>,
}

/// The events of one line, and of a call that waited for it. A line is read as far as its events are asked for: until
/// there is none.
#[derive(Debug)]
#[must_use = "a line is read when its events are asked for"]
pub struct Events<'p, 'l> {
    parser: &'p mut Parser,
    line: &'l [u8],
    /// The line to be read instead: put together, or without colour.
    repaired: Option<Box<[u8]>>,
    step: Step,
}

/// What is to be done with a line next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The call that waits for it comes first.
    Release,
    /// Then the line itself.
    Read,
    /// The line itself, which is none of strace's messages.
    ReadUsual,
    /// It has been read up to its time, which is this: an event had to come before its own.
    ReadFrom(Timestamp),
    Done,
}

impl Events<'_, '_> {
    /// The next event; none once the line is done with.
    #[inline]
    pub fn next(&mut self) -> Option<Event<'_>> {
        let Self { parser, line, repaired, step } = self;
        if matches!(step, Step::Done) {
            return None;
        }
        let line = repaired.as_deref().unwrap_or(line);
        match std::mem::replace(step, Step::Done) {
            Step::Release => {
                if line.first() == Some(&b' ') && parser.belongs_to_call_before(line) {
                    return None;
                }
                if parser.pending.cut().is_some() {
                    // It was decoded once, so that it is an event now, and the line is asked for again.
                    *step = Step::Read;
                    return parser.decoder.release(&mut parser.pending);
                }
                parser.read_or_message(line, step)
            }
            Step::Read => parser.read_or_message(line, step),
            Step::ReadUsual => parser.read(line, step),
            Step::ReadFrom(entry) => parser.read_any(line, prefix::parse(line), Some(entry), step),
            Step::Done => None,
        }
    }
}

impl Parser {
    /// A parser for one file, or for one stream.
    pub fn new(options: TraceOptions) -> Self {
        Self {
            decoder: Decoder {
                scratch: Scratch::new(options.number, options.pipes, options.keys),
                who: Attribution::new(options.tid),
                counts: Counts::default(),
            },
            clock: Clock::new(options.date, options.start),
            pending: Pending::default(),
            closely: limits::LINES_LOOKED_AT,
            numbers: repair::LineNumbers::default(),
            in_table: false,
            commands: HashMap::default(),
        }
    }

    /// What was met so far.
    pub fn counts(&self) -> &Counts {
        &self.decoder.counts
    }

    /// How many hosts were blotted out by a person.
    pub fn blotted_hosts(&self) -> usize {
        self.decoder.scratch.blotted_hosts()
    }

    /// Whether lines had to do without a time, and none so far had one.
    pub fn is_without_times(&self) -> bool {
        self.clock.only_counted(self.counts())
    }

    /// Takes a line without its newline; a carriage return at its end is passed over, and a number in front.
    #[inline]
    pub fn line<'l>(&mut self, line: &'l [u8]) -> Events<'_, 'l> {
        self.decoder.counts.lines += 1;
        if self.may_be_usual(line) {
            return Events { parser: self, line, repaired: None, step: Step::ReadUsual };
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = self.numbers.behind(line);
        let is_odd = self.closely > 0 || repair::may_need_repair(line) || self.pending.is_broken();
        let repaired = if is_odd { self.repaired(line).map(Vec::into_boxed_slice) } else { None };
        Events { parser: self, line, repaired, step: Step::Release }
    }

    /// Whether a line begins and ends as most do, with neither colour nor one of strace's messages nor a carriage return at
    /// its end, and is to be read by itself.
    #[inline(always)]
    const fn may_be_usual(&self, line: &[u8]) -> bool {
        matches!(line, [b'0'..=b'9', .., last] if !matches!(last, b'm' | b'd' | b's' | b'\r'))
            && self.closely == 0
            && !self.numbers.are_looked_for()
            && !self.pending.may_go_on()
    }

    /// In place of a line that was too long to be kept: it counts, so that those behind it have their right numbers.
    pub fn passed_over(&mut self) {
        self.decoder.counts.lines += 1;
        self.decoder.counts.skip(Skip::TooLong);
    }

    /// No more input has come for `quiet`: the event of the call that waits for the next line, unless its dump is still to
    /// come. Where no dump has been seen, this may be the first.
    pub fn release(&mut self, quiet: Duration) -> Option<Event<'_>> {
        let cut = self.pending.cut()?;
        if quiet < limits::DUMP_PAUSE && !self.pending.dump.is_usual() {
            return None;
        }
        // Of several messages the result is not how many bytes were moved.
        let is_of_bytes = !matches!(cut.row.decode, Decode::Payload(_, transfer) if matches!(transfer.op, Op::Sendmmsg | Op::Recvmmsg));
        let moved = || returned::parse(arguments::close(&cut.text)?)?.outcome.value();
        if quiet < limits::LONG_PAUSE && self.pending.dump.goes_on(if is_of_bytes { moved() } else { None }) {
            return None;
        }
        self.decoder.release(&mut self.pending)
    }

    /// The input is at its end: the event of the call that waits for the next line. Calls that never came to their end are
    /// counted.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        self.decoder.counts.never_resumed += self.pending.clear();
        if self.pending.take_broken(self.decoder.counts.lines).is_some() {
            self.decoder.counts.skip(Skip::Malformed);
        }
        self.decoder.release(&mut self.pending)
    }

    /// What to read in place of a line that has colour, begins with what is no text, or goes on from the one before.
    #[cold]
    fn repaired(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        self.closely = self.closely.saturating_sub(1);
        let broken = self.pending.take_broken(self.decoder.counts.lines);
        if broken.is_none() && !repair::needs_repair(line) {
            return None;
        }
        let mut plain = Vec::new();
        if repair::repaired(line, &mut plain) {
            self.decoder.counts.coloured += 1;
            self.closely = limits::LINES_LOOKED_AT;
        }
        match broken {
            Some(mut whole) if repair::goes_on(&plain) && whole.len() + plain.len() <= limits::LINE_BYTES => {
                whole.append(&mut plain);
                return Some(whole);
            }
            Some(_) => self.decoder.counts.skip(Skip::Malformed),
            None => {}
        }
        Some(plain)
    }

    /// Reads a line that may be one of strace's messages.
    #[inline(never)]
    fn read_or_message(&mut self, line: &[u8], step: &mut Step) -> Option<Event<'_>> {
        match repair::message(line) {
            Some(message) => self.message(&message),
            None => self.read(line, step),
        }
    }

    /// Reads a line, most of which are whole calls with thread and time before them.
    #[inline(always)]
    fn read(&mut self, line: &[u8], step: &mut Step) -> Option<Event<'_>> {
        self.decoder.scratch.trim();
        let Some((pid, prefix)) = prefix::usual(line) else {
            return self.read_any(line, prefix::parse(line), None, step);
        };
        // What most calls are is found out here without being put together first.
        if let Some((row, text)) = table::short_call(prefix.body) {
            let entry = self.time(prefix.moment, prefix.is_coarse);
            return self.call(row, text, self.origin(Tid(pid), entry));
        }
        self.read_usual(line, (pid, prefix), step)
    }

    /// The time of a line, from what it says of that.
    #[inline(always)]
    fn time(&mut self, moment: Moment, is_coarse: bool) -> Timestamp {
        self.decoder.counts.times_coarse += u64::from(is_coarse);
        self.clock.read(moment, &mut self.decoder.counts)
    }

    /// Reads a line with thread and time before it: a call with a longer name or without a row, or no call.
    #[inline(never)]
    fn read_usual(&mut self, line: &[u8], (pid, prefix): (u32, Prefix<'_>), step: &mut Step) -> Option<Event<'_>> {
        if prefix.body.first() != Some(&b'<')
            && let Some((name, text)) = body::call(prefix.body)
        {
            let entry = self.time(prefix.moment, prefix.is_coarse);
            return match table::find(name) {
                Some(row) => self.call(row, text, self.origin(Tid(pid), entry)),
                None => self.not_in_table(name, text, Tid(pid)),
            };
        }
        self.read_any(line, prefix, None, step)
    }

    /// Reads a line of any form, taken apart; `entry` is its time if that has been read before.
    #[inline(never)]
    fn read_any(
        &mut self,
        line: &[u8],
        Prefix { pid, moment, is_coarse, body }: Prefix<'_>,
        entry: Option<Timestamp>,
        step: &mut Step,
    ) -> Option<Event<'_>> {
        let (moment, kind) = match (body::kind(body), moment) {
            (Body::Other, _) if repair::needs_repair(line) => {
                let whole = self.repaired(line).unwrap_or_default();
                return self.read_any(&whole, prefix::parse(&whole), entry, step);
            }
            (Body::Other, _) if self.is_in_table(body) => return self.skip(Skip::Message),
            (Body::Other, Moment::Missing) => match body::behind_unreadable_time(body) {
                Some(kind) => (Moment::Unreadable, kind),
                None => return self.continued(body),
            },
            (Body::Blank, Moment::Missing) => return self.skip(Skip::Blank),
            (kind, moment) => (moment, kind),
        };
        let entry = match entry {
            Some(entry) => entry,
            None => self.time(moment, is_coarse),
        };
        let tid = match pid {
            Pid::Column(pid) | Pid::Bracket(pid) => Tid(pid),
            Pid::Missing => self.decoder.who.unnumbered(),
        };
        let origin = self.origin(tid, entry);
        if let Pid::Bracket(_) = pid {
            if self.is_first(tid, kind) {
                *step = Step::ReadFrom(entry);
                self.decoder.who.found_first(tid);
                self.pending.rename(FIRST, tid);
                return Some(self.decoder.event(origin, What::Superseded { by: FIRST }));
            }
            self.decoder.who.numbered(tid);
        }
        if let Some(written) = prefix::command(line)
            && self.is_new_name(tid, written)
        {
            *step = Step::ReadFrom(entry);
            let CallOrigin { line, tid, entry, .. } = origin;
            let what = What::Called { name: &self.decoder.scratch.command };
            return Some(Event { line, tid, entry, exit: entry, resumed: false, what });
        }
        self.body(kind, origin, step)
    }

    const fn origin(&self, tid: Tid, entry: Timestamp) -> CallOrigin {
        CallOrigin { line: self.decoder.counts.lines, tid, entry, resumed: None }
    }

    fn skip(&mut self, reason: Skip) -> Option<Event<'_>> {
        self.decoder.skip(reason)
    }

    /// `-Y` says on each line what its thread is called: whether that is another name than before, which is then in the
    /// scratch space.
    fn is_new_name(&mut self, tid: Tid, written: &[u8]) -> bool {
        if self.commands.get(&tid).is_some_and(|known| **known == *written) {
            return false;
        }
        if self.commands.len() >= limits::THREAD_NAMES {
            self.commands.clear();
        }
        self.commands.insert(tid, written.into());
        let name = &mut self.decoder.scratch.command;
        name.clear();
        escape::unquoted(written, name).is_some()
    }

    /// Whether a line is one of the table that `-C` writes at the end.
    #[cold]
    fn is_in_table(&mut self, body: &[u8]) -> bool {
        let is_part = self.in_table || repair::begins_table(body);
        self.in_table = is_part && !repair::ends_table(body);
        is_part
    }

    /// Dump and stack lines have no prefix and follow their call.
    #[cold]
    fn belongs_to_call_before(&mut self, line: &[u8]) -> bool {
        if dump::is_line(line) {
            if self.pending.cut().is_some() {
                self.pending.dump.line(line);
            } else {
                self.pending.dump.note();
                self.decoder.counts.skip(Skip::Dump);
            }
            return true;
        }
        let is_stack = line.starts_with(b" > ");
        if is_stack {
            self.decoder.counts.skip(Skip::Stack);
        }
        is_stack
    }

    fn message(&mut self, message: &repair::StraceMessage<'_>) -> Option<Event<'_>> {
        match message.attached {
            Some(child) if !message.before.is_empty() => self.decoder.who.made(Tid(child)),
            Some(attached) => self.decoder.who.attached(Tid(attached)),
            None => {}
        }
        let mut before = Vec::new();
        repair::without_colour(message.before, &mut before);
        self.pending.keep_broken(before, self.decoder.counts.lines);
        self.skip(Skip::Message)
    }

    /// Whether a line with this number can be the first thread's next one. If that has a call open, it is the call's second
    /// half; a line that is no second half may as well be of a thread that is just being made.
    fn is_first(&self, tid: Tid, kind: Body<'_>) -> bool {
        self.decoder.who.may_be_first(tid)
            && match (self.pending.open(FIRST), kind) {
                (None, Body::Resumed { .. }) => true,
                (None, _) => !self.pending.is_forking(),
                (Some(row), Body::Resumed { name, .. }) => row.name.as_bytes() == table::without_mark(name),
                (Some(_), _) => false,
            }
    }

    fn body(&mut self, kind: Body<'_>, origin: CallOrigin, step: &mut Step) -> Option<Event<'_>> {
        match kind {
            Body::Call { name, text } => match table::find(name) {
                Some(row) => self.call(row, text, origin),
                None => self.not_in_table(name, text, origin.tid),
            },
            Body::Resumed { name, text } => match table::find(name) {
                Some(row) => self.resumed(row, text, origin, step),
                None => self.skip(not_in_table(name)),
            },
            Body::Ended => Some(self.ended(origin)),
            Body::Superseded(by) => {
                self.decoder.counts.used += 1;
                Some(self.take_over(Tid(by), origin))
            }
            Body::Signal => self.skip(Skip::Signal),
            Body::Message => self.skip(Skip::Message),
            Body::Blank => self.skip(Skip::Blank),
            Body::Other => self.skip(Skip::NotStrace),
        }
    }

    #[inline]
    fn not_in_table(&mut self, name: &[u8], text: &[u8], tid: Tid) -> Option<Event<'_>> {
        if halves::may_stop(text) {
            self.pending.note_half(self.decoder.counts.lines, tid, false);
        }
        self.skip(not_in_table(name))
    }

    /// A call, or its first half.
    #[inline(always)]
    fn call(&mut self, row: &'static Row, text: &[u8], origin: CallOrigin) -> Option<Event<'_>> {
        if let Some(took) = time::duration_behind_number(text) {
            // Neither a mark nor what strace says of a result that it made up is there.
            return self.decoder.carried_out(row, text, origin, origin.entry.after(took), &mut self.pending);
        }
        if halves::may_stop(text) {
            return self.call_stopped(row, text, origin);
        }
        self.decoder.whole(row, text, origin, &mut self.pending)
    }

    #[inline(never)]
    fn call_stopped(&mut self, row: &'static Row, text: &[u8], origin: CallOrigin) -> Option<Event<'_>> {
        match halves::stop(text) {
            None => self.decoder.whole(row, text, origin, &mut self.pending),
            Some((text, HalfMark::Unfinished)) => self.decoder.begun(row, text, origin, &mut self.pending),
            Some((_, HalfMark::Detached)) => self.skip(Skip::Detached),
        }
    }

    /// The second half of a call.
    fn resumed(&mut self, row: &'static Row, text: &[u8], origin: CallOrigin, step: &mut Step) -> Option<Event<'_>> {
        if row.is_execute()
            && let Some(by) = self.executed_elsewhere(origin.tid)
        {
            *step = Step::ReadFrom(origin.entry);
            return Some(self.take_over(by, origin));
        }
        match self.pending.take_half(origin.tid) {
            Some(half) if half.row.name == row.name => self.rejoined(half, text, origin),
            other => {
                self.abandon(other);
                self.resumed_alone(row, text, origin)
            }
        }
    }

    /// A line without prefix or name. With `-z`, strace writes a call that a signal interrupted in two halves, of which
    /// the second is the next line as it is.
    #[cold]
    fn continued(&mut self, text: &[u8]) -> Option<Event<'_>> {
        let line = self.decoder.counts.lines;
        let Some((tid, is_kept)) = self.pending.half_before(line) else {
            return self.skip(Skip::NotStrace);
        };
        let half = if is_kept { self.pending.take_half(tid) } else { None };
        let Some(Half { row, entry, text: mut whole, .. }) = half.filter(|half| !half.is_settled) else {
            return self.skip(Skip::NotUsed);
        };
        whole.extend_from_slice(text);
        let event = self.decoder.whole(row, &whole, CallOrigin { line, tid, entry, resumed: None }, &mut self.pending);
        self.pending.give_back(whole);
        event
    }

    fn rejoined(&mut self, half: Half, text: &[u8], origin: CallOrigin) -> Option<Event<'_>> {
        let Half { row, entry, is_settled, text: mut whole } = half;
        if matches!(row.decode, Decode::Exit { .. }) {
            self.decoder.who.ending(origin.tid);
        }
        whole.extend_from_slice(text);
        let event = if is_settled {
            self.decoder.skip(Skip::NotUsed)
        } else if halves::stop(&whole).is_some() {
            self.decoder.skip(Skip::Detached)
        } else {
            let origin = CallOrigin { entry, resumed: Some(origin.entry), ..origin };
            self.decoder.whole(row, &whole, origin, &mut self.pending)
        };
        self.pending.give_back(whole);
        event
    }

    /// The call that a thread had open is not what it goes on with.
    fn abandon(&mut self, half: Option<Half>) {
        if let Some(half) = half {
            self.decoder.counts.never_resumed += u64::from(!half.is_settled);
            self.pending.give_back(half.text);
        }
    }

    /// A second half by itself: some calls say all that matters there.
    fn resumed_alone(&mut self, row: &'static Row, text: &[u8], origin: CallOrigin) -> Option<Event<'_>> {
        match row.decode {
            Decode::Fork(..) | Decode::Execute(_) => {
                let took = time::duration(text).unwrap_or_default();
                let origin = CallOrigin { entry: origin.entry.before(took), resumed: Some(origin.entry), ..origin };
                self.decoder.whole(row, text, origin, &mut self.pending)
            }
            Decode::Close(_) | Decode::Exit { .. } | Decode::Path(..) => self.skip(Skip::NotUsed),
            Decode::Plain(_) | Decode::Connect(_) | Decode::Shutdown(_) | Decode::Payload(..) => {
                self.skip(Skip::ResumedAlone)
            }
        }
    }

    /// The thread whose execve comes to its end as that of `tid`. `+++ superseded` says so too, but not with `-qqq`.
    fn executed_elsewhere(&self, tid: Tid) -> Option<Tid> {
        if self.pending.open(tid).is_some_and(Row::is_execute) { None } else { self.pending.executing(tid) }
    }

    /// The thread of `origin` is from here on what `by` was.
    fn take_over(&mut self, by: Tid, origin: CallOrigin) -> Event<'_> {
        self.pending.rename(by, origin.tid);
        self.decoder.who.ended(by);
        self.decoder.event(origin, What::Superseded { by })
    }

    fn ended(&mut self, origin: CallOrigin) -> Event<'_> {
        self.decoder.counts.used += 1;
        if let Some(half) = self.pending.take_half(origin.tid) {
            self.decoder.counts.died_within += u64::from(!half.is_settled);
            self.pending.give_back(half.text);
        }
        let event = self.decoder.event(origin, What::Ended { group: false });
        self.decoder.who.ended(origin.tid);
        // Another thread of this number may be called the same.
        self.commands.remove(&origin.tid);
        event
    }
}

/// Why a call without a row is skipped.
fn not_in_table(name: &[u8]) -> Skip {
    if name.starts_with(b"syscall_") { Skip::UnknownCall } else { Skip::NotUsed }
}
