//! What clone, exec, exit, dup and close_range do to descriptors.

use crate::event::{Descriptor, Event, Fd, Op, Sharing, Tid, What};
use crate::sockets::identity::refer;
use crate::sockets::slots::Slots;
use crate::sockets::{Change, Sockets};

impl Sockets {
    /// An event that concerns descriptors and processes, not one socket.
    pub(super) fn process_event<F: FnMut(&Change<'_>)>(&mut self, event: &Event<'_>, sink: &mut F) {
        match &event.what {
            What::Duplicate { from, made, close_on_exec } => {
                self.duplicated(event, [*from, *made], *close_on_exec, sink);
            }
            What::Appeared { made, second, close_on_exec } => {
                for made in [Some(*made), *second].into_iter().flatten() {
                    self.arrived(event, made, None, *close_on_exec, sink);
                }
            }
            What::Opaque { made: Some(made) } => self.arrived(event, *made, None, true, sink),
            What::Pipe { reader, writer, close_on_exec } => {
                self.pipe_made(event, [*reader, *writer], *close_on_exec, sink);
            }
            What::PipeOpened { made, access, close_on_exec } => {
                self.pipe_opened(event, *made, *access, *close_on_exec, sink);
            }
            What::PidfdOpened { made, process } => {
                self.pidfd_opened(event, *made, *process, sink);
            }
            What::Fetched { pidfd, process, from, made } => {
                self.fetched(event, *process, [pidfd.fd, *from], *made, sink);
            }
            What::CloseOnExec { fd, on } => self.set_close_on_exec(event, *fd, *on),
            What::CloseRange { first, last, only_mark, unshare } => {
                if *unshare {
                    self.unshare(event.tid);
                }
                self.range_closed(event, *first..=*last, *only_mark, sink);
            }
            What::CloneBegun { sharing } => {
                self.table(event);
                self.tables.clone_begun(event.tid, *sharing);
            }
            What::Cloned { child, sharing } => {
                self.cloned(event, *child, *sharing, sink);
                if let Some(child) = *child {
                    sink(&Change::Begot { by: event.tid, child });
                }
            }
            What::Called { name } => sink(&Change::Called { tid: event.tid, name }),
            What::UnsharedFiles => self.unshare(event.tid),
            What::Executed { name } => {
                if let Some(name) = name {
                    sink(&Change::Called { tid: event.tid, name });
                }
                self.executed(event, sink);
            }
            What::Superseded { by } => self.superseded(event.tid, *by),
            What::Ended { group } => self.ended(event, *group, sink),
            _ => {}
        }
    }

    fn set_close_on_exec(&mut self, event: &Event<'_>, fd: Fd, on: bool) {
        let table = self.table(event);
        if let Some(slot) = self.tables.slot_mut(table, fd) {
            slot.close_on_exec = on;
        }
    }

    /// `tid` is what the thread `by` is from here on.
    fn superseded(&mut self, tid: Tid, by: Tid) {
        self.tables.superseded(tid, by);
        // Not one that executed another program: the leader's own sessions go on.
        if by == Tid(0) {
            self.sessions.numbered(by, tid);
        }
    }

    /// clone, fork or vfork returned.
    fn cloned<F: FnMut(&Change<'_>)>(&mut self, event: &Event<'_>, child: Option<Tid>, sharing: Sharing, sink: &mut F) {
        self.table(event);
        let mut dropped = Vec::new();
        let open = &mut self.open;
        let again = self
            .tables
            .cloned(event.tid, child, sharing, &mut |socket| refer(open, socket), &mut |socket| dropped.push(socket));
        for socket in dropped {
            self.drop_reference(socket, None, sink);
        }
        if let Some(child) = child.filter(|_| again) {
            self.sessions.forget(child);
        }
    }

    fn duplicated<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        [from, made]: [Descriptor<'_>; 2],
        close_on_exec: bool,
        sink: &mut F,
    ) {
        let socket = self.locate(event, from, sink);
        // dup2 of a descriptor onto itself does nothing.
        if from.fd != made.fd {
            self.arrived(event, made, socket, close_on_exec, sink);
        }
    }

    fn range_closed<F: FnMut(&Change<'_>)>(
        &mut self,
        event: &Event<'_>,
        range: std::ops::RangeInclusive<Fd>,
        only_mark: bool,
        sink: &mut F,
    ) {
        let table = self.table(event);
        for fd in self.tables.matching(table, |fd, _| range.contains(&fd)) {
            if only_mark {
                if let Some(slot) = self.tables.slot_mut(table, fd) {
                    slot.close_on_exec = true;
                }
            } else {
                self.vacate(event, table, fd, Op::Replace, sink);
            }
        }
    }

    fn unshare(&mut self, tid: Tid) {
        let open = &mut self.open;
        self.tables.unshare(tid, &mut |socket| refer(open, socket));
    }

    /// execve: the table is the process's own, the other threads are gone, and what is marked close-on-exec is closed.
    fn executed<F: FnMut(&Change<'_>)>(&mut self, event: &Event<'_>, sink: &mut F) {
        let table = self.table(event);
        for sibling in self.tables.siblings(event.tid) {
            let held = self.tables.ended(sibling);
            self.give_up(event, held, Op::Exec, sink);
        }
        self.unshare(event.tid);
        let table = if self.tables.knows(event.tid) { self.table(event) } else { table };
        for fd in self.tables.matching(table, |_, slot| slot.close_on_exec) {
            self.vacate(event, table, fd, Op::Exec, sink);
        }
    }

    fn ended<F: FnMut(&Change<'_>)>(&mut self, event: &Event<'_>, group: bool, sink: &mut F) {
        if !self.tables.knows(event.tid) {
            return;
        }
        if group {
            let held = self.tables.process_ended(event.tid);
            self.give_up(event, held, Op::Exit, sink);
        } else {
            let held = self.tables.ended(event.tid);
            self.give_up(event, held, Op::Exit, sink);
        }
        self.sessions.forget(event.tid);
    }

    /// A whole table is gone.
    fn give_up<F: FnMut(&Change<'_>)>(&mut self, event: &Event<'_>, held: Slots, op: Op, sink: &mut F) {
        for (fd, slot) in held.give() {
            self.let_go(event, fd, &slot, op, sink);
        }
    }
}
