//! The descriptors of one table that stand for sockets, in the order of their numbers.
//!
//! They lie in pages of sixteen numbers each, at the leaves of a tree in which each level takes four bits of the number: one
//! high number takes no room for all below it, and the pages of low ones are a step or two from the root. A fork shares
//! all with its maker until either of them changes something, and then all but the way there, so that a process with
//! thousands of descriptors costs its children nothing, whatever they close; the references of open sockets are counted
//! once a page, however many tables share it.

use crate::event::{Fd, SocketDetails, as_usize};
use crate::sockets::names::SocketId;
use crate::sockets::registry::Registry;
use crate::work;
use std::cell::Cell;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// A descriptor that stands for a socket.
#[derive(Clone, Debug)]
pub(in crate::sockets) struct Slot {
    /// The open socket.
    pub(in crate::sockets) socket: SocketId,
    /// Which details were printed last, to know the same ones again; [`SocketDetails::NO_SERIAL`] if there were none.
    pub(in crate::sockets) seen: u64,
    /// execve closes it.
    pub(in crate::sockets) close_on_exec: bool,
}

/// What a table held that is gone.
pub(in crate::sockets) type Remains = std::vec::IntoIter<(Fd, Slot)>;

/// How many bits of a number each level takes, and how many places that makes.
const BITS: u32 = 4;
const PLACES: usize = 1 << BITS;

/// The most bits that can be below a node.
const MOST_BITS: u32 = u32::BITS - BITS;

/// Slots by their numbers.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Slots {
    root: Option<Rc<Node>>,
    /// How many bits of a number the levels below the root take.
    bits: u32,
}

/// A part of the tree.
#[derive(Clone, Debug)]
struct Node {
    below: Below,
    /// How many descriptors it has, and how many of them execve closes.
    used: u32,
    closed_by_exec: u32,
    /// A fork has shared it, and it has not been changed since.
    was_shared: Cell<bool>,
}

#[derive(Clone, Debug)]
enum Below {
    Page([Option<Slot>; PLACES]),
    Nodes([Option<Rc<Node>>; PLACES]),
}

/// Which place a number has in a node, below which levels take so many bits.
#[inline]
const fn place(fd: Fd, bits: u32) -> usize {
    as_usize(fd.0 >> bits) % PLACES
}

/// The number of a place in a node that begins with `first`.
fn number(first: Fd, place: usize, bits: u32) -> Fd {
    Fd(first.0 | u32::try_from(place).unwrap_or_default() << bits)
}

/// The places of a node that begins with `first`, each with its first number.
fn numbered<T>(places: impl IntoIterator<Item = Option<T>>, first: Fd, bits: u32) -> impl Iterator<Item = (Fd, T)> {
    let all = places.into_iter().enumerate();
    work::each(all.filter_map(move |(place, held)| Some((number(first, place, bits), held?))))
}

/// How many descriptors a place of a page has, and how many of them execve closes.
fn counts_of(slot: Option<&Slot>) -> [u32; 2] {
    [u32::from(slot.is_some()), u32::from(slot.is_some_and(|slot| slot.close_on_exec))]
}

impl Node {
    /// One of which no descriptor stands for a socket, below which levels take so many bits.
    fn new(bits: u32) -> Self {
        let below = if bits == 0 { Below::Page(Default::default()) } else { Below::Nodes(Default::default()) };
        Self { below, used: 0, closed_by_exec: 0, was_shared: Cell::new(false) }
    }

