//! Who made a packet: the thread, its process, the descriptor and the system call.

use crate::event::{Fd, Tid};
use std::fmt;
use std::rc::Rc;

/// The system call behind a packet, as the marking names it (`docs/marking.md`). The numbers are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    Read = 1,
    Write = 2,
    Sendmsg = 3,
    Recvmsg = 4,
    Recvfrom = 5,
    Sendto = 6,
    Close = 7,
    Readv = 8,
    Writev = 9,
    Sendmmsg = 10,
    Recvmmsg = 11,
    Send = 12,
    Recv = 13,
    Sendfile = 14,
    Splice = 15,
    Shutdown = 16,
    Connect = 17,
    Accept = 18,
    Preadv = 19,
    Pwritev = 20,
    Preadv2 = 21,
    Pwritev2 = 22,
    /// The end of a process, which closes what it had open.
    Exit = 23,
    /// dup2, dup3 or close_range, where they close a socket.
    Replace = 24,
    /// execve, where it closes a socket marked close-on-exec.
    Exec = 25,
    Vmsplice = 26,
    Tee = 27,
}

impl Op {
    /// The number that the marking writes.
    #[expect(clippy::as_conversions, reason = "the numbers are the enum's own, fixed above")]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What the call is called; one that closes descriptors of several calls by the best known of them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sendmsg => "sendmsg",
            Self::Recvmsg => "recvmsg",
            Self::Recvfrom => "recvfrom",
            Self::Sendto => "sendto",
            Self::Close => "close",
            Self::Readv => "readv",
            Self::Writev => "writev",
            Self::Sendmmsg => "sendmmsg",
            Self::Recvmmsg => "recvmmsg",
            Self::Send => "send",
            Self::Recv => "recv",
            Self::Sendfile => "sendfile",
            Self::Splice => "splice",
            Self::Shutdown => "shutdown",
            Self::Connect => "connect",
            Self::Accept => "accept",
            Self::Preadv => "preadv",
            Self::Pwritev => "pwritev",
            Self::Preadv2 => "preadv2",
            Self::Pwritev2 => "pwritev2",
            Self::Exit => "exit",
            Self::Replace => "dup2",
            Self::Exec => "execve",
            Self::Vmsplice => "vmsplice",
            Self::Tee => "tee",
        }
    }
}

/// Who made a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marking {
    /// The thread.
    pub tid: Tid,
    /// Its process, as it was then.
    pub process: ProcessRef,
    /// The descriptor it used.
    pub fd: Fd,
    /// The n-th life of this descriptor in this thread, from 1.
    pub session: u32,
    /// The system call; none for packets that no call made.
    pub op: Option<Op>,
}

/// The number of a process under one name and program, from 1 in the order in which they were met. The default stands for
/// none that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessRef(pub u32);

/// A process under one name and program: execve makes another one of it, as far as packets are concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The thread it began with; 0 where the trace has no numbers.
    pub number: Tid,
    /// What it is called (proc(5), `comm`), safe to print.
    pub name: Option<Rc<str>>,
    /// Its program's path, safe to print.
    pub path: Option<Rc<str>>,
}

/// `curl[1234]`, or `pid-1234` where it has no name that is known.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.number) {
            (Some(name), Tid(0)) => f.write_str(name),
            (Some(name), number) => write!(f, "{name}[{number}]"),
            (None, number) => write!(f, "pid-{number}"),
        }
    }
}
