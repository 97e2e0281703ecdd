//! The view of UNIX sockets and pipes: one conversation a connection, from its first packet to its end, and datagrams.

use crate::event::{Direction, Family, Tid, Timestamp, Transport};
use crate::limits;
use crate::packets::{
    Chunk, Late, Lookup, PacketCounters, PacketOutput, Released, SmallReads, Unread, View, Waits, filled, is_unseen,
};
use crate::sockets::{ByConnection, Change, Connection, ConnectionId, Moved, Overlap, Refs, Stream};
use crate::unix::connection::UnixConnection;
use crate::unix::context::{Context, UnixOptions};
use crate::unix::datagrams::Datagrams;
use crate::unix::names;
use crate::unix::ports::Chosen;
use crate::unix::services::Services;
use crate::wire::Sink;
use std::time::Duration;

/// The state of all UNIX conversations and datagram sockets.
#[derive(Debug)]
pub struct UnixView {
    options: UnixOptions,
    connections: ByConnection<UnixConnection>,
    datagrams: Datagrams,
    /// Connections of which something is yet to be shown.
    waits: Waits<ConnectionId>,
    begun: u64,
    chosen: Chosen,
    services: Services,
    reads: SmallReads,
    /// What waits for the reader's call.
    unread: Unread,
    ids: PacketCounters,
}

impl View for UnixView {
    fn shows(&self, family: Family, _: Transport) -> bool {
        self.options.shows(family)
    }

    fn moved<S: Sink>(&mut self, moved: &Moved, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Some(stream) = moved.stream else { return Ok(()) };
        self.moved_by(moved, stream, known, sink)?;
        if self.options.records { self.name_ends(moved, stream, known, sink) } else { Ok(()) }
    }

    fn change<S: Sink>(&mut self, change: &Change, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
        match change {
            Change::UnixMessage(message) if self.options.sockets => {
                let beside = self.ancillary(message.ancillary, known.refs);
                let message = (message, known.refs.bytes(message.payload));
                return self.datagrams.message(message, (known.processes, beside), &self.options, sink);
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
                    if self.unread.concerns(connection) {
                        let beside = self.unread.change(connection, change);
                        self.take_late(connection, beside.lates, known, sink)?;
                        if beside.is_held {
                            return Ok(());
                        }
                    }
                    self.connection_changed(connection, change, known, sink)?;
                    self.wait(connection);
                }
            }
            Change::Moved(_)
            | Change::InFlight { .. }
            | Change::UnixMessage(_)
            | Change::Failed { .. }
            | Change::AddressesKnown { .. }
            | Change::LocalAddressKnown { .. }
            | Change::Membership { .. }
            | Change::Uncorked { .. }
            | Change::GatheredInVain { .. } => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn has_due(&self, now: Timestamp) -> bool {
        !self.waits.is_empty() || self.unread.waits() || self.reads.are_due(now)
    }

    fn settle<S: Sink>(&mut self, now: Timestamp, known: Lookup<'_>, sink: &mut S) -> Result<Timestamp, S::Error> {
        if self.reads.are_due(now) || self.unread.waits() {
            self.write_due(Some(now), known, sink)?;
        }
        self.waits.forget_before(now.before(limits::WAITING_TIME));
        Ok(self.waits.earliest().min(self.reads.earliest()).min(self.unread.earliest()))
    }

    /// Reads that wait for the next go out. After long, what waits for its port is shown without, and keeps that.
    fn pause<S: Sink>(&mut self, quiet: Duration, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
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
    pub fn new(options: UnixOptions) -> Self {
        Self {
            options,
            connections: ByConnection::default(),
            datagrams: Datagrams::default(),
            waits: Waits::default(),
            begun: 0,
            chosen: Chosen::default(),
            services: Services::default(),
            reads: SmallReads::default(),
            unread: Unread::default(),
            ids: PacketCounters::default(),
        }
    }

    /// The servers' ports, and how they were chosen.
    pub const fn chosen(&self) -> &Chosen {
        &self.chosen
    }

    /// Takes what a call moved on a connection, as far as it is news.
    fn moved_by<S: Sink>(
        &mut self,
        moved: &Moved,
        stream: Stream,
        known: Lookup<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Some(connection) = known.refs.connection(stream.connection) else { return Ok(()) };
        if !matches!(moved.transport, Transport::Stream | Transport::Seqpacket | Transport::Unknown) {
            return Ok(());
        }
        if (stream.overlap != Overlap::None || !self.unread.is_empty())
            && self.moved_beside_others(connection, (moved, stream), known, sink)?
        {
            return Ok(());
        }
        if moved.moved <= stream.known {
            return Ok(());
        }
        let comment = self.ancillary(moved.ancillary, known.refs);
        let chunk = Chunk { comment: comment.as_deref(), ..self.chunk_of(moved, stream, stream.known, known.refs) };
        if self.options.is_wire() && is_unseen(moved, &chunk, connection) {
            self.unread.hold(connection, (moved, stream), &chunk);
            return Ok(());
        }
        // A message of a seqpacket socket is none to be cut or put together.
        let may_wait = self.options.is_wire() && moved.transport != Transport::Seqpacket;
        let filled = filled(moved, &chunk, connection, known.refs).filter(|_| may_wait);
        let (before, waits) = self.reads.meet(connection.id, &chunk, filled);
        if let Some(before) = before {
            self.take_reads(connection, before, known, sink)?;
        }
        if !waits {
            return self.take(connection, &chunk, known, sink);
        }
        sink.expect(chunk.time);
        Ok(())
    }

    /// Names the ends of a conversation that has begun: the thread's own by its process, the other one by what it was told.
    fn name_ends<S: Sink>(
        &mut self,
        moved: &Moved,
        stream: Stream,
        known: Lookup<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Some(state) = self.connections.get_mut(stream.connection) else { return Ok(()) };
        let Some(connection) = known.refs.connection(stream.connection) else { return Ok(()) };
        if moved.direction == Direction::Received && moved.moved <= stream.known {
            state.is_read(stream.side, moved.marking);
        }
        if let Some(address) = state.name(stream.side) {
            let user = names::of_process(&moved.marking, known.processes);
            names::write(address, Some(&user), connection.end(stream.side).name(), sink)?;
        }
        let other = stream.side.other();
        let ancillary = known.refs.call().and_then(|call| call.ancillary).filter(|_| moved.ancillary);
        let said = ancillary.filter(|_| moved.direction == Direction::Received).and_then(|beside| beside.credentials);
        let process = said.map(|said| Tid(said.process)).or(connection.calls(stream.side).peer());
        if let Some(process) = process.filter(|process| process.0 > 0)
            && !connection.end(other).traced
            && let Some(address) = state.name(other)
        {
            let user = known.processes.name_of(process);
            names::write(address, Some(&user), connection.end(other).name(), sink)?;
        }
        Ok(())
    }

    /// Takes what moved on a connection.
    fn take<S: Sink>(
        &mut self,
        connection: &Connection,
        chunk: &Chunk<'_>,
        known: Lookup<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if let Some((state, mut context)) = self.parts(connection, known, sink) {
            state.take(connection, chunk, &mut context)?;
        }
        self.wait(connection);
        Ok(())
    }

    /// Takes the reads that have waited long enough at `now`, or all.
    fn write_due<S: Sink>(&mut self, now: Option<Timestamp>, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
        while let Some((id, reads)) = self.reads.next_due(now) {
            if let Some(connection) = known.refs.connection(id) {
                self.take_reads(connection, reads, known, sink)?;
            }
        }
        while let Some((id, lates)) = self.unread.next_due(now, known.refs) {
            if let Some(connection) = known.refs.connection(id) {
                self.take_late(connection, lates, known, sink)?;
            }
        }
        Ok(())
    }

    /// What a call moved, but for its first `front` bytes.
    fn chunk_of<'a>(&self, moved: &Moved, stream: Stream, front: u64, refs: Refs<'a>) -> Chunk<'a> {
        let time = self.options.moment(moved.entry, moved.exit);
        Chunk { time, is_urgent: false, ..Chunk::of(moved, stream, front, refs) }
    }

