//! The words that the rooms share: who, when, on which descriptor, did what, with which bytes.
//!
//! [`crate::strace`] makes [`Event`]s from text, [`crate::sockets`] reads them. Nothing here parses or writes.
//! An event borrows its bytes from the line or from the parser's scratch space and lives until the next line.

mod host_port;
mod name;
mod who;

pub use host_port::HostPort;
pub use name::UnixName;
pub use who::{Marking, Op, Process, ProcessRef};

use crate::work;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;

/// A thread, by the number at a line's start (user documentation calls it PID); 0 where the trace has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub u32);

/// A file descriptor: the number, which means something only within one descriptor table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(pub u32);

/// The inode of a socket: the identity of the kernel's object behind descriptors, for as long as it is open. None has the
/// number 0 (`get_next_ino`).
///
/// Packed: a table that keeps a number of 32 bits beside each has no gaps so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(Rust, packed(4))]
pub struct Inode(NonZeroU64);

impl Inode {
    /// The write end of a pipe, beyond all numbers that the kernel gives (`get_next_ino`: 32 bits).
    const WRITE_END: u64 = 1 << 63;
    /// The read end.
    const READ_END: u64 = 1 << 62;

    /// FIFOs, whose inodes no trace shows.
    const FIFO: NonZeroU64 = NonZeroU64::new(1 << 61).unwrap();

    /// That with this number.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }

    /// What stands in the place of the inode of the `number`th FIFO.
    #[must_use]
    pub fn of_fifo(number: u64) -> Self {
        Self(Self::FIFO | number)
    }

    /// Whether this is a FIFO, or one end of one.
    #[must_use]
    pub const fn is_fifo(self) -> bool {
        self.number() & Self::FIFO.get() != 0
    }

    /// One end of the pipe with this inode, which both ends have: the one that bytes are sent by, or received by.
    #[must_use]
    pub fn end_of_pipe(self, end: Direction) -> Self {
        match end {
            Direction::Sent => Self(self.0 | Self::WRITE_END),
            Direction::Received => Self(self.0 | Self::READ_END),
        }
    }

    /// The pipe whose end this is.
    #[must_use]
    pub fn pipe(self) -> Option<Self> {
        Self::new(self.number() & !(Self::WRITE_END | Self::READ_END))
    }
}

/// Nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Later than whatever happens.
    pub const MAX: Self = Self(u64::MAX);

    /// This moment `nanoseconds` later, at most the last one that can be written.
    #[must_use]
    pub const fn after(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// This moment `nanoseconds` earlier, not below 0.
    #[must_use]
    pub const fn before(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_sub(nanoseconds))
    }

    /// Whether it is finer than a whole millisecond: where strace writes seconds (`-t`) or milliseconds alone, many calls have
    /// the same moment, and none tells which of them began first.
    pub const fn is_fine(self) -> bool {
        !self.0.is_multiple_of(1_000_000)
    }

    /// Where a clock at this moment is once it shows `time`: it does not go back, unless by more than `nanoseconds`, for then
    /// it was set back.
    #[inline]
    #[must_use]
    pub fn moved_to(self, time: Self, nanoseconds: u64) -> Self {
        if time.after(nanoseconds) < self { time } else { self.max(time) }
    }
}

/// Which way bytes move, as the traced thread sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the thread to the other end.
    Sent,
    /// From the other end to the thread.
    Received,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Sent => Self::Received,
            Self::Received => Self::Sent,
        }
    }
}

/// The address family of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    /// AF_INET.
    Inet,
    /// AF_INET6.
    Inet6,
    /// AF_UNIX, AF_LOCAL.
    Unix,
    /// No socket but a pipe or a FIFO, where these are asked for.
    Pipe,
    /// Any other: netlink, packet, vsock, …
    #[default]
    Other,
}

impl Family {
    /// Whether packets of this family are IP packets.
    pub const fn is_inet(self) -> bool {
        matches!(self, Self::Inet | Self::Inet6)
    }

