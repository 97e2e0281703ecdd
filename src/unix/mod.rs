//! UNIX streams as TCP conversations, so that Wireshark follows and dissects them (compat: each connection one
//! deterministic pair of endpoints, one handshake, FIN in step with close and shutdown, valid checksums, bytes out =
//! bytes in).
//!
//! ```text
//! Change ─→ roles (who is the client) ─→ alignment (HTTP/2 or plain) ─→ wire::Conversation ─→ Frame
//!                  └ ports ← services, contents       └ seeding
//! ```

mod alignment;
mod contents;
mod context;
mod endpoints;
mod exchange;
mod glob;
pub mod http2;
mod ports;
mod roles;
mod services;
mod talk;
mod view;

pub use context::Options;
pub use endpoints::{CLEAN, ClientPorts};
pub use glob::{Glob, GlobError};
pub use ports::{Advice, Chosen, PortRule, Ports, Target};
pub use services::{PROTOCOLS, Protocol, Reason, UNKNOWN_PORT};
pub use view::UnixView;
