//! What sockets, connections and their sides are called.

use crate::event::{Direction, as_usize};
use std::num::NonZeroU32;

/// The index of an open socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SocketId(u32);

impl SocketId {
    /// The one at this place. Memory ends before places that have no number.
    pub(super) fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Its place.
    #[inline]
    pub(super) const fn index(self) -> usize {
        as_usize(self.0)
    }
}

/// The name of an open socket within one run; no two that are open have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketNumber(NonZeroU32);

/// That of the first.
impl Default for SocketNumber {
    fn default() -> Self {
        Self(NonZeroU32::MIN)
    }
}

impl SocketNumber {
    /// That of the next one, counted anew after four thousand million.
    pub(super) fn next(self) -> Self {
        Self(self.0.checked_add(1).unwrap_or(NonZeroU32::MIN))
    }
}

/// The name of a connection within one run; no two that are open have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    /// How many connections there were before it, counted anew after four thousand million.
    pub number: u32,
    /// Where it is found; another connection's place once it is over.
    pub(super) place: u32,
}

impl ConnectionId {
    /// Where it is found.
    #[inline]
    pub(super) const fn index(self) -> usize {
        as_usize(self.place)
    }
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The first end that the trace showed.
    First,
    /// The other one.
    Second,
}

/// One direction of a connection: by the end that sends.
pub type FlowId = (ConnectionId, Side);

impl Side {
    /// The first end and the other one.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// Who has sent what this end has moved in such a direction.
    #[must_use]
    #[inline]
    pub const fn sender(self, direction: Direction) -> Self {
        match direction {
            Direction::Sent => self,
            Direction::Received => self.other(),
        }
    }

    /// What of `both`, the first one's in front, belongs to this one.
    #[inline]
    pub const fn of<T>(self, [first, second]: &[T; 2]) -> &T {
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }

    /// The same, to change it.
    #[inline]
    pub const fn of_mut<T>(self, both: &mut [T; 2]) -> &mut T {
        self.and_other_mut(both).0
    }

    /// The same, and what belongs to the other one.
    #[inline]
    pub const fn and_other_mut<T>(self, [first, second]: &mut [T; 2]) -> (&mut T, &mut T) {
        match self {
            Self::First => (first, second),
            Self::Second => (second, first),
        }
    }
}
