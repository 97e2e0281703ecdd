//! A UNIX connection or a pipe as a TCP connection: invented endpoints, a handshake before the first packet, and an
//! end.

use crate::event::{Marking, Timestamp};
use crate::packets::{self, Endpoint, HANDSHAKE, TcpConnection, Witness, handshake_times};
use crate::sockets::{Connection, Opening, Side};
use crate::unix::context::Context;
use crate::unix::endpoints;
use crate::unix::names;
use crate::wire::{Remarks, Sink};

/// How long before the first packet the handshake begins where no call of it was traced, in nanoseconds.
const HANDSHAKE_LEAD: u64 = 300_000;

/// When the handshake of a connection begins that was made in the trace.
pub(super) fn begins(connection: &Connection) -> Option<Timestamp> {
    packets::begins(connection, HANDSHAKE_LEAD)
}

/// How much later the other end acknowledges a FIN, in nanoseconds.
const FIN_ACKNOWLEDGED_AFTER: u64 = 50_000;

/// The window that every segment announces: the largest without scaling.
const WINDOW: u16 = u16::MAX;

/// Begins the conversation of `connection`, the next of the run, and writes its handshake before `first`.
pub(super) fn begin<S: Sink>(
    connection: &Connection,
    (client, port): (Side, u16),
    first: Timestamp,
    context: &mut Context<'_, S>,
) -> Result<TcpConnection, S::Error> {
    let inode = connection.inode(client).or(connection.inode(client.other()));
    let options = context.options;
    let ends = endpoints::of(*context.begun, inode, options.client_ports(), port);
    *context.begun += 1;
    let mut comment = None;
    if options.records {
        comment = Some(names::of_connection(connection, client));
        let [client_end, server_end] = ends;
        let user = connection.calls(client).marking.map(|user| names::of_process(&user, context.processes));
        names::write(client_end.address, user.as_deref(), None, context.out.sink())?;
        // Who is behind the server, its calls will show.
        names::write(server_end.address, None, connection.end(client.other()).name(), context.out.sink())?;
    }
    let ends = ends.map(|end| Endpoint::new(end.address, (!options.is_wire()).then_some(end.mac), end.isn));
    let mut tcp = TcpConnection::new(client, ends, WINDOW, options.is_wire().then_some(HANDSHAKE));
    tcp.remark(Remarks::MIDWAY.only_if(connection.opening == Opening::Unseen));
    let times = handshake_times(connection, first, HANDSHAKE_LEAD);
    tcp.handshake(times, connection.opener(client), comment.as_deref(), &mut context.out)?;
    Ok(tcp)
}

/// Writes the FIN of the end on `side`, once, and its acknowledgement. `reader` is who has read on that end: where no packet
/// names it, as it has only read and another process closes the end, the FIN does.
pub(super) fn finish<S: Sink>(
    tcp: &mut TcpConnection,
    (side, reader): (Side, Option<Marking>),
    (time, by): (Timestamp, Witness),
    context: &mut Context<'_, S>,
) -> Result<(), S::Error> {
    let is_unnamed = |reader: &Marking| ![tcp.named(side), by.0.process].contains(&reader.process);
    let comment = reader.filter(is_unnamed).map(|reader| names::of_reader(&reader, context.processes));
    tcp.finish((side, comment.as_deref()), (time, FIN_ACKNOWLEDGED_AFTER), by, &mut context.out)
}
