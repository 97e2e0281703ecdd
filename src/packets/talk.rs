//! A connection of the trace as a TCP conversation: its sides as client and server, its calls as segments in their
//! marking.

use crate::event::{Direction, Timestamp, as_u64};
use crate::packets::conversation::{Conversation, Dress, Endpoint, Sender};
use crate::packets::marking;
use crate::sockets::{Connection, Marking, Opening, Side};
use crate::wire::{HandshakeOptions, Mac, Sink};

/// IPv4 identifications: one counter for the run, from 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ids(u16);

impl Ids {
    /// The next one.
    pub const fn take(&mut self) -> u16 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

/// The thread whose call shows what happened, and the side it is on.
pub type Witness = (Marking, Side);

/// What a call moved in one direction, as far as it is news.
#[derive(Clone, Copy, Debug)]
pub struct Portion<'a> {
    /// The end that sent it.
    pub sender: Side,
    /// When.
    pub time: Timestamp,
    /// Whose call shows it.
    pub by: Witness,
    /// The bytes that are in the trace.
    pub bytes: &'a [u8],
    /// How many more moved.
    pub missing: u64,
}

/// How segments are dressed.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// In the marking of the thread whose call shows them.
    Marked,
    /// In MACs of the client and the server, without a VLAN tag.
    Plain([Mac; 2]),
}

/// A conversation about one connection.
#[derive(Debug)]
pub struct Talk {
    tcp: Conversation,
    client: Side,
    look: Look,
}

impl Talk {
    /// A conversation whose client is the end on `client`; `ends` are client and server. Nothing is written yet.
    pub const fn new(
        client: Side,
        ends: [Endpoint; 2],
        window: u16,
        options: Option<HandshakeOptions>,
        look: Look,
    ) -> Self {
        let [client_end, server_end] = ends;
        Self { tcp: Conversation::new(client_end, server_end, window, options), client, look }
    }

    /// SYN, SYN-ACK and ACK at three times.
    pub fn handshake<S: Sink>(
        &mut self,
        [syn, syn_ack, ack]: [Timestamp; 3],
        by: Option<Witness>,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.syn(syn, by, ids, sink)?;
        let dress = self.dress(Sender::Server, by, ids.take());
        self.tcp.syn_ack(syn_ack, dress, sink)?;
        let dress = self.dress(Sender::Client, by, ids.take());
        self.tcp.acknowledge(Sender::Client, ack, dress, sink)
    }

    /// The SYN alone.
    pub fn syn<S: Sink>(
        &mut self,
        time: Timestamp,
        by: Option<Witness>,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let dress = self.dress(Sender::Client, by, ids.take());
        self.tcp.syn(time, dress, sink)
    }

    /// Payload of one call, in as many segments as IP needs.
    pub fn write<S: Sink>(&mut self, portion: &Portion<'_>, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        let moved = as_u64(portion.bytes.len()).saturating_add(portion.missing);
        let sender = self.sender(portion.sender);
        let template = self.dress(sender, Some(portion.by), 0);
        let dress = || Dress { id: ids.take(), ..template };
        self.tcp.data(sender, portion.time, (portion.bytes, moved), dress, sink)
    }

    /// `bytes` of the end on `side` are not to be shown: a gap in the sequence numbers.
    pub fn skip(&mut self, side: Side, bytes: u64) {
        let sender = self.sender(side);
        self.tcp.skip(sender, bytes);
    }

    /// An ACK of everything that the end on `side` has been sent.
    pub fn acknowledge<S: Sink>(
        &mut self,
        side: Side,
        time: Timestamp,
        by: Witness,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let unmade = (Marking { op: None, ..by.0 }, by.1);
        let sender = self.sender(side);
        let dress = self.dress(sender, Some(unmade), ids.take());
        self.tcp.acknowledge(sender, time, dress, sink)
    }

    /// The FIN of the end on `side`, once, and the other end's ACK of it `acknowledged_after` nanoseconds later.
    pub fn finish<S: Sink>(
        &mut self,
        side: Side,
        (time, acknowledged_after): (Timestamp, u64),
        by: Witness,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let sender = self.sender(side);
        if self.tcp.has_finished(sender) {
            return Ok(());
        }
        let dress = self.dress(sender, Some(by), ids.take());
        self.tcp.finish(sender, time, dress, sink)?;
        self.acknowledge(side.other(), time.after(acknowledged_after), by, ids, sink)
    }

    /// The RST of the end on `side`.
    pub fn reset<S: Sink>(
        &mut self,
        side: Side,
        time: Timestamp,
        by: Witness,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let sender = self.sender(side);
        let dress = self.dress(sender, Some(by), ids.take());
        self.tcp.reset(sender, time, dress, sink)
    }

    /// How many bytes of the end on `side` wait for an acknowledgement.
    pub fn unacknowledged(&self, side: Side) -> u32 {
        self.tcp.unacknowledged(self.sender(side))
    }

    /// The side of the client.
    pub const fn client(&self) -> Side {
        self.client
    }

    const fn sender(&self, side: Side) -> Sender {
        match (self.client, side) {
            (Side::First, Side::First) | (Side::Second, Side::Second) => Sender::Client,
            _ => Sender::Server,
        }
    }

    fn dress(&self, sender: Sender, by: Option<Witness>, id: u16) -> Dress {
        match (self.look, by) {
            (Look::Plain([client, server]), _) => {
                let (source_mac, target_mac) = match sender {
                    Sender::Client => (client, server),
                    Sender::Server => (server, client),
                };
                Dress { source_mac, target_mac, vlan: None, id }
            }
            (Look::Marked, Some((marking, side))) => {
                let direction = if self.sender(side) == sender { Direction::Sent } else { Direction::Received };
                let (source_mac, target_mac) = marking::macs(&marking, direction);
                Dress { source_mac, target_mac, vlan: Some(marking::vlan(&marking)), id }
            }
            (Look::Marked, None) => Dress { source_mac: Mac::default(), target_mac: Mac::default(), vlan: None, id },
        }
    }
}

/// When the handshake's segments were seen: at the times of connect and accept where those were traced; where only accept
/// was, shortly before its end; else `lead` nanoseconds before the first packet. Steps are a third of `lead`.
pub fn handshake_times(connection: &Connection, first: Timestamp, lead: u64) -> [Timestamp; 3] {
    let step = lead / 3;
    let (syn, ack) = match connection.opening {
        Opening::Made { connected: Some(entry), exit } => (entry, exit.max(entry)),
        Opening::Made { connected: None, exit } => (exit.before(2 * step), exit),
        Opening::Begun { .. } | Opening::Unseen => (first.before(lead), first.before(lead).after(2 * step)),
    };
    [syn, syn.after((ack.0 - syn.0) / 2), ack]
}
