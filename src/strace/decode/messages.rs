//! Payload in messages: sendmsg, recvmsg, sendmmsg, recvmmsg.
//!
//! ```text
//! {msg_name={…}, msg_namelen=16, msg_iov=[…], msg_iovlen=1, msg_control=[…], msg_controllen=24, msg_flags=0}
//! {msg_name(16)={…}, msg_iov(1)=[{"x", 4}], msg_controllen=24, [{cmsg_len=24, …}], msg_flags=0}      before strace 4.13
//! [{msg_hdr={…}, msg_len=2}, {msg_hdr={…}}]       {{{msg_name(0)=NULL, …}, 2}, {{…}, 3}}               the latter before 4.13
//! ```

use super::super::counts::{Counts, Skip};
use super::super::names::NameTable;
use super::super::symbols::{self, Flags, Value};
use super::super::{arguments, details, escape, sockaddr, time};
use super::call::Call;
use super::decoded::{Decoded, NoEvent};
use super::scratch::Scratch;
use super::transfer::{self, Draft, Shown, Transfer};
use super::vectors::{self, Vector};
use crate::event::{Address, Credentials, Descriptor, Direction, Message, Outcome, Right, Segments, as_u64};
use crate::limits;
use crate::work;
use std::net::SocketAddr;

/// What a msghdr holds.
#[derive(Debug, Default)]
struct Header {
    address: Option<Address>,
    vector: Vector,
    /// The kernel says that the message came from the error queue, and so holds what was sent before.
    from_error_queue: bool,
}

/// `(fd, msghdr, flags)`
pub(crate) fn msghdr<'s>(mut call: Call<'_, 's>, transfer: Transfer) -> Decoded<'s> {
    let socket = call.socket()?;
    call.next();
    let Header { address, vector: Vector { requested, shown }, from_error_queue } = header(&mut call, 0, transfer)?;
    let (flags, outcome) = (Flags::of_message(call.value()?), call.outcome()?);
    let flags = if from_error_queue { flags.with(symbols::MSG_ERRQUEUE) } else { flags };
    transfer::single(call, Draft { transfer, socket, outcome, requested, flags, shown }, address)
}

/// A msghdr from here, or what strace prints instead of one.
fn header(call: &mut Call<'_, '_>, message: u64, transfer: Transfer) -> Result<Header, NoEvent> {
    let mut header = Header::default();
    if !call.take(b"{") {
        header.vector.shown = Shown::Hidden;
        call.value_here()?;
        return Ok(header);
    }
    loop {
        call.separators();
        if call.take(b"}") {
            return Ok(header);
        }
        let before = call.rest.len();
        let (name, value) = arguments::name(call.rest).unwrap_or((b"", call.rest));
        call.rest = value;
        match name {
            b"msg_name" => {
                let read = sockaddr::address(value, &mut call.scratch.names);
                header.address = call.read(read)?;
            }
            b"msg_iov" => header.vector = vectors::array(call, message)?,
            b"msg_control" | b"" => {
                let control = call.value_here()?;
                control_messages(control, transfer.direction, call.scratch);
            }
            b"msg_flags" if transfer.direction == Direction::Received => {
                header.from_error_queue = symbols::MSG_ERRQUEUE.is_in(call.value_here()?);
            }
            _ => {
                call.value_here()?;
            }
        }
        if call.rest.len() == before {
            // nothing was read: neither a name nor a value
            return Err(call.malformed());
        }
    }
}

/// What control messages tell: descriptors, credentials, the thread's own end, and the size of datagrams; without
/// `cmsg_data=` before strace 4.13.
///
/// ```text
/// cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[18<TCP:[…]>, 19]
/// cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, cmsg_data={pid=1, uid=0, gid=0}
/// cmsg_level=SOL_IP, cmsg_type=IP_PKTINFO, cmsg_data={ipi_ifindex=…, ipi_spec_dst=inet_addr("…"), ipi_addr=inet_addr("…")}
/// cmsg_level=SOL_UDP, cmsg_type=0x67, cmsg_data="\x04\x00"
/// ```
fn control_messages(mut control: &[u8], direction: Direction, scratch: &mut Scratch) {
    const LEVEL: &[u8] = b"cmsg_level=";
    while let Some(at) = memchr::memmem::find(control, LEVEL) {
        let Some((message, rest)) = Control::read(control.get(at + LEVEL.len()..).unwrap_or_default()) else { return };
        work::steps(control.len() - rest.len());
        control = rest;
        if let Some(data) = message.data_of(symbols::SOL_SOCKET, symbols::SCM_RIGHTS)
            && let Some(data) = data.strip_prefix(b"[")
        {
            rights(data, scratch);
        } else if let Some(data) = message.data_of(symbols::SOL_SOCKET, symbols::SCM_CREDENTIALS) {
            let before = &mut scratch.beside.credentials;
            *before = credentials(data).or(*before);
            scratch.is_beside |= before.is_some();
        } else if let Some(data) = message
            .data_of(symbols::SOL_UDP, symbols::UDP_SEGMENT)
            .or_else(|| message.data_of(symbols::SOL_UDP, symbols::UDP_GRO))
        {
            scratch.beside.segments.push((scratch.messages.len(), segments(data)));
            scratch.is_beside = true;
        } else if let Some(own) = own_end(&message, direction, &mut scratch.names) {
            scratch.own = Some(own.into());
            scratch.is_beside = true;
        }
    }
}

