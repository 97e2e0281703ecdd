//! The view of UNIX sockets and pipes: one conversation a connection, from its first packet to its end, and datagrams.

use crate::event::{Event, Timestamp, Transport};
use crate::packets::{Ids, Portion};
use crate::sockets::{ByConnection, Change, Connection, ConnectionId, Moved, Refs, SocketNumber};
use crate::unix::context::{Context, Options};
use crate::unix::datagrams::Datagrams;
use crate::unix::exchange::Exchange;
use crate::unix::names::{self, Threads};
use crate::unix::ports::Chosen;
use crate::wire::Sink;

/// The state of all UNIX conversations and datagram sockets.
#[derive(Debug)]
pub struct UnixView {
    options: Options,
    exchanges: ByConnection<Exchange>,
    datagrams: Datagrams,
    threads: Threads,
    /// What goes beside the payload of a call, whose changes come next: the call's socket and its beginning, and the text.
    ancillary: Option<((SocketNumber, Timestamp), String)>,
    begun: u64,
    chosen: Chosen,
    ids: Ids,
}

impl UnixView {
    /// A view that has seen nothing.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            exchanges: ByConnection::default(),
            datagrams: Datagrams::default(),
            threads: Threads::default(),
            ancillary: None,
            begun: 0,
            chosen: Chosen::default(),
            ids: Ids::default(),
        }
    }

    /// The servers' ports, and how they were chosen.
    pub const fn chosen(&self) -> &Chosen {
        &self.chosen
    }

    /// Whether a connection is left out because of its server's port.
    pub fn leaves_out(&self, id: ConnectionId) -> bool {
        !self.options.only_ports.is_empty() && self.exchanges.get(id).is_some_and(Exchange::is_left_out)
    }

    /// Takes what an event says of threads' names.
    pub fn note_threads(&mut self, event: &Event<'_>) {
        self.threads.note(event);
    }

    /// Anything but a message of a stream that happened to a UNIX socket or a pipe.
    pub fn change<S: Sink>(&mut self, change: &Change, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        match change {
            Change::Ancillary { socket, entry } if self.options.records => {
                self.ancillary = refs.call().map(|call| ((*socket, *entry), names::of_ancillary(call)));
            }
            Change::UnixMessage(message) if self.options.sockets => {
                let beside = (&self.threads, take_ancillary(&mut self.ancillary, message.local.socket, message.entry));
                let message = (message, refs.bytes(message.payload));
                return self.datagrams.message(message, beside, &self.options, sink);
            }
            Change::SocketClosed { socket } => self.datagrams.closed(*socket),
            Change::Opened { connection }
            | Change::Finished { connection, .. }
            | Change::Reset { connection, .. }
            | Change::Closed { connection }
            | Change::ConnectionForgotten { connection } => {
                if let Some(connection) = refs.connection(*connection) {
                    return self.connection_changed(connection, change, sink);
                }
            }
            Change::Moved(_)
            | Change::Ancillary { .. }
            | Change::UnixMessage(_)
            | Change::Failed { .. }
            | Change::AddressesKnown { .. }
            | Change::LocalAddressKnown { .. } => {}
        }
        Ok(())
    }

    fn connection_changed<S: Sink>(
        &mut self,
        connection: &Connection,
        change: &Change,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Some((exchange, mut context)) = self.parts(connection, sink) else {
            return Ok(());
        };
        match change {
            Change::Opened { .. } if context.options.wire => exchange.opened(connection, &mut context),
            Change::Finished { side, by, marking, time, .. } | Change::Reset { side, by, marking, time, .. } => {
                exchange.finished(connection, *side, (*marking, *by), *time, &mut context)
            }
            Change::Closed { .. } => exchange.release(connection, &mut context),
            Change::ConnectionForgotten { .. } => {
                exchange.release(connection, &mut context)?;
                exchange.account(connection);
                self.exchanges.forget(connection.id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A connection's state, and the means to write; none where the connection is not shown.
    fn parts<'a, S: Sink>(
        &'a mut self,
        connection: &Connection,
        sink: &'a mut S,
    ) -> Option<(&'a mut Exchange, Context<'a, S>)> {
        if !self.options.shows(connection.family) {
            return None;
        }
        let exchange = self.exchanges.or_default(connection.id)?;
        let context = Context {
            options: &self.options,
            begun: &mut self.begun,
            chosen: &mut self.chosen,
            ids: &mut self.ids,
            threads: &self.threads,
            comment: None,
            sink,
        };
        Some((exchange, context))
    }

    /// Bytes moved through a stream.
    pub fn moved<S: Sink>(&mut self, moved: &Moved, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Some(stream) = moved.stream else { return Ok(()) };
        let fresh = moved.moved.saturating_sub(stream.known);
        if fresh == 0 || !matches!(moved.transport, Transport::Stream | Transport::Seqpacket | Transport::Unknown) {
            return Ok(());
        }
        let known = usize::try_from(stream.known).unwrap_or(usize::MAX);
        let bytes = refs.bytes(moved.payload).get(known..).unwrap_or_default();
        let portion = Portion {
            sender: stream.sender(moved.direction),
            time: self.options.moment(moved.entry, moved.exit),
            by: (moved.marking, stream.side),
            bytes,
            missing: fresh.saturating_sub(bytes.len() as u64),
        };
        let ancillary = take_ancillary(&mut self.ancillary, Some(moved.socket), moved.entry);
        let Some(connection) = refs.connection(stream.connection) else { return Ok(()) };
        let Some((exchange, mut context)) = self.parts(connection, sink) else { return Ok(()) };
        context.comment = ancillary;
        exchange.take(connection, &portion, stream.skipped, &mut context)
    }
}

/// What goes beside the payload of this call, if anything does.
fn take_ancillary(
    waiting: &mut Option<((SocketNumber, Timestamp), String)>,
    socket: Option<SocketNumber>,
    entry: Timestamp,
) -> Option<String> {
    let (call, text) = waiting.take()?;
    (Some(call.0) == socket && call.1 == entry).then_some(text)
}
