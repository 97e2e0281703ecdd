//! The system calls that matter, one row each: a newcomer adds a call here.
//!
//! A row says what arguments a call has, and by that which function of `decode` reads it. Calls without a row are passed
//! over by their name alone, so a row also costs time: give one only to calls that touch sockets or descriptors.

use crate::event::{Direction, Op};

/// What a call's arguments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// (fd, buffer, count, …)
    Buffer(Op, Direction, Tail),
    /// (fd, iovec array, count, …)
    Vector(Op, Direction),
    /// (fd, msghdr, flags)
    Message(Op, Direction),
    /// (fd, mmsghdr array, count, flags, …)
    Messages(Op, Direction),
    /// (to, from, offset, count)
    Sendfile(Op),
    /// (from, offset, to, offset, count, flags)
    Splice(Op),
    /// (from, to, count, flags)
    Tee(Op),
    /// (family, type, protocol) = fd
    Socket,
    /// (family, type, protocol, [fd, fd])
    Socketpair,
    /// (fd, sockaddr, length)
    Bind,
    /// (fd, backlog)
    Listen,
    /// (fd, sockaddr, length)
    Connect,
    /// (fd, sockaddr, length, flags?) = fd
    Accept,
    /// (fd, sockaddr, length), local
    LocalName,
    /// (fd, sockaddr, length), remote
    RemoteName,
    /// (fd, level, option, value, length)
    GetOption,
    /// (fd, level, option, value, length)
    SetOption,
    /// (fd, how)
    Shutdown,
    /// (fd)
    Close,
    /// (first, last, flags)
    CloseRange,
    /// (fd, fd?, flags?) = fd
    Duplicate,
    /// (fd, command, argument)
    Control,
    /// (fd, request, …)
    Device,
    /// (…) = fd
    Opens,
    /// (path, mode) = fd
    Creates,
    /// (pid, flags) = fd
    PidfdOpen,
    /// (pidfd, fd, flags) = fd
    PidfdGetfd,
    /// ([fd, fd], flags?)
    Pipe,
    /// (…, mode, …) of a new file
    MakeNode(Named),
    /// (…, {…}, …): what a file is
    Status(Named),
    /// (…) of a path that is removed
    Remove(Named),
    /// (from, to)
    Rename(Named),
    /// (… flags=… …) = tid
    Fork,
    /// (flags)
    Unshare,
    /// (path, arguments, environment)
    Execute,
    /// (status) of a whole process
    ExitGroup,
    /// (status) of a thread
    Exit,
    /// (fd, …) where payload goes unseen
    Ring,
}

impl Shape {
    /// Whether the call only tells something of a path.
    pub(super) const fn is_of_path(self) -> bool {
        matches!(self, Self::MakeNode(_) | Self::Status(_) | Self::Remove(_) | Self::Rename(_))
    }
}

/// How a call's first arguments name a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// (path, …)
    Path,
    /// (fd, …)
    Descriptor,
    /// (dirfd, path, …)
    At,
}

/// The arguments of a [`Shape::Buffer`] behind the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// None.
    Nothing,
    /// (…, flags)
    Flags,
    /// (…, flags, sockaddr, length)
    Address,
}

/// A system call by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// As strace prints it, without what marks x32 calls.
    pub(super) name: &'static str,
    /// Its arguments.
    pub(super) shape: Shape,
}

const fn row(name: &'static str, shape: Shape) -> Row {
    Row { name, shape }
}

use Direction::{Received, Sent};
use Shape::{
    Accept, Bind, Buffer, Close, CloseRange, Connect, Control, Creates, Device, Duplicate, Execute, Exit, ExitGroup,
    Fork, GetOption, Listen, LocalName, MakeNode, Message, Messages, Opens, PidfdGetfd, PidfdOpen, Pipe, RemoteName,
    Remove, Rename, Ring, Sendfile, SetOption, Shutdown, Socket, Socketpair, Splice, Status, Tee, Unshare, Vector,
};

