//! UDP, its relatives and raw IP of the wire view: each datagram once, with the addresses it really had.
//!
//! A socket that sends before it is bound gets its port from the kernel, and the trace shows it on a later line: its
//! datagrams wait for that. Those of a socket that is bound to every address wait for their host (`unplaced`).

use crate::event::{Direction, Family, HostPort, Segments, Timestamp, as_u64, as_usize};
use crate::inet::carrier::{self, Carried, Carrier};
use crate::inet::datagram::{Datagram, HeldDatagram};
use crate::inet::gathered::Gathered;
use crate::inet::hosts::{self, Hosts, Placed};
use crate::inet::invented::{Counted, Counter, StandIns};
use crate::inet::numbered::{Dccp, Sctp};
use crate::inet::unplaced::Unplaced;
use crate::limits;
use crate::packets::{Invented, NewsOfDatagrams, PacketOutput, Sighted, Sightings, Waits};
use crate::sockets::{Moved, SocketNumber, canonical};
use crate::wire::{About, Frame, LinkHeader, Remarks, Sink, TransportHeader};
use crate::work;
use foldhash::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Most datagrams that one message is cut into (the kernel's `UDP_MAX_SEGMENTS`).
const MOST_SEGMENTS: u64 = 128;

/// Sockets of unknown address that a receive is compared with: those that wait longest.
const COMPARED: usize = 64;

/// How many datagrams of each of these.
const COMPARED_OF_EACH: usize = 16;

/// The datagrams of all sockets.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    held: BTreeMap<SocketNumber, Vec<HeldDatagram>>,
    held_bytes: usize,
    /// Since when they are held.
    waits: Waits<SocketNumber>,
    /// Sockets whose datagrams have waited long enough.
    given_up: HashSet<SocketNumber>,
    gathered: Gathered,
    /// How many messages are shown whole that were cut on the wire, because nothing tells how.
    uncut: u64,
    sightings: Sightings<SocketAddr>,
    sctp: Sctp,
    dccp: Dccp,
    /// Sockets whose address nothing told but another end's receive.
    learnt: HashMap<SocketNumber, SocketAddr>,
    hosts: Hosts,
    /// Those whose host is not known yet.
    unplaced: Unplaced,
    stand_ins: StandIns,
    counter: Counter,
    news: NewsOfDatagrams,
}

impl Datagrams {
    /// A message of a datagram socket.
    pub(super) fn moved<S: Sink>(
        &mut self,
        moved: &Moved,
        payload: &[u8],
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let Some(mut carried) = carrier::of(moved, payload) else {
            return Ok(());
        };
        if carried.local.is_none() {
            carried.local = self.learnt.get(&moved.socket).copied();
        }
        let datagram = Datagram {
            time: moved.moment(),
            socket: moved.socket,
            marking: moved.marking,
            direction: moved.direction,
            is_v6: moved.family == Family::Inet6,
            is_uncut: false,
            carried,
        };
        self.hosts.meet(moved.socket);
        let is_sent = moved.direction == Direction::Sent;
        if is_sent && self.gathered.concerns(moved.shape) {
            let whole = self.gathered.add(datagram, moved.shape);
            return whole.map_or(Ok(()), |whole| self.cut(whole.held.datagram(), whole.segments, out));
        }
        self.cut(datagram, moved.shape.segments, out)
    }

    /// A socket has joined a multicast group, or left it.
    pub(super) fn membership(&mut self, socket: SocketNumber, (group, own): (IpAddr, Option<IpAddr>), joins: bool) {
        self.hosts.membership(socket, group, joins);
        if let Some(own) = own {
            self.hosts.learn(own);
        }
    }

    /// What has gathered on a socket goes out.
    pub(super) fn uncorked<S: Sink>(
        &mut self,
        socket: SocketNumber,
        time: Timestamp,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let Some(whole) = self.gathered.take(socket) else {
            return Ok(());
        };
        self.cut(Datagram { time, ..whole.held.datagram() }, whole.segments, out)
    }

    /// What has gathered on a socket is thrown away.
    pub(super) fn gathered_in_vain(&mut self, socket: SocketNumber) {
        self.gathered.take(socket);
    }

    /// How many messages are shown whole that were cut on the wire.
    pub(super) const fn uncut(&self) -> u64 {
        self.uncut
    }

    /// Takes the datagrams that a message is (UDP_SEGMENT, UDP_GRO).
    fn cut<S: Sink>(
        &mut self,
        message: Datagram<'_>,
        segments: Segments,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let carried = message.carried;
        let size = match segments {
            Segments::Of(size) if carried.moved > size.into() && carried.moved <= u64::from(size) * MOST_SEGMENTS => {
                size
            }
            Segments::Unknown => return self.take(Datagram { is_uncut: true, ..message }, out),
            _ => return self.take(message, out),
        };
        let (mut left, mut payload) = (carried.moved, carried.payload);
        while left > 0 {
            let moved = left.min(size.into());
            let (piece, rest) = payload.split_at_checked(as_usize(size)).unwrap_or((payload, &[]));
            self.take(Datagram { carried: Carried { payload: piece, moved, ..carried }, ..message }, out)?;
            (left, payload) = (left - moved, rest);
        }
        Ok(())
    }

