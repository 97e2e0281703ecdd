//! Takes a packet apart: Ethernet, VLAN, IP, TCP or UDP, and checks every length and checksum on the way.
//!
//! A packet cut as with a snaplen (its original length is larger) is read as far as it goes; its TCP and UDP checksums
//! cannot be checked, its lengths can. Headers are read by hand, as the RFCs lay them out: the program writes them with a
//! library, whose mistakes are to be seen here.

use super::capture::Record;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Ethernet source.
    pub source_mac: [u8; 6],
    /// Ethernet target.
    pub target_mac: [u8; 6],
    /// The 16 bits of the 802.1Q tag.
    pub vlan: Option<u16>,
    /// IP source; port 0 where the transport has none.
    pub source: SocketAddr,
    /// IP target.
    pub target: SocketAddr,
    /// IPv4's identification.
    pub id: Option<u16>,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// The header above IP.
    pub transport: Transport,
    /// The payload, as far as it is in the file.
    pub payload: Vec<u8>,
    /// How long the payload was according to IP's length.
    pub payload_original: usize,
    /// What is wrong with it: wrong lengths, wrong checksums. Empty for a good packet.
    pub faults: Vec<String>,
}

/// The header above IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp(Tcp),
    /// UDP.
    Udp,
    /// Another protocol, by its number; the payload begins with its header.
    Other(u8),
}

/// A TCP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// The flag byte.
    pub flags: u8,
    /// Window.
    pub window: u16,
    /// Options, as bytes.
    pub options: Vec<u8>,
}

impl Packet {
    /// Its TCP header, where it has one.
    pub fn tcp(&self) -> Option<&Tcp> {
        match &self.transport {
            Transport::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }
}

/// What has not been read of a packet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (front, rest) = self.0.split_at_checked(count).ok_or("cut in a header")?;
        self.0 = rest;
        Ok(front)
    }

    fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], String> {
        self.bytes(COUNT)?.try_into().map_err(|_| "cut in a header".to_string())
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_be_bytes(self.array()?))
    }
}

/// Takes `record` apart. An error where there is no Ethernet and IP packet to speak of.
pub fn decode(record: &Record) -> Result<Packet, String> {
    let mut rest = Rest(&record.bytes);
    let (target_mac, source_mac) = (rest.array()?, rest.array()?);
    let mut ether_type = rest.u16()?;
    let mut vlan = None;
    if ether_type == 0x8100 {
        vlan = Some(rest.u16()?);
        ether_type = rest.u16()?;
    }
    let link_bytes = record.bytes.len() - rest.0.len();
    let mut faults = Vec::new();
    let ip = match ether_type {
        0x0800 => ipv4(rest, &mut faults)?,
        0x86dd => ipv6(rest, &mut faults)?,
        other => return Err(format!("ether type {other:04x}")),
    };
    if link_bytes + ip.total != record.original {
        faults.push(format!("IP says {} bytes, the record {}", ip.total, record.original - link_bytes));
    }
    if record.bytes.len() > record.original {
        faults.push("more bytes than the original had".to_string());
    }
    let body = ip.body.get(..ip.body_original).unwrap_or(ip.body);
    let above = transport(&ip, body, &mut faults)?;
    Ok(Packet {
        time: record.time,
        source_mac,
        target_mac,
        vlan,
        source: SocketAddr::new(ip.source, above.ports[0]),
        target: SocketAddr::new(ip.target, above.ports[1]),
        id: ip.id,
        ttl: ip.ttl,
        transport: above.transport,
        payload: body[above.header..].to_vec(),
        payload_original: ip.body_original.saturating_sub(above.header),
        faults,
    })
}

struct Ip<'a> {
    source: IpAddr,
    target: IpAddr,
    id: Option<u16>,
    ttl: u8,
    protocol: u8,
    /// Header and body, as the header says.
    total: usize,
    body: &'a [u8],
    body_original: usize,
}

/// RFC 791 §3.1.
fn ipv4<'a>(mut rest: Rest<'a>, faults: &mut Vec<String>) -> Result<Ip<'a>, String> {
    let all = rest.0;
    let first = rest.u8()?;
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < 20 {
        return Err(format!("an IPv4 header that begins with {first:02x}"));
    }
    if sum(all.get(..length).ok_or("cut in IPv4's header")?) != 0xffff {
        faults.push("wrong IP checksum".to_string());
    }
    let (_type_of_service, total) = (rest.u8()?, usize::from(rest.u16()?));
    let id = Some(rest.u16()?);
    if rest.u16()? & 0xbfff != 0 {
        faults.push("a fragment".to_string());
    }
    let (ttl, protocol, _checksum) = (rest.u8()?, rest.u8()?, rest.u16()?);
    let (source, target) = (Ipv4Addr::from(rest.array()?), Ipv4Addr::from(rest.array()?));
    let (source, target) = (source.into(), target.into());
    let body_original = total.checked_sub(length).ok_or("IP's length is less than its header")?;
    Ok(Ip { source, target, id, ttl, protocol, total, body: &all[length..], body_original })
}

