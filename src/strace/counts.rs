//! What the parser met, counted: the facts from which a report says what was lost and how to record better.

use crate::event::{Descriptor, Details, Family};

/// Why a line gave no event. None of these is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Skip {
    /// The line is empty.
    Blank,
    /// A system call that has nothing to do with sockets or descriptors, or one that failed without effect.
    NotUsed,
    /// A payload call on a file, pipe or device.
    NotSocket,
    /// A receive that moved nothing: `MSG_PEEK` or `MSG_ERRQUEUE`.
    Peeked,
    /// A signal (`--- SIGCHLD …`).
    Signal,
    /// A message of strace itself (`strace: Process 1 attached`, `[ Process PID=1 runs in 32 bit mode. ]`).
    Message,
    /// A line of a hex dump (`-e read=`, `-e write=`) that was not needed, because its call was printed whole.
    Dump,
    /// A line of a stack trace (`-k`).
    Stack,
    /// The first half of a call; its event comes with the second.
    Unfinished,
    /// A system call that this version of strace printed by number only (`syscall_0x1b3`).
    UnknownCall,
    /// The second half of a call whose first half is not in the trace.
    ResumedAlone,
    /// A call that was not carried out, since its result was made up (`-e inject=…:retval=`, `:error=`).
    Injected,
    /// A call cut off by `<detached ...>`.
    Detached,
    /// More unfinished calls, or bytes in them, than are held.
    TooMany,
    /// A call of the table whose arguments or result are not as strace prints them; also a line cut at its end.
    Malformed,
    /// Not a line of strace's.
    NotStrace,
    /// A line longer than [`crate::limits::LINE_BYTES`], of which nothing was kept.
    TooLong,
}

impl Skip {
    /// How many reasons there are.
    pub const COUNT: usize = Self::TooLong.index() + 1;

    /// Its place among them.
    #[expect(clippy::as_conversions, reason = "each variant is its place")]
    const fn index(self) -> usize {
        self as usize
    }
}

/// How often something happened, and where first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// Number of the first such line, from 1; 0 where there is none.
    pub first_line: u64,
}

impl Tally {
    pub(super) fn add(&mut self, line: u64) {
        self.add_many(line, 1);
    }

    pub(super) fn add_many(&mut self, line: u64, count: u64) {
        if self.count == 0 {
            self.first_line = line;
        }
        self.count += count;
    }
}

/// How many payloads, and how many of their bytes, are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Messages.
    pub payloads: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.payloads += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What was met, from the first line on.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Input lines, those too long included.
    pub lines: u64,
    /// Calls that became at least one event.
    pub used: u64,
    skipped: [Tally; Skip::COUNT],
    /// Payloads that are not whole in the trace because strace's `-s` cut a string or an array, and the bytes missing.
    pub cut: Amount,
    /// Payloads that strace printed as a pointer or as a structure (netlink), and their bytes.
    pub hidden: Amount,
    /// Payloads that strace cannot show: sendfile and splice.
    pub unseen: Amount,
    /// Messages of sendmmsg or recvmmsg that `-s` cut off the array, of which not even the length is known.
    pub messages_cut: Tally,
    /// Calls still unfinished at the end of the input, or given up by their thread.
    pub never_resumed: u64,
    /// Calls whose thread ended within them.
    pub died_within: u64,
    /// Calls whose payload was taken from a hex dump.
    pub dumps_used: u64,
    /// Times that are no number or out of range.
    pub times_unreadable: Tally,
    /// Lines without a time.
    pub times_missing: u64,
    /// Lines whose time is a time of day (`-t`, `-tt`), without a date.
    pub times_of_day: u64,
    /// Lines whose time is printed in seconds (`-t`) or milliseconds.
    pub times_coarse: u64,
    /// Lines whose time is relative (`-r`).
    pub times_relative: u64,
    /// Descriptors of payload calls that have full socket details (`-yy`).
    pub details_full: u64,
    /// Descriptors of payload calls with `socket:[inode]` only (`-y`).
    pub details_plain: u64,
    /// Descriptors of payload calls with nothing behind them (no `-y`).
    pub details_missing: u64,
    /// Payload strings in hexadecimal (`-xx`).
    pub strings_hex: u64,
    /// Payload strings with C escapes.
    pub strings_escaped: u64,
    /// Lines with SGR colour.
    pub coloured: u64,
}

impl Counts {
    /// Counts which details a payload call's descriptor has: `socket:[inode]` of `-y` has an inode and no family.
    #[inline(always)]
    pub(super) fn details(&mut self, socket: Descriptor<'_>) {
        match socket.details {
            Details::Socket(details) if details.tell_family() => self.details_full += 1,
            Details::Socket(details) if details.family == Family::Pipe => {}
            Details::Socket(_) => self.details_plain += 1,
            Details::Missing | Details::NotSocket => self.details_missing += 1,
        }
    }

    /// The lines skipped for `reason`.
    pub fn skipped(&self, reason: Skip) -> Tally {
        self.skipped.get(reason.index()).copied().unwrap_or_default()
    }

    /// How many lines are strace's.
    pub fn understood(&self) -> u64 {
        let strange = [Skip::Blank, Skip::NotStrace, Skip::TooLong];
        let strange = strange.map(|reason| self.skipped(reason).count);
        self.lines.saturating_sub(strange.iter().sum())
    }

    pub(super) fn skip(&mut self, reason: Skip) {
        let line = self.lines;
        if let Some(tally) = self.skipped.get_mut(reason.index()) {
            tally.add(line);
        }
    }
}
