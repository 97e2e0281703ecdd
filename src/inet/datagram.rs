//! A datagram of the wire view, as one end's call shows it.

use crate::event::{Direction, Marking, Timestamp};
use crate::inet::carrier::Carried;
use crate::packets::Sighted;
use crate::sockets::SocketNumber;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A datagram with its endpoints, as far as known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) time: Timestamp,
    pub(super) socket: SocketNumber,
    pub(super) marking: Marking,
    pub(super) direction: Direction,
    pub(super) is_v6: bool,
    /// It was cut into several on the wire, and nothing tells how.
    pub(super) is_uncut: bool,
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
        Some(Sighted { source, target, direction: self.direction, length, payload, to_many, is_uncut: self.is_uncut })
    }

    /// The same with this own end.
    pub(super) fn at(self, local: Option<SocketAddr>) -> Self {
        Self { carried: Carried { local: local.map(|local| self.carried.on_wire(local)), ..self.carried }, ..self }
    }
}

/// A datagram that waits, for its own address or for the rest of it, with its own bytes.
#[derive(Debug)]
pub(super) struct HeldDatagram {
    pub(super) datagram: Datagram<'static>,
    pub(super) payload: Vec<u8>,
}

impl HeldDatagram {
    /// A copy.
    pub(super) fn of(datagram: Datagram<'_>) -> Self {
        let carried = Carried { payload: &[], ..datagram.carried };
        Self { datagram: Datagram { carried, ..datagram }, payload: datagram.carried.payload.to_vec() }
    }

    /// As it was.
    pub(super) fn datagram(&self) -> Datagram<'_> {
        Datagram { carried: Carried { payload: &self.payload, ..self.datagram.carried }, ..self.datagram }
    }

    /// How much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.payload.len()
    }
}
