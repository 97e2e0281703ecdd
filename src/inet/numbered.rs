//! SCTP and DCCP, whose packets have numbers: each message as one packet, or as several where it is longer.
//!
//! Of an association the trace shows the messages alone. Its handshake and acknowledgements are not invented, and its
//! numbers run through all associations: within each they go up, and over the parts of one message without a gap.

use crate::limits;
use crate::packets::PacketOutput;
use crate::wire::{
    About, Frame, LONGEST_DCCP, LONGEST_SCTP_PART, Remarks, SctpPart, Sink, TransportHeader, dccp_packet, sctp_packet,
};
use crate::work;

/// IP's protocol numbers.
const SCTP: u8 = 132;
const DCCP: u8 = 33;

/// What has been written of SCTP.
#[derive(Debug, Default)]
pub(super) struct Sctp {
    tsn: u32,
    packet: Vec<u8>,
}

impl Sctp {
    /// Writes the message that `message` has for its payload.
    pub(super) fn write<S: Sink>(
        &mut self,
        mut about: About<'_>,
        message: Frame<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let ports = (message.source.port(), message.target.port());
        let Frame { payload: mut bytes, original, .. } = message;
        let mut left = original.min(limits::SCTP_MESSAGE_BYTES.max(bytes.len()));
        let mut first = true;
        loop {
            work::steps(1);
            let length = left.min(LONGEST_SCTP_PART);
            let (own, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
            left -= length;
            let last = left == 0;
            let part = SctpPart { first, last };
            self.tsn = self.tsn.wrapping_add(1);
            let original = sctp_packet(ports, self.tsn, part, own, length, &mut self.packet);
            let transport = TransportHeader::Raw { protocol: SCTP };
            out.frame(about, Frame { transport, payload: &self.packet, original, ..message })?;
            if last {
                return Ok(());
            }
            (bytes, first, about.remarks) = (rest, false, Remarks::NONE);
        }
    }
}

/// What has been written of DCCP.
#[derive(Debug, Default)]
pub(super) struct Dccp {
    number: u64,
    packet: Vec<u8>,
}

impl Dccp {
    /// Writes the datagram that `datagram` has for its payload.
    pub(super) fn write<S: Sink>(
        &mut self,
        about: About<'_>,
        datagram: Frame<'_>,
        out: &mut PacketOutput<'_, S>,
    ) -> Result<(), S::Error> {
        let ends = (datagram.source, datagram.target);
        let length = datagram.original.min(LONGEST_DCCP);
        self.number += 1;
        let packet = &mut self.packet;
        let original = dccp_packet(ends, self.number, datagram.payload, length, packet);
        let transport = TransportHeader::Raw { protocol: DCCP };
        out.frame(about, Frame { transport, payload: &self.packet, original, ..datagram })
    }
}
