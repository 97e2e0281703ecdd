//! Tells what is given by mistake from a trace, by its beginning: compressed files, captures, programs, and the text of
//! tools that look like strace.
//!
//! Who records standard error has the traced program's own text in the trace, maybe a lot of it at first. So text of which
//! nothing is known is only refused when all of it has been read.

use super::name::Name;
use crate::limits;
use crate::strace::is_of_strace;

/// What is no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// RFC 1952.
    Gzip,
    /// bzip2's own format.
    Bzip2,
    /// xz's own format.
    Xz,
    /// RFC 8878.
    Zstd,
    /// A zip archive.
    Zip,
    /// pcap, in either byte order and resolution, or pcapng: somebody gave the arguments the wrong way round.
    Capture,
    /// A program, a library, or a core dump.
    Elf,
    /// What `perf record` writes.
    PerfData,
    /// What `perf trace` prints.
    PerfTrace,
    /// What `ltrace` prints, with or without `-S`.
    Ltrace,
    /// What `strace -c` prints.
    Summary,
    /// Nothing that a person can read.
    Binary,
    /// Text, and not a line of it strace's.
    Text,
}

/// What a beginning tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is of a trace.
    Trace,
    /// It is not.
    Foreign(Foreign),
    /// Nothing tells yet, or nothing is there.
    Unknown,
}

/// What files begin with.
const MAGIC: [(&[u8], Foreign); 13] = [
    (b"\x1f\x8b\x08", Foreign::Gzip),
    (b"BZh", Foreign::Bzip2),
    (b"\xfd7zXZ\0", Foreign::Xz),
    (b"\x28\xb5\x2f\xfd", Foreign::Zstd),
    (b"PK\x03\x04", Foreign::Zip),
    (b"\xa1\xb2\xc3\xd4", Foreign::Capture),
    (b"\xd4\xc3\xb2\xa1", Foreign::Capture),
    (b"\xa1\xb2\x3c\x4d", Foreign::Capture),
    (b"\x4d\x3c\xb2\xa1", Foreign::Capture),
    (b"\x0a\x0d\x0d\x0a", Foreign::Capture),
    (b"\x7fELF", Foreign::Elf),
    (b"PERFILE2", Foreign::PerfData),
    (b"2ELIFREP", Foreign::PerfData),
];

impl Foreign {
    /// Whether this is sure, whatever else may come; else it is only what is left when nothing is strace's.
    pub const fn is_certain(self) -> bool {
        !matches!(self, Self::Text)
    }

    /// What `name` is, and what to do.
    pub fn told(self, name: &Name) -> String {
        let give = "give the text that strace writes with -o";
        let record = "record with strace, as --help shows";
        let packed = |how: &str, reader: &str| unpacked(name, how, reader);
        match self {
            Self::Gzip => packed("gzip-compressed", "zcat"),
            Self::Bzip2 => packed("bzip2-compressed", "bzcat"),
            Self::Xz => packed("xz-compressed", "xzcat"),
            Self::Zstd => packed("zstd-compressed", "zstdcat"),
            Self::Zip => packed("a zip archive", "unzip -p"),
            Self::Capture => {
                format!("{name} is a capture, not a trace: OUTPUT comes first, then the traces")
            }
            Self::Elf => format!("{name} is a program or a core dump, not a trace: {give}"),
            Self::PerfData | Self::PerfTrace => {
                format!("{name} is of perf, which records no payload: {record}")
            }
            Self::Ltrace => format!("{name} is of ltrace, which is another program: {record}"),
            Self::Summary => {
                format!("{name} is a summary (strace -c) and holds no calls: record without -c")
            }
            Self::Binary => format!("{name} is no text, so not a trace: {give}"),
            Self::Text => format!("nothing in {name} is of strace: {give}"),
        }
    }
}

/// What reads it and hands it on.
fn unpacked(name: &Name, how: &str, reader: &str) -> String {
    let word = name.word();
    format!("{name} is {how}: {reader} {word} | strace2pcap OUTPUT -")
}

