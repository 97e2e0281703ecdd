//! A UNIX connection's or a pipe's TCP conversation: invented endpoints, handshake before the first packet, and what was written.

use crate::event::{Timestamp, as_u64};
use crate::packets::{Endpoint, Look, Portion, Talk, Witness, handshake_times};
use crate::sockets::{Connection, Side};
use crate::unix::context::Context;
use crate::unix::endpoints;
use crate::unix::names;
use crate::wire::Sink;

/// How long before the first packet the handshake begins where no call of it was traced, in nanoseconds.
const HANDSHAKE_LEAD: u64 = 300_000;

/// How much later the other end acknowledges a FIN, in nanoseconds.
const FIN_ACKNOWLEDGED_AFTER: u64 = 50_000;

/// The window that every segment announces: the largest without scaling.
const WINDOW: u16 = u16::MAX;

/// A conversation that has begun.
#[derive(Debug)]
pub(super) struct UnixTalk {
    talk: Talk,
    /// Bytes written of what the first and the second end sent; seeds do not count.
    pub(super) written: [u64; 2],
}

impl UnixTalk {
    /// Begins the conversation of `connection`, the next of the run, and writes its handshake before `first`.
    pub(super) fn begin<S: Sink>(
        connection: &Connection,
        (client, port): (Side, u16),
        first: Timestamp,
        context: &mut Context<'_, S>,
    ) -> Result<Self, S::Error> {
        let inode = connection.inode(client).or(connection.inode(client.other()));
        let clients = context.options.client_ports();
        let ends = endpoints::of(*context.begun, inode, clients, port);
        *context.begun += 1;
        let look = if context.options.wire { Look::Marked } else { Look::Plain(ends.map(|end| end.mac)) };
        let addresses = ends.map(|end| end.address);
        let ends = ends.map(|end| Endpoint::new(end.address, end.isn));
        let mut talk = Talk::new(client, ends, WINDOW, None, look);
        let opener = connection.opener(client);
        let times = handshake_times(connection, first, HANDSHAKE_LEAD);
        // What goes with the payload waits until the handshake is written.
        let waiting = context.comment.take();
        if context.options.records {
            context.comment = Some(names::of_connection(connection, client));
            let name = connection.end(client.other()).name.as_ref();
            let user = connection.end(client).marking;
            let user = user.map(|user| context.threads.name(user.tid));
            names::write(addresses, name, user, context.sink)?;
        }
        {
            let (ids, mut sink) = context.frames();
            talk.handshake(times, opener, ids, &mut sink)?;
        }
        context.comment = waiting;
        Ok(Self { talk, written: [0; 2] })
    }

    /// Whether the end on `side` is the client.
    pub(super) fn is_client(&self, side: Side) -> bool {
        self.talk.client() == side
    }

    /// Writes payload that one call moved.
    pub(super) fn write<S: Sink>(
        &mut self,
        portion: &Portion<'_>,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let (ids, mut sink) = context.frames();
        self.talk.write(portion, ids, &mut sink)?;
        let [first, second] = &mut self.written;
        let written = match portion.sender {
            Side::First => first,
            Side::Second => second,
        };
        *written += as_u64(portion.bytes.len()) + portion.missing;
        Ok(())
    }

    /// Passes over bytes that are not to be shown.
    pub(super) fn skip(&mut self, sender: Side, bytes: u64) {
        self.talk.skip(sender, bytes);
    }

    /// Writes bytes that no call moved.
    pub(super) fn write_seed<S: Sink>(
        &mut self,
        from_client: bool,
        time: Timestamp,
        bytes: &[u8],
        by: Witness,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let client = self.talk.client();
        let sender = if from_client { client } else { client.other() };
        let portion = Portion { sender, time, by, bytes, missing: 0 };
        let (ids, mut sink) = context.frames();
        self.talk.write(&portion, ids, &mut sink)
    }

    /// Writes the FIN of the end on `side`, once, and its acknowledgement.
    pub(super) fn finish<S: Sink>(
        &mut self,
        side: Side,
        time: Timestamp,
        by: Witness,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let (ids, mut sink) = context.frames();
        let times = (time, FIN_ACKNOWLEDGED_AFTER);
        self.talk.finish(side, times, by, ids, &mut sink)
    }
}
