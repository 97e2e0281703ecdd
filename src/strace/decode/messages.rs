//! Payload in messages: sendmsg, recvmsg, sendmmsg, recvmmsg.
//!
//! ```text
//! {msg_name={…}, msg_namelen=16, msg_iov=[…], msg_iovlen=1, msg_control=[…], msg_controllen=24, msg_flags=0}
//! {msg_name(16)={…}, msg_iov(1)=[{"x", 4}], msg_controllen=24, [{cmsg_len=24, …}], msg_flags=0}      before strace 4.13
//! [{msg_hdr={…}, msg_len=2}, {msg_hdr={…}}]       {{{msg_name(0)=NULL, …}, 2}, {{…}, 3}}               the latter before 4.13
//! ```

use super::super::counts::{Counts, Skip};
use super::super::symbols::{self, Flags, Value};
use super::super::{arguments, returned, sockaddr};
use super::payload::{self, Draft, Kind, Shown};
use super::vectors::{self, Vector};
use super::{Bench, Call, Emit, NOT_SOCKET, Verdict};
use crate::event::{Address, Credentials, Direction, Message, Outcome};
use crate::limits;

/// What a msghdr holds.
#[derive(Debug, Default)]
struct Header {
    address: Option<Address>,
    vector: Vector,
    /// The kernel says that the message came from the error queue, and so holds what was sent before.
    from_error_queue: bool,
}

/// `(fd, msghdr, flags)`
pub(super) fn one(
    call: Call<'_>,
    kind: Kind,
    bench: &mut Bench,
    counts: &mut Counts,
    emit: Emit<'_>,
) -> Option<Verdict> {
    let (socket, text) = bench.first(call.text)?;
    if socket.is_no_socket() || !socket.is_possible() {
        return NOT_SOCKET;
    }
    bench.clear();
    let (header, text) = header(arguments::next(text), 0, call, kind, bench, counts)?;
    let (flags, text) = arguments::value(arguments::next(text))?;
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    let mut flags = Flags::of_message(flags);
    if header.from_error_queue {
        flags = flags.with(symbols::MSG_ERRQUEUE);
    }
    let Vector { requested, shown } = header.vector;
    let draft = Draft { kind, socket, outcome, requested, flags, shown };
    payload::single(call, &draft, header.address, bench, counts, emit)
}

/// A msghdr, or what strace prints instead of one.
fn header<'t>(
    text: &'t [u8],
    message: u64,
    call: Call<'_>,
    kind: Kind,
    bench: &mut Bench,
    counts: &mut Counts,
) -> Option<(Header, &'t [u8])> {
    let mut header = Header::default();
    let Some(mut text) = text.strip_prefix(b"{") else {
        header.vector.shown = Shown::Hidden;
        return Some((header, arguments::value(text)?.1));
    };
    loop {
        text = vectors::separated(text);
        if let Some(rest) = text.strip_prefix(b"}") {
            return Some((header, rest));
        }
        let (name, value) = arguments::name(text).unwrap_or((b"", text));
        text = match name {
            b"msg_name" => {
                let (address, rest) = sockaddr::address(value, &mut bench.names)?;
                header.address = address;
                rest
            }
            b"msg_iov" => {
                let (vector, rest) = vectors::array(value, message, call, bench, counts)?;
                header.vector = vector;
                rest
            }
            _ => {
                let (field, rest) = arguments::value(value)?;
                match name {
                    b"msg_control" | b"" => control_messages(field, bench),
                    b"msg_flags" if kind.direction == Direction::Received => {
                        header.from_error_queue = symbols::MSG_ERRQUEUE.is_in(field);
                    }
                    _ => {}
                }
                // nothing was read: neither a name nor a value
                (rest.len() < text.len()).then_some(rest)?
            }
        };
    }
}

