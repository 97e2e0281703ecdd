//! Stand-ins for addresses that nothing in the trace tells.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The local end where nothing is known of it (compat).
const UNKNOWN_LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 11111);

/// The remote end where nothing is known of it (compat).
const UNKNOWN_REMOTE: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 2), 22222);

/// Both endpoints as far as they are known, and the invented values for the rest, in the family of what is known.
pub(super) fn endpoints(
    (local, remote): (Option<SocketAddr>, Option<SocketAddr>),
    is_v6: bool,
) -> (SocketAddr, SocketAddr) {
    let is_v6 = match (local, remote) {
        (Some(address), _) | (None, Some(address)) => address.is_ipv6(),
        (None, None) => is_v6,
    };
    let invented = |(ip, port): (Ipv4Addr, u16)| {
        let ip = if is_v6 {
            IpAddr::V6(ip.to_ipv6_mapped())
        } else {
            IpAddr::V4(ip)
        };
        SocketAddr::new(ip, port)
    };
    (
        local.unwrap_or_else(|| invented(UNKNOWN_LOCAL)),
        remote.unwrap_or_else(|| invented(UNKNOWN_REMOTE)),
    )
}
