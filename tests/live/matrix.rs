//! One program under strace with many combinations of its options: each trace must give the capture that the recommended
//! options give, but for what its own options withhold.
//!
//! The program is `tests/live/programs/everything.c`. A new combination is a line in [`COMBINATIONS`]; `ROW=text` restricts
//! a run to those that hold the text, and `KEEP=folder` keeps the traces, for a person who asks why a test failed.

use crate::common::packet::{Packet, Transport};
use crate::common::program::{Folder, good_packet, run_in};
use crate::likeness::{Withheld, differences};
use crate::support::{Running, ShortFolder, compiled, free_port, has, has_ipv6};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};
use strace2pcap::inside::calls_to_trace;

/// The options that the others are held against: they withhold nothing.
const FULL: &str = "-f -o @ -s 1048576 -ttt -T -yy -xx";

/// Options of strace, `@` for the trace's file: without it the trace comes on standard error. `CALLS` is what
/// `--calls` prints.
const COMBINATIONS: [&str; 107] = [
    // How strings are printed, and how much of them.
    FULL,
    "-f -o @ -s 1048576 -ttt -T -yy",
    "-f -o @ -s 1048576 -ttt -T -yy -x",
    "-f -o @ -s 1048576 -ttt -T -yy --strings-in-hex=all",
    "-f -o @ -s 1048576 -ttt -T -yy --strings-in-hex=non-ascii",
    "-f -o @ -s 1048576 -ttt -T -yy --strings-in-hex=non-ascii-chars",
    "-f -o @ -s 1048576 -ttt -T -yy --strings-in-hex=none",
    "-f -o @ -ttt -T -yy -xx",
    "-f -o @ -s 32 -ttt -T -yy",
    "-f -o @ -s 33 -ttt -T -y -x",
    "-f -o @ -s 4096 -ttt -T -yy",
    "-f -o @ -s 3 -ttt -T -yy -x",
    "-f -o @ -s 0 -ttt -T -yy -e read=all -e write=all",
    "-f -o @ -s 3 -ttt -T -yy -e read=all -e write=all",
    "-f -o @ -s 32 -ttt -T -yy -e read=all -e write=all",
    "-f -o @ -s 32 -ttt -T -xx -e read=all -e write=all",
    "-f -o @ -s 32 -ttt -T -yy -e write=all",
    "-f -o @ -s 1048576 -ttt -T -yy -e read=all -e write=all",
    // Times and durations.
    "-f -o @ -s 1048576 -ttt -yy -xx",
    "-f -o @ -s 1048576 -tt -T -yy -xx",
    "-f -o @ -s 1048576 -t -T -yy -xx",
    "-f -o @ -s 1048576 -t",
    "-f -o @ -s 1048576 -r -T -yy -xx",
    "-f -o @ -s 1048576 -r",
    "-f -o @ -s 1048576 -tt -r -T -yy",
    "-f -o @ -s 1048576 -ttt -r -T -yy",
    "-f -o @ -s 1048576 -yy -xx",
    "-f -o @ -s 1048576",
    "-f -o @ -s 1048576 --absolute-timestamps=format:unix,precision:s -T -yy",
    "-f -o @ -s 1048576 --absolute-timestamps=format:unix,precision:ms -T -yy",
    "-f -o @ -s 1048576 --absolute-timestamps=unix,us --syscall-times=s -yy",
    "-f -o @ -s 1048576 --absolute-timestamps=unix,ns --syscall-times=ns -yy",
    "-f -o @ -s 1048576 --absolute-timestamps=time,ns --syscall-times=ms -yy",
    "-f -o @ -s 1048576 --absolute-timestamps=time,ms -y",
    "-f -o @ -s 1048576 --relative-timestamps=s -yy",
    "-f -o @ -s 1048576 --relative-timestamps=ms -T -yy",
    "-f -o @ -s 1048576 --relative-timestamps=ns -T -yy",
    // What stands behind descriptors.
    "-f -o @ -s 1048576 -ttt -T",
    "-f -o @ -s 1048576 -ttt -T -y",
    "-f -o @ -s 1048576 -ttt -T -y -xx",
    "-f -o @ -s 1048576 -ttt -T --decode-fds=socket",
    "-f -o @ -s 1048576 -ttt -T --decode-fds=socket,pidfd -xx",
    "-f -o @ -s 1048576 -ttt -T --decode-fds=path",
    "-f -o @ -s 1048576 -ttt -T --decode-fds=dev",
    "-f -o @ -s 1048576 -ttt -T --decode-fds=all -xx",
    // A file for each thread; standard error; one thread alone.
    "-ff -o @ -s 1048576 -ttt -T -yy -xx",
    "-ff -o @ -s 1048576 -ttt -yy",
    "-ff -o @ -s 1048576 -tt -y",
    "-ff -o @ -s 1048576 -ttt -T",
    "-ff -o @ --absolute-timestamps=time,ns -s 32 -yy",
    "-f --output-separately -o @ -s 1048576 -ttt -T -yy",
    "-f -s 1048576 -ttt -T -yy -xx",
    "-f -s 1048576 -r -y",
    "-f -s 1048576",
    "-f -s 1048576 -tt -T -Y",
    "-f -s 1048576 -ttt -q -i -n",
    "-s 1048576 -ttt -T -yy -xx -o @",
    "-s 1048576 -o @",
    "-s 1048576 -ttt -T -y",
    "-s 1048576",
    // What else may stand before and behind a call.
    "-f -o @ -s 1048576 -ttt -T -yy -i",
    "-f -o @ -s 1048576 -ttt -T -yy -n",
    "-f -o @ -s 1048576 -tt -r -T -y -i -n -x",
    "-f -o @ -s 1048576 -ttt -T -yy -k",
    "-f -o @ -s 1048576 -ttt -T -yy -Y",
    "-f -o @ -s 1048576 -ttt -T -yy --decode-pids=comm,pidns -xx",
    "-f -o @ -s 1048576 -ttt -T --decode-pids=pidns",
    // Which lines there are.
    "-f -o @ -s 1048576 -ttt -T -yy -xx -z",
    "-f -o @ -s 1048576 -ttt -T -z",
    "-f -o @ -s 1048576 -ttt -T -yy --status=successful,failed",
    "-f -o @ -s 1048576 -ttt -T -yy --status=!unfinished",
    "-f -o @ -s 1048576 -ttt -T -y --status=successful,unfinished",
    "-f -o @ -s 1048576 -ttt -T -yy -q",
    "-f -o @ -s 1048576 -ttt -T -yy -qq",
    "-f -o @ -s 1048576 -ttt -T -qqq",
    "-f -o @ -s 1048576 -ttt -T -yy --quiet=exit,attach",
    // How arguments are printed.
    "-f -o @ -s 1048576 -ttt -T -yy -v",
    "-f -o @ -s 32 -ttt -T -v",
    "-f -o @ -s 1048576 -ttt -T -yy -e abbrev=none",
    "-f -o @ -s 1048576 -ttt -T -yy -X abbrev",
    "-f -o @ -s 1048576 -ttt -T -yy -X verbose",
    "-f -o @ -s 1048576 -ttt -T -xx -X verbose -v",
    "-f -o @ -s 1048576 -ttt -T -yy -X raw",
    "-f -o @ -s 1048576 -ttt -T -X raw",
    "-f -s 1048576 -r -y -xx -X raw",
    "-f -o @ -s 1048576 -ttt -T -yy -a 1",
    "-f -o @ -s 1048576 -ttt -T -yy -a 80 -xx",
    "-f -o @ -s 1048576 -a 200",
    // What is traced.
    "-f -o @ -s 1048576 -ttt -T -yy -xx --seccomp-bpf",
    "-f -o @ -s 1048576 -ttt -T -yy -xx --seccomp-bpf -e CALLS",
    "-f -o @ -s 1048576 -ttt -T -yy -xx -e CALLS",
    "-f -o @ -s 1048576 -ttt -T -e CALLS,?pidfd_open",
    "-f -o @ -s 1048576 -ttt -T -yy -e trace=%network,%desc,%process,close_range",
    "-f -o @ -s 1048576 -ttt -T -y -e trace=!%memory",
    "-f -o @ -s 1048576 -ttt -T -yy -e signal=none",
    "-f -o @ -s 1048576 -ttt -T -e signal=!SIGCHLD",
    "-f -o @ -s 1048576 -ttt -T -yy -b execve",
    "-f -o @ -s 1048576 -ttt -T -b execve",
    // How strace runs.
    "-f -D -o @ -s 1048576 -ttt -T -yy -xx",
    "-f -DDD -o @ -s 1048576 -ttt -T -yy",
    "-f -C -o @ -s 1048576 -ttt -T -yy",
    "-f -C -w -s 1048576 -ttt -T",
    "-f -o @ -A -s 1048576 -ttt -T -yy",
    "-f -o @ -A -s 1048576",
    "-f -o @ -s 1048576 -ttt -T -yy -I 4 -E NAME=value",
    "-f -o @ -s 1048576 -ttt -T -yy -e raw=poll,brk,mmap",
    "-f -o @ -s 1048576 -ttt -T -yy -e inject=getpid:delay_enter=10",
];

