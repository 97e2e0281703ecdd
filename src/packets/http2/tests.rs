//! Conversations cut everywhere, holes everywhere, and the laws of the aligner under any bytes.

mod reading;

use super::align::Aligner;
use super::header::{FrameHeader, Limits};
use super::piece::{Piece, PieceKind as Kind, Pieces};
use super::view::frames;
use super::*;
use crate::limits::HTTP2_FRAME_BYTES;
use proptest::prelude::*;

/// A frame's bytes.
fn frame(frame_type: u8, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], frame_type, flags];
    bytes.extend(stream_id.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// What a client says in a short connection, frame by frame; the preface is not among them.
fn client() -> Vec<Vec<u8>> {
    vec![
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100, 0, 5, 0, 0, 0x80, 0]),
        frame(8, 0, 0, &[0, 0xff, 0, 1]),
        frame(1, 0x25, 1, b"\x80\0\0\0\x0f\x82\x86\x84\x41\x8c"),
        frame(4, 1, 0, b""),
        frame(6, 0, 0, b"12345678"),
        frame(0, 0, 3, b"hello, server"),
        frame(0, 9, 3, b"\x04data\0\0\0\0"),
        frame(2, 0, 5, &[0, 0, 0, 3, 16]),
        frame(3, 0, 5, &[0, 0, 0, 8]),
        frame(9, 4, 7, b"rest of a header block"),
        frame(7, 0, 0, &[0; 8]),
    ]
}

fn stream(preface: bool) -> Vec<u8> {
    let preface = if preface { &PREFACE[..] } else { &[] };
    [preface, &client().concat()].concat()
}

type Given = Vec<(Kind, Vec<u8>, u64)>;

/// The pieces that each push let out, and finish at last.
fn aligned(pushes: &[(&[u8], u64)]) -> Vec<Given> {
    let mut aligner = Aligner::new();
    let mut out = Vec::new();
    for &(bytes, missing) in pushes {
        let pieces = aligner.push(bytes, missing);
        let pieces: Given = pieces.iter().map(|piece| (piece.kind, piece.bytes.to_vec(), piece.missing)).collect();
        let hole: u64 = pieces.iter().map(|piece| piece.2).sum();
        assert_eq!(hole, missing, "a hole goes out with the call that has it");
        out.push(pieces);
    }
    let rest = aligner.finish();
    assert!(aligner.finish().is_empty(), "nothing waits after the end");
    out.push(if rest.is_empty() { Vec::new() } else { vec![(Kind::Opaque, rest, 0)] });
    out
}

/// The kinds and lengths of pieces.
fn lengths(pieces: &Pieces<'_>) -> Vec<(Kind, usize)> {
    pieces.iter().map(|piece| (piece.kind, piece.bytes.len())).collect()
}

fn length(pieces: &Pieces<'_>) -> usize {
    pieces.iter().map(|piece| piece.bytes.len()).sum()
}

fn whole(pushes: &[&[u8]]) -> Vec<Given> {
    aligned(&pushes.iter().map(|&push| (push, 0)).collect::<Vec<_>>())
}

fn bytes_of(pieces: &[Given]) -> Vec<u8> {
    pieces.iter().flatten().flat_map(|piece| piece.1.clone()).collect()
}

/// Ends of the preface and the frames of a well-formed stream: the oracle for what may wait.
fn ends(preface: bool) -> Vec<usize> {
    let mut end = if preface { 24 } else { 0 };
    let mut ends = vec![end];
    for frame in client() {
        end += frame.len();
        ends.push(end);
    }
    ends
}

