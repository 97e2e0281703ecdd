//! The view of UNIX streams: one conversation a connection, from its first packet to its end.

use crate::event::{Family, Timestamp, Transport};
use crate::packets::{Ids, Portion};
use crate::sockets::{Change, Connection, ConnectionId, Moved};
use crate::unix::context::{Context, Options};
use crate::unix::exchange::Exchange;
use crate::unix::ports::Chosen;
use crate::wire::Frame;
use rustc_hash::FxHashMap;

/// The state of all UNIX conversations.
#[derive(Debug)]
pub struct UnixView {
    options: Options,
    exchanges: FxHashMap<ConnectionId, Exchange>,
    begun: u64,
    chosen: Chosen,
    ids: Ids,
}

impl UnixView {
    /// A view that has seen nothing.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            exchanges: FxHashMap::default(),
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
        !self.options.only_ports.is_empty()
            && self.exchanges.get(&id).is_some_and(Exchange::is_left_out)
    }

    /// Takes what happened to a UNIX socket.
    pub fn change(&mut self, change: &Change<'_>, sink: &mut impl FnMut(&Frame<'_>)) {
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
                self.exchanges.remove(&connection.id);
            }
            Change::Opened { .. }
            | Change::Failed { .. }
            | Change::Named { .. }
            | Change::Gone { .. } => {}
        }
    }

    /// Does something with a connection's state and the means to write.
    fn with<F: FnMut(&Frame<'_>)>(
        &mut self,
        connection: &Connection,
        sink: &mut F,
        act: impl FnOnce(&mut Exchange, &mut Context<'_, F>),
    ) {
        if connection.family != Family::Unix {
            return;
        }
        let exchange = self.exchanges.entry(connection.id).or_default();
        let mut context = Context {
            options: &self.options,
            begun: &mut self.begun,
            chosen: &mut self.chosen,
            ids: &mut self.ids,
            sink,
        };
        act(exchange, &mut context);
    }

    fn moved(&mut self, moved: &Moved<'_>, sink: &mut impl FnMut(&Frame<'_>)) {
        let Some(stream) = moved.stream else { return };
        let fresh = moved.moved.saturating_sub(stream.known);
        if fresh == 0 || !matches!(moved.transport, Transport::Stream | Transport::Unknown) {
            return;
        }
        let known = usize::try_from(stream.known).unwrap_or(usize::MAX);
        let bytes = moved.payload.get(known..).unwrap_or_default();
        let portion = Portion {
            sender: stream.sender(moved.direction),
            time: self.time_of(moved),
            told_by: (moved.marking, stream.side),
            bytes,
            missing: fresh.saturating_sub(bytes.len() as u64),
        };
        self.with(stream.connection, sink, |exchange, context| {
            exchange.take(stream.connection, &portion, stream.skipped, context);
        });
    }

    /// The moment at which the bytes moved: the call's start, as the predecessor had it; in the wire view its end.
    const fn time_of(&self, moved: &Moved<'_>) -> Timestamp {
        if self.options.wire {
            moved.moment()
        } else {
            moved.entry
        }
    }
}
