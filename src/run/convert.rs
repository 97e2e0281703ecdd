//! The way of the data: a line becomes events, an event changes, a change frames, a frame a record.

use crate::capture::{Capture, CaptureError};
use crate::event::{Event, Family, Timestamp, Transport, What};
use crate::inet::{SyscallView, WireView, is_carried};
use crate::run::dates::Date;
use crate::run::filter::{Filter, Verdict};
use crate::run::hints;
use crate::run::options::{Format, Options, Seed, View};
use crate::run::pipeline::Pipeline;
use crate::run::report;
use crate::run::summary::Summary;
use crate::run::unshown::{Printed, Unshown};
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
    filter: Option<Filter>,
    /// What certain UNIX servers' ports were to be.
    rules: Vec<PortRule>,
    unshown: Unshown,
}

impl Engine {
    fn new(options: &Options) -> Self {
        let wire = options.view == View::Wire;
        let inet = if wire {
            Inet::Wire(Box::default())
        } else {
            Inet::Syscall(SyscallView::default())
        };
        let unix = unix::Options {
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
            unix: options.unix.then(|| UnixView::new(unix)),
            filter: Filter::of(options),
            rules: options.unix_port_for.clone(),
            unshown: Unshown::default(),
        }
    }

    fn event(&mut self, event: &Event<'_>, sink: &mut impl FnMut(&Record<'_>)) {
        let Self {
            sockets,
            inet,
            unix,
            filter,
            unshown,
            ..
        } = self;
        if let What::Opaque { .. } = event.what {
            unshown.ring();
        }
        let Some(filter) = filter else {
            return sockets.apply(event, &mut |change| {
                unshown.count(change, inet.as_ref().map(Inet::shows), unix.is_some());
                show(inet, unix, change, sink);
            });
        };
        if filter.is_by_thread() {
            filter.turn_to(event.tid, sockets.process_of(event));
        }
        sockets.apply(event, &mut |change| match filter.judge(change) {
            Verdict::Show(change) => {
                show(inet, unix, &change, sink);
                if is_left_out(unix.as_ref(), &change) {
                    filter.leave_out();
                } else {
                    unshown.count(&change, inet.as_ref().map(Inet::shows), unix.is_some());
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

    /// Adds what is to be said of options: those that nothing came of, and what they leave out.
    fn tell(&self, summary: &mut Summary) {
        let chosen = self.unix.as_ref().map(UnixView::chosen);
        let servers: Vec<u16> = chosen.into_iter().flat_map(Chosen::ports).collect();
        let is_used = |place| chosen.is_some_and(|chosen| chosen.has_used(place));
        let mut unfound = hints::unused(&self.rules, is_used);
        if let Some(filter) = &self.filter {
            unfound.extend(filter.unfound(&servers));
            if filter.left_out() > 0 {
                let what = "messages of processes, ports or sockets that were not asked for";
                summary.left_out.push((what.to_owned(), filter.left_out()));
            }
        }
        let note = |option| format!("{option} selects nothing in this trace");
        summary.notes.extend(unfound.into_iter().map(note));
        summary
            .hints
            .extend(chosen.into_iter().flat_map(hints::decode_as));
    }

    fn finish(&mut self, sink: &mut impl FnMut(&Record<'_>)) {
        let Self {
            sockets,
            inet,
            unix,
            ..
        } = self;
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
        (Some(unix), Change::Moved(moved)) if moved.family == Family::Unix => moved
            .stream
            .is_some_and(|stream| unix.leaves_out(stream.connection.id)),
        _ => false,
    }
}

/// Gives a change to the views that it concerns.
#[inline(always)]
fn show(
    inet: &mut Option<Inet>,
    unix: &mut Option<UnixView>,
    change: &Change<'_>,
    sink: &mut impl FnMut(&Record<'_>),
) {
    let family = match change {
        Change::Moved(moved) => Some(moved.family),
        _ => None,
    };
    if family != Some(Family::Unix) {
        let mut frames = |frame: &Frame<'_>| sink(&Record::from(frame));
        match (inet, change) {
            (Some(Inet::Wire(view)), _) => view.change(change, &mut frames),
            (Some(Inet::Syscall(view)), Change::Moved(moved)) if family != Some(Family::Other) => {
                view.moved(moved, &mut frames);
            }
            (Some(Inet::Syscall(view)), Change::Over { connection }) => view.over(connection.id),
            _ => {}
        }
    }
    if let Some(unix) = unix
        && matches!(family, None | Some(Family::Unix))
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
    failed: Option<CaptureError>,
}

impl<W: Write> Written<W> {
    fn take(&mut self, record: &Record<'_>) {
        if self.failed.is_none() {
            if let Err(error) = self.capture.record(record) {
                self.failed = Some(error);
            }
            let payload = match *record {
                Record::Frame { frame, .. } => frame.payload,
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

/// From lines to a capture.
#[derive(Debug)]
pub struct Converter<W: Write> {
    /// One for each trace: every file has its own threads' halves of calls, and its own clock.
    parsers: Vec<Parser>,
    engine: Engine,
    written: Written<W>,
    too_long: u64,
    /// The midnights that nobody has given, of each trace.
    assumed: Option<Vec<Timestamp>>,
}

impl<W: Write> Converter<W> {
    /// A converter that writes into `sink`, with what the text of each trace does not say.
    ///
    /// # Errors
    ///
    /// The capture's header could not be written.
    pub fn new(options: &Options, traces: &[strace::Options], sink: W) -> io::Result<Self> {
        let parsers = traces.iter().map(|trace| Parser::new(*trace));
        let capture = Capture::new(options.format, sink)?;
        Ok(Self {
            parsers: parsers.collect(),
            engine: Engine::new(options),
            written: Written {
                capture,
                packets: 0,
                payload_bytes: 0,
                failed: None,
            },
            too_long: 0,
            assumed: options
                .date
                .is_none()
                .then(|| traces.iter().map(|trace| trace.date).collect()),
        })
    }
}

impl<W: Write> Pipeline for Converter<W> {
    #[inline]
    fn line(&mut self, source: usize, line: &[u8]) -> io::Result<()> {
        let Self {
            parsers,
            engine,
            written,
            ..
        } = self;
        if let Some(parser) = parsers.get_mut(source) {
            parser.line(line, &mut |event| {
                engine.event(event, &mut |record| written.take(record));
            });
        }
        written.outcome()
    }

    fn too_long(&mut self, _source: usize) -> io::Result<()> {
        self.too_long += 1;
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        let Self {
            parsers,
            engine,
            written,
            ..
        } = self;
        for parser in parsers {
            parser.release(&mut |event| engine.event(event, &mut |record| written.take(record)));
        }
        engine.pause(&mut |record| written.take(record));
        written.outcome()?;
        Ok(written.capture.flush()?)
    }

    fn finish(&mut self) -> io::Result<()> {
        let Self {
            parsers,
            engine,
            written,
            ..
        } = self;
        for parser in parsers {
            parser.finish(&mut |event| engine.event(event, &mut |record| written.take(record)));
        }
        engine.finish(&mut |record| written.take(record));
        written.outcome()?;
        Ok(written.capture.flush()?)
    }

    fn summary(&self) -> Summary {
        let mut summary = Summary {
            packets: self.written.packets,
            payload_bytes: self.written.payload_bytes,
            capture_bytes: self.written.capture.bytes(),
            ..Summary::default()
        };
        summary.lose(
            self.too_long,
            "[line was|lines were] longer than 128 MiB and passed over",
            "",
        );
        let counts = self.parsers.iter().map(Parser::counts);
        let cut = counts.clone().map(|counts| counts.cut.payloads).sum();
        let hidden = counts.map(|counts| counts.hidden.payloads).sum();
        self.engine
            .unshown
            .tell(Printed { cut, hidden }, &mut summary);
        let dated = self.parsers.iter().zip(self.assumed.iter().flatten());
        let mut assumed = dated.filter(|(parser, _)| parser.counts().times_of_day > 0);
        if let Some(date) = assumed.next().and_then(|(_, midnight)| Date::at(*midnight)) {
            summary.notes.push(format!(
                "times of day have no date, {date} was assumed: record with -ttt or give --date"
            ));
        }
        report::reading(self.parsers.iter().map(Parser::counts), &mut summary);
        self.engine.tell(&mut summary);
        summary
    }
}