const VIEWS: [&str; 2] = ["syscall", "wire"];

/// What one run came to: the packets and the warnings of both views.
struct Run {
    captures: [Vec<Packet>; 2],
    warnings: [String; 2],
    /// When it began and ended, in nanoseconds since 1970.
    began: u64,
    ended: u64,
}

/// A combination, taken apart.
#[derive(Clone, Copy)]
struct Options<'a>(&'a str);

impl<'a> Options<'a> {
    fn words(self) -> impl Iterator<Item = &'a str> {
        self.0.split_whitespace()
    }

    fn has(self, wanted: &str) -> bool {
        self.words().any(|word| word == wanted)
    }

    fn holds(self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// Only the first thread is traced.
    fn is_alone(self) -> bool {
        !(self.has("-f") || self.has("-ff"))
    }

    /// How many times the program is run into the same file.
    fn runs(self) -> usize {
        if self.has("-A") { 2 } else { 1 }
    }

    /// How many bytes of a string are printed.
    fn string_length(self) -> usize {
        let length = self.words().skip_while(|word| *word != "-s").nth(1);
        length.map_or(32, |length| length.parse().expect("-s has a number"))
    }

    /// Whether strings have their rest in dumps.
    fn has_dumps(self) -> bool {
        self.holds("read=all")
    }

    fn withheld(self) -> Withheld {
        let length = self.string_length();
        let detailed = self.has("-yy") || self.holds("=socket") || self.holds("--decode-fds=all");
        let numbered = self.has("-ff") || (self.has("-f") && self.holds("@"));
        Withheld {
            numbers: !numbered,
            details: !detailed,
            payload: (length < 5000 && !self.has_dumps()).then_some(length),
            failures: self.has("-z") || self.holds("--status=successful,unf"),
        }
    }

    /// How exact the times are that lines begin with, in nanoseconds; none if they do not tell a time, or only how long it
    /// is after another.
    fn clock(self) -> Option<u64> {
        let form = self.words().find(|word| word.starts_with("--absolute-timestamps"));
        let precision = form.and_then(|form| form.rsplit([',', ':']).next());
        match precision {
            Some("s") => Some(1_000_000_000),
            Some("ms") => Some(1_000_000),
            None if self.has("-t") => Some(1_000_000_000),
            None if !(self.has("-tt") || self.has("-ttt")) => None,
            _ => Some(1_000),
        }
    }

    /// Whether the converter may say so.
    fn may_warn(self, warning: &str) -> bool {
        let is = |text: &str| warning.contains(text);
        let length = self.string_length();
        let cut = length < if self.has_dumps() { 1 } else { 5000 };
        let times_of_day = self.has("-t") || self.has("-tt") || self.holds("timestamps=time");
        (is("by strace's -s") && cut)
            || (is("times of day have no date") && times_of_day)
            || (is("times") && self.clock().is_none())
            // The syscall view writes a datagram before its socket's port is known.
            || is("before -yy found their own")
            || (is("invented") && (self.withheld().details || length == 0))
    }
}

