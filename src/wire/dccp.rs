//! A datagram of DCCP: a DCCP-Data packet with its long sequence number (RFC 4340 §5.1, §5.4).

use crate::event::HostPort;
use crate::wire::checksum::Sum;

const HEADER: usize = 16;

/// IP's protocol number.
const DCCP: u8 = 33;

/// The longest datagram that a packet over IPv4 holds, in bytes.
pub const LONGEST_DCCP: usize = 0xffff - 20 - HEADER;

/// Puts a packet into `packet`, which is emptied, and returns how long it really was, in bytes: `original` is the length
/// of the datagram, of which `payload` is there. `number` is its sequence number, of which 48 bits count.
pub fn dccp_packet(
    (source, target): (&HostPort, &HostPort),
    number: u64,
    payload: &[u8],
    original: usize,
    packet: &mut Vec<u8>,
) -> usize {
    const WORDS: u8 = 4;
    const DATA_WITH_LONG_NUMBER: u8 = 2 << 1 | 1;
    let original = original.max(payload.len()).min(LONGEST_DCCP);
    let payload = payload.get(..original).unwrap_or(payload);
    let [_, _, number @ ..] = number.to_be_bytes();
    packet.clear();
    packet.extend_from_slice(&source.port().to_be_bytes());
    packet.extend_from_slice(&target.port().to_be_bytes());
    packet.extend_from_slice(&[WORDS, 0, 0, 0, DATA_WITH_LONG_NUMBER, 0]);
    packet.extend_from_slice(&number);
    packet.extend_from_slice(payload);
    let length = HEADER + original;
    Sum::of_pseudo_header([source.ip(), target.ip()], DCCP, u16::try_from(length).unwrap_or(u16::MAX))
        .fill_in(packet, 6);
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet() {
        let mut packet = vec![1];
        let ends = ["10.0.0.1:5000", "10.0.0.2:80"].map(HostPort::of);
        let length = dccp_packet((&ends[0], &ends[1]), 0x1_0000_0002, b"abc", 3, &mut packet);
        assert_eq!((length, packet.len()), (19, 19));
        // The sum over all with its checksum in it is that of a good packet.
        let sum = Sum::of_pseudo_header(ends.map(HostPort::ip), 33, 19).with(&packet);
        assert_eq!(sum.checksum(), [0, 0]);
        assert_eq!(packet[..6], [0x13, 0x88, 0, 80, 4, 0]);
        assert_eq!(packet[8..], *b"\x05\0\0\x01\0\0\0\x02abc");
    }
}
