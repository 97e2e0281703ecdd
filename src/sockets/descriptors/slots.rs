//! The descriptors of one table that stand for sockets, in the order of their numbers.
//!
//! They lie in pages of a few numbers each. A fork shares its maker's pages until either of them changes one, so that a
//! process with thousands of descriptors costs its children nothing; the references of open sockets are counted once a page,
//! however many tables share it. Each payload call asks for one: the first pages lie in a row, where a look-up is two steps,
//! and the others in a tree, so that one high number takes no room for all below it.

use crate::event::{Fd, SocketDetails, as_usize};
use crate::sockets::names::SocketId;
use crate::sockets::registry::Registry;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
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

/// How many numbers a page has.
const PAGE: usize = 16;
const PAGE_NUMBERS: u32 = 16;

/// How many pages have a place in the row: those of the first 4,096 numbers.
const ROW: usize = 256;

/// Some numbers that follow each other.
#[derive(Clone, Debug, Default)]
struct Page {
    slots: [Option<Slot>; PAGE],
    /// How many of them execve closes.
    closed_by_exec: usize,
    /// A fork has shared it, and it has not been changed since.
    was_shared: Cell<bool>,
}

impl Page {
    fn sockets(&self) -> impl Iterator<Item = SocketId> {
        self.slots.iter().flatten().map(|slot| slot.socket)
    }

    /// Where `fd` has its place, to change it.
    fn place(&mut self, fd: Fd) -> Option<&mut Option<Slot>> {
        self.slots.get_mut(as_usize(fd.0) % PAGE)
    }

    fn replace(&mut self, fd: Fd, slot: Option<Slot>) -> Option<Slot> {
        let closes = |slot: &Option<Slot>| usize::from(slot.as_ref().is_some_and(|slot| slot.close_on_exec));
        self.closed_by_exec += closes(&slot);
        let before = std::mem::replace(self.place(fd)?, slot);
        self.closed_by_exec -= closes(&before);
        before
    }
}

/// Slots by their numbers.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Slots {
    /// Up to the highest page that was used.
    row: Vec<Option<Rc<Page>>>,
    tree: BTreeMap<usize, Rc<Page>>,
}

/// Which page a number is on.
#[inline]
const fn page_of(fd: Fd) -> usize {
    as_usize(fd.0) / PAGE
}

impl Slots {
    /// What `fd` stands for.
    #[inline]
    pub(in crate::sockets) fn get(&self, fd: Fd) -> Option<&Slot> {
        let number = page_of(fd);
        let page = if number < ROW { self.row.get(number)?.as_ref()? } else { self.tree.get(&number)? };
        page.slots.get(as_usize(fd.0) % PAGE)?.as_ref()
    }

    /// The page of `fd`, if it has one, to change it: from here on it is this table's own, with references of its own in
    /// `registry`.
    fn page_mut(&mut self, fd: Fd, registry: &mut Registry) -> Option<&mut Page> {
        let number = page_of(fd);
        let page = if number < ROW { self.row.get_mut(number)?.as_mut()? } else { self.tree.get_mut(&number)? };
        if page.was_shared.get() {
            let is_shared = Rc::strong_count(page) > 1;
            page.sockets()
                .for_each(|socket| if is_shared { registry.refer(socket) } else { registry.note_shared(socket) });
            Rc::make_mut(page).was_shared.set(false);
        }
        Rc::get_mut(page)
    }

    /// Makes `fd` stand for a socket; what it stood for before.
    pub(in crate::sockets) fn insert(&mut self, fd: Fd, slot: Slot, registry: &mut Registry) -> Option<Slot> {
        let number = page_of(fd);
        if number >= ROW {
            self.tree.entry(number).or_default();
        } else {
            if self.row.len() <= number {
                self.row.resize(number + 1, None);
            }
            self.row.get_mut(number)?.get_or_insert_default();
        }
        self.page_mut(fd, registry)?.replace(fd, Some(slot))
    }

    /// Makes `fd` stand for no socket; what it stood for before.
    pub(in crate::sockets) fn remove(&mut self, fd: Fd, registry: &mut Registry) -> Option<Slot> {
        self.get(fd)?;
        self.page_mut(fd, registry)?.replace(fd, None)
    }

    /// Whether execve closes `fd`.
    pub(in crate::sockets) fn close_on_exec(&mut self, fd: Fd, on: bool, registry: &mut Registry) {
        if self.get(fd).is_some_and(|slot| slot.close_on_exec != on)
            && let Some(page) = self.page_mut(fd, registry)
            && let Some(slot) = page.place(fd).and_then(Option::take)
        {
            page.closed_by_exec -= usize::from(!on);
            page.replace(fd, Some(Slot { close_on_exec: on, ..slot }));
        }
    }

    /// These details were printed for `fd` last.
    pub(in crate::sockets) fn see(&mut self, fd: Fd, details: &Rc<SocketDetails>, registry: &mut Registry) {
        if self.get(fd).is_some()
            && let Some(slot) = self.page_mut(fd, registry).and_then(|page| page.place(fd)?.as_mut())
        {
            slot.seen = Some(Rc::clone(details));
        }
    }

    /// What a fork's child has: the same, without references of its own until a page of either changes.
    pub(in crate::sockets) fn shared(&self) -> Self {
        self.pages().for_each(|(_, page)| page.was_shared.set(true));
        Self { row: self.row.clone(), tree: self.tree.clone() }
    }

    /// The pages, by rising number.
    fn pages(&self) -> impl Iterator<Item = (usize, &Rc<Page>)> {
        let row = self.row.iter().enumerate();
        let row = row.filter_map(|(number, page)| Some((number, page.as_ref()?)));
        row.chain(self.tree.iter().map(|(number, page)| (*number, page)))
    }

