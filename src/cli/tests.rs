//! What is typed and what comes of it.

use std::path::PathBuf;

use super::{Refused, Task, parse};
use crate::event::Tid;
use crate::glob::Glob;
use crate::run::Options;
use crate::run::options::{Comments, Format, Recorded, ReportFormat, Seed, Verbosity, ViewKind};
use crate::unix::{Ports, Target};

fn typed(arguments: &str) -> Result<Options, Refused> {
    match parse(["strace2pcap"].into_iter().chain(arguments.split_whitespace()))? {
        Task::Convert(options) => Ok(options),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn options(arguments: &str) -> Options {
    typed(arguments).unwrap()
}

#[track_caller]
fn refused(arguments: &str, part: &str) {
    let Err(Refused::Usage(usage)) = typed(arguments) else { panic!("{arguments}") };
    assert!(usage.text.contains(part), "{}", usage.text);
    assert!(usage.text.contains(&usage.message), "{}", usage.message);
}

#[test]
fn the_parser_is_consistent() {
    <super::Typed as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn defaults() {
    let expected = Options {
        output: PathBuf::from("out.pcap"),
        force: false,
        traces: vec![PathBuf::from("-")],
        recorded: Recorded::ByHand,
        net: true,
        unix: false,
        pipes: false,
        pipe_names: Vec::new(),
        unix_names: Vec::new(),
        unix_port: Ports::Fixed(50051),
        unix_port_for: Vec::new(),
        pids: Vec::new(),
        excluded_pids: Vec::new(),
        ports: Vec::new(),
        seed: Seed::None,
        date: None,
        start: None,
        view: ViewKind::Syscall,
        format: Format::Pcap,
        tls_keys: true,
        key_log: None,
        dbus: true,
        comments: Comments::First,
        strict: false,
        report: ReportFormat::Text,
        verbosity: Verbosity::Warnings,
    };
    assert_eq!(options("out.pcap"), expected);
}

#[test]
fn of_two_names_the_last_wins() {
    assert!(!options("out --no-capture-net").net);
    assert!(options("out --no-capture-net --capture-net").net);
    assert!(!options("out --capture-net --no-capture-net").net);
    assert!(options("--no-capture-unix-socket --capture-unix-socket out").unix);
    assert!(!options("--capture-unix-socket --no-capture-unix-socket out").unix);
    assert!(options("--capture-net --capture-net --capture-unix out").unix, "shortened, as argparse has it");
}

#[test]
fn pipes_are_asked_for() {
    assert!(options("out --capture-pipes").pipes);
    assert!(!options("out --capture-pipes").unix);
    let some = options("out --capture-pipes=/run/a* --capture-pipes=/run/b");
    let names: Vec<_> = some.pipe_names.iter().map(Glob::to_string).collect();
    assert_eq!((some.pipes, names), (true, vec!["/run/a*".into(), "/run/b".into()]));
    assert!(options("out --capture-pipes=/a --capture-pipes").pipe_names.is_empty());
}

#[test]
fn names_of_unix_sockets() {
    let names = |arguments: &str| {
        let options = options(arguments);
        let names: Vec<_> = options.unix_names.iter().map(Glob::to_string).collect();
        (options.unix, names.join(" "))
    };
    let some = |text: &str| (true, text.to_owned());
    assert_eq!(names("--capture-unix-socket out.pcap"), some(""));
    assert_eq!(names("--capture-unix-socket=/run/* out --capture-unix=@x"), some("/run/* @x"));
    assert_eq!(names("--capture-unix-socket=/run/a --capture-unix-socket out"), some(""), "all");
    assert_eq!(names("--capture-unix-socket=a --no-capture-unix-socket --capture-unix-socket=b out"), some("b"));
    assert_eq!(names("--capture-unix-socket=a --no-capture-unix-socket out"), (false, String::new()));
    refused("--capture-unix-socket= out", "--capture-unix-socket");
    refused("--capture-unix-socket=[ out", "has no `]`");
}

#[test]
fn ports_of_unix_servers() {
    assert_eq!(options("x.pcapng").unix_port, Ports::Auto);
    assert_eq!(options("x --unix-port auto").unix_port, Ports::Auto);
    assert_eq!(options("- --unix-port 7").unix_port, Ports::Fixed(7));
    let rules = options("x --unix-port-for /a=b*=81 --unix-port-for @x=Redis").unix_port_for;
    let targets: Vec<_> = rules.iter().map(|rule| rule.target).collect();
    assert_eq!(rules[0].names.text(), b"/a=b*");
    assert!(matches!(targets[..], [Target::Port(81), Target::Protocol(redis)] if redis.port == 6379));
    for wrong in ["0", "+7", "65536", "", "any"] {
        refused(&format!("x --unix-port={wrong}"), "nor a port from 1 to 65535");
    }
    refused("x --unix-port-for /run/a", "no `=`");
    refused("x --unix-port-for /run/a=nosuch", "postgresql");
    refused("x --unix-port-for =80", "it is empty");
}

#[test]
fn processes_and_ports() {
    let options = options("x --pid 1,2 --pid=3 --exclude-pid 4 --port 80,8000-8010 --port 53");
    assert_eq!(options.pids, [1, 2, 3].map(Tid));
    assert_eq!(options.excluded_pids, [Tid(4)]);
    assert_eq!(options.ports, [80..=80, 8000..=8010, 53..=53]);
    refused("x --pid self", "no number of a process");
    refused("x --port 9-8", "ends before it begins");
    refused("x --port http", "no port");
    refused("x --port 1-", "no port");
}

#[test]
fn outputs_and_traces() {
    assert_eq!(options("-").format, Format::PcapNg);
    assert_eq!(options("x.pcapng").format, Format::PcapNg);
    assert_eq!(options("x.pcapng --format pcap").format, Format::Pcap);
    assert_eq!(options("- a - b").traces, ["a", "-", "b"].map(PathBuf::from));
    assert_eq!(options("x --view wire").view, ViewKind::Wire);
    assert_eq!(options("x.pcapng").view, ViewKind::Wire);
    assert_eq!(options("-").view, ViewKind::Wire);
    assert_eq!(options("x.pcapng --format pcap").view, ViewKind::Syscall);
    assert_eq!(options("x.pcapng --view syscall").view, ViewKind::Syscall);
}

#[test]
fn seeds_and_voices() {
    assert_eq!(options("x --seed-http2").seed, Seed::Http2);
    assert_eq!(options("x --seed-grpc --seed-http2").seed, Seed::Grpc);
    assert_eq!(options("x -q").verbosity, Verbosity::Quiet);
    assert_eq!(options("x -vv").verbosity, Verbosity::Debug);
    assert_eq!(options("x -v -v -v -v").verbosity, Verbosity::Trace);
    assert!(options("x --strict").strict);
    assert_eq!(options("x --report json").report, ReportFormat::Json);
    assert_eq!(options("x --report=json --report text").report, ReportFormat::Text);
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused("", "OUTPUT");
    refused("x --seed-grpc", "--seed-grpc requires --seed-http2: strace2pcap --seed-http2 x --seed-grpc\n");
    refused("--seed-grpc --run x a b", "strace2pcap --seed-http2 --seed-grpc --run x a b\n");
    refused("$HOME/x --seed-g --port 80", "strace2pcap --seed-http2 '$HOME/x' --seed-g --port 80\n");
    refused("x --view top", "top");
    refused("x -q -v", "--quiet");
    refused("x - -", "once");
    refused("x --capture", "--capture");
}

#[test]
fn options_of_other_programs_for_output_and_trace() {
    for (typed, meant) in [
        ("-o out.pcap t.log", "out.pcap t.log"),
        ("-oout.pcap t.log", "out.pcap t.log"),
        ("t.log -w out.pcap", "out.pcap t.log"),
        ("--output=out.pcap --pid 5 t.log u.log", "out.pcap --pid 5 t.log u.log"),
        ("--outp out.pcap t.log", "out.pcap t.log"),
        ("-r t.log out.pcap", "out.pcap t.log"),
        ("-v -r t.log", "OUTPUT -v t.log"),
        ("-i t.log -o out.pcap", "out.pcap t.log"),
        ("--input t.log --output x;y", "'x;y' t.log"),
        ("-w - -r t.log", "- t.log"),
        ("-o", "OUTPUT"),
        ("-o out.pcap --nosuch t.log", "[OPTIONS] OUTPUT [TRACE...]"),
    ] {
        refused(typed, &format!("OUTPUT is the first argument, TRACE files are the next: strace2pcap {meant}\n"));
    }
    refused("--port 80 --nosuch -o x", "unexpected argument '--nosuch'");
}

#[test]
fn the_calls_to_trace_are_asked_for_without_output() {
    for words in ["--calls", "--calls out trace", "--view wire --calls"] {
        assert!(
            matches!(typed(words), Err(Refused::Answer(calls)) if calls.starts_with("trace=network,read,")),
            "{words}"
        );
    }
    refused("--calls --view top", "top");
}

#[test]
fn manual_and_completions_are_asked_for_without_output() {
    let answer = |words: &str| match typed(words) {
        Err(Refused::Answer(text)) => text,
        other => panic!("{words}: {other:?}"),
    };
    let command = <super::Typed as clap::CommandFactory>::command();
    let options: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let page = answer("--man");
    for title in ["NAME", "SYNOPSIS", "OPTIONS", "\"EXAMPLES\"", "\"EXIT STATUS\"", "\"SIGNALS\"", "\"SEE ALSO\""] {
        assert!(page.contains(&format!("\n.SH {title}\n")), "{title}: {page}");
    }
    assert!(page.contains("\\-o \\(aq! strace2pcap out.pcap\\(aq COMMAND"), "{page}");
    let plain = page.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\(aq", "'");
    for argument in command.get_arguments() {
        let help =
            argument.get_long_help().or_else(|| argument.get_help()).map(ToString::to_string).unwrap_or_default();
        assert!(!help.is_empty() && plain.contains(&help), "{help}: {plain}");
    }
    for option in &options {
        assert!(plain.contains(&format!("--{option}")), "{option}");
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = answer(&format!("--completions {shell}"));
        assert!(options.iter().all(|option| script.contains(option)), "{shell}: {script}");
        assert_eq!(script, answer(&format!("out.pcap trace --completions={shell}")));
    }
    refused("--completions tcsh", "tcsh");
    refused("--completions", "a value is required");
}

#[test]
fn the_short_help_is_one_screen_and_the_long_one_is_all() {
    let told = |flag: &str| match typed(flag) {
        Err(Refused::Asked(told)) => told.to_string(),
        other => panic!("{flag}: {other:?}"),
    };
    let (short, long) = (told("-h"), told("--help"));
    assert!(short.lines().count() <= 24 && short.lines().all(|line| line.chars().count() < 80), "{short}");
    let of_option = |line: &&str| line.trim_start().starts_with('-') && !line.trim_start().starts_with("-o ");
    assert_eq!(short.lines().filter(of_option).count(), 12, "{short}");
    let examples = short.split_once("Examples:\n").expect("it has examples").1;
    assert_eq!(examples.lines().filter(|line| line.starts_with("  strace2pcap ")).count(), 3, "{short}");
    let command = <super::Typed as clap::CommandFactory>::command();
    for option in command.get_arguments().filter_map(clap::Arg::get_long) {
        assert!(long.contains(&format!("--{option}")), "{option}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for (flag, part) in
        [("-h", "strace2pcap --run out.pcapng curl"), ("--help", "Exit codes"), ("-V", env!("CARGO_PKG_VERSION"))]
    {
        let Err(Refused::Asked(told)) = typed(flag) else { panic!("{flag}") };
        assert_eq!(told.exit_code(), 0);
        assert!(told.to_string().contains(part), "{told}");
    }
}

#[test]
fn what_is_done_in_place_of_the_work_is_not_asked_for_beside_it() {
    for instead in ["--calls", "--man", "--completions bash", "--install-wireshark", "--uninstall-wireshark"] {
        refused(&format!("{instead} --run out.pcapng curl"), "cannot be used with");
        refused(&format!("--attach 7 {instead} out.pcapng"), "cannot be used with");
    }
    for placing in ["--install-wireshark", "--uninstall-wireshark"] {
        let other = if placing.starts_with("--i") { "--uninstall-wireshark" } else { "--install-wireshark" };
        for beside in ["out.pcapng", "out.pcapng trace", "--via sudo", "--calls", "--man", "--completions zsh", other] {
            refused(&format!("{placing} {beside}"), "cannot be used with");
        }
        assert!(matches!(parse(["strace2pcap", placing, "-q"]), Ok(Task::Wireshark(_))));
    }
    assert!(
        matches!(typed("--calls out.pcap"), Err(Refused::Answer(_))),
        "what is to be traced may be asked with the same words"
    );
}