/// What `beginning` tells; `is_all`: nothing comes behind it.
pub fn judge(beginning: &[u8], is_all: bool) -> Verdict {
    if let Some(foreign) = magic(beginning) {
        return Verdict::Foreign(foreign);
    }
    let lines = match memchr::memrchr(b'\n', beginning) {
        _ if is_all => beginning,
        Some(end) => beginning.get(..end).unwrap_or_default(),
        None => &[],
    };
    let votes = Votes::of(lines);
    let needed = if is_all { 1 } else { limits::FOREIGN_LINES };
    match votes.most() {
        Some((foreign, count)) if count >= needed && count > votes.strace => Verdict::Foreign(foreign),
        _ if votes.strace >= limits::TRACE_LINES || (is_all && votes.strace > 0) => Verdict::Trace,
        _ if votes.strace > 0 => Verdict::Unknown,
        _ if is_all && beginning.trim_ascii().is_empty() => Verdict::Unknown,
        _ if (is_all || beginning.len() >= limits::BEGINNING_BYTES) && is_binary(beginning) => {
            Verdict::Foreign(Foreign::Binary)
        }
        _ if is_all => Verdict::Foreign(Foreign::Text),
        _ => Verdict::Unknown,
    }
}

/// Whether `beginning` may as well be another program's as strace's.
pub fn is_doubtful(beginning: &[u8]) -> bool {
    let votes = Votes::of(beginning);
    magic(beginning).is_some() || votes.most().is_some_and(|(_, count)| count >= votes.strace)
}

fn magic(beginning: &[u8]) -> Option<Foreign> {
    let found = MAGIC.iter().find(|(magic, _)| beginning.starts_with(magic));
    // Three letters alone could be a word: the block size follows, and the first block's magic number or the last one's.
    let is_bzip2 = || {
        matches!(beginning.get(3..), Some([b'1'..=b'9', b'1', b'A', b'Y', ..] | [b'1'..=b'9', 0x17, b'r', b'E', ..]))
    };
    found.map(|(_, foreign)| *foreign).filter(|foreign| *foreign != Foreign::Bzip2 || is_bzip2())
}

/// How many lines are whose.
#[derive(Clone, Copy, Debug, Default)]
struct Votes {
    strace: usize,
    perf: usize,
    ltrace: usize,
    summary: usize,
}

impl Votes {
    fn of(lines: &[u8]) -> Self {
        let mut votes = Self::default();
        for line in lines.split(|byte| *byte == b'\n') {
            if is_perf(line) {
                votes.perf += 1;
            } else if is_ltrace(line) {
                votes.ltrace += 1;
            } else if line.starts_with(b"% time     seconds  usecs/call") {
                votes.summary += limits::FOREIGN_LINES;
            } else if is_of_strace(line) {
                votes.strace += 1;
            }
            if votes.strace >= limits::TRACE_LINES && votes.most().is_none() {
                break;
            }
        }
        votes
    }

    /// Whose lines are the most, apart from strace's.
    fn most(self) -> Option<(Foreign, usize)> {
        [(Foreign::PerfTrace, self.perf), (Foreign::Ltrace, self.ltrace), (Foreign::Summary, self.summary)]
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .filter(|(_, count)| *count > 0)
    }
}

/// Whether `) = ` stands in a line, with any blanks between.
fn has_result(line: &[u8]) -> bool {
    memchr::memmem::find_iter(line, b" = ").any(|at| {
        let before = line.get(..at).unwrap_or_default().trim_ascii_end();
        before.ends_with(b")")
    })
}

/// `     0.052 ( 0.020 ms): curl/1665 brk() = …`, a `?` for a time that is not known (perf
/// `tools/perf/builtin-trace.c`).
fn is_perf(line: &[u8]) -> bool {
    let is_time = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'?');
    let line = line.trim_ascii_start();
    let length = line.iter().take_while(|byte| is_time(byte)).count();
    let Some(took) = line.get(length..).and_then(|rest| rest.strip_prefix(b" (")) else {
        return false;
    };
    let is_duration = |byte: &u8| byte.is_ascii_digit() || b" .ms".contains(byte);
    let end = took.iter().take_while(|byte| is_duration(byte)).count();
    length > 0 && took.get(end..).is_some_and(|rest| rest.starts_with(b"): "))
}

