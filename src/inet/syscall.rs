//! The syscall view: one packet for each payload call, as the predecessor wrote it, byte for byte.
//!
//! TCP carries PSH and ACK with ack 0; both ends of a connection are shown where both are traced. What the trace knows
//! of the endpoints is used, and invented values stand for the rest.

use crate::event::{Direction, Family, Transport};
use crate::inet::invented::{self, Invented, Stranger, Strangers};
use crate::packets::marking;
use crate::sockets::{ByConnection, ConnectionId, Moved, Side, SocketNumber};
use crate::wire::{Flags, Frame, SeqNumber, Sink, Transport as Header};

/// Longest payload of one packet; a longer call is cut into pieces of this and a rest.
const LONGEST_PAYLOAD: usize = 65_480;

/// The state of the view: how far each direction of each connection has come.
#[derive(Debug, Default)]
pub struct SyscallView {
    next: ByConnection<[Option<SeqNumber>; 2]>,
    strangers: Strangers,
}

impl SyscallView {
    /// Writes the packets of one message.
    pub fn moved<S: Sink>(&mut self, moved: &Moved, payload: &[u8], sink: &mut S) -> Result<(), S::Error> {
        let is_tcp = match moved.transport {
            Transport::Stream => true,
            Transport::Datagram => false,
            _ => return Ok(()),
        };
        let invented;
        let (local, remote) = if let (Some(local), Some(remote)) = (&moved.local, &moved.remote) {
            (local, remote)
        } else {
            let stranger = Stranger::of(moved);
            self.strangers.meet(stranger, moved.local, moved.direction);
            invented = invented::endpoints((moved.local, moved.remote), moved.family == Family::Inet6);
            (&invented.0, &invented.1)
        };
        let (source, target) = match moved.direction {
            Direction::Sent => (local, remote),
            Direction::Received => (remote, local),
        };
        let (source_mac, target_mac) = marking::macs(&moved.marking, moved.direction);
        let mut frame = Frame {
            time: moved.entry,
            source_mac,
            target_mac,
            vlan: Some(marking::vlan(&moved.marking)),
            source: *source,
            target: *target,
            id: 1,
            transport: Header::Udp,
            payload: &[],
            original: 0,
        };
        let mut next = is_tcp.then(|| self.advance(moved));
        let mut rest = payload;
        loop {
            let (piece, after) = rest.split_at_checked(LONGEST_PAYLOAD).unwrap_or((rest, &[]));
            if let Some(seq) = &mut next {
                frame.transport = header(*seq);
                *seq = seq.advanced(piece.len() as u64);
            }
            frame.payload = piece;
            frame.original = piece.len();
            sink.frame(&frame)?;
            rest = after;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// A message of a stream that is not to be shown: its direction moves on.
    pub fn passed_over(&mut self, moved: &Moved) {
        self.advance(moved);
    }

    /// The connection will not be heard of again.
    pub fn forget(&mut self, id: ConnectionId) {
        self.next.forget(id);
        self.strangers.forget(Stranger::Connection(id));
    }

    /// The address of a datagram socket is known from here on.
    pub fn named(&mut self, socket: SocketNumber) {
        self.strangers.named(socket);
    }

    /// The datagram socket is closed.
    pub fn closed(&mut self, socket: SocketNumber) {
        self.strangers.forget(Stranger::Socket(socket));
    }

    /// How many connections and sockets have been shown with invented addresses.
    pub const fn invented(&self) -> Invented {
        self.strangers.count()
    }

    /// The sequence number of the message's first byte; the direction moves on by all that moved.
    #[inline(always)]
    fn advance(&mut self, moved: &Moved) -> SeqNumber {
        let marking = &moved.marking;
        let first = SeqNumber(0)
            .advanced(u64::from(marking.fd.0) * 100 + u64::from(marking.tid.0) * 10_000 + u64::from(marking.session));
        let Some(stream) = moved.stream else {
            return first;
        };
        let Some([from_first, from_second]) = self.next.or_default(stream.connection) else {
            return first;
        };
        let next = match stream.sender(moved.direction) {
            Side::First => from_first,
            Side::Second => from_second,
        };
        let seq = next.unwrap_or(first);
        *next = Some(seq.advanced(moved.moved));
        seq
    }
}

/// TCP's header as the predecessor wrote it.
const fn header(seq: SeqNumber) -> Header {
    Header::Tcp { seq, ack: SeqNumber(0), flags: Flags::PSH_ACK, window: 8192, options: None }
}
