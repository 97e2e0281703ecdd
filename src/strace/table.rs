//! The system calls that matter, one row each: a newcomer adds a call here.
//!
//! A row names the function of `decode` that reads the call's arguments and result, and says whether the call has to be
//! traced. Calls without a row are passed over by their name alone, so a row also costs time: give one only to calls that
//! touch sockets or descriptors. A payload call that packets are to name is one more `Op`, in `event/who.rs`; it has flags
//! behind its count unless `payload::buffer` says otherwise.

#![expect(clippy::as_conversions, reason = "the hash is made in constants, which have no traits")]

use super::decode::files::FileArgument;
use super::decode::tasks::CloneFlags;
use super::decode::{Transfer, descriptors, files, keys, messages, options, payload, sockets, tasks};
use super::row::{Decode, Row, Tracing};
use crate::event::{Direction, Op};

const fn row(name: &'static str, decode: Decode, traced: Tracing) -> Row {
    Row { name, word: first_word(name.as_bytes()), decode, traced }
}

const fn transfer(op: Op, direction: Direction) -> Transfer {
    Transfer { op, direction }
}

use Decode::{Close, Connect, Execute, Exit, Fork, Path, Payload, Plain, Shutdown};
use Direction::{Received, Sent};
use Tracing::{Always, ForPipes, ForPipesIfKnown, IfKnown, Network, No};

