//! The way of the data: a line becomes events, an event changes, a change frames, a frame a record.

use crate::capture::Capture;
use crate::event::{Event, Family, Timestamp, Transport, What};
use crate::inet::{Invented, SyscallView, WireView, is_carried};
use crate::run::conversations::Conversations;
use crate::run::dates::Date;
use crate::run::filter::{Filter, Verdict};
use crate::run::hints;
use crate::run::name::Name;
use crate::run::options::{Format, Options, Seed, View};
use crate::run::report::advice::{Given, Selected};
use crate::run::report::keys::{NoteKey, Reason};
use crate::run::report::traffic::{Printed, Traffic, Wanted};
use crate::run::report::{Place, Report, addresses, advice, reading};
use crate::sockets::{Change, Moved, Refs, Sockets};
use crate::strace::{self, Parser};
use crate::unix::{self, Chosen, PortRule, UnixView};
use crate::wire::{Record, Sink};
use std::io::{self, Write};

/// The picture of the INET sockets.
#[derive(Debug)]
enum Inet {
    Syscall(SyscallView),
    Wire(Box<WireView>),
}

impl Inet {
    /// Whether messages of sockets with this transport become packets.
    const fn shows(&self) -> fn(Transport) -> bool {
        match self {
            Self::Wire(_) => is_carried,
            Self::Syscall(_) => is_classic,
        }
    }

    /// How many connections and sockets have been shown with invented addresses.
    fn invented(&self) -> Invented {
        match self {
            Self::Wire(view) => view.invented(),
            Self::Syscall(view) => view.invented(),
        }
    }
}

/// What the syscall view shows.
const fn is_classic(transport: Transport) -> bool {
    matches!(transport, Transport::Stream | Transport::Datagram)
}

/// The pictures that are asked for.
#[derive(Debug)]
struct Views {
    inet: Option<Inet>,
    /// UNIX sockets, and pipes.
    unix: Option<UnixView>,
}

impl Views {
    /// Gives a message to the view that shows its family.
    #[inline(always)]
    fn moved<S: Sink>(&mut self, moved: &Moved, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        match (moved.family, &mut self.inet, &mut self.unix) {
            (Family::Inet | Family::Inet6, Some(Inet::Wire(view)), _) => view.moved(moved, refs, sink),
            (Family::Inet | Family::Inet6, Some(Inet::Syscall(view)), _) => {
                view.moved(moved, refs.bytes(moved.payload), sink)
            }
            (Family::Unix | Family::Pipe, _, Some(view)) => view.moved(moved, refs, sink),
            _ => Ok(()),
        }
    }

    /// Gives any other change to the views.
    #[inline(never)]
    fn change<S: Sink>(&mut self, change: &Change, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        match (&mut self.inet, change) {
            (Some(Inet::Wire(view)), _) => view.change(change, refs, sink)?,
            (Some(Inet::Syscall(view)), Change::ConnectionForgotten { connection }) => view.forget(*connection),
            (Some(Inet::Syscall(view)), Change::LocalAddressKnown { socket, .. }) => view.named(*socket),
            (Some(Inet::Syscall(view)), Change::SocketClosed { socket }) => view.closed(*socket),
            _ => {}
        }
        self.unix.as_mut().map_or(Ok(()), |unix| unix.change(change, refs, sink))
    }

    /// A message is not to be shown, but the numbers of those that are go on behind it.
    fn pass_over(&mut self, moved: &Moved) {
        if let Some(Inet::Syscall(view)) = &mut self.inet {
            view.passed_over(moved);
        }
    }

    /// Whether a message is of a UNIX conversation whose port is not asked for.
    fn leave_out(&self, moved: &Moved) -> bool {
        let is_left_out = |unix: &UnixView| moved.stream.is_some_and(|stream| unix.leaves_out(stream.connection));
        moved.family.is_local() && self.unix.as_ref().is_some_and(is_left_out)
    }

    /// Takes what an event says of threads' names.
    fn note_threads(&mut self, event: &Event<'_>) {
        if let Some(unix) = &mut self.unix
            && !matches!(event.what, What::Move(_))
        {
            unix.note_threads(event);
        }
    }
}

/// From changes to records: what of them is shown, and what is counted.
#[derive(Debug)]
struct Picture {
    views: Views,
    /// UNIX sockets are to be converted.
    unix_sockets: bool,
    filter: Option<Filter>,
    traffic: Traffic,
}

impl Picture {
    /// Takes a change, which happened at `place`.
    #[inline(always)]
    fn take<S: Sink>(
        &mut self,
        change: &Change,
        refs: Refs<'_>,
        place: impl Fn() -> Place,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Self { views, unix_sockets, filter, traffic } = self;
        let wanted = Wanted { inet: views.inet.as_ref().map(Inet::shows), unix: *unix_sockets };
        let in_part;
        let moved = match (filter.as_mut().map(|filter| filter.judge(change, refs)), change) {
            (None | Some(Verdict::Show), Change::Moved(moved)) => moved,
            (None | Some(Verdict::Show), _) => {
                traffic.count_other(change, refs, wanted, place);
                return views.change(change, refs, sink);
            }
            (Some(Verdict::ShowAs(moved)), _) => {
                in_part = moved;
                &in_part
            }
            (Some(Verdict::Count), Change::Moved(moved)) => {
                views.pass_over(moved);
                return Ok(());
            }
            (Some(Verdict::Count | Verdict::Hide), _) => return Ok(()),
        };
        views.moved(moved, refs, sink)?;
        match filter {
            Some(filter) if views.leave_out(moved) => filter.leave_out(),
            _ => traffic.count(moved, refs, wanted, place),
        }
        Ok(())
    }
}

