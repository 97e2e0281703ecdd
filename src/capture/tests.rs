//! Captures read back: by another library than the one that writes them, and byte by byte where the layout is a contract.

use super::pcap::rounded;
use super::*;
use crate::event::{Direction, Fd, HostPort, Marking, Op, Process, ProcessRef, Tid, Timestamp};
use crate::limits;
use crate::wire::{self, About, Frame, LinkHeader, Packet, Remarks, SeqNumber, TransportHeader};
use pcap_parser::{Block, EnhancedPacketBlock, parse_block_le, parse_pcap_frame, parse_pcap_header};
use proptest::prelude::*;
use std::io;
use std::net::Ipv4Addr;

const SOURCE: HostPort = HostPort::V4(Ipv4Addr::new(10, 1, 2, 3), 4000);
const TARGET: HostPort = HostPort::V4(Ipv4Addr::new(10, 4, 5, 6), 80);

const FORMATS: [Format; 2] = [Format::Pcap, Format::PcapNg];

/// What is known of a packet that thread 1234 sent by call 2 on descriptor 5.
fn about(time: u64) -> About<'static> {
    let by = Marking { tid: Tid(1234), process: ProcessRef(1), fd: Fd(5), session: 1, op: Some(Op::Write) };
    About::made(Timestamp(time), by, Direction::Sent)
}

fn packet(time: u64, payload: &[u8], original: usize) -> Packet<'_> {
    let frame = Frame {
        link: LinkHeader::Marking,
        source: &SOURCE,
        target: &TARGET,
        id: 1,
        transport: TransportHeader::Tcp {
            seq: SeqNumber(0x00bc_4d15),
            ack: SeqNumber(0),
            flags: wire::Flags::PSH_ACK,
            window: 8192,
            options: None,
        },
        payload,
        original,
    };
    Packet { about: about(time), frame }
}

/// What a reader finds: time in nanoseconds, the frame, its original length.
type Found = Vec<(u128, Vec<u8>, u32)>;

fn read(format: Format, capture: &[u8]) -> Found {
    match format {
        Format::Pcap => {
            let (mut rest, _) = parse_pcap_header(capture).unwrap();
            let mut found = Vec::new();
            while !rest.is_empty() {
                let (behind, packet) = parse_pcap_frame(rest).unwrap();
                let time = u128::from(packet.ts_sec) * 1_000_000_000 + u128::from(packet.ts_usec) * 1000;
                found.push((time, packet.data.to_vec(), packet.origlen));
                rest = behind;
            }
            found
        }
        Format::PcapNg => {
            let packets = blocks(capture).into_iter().filter_map(|block| match block {
                Block::EnhancedPacket(packet) => Some((
                    u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low),
                    data(&packet).to_vec(),
                    packet.origlen,
                )),
                Block::SectionHeader(_) | Block::InterfaceDescription(_) => None,
                other => panic!("not a packet: {other:?}"),
            });
            packets.collect()
        }
    }
}

fn blocks(capture: &[u8]) -> Vec<Block<'_>> {
    let (mut rest, mut blocks) = (capture, Vec::new());
    while !rest.is_empty() {
        let (behind, block) = parse_block_le(rest).unwrap();
        blocks.push(block);
        rest = behind;
    }
    blocks
}

/// A packet's bytes without what fills up its block.
fn data<'a>(packet: &EnhancedPacketBlock<'a>) -> &'a [u8] {
    &packet.data[..packet.caplen as usize]
}

fn write<W: Write>(capture: &mut Capture<W>, packet: &Packet<'_>) {
    capture.record(&Record::Packet(packet)).unwrap();
}

/// What arrived in the end.
fn finished<W: Write>(mut capture: Capture<W>) -> W {
    capture.flush().unwrap();
    capture.sink
}

/// A sink that keeps each call apart, and can be made to fail.
#[derive(Default)]
struct Calls {
    taken: Vec<Vec<u8>>,
    flushes: usize,
    /// After so many calls, each fails with this.
    broken: Option<(usize, io::ErrorKind)>,
}

