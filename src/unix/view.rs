//! The view of UNIX sockets and pipes: one conversation a connection, from its first packet to its end, and datagrams.

use crate::event::{Timestamp, Transport};
use crate::packets::{Ids, Portion};
use crate::sockets::{ByConnection, Change, Connection, ConnectionId, Moved, SocketNumber};
use crate::unix::context::{Context, Options};
use crate::unix::datagrams::Datagrams;
use crate::unix::exchange::Exchange;
use crate::unix::names::{self, Threads};
use crate::unix::ports::Chosen;
use crate::wire::Record;

/// The state of all UNIX conversations and datagram sockets.
#[derive(Debug)]
pub struct UnixView {
    options: Options,
    exchanges: ByConnection<Exchange>,
    datagrams: Datagrams,
    threads: Threads,
    /// What goes with the payload of a call that is told next: the call's socket and its beginning, and the text.
    handed: Option<((SocketNumber, Timestamp), String)>,
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
            handed: None,
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

    /// Takes what happened to a UNIX socket or a pipe.
    pub fn change(&mut self, change: &Change<'_>, sink: &mut impl FnMut(&Record<'_>)) {
        match change {
            Change::Moved(moved) => self.moved(moved, sink),
            Change::Opened { connection } if self.options.wire => {
                self.with(connection, sink, |exchange, context| {
                    exchange.opened(connection, context);
                });
            }
            Change::Finished { connection, side, told_by, marking, time }
            | Change::Reset { connection, side, told_by, marking, time } => {
                self.with(connection, sink, |exchange, context| {
                    exchange.finished(connection, *side, (*marking, *told_by), *time, context);
                });
            }
            Change::Closed { connection } => {
                self.with(connection, sink, |exchange, context| {
                    exchange.release(connection, context);
                });
            }
            Change::Over { connection } => {
                self.with(connection, sink, |exchange, context| {
                    exchange.release(connection, context);
                    exchange.account(connection);
                });
                self.exchanges.forget(connection.id);
            }
            Change::Called { tid, name } => self.threads.called(*tid, name),
            Change::Begot { by, child } => self.threads.begot(*by, *child),
            Change::Handed(handed) => {
                let text = || names::of_handed(handed);
                let call = (handed.socket, handed.entry);
                self.handed = self.options.records.then(|| (call, text()));
            }
            Change::UnixMessage(_) if !self.options.sockets => {}
            Change::UnixMessage(message) => {
                let handed = self.handed_with(message.local.socket, message.entry);
                let beside = (&self.threads, handed);
                self.datagrams.message(message, beside, &self.options, sink);
            }
            Change::Gone { socket } => self.datagrams.gone(*socket),
            Change::Opened { .. } | Change::Failed { .. } | Change::Named { .. } => {}
        }
    }

    /// Does something with a connection's state and the means to write.
    fn with<F: FnMut(&Record<'_>)>(
        &mut self,
        connection: &Connection,
        sink: &mut F,
        act: impl FnOnce(&mut Exchange, &mut Context<'_, F>),
    ) {
        if !self.options.shows(connection.family) {
            return;
        }
        let Some(exchange) = self.exchanges.of(connection.id, Exchange::default) else {
            return;
        };
        let mut context = Context {
            options: &self.options,
            begun: &mut self.begun,
            chosen: &mut self.chosen,
            ids: &mut self.ids,
            threads: &self.threads,
            comment: None,
            sink,
        };
        act(exchange, &mut context);
    }

    /// What goes with the payload of this call, if anything does.
    fn handed_with(&mut self, socket: Option<SocketNumber>, entry: Timestamp) -> Option<String> {
        let (call, text) = self.handed.take()?;
        (Some(call.0) == socket && call.1 == entry).then_some(text)
    }

    fn moved(&mut self, moved: &Moved<'_>, sink: &mut impl FnMut(&Record<'_>)) {
        let Some(stream) = moved.stream else { return };
        let fresh = moved.moved.saturating_sub(stream.known);
        if fresh == 0 || !matches!(moved.transport, Transport::Stream | Transport::Seqpacket | Transport::Unknown) {
            return;
        }
        let known = usize::try_from(stream.known).unwrap_or(usize::MAX);
        let bytes = moved.payload.get(known..).unwrap_or_default();
        let portion = Portion {
            sender: stream.sender(moved.direction),
            time: self.options.moment(moved.entry, moved.exit),
            told_by: (moved.marking, stream.side),
            bytes,
            missing: fresh.saturating_sub(bytes.len() as u64),
        };
        let handed = self.handed_with(Some(moved.socket), moved.entry);
        self.with(stream.connection, sink, |exchange, context| {
            context.comment = handed;
            exchange.take(stream.connection, &portion, stream.skipped, context);
        });
    }
}
