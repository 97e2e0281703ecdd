//! The way of the data: a line becomes events, an event changes, a change frames, a frame a record.

mod clock;
mod conversations;
mod filter;
mod offers;
mod picture;

use crate::capture::Capture;
use crate::dates::{Date, Day};
use crate::escape::escaped;
use crate::event::{Details, Event, Move, Op, ProcessRef, Sharing, Timestamp, What, as_u64};
use crate::limits;
use crate::packets::ViewKind;
use crate::run::name::Name;
use crate::run::options::{Format, Options, Recorded};
use crate::run::report::advice::{GivenTimes, Selected};
use crate::run::report::keys::{LeftOutKey, NoteKey};
use crate::run::report::traffic::{Printed, Traffic};
use crate::run::report::{LineRef, Report, addresses, advice, hints, reading, within};
use crate::run::traced::{ProcessSource, ThreadInfo};
use crate::secrets::Secrets;
use crate::sockets::Sockets;
use crate::strace::{self, Parser};
use crate::unix::{self, Advice, Chosen, PortRule};
use crate::views::{Newcomer, Views};
use crate::wire::{Packet, Record, Sink};
use clock::TraceClock;
use conversations::Conversations;
use filter::Filter;
use picture::Picture;
use std::io::{self, Write};
use std::time::Duration;

/// Sockets and views: from events to records.
#[derive(Debug)]
struct Engine {
    sockets: Sockets,
    picture: Picture,
    /// What certain UNIX servers' ports were to be.
    rules: Vec<PortRule>,
    /// The number of the trace whose events come.
    trace: usize,
    /// Where the capture is in order of time.
    clock: Option<TraceClock>,
    /// The TLS keys that the traces tell.
    secrets: Secrets,
    /// They are looked for.
    seeks_keys: bool,
    /// The key log that was given and holds none.
    keyless: Option<Box<[u8]>>,
    /// Where the processes can be asked what they are called.
    live: Option<ProcessSource>,
}

impl Engine {
    fn new(options: &Options) -> Self {
        let unix = unix::UnixOptions {
            sockets: options.unix,
            seed: options.seed,
            ports: options.unix_port,
            rules: options.unix_port_for.clone(),
            only_ports: options.ports.clone(),
            view: options.view,
            dbus: options.dbus,
            records: options.format == Format::PcapNg,
        };
        let local = (options.unix || options.pipes).then_some(unix);
        let views =
            Views::new(options.net.then_some((options.view, options.seed)), local, options.format == Format::PcapNg);
        let (filter, traffic) = (Filter::of(options), Traffic::default());
        Self {
            sockets: Sockets::default(),
            picture: Picture { views, filter, traffic },
            rules: options.unix_port_for.clone(),
            trace: 0,
            clock: (options.view == ViewKind::Wire).then(TraceClock::default),
            secrets: Secrets::new(options.format == Format::PcapNg && options.view == ViewKind::Wire),
            seeks_keys: options.tls_keys,
            keyless: None,
            live: None,
        }
    }

    /// Takes the next event: what it changes goes to the views, and what they make of it to `sink`.
    fn event<S: Sink>(&mut self, event: &Event<'_>, sink: &mut S) -> Result<(), S::Error> {
        if let Some(clock) = &mut self.clock {
            if clock.tick(event.exit) {
                clock.set_back.get_or_insert(LineRef { trace: self.trace, line: event.line });
                sink.set_back(event.entry)?;
            }
            let holds = self.picture.views.have_due(clock.now) || self.secrets.holds() || clock.line.is_some();
            if std::mem::replace(&mut clock.held, holds) || holds {
                self.settle(sink)?;
            }
        }
        if self.picture.views.tell_who() {
            let newcomer = self.picture.views.turn_to(event, &mut self.sockets, sink)?;
            if let (Some(newcomer), true) = (newcomer, self.live.is_some()) {
                self.look(newcomer, event, sink)?;
            }
        }
        let Self { sockets, picture, secrets, .. } = self;
        if let Some(filter) = picture.filter.as_mut().filter(|filter| filter.is_by_thread()) {
            filter.turn_to(event.tid, sockets.process_of(event));
        }
        let What::Move(call) = &event.what else {
            return self.other(event, sink);
        };
        if call.payload.is_empty() {
            picture.traffic.tried(call.op);
        }
        sockets.apply(event);
        if self.seeks_keys && is_to_unknown(call) && sockets.changes().is_empty() {
            secrets.written(call.payload, (sockets.acting, call.socket.fd), sink)?;
        }
        self.pass_on(event, sink)
    }