    /// To change it: from here on it is one table's own, and a page has references of its own in `registry`.
    fn own<'n>(node: &'n mut Rc<Self>, registry: &mut Registry) -> Option<&'n mut Self> {
        if node.was_shared.get() {
            let is_shared = Rc::strong_count(node) > 1;
            match &node.below {
                Below::Nodes(nodes) => nodes.iter().flatten().for_each(|below| below.was_shared.set(true)),
                Below::Page(slots) => {
                    for socket in slots.iter().flatten().map(|slot| slot.socket) {
                        if is_shared { registry.refer(socket) } else { registry.note_shared(socket) }
                    }
                }
            }
            work::steps(PLACES);
            Rc::make_mut(node).was_shared.set(false);
        }
        Rc::get_mut(node)
    }

    /// Makes `fd` stand for a socket, or for none; what it stood for before.
    fn replace(
        node: &mut Rc<Self>,
        (fd, bits): (Fd, u32),
        slot: Option<Slot>,
        registry: &mut Registry,
    ) -> Option<Slot> {
        let node = Self::own(node, registry)?;
        let [used, closed] = counts_of(slot.as_ref());
        let before = match &mut node.below {
            Below::Page(slots) => std::mem::replace(slots.get_mut(place(fd, bits))?, slot),
            Below::Nodes(nodes) => {
                let bits_below = bits - BITS;
                let below = nodes.get_mut(place(fd, bits))?.get_or_insert_with(|| Rc::new(Self::new(bits_below)));
                Self::replace(below, (fd, bits_below), slot, registry)
            }
        };
        let [used_before, closed_before] = counts_of(before.as_ref());
        node.used = node.used + used - used_before;
        node.closed_by_exec = node.closed_by_exec + closed - closed_before;
        before
    }

    /// Counts again what it has.
    fn recount(&mut self) {
        let counts: [[u32; 2]; PLACES] = match &self.below {
            Below::Page(slots) => slots.each_ref().map(|slot| counts_of(slot.as_ref())),
            Below::Nodes(nodes) => {
                nodes.each_ref().map(|node| node.as_ref().map_or([0; 2], |node| [node.used, node.closed_by_exec]))
            }
        };
        self.used = counts.iter().map(|[used, _]| used).sum();
        self.closed_by_exec = counts.iter().map(|[_, closed]| closed).sum();
    }

    /// Gives away what no other table shares, by rising number: the references go with it.
    fn give(node: Rc<Self>, (first, bits): (Fd, u32), given: &mut Vec<(Fd, Slot)>) {
        match Rc::try_unwrap(node).map(|node| node.below) {
            Ok(Below::Page(slots)) => given.extend(numbered(slots, first, bits)),
            Ok(Below::Nodes(nodes)) => {
                for (first, below) in numbered(nodes, first, bits) {
                    Self::give(below, (first, bits - BITS), given);
                }
            }
            Err(_shared) => {}
        }
    }

    /// Makes those that `which` tells stand for no socket; what of them no other table shares is given away.
    fn take(
        node: &mut Option<Rc<Self>>,
        (first, bits): (Fd, u32),
        which: &Which,
        given: &mut Vec<(Fd, Slot)>,
        registry: &mut Registry,
    ) {
        let Some(held) = node else { return };
        work::steps(1);
        match which.of(held, (first, bits)) {
            Coverage::Nothing => {}
            Coverage::All => {
                if let Some(whole) = node.take() {
                    Self::give(whole, (first, bits), given);
                }
            }
            Coverage::Some => {
                let Some(held) = Self::own(held, registry) else { return };
                match &mut held.below {
                    Below::Page(slots) => {
                        for (place, slot) in slots.iter_mut().enumerate() {
                            let fd = number(first, place, bits);
                            given.extend(slot.take_if(|slot| which.is_for(fd, slot)).map(|slot| (fd, slot)));
                        }
                    }
                    Below::Nodes(nodes) => {
                        for (place, below) in nodes.iter_mut().enumerate() {
                            Self::take(below, (number(first, place, bits), bits - BITS), which, given, registry);
                        }
                    }
                }
                held.recount();
            }
        }
    }

    /// Those of which `which` tells, by rising number, at most so many.
    fn look<'n>(&'n self, (first, bits): (Fd, u32), which: &Which, found: &mut Vec<(Fd, &'n Slot)>, most: usize) {
        if found.len() >= most || matches!(which.of(self, (first, bits)), Coverage::Nothing) {
            return;
        }
        match &self.below {
            Below::Page(slots) => {
                let slots = numbered(slots.each_ref().map(Option::as_ref), first, bits);
                found.extend(slots.filter(|(fd, slot)| which.is_for(*fd, slot)).take(most - found.len()));
            }
            Below::Nodes(nodes) => {
                for (first, below) in numbered(nodes.each_ref().map(Option::as_deref), first, bits) {
                    below.look((first, bits - BITS), which, found, most);
                }
            }
        }
    }
}

/// Which descriptors are meant.
#[derive(Debug)]
enum Which {
    All,
    Within(RangeInclusive<Fd>),
    /// Those within that execve does not close.
    UnmarkedWithin(RangeInclusive<Fd>),
    ClosedByExec,
}

/// How much of a node that is.
#[derive(Clone, Copy, Debug)]
enum Coverage {
    Nothing,
    Some,
    All,
}

impl Which {
    fn of(&self, node: &Node, (first, bits): (Fd, u32)) -> Coverage {
        let last = Fd(first.0 | u32::MAX >> (MOST_BITS - bits));
        match self {
            Self::All => Coverage::All,
            Self::Within(range) | Self::UnmarkedWithin(range) if *range.end() < first || last < *range.start() => {
                Coverage::Nothing
            }
            Self::Within(range) if range.contains(&first) && range.contains(&last) => Coverage::All,
            Self::UnmarkedWithin(_) if node.closed_by_exec == node.used => Coverage::Nothing,
            Self::ClosedByExec if node.closed_by_exec == 0 => Coverage::Nothing,
            Self::ClosedByExec if node.closed_by_exec == node.used => Coverage::All,
            Self::Within(_) | Self::UnmarkedWithin(_) | Self::ClosedByExec => Coverage::Some,
        }
    }

