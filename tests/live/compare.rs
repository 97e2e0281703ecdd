//! Holds two captures against each other: the connections in them, their bytes, openings and ends, and the datagrams.
//!
//! A connection is its two endpoints and a count, for the same ports may be used again: a SYN that is no repetition
//! begins the next. Each direction is put in order by its sequence numbers, so packets may be cut differently.

use crate::common::packet::{Packet, Transport};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;

/// How much of a connection the trace can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// All of it.
    Whole,
    /// From some moment on: the opening and the bytes before are not known.
    FromMidstream,
    /// All but the end of a side that is not traced, where the traced side closed before it heard of it.
    NotTheirEnd,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
struct Way {
    isn: Option<u32>,
    pieces: Vec<(u32, Vec<u8>)>,
    fin: bool,
    rst: bool,
}

/// A TCP connection: the direction from its first endpoint, and the other.
#[derive(Clone, Debug, Default)]
struct Connection {
    ways: [Way; 2],
    first_time: u64,
    last_time: u64,
    faults: Vec<String>,
}

/// Two endpoints, in their order, and which connection between them.
type Name = (SocketAddr, SocketAddr, usize);

/// All that is compared of a capture.
#[derive(Clone, Debug, Default)]
pub struct Content {
    connections: BTreeMap<Name, Connection>,
    datagrams: BTreeMap<(SocketAddr, SocketAddr), Vec<Vec<u8>>>,
}

impl Way {
    /// Its bytes in order; what does not fit together.
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let first = self.pieces.first().map_or(0, |piece| piece.0);
        let mut pieces: Vec<(i64, &[u8])> =
            self.pieces.iter().map(|(seq, bytes)| (i64::from(distance(first, *seq)), bytes.as_slice())).collect();
        pieces.sort_by_key(|piece| piece.0);
        let start = match self.isn {
            Some(isn) => i64::from(distance(first, isn.wrapping_add(1))),
            None => pieces.first().map_or(0, |piece| piece.0),
        };
        let mut whole = Vec::new();
        for (at, bytes) in pieces {
            let at = usize::try_from(at - start).map_err(|_| "bytes before the first")?;
            if at > whole.len() {
                return Err(format!("{} bytes missing at {}", at - whole.len(), whole.len()));
            }
            let again = (whole.len() - at).min(bytes.len());
            if whole[at..at + again] != bytes[..again] {
                return Err(format!("other bytes when sent again at {at}"));
            }
            whole.extend_from_slice(&bytes[again..]);
        }
        Ok(whole)
    }
}

/// How far `to` is after `from`.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

impl Content {
    /// What is in `packets`.
    pub fn of(packets: &[Packet]) -> Self {
        let mut content = Self::default();
        for packet in packets {
            match &packet.transport {
                Transport::Tcp(_) => content.add_segment(packet),
                Transport::Udp => {
                    content.datagrams.entry((packet.source, packet.target)).or_default().push(packet.payload.clone());
                }
                Transport::Other(_) => {}
            }
        }
        content
    }

    fn add_segment(&mut self, packet: &Packet) {
        let Some(tcp) = packet.tcp() else { return };
        let forward = packet.source < packet.target;
        let (first, second) = if forward { (packet.source, packet.target) } else { (packet.target, packet.source) };
        let earlier = (first, second, 0)..=(first, second, usize::MAX);
        let latest = self.connections.range(earlier).next_back();
        let mut number = latest.map_or(0, |(name, _)| name.2);
        let opens = tcp.flags & (SYN | 0x10) == SYN;
        let is_again = |connection: &Connection| connection.ways[usize::from(!forward)].isn == Some(tcp.seq);
        if opens && latest.is_some_and(|(_, connection)| !is_again(connection)) {
            number += 1;
        }
        let connection = self.connections.entry((first, second, number)).or_default();
        if connection.first_time == 0 {
            connection.first_time = packet.time;
        }
        if packet.time < connection.last_time {
            connection.faults.push("time goes backwards".to_string());
        }
        connection.last_time = packet.time;
        let way = &mut connection.ways[usize::from(!forward)];
        if tcp.flags & SYN != 0 {
            way.isn = Some(tcp.seq);
        }
        way.fin |= tcp.flags & FIN != 0;
        way.rst |= tcp.flags & RST != 0;
        if !packet.payload.is_empty() {
            way.pieces.push((tcp.seq, packet.payload.clone()));
        }
    }

