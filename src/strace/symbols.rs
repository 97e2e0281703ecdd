//! Symbols in arguments, such as `AF_INET` and `MSG_PEEK`, and the numbers that are printed instead of them.
//!
//! ```text
//! MSG_PEEK|MSG_DONTWAIT      0x42 /* MSG_PEEK|MSG_DONTWAIT */ (-X verbose)      0x42 (-X raw, -e raw=)
//! SOCK_STREAM|SOCK_CLOEXEC   0x1 /* SOCK_STREAM */|0x80000 /* SOCK_CLOEXEC */   0x1|0x80000
//! ```
//! The numbers are those of x86, ARM, RISC-V, POWER and s390 (`asm-generic`, `linux/socket.h`); a trace does not say on
//! which machine it was recorded. Where a name is printed as well, the name counts.

use super::arguments;
use crate::event::Family;

/// A bit that may be set among others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag(&'static [u8], u64);

pub(super) const MSG_OOB: Flag = Flag(b"MSG_OOB", 0x1);
pub(super) const MSG_PEEK: Flag = Flag(b"MSG_PEEK", 0x2);
pub(super) const MSG_TRUNC: Flag = Flag(b"MSG_TRUNC", 0x20);
pub(super) const MSG_MORE: Flag = Flag(b"MSG_MORE", 0x8000);
pub(super) const MSG_ERRQUEUE: Flag = Flag(b"MSG_ERRQUEUE", 0x2000);
pub(super) const MSG_FASTOPEN: Flag = Flag(b"MSG_FASTOPEN", 0x2000_0000);
pub(super) const MSG_CMSG_CLOEXEC: Flag = Flag(b"MSG_CMSG_CLOEXEC", 0x4000_0000);
pub(super) const SOCK_CLOEXEC: Flag = Flag(b"SOCK_CLOEXEC", 0x8_0000);
pub(super) const O_CLOEXEC: Flag = Flag(b"O_CLOEXEC", 0x8_0000);
pub(super) const O_PATH: Flag = Flag(b"O_PATH", 0x20_0000);
pub(super) const FD_CLOEXEC: Flag = Flag(b"FD_CLOEXEC", 0x1);
pub(super) const CLOSE_RANGE_UNSHARE: Flag = Flag(b"CLOSE_RANGE_UNSHARE", 0x2);
pub(super) const CLOSE_RANGE_CLOEXEC: Flag = Flag(b"CLOSE_RANGE_CLOEXEC", 0x4);
pub(super) const CLONE_FILES: Flag = Flag(b"CLONE_FILES", 0x400);
pub(super) const CLONE_THREAD: Flag = Flag(b"CLONE_THREAD", 0x1_0000);

/// One of several values that exclude each other, by all names that it has had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value(&'static [&'static [u8]], u64);

