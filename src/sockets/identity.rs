//! From a descriptor to its open socket: by its slot, by inode, by addresses, or as one not seen before.

use crate::event::{Descriptor, Details, Event, Family, Fd, Op, SocketDetails, Transport};
use crate::limits;
use crate::sockets::Sockets;
use crate::sockets::names::{SocketId, SocketNumber};
use crate::sockets::open_socket::{OpenSocket, canonical};
use crate::sockets::slots::Slot;
use crate::sockets::tables::TableId;
use std::rc::Rc;

impl Sockets {
    /// The table of the event's thread.
    pub(super) fn table(&mut self, event: &Event<'_>) -> TableId {
        let open = &mut self.open;
        self.tables.of(event.tid, &mut |socket| refer(open, socket))
    }

    /// The open socket that `descriptor` stands for; none if it is no socket, or nothing tells. Mostly the details are the
    /// ones that were printed last.
    #[inline(always)]
    pub(super) fn locate(&mut self, event: &Event<'_>, descriptor: Descriptor<'_>) -> Option<SocketId> {
        let table = self.table(event);
        if let Details::Socket(details) = descriptor.details
            && let Some(slot) = self.tables.slot(table, descriptor.fd)
            && let Some(seen) = &slot.seen
            && Rc::ptr_eq(seen, details)
        {
            return Some(slot.socket);
        }
        self.locate_anew(event, table, descriptor)
    }

    #[inline(never)]
    fn locate_anew(&mut self, event: &Event<'_>, table: TableId, descriptor: Descriptor<'_>) -> Option<SocketId> {
        let slot = self.tables.slot(table, descriptor.fd);
        match descriptor.details {
            Details::Missing => slot.map(|slot| slot.socket),
            Details::NotSocket => {
                if slot.is_some() {
                    self.vacate(event, table, descriptor.fd, Op::Replace);
                }
                None
            }
            Details::Socket(details) => {
                if let Some(slot) = slot {
                    if slot.seen.as_ref() == Some(details) {
                        return Some(slot.socket);
                    }
                    let socket = slot.socket;
                    if self.open.get(socket.0).is_some_and(|open| open.agrees(details)) {
                        self.refresh(table, descriptor.fd, socket, details);
                        return Some(socket);
                    }
                    // Its close was not traced.
                    self.vacate(event, table, descriptor.fd, Op::Replace);
                }
                // Which end it is tells the first payload call.
                if details.family == Family::Pipe {
                    return None;
                }
                Some(self.recognise(table, descriptor.fd, details))
            }
        }
    }

    /// As [`Self::locate`], and where nothing is known a new socket of the given kind: the call itself tells that it is
    /// one.
    pub(super) fn locate_or_make(
        &mut self,
        event: &Event<'_>,
        descriptor: Descriptor<'_>,
        kind: (Family, Transport),
    ) -> Option<SocketId> {
        let found = self.locate(event, descriptor);
        if found.is_some() || *descriptor.details != Details::Missing || descriptor.fd.0 > limits::FD {
            return found;
        }
        let table = self.table(event);
        let socket = self.insert(kind);
        self.place(table, descriptor.fd, socket, None, false);
        Some(socket)
    }

    /// A socket that a call has just made: whatever the descriptor stood for before is gone.
    pub(super) fn make(
        &mut self,
        event: &Event<'_>,
        made: Descriptor<'_>,
        kind: (Family, Transport),
        close_on_exec: bool,
    ) -> SocketId {
        let table = self.table(event);
        self.vacate(event, table, made.fd, Op::Replace);
        let socket = self.insert(kind);
        self.take_up(table, made, socket, close_on_exec);
        socket
    }

    /// Lets the descriptor that a call has made stand for a new socket.
    pub(super) fn take_up(&mut self, table: TableId, made: Descriptor<'_>, socket: SocketId, close_on_exec: bool) {
        let details = match made.details {
            Details::Socket(details) => Some(details),
            _ => None,
        };
        if let (Some(details), Some(open)) = (details, self.open.get_mut(socket.0)) {
            open.learn(details);
            self.full_details |= details.tell_family();
        }
        self.register(socket);
        self.place(table, made.fd, socket, details.cloned(), close_on_exec);
    }

    /// A new open socket, which no descriptor stands for yet.
    pub(super) fn insert(&mut self, kind: (Family, Transport)) -> SocketId {
        self.numbered += 1;
        SocketId(self.open.insert(OpenSocket::new(SocketNumber(self.numbered), kind)))
    }

