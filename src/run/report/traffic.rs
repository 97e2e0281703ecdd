//! What sockets moved, counted by what becomes of it: here it is known to be a socket's.

use super::keys::{LossKey, NoteKey};
use super::{LineRef, Loss, Report};
use crate::event::{Direction, Family, HostPort, Op, Transport, as_u64};
use crate::inet::is_carried;
use crate::limits;
use crate::run::name::Name;
use crate::run::options::Recorded;
use crate::sockets::{Change, Connection, ConnectionId, End, Moved, Refs, Side};
use crate::strace::Counts;
use crate::unix::{self, FastCgi};
use crate::views::Views;
use crate::work;
use std::collections::BTreeSet;

/// Messages or calls, their bytes that are missing, and where the first one is.
#[derive(Clone, Copy, Debug, Default)]
struct LossTally {
    messages: u64,
    bytes: u64,
    first: Option<LineRef>,
}

impl LossTally {
    #[cold]
    fn add(&mut self, bytes: u64, place: LineRef) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.first.get_or_insert(place);
    }

    /// The loss of it.
    fn loss(self, key: LossKey, what: &str, traces: &[Name]) -> Loss {
        Loss::new(key, self.messages, what).first(self.first, traces)
    }
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
    const fn in_words(self, recorded: Recorded) -> (&'static str, &'static str) {
        match (self.cut, self.hidden) {
            (_, 0) => {
                let ours = "give strace more than 1048576 (--run OUTPUT -- -s 16777216 COMMAND, or -p PID for it)";
                ("cut by strace's -s", recorded.cure("record with -s 1048576", ours))
            }
            (0, _) => ("printed as [an address|addresses] only", "record without -e raw and -e verbose"),
            _ => (
                "cut by strace's -s or printed as [an address|addresses] only",
                "record with -s 1048576, and without -e raw and -e verbose",
            ),
        }
    }
}

/// What moved.
#[derive(Clone, Debug, Default)]
pub(in crate::run) struct Traffic {
    /// Payloads of which the trace holds less than moved.
    cut: LossTally,
    /// Payloads that strace never shows: sendfile, splice, tee.
    hidden: LossTally,
    /// Those of them that a reader's call may show: connection, sender, the place of the first byte, and how many are left.
    unseen: Vec<(ConnectionId, Side, u64, u64)>,
    /// Receives of bytes that were sent before the trace, where each byte is shown once and others were before.
    in_flight: LossTally,
    /// Receives that threw bytes away which no other call shows.
    discarded: LossTally,
    /// Messages of internet sockets that the wire view alone shows.
    wire_only: LossTally,
    /// Messages of internet sockets that no view shows.
    protocols: LossTally,
    /// Calls that hand payload to io_uring.
    io_uring: LossTally,
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
    /// A message with bytes moved, of whatever socket.
    has_bytes: bool,
    /// A connection was made of what is to be converted.
    has_opened: bool,
    /// Calls for any descriptor, and for sockets alone, were made on sockets and moved no byte.
    tried: [bool; 2],
    /// The servers' ports of FastCGI over TCP.
    fastcgi: BTreeSet<u16>,
}

impl Traffic {
    /// Counts what moved and what of it is not shown. `place` is the line of its event.
    #[inline(always)]
    pub fn count(&mut self, moved: &Moved, refs: Refs<'_>, views: &Views, place: LineRef) {
        if !self.unseen.is_empty() && moved.direction == Direction::Received {
            self.shown_by_reader(moved);
        }
        if self.is_plain && is_as_most(moved) && views.shows(moved.family, moved.transport) {
            // No other protocol's messages begin so often with this byte that it would cost anything.
            if refs.bytes(moved.payload).first() == Some(&FASTCGI_VERSION) {
                self.look_for_fastcgi(moved, refs);
            }
            return;
        }
        self.has_bytes |= moved.moved > 0;
        match (moved.family, moved.transport) {
            (Family::Other, _) => self.others += 1,
            (family, transport) if views.shows(family, transport) => self.payload(moved, refs, place),
            (Family::Unix | Family::Pipe, _) => self.unix_unwanted += 1,
            (family, _) if !views.shows(family, Transport::Stream) => self.net_unwanted += 1,
            (_, transport) if is_carried(transport) => self.wire_only.add(moved.moved, place),
            _ => self.protocols.add(moved.moved, place),
        }
    }

