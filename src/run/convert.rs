//! The way of the data: a line becomes events, an event changes, a change frames, a frame a record.

use crate::capture::{Capture, CaptureError};
use crate::event::{Event, Family, Tid, Transport, What};
use crate::inet::{SyscallView, WireView, is_carried};
use crate::run::options::{Options, Seed, View};
use crate::run::pipeline::Pipeline;
use crate::run::report;
use crate::run::summary::Summary;
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

/// Sockets and views: from events to frames.
#[derive(Debug)]
struct Engine {
    sockets: Sockets,
    inet: Option<Inet>,
    unix: Option<UnixView>,
    unshown: Unshown,
}

/// What moved and is in no packet.
#[derive(Clone, Copy, Debug, Default)]
struct Unshown {
    /// Messages of raw, ping, UDP-Lite, SCTP and DCCP sockets.
    protocols: u64,
    /// Messages of UNIX datagram and seqpacket sockets.
    unix_messages: u64,
    /// Calls that hand payload to io_uring.
    io_uring: u64,
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
            unshown.io_uring += 1;
        }
        sockets.apply(event, &mut |change| {
            unshown.count(change, inet.as_ref(), unix.is_some());
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

impl Unshown {
    /// Counts a message that the views which are on pass over.
    fn count(&mut self, change: &Change<'_>, inet: Option<&Inet>, unix: bool) {
        let Change::Moved(moved) = change else {
            return;
        };
        match (moved.family, moved.transport) {
            (_, Transport::Stream) | (Family::Inet | Family::Inet6, Transport::Datagram) => {}
            (Family::Inet | Family::Inet6, transport) => {
                let shown = match inet {
                    Some(Inet::Wire(_)) => is_carried(transport),
                    Some(Inet::Syscall(_)) => false,
                    None => true,
                };
                self.protocols += u64::from(!shown);
            }
            (Family::Unix, Transport::Datagram | Transport::Seqpacket) => {
                self.unix_messages += u64::from(unix);
            }
            _ => {}
        }
    }

    /// Adds the counts to a summary.
    fn tell(self, summary: &mut Summary) {
        let Self {
            protocols,
            unix_messages,
            io_uring,
        } = self;
        summary.lose(
            protocols,
            "messages of raw, ping, UDP-Lite, SCTP or DCCP sockets were not converted",
            "",
        );
        summary.lose(
            unix_messages,
            "messages of UNIX datagram and seqpacket sockets were not converted",
            "",
        );
        summary.lose(
            io_uring,
            "io_uring calls may have moved payload that strace cannot show",
            "switch io_uring off in the traced program",
        );
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
    too_long: u64,
}

impl<W: Write> Converter<W> {
    /// A converter that writes into `sink`. Each of `tids` stands for a trace: the thread whose file it is, if it is one
    /// thread's.
    ///
    /// # Errors
    ///
    /// The capture's header could not be written.
    pub fn new(options: &Options, tids: &[Option<Tid>], sink: W) -> io::Result<Self> {
        let parsers = tids.iter().map(|tid| {
            Parser::new(strace::Options {
                tid: *tid,
                ..strace::Options::default()
            })
        });
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
            too_long: 0,
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

    fn too_long(&mut self, _source: usize) -> io::Result<()> {
        self.too_long += 1;
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
        summary.lose(
            self.too_long,
            "lines were longer than 128 MiB and were passed over",
            "",
        );
        self.engine.unshown.tell(&mut summary);
        report::reading(self.parsers.iter().map(Parser::counts), &mut summary);
        summary
    }
}
