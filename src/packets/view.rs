//! What a view is: a picture of sockets of some families, made of what happens to them.

use crate::event::{Family, Timestamp, Transport};
use crate::processes::Processes;
use crate::sockets::{Change, Moved, Refs};
use crate::wire::Sink;
use std::time::Duration;

/// What one packet stands for (`docs/views.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewKind {
    /// One payload call.
    Syscall,
    /// A segment or datagram as it would have been seen on the interface.
    Wire,
}

/// What a view may look up.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// What changes refer to.
    pub refs: Refs<'a>,
    /// Who makes packets.
    pub processes: &'a Processes,
}

/// From changes to records. Errors are those of the sink.
pub trait View {
    /// Whether messages of sockets of this kind become packets.
    fn shows(&self, family: Family, transport: Transport) -> bool;

    /// A message of such a socket.
    fn moved<S: Sink>(&mut self, moved: &Moved, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error>;

    /// Anything else that happened to any socket.
    fn change<S: Sink>(&mut self, change: &Change, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error>;

    /// A message is not to be shown, but the numbers of those that are go on behind it.
    fn pass_over(&mut self, _: &Moved) {}

    /// Whether a message is left out because of a port that is not asked for.
    fn leaves_out(&self, _: &Moved) -> bool {
        false
    }

    /// Whether anything waits that is to be looked at at `now`: most of the time nothing does.
    #[inline]
    fn has_due(&self, _now: Timestamp) -> bool {
        false
    }

    /// What has waited long enough at `now` is written as far as it can be. The moment at which the first begins of what is
    /// yet to be written, and waited for.
    #[inline]
    fn settle<S: Sink>(&mut self, _now: Timestamp, _: Lookup<'_>, _: &mut S) -> Result<Timestamp, S::Error> {
        Ok(Timestamp::MAX)
    }

    /// Nothing has come for so long: what could be waited for is long in coming.
    fn pause<S: Sink>(&mut self, _: Duration, _: Lookup<'_>, _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }

    /// The end of the trace: what still waits goes out.
    fn finish<S: Sink>(&mut self, _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }

    /// How many connections and sockets have been shown with invented addresses.
    fn invented(&self) -> Invented {
        Invented::default()
    }
}

/// How many connections, and sockets for datagrams, were shown with stand-ins, each counted once, by what was not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invented {
    /// The traced end's own address, and maybe the other end's.
    pub own: u64,
    /// The own address of a datagram socket, but only at first.
    pub late: u64,
    /// The other end's address alone.
    pub peers: u64,
    /// The own host of a datagram socket that is bound to every address.
    pub hosts: u64,
    /// The address of a sender for which the receive of a datagram did not ask.
    pub senders: u64,
}

impl Invented {
    /// All together.
    pub const fn total(self) -> u64 {
        self.own + self.late + self.peers + self.hosts + self.senders
    }

    /// These and others.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            own: self.own + other.own,
            late: self.late + other.late,
            peers: self.peers + other.peers,
            hosts: self.hosts + other.hosts,
            senders: self.senders + other.senders,
        }
    }
}
