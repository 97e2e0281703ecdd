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
mod call;
mod counts;
mod decode;
mod details;
mod dump;
mod escape;
mod evidence;
mod fifos;
mod known;
mod names;
mod prefix;
mod rejoin;
mod repair;
mod returned;
mod sockaddr;
mod symbols;
mod table;
mod time;
mod times;

#[cfg(test)]
mod tests;

pub use counts::{Amount, Counts, Skip, Tally};
pub use evidence::{Evidence, evidence, has_call};
pub use fifos::Fifos;
pub use known::is_system_call;
pub use repair::repaired;
pub use times::Times;

use crate::event::{Event, Tid, Timestamp, What};
use crate::limits;
use attribution::{Attribution, FIRST};
use body::Body;
use call::{HalfBefore, Held, Origin};
use decode::Bench;
use dump::Dump;
use prefix::{Pid, Prefix};
use rejoin::Rejoin;
use rustc_hash::FxHashMap;
use time::{Clock, Moment};

/// What a trace's text does not say itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The thread whose file this is (`strace -ff -o NAME` writes `NAME.TID`), for lines without a number.
    pub tid: Option<Tid>,
    /// Midnight of the day on which times of day (`-t`, `-tt`) begin, in strace's time zone.
    pub date: Timestamp,
    /// When a trace begins that has relative times (`-r`) or none.
    pub start: Timestamp,
    /// Pipes are told of as sockets are, and so are these FIFOs; else they are descriptors like those of files.
    pub pipes: Option<Fifos>,
}