impl Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.broken {
            Some((after, kind)) if self.taken.len() >= after => Err(kind.into()),
            _ => {
                self.taken.push(bytes.to_vec());
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushes += 1;
        Ok(())
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn classic_layout() {
    let mut capture = Capture::new(Format::Pcap, false, Vec::new()).unwrap();
    write(&mut capture, &packet(1_700_000_000_123_456_000, b"AB", 2));
    assert_eq!(capture.bytes(), 24 + 16 + 60);
    let written = finished(capture);
    let header = "d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000";
    assert_eq!(written[..24], bytes(header));
    // Header and frame of the first of py_strace2pcap.py's vectors.
    assert_eq!(written[24..40], bytes("00f1536540e201003c0000003c000000"));
    assert_eq!(
        written[40..],
        bytes(
            "000200000001 000000001234 8100 0005 0800 4500002a0001000040065fc00a0102030a040506 \
             0fa0005000bc4d15 00000000 5018 2000 d5b9 0000 4142"
        )
    );
}

#[test]
fn pcapng_layout() {
    let mut capture = Capture::new(Format::PcapNg, false, Vec::new()).unwrap();
    let process = Process { number: Tid(1233), name: Some("curl".into()), path: Some("/bin/curl".into()) };
    capture.record(&Record::Process { reference: ProcessRef(1), process: &process }).unwrap();
    let mut introduced = packet(0x1122_3344_5566_7788, b"ABC", 1000);
    introduced.about.remarks = Remarks::WHO;
    write(&mut capture, &introduced);
    write(&mut capture, &packet(0x1122_3344_5566_7789, b"", 0));
    capture.finish().unwrap();
    let written = finished(capture);
    let mut rest = &written[..];
    let mut block = || {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap());
        let (block, behind) = rest.split_at(length as usize);
        rest = behind;
        block
    };
    let section = block();
    assert_eq!(section[8..24], bytes("4d3c2b1a 0100 0000 ffffffffffffffff"));
    assert_eq!(section[24..28], bytes("0100 0004"));
    assert!(section[28..1052].starts_with(b"From a trace of system calls: ") && section[1051] == b' ');
    assert_eq!(section[1052..1064], bytes("0300 0500 4c696e7578 000000"));
    let (at, comment) = pcapng::section::comment(&"\u{e9}".repeat(1000));
    assert_eq!((at, comment.len()), (28, 1024));
    assert!(std::str::from_utf8(&comment).is_ok());
    let interface = "01000000 60000000 0100 0000 00000400 \
                     0200 0600 737472616365 0000 \
                     0300 2400 73797374656d2063616c6c73206f66207468652074726163 65642070726f636573736573 \
                     0900 0100 09 000000 \
                     0c00 0500 4c696e7578 000000 \
                     0000 0000 60000000";
    assert_eq!(block(), bytes(interface));
    let process = "01000080 1c000000 d1040000 0200 0400 6375726c 0000 0000 1c000000";
    assert_eq!(block(), bytes(process));
    let first = block();
    assert_eq!(first[8..28], bytes("00000000 44332211 88776655 3d000000 22040000"));
    assert_eq!(first[28..42], bytes("000200000001 000000001234 8100"));
    assert_eq!(first[86..92], bytes("414243 000000"));
    let comment = b"curl[1233] pid=1233 tid=1234 comm=curl fd=5 call=write path=/bin/curl";
    assert_eq!(first[92..96], bytes("0100 4500"));
    assert_eq!(&first[96..165], comment);
    let options = "000000 0200 0400 02000000 0800 0800 d1040000 d2040000 0180 0400 00000000 0000 0000";
    assert_eq!(first[165..first.len() - 4], bytes(options), "direction, process and thread, its block");
    let second = block();
    assert_eq!(second[88..second.len() - 4], bytes(&options[7..]), "who made it is no news");
    let statistics = "05000000 34000000 00000000 44332211 89776655 \
                      0400 0800 0200000000000000 0500 0800 0000000000000000 0000 0000 34000000";
    assert_eq!(block(), bytes(statistics));
    assert!(rest.is_empty());
}

#[test]
fn comments_are_those_that_are_asked_for() {
    let of = |comments: Comments| {
        let mut capture = Capture::new(Format::PcapNg, false, Vec::new()).unwrap();
        capture.comment(comments);
        let process = Process { number: Tid(1234), ..Process::default() };
        capture.record(&Record::Process { reference: ProcessRef(1), process: &process }).unwrap();
        let mut first = packet(1, b"", 0);
        (first.about.remarks, first.about.comment) = (Remarks::WHO, Some("beside it"));
        write(&mut capture, &first);
        write(&mut capture, &packet(2, b"", 0));
        let mut of_nobody = packet(3, b"", 0);
        of_nobody.about.by = None;
        write(&mut capture, &of_nobody);
        let written = finished(capture);
        let comments = |block: &Block<'_>| match block {
            Block::EnhancedPacket(packet) => packet.options.iter().filter(|option| option.code.0 == 1).count(),
            _ => 0,
        };
        blocks(&written).iter().map(comments).filter(|count| *count > 0).collect::<Vec<_>>()
    };
    assert_eq!(of(Comments::First), [2]);
    assert_eq!(of(Comments::All), [2, 1]);
    assert_eq!(of(Comments::None), [0; 0]);
}

