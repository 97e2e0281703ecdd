//! The wire view: the segments and datagrams that tcpdump on the traced host would have seen.

use crate::event::{Family, Timestamp, Transport};
use crate::inet::carrier;
use crate::inet::datagrams::Datagrams;
use crate::inet::streams::Streams;
use crate::limits;
use crate::packets::http2::{Lack, Seed};
use crate::packets::{Invented, Lookup, PacketCounters, PacketOutput, View};
use crate::sockets::{Change, Moved};
use crate::wire::Sink;
use std::time::Duration;

/// The state of the view.
#[derive(Debug, Default)]
pub struct WireView {
    streams: Streams,
    datagrams: Datagrams,
    ids: PacketCounters,
}

impl WireView {
    /// A view that has seen nothing. HTTP/2 on TCP that was joined midway will be seeded so.
    pub fn new(seed: Seed) -> Self {
        Self { streams: Streams::new(seed), ..Self::default() }
    }

    /// What of HTTP/2 joined midway would be read with other seeds.
    pub const fn lack(&self) -> Option<Lack> {
        self.streams.midway().lack()
    }

    /// The ports of servers whose HTTP/2 was joined midway, and whether seeds were written there.
    pub fn joined(&self) -> impl Iterator<Item = (u16, bool)> {
        self.streams.midway().ports()
    }

    /// How many messages are shown as one datagram that were cut into several, as nothing tells how.
    pub const fn uncut(&self) -> u64 {
        self.datagrams.uncut()
    }
}

impl View for WireView {
    fn shows(&self, family: Family, transport: Transport) -> bool {
        family.is_inet() && carrier::is_carried(transport)
    }

    #[inline]
    fn moved<S: Sink>(&mut self, moved: &Moved, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
        let out = &mut PacketOutput::new(&mut self.ids, sink);
        match moved.stream {
            Some(stream) => self.streams.moved(moved, stream, known.refs, out),
            None => self.datagrams.moved(moved, known.refs.bytes(moved.payload), out),
        }
    }

    fn change<S: Sink>(&mut self, change: &Change, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
        let out = &mut PacketOutput::new(&mut self.ids, sink);
        match change {
            Change::LocalAddressKnown { socket, local } => self.datagrams.named(*socket, *local, out),
            Change::SocketClosed { socket } => self.datagrams.closed(*socket, out),
            Change::Uncorked { socket, time } => self.datagrams.uncorked(*socket, *time, out),
            Change::Membership { socket, group, own, joins } => {
                self.datagrams.membership(*socket, (*group, *own), *joins);
                Ok(())
            }
            Change::GatheredInVain { socket } => {
                self.datagrams.gathered_in_vain(*socket);
                Ok(())
            }
            _ => match change.connection().and_then(|id| known.refs.connection(id)) {
                Some(connection) if connection.family.is_inet() => self.streams.change(connection, change, out),
                _ => Ok(()),
            },
        }
    }

    #[inline(always)]
    fn has_due(&self, now: Timestamp) -> bool {
        self.streams.have_due(now) || self.datagrams.holds()
    }

    /// Writes what has waited long enough at `now`, the traces' time: a datagram that came [`limits::WAITING_TIME`] before goes
    /// out, with stand-ins for what is not known of its ends. Handshakes wait on. Nothing that is still to be written is earlier
    /// than the time that is returned.
    #[inline]
    fn settle<S: Sink>(&mut self, now: Timestamp, known: Lookup<'_>, sink: &mut S) -> Result<Timestamp, S::Error> {
        let out = &mut PacketOutput::new(&mut self.ids, sink);
        if self.datagrams.holds() {
            self.datagrams.settle(now.before(limits::WAITING_TIME), out)?;
        }
        Ok(self.streams.settle(now, known.refs, out)?.min(self.datagrams.earliest()))
    }

    /// The same where nothing has come for `quiet`, wall clock: then no datagram waits any longer.
    fn pause<S: Sink>(&mut self, quiet: Duration, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
        let out = &mut PacketOutput::new(&mut self.ids, sink);
        self.datagrams.settle(Timestamp::MAX, out)?;
        self.streams.pause(quiet, known.refs, out)
    }

    fn invented(&self) -> Invented {
        self.streams.invented().and(self.datagrams.invented())
    }

    /// The end of the trace: what still waits for an address goes out.
    fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.datagrams.finish(&mut PacketOutput::new(&mut self.ids, sink))
    }
}
