//! Where the two ends of a connection find each other.
//!
//! By inode (UNIX, pipes) or by addresses (INET) where these are known. Where they are not, a connect and an accept meet at
//! the name or address of the listening socket, or at its port where it listens at every address: in the order in which
//! they come, as in its queue, unless what is known of both contradicts that. Such a meeting is a guess, which the first
//! bytes confirm or part again.

use crate::event::{Family, HostPort, Inode, Timestamp};
use crate::sockets::connections::end::End;
use crate::sockets::connections::index::Index;
use crate::sockets::connections::rendezvous::{Listener, Place, Rendezvous};
use crate::sockets::connections::state::{Connection, Role};
use crate::sockets::connections::store::Store;
use crate::sockets::identity::{self, Meeting};
use crate::sockets::names::{ConnectionId, Side};
use crate::sockets::open_socket::{OpenSocket, canonical};
use crate::sockets::pair_digest::PairDigest;
use foldhash::HashMap;

/// How many of those that wait are compared with an end: of them all but a few are its other end.
const COMPARED: usize = 64;

/// The connections that can be found.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// Those of which one end is not traced, by that end's address and the other one's.
    pairs: Index<PairDigest>,
    /// By the inodes of both ends: their places in the store, of which half as much is kept as of their names.
    inodes: HashMap<Inode, u32>,
    /// Those whose other end can only be known by where it connected or was accepted.
    waiting: Index<Place>,
}

impl Pairing {
    /// A connection that `open` may be the missing end of. An accept takes the oldest, as the listen queue does; any
    /// other call the newest. `pair`: the [`addresses`] of `open`.
    pub(super) fn find(
        &self,
        store: &Store,
        (open, pair): (&OpenSocket, Option<[HostPort; 2]>),
        role: Role,
    ) -> Option<(ConnectionId, Side)> {
        if open.family.is_local() {
            let inodes = [open.inode, open.peer_inode];
            let place = inodes.into_iter().flatten().find_map(|inode| self.inodes.get(&inode))?;
            let connection = store.at(*place)?;
            let side = Side::BOTH.into_iter().find(|side| is_free_for(connection, *side, open))?;
            return Some((connection.id, side));
        }
        let pair = pair?;
        let free = |id: ConnectionId| {
            let connection = store.get(id)?;
            let is_free = |side: &Side| {
                let end = connection.end(*side);
                (!end.traced || end.is_left) && pair_of(connection, *side) == Some(pair)
            };
            Some((id, Side::BOTH.into_iter().find(is_free)?))
        };
        let ids = self.pairs.all(self.digest(pair));
        match role {
            Role::Accepted => ids.take(COMPARED).find_map(free),
            _ => ids.rev().take(COMPARED).find_map(free),
        }
    }

    /// A connection whose other end met nobody yet where `open` connects or was accepted, if nothing that is known of the
    /// two contradicts that; and whether it is the one for certain. `entry`: when the call of `open` began.
    pub(super) fn find_waiting(
        &self,
        store: &Store,
        open: &OpenSocket,
        role: Role,
        entry: Timestamp,
    ) -> Option<(ConnectionId, bool)> {
        let at = |listener| self.place(&listener, role == Role::Connected);
        let known = |id: ConnectionId| {
            let other = store.get(id)?;
            let meeting = identity::meeting(other, open, role)?;
            // Its first bytes are still to tell whose it is.
            (meeting == Meeting::Confirmed || !other.is_undecided).then_some((id, meeting))
        };
        // What was accepted before this connect began is another's.
        let may_be_its = |(place, id): &(usize, ConnectionId)| {
            role != Role::Connected
                || open.family.is_local()
                || store.get(*id).is_some_and(|other| other.may_be_accepted_after(entry, *place == 0))
        };
        for place in listeners(open, role).into_iter().flatten().map(at) {
            let newest = self.waiting.all(place).rev().take(COMPARED).enumerate();
            let oldest = match role {
                Role::Connected => newest.take_while(may_be_its).last().map(|(_, id)| id),
                _ => self.waiting.first(place),
            };
            let Some(oldest) = oldest else { continue };
            let mut possible = self.waiting.since(place, oldest).take(COMPARED).filter_map(known);
            let (first, second) = (possible.next(), possible.next());
            let mut all = first.into_iter().chain(second).chain(possible);
            if let Some((id, _)) = all.find(|(_, meeting)| *meeting == Meeting::Confirmed) {
                return Some((id, true));
            }
            let is_free = |(id, _): &(ConnectionId, Meeting)| claim(store, *id).is_none();
            let free = || self.waiting.since(place, oldest).take(COMPARED).filter_map(known).find(is_free);
            if let Some((id, _)) = first.filter(is_free).or_else(free).or(first) {
                let at_its_address =
                    open.family.is_local() || open.local.get().is_some_and(|local| !local.ip().is_unspecified());
                let is_alone = second.is_none() && at_its_address;
                return Some((id, role != Role::Accepted || is_alone));
            }
        }
        None
    }

