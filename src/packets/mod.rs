//! What the views of INET and UNIX sockets have in common: the marking, a connection as TCP segments, and
//! datagrams that the calls of both ends show.

pub mod marking;

mod conversation;
mod sightings;
mod talk;

pub use conversation::Endpoint;
pub use sightings::{Sighted, Sightings};
pub use talk::{Ids, Look, Portion, Talk, Witness, handshake_times};
