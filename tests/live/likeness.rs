//! Holds two captures of one program against each other, packet by packet, that were made of two runs: ports, inodes and
//! process numbers differ, and nothing else may but what the trace of one of them does not tell.
//!
//! Within a connection, and between two endpoints of datagrams, the order must be the same. Connections may stand in
//! another order, for one whose addresses come late is written late.

use crate::common::packet::{Packet, Tcp, Transport};
use crate::common::render::packet_line;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;

/// What a trace does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Withheld {
    /// Which thread it was: some of them, or all, have the number 0.
    pub numbers: bool,
    /// Addresses that only details tell: the invented ones may stand in. And who tells of an opening: without details
    /// connect's end is known before accept's, with them it is the other way round.
    pub details: bool,
    /// Bytes of a payload behind the first so many.
    pub payload: Option<usize>,
    /// Calls that failed: connections that were refused, and the beginning of a connect that does not wait.
    pub failures: bool,
}

/// What stands for what in the two captures.
#[derive(Debug, Default)]
struct Names {
    places: Pairs<Place>,
    numbers: Pairs<[u8; 6]>,
    /// How far our sequence numbers are from the true ones, by the true source and target.
    shifts: HashMap<(SocketAddr, SocketAddr), u32>,
    /// How far they were in the last packet of INET that was right: connections are numbered in their order in each run,
    /// and the numbers of a second one go on behind the first's.
    shift: u32,
}

/// An endpoint: TCP's ports are others than UDP's.
type Place = (bool, SocketAddr);

/// Pairs of which nothing is in two.
#[derive(Debug)]
struct Pairs<T> {
    there: HashMap<T, T>,
    back: HashMap<T, T>,
}

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        let (there, back) = (HashMap::new(), HashMap::new());
        Self { there, back }
    }
}

impl<T: Copy + Eq + Hash> Pairs<T> {
    fn may_be(&self, ours: T, truth: T) -> bool {
        let is = |known: Option<&T>, other: T| known.is_none_or(|known| *known == other);
        is(self.there.get(&ours), truth) && is(self.back.get(&truth), ours)
    }

    fn learn(&mut self, ours: T, truth: T) {
        self.there.insert(ours, truth);
        self.back.insert(truth, ours);
    }
}

/// A packet of the true capture.
#[derive(Clone, Copy, Debug)]
struct True<'a> {
    packet: &'a Packet,
    /// It is one of a handshake.
    opens: bool,
}

/// How `ours` differs from the true capture, a line for each difference; empty where it does not.
pub fn differences(ours: &[Packet], truth: &[Packet], withheld: Withheld) -> Vec<String> {
    let mut names = Names::default();
    let mut conversations = conversations(truth);
    let mut told = Vec::new();
    for packet in ours {
        conversations.retain(|conversation| !conversation.is_empty());
        let wrongs = conversations.iter().enumerate().filter_map(|(number, conversation)| {
            let head = *conversation.front()?;
            // Where details are withheld any handshake fits another: of several the one as far away as the packet before.
            let is_elsewhere = shift(packet, head.packet).is_some_and(|shift| shift != names.shift);
            Some((names.wrong(packet, head, withheld), is_elsewhere, number))
        });
        let best = wrongs.min_by_key(|(wrong, is_elsewhere, number)| (wrong.len(), *is_elsewhere, *number));
        let Some((wrong, _, number)) = best else {
            told.push(format!("never was: {}", packet_line(packet)));
            continue;
        };
        let Some(head) = conversations[number].pop_front() else {
            continue;
        };
        if wrong.is_empty() {
            names.learn(packet, head.packet, withheld);
        } else {
            told.push(format!(
                "{}:\n        ours  {}\n        truly {}",
                wrong.join(", "),
                packet_line(packet),
                packet_line(head.packet)
            ));
        }
    }
    for conversation in conversations {
        let refused = conversation.iter().all(|one| is_refusal(one.packet));
        if !(refused && withheld.failures) {
            let missing = conversation.iter().map(|one| packet_line(one.packet));
            told.extend(missing.map(|line| format!("is missing: {line}")));
        }
    }
    told
}

/// The packets of a connection, or of two endpoints, in their order; the conversations in the order of their first ones.
fn conversations(truth: &[Packet]) -> Vec<VecDeque<True<'_>>> {
    let mut conversations: Vec<VecDeque<True<'_>>> = Vec::new();
    let mut by_ends: HashMap<_, usize> = HashMap::new();
    let mut expected = HashMap::new();
    for packet in truth {
        let ends = (packet.source, packet.target);
        let both = (ends.0.min(ends.1), ends.0.max(ends.1), packet.tcp().is_some());
        let flags = packet.tcp().map_or(0, |tcp| tcp.flags);
        let is_syn = flags & SYN != 0;
        if let (true, Some(tcp)) = (is_syn, packet.tcp()) {
            expected.insert(ends, tcp.seq.wrapping_add(1));
        }
        let acknowledges = flags & (FIN | SYN | RST | PSH) == 0
            && packet.tcp().is_some_and(|tcp| expected.get(&ends) == Some(&tcp.seq));
        let new = flags & (SYN | 0x10) == SYN || !by_ends.contains_key(&both);
        if new {
            by_ends.insert(both, conversations.len());
            conversations.push(VecDeque::new());
        }
        let opens = is_syn || acknowledges;
        conversations[by_ends[&both]].push_back(True { packet, opens });
    }
    conversations
}