    /// Takes an event that moves no payload which is seen.
    #[inline(never)]
    fn other<S: Sink>(&mut self, event: &Event<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Self { sockets, picture, trace, secrets, .. } = self;
        let asks_for_maker = picture.filter.as_ref().is_none_or(Filter::asks_for_maker);
        match &event.what {
            What::MoveBegun { op, .. } => picture.traffic.tried(*op),
            What::Opaque { .. } if asks_for_maker => picture.traffic.ring(LineRef { trace: *trace, line: event.line }),
            _ => {}
        }
        sockets.apply(event);
        picture.views.note(event, sockets);
        if let What::Keys { lines, file } = &event.what
            && asks_for_maker
        {
            secrets.take(lines, (file, sockets.acting), sink)?;
        }
        self.pass_on(event, sink)
    }

    /// What an event has changed goes to the views.
    #[inline(always)]
    fn pass_on<S: Sink>(&mut self, event: &Event<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Self { sockets, picture, trace, secrets, .. } = self;
        let place = LineRef { trace: *trace, line: event.line };
        let sink = &mut secrets.watch(sink);
        loop {
            for change in sockets.changes() {
                picture.take(change, sockets.refs(event), place, sink)?;
            }
            if !sockets.goes_on() {
                return Ok(());
            }
        }
    }

    /// Finds out about somebody who does an event for the first time, where the machine can be asked: its name, and whose
    /// thread it is, which is then taken as if the trace had shown how it was made.
    #[cold]
    fn look<S: Sink>(&mut self, newcomer: Newcomer, event: &Event<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Some(mut live) = self.live.take() else { return Ok(()) };
        let mut found = live.look(newcomer.process);
        let leader = found.as_ref().map(|found| found.process).filter(|leader| *leader != newcomer.process);
        if let Some(leader) = leader {
            let sharing = Sharing { thread: true, files: true };
            let what = What::Cloned { child: Some(newcomer.process), sharing };
            let made = Event { tid: leader, what, ..*event };
            self.picture.views.turn_to(&made, &mut self.sockets, sink)?;
            self.sockets.apply(&made);
            self.picture.views.note(&made, &mut self.sockets);
            self.pass_on(&made, sink)?;
            found = live.look(leader);
        }
        self.live = Some(live);
        if let Some(ThreadInfo { process, name, path }) = found.filter(|_| leader.is_some() || !newcomer.has_name) {
            self.picture.views.named(process, &name, path.as_deref());
        }
        self.picture.views.turn_to(event, &mut self.sockets, sink)?;
        Ok(())
    }

