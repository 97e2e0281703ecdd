//! The name resolution block (§4.5).

use super::options::fitting;
use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, Ipv6Record, NameResolutionBlock, Record};
use std::borrow::Cow;
use std::net::IpAddr;

/// A block that names one address.
pub(super) fn block(address: IpAddr, name: &str) -> NameResolutionBlock<'_> {
    let names = vec![Cow::Borrowed(fitting(name))];
    let record = match address {
        IpAddr::V4(address) => Record::Ipv4(Ipv4Record { ip_addr: Cow::Owned(address.octets().into()), names }),
        IpAddr::V6(address) => Record::Ipv6(Ipv6Record { ip_addr: Cow::Owned(address.octets().into()), names }),
    };
    NameResolutionBlock { records: vec![record], options: Vec::new() }
}
