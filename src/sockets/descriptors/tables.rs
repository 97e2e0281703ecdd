//! Descriptor tables: which thread uses which table, and which open socket a descriptor stands for.
//!
//! Only sockets are kept; every other descriptor is absent. Tables follow clone, fork, exec and exit (clone(2),
//! CLONE_FILES). A thread that appears without its maker having been seen gets a table of its own.

use crate::event::{Fd, Sharing, Tid, as_usize};
use crate::limits;
use crate::sockets::descriptors::slots::{Slot, Slots};
use crate::sockets::names::SocketId;
use crate::sockets::registry::Registry;
use rustc_hash::FxHashMap;
use slab::Slab;
use std::collections::VecDeque;

/// The index of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sockets) struct TableId(usize);

/// A descriptor table, used by one process or by several that share it.
#[derive(Clone, Debug, Default)]
struct Table {
    slots: Slots,
    users: u32,
}

/// A thread that is alive.
#[derive(Clone, Copy, Debug)]
struct Thread {
    table: TableId,
    /// The thread's process, by the thread it began with.
    process: Tid,
    /// Nothing shows who made it.
    orphan: bool,
}

/// A clone that has begun and not returned.
#[derive(Clone, Copy, Debug)]
struct Pending {
    maker: Tid,
    sharing: Sharing,
    child: Option<Tid>,
}

/// A child whose maker returned before it was seen.
#[derive(Clone, Copy, Debug)]
struct Unclaimed {
    child: Tid,
    thread: Thread,
}

/// How many threads' tables are found without hashing.
const RECENT: usize = 32;

/// All threads and their tables.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Tables {
    threads: FxHashMap<Tid, Thread>,
    slab: Slab<Table>,
    have_been_shared: bool,
    pending: Vec<Pending>,
    unclaimed: VecDeque<Unclaimed>,
    /// By the number's lowest bits: a thread and its table, which few threads in turn do not make worthless.
    recent: [Option<(Tid, TableId)>; RECENT],
    /// Children of a thread without a number, and copies of its table that hold no references: without `-f` no child is
    /// ever seen, and what it held would never be closed.
    unnumbered: VecDeque<(Tid, Slots)>,
}

impl Tables {
    /// The table that `tid` uses; a thread not seen before is given one, whose sockets have one reference more
    /// in `registry`.
    #[inline(always)]
    pub(in crate::sockets) fn of(&mut self, tid: Tid, registry: &mut Registry) -> TableId {
        match self.recent.get(Self::index(tid)) {
            Some(Some((recent, table))) if *recent == tid => *table,
            _ => self.look_up(tid, registry),
        }
    }

    /// Where a thread's table is remembered.
    const fn index(tid: Tid) -> usize {
        as_usize(tid.0) % RECENT
    }

    #[inline(never)]
    fn look_up(&mut self, tid: Tid, registry: &mut Registry) -> TableId {
        let table = match self.threads.get(&tid) {
            Some(thread) => thread.table,
            None => self.adopt(tid, registry),
        };
        if let Some(recent) = self.recent.get_mut(Self::index(tid)) {
            *recent = Some((tid, table));
        }
        table
    }

    /// The table of a thread that was seen or made before.
    pub(in crate::sockets) fn known(&self, tid: Tid) -> Option<TableId> {
        let unclaimed = || self.unclaimed.iter().find(|waiting| waiting.child == tid);
        let thread = self.threads.get(&tid);
        thread.or_else(|| unclaimed().map(|waiting| &waiting.thread)).map(|thread| thread.table)
    }

    /// Whether `tid` is known to be alive: by a line of its own, or by its maker's.
    pub(in crate::sockets) fn knows(&mut self, tid: Tid) -> bool {
        self.threads.contains_key(&tid) || self.claim(tid).is_some()
    }

    /// The table of a child that its maker's call showed, seen for the first time.
    fn claim(&mut self, tid: Tid) -> Option<TableId> {
        let index = self.unclaimed.iter().position(|waiting| waiting.child == tid)?;
        let Unclaimed { thread, .. } = self.unclaimed.remove(index)?;
        self.threads.insert(tid, thread);
        Some(thread.table)
    }

