//! What waits for keys, until when, and what goes out, over steps of handshakes and key logs.

use super::*;
use crate::event::{Direction, HostPort, Tid};
use crate::wire::{Flags, LinkHeader, SeqNumber};
use std::fmt::Write as _;

/// What comes out: `P4` a packet at 4, `S` secrets, `<4` settled until 4; and until when it is, as a capture keeps it.
struct Out(String, Timestamp);

impl Default for Out {
    fn default() -> Self {
        Self(String::new(), Timestamp::MAX)
    }
}

impl Sink for Out {
    type Error = std::convert::Infallible;

    fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Self::Error> {
        let _ = write!(self.0, "P{} ", packet.about.time.0);
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), Self::Error> {
        if let Record::Secrets { lines } = record {
            let _ = write!(self.0, "S{} ", lines.split(|byte| *byte == b'\n').count() - 1);
        }
        Ok(())
    }

    fn expect(&mut self, time: Timestamp) {
        self.1 = self.1.min(time);
        let _ = write!(self.0, "<{} ", self.1.0);
    }

    fn settle(&mut self, until: Timestamp) -> Result<(), Self::Error> {
        self.1 = until;
        let _ = write!(self.0, "<{} ", until.0);
        Ok(())
    }

    fn set_back(&mut self, _: Timestamp) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// A handshake between two ports, as two processes show it.
struct Shaking {
    secrets: Secrets,
    out: Out,
}

fn client_hello(random: u8) -> Vec<u8> {
    [&[0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3][..], &[random; 32]].concat()
}

fn log(random: u8, labels: &[&str]) -> Vec<u8> {
    let random = format!("{random:02x}").repeat(32);
    let secret = "5a".repeat(48);
    let lines: Vec<_> = labels.iter().map(|label| format!("{label} {random} {secret}\n")).collect();
    lines.concat().into_bytes()
}

const FOUR: [&str; 4] = [
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_TRAFFIC_SECRET_0",
    "CLIENT_TRAFFIC_SECRET_0",
];

impl Shaking {
    fn new() -> Self {
        Self { secrets: Secrets::new(true), out: Out::default() }
    }

    /// A segment from or to the client with this port.
    fn segment(&mut self, time: u64, client: (u16, u32), is_sent: bool, payload: &[u8]) {
        let (flags, seq) = (Flags::PSH_ACK, SeqNumber(1));
        let transport = TransportHeader::Tcp { seq, ack: seq, flags, window: 1, options: None };
        self.packet(time, client, is_sent, (transport, payload));
    }

    fn packet(
        &mut self,
        time: u64,
        (port, process): (u16, u32),
        is_sent: bool,
        (transport, payload): (TransportHeader, &[u8]),
    ) {
        let client = HostPort::V4([10, 0, 0, 1].into(), port);
        let server = HostPort::V4([10, 0, 0, 2].into(), 443);
        let (source, target) = if is_sent { (&client, &server) } else { (&server, &client) };
        let by = Marking { tid: Tid(process), process: ProcessRef(process), fd: Fd(3), session: 1, op: None };
        let (link, original) = (LinkHeader::Marking, payload.len());
        let frame = Frame { link, source, target, id: 1, transport, payload, original };
        let direction = if is_sent { Direction::Sent } else { Direction::Received };
        let packet = Packet { about: About::made(Timestamp(time), by, direction), frame };
        let _ = self.secrets.watch(&mut self.out).packet(&packet);
    }

    fn hello(&mut self, time: u64, port: u16, process: u32, random: u8) {
        self.segment(time, (port, process), true, &client_hello(random));
        self.segment(time + 1, (port, process), false, b"\x16\x03\x03\0\x7a\x02");
    }

    fn keys(&mut self, process: u32, log: &[u8]) {
        let _ = self.secrets.take(log, (b"/tmp/k", ProcessRef(process)), &mut self.out);
    }

