//! strace's text to events: this room alone knows strace's grammar (4.9 to 7.2).
//!
//! ```text
//! bytes ─ repair ─ prefix ─ body ─┬─ table ─ decode ─ event
//!           │        │            └─ rejoin ──┘  │
//!        colour,   time,                         ├ arguments, escape, details, sockaddr: text to values
//!        messages  attribution                   └ dump: what -s cut off
//! ```
//! A [`Parser`] takes lines one by one and hands each [`Event`] to a closure at once. It never fails: what it does not
//! understand it skips, and counts by reason. It holds no more than `limits` allow, and allocates nothing for a line like
//! those before it.

mod arguments;
mod attribution;
mod body;
mod cache;
mod counts;
mod decode;
mod details;
mod dump;
mod escape;
mod names;
mod prefix;
mod rejoin;
mod repair;
mod returned;
mod sockaddr;
mod table;
mod time;

#[cfg(test)]
mod tests;

pub use counts::{Amount, Counts, Skip, Tally};

use crate::event::{Event, Tid, Timestamp, What};
use crate::limits;
use attribution::{Attribution, FIRST};
use body::Body;
use decode::{Begun, Bench, Call, Verdict};
use dump::Dump;
use prefix::{Pid, Prefix};
use rejoin::{Rejoin, Stop, Unfinished};
use table::{Row, Shape};
use time::{Clock, Moment};

/// What a trace's text does not say itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The thread whose file this is (`strace -ff -o NAME` writes `NAME.TID`), for lines without a number.
    pub tid: Option<Tid>,
    /// Midnight of the day on which times of day (`-t`, `-tt`) begin, in strace's time zone.
    pub date: Timestamp,
    /// When a trace begins that has relative times (`-r`) or none.
    pub start: Timestamp,
}