/// The thread's own end: where a datagram was sent to, or from where it is to be sent (ip(7), ipv6(7)). Of where one was
/// sent to before it was redirected, IP_ORIGDSTADDR tells the port as well.
fn own_end(message: &Control<'_>, direction: Direction, names: &mut NameTable) -> Option<SocketAddr> {
    let address = if let Some(data) = message.data_of(symbols::SOL_IP, symbols::IP_PKTINFO) {
        let field: &[u8] = if direction == Direction::Received { b"ipi_addr=" } else { b"ipi_spec_dst=" };
        sockaddr::host_among(data, field, names).map(|host| SocketAddr::new(host, 0))
    } else if let Some(data) = message.data_of(symbols::SOL_IPV6, symbols::IPV6_PKTINFO) {
        sockaddr::host_among(data, b"", names).map(|host| SocketAddr::new(host, 0))
    } else {
        let data = message
            .data_of(symbols::SOL_IP, symbols::IP_ORIGDSTADDR)
            .or_else(|| message.data_of(symbols::SOL_IPV6, symbols::IPV6_ORIGDSTADDR))?;
        match sockaddr::address(data, names)?.0 {
            Some(Address::Inet(address)) => Some(address),
            _ => None,
        }
    };
    address.filter(|address| !address.ip().is_unspecified())
}

/// The details of a descriptor, of which `text` begins with the number, and `rest` is what stands behind.
fn text_of_details<'t>(text: &'t [u8], rest: &[u8]) -> &'t [u8] {
    let read = text.get(..text.len().saturating_sub(rest.len())).unwrap_or_default();
    let (_, digits) = time::digits(read);
    read.get(digits..).unwrap_or_default()
}

/// Descriptors behind an opening bracket.
fn rights(mut text: &[u8], scratch: &mut Scratch) {
    for _ in 0..limits::RIGHTS_OF_A_MESSAGE {
        let Some((right, rest)) = scratch.cache.read(arguments::separated(text), &mut scratch.names) else { return };
        if right.is_possible() {
            let details = text_of_details(arguments::separated(text), rest);
            let path = if right.is_no_socket() { details::path_in(details).map(Into::into) } else { None };
            let Descriptor { fd, details } = scratch.descriptor(right);
            let right = Right { fd, details: details.clone(), path };
            scratch.beside.rights.push(right);
            scratch.is_beside = true;
        }
        text = rest;
    }
}

/// A control message.
#[derive(Clone, Copy, Debug)]
struct Control<'t> {
    level: &'t [u8],
    kind: &'t [u8],
    data: &'t [u8],
}

impl<'t> Control<'t> {
    /// The one whose level `text` begins with, and what follows its data, so that none is looked for in these.
    fn read(text: &'t [u8]) -> Option<(Self, &'t [u8])> {
        let (level, text) = arguments::value(text)?;
        let (kind, text) = arguments::value(arguments::next(text))?;
        let text = arguments::next(text);
        let (data, rest) = arguments::value(text).unwrap_or((text, b""));
        Some((Self { level, kind, data }, rest))
    }

    /// Its data, if it is of this level and type.
    fn data_of(&self, level: Value, kind: Value) -> Option<&'t [u8]> {
        (level.is(self.level) && kind.is(self.kind)).then_some(self.data)
    }
}

/// The size of datagrams: bytes of a number, least significant first as on nearly every machine, or `[1200]`.
pub(super) fn segments(data: &[u8]) -> Segments {
    let mut bytes = Vec::new();
    let size = match escape::string(data, &mut bytes) {
        Some(_) if !bytes.is_empty() && bytes.len() <= 4 => {
            Some(bytes.iter().rev().fold(0, |size, byte| size << 8 | u32::from(*byte)))
        }
        Some(_) => None,
        None => data.strip_prefix(b"[").and_then(|data| u32::try_from(arguments::number(data)?.0).ok()),
    };
    match size {
        None => Segments::Unknown,
        Some(0) => Segments::One,
        Some(size) => Segments::Of(size),
    }
}

