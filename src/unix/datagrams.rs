//! UNIX datagram sockets as UDP: a packet a message, the endpoints of each pair of sockets invented once.
//!
//! Messages to systemd's journal become journal entries where the capture can hold them. A message that both ends' calls show
//! is written once.

use crate::event::{Direction, Inode, UnixName, as_u64};
use crate::limits;
use crate::packets::{NewsOfDatagrams, PacketCounters, PacketOutput, Sighted, Sightings};
use crate::processes::Processes;
use crate::sockets::{SocketNumber, UnixEnd, UnixMessage};
use crate::unix::context::UnixOptions;
use crate::unix::endpoints::{self, Endpoint};
use crate::unix::{journal, names, ports};
use crate::wire::{About, Frame, LinkHeader, Record, Remarks, Sink, TransportHeader};
use crate::work;
use foldhash::HashMap;
use std::collections::VecDeque;

/// Longest message that a packet holds; a longer one is cut into several, so that nothing is lost.
const LONGEST_MESSAGE: usize = 65_507;

/// What an end is known by: the best that the trace tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Inode(Inode),
    Socket(SocketNumber),
    Name(UnixName),
}

impl Key {
    fn of(end: &UnixEnd) -> Option<Self> {
        let socket = || end.socket.map(Self::Socket);
        end.inode.map(Self::Inode).or_else(socket).or_else(|| end.name.clone().map(Self::Name))
    }
}

/// What the thread's own end of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Client,
    Server,
}

/// Client and server, each if anything is known of it.
type PairKey = [Option<Key>; 2];

/// The datagrams of all UNIX sockets.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    pairs: HashMap<PairKey, [Endpoint; 2]>,
    /// The pairs, the oldest first, each with its client where that is traced; those gone since are still among them.
    order: VecDeque<(PairKey, Option<SocketNumber>)>,
    /// The pairs of each traced client, the oldest first: gone with it.
    of_client: HashMap<SocketNumber, VecDeque<PairKey>>,
    sightings: Sightings<Option<Key>>,
    begun: u64,
    ids: PacketCounters,
    news: NewsOfDatagrams,
}

impl Datagrams {
    /// A socket is closed.
    pub(super) fn closed(&mut self, socket: SocketNumber) {
        for pair in work::each(self.of_client.remove(&socket).unwrap_or_default().into_iter()) {
            self.pairs.remove(&pair);
        }
    }

    /// Takes a message, and what is to be read beside it.
    pub(super) fn message<S: Sink>(
        &mut self,
        (message, payload): (&UnixMessage, &[u8]),
        (processes, beside): (&Processes, Option<String>),
        options: &UnixOptions,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if self.seen_before(message, payload) {
            self.claim(message);
            return Ok(());
        }
        if let Some(ends) = self.answered(message) {
            return self.write((message, payload), ends, Own::Client, (options, beside.as_deref()), sink);
        }
        let own = self.own(message);
        let [_, server] = client_and_server(message, own);
        if options.records
            && options.only_ports.is_empty()
            && server.name.as_ref().is_some_and(journal::is_journal)
            && let Some(entry) = journal::entry(message, payload)
        {
            return sink.record(&Record::Journal { time: message.exit, entry: &entry });
        }
        let (ends, is_new) = self.ends((message, payload), own, options);
        if !options.wants(ends[1].address.port()) {
            return Ok(());
        }
        if is_new && options.records {
            let user = names::of_process(&message.marking, processes);
            let [client_end, server_end] = ends.map(|end| end.address);
            let [client_user, server_user] = match own {
                Own::Client => [Some(&*user), None],
                Own::Server => [None, Some(&*user)],
            };
            names::write(client_end, client_user, None, sink)?;
            names::write(server_end, server_user, server.name.as_ref(), sink)?;
        }
        let pair = (is_new && options.records).then(|| names::of_datagrams(server.name.as_ref()));
        let comment = match (pair, beside) {
            (Some(pair), Some(beside)) => Some(format!("{pair}; {beside}")),
            (pair, beside) => pair.or(beside),
        };
        self.write((message, payload), ends, own, (options, comment.as_deref()), sink)
    }

    /// Whether the other end's call has shown this message. A receiver is known to its senders by its inode or by its name.
    fn seen_before(&mut self, message: &UnixMessage, payload: &[u8]) -> bool {
        let (source, target) = match message.direction {
            Direction::Sent => (&message.local, &message.remote),
            Direction::Received => (&message.remote, &message.local),
        };
        let mut sighted = Sighted {
            source: Key::of(source).map(Some),
            target: Key::of(target),
            direction: message.direction,
            length: message.moved,
            payload,
            to_many: false,
            is_uncut: false,
        };
        let by_name = target.name.clone().map(Key::Name);
        let is_other_word = by_name.is_some() && by_name != sighted.target;
        (is_other_word && self.sightings.take(&sighted, &by_name)) || self.sightings.seen_before(&mut sighted)
    }

