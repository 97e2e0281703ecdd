//! HTTP/2 in a byte stream (RFC 9113): where its frames end, what to seed where a trace begins in the middle.
//!
//! No I/O. [`judge`] says from a direction's first bytes whether it is HTTP/2 at all; an [`Aligner`] then cuts what the
//! calls of that direction moved at the ends of frames; a [`GrpcSeeding`] goes through what both directions gave out and
//! puts seeds between. An [`Http2Stream`] has both directions, and writes. Bytes out are bytes in, in order, whatever they
//! are, and seeds.
//!
//! [`Aligner`]: align::Aligner
//! [`GrpcSeeding`]: seeding::GrpcSeeding

mod align;
mod grpc;
mod header;
mod hpack;
mod piece;
mod search;
mod seeding;
mod stream;
#[cfg(test)]
mod tests;
mod view;

pub use header::{Http2Verdict, judge, preface};
pub use seeding::is_of_client;
pub use stream::{Http2Stream, Lack, Seed};

/// What a client sends before its first frame (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client begins with: the preface and an empty SETTINGS frame.
const SEED_CLIENT: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// SETTINGS with ACK, the answer to the other end's SETTINGS (RFC 9113 §6.5.3).
const SETTINGS_ACK: &[u8] = b"\0\0\0\x04\x01\0\0\0\0";
