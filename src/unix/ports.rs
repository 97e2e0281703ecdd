//! The port of a UNIX server: asked for, or the one by which Wireshark picks its dissector.

use crate::sockets::{Connection, Side};
use crate::unix::services;

/// How servers get their ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// All the same.
    Fixed(u16),
    /// By the socket's name, else by the first bytes, else [`services::UNKNOWN_PORT`].
    Auto,
}

/// Whether the port is known before anything is said.
pub(super) fn is_settled(connection: &Connection, client: Side, ports: Ports) -> bool {
    ports != Ports::Auto || by_name(connection, client).is_some()
}

/// The server's port in a conversation that begins with `first`.
pub(super) fn choose(connection: &Connection, client: Side, first: &[u8], ports: Ports) -> u16 {
    match ports {
        Ports::Fixed(port) => port,
        Ports::Auto => by_name(connection, client)
            .or_else(|| services::port_by_content(first))
            .unwrap_or(services::UNKNOWN_PORT),
    }
}

fn by_name(connection: &Connection, client: Side) -> Option<u16> {
    connection
        .end(client.other())
        .name
        .as_ref()
        .and_then(services::port_by_name)
}
