//! All connections, and what others keep for each: found by its place, which is one step where hashing took some fifty
//! instructions of every payload call.
//!
//! A place is used again when its connection is over, so an id holds the connection's number beside it.

use crate::event::{Family, Transport};
use crate::sockets::connection::Connection;
use crate::sockets::names::ConnectionId;
use slab::Slab;

/// The connections that there are.
#[derive(Debug, Default)]
pub(super) struct Connections {
    places: Slab<Connection>,
    /// How many there have been.
    made: u64,
}

impl Connections {
    /// A connection of which nothing is known yet.
    pub(super) fn make(&mut self, family: Family, transport: Transport) -> &mut Connection {
        let entry = self.places.vacant_entry();
        let id = ConnectionId { number: self.made, place: entry.key() };
        self.made += 1;
        entry.insert(Connection::new(id, family, transport))
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let connection = self.places.get(id.place)?;
        (connection.id == id).then_some(connection)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let connection = self.places.get_mut(id.place)?;
        (connection.id == id).then_some(connection)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.get(id)?;
        self.places.try_remove(id.place)
    }

    /// Takes all out, in the order in which they were made.
    pub(super) fn drain(&mut self) -> Vec<Connection> {
        let mut all: Vec<_> = self.places.drain().collect();
        all.sort_unstable_by_key(|connection| connection.id);
        all
    }
}

/// What a view keeps for each connection until it is over.
#[derive(Debug)]
pub struct ByConnection<T> {
    places: Vec<Option<(ConnectionId, T)>>,
}

// By hand, because T need not have one.
impl<T> Default for ByConnection<T> {
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

impl<T> ByConnection<T> {
    /// What is kept for `id`, which `make` makes when it is asked for first. Never none: there is room for every place.
    #[inline]
    pub fn of(&mut self, id: ConnectionId, make: impl FnOnce() -> T) -> Option<&mut T> {
        if self.places.len() <= id.place {
            self.places.resize_with(id.place + 1, || None);
        }
        let place = self.places.get_mut(id.place)?;
        if !matches!(place, Some((kept_for, _)) if *kept_for == id) {
            *place = Some((id, make()));
        }
        place.as_mut().map(|(_, kept)| kept)
    }

    /// What is kept for `id`, if anything is.
    pub fn get(&self, id: ConnectionId) -> Option<&T> {
        let (kept_for, kept) = self.places.get(id.place)?.as_ref()?;
        (*kept_for == id).then_some(kept)
    }

    /// The connection will not be heard of again.
    pub fn forget(&mut self, id: ConnectionId) {
        if let Some(place) = self.places.get_mut(id.place) {
            *place = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_the_old_name_finds_nothing() {
        let mut connections = Connections::default();
        let mut kept = ByConnection::default();
        let mut make = || connections.make(Family::Inet, Transport::Stream).id;
        let ids = [make(), make()];
        for id in ids {
            assert_eq!(kept.of(id, || id.number), Some(&mut id.number.clone()));
        }
        assert!(connections.remove(ids[0]).is_some());
        let third = connections.make(Family::Inet, Transport::Stream).id;
        assert_eq!((third.number, third.place), (2, ids[0].place));
        assert!(connections.get(ids[0]).is_none());
        assert!(connections.get_mut(ids[0]).is_none());
        assert!(connections.remove(ids[0]).is_none());
        assert_eq!(kept.of(third, || 7), Some(&mut 7));
        assert_eq!(kept.of(ids[1], || 7), Some(&mut 1));
        kept.forget(ids[1]);
        assert_eq!(kept.of(ids[1], || 8), Some(&mut 8));
        let left = connections.drain();
        let numbers = left.iter().map(|connection| connection.id.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    }
}