    /// Those in a range, by rising number.
    pub(in crate::sockets) fn within(&self, range: &RangeInclusive<Fd>) -> Vec<Fd> {
        let (first, last) = (page_of(*range.start()), page_of(*range.end()));
        if first > last {
            return Vec::new();
        }
        let end = self.row.len().min(last.saturating_add(1));
        let row = (first..end).filter_map(|number| Some((number, self.row.get(number)?.as_ref()?)));
        let tree = self.tree.range(first..=last).map(|(number, page)| (*number, page));
        let slots = row.chain(tree).flat_map(|(number, page)| numbered(number, page));
        slots.map(|(fd, _)| fd).filter(|fd| range.contains(fd)).collect()
    }

    /// Those that execve closes, by rising number.
    pub(in crate::sockets) fn closed_by_exec(&self) -> Vec<Fd> {
        let pages = self.pages().filter(|(_, page)| page.closed_by_exec > 0);
        let slots = pages.flat_map(|(number, page)| numbered(number, page));
        slots.filter(|(_, slot)| slot.close_on_exec).map(|(fd, _)| fd).collect()
    }

    /// All, by rising number.
    pub(in crate::sockets) fn iter(&self) -> impl Iterator<Item = (Fd, &Slot)> {
        self.pages().flat_map(|(number, page)| numbered(number, page))
    }

    /// Gives all away that no other table shares, by rising number: their references go with them.
    pub(in crate::sockets) fn give(self) -> Given {
        let row = self.row.into_iter().enumerate().filter_map(|(number, page)| Some((number, page?)));
        let pages = row.chain(self.tree).filter_map(|(number, page)| Some((number, Rc::try_unwrap(page).ok()?)));
        let slots = pages.flat_map(|(number, page)| numbers(number).zip(page.slots));
        slots.filter_map(|(fd, slot)| Some((fd, slot?))).collect::<Vec<_>>().into_iter()
    }
}

/// What a table held that is gone.
pub(in crate::sockets) type Given = std::vec::IntoIter<(Fd, Slot)>;

/// The numbers of a page.
fn numbers(page: usize) -> impl Iterator<Item = Fd> {
    let first = u32::try_from(page).unwrap_or(u32::MAX).saturating_mul(PAGE_NUMBERS);
    (first..=first.saturating_add(PAGE_NUMBERS - 1)).map(Fd)
}

fn numbered(number: usize, page: &Page) -> impl Iterator<Item = (Fd, &Slot)> {
    numbers(number).zip(&page.slots).filter_map(|(fd, slot)| Some((fd, slot.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Family, Transport};

    fn slot(socket: SocketId) -> Slot {
        Slot { socket, seen: None, close_on_exec: false }
    }

    fn numbers(slots: &Slots) -> Vec<u32> {
        slots.iter().map(|(fd, _)| fd.0).collect()
    }

    #[test]
    fn low_and_high_numbers_are_alike() {
        let (mut slots, mut registry) = (Slots::default(), Registry::default());
        for number in [1 << 20, 4096, 3, 4095, 0] {
            assert!(slots.insert(Fd(number), slot(SocketId(1)), &mut registry).is_none());
            assert!(slots.insert(Fd(number), slot(SocketId(2)), &mut registry).is_some());
            slots.close_on_exec(Fd(number), number > 3, &mut registry);
        }
        for number in [1, 4094, 4097, u32::MAX] {
            assert!(slots.get(Fd(number)).is_none(), "{number}");
            assert!(slots.remove(Fd(number), &mut registry).is_none(), "{number}");
        }
        assert_eq!(slots.closed_by_exec(), [4095, 4096, 1 << 20].map(Fd));
        assert!(slots.remove(Fd(4095), &mut registry).is_some());
        assert_eq!(slots.closed_by_exec(), [4096, 1 << 20].map(Fd));
        assert_eq!(slots.within(&(Fd(1)..=Fd(4096))), [3, 4096].map(Fd));
        assert_eq!(slots.within(&(Fd(4097)..=Fd(u32::MAX))), [Fd(1 << 20)]);
        assert_eq!(numbers(&slots), [0, 3, 4096, 1 << 20]);
        let given: Vec<_> = slots.give().map(|(fd, slot)| (fd.0, slot.socket.0)).collect();
        assert_eq!(given, [(0, 2), (3, 2), (4096, 2), (1 << 20, 2)]);
    }

    #[test]
    fn a_page_is_shared_until_one_of_its_tables_changes_it() {
        let mut registry = Registry::default();
        let sockets = [(); 3].map(|()| registry.insert((Family::Inet, Transport::Stream)));
        let mut parent = Slots::default();
        for (number, socket) in [1, 2, 17].into_iter().zip(sockets) {
            registry.refer(socket);
            parent.insert(Fd(number), slot(socket), &mut registry);
        }
        let references = |registry: &Registry| sockets.map(|socket| registry.get(socket).unwrap().references);
        let mut child = parent.shared();
        assert_eq!((references(&registry), numbers(&child)), ([1, 1, 1], vec![1, 2, 17]));
        let taken = child.remove(Fd(1), &mut registry).unwrap();
        assert_eq!(references(&registry), [2, 2, 1], "the page of 1 and 2 is there twice");
        assert!(registry.release(taken.socket).is_none());
        assert_eq!((numbers(&parent), numbers(&child)), (vec![1, 2, 17], vec![2, 17]));
        let given: Vec<_> = parent.give().map(|(fd, _)| fd.0).collect();
        assert_eq!(given, [1, 2], "the child still has 17");
        let given: Vec<_> = child.give().map(|(fd, _)| fd.0).collect();
        assert_eq!(given, [2, 17]);
    }
}
