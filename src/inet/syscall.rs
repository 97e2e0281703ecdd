//! The syscall view: one packet for each payload call, as the predecessor wrote it, byte for byte.
//!
//! TCP carries PSH and ACK with ack 0; both ends of a connection are shown where both are traced. What the trace knows
//! of the endpoints is used, and invented values stand for the rest.

use crate::event::{Direction, Family, HostPort, ProcessRef, Transport, as_u64};
use crate::inet::invented::{self, Counted, Counter};
use crate::packets::{Invented, Lookup, News, NewsOfDatagrams, View};
use crate::sockets::{ByConnection, Change, Moved};
use crate::wire::{About, Flags, Frame, LinkHeader, Packet, Remarks, SeqNumber, Sink, TransportHeader};

/// Longest payload of one packet; a longer call is cut into pieces of this and a rest.
const LONGEST_PAYLOAD: usize = 65_480;

/// The next sequence numbers of one connection's directions, and who has been named beside its packets.
#[derive(Debug, Default)]
struct Stream {
    next: [Option<SeqNumber>; 2],
    news: News,
}

/// The state of the view: how far each direction of each connection has come.
#[derive(Debug, Default)]
pub struct SyscallView {
    next: ByConnection<Stream>,
    news: NewsOfDatagrams,
    counter: Counter,
}

impl View for SyscallView {
    #[inline]
    fn shows(&self, family: Family, transport: Transport) -> bool {
        family.is_inet() && matches!(transport, Transport::Stream | Transport::Datagram)
    }

    /// Writes the packets of one message.
    #[inline]
    fn moved<S: Sink>(&mut self, moved: &Moved, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
        let is_tcp = match moved.transport {
            Transport::Stream => true,
            Transport::Datagram => false,
            _ => return Ok(()),
        };
        let mut is_invented = false;
        let invented: [HostPort; 2];
        let (local, remote) = if let (Some(local), Some(remote)) = (&moved.local, &moved.remote) {
            (local, remote)
        } else {
            let known = (moved.local.map(HostPort::get), moved.remote.map(HostPort::get));
            is_invented = self.counter.count(Counted::of(moved), known.0, moved.direction);
            invented = <[_; 2]>::from(invented::endpoints(known, moved.family == Family::Inet6)).map(HostPort::from);
            (&invented[0], &invented[1])
        };
        let (source, target) = match moved.direction {
            Direction::Sent => (local, remote),
            Direction::Received => (remote, local),
        };
        let (link, transport) = (LinkHeader::Marking, TransportHeader::Udp);
        let mut packet = Packet {
            about: About::made(moved.entry, moved.marking, moved.direction),
            frame: Frame { link, source, target, id: 1, transport, payload: &[], original: 0 },
        };
        let has_lost = as_u64(moved.payload.len()) < moved.moved;
        let (first, news) = self.advance(moved, Some(has_lost));
        let mut next = is_tcp.then_some(first);
        let stand_in = Remarks::STAND_IN.only_if(is_invented);
        packet.about.remarks = match moved.stream {
            Some(_) => news.and(stand_in),
            None => self.news.of_message((Some(moved.socket), *remote), &moved.marking, has_lost).and(stand_in),
        };
        let mut rest = known.refs.bytes(moved.payload);
        loop {
            let (piece, after) = rest.split_at_checked(LONGEST_PAYLOAD).unwrap_or((rest, &[]));
            if let Some(seq) = &mut next {
                packet.frame.transport = header(*seq);
                *seq = seq.advanced(as_u64(piece.len()));
            }
            (packet.frame.payload, packet.frame.original) = (piece, piece.len());
            sink.packet(&packet)?;
            packet.about.remarks = Remarks::NONE;
            rest = after;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn change<S: Sink>(&mut self, change: &Change, _: Lookup<'_>, _: &mut S) -> Result<(), S::Error> {
        match change {
            Change::ConnectionForgotten { connection } => {
                self.next.forget(*connection);
                self.counter.forget(Counted::Connection(*connection));
            }
            Change::LocalAddressKnown { socket, .. } => self.counter.named(*socket),
            Change::SocketClosed { socket } => self.counter.forget(Counted::Socket(*socket)),
            _ => {}
        }
        Ok(())
    }

    fn pass_over(&mut self, moved: &Moved) {
        self.advance(moved, None);
    }

    fn invented(&self) -> Invented {
        self.counter.invented()
    }
}

impl SyscallView {
    /// The sequence number of the message's first byte; the direction moves on by all that moved. Of a stream's message that
    /// is `shown`, with all of its bytes or not, also what is to be said of it.
    #[inline(always)]
    fn advance(&mut self, moved: &Moved, shown: Option<bool>) -> (SeqNumber, Remarks) {
        let marking = &moved.marking;
        let first = SeqNumber(0)
            .advanced(u64::from(marking.fd.0) * 100 + u64::from(marking.tid.0) * 10_000 + u64::from(marking.session));
        let Some(stream) = moved.stream else {
            return (first, Remarks::NONE);
        };
        let Some(Stream { next, news }) = self.next.or_default(stream.connection) else {
            return (first, Remarks::NONE);
        };
        let remarks = match shown {
            Some(false) => news.of_end(stream.side, marking),
            Some(true) if marking.process != ProcessRef::default() => {
                news.of_end(stream.side, marking).and(news.lost())
            }
            _ => Remarks::NONE,
        };
        let next = stream.sender(moved.direction).of_mut(next);
        let seq = next.unwrap_or(first);
        *next = Some(seq.advanced(moved.moved));
        (seq, remarks)
    }
}

/// TCP's header as the predecessor wrote it.
const fn header(seq: SeqNumber) -> TransportHeader {
    TransportHeader::Tcp { seq, ack: SeqNumber(0), flags: Flags::PSH_ACK, window: 8192, options: None }
}
