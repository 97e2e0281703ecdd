//! What sockets moved, counted by what becomes of it: here it is known to be a socket's.

use super::{Loss, Place, Report};
use crate::event::{Family, Op, Transport};
use crate::inet::is_carried;
use crate::run::error::Name;
use crate::sockets::{Change, Moved};

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

/// What moved.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::run) struct Traffic {
    /// Payloads of which the trace holds less than moved.
    cut: Missing,
    /// Payloads that strace never shows: sendfile, splice.
    hidden: Missing,
    /// Messages of internet sockets that the wire view alone shows.
    wire_only: Missing,
    /// Messages of internet sockets that no view shows.
    protocols: Missing,
    /// Messages of UNIX datagram and seqpacket sockets.
    unix_messages: Missing,
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
    /// Counts what a change moved and what of it is not shown. `place` tells the line that told it.
    #[inline(always)]
    pub fn count(&mut self, change: &Change<'_>, wanted: Wanted, place: impl Fn() -> Place) {
        let Change::Moved(moved) = change else {
            return;
        };
        match (moved.family, moved.transport) {
            (Family::Inet | Family::Inet6, transport) => match wanted.inet {
                Some(shows) if shows(transport) => self.payload(moved, place),
                Some(_) if is_carried(transport) => self.wire_only.add(moved.moved, place()),
                Some(_) => self.protocols.add(moved.moved, place()),
                None => self.net_unwanted += 1,
            },
            (Family::Unix, _) if !wanted.unix => self.unix_unwanted += 1,
            (Family::Unix, Transport::Datagram | Transport::Seqpacket) => {
                self.unix_messages.add(moved.moved, place());
            }
            (Family::Unix, _) => self.payload(moved, place),
            (Family::Other, _) => self.others += 1,
        }
    }

    #[inline(always)]
    fn payload(&mut self, moved: &Moved<'_>, place: impl Fn() -> Place) {
        if !self.is_plain {
            self.look_for_tls(moved);
        }
        let missing = moved.moved.saturating_sub(moved.payload.len() as u64);
        if missing == 0 {
            return;
        }
        match moved.marking.op {
            Some(Op::Sendfile | Op::Splice) => self.hidden.add(missing, place()),
            _ => self.cut.add(missing, place()),
        }
    }

    /// Looks at the first bytes of each direction, until one is not of TLS.
    #[cold]
    fn look_for_tls(&mut self, moved: &Moved<'_>) {
        let Some(stream) = moved.stream.filter(|stream| stream.known == 0) else {
            return;
        };
        let flow = stream.connection.flow_from(stream.sender(moved.direction));
        if flow.told > moved.moved || moved.payload.is_empty() {
            return;
        }
        if is_tls(moved.payload) {
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
        [
            self.hidden,
            self.wire_only,
            self.protocols,
            self.unix_messages,
            self.io_uring,
        ]
        .iter()
        .any(|missing| missing.messages > 0)
    }

    /// Whether payload moved on internet sockets, UNIX sockets, and others, that was not to be converted.
    pub const fn unwanted(&self) -> (bool, bool, bool) {
        (
            self.net_unwanted > 0,
            self.unix_unwanted > 0,
            self.others > 0,
        )
    }

    /// Adds the counts to a report. `cut` is what strace has cut of all payloads, those of files included: a datagram that
    /// its reader's buffer cut is none of them.
    pub fn tell(self, (cut, cut_bytes): (u64, u64), traces: &[Name], report: &mut Report) {
        let cut = Missing {
            messages: self.cut.messages.min(cut),
            bytes: self.cut.bytes.min(cut_bytes),
            ..self.cut
        };
        let what = format!(
            "[payload was|payloads were] cut by strace's -s, {} bytes",
            cut.bytes
        );
        let loss = cut.loss("cut", &what, traces).bytes(cut.bytes);
        report.lose(loss.cure("record with -s 1048576"));
        let bytes = self.hidden.bytes;
        let what =
            format!("sendfile or splice [call|calls] moved {bytes} bytes that strace cannot show");
        let loss = self.hidden.loss("hidden", &what, traces).bytes(bytes);
        report.lose(loss.cure("switch sendfile off in the traced program"));
        let what = "io_uring [call|calls] may have moved payload that strace cannot show";
        let loss = self.io_uring.loss("io_uring", what, traces);
        report.lose(loss.cure("switch io_uring off in the traced program"));
        let what = "[message|messages] of raw, ping or UDP-Lite sockets [was|were] not converted";
        let loss = self.wire_only.loss("wire_only", what, traces);
        let loss = loss.bytes(self.wire_only.bytes);
        report.lose(loss.cure("give --view wire"));
        let what = "[message|messages] of SCTP or DCCP sockets [was|were] not converted";
        let loss = self.protocols.loss("protocols", what, traces);
        report.lose(loss.bytes(self.protocols.bytes));
        let what =
            "[message|messages] of UNIX datagram or seqpacket sockets [was|were] not converted";
        let loss = self.unix_messages.loss("unix_messages", what, traces);
        report.lose(loss.bytes(self.unix_messages.bytes));
        if self.tls > 0 && !self.is_plain {
            report.note(
                "tls",
                "all that streams carry is TLS",
                "to read it, run the program with SSLKEYLOGFILE=FILE and Wireshark with -o tls.keylog_file:FILE",
            );
        }
    }
}

/// Whether bytes begin as a TLS record does: its type, and a version from 3.0 (SSL) to 3.4 (RFC 8446 §5.1).
const fn is_tls(payload: &[u8]) -> bool {
    matches!(payload, [0x14..=0x17, 3, 0..=4, ..])
}