    /// Something moved where sends overlap or something waits for the reader. Whether it is dealt with.
    #[cold]
    #[inline(never)]
    fn moved_beside_others<S: Sink>(
        &mut self,
        connection: &Connection,
        (moved, stream): (&Moved, Stream),
        known: Lookup<'_>,
        sink: &mut S,
    ) -> Result<bool, S::Error> {
        let comment = self.ancillary(moved.ancillary, known.refs);
        let all = Chunk { comment: comment.as_deref(), ..self.chunk_of(moved, stream, 0, known.refs) };
        let beside = self.unread.meet(connection, (moved, stream), &all, known.refs);
        self.take_late(connection, beside.lates, known, sink)?;
        if beside.is_held && !self.options.is_wire() {
            // Nothing else says how late it is.
            self.write_due(Some(moved.exit), known, sink)?;
        }
        Ok(beside.is_held)
    }

    fn take_late<S: Sink>(
        &mut self,
        connection: &Connection,
        lates: Vec<Late>,
        known: Lookup<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        for late in lates {
            match late {
                Late::Chunk(chunk) => self.take(connection, &chunk.chunk(), known, sink)?,
                Late::Finish { side, time, marking, by } => {
                    if let Some((state, mut context)) = self.parts(connection, known, sink) {
                        state.finished(connection, side, (marking, by), time, &mut context)?;
                    }
                    self.wait(connection);
                }
            }
        }
        Ok(())
    }

    /// Takes reads that wait no longer.
    fn take_reads<S: Sink>(
        &mut self,
        connection: &Connection,
        reads: Released,
        known: Lookup<'_>,
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
        known: Lookup<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let is_news = match change {
            // The syscall view shows who sends, and nothing before.
            Change::Begun { .. } | Change::Opened { .. } => self.options.is_wire(),
            // Of one that is not asked for, only that it is over is told.
            Change::Closed { .. } | Change::ConnectionForgotten { .. } => self.connections.get(connection.id).is_some(),
            _ => true,
        };
        if !is_news {
            return Ok(());
        }
        let Some((state, mut context)) = self.parts(connection, known, sink) else {
            return Ok(());
        };
        match change {
            Change::Opened { .. } => state.opened(connection, &mut context),
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
    fn give_up<S: Sink>(&mut self, connection: &Connection, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
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
        known: Lookup<'a>,
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
            services: &mut self.services,
            processes: known.processes,
            out: PacketOutput::new(&mut self.ids, sink),
        };
        Some((state, context))
    }

    /// What is to be read beside a message that has something with it.
    fn ancillary(&self, has_some: bool, refs: Refs<'_>) -> Option<String> {
        let call = refs.call().filter(|_| has_some && self.options.records);
        call.and_then(|call| call.ancillary).map(names::of_ancillary)
    }
}
