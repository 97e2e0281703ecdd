//! The frames of `write`: fixed vectors, the limits, and everything else read back byte by byte, as the RFCs lay it out
//! and without the library that writes it.

use super::*;
use crate::event::{Direction, Fd, HostPort, Marking, Op, ProcessRef, Tid, Timestamp};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

fn data(seq: u32) -> TransportHeader {
    TransportHeader::Tcp { seq: SeqNumber(seq), ack: SeqNumber(0), flags: Flags::PSH_ACK, window: 8192, options: None }
}

/// An address that is there as long as any frame.
fn address(text: &str) -> &'static HostPort {
    Box::leak(Box::new(HostPort::of(text)))
}

fn frame<'a>(source: &str, target: &str, transport: TransportHeader, payload: &'a [u8]) -> Frame<'a> {
    let (link, original) = (LinkHeader::Marking, payload.len());
    let (source, target) = (address(source), address(target));
    Frame { link, source, target, id: 1, transport, payload, original }
}

/// The packet that thread 1234 sends or receives by `op` on descriptor `fd`.
fn packet(frame: Frame<'_>, op: Op, fd: u32, direction: Direction) -> Packet<'_> {
    let by = Marking { tid: Tid(1234), process: ProcessRef(1), fd: Fd(fd), session: 1, op: Some(op) };
    Packet { about: About::made(Timestamp(1_700_000_000_123_456_000), by, direction), frame }
}

fn written(frame: &Frame<'_>) -> (Vec<u8>, Lengths) {
    packet_written(&packet(*frame, Op::Write, 5, Direction::Sent))
}

fn packet_written(packet: &Packet<'_>) -> (Vec<u8>, Lengths) {
    let before = b"what is there before";
    let mut bytes = before.to_vec();
    let lengths = write(packet, &mut bytes);
    let packet = bytes.strip_prefix(before).unwrap().to_vec();
    assert_eq!(lengths.captured, packet.len());
    (packet, lengths)
}

#[track_caller]
fn check(packet: &Packet<'_>, expected: &str) {
    let (bytes, lengths) = packet_written(packet);
    let expected = expected.replace(' ', "");
    let expected: Vec<_> =
        (0..expected.len()).step_by(2).map(|at| u8::from_str_radix(&expected[at..at + 2], 16)).collect();
    assert_eq!(bytes.iter().copied().map(Ok).collect::<Vec<_>>(), expected);
    assert_eq!(lengths.original, bytes.len());
}

// The vectors of `py_strace2pcap.py`: bytes that users filter on.
#[test]
fn tcp_sent() {
    let frame = frame("10.1.2.3:4000", "10.4.5.6:80", data(0x00bc_4d15), b"AB");
    check(
        &packet(frame, Op::Write, 5, Direction::Sent),
        "000200000001 000000001234 8100 0005 0800 4500002a0001000040065fc00a0102030a040506 0fa0005000bc4d15 00000000 \
         5018 2000 d5b9 0000 4142",
    );
}

#[test]
fn tcp_received() {
    let frame = frame("10.4.5.6:80", "10.1.2.3:4000", data(0x00bc_4d15), b"AB");
    check(
        &packet(frame, Op::Read, 5, Direction::Received),
        "000000001234 000100000001 8100 0005 0800 4500002a0001000040065fc00a0405060a010203 00500fa000bc4d15 00000000 \
         5018 2000 d5b9 0000 4142",
    );
}

#[test]
fn tcp_over_ipv6() {
    let frame = frame("[2001:db8::1]:4000", "[2001:db8::2]:80", data(0x00bc_4d15), b"AB");
    check(
        &packet(frame, Op::Sendto, 5, Direction::Sent),
        "000600000001 000000001234 8100 0005 86dd \
         600000000016064020010db800000000000000000000000120010db8000000000000000000000002 \
         0fa0005000bc4d15 00000000 5018 2000 9552 0000 4142",
    );
}

#[test]
fn udp_sent() {
    let frame = frame("10.1.2.3:4000", "10.4.5.6:53", TransportHeader::Udp, b"AB");
    check(
        &packet(frame, Op::Sendto, 6, Direction::Sent),
        "000600000001 000000001234 8100 0006 0800 4500001e0001000040115fc10a0102030a040506 0fa00035000a93b5 4142",
    );
}

#[test]
fn udp_over_ipv6_received() {
    let frame = frame("[fe80::2]:53", "[fe80::1]:4000", TransportHeader::Udp, b"AB");
    check(
        &packet(frame, Op::Recvfrom, 6, Direction::Received),
        "000000001234 000500000001 8100 0006 86dd \
         60000000000a1140fe800000000000000000000000000002fe800000000000000000000000000001 00350fa0000ab1be 4142",
    );
}

#[test]
fn udp_unconnected() {
    let frame = frame("127.0.0.1:11111", "8.8.8.8:53", TransportHeader::Udp, b"AB");
    check(
        &packet(frame, Op::Sendto, 6, Direction::Sent),
        "000600000001 000000001234 8100 0006 0800 4500001e000100004011ebbd7f00000108080808 2b670035000a03eb 4142",
    );
}

#[test]
fn a_syn_announces_its_options_and_needs_no_tag() {
    let options = Some(HandshakeOptions { mss: 1460, window_scale: 7 });
    let (seq, ack) = (SeqNumber(7), SeqNumber(0));
    let syn = TransportHeader::Tcp { seq, ack, flags: Flags::SYN, window: 65_535, options };
    let mut packet = packet(frame("10.0.0.1:1", "10.0.0.2:2", syn, b""), Op::Connect, 5, Direction::Sent);
    packet.about.by = None;
    let (bytes, _) = packet_written(&packet);
    assert_eq!(bytes.len(), 14 + 20 + 32);
    assert_eq!(bytes[12..14], [0x08, 0x00]);
    assert_eq!(bytes[46..48], [0x80, 0x02]);
    assert_eq!(bytes[54..], [2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7]);
    assert_eq!(bytes[..12], [0; 12], "nobody is known to have made it");
    assert_reads_back(&packet, &bytes);
}

#[test]
fn a_checksum_of_zero_is_sent_as_ffff() {
    let plain = frame("0.0.0.0:0", "0.0.0.0:0", TransportHeader::Udp, &[0, 0]);
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
    assert_reads_back(&packet(mixed, Op::Write, 5, Direction::Sent), &bytes);
}

#[test]
fn a_raw_payload_stands_right_behind_ip() {
    let echo = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
    let (bytes, _) = written(&frame("10.0.0.1:0", "10.0.0.2:0", TransportHeader::Raw { protocol: 1 }, &echo));
    assert_eq!((bytes[27], &bytes[38..]), (1, &echo[..]));
    let (bytes, _) = written(&frame("[::1]:0", "[::2]:0", TransportHeader::Raw { protocol: 58 }, &echo));
    assert_eq!((bytes[24], &bytes[58..]), (58, &echo[..]));
}

#[test]
fn an_icmp_checksum_of_0_is_filled_in_where_the_message_is_whole() {
    let echo = [8, 0, 0, 0, 0, 1, 2];
    let over_ipv4 = frame("10.0.0.1:0", "10.0.0.2:0", TransportHeader::Raw { protocol: 1 }, &echo);
    let (bytes, _) = written(&over_ipv4);
    assert_eq!(sum(&bytes[38..]), 0xffff);
    let (cut, _) = written(&Frame { original: 8, ..over_ipv4 });
    assert_eq!(cut[38..], echo);
    let over_ipv6 = frame("[::1]:0", "[::2]:0", TransportHeader::Raw { protocol: 58 }, &echo);
    let (bytes, _) = written(&over_ipv6);
    // Both addresses, the length, the protocol and the message.
    assert_eq!(sum(&[&bytes[26..58], &[0, 7, 0, 58], &bytes[58..]].concat()), 0xffff);
    let (other, _) = written(&Frame { transport: TransportHeader::Raw { protocol: 2 }, ..over_ipv4 });
    assert_eq!(other[38..], echo);
}

/// Family, transport, longest payload, transport header.
fn limits() -> [(&'static str, TransportHeader, usize, usize); 6] {
    let raw = TransportHeader::Raw { protocol: 1 };
    [
        ("10.0.0.1:1", data(1), 65_495, 20),
        ("10.0.0.1:1", TransportHeader::Udp, 65_507, 8),
        ("10.0.0.1:1", raw, 65_515, 0),
        ("[::1]:1", data(1), 65_515, 20),
        ("[::1]:1", TransportHeader::Udp, 65_527, 8),
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
            assert_reads_back(&packet(whole, Op::Write, 5, Direction::Sent), &bytes);
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

/// What has not been read of a packet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(count);
        self.0 = rest;
        front
    }

    /// A number of `count` bytes, the highest first.
    fn number(&mut self, count: usize) -> u64 {
        self.bytes(count).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// The one's complement sum of 16-bit words (RFC 1071 §1): ffff over all that a right checksum covers, itself included.
fn sum(bytes: &[u8]) -> u64 {
    let mut sum = 0;
    for word in bytes.chunks(2) {
        sum += u64::from(word[0]) << 8 | word.get(1).map_or(0, |byte| u64::from(*byte));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

/// A MAC that is read as these decimal digits.
fn mac(digits: &str) -> Mac {
    Mac(u64::from_str_radix(digits, 16).unwrap().to_be_bytes()[2..].try_into().unwrap())
}

/// Source, target and tag as they should be read.
fn link_of(packet: &Packet<'_>) -> (Mac, Mac, Option<u32>) {
    match (packet.frame.link, packet.about.by) {
        (LinkHeader::Macs { source, target }, _) => (source, target, None),
        (LinkHeader::Marking, None) => (Mac([0; 6]), Mac([0; 6]), None),
        (LinkHeader::Marking, Some((by, direction))) => {
            let thread = mac(&by.tid.to_string());
            let session = mac(&format!("{}{:08}", by.op.map_or(0, Op::number), by.session % 100_000_000));
            let (source, target) = if direction == Direction::Sent { (thread, session) } else { (session, thread) };
            (source, target, Some(by.fd.0 % 0x1000))
        }
    }
}

/// Reads `bytes` from the front, and compares every field and checksum with the packet's.
#[track_caller]
fn assert_reads_back(packet: &Packet<'_>, bytes: &[u8]) {
    let frame = &packet.frame;
    let (source, target, tag) = link_of(packet);
    let mut rest = Rest(bytes);
    assert_eq!(rest.bytes(6), target.0);
    assert_eq!(rest.bytes(6), source.0);
    if let Some(tag) = tag {
        assert_eq!((rest.number(2), rest.number(2)), (0x8100, tag.into()));
    }
    let (protocol, header) = match frame.transport {
        TransportHeader::Tcp { options, .. } => (6, 20 + options.map_or(0, |_| 12)),
        TransportHeader::Udp => (17, 8),
        TransportHeader::UdpLite => (136, 8),
        TransportHeader::Raw { .. } => panic!("it has no header of ours"),
    };
    let length = (header + frame.original) as u64;
    let mut covered = assert_ip(frame, protocol, length, &mut rest);
    // A receiver would have had every byte; those that were not captured count as zeros.
    covered.extend_from_slice(rest.0);
    covered.resize(covered.len() + frame.original - frame.payload.len(), 0);
    assert_eq!(sum(&covered), 0xffff, "the checksum");
    assert_eq!((rest.number(2), rest.number(2)), (frame.source.port().into(), frame.target.port().into()));
    if let TransportHeader::Tcp { .. } = frame.transport {
        assert_tcp(frame, &mut rest);
    } else {
        assert_eq!(rest.number(2), length);
        assert_ne!(rest.number(2), 0, "there is a checksum");
    }
    assert_eq!(rest.0, frame.payload);
}

/// Reads the Ethernet type and IP's header, and returns the pseudo-header.
#[track_caller]
fn assert_ip(frame: &Frame<'_>, protocol: u8, length: u64, rest: &mut Rest<'_>) -> Vec<u8> {
    let numbers = [&length.to_be_bytes()[4..], &[0, 0, 0, protocol]].concat();
    match (frame.source.ip(), frame.target.ip()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            assert_eq!(rest.number(2), 0x0800);
            assert_eq!(sum(&rest.0[..20]), 0xffff, "IPv4's checksum");
            assert_eq!((rest.number(2), rest.number(2)), (0x4500, 20 + length));
            assert_eq!((rest.number(2), rest.number(2)), (frame.id.into(), 0));
            assert_eq!(rest.bytes(2), [64, protocol]);
            rest.bytes(2);
            assert_eq!((rest.bytes(4), rest.bytes(4)), (&source.octets()[..], &target.octets()[..]));
            [&source.octets()[..], &target.octets(), &numbers].concat()
        }
        ends => {
            let [source, target]: [Ipv6Addr; 2] = [ends.0, ends.1].map(|end| match end {
                IpAddr::V4(end) => format!("::ffff:{end}").parse().unwrap(),
                IpAddr::V6(end) => end,
            });
            assert_eq!((rest.number(2), rest.number(4)), (0x86dd, 0x6000_0000));
            assert_eq!((rest.number(2), rest.bytes(2)), (length, &[protocol, 64][..]));
            assert_eq!((rest.bytes(16), rest.bytes(16)), (&source.octets()[..], &target.octets()[..]));
            [&source.octets()[..], &target.octets(), &numbers].concat()
        }
    }
}

/// Reads TCP's header behind its ports.
#[track_caller]
fn assert_tcp(frame: &Frame<'_>, rest: &mut Rest<'_>) {
    let TransportHeader::Tcp { seq, ack, flags, window, options } = frame.transport else { panic!("not TCP") };
    assert_eq!((rest.number(4), rest.number(4)), (seq.0.into(), ack.0.into()));
    let words = if options.is_some() { 8 } else { 5 };
    assert_eq!(rest.bytes(2), [words << 4, flags.0]);
    let (found, _checksum, urgent) = (rest.number(2), rest.number(2), rest.number(2));
    let behind_all = u16::try_from(frame.original).unwrap_or(u16::MAX).into();
    assert_eq!((found, urgent), (window.into(), if flags.has(Flags::URG) { behind_all } else { 0 }));
    if let Some(HandshakeOptions { mss, window_scale }) = options {
        let [high, low] = mss.to_be_bytes();
        assert_eq!(rest.bytes(12), [2, 4, high, low, 1, 1, 4, 2, 1, 3, 3, window_scale]);
    }
}

fn transports() -> impl Strategy<Value = TransportHeader> {
    let options = proptest::option::of(
        (any::<u16>(), 0_u8..15).prop_map(|(mss, window_scale)| HandshakeOptions { mss, window_scale }),
    );
    prop_oneof![
        Just(TransportHeader::Udp),
        Just(TransportHeader::UdpLite),
        (any::<u32>(), any::<u32>(), 0_u8..0x40, any::<u16>(), options).prop_map(
            |(seq, ack, flags, window, options)| TransportHeader::Tcp {
                seq: SeqNumber(seq),
                ack: SeqNumber(ack),
                flags: Flags(flags),
                window,
                options
            }
        ),
    ]
}

fn links() -> impl Strategy<Value = (LinkHeader, Option<(Marking, Direction)>)> {
    let macs = any::<[[u8; 6]; 2]>();
    let op = prop_oneof![Just(None), Just(Some(Op::Read)), Just(Some(Op::Tee))];
    let marking = (any::<u32>(), any::<u32>(), any::<u32>(), op);
    let marking = marking.prop_map(|(tid, fd, session, op)| Marking {
        tid: Tid(tid),
        process: ProcessRef(1),
        fd: Fd(fd),
        session,
        op,
    });
    let direction = prop_oneof![Just(Direction::Sent), Just(Direction::Received)];
    (proptest::option::of(macs), proptest::option::of((marking, direction))).prop_map(|(macs, by)| {
        let given = macs.map(|[source, target]| LinkHeader::Macs { source: Mac(source), target: Mac(target) });
        (given.unwrap_or(LinkHeader::Marking), by)
    })
}

/// Who moves it, whither, with which flags and how many bytes.
type Segment = (u32, bool, u16, u8, usize);

proptest! {
    #[test]
    fn headers_that_are_laid_out_are_those_laid_out_anew(
        segments in proptest::collection::vec((0_u32..3, any::<bool>(), 1_u16..3, any::<u8>(), 0_usize..70_000), 1..40),
        seed in any::<u32>(),
    ) {
        let (mut headers, mut kept, mut anew) = (Headers::default(), Vec::new(), Vec::new());
        let payload = [0xa5; 99];
        for (number, (tid, is_sent, port, flags, original)) in (0_u32..).zip::<Vec<Segment>>(segments) {
            let mixed = seed.wrapping_mul(number.wrapping_add(7));
            let id = u16::try_from(mixed >> 16).unwrap();
            let (seq, ack, flags) = (SeqNumber(mixed), SeqNumber(!mixed), Flags(flags & 0x3f));
            let options = HandshakeOptions { mss: !id, window_scale: 7 };
            let options = (id % 4 == 0).then_some(options);
            let transport = TransportHeader::Tcp { seq, ack, flags, window: !id, options };
            let source = &HostPort::V4([10, 0, 0, u8::from(id % 8 < 7)].into(), port);
            let payload = &payload[..original.min(usize::from(id) % 100)];
            let (link, target) = (LinkHeader::Marking, address("10.0.0.2:80"));
            let frame = Frame { link, source, target, id, transport, payload, original };
            let direction = if is_sent { Direction::Sent } else { Direction::Received };
            let by = Marking { tid: Tid(tid), process: ProcessRef(1), fd: Fd(port.into()), session: 1, op: Some(Op::Write) };
            let by = if id % 5 == 0 { Marking { session: 2, op: None, ..by } } else { by };
            let packet = Packet { about: About::made(Timestamp(0), by, direction), frame };
            prop_assert_eq!(headers.write(&packet, &mut kept), write(&packet, &mut anew));
            prop_assert_eq!(&kept, &anew);
        }
    }
}

proptest! {
    #[test]
    fn every_packet_reads_back(
        (source, target) in any::<(SocketAddr, SocketAddr)>(),
        (link, by) in links(),
        id in any::<u16>(),
        transport in transports(),
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        missing in prop_oneof![Just(0_usize), 0_usize..60_000],
    ) {
        let (source, target) = (&source.into(), &target.into());
        let frame =
            Frame { link, source, target, id, transport, payload: &payload, original: payload.len() + missing };
        let packet = Packet { about: About { time: Timestamp(0), by, comment: None, remarks: Remarks::NONE }, frame };
        let (bytes, lengths) = packet_written(&packet);
        prop_assert_eq!(lengths.original, bytes.len() + missing);
        prop_assert!(bytes.ends_with(&payload));
        assert_reads_back(&packet, &bytes);
    }
}