    /// The process of `tid`: itself where nothing is known of it.
    pub(in crate::sockets) fn process(&self, tid: Tid) -> Tid {
        self.threads.get(&tid).map_or(tid, |thread| thread.process)
    }

    fn adopt(&mut self, tid: Tid, registry: &mut Registry) -> TableId {
        if let Some(table) = self.claim(tid) {
            return table;
        }
        if let Some(slots) = self.take_unnumbered(tid) {
            slots.iter().for_each(|(_, slot)| registry.refer(slot.socket));
            let table = TableId(self.slab.insert(Table { slots, users: 1 }));
            let thread = Thread { table, process: tid, orphan: false };
            self.threads.insert(tid, thread);
            return table;
        }
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.child.is_none()) {
            pending.child = Some(tid);
            let Pending { maker, sharing, .. } = *pending;
            let thread = self.make(maker, sharing, tid, registry);
            self.threads.insert(tid, thread);
            return thread.table;
        }
        let table = TableId(self.slab.insert(Table { users: 1, ..Table::default() }));
        self.threads.insert(tid, Thread { table, process: tid, orphan: true });
        table
    }

    /// What a child of `maker` starts with.
    fn make(&mut self, maker: Tid, sharing: Sharing, child: Tid, registry: &mut Registry) -> Thread {
        let maker_table = self.of(maker, registry);
        let process = match self.threads.get(&maker) {
            Some(thread) if sharing.thread => thread.process,
            _ => child,
        };
        if sharing.files {
            if let Some(table) = self.slab.get_mut(maker_table.0) {
                table.users += 1;
                self.have_been_shared = true;
            }
            return Thread { table: maker_table, process, orphan: false };
        }
        let mut copy = self.slab.get(maker_table.0).cloned().unwrap_or_default();
        copy.users = 1;
        copy.slots.iter().for_each(|(_, slot)| registry.refer(slot.socket));
        Thread { table: TableId(self.slab.insert(copy)), process, orphan: false }
    }

    /// A clone has begun in `maker`: a thread that appears before it returns is its child.
    pub(in crate::sockets) fn clone_begun(&mut self, maker: Tid, sharing: Sharing) {
        if self.pending.len() < limits::PENDING_CLONES {
            self.pending.push(Pending { maker, sharing, child: None });
        }
    }

    /// A clone returned. `dropped` gets the sockets whose reference was given up because a child never appeared, or had
    /// its number from one that is gone; true then.
    pub(in crate::sockets) fn cloned(
        &mut self,
        maker: Tid,
        child: Option<Tid>,
        sharing: Sharing,
        registry: &mut Registry,
        dropped: &mut Vec<SocketId>,
    ) -> bool {
        let begun =
            self.pending.iter().position(|pending| pending.maker == maker).map(|index| self.pending.remove(index));
        let Some(child) = child else { return false };
        if let Some(Pending { child: Some(guessed), .. }) = begun {
            // Its lines came first, perhaps under another number (PID namespaces).
            if guessed == child || !self.exchange((maker, sharing), guessed, child, registry, dropped) {
                return false;
            }
            if self.threads.contains_key(&child) {
                return false;
            }
        }
        if let Some(known) = self.threads.get(&child).copied() {
            self.made_late(maker, child, (sharing, known.orphan), registry, dropped);
            return !known.orphan;
        }
        if maker == Tid(0) && !sharing.files {
            let table = self.of(maker, registry);
            let slots = self.slab.get(table.0).map(|table| table.slots.clone());
            self.unnumbered.push_back((child, slots.unwrap_or_default()));
            if self.unnumbered.len() > limits::UNNUMBERED_CHILDREN {
                self.unnumbered.pop_front();
            }
            return false;
        }
        let thread = self.make(maker, sharing, child, registry);
        self.unclaimed.push_back(Unclaimed { child, thread });
        if self.unclaimed.len() > limits::UNCLAIMED_CHILDREN
            && let Some(oldest) = self.unclaimed.pop_front()
        {
            dropped.extend(self.leave(oldest.thread.table).give().map(|(_, slot)| slot.socket));
        }
        false
    }

    /// Two threads had clones open at once: `guessed`, seen first, was taken for the child of `maker`, which says now that
    /// another one is, so that it is another maker's. Whether it was; each has the other's descriptors no longer.
    fn exchange(
        &mut self,
        (maker, sharing): (Tid, Sharing),
        guessed: Tid,
        child: Tid,
        registry: &mut Registry,
        dropped: &mut Vec<SocketId>,
    ) -> bool {
        let is_its = |pending: &&mut Pending| pending.child == Some(child);
        let seen = self.pending.iter_mut().find(is_its).is_some();
        let takes = |pending: &&mut Pending| if seen { pending.child == Some(child) } else { pending.child.is_none() };
        let Some(other) = self.pending.iter_mut().find(takes) else {
            return false;
        };
        other.child = Some(guessed);
        let other = *other;
        self.remake(guessed, maker, (other.maker, other.sharing), registry, dropped);
        if seen {
            self.remake(child, other.maker, (maker, sharing), registry, dropped);
        }
        true
    }

    /// `child` is no child of `wrong` but of `maker`: what it has opened itself stays its own.
    fn remake(
        &mut self,
        child: Tid,
        wrong: Tid,
        (maker, sharing): (Tid, Sharing),
        registry: &mut Registry,
        dropped: &mut Vec<SocketId>,
    ) {
        let (table, held) = self.begin_anew(child, (maker, sharing), registry);
        let wrong = self.known(wrong);
        for (fd, slot) in held.give() {
            let is_copy = wrong.and_then(|table| self.slot(table, fd)).is_some_and(|of| of.socket == slot.socket);
            if is_copy {
                dropped.push(slot.socket);
            } else if let Some(replaced) = self.put(table, fd, slot) {
                dropped.push(replaced.socket);
            }
        }
    }

    /// `maker` made a thread that is known already. Where nobody had made it, its first lines stand before its maker's
    /// call (`-z`, or a file for each thread), and what they opened is its own; else it is another one of that number.
    fn made_late(
        &mut self,
        maker: Tid,
        child: Tid,
        (sharing, orphan): (Sharing, bool),
        registry: &mut Registry,
        dropped: &mut Vec<SocketId>,
    ) {
        let (table, opened) = self.begin_anew(child, (maker, sharing), registry);
        for (fd, slot) in opened.give() {
            if orphan && self.slot(table, fd).is_none() {
                self.put(table, fd, slot);
            } else {
                dropped.push(slot.socket);
            }
        }
    }

    /// Lets a thread that is known begin as a child of `maker`: its table, and what it had open before.
    fn begin_anew(
        &mut self,
        child: Tid,
        (maker, sharing): (Tid, Sharing),
        registry: &mut Registry,
    ) -> (TableId, Slots) {
        let before = self.ended(child);
        let thread = self.make(maker, sharing, child, registry);
        self.threads.insert(child, thread);
        (thread.table, before)
    }

    fn take_unnumbered(&mut self, tid: Tid) -> Option<Slots> {
        let index = self.unnumbered.iter().position(|(child, _)| *child == tid)?;
        self.unnumbered.remove(index).map(|(_, slots)| slots)
    }

    /// The last reference to `socket` is gone.
    pub(in crate::sockets) fn closed(&mut self, socket: SocketId) {
        for (_, slots) in &mut self.unnumbered {
            slots.forget(socket);
        }
    }

    /// One user of `table` is gone; what it held if it was the last.
    fn leave(&mut self, table: TableId) -> Slots {
        let Some(left) = self.slab.get_mut(table.0) else {
            return Slots::default();
        };
        left.users = left.users.saturating_sub(1);
        if left.users > 0 {
            return Slots::default();
        }
        self.slab.remove(table.0).slots
    }

    /// `tid` ended; what its table held, if nothing else uses it.
    pub(in crate::sockets) fn ended(&mut self, tid: Tid) -> Slots {
        self.recent.fill(None);
        self.pending.retain(|pending| pending.maker != tid);
        match self.threads.remove(&tid) {
            Some(thread) => self.leave(thread.table),
            None => Slots::default(),
        }
    }

    /// `tid`'s process began to end: what its table held, if no other process shares it. Its threads stay known until
    /// their own ends.
    pub(in crate::sockets) fn process_ended(&mut self, tid: Tid) -> Slots {
        let Some(&ending) = self.threads.get(&tid) else {
            return Slots::default();
        };
        let shared =
            self.threads.values().any(|thread| thread.table == ending.table && thread.process != ending.process);
        match self.slab.get_mut(ending.table.0) {
            Some(table) if !shared => std::mem::take(&mut table.slots),
            _ => Slots::default(),
        }
    }

    /// Whether threads have shared a table.
    pub(in crate::sockets) const fn are_shared(&self) -> bool {
        self.have_been_shared
    }

    /// Whether several threads use a table.
    pub(in crate::sockets) fn is_shared(&self, table: TableId) -> bool {
        self.slab.get(table.0).is_some_and(|table| table.users > 1)
    }

    /// Whether other threads of `tid`'s process are known, be it by their maker's call alone: what they have under way ends
    /// before the process does.
    pub(in crate::sockets) fn has_siblings(&self, tid: Tid) -> bool {
        let Some(thread) = self.threads.get(&tid) else {
            return false;
        };
        let is_shared = self.is_shared(thread.table);
        let unseen = self.unclaimed.iter().map(|waiting| (&waiting.child, &waiting.thread));
        let mut others = self.threads.iter().chain(unseen);
        is_shared && others.any(|(other, at)| *other != tid && at.process == thread.process)
    }

    /// `tid` has a table of its own from here on (unshare(CLONE_FILES), execve).
    pub(in crate::sockets) fn unshare(&mut self, tid: Tid, registry: &mut Registry) {
        let Some(&thread) = self.threads.get(&tid) else {
            return;
        };
        let alone = self.slab.get(thread.table.0).is_none_or(|table| table.users <= 1);
        if alone {
            return;
        }
        let own = self.make(tid, Sharing::default(), tid, registry);
        self.threads.insert(tid, own);
        self.leave(thread.table);
        self.recent.fill(None);
    }

    /// The thread `by` goes on under the number `leader` (execve by another thread than the first).
    pub(in crate::sockets) fn superseded(&mut self, leader: Tid, by: Tid) {
        self.recent.fill(None);
        if let Some(thread) = self.threads.remove(&by) {
            if let Some(old) = self.threads.insert(leader, thread) {
                self.leave(old.table);
            }
            for other in self.threads.values_mut().filter(|other| other.process == by) {
                other.process = leader;
            }
        }
    }

    /// The other threads of `tid`'s process, which execve ends.
    pub(in crate::sockets) fn siblings(&self, tid: Tid) -> Vec<Tid> {
        let Some(thread) = self.threads.get(&tid) else {
            return Vec::new();
        };
        let mut siblings: Vec<Tid> = self
            .threads
            .iter()
            .filter(|(other, at)| **other != tid && at.process == thread.process)
            .map(|(other, _)| *other)
            .collect();
        siblings.sort_unstable();
        siblings
    }

    /// What `fd` stands for.
    pub(in crate::sockets) fn slot(&self, table: TableId, fd: Fd) -> Option<&Slot> {
        self.slab.get(table.0)?.slots.get(fd)
    }

    /// What `fd` stands for, to change it.
    pub(in crate::sockets) fn slot_mut(&mut self, table: TableId, fd: Fd) -> Option<&mut Slot> {
        self.slab.get_mut(table.0)?.slots.get_mut(fd)
    }

    /// Makes `fd` stand for a socket; what it stood for before.
    pub(in crate::sockets) fn put(&mut self, table: TableId, fd: Fd, slot: Slot) -> Option<Slot> {
        self.slab.get_mut(table.0)?.slots.insert(fd, slot)
    }

    /// Makes `fd` stand for no socket; what it stood for before.
    pub(in crate::sockets) fn take(&mut self, table: TableId, fd: Fd) -> Option<Slot> {
        self.slab.get_mut(table.0)?.slots.remove(fd)
    }

    /// The descriptors of `table` in a range, or those that execve closes.
    pub(in crate::sockets) fn matching(&self, table: TableId, wanted: impl Fn(Fd, &Slot) -> bool) -> Vec<Fd> {
        let slots = self.slab.get(table.0).map(|table| &table.slots);
        slots.into_iter().flat_map(Slots::iter).filter(|(fd, slot)| wanted(*fd, slot)).map(|(fd, _)| fd).collect()
    }
}
