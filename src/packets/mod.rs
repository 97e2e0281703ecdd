//! What the views of INET and UNIX sockets have in common: a connection as TCP segments, datagrams that the calls of both
//! ends show, and the way to the capture.

mod output;
mod segmenter;
mod sightings;
mod tcp;

pub use output::{Ids, Output};
pub use segmenter::Endpoint;
pub use sightings::{Sighted, Sightings};
pub use tcp::{Chunk, TcpConnection, Witness, handshake_times};