/// `{pid=1, uid=0, gid=0}`
pub(super) fn credentials(data: &[u8]) -> Option<Credentials> {
    let mut text = data.strip_prefix(b"{")?;
    let mut found = Credentials::default();
    loop {
        let (name, value) = arguments::name(arguments::separated(text))?;
        let (value, rest) = arguments::value(value)?;
        // With -Y the process's name follows its number.
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

/// `(fd, array, count, flags, …)`
pub(crate) fn mmsghdr<'s>(mut call: Call<'_, 's>, transfer: Transfer) -> Decoded<'s> {
    let socket = call.socket()?;
    call.next();
    let missing = array(&mut call, transfer)?;
    let (_count, flags) = (call.value()?, Flags::of_message(call.value()?));
    let outcome = call.outcome()?;
    if let Outcome::Done(result) = outcome {
        let is_received = transfer.direction == Direction::Received;
        if is_received && (transfer::is_peek(flags) || missing.from_error_queue) {
            return Err(NoEvent::Skip(Skip::Peeked));
        }
        let result = call.some(usize::try_from(result).ok())?;
        let unprinted = result.saturating_sub(call.scratch.messages.len());
        if (missing.wanted || unprinted > 0) && call.dump.is_none() {
            return Err(NoEvent::Cut);
        }
        call.scratch.messages.truncate(result);
        add_dumped(&mut call, unprinted);
        missing.count(call.counts);
    }
    let draft = Draft { transfer, socket, outcome, requested: None, flags, shown: missing.shown() };
    Ok(transfer::transferred(call, draft))
}

/// An mmsghdr array from here, or what strace prints instead of one.
fn array(call: &mut Call<'_, '_>, transfer: Transfer) -> Result<Missing, NoEvent> {
    let mut missing = Missing::default();
    if !call.take(b"[") && !call.take(b"{") {
        call.value_here()?;
        return Ok(missing);
    }
    let mut message = 0;
    loop {
        call.separators();
        if call.take(b"]") || call.take(b"}") {
            return Ok(missing);
        }
        if call.take(b"{") {
            element(call, message, transfer, &mut missing)?;
        } else if call.value_here()?.is_empty() {
            return Err(call.malformed());
        }
        message += 1;
    }
}

/// `msg_hdr={…}, msg_len=2}`. Without a length the message was not sent.
fn element(call: &mut Call<'_, '_>, message: u64, transfer: Transfer, missing: &mut Missing) -> Result<(), NoEvent> {
    let (start, rights) = (call.scratch.payload.len(), call.scratch.beside.rights.len());
    call.rest = arguments::unnamed(call.rest);
    let Header { address, vector, from_error_queue } = header(call, message, transfer)?;
    call.separators();
    if call.take(b"}") {
        call.scratch.payload.truncate(start);
        call.scratch.beside.rights.truncate(rights);
        call.scratch.own = None;
        return Ok(());
    }
    let moved = call.read(arguments::number(arguments::unnamed(call.rest)))?;
    if moved > limits::MOVED {
        return Err(call.malformed());
    }
    let room = match (transfer.direction, vector.requested) {
        (Direction::Received, Some(requested)) => moved.min(requested),
        _ => moved,
    };
    let printed = call.scratch.payload.len() - start;
    let captured = usize::try_from(room).map_or(printed, |room| room.min(printed));
    let lacking = room.saturating_sub(as_u64(captured));
    match vector.shown {
        Shown::Hidden => missing.hidden += lacking,
        Shown::Structured => {}
        Shown::Cut | Shown::All => missing.cut += lacking,
    }
    missing.from_error_queue |= from_error_queue;
    missing.wanted |= lacking > 0 && vector.shown == Shown::Cut;
    call.scratch.payload.truncate(start + captured);
    let (rights, own) = (call.scratch.beside.rights.len() - rights, call.scratch.own.take());
    call.scratch.messages.push(Message { start, captured, moved, address, own, rights });
    call.separators();
    call.expect(b"}")
}

/// Messages that `-s` cut off the array: a dump has them, and by that their lengths.
fn add_dumped(call: &mut Call<'_, '_>, unprinted: usize) {
    for done in 0..unprinted {
        let message = as_u64(call.scratch.messages.len());
        let start = call.scratch.payload.len();
        let mut buffer = 0;
        while let Some(dumped) = call.dump.and_then(|dump| dump.buffer(message, buffer)) {
            call.scratch.payload.extend_from_slice(dumped);
            buffer += 1;
        }
        let is_empty = call.dump.is_some_and(|dump| dump.is_empty_message(message));
        if buffer == 0 && !is_empty {
            let line = call.counts.lines;
            call.counts.messages_cut.add_many(line, as_u64(unprinted - done));
            return;
        }
        let captured = call.scratch.payload.len() - start;
        let message = Message { start, captured, moved: as_u64(captured), address: None, own: None, rights: 0 };
        call.scratch.messages.push(message);
    }
}