/// Pushes a well-formed stream in these pieces and compares with what must be out after each.
#[track_caller]
fn check_cuts(preface: bool, cuts: &[usize]) {
    let stream = stream(preface);
    let mut pushes = Vec::new();
    let mut from = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        pushes.push(&stream[from..cut]);
        from = cut;
    }
    let pieces = whole(&pushes);
    assert_eq!(bytes_of(&pieces), stream);
    let (mut came, mut out) = (0, 0);
    for (push, pieces) in pushes.iter().zip(&pieces) {
        came += push.len();
        let mut expected = Vec::new();
        let due = *ends(preface).iter().rfind(|&&end| end <= came).unwrap_or(&0);
        if preface && out < 24 && due >= 24 {
            expected.push((Kind::Preface, stream[..24].to_vec(), 0));
            out = 24;
        }
        if out < due {
            expected.push((Kind::Frames, stream[out..due].to_vec(), 0));
            out = due;
        }
        assert_eq!(pieces, &expected, "after {came} bytes");
    }
    assert_eq!(pieces[pushes.len()], [], "nothing left");
}

#[test]
fn every_cut_of_a_conversation() {
    for preface in [true, false] {
        let length = stream(preface).len();
        check_cuts(preface, &[]);
        check_cuts(preface, &(1..length).collect::<Vec<_>>());
        for first in 1..length {
            check_cuts(preface, &[first]);
            for second in [first + 1, first + 5, first + 9, first + 24] {
                if second < length {
                    check_cuts(preface, &[first, second]);
                }
            }
        }
    }
}

#[test]
fn settings_are_read_and_raise_what_the_other_side_may_send() {
    let mut server = Aligner::new();
    let mut client = Aligner::new();
    assert_eq!(client.settings_max_frame_size(), None);
    for half in stream(true).chunks(30) {
        client.push(half, 0);
    }
    assert_eq!(client.settings_max_frame_size(), Some(0x8000));
    // Outside of what RFC 9113 allows, acknowledged, or another setting: not read.
    for settings in [&[0, 5, 0, 0, 0x3f, 0xff], &[0, 5, 1, 0, 0, 0], &[0, 4, 0, 0, 0x50, 0]] {
        client.push(&frame(4, 0, 0, settings), 0);
    }
    assert_eq!(client.settings_max_frame_size(), Some(0x8000));

    let long = frame(0, 0, 1, &vec![7; (1 << 20) + 1]);
    let kinds = |server: &mut Aligner| server.push(&long, 0).iter().map(|piece| piece.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&mut server), [Kind::Opaque], "longer than is believed");
    let mut server = Aligner::new();
    server.set_max_frame_size(2 << 20);
    server.set_max_frame_size(1 << 14);
    assert_eq!(kinds(&mut server), [Kind::Frames]);
}

#[test]
fn a_frame_too_long_to_hold_is_let_through() {
    let mut aligner = Aligner::new();
    aligner.set_max_frame_size(4 << 20);
    let long = frame(0, 0, 1, &vec![0; 3 << 20]);
    let next = frame(6, 0, 0, b"12345678");
    let mut out = Vec::new();
    for chunk in [long, next.clone()].concat().chunks(1 << 16) {
        let before: usize = out.iter().map(|piece: &(_, usize)| piece.1).sum();
        out.extend(lengths(&aligner.push(chunk, 0)));
        assert_eq!(before + chunk.len(), out.iter().map(|piece| piece.1).sum::<usize>(), "nothing waits");
    }
    assert_eq!(out.len(), 50);
    assert_eq!(out.pop(), Some((Kind::Frames, next.len())));
    assert!(out.iter().all(|piece| piece.0 == Kind::Opaque));
}

#[test]
fn a_frame_as_long_as_is_held_waits() {
    let mut aligner = Aligner::new();
    let long = frame(0, 0, 1, &vec![0; HTTP2_FRAME_BYTES - 9]);
    let (last, most) = long.split_last().unwrap();
    for chunk in most.chunks(9999) {
        assert_eq!(lengths(&aligner.push(chunk, 0)), [], "not whole yet");
    }
    assert_eq!(lengths(&aligner.push(&[*last], 0)), [(Kind::Frames, HTTP2_FRAME_BYTES)]);
}

