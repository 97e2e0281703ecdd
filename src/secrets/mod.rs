//! TLS secrets on their way to the capture, and the packets that wait for them.
//!
//! Wireshark can use the keys of TLS 1.3 only where they stand before the ServerHello, but programs tell them after it. So
//! what is later than a ServerHello waits until the four secrets of its connection have come, or TLS 1.2's one: then they
//! go out in front of it. QUIC's are wanted just so, but nobody can tell whose they are: a connection of QUIC waits until
//! its process has told of as many sessions as wait. Who has told none after a second, or when the input pauses, is not
//! waited for again until it tells some; of who tells them, or has begun to, a short pause is no sign that none come. Whatever
//! comes is written as soon as it is seen.

mod quic;
mod tls;

use crate::event::{Fd, Marking, ProcessRef, Timestamp};
use crate::keys::{self, KeyLogs, Part};
use crate::limits;
use crate::packets::Waits;
use crate::wire::{About, Frame, Packet, Record, Sink, Transport};
use foldhash::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;
use tls::{Seen, hello};

/// A client's random, by which a session is known.
type Random = [u8; 32];

/// The secrets that have come of a session, a bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Known(u8);

impl Known {
    /// Whether they are enough to read it.
    const fn is_enough(self) -> bool {
        self.0 & 0x10 != 0 || self.0 & 0x0f == 0x0f
    }

    fn add(&mut self, part: Part) {
        self.0 |= match part {
            Part::Whole => 0x10,
            Part::OfFour(number) => 1 << number.min(3),
            Part::Other => 0,
        };
    }
}

/// A ClientHello that has been seen.
#[derive(Clone, Copy, Debug)]
struct Hello {
    random: Random,
    /// Who showed it.
    by: ProcessRef,
    /// The ServerHello has come.
    is_answered: bool,
}

/// The secrets of all sessions of a capture.
#[derive(Debug)]
pub struct Secrets {
    /// The capture has them, and packets wait for them; else it is only told where they are.
    are_shown: bool,
    /// Key logs in files of which only numbers are known.
    unnamed: KeyLogs,
    sessions: HashMap<Random, Known>,
    /// How many sessions there have been.
    count: u64,
    /// Digests of the lines that are written.
    written: HashSet<u64>,
    /// The files that they were in, the first ones.
    files: Vec<Box<[u8]>>,
    /// By client and server.
    hellos: HashMap<(SocketAddr, SocketAddr), Hello>,
    /// Client and server of a record whose header alone has come.
    header: Option<(SocketAddr, SocketAddr)>,
    waits: Waits<Random>,
    /// Who may tell what is waited for.
    waited_for: HashMap<Random, [ProcessRef; 2]>,
    /// Whether who may tell some does: false where it was waited for in vain.
    tells: HashMap<ProcessRef, bool>,
    /// Whole sessions that came while connections of QUIC waited, and that no connection of TCP waited for.
    unclaimed: usize,
}

impl Secrets {
    /// None so far.
    pub fn new(are_shown: bool) -> Self {
        Self {
            are_shown,
            unnamed: KeyLogs::default(),
            sessions: HashMap::default(),
            count: 0,
            written: HashSet::default(),
            files: Vec::new(),
            hellos: HashMap::default(),
            header: None,
            waits: Waits::default(),
            waited_for: HashMap::default(),
            tells: HashMap::default(),
            unclaimed: 0,
        }
    }

    /// Whether the capture has them.
    pub const fn are_shown(&self) -> bool {
        self.are_shown
    }

    /// A process has written to a descriptor that is no socket's, as far as is known, and whose file is not told.
    #[cold]
    pub fn written<S: Sink>(&mut self, bytes: &[u8], (by, fd): (ProcessRef, Fd), sink: &mut S) -> Result<(), S::Error> {
        let file = [by.0.to_le_bytes(), fd.0.to_le_bytes()].concat();
        let first = bytes.get(..keys::BEGINNING).unwrap_or(bytes);
        if !keys::may_begin(first) && !self.unnamed.have_begun(&file) {
            return Ok(());
        }
        let mut lines = Vec::new();
        self.unnamed.take(&file, bytes, &mut lines);
        if lines.is_empty() { Ok(()) } else { self.take(&lines, (b"", by), sink) }
    }