    /// Writes what has waited long enough, and what nothing can come in front of any more.
    #[inline(never)]
    fn settle<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let Self { sockets, picture, clock: Some(clock), secrets, .. } = self else { return Ok(()) };
        let earliest = picture.views.settle(clock.now, sockets.last_refs(), &mut secrets.watch(sink))?;
        let earliest = earliest.min(secrets.settle(clock.now));
        secrets.watch(sink).settle(clock.line.map_or(earliest, |line| line.min(earliest)))
    }

    /// Nothing has come for so long: what waited for that is written, and nothing in front of it any more.
    fn pause<S: Sink>(&mut self, quiet: Duration, sink: &mut S) -> Result<(), S::Error> {
        let Self { sockets, picture, secrets, .. } = self;
        picture.views.pause(quiet, sockets.last_refs(), &mut secrets.watch(sink))?;
        let until = secrets.pause(quiet);
        secrets.watch(sink).settle(until)
    }

    /// Adds what is to be said of options: those that nothing came of, what they leave out, and what Wireshark needs.
    fn tell(&self, names: &[Name], report: &mut Report) -> Selected {
        let chosen = self.picture.views.chosen();
        let mut unfound = Vec::new();
        if chosen.is_some() {
            let is_used = |place| chosen.is_some_and(|chosen| chosen.has_used(place));
            unfound.extend(hints::unused(&self.rules, is_used).into_iter().map(|option| (option, String::new())));
        } else if !self.rules.is_empty() {
            let text = "--unix-port-for has no effect, for UNIX sockets are not converted";
            report.note(NoteKey::NoEffect, text, "give --capture-unix-socket");
        }
        if let Some(place) = self.clock.as_ref().and_then(|clock| clock.set_back) {
            advice::set_back(place, names, report);
        }
        let mut selected = Selected::default();
        if let Some(filter) = &self.picture.filter {
            let servers: Vec<u16> = chosen.into_iter().flat_map(Chosen::ports).collect();
            let others = filter.unfound(&servers, chosen.into_iter().flat_map(Chosen::others));
            selected = Selected {
                left_out: filter.left_out(),
                options: filter.options(),
                is_by_thread: filter.is_by_thread_alone(),
                is_told: !others.is_empty(),
            };
            unfound.extend(others);
            let what = "messages of processes, ports or sockets that were not asked for";
            report.leave_out(LeftOutKey::NotAskedFor, what, filter.left_out());
        }
        for (option, cure) in unfound {
            report.note(NoteKey::SelectsNothing, format!("{option} selects nothing in this trace"), cure);
        }
        self.tell_keys(report);
        let Picture { views, traffic, .. } = &self.picture;
        let fastcgi = traffic.fastcgi().iter().map(|port| Advice::of_fastcgi(*port));
        let http2 = views.joined().filter_map(|(port, is_seeded)| Advice::of_http2(port, is_seeded));
        for hint in hints::for_wireshark(chosen, fastcgi.chain(http2), views.lack()) {
            report.hint(hint);
        }
        selected
    }

    /// Adds whose secrets are in the capture, or where Wireshark finds them.
    fn tell_keys(&self, report: &mut Report) {
        let secrets = &self.secrets;
        if let Some(file) = &self.keyless {
            let text = format!("--keylog {} has no effect, no line of it is a TLS key", escaped(file));
            report.note(NoteKey::NoEffect, text, "give the file that SSLKEYLOGFILE named, once it is written");
        }
        let sessions = secrets.count();
        if sessions == 0 {
            return;
        }
        report.has_keys();
        if secrets.are_shown() {
            report.keys(sessions);
        } else {
            secrets.files().map(hints::keys).for_each(|hint| report.hint(hint));
        }
    }

    fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        // A look behind the last line finds the same.
        self.settle(sink)?;
        let Self { sockets, picture: Picture { views, .. }, secrets, .. } = self;
        let sink = &mut secrets.watch(sink);
        sockets.finish();
        loop {
            for change in sockets.changes() {
                views.change(change, sockets.last_refs(), sink)?;
            }
            if !sockets.goes_on() {
                break;
            }
        }
        views.finish(sink)?;
        sink.settle(Timestamp::MAX)
    }
}

/// Whether a call writes to a descriptor of which nothing is told: it may be a file's.
#[inline]
fn is_to_unknown(call: &Move<'_>) -> bool {
    matches!(call.socket.details, Details::Missing) && matches!(call.op, Op::Write | Op::Writev)
}

/// What has been written.
#[derive(Debug)]
struct Written<W: Write> {
    capture: Capture<W>,
    packets: u64,
    payload_bytes: u64,
    /// Counted for a person alone.
    conversations: Option<Conversations>,
}

impl<W: Write> Sink for Written<W> {
    type Error = io::Error;

    #[inline]
    fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        if let Some(conversations) = &mut self.conversations {
            conversations.take(&packet.frame);
        }
        self.packets += 1;
        self.payload_bytes += as_u64(packet.frame.payload.len());
        Ok(self.capture.packet(packet)?)
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let payload = match *record {
            Record::Packet(packet) => return self.packet(packet),
            Record::Dbus { bytes, .. } => bytes,
            Record::Journal { entry, .. } => entry,
            Record::Name { .. } | Record::Secrets { .. } | Record::Process { .. } => {
                return Ok(self.capture.record(record)?);
            }
        };
        self.packets += 1;
        self.payload_bytes += as_u64(payload.len());
        Ok(self.capture.record(record)?)
    }

    #[inline]
    fn expect(&mut self, time: Timestamp) {
        self.capture.expect(time);
    }

    #[inline]
    fn settle(&mut self, until: Timestamp) -> io::Result<()> {
        Ok(self.capture.settle(until)?)
    }

    fn set_back(&mut self, time: Timestamp) -> io::Result<()> {
        Ok(self.capture.set_back(time)?)
    }
}

