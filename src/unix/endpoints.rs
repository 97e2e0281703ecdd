//! The invented endpoints of the i-th UNIX connection: addresses, ports, MACs and ISNs, all from its order and an inode.

use crate::event::{HostPort, Inode};
use crate::wire::{Mac, SeqNumber};
use std::net::Ipv4Addr;

/// Connections that share one pair of /24 networks: host numbers 1 to 254.
const HOSTS: u64 = 254;

/// One end as packets show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) address: HostPort,
    pub(super) mac: Mac,
    pub(super) isn: SeqNumber,
}

/// The ports that clients are given: the first, and how many there are. The inode picks one, so that its last digits can
/// be read in it; what keeps endpoints apart is the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPorts {
    /// The lowest.
    pub first: u16,
    /// How many.
    pub count: u16,
}

/// The predecessor's. Protocols of Wireshark lie within, MRCPv2 from 30000 on.
pub(super) const CLASSIC: ClientPorts = ClientPorts { first: 30_000, count: 10_000 };

/// Ports that Wireshark, as far as 4.6, gives to no protocol: neither in its tables of TCP and UDP nor in the default of
/// a preference. Where it knows nothing of the server's port, it would take the client's for the protocol's.
pub const CLEAN: ClientPorts = ClientPorts { first: 63_000, count: 1_000 };

/// Client and server of the connection with the given order (from 0). `inode` is the client's, else the one seen first.
pub(super) fn of(order: u64, inode: Option<Inode>, clients: ClientPorts, server_port: u16) -> [Endpoint; 2] {
    let (block, host) = (order / HOSTS, order % HOSTS);
    let number = inode.map_or_else(|| order.saturating_add(100_000), Inode::number);
    let client_port = clients.first + low_16(number % u64::from(clients.count));
    let end = |network: u64, port: u16, mac: u64, isn: u32| Endpoint {
        address: HostPort::V4(address(network, host), port),
        mac: Mac(mac_bytes(mac + 0x200 * block + host)),
        isn: SeqNumber(isn).advanced(number),
    };
    [end(2 * block, client_port, 0, 0x1000_0000), end(2 * block + 1, server_port, 0x100, 0x2000_0000)]
}

/// The same of the pair of datagram sockets with the given order, in networks of their own: 10.128.0.0/9.
pub(super) fn of_datagrams(order: u64, inode: Option<Inode>, clients: ClientPorts, server_port: u16) -> [Endpoint; 2] {
    const APART: u64 = 1 << 14;
    of(order % (APART * HOSTS) + APART * HOSTS, inode, clients, server_port)
}

/// 10.0.0.0/8: `network` counts the /24 networks in it, `host` from 0.
fn address(network: u64, host: u64) -> Ipv4Addr {
    let [.., second, third] = low_16(network).to_be_bytes();
    let [.., fourth] = low_16(host + 1).to_be_bytes();
    Ipv4Addr::new(10, second, third, fourth)
}

/// A locally administered address, 02:00:00:00:00:00 and `number`.
fn mac_bytes(number: u64) -> [u8; 6] {
    let [.., a, b, c, d] = number.to_be_bytes();
    [2, 0, a, b, c, d]
}

fn low_16(number: u64) -> u16 {
    let [.., high, low] = number.to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(order: u64, inode: Option<u64>, client: &str, server: &str, macs: [[u8; 6]; 2]) {
        let [one, two] = of(order, inode.and_then(Inode::new), CLASSIC, 50051);
        assert_eq!(
            (one.address.get().to_string(), two.address.get().to_string()),
            (client.to_owned(), server.to_owned())
        );
        assert_eq!([one.mac.0, two.mac.0], macs);
    }

    #[test]
    fn the_first_block() {
        check(0, Some(12_345), "10.0.0.1:32345", "10.0.1.1:50051", [[2, 0, 0, 0, 0, 0], [2, 0, 0, 0, 1, 0]]);
        check(253, None, "10.0.0.254:30253", "10.0.1.254:50051", [[2, 0, 0, 0, 0, 253], [2, 0, 0, 0, 1, 253]]);
    }

    #[test]
    fn further_blocks_take_networks_of_their_own() {
        check(254, Some(7), "10.0.2.1:30007", "10.0.3.1:50051", [[2, 0, 0, 0, 2, 0], [2, 0, 0, 0, 3, 0]]);
        let carried = 254 * 128;
        check(carried, Some(7), "10.1.0.1:30007", "10.1.1.1:50051", [[2, 0, 0, 1, 0, 0], [2, 0, 0, 1, 1, 0]]);
    }

    #[test]
    fn an_inode_of_64_bits_wraps() {
        let [client, _] = of(0, Inode::new(0xffff_ffff_ffff_fff0), CLEAN, 50051);
        assert_eq!(client.isn, SeqNumber(0x0fff_fff0));
        assert_eq!(client.address.port(), 63_600);
    }

    #[test]
    fn seventy_thousand_connections_are_distinct() {
        let all: std::collections::HashSet<_> = (0..70_000)
            .map(|order| of(order, Inode::new(1), CLEAN, 50051).map(|end| (end.address, end.mac.0)))
            .collect();
        assert_eq!(all.len(), 70_000);
    }
}
