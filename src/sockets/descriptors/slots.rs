//! The descriptors of one table that stand for sockets, in the order of their numbers.
//!
//! Each payload call asks for one, and few programs have numbers above some hundred: the first ones lie in a row, where
//! a look-up is one step; the others in a tree, so that one high number takes no room for all below it.

use crate::event::{Fd, SocketDetails};
use crate::sockets::names::SocketId;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A descriptor that stands for a socket.
#[derive(Clone, Debug)]
pub(in crate::sockets) struct Slot {
    /// The open socket.
    pub(in crate::sockets) socket: SocketId,
    /// The details that were printed last, to know the same text again.
    pub(in crate::sockets) seen: Option<Rc<SocketDetails>>,
    /// execve closes it.
    pub(in crate::sockets) close_on_exec: bool,
}

/// How many numbers have a place in the row.
const ROW: usize = 256;

/// Slots by their numbers.
#[derive(Clone, Debug, Default)]
pub(in crate::sockets) struct Slots {
    /// Up to the highest number that was used.
    row: Vec<Option<Slot>>,
    tree: BTreeMap<Fd, Slot>,
}

/// Where a number has its place in the row, if it has one.
#[inline]
fn index(fd: Fd) -> Option<usize> {
    usize::try_from(fd.0).ok().filter(|index| *index < ROW)
}

impl Slots {
    /// What `fd` stands for.
    #[inline]
    pub(in crate::sockets) fn get(&self, fd: Fd) -> Option<&Slot> {
        match index(fd) {
            Some(index) => self.row.get(index)?.as_ref(),
            None => self.tree.get(&fd),
        }
    }

    /// What `fd` stands for, to change it.
    pub(in crate::sockets) fn get_mut(&mut self, fd: Fd) -> Option<&mut Slot> {
        match index(fd) {
            Some(index) => self.row.get_mut(index)?.as_mut(),
            None => self.tree.get_mut(&fd),
        }
    }

    /// Makes `fd` stand for a socket; what it stood for before.
    pub(in crate::sockets) fn insert(&mut self, fd: Fd, slot: Slot) -> Option<Slot> {
        let Some(index) = index(fd) else {
            return self.tree.insert(fd, slot);
        };
        if self.row.len() <= index {
            self.row.resize_with(index + 1, || None);
        }
        self.row.get_mut(index)?.replace(slot)
    }

    /// Makes `fd` stand for no socket; what it stood for before.
    pub(in crate::sockets) fn remove(&mut self, fd: Fd) -> Option<Slot> {
        match index(fd) {
            Some(index) => self.row.get_mut(index)?.take(),
            None => self.tree.remove(&fd),
        }
    }

    /// Makes every number that stands for `socket` stand for none.
    pub(in crate::sockets) fn forget(&mut self, socket: SocketId) {
        let is_it = |slot: &Slot| slot.socket == socket;
        for slot in &mut self.row {
            slot.take_if(|slot| is_it(slot));
        }
        self.tree.retain(|_, slot| !is_it(slot));
    }

    /// All, by rising number.
    pub(in crate::sockets) fn iter(&self) -> impl Iterator<Item = (Fd, &Slot)> {
        let row = (0..).map(Fd).zip(&self.row);
        row.filter_map(|(fd, slot)| Some((fd, slot.as_ref()?))).chain(self.tree.iter().map(|(fd, slot)| (*fd, slot)))
    }

    /// Takes out the one with the lowest number.
    pub(in crate::sockets) fn pop_first(&mut self) -> Option<(Fd, Slot)> {
        let mut row = (0..).map(Fd).zip(&mut self.row);
        let first = row.find_map(|(fd, slot)| Some((fd, slot.take()?)));
        first.or_else(|| self.tree.pop_first())
    }

    /// Gives all away, by rising number.
    pub(in crate::sockets) fn give(mut self) -> impl Iterator<Item = (Fd, Slot)> {
        std::iter::from_fn(move || self.pop_first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(socket: usize) -> Slot {
        Slot { socket: SocketId(socket), seen: None, close_on_exec: false }
    }

    #[test]
    fn low_and_high_numbers_are_alike() {
        let mut slots = Slots::default();
        for number in [1 << 20, 256, 3, 255, 0] {
            assert!(slots.insert(Fd(number), slot(1)).is_none());
            assert!(slots.insert(Fd(number), slot(2)).is_some());
            assert!(slots.get_mut(Fd(number)).is_some());
        }
        for number in [1, 254, 257, u32::MAX] {
            assert!(slots.get(Fd(number)).is_none(), "{number}");
            assert!(slots.get_mut(Fd(number)).is_none(), "{number}");
            assert!(slots.remove(Fd(number)).is_none(), "{number}");
        }
        assert!(slots.remove(Fd(255)).is_some());
        for number in [7, 777] {
            slots.insert(Fd(number), slot(5));
        }
        slots.forget(SocketId(5));
        let numbers = |slots: &Slots| slots.iter().map(|(fd, _)| fd.0).collect::<Vec<_>>();
        assert_eq!(numbers(&slots), [0, 3, 256, 1 << 20]);
        let given: Vec<_> = slots.give().map(|(fd, slot)| (fd.0, slot.socket.0)).collect();
        assert_eq!(given, [(0, 2), (3, 2), (256, 2), (1 << 20, 2)]);
    }
}