    /// A descriptor that came by dup, SCM_RIGHTS or pidfd_getfd: it stands for `socket`, or for what its details say.
    pub(super) fn arrived(
        &mut self,
        event: &Event<'_>,
        made: Descriptor<'_>,
        socket: Option<SocketId>,
        close_on_exec: bool,
    ) {
        let table = self.table(event);
        let seen = match made.details {
            Details::Socket(details) => Some(details),
            _ => None,
        };
        // Refer first, so that dup2 of a descriptor onto itself or its twin does not close what it keeps.
        match (socket, seen) {
            (Some(socket), _) => {
                refer(&mut self.open, socket);
                self.vacate(event, table, made.fd, Op::Replace);
                self.place(table, made.fd, socket, seen.cloned(), close_on_exec);
                release_extra(&mut self.open, socket);
            }
            (None, Some(details)) if details.family != Family::Pipe => {
                self.vacate(event, table, made.fd, Op::Replace);
                self.recognise(table, made.fd, details);
                if let Some(slot) = self.tables.slot_mut(table, made.fd) {
                    slot.close_on_exec = close_on_exec;
                }
            }
            (None, _) => self.vacate(event, table, made.fd, Op::Replace),
        }
    }

    /// A descriptor not seen before, by its details: a socket known from elsewhere, or a new one.
    fn recognise(&mut self, table: TableId, fd: Fd, details: &Rc<SocketDetails>) -> SocketId {
        let known = match (details.inode, details.local, details.remote) {
            (Some(inode), ..) => self.by_inode.get(&inode),
            (None, Some(local), Some(remote)) => self.by_addresses.get(&(canonical(local), canonical(remote))),
            _ => None,
        };
        let known = known.copied().filter(|socket| self.open.get(socket.0).is_some_and(|open| open.agrees(details)));
        let socket = known.unwrap_or_else(|| self.insert((details.family, details.transport)));
        self.place(table, fd, socket, None, false);
        self.refresh(table, fd, socket, details);
        socket
    }

    /// The details of a known socket say more than before.
    pub(super) fn refresh(&mut self, table: TableId, fd: Fd, socket: SocketId, details: &Rc<SocketDetails>) {
        if let Some(slot) = self.tables.slot_mut(table, fd) {
            slot.seen = Some(Rc::clone(details));
        }
        if let Some(open) = self.open.get_mut(socket.0) {
            open.learn(details);
            self.full_details |= details.tell_family();
        }
        self.register(socket);
        self.settle(socket);
    }

    /// Makes the socket findable by what is known of it.
    pub(super) fn register(&mut self, socket: SocketId) {
        let Some(open) = self.open.get(socket.0) else {
            return;
        };
        if let Some(inode) = open.inode {
            self.by_inode.insert(inode, socket);
        }
        if open.transport == Transport::Stream
            && let (Some(local), Some(remote)) = (open.local.get(), open.remote.get())
        {
            self.by_addresses.insert((canonical(local), canonical(remote)), socket);
        }
        self.register_name(socket);
    }

    /// The socket is gone and must not be found any more.
    pub(super) fn unregister(&mut self, socket: SocketId, open: &OpenSocket) {
        if let Some(inode) = open.inode
            && self.by_inode.get(&inode) == Some(&socket)
        {
            self.by_inode.remove(&inode);
        }
        self.unregister_name(socket, open);
        if let (Some(local), Some(remote)) = (open.local.get(), open.remote.get()) {
            let key = (canonical(local), canonical(remote));
            if self.by_addresses.get(&key) == Some(&socket) {
                self.by_addresses.remove(&key);
            }
        }
    }

    /// Lets `fd` stand for `socket`.
    pub(super) fn place(
        &mut self,
        table: TableId,
        fd: Fd,
        socket: SocketId,
        seen: Option<Rc<SocketDetails>>,
        close_on_exec: bool,
    ) {
        refer(&mut self.open, socket);
        self.tables.put(table, fd, Slot { socket, seen, close_on_exec });
    }
}

/// One more descriptor stands for the socket.
pub(super) fn refer(open: &mut slab::Slab<OpenSocket>, socket: SocketId) {
    if let Some(open) = open.get_mut(socket.0) {
        open.references += 1;
    }
}

/// Takes back a reference that was only held for safety while another was placed.
fn release_extra(open: &mut slab::Slab<OpenSocket>, socket: SocketId) {
    if let Some(open) = open.get_mut(socket.0) {
        open.references = open.references.saturating_sub(1);
    }
}
