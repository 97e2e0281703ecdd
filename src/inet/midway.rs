//! HTTP/2 on TCP connections that were there before the trace: what lets Wireshark read it is seeded, or told to be lacking.
//!
//! ```text
//!   ┌─ Undecided: fewer than nine bytes, which wait until more tell
//!   │        ↓
//! first bytes ──the header of a frame──→ Http2: whole frames, behind their seeds; without seeds written as they come
//!        └────── anything else, or the preface itself ──→ as ever, and nothing is kept
//! ```

use crate::packets::http2::{self, Http2Stream, Http2Verdict, Seed};
use crate::packets::{Chunk, OwnChunk, PacketOutput, TcpConnection, Witness, beginning};
use crate::sockets::{ConnectionId, Side};
use crate::wire::Sink;
use foldhash::HashMap;
use std::collections::BTreeSet;

/// What is kept of a connection.
#[derive(Debug)]
enum Joined {
    /// What has moved so far, which may be HTTP/2. Nothing is written.
    Undecided(Vec<OwnChunk>),
    /// It is HTTP/2.
    Http2(Box<Http2Stream>),
}

/// All such connections.
#[derive(Debug, Default)]
pub(super) struct Midway {
    seed: Seed,
    joined: HashMap<ConnectionId, Joined>,
    lack: Option<http2::Lack>,
    /// Where their servers are.
    ports: BTreeSet<u16>,
}

/// How a connection begins.
#[derive(Debug)]
pub(super) struct Beginning {
    /// What moved on it before.
    pub(super) held: Vec<OwnChunk>,
    /// With frames, but no preface.
    is_http2: bool,
}

impl Midway {
    /// Seeds of this kind, for what will be met.
    pub(super) fn new(seed: Seed) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Whether nothing is kept of any connection.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.joined.is_empty()
    }

    /// The ports of their servers, and whether seeds were written there.
    pub(super) fn ports(&self) -> impl Iterator<Item = (u16, bool)> {
        self.ports.iter().map(|port| (*port, self.seed != Seed::None))
    }

    /// What would be read with other seeds.
    pub(super) const fn lack(&self) -> Option<http2::Lack> {
        self.lack
    }

    /// Something moved on a connection of which nothing is written yet. None where that waits with what moved before.
    pub(super) fn meet(&mut self, id: ConnectionId, chunk: &Chunk<'_>) -> Option<Beginning> {
        let held = self.take_undecided(id);
        let first = beginning(&held, chunk, chunk.sender);
        let is_whole = (chunk.missing, chunk.skipped) == (0, 0);
        let has_preface =
            || Side::BOTH.into_iter().any(|side| http2::preface(&beginning(&held, chunk, side)) == Http2Verdict::Http2);
        match http2::judge(&first) {
            Http2Verdict::Http2 if !has_preface() => {}
            Http2Verdict::Undecided if is_whole && self.seed != Seed::None => {
                let held = held.into_iter().chain([OwnChunk::of(chunk)]).collect();
                self.joined.insert(id, Joined::Undecided(held));
                return None;
            }
            _ => return Some(Beginning { held, is_http2: false }),
        }
        self.joined.insert(id, Joined::Http2(Box::new(Http2Stream::midway(self.seed))));
        Some(Beginning { held, is_http2: true })
    }

    /// Writes what stands before the first bytes, which `first` moved, where they are HTTP/2.
    pub(super) fn begin<S: Sink>(
        &mut self,
        beginning: &Beginning,
        tcp: &mut TcpConnection,
        first: &Chunk<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        if !beginning.is_http2 {
            return Ok(());
        }
        self.ports.insert(tcp.address(tcp.client().other()).port());
        if self.seed == Seed::None {
            self.lack = self.lack.max(Some(http2::Lack::Http2));
            return Ok(());
        }
        Http2Stream::begin(tcp, (first.time, first.by), out)
    }

    /// What waits on a connection: nothing more is to tell what it is.
    pub(super) fn take_undecided(&mut self, id: ConnectionId) -> Vec<OwnChunk> {
        match self.joined.get_mut(&id) {
            Some(Joined::Undecided(held)) => {
                let held = std::mem::take(held);
                self.joined.remove(&id);
                held
            }
            _ => Vec::new(),
        }
    }

    /// Writes what moved on a connection, whatever it speaks.
    #[cold]
    #[inline(never)]
    pub(super) fn write<S: Sink>(
        &mut self,
        id: ConnectionId,
        tcp: &mut TcpConnection,
        chunk: &Chunk<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let Some(Joined::Http2(stream)) = self.joined.get_mut(&id) else {
            return tcp.write(chunk, out);
        };
        let lack = if self.seed == Seed::None {
            tcp.write(chunk, out)?;
            stream.watch(tcp, chunk)
        } else {
            stream.write(tcp, chunk, out)?
        };
        self.lack = self.lack.max(lack);
        if lack.is_some() && self.seed == Seed::None {
            // There is no more to be found.
            self.joined.remove(&id);
        }
        Ok(())
    }

    /// An end sends no more: what is held of its last frame goes out.
    pub(super) fn finish<S: Sink>(
        &mut self,
        (id, sender): (ConnectionId, Side),
        tcp: &mut TcpConnection,
        by: Witness,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        match self.joined.get_mut(&id) {
            Some(Joined::Http2(stream)) if self.seed != Seed::None => stream.finish(tcp, sender, by, out),
            _ => Ok(()),
        }
    }

    /// The connection is over.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.joined.remove(&id);
    }
}
