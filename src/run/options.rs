//! What a run is to do, as the rooms need it. [`crate::cli`] makes it from what was typed.
//!
//! A new option goes here and in `cli/typed.rs`, which turns the one into the other.

use std::path::{Path, PathBuf};

pub use crate::capture::{Comments, Format};
use crate::dates::Date;
use crate::event::{Tid, Timestamp};
use crate::glob::Glob;
pub use crate::packets::ViewKind;
pub use crate::packets::http2::Seed;
use crate::unix::{PortRule, Ports};
use std::ops::RangeInclusive;

/// The view that a format holds if none is asked for: pcap what the predecessor wrote, pcapng the full picture.
pub const fn view_of(format: Format) -> ViewKind {
    match format {
        Format::Pcap => ViewKind::Syscall,
        Format::PcapNg => ViewKind::Wire,
    }
}

/// The format that an output's name stands for: pcapng for `NAME.pcapng` and standard output, else pcap.
pub fn format_of(output: &Path) -> Format {
    let extension = output.extension();
    if output.as_os_str() == "-" || extension.is_some_and(|it| it.eq_ignore_ascii_case("pcapng")) {
        Format::PcapNg
    } else {
        Format::Pcap
    }
}

/// How a run's end is told on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    /// Lines for a person.
    #[default]
    Text,
    /// One line of JSON, whatever the verbosity.
    Json,
    /// Entries of a journal at the end of the capture: Wireshark shows what an interface of its says as a failure.
    Within,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only, and no progress bar.
    Quiet,
    /// Also what was lost or will surprise.
    #[default]
    Warnings,
    /// Also what was done.
    Summary,
    /// Also how.
    Debug,
    /// Everything.
    Trace,
}

/// Who chose what strace records, which decides what there is to be said where something is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recorded {
    /// A person.
    #[default]
    ByHand,
    /// We did, for a command.
    Started,
    /// We did, for processes that ran.
    Attached,
}

impl Recorded {
    /// The cure where a person chose, or else the one where we did.
    pub const fn cure<'c>(self, by_hand: &'c str, ours: &'c str) -> &'c str {
        match self {
            Self::ByHand => by_hand,
            Self::Started | Self::Attached => ours,
        }
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Options {
    /// Where the capture goes; `-` is standard output.
    pub output: PathBuf,
    /// Overwrite it also where it is no capture.
    pub force: bool,
    /// Where the trace comes from, at least one; `-` is standard input.
    pub traces: Vec<PathBuf>,
    /// Who chose what is in them.
    pub recorded: Recorded,
    /// Convert IPv4 and IPv6 sockets.
    pub net: bool,
    /// Convert UNIX sockets.
    pub unix: bool,
    /// Convert pipes and FIFOs.
    pub pipes: bool,
    /// Of these only those with a name that one of these patterns is for, which are FIFOs where the trace does not tell;
    /// all if there are none.
    pub pipe_names: Vec<Glob>,
    /// Of UNIX sockets only those with a name that one of these patterns is for; all if there are none.
    pub unix_names: Vec<Glob>,
    /// The ports of UNIX servers.
    pub unix_port: Ports,
    /// And of those with certain names.
    pub unix_port_for: Vec<PortRule>,
    /// Only what these threads do, or all threads of these processes; everybody if there are none.
    pub pids: Vec<Tid>,
    /// And nothing that these do.
    pub excluded_pids: Vec<Tid>,
    /// Only what has one of these ports at either end; everything if there are none.
    pub ports: Vec<RangeInclusive<u16>>,
    /// What UNIX conversations begin with.
    pub seed: Seed,
    /// The day of a trace whose times have none; that of its file if not given.
    pub date: Option<Date>,
    /// When a trace with relative times begins; 1970 if not given.
    pub start: Option<Timestamp>,
    /// What a packet stands for.
    pub view: ViewKind,
    /// The format of the capture.
    pub format: Format,
    /// Look for TLS keys in what traced programs write to files.
    pub tls_keys: bool,
    /// A file with more of them.
    pub key_log: Option<PathBuf>,
    /// Show D-Bus as messages where the format can hold them.
    pub dbus: bool,
    /// Which packets of pcapng have comments.
    pub comments: Comments,
    /// Fail if something was not understood or was lost.
    pub strict: bool,
    /// How the end is told.
    pub report: ReportFormat,
    /// How much is said.
    pub verbosity: Verbosity,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_the_format() {
        let format = |name: &str| format_of(Path::new(name));
        assert_eq!(format("-"), Format::PcapNg);
        assert_eq!(format("a/b.pcapng"), Format::PcapNg);
        assert_eq!(format("b.PCAPNG"), Format::PcapNg);
        for name in ["out.pcap", "out", "pcapng", ".pcapng", "out.pcapng.pcap", "/dev/stdout"] {
            assert_eq!(format(name), Format::Pcap, "{name}");
        }
    }
}
