//! The Internet checksum (RFC 1071), summed in 64-bit lanes so that a payload costs little more than reading it.
//!
//! A sum of 16-bit words modulo 65 535 may be taken in words of any multiple of 16 bits and folded at the end, because
//! 2¹⁶ ≡ 1; and in little-endian order, because swapping the bytes of every word swaps the bytes of the sum
//! (RFC 1071 §2 B, C). So the payload is summed as it lies in memory, eight words at a time, which compilers turn into
//! vector instructions, and header fields are added as the numbers they are.

use std::net::Ipv4Addr;

/// A running sum, not yet folded. Each addition is below 2³⁴, so that billions of them fit.
#[derive(Clone, Copy)]
pub(super) struct Sum(u64);

impl Sum {
    /// The sum that begins with `value`, a header field or several side by side.
    pub(super) const fn of(value: u64) -> Self {
        Self(value)
    }

    /// With another field added; 32-bit fields count as two words.
    pub(super) const fn with(self, value: u64) -> Self {
        Self(self.0 + value)
    }

    /// With an IPv4 address.
    pub(super) const fn with_v4(self, address: Ipv4Addr) -> Self {
        self.with(address.to_bits() as u64)
    }

    /// With an IPv6 address, as the number it is.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
    pub(super) const fn with_v6(self, address: u128) -> Self {
        let (high, low) = ((address >> 64) as u64, address as u64);
        self.with(halves(high) + halves(low))
    }

    /// The checksum field for what was added: the complement of the folded sum.
    pub(super) const fn checksum(self) -> u16 {
        !fold(self.0)
    }
}

const LOW: u64 = 0xffff_ffff;

/// The one's complement sum of `bytes` as 16-bit big-endian words, an odd last byte filled up with a zero.
/// Bytes that lie an even distance apart may be summed in pieces.
pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut sum = if blocks.is_empty() { 0 } else { of_blocks(blocks) };
    let (words, mut rest) = rest.as_chunks::<8>();
    for word in words {
        sum += halves(u64::from_le_bytes(*word));
    }
    if let Some((word, behind)) = rest.split_first_chunk::<4>() {
        sum += u64::from(u32::from_le_bytes(*word));
        rest = behind;
    }
    sum += match rest {
        [first, second, third] => u64::from(u16::from_le_bytes([*first, *second])) + u64::from(*third),
        [first, second] => u16::from_le_bytes([*first, *second]).into(),
        [first] => (*first).into(),
        _ => 0,
    };
    u64::from(fold(sum).swap_bytes())
}

/// Eight lanes: two or four vector registers that do not wait for one another.
fn of_blocks(blocks: &[[u8; 64]]) -> u64 {
    let mut lanes = [0_u64; 8];
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane += halves(u64::from_le_bytes(*word));
        }
    }
    lanes.iter().sum()
}

/// The two 32-bit halves of a word added: no carry can be lost for 2³¹ additions.
const fn halves(word: u64) -> u64 {
    (word & LOW) + (word >> 32)
}

/// Adds the carries back in until 16 bits are left: the halves of 64 bits first, then those of 32, whose sum stands in the
/// high half where they are added to themselves the other way round.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
const fn fold(sum: u64) -> u16 {
    let (sum, carry) = (sum as u32).overflowing_add((sum >> 32) as u32);
    let sum = sum.wrapping_add(carry as u32);
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071 §1 word by word.
    fn plain(bytes: &[u8]) -> u64 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u64::from(sum)
    }

    #[test]
    fn the_rfc_s_example() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(of_bytes(&bytes), 0xddf2);
        assert_eq!(Sum::of(of_bytes(&bytes)).checksum(), 0x220d);
    }

    #[test]
    fn nothing_lost_where_every_word_is_full() {
        for length in [0, 1, 2, 7, 8, 63, 64, 65, 65_535, 1 << 20] {
            let bytes = vec![0xff; length];
            assert_eq!(of_bytes(&bytes), plain(&bytes), "{length} bytes of ff");
        }
        assert_eq!(fold(u64::MAX), 0xffff);
        assert_eq!(fold(0xffff_ffff_0000_0001), 1);
        assert_eq!(fold(0x1_0000), 1);
    }

    proptest! {
        #[test]
        fn as_word_by_word(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            prop_assert_eq!(of_bytes(&bytes), plain(&bytes));
        }

        #[test]
        fn fields_as_numbers(v4 in any::<[u8; 4]>(), v6 in any::<u128>(), field in any::<u32>()) {
            let bytes = [&v4[..], &v6.to_be_bytes(), &field.to_be_bytes()].concat();
            let sum = Sum::of(0).with_v4(v4.into()).with_v6(v6).with(u64::from(field));
            prop_assert_eq!(sum.checksum(), Sum::of(plain(&bytes)).checksum());
        }
    }
}
