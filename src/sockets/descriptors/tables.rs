//! Descriptor tables: which thread uses which table, and which open socket a descriptor stands for.
//!
//! Only sockets are kept; every other descriptor is absent. Tables follow clone, fork, exec and exit (clone(2),
//! CLONE_FILES). A thread that appears without its maker having been seen gets a table of its own.

use crate::event::{Fd, Op, Sharing, SocketDetails, Tid, Timestamp, as_usize};
use crate::limits;
use crate::sockets::descriptors::clones::{BegunClone, Clones};
use crate::sockets::descriptors::early::Early;
use crate::sockets::descriptors::slots::{Remains, Slot, Slots};
use crate::sockets::names::{SocketId, SocketNumber};
use crate::sockets::registry::Registry;
use crate::work;
use foldhash::HashMap;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// The index of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sockets) struct TableId(usize);

/// A descriptor table, used by one process or by several that share it.
#[derive(Debug, Default)]
struct Table {
    slots: Slots,
    /// How many threads of which processes use it.
    users: BTreeMap<ProcessId, u32>,
    /// Where it stands among all, in the order in which they began.
    number: u64,
    /// Nothing shows who made the thread that began with it: what to do to it once that is shown.
    early: Option<Box<Early>>,
}

impl Table {
    fn is_shared(&self) -> bool {
        self.users.len() > 1 || self.users.values().any(|users| *users > 1)
    }
}

/// The index of a process.
type ProcessId = usize;

/// The threads that go together.
#[derive(Debug)]
struct ThreadGroup {
    /// The thread it began with.
    name: Tid,
    threads: BTreeSet<Tid>,
}

/// A thread that is alive.
#[derive(Clone, Copy, Debug)]
struct Thread {
    table: TableId,
    process: ProcessId,
    /// Nothing shows who made it.
    orphan: bool,
}

/// A child whose maker returned before it was seen.
#[derive(Clone, Copy, Debug)]
struct Unclaimed {
    child: Tid,
    thread: Thread,
}

/// A descriptor that such a child starts with, if its socket is still open.
type Inherited = (Fd, Slot, SocketNumber);

/// What a clone shows to be open no longer.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Gone {
    /// Sockets that have a reference fewer, for who had it never appeared, or is another one.
    pub(in crate::sockets) given_up: Vec<SocketId>,
    /// What the child closed before, by which call.
    pub(in crate::sockets) closed: Vec<(Op, Remains)>,
}

/// How many threads' tables are found without hashing.
const RECENT: usize = 32;

