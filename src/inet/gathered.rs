//! Datagrams that several sends make together (MSG_MORE, UDP_CORK; udp(7)): they gather here until they are whole.

use crate::event::Segments;
use crate::inet::datagram::{Datagram, HeldDatagram};
use crate::limits;
use crate::sockets::{Shape, SocketNumber};
use foldhash::HashMap;

/// A datagram that is not whole, or has just become so, and how it is cut then.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) held: HeldDatagram,
    pub(super) segments: Segments,
}

/// What gathers, by its socket.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    by_socket: HashMap<SocketNumber, Gathering>,
    bytes: usize,
}

impl Gathered {
    /// Whether a message has to do with any of it.
    #[inline]
    pub(super) fn concerns(&self, shape: Shape) -> bool {
        shape.goes_on || !self.by_socket.is_empty()
    }

    /// Adds what was sent; the datagram, if it is whole with that. It goes to where its first bytes were sent, and is cut
    /// as they are.
    pub(super) fn add(&mut self, datagram: Datagram<'_>, shape: Shape) -> Option<Gathering> {
        let socket = datagram.socket;
        let sent = datagram.carried;
        self.bytes += size_of::<Gathering>() + sent.payload.len();
        let gathering = match self.by_socket.remove(&socket) {
            None => Gathering { held: HeldDatagram::of(datagram), segments: shape.segments },
            Some(mut gathering) => {
                let HeldDatagram { datagram: whole, payload } = &mut gathering.held;
                // Behind a hole that -s has left, bytes would stand in a wrong place.
                if u64::try_from(payload.len()) == Ok(whole.carried.moved) {
                    payload.extend_from_slice(sent.payload);
                }
                whole.carried.moved = whole.carried.moved.saturating_add(sent.moved);
                // The first send gives the socket its port, which is seen from the second one on.
                whole.carried.local = sent.local.or(whole.carried.local);
                (whole.time, whole.marking) = (datagram.time, datagram.marking);
                gathering
            }
        };
        if shape.goes_on && self.bytes <= limits::HELD_DATAGRAM_BYTES {
            self.by_socket.insert(socket, gathering);
            return None;
        }
        self.forget(&gathering);
        Some(gathering)
    }

    /// What has gathered on this socket is not waited for any longer.
    pub(super) fn take(&mut self, socket: SocketNumber) -> Option<Gathering> {
        let gathering = self.by_socket.remove(&socket)?;
        self.forget(&gathering);
        Some(gathering)
    }

    fn forget(&mut self, gathering: &Gathering) {
        let bytes = size_of::<Gathering>() + gathering.held.payload.len();
        self.bytes = if self.by_socket.is_empty() { 0 } else { self.bytes.saturating_sub(bytes) };
    }
}
