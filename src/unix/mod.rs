//! UNIX sockets as packets, so that Wireshark follows and dissects them: streams as TCP conversations (compat: each
//! connection one deterministic pair of endpoints, one handshake, FIN in step with close and shutdown, valid checksums,
//! bytes out = bytes in), pipes likewise, datagrams as UDP, D-Bus and the journal as what they are where the capture can hold it.
//!
//! ```text
//! Change ─→ roles (who is the client) ─→ framing (HTTP/2, D-Bus or none) ─→ tcp ─→ Packet
//!   │              └ ports ← services, packets::contents  ├ packets::http2
//!   │                                          └ dbus ─→ Record::Dbus
//!   └ datagrams ─→ Packet, or journal ─→ Record::Journal
//! ```

mod connection;
mod context;
mod datagrams;
mod dbus;
mod endpoints;
mod framing;
mod journal;
mod names;
mod ports;
mod roles;
mod services;
mod tcp;
mod view;

pub use crate::packets::contents::{FastCgi, fastcgi};
pub use crate::packets::protocols::{PROTOCOLS, Protocol, Recognition, UNKNOWN_PORT};
pub use context::UnixOptions;
pub use endpoints::CLEAN;
pub use ports::{Advice, Chosen, PortRule, Ports, Readers, Target};
pub use view::UnixView;