pub(super) const AF_UNSPEC: Value = Value(&[b"AF_UNSPEC"], 0);
const AF_UNIX: Value = Value(&[b"AF_UNIX", b"AF_LOCAL", b"AF_FILE", b"PF_UNIX", b"PF_LOCAL", b"PF_FILE"], 1);
const AF_INET: Value = Value(&[b"AF_INET", b"PF_INET"], 2);
pub(super) const AF_INET6: Value = Value(&[b"AF_INET6", b"PF_INET6"], 10);
pub(super) const SOCK_STREAM: Value = Value(&[b"SOCK_STREAM"], 1);
pub(super) const SOCK_DGRAM: Value = Value(&[b"SOCK_DGRAM"], 2);
pub(super) const SOCK_RAW: Value = Value(&[b"SOCK_RAW"], 3);
pub(super) const SOCK_SEQPACKET: Value = Value(&[b"SOCK_SEQPACKET"], 5);
pub(super) const SOCK_DCCP: Value = Value(&[b"SOCK_DCCP"], 6);
pub(super) const SOL_SOCKET: Value = Value(&[b"SOL_SOCKET"], 1);
pub(super) const SOL_IP: Value = Value(&[b"SOL_IP", b"IPPROTO_IP"], 0);
pub(super) const SOL_IPV6: Value = Value(&[b"SOL_IPV6", b"IPPROTO_IPV6"], 41);
pub(super) const IP_PKTINFO: Value = Value(&[b"IP_PKTINFO"], 8);
pub(super) const IP_ORIGDSTADDR: Value = Value(&[b"IP_ORIGDSTADDR", b"IP_RECVORIGDSTADDR"], 20);
pub(super) const IPV6_PKTINFO: Value = Value(&[b"IPV6_PKTINFO"], 50);
pub(super) const IPV6_ORIGDSTADDR: Value = Value(&[b"IPV6_ORIGDSTADDR", b"IPV6_RECVORIGDSTADDR"], 74);
pub(super) const IP_ADD_MEMBERSHIP: Value = Value(&[b"IP_ADD_MEMBERSHIP"], 35);
pub(super) const IP_DROP_MEMBERSHIP: Value = Value(&[b"IP_DROP_MEMBERSHIP"], 36);
pub(super) const IP_ADD_SOURCE_MEMBERSHIP: Value = Value(&[b"IP_ADD_SOURCE_MEMBERSHIP"], 39);
pub(super) const IPV6_ADD_MEMBERSHIP: Value = Value(&[b"IPV6_ADD_MEMBERSHIP", b"IPV6_JOIN_GROUP"], 20);
pub(super) const IPV6_DROP_MEMBERSHIP: Value = Value(&[b"IPV6_DROP_MEMBERSHIP", b"IPV6_LEAVE_GROUP"], 21);
pub(super) const MCAST_JOIN_GROUP: Value = Value(&[b"MCAST_JOIN_GROUP"], 42);
pub(super) const MCAST_LEAVE_GROUP: Value = Value(&[b"MCAST_LEAVE_GROUP"], 45);
pub(super) const MCAST_JOIN_SOURCE_GROUP: Value = Value(&[b"MCAST_JOIN_SOURCE_GROUP"], 46);
pub(super) const SO_ERROR: Value = Value(&[b"SO_ERROR"], 4);
pub(super) const SO_PEERCRED: Value = Value(&[b"SO_PEERCRED"], 17);
pub(super) const SO_LINGER: Value = Value(&[b"SO_LINGER"], 13);
pub(super) const SOL_UDP: Value = Value(&[b"SOL_UDP", b"IPPROTO_UDP"], 17);
pub(super) const SOL_UDPLITE: Value = Value(&[b"SOL_UDPLITE", b"IPPROTO_UDPLITE"], 136);
pub(super) const UDP_CORK: Value = Value(&[b"UDP_CORK"], 1);
pub(super) const UDP_SEGMENT: Value = Value(&[b"UDP_SEGMENT"], 103);
pub(super) const UDP_GRO: Value = Value(&[b"UDP_GRO"], 104);
pub(super) const SCM_RIGHTS: Value = Value(&[b"SCM_RIGHTS"], 1);
pub(super) const SCM_CREDENTIALS: Value = Value(&[b"SCM_CREDENTIALS"], 2);
pub(super) const SHUT_RD: Value = Value(&[b"SHUT_RD"], 0);
pub(super) const SHUT_WR: Value = Value(&[b"SHUT_WR"], 1);
pub(super) const SHUT_RDWR: Value = Value(&[b"SHUT_RDWR"], 2);
pub(super) const F_DUPFD: Value = Value(&[b"F_DUPFD"], 0);
pub(super) const F_SETFD: Value = Value(&[b"F_SETFD"], 2);
pub(super) const F_DUPFD_CLOEXEC: Value = Value(&[b"F_DUPFD_CLOEXEC"], 0x406);
pub(super) const FIONCLEX: Value = Value(&[b"FIONCLEX"], 0x5450);
pub(super) const FIOCLEX: Value = Value(&[b"FIOCLEX"], 0x5451);

pub(super) const O_WRONLY: Value = Value(&[b"O_WRONLY"], 1);
pub(super) const O_RDWR: Value = Value(&[b"O_RDWR"], 2);
pub(super) const S_IFIFO: Value = Value(&[b"S_IFIFO"], 0o01_0000);

/// The families that are converted.
const FAMILIES: [(Value, Family); 3] = [(AF_INET, Family::Inet), (AF_INET6, Family::Inet6), (AF_UNIX, Family::Unix)];