/// Runs the program under strace with `options` and converts what strace writes.
fn run(binary: &Path, options: Options<'_>) -> Run {
    let folder = ShortFolder::new();
    let file = folder.file("trace");
    let began = now();
    for _ in 0..options.runs() {
        let mut command = Command::new("strace");
        command.env("TZ", "UTC").current_dir(folder.path());
        command.args(options.words().map(|word| word.replace('@', &file)));
        command.arg(binary);
        command.args([free_port(), free_port()].map(|port| port.to_string()));
        command.arg(folder.path());
        command.args(options.is_alone().then_some("alone"));
        let (_, said) = Running::start(&mut command).succeed();
        if !options.holds("@") {
            fs::write(&file, said).expect("the folder is ours");
        }
    }
    let ended = now();
    let traces = traces(folder.path());
    if let Some(kept) = std::env::var_os("KEEP") {
        for trace in &traces {
            let name = format!("{}.{trace}", options.0.replace(['/', ' '], "_"));
            fs::copy(folder.file(trace), Path::new(&kept).join(name)).expect("KEEP names a folder");
        }
    }
    let [(first, said_first), (second, said_second)] = VIEWS.map(|view| convert(folder.path(), view, &traces));
    Run { captures: [first, second], warnings: [said_first, said_second], began, ended }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.expect("it is later").as_nanos()).expect("it is before 2554")
}

