//! Tells what is given by mistake from a trace, by its beginning, and says what to do.
//!
//! | file | it knows |
//! |---|---|
//! | [`judge`] | how the bytes of a beginning come to a verdict, whatever pieces they come in |
//! | `formats` | what is told by bytes: compressed files, captures, programs, UTF-16 |
//! | `tools` | the lines of each tool that looks like strace: a new one is a row there |
//! | `front` | text in front of strace's lines: the marks of logs, of grep, of mail |
//!
//! Who records standard error has the traced program's own text in the trace, maybe a lot of it at first. So text of which
//! nothing is known is only refused when all of it has been read.

mod formats;
mod front;
pub mod judge;
mod tools;

use super::compressed::Compression;
use crate::run::name::Name;
use front::Front;
pub use judge::{Judge, Judgement};

/// What is no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// What is read where it is not compressed twice.
    Compressed(Compression),
    /// bzip2's own format.
    Bzip2,
    /// xz's own format.
    Xz,
    /// A zip archive.
    Zip,
    /// pcap, in either byte order and resolution, or pcapng: somebody gave the arguments the wrong way round.
    Capture,
    /// A program, a library, or a core dump.
    Elf,
    /// What `perf record` writes.
    PerfData,
    /// Text of two or four bytes a character, in an encoding that iconv knows by this name.
    Wide(&'static str),
    /// What a tool prints that looks like strace.
    Tool(Tool),
    /// What `strace -c` prints.
    Summary,
    /// strace's lines, whose quotes somebody's program has replaced.
    Quotes,
    /// strace's lines, with text in front of each.
    Front(Front),
    /// Nothing that a person can read.
    Binary,
    /// Text, and not a line of it strace's.
    Text,
}

/// Tools whose text looks like strace's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// auditd, and what the kernel prints in its place.
    Audit,
    /// bpftrace.
    Bpftrace,
    /// The kernel's own, as trace-cmd and `perf script` print it.
    Ftrace,
    /// macOS.
    Dtruss,
    /// gVisor's `runsc --strace`.
    Gvisor,
    /// ktrace of the BSDs, as kdump prints it.
    Kdump,
    /// With or without `-S`.
    Ltrace,
    /// `perf trace`.
    Perf,
    /// qemu's user mode, with `-strace`.
    Qemu,
    /// sysdig.
    Sysdig,
    /// FreeBSD, Solaris, illumos, AIX.
    Truss,
    /// valgrind's `--trace-syscalls`.
    Valgrind,
}

impl Foreign {
    /// Whether this is sure, whatever else may come; else it is only what is left when nothing is strace's.
    pub const fn is_certain(self) -> bool {
        !matches!(self, Self::Text)
    }

    /// What `name` is, or what is in it if it is `compressed`, and what to do.
    pub fn told(self, name: &Name, compressed: Option<Compression>) -> String {
        let give = "give the text that strace writes with -o";
        let it = if compressed.is_some() { format!("what is in {name}") } else { name.to_string() };
        let through = |what: &str, reader: &str| {
            let mark = if what.ends_with(", or") { "" } else { ":" };
            format!("{it} {what}{mark} {} | strace2pcap OUTPUT -", command(name, compressed, reader))
        };
        match self {
            Self::Compressed(with) => through(&format!("is {with}-compressed"), with.reader()),
            Self::Bzip2 => through("is bzip2-compressed", "bzcat"),
            Self::Xz => through("is xz-compressed", "xzcat"),
            Self::Zip => through("is a zip archive", if compressed.is_some() { "funzip" } else { "unzip -p" }),
            Self::Capture => {
                format!("{it} is a capture, not a trace: OUTPUT comes first, then the traces")
            }
            Self::Elf => format!("{it} is a program or a core dump, not a trace: {give}"),
            Self::PerfData => Tool::Perf.told(&it),
            Self::Wide(encoding) => {
                let what = format!("is {} text", encoding.trim_end_matches("LE").trim_end_matches("BE"));
                through(&what, &format!("iconv -f {encoding} -t UTF-8"))
            }
            Self::Tool(tool) => tool.told(&it),
            Self::Summary => {
                format!("{it} is a summary (strace -c) and holds no calls: record without -c")
            }
            Self::Quotes => through(
                "has other quotes than strace writes, as word processors, chats and HTML make them: \
                 give what strace wrote, or",
                r#"sed -E 's/“|”|„|«|»|&quot;|&#34;/"/g; s/…/.../g; s/–/-/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'"#,
            ),
            Self::Front(front) => through(&format!("has {} in front of strace's lines", front.what()), &front.cut()),
            Self::Binary => format!("{it} is no text, so not a trace: {give}"),
            Self::Text => format!("nothing in {name} is of strace: {give}"),
        }
    }
}

