//! What sockets moved and no packet shows, counted where it is known to be a socket's.

use crate::event::{Family, Op, Transport};
use crate::run::summary::Summary;
use crate::sockets::{Change, Moved};

/// Messages and their missing bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Missing {
    messages: u64,
    bytes: u64,
}

impl Missing {
    fn add(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// How many payloads strace did not print whole, those of files included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printed {
    /// Cut by `-s`.
    pub(super) cut: u64,
    /// As an address, where the bytes are (`-e raw=`, `-e verbose=`).
    pub(super) hidden: u64,
}

impl Printed {
    /// What became of the payloads, and the cure.
    const fn in_words(self) -> (&'static str, &'static str) {
        match (self.cut, self.hidden) {
            (_, 0) => ("cut by strace's -s", "record with -s 1048576"),
            (0, _) => (
                "printed as [an address|addresses] only",
                "record without -e raw and -e verbose",
            ),
            _ => (
                "cut by strace's -s or printed as [an address|addresses] only",
                "record with -s 1048576, and without -e raw and -e verbose",
            ),
        }
    }
}

/// What moved and is in no packet, or not all of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unshown {
    /// Payloads of which the trace holds less than moved.
    cut: Missing,
    /// Payloads that strace never shows: sendfile, splice.
    hidden: Missing,
    /// Messages of internet sockets that are none of the view's.
    protocols: u64,
    /// Calls that hand payload to io_uring.
    io_uring: u64,
}

impl Unshown {
    /// Counts what a change leaves unshown: `inet` says which transports of internet sockets are shown, if they are
    /// converted at all; `unix` that UNIX sockets are.
    #[inline]
    pub(super) fn count(
        &mut self,
        change: &Change<'_>,
        inet: Option<fn(Transport) -> bool>,
        unix: bool,
    ) {
        let moved = match change {
            Change::Moved(moved) => moved,
            Change::UnixMessage(message) if unix => {
                let in_trace = message.payload.len() as u64;
                return self.payload(message.marking.op, message.moved, in_trace);
            }
            _ => return,
        };
        if moved.transport == Transport::Stream && moved.moved == moved.payload.len() as u64 {
            return; // as most
        }
        match (moved.family, moved.transport) {
            (Family::Inet | Family::Inet6, transport) => match inet {
                Some(shows) if shows(transport) => self.payload_of(moved),
                Some(_) => self.protocols += 1,
                None => {}
            },
            (Family::Unix, _) if unix => self.payload_of(moved),
            _ => {}
        }
    }

    #[inline]
    fn payload_of(&mut self, moved: &Moved<'_>) {
        self.payload(moved.marking.op, moved.moved, moved.payload.len() as u64);
    }

    #[inline]
    fn payload(&mut self, op: Option<Op>, moved: u64, in_trace: u64) {
        let missing = moved.saturating_sub(in_trace);
        if missing == 0 {
            return;
        }
        match op {
            Some(Op::Sendfile | Op::Splice) => self.hidden.add(missing),
            _ => self.cut.add(missing),
        }
    }

    /// A call handed payload to io_uring, or may have.
    pub(super) fn ring(&mut self) {
        self.io_uring += 1;
    }

    /// Adds the counts to a summary. A datagram that its reader's buffer cut is none of those that were not printed whole.
    pub(super) fn tell(self, printed: Printed, summary: &mut Summary) {
        let (how, cure) = printed.in_words();
        summary.lose(
            self.cut.messages.min(printed.cut + printed.hidden),
            format!(
                "[payload was|payloads were] {how}, {} bytes",
                self.cut.bytes
            ),
            cure,
        );
        summary.lose(
            self.hidden.messages,
            format!(
                "sendfile or splice [call|calls] moved {} bytes that strace cannot show",
                self.hidden.bytes
            ),
            "switch sendfile off in the traced program",
        );
        summary.lose(
            self.protocols,
            "[message|messages] of raw, ping, UDP-Lite, SCTP or DCCP sockets [was|were] not converted",
            "",
        );
        summary.lose(
            self.io_uring,
            "io_uring [call|calls] may have moved payload that strace cannot show",
            "switch io_uring off in the traced program",
        );
    }
}