/// All threads and their tables.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Tables {
    threads: HashMap<Tid, Thread>,
    slab: Slab<Table>,
    /// How many tables there have been.
    begun: u64,
    processes: Slab<ThreadGroup>,
    clones: Clones,
    /// A child has been made.
    have_children: bool,
    unclaimed: VecDeque<Unclaimed>,
    /// Threads that have ended before anything showed who made them, and when: the line of their clone may be still to come.
    ended: VecDeque<(Tid, Timestamp)>,
    /// By the number's lowest bits: a thread and its table, which few threads in turn do not make worthless.
    recent: [Option<(Tid, TableId)>; RECENT],
    /// Children of a thread without a number, and what they start with, which holds no references: without `-f` no child
    /// is ever seen, and what it held would never be closed.
    unnumbered: VecDeque<(Tid, Vec<Inherited>)>,
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
        let unclaimed = || work::each(self.unclaimed.iter()).find(|waiting| waiting.child == tid);
        let thread = self.threads.get(&tid);
        thread.or_else(|| unclaimed().map(|waiting| &waiting.thread)).map(|thread| thread.table)
    }

    /// Whether `tid` is known to be alive: by a line of its own, or by its maker's.
    pub(in crate::sockets) fn knows(&mut self, tid: Tid) -> bool {
        self.threads.contains_key(&tid) || self.claim(tid).is_some()
    }

    /// The table of a child that its maker's call showed, seen for the first time.
    fn claim(&mut self, tid: Tid) -> Option<TableId> {
        let index = work::each(self.unclaimed.iter()).position(|waiting| waiting.child == tid)?;
        let Unclaimed { thread, .. } = self.unclaimed.remove(index)?;
        self.threads.insert(tid, thread);
        Some(thread.table)
    }

    /// The process of `tid`: itself where nothing is known of it.
    pub(in crate::sockets) fn process(&self, tid: Tid) -> Tid {
        let process = self.threads.get(&tid).and_then(|thread| self.processes.get(thread.process));
        process.map_or(tid, |process| process.name)
    }

    /// A process that begins with thread `name`.
    fn begin_process(&mut self, name: Tid) -> ProcessId {
        self.processes.insert(ThreadGroup { name, threads: BTreeSet::new() })
    }

    /// A table that nobody uses yet.
    fn begin_table(&mut self, table: Table) -> TableId {
        self.begun += 1;
        TableId(self.slab.insert(Table { number: self.begun, ..table }))
    }

    /// A thread is one of its process, and uses its table.
    fn enter(&mut self, tid: Tid, thread: Thread) {
        if let Some(process) = self.processes.get_mut(thread.process) {
            process.threads.insert(tid);
        }
        if let Some(table) = self.slab.get_mut(thread.table.0) {
            *table.users.entry(thread.process).or_default() += 1;
        }
    }

    /// A thread is none of its process, and uses its table no longer; what the table held if it was the last.
    fn leave(&mut self, tid: Tid, thread: Thread) -> Remains {
        if let Some(process) = self.processes.get_mut(thread.process) {
            process.threads.remove(&tid);
            if process.threads.is_empty() {
                self.processes.remove(thread.process);
            }
        }
        self.leave_table(thread)
    }

    fn leave_table(&mut self, Thread { table, process, .. }: Thread) -> Remains {
        let Some(left) = self.slab.get_mut(table.0) else {
            return Remains::default();
        };
        if let Some(users) = left.users.get_mut(&process) {
            *users -= 1;
            if *users == 0 {
                left.users.remove(&process);
            }
        }
        if left.users.is_empty() { self.slab.remove(table.0).slots.give() } else { Remains::default() }
    }

    fn adopt(&mut self, tid: Tid, registry: &mut Registry) -> TableId {
        if let Some(table) = self.claim(tid) {
            return table;
        }
        let inherited = self.take_unnumbered(tid);
        if let (None, Some(maker)) = (&inherited, self.clones.first_childless())
            && let Some(BegunClone { sharing, .. }) = self.clones.take_for(maker, tid)
        {
            let thread = self.make(maker, sharing, tid, registry);
            self.threads.insert(tid, thread);
            return thread.table;
        }
        let orphan = inherited.is_none();
        let early = orphan.then(Box::default);
        let table = self.begin_table(Table { early, ..Table::default() });
        let thread = Thread { table, process: self.begin_process(tid), orphan };
        self.enter(tid, thread);
        self.threads.insert(tid, thread);
        for (fd, slot, number) in inherited.into_iter().flatten() {
            if registry.get(slot.socket).is_some_and(|open| open.number == number) {
                registry.refer(slot.socket);
                self.put(table, fd, slot, registry);
            }
        }
        table
    }

    /// What a child of `maker` starts with.
    fn make(&mut self, maker: Tid, sharing: Sharing, child: Tid, registry: &mut Registry) -> Thread {
        let maker_table = self.of(maker, registry);
        let process = match self.threads.get(&maker) {
            Some(thread) if sharing.thread => thread.process,
            _ => self.begin_process(child),
        };
        self.have_children = true;
        let table = if sharing.files {
            maker_table
        } else {
            let slots = self.slab.get(maker_table.0).map(|table| table.slots.shared()).unwrap_or_default();
            self.begin_table(Table { slots, ..Table::default() })
        };
        let thread = Thread { table, process, orphan: false };
        self.enter(child, thread);
        thread
    }

    /// A clone has begun in `maker`: a thread that appears before it returns is its child.
    pub(in crate::sockets) fn clone_begun(&mut self, maker: Tid, sharing: Sharing) {
        self.clones.begin(maker, sharing);
    }

    /// A thread has ended at `time`: if nothing has shown who made it, its clone may do so yet.
    pub(in crate::sockets) fn note_end(&mut self, tid: Tid, time: Timestamp) {
        if self.threads.get(&tid).is_none_or(|thread| thread.orphan) {
            self.ended.push_back((tid, time));
            if self.ended.len() > limits::ENDED_CHILDREN {
                self.ended.pop_front();
            }
        }
    }

    /// Whether the child of a clone that began at `entry` has ended before the line of that.
    fn has_ended(&mut self, child: Tid, entry: Timestamp) -> bool {
        let is_it = |(tid, end): &(Tid, Timestamp)| *tid == child && entry <= *end;
        let index = work::each(self.ended.iter()).rposition(is_it);
        index.and_then(|index| self.ended.remove(index)).is_some()
    }

    /// A clone that began at `entry` returned. `gone` gets what was given up because a child never appeared, or had
    /// its number from one that is gone; true then.
    pub(in crate::sockets) fn cloned(
        &mut self,
        (maker, entry): (Tid, Timestamp),
        child: Option<Tid>,
        sharing: Sharing,
        registry: &mut Registry,
        gone: &mut Gone,
    ) -> bool {
        let begun = self.clones.end(maker);
        let Some(child) = child else { return false };
        if let Some(BegunClone { child: Some(guessed), .. }) = begun {
            // Its lines came first, perhaps under another number (PID namespaces).
            if guessed == child || !self.exchange((maker, sharing), guessed, child, registry, &mut gone.given_up) {
                return false;
            }
            if self.threads.contains_key(&child) {
                return false;
            }
        }
        if let Some(known) = self.threads.get(&child).copied() {
            self.made_late(maker, child, (sharing, known), registry, gone);
            return !known.orphan;
        }
        if self.has_ended(child, entry) {
            return false;
        }
        if maker == Tid(0) && !sharing.files {
            let table = self.of(maker, registry);
            let slots = self.slab.get(table.0).map(|table| table.slots.first(limits::INHERITED_SOCKETS));
            let inherited = slots
                .into_iter()
                .flatten()
                .filter_map(|(fd, slot)| Some((fd, slot.clone(), registry.get(slot.socket)?.number)));
            self.unnumbered.push_back((child, inherited.collect()));
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
            gone.given_up.extend(self.leave(oldest.child, oldest.thread).map(|(_, slot)| slot.socket));
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
        let of_child = self.clones.of_child(child);
        let Some(other) = of_child.or_else(|| self.clones.first_childless()) else {
            return false;
        };
        let Some(other) = self.clones.take_for(other, guessed) else {
            return false;
        };
        self.remake(guessed, maker, (other.maker, other.sharing), registry, dropped);
        if of_child.is_some() {
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
        for (fd, slot) in held {
            let is_copy = wrong.and_then(|table| self.slot(table, fd)).is_some_and(|of| of.socket == slot.socket);
            if is_copy {
                dropped.push(slot.socket);
            } else if let Some(replaced) = self.put(table, fd, slot, registry) {
                dropped.push(replaced.socket);
            }
        }
    }

    /// `maker` made a thread that is known already. Where nobody had made it, its first lines stand before its maker's
    /// call (`-z`, or a file for each thread), and what they opened and closed is so; else it is another one of that number.
    fn made_late(
        &mut self,
        maker: Tid,
        child: Tid,
        (sharing, known): (Sharing, Thread),
        registry: &mut Registry,
        gone: &mut Gone,
    ) {
        let early = self.slab.get_mut(known.table.0).filter(|_| known.orphan).and_then(|table| table.early.take());
        let (mut table, opened) = self.begin_anew(child, (maker, sharing), registry);
        if let Some(early) = early {
            if early.has_executed() {
                self.unshare(child);
                table = self.of(child, registry);
                gone.closed.push((Op::Exec, self.take_closed_by_exec(table, registry)));
            }
            for range in early.closed() {
                gone.closed.push((Op::Close, self.take_within(table, range, registry)));
            }
        }
        for (fd, slot) in opened {
            if known.orphan && self.slot(table, fd).is_none() {
                self.put(table, fd, slot, registry);
            } else {
                gone.given_up.push(slot.socket);
            }
        }
    }

    /// Lets a thread that is known begin as a child of `maker`: its table, and what it had open before.
    fn begin_anew(
        &mut self,
        child: Tid,
        (maker, sharing): (Tid, Sharing),
        registry: &mut Registry,
    ) -> (TableId, Remains) {
        let before = self.ended(child);
        let thread = self.make(maker, sharing, child, registry);
        self.threads.insert(child, thread);
        (thread.table, before)
    }

    fn take_unnumbered(&mut self, tid: Tid) -> Option<Vec<Inherited>> {
        let index = self.unnumbered.iter().position(|(child, _)| *child == tid)?;
        self.unnumbered.remove(index).map(|(_, inherited)| inherited)
    }

    /// `tid` ended; what its table held, if nothing else uses it.
    pub(in crate::sockets) fn ended(&mut self, tid: Tid) -> Remains {
        self.recent.fill(None);
        self.clones.end(tid);
        match self.threads.remove(&tid) {
            Some(thread) => self.leave(tid, thread),
            None => Remains::default(),
        }
    }

    /// `tid`'s process began to end: what its table held, if no other process shares it. Its threads stay known until
    /// their own ends.
    pub(in crate::sockets) fn process_ended(&mut self, tid: Tid) -> Remains {
        let Some(&ending) = self.threads.get(&tid) else {
            return Remains::default();
        };
        match self.slab.get_mut(ending.table.0) {
            Some(table) if table.users.keys().all(|process| *process == ending.process) => {
                std::mem::take(&mut table.slots).give()
            }
            _ => Remains::default(),
        }
    }

    /// Whether a process or thread has made another one.
    pub(in crate::sockets) const fn have_children(&self) -> bool {
        self.have_children
    }

    /// Whether other threads of `tid`'s process are known, be it by their maker's call alone: what they have under way ends
    /// before the process does.
    pub(in crate::sockets) fn has_siblings(&self, tid: Tid) -> bool {
        let Some(thread) = self.threads.get(&tid) else {
            return false;
        };
        self.slab.get(thread.table.0).is_some_and(Table::is_shared)
            && self.processes.get(thread.process).is_some_and(|process| process.threads.len() > 1)
    }

    /// `tid` has a table of its own from here on (unshare(CLONE_FILES), execve).
    pub(in crate::sockets) fn unshare(&mut self, tid: Tid) {
        let Some(&thread) = self.threads.get(&tid) else {
            return;
        };
        let Some(slots) =
            self.slab.get(thread.table.0).filter(|table| table.is_shared()).map(|table| table.slots.shared())
        else {
            return;
        };
        let table = self.begin_table(Table { slots, ..Table::default() });
        let own = Thread { table, ..thread };
        self.enter(tid, own);
        self.threads.insert(tid, own);
        self.leave_table(thread);
        self.recent.fill(None);
    }

    /// The thread `by` goes on under the number `leader` (execve by another thread than the first).
    pub(in crate::sockets) fn superseded(&mut self, leader: Tid, by: Tid) {
        self.recent.fill(None);
        let Some(thread) = self.threads.remove(&by) else {
            return;
        };
        if let Some(before) = self.threads.insert(leader, thread) {
            self.leave(leader, before);
        }
        self.enter(leader, thread);
        self.leave(by, thread);
        if let Some(process) = self.processes.get_mut(thread.process).filter(|process| process.name == by) {
            process.name = leader;
        }
    }

    /// The other threads of `tid`'s process, which execve ends.
    pub(in crate::sockets) fn siblings(&self, tid: Tid) -> Vec<Tid> {
        let process = self.threads.get(&tid).and_then(|thread| self.processes.get(thread.process));
        let threads = work::each(process.into_iter().flat_map(|process| &process.threads)).copied();
        threads.filter(|other| *other != tid && self.threads.contains_key(other)).collect()
    }

    /// What `fd` stands for.
    pub(in crate::sockets) fn slot(&self, table: TableId, fd: Fd) -> Option<&Slot> {
        self.slab.get(table.0)?.slots.get(fd)
    }

    /// What `fd` stands for in all processes seen before `tid` that have it open, where nothing shows who made that.
    pub(in crate::sockets) fn inherited(&self, tid: Tid, fd: Fd) -> Option<SocketId> {
        let thread = self.threads.get(&tid).filter(|thread| thread.orphan)?;
        let number = self.slab.get(thread.table.0)?.number;
        if self.slab.len() > limits::POSSIBLE_MAKERS {
            return None;
        }
        let makers = work::each(self.slab.iter()).filter(|(_, table)| table.number < number);
        let mut sockets = makers.filter_map(|(_, table)| Some(table.slots.get(fd)?.socket));
        let first = sockets.next()?;
        sockets.all(|other| other == first).then_some(first)
    }

    /// Whether execve closes `fd`.
    pub(in crate::sockets) fn close_on_exec(&mut self, table: TableId, fd: Fd, on: bool, registry: &mut Registry) {
        if let Some(table) = self.slab.get_mut(table.0) {
            table.slots.close_on_exec(fd, on, registry);
        }
    }

    /// These details were printed for `fd` last.
    pub(in crate::sockets) fn see(&mut self, table: TableId, fd: Fd, details: &SocketDetails, registry: &mut Registry) {
        if let Some(table) = self.slab.get_mut(table.0) {
            table.slots.see(fd, details, registry);
        }
    }

    /// Makes `fd` stand for a socket; what it stood for before.
    pub(in crate::sockets) fn put(
        &mut self,
        table: TableId,
        fd: Fd,
        slot: Slot,
        registry: &mut Registry,
    ) -> Option<Slot> {
        self.slab.get_mut(table.0)?.slots.insert(fd, slot, registry)
    }

    /// Makes `fd` stand for no socket; what it stood for before.
    pub(in crate::sockets) fn take(&mut self, table: TableId, fd: Fd, registry: &mut Registry) -> Option<Slot> {
        self.slab.get_mut(table.0)?.slots.remove(fd, registry)
    }

    /// What is done to `table` before the clone's line of the thread that began with it; none if nothing is to come.
    pub(in crate::sockets) fn early(&mut self, table: TableId) -> Option<&mut Early> {
        self.slab.get_mut(table.0)?.early.as_deref_mut()
    }

    /// The descriptors of `table` in a range that execve does not close.
    pub(in crate::sockets) fn unmarked_within(&self, table: TableId, range: &RangeInclusive<Fd>) -> Vec<Fd> {
        self.slab.get(table.0).map(|table| table.slots.unmarked_within(range)).unwrap_or_default()
    }

    /// Makes the descriptors of `table` in a range stand for no socket; what of them no other table shares.
    pub(in crate::sockets) fn take_within(
        &mut self,
        table: TableId,
        range: RangeInclusive<Fd>,
        registry: &mut Registry,
    ) -> Remains {
        self.slab.get_mut(table.0).map(|table| table.slots.take_within(range, registry)).unwrap_or_default()
    }

    /// The same of those that execve closes.
    pub(in crate::sockets) fn take_closed_by_exec(&mut self, table: TableId, registry: &mut Registry) -> Remains {
        self.slab.get_mut(table.0).map(|table| table.slots.take_closed_by_exec(registry)).unwrap_or_default()
    }
}
