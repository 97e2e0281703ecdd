//! Headers that are laid out already: those of a segment like one before differ from its headers in a few numbers.
//!
//! Nearly all packets are segments of TCP over IPv4 that one thread moves on one descriptor. To lay out their headers anew
//! was a seventh of all that a short line costs.

use crate::event::{Direction, Fd, HostPort, Marking, ProcessRef, Tid, Timestamp, as_usize};
use crate::wire::checksum::Sum;
use crate::wire::write::{FittedPayload, handshake_options, tagged};
use crate::wire::{
    About, Flags, Frame, HandshakeOptions, Lengths, LinkHeader, Packet, SeqNumber, TransportHeader, write,
};
use etherparse::EtherType;
use std::net::Ipv4Addr;

/// How many headers are kept: those of so many descriptors and directions cost 50 KB.
const PLACES: usize = 256;

/// Where the fields are: IP's behind 18 bytes of Ethernet and its tag (RFC 791 §3.1), TCP's behind 20 more
/// (RFC 9293 §3.1).
const IP: usize = 18;
const IP_LENGTH: usize = IP + 2;
const IP_ID: usize = IP + 4;
const IP_CHECKSUM: usize = IP + 10;
const IP_SOURCE: usize = IP + 12;
const IP_TARGET: usize = IP + 16;
const TCP: usize = IP + 20;
const TCP_SOURCE: usize = TCP;
const TCP_TARGET: usize = TCP + 2;
const TCP_SEQ: usize = TCP + 4;
const TCP_ACK: usize = TCP + 8;
const TCP_OFFSET: usize = TCP + 12;
const TCP_WINDOW: usize = TCP + 14;
const TCP_CHECKSUM: usize = TCP + 16;
const HEADERS: usize = TCP + 20;

/// Who moves a segment, and which way.
type Mover = (Marking, Direction);

/// Where a segment comes from, and where it goes.
type Ends = [(Ipv4Addr, u16); 2];

/// Where the headers of what a thread moves on a descriptor are kept.
#[inline]
fn place((by, direction): &Mover) -> usize {
    let descriptor = by.tid.0.wrapping_mul(32) ^ by.fd.0.wrapping_mul(2);
    as_usize(descriptor ^ u32::from(*direction == Direction::Received)) % PLACES
}

/// What differs from segment to segment.
#[derive(Clone, Copy, Debug)]
struct SegmentNumbers {
    id: u16,
    seq: SeqNumber,
    ack: SeqNumber,
    flags: Flags,
    window: u16,
}

/// Headers with zeros where numbers and checksums are.
#[derive(Clone, Copy, Debug)]
struct LaidOut {
    mover: Mover,
    ends: Ends,
    bytes: [u8; HEADERS],
    /// The sum of IP's header.
    ip: Sum,
    /// That of TCP's header and the pseudo-header.
    tcp: Sum,
}

/// Puts `value` into the headers.
#[inline(always)]
fn put<const BYTES: usize>(headers: &mut [u8; HEADERS], at: usize, value: [u8; BYTES]) {
    if let Some(field) = headers.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *field = value;
    }
}

impl LaidOut {
    /// The headers of a segment that nobody moves, from nowhere to nowhere.
    fn new() -> Self {
        let nowhere = (Ipv4Addr::UNSPECIFIED, 0);
        let nobody = Marking { tid: Tid(0), process: ProcessRef::default(), fd: Fd(0), session: 0, op: None };
        let (mover, ends) = ((nobody, Direction::Sent), [nowhere; 2]);
        let (zero, address) = (SeqNumber(0), HostPort::V4(nowhere.0, nowhere.1));
        let frame = Frame {
            link: LinkHeader::Marking,
            source: &address,
            target: &address,
            id: 0,
            transport: TransportHeader::Tcp { seq: zero, ack: zero, flags: Flags(0), window: 0, options: None },
            payload: &[],
            original: 0,
        };
        let mut written = Vec::new();
        write(&Packet { about: About::made(Timestamp::default(), nobody, Direction::Sent), frame }, &mut written);
        let mut bytes = written.first_chunk().copied().unwrap_or([0; HEADERS]);
        put(&mut bytes, IP_LENGTH, [0; 2]);
        put(&mut bytes, IP_CHECKSUM, [0; 2]);
        put(&mut bytes, TCP_OFFSET, [0; 2]);
        put(&mut bytes, TCP_CHECKSUM, [0; 2]);
        let mut headers = Self { mover, ends, bytes, ip: Sum::default(), tcp: Sum::default() };
        headers.sum_up();
        headers
    }

    /// Sums up what segments between the same ends have in common.
    #[inline]
    fn sum_up(&mut self) {
        let (_, ip_and_tcp) = self.bytes.split_at(IP);
        let (ip, tcp) = ip_and_tcp.split_at(TCP - IP);
        let hosts = self.ends.map(|(host, _)| host.into());
        let pseudo_header = Sum::of_pseudo_header(hosts, etherparse::IpNumber::TCP.0, 0);
        (self.ip, self.tcp) = (Sum::default().with(ip), pseudo_header.with(tcp));
    }

