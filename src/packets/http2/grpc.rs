//! gRPC over HTTP/2: what shows that a stream carries it, and the headers to seed where the trace began behind them, for
//! Wireshark decodes messages only of a stream whose path it knows, and its `content-type` in their direction.

use super::header::{CONTINUATION, DATA, END_HEADERS, HEADERS};
use super::view::FrameView;
use memchr::memmem;

const GRPC: &str = "application/grpc";
const PLACEHOLDER: &str = "/placeholder.Service/Method";

/// `:method: POST` and `:status: 200`, by their index (RFC 7541 §6.1, appendix A).
const POST: u8 = 0x83;
const STATUS_200: u8 = 0x88;

/// The names `:path` and `content-type` by their index, of literals without indexing (RFC 7541 §6.2.2).
const PATH: u8 = 0x04;
const CONTENT_TYPE: [u8; 2] = [0x0f, 0x10];

/// A request's headers that stand for those that were not traced.
const FIELDS: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", PLACEHOLDER),
    (":authority", "localhost"),
    ("content-type", GRPC),
    ("te", "trailers"),
];

/// A HEADERS frame of 138 bytes in all, with which a gRPC request begins on stream `stream_id` (below 2³¹).
pub(super) fn grpc_seed_headers(stream_id: u32) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in FIELDS {
        // A literal with incremental indexing and a new name (RFC 7541 §6.2.1), both strings without Huffman coding.
        block.push(0x40);
        push_string(name, &mut block);
        push_string(value, &mut block);
    }
    headers(stream_id, &block)
}

/// A HEADERS frame that a client's own go on from: the content type, and a path where theirs cannot be told. It leaves
/// the dynamic table as it is, so that every index means what it did.
pub(super) fn request_seed(stream_id: u32, with_path: bool) -> Vec<u8> {
    let mut block = vec![POST];
    if with_path {
        block.push(PATH);
        push_string(PLACEHOLDER, &mut block);
    }
    block.extend(CONTENT_TYPE);
    push_string(GRPC, &mut block);
    headers(stream_id, &block)
}

/// The same for a server.
pub(super) fn reply_seed(stream_id: u32) -> Vec<u8> {
    let mut block = vec![STATUS_200];
    block.extend(CONTENT_TYPE);
    push_string(GRPC, &mut block);
    headers(stream_id, &block)
}

/// A HEADERS frame that holds the whole of `block`, which is short.
fn headers(stream_id: u32, block: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = short(block.len()).to_be_bytes();
    let mut frame = Vec::from(length);
    frame.extend([HEADERS, END_HEADERS]);
    frame.extend((stream_id & 0x7fff_ffff).to_be_bytes());
    frame.extend(block);
    frame
}

/// A string literal (RFC 7541 §5.2). Those above are shorter than 127 bytes, so that their length is one byte.
fn push_string(text: &str, block: &mut Vec<u8>) {
    let [.., length] = short(text.len()).to_be_bytes();
    block.push(length);
    block.extend(text.bytes());
}

#[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "lengths of the constants above")]
const fn short(length: usize) -> u32 {
    length as u32
}

/// Whether the frame shows that its stream carries gRPC: a DATA frame that begins with a message's five bytes
/// (compressed or not, then its length, which the frame holds), or headers with one of gRPC's words in plain text.
pub(super) fn grpc_evidence(frame: &FrameView<'_>) -> bool {
    let payload = frame.payload();
    match frame.header.kind {
        DATA => match payload.split_first_chunk::<5>() {
            Some(([0 | 1, length @ ..], message)) => {
                usize::try_from(u32::from_be_bytes(*length)).is_ok_and(|length| length <= message.len())
            }
            _ => false,
        },
        HEADERS | CONTINUATION => {
            [GRPC, "grpc-status", "/Service/"].iter().any(|word| memmem::find(payload, word.as_bytes()).is_some())
        }
        _ => false,
    }
}
