//! The way of the data: a line becomes events, an event changes, a change frames, a frame a record.

use crate::capture::{Capture, CaptureError};
use crate::event::{Event, Family, Timestamp, Transport, What};
use crate::inet::{SyscallView, WireView, is_carried};
use crate::run::dates::Date;
use crate::run::options::{Options, Seed, View};
use crate::run::pipeline::Pipeline;
use crate::run::report;
use crate::run::summary::Summary;
use crate::run::unshown::Unshown;
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
    unshown: Unshown,
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
            unshown: Unshown::default(),
        }
    }

    fn event(&mut self, event: &Event<'_>, sink: &mut impl FnMut(&Frame<'_>)) {
        let Self {
            sockets,
            inet,
            unix,
            unshown,
        } = self;
        if let What::Opaque { .. } = event.what {
            unshown.ring();
        }
        sockets.apply(event, &mut |change| {
            unshown.count(change, inet.as_ref().map(Inet::shows), unix.is_some());
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

/// From lines to a capture.
#[derive(Debug)]
pub struct Converter<W: Write> {
    /// One for each trace: every file has its own threads' halves of calls, and its own clock.
    parsers: Vec<Parser>,
    engine: Engine,
    record: Record<W>,
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
            record: Record {
                capture,
                packets: 0,
                payload_bytes: 0,
                failed: None,
            },
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
            record,
            ..
        } = self;
        if let Some(parser) = parsers.get_mut(source) {
            parser.line(line, &mut |event| {
                engine.event(event, &mut |frame| record.frame(frame));
            });
        }
        record.outcome()
    }

    fn too_long(&mut self, source: usize) -> io::Result<()> {
        if let Some(parser) = self.parsers.get_mut(source) {
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
        for parser in parsers {
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
        for parser in parsers {
            parser.finish(&mut |event| engine.event(event, &mut |frame| record.frame(frame)));
        }
        engine.finish(&mut |frame| record.frame(frame));
        record.outcome()?;
        Ok(record.capture.flush()?)
    }

    fn summary(&self) -> Summary {
        let mut summary = Summary {
            packets: self.record.packets,
            payload_bytes: self.record.payload_bytes,
            capture_bytes: self.record.capture.bytes(),
            ..Summary::default()
        };
        let counts = self.parsers.iter().map(Parser::counts);
        let cut = counts.map(|counts| counts.cut.payloads + counts.hidden.payloads);
        self.engine.unshown.tell(cut.sum(), &mut summary);
        let dated = self.parsers.iter().zip(self.assumed.iter().flatten());
        let mut assumed = dated.filter(|(parser, _)| parser.counts().times_of_day > 0);
        if let Some(date) = assumed.next().and_then(|(_, midnight)| Date::at(*midnight)) {
            summary.notes.push(format!(
                "times of day have no date, {date} was assumed: record with -ttt or give --date"
            ));
        }
        report::reading(self.parsers.iter().map(Parser::counts), &mut summary);
        summary
    }
}
