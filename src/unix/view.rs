//! The view of UNIX sockets and pipes: one conversation a connection, from its first packet to its end, and datagrams.

use crate::event::{Family, Timestamp, Transport, as_u64};
use crate::limits;
use crate::packets::{Chunk, Ids, Known, Output, Released, SmallReads, View, Waits, has_filled};
use crate::sockets::{ByConnection, Change, Connection, ConnectionId, Moved, Refs};
use crate::unix::connection::UnixConnection;
use crate::unix::context::{Context, Options};
use crate::unix::datagrams::Datagrams;
use crate::unix::names;
use crate::unix::ports::Chosen;
use crate::wire::Sink;
use std::time::Duration;

/// The state of all UNIX conversations and datagram sockets.
#[derive(Debug)]
pub struct UnixView {
    options: Options,
    connections: ByConnection<UnixConnection>,
    datagrams: Datagrams,
    /// Connections of which something is yet to be shown.
    waits: Waits<ConnectionId>,
    begun: u64,
    chosen: Chosen,
    reads: SmallReads,
    ids: Ids,
}

impl View for UnixView {
    fn shows(&self, family: Family, _: Transport) -> bool {
        self.options.shows(family)
    }

    fn moved<S: Sink>(&mut self, moved: &Moved, known: Known<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Some(stream) = moved.stream else { return Ok(()) };
        let fresh = moved.moved.saturating_sub(stream.known);
        if fresh == 0 || !matches!(moved.transport, Transport::Stream | Transport::Seqpacket | Transport::Unknown) {
            return Ok(());
        }
        let accounted = usize::try_from(stream.known).unwrap_or(usize::MAX);
        let bytes = known.refs.bytes(moved.payload).get(accounted..).unwrap_or_default();
        let comment = self.ancillary(moved.ancillary, known.refs);
        let chunk = Chunk {
            is_urgent: false,
            sender: stream.sender(moved.direction),
            time: self.options.moment(moved.entry, moved.exit),
            by: (moved.marking, stream.side),
            skipped: stream.skipped,
            bytes,
            missing: fresh.saturating_sub(as_u64(bytes.len())),
            comment: comment.as_deref(),
        };
        let Some(connection) = known.refs.connection(stream.connection) else { return Ok(()) };
        // A message of a seqpacket socket is none to be cut or put together.
        let may_wait = self.options.is_wire() && moved.transport != Transport::Seqpacket;
        let filled = (may_wait && has_filled(moved, &chunk, connection, known.refs)).then_some(moved.entry);
        let (before, waits) = self.reads.meet(connection.id, &chunk, filled);
        if let Some(before) = before {
            self.take_reads(connection, before, known, sink)?;
        }
        if waits { Ok(()) } else { self.take(connection, &chunk, known, sink) }
    }

    fn change<S: Sink>(&mut self, change: &Change, known: Known<'_>, sink: &mut S) -> Result<(), S::Error> {
        match change {
            Change::UnixMessage(message) if self.options.sockets => {
                let beside = self.ancillary(message.ancillary, known.refs);
                let message = (message, known.refs.bytes(message.payload));
                return self.datagrams.message(message, (known.threads, beside), &self.options, sink);
            }
            Change::SocketClosed { socket } => self.datagrams.closed(*socket),
            Change::Begun { connection }
            | Change::Opened { connection }
            | Change::Finished { connection, .. }
            | Change::Reset { connection, .. }
            | Change::Closed { connection }
            | Change::ConnectionForgotten { connection } => {
                if let Some(connection) = known.refs.connection(*connection) {
                    if let Some(reads) = self.reads.release(connection.id) {
                        self.take_reads(connection, reads, known, sink)?;
                    }
                    self.connection_changed(connection, change, known, sink)?;
                    self.wait(connection);
                }
            }
            Change::Moved(_)
            | Change::UnixMessage(_)
            | Change::Failed { .. }
            | Change::AddressesKnown { .. }
            | Change::LocalAddressKnown { .. }
            | Change::Uncorked { .. }
            | Change::GatheredInVain { .. } => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn holds(&self) -> bool {
        !(self.waits.is_empty() && self.reads.is_empty())
    }

    fn settle<S: Sink>(&mut self, now: Timestamp, known: Known<'_>, sink: &mut S) -> Result<Timestamp, S::Error> {
        if self.reads.may_be_due(now) {
            self.write_due(Some(now), known, sink)?;
        }
        self.waits.forget_before(now.before(limits::WAITING_TIME));
        Ok(self.waits.earliest().min(self.reads.earliest()))
    }

    /// Reads that wait for the next go out. After long, what waits for its port is shown without, and keeps that.
    fn pause<S: Sink>(&mut self, quiet: Duration, known: Known<'_>, sink: &mut S) -> Result<(), S::Error> {
        self.write_due(None, known, sink)?;
        if quiet < limits::LONG_PAUSE {
            return Ok(());
        }
        for id in self.waits.all() {
            if let Some(connection) = known.refs.connection(id) {
                self.give_up(connection, known, sink)?;
            }
        }
        Ok(())
    }

    fn leaves_out(&self, moved: &Moved) -> bool {
        let connection = moved.stream.and_then(|stream| self.connections.get(stream.connection));
        !self.options.only_ports.is_empty() && connection.is_some_and(UnixConnection::is_left_out)
    }
}

impl UnixView {
    /// A view that has seen nothing.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            connections: ByConnection::default(),
            datagrams: Datagrams::default(),
            waits: Waits::default(),
            begun: 0,
            chosen: Chosen::default(),
            reads: SmallReads::default(),
            ids: Ids::default(),
        }
    }

