//! The frames of `write`: fixed vectors, the limits, and etherparse as a second opinion on everything else.

use super::*;
use crate::event::Timestamp;
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use proptest::prelude::*;
use std::net::SocketAddr;

fn data(seq: u32) -> Transport {
    Transport::Tcp { seq: SeqNumber(seq), ack: SeqNumber(0), flags: Flags::PSH_ACK, window: 8192, options: None }
}

fn frame<'a>(source: &str, target: &str, transport: Transport, payload: &'a [u8]) -> Frame<'a> {
    Frame {
        time: Timestamp(1_700_000_000_123_456_000),
        source_mac: Mac([0, 0, 0, 0, 0x12, 0x34]),
        target_mac: Mac([0, 2, 0, 0, 0, 1]),
        vlan: Some(VlanTag(5)),
        source: source.parse().unwrap(),
        target: target.parse().unwrap(),
        id: 1,
        transport,
        payload,
        original: payload.len(),
    }
}

fn written(frame: &Frame<'_>) -> (Vec<u8>, Lengths) {
    let before = b"what is there before";
    let mut bytes = before.to_vec();
    let lengths = write(frame, &mut bytes);
    let frame = bytes.strip_prefix(before).unwrap().to_vec();
    assert_eq!(lengths.captured, frame.len());
    (frame, lengths)
}

#[track_caller]
fn check(frame: &Frame<'_>, expected: &str) {
    let (bytes, lengths) = written(frame);
    let expected = expected.replace(' ', "");
    let expected: Vec<_> =
        (0..expected.len()).step_by(2).map(|at| u8::from_str_radix(&expected[at..at + 2], 16)).collect();
    assert_eq!(bytes.iter().copied().map(Ok).collect::<Vec<_>>(), expected);
    assert_eq!(lengths.original, bytes.len());
}

// The vectors of `py_strace2pcap.py`: bytes that users filter on.
#[test]
fn tcp_sent() {
    check(
        &frame("10.1.2.3:4000", "10.4.5.6:80", data(0x00bc_4d15), b"AB"),
        "000200000001 000000001234 8100 0005 0800 4500002a0001000040065fc00a0102030a040506 0fa0005000bc4d15 00000000 \
         5018 2000 d5b9 0000 4142",
    );
}

#[test]
fn tcp_received() {
    let mut frame = frame("10.4.5.6:80", "10.1.2.3:4000", data(0x00bc_4d15), b"AB");
    (frame.source_mac, frame.target_mac) = (Mac([0, 1, 0, 0, 0, 1]), Mac([0, 0, 0, 0, 0x12, 0x34]));
    check(
        &frame,
        "000000001234 000100000001 8100 0005 0800 4500002a0001000040065fc00a0405060a010203 00500fa000bc4d15 00000000 \
         5018 2000 d5b9 0000 4142",
    );
}

#[test]
fn tcp_over_ipv6() {
    let mut frame = frame("[2001:db8::1]:4000", "[2001:db8::2]:80", data(0x00bc_4d15), b"AB");
    frame.target_mac = Mac([0, 6, 0, 0, 0, 1]);
    check(
        &frame,
        "000600000001 000000001234 8100 0005 86dd \
         600000000016064020010db800000000000000000000000120010db8000000000000000000000002 \
         0fa0005000bc4d15 00000000 5018 2000 9552 0000 4142",
    );
}

#[test]
fn udp_sent() {
    let mut frame = frame("10.1.2.3:4000", "10.4.5.6:53", Transport::Udp, b"AB");
    (frame.target_mac, frame.vlan) = (Mac([0, 6, 0, 0, 0, 1]), Some(VlanTag(6)));
    check(
        &frame,
        "000600000001 000000001234 8100 0006 0800 4500001e0001000040115fc10a0102030a040506 0fa00035000a93b5 4142",
    );
}

#[test]
fn udp_over_ipv6_received() {
    let mut frame = frame("[fe80::2]:53", "[fe80::1]:4000", Transport::Udp, b"AB");
    (frame.source_mac, frame.target_mac) = (Mac([0, 5, 0, 0, 0, 1]), Mac([0, 0, 0, 0, 0x12, 0x34]));
    frame.vlan = Some(VlanTag(6));
    check(
        &frame,
        "000000001234 000500000001 8100 0006 86dd \
         60000000000a1140fe800000000000000000000000000002fe800000000000000000000000000001 00350fa0000ab1be 4142",
    );
}

#[test]
fn udp_unconnected() {
    let mut frame = frame("127.0.0.1:11111", "8.8.8.8:53", Transport::Udp, b"AB");
    (frame.target_mac, frame.vlan) = (Mac([0, 6, 0, 0, 0, 1]), Some(VlanTag(6)));
    check(
        &frame,
        "000600000001 000000001234 8100 0006 0800 4500001e000100004011ebbd7f00000108080808 2b670035000a03eb 4142",
    );
}

