//! Where a view's packets go, each with the next identification of IPv4.

use crate::limits;
use crate::wire::{About, Frame, Packet, Sink};

/// What a view counts of its packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacketCounters {
    /// IPv4 identifications: one counter for the run, from 1.
    last: u16,
    /// How many segments of which no byte is there have been written beyond those that each call may have.
    hollow: u64,
}

impl PacketCounters {
    /// The next identification.
    const fn take(&mut self) -> u16 {
        self.last = self.last.wrapping_add(1);
        self.last
    }
}

/// A view's way to the capture.
#[derive(Debug)]
pub struct PacketOutput<'a, S> {
    ids: &'a mut PacketCounters,
    sink: &'a mut S,
}

impl<'a, S: Sink> PacketOutput<'a, S> {
    /// One that goes on where `ids` are.
    #[inline]
    pub const fn new(ids: &'a mut PacketCounters, sink: &'a mut S) -> Self {
        Self { ids, sink }
    }

    /// How many of `wanted` segments of which no byte is there a call may have: a line of a trace can say that it moved
    /// gigabytes.
    #[cold]
    pub fn hollow(&mut self, wanted: u64) -> u64 {
        let beyond = wanted.saturating_sub(limits::HOLLOW_SEGMENTS);
        let granted = beyond.min(limits::HOLLOW_SEGMENTS_BEYOND.saturating_sub(self.ids.hollow));
        self.ids.hollow += granted;
        wanted - beyond + granted
    }

    /// Writes a frame as a packet. Its identification is the next one, whatever `frame` says.
    ///
    /// # Errors
    /// Those of the sink.
    #[inline(always)]
    pub fn frame(&mut self, about: About<'_>, mut frame: Frame<'_>) -> Result<(), S::Error> {
        frame.id = self.ids.take();
        self.sink.packet(&Packet { about, frame })
    }

    /// Where what is no frame goes.
    pub const fn sink(&mut self) -> &mut S {
        self.sink
    }
}
