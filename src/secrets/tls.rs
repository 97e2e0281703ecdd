//! What a segment tells of a handshake of TLS: where a client begins one, and by which random.

use super::Random;

/// What a segment begins with.
pub enum RecordStart {
    /// A record's header, alone.
    Header,
    /// A ClientHello, with its random.
    ClientHello(Random),
    /// Anything else.
    Other,
}

/// What `payload` begins with (RFC 8446 §4.1.2, §5.1); `goes_on`: behind a record's header of a handshake.
pub fn hello(payload: &[u8], goes_on: bool) -> RecordStart {
    const HEADER: usize = 5;
    let message = match payload {
        [0x16, 3, ..] if payload.len() == HEADER => return RecordStart::Header,
        [0x16, 3, ..] => payload.get(HEADER..),
        _ if goes_on => Some(payload),
        _ => None,
    };
    match message.and_then(<[u8]>::split_first_chunk::<6>) {
        Some(([1, 0, _, _, 3, _], rest)) => {
            rest.first_chunk().map_or(RecordStart::Other, |random| RecordStart::ClientHello(*random))
        }
        _ => RecordStart::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_behind_its_header_or_with_it() {
        let random = |seen| if let RecordStart::ClientHello(random) = seen { Some(random) } else { None };
        let whole = [&[0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3][..], &[7; 32]].concat();
        assert_eq!(random(hello(&whole, false)), Some([7; 32]));
        assert!(matches!(hello(&whole[..5], false), RecordStart::Header));
        assert_eq!(random(hello(&whole[5..], true)), Some([7; 32]));
        for other in [&whole[5..], &whole[..40], b"\x17\x03\x03\0\x01\x01", b""] {
            assert!(matches!(hello(other, false), RecordStart::Other), "{other:?}");
        }
    }
}