    /// Whether both ends are on this machine and known by inodes: UNIX sockets, pipes and FIFOs.
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Unix | Self::Pipe)
    }
}

/// What kind of transport a socket has, within its family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP (and MPTCP), a UNIX stream, a pipe.
    Stream,
    /// UDP, a UNIX datagram socket.
    Datagram,
    /// UDP-Lite.
    UdpLite,
    /// SOCK_SEQPACKET of AF_UNIX.
    Seqpacket,
    /// SCTP.
    Sctp,
    /// DCCP.
    Dccp,
    /// A raw socket.
    Raw,
    /// A ping socket: ICMP echo without privileges.
    Ping,
    /// Not said: strace before 5.16 writes `UNIX:[…]` for every kind.
    #[default]
    Unknown,
}

/// An address as a sockaddr argument has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// AF_INET or AF_INET6.
    Inet(SocketAddr),
    /// AF_UNIX; without a name for an unnamed socket.
    Unix(Option<UnixName>),
    /// AF_UNSPEC: dissolves a connection.
    Unspecified,
    /// A family that is not converted, or a sockaddr that was not printed whole.
    Other,
}

/// What `-y` or `-yy` prints behind a descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Details {
    /// Nothing was printed: no `-y`, or the descriptor is not open.
    #[default]
    Missing,
    /// A file, device, …, and a pipe where these are not asked for.
    NotSocket,
    /// A socket, a pipe or a FIFO.
    Socket(SocketDetails),
}

/// The socket details of a descriptor. strace looks them up once an inode and never refreshes them, so addresses seen in
/// calls stand above these (strace `src/socketutils.c`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketDetails {
    /// The family; `Other` for `socket:[inode]` of `-y` where it is not said.
    pub family: Family,
    /// The transport.
    pub transport: Transport,
    /// The socket's inode, where the details hold it (UNIX always, TCP and UDP until they have an address). A pipe's is
    /// that of both its ends; a FIFO's is [`Inode::of_fifo`].
    pub inode: Option<Inode>,
    /// The inode of the other end (UNIX).
    pub peer_inode: Option<Inode>,
    /// The local address (TCP, UDP).
    pub local: Option<SocketAddr>,
    /// The remote address, where connected.
    pub remote: Option<SocketAddr>,
    /// The bound name (UNIX); an accepted socket carries its listener's. A pipe's is `pipe:[inode]`, a FIFO's its path.
    pub name: Option<UnixName>,
    /// Which they are of all that were read, from 1: tells them from others without keeping them.
    pub serial: u64,
}

impl SocketDetails {
    /// The serial that none have.
    pub const NO_SERIAL: u64 = 0;

    /// Whether they tell the family, as those of `-yy` do: `socket:[inode]` of `-y` tells none. A family that is not
    /// converted has no inode here once strace has found the socket (`NETLINK:[ROUTE:1234]`). A pipe's are the same with
    /// both, and tell nothing of sockets.
    pub fn tell_family(&self) -> bool {
        matches!(self.family, Family::Inet | Family::Inet6 | Family::Unix)
            || (self.family == Family::Other && self.inode.is_none())
    }
}

/// A descriptor as an argument or a result has it.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor<'a> {
    /// The number.
    pub fd: Fd,
    /// What stands in the angle brackets behind it.
    pub details: &'a Details,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned this, not negative.
    Done(u64),
    /// It failed.
    Failed(Errno),
    /// `= ?`: interrupted, restarted, or the thread died in it; nothing is known to have moved.
    Unknown,
}

impl Outcome {
    /// The value returned, where the call did not fail.
    pub const fn value(self) -> Option<u64> {
        match self {
            Self::Done(value) => Some(value),
            _ => None,
        }
    }
}

/// The errors that mean something for a connection or a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    Again,
    Already,
    BadFd,
    ConnAborted,
    ConnRefused,
    ConnReset,
    HostUnreachable,
    InProgress,
    Interrupted,
    IsConnected,
    NetUnreachable,
    NotConnected,
    NotSocket,
    Pipe,
    TimedOut,
    /// Any other.
    Other,
}