/// Descriptors and credentials in control messages: `cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[18<TCP:[…]>,
/// 19]` and `cmsg_type=SCM_CREDENTIALS, cmsg_data={pid=1, uid=0, gid=0}`, without `cmsg_data=` before strace 4.13.
fn control_messages(mut control: &[u8], bench: &mut Bench) {
    const LEVEL: &[u8] = b"cmsg_level=";
    while let Some(at) = memchr::memmem::find(control, LEVEL) {
        control = control.get(at + LEVEL.len()..).unwrap_or_default();
        if let Some(data) = of_socket(control, symbols::SCM_RIGHTS)
            && let Some(data) = data.strip_prefix(b"[")
        {
            control = rights(data, bench);
        } else if let Some(data) = of_socket(control, symbols::SCM_CREDENTIALS) {
            bench.credentials = credentials(data).or(bench.credentials);
        }
    }
}

/// Descriptors behind an opening bracket; returns what stands behind them.
fn rights<'t>(mut text: &'t [u8], bench: &mut Bench) -> &'t [u8] {
    while let Some((right, rest)) = bench.cache.read(vectors::separated(text), &mut bench.names) {
        if right.is_possible() {
            bench.rights.push(right);
        }
        text = rest;
    }
    text
}

/// The data of the control message with this level, if it is SOL_SOCKET's of this type.
fn of_socket(control: &[u8], wanted: Value) -> Option<&[u8]> {
    let (level, text) = arguments::value(control)?;
    let (kind, text) = arguments::value(arguments::next(text))?;
    let is = symbols::SOL_SOCKET.is(level) && wanted.is(kind);
    is.then(|| arguments::next(text))
}

/// `{pid=1, uid=0, gid=0}`
fn credentials(data: &[u8]) -> Option<Credentials> {
    let mut text = data.strip_prefix(b"{")?;
    let mut found = Credentials::default();
    loop {
        let (name, value) = arguments::name(vectors::separated(text))?;
        let (value, rest) = arguments::value(value)?;
        // With -Y the process's name stands behind its number.
        let number = u32::try_from(arguments::number(value)?.0).ok()?;
        match name {
            b"pid" => found.process = number,
            b"uid" => found.user = number,
            b"gid" => found.group = number,
            _ => return None,
        }
        if rest.starts_with(b"}") {
            return Some(found);
        }
        text = rest;
    }
}

/// Bytes that are not in the trace, over all messages of a call.
#[derive(Clone, Copy, Debug, Default)]
struct Missing {
    cut: u64,
    hidden: u64,
    /// A dump may have them.
    wanted: bool,
    /// The messages came from the error queue.
    from_error_queue: bool,
}

/// `(fd, array, count, flags, …)`
pub(super) fn many(
    call: Call<'_>,
    kind: Kind,
    bench: &mut Bench,
    counts: &mut Counts,
    emit: Emit<'_>,
) -> Option<Verdict> {
    let (socket, text) = bench.first(call.text)?;
    if socket.is_no_socket() || !socket.is_possible() {
        return NOT_SOCKET;
    }
    bench.clear();
    let mut missing = Missing::default();
    let text = array(arguments::next(text), call, kind, &mut missing, bench, counts)?;
    let (_, text) = arguments::value(arguments::next(text))?;
    let (flags, text) = arguments::value(arguments::next(text))?;
    let flags = Flags::of_message(flags);
    let outcome = returned::parse(arguments::close(text)?)?.outcome;
    let draft = Draft { kind, socket, outcome, requested: None, flags, shown: missing.shown() };
    if let Outcome::Done(result) = outcome {
        if kind.direction == Direction::Received && (payload::is_peek(flags) || missing.from_error_queue) {
            return Some(Verdict::Skipped(Skip::Peeked));
        }
        let result = usize::try_from(result).ok()?;
        let unprinted = result.saturating_sub(bench.messages.len());
        if (missing.wanted || unprinted > 0) && call.dump.is_none() {
            return Some(Verdict::Hold);
        }
        bench.messages.truncate(result);
        add_dumped(unprinted, call, bench, counts);
        missing.count(counts);
    }
    payload::emit_move(&draft, bench, counts, emit)
}

