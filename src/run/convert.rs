//! The way of the data: a line becomes events, an event changes, a change frames, a frame a record.

use crate::capture::{Capture, CaptureError};
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
use crate::sockets::{Change, Moved, Sockets};
use crate::strace::{self, Parser};
use crate::unix::{self, Chosen, PortRule, UnixView};
use crate::wire::{Frame, Record};
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

/// Sockets and views: from events to frames.
#[derive(Debug)]
struct Engine {
    sockets: Sockets,
    inet: Option<Inet>,
    /// UNIX sockets, and pipes.
    unix: Option<UnixView>,
    /// UNIX sockets are to be converted.
    unix_sockets: bool,
    filter: Option<Filter>,
    /// What certain UNIX servers' ports were to be.
    rules: Vec<PortRule>,
    traffic: Traffic,
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
        Self {
            sockets: Sockets::default(),
            inet: options.net.then_some(inet),
            unix: (options.unix || options.pipes).then(|| UnixView::new(unix)),
            unix_sockets: options.unix,
            filter: Filter::of(options),
            rules: options.unix_port_for.clone(),
            traffic: Traffic::default(),
            trace: 0,
        }
    }

    fn event(&mut self, event: &Event<'_>, sink: &mut impl FnMut(&Record<'_>)) {
        let Self { sockets, inet, unix, filter, traffic, trace, unix_sockets, .. } = self;
        let place = || Place { trace: *trace, line: event.line };
        if let Some(filter) = filter.as_mut().filter(|filter| filter.is_by_thread()) {
            filter.turn_to(event.tid, sockets.process_of(event));
        }
        match &event.what {
            What::Move(call) if call.payload.is_empty() => traffic.tried(call.op),
            What::Opaque { .. } if filter.as_ref().is_none_or(Filter::asks_for_maker) => traffic.ring(place()),
            _ => {}
        }
        let wanted = Wanted { inet: inet.as_ref().map(Inet::shows), unix: *unix_sockets };
        let Some(filter) = filter else {
            return sockets.apply(event, &mut |change| {
                traffic.count(change, wanted, place);
                show(inet, unix, change, sink);
            });
        };
        sockets.apply(event, &mut |change| match filter.judge(change) {
            Verdict::Show(change) => {
                show(inet, unix, &change, sink);
                if is_left_out(unix.as_ref(), &change) {
                    filter.leave_out();
                } else {
                    traffic.count(&change, wanted, place);
                }
            }
            Verdict::Count(moved) => count(inet, &moved),
            Verdict::Hide => {}
        });
    }

    fn pause(&mut self, sink: &mut impl FnMut(&Record<'_>)) {
        if let Some(Inet::Wire(view)) = &mut self.inet {
            view.pause(&mut |frame| sink(&Record::from(frame)));
        }
    }

    /// Adds what is to be said of options: those that nothing came of, what they leave out, and what Wireshark needs.
    fn tell(&self, report: &mut Report) -> Selected {
        let chosen = self.unix.as_ref().map(UnixView::chosen);
        let mut unfound = Vec::new();
        if self.unix.is_some() {
            let is_used = |place| chosen.is_some_and(|chosen| chosen.has_used(place));
            unfound.extend(hints::unused(&self.rules, is_used).into_iter().map(|option| (option, String::new())));
        } else if !self.rules.is_empty() {
            let text = "--unix-port-for has no effect, for UNIX sockets are not converted";
            report.note(NoteKey::NoEffect, text, "give --capture-unix-socket");
        }
        let mut selected = Selected::default();
        if let Some(filter) = &self.filter {
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
        for hint in hints::for_wireshark(chosen, self.traffic.fastcgi()) {
            report.hint(hint);
        }
        selected
    }

    fn finish(&mut self, sink: &mut impl FnMut(&Record<'_>)) {
        let Self { sockets, inet, unix, .. } = self;
        sockets.finish(&mut |change| show(inet, unix, change, sink));
        if let Some(Inet::Wire(view)) = inet {
            view.finish(&mut |frame| sink(&Record::from(frame)));
        }
    }
}

/// A message is not to be shown, but the numbers of those that are go on behind it.
fn count(inet: &mut Option<Inet>, moved: &Moved<'_>) {
    if let Some(Inet::Syscall(view)) = inet {
        view.passed_over(moved);
    }
}

/// Whether what moved is of a UNIX conversation whose port is not asked for.
fn is_left_out(unix: Option<&UnixView>, change: &Change<'_>) -> bool {
    match (unix, change) {
        (Some(unix), Change::Moved(moved)) if moved.family.is_local() => {
            moved.stream.is_some_and(|stream| unix.leaves_out(stream.connection.id))
        }
        _ => false,
    }
}

/// Gives a change to the views that it concerns.
#[inline(always)]
fn show(inet: &mut Option<Inet>, unix: &mut Option<UnixView>, change: &Change<'_>, sink: &mut impl FnMut(&Record<'_>)) {
    let family = match change {
        Change::Moved(moved) => Some(moved.family),
        _ => None,
    };
    if !family.is_some_and(Family::is_local) {
        let mut frames = |frame: &Frame<'_>| sink(&Record::from(frame));
        match (inet, change) {
            (Some(Inet::Wire(view)), _) => view.change(change, &mut frames),
            (Some(Inet::Syscall(view)), Change::Moved(moved)) if family != Some(Family::Other) => {
                view.moved(moved, &mut frames);
            }
            (Some(Inet::Syscall(view)), Change::Over { connection }) => view.over(connection.id),
            (Some(Inet::Syscall(view)), Change::Named { socket, .. }) => view.named(*socket),
            (Some(Inet::Syscall(view)), Change::Gone { socket }) => view.gone(*socket),
            _ => {}
        }
    }
    if let Some(unix) = unix
        && family.is_none_or(Family::is_local)
    {
        unix.change(change, sink);
    }
}

/// What has been written, and whether it could be.
#[derive(Debug)]
struct Written<W: Write> {
    capture: Capture<W>,
    packets: u64,
    payload_bytes: u64,
    /// Counted for a person alone.
    conversations: Option<Conversations>,
    failed: Option<CaptureError>,
}

impl<W: Write> Written<W> {
    fn take(&mut self, record: &Record<'_>) {
        if self.failed.is_none() {
            if let Err(error) = self.capture.record(record) {
                self.failed = Some(error);
            }
            let payload = match *record {
                Record::Frame { frame, .. } => {
                    if let Some(conversations) = &mut self.conversations {
                        conversations.take(frame);
                    }
                    frame.payload
                }
                Record::Dbus { bytes, .. } => bytes,
                Record::Journal { entry } => entry,
                Record::Name { .. } => return,
            };
            self.packets += 1;
            self.payload_bytes += payload.len() as u64;
        }
    }

    #[inline]
    fn outcome(&mut self) -> io::Result<()> {
        if self.failed.is_none() {
            return Ok(());
        }
        self.failed.take().map_or(Ok(()), |error| Err(error.into()))
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

/// From an event to the records that are written of it.
fn convert<W: Write>(event: &Event<'_>, engine: &mut Engine, written: &mut Written<W>) {
    engine.event(event, &mut |record| written.take(record));
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
            written: Written { capture, packets: 0, payload_bytes: 0, conversations: None, failed: None },
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
                convert(&event, engine, written);
            }
        }
        written.outcome()
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
                convert(&event, engine, written);
            }
        }
        engine.pause(&mut |record| written.take(record));
        written.outcome()?;
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
                convert(&event, engine, written);
            }
        }
        engine.finish(&mut |record| written.take(record));
        written.outcome()?;
        Ok(written.capture.flush()?)
    }

    /// The sink, with what has gone to it.
    pub fn into_sink(self) -> W {
        self.written.capture.into_sink()
    }

    /// What has come of it, after the end, whichever way it came; `read_all`: it was the end of the input.
    pub fn report(&self, read_all: bool) -> Report {
        let Engine { sockets, inet, traffic, .. } = &self.engine;
        let Written { capture, packets, payload_bytes, .. } = &self.written;
        let mut report = Report::of_capture(*packets, *payload_bytes, capture.bytes());
        let counts: Vec<_> = self.parsers.iter().map(Parser::counts).collect();
        traffic.tell(Printed::of(&counts), &self.names, &mut report);
        let invented = inet.as_ref().map(Inet::invented).unwrap_or_default();
        addresses::tell(invented, sockets.has_full_details(), &mut report);
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
