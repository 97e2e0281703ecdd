//! Takes a packet apart: Ethernet, VLAN, IP, TCP or UDP, and checks every length and checksum on the way.
//!
//! A packet cut as with a snaplen (its original length is larger) is read as far as it goes; its TCP and UDP checksums
//! cannot be checked, its lengths can.

use super::capture::Record;
use etherparse::{Ethernet2HeaderSlice, Ipv4HeaderSlice, Ipv6HeaderSlice, TcpSlice, UdpHeader, UdpHeaderSlice};
use std::net::{IpAddr, SocketAddr};

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

/// Takes `record` apart. An error where there is no Ethernet and IP packet to speak of.
pub fn decode(record: &Record) -> Result<Packet, String> {
    let link = Ethernet2HeaderSlice::from_slice(&record.bytes).map_err(|error| error.to_string())?;
    let (vlan, ether_type, rest) = untag(link.ether_type().0, &record.bytes[14..])?;
    let mut faults = Vec::new();
    let ip = match ether_type {
        0x0800 => ipv4(rest, &mut faults)?,
        0x86dd => ipv6(rest, &mut faults)?,
        other => return Err(format!("ether type {other:04x}")),
    };
    let link_bytes = record.bytes.len() - rest.len();
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
        source_mac: link.source(),
        target_mac: link.destination(),
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

fn untag(ether_type: u16, rest: &[u8]) -> Result<(Option<u16>, u16, &[u8]), String> {
    if ether_type != 0x8100 {
        return Ok((None, ether_type, rest));
    }
    let [a, b, c, d] = rest.first_chunk().ok_or("cut in the VLAN tag")?;
    Ok((Some(u16::from_be_bytes([*a, *b])), u16::from_be_bytes([*c, *d]), &rest[4..]))
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

fn ipv4<'a>(bytes: &'a [u8], faults: &mut Vec<String>) -> Result<Ip<'a>, String> {
    let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|error| error.to_string())?;
    if header.header_checksum() != header.to_header().calc_header_checksum() {
        faults.push("wrong IP checksum".to_string());
    }
    if header.is_fragmenting_payload() {
        faults.push("a fragment".to_string());
    }
    let total = usize::from(header.total_len());
    let length = header.slice().len();
    Ok(Ip {
        source: header.source_addr().into(),
        target: header.destination_addr().into(),
        id: Some(header.identification()),
        ttl: header.ttl(),
        protocol: header.protocol().0,
        total,
        body: &bytes[length..],
        body_original: total.checked_sub(length).ok_or("IP's length is less than its header")?,
    })
}

fn ipv6<'a>(bytes: &'a [u8], faults: &mut Vec<String>) -> Result<Ip<'a>, String> {
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|error| error.to_string())?;
    if header.traffic_class() != 0 || header.flow_label().value() != 0 {
        faults.push("a traffic class or flow label".to_string());
    }
    let body_original = usize::from(header.payload_length());
    Ok(Ip {
        source: header.source_addr().into(),
        target: header.destination_addr().into(),
        id: None,
        ttl: header.hop_limit(),
        protocol: header.next_header().0,
        total: 40 + body_original,
        body: &bytes[40..],
        body_original,
    })
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

fn tcp(ip: &Ip<'_>, body: &[u8], faults: &mut Vec<String>) -> Result<Above, String> {
    let segment = TcpSlice::from_slice(body).map_err(|error| error.to_string())?;
    if body.len() == ip.body_original {
        let right = match (ip.source, ip.target) {
            (IpAddr::V4(source), IpAddr::V4(target)) => segment.calc_checksum_ipv4(source.octets(), target.octets()),
            (IpAddr::V6(source), IpAddr::V6(target)) => segment.calc_checksum_ipv6(source.octets(), target.octets()),
            _ => unreachable!("both ends come from one header"),
        };
        check_checksum(segment.checksum(), right.map_err(|error| error.to_string())?, "TCP", faults);
    }
    if segment.urgent_pointer() != 0 {
        faults.push("an urgent pointer".to_string());
    }
    Ok(Above {
        transport: Transport::Tcp(Tcp {
            seq: segment.sequence_number(),
            ack: segment.acknowledgment_number(),
            flags: body[13],
            window: segment.window_size(),
            options: segment.options().to_vec(),
        }),
        ports: [segment.source_port(), segment.destination_port()],
        header: segment.header_slice().len(),
    })
}

fn udp(ip: &Ip<'_>, body: &[u8], faults: &mut Vec<String>) -> Result<Above, String> {
    let header: UdpHeader = UdpHeaderSlice::from_slice(body).map_err(|error| error.to_string())?.to_header();
    if usize::from(header.length) != ip.body_original {
        faults.push(format!("UDP says {} bytes, IP {}", header.length, ip.body_original));
    }
    if body.len() == ip.body_original {
        let payload = &body[UdpHeader::LEN..];
        let right = match (ip.source, ip.target) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                header.calc_checksum_ipv4_raw(source.octets(), target.octets(), payload)
            }
            (IpAddr::V6(source), IpAddr::V6(target)) => {
                header.calc_checksum_ipv6_raw(source.octets(), target.octets(), payload)
            }
            _ => unreachable!("both ends come from one header"),
        };
        check_checksum(header.checksum, right.map_err(|error| error.to_string())?, "UDP", faults);
    }
    Ok(Above {
        transport: Transport::Udp,
        ports: [header.source_port, header.destination_port],
        header: UdpHeader::LEN,
    })
}

fn check_checksum(found: u16, right: u16, of: &str, faults: &mut Vec<String>) {
    if found != right {
        faults.push(format!("{of} checksum {found:04x}, right is {right:04x}"));
    }
}