    fn is_for(&self, fd: Fd, slot: &Slot) -> bool {
        match self {
            Self::All => true,
            Self::Within(range) => range.contains(&fd),
            Self::UnmarkedWithin(range) => range.contains(&fd) && !slot.close_on_exec,
            Self::ClosedByExec => slot.close_on_exec,
        }
    }
}

impl Slots {
    /// What `fd` stands for.
    #[inline]
    pub(in crate::sockets) fn get(&self, fd: Fd) -> Option<&Slot> {
        let mut node = self.root.as_deref().filter(|_| self.reaches(fd))?;
        let mut bits = self.bits;
        loop {
            match &node.below {
                Below::Page(slots) => return slots.get(place(fd, bits))?.as_ref(),
                Below::Nodes(nodes) => node = nodes.get(place(fd, bits))?.as_deref()?,
            }
            bits -= BITS;
        }
    }

    /// Whether there may be a place for `fd`.
    #[inline]
    const fn reaches(&self, fd: Fd) -> bool {
        as_usize(fd.0 >> self.bits) < PLACES
    }

    /// Makes `fd` stand for a socket; what it stood for before.
    pub(in crate::sockets) fn insert(&mut self, fd: Fd, slot: Slot, registry: &mut Registry) -> Option<Slot> {
        while !self.reaches(fd) {
            self.bits += BITS;
            if let Some(below) = self.root.take() {
                let (used, closed_by_exec) = (below.used, below.closed_by_exec);
                let mut nodes: [Option<Rc<Node>>; PLACES] = Default::default();
                nodes.first_mut().map(|first| first.insert(below));
                let node = Node { below: Below::Nodes(nodes), used, closed_by_exec, ..Node::new(0) };
                self.root = Some(Rc::new(node));
            }
        }
        let root = self.root.get_or_insert_with(|| Rc::new(Node::new(self.bits)));
        Node::replace(root, (fd, self.bits), Some(slot), registry)
    }

    /// Makes `fd` stand for no socket; what it stood for before.
    pub(in crate::sockets) fn remove(&mut self, fd: Fd, registry: &mut Registry) -> Option<Slot> {
        self.get(fd)?;
        Node::replace(self.root.as_mut()?, (fd, self.bits), None, registry)
    }

    /// Whether execve closes `fd`.
    pub(in crate::sockets) fn close_on_exec(&mut self, fd: Fd, on: bool, registry: &mut Registry) {
        let changed = self.get(fd).filter(|slot| slot.close_on_exec != on);
        let changed = changed.map(|slot| Slot { close_on_exec: on, ..slot.clone() });
        self.change(fd, changed, registry);
    }

    /// These details were printed for `fd` last.
    pub(in crate::sockets) fn see(&mut self, fd: Fd, details: &SocketDetails, registry: &mut Registry) {
        let seen = self.get(fd).map(|slot| Slot { seen: details.serial, ..*slot });
        self.change(fd, seen, registry);
    }

    /// Changes what is known of `fd`, if it stands for a socket.
    fn change(&mut self, fd: Fd, slot: Option<Slot>, registry: &mut Registry) {
        if let (Some(slot), Some(root)) = (slot, &mut self.root) {
            Node::replace(root, (fd, self.bits), Some(slot), registry);
        }
    }

    /// What a fork's child has: the same, without references of its own until either changes something.
    pub(in crate::sockets) fn shared(&self) -> Self {
        if let Some(root) = &self.root {
            root.was_shared.set(true);
        }
        Self { root: self.root.clone(), bits: self.bits }
    }

    /// Those in a range that execve does not close, by rising number.
    pub(in crate::sockets) fn unmarked_within(&self, range: &RangeInclusive<Fd>) -> Vec<Fd> {
        let found = self.look(&Which::UnmarkedWithin(range.clone()), usize::MAX);
        found.into_iter().map(|(fd, _)| fd).collect()
    }

    /// The first, by rising number, at most so many.
    pub(in crate::sockets) fn first(&self, most: usize) -> Vec<(Fd, &Slot)> {
        self.look(&Which::All, most)
    }

