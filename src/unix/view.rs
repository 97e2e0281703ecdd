//! The view of UNIX sockets: one conversation a connection, from its first packet to its end, and datagrams.

use crate::event::{Family, Transport};
use crate::packets::{Ids, Portion};
use crate::sockets::{ByConnection, Change, Connection, Moved};
use crate::unix::context::{Context, Options};
use crate::unix::datagrams::Datagrams;
use crate::unix::exchange::Exchange;
use crate::unix::names;
use crate::unix::ports::Chosen;
use crate::wire::Record;

/// The state of all UNIX conversations and datagram sockets.
#[derive(Debug)]
pub struct UnixView {
    options: Options,
    exchanges: ByConnection<Exchange>,
    datagrams: Datagrams,
    /// What goes with the payload that is told next.
    handed: Option<String>,
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

    /// Takes what happened to a UNIX socket.
    pub fn change(&mut self, change: &Change<'_>, sink: &mut impl FnMut(&Record<'_>)) {
        if let Change::Handed(handed) = change {
            self.handed = self.options.records.then(|| names::of_handed(handed));
            return;
        }
        self.happened(change, sink);
        // It goes with what its call moved, whether that was written or not.
        if let Change::Moved(_) = change {
            self.handed = None;
        }
    }

    fn happened(&mut self, change: &Change<'_>, sink: &mut impl FnMut(&Record<'_>)) {
        match change {
            Change::Moved(moved) => self.moved(moved, sink),
            Change::Opened { connection } if self.options.wire => {
                self.with(connection, sink, |exchange, context| {
                    exchange.opened(connection, context);
                });
            }
            Change::Finished {
                connection,
                side,
                told_by,
                marking,
                time,
            }
            | Change::Reset {
                connection,
                side,
                told_by,
                marking,
                time,
            } => {
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
            Change::UnixMessage(message) => {
                let handed = self.handed.take();
                self.datagrams.message(message, handed, &self.options, sink);
            }
            Change::Gone { socket } => self.datagrams.gone(*socket),
            Change::Opened { .. }
            | Change::Failed { .. }
            | Change::Named { .. }
            | Change::Handed(_) => {}
        }
    }

    /// Does something with a connection's state and the means to write.
    fn with<F: FnMut(&Record<'_>)>(
        &mut self,
        connection: &Connection,
        sink: &mut F,
        act: impl FnOnce(&mut Exchange, &mut Context<'_, F>),
    ) {
        if connection.family != Family::Unix {
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
            comment: None,
            sink,
        };
        act(exchange, &mut context);
    }

    fn moved(&mut self, moved: &Moved<'_>, sink: &mut impl FnMut(&Record<'_>)) {
        let Some(stream) = moved.stream else { return };
        let fresh = moved.moved.saturating_sub(stream.known);
        if fresh == 0
            || !matches!(
                moved.transport,
                Transport::Stream | Transport::Seqpacket | Transport::Unknown
            )
        {
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
        let handed = self.handed.take();
        self.with(stream.connection, sink, |exchange, context| {
            context.comment = handed;
            exchange.take(stream.connection, &portion, context);
        });
    }
}