/// A call that is of a library, or that ltrace calls by another name than strace, or its way to tell of an end.
fn is_ltrace(line: &[u8]) -> bool {
    let line = without_prefix(line);
    if line.starts_with(b"+++ exited (status ") || line.ends_with(b" <no return ...>") {
        return true;
    }
    let Some(end) = line.iter().position(|byte| *byte == b'(') else {
        return false;
    };
    let (name, rest) = line.split_at_checked(end).unwrap_or_default();
    is_library_call(name) && (has_result(rest) || rest.ends_with(b" <unfinished ...>"))
}

/// What stands behind the thread and the time.
fn without_prefix(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"[pid").map_or(line, |rest| {
        let end = rest.iter().position(|byte| *byte == b']');
        end.and_then(|end| rest.get(end + 1..)).unwrap_or_default()
    });
    let is_number = |byte: &u8| byte.is_ascii_digit() || b" .:".contains(byte);
    let length = line.iter().take_while(|byte| is_number(byte)).count();
    line.get(length..).unwrap_or_default()
}

/// Whether a name is none of a system call as strace writes it: the names of libc that every program uses, and ltrace's
/// `SYS_read`, `read@SYS`, `libc.so.6->read`.
fn is_library_call(name: &[u8]) -> bool {
    const NAMES: &str = "_exit malloc calloc realloc free puts putchar getenv setlocale atexit atoi fopen fclose fread \
        fwrite fputs fputc fgets fflush fileno perror textdomain bindtextdomain";
    const BEGINNINGS: [&str; 8] = ["__", "str", "mem", "wcs", "pthread_", "sem_", "g_", "SYS_"];
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@.->+".contains(byte);
    if name.is_empty() || !name.iter().all(is_name) {
        return false;
    }
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let begins = || BEGINNINGS.iter().any(|start| name.starts_with(start));
    name.contains('@')
        || name.contains("->")
        || name.ends_with("printf")
        || NAMES.split(' ').any(|known| known == name)
        || (begins() && !name.starts_with("memfd_"))
}

