//! What the views of INET and UNIX sockets have in common: the marking, a connection as TCP segments, and
//! datagrams that the calls of both ends show.

pub mod contents;
pub mod marking;
pub mod protocols;

mod conversation;
mod sightings;
mod talk;

pub use conversation::{Conversation, Dress, Endpoint, LONGEST_SEGMENT_V4, LONGEST_SEGMENT_V6, Sender};
pub use protocols::UNKNOWN_PORT;
pub use sightings::{Sighted, Sightings};
pub use talk::{Ids, Look, Portion, Talk, Witness, handshake_times};
