//! Bytes that were in flight when the trace began: sent before, and received within it.
//!
//! strace was attached to both ends of a stream, or began between a send and its receive. Each end counts from its own
//! first call, so how many bytes the two have moved does not tell which are the same:
//!
//! ```text
//! sent, as the trace has it                    hello world
//! received, as the trace has it        the last hello world
//! ```
//! What is received before a send of the trace has ended is shown, for nothing else shows it. From then on the bytes tell:
//! those that were sent first are looked for in what is received, and until they are found, what is received is older than
//! what has been shown, and stands in no conversation.

use crate::event::{Direction, Family, Move, as_u64};
use crate::limits;
use crate::sockets::Sockets;
use crate::sockets::connections::{Connection, Opening, ToldBy};
use crate::sockets::head::{HEAD_BYTES, Head};
use crate::sockets::names::{ConnectionId, FlowId, Side};
use crate::work;
use foldhash::HashMap;

/// Fewer bytes may be the same by chance.
const TELLING_BYTES: usize = 3;

/// What is known of a direction until both ends are known to be at the same byte.
#[derive(Debug)]
enum Start {
    /// No send has ended; since one has begun so many bytes were received, and these are the last of them.
    Received { last: Vec<u8>, count: u64 },
    /// These bytes were sent first, and `count` bytes were received since without them; these are the last of those.
    Sent { head: Head, last: Vec<u8>, count: u64 },
}

/// Directions of connections that were there before the trace, while their ends are not known to be at the same byte.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    flows: HashMap<FlowId, Start>,
}

/// Whether a call on the end on `side` may be the first in a direction of which bytes were in flight.
#[inline(always)]
pub(super) fn may_begin(connection: &Connection, side: Side, direction: Direction) -> bool {
    connection.opening == Opening::Unseen
        && connection.family != Family::Pipe
        && connection.counted(side, direction) < as_u64(HEAD_BYTES)
}

/// Of what is received, the bytes at the front that are older than all that was sent in the trace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Older {
    /// How many are neither news nor counted, as far as is known yet.
    pub bytes: u64,
    /// How many are certain by now, of earlier calls too.
    pub told: u64,
}

/// A call has moved so many bytes, which are not counted yet.
pub(super) fn moved(sockets: &mut Sockets, (id, side): (ConnectionId, Side), call: &Move<'_>, moved: u64) -> Older {
    let Sockets { connections, in_flight, sending, now, at_ends, .. } = sockets;
    let sender = side.sender(call.direction);
    let is_at_start =
        |at: &&mut Connection| may_begin(at, side, call.direction) || may_begin(at, sender, Direction::Sent);
    let Some(connection) = connections.get_mut(id).filter(is_at_start) else {
        return Older::default();
    };
    let flow = (id, sender);
    let is_sending = sending.since(flow).is_some();
    let is_alone = !is_sending || sending.alone(flow).is_some_and(|by| sender != side || by.tid == now.tid);
    let is_comparable = is_alone && !*at_ends && !call.flags.discard();
    if !is_comparable || connection.flow_from(sender).told_by != ToldBy::Totals {
        in_flight.flows.remove(&flow);
        return Older::default();
    }
    match call.direction {
        Direction::Received => in_flight.received(connection, side, (call.payload, moved), is_sending),
        Direction::Sent => {
            in_flight.sent(connection, side, call.payload, moved);
            Older::default()
        }
    }
}

impl InFlight {
    /// A send of the end on `side` has ended, and is not counted yet: it moved `moved` bytes, of which the trace has these.
    fn sent(&mut self, connection: &mut Connection, side: Side, bytes: &[u8], moved: u64) {
        let flow = (connection.id, side);
        let [sent, received] = connection.progress(side);
        if sent > 0 {
            if let Some(Start::Sent { head, .. }) = self.flows.get_mut(&flow)
                && sent == as_u64(head.bytes().len())
            {
                head.note(bytes);
            }
            return;
        }
        let known = match self.flows.remove(&flow) {
            Some(Start::Received { last, count }) => shown_before(&last, count, bytes, moved),
            _ => 0,
        };
        if received > 0 {
            connection.restart(side, known);
        }
        if known == 0 && !bytes.is_empty() {
            let mut head = Head::EMPTY;
            head.note(bytes);
            self.keep(flow, Start::Sent { head, last: Vec::new(), count: 0 });
        }
    }

