//! How a connection's bytes are cut into pieces, decided from its first ones: at the ends of HTTP/2's frames, into D-Bus
//! messages, or as the calls moved them.

use crate::event::Timestamp;
use crate::packets::http2::{self, Http2Stream, Http2Verdict};
use crate::packets::{News, OwnChunk};
use crate::sockets::{Connection, Opening, Role, Side};
use crate::unix::dbus::Assembler;
use crate::unix::roles;

/// How a connection's bytes are cut into pieces.
///
/// ```text
/// Undecided ──preface or plausible header──→ Http2
///     ├── D-Bus's name or authentication ──→ Dbus
///     └────────── anything else ───────────→ Plain
/// ```
#[derive(Debug)]
pub(super) enum Framing {
    /// Fewer than nine bytes in each direction so far, and they may be HTTP/2.
    Undecided(Vec<OwnChunk>),
    /// A piece a call. Bytes that are written of what the first and the second end sent.
    Plain([u64; 2]),
    /// Whole frames.
    Http2(Box<Http2Stream>),
    /// Messages instead of a conversation.
    Dbus(Box<DbusStreams>),
}

/// Both directions of a D-Bus connection, each by the side of its sender.
#[derive(Debug, Default)]
pub(super) struct DbusStreams {
    pub(super) assemblers: [Assembler; 2],
    /// When the last bytes came.
    pub(super) last: [Timestamp; 2],
    /// Who has been named beside the messages.
    pub(super) news: News,
}

impl Default for Framing {
    fn default() -> Self {
        Self::Undecided(Vec::new())
    }
}

/// What the first bytes of a direction tell of the connection.
///
/// Where the opening was seen, HTTP/2 must begin with the client's preface and the server's SETTINGS (RFC 9113 §3.4); in
/// mid-stream any plausible frame header counts.
pub(super) fn judge(connection: &Connection, sender: Side, first: &[u8]) -> Http2Verdict {
    let from_start = matches!(connection.opening, Opening::Made { .. });
    if !from_start {
        return http2::judge(first);
    }
    let by_preface = http2::preface(first);
    let paired = connection.end(sender).role == Role::Paired;
    match roles::client(connection) {
        Some(client) if client == sender && !paired => by_preface,
        _ => match (by_preface, settings(first)) {
            (Http2Verdict::Other, settings) => settings,
            (by_preface, _) => by_preface,
        },
    }
}

/// Whether a direction begins with a SETTINGS frame on stream 0.
fn settings(first: &[u8]) -> Http2Verdict {
    const TYPE: usize = 3;
    match first.get(TYPE) {
        Some(4) => http2::judge(first),
        // Its length field is small: no peer sends thousands of settings.
        None if first.first().is_none_or(|high| *high == 0) => Http2Verdict::Undecided,
        _ => Http2Verdict::Other,
    }
}