/// A trace: its name for messages, and what its text does not say.
#[derive(Clone, Debug)]
pub struct Trace {
    /// As messages have it.
    pub name: Name,
    /// What its parser needs to be told.
    pub options: strace::TraceOptions,
}

/// From lines to a capture.
#[derive(Debug)]
pub struct Converter<W: Write> {
    /// One for each trace: every file has its own threads' halves of calls, and its own clock.
    parsers: Vec<Parser>,
    names: Vec<Name>,
    engine: Engine,
    written: Written<W>,
    given: GivenTimes,
    recorded: Recorded,
    /// Where the capture goes, where a person is told at the end.
    closing: Option<Name>,
    /// The day that nobody has given, of each trace.
    assumed: Option<Vec<Day>>,
}

impl<W: Write> Converter<W> {
    /// A converter of `traces` that writes into `sink`.
    ///
    /// # Errors
    ///
    /// The capture's header could not be written.
    pub fn new(options: &Options, traces: &[Trace], sink: W) -> io::Result<Self> {
        let mut capture = Capture::new(options.format, options.view == ViewKind::Wire, sink)?;
        capture.comment(options.comments);
        let numbered = (0..).zip(traces);
        let parsers =
            numbered.map(|(number, trace)| Parser::new(strace::TraceOptions { number, ..trace.options.clone() }));
        let mut engine = Engine::new(options);
        if traces.len() > 1 {
            engine.sockets.merge(traces.len());
        }
        let days = || traces.iter().map(|trace| trace.options.date).collect();
        Ok(Self {
            parsers: parsers.collect(),
            names: traces.iter().map(|trace| trace.name.clone()).collect(),
            engine,
            written: Written { capture, packets: 0, payload_bytes: 0, conversations: None },
            given: GivenTimes { date: options.date.is_some(), start: options.start.is_some() },
            recorded: options.recorded,
            closing: None,
            assumed: options.date.is_none().then(days),
        })
    }

    /// A person waits for the end, and is to be told what was written to `output`.
    pub fn close_with(&mut self, output: Name) {
        self.closing = Some(output);
        self.written.conversations = Some(Conversations::default());
    }

    /// Processes whose names the trace does not tell can be asked for them.
    pub fn ask(&mut self, live: Option<ProcessSource>) {
        self.engine.live = live;
    }

