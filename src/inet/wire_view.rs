//! The wire view: the segments and datagrams that tcpdump on the traced host would have seen.

use crate::event::Family;
use crate::inet::datagrams::Datagrams;
use crate::inet::invented::Invented;
use crate::inet::streams::Streams;
use crate::packets::Ids;
use crate::sockets::Change;
use crate::wire::Frame;

/// The state of the view.
#[derive(Debug, Default)]
pub struct WireView {
    streams: Streams,
    datagrams: Datagrams,
    ids: Ids,
}

impl WireView {
    /// Takes what happened to an INET socket.
    pub fn change(&mut self, change: &Change<'_>, sink: &mut impl FnMut(&Frame<'_>)) {
        match change {
            Change::Moved(moved) if is_inet(moved.family) => match moved.stream {
                Some(stream) => self.streams.moved(moved, &stream, &mut self.ids, sink),
                None => self.datagrams.moved(moved, &mut self.ids, sink),
            },
            Change::Named { socket, local } => {
                self.datagrams.named(*socket, *local, &mut self.ids, sink);
            }
            Change::Gone { socket } => self.datagrams.gone(*socket, &mut self.ids, sink),
            Change::Moved(_) | Change::Handed(_) | Change::UnixMessage(_) => {}
            Change::Opened { connection }
            | Change::Failed { connection, .. }
            | Change::Finished { connection, .. }
            | Change::Reset { connection, .. }
            | Change::Closed { connection }
            | Change::Over { connection } => {
                if is_inet(connection.family) {
                    self.streams.change(connection, change, &mut self.ids, sink);
                }
            }
        }
    }

    /// The input pauses: handshakes that wait for the other end's call go out.
    pub fn pause(&mut self, sink: &mut impl FnMut(&Frame<'_>)) {
        self.streams.pause(&mut self.ids, sink);
    }

    /// How many connections and sockets have been shown with invented addresses.
    pub fn invented(&self) -> Invented {
        self.streams.invented().and(self.datagrams.invented())
    }

    /// The end of the trace: what still waits for an address goes out.
    pub fn finish(&mut self, sink: &mut impl FnMut(&Frame<'_>)) {
        self.datagrams.finish(&mut self.ids, sink);
    }
}

/// Whether packets of this family are IP packets. Where nothing tells the family, it is taken for IP.
const fn is_inet(family: Family) -> bool {
    matches!(family, Family::Inet | Family::Inet6)
}
