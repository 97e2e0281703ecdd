//! What Wireshark must be told so that it decodes gRPC in a connection that was joined midway.
//!
//! It decodes a message where it knows the request's path, and in the message's own direction a `content-type` from the
//! first headers of the stream that it sees. HPACK hides both: a client that has called before names them by entries of
//! a table that were made before the trace began. So where the headers that pass do not tell them, a seed goes out in
//! front, which then counts as the first; true fields behind it still show. In one direction of a stream:
//!
//! ```text
//!            headers that tell; any headers or message once it is gRPC: a seed where needed
//!   Unseen ───────────────────────────────────────────────────────────────────────────────→ Known
//!      └──── headers that do not tell, nothing shows gRPC yet ───→ Closed: too late for a seed
//! ```
//!
//! The first seed is the one of `--seed-grpc`, [`grpc_seed_headers`], once for a connection: in front of the frame that
//! shows gRPC, or of the headers that the same call moved. The others are as short as can be.

use super::grpc::{grpc_evidence, grpc_seed_headers, reply_seed, request_seed};
use super::header::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PUSH_PROMISE, RST_STREAM};
use super::hpack::{FieldsSeen, HeaderNames};
use super::view::{FrameView, frames};
use crate::limits::{HTTP2_FRAMES_AHEAD, HTTP2_STREAMS};
use foldhash::HashMap;
use std::ops::Range;

/// What Wireshark knows of one direction of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Knowledge {
    /// It has seen no headers.
    #[default]
    Unseen,
    /// The content type.
    Known,
    /// It has seen headers that did not tell the content type.
    Closed,
}

/// A stream, and what Wireshark knows of it.
#[derive(Clone, Copy, Debug, Default)]
struct StreamKnowledge {
    has_path: bool,
    request: Knowledge,
    reply: Knowledge,
}

impl StreamKnowledge {
    const fn way(&mut self, from_client: bool) -> &mut Knowledge {
        if from_client { &mut self.request } else { &mut self.reply }
    }
}

/// What is to be written next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Some of the frames that came in.
    Frames(&'a [u8]),
    /// A frame that no call moved.
    Seed {
        /// Whether the client sends it.
        from_client: bool,
        /// Its bytes.
        frame: Vec<u8>,
    },
}

/// Seeds for one connection.
#[derive(Debug, Default)]
pub struct GrpcSeeding {
    /// A frame has shown gRPC.
    is_grpc: bool,
    /// The first seed was given out.
    has_begun: bool,
    request_names: HeaderNames,
    reply_names: HeaderNames,
    streams: HashMap<u32, StreamKnowledge>,
}