/// What the kernel takes of a socket's type; the rest are flags (`SOCK_TYPE_MASK`).
const TYPE_MASK: u64 = 0xf;
/// What of an open's flags is its access (`O_ACCMODE`).
const ACCESS_MASK: u64 = 0x3;
/// What of a file's mode is its type (`S_IFMT`).
const FILE_MASK: u64 = 0o17_0000;

impl Flag {
    /// Whether it is set in `text`: by its name, or in a number.
    pub(super) fn is_in(self, text: &[u8]) -> bool {
        if is_symbol(text) { text == self.0 } else { Flags::among(&[self], text).has(self) }
    }
}

/// Which flags of some are set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags(u64);

impl Flags {
    /// None.
    pub(super) const NONE: Self = Self(0);

    /// Those of `MSG_…` that change what a call does to payload or descriptors.
    #[inline]
    pub(super) fn of_message(text: &[u8]) -> Self {
        const FLAGS: [Flag; 7] = [MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_MORE, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_CMSG_CLOEXEC];
        if text == b"0" {
            return Self::NONE;
        }
        Self::among(&FLAGS, text)
    }

    fn among(flags: &[Flag], text: &[u8]) -> Self {
        let of_word = |word: &[u8]| match word.first() {
            Some(b'0'..=b'9') => number_of(word).unwrap_or_default(),
            Some(_) => flags.iter().find(|flag| flag.0 == word).map_or(0, |flag| flag.1),
            None => 0,
        };
        Self(words(text).map(of_word).fold(0, std::ops::BitOr::bitor))
    }

    /// Whether a flag is set.
    #[inline]
    pub(super) const fn has(self, flag: Flag) -> bool {
        self.0 & flag.1 != 0
    }

    /// All of them, by their numbers.
    #[inline]
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// The same with another one.
    pub(super) const fn with(self, flag: Flag) -> Self {
        Self(self.0 | flag.1)
    }
}

impl Value {
    /// Whether `text` is this value.
    #[inline]
    pub(super) fn is(self, text: &[u8]) -> bool {
        self.0.contains(&text) || (!is_symbol(text) && (self.is_named(text) || numbers(text) == Some(self.1)))
    }

    /// Whether `text`, a socket's type with its flags, is of this value.
    pub(super) fn is_type(self, text: &[u8]) -> bool {
        self.is_part(text, TYPE_MASK)
    }

    /// Whether `text`, the flags of an open, has this access.
    pub(super) fn is_access(self, text: &[u8]) -> bool {
        self.is_part(text, ACCESS_MASK)
    }

    /// Whether `text`, the mode of a file, is of this type: `S_IFIFO|0666`, `010666 /* S_IFIFO|0666 */`, `010666`.
    pub(super) fn is_file_type(self, text: &[u8]) -> bool {
        self.is_named(text) || octal(text).is_some_and(|number| number & FILE_MASK == self.1)
    }

    fn is_part(self, text: &[u8], mask: u64) -> bool {
        self.is_named(text) || numbers(text).is_some_and(|number| number & mask == self.1)
    }

    #[inline]
    fn is_named(self, text: &[u8]) -> bool {
        self.0.contains(&text) || words(text).any(|word| self.0.contains(&word))
    }
}

/// The family that `text` is: mostly the name that strace has for it today.
pub(super) fn family(text: &[u8]) -> Family {
    match text {
        b"AF_INET" => Family::Inet,
        b"AF_INET6" => Family::Inet6,
        b"AF_UNIX" => Family::Unix,
        _ => FAMILIES.iter().find(|(value, _)| value.is(text)).map_or(Family::Other, |(_, family)| *family),
    }
}

