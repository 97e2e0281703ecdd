//! What a datagram of QUIC tells without its keys: that it begins a connection, and by which number that is known. TLS's
//! random is encrypted with what any reader can work out, which is not done here.

use super::Random;

/// The versions whose long headers are known (RFC 9000 §15, RFC 9369 §3).
const VERSIONS: [[u8; 4]; 2] = [[0, 0, 0, 1], [0x6b, 0x33, 0x43, 0xcf]];

/// Least length of a client's first datagram (RFC 9000 §14.1).
const FIRST_BYTES: usize = 1200;

/// The end of what stands for a random, as no random has it but by chance.
const MARK: &[u8] = b"QUIC";

/// Whether `payload` may begin with a long header, which stays true all through a handshake.
#[inline]
pub const fn may_be(payload: &[u8]) -> bool {
    matches!(payload, [0xc0..=0xff, ..])
}

/// Whether `payload` has a long header (RFC 9000 §17.2).
pub fn has_long_header(payload: &[u8]) -> bool {
    may_be(payload) && payload.get(1..).and_then(<[u8]>::first_chunk).is_some_and(|it| VERSIONS.contains(it))
}

/// What stands for the random of the connection that a client begins with `payload`, by its destination's number.
pub fn begun(payload: &[u8]) -> Option<Random> {
    let ([_, _, _, _, _, length], rest) = payload.split_first_chunk()?;
    let number = rest.get(..usize::from(*length)).filter(|number| !number.is_empty() && number.len() <= 20)?;
    if payload.len() < FIRST_BYTES || !has_long_header(payload) {
        return None;
    }
    let mut random = Random::default();
    random.iter_mut().zip(number.iter().chain([length])).for_each(|(to, from)| *to = *from);
    random.iter_mut().rev().zip(MARK.iter().rev()).for_each(|(to, from)| *to = *from);
    Some(random)
}

/// Whether it is one that [`begun`] has made.
pub fn is_made(random: &Random) -> bool {
    random.ends_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_begins_with_a_long_datagram_of_a_known_version() {
        let datagram = |beginning: &[u8]| [beginning, &[9; FIRST_BYTES]].concat();
        let first = datagram(&[0xc3, 0, 0, 0, 1, 8]);
        let random = begun(&first).unwrap();
        assert!(is_made(&random) && random.starts_with(&[9; 8]) && random[8] == 8);
        assert!(begun(&datagram(&[0xd3, 0x6b, 0x33, 0x43, 0xcf, 20])).is_some());
        assert_eq!(begun(&first[..FIRST_BYTES - 1]), None, "too short");
        for other in
            [&[0xc3, 0, 0, 0, 2, 8][..], &[0x43, 0, 0, 0, 1, 8], &[0xc3, 0, 0, 0, 1, 0], &[0xc3, 0, 0, 0, 1, 21]]
        {
            assert_eq!(begun(&datagram(other)), None, "{other:?}");
        }
        assert_eq!(begun(&[]), None);
    }
}
