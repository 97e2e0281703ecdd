//! Addresses in the bytes that they take: an open socket and its connection know some dozen of them, and tables of open
//! connections are as large as what they are kept by.

use crate::sockets::canonical;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address without scope and flow label, which details never carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Packed {
    V4(Ipv4Addr, u16),
    V6(Ipv6Addr, u16),
}

impl Packed {
    /// As the packets have it.
    pub(super) fn get(self) -> SocketAddr {
        match self {
            Self::V4(host, port) => SocketAddr::from((host, port)),
            Self::V6(host, port) => SocketAddr::from((host, port)),
        }
    }
}

impl From<SocketAddr> for Packed {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => Self::V4(*address.ip(), address.port()),
            SocketAddr::V6(address) => Self::V6(*address.ip(), address.port()),
        }
    }
}

/// What two addresses are kept by: a fifth of what they take. Who finds something by it looks at the addresses as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PairDigest(u64);

impl PairDigest {
    /// That of an own address and the other end's, as the wire has them, by the hash of the table in which they are kept.
    pub(super) fn of(pair: [SocketAddr; 2], hash: &impl BuildHasher) -> Self {
        Self(hash.hash_one(pair.map(|address| Packed::from(canonical(address)))))
    }
}