impl Tool {
    fn told(self, it: &str) -> String {
        let (tool, what, cure) = match self {
            Self::Audit => ("auditd", "which records no payload", "record with strace, as --help shows"),
            Self::Bpftrace => ("bpftrace", "which is another program", "record with strace, as --help shows"),
            Self::Ftrace => ("ftrace or perf script", "which record no payload", "record with strace, as --help shows"),
            Self::Dtruss => {
                ("dtruss (macOS)", "which is another program", "record on Linux with strace, as --help shows")
            }
            Self::Gvisor => {
                let cure = "record with strace within the container, as --help shows";
                ("gVisor (runsc --strace)", "which cuts payloads and writes calls in its own way", cure)
            }
            Self::Kdump => {
                let cure = "record on Linux with strace, as --help shows";
                ("ktrace and kdump (BSD)", "which are other programs", cure)
            }
            Self::Ltrace => ("ltrace", "which is another program", "record with strace, as --help shows"),
            Self::Perf => ("perf", "which records no payload", "record with strace, as --help shows"),
            Self::Qemu => {
                let cure = "record qemu itself with strace, as --help shows";
                ("qemu -strace", "which prints no payload", cure)
            }
            Self::Sysdig => ("sysdig", "which is another program", "record with strace, as --help shows"),
            Self::Truss => {
                let cure = "record on Linux with strace, as --help shows";
                ("truss (FreeBSD, Solaris, illumos)", "which is another program", cure)
            }
            Self::Valgrind => ("valgrind", "which prints no payload", "record with strace, as --help shows"),
        };
        format!("{it} is of {tool}, {what}: {cure}")
    }
}

/// The command that hands on what `reader` makes of the text.
fn command(name: &Name, compressed: Option<Compression>, reader: &str) -> String {
    let word = name.word();
    match compressed {
        Some(with) => format!("{} {word} | {reader}", with.reader()),
        None => format!("{reader} {word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cures_can_be_typed() {
        let told = |name: &str| Foreign::Xz.told(&Name::new(name), None);
        assert_eq!(told("trace.log.xz"), "trace.log.xz is xz-compressed: xzcat trace.log.xz | strace2pcap OUTPUT -");
        assert!(told("it's").contains(r"xzcat 'it'\''s' |"), "{}", told("it's"));
        assert_eq!(
            Foreign::Bzip2.told(&Name::standard_input(), None),
            "standard input is bzip2-compressed: bzcat FILE | strace2pcap OUTPUT -"
        );
        let wide = Foreign::Wide("UTF-16LE");
        assert_eq!(
            wide.told(&Name::new("a"), None),
            "a is UTF-16 text: iconv -f UTF-16LE -t UTF-8 a | strace2pcap OUTPUT -"
        );
        assert_eq!(
            wide.told(&Name::new("a.zst"), Some(Compression::Zstd)),
            "what is in a.zst is UTF-16 text: zstdcat a.zst | iconv -f UTF-16LE -t UTF-8 | strace2pcap OUTPUT -"
        );
        assert_eq!(
            Foreign::Compressed(Compression::Gzip).told(&Name::new("a.gz"), Some(Compression::Gzip)),
            "what is in a.gz is gzip-compressed: zcat a.gz | zcat | strace2pcap OUTPUT -"
        );
        let quotes = Foreign::Quotes.told(&Name::new("a"), None);
        assert!(quotes.contains("give what strace wrote, or sed -E 's/“|"), "{quotes}");
    }
}
