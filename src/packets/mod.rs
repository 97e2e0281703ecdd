//! What the views of INET and UNIX sockets have in common: the marking, and a connection as TCP segments.

pub mod marking;

mod conversation;
mod talk;

pub use conversation::{
    Conversation, Dress, Endpoint, LONGEST_SEGMENT_V4, LONGEST_SEGMENT_V6, Sender,
};
pub use talk::{Ids, Look, Portion, Talk, Teller, handshake_times};
