//! What tables keep that are found by two addresses.

use crate::event::HostPort;
use std::hash::BuildHasher;
use std::num::NonZeroU32;

/// What two addresses are kept by: a tenth of what they take. Of a million some hundred share one, so who finds something by
/// it looks at the addresses as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PairDigest(NonZeroU32);

impl PairDigest {
    /// That of an own address and the other end's, as the wire has them, by the hash of the table in which they are kept.
    pub(super) fn of(pair: [HostPort; 2], hash: &impl BuildHasher) -> Self {
        let [_, _, _, _, low @ ..] = hash.hash_one(pair).to_be_bytes();
        Self(NonZeroU32::MIN | u32::from_be_bytes(low))
    }

    /// Where a table of them has it: by its upper half as well as by its lower one.
    pub(super) fn hash(self) -> u64 {
        let digest = u64::from(self.0.get());
        digest << 32 | digest
    }
}