#[test]
fn an_empty_capture_is_its_header() {
    for format in FORMATS {
        let written = finished(Capture::new(format, false, Vec::new()).unwrap());
        assert_eq!(read(format, &written), []);
    }
}

#[test]
fn microseconds_round_half_to_even() {
    for (time, seconds, microseconds) in [
        (0, 0, 0),
        (499, 0, 0),
        (500, 0, 0),
        (501, 0, 1),
        (1_499, 0, 1),
        (1_500, 0, 2),
        (2_500, 0, 2),
        (2_501, 0, 3),
        (1_999_999_499, 1, 999_999),
        (1_999_999_500, 2, 0),
        (1_999_998_500, 1, 999_998),
        (u64::from(u32::MAX) * 1_000_000_000 + 999_999_499, u32::MAX, 999_999),
        (u64::from(u32::MAX) * 1_000_000_000 + 999_999_500, u32::MAX, 0),
        (u64::MAX, u32::MAX, 709_552),
    ] {
        assert_eq!(rounded(Timestamp(time)), (seconds, microseconds), "{time} ns");
    }
}

#[test]
fn the_longest_frame_reads_back() {
    let payload = vec![7; 70_000];
    for format in FORMATS {
        let mut capture = Capture::new(format, false, Vec::new()).unwrap();
        for ip in ["1.2.3.4:5", "[::1]:5"] {
            let address = &HostPort::of(ip);
            let mut packet = packet(0, &payload, 1 << 40);
            (packet.frame.source, packet.frame.target) = (address, address);
            write(&mut capture, &packet);
        }
        let lengths: Vec<_> = read(format, &finished(capture)).into_iter().map(|found| found.2).collect();
        assert_eq!(lengths, [18 + 65_535, 18 + 40 + 65_535]);
    }
}

#[test]
fn the_sink_is_called_for_whole_records_and_few_times() {
    let payload = vec![1; 1400];
    for format in FORMATS {
        let mut capture = Capture::new(format, false, Calls::default()).unwrap();
        for time in 0..1000 {
            write(&mut capture, &packet(time * 1000, &payload, 1400));
        }
        let total = capture.bytes();
        let Calls { taken: calls, flushes, .. } = finished(capture);
        assert_eq!((calls.len(), flushes), (7, 1), "the header, and 1.5 MB in calls of 256 kB");
        assert!(calls.iter().all(|call| call.len() < BUFFER_BYTES + RECORD_BYTES));
        assert_eq!(calls.iter().map(Vec::len).sum::<usize>() as u64, total);
        let mut so_far = Vec::new();
        let mut records = 0;
        for call in calls {
            so_far.extend(call);
            records = read(format, &so_far).len();
        }
        assert_eq!(records, 1000);
    }
}

