//! What headers, first bytes and frames are taken for, and what is seeded.

use super::*;
use crate::packets::http2::grpc::{grpc_evidence, grpc_seed_headers};
use crate::packets::http2::header::{FrameHeader, plausible};

#[test]
fn headers_that_can_and_cannot_be() {
    let header = |length: u32, frame_type, flags, stream: u32| -> [u8; 9] {
        let mut header = [0; 9];
        header[..3].copy_from_slice(&length.to_be_bytes()[1..]);
        header[3..5].copy_from_slice(&[frame_type, flags]);
        header[5..].copy_from_slice(&stream.to_be_bytes());
        header
    };
    for (length, frame_type, flags, stream, expected) in [
        (0, 0, 0, 1, true),
        (0, 0, 0, 0, false),
        (16_384, 0, 0, 1, true),
        (16_385, 0, 0, 1, false),
        (5, 1, 4, 0, false),
        (5, 2, 0, 1, true),
        (4, 2, 0, 1, false),
        (4, 3, 0, 1, true),
        (4, 3, 0, 0, false),
        (12, 4, 0, 0, true),
        (13, 4, 0, 0, false),
        (0, 4, 1, 0, true),
        (6, 4, 1, 0, false),
        (0, 4, 0, 1, false),
        (4, 5, 0, 1, true),
        (3, 5, 0, 1, false),
        (8, 6, 1, 0, true),
        (8, 6, 0, 1, false),
        (9, 6, 0, 0, false),
        (8, 7, 0, 0, true),
        (7, 7, 0, 0, false),
        (4, 8, 0, 0, true),
        (4, 8, 0, 9, true),
        (5, 8, 0, 0, false),
        (1, 9, 4, 1, true),
        (1, 9, 4, 0, false),
        (1, 10, 0, 1, false),
        (1, 0, 0, 0x8000_0001, false),
        (4, 8, 0, 0x8000_0000, false),
    ] {
        let header = header(length, frame_type, flags, stream);
        assert_eq!(plausible(&header, 16_384), expected, "{header:?}");
    }
}

#[test]
fn verdicts() {
    let check = |bytes: &[u8], expected| assert_eq!(judge(bytes), expected, "{bytes:02x?}");
    for length in 0..24 {
        check(&PREFACE[..length], if length < 9 { Http2Verdict::Undecided } else { Http2Verdict::Http2 });
    }
    check(PREFACE, Http2Verdict::Http2);
    check(&stream(true), Http2Verdict::Http2);
    check(b"PRI * HTTP/2.0\r\n\r\nXX", Http2Verdict::Other);
    let conversation = client().concat();
    for length in 1..conversation.len() {
        check(&conversation[..length], if length < 9 { Http2Verdict::Undecided } else { Http2Verdict::Http2 });
    }
    check(&frame(0, 0, 1, &vec![0; 20_000])[..500], Http2Verdict::Http2);
    for other in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"HTTP/1.1 200 OK\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"+OK\r\n",
        b"220 mail ESMTP\r\n",
        b"{\"method\":\"io.systemd\"}\0",
        b"\0AUTH EXTERNAL 30\r\n",
        b"l\x01\0\x01\x10\0\0\0\x01\0\0\0",
        b"\x09\0\0\0\x03SELECT 1",                   // MySQL
        b"\0\0\0\x08\x04\xd2\x16\x2f",               // PostgreSQL, SSLRequest
        b"\0\0\0\x01\x0b",                           // an SSH agent
        b"\x01\0\0\0\x01\0\x0c\0\x02\0\0\0",         // Wayland, get_registry
        b"\0\0\0\x05\0\0\0\x01\x01\0hello",          // ttrpc
        b"\x80\0\0\x28\0\0\0\0\0\0\0\x02",           // ONC RPC
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", // TLS
    ] {
        check(other, Http2Verdict::Other);
    }
}

#[test]
fn frames_are_read_one_by_one() {
    let conversation = client();
    let bytes = conversation.concat();
    let read: Vec<_> = frames(&bytes).collect();
    assert_eq!(read.len(), conversation.len());
    for (view, bytes) in read.iter().zip(&conversation) {
        let FrameHeader { length, kind, flags, stream_id } = view.header;
        assert_eq!((view.bytes, length as usize + 9), (&bytes[..], bytes.len()));
        assert_eq!(&frame(kind, flags, stream_id, view.payload()), bytes);
    }
    assert_eq!(frames(&bytes[..30]).count(), 1, "the second is not whole");
    assert_eq!(frames(&bytes[..8]).count(), 0);
}

#[test]
fn seeds() {
    assert_eq!(SEED_CLIENT[..24], PREFACE[..]);
    assert_eq!(SEED_CLIENT[24..], frame(4, 0, 0, b""));
    assert_eq!(SETTINGS_ACK[..], frame(4, 1, 0, b""));
    let headers = grpc_seed_headers(1);
    assert_eq!(headers.len(), 138);
    assert_eq!(headers[..9], [0, 0, 129, 1, 4, 0, 0, 0, 1]);
    assert_eq!(headers[9..23], *b"\x40\x07:method\x04POST");
    assert!(headers.ends_with(b"\x40\x0ccontent-type\x10application/grpc\x40\x02te\x08trailers"));
    let view = frames(&headers).next().unwrap();
    assert!(grpc_evidence(&view));
    assert_eq!(frames(&grpc_seed_headers(0xffff_ffff)).next().unwrap().header.stream_id, 0x7fff_ffff);
    assert_eq!(whole(&[SEED_CLIENT, SETTINGS_ACK, &headers]).concat().len(), 4);
}

#[test]
fn evidence_of_grpc() {
    for (frame_type, flags, payload, expected) in [
        (0, 0, &b"\0\0\0\0\0"[..], true),
        (0, 1, b"\x01\0\0\0\x02ab", true),
        (0, 1, b"\0\0\0\0\x03ab", false),
        (0, 1, b"\x02\0\0\0\0", false),
        (0, 1, b"\0\0\0\0", false),
        (0, 1, b"", false),
        (1, 4, b"@\x0ccontent-type\x10application/grpc", true),
        (9, 4, b"@\x0bgrpc-status\x010", true),
        (1, 4, b"\x04\x13/package.v1/Service/Call", true),
        (1, 4, b"\x82\x86", false),
        (4, 0, b"application/grpc", false),
    ] {
        let bytes = frame(frame_type, flags, 1, payload);
        assert_eq!(grpc_evidence(&frames(&bytes).next().unwrap()), expected, "{payload:?}");
    }
}