#[test]
fn a_syn_announces_mss_and_window_scale_and_needs_no_tag() {
    let options = Some(HandshakeOptions { mss: 1460, window_scale: 7 });
    let (seq, ack) = (SeqNumber(7), SeqNumber(0));
    let syn = Transport::Tcp { seq, ack, flags: Flags::SYN, window: 65_535, options };
    let mut frame = frame("10.0.0.1:1", "10.0.0.2:2", syn, b"");
    frame.vlan = None;
    let (bytes, _) = written(&frame);
    assert_eq!(bytes.len(), 14 + 20 + 28);
    assert_eq!(bytes[12..14], [0x08, 0x00]);
    assert_eq!(bytes[46..48], [0x70, 0x02]);
    assert_eq!(bytes[54..], [2, 4, 0x05, 0xb4, 1, 3, 3, 7]);
    assert_checksums(&frame, &bytes);
}

#[test]
fn a_checksum_of_zero_is_sent_as_ffff() {
    let plain = frame("0.0.0.0:0", "0.0.0.0:0", Transport::Udp, &[0, 0]);
    let (bytes, _) = written(&plain);
    let checksum = [bytes[44], bytes[45]];
    let (bytes, _) = written(&Frame { payload: &checksum, ..plain });
    assert_eq!(bytes[44..], [0xff, 0xff, checksum[0], checksum[1]]);
}

#[test]
fn mixed_families_are_ipv6_with_a_mapped_address() {
    let mixed = frame("10.0.0.1:1", "[::1]:2", data(1), b"x");
    let (bytes, _) = written(&mixed);
    let (same, _) = written(&frame("[::ffff:10.0.0.1]:1", "[::1]:2", data(1), b"x"));
    assert_eq!(bytes, same);
    assert_eq!(bytes[16..18], [0x86, 0xdd]);
    assert_checksums(&mixed, &bytes);
}

#[test]
fn a_raw_payload_stands_right_behind_ip() {
    let echo = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
    let (bytes, _) = written(&frame("10.0.0.1:0", "10.0.0.2:0", Transport::Raw { protocol: 1 }, &echo));
    assert_eq!((bytes[27], &bytes[38..]), (1, &echo[..]));
    let (bytes, _) = written(&frame("[::1]:0", "[::2]:0", Transport::Raw { protocol: 58 }, &echo));
    assert_eq!((bytes[24], &bytes[58..]), (58, &echo[..]));
}

