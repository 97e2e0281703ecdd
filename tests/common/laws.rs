//! What holds for the packets of every trace.

use super::packet::Packet;
use super::render::{self, packet_line};
use super::traffic::Traffic;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Whether a law holds, and where it does not.
pub type Verdict = Result<(), String>;

/// One direction of a connection: who sends to whom.
type Flow = (SocketAddr, SocketAddr);

/// The bytes that come out are those that went in, in each direction of each socket.
pub fn payload(traffic: &Traffic, packets: &[Packet]) -> Verdict {
    let mut flows: HashMap<Flow, Vec<u8>> = HashMap::new();
    for packet in packets.iter().filter(|packet| !packet.payload.is_empty()) {
        let flow = flows.entry((packet.source, packet.target)).or_default();
        flow.extend_from_slice(&packet.payload);
    }
    let mut found: Vec<Vec<u8>> = flows.into_values().collect();
    let mut expected = traffic.flows.clone();
    found.sort();
    expected.sort();
    if found == expected {
        return Ok(());
    }
    let explain =
        |flows: &[Vec<u8>]| -> String { flows.iter().map(|flow| render::payload(flow)).collect::<Vec<_>>().join("\n") };
    Err(format!("expected\n{}\nfound\n{}\nof\n{}", explain(&expected), explain(&found), traffic.trace))
}

/// Each segment begins where the one before it ended.
pub fn seq(packets: &[Packet]) -> Verdict {
    let mut next: HashMap<Flow, u32> = HashMap::new();
    for packet in packets {
        if let Some(tcp) = packet.tcp() {
            let before = next.insert((packet.source, packet.target), end_of(packet));
            if before.is_some_and(|before| before != tcp.seq) {
                return Err(format!("seq is not {before:?} in {}", packet_line(packet)));
            }
        }
    }
    Ok(())
}

/// Where the next segment begins: payload, SYN and FIN count.
fn end_of(packet: &Packet) -> u32 {
    let length = u32::try_from(packet.payload_original).expect("IP is short");
    packet.tcp().map_or(0, |tcp| {
        let marks = u32::from(tcp.flags & 1) + u32::from((tcp.flags >> 1) & 1);
        tcp.seq.wrapping_add(length + marks)
    })
}

/// In a conversation each end acknowledges exactly what the other has sent so far, and time does not go back.
pub fn conversation(packets: &[Packet]) -> Verdict {
    let mut next: HashMap<Flow, u32> = HashMap::new();
    let mut last: HashMap<[SocketAddr; 2], u64> = HashMap::new();
    for packet in packets {
        let Some(tcp) = packet.tcp() else { continue };
        let back = (packet.target, packet.source);
        match next.get(&back) {
            Some(expected) if *expected != tcp.ack => {
                return Err(format!("ack is not {expected} in {}", packet_line(packet)));
            }
            None if tcp.flags & 0x10 != 0 => {
                next.insert(back, tcp.ack);
            }
            _ => {}
        }
        next.insert((packet.source, packet.target), end_of(packet));
        let ends = [packet.source.min(packet.target), packet.source.max(packet.target)];
        if last.insert(ends, packet.time).is_some_and(|before| before > packet.time) {
            return Err(format!("time goes back at {}", packet_line(packet)));
        }
    }
    Ok(())
}