/// Sockets and views: from events to records.
#[derive(Debug)]
struct Engine {
    sockets: Sockets,
    picture: Picture,
    /// What certain UNIX servers' ports were to be.
    rules: Vec<PortRule>,
    /// The number of the trace whose events come.
    trace: usize,
}

impl Engine {
    fn new(options: &Options) -> Self {
        let wire = options.view == View::Wire;
        let inet = if wire { Inet::Wire(Box::default()) } else { Inet::Syscall(SyscallView::default()) };
        let unix = unix::Options {
            sockets: options.unix,
            seed_http2: options.seed != Seed::None,
            seed_grpc: options.seed == Seed::Grpc,
            ports: options.unix_port,
            rules: options.unix_port_for.clone(),
            only_ports: options.ports.clone(),
            wire,
            records: options.format == Format::PcapNg,
        };
        let views = Views {
            inet: options.net.then_some(inet),
            unix: (options.unix || options.pipes).then(|| UnixView::new(unix)),
        };
        let (filter, traffic) = (Filter::of(options), Traffic::default());
        Self {
            sockets: Sockets::default(),
            picture: Picture { views, unix_sockets: options.unix, filter, traffic },
            rules: options.unix_port_for.clone(),
            trace: 0,
        }
    }

    /// Takes the next event: what it changes goes to the views, and what they make of it to `sink`.
    fn event<S: Sink>(&mut self, event: &Event<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Self { sockets, picture, trace, .. } = self;
        let place = || Place { trace: *trace, line: event.line };
        if let Some(filter) = picture.filter.as_mut().filter(|filter| filter.is_by_thread()) {
            filter.turn_to(event.tid, sockets.process_of(event));
        }
        match &event.what {
            What::Move(call) if call.payload.is_empty() => picture.traffic.tried(call.op),
            What::MoveBegun { op, .. } => picture.traffic.tried(*op),
            What::Opaque { .. } if picture.filter.as_ref().is_none_or(Filter::asks_for_maker) => {
                picture.traffic.ring(place());
            }
            _ => {}
        }
        picture.views.note_threads(event);
        sockets.apply(event);
        loop {
            for change in sockets.changes() {
                picture.take(change, sockets.refs(event), place, sink)?;
            }
            if !sockets.goes_on() {
                return Ok(());
            }
        }
    }

    fn pause<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        match &mut self.picture.views.inet {
            Some(Inet::Wire(view)) => view.pause(sink),
            _ => Ok(()),
        }
    }

    /// Adds what is to be said of options: those that nothing came of, what they leave out, and what Wireshark needs.
    fn tell(&self, report: &mut Report) -> Selected {
        let chosen = self.picture.views.unix.as_ref().map(UnixView::chosen);
        let mut unfound = Vec::new();
        if chosen.is_some() {
            let is_used = |place| chosen.is_some_and(|chosen| chosen.has_used(place));
            unfound.extend(hints::unused(&self.rules, is_used).into_iter().map(|option| (option, String::new())));
        } else if !self.rules.is_empty() {
            let text = "--unix-port-for has no effect, for UNIX sockets are not converted";
            report.note(NoteKey::NoEffect, text, "give --capture-unix-socket");
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
            report.leave_out(Reason::NotAskedFor, what, filter.left_out());
        }
        for (option, cure) in unfound {
            report.note(NoteKey::SelectsNothing, format!("{option} selects nothing in this trace"), cure);
        }
        for hint in hints::for_wireshark(chosen, self.picture.traffic.fastcgi()) {
            report.hint(hint);
        }
        selected
    }

    fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let Self { sockets, picture: Picture { views, .. }, .. } = self;
        sockets.finish();
        loop {
            for change in sockets.changes() {
                views.change(change, sockets.last_refs(), sink)?;
            }
            if !sockets.goes_on() {
                break;
            }
        }
        match &mut views.inet {
            Some(Inet::Wire(view)) => view.finish(sink),
            _ => Ok(()),
        }
    }
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
    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let payload = match *record {
            Record::Frame { frame, .. } => {
                if let Some(conversations) = &mut self.conversations {
                    conversations.take(frame);
                }
                frame.payload
            }
            Record::Dbus { bytes, .. } => bytes,
            Record::Journal { entry } => entry,
            Record::Name { .. } => return Ok(self.capture.record(record)?),
        };
        self.packets += 1;
        self.payload_bytes += payload.len() as u64;
        Ok(self.capture.record(record)?)
    }
}