impl GrpcSeeding {
    /// Takes whole frames that one call moved and gives them out with the seeds that they need.
    pub fn frames<'a>(&mut self, from_client: bool, bytes: &'a [u8]) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let (mut written, mut at) = (0, 0);
        for frame in frames(bytes) {
            let behind = at + frame.bytes.len();
            let follow = bytes.get(behind..).unwrap_or_default();
            let mut seeds = Vec::new();
            self.frame(from_client, &frame, follow, &mut seeds);
            if !seeds.is_empty() {
                give_out(bytes, written..at, &mut steps);
                written = at;
            }
            steps.append(&mut seeds);
            at = behind;
        }
        give_out(bytes, written..bytes.len(), &mut steps);
        steps
    }

    const fn names(&mut self, from_client: bool) -> &mut HeaderNames {
        if from_client { &mut self.request_names } else { &mut self.reply_names }
    }

    /// Looks at a frame; `follow` stands behind it in the same call.
    fn frame(&mut self, from_client: bool, frame: &FrameView<'_>, follow: &[u8], seeds: &mut Vec<Step<'_>>) {
        let (id, flags) = (frame.header.stream_id, frame.header.flags);
        let is_evidence = grpc_evidence(frame);
        self.is_grpc |= is_evidence;
        match frame.header.kind {
            DATA if is_evidence => self.message(from_client, id, seeds),
            HEADERS | CONTINUATION if is_evidence && !self.has_begun => self.begin(id, seeds),
            _ => {}
        }
        match frame.header.kind {
            HEADERS => self.headers(from_client, frame, follow, seeds),
            CONTINUATION | PUSH_PROMISE => self.names(from_client).lose(),
            _ => {}
        }
        let ends = flags & END_STREAM != 0 && matches!(frame.header.kind, DATA | HEADERS);
        if frame.header.kind == RST_STREAM || (ends && !from_client) {
            self.streams.remove(&id);
        }
    }

    /// Headers; those that end their direction have no message behind them.
    fn headers(&mut self, from_client: bool, frame: &FrameView<'_>, follow: &[u8], seeds: &mut Vec<Step<'_>>) {
        let id = frame.header.stream_id;
        let ends = frame.header.flags & END_STREAM != 0;
        let is_grpc = self.is_grpc || shows_grpc(follow, id);
        let may_begin = is_grpc && from_client && !ends && !self.has_begun;
        if may_begin && !told(&mut self.request_names.clone(), frame).path {
            self.begin(id, seeds);
        }
        let told = told(self.names(from_client), frame);
        if is_grpc && !ends {
            self.tell(from_client, id, told, seeds);
        } else if !ends {
            let stream = self.stream(id);
            stream.has_path |= from_client && told.path;
            let way = stream.way(from_client);
            *way = match *way {
                Knowledge::Unseen if told.content_type => Knowledge::Known,
                Knowledge::Unseen => Knowledge::Closed,
                known => known,
            };
        }
    }

    /// The beginning of a message.
    fn message(&mut self, from_client: bool, id: u32, seeds: &mut Vec<Step<'_>>) {
        // With a path, but without the content type, a reply would be malformed to Wireshark.
        if !from_client && self.stream(id).reply == Knowledge::Closed {
            return;
        }
        if !self.has_begun {
            self.begin(id, seeds);
        }
        self.tell(from_client, id, FieldsSeen::default(), seeds);
    }

    /// The first seed: the client's, whoever has shown gRPC.
    fn begin(&mut self, id: u32, seeds: &mut Vec<Step<'_>>) {
        self.has_begun = true;
        let frame = grpc_seed_headers(id);
        for frame in frames(&frame) {
            told(&mut self.request_names, &frame);
        }
        seeds.push(Step::Seed { from_client: true, frame });
        self.request_is_known(id);
    }

    /// Seeds what is neither told by the headers that follow nor known.
    fn tell(&mut self, from_client: bool, id: u32, told: FieldsSeen, seeds: &mut Vec<Step<'_>>) {
        let stream = self.stream(id);
        stream.has_path |= from_client && told.path;
        let has_path = stream.has_path;
        let way = stream.way(from_client);
        let is_untold = *way == Knowledge::Unseen && !told.content_type;
        if *way == Knowledge::Unseen {
            *way = Knowledge::Known;
        }
        if !has_path && !self.has_begun {
            self.begin(id, seeds);
        } else if !has_path || (from_client && is_untold) {
            seeds.push(Step::Seed { from_client: true, frame: request_seed(id, !has_path) });
            self.request_is_known(id);
        }
        if !from_client && is_untold {
            seeds.push(Step::Seed { from_client: false, frame: reply_seed(id) });
        }
    }

    /// The request's path is known, and its content type if that was in time.
    fn request_is_known(&mut self, id: u32) {
        let stream = self.stream(id);
        stream.has_path = true;
        if stream.request == Knowledge::Unseen {
            stream.request = Knowledge::Known;
        }
    }

    fn stream(&mut self, id: u32) -> &mut StreamKnowledge {
        if self.streams.len() >= HTTP2_STREAMS && !self.streams.contains_key(&id) {
            self.streams.clear();
        }
        self.streams.entry(id).or_default()
    }
}

/// Gives out frames as they came.
fn give_out<'a>(bytes: &'a [u8], range: Range<usize>, steps: &mut Vec<Step<'a>>) {
    let frames = bytes.get(range).unwrap_or_default();
    if !frames.is_empty() {
        steps.push(Step::Frames(frames));
    }
}

/// Whether a client has sent these bytes, where they begin with whole frames and one of them tells: by fields that requests
/// alone have, or replies, and by what servers alone send.
pub fn is_of_client(bytes: &[u8]) -> Option<bool> {
    let mut names = HeaderNames::default();
    frames(bytes).take_while(|frame| frame.header.keeps_the_rules_of_its_type()).find_map(|frame| {
        match frame.header.kind {
            HEADERS => told(&mut names, &frame).is_request,
            PUSH_PROMISE => Some(false),
            _ => None,
        }
    })
}

/// Whether a message on the stream is among the next frames.
fn shows_grpc(bytes: &[u8], id: u32) -> bool {
    frames(bytes)
        .take(HTTP2_FRAMES_AHEAD)
        .any(|frame| frame.header.kind == DATA && frame.header.stream_id == id && grpc_evidence(&frame))
}