    /// Makes them those of what `mover` moves between `ends`.
    #[inline(always)]
    fn turn_to(&mut self, mover: &Mover, [source, target]: [(&Ipv4Addr, &u16); 2]) {
        let (by, own) = (&mover.0, &self.mover.0);
        if (own.tid, own.fd, own.session, own.op, self.mover.1) != (by.tid, by.fd, by.session, by.op, mover.1) {
            self.mover = *mover;
            put(&mut self.bytes, 0, tagged(mover, EtherType::IPV4));
        }
        let [own, other] = &self.ends;
        if (&own.1, &other.1, &own.0, &other.0) != (source.1, target.1, source.0, target.0) {
            self.put_ends([source, target].map(|(host, port)| (*host, *port)));
        }
    }

    fn put_ends(&mut self, ends: Ends) {
        self.ends = ends;
        let [(source, source_port), (target, target_port)] = ends;
        put(&mut self.bytes, IP_SOURCE, source.octets());
        put(&mut self.bytes, IP_TARGET, target.octets());
        put(&mut self.bytes, TCP_SOURCE, source_port.to_be_bytes());
        put(&mut self.bytes, TCP_TARGET, target_port.to_be_bytes());
        self.sum_up();
    }

    /// Appends these headers with the numbers of a segment and its checksums. TCP's header is followed by `options`, if there
    /// are any.
    #[inline(always)]
    fn append(&self, numbers: SegmentNumbers, options: &[u8], payload: &FittedPayload<'_>, bytes: &mut Vec<u8>) {
        let SegmentNumbers { id, seq, ack, flags, window } = numbers;
        let [id, window, below_ip] = [id, window, payload.ip_length].map(u16::to_be_bytes);
        let [seq, ack] = [seq, ack].map(|number| number.0.to_be_bytes());
        let length = (20 + payload.ip_length).to_be_bytes();
        // The length of TCP's header, in words of 32 bits, is the upper half of its byte (RFC 9293 §3.1).
        let offset = if options.is_empty() { 0x50 } else { 0x80 };
        let ip = self.ip.with_word(length).with_word(id);
        let words = self.tcp.with_word(below_ip).with_word([offset, flags.0]).with_word(window);
        let tcp = words.with(&seq).with(&ack).with(options).with(payload.captured);
        bytes.extend_from_slice(&self.bytes);
        if let Some(headers) = bytes.last_chunk_mut() {
            put(headers, IP_LENGTH, length);
            put(headers, IP_ID, id);
            put(headers, IP_CHECKSUM, ip.checksum());
            put(headers, TCP_SEQ, seq);
            put(headers, TCP_ACK, ack);
            put(headers, TCP_OFFSET, [offset, flags.0]);
            put(headers, TCP_WINDOW, window);
            put(headers, TCP_CHECKSUM, tcp.checksum());
        }
    }

    /// Appends a segment of a handshake.
    #[inline(never)]
    fn write_handshake(
        &self,
        numbers: SegmentNumbers,
        options: HandshakeOptions,
        frame: &Frame<'_>,
        bytes: &mut Vec<u8>,
    ) -> Lengths {
        let payload = FittedPayload::of_segment(frame, Some(options));
        let options = handshake_options(options);
        self.append(numbers, &options, &payload, bytes);
        bytes.extend_from_slice(&options);
        bytes.extend_from_slice(payload.captured);
        payload.lengths(HEADERS + options.len())
    }
}

/// The headers of the packets written last.
#[derive(Debug)]
pub struct Headers {
    places: Box<[LaidOut]>,
}

impl Default for Headers {
    fn default() -> Self {
        Self { places: vec![LaidOut::new(); PLACES].into() }
    }
}

impl Headers {
    /// Appends a packet's bytes, as [`write()`] does.
    #[inline(always)]
    pub fn write(&mut self, packet: &Packet<'_>, bytes: &mut Vec<u8>) -> Lengths {
        let frame = &packet.frame;
        let (HostPort::V4(source, source_port), HostPort::V4(target, target_port)) = (frame.source, frame.target)
        else {
            return write(packet, bytes);
        };
        let TransportHeader::Tcp { seq, ack, flags, window, options } = frame.transport else {
            return write(packet, bytes);
        };
        let (LinkHeader::Marking, Some(mover)) = (frame.link, &packet.about.by) else {
            return write(packet, bytes);
        };
        if flags.has(Flags::URG) {
            return write(packet, bytes);
        }
        let Some(laid_out) = self.places.get_mut(place(mover)) else { return write(packet, bytes) };
        laid_out.turn_to(mover, [(source, source_port), (target, target_port)]);
        let numbers = SegmentNumbers { id: frame.id, seq, ack, flags, window };
        if let Some(options) = options {
            return laid_out.write_handshake(numbers, options, frame, bytes);
        }
        let payload = FittedPayload::of_segment(frame, None);
        laid_out.append(numbers, &[], &payload, bytes);
        bytes.extend_from_slice(payload.captured);
        payload.lengths(HEADERS)
    }
}
