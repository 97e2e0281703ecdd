//! UDP, its relatives and raw IP of the wire view: each datagram once, with the addresses it really had.
//!
//! A socket that sends before it is bound gets its port from the kernel, and the trace shows it on a later line: its
//! datagrams wait for that. Those of a socket that is bound to every address wait for their host (`unplaced`).

use crate::event::{Direction, Family, Timestamp};
use crate::inet::carrier::{self, Carried, Carrier};
use crate::inet::hosts::{self, Hosts, Placed};
use crate::inet::invented::{Invented, StandIns, Stranger, Strangers};
use crate::inet::numbered::{Dccp, Sctp};
use crate::inet::unplaced::{Unplaced, Waiting};
use crate::limits;
use crate::packets::{Ids, Sighted, Sightings, marking};
use crate::sockets::{Marking, Moved, SocketNumber, canonical};
use crate::wire::{Frame, Sink, Transport as Header};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Sockets of unknown address that a receive is compared with: those that wait longest.
const COMPARED: usize = 64;

/// A datagram with its endpoints, as far as known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) time: Timestamp,
    pub(super) socket: SocketNumber,
    pub(super) marking: Marking,
    pub(super) direction: Direction,
    pub(super) is_v6: bool,
    pub(super) carried: Carried<'a>,
}

impl<'a> Datagram<'a> {
    /// As the other end's call shows it; `local` is the thread's own end.
    pub(super) fn sighted(&self, local: SocketAddr, remote: Option<SocketAddr>) -> Option<Sighted<'a, SocketAddr>> {
        let (source, target) = match self.direction {
            Direction::Sent => (Some(local), remote?),
            Direction::Received => (remote, local),
        };
        let Carried { moved: length, payload, .. } = self.carried;
        let to_many = target.ip().is_multicast() || target.ip() == IpAddr::V4(Ipv4Addr::BROADCAST);
        Some(Sighted { source, target, direction: self.direction, length, payload, to_many })
    }

    /// The same with this own end.
    pub(super) fn at(self, local: Option<SocketAddr>) -> Self {
        Self { carried: Carried { local: local.map(|local| self.carried.on_wire(local)), ..self.carried }, ..self }
    }
}

/// A datagram that waits for its socket's port.
#[derive(Debug)]
struct Held {
    datagram: Datagram<'static>,
    payload: Vec<u8>,
}

/// The datagrams of all sockets.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    held: BTreeMap<SocketNumber, Vec<Held>>,
    held_bytes: usize,
    sightings: Sightings<SocketAddr>,
    sctp: Sctp,
    dccp: Dccp,
    /// Sockets whose address nothing told but another end's receive.
    learnt: FxHashMap<SocketNumber, SocketAddr>,
    hosts: Hosts,
    /// Those whose host is not known yet.
    unplaced: Unplaced,
    stand_ins: StandIns,
    strangers: Strangers,
}