/// What a HEADERS frame tells. One whose block goes on in another frame loses the table.
fn told(names: &mut HeaderNames, frame: &FrameView<'_>) -> FieldsSeen {
    if frame.header.flags & END_HEADERS == 0 {
        names.lose();
    }
    names.read(frame.header_block())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags];
        bytes.extend(id.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    fn message(id: u32) -> Vec<u8> {
        frame(DATA, 0, id, b"\0\0\0\0\x02hi")
    }

    /// The seeds before these frames, each by its sender.
    fn seeds(seeding: &mut GrpcSeeding, from_client: bool, bytes: &[u8]) -> Vec<(bool, Vec<u8>)> {
        let mut seeds = Vec::new();
        let mut out = Vec::new();
        for step in seeding.frames(from_client, bytes) {
            match step {
                Step::Frames(bytes) => out.extend_from_slice(bytes),
                Step::Seed { from_client, frame } => seeds.push((from_client, frame)),
            }
        }
        assert_eq!(out, bytes);
        seeds
    }

    #[test]
    fn no_seed_without_a_sign_of_grpc() {
        let mut seeding = GrpcSeeding::default();
        for from_client in [true, false] {
            let headers = frame(HEADERS, END_HEADERS, 1, b"\x88\xbe");
            let text = frame(DATA, END_STREAM, 1, b"{}");
            assert_eq!(seeds(&mut seeding, from_client, &[headers, text].concat()), []);
        }
    }

    #[test]
    fn headers_in_several_frames_lose_the_table() {
        let block = b"\x83\x44\x02/x\x5f\x02ct";
        for (flags, expected) in [(END_HEADERS, vec![]), (0, vec![(true, request_seed(5, true))])] {
            let mut seeding = GrpcSeeding::default();
            seeds(&mut seeding, true, &message(1));
            seeds(&mut seeding, true, &frame(HEADERS, flags, 3, block));
            // By the entries that were made.
            let next = frame(HEADERS, END_HEADERS, 5, b"\x83\xbe\xbf");
            assert_eq!(seeds(&mut seeding, true, &next), expected, "{flags}");
        }
    }

    #[test]
    fn what_follows_in_the_same_call_is_looked_at_so_far() {
        for between in [0, HTTP2_FRAMES_AHEAD - 1, HTTP2_FRAMES_AHEAD] {
            let mut seeding = GrpcSeeding::default();
            let headers = frame(HEADERS, END_HEADERS, 1, b"\x83\xbe");
            let others = frame(8, 0, 1, &[0; 4]).repeat(between);
            let call = [headers, others, message(1)].concat();
            let steps = seeding.frames(true, &call);
            let is_first = matches!(steps[0], Step::Seed { .. });
            assert_eq!(is_first, between < HTTP2_FRAMES_AHEAD, "{between}");
            assert_eq!(steps.len(), if is_first { 2 } else { 3 });
        }
    }

    #[test]
    fn the_first_seed_is_the_whole_one_where_a_reply_s_trailers_need_it() {
        let mut seeding = GrpcSeeding::default();
        let headers = frame(HEADERS, END_HEADERS, 1, b"\x88\xbe");
        assert_eq!(seeds(&mut seeding, false, &headers), []);
        assert_eq!(seeds(&mut seeding, false, &message(1)), []);
        assert_eq!(seeds(&mut seeding, false, &headers), [(true, grpc_seed_headers(1))]);
    }

    #[test]
    fn padding_and_priority_are_no_fields() {
        let mut seeding = GrpcSeeding::default();
        seeds(&mut seeding, true, &message(1));
        let block = b"\x02\0\0\0\0\x10\x83\x44\x02/x\x5f\x02ct\0\0";
        let padded = frame(HEADERS, END_HEADERS | 0x28, 3, block);
        assert_eq!(seeds(&mut seeding, true, &padded), []);
    }

    #[test]
    fn streams_that_ended_or_are_too_many_are_forgotten() {
        let mut seeding = GrpcSeeding::default();
        let most = u32::try_from(HTTP2_STREAMS).unwrap();
        for id in 0..most {
            assert_eq!(seeds(&mut seeding, true, &message(2 * id + 1)).len(), 1);
        }
        assert_eq!(seeds(&mut seeding, true, &message(1)), []);
        seeds(&mut seeding, true, &message(2 * most + 1));
        assert_eq!(seeding.streams.len(), 1);
        assert_eq!(seeds(&mut seeding, true, &message(1)).len(), 1);
        for (from_client, end) in [
            (false, frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xbe")),
            (true, frame(RST_STREAM, 0, 2 * most + 1, &[0; 4])),
        ] {
            seeds(&mut seeding, from_client, &end);
        }
        assert!(seeding.streams.is_empty());
    }

    proptest! {
        #[test]
        fn any_frames_come_out_as_they_came(calls in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec((0..10_u8, any::<u8>(), 0..4_u32,
                prop_oneof![Just(b"\0\0\0\0\x02hi".to_vec()), proptest::collection::vec(any::<u8>(), 0..12)]), 0..4)), 0..6)
        ) {
            let mut seeding = GrpcSeeding::default();
            let mut whole = 0;
            for (from_client, frames) in calls {
                let bytes: Vec<u8> = frames.iter()
                    .flat_map(|(kind, flags, id, payload)| frame(*kind, *flags, *id, payload))
                    .collect();
                for (is_request, seed) in seeds(&mut seeding, from_client, &bytes) {
                    let seed = super::frames(&seed).map(|frame| frame.header.kind).collect::<Vec<_>>();
                    prop_assert_eq!(seed, [HEADERS]);
                    prop_assert!(is_request || !from_client, "a client's frames ask for nothing of the server");
                    whole += 1;
                }
            }
            prop_assert_eq!(whole > 0, seeding.has_begun);
        }
    }
}
