//! TCP sequence numbers: 32 bits that wrap (RFC 9293 §3.4).

/// A TCP sequence or acknowledgement number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// This number `bytes` further on, modulo 2³².
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "sequence space is modulo 2^32")]
    pub const fn advanced(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes as u32))
    }
}