/// How far a packet's sequence number is from the true one.
fn shift(ours: &Packet, truth: &Packet) -> Option<u32> {
    Some(ours.tcp()?.seq.wrapping_sub(truth.tcp()?.seq))
}

/// Whether a packet is all that there is of a connection that was refused.
fn is_refusal(packet: &Packet) -> bool {
    packet.tcp().is_some_and(|tcp| tcp.flags & (SYN | RST) != 0)
}

/// An address that stands in where nothing tells the true one.
fn is_invented(place: SocketAddr) -> bool {
    let IpAddr::V4(ip) = place.ip().to_canonical() else {
        return false;
    };
    matches!((ip.octets(), place.port()), ([127, _, _, 1], 11111) | ([127, _, _, 2], 22222))
}

/// An address that stands for an end of a UNIX connection: its host is the connection's number.
fn is_of_unix(place: SocketAddr) -> bool {
    matches!(place.ip(), IpAddr::V4(ip) if ip.octets()[0] == 10)
}

impl Names {
    /// What of a packet is not as the true one has it.
    fn wrong(&self, ours: &Packet, truth: True<'_>, withheld: Withheld) -> Vec<&'static str> {
        let True { packet: truth, opens } = truth;
        let mut wrong = Vec::new();
        let mut check = |what, right: bool| {
            if !right {
                wrong.push(what);
            }
        };
        let is_tcp = truth.tcp().is_some();
        let is_place = |ours: SocketAddr, truth: SocketAddr| {
            let alike = [is_of_unix, is_invented].iter().any(|kind| kind(ours) && kind(truth));
            let same_host = ours.ip() == truth.ip() || alike;
            let may_be = self.places.may_be((is_tcp, ours), (is_tcp, truth));
            (withheld.details && is_invented(ours)) || (same_host && may_be)
        };
        check("source", is_place(ours.source, truth.source));
        check("target", is_place(ours.target, truth.target));
        if !(opens && (withheld.details || withheld.failures)) {
            let is_mac = |ours, truth| self.is_mac(ours, truth, withheld);
            check("source MAC", is_mac(ours.source_mac, truth.source_mac));
            check("target MAC", is_mac(ours.target_mac, truth.target_mac));
            check("VLAN", ours.vlan == truth.vlan);
        }
        match (&ours.transport, &truth.transport) {
            (Transport::Tcp(one), Transport::Tcp(other)) => {
                check("TCP", self.is_tcp(one, other, (truth.source, truth.target)));
            }
            (one, other) => check("transport", one == other),
        }
        check("payload", is_payload(ours, truth, withheld));
        wrong
    }

    /// A MAC with a call's number is the same; without, it is a thread's number or made from one of a session.
    fn is_mac(&self, ours: [u8; 6], truth: [u8; 6], withheld: Withheld) -> bool {
        if !is_number(ours) || !is_number(truth) {
            return ours == truth;
        }
        (withheld.numbers && ours == [0; 6]) || self.numbers.may_be(ours, truth)
    }

    fn is_tcp(&self, ours: &Tcp, truth: &Tcp, (source, target): (SocketAddr, SocketAddr)) -> bool {
        let is_shifted = |ends, ours: u32, truth: u32| {
            let shift = self.shifts.get(&ends);
            shift.is_none_or(|shift| *shift == ours.wrapping_sub(truth))
        };
        let ack = (ours.ack, truth.ack);
        is_shifted((source, target), ours.seq, truth.seq)
            && (ack == (0, 0) || is_shifted((target, source), ack.0, ack.1))
            && (ours.flags, ours.window, &ours.options) == (truth.flags, truth.window, &truth.options)
    }

    /// Takes over what a right packet tells.
    fn learn(&mut self, ours: &Packet, truth: &Packet, withheld: Withheld) {
        let is_tcp = truth.tcp().is_some();
        for (ours, truth) in [(ours.source, truth.source), (ours.target, truth.target)] {
            if !(withheld.details && is_invented(ours)) {
                self.places.learn((is_tcp, ours), (is_tcp, truth));
            }
        }
        let macs = [(ours.source_mac, truth.source_mac), (ours.target_mac, truth.target_mac)];
        for (ours, truth) in macs {
            let unknown = withheld.numbers && ours == [0; 6];
            if is_number(ours) && is_number(truth) && !unknown {
                self.numbers.learn(ours, truth);
            }
        }
        if let (Some(ours), Some(tcp)) = (ours.tcp(), truth.tcp()) {
            let shift = ours.seq.wrapping_sub(tcp.seq);
            if !is_of_unix(truth.source) {
                self.shift = shift;
            }
            self.shifts.insert((truth.source, truth.target), shift);
            if tcp.ack != 0 {
                self.shifts.insert((truth.target, truth.source), ours.ack.wrapping_sub(tcp.ack));
            }
        }
    }
}

/// Whether a MAC names no call: it may be a thread's number, or that of a UNIX connection.
fn is_number(mac: [u8; 6]) -> bool {
    matches!(mac[0], 0 | 2) && mac[1] == 0
}

/// Whether the payload is the true one, or its beginning where the rest is withheld.
fn is_payload(ours: &Packet, truth: &Packet, withheld: Withheld) -> bool {
    let Some(most) = withheld.payload else {
        return ours.payload == truth.payload && ours.payload_original == truth.payload_original;
    };
    // The syscall view has no more than there is.
    let lengths = [truth.payload_original, ours.payload.len()];
    truth.payload.starts_with(&ours.payload)
        && ours.payload.len() >= most.min(truth.payload.len())
        && lengths.contains(&ours.payload_original)
}