    /// The connection that waits and whose client has sent what `open`, which was accepted as `accepted`, has received; if
    /// nothing is received or known of that, the one that has waited longest and is not another one's.
    pub(super) fn find_by_bytes(
        &self,
        store: &Store,
        (accepted, open): (ConnectionId, &OpenSocket),
        received: Option<&[u8]>,
    ) -> Option<ConnectionId> {
        let at = |listener| self.place(&listener, false);
        let (mut unknown, mut unclaimed) = (None, None);
        for place in listeners(open, Role::Accepted).into_iter().flatten().map(at) {
            for id in self.waiting.all(place).take(COMPARED) {
                let Some(other) = store.get(id).filter(|id| identity::meeting(id, open, Role::Accepted).is_some())
                else {
                    continue;
                };
                match received.and_then(|received| other.has_sent(received)) {
                    Some(true) => return Some(id),
                    Some(false) => {}
                    None if claim(store, id).is_none_or(|by| by == accepted) => unclaimed = unclaimed.or(Some(id)),
                    None => unknown = unknown.or(Some(id)),
                }
            }
        }
        unclaimed.or(unknown)
    }

    /// Where ends wait at this listening socket that were accepted there, or that connect.
    fn place(&self, listener: &Listener<'_>, accepted: bool) -> Place {
        Place::of(listener, accepted, self.waiting.hasher())
    }

    /// Lets a new connection of `open` be found by the other end at its rendezvous.
    pub(super) fn wait(&mut self, connection: &mut Connection, open: &OpenSocket, role: Role) {
        if !open.is_blind() {
            return;
        }
        let listeners = listeners(open, role);
        let places = listeners.map(|listener| Some(self.place(&listener?, role == Role::Accepted)));
        for place in places.into_iter().flatten() {
            self.waiting.add(place, connection.id);
        }
        connection.rendezvous = places.iter().any(Option::is_some).then(|| Rendezvous::at(places).into());
    }

    /// The connection need not be found at its rendezvous any more.
    pub(super) fn leave(&mut self, connection: &mut Connection) {
        let Some(rendezvous) = connection.rendezvous.take() else {
            return;
        };
        for place in rendezvous.places.into_iter().flatten() {
            self.waiting.remove(place, connection.id);
        }
    }

    /// Lets a connection be found by the inodes of its ends.
    pub(super) fn know_inodes(&mut self, connection: &Connection) {
        for inode in connection.ends.iter().filter_map(End::inode) {
            self.inodes.insert(inode, connection.id.place);
        }
    }

    /// By what connections with such an end are kept.
    fn digest(&self, pair: [HostPort; 2]) -> PairDigest {
        PairDigest::of(pair, self.pairs.hasher())
    }