/// Where events go.
type Sink<'s> = &'s mut dyn FnMut(&Event<'_>);

/// Reads a trace line by line.
///
/// ```
/// use strace2pcap::event::What;
/// use strace2pcap::strace::{Options, Parser};
///
/// let line = br#"12 1700000000.000001 write(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "\x48\x69", 2) = 2"#;
/// let mut payload = Vec::new();
/// Parser::new(Options::default()).line(line, &mut |event| {
///     if let What::Move(call) = &event.what {
///         payload.extend_from_slice(call.payload);
///     }
/// });
/// assert_eq!(payload, b"Hi");
/// ```
#[derive(Debug)]
pub struct Parser {
    bench: Bench,
    clock: Clock,
    who: Attribution,
    rejoin: Rejoin,
    /// The first half on the line before, if that was one.
    half_before: Option<HalfBefore>,
    held: Option<Held>,
    dump: Dump,
    /// The beginning of a call that one of strace's messages broke.
    fragment: Vec<u8>,
    /// A line put together, or without colour.
    line: Vec<u8>,
    /// How many lines from here on are looked at as a whole for what is not strace's: the first ones, and those behind one
    /// that had something.
    closely: u32,
    /// The table of `-C` has begun and not ended.
    in_table: bool,
    /// What `-Y` has said threads are called, as it was written.
    commands: FxHashMap<Tid, Box<[u8]>>,
    counts: Counts,
}

impl Parser {
    /// A parser for one file, or for one stream.
    pub fn new(options: Options) -> Self {
        Self {
            bench: Bench::new(options.pipes),
            clock: Clock::new(options.date, options.start),
            who: Attribution::new(options.tid),
            rejoin: Rejoin::default(),
            half_before: None,
            held: None,
            dump: Dump::default(),
            fragment: Vec::new(),
            line: Vec::new(),
            closely: limits::LINES_LOOKED_AT,
            in_table: false,
            commands: FxHashMap::default(),
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
        if self.closely > 0 || repair::may_need_repair(line) {
            self.mended(line, sink);
        } else {
            self.plain(line, sink);
        }
    }

    /// Stands for a line that was too long to be kept: it counts, so that those behind it have their right numbers.
    pub fn passed_over(&mut self) {
        self.counts.lines += 1;
        self.counts.skip(Skip::TooLong);
    }

    /// Whether lines had to do without a time, and none so far had one.
    pub fn is_without_times(&self) -> bool {
        self.clock.only_counted(&self.counts)
    }

    /// No more input waits: hands out the call that is held, unless its dump is still to come.
    pub fn release<F: FnMut(&Event<'_>)>(&mut self, sink: &mut F) {
        if self.held.as_ref().is_some_and(|held| !self.dump.goes_on(held.moved())) {
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

    /// A line that may have colour, begin with what is no text, or go on from the one before.
    #[cold]
    fn mended(&mut self, line: &[u8], sink: Sink<'_>) {
        self.closely = self.closely.saturating_sub(1);
        if self.fragment.is_empty() && !repair::needs_repair(line) {
            return self.plain(line, sink);
        }
        let mut whole = std::mem::take(&mut self.line);
        if repaired(line, &mut whole) {
            self.counts.coloured += 1;
            self.closely = limits::LINES_LOOKED_AT;
        }
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
        let Some((pid, nanoseconds, body)) = prefix::usual(line) else {
            return self.parted(line, prefix::parse(line), sink);
        };
        let moment = Moment::Epoch(nanoseconds);
        // Most bodies are calls. What they are is found out here without being put together first.
        if body.first() != Some(&b'<')
            && let Some((name, text)) = body::at_parenthesis(body)
        {
            if let Some(row) = table::find(name) {
                let entry = self.clock.read(moment, &mut self.counts);
                let origin = Origin { line: self.counts.lines, tid: Tid(pid), entry, resumed: None };
                return self.call(row, text, origin, sink);
            }
            if body::is_name(name) {
                self.clock.read(moment, &mut self.counts);
                return self.not_in_table(name, text, Tid(pid));
            }
        }
        let pid = Pid::Column(pid);
        self.parted(line, Prefix { pid, moment, body }, sink);
    }

    /// A line of any form, taken apart.
    #[inline(never)]
    fn parted(&mut self, line: &[u8], Prefix { pid, moment, body }: Prefix<'_>, sink: Sink<'_>) {
        let kind = body::kind(body);
        let (moment, kind) = match (kind, moment) {
            (Body::Other, _) if repair::needs_repair(line) => return self.mended(line, sink),
            (Body::Other, _) if self.is_in_table(body) => return self.counts.skip(Skip::Message),
            (Body::Other, Moment::Missing) => match body::behind_unreadable_time(body) {
                Some(kind) => (Moment::Unreadable, kind),
                None => return self.continued(body, sink),
            },
            (kind, moment) => (moment, kind),
        };
        let entry = if kind == Body::Blank && moment == Moment::Missing {
            return self.counts.skip(Skip::Blank);
        } else {
            self.clock.read(moment, &mut self.counts)
        };
        let tid = self.thread(pid, kind, entry, sink);
        if let Some(name) = prefix::command(line) {
            self.called(tid, name, entry, sink);
        }
        let origin = Origin { line: self.counts.lines, tid, entry, resumed: None };
        self.body(kind, origin, sink);
    }

    /// `-Y` says on each line what its thread is called: told where it is another name than before.
    fn called(&mut self, tid: Tid, written: &[u8], at: Timestamp, sink: Sink<'_>) {
        if self.commands.get(&tid).is_some_and(|known| **known == *written) {
            return;
        }
        if self.commands.len() >= limits::THREAD_NAMES {
            self.commands.clear();
        }
        self.commands.insert(tid, written.into());
        let mut name = Vec::new();
        if escape::unquoted(written, &mut name).is_some() {
            sink(&Event { line: self.counts.lines, tid, entry: at, exit: at, what: What::Called { name: &name } });
        }
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
        repair::without_colour(message.before, &mut self.fragment);
        if !self.fragment.is_empty() {
            self.closely = self.closely.max(1);
        }
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
                    sink(&Event { line, tid, entry: at, exit: at, what: What::Superseded { by: FIRST } });
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
            (Some(row), Body::Resumed { name, .. }) => row.name.as_bytes() == table::without_mark(name),
            (Some(_), _) => false,
        }
    }
}