static ROWS: &[Row] = &[
    row("read", Payload(payload::buffer, transfer(Op::Read, Received)), Always),
    row("write", Payload(payload::buffer, transfer(Op::Write, Sent)), Always),
    row("recv", Payload(payload::buffer, transfer(Op::Recv, Received)), Network),
    row("send", Payload(payload::buffer, transfer(Op::Send, Sent)), Network),
    row("recvfrom", Payload(payload::buffer, transfer(Op::Recvfrom, Received)), Network),
    row("sendto", Payload(payload::buffer, transfer(Op::Sendto, Sent)), Network),
    row("readv", Payload(payload::iovec, transfer(Op::Readv, Received)), Always),
    row("writev", Payload(payload::iovec, transfer(Op::Writev, Sent)), Always),
    row("preadv", Payload(payload::iovec, transfer(Op::Preadv, Received)), No),
    row("pwritev", Payload(payload::iovec, transfer(Op::Pwritev, Sent)), No),
    row("preadv2", Payload(payload::iovec, transfer(Op::Preadv2, Received)), IfKnown),
    row("pwritev2", Payload(payload::iovec, transfer(Op::Pwritev2, Sent)), IfKnown),
    // not asked for: databases make many
    row("pwrite64", Plain(keys::pwrite), No),
    row("recvmsg", Payload(messages::msghdr, transfer(Op::Recvmsg, Received)), Network),
    row("sendmsg", Payload(messages::msghdr, transfer(Op::Sendmsg, Sent)), Network),
    row("recvmmsg", Payload(messages::mmsghdr, transfer(Op::Recvmmsg, Received)), Network),
    row("recvmmsg_time32", Payload(messages::mmsghdr, transfer(Op::Recvmmsg, Received)), Network),
    row("recvmmsg_time64", Payload(messages::mmsghdr, transfer(Op::Recvmmsg, Received)), Network),
    row("sendmmsg", Payload(messages::mmsghdr, transfer(Op::Sendmmsg, Sent)), Network),
    row("sendfile", Plain(payload::sendfile), Network),
    row("sendfile64", Plain(payload::sendfile), Network),
    row("splice", Plain(payload::splice), Always),
    row("tee", Plain(payload::tee), ForPipes),
    // from memory into a pipe; the other way is found out by the pipe's end
    row("vmsplice", Payload(payload::iovec, transfer(Op::Vmsplice, Sent)), ForPipes),
    row("socket", Plain(sockets::socket), Network),
    row("socketpair", Plain(sockets::socketpair), Network),
    row("bind", Plain(sockets::bind), Network),
    row("listen", Plain(sockets::listen), Network),
    row("connect", Connect(sockets::connect), Network),
    row("accept", Plain(sockets::accept), Network),
    row("accept4", Plain(sockets::accept), Network),
    row("getsockname", Plain(sockets::getsockname), Network),
    row("getpeername", Plain(sockets::getpeername), Network),
    row("getsockopt", Plain(options::getsockopt), Network),
    row("setsockopt", Plain(options::setsockopt), Network),
    row("shutdown", Shutdown(sockets::shutdown), Network),
    row("close", Close(descriptors::close), Always),
    row("close_range", Plain(descriptors::close_range), IfKnown),
    row("dup", Plain(descriptors::dup), Always),
    row("dup2", Plain(descriptors::dup), IfKnown),
    row("dup3", Plain(descriptors::dup), Always),
    row("fcntl", Plain(descriptors::fcntl), IfKnown),
    row("fcntl64", Plain(descriptors::fcntl), IfKnown),
    row("ioctl", Plain(descriptors::ioctl), No),
    row("pipe", Plain(descriptors::pipe), ForPipesIfKnown),
    row("pipe2", Plain(descriptors::pipe), ForPipes),
    row("mknod", Path(files::mknod, FileArgument::Path), ForPipesIfKnown),
    row("mknodat", Path(files::mknod, FileArgument::At), ForPipes),
    row("stat", Path(files::stat, FileArgument::Path), ForPipesIfKnown),
    row("stat64", Path(files::stat, FileArgument::Path), ForPipesIfKnown),
    row("lstat", Path(files::stat, FileArgument::Path), ForPipesIfKnown),
    row("lstat64", Path(files::stat, FileArgument::Path), ForPipesIfKnown),
    row("fstat", Path(files::stat, FileArgument::Descriptor), ForPipesIfKnown),
    row("fstat64", Path(files::stat, FileArgument::Descriptor), ForPipesIfKnown),
    row("newfstatat", Path(files::stat, FileArgument::At), ForPipesIfKnown),
    row("fstatat64", Path(files::stat, FileArgument::At), ForPipesIfKnown),
    row("statx", Path(files::stat, FileArgument::At), ForPipesIfKnown),
    row("unlink", Path(files::unlink, FileArgument::Path), ForPipesIfKnown),
    row("unlinkat", Path(files::unlink, FileArgument::At), ForPipes),
    row("rename", Path(files::rename, FileArgument::Path), ForPipesIfKnown),
    row("renameat", Path(files::rename, FileArgument::At), ForPipesIfKnown),
    row("renameat2", Path(files::rename, FileArgument::At), ForPipes),
    row("open", Plain(descriptors::open), ForPipesIfKnown),
    row("openat", Plain(descriptors::open), ForPipes),
    row("openat2", Plain(descriptors::open), ForPipesIfKnown),
    row("creat", Plain(descriptors::creat), ForPipesIfKnown),
    row("open_tree", Plain(descriptors::open), No),
    row("open_tree_attr", Plain(descriptors::open), No),
    row("open_by_handle_at", Plain(descriptors::open), No),
    row("epoll_create", Plain(descriptors::open), No),
    row("epoll_create1", Plain(descriptors::open), No),
    row("eventfd", Plain(descriptors::open), No),
    row("eventfd2", Plain(descriptors::open), No),
    row("timerfd", Plain(descriptors::open), No),
    row("timerfd_create", Plain(descriptors::open), No),
    row("signalfd", Plain(descriptors::open), No),
    row("signalfd4", Plain(descriptors::open), No),
    row("inotify_init", Plain(descriptors::open), No),
    row("inotify_init1", Plain(descriptors::open), No),
    row("fanotify_init", Plain(descriptors::open), No),
    row("memfd_create", Plain(descriptors::open), No),
    row("memfd_secret", Plain(descriptors::open), No),
    row("userfaultfd", Plain(descriptors::open), No),
    row("perf_event_open", Plain(descriptors::open), No),
    row("mq_open", Plain(descriptors::open), No),
    row("fsopen", Plain(descriptors::open), No),
    row("fspick", Plain(descriptors::open), No),
    row("fsmount", Plain(descriptors::open), No),
    row("landlock_create_ruleset", Plain(descriptors::open), No),
    row("pidfd_open", Plain(tasks::pidfd_open), No),
    row("pidfd_getfd", Plain(tasks::pidfd_getfd), IfKnown),
    row("fork", Fork(tasks::fork, CloneFlags::Printed), IfKnown),
    row("vfork", Fork(tasks::fork, CloneFlags::Printed), IfKnown),
    row("clone", Fork(tasks::fork, CloneFlags::Printed), Always),
    row("clone2", Fork(tasks::fork, CloneFlags::Printed), No),
    row("clone3", Fork(tasks::fork, CloneFlags::Printed), IfKnown),
    row("unshare", Plain(tasks::unshare), Always),
    row("execve", Execute(tasks::execve), Always),
    row("execveat", Execute(tasks::execve), IfKnown),
    row("exit_group", Exit { group: true }, No),
    row("exit", Exit { group: false }, No),
    row("_exit", Exit { group: false }, No),
    // Not asked for: databases use it for their files, and each of these calls is told as payload that may be lost.
    row("io_uring_setup", Plain(descriptors::io_uring), No),
    row("io_uring_enter", Plain(descriptors::io_uring), No),
    // as a strace older than the call prints it, up to 4.20 and since then; numbers from 424 on are the same on every
    // architecture
    row("syscall_425", Plain(descriptors::io_uring), No),
    row("syscall_0x1a9", Plain(descriptors::io_uring), No),
    row("syscall_426", Plain(descriptors::io_uring), No),
    row("syscall_0x1aa", Plain(descriptors::io_uring), No),
    row("syscall_434", Plain(tasks::pidfd_open), No),
    row("syscall_0x1b2", Plain(tasks::pidfd_open), No),
    row("syscall_435", Fork(tasks::fork, CloneFlags::Hidden), No),
    row("syscall_0x1b3", Fork(tasks::fork, CloneFlags::Hidden), No),
    row("syscall_436", Plain(descriptors::close_range), No),
    row("syscall_0x1b4", Plain(descriptors::close_range), No),
    row("syscall_437", Plain(descriptors::open), No),
    row("syscall_0x1b5", Plain(descriptors::open), No),
    row("syscall_438", Plain(tasks::pidfd_getfd), No),
    row("syscall_0x1b6", Plain(tasks::pidfd_getfd), No),
    // preadv2 and pwritev2 on x86-64, which strace knows since 4.12
    row("syscall_327", Payload(payload::iovec, transfer(Op::Preadv2, Received)), No),
    row("syscall_328", Payload(payload::iovec, transfer(Op::Pwritev2, Sent)), No),
];

