//! Headers that are laid out already: those of a segment like one before differ from its headers in a few numbers.
//!
//! Nearly all packets are segments of TCP over IPv4 that one thread moves on one descriptor. To lay out their headers anew
//! was a seventh of all that a short line costs.

use crate::event::{Direction, Marking, as_usize};
use crate::wire::checksum::Sum;
use crate::wire::write::FittedPayload;
use crate::wire::{Flags, Lengths, LinkHeader, Packet, SeqNumber, TransportHeader, write};
use std::net::{SocketAddr, SocketAddrV4};

/// How many headers are kept: those of so many descriptors and directions cost 50 KB.
const PLACES: usize = 256;

/// Where the numbers stand: IP's behind 18 bytes of Ethernet and its tag (RFC 791 §3.1), TCP's behind 20 more
/// (RFC 9293 §3.1).
const IP: usize = 18;
const IP_LENGTH: usize = IP + 2;
const IP_ID: usize = IP + 4;
const IP_CHECKSUM: usize = IP + 10;
const TCP: usize = IP + 20;
const TCP_SEQ: usize = TCP + 4;
const TCP_ACK: usize = TCP + 8;
const TCP_FLAGS: usize = TCP + 13;
const TCP_WINDOW: usize = TCP + 14;
const TCP_CHECKSUM: usize = TCP + 16;
const HEADERS: usize = TCP + 20;

/// What segments have in common whose headers differ in numbers alone: who moves them, which way, from where, whither.
type HeaderKey = (Marking, Direction, SocketAddrV4, SocketAddrV4);

/// Where the headers of what a thread moves on a descriptor are kept, if they are.
#[inline]
fn place(by: &Marking, direction: Direction) -> usize {
    let descriptor = by.tid.0.wrapping_mul(32) ^ by.fd.0.wrapping_mul(2);
    as_usize(descriptor ^ u32::from(direction == Direction::Received)) % PLACES
}

/// Those numbers.
#[derive(Clone, Copy, Debug)]
struct SegmentNumbers {
    id: u16,
    seq: SeqNumber,
    ack: SeqNumber,
    flags: Flags,
    window: u16,
}

/// Headers with zeros where the numbers stand.
#[derive(Clone, Copy, Debug)]
struct LaidOut {
    kind: HeaderKey,
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
    /// The headers of a packet of this kind.
    fn of(kind: HeaderKey, headers: [u8; HEADERS]) -> Self {
        let mut bytes = headers;
        put(&mut bytes, IP_LENGTH, [0; 4]);
        put(&mut bytes, IP_CHECKSUM, [0; 2]);
        put(&mut bytes, TCP_SEQ, [0; 8]);
        put(&mut bytes, TCP_FLAGS, [0; 5]);
        let (front, tcp) = bytes.split_at(TCP);
        let ip = front.get(IP..).unwrap_or_default();
        let (_, _, source, target) = kind;
        let ends = [*source.ip(), *target.ip()];
        let pseudo_header = Sum::of_pseudo_header(ends.map(Into::into), etherparse::IpNumber::TCP.0, 0);
        Self { kind, bytes, ip: Sum::default().with(ip), tcp: pseudo_header.with(tcp) }
    }

    /// Whether they are of this kind.
    #[inline(always)]
    fn is_of(&self, (by, direction, source, target): (&Marking, Direction, &SocketAddrV4, &SocketAddrV4)) -> bool {
        let (own, own_direction, own_source, own_target) = &self.kind;
        *own_direction == direction
            && (own.tid, own.fd, own.session, own.op) == (by.tid, by.fd, by.session, by.op)
            && (own_source.port(), own_target.port()) == (source.port(), target.port())
            && (own_source.ip(), own_target.ip()) == (source.ip(), target.ip())
    }

    /// Appends a packet with these headers.
    #[inline(always)]
    fn write(&self, numbers: SegmentNumbers, payload: &FittedPayload<'_>, bytes: &mut Vec<u8>) -> Lengths {
        let SegmentNumbers { id, seq, ack, flags, window } = numbers;
        let [id, window, below_ip] = [id, window, payload.ip_length].map(u16::to_be_bytes);
        let [seq, ack] = [seq, ack].map(|number| number.0.to_be_bytes());
        let length = (20 + payload.ip_length).to_be_bytes();
        let ip = self.ip.with_word(length).with_word(id);
        let words = self.tcp.with_word(below_ip).with_word([0, flags.0]).with_word(window);
        let tcp = words.with(&seq).with(&ack);
        let mut headers = self.bytes;
        put(&mut headers, IP_LENGTH, length);
        put(&mut headers, IP_ID, id);
        put(&mut headers, IP_CHECKSUM, ip.checksum());
        put(&mut headers, TCP_SEQ, seq);
        put(&mut headers, TCP_ACK, ack);
        put(&mut headers, TCP_FLAGS, [flags.0]);
        put(&mut headers, TCP_WINDOW, window);
        put(&mut headers, TCP_CHECKSUM, tcp.with(payload.captured).checksum());
        bytes.extend_from_slice(&headers);
        bytes.extend_from_slice(payload.captured);
        let captured = HEADERS + payload.captured.len();
        Lengths { captured, original: captured + payload.missing }
    }
}

/// The headers of the packets written last.
#[derive(Debug)]
pub struct Headers {
    places: Box<[Option<LaidOut>]>,
}

impl Default for Headers {
    fn default() -> Self {
        Self { places: vec![None; PLACES].into() }
    }
}

impl Headers {
    /// Appends a packet's bytes, as [`write()`] does.
    #[inline(always)]
    pub fn write(&mut self, packet: &Packet<'_>, bytes: &mut Vec<u8>) -> Lengths {
        let frame = &packet.frame;
        let (SocketAddr::V4(source), SocketAddr::V4(target)) = (frame.source, frame.target) else {
            return write(packet, bytes);
        };
        let TransportHeader::Tcp { seq, ack, flags, window, options: None } = frame.transport else {
            return write(packet, bytes);
        };
        let (LinkHeader::Marking, Some((by, direction))) = (frame.link, &packet.about.by) else {
            return write(packet, bytes);
        };
        if flags.has(Flags::URG) {
            return write(packet, bytes);
        }
        let place = self.places.get_mut(place(by, *direction));
        match place {
            Some(Some(laid_out)) if laid_out.is_of((by, *direction, source, target)) => {
                let payload = FittedPayload::of_segment(frame);
                laid_out.write(SegmentNumbers { id: frame.id, seq, ack, flags, window }, &payload, bytes)
            }
            Some(place) => write_anew(place, (*by, *direction, *source, *target), packet, bytes),
            None => write(packet, bytes),
        }
    }
}

/// Appends a packet whose headers are not there, and keeps them.
#[inline(never)]
fn write_anew(place: &mut Option<LaidOut>, kind: HeaderKey, packet: &Packet<'_>, bytes: &mut Vec<u8>) -> Lengths {
    let start = bytes.len();
    let lengths = write(packet, bytes);
    let headers = bytes.get(start..).and_then(<[u8]>::first_chunk);
    *place = headers.map(|headers| LaidOut::of(kind, *headers));
    lengths
}