    /// The endpoints of a client to which somebody unknown sends: the server that it turned to last.
    fn answered(&self, message: &UnixMessage) -> Option<[Endpoint; 2]> {
        let is_unknown = Key::of(&message.remote).is_none();
        let client = message.local.socket.filter(|_| is_unknown)?;
        self.pairs.get(self.of_client.get(&client)?.back()?).copied()
    }

    /// Which end the thread's own is: the server has a name, and if both have one or none, the client spoke first.
    fn own(&self, message: &UnixMessage) -> Own {
        let known = |own| self.pairs.contains_key(&client_and_server(message, own).map(Key::of));
        match (&message.local.name, &message.remote.name) {
            _ if known(Own::Client) => Own::Client,
            _ if known(Own::Server) => Own::Server,
            (None, Some(_)) => Own::Client,
            (Some(_), None) => Own::Server,
            _ if message.direction == Direction::Sent => Own::Client,
            _ => Own::Server,
        }
    }

    /// The endpoints of client and server, and whether they are new.
    fn ends(
        &mut self,
        (message, payload): (&UnixMessage, &[u8]),
        own: Own,
        options: &UnixOptions,
    ) -> ([Endpoint; 2], bool) {
        let [client, server] = client_and_server(message, own);
        let pair = [client, server].map(Key::of);
        if let Some(ends) = self.pairs.get(&pair) {
            return (*ends, false);
        }
        let port = ports::of_datagrams(server.name.as_ref(), payload, &options.rules);
        let inode = client.inode.or(server.inode);
        let ends = endpoints::of_datagrams(self.begun, inode, options.client_ports(), port);
        self.begun += 1;
        self.keep(pair, client.socket, ends);
        (ends, true)
    }

    /// Remembers the endpoints of a pair.
    fn keep(&mut self, pair: PairKey, client: Option<SocketNumber>, ends: [Endpoint; 2]) {
        if let Some(client) = client {
            self.of_client.entry(client).or_default().push_back(pair.clone());
        }
        self.pairs.insert(pair.clone(), ends);
        self.order.push_back((pair, client));
        if self.order.len() > limits::UNIX_DATAGRAM_PAIRS
            && let Some((oldest, client)) = self.order.pop_front()
        {
            self.pairs.remove(&oldest);
            let of_client = client.and_then(|client| self.of_client.get_mut(&client));
            if let Some(pairs) = of_client.filter(|pairs| pairs.front() == Some(&oldest)) {
                pairs.pop_front();
            }
        }
    }

    /// A receive that did not tell its sender has shown this message: the endpoints that it got are the sender's now.
    fn claim(&mut self, message: &UnixMessage) {
        let server = Key::of(&message.remote);
        let own = Key::of(&message.local);
        let pair = [own, server.clone()];
        if message.direction == Direction::Sent
            && !self.pairs.contains_key(&pair)
            && let Some(ends) = self.pairs.remove(&[None, server])
        {
            self.keep(pair, message.local.socket, ends);
        }
    }

    /// Writes a message from one end to the other.
    fn write<S: Sink>(
        &mut self,
        (message, mut bytes): (&UnixMessage, &[u8]),
        [client, server]: [Endpoint; 2],
        own: Own,
        (options, comment): (&UnixOptions, Option<&str>),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let (source, target) = match (own, message.direction) {
            (Own::Client, Direction::Sent) | (Own::Server, Direction::Received) => (client, server),
            _ => (server, client),
        };
        let link = if options.is_wire() {
            LinkHeader::Marking
        } else {
            LinkHeader::Macs { source: source.mac, target: target.mac }
        };
        let time = options.moment(message.entry, message.exit);
        let other = if message.direction == Direction::Sent { target } else { source };
        let has_lost = as_u64(bytes.len()) < message.moved;
        let remarks = self.news.of_message((message.local.socket, other.address), &message.marking, has_lost);
        let mut about = About { comment, remarks, ..About::made(time, message.marking, message.direction) };
        let (source, target, transport) = (&source.address, &target.address, TransportHeader::Udp);
        let mut out = PacketOutput::new(&mut self.ids, sink);
        let mut left = usize::try_from(message.moved).unwrap_or(usize::MAX).min(limits::MESSAGE_BYTES);
        loop {
            work::steps(1);
            let original = left.min(LONGEST_MESSAGE);
            let (payload, rest) = bytes.split_at_checked(original).unwrap_or((bytes, &[]));
            out.frame(about, Frame { link, source, target, id: 0, transport, payload, original })?;
            (about.comment, about.remarks) = (None, Remarks::NONE);
            bytes = rest;
            left -= original;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// The ends of a message as client and server.
const fn client_and_server(message: &UnixMessage, own: Own) -> [&UnixEnd; 2] {
    match own {
        Own::Client => [&message.local, &message.remote],
        Own::Server => [&message.remote, &message.local],
    }
}
