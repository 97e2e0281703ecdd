//! The arguments as typed. A new option is a field here, a field in [`Options`], and a line in [`Typed::checked`].

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::{ArgPredicate, OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::given::{command_of, given};
use super::values::{self, NameFilter};
use super::{help, manual, subject};
use crate::dates::{self, Date};
use crate::event::{Tid, Timestamp};
use crate::install::Intent;
use crate::record::{Recording, Subject};
use crate::run::Options;
use crate::run::options::{Comments, Format, Recorded, ReportFormat, Seed, Verbosity, ViewKind, format_of, view_of};
use crate::strace::calls_to_trace;
use crate::unix::{PortRule, Ports, UNKNOWN_PORT};

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// To convert traces.
    Convert(Options),
    /// To record one.
    Record(Recording),
    /// To put our files where Wireshark looks for them, or to take them away.
    Wireshark(Intent),
}

/// The headings of `--help`. What most people need stands in front of them, and alone in `-h`, each on one line.
const CONVERTED: &str = "More of what is converted";
const WRITTEN: &str = "More of what is written";
const TOLD: &str = "More of what is told";

/// How it is called.
const USAGE: &str = "strace2pcap [OPTIONS] OUTPUT [TRACE...]
       strace2pcap [OPTIONS] --run OUTPUT COMMAND [ARG...]
       strace2pcap [OPTIONS] --attach PID[,PID...] OUTPUT";

/// What is not done beside printing a text, which is done in its place; and what not beside placing files.
const NO_TEXT: [&str; 2] = ["run", "attach"];
const NO_PLACING: [&str; 7] = ["run", "attach", "via", "output", "calls", "man", "completions"];