    fn told(&mut self) -> String {
        std::mem::take(&mut self.out.0)
    }
}

#[test]
fn packets_wait_from_the_server_hello_until_the_four_have_come() {
    let mut it = Shaking::new();
    it.hello(10, 4000, 1, 7);
    assert_eq!(it.told(), "P10 <10 P11 ", "what is later than 10 waits");
    assert!(it.secrets.holds());
    assert_eq!(it.secrets.settle(Timestamp(20)), Timestamp(10));
    it.keys(1, &log(7, &FOUR[..3]));
    it.keys(1, &log(8, &FOUR));
    assert!(it.secrets.holds(), "those are not all, and another session's");
    it.keys(1, &log(7, &FOUR[3..]));
    assert!(!it.secrets.holds());
    assert_eq!(it.secrets.settle(Timestamp(20)), Timestamp::MAX);
    assert_eq!(it.told(), "S3 S4 S1 ");
    it.segment(30, (4000, 1), false, b"\x16\x03\x03\0\x7a\x02");
    assert!(!it.secrets.holds(), "that is not the first answer");
    it.keys(1, &log(7, &FOUR));
    assert_eq!(it.told(), "P30 ", "each line once");
    assert_eq!(it.secrets.count(), 2);
}

#[test]
fn one_secret_is_enough_for_tls_12_and_none_waits_where_it_is_known() {
    let mut it = Shaking::new();
    it.hello(10, 4000, 1, 7);
    it.keys(2, &log(7, &["CLIENT_RANDOM"]));
    assert!(!it.secrets.holds());
    it.keys(2, &log(9, &["CLIENT_RANDOM"]));
    it.hello(20, 4001, 1, 9);
    assert!(!it.secrets.holds());
}

#[test]
fn who_tells_none_is_not_waited_for_again_until_it_tells_some() {
    let mut it = Shaking::new();
    it.hello(10, 4000, 1, 7);
    assert_eq!(it.secrets.settle(Timestamp(limits::WAITING_TIME)), Timestamp(10));
    assert_eq!(it.secrets.settle(Timestamp(limits::WAITING_TIME + 20)), Timestamp::MAX);
    it.hello(20, 4001, 1, 8);
    assert!(!it.secrets.holds());
    it.hello(30, 4002, 2, 9);
    assert!(it.secrets.holds(), "another process may");
    assert_eq!(it.secrets.pause(limits::PAUSE), Timestamp::MAX);
    assert!(!it.secrets.holds());
    it.keys(1, &log(1, &["CLIENT_RANDOM"]));
    it.hello(40, 4003, 2, 10);
    assert!(!it.secrets.holds());
    it.hello(50, 4004, 1, 11);
    assert!(it.secrets.holds());
}

#[test]
fn who_tells_some_is_waited_for_over_a_short_pause() {
    let heading = b"# SSL/TLS secrets log file, generated by OpenSSL\n".to_vec();
    // A key log's heading, a part of the session's, all of another session's.
    for told in [heading, log(7, &FOUR[..1]), log(8, &FOUR)] {
        let mut it = Shaking::new();
        it.hello(10, 4000, 1, 7);
        it.keys(1, &told);
        assert_eq!(it.secrets.pause(limits::PAUSE), Timestamp(10));
        assert_eq!(it.secrets.pause(limits::LONG_PAUSE), Timestamp::MAX);
        it.hello(20, 4001, 1, 9);
        assert!(!it.secrets.holds(), "it was waited for in vain");
    }
}

#[test]
fn a_heading_makes_no_key_log_of_a_file() {
    let mut it = Shaking::new();
    it.keys(1, b"# TLS secrets log file\n");
    assert_eq!((it.told().as_str(), it.secrets.count(), it.secrets.files().count()), ("", 0, 0));
}

#[test]
fn a_hello_whose_header_came_alone() {
    let mut it = Shaking::new();
    let hello = client_hello(7);
    it.segment(10, (4000, 1), true, &hello[..5]);
    it.segment(11, (4000, 1), true, &hello[5..]);
    it.segment(12, (4000, 1), false, b"\x16\x03\x03\0\x7a");
    assert_eq!(it.told(), "P10 P11 <11 P12 ");
    it.keys(1, &log(7, &FOUR));
    assert!(!it.secrets.holds());
}

#[test]
fn quic_waits_for_as_many_sessions_as_there_are_connections() {
    let mut it = Shaking::new();
    let begin = |it: &mut Shaking, time, port: u16| {
        let first = [&[0xc3, 0, 0, 0, 1, 2][..], &port.to_be_bytes(), &[0; 1200]].concat();
        it.packet(time, (port, 1), true, (TransportHeader::Udp, &first));
    };
    let answer = |it: &mut Shaking, time, port, first| {
        it.packet(time, (port, 1), false, (TransportHeader::Udp, &[first, 0, 0, 0, 1]));
    };
    for (time, port) in [(10, 4000), (20, 4001)] {
        begin(&mut it, time, port);
        answer(&mut it, time + 1, port, 0xc1);
    }
    assert_eq!(it.told(), "P10 <10 P11 P20 <10 P21 ");
    it.keys(1, &log(7, &FOUR));
    it.keys(2, &log(8, &FOUR));
    assert!(it.secrets.holds(), "one of two, and another process's");
    it.keys(1, &log(9, &FOUR));
    assert!(!it.secrets.holds());
    begin(&mut it, 30, 4000);
    answer(&mut it, 31, 4000, 0xc1);
    answer(&mut it, 40, 4002, 0xc1);
    begin(&mut it, 41, 4003);
    answer(&mut it, 42, 4003, 0x41);
    assert!(!it.secrets.holds(), "it began before, has not begun, is answered with no handshake");
    answer(&mut it, 43, 4003, 0xc1);
    assert!(it.secrets.holds());
}

#[test]
fn what_waits_for_more_waits_on() {
    let mut it = Shaking::new();
    let _ = it.secrets.watch(&mut it.out).settle(Timestamp(5));
    it.hello(10, 4000, 1, 7);
    assert_eq!(it.told(), "<5 P10 <5 P11 ");
}

#[test]
fn nothing_waits_where_the_capture_cannot_have_them() {
    let mut it = Shaking { secrets: Secrets::new(false), out: Out::default() };
    it.hello(10, 4000, 1, 7);
    it.keys(1, &log(7, &FOUR));
    assert_eq!((it.told().as_str(), it.secrets.count()), ("P10 P11 ", 1));
    assert_eq!(it.secrets.files().collect::<Vec<_>>(), [b"/tmp/k"]);
}

#[test]
fn a_descriptor_of_which_nothing_is_told() {
    let mut it = Shaking::new();
    let log = log(7, &FOUR);
    let (first, second) = log.split_at(100);
    for (fd, bytes) in [(3, first), (4, second), (3, second)] {
        let _ = it.secrets.written(bytes, (ProcessRef(1), Fd(fd)), &mut it.out);
    }
    assert_eq!((it.told().as_str(), it.secrets.count()), ("S4 ", 1));
}