    /// How many connections and datagrams there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.connections.len(), self.datagrams.values().map(Vec::len).sum())
    }

    /// How this content differs from the true one, as text for a person; empty where it does not.
    pub fn difference(&self, truth: &Self, known: Known) -> String {
        let mut text = String::new();
        for (name, true_one) in &truth.connections {
            match self.connections.get(name) {
                Some(ours) => connection_difference(&mut text, name, [ours, true_one], known),
                None => tell(&mut text, name, "is missing"),
            }
        }
        for name in self.connections.keys() {
            if !truth.connections.contains_key(name) {
                tell(&mut text, name, "never was");
            }
        }
        self.datagram_difference(truth, &mut text);
        text
    }

    fn datagram_difference(&self, truth: &Self, text: &mut String) {
        let none = Vec::new();
        let mut ends: Vec<_> = self.datagrams.keys().chain(truth.datagrams.keys()).collect();
        ends.sort();
        ends.dedup();
        for both in ends {
            let ours = self.datagrams.get(both).unwrap_or(&none);
            let true_ones = truth.datagrams.get(both).unwrap_or(&none);
            if ours != true_ones {
                let at = ours.iter().zip(true_ones).position(|(a, b)| a != b);
                let _ = writeln!(
                    text,
                    "UDP {} > {}: {} datagrams, truly {}; the first other is {at:?}\n  ours  {}\n  truth {}",
                    both.0,
                    both.1,
                    ours.len(),
                    true_ones.len(),
                    sizes(ours),
                    sizes(true_ones)
                );
            }
        }
    }
}

fn sizes(datagrams: &[Vec<u8>]) -> String {
    let show = |datagram: &Vec<u8>| format!("{}:{}", datagram.len(), around(datagram, 0));
    datagrams.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn tell(text: &mut String, name: &Name, what: &str) {
    let _ = writeln!(text, "{} - {} #{}: {what}", name.0, name.1, name.2);
}

fn connection_difference(text: &mut String, name: &Name, both: [&Connection; 2], known: Known) {
    let [ours, true_one] = both;
    for fault in &ours.faults {
        tell(text, name, fault);
    }
    if known != Known::FromMidstream && ours.first_time.abs_diff(true_one.first_time) > 2_000_000_000 {
        let what = format!("begins at {}, truly {}", ours.first_time, true_one.first_time);
        tell(text, name, &what);
    }
    for (number, from) in [name.0, name.1].into_iter().enumerate() {
        let (ours, true_one) = (&ours.ways[number], &true_one.ways[number]);
        let mut flag = |what: &str, ours: bool, truth: bool| {
            if ours != truth {
                let has = if ours { "never was" } else { "is missing" };
                tell(text, name, &format!("{what} of {from} {has}"));
            }
        };
        if known != Known::FromMidstream {
            flag("SYN", ours.isn.is_some(), true_one.isn.is_some());
        }
        if known != Known::NotTheirEnd || ours.fin {
            flag("FIN", ours.fin, true_one.fin);
        }
        flag("RST", ours.rst, true_one.rst);
        let differs = match (ours.bytes(), true_one.bytes()) {
            (Ok(ours), Ok(truth)) => bytes_difference(&ours, &truth, known),
            (ours, truth) => Some(format!(
                "in pieces: {:?}, truly {:?}",
                ours.map(|bytes| bytes.len()),
                truth.map(|bytes| bytes.len())
            )),
        };
        if let Some(what) = differs {
            tell(text, name, &format!("bytes of {from}: {what}"));
        }
    }
}

fn bytes_difference(ours: &[u8], truth: &[u8], known: Known) -> Option<String> {
    let same = match known {
        Known::Whole | Known::NotTheirEnd => ours == truth,
        Known::FromMidstream => truth.ends_with(ours) && !ours.is_empty(),
    };
    if same {
        return None;
    }
    let at = ours.iter().zip(truth).take_while(|(a, b)| a == b).count();
    Some(format!(
        "{} bytes, truly {}; other from byte {at} on: {} against {}",
        ours.len(),
        truth.len(),
        around(ours, at),
        around(truth, at)
    ))
}

fn around(bytes: &[u8], at: usize) -> String {
    let end = (at + 16).min(bytes.len());
    format!("{:?}", bytes[at.min(end)..end].escape_ascii().to_string())
}