    /// These TLS keys, lines of a key log, are to be in the capture, or known to be in the file of that name.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn give_keys(&mut self, log: &[u8], file: &[u8]) -> io::Result<()> {
        self.engine.secrets.take(log, (file, ProcessRef::default()), &mut self.written)?;
        self.engine.keyless = (self.engine.secrets.count() == 0).then(|| file.into());
        Ok(())
    }

    /// The date that times of day were given, where nobody gave one and there are any.
    fn assumed_date(&self) -> Option<Date> {
        let dated = self.parsers.iter().zip(self.assumed.iter().flatten());
        let mut assumed = dated.filter(|(parser, _)| {
            let counts = parser.counts();
            advice::are_usual(counts.times_of_day, counts)
        });
        assumed.next().and_then(|(_, day)| Date::at(day.midnight()))
    }

    /// The next line, without its end, of the trace with number `trace` (from 0, in the order of the command line). `time`:
    /// of several traces in order of time, that of this line; no later one is earlier.
    ///
    /// # Errors
    ///
    /// Those of the sink, here and below, given on as they are: a broken pipe is told from a full disk by
    /// [`io::Error::kind`].
    #[inline]
    pub fn line(&mut self, trace: usize, time: Option<Timestamp>, line: &[u8]) -> io::Result<()> {
        let Self { parsers, engine, written, .. } = self;
        engine.trace = trace;
        if let (Some(clock), Some(_)) = (&mut engine.clock, time) {
            clock.line = time;
        }
        if let Some(parser) = parsers.get_mut(trace) {
            let mut events = parser.line(line);
            while let Some(event) = &events.next() {
                engine.event(event, written)?;
            }
        }
        Ok(())
    }

    /// In place of a line that was longer than [`crate::limits::LINE_BYTES`]: it counts as a line for line numbers.
    pub fn too_long(&mut self, trace: usize) {
        if let Some(parser) = self.parsers.get_mut(trace) {
            parser.passed_over();
        }
    }

    /// Whether a line was strace's.
    pub fn has_understood(&self) -> bool {
        self.parsers.iter().any(|parser| parser.counts().understood() > 0)
    }

    /// Nothing has come for so long: what waits no longer than that is written, and all that is goes to the sink. The
    /// header, too, when nothing else has come yet.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn pause(&mut self, quiet: Duration) -> io::Result<()> {
        self.release(Some(quiet))?;
        if quiet >= limits::PAUSE {
            self.engine.pause(quiet, &mut self.written)?;
        } else {
            self.engine.settle(&mut self.written)?;
        }
        Ok(self.written.capture.flush()?)
    }

    /// The input has ended, or the end was asked for: what is still held goes to the sink.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn finish(&mut self) -> io::Result<()> {
        self.release(None)?;
        self.engine.finish(&mut self.written)?;
        self.written.capture.finish()?;
        Ok(self.written.capture.flush()?)
    }

    /// Passes on the call that each parser holds: what it holds no longer after such a pause, and at the end all.
    fn release(&mut self, quiet: Option<Duration>) -> io::Result<()> {
        let Self { parsers, engine, written, .. } = self;
        for (trace, parser) in parsers.iter_mut().enumerate() {
            engine.trace = trace;
            let event = match quiet {
                Some(quiet) => parser.release(quiet),
                None => parser.finish(),
            };
            if let Some(event) = event {
                engine.event(&event, written)?;
            }
        }
        Ok(())
    }

    /// Lets the capture itself tell what `report` warns of, behind its last packet.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn tell(&mut self, report: &Report) -> io::Result<()> {
        let capture = &mut self.written.capture;
        let last = capture.last();
        for entry in within::entries(report, last) {
            capture.record(&Record::Journal { time: last.unwrap_or_default(), entry: entry.as_bytes() })?;
        }
        Ok(capture.flush()?)
    }

    /// For the comment of the whole capture to be this text: what is to be written at which byte of it, where that can be.
    pub fn section_comment(&self, text: &str) -> Option<(u64, Vec<u8>)> {
        self.written.capture.section_comment(text)
    }

    /// The sink, with what has gone to it.
    pub fn into_sink(self) -> W {
        self.written.capture.into_sink()
    }

    /// What has come of it, after the end, whichever way it came; `read_all`: it was the end of the input.
    pub fn report(&self, read_all: bool) -> Report {
        let Engine { sockets, picture: Picture { views, traffic, .. }, .. } = &self.engine;
        let Written { capture, packets, payload_bytes, .. } = &self.written;
        let mut report = Report::of_capture(*packets, *payload_bytes, capture.bytes());
        report.recorded = self.recorded;
        let counts: Vec<_> = self.parsers.iter().map(Parser::counts).collect();
        traffic.tell(Printed::of(&counts), &self.names, &mut report);
        addresses::tell(views.invented(), sockets.has_full_details(), &mut report);
        addresses::tell_blotted_out(self.parsers.iter().map(Parser::blotted_hosts).sum(), &mut report);
        addresses::tell_uncut(views.uncut(), &mut report);
        reading::tell(&counts, &self.names, &mut report);
        let assumed = self.assumed_date();
        advice::times(&self.parsers, assumed, self.given, &mut report);
        let selected = self.engine.tell(&self.names, &mut report);
        if read_all {
            advice::nothing_shown(traffic, sockets, &counts, &selected, &mut report);
        }
        if let (Some(output), Some(conversations)) = (&self.closing, &self.written.conversations) {
            report.close(conversations.count(), output.clone());
        }
        report
    }
}
