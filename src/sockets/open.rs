//! Calls by which connections begin: socket, socketpair, bind, connect, accept, and those that name their ends.

use crate::event::{Address, Descriptor, Details, Errno, Family, Fd, Op, Outcome, SocketDetails, Transport};
use crate::sockets::Sockets;
use crate::sockets::connections::{Connection, Length, Opening, Origin, Role};
use crate::sockets::identity::{self, details_of};
use crate::sockets::names::{Side, SocketId};
use crate::sockets::open_socket::OpenSocket;

/// socket.
pub(super) fn socket(
    sockets: &mut Sockets,
    made: Descriptor<'_>,
    kind: (Family, Transport),
    protocol: Option<u8>,
    close_on_exec: bool,
) {
    let socket = sockets.make(made, kind, close_on_exec);
    if let Some(open) = sockets.registry.get_mut(socket) {
        (open.family_known, open.is_made) = (true, true);
        if let Some(protocol) = protocol {
            open.speak(protocol);
        }
    }
}

/// socketpair.
pub(super) fn socketpair(
    sockets: &mut Sockets,
    made: [Descriptor<'_>; 2],
    kind: (Family, Transport),
    close_on_exec: bool,
) {
    let [first, second] = made.map(|made| sockets.make(made, kind, close_on_exec));
    if !sockets.registry.get(first).is_some_and(OpenSocket::is_stream) {
        return sockets.registry.pair_up([first, second]);
    }
    let origin = Origin { role: Role::Paired, opening: Opening::made(sockets.now.exit) };
    connect_both(sockets, [first, second], made, origin, Role::Paired);
}

/// Two ends that one call has made are a connection; the first is in the role of `origin`, the second in `role`.
pub(super) fn connect_both(
    sockets: &mut Sockets,
    [first, second]: [SocketId; 2],
    made: [Descriptor<'_>; 2],
    origin: Origin,
    role: Role,
) {
    let Sockets { connections, registry, changes, .. } = sockets;
    let Some(id) = connections.begin(registry, first, origin) else {
        return;
    };
    changes.push(super::Change::Begun { connection: id });
    connections.enter(registry, (id, Side::Second), second, role);
    for (side, made) in Side::BOTH.into_iter().zip(made) {
        sockets.mark((id, side), made.fd, None);
    }
}

/// bind.
pub(super) fn bind(sockets: &mut Sockets, descriptor: Descriptor<'_>, address: &Address) {
    let kind = (family_of(address), Transport::Unknown);
    if let Some(socket) = sockets.locate_or_make(descriptor, kind) {
        if let (Some(open), Address::Inet(address)) = (sockets.registry.get_mut(socket), address) {
            open.seldom_mut().bound = Some((*address).into());
        }
        name_local(sockets, socket, address);
    }
}

/// listen.
pub(super) fn listen(sockets: &mut Sockets, descriptor: Descriptor<'_>) {
    let Some(socket) = sockets.locate(descriptor) else {
        return;
    };
    if let Some(open) = sockets.registry.get_mut(socket)
        && open.transport == Transport::Unknown
        && open.family != Family::Unix
    {
        open.transport = Transport::Stream;
    }
    sockets.registry.listen(socket);
}

/// getsockname. Of an accepted socket it tells its listener's address too, and so that of others.
pub(super) fn local_name(sockets: &mut Sockets, descriptor: Descriptor<'_>, address: &Address) {
    if let Some(socket) = sockets.locate(descriptor) {
        if let Address::Inet(address) = address {
            sockets.registry.tell_listener(socket, *address);
        }
        name_local(sockets, socket, address);
    }
}

fn name_local(sockets: &mut Sockets, socket: SocketId, address: &Address) {
    if let Some(open) = sockets.registry.get_mut(socket) {
        open.name_local(address);
    }
    sockets.refresh_connection(socket);
}

/// getpeername. That it succeeds shows that the connection is made.
pub(super) fn remote_name(sockets: &mut Sockets, descriptor: Descriptor<'_>, address: &Address) {
    let Some(socket) = sockets.locate(descriptor) else {
        return;
    };
    if let Some(open) = sockets.registry.get_mut(socket) {
        open.name_remote(address);
    }
    sockets.refresh_connection(socket);
    sockets.prove(socket, sockets.now.exit);
}

/// setsockopt(SO_LINGER).
pub(super) fn reset_on_close(sockets: &mut Sockets, descriptor: Descriptor<'_>, on: bool) {
    if let Some(socket) = sockets.locate(descriptor)
        && let Some(open) = sockets.registry.get_mut(socket)
    {
        open.seldom_mut().reset_on_close = on;
    }
}

/// connect, by a stream or a datagram socket.
pub(super) fn connect(sockets: &mut Sockets, descriptor: Descriptor<'_>, address: &Address, outcome: Outcome) {
    let kind = kind_of(address);
    if matches!(descriptor.details, Details::Missing)
        && let Some(socket) = sockets.locate(descriptor)
        && let Some(open) = sockets.registry.get(socket)
        && identity::connects_another(open, sockets.connection_of(socket), kind.0, (address, outcome))
    {
        let table = sockets.table();
        sockets.vacate(table, descriptor.fd, Op::Replace);
    }
    let Some(socket) = sockets.locate_or_make(descriptor, kind) else {
        return;
    };
    sockets.registry.guess_kind(socket, kind);
    let goes_on = matches!(outcome, Outcome::Failed(Errno::InProgress | Errno::Interrupted | Errno::Already));
    let made = matches!(outcome, Outcome::Done(_) | Outcome::Failed(Errno::IsConnected));
    let dissolves = matches!(address, Address::Unspecified);
    if let Some(open) = sockets.registry.get_mut(socket) {
        open.is_connecting = goes_on;
        open.has_chosen_port |= made && !dissolves && open.local.get().is_none();
    }
    let current = sockets.stream(socket);
    let is_begun = |id| sockets.connections.get(id).is_some_and(Connection::is_begun);
    let begun = current.filter(|(id, _)| is_begun(*id));
    // A stream connects once: what comes after only shows again how that went.
    if current.is_some() && begun.is_none() && !dissolves {
        return;
    }
    let Some(open) = sockets.registry.get_mut(socket) else {
        return;
    };
    let (is_stream, is_unix) = (open.is_stream(), open.family == Family::Unix);
    if made || goes_on || (is_stream && !is_unix) {
        open.connect_to(address);
    }
    if dissolves {
        if made {
            dissolve(sockets, descriptor, socket);
        }
        return;
    }
    // A UNIX connect either connects at once or leaves no trace on any wire.
    if !open.is_stream() || (begun.is_none() && is_unix && !made && !goes_on) {
        return;
    }
    let Some((id, side)) = begun.or_else(|| sockets.join(socket, Origin::connect(sockets.now.entry))) else {
        return;
    };
    sockets.mark((id, side), descriptor.fd, Some(Op::Connect));
    sockets.expect_address(socket, false);
    match outcome {
        _ if made => {
            sockets.prove(socket, sockets.now.exit);
        }
        Outcome::Failed(error) if !goes_on => sockets.fail(id, error),
        _ => {}
    }
}

/// connect to AF_UNSPEC: the socket is free for another connection, and the one it had is reset (tcp_disconnect in the
/// kernel's net/ipv4/tcp.c). A datagram socket loses what the kernel had chosen for its own address (inet(7)); so does one
/// that was only taken for a stream, for hardly anybody disconnects those.
fn dissolve(sockets: &mut Sockets, descriptor: Descriptor<'_>, socket: SocketId) {
    if !sockets.registry.get(socket).is_some_and(OpenSocket::is_stream) {
        return sockets.changes.extend(sockets.registry.unconnect(socket));
    }
    if sockets.turn_into_datagrams(socket) {
        return;
    }
    let stream = sockets.registry.get_mut(socket).and_then(|open| open.stream.take());
    if let Some((id, side)) = stream {
        let witnessed = (sockets.marking(descriptor.fd, Some(Op::Connect)), sockets.now.entry);
        sockets.reset(id, [side; 2], witnessed);
        sockets.connections.close_end(id, side, &mut sockets.changes);
    }
    if let Some(open) = sockets.registry.get_mut(socket) {
        open.unconnect();
    }
}

/// Where details tell that it was not this socket who was accepted, but another one that had connected there: it has a
/// connection of its own. Whether they do.
pub(super) fn part(sockets: &mut Sockets, socket: SocketId, fd: Fd, details: &SocketDetails) -> bool {
    if !sockets.registry.get(socket).is_some_and(|open| identity::has_met_another(open, details)) {
        return false;
    }
    let stream = sockets.registry.part(socket);
    let freed = stream.and_then(|(id, side)| sockets.connections.free_end(id, side));
    let table = sockets.table();
    sockets.tables.see(table, fd, details, &mut sockets.registry);
    sockets.registry.learn(socket, Some(details));
    if let Some((entry, brought)) = freed
        && let Some((id, side)) = sockets.join(socket, Origin::connect(entry))
        && let Some(connection) = sockets.connections.get_mut(id)
    {
        let calls = connection.calls_mut(side);
        (calls.brought, calls.marking) = (brought, brought);
        sockets.prove(socket, entry);
    }
    true
}

/// accept.
pub(super) fn accept(
    sockets: &mut Sockets,
    [listener, made]: [Descriptor<'_>; 2],
    peer: Option<&Address>,
    close_on_exec: bool,
) {
    let kind = (peer.map_or(Family::Other, family_of), Transport::Stream);
    let listener_at = sockets.locate_or_make(listener, kind);
    if let Some(listener) = listener_at {
        sockets.registry.listen(listener);
    }
    let kind = match (listener_at.and_then(|at| sockets.registry.get(at)), details_of(made)) {
        (_, Some(details)) if details.transport != Transport::Unknown => (details.family, details.transport),
        (Some(listener), _) => (listener.family, listener.transport),
        _ => kind,
    };
    let socket = sockets.make(made, kind, close_on_exec);
    if let Some(open) = sockets.registry.get_mut(socket) {
        if open.transport == Transport::Unknown {
            open.transport = Transport::Stream;
        }
        if let Some(peer) = peer {
            open.name_remote(peer);
        }
    }
    if let Some(listener) = listener_at {
        sockets.registry.inherit(socket, listener);
    }
    if !sockets.registry.get(socket).is_some_and(OpenSocket::is_stream) {
        return;
    }
    if let Some(local) = details_of(made).and_then(|details| details.local) {
        sockets.registry.tell_listener(socket, local);
    }
    let origin = Origin { role: Role::Accepted, opening: Opening::made(sockets.now.exit) };
    if let Some(stream) = sockets.join(socket, origin) {
        sockets.mark(stream, made.fd, Some(Op::Accept));
        if sockets.traces > 1
            && sockets.now.entry == sockets.now.exit
            && let Some(connection) = sockets.connections.get_mut(stream.0)
        {
            connection.accept_length = Length::Untold;
        }
        sockets.refresh_connection(socket);
    }
}

/// connect has begun: of a stream that has no connection yet, its SYN is on the way.
pub(super) fn connect_begun(sockets: &mut Sockets, descriptor: Descriptor<'_>, address: &Address) {
    let Some(socket) = sockets.locate(descriptor) else {
        return;
    };
    if sockets.registry.get(socket).is_some_and(|open| open.is_stream() && open.stream.is_none()) {
        connect(sockets, descriptor, address, Outcome::Failed(Errno::InProgress));
    }
}

/// Ports at which hardly anybody is reached but with datagrams: DNS, NTP, mDNS.
const DATAGRAM_PORTS: [u16; 3] = [53, 123, 5353];

/// The kind of socket that connects to an address, as far as that tells.
fn kind_of(address: &Address) -> (Family, Transport) {
    let transport = match address {
        Address::Inet(address) if DATAGRAM_PORTS.contains(&address.port()) => Transport::Datagram,
        _ => Transport::Stream,
    };
    (family_of(address), transport)
}

/// The family a sockaddr belongs to.
fn family_of(address: &Address) -> Family {
    match address {
        Address::Inet(address) if address.is_ipv4() => Family::Inet,
        Address::Inet(_) => Family::Inet6,
        Address::Unix(_) => Family::Unix,
        Address::Unspecified | Address::Other => Family::Other,
    }
}