    /// Lines of a key log, whatever it was called, or its heading, which `by` has written. Keys that are new go to the capture.
    pub fn take<S: Sink>(
        &mut self,
        lines: &[u8],
        (file, by): (&[u8], ProcessRef),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let (mut new, mut has_keys) = (Vec::new(), false);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let plain = line.strip_suffix(b"\n").unwrap_or(line);
            let Some(told) = keys::line(plain) else { continue };
            has_keys = true;
            if self.is_new(plain) {
                new.extend_from_slice(plain);
                new.push(b'\n');
                match told.random {
                    Some(random) => self.know(random, told.part, by),
                    None => self.count += 1,
                }
            }
        }
        let may_be_noted = has_keys && !file.is_empty() && self.files.len() < limits::KEY_LOGS;
        if may_be_noted && !self.files.iter().any(|known| **known == *file) {
            self.files.push(file.into());
        }
        self.note(by, true);
        if new.is_empty() || !self.are_shown { Ok(()) } else { sink.record(&Record::Secrets { lines: &new }) }
    }

    /// Whether a line has not come before.
    fn is_new(&mut self, line: &[u8]) -> bool {
        let digest = self.written.hasher().hash_one(line);
        if self.written.len() >= 8 * limits::TLS_SESSIONS {
            self.written.clear();
        }
        self.written.insert(digest)
    }

    fn know(&mut self, random: Random, part: Part, by: ProcessRef) {
        if self.sessions.len() >= limits::TLS_SESSIONS {
            self.sessions.clear();
        }
        let is_new = !self.sessions.contains_key(&random);
        self.count += u64::from(is_new);
        let known = self.sessions.entry(random).or_default();
        let was_enough = known.is_enough();
        known.add(part);
        if !known.is_enough() || was_enough {
            return;
        }
        if self.waits.end(random) {
            self.waited_for.remove(&random);
        } else if self.holds() {
            self.claim(by);
        }
    }

    /// A whole session has come, of a connection of QUIC of this process's, if one waits.
    fn claim(&mut self, by: ProcessRef) {
        let its = self.waited_for.iter().filter(|(random, who)| quic::is_made(random) && who.contains(&by));
        let its: Vec<_> = its.map(|(random, _)| *random).collect();
        self.unclaimed += usize::from(!its.is_empty());
        if !its.is_empty() && self.unclaimed >= its.len() {
            self.unclaimed = 0;
            for random in its {
                self.waits.end(random);
                self.waited_for.remove(&random);
            }
        }
    }

    /// How many sessions' secrets have come.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The files that they were in.
    pub fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().map(|file| &**file)
    }

    /// Whether packets wait.
    #[inline]
    pub fn holds(&self) -> bool {
        !self.waits.is_empty()
    }

    /// Since when packets wait that go on waiting at `now`; no more is known of when they end.
    pub fn settle(&mut self, now: Timestamp) -> Timestamp {
        while let Some(random) = self.waits.overdue(now.before(limits::WAITING_TIME)) {
            self.give_up(random);
        }
        self.waits.earliest().before(u64::from(self.holds()))
    }

    /// Nothing has come for so long: what may not come is waited for no more. As [`Secrets::settle`].
    pub fn pause(&mut self, quiet: Duration) -> Timestamp {
        for random in self.waits.all() {
            if quiet >= limits::LONG_PAUSE || !self.is_coming(random) {
                self.give_up(random);
            }
        }
        self.settle(Timestamp::default())
    }

    /// Whether a part of this session's has come, or others have from who may tell it.
    fn is_coming(&self, random: Random) -> bool {
        let tells = |process: &ProcessRef| self.tells.get(process) == Some(&true);
        let has_begun = self.sessions.contains_key(&random);
        has_begun || self.waited_for.get(&random).is_some_and(|who| who.iter().any(tells))
    }

    fn give_up(&mut self, random: Random) {
        self.waits.end(random);
        self.unclaimed = 0;
        for process in self.waited_for.remove(&random).into_iter().flatten() {
            self.note(process, false);
        }
    }

    /// A process tells secrets, or was waited for in vain.
    fn note(&mut self, process: ProcessRef, tells: bool) {
        if self.tells.len() >= limits::TLS_SESSIONS {
            self.tells.clear();
        }
        self.tells.insert(process, tells);
    }

    /// A way to `sink` on which handshakes are seen.
    #[inline]
    pub const fn watch<'a, S>(&'a mut self, sink: &'a mut S) -> Watched<'a, S> {
        Watched { secrets: self, sink }
    }

    /// A segment that may be of a handshake. The moment since when packets wait, if this makes them wait.
    #[inline(never)]
    fn segment(&mut self, about: &About<'_>, frame: &Frame<'_>, by: &Marking) -> Option<Timestamp> {
        let pair = (frame.source, frame.target);
        let goes_on = self.header.take() == Some(pair);
        match hello(frame.payload, goes_on) {
            Seen::Header => self.header = Some(pair),
            Seen::ClientHello(random) => {
                let is_new = self.hellos.get(&pair).is_none_or(|before| before.random != random);
                if is_new {
                    self.begin(pair, random, by);
                }
                return None;
            }
            Seen::Other => {}
        }
        self.answer(pair, about, by)
    }

    /// A datagram that may be of QUIC's handshake. The same.
    #[inline(never)]
    fn datagram(&mut self, about: &About<'_>, frame: &Frame<'_>, by: &Marking) -> Option<Timestamp> {
        let pair = (frame.source, frame.target);
        if self.hellos.contains_key(&(frame.target, frame.source)) && quic::has_long_header(frame.payload) {
            return self.answer(pair, about, by);
        }
        if !self.hellos.contains_key(&pair)
            && let Some(random) = quic::begun(frame.payload)
        {
            self.begin(pair, random, by);
        }
        None
    }

    /// A client has begun a handshake.
    fn begin(&mut self, pair: (SocketAddr, SocketAddr), random: Random, by: &Marking) {
        if self.hellos.len() >= limits::TLS_SESSIONS {
            self.hellos.clear();
        }
        self.hellos.insert(pair, Hello { random, by: by.process, is_answered: false });
    }

    /// Its other end has said something. The moment since when packets wait, if this makes them wait.
    fn answer(&mut self, pair: (SocketAddr, SocketAddr), about: &About<'_>, by: &Marking) -> Option<Timestamp> {
        let hello = self.hellos.get_mut(&(pair.1, pair.0)).filter(|hello| !hello.is_answered)?;
        hello.is_answered = true;
        let Hello { random, by: client, .. } = *hello;
        let who = [client, by.process];
        let is_known = self.sessions.get(&random).is_some_and(|known| known.is_enough());
        if is_known || who.iter().all(|process| self.tells.get(process) == Some(&false)) {
            return None;
        }
        self.waits.begin(random, about.time);
        self.waited_for.insert(random, who);
        Some(about.time.before(1))
    }
}

