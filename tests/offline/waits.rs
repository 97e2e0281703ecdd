//! What waits, for what, how long, and what becomes of it then: a test for each kind, of what has been written to the capture
//! at a moment. A pause is what a pipe's reader tells when nothing has come for so long.

use crate::common::capture;
use crate::common::cases::{all_cases, for_all};
use crate::common::packet::Packet;
use crate::common::program::good_packet;
use crate::crowds::converter;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use strace2pcap::inside::{Converter, Tid, Timestamp};

const START: u64 = 1_700_000_000_000_000_000;
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(1);
const MILLISECOND: u64 = 1_000_000;

/// Where the capture goes, to be looked at meanwhile.
#[derive(Clone, Debug, Default)]
struct File(Rc<RefCell<Vec<u8>>>);

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A conversion under way.
struct Live {
    converter: Converter<File>,
    file: File,
}

impl Live {
    /// Of one trace, or of those of these threads.
    fn new(threads: &[Option<Tid>]) -> Self {
        let file = File::default();
        let converter = converter("wire", threads, file.clone());
        Self { converter, file }
    }

    /// A line of thread 100 or another, at this many microseconds.
    fn line(&mut self, tid: u32, at: u64, call: &str) {
        let line = format!("{tid} {} {call}", stamp(at));
        self.converter.line(0, None, line.as_bytes()).expect("memory takes it");
    }

    fn pause(&mut self, quiet: Duration) {
        self.converter.pause(quiet).expect("memory takes it");
    }

    fn packets(&mut self) -> Vec<Packet> {
        self.pause(Duration::ZERO);
        let capture = capture::read(&self.file.0.borrow()).expect("it is a capture at any moment");
        capture.records.iter().filter(|record| record.link == 1).map(good_packet).collect()
    }

    /// What is written, a packet a word: flags of TCP, or `U`, and the payload; with the time in microseconds where asked for.
    fn written(&mut self) -> String {
        words(&self.packets(), false)
    }

    fn finish(mut self) -> String {
        self.converter.finish().expect("memory takes it");
        let packets = self.packets();
        assert!(packets.is_sorted_by_key(|packet| packet.time), "not in order of time");
        words(&packets, true)
    }
}

fn stamp(at: u64) -> String {
    let time = START / 1000 + at;
    format!("{}.{:06}", time / 1_000_000, time % 1_000_000)
}

fn words(packets: &[Packet], with_time: bool) -> String {
    let mut words = Vec::new();
    for packet in packets {
        let mut word = String::new();
        if with_time {
            let _ = write!(word, "{}:", (packet.time - START) / 1000);
        }
        let flags = packet.tcp().map_or(0, |tcp| tcp.flags);
        let kind = match flags {
            0 => "U",
            2 => "S",
            0x12 => "SA",
            0x10 => "A",
            0x18 => "",
            0x11 => "F",
            _ => "?",
        };
        let _ = write!(word, "{kind}{}", String::from_utf8_lossy(&packet.payload));
        words.push(word);
    }
    words.join(" ")
}

const CONNECTS: &str =
    "connect(3<TCP:[700]>, {sa_family=AF_INET, sin_port=htons(9000), sin_addr=inet_addr(\"10.4.5.6\")}, 16) = 0";

fn writes(fd: &str, payload: &str) -> String {
    format!("write({fd}, \"{payload}\", {0}) = {0}", payload.len())
}

/// A connection of which all is known, that was there before.
const OTHER: &str = "4<TCP:[10.1.2.3:4001->10.4.5.6:9001]>";

#[test]
fn a_handshake_waits_for_its_address_and_live_a_second_at_most() {
    let mut live = Live::new(&[None]);
    live.line(100, 0, CONNECTS);
    live.pause(SHORT);
    assert_eq!(live.written(), "", "a tenth of a second");
    live.pause(LONG);
    assert_eq!(live.written(), "S SA A", "a second");
    live.line(100, 2_000_000, &writes("3<TCP:[10.1.2.3:4000->10.4.5.6:9000]>", "hi"));
    let client = live.packets().last().map(|packet| packet.source);
    assert_eq!(client, Some("127.0.0.1:11111".parse().unwrap()), "its stand-in stays");
}

#[test]
fn a_handshake_of_a_file_waits_for_any_idle_time() {
    let mut live = Live::new(&[None]);
    live.line(100, 0, CONNECTS);
    live.line(100, 3_600_000_000, &writes("3<TCP:[10.1.2.3:4000->10.4.5.6:9000]>", "hi"));
    let first = live.packets().first().map(|packet| packet.source);
    assert_eq!(first, Some("10.1.2.3:4000".parse().unwrap()));
    assert_eq!(live.finish(), "0:S 0:SA 0:A 3600000000:hi");
}

