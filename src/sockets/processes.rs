//! Calls on descriptors and processes, whatever the descriptors stand for: close, dup, close_range, clone, exec, exit, and
//! pidfds.

use crate::event::{Descriptor, Details, Errno, Family, Fd, Op, Outcome, Sharing, SocketDetails, Tid, Timestamp};
use crate::limits;
use crate::sockets::connections::Opening;
use crate::sockets::descriptors::{Gone, TableId};
use crate::sockets::names::SocketId;
use crate::sockets::{Sockets, beside, ending, identity, transfer};
use std::ops::RangeInclusive;

/// close.
pub(super) fn close(sockets: &mut Sockets, descriptor: Descriptor<'_>, outcome: Outcome) {
    let table = sockets.table();
    let stands_for = sockets.tables.slot(table, descriptor.fd).map(|slot| slot.socket);
    if let Some(socket) = stands_for
        && let Some(open) = sockets.registry.get(socket)
    {
        let (connection, begun) = (sockets.connection_of(socket), sockets.now.entry);
        let is_older = begun.is_fine() && connection.is_some_and(|connection| connection.is_begun_after(begun));
        let tells_another =
            matches!(descriptor.details, Details::Socket(details) if identity::is_closed_already(open, details));
        if is_older || tells_another {
            return;
        }
    }
    let Some(socket) = sockets.locate(descriptor) else {
        return;
    };
    let family = sockets.registry.family(socket);
    if !matches!(outcome, Outcome::Failed(Errno::BadFd)) {
        let table = sockets.table();
        sockets.vacate(table, descriptor.fd, Op::Close);
    }
    session_ended(sockets, descriptor.fd, family, outcome);
}

/// A close or shutdown on a socket: the session goes on to the next. Sockets of other families do not count, as the
/// predecessor did not know them.
pub(super) fn session_ended(sockets: &mut Sockets, fd: Fd, family: Family, outcome: Outcome) {
    if family != Family::Other {
        sockets.sessions.ended(sockets.now.tid, fd, outcome);
    }
}

/// close_range.
pub(super) fn close_range(sockets: &mut Sockets, range: RangeInclusive<Fd>, only_mark: bool) {
    let table = sockets.table();
    if only_mark {
        for fd in sockets.tables.unmarked_within(table, &range) {
            close_on_exec(sockets, fd, true);
        }
        return;
    }
    closed_early(sockets, table, &range);
    let closed = sockets.tables.take_within(table, range, &mut sockets.registry);
    sockets.drop_slots(closed, Op::Replace);
}