static ROWS: [Row; 119] = [
    row("read", Buffer(Op::Read, Received, Tail::Nothing)),
    row("write", Buffer(Op::Write, Sent, Tail::Nothing)),
    row("recv", Buffer(Op::Recv, Received, Tail::Flags)),
    row("send", Buffer(Op::Send, Sent, Tail::Flags)),
    row("recvfrom", Buffer(Op::Recvfrom, Received, Tail::Address)),
    row("sendto", Buffer(Op::Sendto, Sent, Tail::Address)),
    row("readv", Vector(Op::Readv, Received)),
    row("writev", Vector(Op::Writev, Sent)),
    row("preadv", Vector(Op::Preadv, Received)),
    row("pwritev", Vector(Op::Pwritev, Sent)),
    row("preadv2", Vector(Op::Preadv2, Received)),
    row("pwritev2", Vector(Op::Pwritev2, Sent)),
    row("recvmsg", Message(Op::Recvmsg, Received)),
    row("sendmsg", Message(Op::Sendmsg, Sent)),
    row("recvmmsg", Messages(Op::Recvmmsg, Received)),
    row("recvmmsg_time32", Messages(Op::Recvmmsg, Received)),
    row("recvmmsg_time64", Messages(Op::Recvmmsg, Received)),
    row("sendmmsg", Messages(Op::Sendmmsg, Sent)),
    row("sendfile", Sendfile(Op::Sendfile)),
    row("sendfile64", Sendfile(Op::Sendfile)),
    row("splice", Splice(Op::Splice)),
    row("tee", Tee(Op::Tee)),
    // from memory into a pipe; the other way is found out by the pipe's end
    row("vmsplice", Vector(Op::Vmsplice, Sent)),
    row("socket", Socket),
    row("socketpair", Socketpair),
    row("bind", Bind),
    row("listen", Listen),
    row("connect", Connect),
    row("accept", Accept),
    row("accept4", Accept),
    row("getsockname", LocalName),
    row("getpeername", RemoteName),
    row("getsockopt", GetOption),
    row("setsockopt", SetOption),
    row("shutdown", Shutdown),
    row("close", Close),
    row("close_range", CloseRange),
    row("dup", Duplicate),
    row("dup2", Duplicate),
    row("dup3", Duplicate),
    row("fcntl", Control),
    row("fcntl64", Control),
    row("ioctl", Device),
    row("pipe", Pipe),
    row("pipe2", Pipe),
    row("mknod", MakeNode(Named::Path)),
    row("mknodat", MakeNode(Named::At)),
    row("stat", Status(Named::Path)),
    row("stat64", Status(Named::Path)),
    row("lstat", Status(Named::Path)),
    row("lstat64", Status(Named::Path)),
    row("fstat", Status(Named::Descriptor)),
    row("fstat64", Status(Named::Descriptor)),
    row("newfstatat", Status(Named::At)),
    row("fstatat64", Status(Named::At)),
    row("statx", Status(Named::At)),
    row("unlink", Remove(Named::Path)),
    row("unlinkat", Remove(Named::At)),
    row("rename", Rename(Named::Path)),
    row("renameat", Rename(Named::At)),
    row("renameat2", Rename(Named::At)),
    row("open", Opens),
    row("openat", Opens),
    row("openat2", Opens),
    row("creat", Creates),
    row("open_tree", Opens),
    row("open_tree_attr", Opens),
    row("open_by_handle_at", Opens),
    row("epoll_create", Opens),
    row("epoll_create1", Opens),
    row("eventfd", Opens),
    row("eventfd2", Opens),
    row("timerfd", Opens),
    row("timerfd_create", Opens),
    row("signalfd", Opens),
    row("signalfd4", Opens),
    row("inotify_init", Opens),
    row("inotify_init1", Opens),
    row("fanotify_init", Opens),
    row("memfd_create", Opens),
    row("memfd_secret", Opens),
    row("userfaultfd", Opens),
    row("perf_event_open", Opens),
    row("mq_open", Opens),
    row("fsopen", Opens),
    row("fspick", Opens),
    row("fsmount", Opens),
    row("landlock_create_ruleset", Opens),
    row("pidfd_open", PidfdOpen),
    row("pidfd_getfd", PidfdGetfd),
    row("fork", Fork),
    row("vfork", Fork),
    row("clone", Fork),
    row("clone2", Fork),
    row("clone3", Fork),
    row("unshare", Unshare),
    row("execve", Execute),
    row("execveat", Execute),
    row("exit_group", ExitGroup),
    row("exit", Exit),
    row("_exit", Exit),
    row("io_uring_setup", Ring),
    row("io_uring_enter", Ring),
    // as a strace older than the call prints it, up to 4.20 and since then; numbers from 424 on are the same on every
    // architecture
    row("syscall_425", Ring),
    row("syscall_0x1a9", Ring),
    row("syscall_426", Ring),
    row("syscall_0x1aa", Ring),
    row("syscall_434", PidfdOpen),
    row("syscall_0x1b2", PidfdOpen),
    row("syscall_435", Fork),
    row("syscall_0x1b3", Fork),
    row("syscall_436", CloseRange),
    row("syscall_0x1b4", CloseRange),
    row("syscall_437", Opens),
    row("syscall_0x1b5", Opens),
    row("syscall_438", PidfdGetfd),
    row("syscall_0x1b6", PidfdGetfd),
    // preadv2 and pwritev2 on x86-64, which strace knows since 4.12
    row("syscall_327", Vector(Op::Preadv2, Received)),
    row("syscall_328", Vector(Op::Pwritev2, Sent)),
];

