//! UNIX sockets as packets, so that Wireshark follows and dissects them: streams as TCP conversations (compat: each
//! connection one deterministic pair of endpoints, one handshake, FIN in step with close and shutdown, valid checksums,
//! bytes out = bytes in), pipes likewise, datagrams as UDP, D-Bus and the journal as what they are where the capture can hold it.
//!
//! ```text
//! Change ─→ roles (who is the client) ─→ alignment (HTTP/2 or plain) ─→ wire::Conversation ─→ Frame
//!   │              └ ports ← services, packets::contents  ├ seeding
//!   │                                          └ dbus ─→ Record::Dbus
//!   └ datagrams ─→ Frame, or journal ─→ Record::Journal
//! ```

mod alignment;
mod context;
mod datagrams;
mod dbus;
mod endpoints;
mod exchange;
pub mod http2;
mod journal;
mod names;
mod ports;
mod roles;
mod services;
mod talk;
mod view;

pub use crate::packets::contents::{FastCgi, fastcgi};
pub use crate::packets::protocols::{PROTOCOLS, Protocol, Reason, UNKNOWN_PORT};
pub use context::Options;
pub use endpoints::{CLEAN, ClientPorts};
pub use ports::{Advice, Chosen, Midway, PortRule, Ports, Readers, Target};
pub use view::UnixView;