/// The trace, or one for each thread in the order of their numbers.
fn traces(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is ours");
    let names = entries.map(|entry| entry.expect("it can be listed").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("trace"));
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
}

fn convert(folder: &Path, view: &str, traces: &[String]) -> (Vec<Packet>, String) {
    let mut arguments = vec!["--view", view, "--capture-unix-socket", "out.pcapng"];
    arguments.extend(traces.iter().map(String::as_str));
    let outcome = run_in(folder, &arguments, b"");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let packets = outcome.capture().records.iter().map(good_packet).collect();
    (packets, outcome.stderr)
}

/// What is wrong with one view of a run.
fn wrong(options: Options<'_>, ours: &Run, truth: &Run, view: usize) -> Vec<String> {
    let packets = &ours.captures[view];
    let (packets, truth) = (known(options, packets), known(options, &truth.captures[view]));
    let mut wrong = Vec::new();
    for run in 0..options.runs() {
        // Everything of the first run comes before the second.
        let end = packets.len().min(truth.len() * (run + 1));
        let part = packets.get(truth.len() * run..end).unwrap_or_default();
        wrong.extend(differences(part, truth, options.withheld()));
    }
    if packets.len() > truth.len() * options.runs() {
        wrong.push(format!("{} packets, truly {}", packets.len(), truth.len() * options.runs()));
    }
    let warnings = ours.warnings[view].lines();
    wrong.extend(warnings.filter(|line| !options.may_warn(line)).map(str::to_string));
    wrong.extend(packets.iter().find_map(|packet| wrong_time(options, ours, packet.time)));
    wrong
}

/// The packets that the trace can tell of. A process that strace detaches from when it executes another program sends
/// unseen from then on. At `-s 0` every array is empty: messages have no addresses, and pairs of sockets no numbers.
fn known<'a>(options: Options<'_>, packets: &'a [Packet]) -> &'a [Packet] {
    let is_unknown = |packet: &Packet| {
        (options.holds("-b execve") && packet.payload.starts_with(b"from a shell"))
            || (options.string_length() == 0 && packet.transport == Transport::Udp)
    };
    let end = packets.iter().position(is_unknown);
    &packets[..end.unwrap_or(packets.len())]
}

/// Says so if a packet's time is not one of the run. Without a clock in the trace it is near 1970.
fn wrong_time(options: Options<'_>, run: &Run, time: u64) -> Option<String> {
    let right = match options.clock() {
        Some(exactness) => run.began - exactness <= time && time <= run.ended,
        None => time <= run.ended - run.began,
    };
    (!right).then(|| format!("time {time}, but it ran from {} to {}", run.began, run.ended))
}

/// Checks one combination; what is wrong, as text for a person.
fn check(binary: &Path, combination: &str, truths: &[Run; 2]) -> String {
    let combination = combination.replace("CALLS", &calls_to_trace(false));
    let options = Options(&combination);
    let ours = run(binary, options);
    let truth = &truths[usize::from(options.is_alone())];
    let mut text = String::new();
    for (view, name) in VIEWS.iter().enumerate() {
        let wrong = wrong(options, &ours, truth, view);
        for line in wrong.iter().take(3) {
            let _ = writeln!(text, "strace {combination}, {name} view: {line}");
        }
        if wrong.len() > 3 {
            let _ = writeln!(text, "    and {} more", wrong.len() - 3);
        }
    }
    text
}

/// Two datagrams and a connection of three packets, each with something of its own.
fn made_up() -> Vec<Packet> {
    let trace = r#"1234 1700000000.000001 sendto(3<UDP:[10.1.2.3:4000->10.4.5.6:5300]>, "first", 5, 0, NULL, 0) = 5
1234 1700000000.000002 write(4<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "one", 3) = 3
1235 1700000000.000003 read(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "answer", 100) = 6
1234 1700000000.000004 recvfrom(3<UDP:[10.1.2.3:4000->10.4.5.6:5300]>, "second", 100, 0, NULL, NULL) = 6
1234 1700000000.000005 write(4<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "two", 3) = 3
"#;
    crate::common::program::packets(&["out.pcap"], trace)
}