    /// The same of any other change: a message between UNIX datagram sockets, a connection that is made.
    pub fn count_other(&mut self, change: &Change, refs: Refs<'_>, views: &Views, place: LineRef) {
        let message = match change {
            Change::UnixMessage(message) => message,
            Change::InFlight { connection, bytes } => {
                let shown_once = |connection: &Connection| views.show_once(connection.family);
                if refs.connection(*connection).is_some_and(shown_once) {
                    self.in_flight.add(*bytes, place);
                }
                return;
            }
            Change::Opened { connection } => {
                // Pipes do not count: every shell makes some, and needs them for nothing.
                let made = refs.connection(*connection).filter(|made| made.family != Family::Pipe);
                self.has_opened |= made.is_some_and(|made| views.shows(made.family, Transport::Stream));
                return;
            }
            _ => return,
        };
        self.has_bytes |= message.moved > 0;
        if views.shows(Family::Unix, Transport::Datagram) {
            let in_trace = as_u64(message.payload.len());
            let missing = message.moved.saturating_sub(in_trace);
            self.missing(message.marking.op, missing, place);
        } else {
            self.unix_unwanted += 1;
        }
    }

    #[inline(always)]
    fn payload(&mut self, moved: &Moved, refs: Refs<'_>, place: LineRef) {
        if !self.is_plain {
            self.look_for_tls(moved, refs.bytes(moved.payload));
        }
        if refs.bytes(moved.payload).first() == Some(&FASTCGI_VERSION) {
            self.look_for_fastcgi(moved, refs);
        }
        let missing = moved.moved.saturating_sub(as_u64(moved.payload.len()));
        if moved.shape.is_discarded {
            return self.discarded(moved, place);
        }
        if missing > 0
            && matches!(moved.marking.op, Some(Op::Sendfile | Op::Splice))
            && moved.direction == Direction::Sent
        {
            self.may_be_shown(moved, refs);
        }
        self.missing(moved.marking.op, missing, place);
    }

    /// A call moved bytes that it does not show, to a reader that may.
    #[cold]
    fn may_be_shown(&mut self, moved: &Moved, refs: Refs<'_>) {
        let Some(stream) = moved.stream.filter(|_| moved.family.is_inet()) else {
            return;
        };
        let reader = refs.connection(stream.connection).map(|connection| connection.end(stream.side.other()));
        if reader.is_some_and(End::may_show) && self.unseen.len() < limits::UNSEEN {
            let first = stream.reached.saturating_sub(moved.moved);
            self.unseen.push((stream.connection, stream.side, first, moved.moved));
        }
    }

    /// A receive shows bytes that no call has shown, perhaps.
    #[cold]
    fn shown_by_reader(&mut self, moved: &Moved) {
        let Some(stream) = moved.stream else {
            return;
        };
        let first = stream.reached.saturating_sub(moved.moved);
        let end = first.saturating_add(as_u64(moved.payload.len()));
        let hidden = &mut self.hidden;
        work::steps(self.unseen.len());
        self.unseen.retain_mut(|(connection, sender, start, left)| {
            if (*connection, *sender) == (stream.connection, stream.side.other()) && first <= *start && *start < end {
                let shown = (end - *start).min(*left);
                (*start, *left) = (*start + shown, *left - shown);
                hidden.bytes = hidden.bytes.saturating_sub(shown);
                hidden.messages = hidden.messages.saturating_sub(u64::from(*left == 0));
            }
            *left > 0
        });
    }

    /// A receive with MSG_TRUNC threw bytes away: lost are those that the other end's calls have not shown.
    #[cold]
    fn discarded(&mut self, moved: &Moved, place: LineRef) {
        let known = moved.stream.map_or(0, |stream| stream.known);
        let lost = moved.moved.saturating_sub(known);
        if lost > 0 {
            self.discarded.add(lost, place);
        }
    }

    #[inline(always)]
    fn missing(&mut self, op: Option<Op>, missing: u64, place: LineRef) {
        if missing == 0 {
            return;
        }
        match op {
            Some(Op::Sendfile | Op::Splice | Op::Tee) => self.hidden.add(missing, place),
            _ => self.cut.add(missing, place),
        }
    }

    /// Looks at the first bytes of each direction, until one is not of TLS.
    #[cold]
    fn look_for_tls(&mut self, moved: &Moved, bytes: &[u8]) {
        if !is_first(moved) || bytes.is_empty() {
            return;
        }
        if is_tls(bytes) {
            self.tls += 1;
        } else {
            self.is_plain = true;
        }
    }

