//! Addresses in the bytes that they take: an open socket and its connection know some dozen of them, and tables of open
//! connections are as large as what they are kept by.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address without scope and flow label, which details never carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// As the wire has it: v4-mapped IPv6 is IPv4.
    pub(super) fn canonical(self) -> Self {
        match self {
            Self::V4(..) => self,
            Self::V6(host, port) => host.to_ipv4_mapped().map_or(self, |host| Self::V4(host, port)),
        }
    }

    /// Whether it leaves its host or its port open.
    pub(super) const fn is_vague(self) -> bool {
        match self {
            Self::V4(host, port) => port == 0 || host.is_unspecified(),
            Self::V6(host, port) => port == 0 || host.is_unspecified(),
        }
    }
}

/// In one step: a connection is looked for by its addresses a dozen times.
impl Hash for Packed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match *self {
            Self::V4(host, port) => state.write_u64(u64::from(host.to_bits()) << 16 | u64::from(port)),
            Self::V6(host, port) => {
                state.write_u128(host.to_bits());
                state.write_u16(port);
            }
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
    pub(super) fn of(pair: [Packed; 2], hash: &impl BuildHasher) -> Self {
        Self(hash.hash_one(pair))
    }
}
