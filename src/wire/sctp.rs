//! A message of SCTP as packets of its own: the common header and one DATA chunk (RFC 9260 §3.1, §3.3.1).

/// Common header and the chunk's own.
const HEADERS: usize = 12 + 16;

/// The longest part of a message that a packet over IPv4 holds, in bytes: what its length field leaves, in whole words.
pub const LONGEST_SCTP_PART: usize = (0xffff - 20 - HEADERS) & !3;

/// Which part of a message a chunk holds: the flags B and E.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SctpPart {
    /// It begins here.
    pub first: bool,
    /// It ends here.
    pub last: bool,
}

/// Puts a packet into `packet`, which is emptied, and returns how long it really was, in bytes: where `original`, the
/// length of the part, is more than there is of `payload`, the packet ends there, with the checksum of one with zeros.
///
/// `tsn` is the part's transmission sequence number. The verification tag, which only the handshake tells, is made of the
/// ports, so that each direction has its own.
pub fn sctp_packet(
    (source, target): (u16, u16),
    tsn: u32,
    part: SctpPart,
    payload: &[u8],
    original: usize,
    packet: &mut Vec<u8>,
) -> usize {
    const DATA: u8 = 0;
    let tag = u32::from(target) << 16 | u32::from(source);
    let flags = u8::from(part.first) << 1 | u8::from(part.last);
    let original = original.max(payload.len()).min(LONGEST_SCTP_PART);
    let length = u16::try_from(original + 16).unwrap_or(u16::MAX);
    packet.clear();
    packet.extend_from_slice(&source.to_be_bytes());
    packet.extend_from_slice(&target.to_be_bytes());
    packet.extend_from_slice(&tag.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&[DATA, flags]);
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(&tsn.to_be_bytes());
    // Stream 0, its sequence number 0, and no payload protocol: nothing of a call tells them.
    packet.extend_from_slice(&[0; 8]);
    packet.extend_from_slice(payload.get(..original).unwrap_or(payload));
    let captured = packet.len();
    let whole = HEADERS + original.next_multiple_of(4);
    packet.resize(whole, 0);
    // CRC32c, the lowest byte first (RFC 9260 appendix A).
    let checksum = crc32c::crc32c(packet);
    if let Some(field) = packet.get_mut(8..12) {
        field.copy_from_slice(&checksum.to_le_bytes());
    }
    if payload.len() < original {
        packet.truncate(captured);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: SctpPart = SctpPart { first: true, last: true };

    #[test]
    fn a_packet_of_one_chunk() {
        let mut packet = vec![9; 3];
        let length = sctp_packet((4000, 80), 7, WHOLE, b"hello", 5, &mut packet);
        assert_eq!((length, packet.len()), (36, 36));
        let checksum = std::mem::take(&mut packet[8..12].to_vec());
        packet[8..12].fill(0);
        assert_eq!(checksum, crc32c::crc32c(&packet).to_le_bytes());
        assert_eq!(packet, b"\x0f\xa0\0\x50\0\x50\x0f\xa0\0\0\0\0\0\x03\0\x15\0\0\0\x07\0\0\0\0\0\0\0\0hello\0\0\0");
    }

    #[test]
    fn what_is_missing_is_in_the_length() {
        let mut packet = Vec::new();
        assert_eq!(sctp_packet((1, 2), 0, WHOLE, b"he", 6, &mut packet), 36);
        assert_eq!(packet.len(), 30);
        assert_eq!(packet[14..16], [0, 22]);
        let length = sctp_packet((1, 2), 0, WHOLE, &vec![0; 70_000], 70_000, &mut packet);
        assert_eq!((length, packet.len()), (65_512, 65_512));
    }
}