impl Missing {
    fn shown(self) -> Shown {
        if self.cut > 0 { Shown::Cut } else { Shown::All }
    }

    fn count(self, counts: &mut Counts) {
        if self.cut > 0 {
            counts.cut.add(self.cut);
        }
        if self.hidden > 0 {
            counts.hidden.add(self.hidden);
        }
    }
}

/// An mmsghdr array, or what strace prints instead of one.
fn array<'t>(
    text: &'t [u8],
    call: Call<'_>,
    kind: Kind,
    missing: &mut Missing,
    bench: &mut Bench,
    counts: &mut Counts,
) -> Option<&'t [u8]> {
    let Some(mut text) = text.strip_prefix(b"[").or_else(|| text.strip_prefix(b"{")) else {
        return Some(arguments::value(text)?.1);
    };
    let mut index = 0;
    loop {
        text = vectors::separated(text);
        match text {
            [b']' | b'}', rest @ ..] => return Some(rest),
            [b'{', rest @ ..] => text = element(rest, index, call, kind, missing, bench, counts)?,
            _ => {
                let (value, rest) = arguments::value(text)?;
                text = (!value.is_empty()).then_some(rest)?;
            }
        }
        index += 1;
    }
}

/// `msg_hdr={…}, msg_len=2}`. Without a length the message was not sent.
fn element<'t>(
    text: &'t [u8],
    index: u64,
    call: Call<'_>,
    kind: Kind,
    missing: &mut Missing,
    bench: &mut Bench,
    counts: &mut Counts,
) -> Option<&'t [u8]> {
    let (start, rights) = (bench.payload.len(), bench.rights.len());
    let (header, text) = header(arguments::unnamed(text), index, call, kind, bench, counts)?;
    let text = vectors::separated(text);
    if let Some(rest) = text.strip_prefix(b"}") {
        bench.payload.truncate(start);
        bench.rights.truncate(rights);
        return Some(rest);
    }
    let (moved, text) = arguments::number(arguments::unnamed(text))?;
    if moved > limits::MOVED {
        return None;
    }
    let room = match (kind.direction, header.vector.requested) {
        (Direction::Received, Some(requested)) => moved.min(requested),
        _ => moved,
    };
    let printed = bench.payload.len() - start;
    let captured = usize::try_from(room).map_or(printed, |room| room.min(printed));
    let lacking = room.saturating_sub(captured as u64);
    match header.vector.shown {
        Shown::Hidden => missing.hidden += lacking,
        Shown::Structured => {}
        Shown::Cut | Shown::All => missing.cut += lacking,
    }
    missing.from_error_queue |= header.from_error_queue;
    missing.wanted |= lacking > 0 && header.vector.shown == Shown::Cut;
    bench.payload.truncate(start + captured);
    bench.messages.push(Message {
        start,
        captured,
        moved,
        address: header.address,
        rights: bench.rights.len() - rights,
    });
    vectors::separated(text).strip_prefix(b"}")
}

/// Messages that `-s` cut off the array: a dump has them, and by that their lengths.
fn add_dumped(unprinted: usize, call: Call<'_>, bench: &mut Bench, counts: &mut Counts) {
    for done in 0..unprinted {
        let message = bench.messages.len() as u64;
        let start = bench.payload.len();
        let mut buffer = 0;
        while let Some(dumped) = call.dump.and_then(|dump| dump.buffer(message, buffer)) {
            bench.payload.extend_from_slice(dumped);
            buffer += 1;
        }
        let is_empty = call.dump.is_some_and(|dump| dump.is_empty_message(message));
        if buffer == 0 && !is_empty {
            let line = counts.lines;
            counts.messages_cut.add_many(line, (unprinted - done) as u64);
            return;
        }
        let captured = bench.payload.len() - start;
        bench.messages.push(Message { start, captured, moved: captured as u64, address: None, rights: 0 });
    }
}
