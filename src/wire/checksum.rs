//! The Internet checksum (RFC 1071), summed in words of 32 bits so that a payload costs little more than reading it.
//!
//! A sum of 16-bit words modulo 65 535 may be taken in words of any multiple of 16 bits and folded at the end, because
//! 2¹⁶ ≡ 1; and in little-endian order, because swapping the bytes of every word swaps the bytes of the sum
//! (RFC 1071 §2 B, C). Compilers turn the plain loop into vector instructions. Eight lanes made by hand would save a
//! tenth of an instruction a byte, about 1 % of all that a payload costs.

use std::net::IpAddr;

/// A running sum of bytes as they lie, not yet folded. Each addition is below 2³², so that billions of them fit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// The sum of the pseudo-header that TCP, UDP, DCCP and ICMPv6 count in: its fields are wider over IPv6
    /// (RFC 8200 §8.1) than over IPv4 (RFC 9293 §3.1), and have the same sum. `length` is that of what follows IP's header.
    #[inline(always)]
    pub(super) fn of_pseudo_header(ends: [IpAddr; 2], protocol: u8, length: u16) -> Self {
        let [high, low] = length.to_be_bytes();
        ends.into_iter().fold(Self::default().with(&[0, protocol, high, low]), |sum, end| match end {
            IpAddr::V4(address) => sum.with(&address.octets()),
            IpAddr::V6(address) => sum.with(&address.octets()),
        })
    }

    /// This sum and that of `bytes`, an odd last one filled up with a zero. They begin an even number of bytes behind
    /// what was summed before.
    #[inline(always)]
    pub(super) fn with(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<4>();
        let words: u64 = words.iter().map(|word| u64::from(u32::from_le_bytes(*word))).sum();
        let last = rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte));
        Self(self.0 + words + last)
    }

    /// This sum and that of one word.
    #[inline(always)]
    pub(super) fn with_word(self, word: [u8; 2]) -> Self {
        Self(self.0 + u64::from(u16::from_le_bytes(word)))
    }

    /// The checksum field for what was added: the complement of the sum, all carries added back in. That is the
    /// remainder by 65 535, but that carries leave ffff where it is 0.
    #[inline]
    pub(super) fn checksum(self) -> [u8; 2] {
        let folded = match self.0 % 0xffff {
            0 if self.0 != 0 => 0xffff,
            remainder => remainder,
        };
        (!u16::try_from(folded).unwrap_or(u16::MAX)).to_le_bytes()
    }

    /// Adds `bytes`, whose checksum field at `field` is still 0, and fills that in.
    #[inline(always)]
    pub(super) fn fill_in(self, bytes: &mut [u8], field: usize) {
        let checksum = self.with(bytes).checksum();
        if let Some(field) = bytes.get_mut(field..).and_then(<[u8]>::first_chunk_mut) {
            *field = checksum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071 §1 word by word.
    fn plain(bytes: &[u8]) -> [u8; 2] {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (!u16::try_from(sum).unwrap()).to_be_bytes()
    }

    fn checksum(bytes: &[u8]) -> [u8; 2] {
        Sum::default().with(bytes).checksum()
    }

    #[test]
    fn the_rfc_s_example() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), [0x22, 0x0d]);
    }

    #[test]
    fn nothing_lost_where_every_word_is_full() {
        for length in [0, 1, 2, 3, 4, 7, 8, 63, 64, 65, 65_535, 1 << 20] {
            let bytes = vec![0xff; length];
            assert_eq!(checksum(&bytes), plain(&bytes), "{length} bytes of ff");
        }
        for (sum, folded) in [(u64::MAX, 0xffff), (0xffff_ffff_0000_0001, 1), (0x1_0000, 1), (0xffff, 0xffff), (0, 0)] {
            assert_eq!(Sum(sum).checksum(), u16::to_le_bytes(!folded), "{sum:x}");
        }
    }

    proptest! {
        #[test]
        fn as_word_by_word(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            prop_assert_eq!(checksum(&bytes), plain(&bytes));
        }

        #[test]
        fn a_pseudo_header_as_it_is_laid_out(
            v4 in any::<[[u8; 4]; 2]>(),
            v6 in any::<[[u8; 16]; 2]>(),
            length in any::<u16>(),
        ) {
            let [high, low] = length.to_be_bytes();
            let sum = Sum::of_pseudo_header(v4.map(IpAddr::from), 17, length);
            prop_assert_eq!(sum.checksum(), plain(&[&v4.concat()[..], &[0, 17, high, low]].concat()));
            let sum = Sum::of_pseudo_header(v6.map(IpAddr::from), 17, length);
            prop_assert_eq!(sum.checksum(), plain(&[&v6.concat()[..], &[0, 0, high, low, 0, 0, 0, 17]].concat()));
        }
    }
}