/// A trace: its name for messages, and what its text does not say.
#[derive(Clone, Debug)]
pub struct Trace {
    /// As messages have it.
    pub name: Name,
    /// What its parser needs to be told.
    pub options: strace::Options,
}

/// From lines to a capture.
#[derive(Debug)]
pub struct Converter<W: Write> {
    /// One for each trace: every file has its own threads' halves of calls, and its own clock.
    parsers: Vec<Parser>,
    names: Vec<Name>,
    engine: Engine,
    written: Written<W>,
    given: Given,
    /// Where the capture goes, where a person is told at the end.
    closing: Option<Name>,
    /// The midnights that nobody has given, of each trace.
    assumed: Option<Vec<Timestamp>>,
}

impl<W: Write> Converter<W> {
    /// A converter of `traces` that writes into `sink`.
    ///
    /// # Errors
    ///
    /// The capture's header could not be written.
    pub fn new(options: &Options, traces: &[Trace], sink: W) -> io::Result<Self> {
        let capture = Capture::new(options.format, sink)?;
        let parsers = traces.iter().map(|trace| Parser::new(trace.options.clone()));
        let midnights = || traces.iter().map(|trace| trace.options.date).collect();
        Ok(Self {
            parsers: parsers.collect(),
            names: traces.iter().map(|trace| trace.name.clone()).collect(),
            engine: Engine::new(options),
            written: Written { capture, packets: 0, payload_bytes: 0, conversations: None },
            given: Given { date: options.date.is_some(), start: options.start.is_some() },
            closing: None,
            assumed: options.date.is_none().then(midnights),
        })
    }

    /// A person waits for the end, and is to be told what was written to `output`.
    pub fn close_with(&mut self, output: Name) {
        self.closing = Some(output);
        self.written.conversations = Some(Conversations::default());
    }

    /// The date that times of day were given, where nobody gave one and there are any.
    fn assumed_date(&self) -> Option<Date> {
        let dated = self.parsers.iter().zip(self.assumed.iter().flatten());
        let mut assumed = dated.filter(|(parser, _)| {
            let counts = parser.counts();
            advice::are_usual(counts.times_of_day, counts)
        });
        assumed.next().and_then(|(_, midnight)| Date::at(*midnight))
    }

    /// The next line, without its end, of the trace with number `trace` (from 0, in the order of the command line).
    ///
    /// # Errors
    ///
    /// Those of the sink, here and below, given on as they are: a broken pipe is told from a full disk by
    /// [`io::Error::kind`].
    #[inline]
    pub fn line(&mut self, trace: usize, line: &[u8]) -> io::Result<()> {
        let Self { parsers, engine, written, .. } = self;
        engine.trace = trace;
        if let Some(parser) = parsers.get_mut(trace) {
            let mut events = parser.line(line);
            while let Some(event) = events.next() {
                engine.event(&event, written)?;
            }
        }
        Ok(())
    }

    /// In place of a line that was longer than [`crate::limits::LINE_BYTES`]: it counts as a line for line numbers.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn too_long(&mut self, trace: usize) -> io::Result<()> {
        if let Some(parser) = self.parsers.get_mut(trace) {
            parser.passed_over();
        }
        Ok(())
    }

    /// Whether a line was strace's.
    pub fn has_understood(&self) -> bool {
        self.parsers.iter().any(|parser| parser.counts().understood() > 0)
    }

    /// The input pauses: everything known goes to the sink now. The header, too, when nothing else has come yet.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn pause(&mut self) -> io::Result<()> {
        let Self { parsers, engine, written, .. } = self;
        for (trace, parser) in parsers.iter_mut().enumerate() {
            engine.trace = trace;
            if let Some(event) = parser.release() {
                engine.event(&event, written)?;
            }
        }
        engine.pause(written)?;
        Ok(written.capture.flush()?)
    }

    /// The input has ended, or the end was asked for: what is still held goes to the sink.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn finish(&mut self) -> io::Result<()> {
        let Self { parsers, engine, written, .. } = self;
        for (trace, parser) in parsers.iter_mut().enumerate() {
            engine.trace = trace;
            if let Some(event) = parser.finish() {
                engine.event(&event, written)?;
            }
        }
        engine.finish(written)?;
        Ok(written.capture.flush()?)
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
        let counts: Vec<_> = self.parsers.iter().map(Parser::counts).collect();
        traffic.tell(Printed::of(&counts), &self.names, &mut report);
        let invented = views.inet.as_ref().map(Inet::invented).unwrap_or_default();
        addresses::tell(invented, sockets.has_full_details(), &mut report);
        addresses::tell_blotted_out(self.parsers.iter().map(Parser::blotted_hosts).sum(), &mut report);
        reading::tell(&counts, &self.names, &mut report);
        let assumed = self.assumed_date();
        advice::times(&self.parsers, assumed, self.given, &mut report);
        let selected = self.engine.tell(&mut report);
        if read_all {
            advice::nothing_shown(traffic, sockets, &counts, &selected, &mut report);
        }
        if let (Some(output), Some(conversations)) = (&self.closing, &self.written.conversations) {
            report.close(conversations.count(), output.clone());
        }
        report
    }
}