/// The arguments as typed.
#[derive(Debug, Parser)]
#[command(
    name = "strace2pcap",
    version,
    about = help::SHORT_ABOUT,
    long_about = help::ABOUT,
    after_help = help::SHORT_AFTER,
    after_long_help = help::after(),
    override_usage = USAGE,
    // Scripts written for py_strace2pcap.py may shorten long options, as Python's argparse lets them.
    infer_long_args = true,
    args_override_self = true,
    max_term_width = 100
)]
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
pub struct Typed {
    /// Where the capture goes: a file, or - for standard output; a capture that is there is replaced
    #[arg(
        value_name = "OUTPUT",
        hide_short_help = true,
        value_hint = ValueHint::FilePath,
        required = false,
        required_unless_present_any = ["calls", "man", "completions", "install_wireshark", "uninstall_wireshark"],
        default_value_ifs([
            ("calls", ArgPredicate::Equals("true".into()), "-"),
            ("man", ArgPredicate::Equals("true".into()), "-"),
            ("completions", ArgPredicate::IsPresent, "-"),
            ("install_wireshark", ArgPredicate::Equals("true".into()), "-"),
            ("uninstall_wireshark", ArgPredicate::Equals("true".into()), "-"),
        ])
    )]
    output: PathBuf,

    /// strace's text, also compressed by gzip or zstd: files, or - for standard input, which is also read when none is named
    #[arg(value_name = "TRACE", hide_short_help = true, value_hint = ValueHint::FilePath)]
    traces: Vec<PathBuf>,

    /// Record the COMMAND behind OUTPUT
    #[arg(
        long,
        long_help = "Record a command: strace is started with what a conversion needs. The words behind OUTPUT are the command's; it keeps its standard input, output and exit status",
        conflicts_with = "attach"
    )]
    run: bool,

    /// Record processes, and what they have made
    #[arg(
        long,
        long_help = "Record processes that run, and those that they have made or will make, until Ctrl-C; they go on afterwards",
        value_name = "PID,…",
        value_delimiter = ',',
        value_parser = values::process
    )]
    attach: Vec<u32>,

    /// With --run and --attach: what strace is started by, as 'ssh HOST', 'docker exec -i NAME' or sudo; there must be strace and a shell
    #[arg(long, value_name = "PREFIX", value_parser = OsStringValueParser::new(), hide_short_help = true)]
    via: Option<OsString>,

    /// Leave out IPv4 and IPv6 sockets
    #[arg(long, overrides_with = "capture_net", help_heading = CONVERTED, hide_short_help = true)]
    no_capture_net: bool,

    /// Convert IPv4 and IPv6 sockets (the default)
    #[arg(long, overrides_with = "no_capture_net", help_heading = CONVERTED, hide_short_help = true)]
    capture_net: bool,

    /// UNIX sockets too, or those named so
    #[arg(
        long,
        long_help = "Convert UNIX sockets, as TCP conversations; with =GLOB only those with such a name, may be repeated",
        value_name = "GLOB",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = values::ALL,
        value_parser = OsStringValueParser::new().try_map(|text| values::names(&text)),
        overrides_with = "no_capture_unix_socket"
    )]
    capture_unix_socket: Vec<NameFilter>,

    /// Leave out UNIX sockets (the default)
    #[arg(long, overrides_with = "capture_unix_socket", help_heading = CONVERTED, hide_short_help = true)]
    no_capture_unix_socket: bool,

    /// Pipes and FIFOs too, or those named so
    #[arg(
        long,
        long_help = "Convert pipes and FIFOs, as TCP conversations from the writer to the reader; with =GLOB only those with such a name or path, may be repeated",
        value_name = "GLOB",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = values::ALL,
        value_parser = OsStringValueParser::new().try_map(|text| values::names(&text))
    )]
    capture_pipes: Vec<NameFilter>,

    /// Only what these processes or threads do
    #[arg(
        long,
        long_help = "Only what these processes or threads do; may be repeated",
        value_name = "N,…",
        value_delimiter = ',',
        value_parser = values::pid
    )]
    pid: Vec<Tid>,

    /// Nothing that these processes or threads do; may be repeated
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        value_parser = values::pid,
        help_heading = CONVERTED,
        hide_short_help = true
    )]
    exclude_pid: Vec<Tid>,

    /// Only what has one of these ports
    #[arg(
        long,
        long_help = "Only what has one of these ports, or one in a range like 8000-8010, at either end; may be repeated",
        value_name = "N,…",
        value_delimiter = ',',
        value_parser = values::port_range
    )]
    port: Vec<RangeInclusive<u16>>,

    /// Begin HTTP/2 joined midway with its preface, so that Wireshark decodes it; on TCP in the wire view alone
    #[arg(long, help_heading = CONVERTED, hide_short_help = true)]
    seed_http2: bool,

    /// And gRPC in it with the headers that Wireshark needs; requires --seed-http2
    #[arg(long, help_heading = CONVERTED, hide_short_help = true)]
    seed_grpc: bool,

    /// The day on which times of day (strace -t, -tt) begin, in local time [default: such that the trace file ends when it was last written, else today]
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = CONVERTED, hide_short_help = true)]
    date: Option<Date>,

    /// When relative times (strace -r) begin: seconds since 1970, or a date and time [default: 0]
    #[arg(
        long,
        value_name = "SECONDS|DATE-TIME",
        value_parser = dates::start,
        help_heading = CONVERTED,
        hide_short_help = true
    )]
    start: Option<Timestamp>,

    /// What a packet is: a call, or a segment
    #[arg(
        long,
        value_enum,
        long_help = "What a packet is: a payload call, marked with PID, fd and call (syscall), or a segment or datagram as the interface would have had it, with handshakes (wire) [default: wire for pcapng, syscall for pcap]",
        value_name = "syscall|wire",
        hide_possible_values = true
    )]
    view: Option<TypedView>,

    /// The port of UNIX servers: a number, or by the service, so that Wireshark picks its dissector [default: auto in the wire view, else 50051]
    #[arg(long, value_name = "auto|N", value_parser = values::unix_port, help_heading = WRITTEN, hide_short_help = true)]
    unix_port: Option<Ports>,

    /// The port of UNIX servers with such a name, above all else: a number, or a protocol like http or redis; the first that fits counts
    #[arg(
        long,
        value_name = "GLOB=N|NAME",
        value_parser = OsStringValueParser::new().try_map(|text| values::port_rule(&text)),
        help_heading = WRITTEN,
        hide_short_help = true
    )]
    unix_port_for: Vec<PortRule>,

    /// The capture's format [default: pcapng for NAME.pcapng and -, else pcap]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = WRITTEN, hide_short_help = true)]
    format: Option<TypedFormat>,

    /// A file with TLS keys (SSLKEYLOGFILE), beside those that traced programs write: Wireshark decrypts with them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = WRITTEN, hide_short_help = true)]
    keylog: Option<PathBuf>,

    /// Leave out the TLS keys that traced programs write to files (SSLKEYLOGFILE)
    #[arg(long, help_heading = WRITTEN, hide_short_help = true)]
    no_tls_keys: bool,

    /// Leave D-Bus a TCP conversation in pcapng too, for programs that read no file with two kinds of interfaces
    #[arg(long, help_heading = WRITTEN, hide_short_help = true)]
    no_dbus: bool,

    /// Which packets of pcapng say in a comment who made them: the first of each conversation and where that changes, all, or none, which leaves out other comments too [default: first]
    #[arg(
        long,
        value_enum,
        value_name = "first|all|none",
        hide_possible_values = true,
        help_heading = WRITTEN,
        hide_short_help = true
    )]
    comments: Option<TypedComments>,

    /// Overwrite OUTPUT also where it is no capture
    #[arg(long, help_heading = WRITTEN, hide_short_help = true)]
    force: bool,

    /// Print what strace -e needs for this
    #[arg(
        long,
        long_help = "Print what strace's -e needs for these options, and convert nothing; OUTPUT is not needed",
        conflicts_with_all = NO_TEXT
    )]
    calls: bool,

    /// Print the manual page, for man -l - or a file strace2pcap.1
    #[arg(long, help_heading = TOLD, hide_short_help = true, conflicts_with_all = NO_TEXT)]
    man: bool,

    /// Put the interface, the profile and the fields of strace2pcap into your Wireshark
    #[arg(long, help_heading = TOLD, hide_short_help = true, conflicts_with_all = NO_PLACING)]
    install_wireshark: bool,

    /// And take them away again
    #[arg(long, help_heading = TOLD, hide_short_help = true, conflicts_with = "install_wireshark", conflicts_with_all = NO_PLACING)]
    uninstall_wireshark: bool,

    /// Print what completes these options in a shell
    #[arg(long, value_enum, value_name = "SHELL", help_heading = TOLD, hide_short_help = true, conflicts_with_all = NO_TEXT)]
    completions: Option<Shell>,

    /// Exit with 3 if a line was not understood, or bytes or addresses are missing
    #[arg(long, help_heading = TOLD, hide_short_help = true)]
    strict: bool,

    /// How the end is told on stderr: lines for a person, or one line of JSON for scripts, also with -q [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = TOLD, hide_short_help = true)]
    report: Option<TypedReport>,

    /// Tell more: a summary
    #[arg(
        short,
        long,
        action = ArgAction::Count,
        long_help = "Tell more on stderr: -v a summary, -vv how things were understood"
    )]
    verbose: u8,

    /// Tell errors only
    #[arg(short, long, conflicts_with = "verbose", long_help = "Tell errors only, and show no progress")]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypedView {
    /// One packet a payload call, marked with PID, fd and call
    Syscall,
    /// Segments and datagrams with their handshakes
    Wire,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypedFormat {
    /// Classic pcap, with microseconds
    Pcap,
    /// With nanoseconds
    Pcapng,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypedComments {
    /// The first of each conversation, and where it changes
    First,
    /// All packets
    All,
    /// No packet
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypedReport {
    /// Warnings, with -v a summary
    Text,
    /// One object: version, counts, losses, notes, hints, errors
    Json,
}

impl Typed {
    /// The text that is asked for in place of a conversion.
    pub(super) fn answer(&self) -> Option<String> {
        if self.calls {
            Some(calls_to_trace(!self.capture_pipes.is_empty()))
        } else if self.man {
            Some(manual::page(Self::command()))
        } else {
            self.completions.map(completions)
        }
    }

    /// What there is to do, if it makes sense. `words` are all that was typed but `command`, which was typed behind OUTPUT.
    pub(super) fn checked(mut self, words: &[OsString], command: &[OsString]) -> Result<Task, clap::Error> {
        if self.install_wireshark || self.uninstall_wireshark {
            return Ok(Task::Wireshark(if self.install_wireshark { Intent::Install } else { Intent::Uninstall }));
        }
        let via = self.via.take();
        if via.as_ref().is_some_and(|via| via.as_encoded_bytes().trim_ascii().is_empty()) {
            return Err(usage(
                "--via is empty: it names where strace is started (--via 'ssh web1'); without it, it is here",
            ));
        }
        let pids = std::mem::take(&mut self.attach);
        let subject = if self.run {
            subject::of(command)
        } else if pids.is_empty() {
            return match via {
                Some(_) => Err(usage("--via goes with --run or --attach: it names where strace is started")),
                None => self.options(words).map(Task::Convert),
            };
        } else {
            Subject::Processes(pids)
        };
        if let Some(message) = subject::refused(&subject, !self.traces.is_empty()) {
            return Err(usage(message));
        }
        let options = Options { recorded: subject.recorded(), ..self.options(&[words, command].concat())? };
        Ok(Task::Record(Recording { subject, via, options, is_silent: false }))
    }

    /// What a conversion needs, if it makes sense.
    fn options(self, words: &[OsString]) -> Result<Options, clap::Error> {
        let format = match self.format {
            Some(TypedFormat::Pcap) => Format::Pcap,
            Some(TypedFormat::Pcapng) => Format::PcapNg,
            None => format_of(&self.output),
        };
        let traces = if self.traces.is_empty() { vec![PathBuf::from("-")] } else { self.traces };
        if traces.iter().filter(|trace| trace.as_os_str() == "-").count() > 1 {
            return Err(usage("standard input can be read once: give `-` once"));
        }
        let view = match self.view {
            Some(TypedView::Wire) => ViewKind::Wire,
            Some(TypedView::Syscall) => ViewKind::Syscall,
            None => view_of(format),
        };
        Ok(Options {
            output: self.output,
            force: self.force,
            traces,
            recorded: Recorded::ByHand,
            net: !self.no_capture_net,
            unix: !self.capture_unix_socket.is_empty(),
            pipes: !self.capture_pipes.is_empty(),
            pipe_names: values::patterns(self.capture_pipes),
            unix_names: values::patterns(self.capture_unix_socket),
            unix_port: self.unix_port.unwrap_or(match view {
                ViewKind::Wire => Ports::Auto,
                ViewKind::Syscall => Ports::Fixed(UNKNOWN_PORT),
            }),
            unix_port_for: self.unix_port_for,
            pids: self.pid,
            excluded_pids: self.exclude_pid,
            ports: self.port,
            seed: seed(self.seed_http2, self.seed_grpc, words)?,
            date: self.date,
            start: self.start,
            view,
            format,
            tls_keys: !self.no_tls_keys,
            key_log: self.keylog,
            dbus: !self.no_dbus,
            comments: match self.comments {
                Some(TypedComments::All) => Comments::All,
                Some(TypedComments::None) => Comments::None,
                Some(TypedComments::First) | None => Comments::First,
            },
            strict: self.strict,
            report: match self.report {
                Some(TypedReport::Json) => ReportFormat::Json,
                Some(TypedReport::Text) | None => ReportFormat::Text,
            },
            verbosity: if self.quiet { Verbosity::Quiet } else { verbosity(self.verbose) },
        })
    }
}

/// What completes the options in `shell`.
fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Typed::command(), "strace2pcap", &mut script);
    String::from_utf8_lossy(&script).trim_end().to_owned()
}

fn seed(http2: bool, grpc: bool, words: &[OsString]) -> Result<Seed, clap::Error> {
    match (http2, grpc) {
        (false, false) => Ok(Seed::None),
        (true, false) => Ok(Seed::Http2),
        (true, true) => Ok(Seed::Grpc),
        (false, true) => {
            let command = command_of(["--seed-http2".as_ref()].into_iter().chain(given(words)));
            Err(usage(&format!("--seed-grpc requires --seed-http2: {command}")))
        }
    }
}

const fn verbosity(times: u8) -> Verbosity {
    match times {
        0 => Verbosity::Warnings,
        1 => Verbosity::Summary,
        2 => Verbosity::Debug,
        _ => Verbosity::Trace,
    }
}

/// An error of the command line, told as clap tells its own.
pub(super) fn usage(message: &str) -> clap::Error {
    Typed::command().error(ErrorKind::ArgumentConflict, message)
}