#[test]
fn a_preface_is_its_own_piece_wherever_it_is() {
    let settings = frame(4, 0, 0, b"");
    let late = [settings.clone(), PREFACE.to_vec()].concat();
    let pieces = whole(&[&late]);
    let expected = [(Kind::Frames, settings, 0), (Kind::Preface, PREFACE.to_vec(), 0)];
    assert_eq!(pieces[0], expected);
    assert_eq!(whole(&[b"PRI * HTTP/2"])[1], [(Kind::Opaque, b"PRI * HTTP/2".to_vec(), 0)]);
    let other = b"PRI * HTTP/2.0\r\n\r\nXX".to_vec();
    assert_eq!(whole(&[&other[..18], &other[18..]])[1], [(Kind::Opaque, other, 0)]);
}

#[test]
fn the_checks_that_py_strace2pcap_s_own_tests_made() {
    let hello = frame(0, 1, 1, b"HELLO");
    let pieces = whole(&[&hello[..5], &hello[5..]]);
    assert_eq!(pieces, [vec![], vec![(Kind::Frames, hello, 0)], vec![]]);
    assert_eq!(bytes_of(&whole(&[b"PARTIAL"])), b"PARTIAL");
}

#[test]
fn stray_bytes_go_out_at_once_and_the_next_frames_are_found() {
    let (ping, data) = (frame(6, 0, 0, b"12345678"), frame(0, 0, 1, b"some data"));
    let found = |stray: &[u8], then: &[u8]| {
        let pieces = whole(&[&ping, &[stray, then].concat()]);
        assert_eq!(pieces[2], []);
        pieces[1].clone()
    };
    let stray = b"\xff\xfe stray \0\0\0\0".to_vec();
    let two = [ping.clone(), data.clone()].concat();
    assert_eq!(found(&stray, &two), [(Kind::Opaque, stray.clone(), 0), (Kind::Frames, two, 0)]);
    assert_eq!(found(&stray, &data), [(Kind::Opaque, stray.clone(), 0), (Kind::Frames, data.clone(), 0)]);
    // The beginning of a frame after stray bytes is evidence of nothing yet: nothing waits.
    let begun = [&stray[..], &data[..12]].concat();
    assert_eq!(found(&stray, &data[..12]), [(Kind::Opaque, begun, 0)]);
    // Its end is remembered, and what begins there is.
    let pieces = whole(&[&stray, &data[..12], &[&data[12..], &ping[..3]].concat(), &ping[3..]]);
    assert_eq!(pieces[2], [(Kind::Opaque, data[12..].to_vec(), 0)]);
    assert_eq!(pieces[3], [(Kind::Frames, ping, 0)]);
}