    fn look(&self, which: &Which, most: usize) -> Vec<(Fd, &Slot)> {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            root.look((Fd(0), self.bits), which, &mut found, most);
        }
        found
    }

    /// Gives all away that no other table shares, by rising number: their references go with them.
    pub(in crate::sockets) fn give(self) -> Remains {
        let mut given = Vec::new();
        if let Some(root) = self.root {
            Node::give(root, (Fd(0), self.bits), &mut given);
        }
        given.into_iter()
    }

    /// Makes those in a range stand for no socket; what of them no other table shares.
    pub(in crate::sockets) fn take_within(&mut self, range: RangeInclusive<Fd>, registry: &mut Registry) -> Remains {
        self.take(&Which::Within(range), registry)
    }

    /// The same of those that execve closes.
    pub(in crate::sockets) fn take_closed_by_exec(&mut self, registry: &mut Registry) -> Remains {
        self.take(&Which::ClosedByExec, registry)
    }

    fn take(&mut self, which: &Which, registry: &mut Registry) -> Remains {
        let mut given = Vec::new();
        Node::take(&mut self.root, (Fd(0), self.bits), which, &mut given, registry);
        given.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Family, Transport};

    fn slot(socket: SocketId) -> Slot {
        Slot { socket, seen: SocketDetails::NO_SERIAL, close_on_exec: false }
    }

    fn numbers(slots: &Slots) -> Vec<u32> {
        slots.first(usize::MAX).into_iter().map(|(fd, _)| fd.0).collect()
    }

    fn fds(given: Remains) -> Vec<u32> {
        given.map(|(fd, _)| fd.0).collect()
    }

    #[test]
    fn low_and_high_numbers_are_alike() {
        let (mut slots, mut registry) = (Slots::default(), Registry::default());
        for number in [3, 1 << 20, 4096, 4095, 0] {
            assert!(slots.insert(Fd(number), slot(SocketId::at(1)), &mut registry).is_none());
            assert!(slots.insert(Fd(number), slot(SocketId::at(2)), &mut registry).is_some());
            slots.close_on_exec(Fd(number), number > 3, &mut registry);
        }
        for number in [1, 4094, 4097, u32::MAX] {
            assert!(slots.get(Fd(number)).is_none(), "{number}");
            assert!(slots.remove(Fd(number), &mut registry).is_none(), "{number}");
        }
        assert_eq!(numbers(&slots), [0, 3, 4095, 4096, 1 << 20]);
        assert_eq!(slots.unmarked_within(&(Fd(1)..=Fd(u32::MAX))), [Fd(3)]);
        assert!(slots.remove(Fd(4095), &mut registry).is_some());
        assert_eq!(fds(slots.take_within(Fd(1)..=Fd(4096), &mut registry)), [3, 4096]);
        assert_eq!(fds(slots.take_within(Fd(1)..=Fd(u32::MAX - 1), &mut registry)), [1 << 20]);
        for number in [0, 7, u32::MAX] {
            slots.insert(Fd(number), Slot { close_on_exec: number > 6, ..slot(SocketId::at(2)) }, &mut registry);
        }
        assert_eq!(fds(slots.take_closed_by_exec(&mut registry)), [7, u32::MAX]);
        assert!(fds(slots.take_closed_by_exec(&mut registry)).is_empty());
        assert_eq!(slots.first(1).len(), 1);
        let given: Vec<_> = slots.give().map(|(fd, slot)| (fd.0, slot.socket.index())).collect();
        assert_eq!(given, [(0, 2)]);
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
        assert_eq!(fds(parent.give()), [1, 2], "the child still has 17");
        assert_eq!(fds(child.give()), [2, 17]);
    }

    #[test]
    fn what_a_child_closes_stays_its_makers() {
        let mut registry = Registry::default();
        let mut parent = Slots::default();
        for number in 0..40 {
            let socket = registry.insert((Family::Inet, Transport::Stream));
            registry.refer(socket);
            parent.insert(Fd(number), Slot { close_on_exec: number >= 16, ..slot(socket) }, &mut registry);
        }
        let references =
            |registry: &Registry| -> u32 { (0..40).map(|at| registry.get(SocketId::at(at)).unwrap().references).sum() };
        let sum = references(&registry);
        let mut executed = parent.shared();
        assert_eq!((fds(executed.take_closed_by_exec(&mut registry)), numbers(&executed).len()), (Vec::new(), 16));
        let mut closed = parent.shared();
        assert_eq!(fds(closed.take_within(Fd(3)..=Fd(u32::MAX), &mut registry)), (3..16).collect::<Vec<_>>());
        assert_eq!((sum, references(&registry)), (40, 56), "one page is there twice");
        drop((executed, closed));
        assert_eq!(numbers(&parent), (0..40).collect::<Vec<_>>());
        assert_eq!(fds(parent.take_closed_by_exec(&mut registry)), (16..40).collect::<Vec<_>>());
    }
}