/// Whether `text` is one name and nothing else, as most values are.
fn is_symbol(text: &[u8]) -> bool {
    matches!(text, [b'A'..=b'Z', rest @ ..] if rest.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_')))
}

/// The number that `text` is where it holds no name: `0x1|0x80000`, or one that this strace does not know:
/// `0x67 /* UDP_??? */`.
fn numbers(text: &[u8]) -> Option<u64> {
    let text = match memchr::memmem::find(text, b" /* ") {
        Some(at) if text.ends_with(b"_??? */") => text.get(..at)?,
        _ => text,
    };
    text.split(|byte| *byte == b'|').try_fold(0, |sum, word| Some(sum | number_of(word)?))
}

/// A number as modes are written: octal behind a 0, whatever `-X` says; hexadecimal with `-e raw=`.
fn octal(text: &[u8]) -> Option<u64> {
    if text.starts_with(b"0x") {
        return number_of(text);
    }
    let digits = text.strip_prefix(b"0")?;
    digits.iter().try_fold(0_u64, |sum, digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// A word that is a number and nothing else.
fn number_of(word: &[u8]) -> Option<u64> {
    match arguments::number(word) {
        Some((number, [])) if word.first() != Some(&b'[') => Some(number),
        _ => None,
    }
}

#[inline]
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_this_strace_does_not_know() {
        for text in ["UDP_SEGMENT", "103", "0x67", "0x67 /* UDP_??? */", "0x67 /* UDP_SEGMENT */"] {
            assert!(UDP_SEGMENT.is(text.as_bytes()), "{text}");
        }
        for text in ["UDP_GRO", "0x68 /* UDP_??? */", "0x67 /* UDP_GRO */", "UDP_SEGMENTS"] {
            assert!(!UDP_SEGMENT.is(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn flags_by_name_and_by_number() {
        for text in ["MSG_PEEK|MSG_DONTWAIT", "0x42 /* MSG_PEEK|MSG_DONTWAIT */", "0x42", "66", "MSG_DONTWAIT|0x2"] {
            assert!(MSG_PEEK.is_in(text.as_bytes()), "{text}");
            assert!(!MSG_TRUNC.is_in(text.as_bytes()), "{text}");
        }
        for text in ["0", "", "MSG_PEEKABOO|0x80", "0x40", "NULL", "0x2x"] {
            assert!(!MSG_PEEK.is_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn values_by_name_and_by_number() {
        for text in ["AF_INET", "PF_INET", "0x2", "2", "0x2 /* AF_INET */"] {
            assert!(AF_INET.is(text.as_bytes()), "{text}");
            assert!(!AF_INET6.is(text.as_bytes()), "{text}");
        }
        for text in ["", "AF_INET6", "0x12", "[2]", "0x3 /* AF_AX25 */", "2 x"] {
            assert!(!AF_INET.is(text.as_bytes()), "{text}");
        }
        assert!(AF_UNSPEC.is(b"0"));
        assert!(!AF_UNSPEC.is(b""));
    }

    #[test]
    fn types_of_files_and_accesses() {
        for text in ["S_IFIFO|0666", "010666", "010666 /* S_IFIFO|0666 */", "0x11b6"] {
            assert!(S_IFIFO.is_file_type(text.as_bytes()), "{text}");
        }
        for text in ["S_IFREG|0666", "0100666", "0666", "", "0140000", "0x81a4"] {
            assert!(!S_IFIFO.is_file_type(text.as_bytes()), "{text}");
        }
        for text in ["O_RDWR|O_CLOEXEC", "0x80002", "0x2 /* O_RDWR */|0x80000 /* O_CLOEXEC */"] {
            assert!(O_RDWR.is_access(text.as_bytes()), "{text}");
            assert!(!O_WRONLY.is_access(text.as_bytes()), "{text}");
        }
        assert!(!O_WRONLY.is_access(b"O_RDONLY"));
    }

    #[test]
    fn types_with_their_flags() {
        for text in
            ["SOCK_DGRAM|SOCK_CLOEXEC", "0x2|0x80000", "0x80002", "0x2 /* SOCK_DGRAM */|0x80000 /* SOCK_CLOEXEC */"]
        {
            assert!(SOCK_DGRAM.is_type(text.as_bytes()), "{text}");
            assert!(!SOCK_STREAM.is_type(text.as_bytes()), "{text}");
            assert!(SOCK_CLOEXEC.is_in(text.as_bytes()), "{text}");
        }
        // MIPS counts SOCK_STREAM as 2
        assert!(SOCK_STREAM.is_type(b"0x2 /* SOCK_STREAM */"));
        assert!(!SOCK_DGRAM.is_type(b"0x2 /* SOCK_STREAM */"));
    }
}