#[test]
fn a_frame_s_end_is_remembered_where_its_bytes_have_gone() {
    let data = frame(0, 0, 1, &[0x55; 1000]);
    let sequence = data.repeat(4);
    // Calls of 700 bytes that begin nowhere a frame does: the second frame's header is seen, the third is expected.
    let mut pushes = vec![b"\xff\xff\xff stray".to_vec()];
    pushes.extend([&[0xff; 100][..], &sequence].concat().chunks(700).map(<[u8]>::to_vec));
    let pieces = whole(&pushes.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert_eq!(bytes_of(&pieces), pushes.concat());
    let frames: usize =
        pieces.iter().flatten().filter(|piece| piece.0 == Kind::Frames).map(|piece| piece.1.len()).sum();
    assert_eq!(frames, 3 * data.len());
}

#[test]
fn a_hole_within_a_frame_is_passed_over() {
    let (data, ping) = (frame(0, 0, 1, &[1; 100]), frame(6, 0, 0, b"12345678"));
    // To its end: the next frame begins behind it.
    let pieces = aligned(&[(&data[..50], 59), (&ping, 0)]);
    assert_eq!(pieces[0], [(Kind::Opaque, data[..50].to_vec(), 59)]);
    assert_eq!(pieces[1], [(Kind::Frames, ping.clone(), 0)]);
    // Within it: the rest is let through, then frames go on.
    let pieces = aligned(&[(&data[..50], 9), (&[&data[59..], &ping[..5]].concat(), 0), (&ping[5..], 0)]);
    assert_eq!(pieces[0], [(Kind::Opaque, data[..50].to_vec(), 9)]);
    assert_eq!(pieces[1], [(Kind::Opaque, data[59..].to_vec(), 0)]);
    assert_eq!(pieces[2], [(Kind::Frames, ping.clone(), 0)]);
    // Beyond it: what was held goes out, and the next call's frames are found.
    let pieces = aligned(&[(&ping, 0), (&data[..5], 0), (&data[5..50], 300), (&[&ping[..], &data[..9]].concat(), 0)]);
    assert_eq!(pieces[2], [(Kind::Opaque, data[..50].to_vec(), 300)]);
    assert_eq!(pieces[3], [(Kind::Frames, ping.clone(), 0)]);
    assert_eq!(pieces[4], [(Kind::Opaque, data[..9].to_vec(), 0)], "at the end");
    // In front of it the bytes are one piece, whether they are of a frame that is passed, or of none.
    let pieces = aligned(&[(&data[..50], 9), (&data[59..70], 9), (b"no frame", 9), (b"\xff\xff stray", 9)]);
    assert_eq!(pieces[1], [(Kind::Opaque, data[59..70].to_vec(), 9)]);
    assert_eq!(pieces[2], [(Kind::Opaque, b"no frame".to_vec(), 9)]);
    assert_eq!(pieces[3], [(Kind::Opaque, b"\xff\xff stray".to_vec(), 9)]);
    let pieces = aligned(&[(&data[..50], 9), (&[&data[59..], &ping[..10]].concat(), 7), (&ping, 0)]);
    assert_eq!(pieces[1], [(Kind::Opaque, data[59..].to_vec(), 0), (Kind::Opaque, ping[..10].to_vec(), 7)]);
    assert_eq!(pieces[2], [(Kind::Frames, ping.clone(), 0)]);
    // At a frame's end: no frame has this hole.
    let pieces = aligned(&[(&ping, 40), (&ping, 0)]);
    assert_eq!(pieces[0], [(Kind::Frames, ping.clone(), 0), (Kind::Opaque, vec![], 40)]);
    assert_eq!(pieces[1], [(Kind::Frames, ping.clone(), 0)]);
    // Nothing but a hole, as sendfile leaves it, and one within the preface.
    let pieces = aligned(&[(&data[..9], 0), (b"", 100), (&ping, 0)]);
    assert_eq!(pieces[1], [(Kind::Opaque, data[..9].to_vec(), 100)]);
    assert_eq!(pieces[2], [(Kind::Frames, ping.clone(), 0)]);
    let pieces = aligned(&[(&PREFACE[..10], 14), (&ping, 0)]);
    assert_eq!(pieces[0], [(Kind::Opaque, PREFACE[..10].to_vec(), 14)]);
    assert_eq!(pieces[1], [(Kind::Frames, ping, 0)]);
}

#[test]
fn after_finish_the_rest_is_let_through() {
    let ping = frame(6, 0, 0, b"12345678");
    let mut aligner = Aligner::new();
    assert_eq!(lengths(&aligner.push(&ping[..12], 0)), [], "not whole");
    assert_eq!(aligner.finish(), ping[..12]);
    let rest = [&ping[12..], &ping].concat();
    assert_eq!(lengths(&aligner.push(&rest, 0)), [(Kind::Opaque, 5), (Kind::Frames, 17)]);
}

/// Megabytes without a frame, and megabytes of what looks like frames but leads nowhere: would time grow with the square
/// of the length, this would take minutes.
#[test]
fn stray_megabytes_take_linear_time() {
    let misleading = frame(0, 0, 1, &[]).repeat(1).into_iter().chain([0xff]).collect::<Vec<_>>();
    let far = [&[0, 0x3f, 0xff, 0, 0, 0, 0, 0, 1][..], &[0xff; 7]].concat();
    for pattern in [vec![0xff], vec![0], misleading, far, vec![0, 0, 1], vec![0, 0, 0, 1]] {
        let bytes: Vec<u8> = pattern.iter().copied().cycle().take(5_000_000).collect();
        for size in [4096, 1 << 20, 7] {
            let mut aligner = Aligner::new();
            let mut out = 0;
            for chunk in bytes.chunks(size) {
                out += length(&aligner.push(chunk, 0));
            }
            assert_eq!(out + aligner.finish().len(), bytes.len());
        }
    }
}

#[test]
fn stray_bytes_are_never_held() {
    let mut aligner = Aligner::new();
    for chunk in vec![0xff_u8; 100_000].chunks(4096) {
        assert_eq!(length(&aligner.push(chunk, 0)), chunk.len());
    }
}

/// Bytes as they come: noise, frames, and frames that are damaged.
fn parts() -> impl Strategy<Value = Vec<u8>> {
    let payload = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        3 => (any::<prop::sample::Index>()).prop_map(|at| at.get(&client()).clone()),
        2 => (0_u8..11, any::<u8>(), 0_u32..4, payload()).prop_map(|(kind, flags, id, payload)| frame(kind, flags, id, &payload)),
        1 => payload(),
        1 => Just(PREFACE.to_vec()),
        1 => proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(4)], 0..60),
    ]
}