    /// Looks at the first bytes of each direction of TCP.
    #[cold]
    fn look_for_fastcgi(&mut self, moved: &Moved, refs: Refs<'_>) {
        let is_tcp = moved.transport == Transport::Stream && matches!(moved.family, Family::Inet | Family::Inet6);
        if !is_tcp || !is_first(moved) {
            return;
        }
        let server = match (unix::fastcgi(refs.bytes(moved.payload), moved.moved), moved.direction) {
            (Some(FastCgi::Request), Direction::Sent) | (Some(FastCgi::Reply), Direction::Received) => moved.remote,
            (Some(_), _) => moved.local,
            (None, _) => None,
        };
        self.fastcgi.extend(server.map(HostPort::port));
    }

    /// A payload call was made on a socket, and moved no byte that is shown.
    pub fn tried(&mut self, op: Op) {
        let [any, socket] = &mut self.tried;
        match op {
            Op::Read | Op::Write | Op::Readv | Op::Writev | Op::Preadv | Op::Pwritev | Op::Preadv2 | Op::Pwritev2 => {
                *any = true;
            }
            Op::Sendfile | Op::Splice | Op::Tee | Op::Vmsplice => {}
            _ => *socket = true,
        }
    }

    /// Whether calls for any descriptor, and for sockets alone, were tried on sockets.
    pub const fn has_tried(&self) -> [bool; 2] {
        self.tried
    }

    /// Whether any byte moved on any socket.
    pub const fn has_bytes(&self) -> bool {
        self.has_bytes || self.is_plain
    }

    /// Whether a connection was made of what is to be converted.
    pub const fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// The servers' ports of FastCGI over TCP.
    pub const fn fastcgi(&self) -> &BTreeSet<u16> {
        &self.fastcgi
    }

    /// A call handed payload to io_uring, or may have.
    #[cold]
    pub fn ring(&mut self, place: LineRef) {
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
    pub fn tell(&self, printed: Printed, traces: &[Name], report: &mut Report) {
        let (how, cure) = printed.in_words(report.recorded);
        let cut = LossTally {
            messages: self.cut.messages.min(printed.cut + printed.hidden),
            bytes: self.cut.bytes.min(printed.bytes),
            ..self.cut
        };
        let what = format!("[payload was|payloads were] {how}, {} bytes", cut.bytes);
        let loss = cut.loss(LossKey::Cut, &what, traces).bytes(cut.bytes);
        report.lose(loss.cure(cure));
        let bytes = self.hidden.bytes;
        let what = format!("sendfile or splice [call|calls] moved {bytes} bytes that strace cannot show");
        let loss = self.hidden.loss(LossKey::Hidden, &what, traces).bytes(bytes);
        report.lose(loss.cure("switch sendfile off in the traced program"));
        let bytes = self.discarded.bytes;
        let what = format!("[receive|receives] threw {bytes} bytes away unread (MSG_TRUNC), which strace cannot show");
        let loss = self.discarded.loss(LossKey::Discarded, &what, traces).bytes(bytes);
        report.lose(loss.cure("trace the sender too"));
        let bytes = self.in_flight.bytes;
        let what = format!(
            "[receive|receives] had {bytes} bytes from before the trace, behind what was sent since: they are left out"
        );
        report.lose(self.in_flight.loss(LossKey::InFlight, &what, traces).bytes(bytes));
        let what = "io_uring [call|calls] may have moved payload that strace cannot show";
        let loss = self.io_uring.loss(LossKey::IoUring, what, traces);
        report.lose(loss.cure("switch io_uring off in the traced program"));
        let what = "[message|messages] of raw, ping, UDP-Lite, SCTP or DCCP sockets [was|were] not converted";
        let loss = self.wire_only.loss(LossKey::WireOnly, what, traces);
        let loss = loss.bytes(self.wire_only.bytes);
        report.lose(loss.cure("give --view wire"));
        let what = "[message|messages] of internet sockets whose protocol nothing tells [was|were] not converted";
        let loss = self.protocols.loss(LossKey::Protocols, what, traces);
        report.lose(loss.bytes(self.protocols.bytes));
        if self.tls > 0 && !self.is_plain {
            report.note(
                NoteKey::Tls,
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
        && moved.moved == as_u64(moved.payload.len())
        && matches!(moved.family, Family::Inet | Family::Inet6)
}

/// Whether a stream's message is the first of its direction, and not told before.
fn is_first(moved: &Moved) -> bool {
    moved.stream.is_some_and(|stream| stream.known == 0 && stream.reached <= moved.moved)
}

/// The first byte of each of FastCGI's records.
const FASTCGI_VERSION: u8 = 1;

/// Whether bytes begin as a TLS record does: its type, and a version from 3.0 (SSL) to 3.4 (RFC 8446 §5.1).
const fn is_tls(payload: &[u8]) -> bool {
    matches!(payload, [0x14..=0x17, 3, 0..=4, ..])
}
