//! UDP, its relatives and raw IP of the wire view: each datagram once, with the addresses it really had.
//!
//! A socket that sends before it is bound gets its port from the kernel, and the trace shows it on a later line: its
//! datagrams wait for that.

use crate::event::{Direction, Family, Marking, Segments, Timestamp, as_usize};
use crate::inet::carrier::{self, Carried, Carrier};
use crate::inet::gathered::Gathered;
use crate::inet::invented::{self, Counted, Counter};
use crate::inet::numbered::{Dccp, Sctp};
use crate::limits;
use crate::packets::{Invented, Output, Sighted, Sightings};
use crate::sockets::{Moved, SocketNumber, canonical};
use crate::wire::{About, Frame, LinkHeader, Sink, Transport as Header};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most datagrams that one message is cut into (the kernel's `UDP_MAX_SEGMENTS`).
const MOST_SEGMENTS: u64 = 128;

/// Sockets of unknown address that a receive is compared with: those that wait longest.
const COMPARED: usize = 64;

/// A datagram with its endpoints, as far as known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) time: Timestamp,
    pub(super) socket: SocketNumber,
    pub(super) marking: Marking,
    direction: Direction,
    is_v6: bool,
    /// It was cut into several on the wire, and nothing tells how.
    is_uncut: bool,
    pub(super) carried: Carried<'a>,
}

/// A datagram that waits, for its socket's port or for the rest of it, with its bytes beside it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) datagram: Datagram<'static>,
    pub(super) payload: Vec<u8>,
}

impl Held {
    pub(super) fn of(datagram: Datagram<'_>) -> Self {
        let carried = Carried { payload: &[], ..datagram.carried };
        Self { datagram: Datagram { carried, ..datagram }, payload: datagram.carried.payload.to_vec() }
    }

    fn datagram(&self) -> Datagram<'_> {
        Datagram { carried: Carried { payload: &self.payload, ..self.datagram.carried }, ..self.datagram }
    }
}

/// The datagrams of all sockets.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    held: BTreeMap<SocketNumber, Vec<Held>>,
    held_bytes: usize,
    gathered: Gathered,
    /// How many messages are shown whole that were cut on the wire, because nothing tells how.
    uncut: u64,
    sightings: Sightings<SocketAddr>,
    sctp: Sctp,
    dccp: Dccp,
    /// Sockets whose address nothing told but another end's receive.
    learnt: FxHashMap<SocketNumber, SocketAddr>,
    /// The host's own address, v4 and v6, as bound or connected sockets have shown it.
    host: [Option<IpAddr>; 2],
    counter: Counter,
}

impl Datagrams {
    /// A message of a datagram socket.
    pub(super) fn moved<S: Sink>(
        &mut self,
        moved: &Moved,
        payload: &[u8],
        out: &mut Output<'_, S>,
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
        let is_sent = moved.direction == Direction::Sent;
        if is_sent && self.gathered.concerns(moved.shape) {
            let whole = self.gathered.add(datagram, moved.shape);
            return whole.map_or(Ok(()), |whole| self.cut(whole.held.datagram(), whole.segments, out));
        }
        self.cut(datagram, moved.shape.segments, out)
    }

