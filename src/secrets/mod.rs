//! TLS secrets on their way to the capture, and the packets that wait for them.
//!
//! Wireshark can use the keys of TLS 1.3 only where they stand before the ServerHello, but programs tell them after it. So
//! what is later than a ServerHello waits until the four secrets of its connection have come, or TLS 1.2's one: then they
//! go out in front of it. QUIC's are wanted just so, but nobody can tell whose they are: a connection of QUIC waits until
//! its process has told of as many sessions as wait. Who has told none after a second, or when the input pauses, is not
//! waited for again until it tells some; of who tells them, or has begun to, a short pause is no sign that none come. Whatever
//! comes is written as soon as it is seen.

mod quic;
#[cfg(test)]
mod tests;
mod tls;

use crate::event::{Fd, HostPort, Marking, ProcessRef, Timestamp};
use crate::keys::{self, KeyLogs, SecretPart};
use crate::limits;
use crate::packets::Waits;
use crate::wire::{About, Frame, Packet, Record, Sink, TransportHeader};
use foldhash::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::time::Duration;
use tls::{RecordStart, hello};

/// A client's random, by which a session is known.
type Random = [u8; 32];

/// The secrets that have come of a session, a bit each.
#[derive(Clone, Copy, Debug, Default)]
struct SecretKinds(u8);

impl SecretKinds {
    /// Whether they are enough to read it.
    const fn is_enough(self) -> bool {
        self.0 & 0x10 != 0 || self.0 & 0x0f == 0x0f
    }

    fn add(&mut self, part: SecretPart) {
        self.0 |= match part {
            SecretPart::Whole => 0x10,
            SecretPart::OfFour(number) => 1 << number.min(3),
            SecretPart::Other => 0,
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
    sessions: HashMap<Random, SecretKinds>,
    /// How many sessions there have been.
    count: u64,
    /// Digests of the lines that are written.
    written: HashSet<u64>,
    /// The files that they were in, the first ones.
    files: Vec<Box<[u8]>>,
    /// By client and server.
    hellos: HashMap<(HostPort, HostPort), Hello>,
    /// Client and server of a record whose header alone has come.
    header: Option<(HostPort, HostPort)>,
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

    fn know(&mut self, random: Random, part: SecretPart, by: ProcessRef) {
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
        let pair = (*frame.source, *frame.target);
        let goes_on = self.header.take() == Some(pair);
        match hello(frame.payload, goes_on) {
            RecordStart::Header => self.header = Some(pair),
            RecordStart::ClientHello(random) => {
                let is_new = self.hellos.get(&pair).is_none_or(|before| before.random != random);
                if is_new {
                    self.begin(pair, random, by);
                }
                return None;
            }
            RecordStart::Other => {}
        }
        self.answer(pair, about, by)
    }

    /// A datagram that may be of QUIC's handshake. The same.
    #[inline(never)]
    fn datagram(&mut self, about: &About<'_>, frame: &Frame<'_>, by: &Marking) -> Option<Timestamp> {
        let pair = (*frame.source, *frame.target);
        if self.hellos.contains_key(&(*frame.target, *frame.source)) && quic::has_long_header(frame.payload) {
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
    fn begin(&mut self, pair: (HostPort, HostPort), random: Random, by: &Marking) {
        if self.hellos.len() >= limits::TLS_SESSIONS {
            self.hellos.clear();
        }
        self.hellos.insert(pair, Hello { random, by: by.process, is_answered: false });
    }

    /// Its other end has said something. The moment since when packets wait, if this makes them wait.
    fn answer(&mut self, pair: (HostPort, HostPort), about: &About<'_>, by: &Marking) -> Option<Timestamp> {
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
            TransportHeader::Tcp { .. } => self.secrets.segment(about, frame, by),
            TransportHeader::Udp => self.secrets.datagram(about, frame, by),
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
        let is_udp = matches!(packet.frame.transport, TransportHeader::Udp);
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
