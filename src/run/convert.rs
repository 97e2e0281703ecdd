//! The way of the data: a line becomes events, an event changes, a change frames, a frame a record.

use crate::capture::{Capture, CaptureError};
use crate::event::{Event, Family, Timestamp, Transport, What};
use crate::inet::{Invented, SyscallView, WireView, is_carried};
use crate::run::dates::Date;
use crate::run::error::Name;
use crate::run::options::{Options, Seed, View};
use crate::run::pipeline::Pipeline;
use crate::run::report::traffic::{Traffic, Wanted};
use crate::run::report::{Place, Report, addresses, advice, reading};
use crate::sockets::{Change, Sockets};
use crate::strace::{self, Parser};
use crate::unix::{self, Ports, UnixView};
use crate::wire::Frame;
use std::io::{self, Write};

/// The picture of the INET sockets.
#[derive(Debug)]
enum Inet {
    Syscall(SyscallView),
    Wire(WireView),
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
    unix: Option<UnixView>,
    traffic: Traffic,
    /// The number of the trace whose events come.
    trace: usize,
}

impl Engine {
    fn new(options: &Options) -> Self {
        let wire = options.view == View::Wire;
        let inet = if wire {
            Inet::Wire(WireView::default())
        } else {
            Inet::Syscall(SyscallView::default())
        };
        let unix = unix::Options {
            seed_http2: options.seed != Seed::None,
            seed_grpc: options.seed == Seed::Grpc,
            ports: if wire {
                Ports::Auto
            } else {
                Ports::Fixed(unix::UNKNOWN_PORT)
            },
            marked: wire,
            eager: wire,
        };
        Self {
            sockets: Sockets::default(),
            inet: options.net.then_some(inet),
            unix: options.unix.then(|| UnixView::new(unix)),
            traffic: Traffic::default(),
            trace: 0,
        }
    }

    fn event(&mut self, event: &Event<'_>, sink: &mut impl FnMut(&Frame<'_>)) {
        let Self {
            sockets,
            inet,
            unix,
            traffic,
            trace,
        } = self;
        let place = || Place {
            trace: *trace,
            line: event.line,
        };
        if let What::Opaque { .. } = event.what {
            traffic.ring(place());
        }
        sockets.apply(event, &mut |change| {
            let wanted = Wanted {
                inet: inet.as_ref().map(Inet::shows),
                unix: unix.is_some(),
            };
            traffic.count(change, wanted, place);
            show(inet, unix, change, sink);
        });
    }

    fn finish(&mut self, sink: &mut impl FnMut(&Frame<'_>)) {
        let Self {
            sockets,
            inet,
            unix,
            ..
        } = self;
        sockets.finish(&mut |change| show(inet, unix, change, sink));
        if let Some(Inet::Wire(view)) = inet {
            view.finish(sink);
        }
    }
}

/// Gives a change to the views that it concerns.
fn show(
    inet: &mut Option<Inet>,
    unix: &mut Option<UnixView>,
    change: &Change<'_>,
    sink: &mut impl FnMut(&Frame<'_>),
) {
    match inet {
        Some(Inet::Wire(view)) => view.change(change, sink),
        Some(Inet::Syscall(view)) => match change {
            Change::Moved(moved) if matches!(moved.family, Family::Inet | Family::Inet6) => {
                view.moved(moved, sink);
            }
            Change::Over { connection } => view.over(connection.id),
            Change::Named { socket, .. } => view.named(*socket),
            Change::Gone { socket } => view.gone(*socket),
            _ => {}
        },
        None => {}
    }
    if let Some(unix) = unix {
        unix.change(change, sink);
    }
}

/// What has been written, and whether it could be.
#[derive(Debug)]
struct Record<W: Write> {
    capture: Capture<W>,
    packets: u64,
    payload_bytes: u64,
    failed: Option<CaptureError>,
}

impl<W: Write> Record<W> {
    #[inline(always)]
    fn frame(&mut self, frame: &Frame<'_>) {
        if self.failed.is_none() {
            if let Err(error) = self.capture.write(frame) {
                self.failed = Some(error);
            }
            self.packets += 1;
            self.payload_bytes += frame.payload.len() as u64;
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

/// From lines to a capture.
#[derive(Debug)]
pub struct Converter<W: Write> {
    /// One for each trace: every file has its own threads' halves of calls, and its own clock.
    parsers: Vec<Parser>,
    names: Vec<Name>,
    engine: Engine,
    record: Record<W>,
    has_start: bool,
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
        let parsers = traces.iter().map(|trace| Parser::new(trace.options));
        let midnights = || traces.iter().map(|trace| trace.options.date).collect();
        Ok(Self {
            parsers: parsers.collect(),
            names: traces.iter().map(|trace| trace.name.clone()).collect(),
            engine: Engine::new(options),
            record: Record {
                capture,
                packets: 0,
                payload_bytes: 0,
                failed: None,
            },
            has_start: options.start.is_some(),
            assumed: options.date.is_none().then(midnights),
        })
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
}

impl<W: Write> Pipeline for Converter<W> {
    #[inline]
    fn line(&mut self, trace: usize, line: &[u8]) -> io::Result<()> {
        let Self {
            parsers,
            engine,
            record,
            ..
        } = self;
        engine.trace = trace;
        if let Some(parser) = parsers.get_mut(trace) {
            parser.line(line, &mut |event| {
                engine.event(event, &mut |frame| record.frame(frame));
            });
        }
        record.outcome()
    }

    fn too_long(&mut self, trace: usize) -> io::Result<()> {
        if let Some(parser) = self.parsers.get_mut(trace) {
            parser.passed_over();
        }
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        let Self {
            parsers,
            engine,
            record,
            ..
        } = self;
        for (trace, parser) in parsers.iter_mut().enumerate() {
            engine.trace = trace;
            parser.release(&mut |event| engine.event(event, &mut |frame| record.frame(frame)));
        }
        record.outcome()?;
        Ok(record.capture.flush()?)
    }

    fn finish(&mut self) -> io::Result<()> {
        let Self {
            parsers,
            engine,
            record,
            ..
        } = self;
        for (trace, parser) in parsers.iter_mut().enumerate() {
            engine.trace = trace;
            parser.finish(&mut |event| engine.event(event, &mut |frame| record.frame(frame)));
        }
        engine.finish(&mut |frame| record.frame(frame));
        record.outcome()?;
        Ok(record.capture.flush()?)
    }

    fn report(&self, read_all: bool) -> Report {
        let Engine {
            sockets,
            inet,
            traffic,
            ..
        } = &self.engine;
        let Record {
            capture,
            packets,
            payload_bytes,
            ..
        } = &self.record;
        let mut report = Report::of_capture(*packets, *payload_bytes, capture.bytes());
        let counts: Vec<_> = self.parsers.iter().map(Parser::counts).collect();
        let amounts = || counts.iter().flat_map(|counts| [counts.cut, counts.hidden]);
        let cut = amounts().map(|amount| amount.payloads).sum();
        let cut_bytes = amounts().map(|amount| amount.bytes).sum();
        traffic.tell((cut, cut_bytes), &self.names, &mut report);
        let invented = inet.as_ref().map(Inet::invented).unwrap_or_default();
        addresses::tell(invented, sockets.has_full_details(), &mut report);
        reading::tell(&counts, &self.names, &mut report);
        let assumed = self.assumed_date();
        advice::times(&self.parsers, assumed, self.has_start, &mut report);
        if read_all {
            advice::nothing_shown(traffic, sockets, &counts, &mut report);
        }
        report
    }
}
