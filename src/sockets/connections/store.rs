//! Connections, and what others keep for each: found by its place, which is one step where hashing took some fifty
//! instructions of every payload call.
//!
//! A place is used again when its connection is over, so an id holds the connection's number beside it.

use crate::event::{Family, Transport, as_usize};
use crate::sockets::connections::state::Connection;
use crate::sockets::names::ConnectionId;
use crate::work;
use slab::Slab;

/// The connections that there are.
#[derive(Debug, Default)]
pub(super) struct Store {
    places: Slab<Connection>,
    /// How many there have been.
    made: u32,
}

impl Store {
    /// A connection of which nothing is known yet.
    pub(super) fn make(&mut self, family: Family, transport: Transport) -> &mut Connection {
        let entry = self.places.vacant_entry();
        // Memory ends before places that have no number.
        let place = u32::try_from(entry.key()).unwrap_or(u32::MAX);
        let id = ConnectionId { number: self.made, place };
        self.made = self.made.wrapping_add(1);
        entry.insert(Connection::new(id, family, transport))
    }

    /// One that is not over.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.any(id).filter(|connection| !connection.is_over())
    }

    /// The one at this place, if it is not over.
    pub(super) fn at(&self, place: u32) -> Option<&Connection> {
        self.places.get(as_usize(place)).filter(|connection| !connection.is_over())
    }

    /// One that is not over, to change it.
    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let connection = self.places.get_mut(id.index())?;
        (connection.id == id && !connection.is_over()).then_some(connection)
    }

    /// One that may be over.
    #[inline]
    pub(super) fn any(&self, id: ConnectionId) -> Option<&Connection> {
        self.places.get(id.index()).filter(|connection| connection.id == id)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.any(id)?;
        self.places.try_remove(id.index())
    }

    /// The names of all, in the order in which they were made.
    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        let mut ids: Vec<_> = work::each(self.places.iter()).map(|(_, connection)| connection.id).collect();
        ids.sort_unstable();
        ids
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
    /// What is kept for `id`; the default where it is asked for first. Never none: there is room for every place.
    #[inline]
    pub fn or_default(&mut self, id: ConnectionId) -> Option<&mut T>
    where
        T: Default,
    {
        let place = self.place(id)?;
        if !matches!(place, Some((kept_for, _)) if *kept_for == id) {
            *place = Some((id, T::default()));
        }
        place.as_mut().map(|(_, kept)| kept)
    }

    /// Keeps something for `id`.
    pub fn insert(&mut self, id: ConnectionId, kept: T) {
        if let Some(place) = self.place(id) {
            *place = Some((id, kept));
        }
    }

    #[inline]
    fn place(&mut self, id: ConnectionId) -> Option<&mut Option<(ConnectionId, T)>> {
        if self.places.len() <= id.index() {
            work::steps(id.index() + 1 - self.places.len());
            self.places.resize_with(id.index() + 1, || None);
        }
        self.places.get_mut(id.index())
    }

    /// What is kept for `id`, if anything is, to change it.
    #[inline]
    pub fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        let (kept_for, kept) = self.places.get_mut(id.index())?.as_mut()?;
        (*kept_for == id).then_some(kept)
    }

    /// What is kept for `id`, if anything is.
    #[inline]
    pub fn get(&self, id: ConnectionId) -> Option<&T> {
        let (kept_for, kept) = self.places.get(id.index())?.as_ref()?;
        (*kept_for == id).then_some(kept)
    }

    /// What was kept for `id`, if anything was.
    pub fn take(&mut self, id: ConnectionId) -> Option<T> {
        let place = self.places.get_mut(id.index())?;
        place.take_if(|(kept_for, _)| *kept_for == id).map(|(_, kept)| kept)
    }

    /// The connection will not be heard of again.
    pub fn forget(&mut self, id: ConnectionId) {
        if let Some(place) = self.places.get_mut(id.index()) {
            *place = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_the_old_name_finds_nothing() {
        let mut connections = Store::default();
        let mut kept = ByConnection::default();
        let mut make = || connections.make(Family::Inet, Transport::Stream).id;
        let ids = [make(), make()];
        for id in ids {
            kept.insert(id, id.number);
            assert_eq!(kept.get_mut(id), Some(&mut id.number.clone()));
        }
        assert!(connections.remove(ids[0]).is_some());
        let third = connections.make(Family::Inet, Transport::Stream).id;
        assert_eq!((third.number, third.place), (2, ids[0].place));
        assert!(connections.get(ids[0]).is_none());
        assert!(connections.get_mut(ids[0]).is_none());
        assert!(connections.remove(ids[0]).is_none());
        assert_eq!(kept.or_default(third), Some(&mut 0));
        assert_eq!(kept.or_default(ids[1]), Some(&mut 1));
        kept.forget(ids[1]);
        assert_eq!(kept.get(ids[1]), None);
        let numbers = connections.ids().into_iter().map(|id| id.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    }
}
