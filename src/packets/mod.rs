//! What a view is, and what those of INET and UNIX sockets have in common: a connection as TCP segments, datagrams that the calls of both
//! ends show, and the way to the capture.

mod output;
mod segmenter;
mod sightings;
mod small_reads;
mod tcp;
mod unseen;
mod view;

pub use output::{Ids, Output};
pub use segmenter::Endpoint;
pub use sightings::{Sighted, Sightings};
pub use small_reads::{SmallReads, has_filled};
pub use tcp::{Chunk, HANDSHAKE, TcpConnection, Witness, handshake_times};
pub use unseen::{Late, Unseen};
pub use view::{Invented, Known, View, ViewKind};