    /// The servers' ports, and how they were chosen.
    pub const fn chosen(&self) -> &Chosen {
        &self.chosen
    }

    /// Takes what moved on a connection.
    fn take<S: Sink>(
        &mut self,
        connection: &Connection,
        chunk: &Chunk<'_>,
        known: Known<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if let Some((state, mut context)) = self.parts(connection, known, sink) {
            state.take(connection, chunk, &mut context)?;
        }
        self.wait(connection);
        Ok(())
    }

    /// Takes the reads that have waited long enough at `now`, or all.
    fn write_due<S: Sink>(&mut self, now: Option<Timestamp>, known: Known<'_>, sink: &mut S) -> Result<(), S::Error> {
        while let Some((id, reads)) = self.reads.take_due(now) {
            if let Some(connection) = known.refs.connection(id) {
                self.take_reads(connection, reads, known, sink)?;
            }
        }
        Ok(())
    }

    /// Takes reads that wait no longer.
    fn take_reads<S: Sink>(
        &mut self,
        connection: &Connection,
        reads: Released,
        known: Known<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.take(connection, &reads.chunk(), known, sink)?;
        self.reads.give_back(reads);
        Ok(())
    }

    fn connection_changed<S: Sink>(
        &mut self,
        connection: &Connection,
        change: &Change,
        known: Known<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Some((state, mut context)) = self.parts(connection, known, sink) else {
            return Ok(());
        };
        match change {
            Change::Opened { .. } if context.options.is_wire() => state.opened(connection, &mut context),
            Change::Finished { side, by, marking, time, .. } | Change::Reset { side, by, marking, time, .. } => {
                state.finished(connection, *side, (*marking, *by), *time, &mut context)
            }
            Change::Closed { .. } => state.release(connection, &mut context),
            Change::ConnectionForgotten { .. } => {
                if context.options.is_wire() {
                    state.give_up(connection, &mut context)?;
                }
                state.release(connection, &mut context)?;
                state.account(connection);
                self.connections.forget(connection.id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What the connection waits for is long in coming.
    fn give_up<S: Sink>(&mut self, connection: &Connection, known: Known<'_>, sink: &mut S) -> Result<(), S::Error> {
        if let Some((state, mut context)) = self.parts(connection, known, sink) {
            state.give_up(connection, &mut context)?;
        }
        self.wait(connection);
        Ok(())
    }

    /// Notes whether something of the connection is yet to be shown.
    #[inline]
    fn wait(&mut self, connection: &Connection) {
        if !self.options.is_wire() {
            return;
        }
        let state = self.connections.get(connection.id);
        match state.and_then(|state| state.waits_since(connection)) {
            Some(since) => self.waits.begin(connection.id, since),
            None => {
                self.waits.end(connection.id);
            }
        }
    }

    /// A connection's state, and the means to write; none where the connection is not shown.
    fn parts<'a, S: Sink>(
        &'a mut self,
        connection: &Connection,
        known: Known<'a>,
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
            threads: known.threads,
            out: Output::new(&mut self.ids, sink),
        };
        Some((state, context))
    }

    /// What is to be read beside a message that has something with it.
    fn ancillary(&self, has_some: bool, refs: Refs<'_>) -> Option<String> {
        let call = refs.call().filter(|_| has_some && self.options.records);
        call.and_then(|call| call.ancillary.as_deref()).map(names::of_ancillary)
    }
}