    /// A receive of the end on `side` has ended, and is not counted yet: it moved `moved` bytes, of which the trace has
    /// these. `is_sending`: a send is under way.
    fn received(
        &mut self,
        connection: &mut Connection,
        side: Side,
        (bytes, moved): (&[u8], u64),
        is_sending: bool,
    ) -> Older {
        let flow = (connection.id, side.other());
        let sent = connection.calls(side.other()).sent;
        match self.flows.get_mut(&flow) {
            None if sent == 0 && is_sending => {
                self.keep(flow, Start::Received { last: end_of(bytes).to_vec(), count: moved });
                Older::default()
            }
            Some(Start::Received { last, count }) => {
                last.extend_from_slice(end_of(bytes));
                last.drain(..last.len() - end_of(last).len());
                *count += moved;
                Older::default()
            }
            Some(Start::Sent { head, last, count }) => {
                last.extend_from_slice(bytes);
                *count += moved;
                let total = as_u64(last.len()) + moved.saturating_sub(as_u64(bytes.len()));
                // The reader cannot be further than the sender, where no send is under way.
                let older = if is_sending { 0 } else { total.saturating_sub(sent) };
                if let Some(place) = place_of(head.bytes(), last, older) {
                    self.flows.remove(&flow);
                    let known = total - place;
                    connection.calls_mut(side).received = known.saturating_sub(moved);
                    return Older { bytes: moved.saturating_sub(known), told: place };
                }
                if total > as_u64(last.len()) || *count > limits::IN_FLIGHT {
                    // What is missing in the trace cannot be looked through.
                    self.flows.remove(&flow);
                    return Older::default();
                }
                let kept = last.len().min(HEAD_BYTES - 1);
                last.drain(..last.len() - kept);
                Older { bytes: moved, told: total - as_u64(kept) }
            }
            None => Older::default(),
        }
    }

    fn keep(&mut self, flow: FlowId, start: Start) {
        if self.flows.len() >= limits::FLOWS_BEGINNING {
            self.flows.clear();
        }
        self.flows.insert(flow, start);
    }
}

/// The last bytes of what was received.
fn end_of(bytes: &[u8]) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(HEAD_BYTES)..).unwrap_or(bytes)
}

/// Where in what was received that begins which was sent first, but not within its first `older` bytes.
fn place_of(head: &[u8], received: &[u8], older: u64) -> Option<u64> {
    let from = usize::try_from(older).ok()?;
    let searched = received.get(from..).filter(|_| head.len() >= TELLING_BYTES)?;
    work::steps(searched.len());
    memchr::memmem::find(searched, head).map(|place| as_u64(from + place))
}

/// How many bytes of a send, at its front, were received while it was under way: `count` were received in that time, and
/// these are the last of them, of which the first may be older than the send.
fn shown_before(last: &[u8], count: u64, bytes: &[u8], moved: u64) -> u64 {
    let most = usize::try_from(count.min(moved)).unwrap_or(usize::MAX).min(bytes.len());
    let received = bytes.get(..most).unwrap_or(bytes);
    work::steps(received.len());
    if received.ends_with(last) && as_u64(received.len()) == count {
        return count;
    }
    if last.len() == HEAD_BYTES
        && let Some(place) = memchr::memmem::rfind(received, last)
    {
        return as_u64(place + HEAD_BYTES);
    }
    // What was received of it is less than what is compared.
    let telling = TELLING_BYTES.min(bytes.len());
    let lengths = (telling..=last.len().min(received.len())).rev();
    let same = |length: &usize| received.get(..*length).is_some_and(|front| last.ends_with(front));
    as_u64(lengths.into_iter().find(same).unwrap_or_default())
}