    /// Lets a connection be found by the addresses of one of its ends.
    pub(super) fn know_addresses(&mut self, connection: &mut Connection, [local, remote]: [HostPort; 2]) {
        let pair = self.digest([remote, local]);
        connection.pair = Some(pair);
        if connection.ends.iter().any(|end| !end.traced) {
            self.pairs.add(pair, connection.id);
        }
    }

    /// An end of it is still to be found by its addresses.
    pub(super) fn is_open_again(&mut self, connection: &Connection) {
        if let Some(pair) = connection.pair {
            self.pairs.add(pair, connection.id);
        }
    }

    /// Both ends are traced: nobody has to find the connection by its addresses.
    pub(super) fn is_whole(&mut self, connection: &Connection) {
        if let Some(pair) = connection.pair {
            self.pairs.remove(pair, connection.id);
        }
    }

    /// The end on `side` is left to a process that nobody told of, whose calls will show its addresses or inode.
    pub(super) fn is_left(&mut self, connection: &mut Connection, side: Side) {
        connection.end_mut(side).is_left = true;
        if let Some(pair) = pair_of(connection, side) {
            let pair = self.digest(pair);
            self.pairs.add(pair, connection.id);
        }
    }

    /// The end on `side`, which was left so, is back, or will not come.
    pub(super) fn is_back(&mut self, connection: &mut Connection, side: Side) {
        connection.end_mut(side).is_left = false;
        if let Some(pair) = pair_of(connection, side) {
            let pair = self.digest(pair);
            self.pairs.remove(pair, connection.id);
        }
    }

    /// The connection can no longer be joined.
    pub(super) fn forget(&mut self, connection: &mut Connection) {
        self.leave(connection);
        self.is_whole(connection);
        for side in Side::BOTH {
            if connection.end(side).is_left {
                self.is_back(connection, side);
            }
        }
        for inode in connection.ends.iter().filter_map(End::inode) {
            if self.inodes.get(&inode) == Some(&connection.id.place) {
                self.inodes.remove(&inode);
            }
        }
    }
}

/// The accepted connection that one which waits is taken for, while no bytes have told which one is.
fn claim(store: &Store, waiting: ConnectionId) -> Option<ConnectionId> {
    let accepted = store.get(waiting)?.rendezvous.as_ref()?.accepted?;
    store.get(accepted).is_some_and(|accepted| accepted.is_undecided).then_some(accepted)
}

/// The local address and the other end's, once both are known.
pub(super) fn addresses(open: &OpenSocket) -> Option<[HostPort; 2]> {
    let (local, remote) = (open.local.packed()?.canonical(), open.remote.packed()?.canonical());
    (!local.is_vague() && !remote.is_vague()).then_some([local, remote])
}

/// The addresses of a connection as the end on `side` has them, where both are known.
fn pair_of(connection: &Connection, side: Side) -> Option<[HostPort; 2]> {
    let known =
        |side: Side| connection.end(side).packed().map(HostPort::canonical).filter(|address| !address.is_vague());
    Some([known(side)?, known(side.other())?])
}

/// Whether `open` can be the end on `side`: it is the end's inode, or nothing is known of the end but that it is not the
/// other one. An end comes back where a process has it that nobody told of.
fn is_free_for(connection: &Connection, side: Side, open: &OpenSocket) -> bool {
    let (end, other) = (connection.end(side), connection.end(side.other()));
    let unknown = end.inode().is_none() && (open.inode.is_none() || other.inode() != open.inode);
    let is_pair = open.peer_inode.is_some() && other.inode() == open.peer_inode && other.traced && !other.closed;
    let is_back = end.closed && open.inode.is_some() && (connection.family == Family::Pipe || is_pair || end.is_left);
    (!end.traced && unknown) || ((!end.traced || is_back) && end.inode() == open.inode)
}