    /// What has gathered on a socket goes out.
    pub(super) fn uncorked<S: Sink>(
        &mut self,
        socket: SocketNumber,
        time: Timestamp,
        out: &mut Output<'_, S>,
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
        out: &mut Output<'_, S>,
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
    fn take<S: Sink>(&mut self, datagram: Datagram<'_>, out: &mut Output<'_, S>) -> Result<(), S::Error> {
        let carried = datagram.carried;
        if !self.held.is_empty() {
            self.recognise(&datagram, out)?;
        }
        if carried.local.is_some() {
            return self.show(datagram, out);
        }
        if self.held_bytes.saturating_add(carried.payload.len()) > limits::HELD_DATAGRAM_BYTES {
            self.finish(out)?;
        }
        self.held_bytes += carried.payload.len() + size_of::<Held>();
        self.held.entry(datagram.socket).or_default().push(Held::of(datagram));
        Ok(())
    }

    /// The socket's address is known: what waited for it goes out.
    pub(super) fn named<S: Sink>(
        &mut self,
        socket: SocketNumber,
        local: SocketAddr,
        out: &mut Output<'_, S>,
    ) -> Result<(), S::Error> {
        self.learn_host(canonical(local));
        self.release(socket, Some(canonical(local)), out)
    }

    /// The socket is closed: its address will not be known any more.
    pub(super) fn closed<S: Sink>(&mut self, socket: SocketNumber, out: &mut Output<'_, S>) -> Result<(), S::Error> {
        self.gathered.take(socket);
        self.release(socket, None, out)?;
        self.learnt.remove(&socket);
        self.counter.forget(Counted::Socket(socket));
        Ok(())
    }

    /// How many sockets have been shown with invented addresses.
    pub(super) const fn invented(&self) -> Invented {
        self.counter.invented()
    }

    /// Everything that waits goes out.
    pub(super) fn finish<S: Sink>(&mut self, out: &mut Output<'_, S>) -> Result<(), S::Error> {
        while let Some((socket, _)) = self.held.first_key_value() {
            self.release(*socket, None, out)?;
        }
        Ok(())
    }

    fn release<S: Sink>(
        &mut self,
        socket: SocketNumber,
        local: Option<SocketAddr>,
        out: &mut Output<'_, S>,
    ) -> Result<(), S::Error> {
        for held in self.held.remove(&socket).unwrap_or_default() {
            self.held_bytes = self.held_bytes.saturating_sub(held.payload.len() + size_of::<Held>());
            let local = local.map(|local| held.datagram.carried.on_wire(local));
            let datagram = held.datagram();
            self.show(Datagram { carried: Carried { local, ..datagram.carried }, ..datagram }, out)?;
        }
        Ok(())
    }

    /// A receive tells where the datagram came from: if a held one is the same, its socket's address is known by that.
    fn recognise<S: Sink>(&mut self, datagram: &Datagram<'_>, out: &mut Output<'_, S>) -> Result<(), S::Error> {
        let received = datagram.carried;
        let (Direction::Received, Some(source), Some(target)) = (datagram.direction, received.remote, received.local)
        else {
            return Ok(());
        };
        let is_it = |held: &Held| {
            let sent = held.datagram.carried;
            let compared = held.payload.len().min(received.payload.len());
            held.datagram.direction == Direction::Sent
                && sent.remote == Some(target)
                && received.moved <= sent.moved
                && held.payload.get(..compared) == received.payload.get(..compared)
        };
        let sender =
            self.held.iter().take(COMPARED).find(|(_, held)| held.iter().any(is_it)).map(|(socket, _)| *socket);
        if let Some(socket) = sender {
            self.learnt.insert(socket, source);
            self.release(socket, Some(source), out)?;
        }
        Ok(())
    }

    /// Writes a datagram, unless the other end's call has shown it.
    fn show<S: Sink>(&mut self, datagram: Datagram<'_>, out: &mut Output<'_, S>) -> Result<(), S::Error> {
        let mut carried = datagram.carried;
        let local = carried.local.map(|local| self.placed(local, carried.remote));
        let (local, remote) = invented::endpoints((local, carried.remote), datagram.is_v6);
        let (source, target) = match datagram.direction {
            Direction::Sent => (local, remote),
            Direction::Received => (remote, local),
        };
        let source_known = datagram.direction == Direction::Sent || carried.remote.is_some();
        let mut sighted = Sighted {
            source: source_known.then_some(source),
            target,
            direction: datagram.direction,
            length: carried.moved,
            payload: carried.payload,
            is_uncut: datagram.is_uncut,
        };
        if self.sightings.seen_before(&mut sighted) {
            return Ok(());
        }
        (carried.moved, carried.payload) = (sighted.length, sighted.payload);
        self.uncut += u64::from(datagram.is_uncut);
        if carried.local.is_none() || carried.remote.is_none() {
            let counted = Counted::Socket(datagram.socket);
            self.counter.count(counted, carried.local.is_some(), datagram.direction);
        }
        let about = About::made(datagram.time, datagram.marking, datagram.direction);
        let original = usize::try_from(carried.moved).unwrap_or(usize::MAX);
        let (link, transport, payload) = (LinkHeader::Marking, Header::Udp, carried.payload);
        let frame = Frame { link, source, target, id: 0, transport, payload, original };
        match carried.carrier {
            Carrier::Header(transport) => out.packet(about, Frame { transport, ..frame }),
            Carrier::Sctp => self.sctp.write(about, frame, out),
            Carrier::Dccp => self.dccp.write(about, frame, out),
        }
    }

    /// The local address in place of a wildcard: loopback talks to loopback, the rest to the host's own address.
    fn placed(&mut self, local: SocketAddr, remote: Option<SocketAddr>) -> SocketAddr {
        if !local.ip().is_unspecified() {
            self.learn_host(local);
            return local;
        }
        let ip = match remote.map(|remote| remote.ip()) {
            Some(IpAddr::V4(remote)) if remote.is_loopback() => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Some(IpAddr::V6(remote)) if remote.is_loopback() => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            Some(IpAddr::V4(_)) => self.host[0],
            Some(IpAddr::V6(_)) => self.host[1],
            // Nothing tells the source: if something traced was sent to this port, it was sent there.
            None => self.targeted(local),
        };
        SocketAddr::new(ip.unwrap_or(local.ip()), local.port())
    }

    /// The address at which a traced datagram waits for a reader on this port.
    fn targeted(&self, local: SocketAddr) -> Option<IpAddr> {
        let [v4, v6] = self.host;
        let of_v4 = [Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), v4];
        // A socket of IPv6 takes datagrams of IPv4 too (RFC 3493 §3.7).
        let of_v6 = [Some(IpAddr::V6(Ipv6Addr::LOCALHOST)), v6].map(|ip| ip.filter(|_| local.is_ipv6()));
        of_v6.into_iter().chain(of_v4).flatten().find(|ip| self.sightings.awaits(&SocketAddr::new(*ip, local.port())))
    }

    fn learn_host(&mut self, local: SocketAddr) {
        let ip = local.ip();
        if !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() {
            let [v4, v6] = &mut self.host;
            *(if ip.is_ipv4() { v4 } else { v6 }) = Some(ip);
        }
    }
}
