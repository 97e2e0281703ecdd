//! TCP sequence numbers: 32 bits that wrap (RFC 9293 §3.4).

/// A TCP sequence or acknowledgement number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// This number `bytes` further on, modulo 2³².
    #[must_use]
    pub const fn advanced(self, bytes: u64) -> Self {
        let [lower_half @ .., _, _, _, _] = bytes.to_le_bytes();
        Self(self.0.wrapping_add(u32::from_le_bytes(lower_half)))
    }
}