/// Family, transport, longest payload, transport header.
fn limits() -> [(&'static str, Transport, usize, usize); 6] {
    let raw = Transport::Raw { protocol: 1 };
    [
        ("10.0.0.1:1", data(1), 65_495, 20),
        ("10.0.0.1:1", Transport::Udp, 65_507, 8),
        ("10.0.0.1:1", raw, 65_515, 0),
        ("[::1]:1", data(1), 65_515, 20),
        ("[::1]:1", Transport::Udp, 65_527, 8),
        ("[::1]:1", raw, 65_535, 0),
    ]
}

#[test]
fn what_ip_s_length_cannot_say_is_cut() {
    let payload: Vec<u8> = (0..70_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    for (address, transport, most, header) in limits() {
        let full = Frame { payload: &payload, original: payload.len(), ..frame(address, address, transport, b"") };
        let (bytes, lengths) = written(&full);
        assert_eq!(bytes.len(), lengths.original);
        assert!(bytes.ends_with(&payload[..most]));
        let whole = Frame { payload: &payload[..most], original: most, ..full };
        assert!(written(&whole).0 == bytes, "{most} bytes fit");
        if header > 0 {
            assert_checksums(&whole, &bytes);
        }
        let (short, lengths) = written(&Frame { payload: b"GET", original: usize::MAX, ..full });
        assert_eq!(lengths, Lengths { captured: bytes.len() - most + 3, original: bytes.len() });
        assert_eq!(short[18..26], bytes[18..26], "IP's length field says the same");
    }
}

#[test]
fn an_original_shorter_than_the_payload_is_its_length() {
    let wrong = Frame { original: 1, ..frame("10.0.0.1:1", "10.0.0.2:2", data(1), b"four") };
    assert_eq!(written(&wrong), written(&Frame { original: 4, ..wrong }));
}

#[test]
fn sequence_numbers_wrap() {
    assert_eq!(SeqNumber(0xffff_fffe).advanced(3), SeqNumber(1));
    assert_eq!(SeqNumber(5).advanced((7 << 32) + 1), SeqNumber(6));
}

/// Reads `bytes` back with etherparse and compares every field and checksum with the frame's.
#[track_caller]
fn assert_checksums(frame: &Frame<'_>, bytes: &[u8]) {
    let packet = LaxSlicedPacket::from_ethernet(bytes).unwrap();
    assert_eq!(packet.vlan().is_some(), frame.vlan.is_some());
    let Some(etherparse::LinkSlice::Ethernet2(ethernet)) = packet.link else { panic!("no Ethernet header") };
    assert_eq!((ethernet.source(), ethernet.destination()), (frame.source_mac.0, frame.target_mac.0));
    // A receiver would have had every byte; those that were not captured count as zeros.
    let mut payload = frame.payload.to_vec();
    payload.resize(frame.original, 0);
    let transport = packet.transport.expect("a transport header");
    match (packet.net.expect("an IP header"), transport) {
        (LaxNetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
            let ip = ip.header().to_header();
            assert_eq!(ip.calc_header_checksum(), ip.header_checksum);
            assert_eq!(usize::from(ip.total_len), 20 + frame_transport_length(frame) + frame.original);
            assert_tcp(frame, &tcp, tcp.to_header().calc_checksum_ipv4(&ip, &payload).unwrap());
        }
        (LaxNetSlice::Ipv6(ip), TransportSlice::Tcp(tcp)) => {
            let ip = ip.header().to_header();
            assert_eq!(usize::from(ip.payload_length), frame_transport_length(frame) + frame.original);
            assert_tcp(frame, &tcp, tcp.to_header().calc_checksum_ipv6(&ip, &payload).unwrap());
        }
        (LaxNetSlice::Ipv4(ip), TransportSlice::Udp(udp)) => {
            let (ip, udp) = (ip.header().to_header(), udp.to_header());
            assert_eq!(ip.calc_header_checksum(), ip.header_checksum);
            assert_eq!(udp.checksum, udp.calc_checksum_ipv4(&ip, &payload).unwrap());
            assert_udp(frame, &udp);
        }
        (LaxNetSlice::Ipv6(ip), TransportSlice::Udp(udp)) => {
            let (ip, udp) = (ip.header().to_header(), udp.to_header());
            assert_eq!(udp.checksum, udp.calc_checksum_ipv6(&ip, &payload).unwrap());
            assert_udp(frame, &udp);
        }
        _ => panic!("another packet"),
    }
}

fn frame_transport_length(frame: &Frame<'_>) -> usize {
    match frame.transport {
        Transport::Tcp { options, .. } => 20 + options.map_or(0, |_| 8),
        Transport::Udp | Transport::UdpLite => 8,
        Transport::Raw { .. } => 0,
    }
}

#[track_caller]
fn assert_tcp(frame: &Frame<'_>, tcp: &etherparse::TcpSlice<'_>, checksum: u16) {
    let Transport::Tcp { seq, ack, flags, window, options } = frame.transport else { panic!("not TCP") };
    assert_eq!(tcp.checksum(), checksum);
    assert_eq!((tcp.source_port(), tcp.destination_port()), (frame.source.port(), frame.target.port()));
    assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (seq.0, ack.0));
    assert_eq!((tcp.header_slice()[13], tcp.window_size()), (flags.0, window));
    let read: Vec<_> = tcp.options_iterator().map(Result::unwrap).collect();
    let meant = options.map_or(vec![], |HandshakeOptions { mss, window_scale }| {
        use etherparse::TcpOptionElement::{MaximumSegmentSize, Noop, WindowScale};
        vec![MaximumSegmentSize(mss), Noop, WindowScale(window_scale)]
    });
    assert_eq!(read, meant);
    assert_eq!(tcp.payload(), frame.payload);
}

#[track_caller]
fn assert_udp(frame: &Frame<'_>, udp: &etherparse::UdpHeader) {
    assert_eq!((udp.source_port, udp.destination_port), (frame.source.port(), frame.target.port()));
    assert_eq!(usize::from(udp.length), 8 + frame.original);
}

fn transports() -> impl Strategy<Value = Transport> {
    let options = proptest::option::of(
        (any::<u16>(), 0_u8..15).prop_map(|(mss, window_scale)| HandshakeOptions { mss, window_scale }),
    );
    prop_oneof![
        Just(Transport::Udp),
        (any::<u32>(), any::<u32>(), any::<u8>(), any::<u16>(), options).prop_map(
            |(seq, ack, flags, window, options)| Transport::Tcp {
                seq: SeqNumber(seq),
                ack: SeqNumber(ack),
                flags: Flags(flags),
                window,
                options
            }
        ),
    ]
}

proptest! {
    #[test]
    fn every_frame_reads_back(
        (source, target) in any::<(SocketAddr, SocketAddr)>(),
        macs in any::<([u8; 6], [u8; 6])>(),
        vlan in proptest::option::of(any::<u16>()),
        id in any::<u16>(),
        transport in transports(),
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        missing in prop_oneof![Just(0_usize), 0_usize..60_000],
    ) {
        let frame = Frame {
            time: Timestamp(0),
            source_mac: Mac(macs.0),
            target_mac: Mac(macs.1),
            vlan: vlan.map(VlanTag),
            source,
            target,
            id,
            transport,
            payload: &payload,
            original: payload.len() + missing,
        };
        let (bytes, lengths) = written(&frame);
        prop_assert_eq!(lengths.original, bytes.len() + missing);
        prop_assert!(bytes.ends_with(&payload));
        assert_checksums(&frame, &bytes);
    }
}
