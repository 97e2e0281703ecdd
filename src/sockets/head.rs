//! The first bytes that an end has sent: by them is told whose bytes another end has received.

/// How many are kept.
pub(super) const HEAD_BYTES: usize = 64;

/// The first ones, as far as they have come.
#[derive(Clone, Debug)]
pub(super) struct Head(Vec<u8>);

impl Head {
    /// None has come.
    pub(super) const EMPTY: Self = Self(Vec::new());

    /// These come next: as many as there is room for are kept.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.0.len());
        self.0.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Those that are kept.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