/// One message of a payload call. A stream call has exactly one; sendmmsg and recvmmsg have one for each datagram.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where its bytes begin in [`Move::payload`].
    pub start: usize,
    /// How many of its bytes are in the trace, at most `moved`.
    pub captured: usize,
    /// How many bytes the call moved: of a datagram received with MSG_TRUNC its true length.
    pub moved: u64,
    /// The other end as the sockaddr argument has it: where to, or where from.
    pub address: Option<Address>,
    /// The thread's own end where control messages tell it (ip(7), IP_PKTINFO); without a port where they tell the host alone.
    pub own: Option<Box<SocketAddr>>,
    /// How many of [`Ancillary::rights`] go with it: those of the messages before come first.
    pub rights: usize,
}

/// What the flags of a payload call say of what it does to the socket, by the kernel's numbers (send(2), recv(2)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageFlags(pub u64);

impl MessageFlags {
    /// MSG_FASTOPEN: a send with an address connects.
    pub const fn connect(self) -> bool {
        self.0 & 0x2000_0000 != 0
    }

    /// MSG_OOB: the last byte is urgent.
    pub const fn is_urgent(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// MSG_TRUNC: TCP throws away what is received (tcp(7)), of a datagram the true length is returned.
    pub const fn discard(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// MSG_MORE: a datagram goes on with the next send.
    pub const fn go_on(self) -> bool {
        self.0 & 0x8000 != 0
    }
}

/// How a message and the datagrams on the wire correspond, beyond one for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segments {
    /// It is not cut.
    #[default]
    One,
    /// A datagram for each so many bytes, and one for the rest.
    Of(u32),
    /// It is cut, and strace does not print how.
    Unknown,
}

/// Who a message says its sender is (SCM_CREDENTIALS, unix(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The process.
    pub process: u32,
    /// Its user.
    pub user: u32,
    /// Its group.
    pub group: u32,
}

/// A descriptor that goes with a message.
#[derive(Clone, Debug)]
pub struct Right {
    /// Its number.
    pub fd: Fd,
    /// What is printed behind it.
    pub details: Details,
    /// Of a file, its path.
    pub path: Option<Box<[u8]>>,
}

impl Right {
    /// As a call has descriptors.
    pub const fn descriptor(&self) -> Descriptor<'_> {
        Descriptor { fd: self.fd, details: &self.details }
    }
}

/// What goes with the messages of a call beside their bytes (unix(7), "Ancillary messages"; cmsg(3)).
#[derive(Clone, Debug, Default)]
pub struct Ancillary {
    /// Descriptors (SCM_RIGHTS): of a send the sender's own, of a receive the new ones.
    pub rights: Vec<Right>,
    /// The new descriptors are close-on-exec (MSG_CMSG_CLOEXEC).
    pub close_on_exec: bool,
    /// Who the sender of the last message is, if it says that.
    pub credentials: Option<Credentials>,
    /// How messages are cut into datagrams (UDP_SEGMENT, UDP_GRO), by their places, which rise; those not in it are not.
    pub segments: Vec<(usize, Segments)>,
}

/// A call that moves payload.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// The socket.
    pub socket: Descriptor<'a>,
    /// Which call.
    pub op: Op,
    /// Which way.
    pub direction: Direction,
    /// How it ended. A failed call moved nothing, but its error may end the connection.
    pub outcome: Outcome,
    /// The bytes that are in the trace, of all messages one after the other.
    pub payload: &'a [u8],
    /// The messages; empty where the call failed or its outcome is unknown.
    pub messages: &'a [Message],
    /// How many bytes were asked for, where the call says: a read of 0 into room for some is the other end's FIN.
    pub requested: Option<u64>,
    /// What goes beside the bytes, where anything does.
    pub ancillary: Option<&'a Ancillary>,
    /// What its flags say.
    pub flags: MessageFlags,
}