/// What strace's `-e` is to be given, so that the calls that matter are traced and the rest runs at full speed: `trace=`
/// and names, with `?` (strace 4.17) before those that not every strace knows. `pipes`: pipes and FIFOs matter as well.
pub fn calls_to_trace(pipes: bool) -> String {
    let mut text = String::from("trace=network");
    for row in ROWS {
        let mark = match row.traced {
            Always => ",",
            IfKnown => ",?",
            ForPipes if pipes => ",",
            ForPipesIfKnown if pipes => ",?",
            ForPipes | ForPipesIfKnown | Network | No => continue,
        };
        text.push_str(mark);
        text.push_str(row.name);
    }
    text
}

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
        let mut slot = hash(ROWS[row].word, ROWS[row].name.len());
        while slots[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = row as u8;
        row += 1;
    }
    slots
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

/// The row of a name with these first bytes, if it has one. A name of up to eight bytes is compared as a word.
#[inline(always)]
fn find_plain(name: &[u8], word: u64) -> Option<&'static Row> {
    let mut slot = hash(word, name.len());
    loop {
        let place = usize::from(*INDEX.get(slot)?);
        let row = ROWS.get(place)?;
        if row.word == word && row.name.len() == name.len() && (name.len() <= 8 || row.name.as_bytes() == name) {
            return Some(row);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// The row of the call that `body` begins with and what follows its parenthesis, where the name has less than eight bytes,
/// as most have. It is found within a word. None of any other body.
#[inline(always)]
pub(super) fn short_call(body: &[u8]) -> Option<(&'static Row, &[u8])> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*body.first_chunk()?);
    let zeros = word ^ (EACH * u64::from(b'('));
    // The highest bit of each byte that is a parenthesis, of the first one at least; how many bits stand before its byte is
    // 64, which no shift takes, where there is none.
    let ends = zeros.wrapping_sub(EACH) & !zeros & (EACH << 7);
    let bits = ends.trailing_zeros() & !7;
    let name = word & 1_u64.checked_shl(bits)?.wrapping_sub(1);
    let (length, text) = (bits as usize / 8, body.get(bits as usize / 8 + 1..)?);
    Some((find_plain(body.get(..length)?, name)?, text))
}

/// The row of a system call that may be marked as one of x32.
#[inline(always)]
pub(super) fn find(name: &[u8]) -> Option<&'static Row> {
    find_plain(name, first_word(name)).or_else(|| find_marked(name))
}

#[inline(never)]
fn find_marked(name: &[u8]) -> Option<&'static Row> {
    let plain = without_mark(name);
    if plain.len() < name.len() { find_plain(plain, first_word(plain)) } else { None }
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
        for row in ROWS {
            assert_eq!(find(row.name.as_bytes()).map(|found| found.name), Some(row.name));
            assert!(find(format!("{}z", row.name).as_bytes()).is_none());
        }
        for name in ["", "mmap", "futex", "poll", "clos", "readx", "epoll_wait", "fstatfs"] {
            assert!(find(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn the_calls_to_trace() {
        let plain = calls_to_trace(false);
        assert_eq!(
            plain,
            "trace=network,read,write,readv,writev,?preadv2,?pwritev2,splice,close,?close_range,dup,?dup2,dup3,?fcntl,\
             ?fcntl64,?pidfd_getfd,?fork,?vfork,clone,?clone3,unshare,execve,?execveat"
        );
        let all = calls_to_trace(true);
        let of_pipes: Vec<_> = all.split(',').filter(|call| !plain.split(',').any(|other| other == *call)).collect();
        assert_eq!(
            of_pipes.join(","),
            "tee,vmsplice,?pipe,pipe2,?mknod,mknodat,?stat,?stat64,?lstat,?lstat64,?fstat,?fstat64,?newfstatat,\
             ?fstatat64,?statx,?unlink,unlinkat,?rename,?renameat,renameat2,?open,openat,?openat2,?creat"
        );
    }

    #[test]
    fn marks_of_x32() {
        assert_eq!(without_mark(b"readv#64"), b"readv");
        assert_eq!(without_mark(b"64:readv"), b"readv");
        assert_eq!(without_mark(b"fcntl64"), b"fcntl64");
    }
}