/// A way to the capture on which handshakes are seen.
#[derive(Debug)]
pub struct Watched<'a, S> {
    secrets: &'a mut Secrets,
    sink: &'a mut S,
}

impl<S: Sink> Watched<'_, S> {
    /// A packet that may be of a handshake: what is later waits, if it has to.
    #[cold]
    fn handshake(&mut self, packet: &Packet<'_>) {
        let Packet { about, frame } = packet;
        let Some((by, _)) = about.by.as_ref().filter(|_| self.secrets.are_shown) else { return };
        let since = match frame.transport {
            Transport::Tcp { .. } => self.secrets.segment(about, frame, by),
            Transport::Udp => self.secrets.datagram(about, frame, by),
            _ => None,
        };
        if let Some(time) = since {
            self.sink.expect(time);
        }
    }
}

impl<S: Sink> Sink for Watched<'_, S> {
    type Error = S::Error;

    #[inline(always)]
    fn packet(&mut self, packet: &Packet<'_>) -> Result<(), S::Error> {
        let payload = packet.frame.payload;
        let is_udp = matches!(packet.frame.transport, Transport::Udp);
        if payload.first() == Some(&0x16) || self.secrets.header.is_some() || (is_udp && quic::may_be(payload)) {
            self.handshake(packet);
        }
        self.sink.packet(packet)
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), S::Error> {
        match record {
            Record::Packet(packet) => self.packet(packet),
            other => self.sink.record(other),
        }
    }

    #[inline]
    fn expect(&mut self, time: Timestamp) {
        self.sink.expect(time);
    }

    fn settle(&mut self, until: Timestamp) -> Result<(), S::Error> {
        self.sink.settle(until)
    }

    fn set_back(&mut self, time: Timestamp) -> Result<(), S::Error> {
        self.sink.set_back(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Direction, Tid};
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
            let transport = Transport::Tcp { seq, ack: seq, flags, window: 1, options: None };
            self.packet(time, client, is_sent, (transport, payload));
        }

        fn packet(
            &mut self,
            time: u64,
            (port, process): (u16, u32),
            is_sent: bool,
            (transport, payload): (Transport, &[u8]),
        ) {
            let client: SocketAddr = SocketAddr::from(([10, 0, 0, 1], port));
            let server: SocketAddr = SocketAddr::from(([10, 0, 0, 2], 443));
            let (source, target) = if is_sent { (client, server) } else { (server, client) };
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
            it.packet(time, (port, 1), true, (Transport::Udp, &first));
        };
        let answer = |it: &mut Shaking, time, port, first| {
            it.packet(time, (port, 1), false, (Transport::Udp, &[first, 0, 0, 0, 1]));
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
}