    /// Takes a datagram as it was on the wire.
    fn take<S: Sink>(&mut self, datagram: Datagram<'_>, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        let carried = datagram.carried;
        if !self.held.is_empty() {
            self.recognise(&datagram, out)?;
        }
        if !self.unplaced.is_empty() {
            let local = hosts::from_loopback(&datagram).or(datagram.carried.local);
            self.place_others(&datagram.at(local), out)?;
        }
        let local = carried.local.or_else(|| self.learnt.get(&datagram.socket).copied());
        if local.is_some() {
            return self.place(datagram.at(local), out);
        }
        if self.given_up.contains(&datagram.socket) {
            return self.show(datagram, out);
        }
        if self.held_bytes.saturating_add(carried.payload.len()) > limits::HELD_DATAGRAM_BYTES {
            self.finish(out)?;
        }
        let held = HeldDatagram::of(datagram);
        self.held_bytes += held.size();
        self.held.entry(datagram.socket).or_default().push(held);
        self.waits.begin(datagram.socket, datagram.time);
        Ok(())
    }

    /// The socket's address is known: what waited for it goes out.
    pub(super) fn named<S: Sink>(
        &mut self,
        socket: SocketNumber,
        local: SocketAddr,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.hosts.meet(socket);
        self.hosts.bound(canonical(local));
        self.release(socket, Some(canonical(local)), out)
    }

    /// The socket is closed: its address will not be known any more.
    pub(super) fn closed<S: Sink>(
        &mut self,
        socket: SocketNumber,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.gathered.take(socket);
        self.release(socket, None, out)?;
        while let Some(unplaced) = self.unplaced.take_of(socket) {
            self.give_up(&unplaced, out)?;
        }
        self.learnt.remove(&socket);
        self.given_up.remove(&socket);
        self.hosts.closed(socket);
        self.stand_ins.forget(socket);
        self.counter.forget(Counted::Socket(socket));
        Ok(())
    }

    /// How many sockets have been shown with invented addresses.
    pub(super) const fn invented(&self) -> Invented {
        self.counter.invented()
    }

    /// Everything that waits goes out.
    pub(super) fn finish<S: Sink>(&mut self, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        self.settle(Timestamp::MAX, out)
    }

    /// Whether anything waits.
    #[inline(always)]
    pub(super) fn holds(&self) -> bool {
        !(self.waits.is_empty() && self.unplaced.is_empty())
    }

    /// What began to wait before `since` goes out with a stand-in, and later datagrams of the same sockets at once.
    pub(super) fn settle<S: Sink>(&mut self, since: Timestamp, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        while let Some(socket) = self.waits.overdue(since) {
            self.release(socket, None, out)?;
            self.given_up.insert(socket);
        }
        self.give_up_before(since, out)
    }

    /// The moment of the first datagram that waits.
    #[inline]
    pub(super) fn earliest(&self) -> Timestamp {
        self.waits.earliest().min(self.unplaced.earliest())
    }

    /// What began to wait for its host before `time` goes out with a stand-in.
    fn give_up_before<S: Sink>(&mut self, time: Timestamp, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        while let Some(unplaced) = self.unplaced.take_before(time) {
            self.give_up(&unplaced, out)?;
        }
        Ok(())
    }

    /// Nothing has told where this one is.
    fn give_up<S: Sink>(&mut self, unplaced: &HeldDatagram, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        let datagram = self.answered(unplaced.datagram());
        let local = self.hosts.guess(&datagram).or(datagram.carried.local);
        self.show(datagram.at(local), out)
    }