impl<'a> Move<'a> {
    /// The descriptors that go with the messages.
    #[inline]
    pub fn rights(&self) -> &'a [Right] {
        self.ancillary.map_or(&[], |ancillary| &ancillary.rights)
    }

    /// How the message at this place is cut into datagrams, where it says so itself.
    #[inline]
    pub fn segments(&self, place: usize) -> Option<Segments> {
        let all = &self.ancillary?.segments;
        let before = all.partition_point(|(of, _)| {
            work::steps(1);
            *of < place
        });
        all.get(before).filter(|(of, _)| *of == place).map(|(_, segments)| *segments)
    }
}

/// Which directions a shutdown ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// SHUT_RD.
    Read,
    /// SHUT_WR.
    Write,
    /// SHUT_RDWR.
    Both,
}

/// What a file was opened for (O_ACCMODE, open(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// O_RDONLY.
    Read,
    /// O_WRONLY.
    Write,
    /// O_RDWR.
    Both,
}

/// What a new task shares with its maker (clone(2)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// CLONE_FILES: one descriptor table for both.
    pub files: bool,
    /// CLONE_THREAD: the same process.
    pub thread: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What<'a> {
    /// socket: a new one. `protocol` is IP's number that a raw socket was made for. `details` of `made` may be missing.
    Socket { made: Descriptor<'a>, family: Family, transport: Transport, protocol: Option<u8>, close_on_exec: bool },
    /// socketpair: two that are connected to each other.
    Pair { made: [Descriptor<'a>; 2], family: Family, transport: Transport, close_on_exec: bool },
    /// pipe or pipe2, where pipes are asked for.
    Pipe { reader: Descriptor<'a>, writer: Descriptor<'a>, close_on_exec: bool },
    /// open of a FIFO, or of a pipe by a path such as `/dev/fd/3`. The details are always there.
    PipeOpened { made: Descriptor<'a>, access: Access, close_on_exec: bool },
    /// bind that succeeded.
    Bind { socket: Descriptor<'a>, address: Address },
    /// listen that succeeded.
    Listen { socket: Descriptor<'a> },
    /// connect, whatever came of it; EINPROGRESS and EINTR mean that it goes on.
    Connect { socket: Descriptor<'a>, address: Address, outcome: Outcome },
    /// connect to an internet address has begun. What comes of it is told by `Connect`, if it returns.
    ConnectBegun { socket: Descriptor<'a>, address: Address },
    /// A payload call has begun: who uses the descriptor, and what its details are.
    MoveBegun { socket: Descriptor<'a>, op: Op, direction: Direction },
    /// accept or accept4 that succeeded. `peer` is the other end's address where the call asked for it.
    Accept { listener: Descriptor<'a>, made: Descriptor<'a>, peer: Option<Address>, close_on_exec: bool },
    /// getsockname that succeeded.
    LocalName { socket: Descriptor<'a>, address: Address },
    /// getpeername that succeeded.
    RemoteName { socket: Descriptor<'a>, address: Address },
    /// getsockopt(SO_ERROR) that succeeded: the outcome of an earlier non-blocking connect, or a later error.
    SocketError { socket: Descriptor<'a>, error: Option<Errno> },
    /// getsockopt(SO_PEERCRED) that succeeded: the process of the other end.
    PeerProcess { socket: Descriptor<'a>, process: Tid },
    /// setsockopt(SO_LINGER) with `l_onoff` on and `l_linger` 0: a close will reset.
    ResetOnClose { socket: Descriptor<'a>, on: bool },
    /// setsockopt(UDP_CORK): while it is on, what is sent gathers for one datagram.
    Cork { socket: Descriptor<'a>, on: bool },
    /// setsockopt(UDP_SEGMENT): what is sent is cut into datagrams.
    Segment { socket: Descriptor<'a>, segments: Segments },
    /// A multicast group was joined, or left; `own`: the own host for that, where it is told.
    Membership { socket: Descriptor<'a>, group: IpAddr, own: Option<IpAddr>, joins: bool },
    /// A payload call.
    Move(Move<'a>),
    /// splice: bytes went from one descriptor to another without being shown. Either may be a socket. With tee they stay
    /// in the first as well.
    Relay { from: Descriptor<'a>, to: Descriptor<'a>, op: Op, moved: u64 },
    /// shutdown has begun: receives that it wakes may return before it.
    ShutdownBegun { socket: Descriptor<'a>, how: How },
    /// shutdown.
    Shutdown { socket: Descriptor<'a>, how: How, outcome: Outcome },
    /// close. It takes effect when the call begins, so an unfinished one is told at its first line, as `Done(0)`.
    Close { socket: Descriptor<'a>, outcome: Outcome },
    /// close_range that succeeded. With `only_mark`, CLOSE_RANGE_CLOEXEC: nothing is closed yet.
    CloseRange { first: Fd, last: Fd, only_mark: bool, unshare: bool },
    /// dup, dup2, dup3 or fcntl(F_DUPFD) that succeeded.
    Duplicate { from: Descriptor<'a>, made: Descriptor<'a>, close_on_exec: bool },
    /// fcntl(F_SETFD) that succeeded.
    CloseOnExec { fd: Fd, on: bool },
    /// Another descriptor came into being that is none of these: open, epoll_create, …, and where pipes are not asked for
    /// pipe, which makes a second one.
    Appeared { made: Descriptor<'a>, second: Option<Descriptor<'a>>, close_on_exec: bool },
    /// pidfd_open: `made` stands for a process, by the thread it began with.
    PidfdOpened { made: Descriptor<'a>, process: Tid },
    /// pidfd_getfd: `made` is what `from` is in another process, which `pidfd` stands for and details may name.
    Fetched { pidfd: Descriptor<'a>, process: Option<Tid>, from: Fd, made: Descriptor<'a> },
    /// clone, fork or vfork has begun: its child may be seen before it returns.
    CloneBegun { sharing: Sharing },
    /// clone, fork or vfork returned `child`, or failed (then `CloneBegun` is void).
    Cloned { child: Option<Tid>, sharing: Sharing },
    /// unshare(CLONE_FILES): the thread has a table of its own from here on.
    UnsharedFiles,
    /// What the thread is called from here on, as `-Y` says.
    Called { name: &'a [u8] },
    /// execve succeeded: descriptors marked close-on-exec are closed, other threads are gone. `path`: the program's, if it
    /// was printed.
    Executed { path: Option<&'a [u8]> },
    /// The thread became its process's leader by execve: `by` is the thread that called it, `Event::tid` the leader.
    Superseded { by: Tid },
    /// The thread ended; with `group` the whole process began to (exit_group).
    Ended { group: bool },
    /// Lines of a TLS key log, each with its end, were written to `file`.
    Keys { lines: &'a [u8], file: &'a [u8] },
    /// Payload went a way that strace cannot show (io_uring); said once in the report. `made`: the descriptor of
    /// io_uring_setup.
    Opaque { made: Option<Descriptor<'a>> },
}

/// One thing that a thread did or that happened to it.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Number of the input line that completed it, from 1, for messages.
    pub line: u64,
    /// Who.
    pub tid: Tid,
    /// When the call began.
    pub entry: Timestamp,
    /// When it returned: the entry and `-T`'s duration, or the time of its `resumed` line; the entry where neither is
    /// there.
    pub exit: Timestamp,
    /// Its line came in two halves with those of others in between, as never with `strace -z`.
    pub resumed: bool,
    /// What.
    pub what: What<'a>,
}

impl fmt::Display for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A length in memory as a length of the trace's.
#[expect(clippy::as_conversions, reason = "no machine has more than 64 bits")]
pub const fn as_u64(length: usize) -> u64 {
    length as u64
}

/// A number of 32 bits as a length in memory.
#[expect(clippy::as_conversions, reason = "every machine that this runs on has 32 bits")]
pub const fn as_usize(length: u32) -> usize {
    length as usize
}