/// Each piece of frames consists of whole ones.
fn check_frames(piece: &Piece<'_>) -> Result<(), TestCaseError> {
    let mut end = 0;
    for frame in frames(piece.bytes) {
        end += frame.bytes.len();
        prop_assert!(Limits::NONE_SEEN.continues(frame.bytes.first_chunk().unwrap()));
    }
    prop_assert_eq!((end, piece.missing), (piece.bytes.len(), 0));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn any_bytes_however_cut_come_out_in_order(
        parts in proptest::collection::vec(parts(), 0..8),
        cuts in proptest::collection::vec((1_usize..50, prop_oneof![9 => Just(0_u64), 1 => 1_u64..60]), 1..60),
    ) {
        let stream = parts.concat();
        let mut aligner = Aligner::new();
        let (mut rest, mut came, mut out, mut holes) = (&stream[..], 0, Vec::new(), 0);
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let &(size, missing) = cuts.next().unwrap();
            let (bytes, next) = rest.split_at(size.min(rest.len()));
            rest = next;
            came += bytes.len();
            for piece in aligner.push(bytes, missing).iter() {
                out.extend_from_slice(piece.bytes);
                holes += piece.missing;
                prop_assert!(!piece.bytes.is_empty() || piece.missing > 0, "an empty piece");
                if piece.kind == Kind::Frames {
                    check_frames(&piece)?;
                }
            }
            holes -= missing;
            prop_assert_eq!(holes, 0, "a hole goes out with the call that has it");
            // What waits is a frame's beginning, or a preface's.
            let held = &stream[out.len()..came];
            prop_assert!(held.len() < 24 && PREFACE.starts_with(held) || waits_rightly(held), "{held:?} waits");
        }
        out.extend(aligner.finish());
        prop_assert_eq!(out, stream);
    }

    #[test]
    fn a_conversation_however_cut(cuts in proptest::collection::btree_set(1_usize..230, 0..20), preface in any::<bool>()) {
        let length = stream(preface).len();
        check_cuts(preface, &cuts.into_iter().filter(|&cut| cut < length).collect::<Vec<_>>());
    }

    #[test]
    fn judging_never_changes_its_mind(parts in proptest::collection::vec(parts(), 1..4), whole in any::<prop::sample::Index>()) {
        let stream = parts.concat();
        let some = &stream[..whole.index(stream.len() + 1)];
        // More bytes may show that it is another protocol, or decide; they never undo a no or a preface.
        if judge(some) == Http2Verdict::Other {
            prop_assert_eq!(judge(&stream), Http2Verdict::Other);
        }
    }
}

/// Whether these bytes are the beginning of one frame that is not whole yet.
fn waits_rightly(held: &[u8]) -> bool {
    match held.first_chunk::<9>() {
        None => Limits::NONE_SEEN.may_continue(held),
        Some(header) => {
            Limits::NONE_SEEN.continues(header) && held.len() < 9 + FrameHeader::read(header).length as usize
        }
    }
}