#[test]
fn a_handshake_holds_others_back_for_a_second_and_then_comes_behind_them() {
    let mut live = Live::new(&[None]);
    live.line(100, 0, CONNECTS);
    live.line(100, 500_000, &writes(OTHER, "half"));
    assert_eq!(live.written(), "");
    live.line(100, 1_000_001, &writes(OTHER, "one"));
    assert_eq!(live.written(), "half one", "every packet that is older than a second is there");
    live.line(100, 2_000_000, &writes("3<TCP:[10.1.2.3:4000->10.4.5.6:9000]>", "hi"));
    assert_eq!(live.finish(), "500000:half 1000001:one 1000001:S 1000001:SA 1000001:A 2000000:hi");
}

fn sends(payload: &str, length: usize) -> String {
    format!(
        "sendto(3<UDP:[700]>, \"{payload}\", {length}, 0, {{sa_family=AF_INET, sin_port=htons(9000), \
         sin_addr=inet_addr(\"10.4.5.6\")}}, 16) = {length}"
    )
}

#[test]
fn a_datagram_without_its_own_address_waits_a_second_or_until_a_pause() {
    let mut live = Live::new(&[None]);
    live.line(100, 0, &sends("a", 1));
    live.line(100, 1_000_000, &writes(OTHER, "other"));
    assert_eq!(live.written(), "");
    live.line(100, 1_000_001, &writes(OTHER, "late"));
    assert_eq!(live.written(), "Ua other late");
    live.line(100, 1_000_002, &sends("b", 1));
    assert_eq!(live.written(), "Ua other late Ub", "its stand-in is known");

    let mut live = Live::new(&[None]);
    live.line(100, 0, &sends("a", 1));
    live.pause(SHORT);
    assert_eq!(live.written(), "Ua");
}

#[test]
fn datagrams_without_their_own_address_wait_in_bounded_number() {
    let mut live = Live::new(&[None]);
    let payload = "x".repeat(60_000);
    let mut most = 0;
    for number in 0..400 {
        live.line(100, number, &sends(&payload, payload.len()));
        most = most.max(number + 1 - u64::try_from(live.packets().len()).unwrap());
    }
    assert!((50..300).contains(&most), "{most} of 60 KB each waited");
}

/// Two writes of a pipe that are under way at once, and have both returned; its reader is traced and has not read.
fn overlapping(live: &mut Live) {
    live.line(100, 0, "pipe2([3<pipe:[9]>, 4<pipe:[9]>], 0) = 0");
    live.line(100, 1, "clone(child_stack=NULL, flags=SIGCHLD) = 101");
    live.line(101, 2, "write(4<pipe:[9]>, \"aaaa\", 4 <unfinished ...>");
    live.line(100, 3, "write(4<pipe:[9]>, \"bb\", 2) = 2");
    live.line(101, 4, "<... write resumed>) = 4");
}

#[test]
fn writes_that_overlap_wait_for_the_reader_a_second_or_until_a_pause() {
    let mut live = Live::new(&[None]);
    overlapping(&mut live);
    live.line(100, 900_000, &writes(OTHER, "other"));
    assert!(!live.written().contains("bb"));
    live.line(102, 950_000, "read(3<pipe:[9]>, \"aaaabb\", 9) = 6");
    let whole = live.written();
    assert!(whole.find("aaaa") < whole.find("bb") && whole.ends_with("other"), "the reader's order: {whole}");

    let mut live = Live::new(&[None]);
    overlapping(&mut live);
    live.pause(SHORT);
    let whole = live.written();
    assert!(whole.find("bb") < whole.find("aaaa") && whole.contains("aaaa"), "that of their ends: {whole}");

    let mut live = Live::new(&[None]);
    overlapping(&mut live);
    live.line(100, 1_000_010, &writes(OTHER, "late"));
    let whole = live.written();
    assert!(whole.find("bb") < whole.find("aaaa") && whole.contains("aaaa"), "that of their ends: {whole}");
}

#[test]
fn sendfile_waits_for_the_reader_a_second_or_until_a_pause() {
    let sent = "sendfile(4<UNIX-STREAM:[501->500]>, 5</f>, NULL, 4) = 4";
    let pair = "socketpair(AF_UNIX, SOCK_STREAM, 0, [3<UNIX-STREAM:[500->501]>, 4<UNIX-STREAM:[501->500]>]) = 0";
    let mut live = Live::new(&[None]);
    live.line(100, 0, pair);
    live.line(100, 1, sent);
    assert!(!live.written().contains("file"));
    live.line(100, 500_000, "read(3<UNIX-STREAM:[500->501]>, \"file\", 9) = 4");
    assert!(live.written().ends_with("file"), "{}", live.written());

    let mut live = Live::new(&[None]);
    live.line(100, 0, pair);
    live.line(100, 1, sent);
    let before = live.packets().len();
    live.pause(SHORT);
    assert_eq!(live.packets().last().map(|packet| (packet.payload.len(), packet.payload_original)), Some((0, 4)));
    assert!(live.packets().len() > before);
}