impl Datagrams {
    /// A message of a datagram socket.
    pub(super) fn moved<S: Sink>(
        &mut self,
        moved: &Moved,
        payload: &[u8],
        ids: &mut Ids,
        sink: &mut S,
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
            carried,
        };
        self.hosts.meet(moved.socket);
        if !self.held.is_empty() {
            self.recognise(&datagram, ids, sink)?;
        }
        if !self.unplaced.is_empty() {
            let local = hosts::from_loopback(&datagram).or(datagram.carried.local);
            self.place_others(&datagram.at(local), ids, sink)?;
        }
        let local = carried.local.or_else(|| self.learnt.get(&moved.socket).copied());
        if local.is_some() {
            return self.place(datagram.at(local), ids, sink);
        }
        if self.held_bytes.saturating_add(carried.payload.len()) > limits::HELD_DATAGRAM_BYTES {
            self.finish(ids, sink)?;
        }
        self.held_bytes += carried.payload.len() + size_of::<Held>();
        let payload = carried.payload.to_vec();
        let held = Held { datagram: Datagram { carried: Carried { payload: &[], ..carried }, ..datagram }, payload };
        self.held.entry(moved.socket).or_default().push(held);
        Ok(())
    }

    /// The socket's address is known: what waited for it goes out.
    pub(super) fn named<S: Sink>(
        &mut self,
        socket: SocketNumber,
        local: SocketAddr,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.hosts.meet(socket);
        self.hosts.bound(canonical(local));
        self.release(socket, Some(canonical(local)), ids, sink)
    }

    /// The socket is closed: its address will not be known any more.
    pub(super) fn closed<S: Sink>(
        &mut self,
        socket: SocketNumber,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.release(socket, None, ids, sink)?;
        while let Some(unplaced) = self.unplaced.take_of(socket) {
            self.give_up(&unplaced, ids, sink)?;
        }
        self.learnt.remove(&socket);
        self.hosts.closed(socket);
        self.stand_ins.forget(socket);
        self.strangers.forget(Stranger::Socket(socket));
        Ok(())
    }

    /// How many sockets have been shown with invented addresses.
    pub(super) const fn invented(&self) -> Invented {
        self.strangers.count()
    }

    /// Everything that waits goes out.
    pub(super) fn finish<S: Sink>(&mut self, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        while let Some((socket, _)) = self.held.first_key_value() {
            self.release(*socket, None, ids, sink)?;
        }
        self.give_up_before(Timestamp(u64::MAX), ids, sink)
    }

    /// The input pauses: what waits for its host has waited long enough.
    pub(super) fn pause<S: Sink>(&mut self, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        self.give_up_before(Timestamp(u64::MAX), ids, sink)
    }

    /// What began to wait for its host before `time` goes out with a stand-in.
    fn give_up_before<S: Sink>(&mut self, time: Timestamp, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        while let Some(unplaced) = self.unplaced.take_before(time) {
            self.give_up(&unplaced, ids, sink)?;
        }
        Ok(())
    }

    /// Nothing has told where this one is.
    fn give_up<S: Sink>(&mut self, unplaced: &Waiting, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        let datagram = unplaced.datagram();
        let local = self.hosts.guess(&datagram).or(datagram.carried.local);
        self.show(datagram.at(local), ids, sink)
    }

    /// A datagram whose own end's port is known: it goes out once its host is known as well.
    fn place<S: Sink>(&mut self, datagram: Datagram<'_>, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        match self.hosts.place(&datagram, &mut self.sightings) {
            Placed::At(local) => self.show(datagram.at(Some(local)), ids, sink),
            Placed::Shown => Ok(()),
            Placed::Nowhere => self.show(datagram, ids, sink),
            Placed::Unknown => {
                self.unplaced.hold(&datagram);
                while let Some(oldest) = self.unplaced.take_over_bound() {
                    self.give_up(&oldest, ids, sink)?;
                }
                Ok(())
            }
        }
    }

    /// One end's call tells the host of the other's, which waits for that.
    fn place_others<S: Sink>(&mut self, datagram: &Datagram<'_>, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        self.give_up_before(datagram.time.before(limits::WAITING_NANOSECONDS), ids, sink)?;
        while let Some((unplaced, (local, remote))) = self.unplaced.take_told_by(datagram) {
            let placed = unplaced.datagram();
            self.hosts.told(placed.socket, Some(remote), local);
            self.hosts.told(datagram.socket, Some(local), remote);
            if datagram.carried.local.is_none() {
                self.learnt.insert(datagram.socket, remote);
            }
            let carried = Carried { remote: Some(remote), ..placed.carried };
            self.show(Datagram { carried, ..placed }.at(Some(local)), ids, sink)?;
        }
        Ok(())
    }

    fn release<S: Sink>(
        &mut self,
        socket: SocketNumber,
        local: Option<SocketAddr>,
        ids: &mut Ids,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        for held in self.held.remove(&socket).unwrap_or_default() {
            self.held_bytes = self.held_bytes.saturating_sub(held.payload.len() + size_of::<Held>());
            let carried = Carried { payload: &held.payload, ..held.datagram.carried };
            let datagram = Datagram { carried, ..held.datagram }.at(local);
            match local {
                Some(_) => self.place(datagram, ids, sink)?,
                None => self.show(datagram, ids, sink)?,
            }
        }
        Ok(())
    }

    /// A receive tells where the datagram came from: if a held one is the same, its socket's address is known by that.
    fn recognise<S: Sink>(&mut self, datagram: &Datagram<'_>, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        let received = datagram.carried;
        let (Direction::Received, Some(source), Some(target)) = (datagram.direction, received.remote, received.local)
        else {
            return Ok(());
        };
        let is_there = |sent_to: SocketAddr| {
            sent_to.port() == target.port() && (sent_to.ip() == target.ip() || target.ip().is_unspecified())
        };
        let is_it = |held: &&Held| {
            let sent = held.datagram.carried;
            let compared = held.payload.len().min(received.payload.len());
            held.datagram.direction == Direction::Sent
                && sent.remote.is_some_and(is_there)
                && received.moved <= sent.moved
                && held.payload.get(..compared) == received.payload.get(..compared)
        };
        let found = self.held.iter().take(COMPARED).find_map(|(socket, held)| {
            let sent_to = held.iter().find(is_it)?.datagram.carried.remote?;
            Some((*socket, sent_to))
        });
        if let Some((socket, sent_to)) = found {
            self.learnt.insert(socket, source);
            self.hosts.told(datagram.socket, Some(source), sent_to);
            self.release(socket, Some(source), ids, sink)?;
        }
        Ok(())
    }

    /// Writes a datagram, unless the other end's call has shown it.
    fn show<S: Sink>(&mut self, datagram: Datagram<'_>, ids: &mut Ids, sink: &mut S) -> Result<(), S::Error> {
        let carried = datagram.carried;
        let is_placed = |end: &SocketAddr| !end.ip().is_unspecified();
        let known = (carried.local.filter(is_placed), carried.remote);
        let (local, remote) =
            self.stand_ins.of_socket(datagram.socket, (carried.local, carried.remote), datagram.is_v6);
        if datagram.direction == Direction::Sent {
            self.hosts.sent_to(remote);
        }
        let source_known = datagram.direction == Direction::Sent || carried.remote.is_some();
        if let Some(sighted) = datagram.sighted(local, Some(remote))
            && self.sightings.seen_before(Sighted { source: sighted.source.filter(|_| source_known), ..sighted })
        {
            return Ok(());
        }
        let (source, target) = match datagram.direction {
            Direction::Sent => (local, remote),
            Direction::Received => (remote, local),
        };
        if let (None, _) | (_, None) = known {
            let stranger = Stranger::Socket(datagram.socket);
            self.strangers.meet(stranger, carried.local, datagram.direction);
        }
        let (source_mac, target_mac) = marking::macs(&datagram.marking, datagram.direction);
        let original = usize::try_from(carried.moved).unwrap_or(usize::MAX);
        let frame = Frame {
            time: datagram.time,
            source_mac,
            target_mac,
            vlan: Some(marking::vlan(&datagram.marking)),
            source,
            target,
            id: 0,
            transport: Header::Udp,
            payload: carried.payload,
            original,
        };
        match carried.carrier {
            Carrier::Header(transport) => sink.frame(&Frame { id: ids.take(), transport, ..frame }),
            Carrier::Sctp => self.sctp.write(frame, ids, sink),
            Carrier::Dccp => self.dccp.write(frame, ids, sink),
        }
    }
}
