//! What a view is, and what those of INET and UNIX sockets have in common: a connection as TCP segments, datagrams that the calls of both
//! ends show, and the way to the capture.

pub mod contents;
pub mod http2;
pub mod protocols;

mod beginning;
mod news;
mod output;
mod segmenter;
mod sightings;
mod small_reads;
mod tcp;
mod unread;
mod view;
mod waits;

pub use beginning::beginning;
pub use news::{News, NewsOfDatagrams};
pub use output::{PacketCounters, PacketOutput};
pub use protocols::UNKNOWN_PORT;
pub use segmenter::Endpoint;
pub use sightings::{Sighted, Sightings};
pub use small_reads::{Released, SmallReads, filled};
pub use tcp::{Chunk, OwnChunk, TcpConnection, Witness, begins, handshake_times};
pub use unread::{Late, Unread, is_unseen};
pub use view::{Invented, Lookup, View, ViewKind};
pub use waits::Waits;