/// Something that is done to a packet, and what is told of it.
type Change = (fn(&mut Packet), &'static str);

#[test]
fn differences_are_told() {
    let truth = made_up();
    let strict = Withheld::default();
    let told = |packets: &[Packet], withheld| differences(packets, &truth, withheld).join("\n");
    assert_eq!(told(&truth, strict), "");
    // Another run: another port, another process.
    let mut other = truth.clone();
    for packet in &mut other {
        for place in [&mut packet.source, &mut packet.target] {
            if place.port() == 4000 {
                place.set_port(4444);
            }
        }
        for mac in [&mut packet.source_mac, &mut packet.target_mac] {
            if mac[1] == 0 {
                mac[3] += 1;
            }
        }
    }
    assert_eq!(told(&other, strict), "");
    // Connections in another order.
    let later = [0, 3, 1, 2, 4].map(|number| truth[number].clone());
    assert_eq!(told(&later, strict), "");
    let changes: [Change; 8] = [
        (|packet| packet.source.set_port(77), "source"),
        (|packet| packet.target.set_port(77), "target"),
        (|packet| packet.source_mac[4] ^= 1, "source MAC"),
        (|packet| packet.target_mac[1] = 9, "target MAC"),
        (|packet| packet.vlan = Some(9), "VLAN"),
        (|packet| packet.transport = Transport::Udp, "transport"),
        (|packet| packet.payload[0] ^= 1, "payload"),
        (|packet| packet.payload_original += 1, "payload"),
    ];
    for (change, what) in changes {
        let mut packets = truth.clone();
        change(&mut packets[4]);
        let told = told(&packets, strict);
        assert!(told.starts_with(what), "{what}: {told}");
    }
    let swapped = [0, 4, 2, 3, 1].map(|number| truth[number].clone());
    assert!(told(&swapped, strict).starts_with("payload"));
    assert!(told(&truth[1..], strict).contains("is missing"));
    assert!(told(&[&truth[..], &truth[4..]].concat(), strict).contains("never was"));
}

#[test]
fn what_is_withheld_is_no_difference() {
    let truth = made_up();
    let mut packets = truth.clone();
    packets[4].payload.truncate(2);
    packets[4].payload_original = 2;
    packets[0].target = "127.0.0.2:22222".parse().expect("an address");
    packets[1].source_mac = [0; 6];
    let strict = Withheld::default();
    let all = Withheld { numbers: true, details: true, payload: Some(2), failures: true };
    assert_eq!(differences(&packets, &truth, all), [""; 0]);
    for less in [
        Withheld { numbers: false, ..all },
        Withheld { details: false, ..all },
        Withheld { payload: None, ..all },
        Withheld { payload: Some(3), ..all },
    ] {
        assert_eq!(differences(&packets, &truth, less).len(), 1, "{less:?}");
    }
    assert_eq!(differences(&packets, &truth, strict).len(), 3);
}

#[test]
fn every_combination_of_options_gives_the_same_capture() {
    let test = "the matrix of strace's options";
    if !(has(&["strace", "cc"], test) && has_ipv6(test)) {
        return;
    }
    let folder = Folder::new();
    let binary = compiled("everything", &folder);
    let alone = FULL.strip_prefix("-f ").expect("it begins so");
    let truths = [FULL, alone].map(|options| run(&binary, Options(options)));
    let wanted = std::env::var("ROW").unwrap_or_default();
    let rows = Mutex::new(COMBINATIONS.iter().filter(|row| row.contains(&wanted)));
    let wrong = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = rows.lock().expect("no thread panics holding it").next();
                    let Some(row) = next else { break };
                    let found = check(&binary, row, &truths);
                    wrong.lock().expect("no thread panics holding it").push_str(&found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no thread panicked");
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What the marking and payload of a packet say of its call: which one, on which descriptor, whether it sent, and what.
fn call_of(packet: &Packet) -> (u8, Option<u16>, bool, &[u8]) {
    let sent = packet.target_mac[1] != 0;
    let marked = if sent { packet.target_mac } else { packet.source_mac };
    (marked[1], packet.vlan, sent, &packet.payload)
}

#[test]
fn network_calls_alone_lose_reads_and_writes_only() {
    let test = "the trace of network calls";
    if !(has(&["strace", "cc"], test) && has_ipv6(test)) {
        return;
    }
    let folder = Folder::new();
    let binary = compiled("everything", &folder);
    let alone = FULL.strip_prefix("-f ").expect("it begins so");
    let truth = run(&binary, Options(alone));
    let ours = run(&binary, Options(&format!("{alone} -e trace=network")));
    let is_of_network = |packet: &&Packet| {
        // sendmsg, recvmsg, recvfrom, sendto, sendmmsg, recvmmsg, as the marking has them
        matches!(call_of(packet).0, 0x03..=0x06 | 0x10 | 0x11)
    };
    let [truth, ours] = [&truth, &ours].map(|run| {
        let packets = run.captures[0].iter().filter(is_of_network);
        packets.map(call_of).collect::<Vec<_>>()
    });
    assert!(truth.len() > 50);
    assert_eq!(ours, truth);
}