#[test]
fn a_read_that_filled_its_buffer_waits_for_the_next_two_milliseconds_or_until_a_pause() {
    let read = |payload: &str| format!("read({OTHER}, \"{payload}\", {0}) = {0}", payload.len());
    let mut live = Live::new(&[None]);
    live.line(100, 0, &read("ab"));
    assert_eq!(live.written(), "");
    live.line(100, 1_000, &read("cd"));
    live.line(100, 2_001, &read("ef"));
    assert_eq!(live.written(), "abcd", "a millisecond later is another segment");
    live.pause(SHORT);
    assert_eq!(live.written(), "abcd ef");
    live.line(100, 10_000, &read("gh"));
    live.line(100, 15_000, &writes("5<TCP:[10.1.2.3:4002->10.4.5.6:9002]>", "other"));
    assert_eq!(live.written(), "abcd ef gh other");
}

#[test]
fn tls_waits_for_its_keys_a_second_or_until_a_pause() {
    let case = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/tls-without-keys/trace.strace");
    let trace = std::fs::read_to_string(case).expect("the case is there");
    let lines = || trace.lines().skip(1).take_while(|line| !line.contains("\"\\x14\\x03\\x03\\x00\\x01\", 5"));
    let mut live = Live::new(&[None]);
    for line in lines() {
        live.converter.line(0, None, line.as_bytes()).expect("memory takes it");
    }
    let before = live.packets().len();
    live.pause(SHORT);
    assert_eq!((before, live.packets().len()), (4, 5), "handshake and ClientHello, then the ServerHello");
}

#[test]
fn tls_whose_keys_have_begun_to_come_waits_for_the_rest_over_a_pause() {
    let case = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/tls-keys-before-the-server-hello/trace.strace");
    let trace = std::fs::read_to_string(case).expect("the case is there");
    let lines: Vec<&str> = trace.lines().skip(1).collect();
    let is_key = |line: &&str| line.contains("write(3");
    let last = lines.iter().rposition(is_key).expect("it has keys");
    for (quiet, are_out) in [(SHORT, false), (LONG, true)] {
        let (mut live, mut has_begun) = (Live::new(&[None]), false);
        for line in &lines[..last] {
            live.converter.line(0, None, line.as_bytes()).expect("memory takes it");
            has_begun |= is_key(line);
            if has_begun {
                live.pause(quiet);
            }
        }
        // Handshake and ClientHello wait for nothing.
        assert_eq!(live.packets().len() > 4, are_out, "{quiet:?}");
        live.converter.line(0, None, lines[last].as_bytes()).expect("memory takes it");
        live.pause(SHORT);
        assert!(live.packets().len() > 4);
    }
}

#[test]
fn a_packet_that_is_later_than_its_line_stays_where_its_time_is() {
    let mut live = Live::new(&[Some(Tid(100)), Some(Tid(200))]);
    let mut give = |trace: usize, end: u64, at: u64, call: &str| {
        let text = format!("{} {call}", stamp(at));
        live.converter.line(trace, Some(Timestamp(START + end * 1000)), text.as_bytes()).expect("memory takes it");
    };
    give(0, 0, 0, &CONNECTS.replace("[700]", "[10.1.2.3:4000]").replace("= 0", "= 0 <3.000000>"));
    for at in [1_000_000, 2_000_000, 4_000_000] {
        give(1, at, at, &writes(OTHER, &format!("at{}", at / 1_000_000)));
    }
    assert_eq!(live.finish(), "0:S 1000000:at1 1500000:SA 2000000:at2 3000000:A 4000000:at4");
}

#[test]
fn what_is_older_than_a_second_is_written_whatever_else_waits() {
    let mut live = Live::new(&[None]);
    live.line(100, 0, CONNECTS);
    overlapping(&mut live);
    live.line(100, 5, &sends("a", 1));
    let step = MILLISECOND / 10;
    for number in 1..40 {
        let at = number * step;
        live.line(100, at, &writes(OTHER, &format!("n{number}")));
        let expected = (1..=number).filter(|earlier| earlier * step + MILLISECOND < at).count();
        let found = live.written().split(' ').filter(|word| word.starts_with('n')).count();
        assert!(found >= expected, "{found} of {expected} at {at}");
    }
}

/// The capture of a trace whose lines come with so long a pause behind each.
fn capture_of(trace: &[u8], pause: Option<Duration>) -> Vec<u8> {
    let mut live = Live::new(&[None]);
    for line in trace.split(|byte| *byte == b'\n').skip(1) {
        live.converter.line(0, None, line).expect("memory takes it");
        if let Some(pause) = pause {
            live.pause(pause);
        }
    }
    live.converter.finish().expect("memory takes it");
    live.file.0.take()
}

#[test]
fn a_slow_pipe_gives_the_capture_of_a_file_where_no_pause_is_longer_than_a_tenth_of_a_second() {
    for_all(&all_cases(), |case| {
        let Ok(trace) = std::fs::read(case.join("trace.strace")) else { return Ok(()) };
        let (file, pipe) = (capture_of(&trace, None), capture_of(&trace, Some(Duration::from_millis(99))));
        if file == pipe { Ok(()) } else { Err("another capture".to_owned()) }
    });
}
