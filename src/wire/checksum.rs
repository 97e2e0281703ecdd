//! The Internet checksum (RFC 1071), summed in 64-bit words so that a payload costs little more than reading it.
//!
//! A sum of 16-bit words modulo 65 535 may be taken in words of any multiple of 16 bits and folded at the end, because
//! 2¹⁶ ≡ 1; and in little-endian order, because swapping the bytes of every word swaps the bytes of the sum
//! (RFC 1071 §2 B, C).

use std::net::IpAddr;

/// A running sum, not yet folded. Each addition is below 2³⁴, so that billions of them fit.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// The sum of the pseudo-header that TCP, UDP, DCCP and ICMPv6 count in: it has other widths over IPv4 (RFC 9293 §3.1)
    /// than over IPv6 (RFC 8200 §8.1), and the same sum. `length` is that of what follows IP's header.
    #[inline]
    pub(super) fn of_pseudo_header(ends: [IpAddr; 2], protocol: u8, length: u16) -> Self {
        let [source, target] = ends.map(|end| match end {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => u64::from(of_bytes(&address.octets())),
        });
        Self(source + target + u64::from(protocol) + u64::from(length))
    }

    /// This sum and that of `bytes`, which begin an even number of bytes behind what was summed before.
    #[inline]
    pub(super) fn with(self, bytes: &[u8]) -> Self {
        Self(self.0 + u64::from(of_bytes(bytes)))
    }

    /// The checksum field for what was added: the complement of the folded sum.
    #[inline]
    pub(super) fn checksum(self) -> u16 {
        !fold(self.0)
    }

    /// Adds `bytes`, whose checksum field at `field` is still 0, and fills that in.
    #[inline]
    pub(super) fn fill_in(self, bytes: &mut [u8], field: usize) {
        let checksum = self.with(bytes).checksum();
        if let Some(field) = bytes.get_mut(field..).and_then(<[u8]>::first_chunk_mut) {
            *field = checksum.to_be_bytes();
        }
    }
}

/// The one's complement sum of `bytes` as 16-bit big-endian words, an odd last byte filled up with a zero.
#[inline]
fn of_bytes(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let sum: u64 = words.iter().map(|word| halves(*word)).sum();
    fold(sum + halves(last)).swap_bytes()
}

/// The two 32-bit halves of a word added: no carry can be lost for 2³¹ additions.
#[inline]
fn halves(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    (word & 0xffff_ffff) + (word >> 32)
}

/// Adds the carries back in until 16 bits are left.
#[inline]
fn fold(sum: u64) -> u16 {
    let mut sum = (sum & 0xffff_ffff) + (sum >> 32);
    for _ in 0..3 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071 §1 word by word.
    fn plain(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).unwrap()
    }

    #[test]
    fn the_rfc_s_example() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(of_bytes(&bytes), 0xddf2);
        assert_eq!(Sum::default().with(&bytes).checksum(), 0x220d);
    }

    #[test]
    fn nothing_lost_where_every_word_is_full() {
        for length in [0, 1, 2, 7, 8, 63, 64, 65, 65_535, 1 << 20] {
            let bytes = vec![0xff; length];
            assert_eq!(of_bytes(&bytes), plain(&bytes), "{length} bytes of ff");
        }
        for sum in [u64::MAX, 0xffff_ffff_0000_0000, 0xffff_ffff, 0xffff] {
            assert_eq!(fold(sum), 0xffff, "{sum:x}");
        }
        for sum in [0xffff_ffff_0000_0001, 0x1_0000_0000, 0x1_0000, 1] {
            assert_eq!(fold(sum), 1, "{sum:x}");
        }
        assert_eq!(fold(0), 0);
    }

    proptest! {
        #[test]
        fn as_word_by_word(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            prop_assert_eq!(of_bytes(&bytes), plain(&bytes));
        }

        #[test]
        fn a_pseudo_header_as_it_is_laid_out(ends in any::<[[u8; 4]; 2]>(), wide in any::<[[u8; 16]; 2]>(), length in any::<u16>()) {
            let [high, low] = length.to_be_bytes();
            let narrow = [&ends.concat()[..], &[0, 17, high, low]].concat();
            let sum = Sum::of_pseudo_header(ends.map(IpAddr::from), 17, length);
            prop_assert_eq!(sum.checksum(), !plain(&narrow));
            let header = [&wide.concat()[..], &[0, 0, high, low, 0, 0, 0, 17]].concat();
            let sum = Sum::of_pseudo_header(wide.map(IpAddr::from), 17, length);
            prop_assert_eq!(sum.checksum(), !plain(&header));
        }
    }
}
