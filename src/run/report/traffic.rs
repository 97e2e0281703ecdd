//! What sockets moved, counted by what becomes of it: here it is known to be a socket's.

use super::{Loss, Place, Report};
use crate::event::{Family, Op, Transport};
use crate::inet::is_carried;
use crate::run::name::Name;
use crate::sockets::{Change, Moved, Refs};
use crate::strace::Counts;

/// Messages or calls, their bytes that are missing, and where the first one is.
#[derive(Clone, Copy, Debug, Default)]
struct Missing {
    messages: u64,
    bytes: u64,
    first: Option<Place>,
}

impl Missing {
    #[cold]
    fn add(&mut self, bytes: u64, place: Place) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.first.get_or_insert(place);
    }

    /// The loss of it.
    fn loss(self, key: &'static str, what: &str, traces: &[Name]) -> Loss {
        Loss::new(key, self.messages, what).first(self.first, traces)
    }
}

/// What is to be converted.
#[derive(Clone, Copy, Debug)]
pub(in crate::run) struct Wanted {
    /// Which transports of internet sockets, where these are converted.
    pub inet: Option<fn(Transport) -> bool>,
    /// UNIX streams.
    pub unix: bool,
}

/// How many payloads strace did not print whole, those of files included.
#[derive(Clone, Copy, Debug)]
pub(in crate::run) struct Printed {
    /// Cut by `-s`.
    cut: u64,
    /// As an address, where the bytes are (`-e raw=`, `-e verbose=`).
    hidden: u64,
    /// Bytes of all of them that are not in the traces.
    bytes: u64,
}

impl Printed {
    /// What the parsers of all traces have counted.
    pub fn of(counts: &[&Counts]) -> Self {
        Self {
            cut: counts.iter().map(|counts| counts.cut.payloads).sum(),
            hidden: counts.iter().map(|counts| counts.hidden.payloads).sum(),
            bytes: counts.iter().map(|counts| counts.cut.bytes + counts.hidden.bytes).sum(),
        }
    }

    /// What became of the payloads, and the cure.
    const fn in_words(self) -> (&'static str, &'static str) {
        match (self.cut, self.hidden) {
            (_, 0) => ("cut by strace's -s", "record with -s 1048576"),
            (0, _) => ("printed as [an address|addresses] only", "record without -e raw and -e verbose"),
            _ => (
                "cut by strace's -s or printed as [an address|addresses] only",
                "record with -s 1048576, and without -e raw and -e verbose",
            ),
        }
    }
}

/// What moved.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::run) struct Traffic {
    /// Payloads of which the trace holds less than moved.
    cut: Missing,
    /// Payloads that strace never shows: sendfile, splice, tee.
    hidden: Missing,
    /// Messages of internet sockets that the wire view alone shows.
    wire_only: Missing,
    /// Messages of internet sockets that no view shows.
    protocols: Missing,
    /// Calls that hand payload to io_uring.
    io_uring: Missing,
    /// Messages of internet sockets, which are not to be converted.
    net_unwanted: u64,
    /// Messages of UNIX sockets, which are not to be converted.
    unix_unwanted: u64,
    /// Messages of other families.
    others: u64,
    /// Directions of streams that began with TLS.
    tls: u64,
    /// A direction of a stream began with something else.
    is_plain: bool,
}

impl Traffic {
    /// Counts what moved and what of it is not shown. `place` is the line of its event.
    #[inline(always)]
    pub fn count(&mut self, moved: &Moved, refs: Refs<'_>, wanted: Wanted, place: impl Fn() -> Place) {
        if self.is_plain && is_as_most(moved) && wanted.inet.is_some() {
            return;
        }
        match (moved.family, moved.transport) {
            (Family::Inet | Family::Inet6, transport) => match wanted.inet {
                Some(shows) if shows(transport) => self.payload(moved, refs, place),
                Some(_) if is_carried(transport) => self.wire_only.add(moved.moved, place()),
                Some(_) => self.protocols.add(moved.moved, place()),
                None => self.net_unwanted += 1,
            },
            (Family::Unix, _) if !wanted.unix => self.unix_unwanted += 1,
            (Family::Unix | Family::Pipe, _) => self.payload(moved, refs, place),
            (Family::Other, _) => self.others += 1,
        }
    }

    /// The same of any other change: a message between UNIX datagram sockets.
    pub fn count_other(&mut self, change: &Change, wanted: Wanted, place: impl Fn() -> Place) {
        let Change::UnixMessage(message) = change else {
            return;
        };
        if wanted.unix {
            let in_trace = message.payload.len() as u64;
            let missing = message.moved.saturating_sub(in_trace);
            self.missing(message.marking.op, missing, place);
        } else {
            self.unix_unwanted += 1;
        }
    }