#[test]
fn a_closed_pipe_is_told_apart_and_nothing_follows_it() {
    for format in FORMATS {
        let sink = Calls { broken: Some((2, io::ErrorKind::BrokenPipe)), ..Calls::default() };
        let mut capture = Capture::new(format, false, sink).unwrap();
        write(&mut capture, &packet(0, b"first", 5));
        capture.flush().unwrap();
        write(&mut capture, &packet(0, b"second", 6));
        let error = capture.flush().unwrap_err();
        assert_eq!(error.sink(), Some(io::ErrorKind::BrokenPipe));
        assert_eq!(error.to_string(), "cannot write the capture: broken pipe");
        assert!(std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<io::Error>));
        capture.flush().unwrap();
        assert_eq!(read(format, &capture.sink.taken.concat()).len(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn what_was_flushed_reads_back(
        frames in proptest::collection::vec(
            (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..200), 0_usize..2000, any::<bool>()), 0..20),
        format in prop_oneof![Just(Format::Pcap), Just(Format::PcapNg)],
    ) {
        let mut capture = Capture::new(format, false, Vec::new()).unwrap();
        let mut expected = Vec::new();
        for (time, payload, missing, flush) in &frames {
            let packet = packet(*time, payload, payload.len() + missing);
            write(&mut capture, &packet);
            let mut bytes = Vec::new();
            let lengths = wire::write(&packet, &mut bytes);
            let (seconds, microseconds) = rounded(packet.about.time);
            let time = match format {
                Format::Pcap => u128::from(seconds) * 1_000_000_000 + u128::from(microseconds) * 1000,
                Format::PcapNg => u128::from(*time),
            };
            expected.push((time, bytes, u32::try_from(lengths.original).unwrap()));
            if *flush {
                capture.flush().unwrap();
                prop_assert_eq!(capture.sink.len() as u64, capture.bytes());
                prop_assert_eq!(&read(format, &capture.sink), &expected);
            }
        }
        prop_assert_eq!(&read(format, &finished(capture)), &expected);
    }
}

fn capture_of(format: Format, records: &[Record<'_>]) -> Vec<u8> {
    let mut capture = Capture::new(format, false, Vec::new()).unwrap();
    for record in records {
        capture.record(record).unwrap();
    }
    finished(capture)
}

#[test]
fn what_is_no_packet_reads_back() {
    let long = "é".repeat(1000);
    let mut commented = packet(7, b"abc", 3);
    commented.about.comment = Some(&long);
    let first = About { comment: Some("first"), ..about(8) };
    let large = vec![b'l'; 300_000];
    let written = capture_of(
        Format::PcapNg,
        &[
            Record::Name { address: "10.0.1.1".parse().unwrap(), name: "/run/x.sock" },
            Record::Packet(&commented),
            Record::Dbus { about: first, bytes: b"l\x01\0\x01e", original: 9 },
            Record::Dbus { about: about(9), bytes: &large, original: 300_000 },
            Record::Journal { time: Timestamp(0), entry: b"MESSAGE=x\n" },
        ],
    );
    let blocks = blocks(&written);
    let [
        Block::SectionHeader(_),
        Block::InterfaceDescription(_),
        Block::NameResolution(names),
        Block::EnhancedPacket(commented),
        Block::InterfaceDescription(interface),
        Block::EnhancedPacket(first),
        Block::EnhancedPacket(second),
        Block::SystemdJournalExport(journal),
    ] = &blocks[..]
    else {
        panic!("{blocks:?}")
    };
    assert_eq!(names.nr[0].record_value, b"\x0a\0\x01\x01/run/x.sock\0");
    let comment = commented.options[0].as_str().unwrap();
    assert_eq!((comment.len(), comment.matches('é').count()), (1024, 512), "cut at a character's end");
    assert_eq!(interface.linktype.0, 231);
    assert_eq!((interface.if_name(), interface.if_tsresol, interface.snaplen), (Some(Ok("dbus")), 9, SNAPLEN));
    assert_eq!((first.if_id, data(first), first.origlen), (1, &b"l\x01\0\x01e"[..], 9));
    assert_eq!(first.options[0].as_str(), Ok("first"));
    assert_eq!((data(second).len(), second.origlen), (262_144, 300_000));
    assert_eq!(journal.data, b"MESSAGE=x\n\0\0");
}

#[test]
fn a_name_of_an_ipv6_address_is_cut_at_a_character_s_end() {
    let name = format!("x{}", "é".repeat(1000));
    let written = capture_of(Format::PcapNg, &[Record::Name { address: "2001:db8::1".parse().unwrap(), name: &name }]);
    let blocks = blocks(&written);
    let Some(Block::NameResolution(names)) = blocks.last() else { panic!("{blocks:?}") };
    assert_eq!(names.nr[0].record_value.len(), 16 + 1023 + 1);
    assert!(names.nr[0].record_value.starts_with(b"\x20\x01\x0d\xb8"));
}

#[test]
fn a_classic_capture_takes_packets_of_ethernet_only() {
    let plain = packet(7, b"abc", 3);
    let mut commented = plain;
    commented.about.comment = Some("lost");
    let records = [Record::Packet(&commented), Record::Journal { time: Timestamp(0), entry: b"A=b\n" }];
    assert_eq!(capture_of(Format::Pcap, &records), capture_of(Format::Pcap, &[Record::Packet(&plain)]));
}

/// The times in microseconds, and payloads, of a capture in order of time; a step is a packet, or `until` what it settles.
fn in_order(steps: &[(&str, u64)]) -> String {
    let mut capture = Capture::new(Format::Pcap, true, Vec::new()).unwrap();
    for (step, time) in steps {
        let time = Timestamp(time * 1000);
        match *step {
            "until" => capture.settle(time).unwrap(),
            "back" => capture.set_back(time).unwrap(),
            payload => write(&mut capture, &packet(time.0, payload.as_bytes(), payload.len())),
        }
    }
    capture.settle(Timestamp::MAX).unwrap();
    let found = read(Format::Pcap, &finished(capture)).into_iter();
    let texts = found.map(|(time, frame, _)| format!("{}@{}", char::from(*frame.last().unwrap()), time / 1000));
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn records_are_in_order_of_time() {
    // Nothing earlier can come, as far as anyone knows.
    assert_eq!(in_order(&[("a", 5), ("b", 5), ("c", 7)]), "a@5 b@5 c@7");
    // Something may.
    assert_eq!(in_order(&[("until", 4), ("b", 5), ("c", 6), ("a", 4), ("until", 5), ("d", 5)]), "a@4 b@5 d@5 c@6");
    // It comes when later ones are out.
    assert_eq!(in_order(&[("b", 5), ("a", 4), ("c", 6)]), "b@5 a@5 c@6");
}

#[test]
fn a_clock_that_is_set_back_takes_the_capture_with_it() {
    let steps = [("a", 20), ("until", 20), ("b", 21), ("c", 9), ("back", 10), ("d", 10)];
    assert_eq!(in_order(&steps), "a@20 c@20 b@21 d@10");
}

#[test]
fn what_waits_is_bounded() {
    let mut capture = Capture::new(Format::Pcap, true, Vec::new()).unwrap();
    capture.settle(Timestamp(1000)).unwrap();
    let payload = vec![0; 60_000];
    let most = u64::try_from(limits::WAITING_BYTES / payload.len()).unwrap();
    for time in 0..2 * most {
        write(&mut capture, &packet(2000 + time, &payload, payload.len()));
        capture.settle(Timestamp(1000)).unwrap();
    }
    let out = u64::try_from(read(Format::Pcap, &finished(capture)).len()).unwrap();
    assert!(out.abs_diff(most) <= 2, "{out} of {} are out", 2 * most);
}