/// Where events go.
type Sink<'s> = &'s mut dyn FnMut(&Event<'_>);

/// Whose call, and when.
#[derive(Clone, Copy, Debug)]
struct Origin {
    line: u64,
    tid: Tid,
    entry: Timestamp,
    exit: Timestamp,
}

/// A call that waits for the next line, since that may begin a dump of what `-s` cut off.
#[derive(Debug)]
struct Held {
    row: &'static Row,
    origin: Origin,
    text: Vec<u8>,
}

impl Held {
    /// How many bytes the call moved, where its result says so.
    fn moved(&self) -> Option<u64> {
        match self.row.shape {
            Shape::Messages(..) => None,
            _ => returned::parse(arguments::close(&self.text)?)?
                .outcome
                .value(),
        }
    }
}

/// Reads a trace line by line.
#[derive(Debug)]
pub struct Parser {
    bench: Bench,
    clock: Clock,
    who: Attribution,
    rejoin: Rejoin,
    held: Option<Held>,
    dump: Dump,
    /// The beginning of a call that one of strace's messages broke.
    fragment: Vec<u8>,
    /// A line put together, or without colour.
    line: Vec<u8>,
    counts: Counts,
}

impl Parser {
    /// A parser for one file, or for one stream.
    pub fn new(options: Options) -> Self {
        Self {
            bench: Bench::default(),
            clock: Clock::new(options.date, options.start),
            who: Attribution::new(options.tid),
            rejoin: Rejoin::default(),
            held: None,
            dump: Dump::default(),
            fragment: Vec::new(),
            line: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// What was met so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether a call is held until the next line: call [`Parser::release`] when no more input waits.
    pub fn waiting(&self) -> bool {
        self.held.is_some()
    }

    /// Takes a line without its newline; a carriage return at its end is passed over.
    pub fn line<F: FnMut(&Event<'_>)>(&mut self, line: &[u8], sink: &mut F) {
        self.counts.lines += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if repair::may_be_coloured(line) || line.first() == Some(&0) || !self.fragment.is_empty() {
            self.mended(line, sink);
        } else {
            self.plain(line, sink);
        }
    }

    /// No more input waits: hands out the call that is held, unless its dump is still to come.
    pub fn release<F: FnMut(&Event<'_>)>(&mut self, sink: &mut F) {
        if self
            .held
            .as_ref()
            .is_some_and(|held| !self.dump.goes_on(held.moved()))
        {
            self.let_go(sink);
        }
    }

    /// The input is at its end: hands out the call that is held, and counts those that never came to their end.
    pub fn finish<F: FnMut(&Event<'_>)>(&mut self, sink: &mut F) {
        self.let_go(sink);
        self.counts.never_resumed += self.rejoin.remaining();
        self.rejoin.clear();
        if !self.fragment.is_empty() {
            self.fragment.clear();
            self.counts.skip(Skip::Malformed);
        }
    }

    /// The time at which the call on this line returned, for putting the lines of several files in order. Takes nothing
    /// in, and says nothing of lines that have no time of their own.
    pub fn completes(&self, line: &[u8]) -> Option<Timestamp> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let prefix = prefix::parse(line);
        let at = self.clock.peek(prefix.moment)?;
        match body::kind(prefix.body) {
            Body::Call { .. } => Some(at.after(time::duration(line).unwrap_or_default())),
            _ => Some(at),
        }
    }

    /// A line that has colour, begins with NUL bytes (a file with a hole), or goes on from the one before.
    #[cold]
    fn mended(&mut self, line: &[u8], sink: Sink<'_>) {
        let mut whole = std::mem::take(&mut self.line);
        whole.clear();
        if repair::without_colour(line, &mut whole) {
            self.counts.coloured += 1;
        }
        let holes = whole.iter().take_while(|byte| **byte == 0).count();
        whole.drain(..holes);
        if !self.fragment.is_empty() {
            if repair::goes_on(&whole) && self.fragment.len() + whole.len() <= limits::LINE_BYTES {
                whole.splice(..0, self.fragment.drain(..));
            } else {
                self.counts.skip(Skip::Malformed);
            }
            self.fragment.clear();
        }
        self.plain(&whole, sink);
        if whole.capacity() <= limits::SPARE_BYTES {
            self.line = whole;
        }
    }

    #[inline]
    fn plain(&mut self, line: &[u8], sink: Sink<'_>) {
        if line.first() == Some(&b' ') && self.belongs_to_call_before(line) {
            return;
        }
        if self.held.is_some() {
            self.let_go(sink);
        }
        self.bench.tidy();
        if let Some(message) = repair::message(line) {
            self.message(&message);
            return;
        }
        let Prefix { pid, moment, body } = prefix::parse(line);
        let kind = body::kind(body);
        let (moment, kind) = match (kind, moment) {
            (Body::Other, Moment::Missing) => match body::behind_unreadable_time(body) {
                Some(kind) => (Moment::Unreadable, kind),
                None => return self.counts.skip(Skip::NotStrace),
            },
            (kind, moment) => (moment, kind),
        };
        let entry = if kind == Body::Blank && moment == Moment::Missing {
            return self.counts.skip(Skip::Blank);
        } else {
            self.clock.read(moment, &mut self.counts)
        };
        let tid = self.thread(pid, kind, entry, sink);
        let origin = Origin {
            line: self.counts.lines,
            tid,
            entry,
            exit: entry,
        };
        self.body(kind, origin, sink);
    }

    /// Dump and stack lines have no prefix and follow their call.
    #[cold]
    fn belongs_to_call_before(&mut self, line: &[u8]) -> bool {
        if dump::is_line(line) {
            if self.held.is_some() {
                self.dump.line(line);
            } else {
                self.dump.note();
                self.counts.skip(Skip::Dump);
            }
            return true;
        }
        let stack = line.starts_with(b" > ");
        if stack {
            self.counts.skip(Skip::Stack);
        }
        stack
    }

    fn message(&mut self, message: &repair::Message<'_>) {
        self.counts.skip(Skip::Message);
        match message.attached {
            Some(child) if !message.before.is_empty() => self.who.made(Tid(child)),
            Some(attached) => self.who.attached(Tid(attached)),
            None => {}
        }
        self.fragment.extend_from_slice(message.before);
    }

    /// Whose line it is.
    #[inline]
    fn thread(&mut self, pid: Pid, kind: Body<'_>, at: Timestamp, sink: Sink<'_>) -> Tid {
        match pid {
            Pid::Column(pid) => Tid(pid),
            Pid::Missing => self.who.unnumbered(),
            Pid::Bracket(pid) => {
                let tid = Tid(pid);
                if self.who.may_be_first(tid) && self.is_first(kind) {
                    self.who.found_first(tid);
                    self.rejoin.rename(FIRST, tid);
                    let line = self.counts.lines;
                    sink(&Event {
                        line,
                        tid,
                        entry: at,
                        exit: at,
                        what: What::Superseded { by: FIRST },
                    });
                }
                self.who.numbered(tid);
                tid
            }
        }
    }

    /// Whether a line can be the first thread's next one: if that has a call open, then only the call's second half. And
    /// a line that is no second half may as well be of a thread that is just being made.
    fn is_first(&self, kind: Body<'_>) -> bool {
        match (self.rejoin.open(FIRST), kind) {
            (None, Body::Resumed { .. }) => true,
            (None, _) => !self.rejoin.is_forking(),
            (Some(row), Body::Resumed { name, .. }) => {
                row.name.as_bytes() == table::without_mark(name)
            }
            (Some(_), _) => false,
        }
    }

    #[inline]
    fn body(&mut self, kind: Body<'_>, origin: Origin, sink: Sink<'_>) {
        match kind {
            Body::Call { name, text } => {
                match table::find(name).or_else(|| table::find(table::without_mark(name))) {
                    Some(row) => self.call(row, text, origin, sink),
                    None => self.counts.skip(not_in_table(name)),
                }
            }
            Body::Resumed { name, text } => match table::find(table::without_mark(name)) {
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
    fn call(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        match rejoin::stop(text) {
            None => {
                let exit = origin.entry.after(time::duration(text).unwrap_or_default());
                self.whole(row, text, Origin { exit, ..origin }, sink);
            }
            Some((text, Stop::Unfinished)) => self.begun(row, text, origin, sink),
            Some((_, Stop::Detached)) => self.counts.skip(Skip::Detached),
        }
    }

    /// A whole call.
    #[inline]
    fn whole(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        match self.decode(row, text, origin, false, sink) {
            Verdict::Used => self.counts.used += 1,
            Verdict::Skipped(reason) => self.counts.skip(reason),
            Verdict::Hold => self.hold(row, text, origin),
        }
    }

    #[inline]
    fn decode(
        &mut self,
        row: &'static Row,
        text: &[u8],
        origin: Origin,
        dumped: bool,
        sink: Sink<'_>,
    ) -> Verdict {
        let Self {
            bench,
            who,
            dump,
            counts,
            ..
        } = self;
        let call = Call {
            row,
            text,
            dump: dumped.then_some(&*dump),
        };
        decode::decode(call, bench, counts, &mut |what| {
            emit(origin, what, who, sink);
        })
    }

    /// The first half of a call.
    fn begun(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        let Self { bench, who, .. } = self;
        let call = Call {
            row,
            text,
            dump: None,
        };
        let begun = decode::begin(call, bench, &mut |what| emit(origin, what, who, sink));
        let mut buffer = self.rejoin.buffer();
        match begun {
            Begun::Keep => buffer.extend_from_slice(text),
            Begun::Told => self.counts.used += 1,
            Begun::NotUsed(_) => {}
        }
        if begun != Begun::Told {
            self.counts.skip(Skip::Unfinished);
        }
        let half = Unfinished {
            row,
            entry: origin.entry,
            told: begun != Begun::Keep,
            text: buffer,
        };
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
        let Some(half) = self.rejoin.take(origin.tid).filter(|half| half.row == row) else {
            return self.resumed_alone(row, text, origin, sink);
        };
        let Unfinished {
            entry,
            told,
            text: mut whole,
            ..
        } = half;
        if told {
            self.counts.skip(Skip::NotUsed);
        } else {
            whole.extend_from_slice(text);
            match rejoin::stop(&whole) {
                None => self.whole(row, &whole, Origin { entry, ..origin }, sink),
                Some(_) => self.counts.skip(Skip::Detached),
            }
        }
        self.rejoin.give_back(whole);
    }

    /// A second half by itself: some calls say all that matters there.
    fn resumed_alone(&mut self, row: &'static Row, text: &[u8], origin: Origin, sink: Sink<'_>) {
        match row.shape {
            Shape::Fork | Shape::Execute => self.whole(row, text, origin, sink),
            Shape::Close | Shape::Exit | Shape::ExitGroup => self.counts.skip(Skip::NotUsed),
            _ => self.counts.skip(Skip::ResumedAlone),
        }
    }

    /// Another thread's execve comes to its end as this one's, without `+++ superseded`, which `-qqq` leaves out.
    fn executed_elsewhere(&mut self, origin: Origin, sink: Sink<'_>) {
        if self
            .rejoin
            .open(origin.tid)
            .is_some_and(|row| row.shape == Shape::Execute)
        {
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
        emit(origin, What::Superseded { by }, &mut self.who, sink);
    }

    fn ended(&mut self, origin: Origin, sink: Sink<'_>) {
        self.counts.used += 1;
        if let Some(half) = self.rejoin.take(origin.tid) {
            self.counts.died_within += u64::from(!half.told);
            self.rejoin.give_back(half.text);
        }
        self.who.ended(origin.tid);
        emit(origin, What::Ended { group: false }, &mut self.who, sink);
    }

    /// Keeps a call whose payload was cut until it is known whether a dump follows.
    fn hold(&mut self, row: &'static Row, text: &[u8], origin: Origin) {
        let mut buffer = self.rejoin.buffer();
        buffer.extend_from_slice(text);
        self.dump.clear();
        self.held = Some(Held {
            row,
            origin,
            text: buffer,
        });
    }

    #[cold]
    fn let_go(&mut self, sink: Sink<'_>) {
        let Some(Held { row, origin, text }) = self.held.take() else {
            return;
        };
        self.counts.dumps_used += u64::from(!self.dump.is_empty());
        match self.decode(row, &text, origin, true, sink) {
            Verdict::Skipped(reason) => self.counts.skip(reason),
            Verdict::Used | Verdict::Hold => self.counts.used += 1,
        }
        self.rejoin.give_back(text);
    }
}

/// Hands an event out, and notes what it says about threads.
#[inline]
fn emit(origin: Origin, what: What<'_>, who: &mut Attribution, sink: Sink<'_>) {
    if let What::Cloned {
        child: Some(child), ..
    } = what
    {
        who.made(child);
    }
    let Origin {
        line,
        tid,
        entry,
        exit,
    } = origin;
    sink(&Event {
        line,
        tid,
        entry,
        exit,
        what,
    });
}

fn not_in_table(name: &[u8]) -> Skip {
    if name.starts_with(b"syscall_") {
        Skip::UnknownCall
    } else {
        Skip::NotUsed
    }
}