/// RFC 8200 §3.
fn ipv6<'a>(mut rest: Rest<'a>, faults: &mut Vec<String>) -> Result<Ip<'a>, String> {
    let first = rest.u32()?;
    if first >> 28 != 6 {
        return Err(format!("an IPv6 header that begins with {first:08x}"));
    }
    if first << 4 != 0 {
        faults.push("a traffic class or flow label".to_string());
    }
    let body_original = usize::from(rest.u16()?);
    let (protocol, ttl) = (rest.u8()?, rest.u8()?);
    let (source, target) = (Ipv6Addr::from(rest.array::<16>()?), Ipv6Addr::from(rest.array::<16>()?));
    let (source, target) = (source.into(), target.into());
    Ok(Ip { source, target, id: None, ttl, protocol, total: 40 + body_original, body: rest.0, body_original })
}

struct Above {
    transport: Transport,
    ports: [u16; 2],
    header: usize,
}

fn transport(ip: &Ip<'_>, body: &[u8], faults: &mut Vec<String>) -> Result<Above, String> {
    match ip.protocol {
        6 => tcp(ip, body, faults),
        17 => udp(ip, body, faults),
        other => Ok(Above { transport: Transport::Other(other), ports: [0, 0], header: 0 }),
    }
}

/// RFC 9293 §3.1.
fn tcp(ip: &Ip<'_>, body: &[u8], faults: &mut Vec<String>) -> Result<Above, String> {
    let mut rest = Rest(body);
    let ports = [rest.u16()?, rest.u16()?];
    let (seq, ack) = (rest.u32()?, rest.u32()?);
    let (offset, flags) = (rest.u8()?, rest.u8()?);
    let (window, _checksum, urgent) = (rest.u16()?, rest.u16()?, rest.u16()?);
    let header = usize::from(offset >> 4) * 4;
    let options = rest.bytes(header.checked_sub(20).ok_or("TCP's data offset is within its header")?)?.to_vec();
    check_checksum(ip, body, "TCP", faults);
    if (urgent != 0) != (flags & 0x20 != 0) {
        faults.push("an urgent pointer without URG, or the other way round".to_string());
    }
    if offset & 0x0f != 0 {
        faults.push("reserved bits".to_string());
    }
    Ok(Above { transport: Transport::Tcp(Tcp { seq, ack, flags, window, options }), ports, header })
}

/// RFC 768.
fn udp(ip: &Ip<'_>, body: &[u8], faults: &mut Vec<String>) -> Result<Above, String> {
    let mut rest = Rest(body);
    let ports = [rest.u16()?, rest.u16()?];
    let (length, checksum) = (rest.u16()?, rest.u16()?);
    if usize::from(length) != ip.body_original {
        faults.push(format!("UDP says {length} bytes, IP {}", ip.body_original));
    }
    if checksum == 0 {
        faults.push("no UDP checksum".to_string());
    }
    check_checksum(ip, body, "UDP", faults);
    Ok(Above { transport: Transport::Udp, ports, header: 8 })
}

/// The sum over the pseudo-header, its addresses, length and protocol, and all behind IP, where all of that is there.
fn check_checksum(ip: &Ip<'_>, body: &[u8], of: &str, faults: &mut Vec<String>) {
    if body.len() != ip.body_original {
        return;
    }
    let mut covered = Vec::new();
    for address in [ip.source, ip.target] {
        match address {
            IpAddr::V4(address) => covered.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => covered.extend_from_slice(&address.octets()),
        }
    }
    covered.extend_from_slice(&[&body.len().to_be_bytes()[4..], &[0, 0, 0, ip.protocol]].concat());
    covered.extend_from_slice(body);
    let sum = sum(&covered);
    if sum != 0xffff {
        faults.push(format!("wrong {of} checksum: all sums up to {sum:04x}"));
    }
}

/// The one's complement sum of 16-bit words (RFC 1071 §1): ffff over all that a right checksum covers, itself included.
fn sum(bytes: &[u8]) -> u32 {
    let mut sum = 0;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}