/// The listening sockets at which `open` in the role `own` may meet its other end: who connects also at the port, for it may
/// be of one that listens at every address.
fn listeners(open: &OpenSocket, own: Role) -> [Option<Listener<'_>>; 2] {
    let (name, address) = match own {
        Role::Connected => (&open.peer_name, open.remote.get()),
        Role::Accepted => (&open.name, open.local.get()),
        Role::Paired | Role::Writer | Role::Reader | Role::Unknown => return [None, None],
    };
    if open.family == Family::Unix {
        return [name.as_ref().map(Listener::Name), None];
    }
    let Some(address) = address.map(canonical) else {
        return [None, None];
    };
    let port = Listener::Port(address.port());
    if address.ip().is_unspecified() {
        return [Some(port), None];
    }
    [Some(Listener::Address(address.into())), (own == Role::Connected).then_some(port)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Address, Transport, UnixName};
    use crate::sockets::names::SocketNumber;

    fn open([local, remote]: [&str; 2]) -> OpenSocket {
        let mut open = OpenSocket::new(SocketNumber(1), (Family::Inet, Transport::Stream));
        open.name_local(&Address::Inet(local.parse().expect("an address")));
        open.name_remote(&Address::Inet(remote.parse().expect("an address")));
        open
    }

    /// Lets a new connection be found of which `open` is the first end.
    fn begin(pairing: &mut Pairing, store: &mut Store, open: &OpenSocket) -> ConnectionId {
        let connection = store.make(Family::Inet, Transport::Stream);
        connection.end_mut(Side::First).traced = true;
        connection.end_mut(Side::First).know_address(open.local.packed());
        connection.end_mut(Side::Second).know_address(open.remote.packed());
        pairing.know_addresses(connection, addresses(open).expect("both are known"));
        connection.id
    }

    #[test]
    fn addresses_with_the_digest_of_others_are_not_theirs() {
        const SERVER: &str = "10.0.0.2:80";
        let (mut pairing, mut store) = (Pairing::default(), Store::default());
        let clients = ["10.0.0.1:4000", "10.0.0.1:4001"];
        let [first, second] = clients.map(|client| begin(&mut pairing, &mut store, &open([client, SERVER])));
        let servers = clients.map(|client| open([SERVER, client]));
        let found = |pairing: &Pairing, at: &OpenSocket| {
            pairing.find(&store, (at, addresses(at)), Role::Accepted).map(|(id, _)| id)
        };
        assert_eq!(servers.each_ref().map(|at| found(&pairing, at)), [Some(first), Some(second)]);
        pairing.pairs.confuse(first);
        assert_eq!(servers.each_ref().map(|at| found(&pairing, at)), [Some(first), None]);
    }

    #[test]
    fn a_name_with_the_digest_of_another_is_not_it() {
        let (mut pairing, mut store) = (Pairing::default(), Store::default());
        let names = ["/run/a", "/run/b"].map(UnixName::of);
        let open = |names: [Option<&UnixName>; 2]| {
            let mut open = OpenSocket::new(SocketNumber(1), (Family::Unix, Transport::Stream));
            [open.name, open.peer_name] = names.map(Option::<&UnixName>::cloned);
            open
        };
        let [first, second] = names.each_ref().map(|name| {
            let connection = store.make(Family::Unix, Transport::Stream);
            connection.end_mut(Side::Second).know_local(None, Some(name));
            pairing.wait(connection, &open([None, Some(name)]), Role::Connected);
            connection.id
        });
        let servers = names.each_ref().map(|name| open([Some(name), None]));
        let found = |pairing: &Pairing, at: &OpenSocket| {
            pairing.find_waiting(&store, at, Role::Accepted, Timestamp(0)).map(|(id, _)| id)
        };
        assert_eq!(servers.each_ref().map(|at| found(&pairing, at)), [Some(first), Some(second)]);
        pairing.waiting.confuse(first);
        assert_eq!(servers.each_ref().map(|at| found(&pairing, at)), [Some(first), None]);
    }
}
