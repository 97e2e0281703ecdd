//! The view of UNIX sockets and pipes: one conversation a connection, from its first packet to its end, and datagrams.

use crate::event::{Event, Transport, as_u64};
use crate::packets::{Chunk, Ids, Output};
use crate::sockets::{ByConnection, Change, Connection, ConnectionId, Moved, Refs};
use crate::unix::connection::UnixConnection;
use crate::unix::context::{Context, Options};
use crate::unix::datagrams::Datagrams;
use crate::unix::names::{self, Threads};
use crate::unix::ports::Chosen;
use crate::wire::Sink;

/// The state of all UNIX conversations and datagram sockets.
#[derive(Debug)]
pub struct UnixView {
    options: Options,
    connections: ByConnection<UnixConnection>,
    datagrams: Datagrams,
    threads: Threads,
    begun: u64,
    chosen: Chosen,
    ids: Ids,
}

impl UnixView {
    /// A view that has seen nothing.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            connections: ByConnection::default(),
            datagrams: Datagrams::default(),
            threads: Threads::default(),
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
        !self.options.only_ports.is_empty() && self.connections.get(id).is_some_and(UnixConnection::is_left_out)
    }

    /// Takes what an event says of threads' names.
    pub fn note_threads(&mut self, event: &Event<'_>) {
        self.threads.note(event);
    }

    /// Anything but a message of a stream that happened to a UNIX socket or a pipe.
    pub fn change<S: Sink>(&mut self, change: &Change, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        match change {
            Change::UnixMessage(message) if self.options.sockets => {
                let beside = (&self.threads, self.ancillary(message.ancillary, refs));
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
            Change::Moved(_) | Change::UnixMessage(_) | Change::Failed { .. } | Change::LocalAddressKnown { .. } => {}
        }
        Ok(())
    }

    fn connection_changed<S: Sink>(
        &mut self,
        connection: &Connection,
        change: &Change,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Some((state, mut context)) = self.parts(connection, sink) else {
            return Ok(());
        };
        match change {
            Change::Opened { .. } if context.options.wire => state.opened(connection, &mut context),
            Change::Finished { side, by, marking, time, .. } | Change::Reset { side, by, marking, time, .. } => {
                state.finished(connection, *side, (*marking, *by), *time, &mut context)
            }
            Change::Closed { .. } => state.release(connection, &mut context),
            Change::ConnectionForgotten { .. } => {
                state.release(connection, &mut context)?;
                state.account(connection);
                self.connections.forget(connection.id);
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
    ) -> Option<(&'a mut UnixConnection, Context<'a, S>)> {
        if !self.options.shows(connection.family) {
            return None;
        }
        let state = self.connections.or_default(connection.id)?;
        let context = Context {
            options: &self.options,
            begun: &mut self.begun,
            chosen: &mut self.chosen,
            threads: &self.threads,
            out: Output::new(&mut self.ids, sink),
        };
        Some((state, context))
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
        let comment = self.ancillary(moved.ancillary, refs);
        let chunk = Chunk {
            sender: stream.sender(moved.direction),
            time: self.options.moment(moved.entry, moved.exit),
            by: (moved.marking, stream.side),
            skipped: stream.skipped,
            bytes,
            missing: fresh.saturating_sub(as_u64(bytes.len())),
            comment: comment.as_deref(),
        };
        let Some(connection) = refs.connection(stream.connection) else { return Ok(()) };
        let Some((state, mut context)) = self.parts(connection, sink) else { return Ok(()) };
        state.take(connection, &chunk, &mut context)
    }

    /// What is to be read beside a message that has something with it.
    fn ancillary(&self, has_some: bool, refs: Refs<'_>) -> Option<String> {
        let call = refs.call().filter(|_| has_some && self.options.records);
        call.and_then(|call| call.ancillary.as_deref()).map(names::of_ancillary)
    }
}