/// Slots of the index: a power of two, several times the rows, so that most names of other calls find an empty one.
const SLOTS: usize = 1024;
const EMPTY: u8 = u8::MAX;

static INDEX: [u8; SLOTS] = index();

/// Where each name is looked for first: slot by hash, then the next ones.
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "computed when compiling")]
const fn index() -> [u8; SLOTS] {
    let mut slots = [EMPTY; SLOTS];
    let mut row = 0;
    while row < ROWS.len() {
        let name = ROWS[row].name.as_bytes();
        let mut slot = hash(first_word(name), name.len());
        while slots[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = row as u8;
        row += 1;
    }
    slots
}

/// The first eight bytes of each row's name.
static WORDS: [u64; ROWS.len()] = words();

#[expect(clippy::indexing_slicing, reason = "computed when compiling")]
const fn words() -> [u64; ROWS.len()] {
    let mut words = [0; ROWS.len()];
    let mut row = 0;
    while row < ROWS.len() {
        words[row] = first_word(ROWS[row].name.as_bytes());
        row += 1;
    }
    words
}

/// Of the first eight bytes and the length.
#[inline]
const fn hash(word: u64, length: usize) -> usize {
    let mixed = (word ^ (length as u64) << 3).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 54) as usize
}

/// The first eight bytes of a name, zeros behind a shorter one. The two halves of that may overlap.
#[inline]
const fn first_word(name: &[u8]) -> u64 {
    if let Some(chunk) = name.first_chunk::<8>() {
        return u64::from_le_bytes(*chunk);
    }
    match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let last = (u32::from_le_bytes(*last) as u64) << (8 * (name.len() - 4));
            u32::from_le_bytes(*first) as u64 | last
        }
        _ => short_word(name),
    }
}

#[inline]
const fn short_word(mut name: &[u8]) -> u64 {
    let mut word = 0;
    while let Some((last, rest)) = name.split_last() {
        word = word << 8 | *last as u64;
        name = rest;
    }
    word
}

/// The row of a name, if it has one. A name of up to eight bytes is compared as a word.
#[inline(always)]
fn find_plain(name: &[u8]) -> Option<&'static Row> {
    let word = first_word(name);
    let mut slot = hash(word, name.len());
    loop {
        let place = usize::from(*INDEX.get(slot)?);
        let row = ROWS.get(place)?;
        if *WORDS.get(place)? == word
            && row.name.len() == name.len()
            && (name.len() <= 8 || row.name.as_bytes() == name)
        {
            return Some(row);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// The row of a system call that may be marked as one of x32.
#[inline(always)]
pub(super) fn find(name: &[u8]) -> Option<&'static Row> {
    find_plain(name).or_else(|| find_marked(name))
}

#[inline(never)]
fn find_marked(name: &[u8]) -> Option<&'static Row> {
    let plain = without_mark(name);
    if plain.len() < name.len() { find_plain(plain) } else { None }
}

/// The name without what marks an x32 call: `readv#64`, and `64:readv` before strace 4.23.
#[inline]
pub(super) fn without_mark(name: &[u8]) -> &[u8] {
    if name.first() == Some(&b'6') {
        return name.strip_prefix(b"64:").unwrap_or(name);
    }
    name.strip_suffix(b"#64").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_name_only() {
        for row in &ROWS {
            assert_eq!(find(row.name.as_bytes()), Some(row));
            assert_eq!(find(format!("{}z", row.name).as_bytes()), None);
        }
        for name in ["", "mmap", "futex", "poll", "clos", "readx", "epoll_wait", "fstatfs"] {
            assert_eq!(find(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn marks_of_x32() {
        assert_eq!(without_mark(b"readv#64"), b"readv");
        assert_eq!(without_mark(b"64:readv"), b"readv");
        assert_eq!(without_mark(b"fcntl64"), b"fcntl64");
    }
}