    #[inline(always)]
    fn payload(&mut self, moved: &Moved, refs: Refs<'_>, place: impl Fn() -> Place) {
        if !self.is_plain {
            self.look_for_tls(moved, refs.bytes(moved.payload));
        }
        let missing = moved.moved.saturating_sub(moved.payload.len() as u64);
        self.missing(moved.marking.op, missing, place);
    }

    #[inline(always)]
    fn missing(&mut self, op: Option<Op>, missing: u64, place: impl Fn() -> Place) {
        if missing == 0 {
            return;
        }
        match op {
            Some(Op::Sendfile | Op::Splice | Op::Tee) => self.hidden.add(missing, place()),
            _ => self.cut.add(missing, place()),
        }
    }

    /// Looks at the first bytes of each direction, until one is not of TLS.
    #[cold]
    fn look_for_tls(&mut self, moved: &Moved, bytes: &[u8]) {
        let is_first = moved.stream.is_some_and(|stream| stream.known == 0 && stream.reached <= moved.moved);
        if !is_first || bytes.is_empty() {
            return;
        }
        if is_tls(bytes) {
            self.tls += 1;
        } else {
            self.is_plain = true;
        }
    }

    /// A call handed payload to io_uring, or may have.
    #[cold]
    pub fn ring(&mut self, place: Place) {
        self.io_uring.add(0, place);
    }

    /// Whether anything moved that cannot be converted.
    pub fn has_unshowable(&self) -> bool {
        [self.hidden, self.wire_only, self.protocols, self.io_uring].iter().any(|missing| missing.messages > 0)
    }

    /// Whether payload moved on internet sockets, UNIX sockets, and others, that was not to be converted.
    pub const fn unwanted(&self) -> (bool, bool, bool) {
        (self.net_unwanted > 0, self.unix_unwanted > 0, self.others > 0)
    }

    /// Adds the counts to a report. A datagram that its reader's buffer cut is none of those that were not printed whole.
    pub fn tell(self, printed: Printed, traces: &[Name], report: &mut Report) {
        let (how, cure) = printed.in_words();
        let cut = Missing {
            messages: self.cut.messages.min(printed.cut + printed.hidden),
            bytes: self.cut.bytes.min(printed.bytes),
            ..self.cut
        };
        let what = format!("[payload was|payloads were] {how}, {} bytes", cut.bytes);
        let loss = cut.loss("cut", &what, traces).bytes(cut.bytes);
        report.lose(loss.cure(cure));
        let bytes = self.hidden.bytes;
        let what = format!("sendfile or splice [call|calls] moved {bytes} bytes that strace cannot show");
        let loss = self.hidden.loss("hidden", &what, traces).bytes(bytes);
        report.lose(loss.cure("switch sendfile off in the traced program"));
        let what = "io_uring [call|calls] may have moved payload that strace cannot show";
        let loss = self.io_uring.loss("io_uring", what, traces);
        report.lose(loss.cure("switch io_uring off in the traced program"));
        let what = "[message|messages] of raw, ping, UDP-Lite, SCTP or DCCP sockets [was|were] not converted";
        let loss = self.wire_only.loss("wire_only", what, traces);
        let loss = loss.bytes(self.wire_only.bytes);
        report.lose(loss.cure("give --view wire"));
        let what = "[message|messages] of internet sockets whose protocol nothing tells [was|were] not converted";
        let loss = self.protocols.loss("protocols", what, traces);
        report.lose(loss.bytes(self.protocols.bytes));
        if self.tls > 0 && !self.is_plain {
            report.note(
                "tls",
                "all that streams carry is TLS",
                "to read it, run the program with SSLKEYLOGFILE=FILE and Wireshark with -o tls.keylog_file:FILE",
            );
        }
    }
}

/// Whether a message is of a TCP stream and whole.
#[inline(always)]
fn is_as_most(moved: &Moved) -> bool {
    moved.transport == Transport::Stream
        && moved.moved == moved.payload.len() as u64
        && matches!(moved.family, Family::Inet | Family::Inet6)
}

/// Whether bytes begin as a TLS record does: its type, and a version from 3.0 (SSL) to 3.4 (RFC 8446 §5.1).
const fn is_tls(payload: &[u8]) -> bool {
    matches!(payload, [0x14..=0x17, 3, 0..=4, ..])
}
