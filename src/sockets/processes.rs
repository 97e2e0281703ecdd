//! What clone, exec, exit, dup and close_range do to descriptors.

use crate::event::{Descriptor, Event, Fd, Op, Sharing, Tid, What};
use crate::sockets::Sockets;
use crate::sockets::identity::refer;
use crate::sockets::slots::Slots;

impl Sockets {
    /// An event that concerns descriptors and processes, not one socket.
    pub(super) fn process_event(&mut self, event: &Event<'_>) {
        match &event.what {
            What::Duplicate { from, made, close_on_exec } => self.duplicated(event, [*from, *made], *close_on_exec),
            What::Appeared { made, close_on_exec } => self.arrived(event, *made, None, *close_on_exec),
            What::Pipe { reader, writer, close_on_exec } => self.pipe_made(event, [*reader, *writer], *close_on_exec),
            What::PipeOpened { made, access, close_on_exec } => self.pipe_opened(event, *made, *access, *close_on_exec),
            What::PidfdOpened { made, process } => {
                self.pidfd_opened(event, *made, *process);
            }
            What::Fetched { pidfd, process, from, made } => self.fetched(event, *process, [pidfd.fd, *from], *made),
            What::CloseOnExec { fd, on } => self.set_close_on_exec(event, *fd, *on),
            What::CloseRange { first, last, only_mark, unshare } => {
                if *unshare {
                    self.unshare(event.tid);
                }
                self.range_closed(event, *first..=*last, *only_mark);
            }
            What::CloneBegun { sharing } => {
                self.table(event);
                self.tables.clone_begun(event.tid, *sharing);
            }
            What::Cloned { child, sharing } => {
                self.cloned(event, *child, *sharing);
            }
            What::UnsharedFiles => self.unshare(event.tid),
            What::Executed => self.executed(event),
            What::Superseded { by } => self.superseded(event.tid, *by),
            What::Ended { group } => self.ended(event, *group),
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
    fn cloned(&mut self, event: &Event<'_>, child: Option<Tid>, sharing: Sharing) {
        self.table(event);
        let mut dropped = Vec::new();
        let open = &mut self.open;
        let again = self
            .tables
            .cloned(event.tid, child, sharing, &mut |socket| refer(open, socket), &mut |socket| dropped.push(socket));
        for socket in dropped {
            self.drop_reference(socket, None);
        }
        if let Some(child) = child.filter(|_| again) {
            self.sessions.forget(child);
        }
    }

    fn duplicated(&mut self, event: &Event<'_>, [from, made]: [Descriptor<'_>; 2], close_on_exec: bool) {
        let socket = self.locate(event, from);
        // dup2 of a descriptor onto itself does nothing.
        if from.fd != made.fd {
            self.arrived(event, made, socket, close_on_exec);
        }
    }

    fn range_closed(&mut self, event: &Event<'_>, range: std::ops::RangeInclusive<Fd>, only_mark: bool) {
        let table = self.table(event);
        for fd in self.tables.matching(table, |fd, _| range.contains(&fd)) {
            if only_mark {
                if let Some(slot) = self.tables.slot_mut(table, fd) {
                    slot.close_on_exec = true;
                }
            } else {
                self.vacate(event, table, fd, Op::Replace);
            }
        }
    }

    fn unshare(&mut self, tid: Tid) {
        let open = &mut self.open;
        self.tables.unshare(tid, &mut |socket| refer(open, socket));
    }

    /// execve: the table is the process's own, the other threads are gone, and what is marked close-on-exec is closed.
    fn executed(&mut self, event: &Event<'_>) {
        let table = self.table(event);
        for sibling in self.tables.siblings(event.tid) {
            let held = self.tables.ended(sibling);
            self.give_up(event, held, Op::Exec);
        }
        self.unshare(event.tid);
        let table = if self.tables.knows(event.tid) { self.table(event) } else { table };
        for fd in self.tables.matching(table, |_, slot| slot.close_on_exec) {
            self.vacate(event, table, fd, Op::Exec);
        }
    }

    fn ended(&mut self, event: &Event<'_>, group: bool) {
        if !self.tables.knows(event.tid) {
            return;
        }
        if group {
            let held = self.tables.process_ended(event.tid);
            self.give_up(event, held, Op::Exit);
        } else {
            let held = self.tables.ended(event.tid);
            self.give_up(event, held, Op::Exit);
        }
        self.sessions.forget(event.tid);
    }

    /// A whole table is gone.
    fn give_up(&mut self, event: &Event<'_>, held: Slots, op: Op) {
        for (fd, slot) in held.give() {
            self.let_go(event, fd, &slot, op);
        }
    }
}
