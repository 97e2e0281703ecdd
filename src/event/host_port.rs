//! A host and its port in the bytes that they take: an open socket, its connection and its packets know a dozen of them, and
//! there may be a million of each.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// An address without scope and flow label, which details never carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPort {
    /// Of IPv4.
    V4(Ipv4Addr, u16),
    /// Of IPv6.
    V6(Ipv6Addr, u16),
}

impl HostPort {
    /// That of a test's text: `10.0.0.1:80`, `[::1]:80`.
    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        text.parse::<SocketAddr>().expect("a host and a port").into()
    }

    /// As the packets have it.
    #[inline]
    pub const fn get(self) -> SocketAddr {
        match self {
            Self::V4(host, port) => SocketAddr::V4(SocketAddrV4::new(host, port)),
            Self::V6(host, port) => SocketAddr::V6(SocketAddrV6::new(host, port, 0, 0)),
        }
    }

    /// Its host.
    #[inline]
    pub const fn ip(self) -> IpAddr {
        match self {
            Self::V4(host, _) => IpAddr::V4(host),
            Self::V6(host, _) => IpAddr::V6(host),
        }
    }

    /// Its port.
    #[inline]
    pub const fn port(self) -> u16 {
        let (Self::V4(_, port) | Self::V6(_, port)) = self;
        port
    }

    /// As the wire has it: v4-mapped IPv6 is IPv4.
    pub fn canonical(self) -> Self {
        match self {
            Self::V4(..) => self,
            Self::V6(host, port) => host.to_ipv4_mapped().map_or(self, |host| Self::V4(host, port)),
        }
    }

    /// Whether it leaves its host or its port open.
    pub const fn is_vague(self) -> bool {
        match self {
            Self::V4(host, port) => port == 0 || host.is_unspecified(),
            Self::V6(host, port) => port == 0 || host.is_unspecified(),
        }
    }
}

/// In one step: a connection is looked for by its addresses a dozen times.
impl Hash for HostPort {
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

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => Self::V4(*address.ip(), address.port()),
            SocketAddr::V6(address) => Self::V6(*address.ip(), address.port()),
        }
    }
}
