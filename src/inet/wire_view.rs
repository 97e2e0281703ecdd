//! The wire view: the segments and datagrams that tcpdump on the traced host would have seen.

use crate::event::Family;
use crate::inet::datagrams::Datagrams;
use crate::inet::invented::Invented;
use crate::inet::streams::Streams;
use crate::packets::Ids;
use crate::sockets::{Change, Moved, Refs};
use crate::wire::Sink;

/// The state of the view.
#[derive(Debug, Default)]
pub struct WireView {
    streams: Streams,
    datagrams: Datagrams,
    ids: Ids,
}

impl WireView {
    /// A message of an INET socket.
    #[inline]
    pub fn moved<S: Sink>(&mut self, moved: &Moved, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        match moved.stream {
            Some(stream) => self.streams.moved(moved, stream, refs, &mut self.ids, sink),
            None => self.datagrams.moved(moved, refs.bytes(moved.payload), &mut self.ids, sink),
        }
    }

    /// Anything else that happened to a socket.
    pub fn change<S: Sink>(&mut self, change: &Change, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        let ids = &mut self.ids;
        match change {
            Change::LocalAddressKnown { socket, local } => self.datagrams.named(*socket, *local, ids, sink),
            Change::SocketClosed { socket } => self.datagrams.closed(*socket, ids, sink),
            Change::Moved(_) | Change::Ancillary { .. } | Change::UnixMessage(_) => Ok(()),
            Change::Opened { connection }
            | Change::AddressesKnown { connection }
            | Change::Failed { connection, .. }
            | Change::Finished { connection, .. }
            | Change::Reset { connection, .. }
            | Change::Closed { connection }
            | Change::ConnectionForgotten { connection } => match refs.connection(*connection) {
                Some(connection) if is_inet(connection.family) => self.streams.change(connection, change, ids, sink),
                _ => Ok(()),
            },
        }
    }

    /// The input pauses: what waits for the other end's call goes out.
    pub fn pause<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.streams.pause(&mut self.ids, sink)?;
        self.datagrams.pause(&mut self.ids, sink)
    }

    /// How many connections and sockets have been shown with invented addresses.
    pub fn invented(&self) -> Invented {
        self.streams.invented().and(self.datagrams.invented())
    }

    /// The end of the trace: what still waits for an address goes out.
    pub fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.datagrams.finish(&mut self.ids, sink)
    }
}

/// Whether packets of this family are IP packets.
const fn is_inet(family: Family) -> bool {
    matches!(family, Family::Inet | Family::Inet6)
}