    /// A datagram whose own end's port is known: it goes out once its host is known as well.
    fn place<S: Sink>(&mut self, datagram: Datagram<'_>, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        match self.hosts.place(&datagram, &mut self.sightings) {
            Placed::At(local) => self.show(datagram.at(Some(local)), out),
            Placed::Shown => Ok(()),
            Placed::Nowhere => {
                let datagram = self.answered(datagram);
                let local = self.hosts.guess(&datagram).or(datagram.carried.local);
                self.show(datagram.at(local), out)
            }
            Placed::Unknown => {
                self.unplaced.hold(&datagram);
                while let Some(oldest) = self.unplaced.take_over_bound() {
                    self.give_up(&oldest, out)?;
                }
                Ok(())
            }
        }
    }

    /// One that was received without asking from whom, as what was asked for.
    fn answered<'d>(&self, datagram: Datagram<'d>) -> Datagram<'d> {
        let is_open = datagram.direction == Direction::Received && datagram.carried.remote.is_none();
        let remote = if is_open { self.hosts.only_asked(datagram.socket) } else { datagram.carried.remote };
        Datagram { carried: Carried { remote, ..datagram.carried }, ..datagram }
    }

    /// One end's call tells the host of the other's, which waits for that.
    fn place_others<S: Sink>(
        &mut self,
        datagram: &Datagram<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        while let Some((unplaced, (local, remote))) = self.unplaced.take_told_by(datagram) {
            let placed = unplaced.datagram();
            self.hosts.told(placed.socket, Some(remote), local);
            self.hosts.told(datagram.socket, Some(local), remote);
            if datagram.carried.local.is_none() {
                self.learnt.insert(datagram.socket, remote);
            }
            let carried = Carried { remote: Some(remote), ..placed.carried };
            self.show(Datagram { carried, ..placed }.at(Some(local)), out)?;
        }
        Ok(())
    }

    fn release<S: Sink>(
        &mut self,
        socket: SocketNumber,
        local: Option<SocketAddr>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        self.waits.end(socket);
        for held in work::each(self.held.remove(&socket).unwrap_or_default().into_iter()) {
            self.held_bytes = self.held_bytes.saturating_sub(held.size());
            let datagram = held.datagram().at(local);
            match local {
                Some(_) => self.place(datagram, out)?,
                None => self.show(datagram, out)?,
            }
        }
        Ok(())
    }

    /// A receive tells where the datagram came from: if a held one is the same, its socket's address is known by that.
    fn recognise<S: Sink>(&mut self, datagram: &Datagram<'_>, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        let received = datagram.carried;
        let (Direction::Received, Some(source), Some(target)) = (datagram.direction, received.remote, received.local)
        else {
            return Ok(());
        };
        let is_there = |sent_to: SocketAddr| {
            sent_to.port() == target.port() && (sent_to.ip() == target.ip() || target.ip().is_unspecified())
        };
        let is_it = |held: &&HeldDatagram| {
            let sent = held.datagram.carried;
            let compared = held.payload.len().min(received.payload.len());
            held.datagram.direction == Direction::Sent
                && sent.remote.is_some_and(is_there)
                && received.moved <= sent.moved
                && held.payload.get(..compared) == received.payload.get(..compared)
        };
        let found = work::each(self.held.iter()).take(COMPARED).find_map(|(socket, held)| {
            let sent_to = work::each(held.iter()).take(COMPARED_OF_EACH).find(is_it)?.datagram.carried.remote?;
            Some((*socket, sent_to))
        });
        if let Some((socket, sent_to)) = found {
            self.learnt.insert(socket, source);
            self.hosts.told(datagram.socket, Some(source), sent_to);
            self.release(socket, Some(source), out)?;
        }
        Ok(())
    }

    /// Writes a datagram, unless the other end's call has shown it.
    fn show<S: Sink>(&mut self, datagram: Datagram<'_>, out: &mut PacketOutput<'_, S>) -> Result<(), S::Error> {
        let mut carried = datagram.carried;
        let is_placed = |end: &SocketAddr| !end.ip().is_unspecified();
        let known = (carried.local.filter(is_placed), carried.remote);
        let (local, remote) =
            self.stand_ins.of_socket(datagram.socket, (carried.local, carried.remote), datagram.is_v6);
        if datagram.direction == Direction::Sent {
            self.hosts.sent_to(datagram.socket, remote);
        }
        let source_known = datagram.direction == Direction::Sent || carried.remote.is_some();
        if let Some(sighted) = datagram.sighted(local, Some(remote)) {
            let mut sighted = Sighted { source: sighted.source.filter(|_| source_known), ..sighted };
            if self.sightings.seen_before(&mut sighted) {
                return Ok(());
            }
            (carried.moved, carried.payload) = (sighted.length, sighted.payload);
        }
        let (local, remote) = (HostPort::from(local), HostPort::from(remote));
        let (source, target) = match datagram.direction {
            Direction::Sent => (&local, &remote),
            Direction::Received => (&remote, &local),
        };
        self.uncut += u64::from(datagram.is_uncut);
        let is_invented = matches!(known, (None, _) | (_, None))
            && self.counter.count(Counted::Socket(datagram.socket), carried.local, datagram.direction);
        let has_lost = as_u64(carried.payload.len()) < carried.moved;
        let mut remarks = self.news.of_message((Some(datagram.socket), remote), &datagram.marking, has_lost);
        remarks = remarks.and(Remarks::STAND_IN.only_if(is_invented));
        let about = About { remarks, ..About::made(datagram.time, datagram.marking, datagram.direction) };
        let original = usize::try_from(carried.moved).unwrap_or(usize::MAX);
        let (link, transport, payload) = (LinkHeader::Marking, TransportHeader::Udp, carried.payload);
        let frame = Frame { link, source, target, id: 0, transport, payload, original };
        match carried.carrier {
            Carrier::Header(transport) => out.frame(about, Frame { transport, ..frame }),
            Carrier::Sctp => self.sctp.write(about, frame, out),
            Carrier::Dccp => self.dccp.write(about, frame, out),
        }
    }
}
