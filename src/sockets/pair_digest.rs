//! What tables keep that are found by two addresses.

use crate::event::HostPort;
use std::hash::BuildHasher;
use std::num::NonZeroU64;

/// What two addresses are kept by: a fifth of what they take. Who finds something by it looks at the addresses as well.
///
/// Packed: a table that keeps a number of 32 bits beside each has no gaps so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(Rust, packed(4))]
pub(super) struct PairDigest(NonZeroU64);

impl PairDigest {
    /// That of an own address and the other end's, as the wire has them, by the hash of the table in which they are kept.
    pub(super) fn of(pair: [HostPort; 2], hash: &impl BuildHasher) -> Self {
        Self(NonZeroU64::MIN | hash.hash_one(pair))
    }
}