/// dup, dup2, dup3 or fcntl(F_DUPFD).
pub(super) fn duplicate(sockets: &mut Sockets, [from, made]: [Descriptor<'_>; 2], close_on_exec: bool) {
    let socket = sockets.locate(from);
    // dup2 of a descriptor onto itself does nothing.
    if from.fd != made.fd {
        sockets.arrive(made, socket, close_on_exec);
        // Who lets a number stand for a pipe's end is about to use it: a shell does so for its child.
        if let Some(socket) = socket.filter(|socket| sockets.registry.family(*socket) == Family::Pipe) {
            transfer::used(sockets, socket, made.fd);
        }
    }
}

/// fcntl(F_SETFD).
pub(super) fn close_on_exec(sockets: &mut Sockets, fd: Fd, on: bool) {
    let table = sockets.table();
    sockets.tables.close_on_exec(table, fd, on, &mut sockets.registry);
}

/// pidfd_open.
pub(super) fn pidfd_open(sockets: &mut Sockets, made: Descriptor<'_>, process: Tid) {
    sockets.arrive(made, None, true);
    let table = sockets.table();
    sockets.pidfds.opened(table, made.fd, process);
}

/// pidfd_getfd.
pub(super) fn pidfd_getfd(sockets: &mut Sockets, process: Option<Tid>, [pidfd, from]: [Fd; 2], made: Descriptor<'_>) {
    let table = sockets.table();
    let process = process.or_else(|| sockets.pidfds.process(table, pidfd));
    let socket = process
        .and_then(|process| sockets.tables.slot(sockets.tables.known(process)?, from))
        .map(|slot| slot.socket)
        .filter(|socket| sockets.registry.can_be(made, *socket));
    sockets.arrive(made, socket, true);
}

/// clone, fork or vfork returned.
pub(super) fn cloned(sockets: &mut Sockets, child: Option<Tid>, sharing: Sharing) {
    sockets.table();
    let mut gone = Gone::default();
    let Sockets { tables, registry, now, shows_failures, .. } = sockets;
    // Where calls are printed at their ends alone, a child may end before its clone, whatever the times are.
    let entry = if *shows_failures { now.entry } else { Timestamp::default() };
    let again = tables.cloned((now.tid, entry), child, sharing, registry, &mut gone);
    for socket in gone.given_up {
        sockets.drop_reference(socket, None);
    }
    let Some(child) = child else { return };
    if again {
        sockets.sessions.forget(child);
    }
    let maker = std::mem::replace(&mut sockets.now.tid, child);
    for (op, closed) in gone.closed {
        sockets.drop_slots(closed, op);
    }
    sockets.now.tid = maker;
}

/// What a descriptor stands for in a thread whose clone is still to come, for each call is printed at its end
/// (`strace -z`): what it stands for in the one process that has made such a socket.
#[cold]
#[inline(never)]
pub(super) fn inherited(sockets: &mut Sockets, table: TableId, fd: Fd) -> Option<SocketId> {
    if sockets.shows_failures {
        return None;
    }
    let socket = sockets.tables.inherited(sockets.now.tid, fd)?;
    let open = sockets.registry.get(socket)?;
    let connection = open.stream.and_then(|(id, _)| sockets.connections.get(id));
    let is_made = open.is_made || connection.is_some_and(|connection| connection.opening != Opening::Unseen);
    if !is_made {
        return None;
    }
    sockets.install(table, fd, socket, SocketDetails::NO_SERIAL, false);
    Some(socket)
}

/// Such a thread has closed descriptors, or let them stand for something else.
pub(super) fn closed_early(sockets: &mut Sockets, table: TableId, range: &RangeInclusive<Fd>) {
    if !sockets.shows_failures
        && let Some(early) = sockets.tables.early(table)
    {
        early.close(range);
    }
}

/// execve: the table is the process's own, the other threads are gone, and what is marked close-on-exec is closed.
pub(super) fn executed(sockets: &mut Sockets) {
    let tid = sockets.now.tid;
    let table = sockets.table();
    for sibling in sockets.tables.siblings(tid) {
        let held = sockets.tables.ended(sibling);
        sockets.drop_slots(held, Op::Exec);
    }
    sockets.tables.unshare(tid);
    let table = if sockets.tables.knows(tid) { sockets.table() } else { table };
    if let Some(early) = sockets.tables.early(table) {
        early.execute();
    }
    let closed = sockets.tables.take_closed_by_exec(table, &mut sockets.registry);
    sockets.drop_slots(closed, Op::Exec);
}

/// The thread is what `by` is from here on.
pub(super) fn superseded(sockets: &mut Sockets, by: Tid) {
    sockets.tables.superseded(sockets.now.tid, by);
    // Not one that executed another program: the leader's own sessions go on.
    if by == Tid(0) {
        sockets.sessions.numbered(by, sockets.now.tid);
    }
}

/// exit_group has begun. Other threads of the process may have calls under way, whose lines are still to come: it ends with
/// the last one, or, where the trace does not show the ends of threads, once too many others are about to end.
pub(super) fn exiting(sockets: &mut Sockets) {
    let tid = sockets.now.tid;
    if !(sockets.tables.knows(tid) && sockets.tables.has_siblings(tid)) {
        return ended(sockets, true);
    }
    sockets.exiting.push_back(sockets.now);
    if sockets.exiting.len() > limits::EXITING_PROCESSES {
        end_exiting(sockets);
    }
}

/// The process that began to end first is at its end; whether there was one.
pub(super) fn end_exiting(sockets: &mut Sockets) -> bool {
    let Some(exit) = sockets.exiting.pop_front() else {
        return false;
    };
    let now = std::mem::replace(&mut sockets.now, exit);
    if sockets.tables.has_siblings(exit.tid) {
        ended(sockets, true);
    }
    sockets.now = now;
    true
}

/// The thread ended; with `group` its whole process did.
pub(super) fn ended(sockets: &mut Sockets, group: bool) {
    let tid = sockets.now.tid;
    if !sockets.sending.is_empty() {
        beside::send_ended(sockets, tid, Outcome::Unknown);
    }
    let is_known = sockets.tables.knows(tid);
    if !group {
        sockets.tables.note_end(tid, sockets.now.exit);
    }
    if is_known {
        let held = if group { sockets.tables.process_ended(tid) } else { sockets.tables.ended(tid) };
        sockets.leaving = Some(held);
        ending::leave(sockets);
    }
}