/// Whether more than a sixteenth are control characters, which neither strace nor a person writes. Zero bytes do not count:
/// a crash of the machine leaves them in a file.
fn is_binary(bytes: &[u8]) -> bool {
    let is_odd = |byte: &&u8| byte.is_ascii_control() && !matches!(byte, 0 | b'\t' | b'\n' | b'\r' | 0x1b);
    bytes.iter().filter(is_odd).count() > bytes.len() / 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what all of a text is.
    #[track_caller]
    fn check(text: impl AsRef<[u8]>, expected: Verdict) {
        let text = text.as_ref();
        let shown = String::from_utf8_lossy(text);
        assert_eq!(judge(text, true), expected, "{shown}");
    }

    const STRACE: &str = "\
execve(\"/bin/true\", [\"true\"], 0x7ffc /* 9 vars */) = 0
brk(NULL)                               = 0x55d1
futex(0x7f, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>
+++ exited with 0 +++
";
    const PERF: &str = "         ? (         ): true/1665  ... [continued]: execve())                = 0
     0.052 ( 0.020 ms): true/1665 brk()                                    = 0x563072350000
12570121.666 ( 0.020 ms): :8377/8377 read(fd: 3, buf: 0x7ff, count: 832)   = 832
";
    const LTRACE: &str = "8333 malloc(10, 0x7ffe115adf28, 0x7ffe115adf38, 0x403e00) = 0x169af2a0
8333 puts(0x169af2a0, 10, 0, 0x169af2a0)         = 3
8333 write(1, 0x402006, 2, 3192)                 = 2
8333 +++ exited (status 0) +++
";

    #[test]
    fn traces() {
        check(STRACE, Verdict::Trace);
        check("1234 1700000000.000001 close(3) = 0\n", Verdict::Trace);
        check("[pid 9] 12:00:00 memfd_create(\"a\", 0)   = 3\n", Verdict::Trace);
        check("1700000000.5 write(5<TCP:[1.2.3.4:5->1.2.3.4:6]>, \"ab", Verdict::Trace);
        check("strace: Process 17535 attached\n", Verdict::Trace);
        check("% time\n[pid 7] --- SIGCHLD {si_signo=SIGCHLD} ---\n", Verdict::Trace);
        let noise = "free(): invalid pointer\nwarning\n".repeat(100);
        check(noise + STRACE, Verdict::Trace);
        check("\0".repeat(5000) + STRACE, Verdict::Trace);
    }

    #[test]
    fn formats_by_their_first_bytes() {
        for (bytes, foreign) in MAGIC {
            let rest: &[u8] = if foreign == Foreign::Bzip2 { b"91AY&SY" } else { b"" };
            let bytes = [bytes, rest].concat();
            assert_eq!(judge(&bytes, false), Verdict::Foreign(foreign));
        }
        check("BZh is a word here", Verdict::Foreign(Foreign::Text));
    }

    #[test]
    fn other_tools() {
        check(PERF, Verdict::Foreign(Foreign::PerfTrace));
        check(LTRACE, Verdict::Foreign(Foreign::Ltrace));
        for line in [
            "__libc_start_main(0x8048454, 1, 0xbffffab4 <unfinished ...>",
            "SYS_exit_group(0, 231, 60, 0x7fffe11fec20 <no return ...>",
            "[pid 12] 14:55:44.59 SYS_read(3, 0x7ffc01c83178, 832, 0) = 832",
            "read@SYS(3, \"\\177ELF\", 832)  = 832",
            "t->malloc(10, 0x7ffdca7d3a38)  = 0x7ca72a0",
        ] {
            check(line, Verdict::Foreign(Foreign::Ltrace));
        }
        check("% time     seconds  usecs/call     calls    errors syscall\n", Verdict::Foreign(Foreign::Summary));
    }

    #[test]
    fn text_that_begins_like_a_trace() {
        for text in [
            "print(\"hello\")\nexit()\n",
            "--- a/src/main.rs\n+++ b/src/main.rs\n",
            "HTTP/1.1 200 OK\r\n\r\n<html>\n",
            "{\"a\": 1}",
        ] {
            check(text, Verdict::Foreign(Foreign::Text));
        }
        let noise: Vec<u8> = (0..=255).cycle().take(3000).collect();
        check(noise, Verdict::Foreign(Foreign::Binary));
        check("", Verdict::Unknown);
        check(" \n\n", Verdict::Unknown);
    }

    #[test]
    fn a_beginning_alone_is_judged_later() {
        let first = |text: &str, lines: usize| {
            let lines: Vec<_> = text.split_inclusive('\n').take(lines).collect();
            lines.concat()
        };
        assert_eq!(judge(first(PERF, 2).as_bytes(), false), Verdict::Unknown);
        let three = Verdict::Foreign(Foreign::PerfTrace);
        assert_eq!(judge(first(PERF, 3).as_bytes(), false), three);
        assert_eq!(judge(STRACE.as_bytes(), false), Verdict::Unknown);
        assert_eq!(judge(STRACE.repeat(16).as_bytes(), false), Verdict::Trace);
        let text = "not of strace\n".repeat(10_000);
        assert_eq!(judge(text.as_bytes(), false), Verdict::Unknown);
    }

    #[test]
    fn cures_can_be_typed() {
        let told = |name: &str| Foreign::Gzip.told(&Name::new(name));
        assert_eq!(told("trace.log.gz"), "trace.log.gz is gzip-compressed: zcat trace.log.gz | strace2pcap OUTPUT -");
        assert!(told("it's").contains(r"zcat 'it'\''s' |"), "{}", told("it's"));
        assert_eq!(
            Foreign::Zstd.told(&Name::standard_input()),
            "standard input is zstd-compressed: zstdcat FILE | strace2pcap OUTPUT -"
        );
    }
}
