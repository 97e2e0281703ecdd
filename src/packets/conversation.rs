//! One TCP connection as segments: sequence numbers, acknowledgements and the order of flags (RFC 9293 §3.4, §3.5).
//!
//! The law of this file: per direction, seq never repeats, and skips only what it is told to; ack is what the other end has sent so far;
//! a SYN and a FIN take one sequence number each; time never goes backwards within the connection.

use crate::event::{Timestamp, as_u64};
use crate::wire::{Flags, Frame, HandshakeOptions, Mac, SeqNumber, Sink, Transport, VlanTag};
use std::net::SocketAddr;

/// What a segment carries beside TCP's own fields: who did it, and IPv4's identification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dress {
    /// Ethernet source.
    pub source_mac: Mac,
    /// Ethernet target.
    pub target_mac: Mac,
    /// 802.1Q tag.
    pub vlan: Option<VlanTag>,
    /// IPv4's identification.
    pub id: u16,
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Address and port.
    pub address: SocketAddr,
    /// The sequence number of its next byte.
    next: SeqNumber,
    /// How much of what it sent the other end has acknowledged.
    acknowledged: SeqNumber,
    /// It has sent its FIN.
    finished: bool,
}

impl Endpoint {
    /// An end whose first segment has the sequence number `first`: its ISN if a handshake follows.
    pub const fn new(address: SocketAddr, first: SeqNumber) -> Self {
        Self { address, next: first, acknowledged: first, finished: false }
    }
}

/// A TCP connection between two ends, the first of them the client. Every function writes its segments into `sink`.
#[derive(Clone, Debug)]
pub struct Conversation {
    ends: [Endpoint; 2],
    window: u16,
    options: Option<HandshakeOptions>,
    last: Timestamp,
}

/// Which end sends a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The first.
    Client,
    /// The second.
    Server,
}

impl Sender {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Longest payload of one TCP segment over IPv4: 65 535 less 20 of IP and 20 of TCP.
pub const LONGEST_SEGMENT_V4: usize = 65_495;

/// Longest payload of one TCP segment over IPv6, whose length field does not count its own header.
pub const LONGEST_SEGMENT_V6: usize = 65_515;

impl Conversation {
    /// A conversation that has not begun. Each segment announces `window`; SYNs carry `options`.
    pub const fn new(client: Endpoint, server: Endpoint, window: u16, options: Option<HandshakeOptions>) -> Self {
        Self { ends: [client, server], window, options, last: Timestamp(0) }
    }

    const fn end(&self, sender: Sender) -> &Endpoint {
        let [client, server] = &self.ends;
        match sender {
            Sender::Client => client,
            Sender::Server => server,
        }
    }

    const fn end_mut(&mut self, sender: Sender) -> &mut Endpoint {
        let [client, server] = &mut self.ends;
        match sender {
            Sender::Client => client,
            Sender::Server => server,
        }
    }

    /// Bytes of `sender` that the other end has not acknowledged in a segment of its own.
    pub const fn unacknowledged(&self, sender: Sender) -> u32 {
        let end = self.end(sender);
        end.next.0.wrapping_sub(end.acknowledged.0)
    }

    /// Whether `sender` has sent its FIN.
    pub const fn has_finished(&self, sender: Sender) -> bool {
        self.end(sender).finished
    }

    /// The client's SYN.
    pub fn syn<S: Sink>(&mut self, time: Timestamp, dress: Dress, sink: &mut S) -> Result<(), S::Error> {
        self.segment((Sender::Client, Flags::SYN), time, (&[], 0), dress, sink)?;
        self.end_mut(Sender::Client).next = self.end(Sender::Client).next.advanced(1);
        Ok(())
    }

    /// The server's SYN-ACK.
    pub fn syn_ack<S: Sink>(&mut self, time: Timestamp, dress: Dress, sink: &mut S) -> Result<(), S::Error> {
        self.segment((Sender::Server, Flags::SYN_ACK), time, (&[], 0), dress, sink)?;
        self.end_mut(Sender::Server).next = self.end(Sender::Server).next.advanced(1);
        Ok(())
    }

    /// Payload, cut into segments that IP can carry, all at one time. Of `original` bytes the first `payload.len()` are
    /// there.
    pub fn data<S: Sink>(
        &mut self,
        sender: Sender,
        time: Timestamp,
        (payload, original): (&[u8], u64),
        mut dress: impl FnMut() -> Dress,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let longest = if self.end(sender).address.is_ipv4() { LONGEST_SEGMENT_V4 } else { LONGEST_SEGMENT_V6 };
        let mut payload = payload;
        let mut left = original;
        while left > 0 {
            let length = usize::try_from(left).map_or(longest, |left| left.min(longest));
            let (piece, rest) = payload.split_at_checked(length).unwrap_or((payload, &[]));
            self.segment((sender, Flags::PSH_ACK), time, (piece, length), dress(), sink)?;
            self.end_mut(sender).next = self.end(sender).next.advanced(as_u64(length));
            payload = rest;
            left -= as_u64(length);
        }
        Ok(())
    }

    /// `bytes` that no segment shows: a reader finds the gap that a lost segment leaves.
    pub const fn skip(&mut self, sender: Sender, bytes: u64) {
        let end = self.end_mut(sender);
        end.next = end.next.advanced(bytes);
    }

    /// An ACK without payload.
    pub fn acknowledge<S: Sink>(
        &mut self,
        sender: Sender,
        time: Timestamp,
        dress: Dress,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.segment((sender, Flags::ACK), time, (&[], 0), dress, sink)
    }

    /// A FIN.
    pub fn finish<S: Sink>(
        &mut self,
        sender: Sender,
        time: Timestamp,
        dress: Dress,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.segment((sender, Flags::FIN_ACK), time, (&[], 0), dress, sink)?;
        let end = self.end_mut(sender);
        end.next = end.next.advanced(1);
        end.finished = true;
        Ok(())
    }

    /// A RST that fits what has been sent.
    pub fn reset<S: Sink>(
        &mut self,
        sender: Sender,
        time: Timestamp,
        dress: Dress,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.segment((sender, Flags::RST_ACK), time, (&[], 0), dress, sink)
    }

    fn segment<S: Sink>(
        &mut self,
        (sender, flags): (Sender, Flags),
        time: Timestamp,
        (payload, original): (&[u8], usize),
        dress: Dress,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.last = self.last.max(time);
        let (from, to) = (*self.end(sender), *self.end(sender.other()));
        let acknowledges = flags != Flags::SYN;
        let is_syn = flags == Flags::SYN || flags == Flags::SYN_ACK;
        sink.frame(&Frame {
            time: self.last,
            source_mac: dress.source_mac,
            target_mac: dress.target_mac,
            vlan: dress.vlan,
            source: from.address,
            target: to.address,
            id: dress.id,
            transport: Transport::Tcp {
                seq: from.next,
                ack: if acknowledges { to.next } else { SeqNumber(0) },
                flags,
                window: self.window,
                options: if is_syn { self.options } else { None },
            },
            payload,
            original,
        })?;
        if acknowledges {
            self.end_mut(sender.other()).acknowledged = to.next;
        }
        Ok(())
    }
}
