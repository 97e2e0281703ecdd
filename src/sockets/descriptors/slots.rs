//! The descriptors of one table that stand for sockets, in the order of their numbers.
//!
//! They lie in pages of a few numbers each. A fork shares all with its maker until either of them changes something, and
//! then all pages but that, so that a process with thousands of descriptors costs its children nothing; the references of
//! open sockets are counted once a page, however many tables share it. Each payload call asks for one: the first pages lie in a row, where a look-up is two steps,
//! and the others in a tree, so that one high number takes no room for all below it.

use crate::event::{Fd, SocketDetails, as_usize};
use crate::sockets::names::SocketId;
use crate::sockets::registry::Registry;
use crate::work;
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
}

/// Pages by their numbers.
#[derive(Clone, Debug, Default)]
struct Pages {
    /// Up to the highest one that was used.
    row: Vec<Option<Rc<Page>>>,
    tree: BTreeMap<usize, Rc<Page>>,
    /// How many descriptors execve closes.
    closed_by_exec: usize,
    /// A fork has shared them, and none has been changed since.
    were_shared: Cell<bool>,
}

/// Slots by their numbers.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Slots(Rc<Pages>);

/// Which page a number is on.
#[inline]
const fn page_of(fd: Fd) -> usize {
    as_usize(fd.0) / PAGE
}

impl Pages {
    /// All, by rising number.
    fn iter(&self) -> impl Iterator<Item = (usize, &Rc<Page>)> {
        let row = self.row.iter().enumerate();
        let row = row.filter_map(|(number, page)| Some((number, page.as_ref()?)));
        work::each(row.chain(self.tree.iter().map(|(number, page)| (*number, page))))
    }

    /// The page of `fd`, if it has one, to change it: from here on it is this table's own, with references of its own in
    /// `registry`.
    fn page_mut(&mut self, fd: Fd, registry: &mut Registry) -> Option<&mut Page> {
        let number = page_of(fd);
        let page = if number < ROW { self.row.get_mut(number)?.as_mut()? } else { self.tree.get_mut(&number)? };
        if page.was_shared.get() {
            let is_shared = Rc::strong_count(page) > 1;
            for socket in page.sockets() {
                if is_shared { registry.refer(socket) } else { registry.note_shared(socket) }
            }
            Rc::make_mut(page).was_shared.set(false);
        }
        Rc::get_mut(page)
    }

    fn replace(&mut self, fd: Fd, slot: Option<Slot>, registry: &mut Registry) -> Option<Slot> {
        let closes = |slot: &Option<Slot>| usize::from(slot.as_ref().is_some_and(|slot| slot.close_on_exec));
        let after = closes(&slot);
        let before = std::mem::replace(self.page_mut(fd, registry)?.place(fd)?, slot);
        self.closed_by_exec = self.closed_by_exec + after - closes(&before);
        before
    }
}

impl Slots {
    /// What `fd` stands for.
    #[inline]
    pub(in crate::sockets) fn get(&self, fd: Fd) -> Option<&Slot> {
        let number = page_of(fd);
        let page = if number < ROW { self.0.row.get(number)?.as_ref()? } else { self.0.tree.get(&number)? };
        page.slots.get(as_usize(fd.0) % PAGE)?.as_ref()
    }

    /// The pages, to change one: from here on they are this table's own, each shared with the others that had them.
    fn pages_mut(&mut self) -> &mut Pages {
        if self.0.were_shared.replace(false) {
            self.0.iter().for_each(|(_, page)| page.was_shared.set(true));
        }
        if Rc::strong_count(&self.0) > 1 {
            work::steps(self.0.row.len() + self.0.tree.len());
        }
        Rc::make_mut(&mut self.0)
    }

    /// Makes `fd` stand for a socket; what it stood for before.
    pub(in crate::sockets) fn insert(&mut self, fd: Fd, slot: Slot, registry: &mut Registry) -> Option<Slot> {
        let number = page_of(fd);
        let pages = self.pages_mut();
        if number >= ROW {
            pages.tree.entry(number).or_default();
        } else {
            if pages.row.len() <= number {
                pages.row.resize(number + 1, None);
            }
            pages.row.get_mut(number)?.get_or_insert_default();
        }
        pages.replace(fd, Some(slot), registry)
    }

    /// Makes `fd` stand for no socket; what it stood for before.
    pub(in crate::sockets) fn remove(&mut self, fd: Fd, registry: &mut Registry) -> Option<Slot> {
        self.get(fd)?;
        self.pages_mut().replace(fd, None, registry)
    }

    /// Whether execve closes `fd`.
    pub(in crate::sockets) fn close_on_exec(&mut self, fd: Fd, on: bool, registry: &mut Registry) {
        let changed = self.get(fd).filter(|slot| slot.close_on_exec != on);
        if let Some(slot) = changed.map(|slot| Slot { close_on_exec: on, ..slot.clone() }) {
            self.pages_mut().replace(fd, Some(slot), registry);
        }
    }

    /// These details were printed for `fd` last.
    pub(in crate::sockets) fn see(&mut self, fd: Fd, details: &Rc<SocketDetails>, registry: &mut Registry) {
        if self.get(fd).is_some()
            && let Some(slot) = self.pages_mut().page_mut(fd, registry).and_then(|page| page.place(fd)?.as_mut())
        {
            slot.seen = Some(Rc::clone(details));
        }
    }

    /// What a fork's child has: the same, without references of its own until either changes something.
    pub(in crate::sockets) fn shared(&self) -> Self {
        self.0.were_shared.set(true);
        Self(Rc::clone(&self.0))
    }

    /// Those in a range, by rising number.
    pub(in crate::sockets) fn within(&self, range: &RangeInclusive<Fd>) -> Vec<Fd> {
        let (first, last) = (page_of(*range.start()), page_of(*range.end()));
        if first > last {
            return Vec::new();
        }
        let end = self.0.row.len().min(last.saturating_add(1));
        let row = (first..end).filter_map(|number| Some((number, self.0.row.get(number)?.as_ref()?)));
        let tree = self.0.tree.range(first..=last).map(|(number, page)| (*number, page));
        let slots = row.chain(tree).flat_map(|(number, page)| numbered(number, page));
        slots.map(|(fd, _)| fd).filter(|fd| range.contains(fd)).collect()
    }

    /// Those that execve closes, by rising number.
    pub(in crate::sockets) fn closed_by_exec(&self) -> Vec<Fd> {
        if self.0.closed_by_exec == 0 {
            return Vec::new();
        }
        self.iter().filter(|(_, slot)| slot.close_on_exec).map(|(fd, _)| fd).collect()
    }

    /// All, by rising number.
    pub(in crate::sockets) fn iter(&self) -> impl Iterator<Item = (Fd, &Slot)> {
        self.0.iter().flat_map(|(number, page)| numbered(number, page))
    }

    /// Gives all away that no other table shares, by rising number: their references go with them.
    pub(in crate::sockets) fn give(self) -> Given {
        let Ok(Pages { row, tree, .. }) = Rc::try_unwrap(self.0) else {
            return Given::default();
        };
        let row = row.into_iter().enumerate().filter_map(|(number, page)| Some((number, page?)));
        let pages = row.chain(tree).filter_map(|(number, page)| Some((number, Rc::try_unwrap(page).ok()?)));
        let slots = work::each(pages).flat_map(|(number, page)| numbers(number).zip(page.slots));
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
    work::each(numbers(number).zip(&page.slots)).filter_map(|(fd, slot)| Some((fd, slot.as_ref()?)))
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
