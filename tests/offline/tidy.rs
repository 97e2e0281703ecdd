//! The rules of the house, held over the sources themselves.
//!
//! The direction of the rooms is the table of `src/lib.rs`: a change there needs one in [`MAY_NAME`]. Each rule has a
//! test in [`samples`] that it can fail.

use crate::common::code::code_only;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// A source file, with its place below the project's folder, and its code with comments and literals blanked out.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_string(), text: text.to_string(), code: code_only(text) }
    }

    /// The room it belongs to: `strace` for `src/strace/line.rs`, `event` for `src/event.rs`.
    fn room(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or_default();
        inner.split(['/', '.']).next().unwrap_or_default()
    }

    fn is_in(&self, rooms: &[&str]) -> bool {
        rooms.contains(&self.room())
    }

    fn line_of(&self, at: usize) -> usize {
        1 + self.code[..at].matches('\n').count()
    }

    /// Each place in the code where one of `words` stands as a word or path of its own.
    fn find_words(&self, words: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for word in words {
            for at in places(&self.code, word) {
                found.push(format!("{}:{}: {word}", self.path, self.line_of(at)));
            }
        }
        found
    }
}

/// Where `word` stands in `text` with nothing before or after that would make it a part of a longer name.
fn places<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let open_end = !word.ends_with(is_name) || !after.is_some_and(is_name);
        !before.is_some_and(is_name) && open_end
    })
}

/// A rule tells what is wrong in one file.
type Rule = fn(&Source) -> Vec<String>;

/// The rules for `src`.
const RULES: [Rule; 16] = [
    direction,
    direction_in_run,
    pcap_file_in_capture,
    etherparse_in_wire,
    clap_in_cli,
    compression_in_its_place,
    document_first,
    short_functions,
    short_files,
    methods_beside_their_type,
    nothing_left_to_do,
    no_prints,
    no_clock,
    no_input_or_output,
    processes_in_record,
    one_system_in_its_room,
];

/// The rules for `tests` and `tools`.
const RULES_FOR_TESTS: [Rule; 3] = [document_first, short_functions, short_files];

/// Which rooms each room may name, beside itself and `work`. Whoever is not here sees all.
const MAY_NAME: [(&str, &[&str]); 21] = [
    ("event", &[]),
    ("escape", &[]),
    ("limits", &[]),
    ("work", &[]),
    ("glob", &["event"]),
    ("keys", &["limits"]),
    ("secrets", &["keys", "packets", "wire", "event", "limits"]),
    ("dates", &["event"]),
    ("strace", &["event", "dates", "glob", "keys", "limits"]),
    ("sockets", &["event", "limits"]),
    ("processes", &["event", "escape", "limits"]),
    ("views", &["inet", "unix", "packets", "sockets", "processes", "event", "wire"]),
    ("inet", &["packets", "sockets", "event", "wire", "limits"]),
    ("unix", &["packets", "sockets", "processes", "event", "glob", "wire", "escape", "limits"]),
    ("packets", &["sockets", "processes", "event", "wire", "limits"]),
    ("wire", &["event"]),
    ("capture", &["wire", "event", "limits"]),
    ("record", &["run", "strace", "escape", "system"]),
    ("extcap", &["cli", "record", "run", "escape", "system"]),
    ("install", &["run", "escape", "system"]),
    ("system", &[]),
];

fn direction(source: &Source) -> Vec<String> {
    let Some((room, allowed)) = MAY_NAME.iter().find(|(room, _)| source.is_in(&[room])) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    for at in places(&source.code, "crate::") {
        for name in first_names(&source.code[at + "crate::".len()..]) {
            if name != *room && name != "work" && !allowed.contains(&name) {
                wrong.push(format!("{}:{}: {room} names {name}", source.path, source.line_of(at)));
            }
        }
    }
    wrong
}

/// In `run` the input knows nothing of what is made of it, and the report nothing of how.
fn direction_in_run(source: &Source) -> Vec<String> {
    let forbidden: &[&str] = match source.path.split('/').nth(2) {
        Some("input") if source.is_in(&["run"]) => &["run::convert", "run::report", "super::convert", "super::report"],
        Some("report") if source.is_in(&["run"]) => &["run::convert", "super::convert"],
        _ => &[],
    };
    source.find_words(forbidden)
}

/// The first name of each path that `text` begins with: of `{event::Tid, wire}` both `event` and `wire`.
fn first_names(text: &str) -> Vec<&str> {
    let Some(group) = text.strip_prefix('{') else {
        return vec![name_at(text)];
    };
    let mut names = vec![name_at(group)];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name_at(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn name_at(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn pcap_file_in_capture(source: &Source) -> Vec<String> {
    if source.is_in(&["capture"]) { Vec::new() } else { source.find_words(&["pcap_file"]) }
}

fn etherparse_in_wire(source: &Source) -> Vec<String> {
    if source.is_in(&["wire"]) { Vec::new() } else { source.find_words(&["etherparse"]) }
}

fn clap_in_cli(source: &Source) -> Vec<String> {
    if source.is_in(&["cli"]) { Vec::new() } else { source.find_words(&["clap"]) }
}

fn compression_in_its_place(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/run/input/compressed/") {
        Vec::new()
    } else {
        source.find_words(&["flate2", "ruzstd"])
    }
}

fn document_first(source: &Source) -> Vec<String> {
    if source.text.starts_with("//! ") { Vec::new() } else { vec![format!("{}: line 1 is no `//!`", source.path)] }
}

/// The most lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;

fn short_functions(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    for at in places(&source.code, "fn ") {
        if let Some(body) = body_after(&source.code, at) {
            let lines = 1 + source.code[at..body.end].matches('\n').count();
            if lines > FUNCTION_LINES {
                let name = name_at(&source.code[at + 3..]);
                wrong.push(format!("{}:{}: {name} has {lines} lines", source.path, source.line_of(at)));
            }
        }
    }
    wrong
}

/// The body of the function that begins at `at`: none for a type `fn(…)` or a declaration.
fn body_after(code: &str, at: usize) -> Option<Range<usize>> {
    let mut depth = 0;
    let mut start = None;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '{' => {
                start.get_or_insert(at + offset);
                depth += 1;
            }
            '}' => {
                depth -= 1;
                if depth <= 0 {
                    return start.map(|start| start..at + offset + 1);
                }
            }
            '[' if start.is_none() => depth += 1,
            ']' if start.is_none() => depth -= 1,
            ';' if start.is_none() && depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The most lines of a file.
const FILE_LINES: usize = 600;

fn short_files(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES { Vec::new() } else { vec![format!("{}: {lines} lines", source.path)] }
}

/// The methods of one type stand in one file, that of the type: what does not fit there is another type's.
fn methods_beside_their_type(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    for at in places(&source.code, "impl").filter(|&at| at == 0 || source.code[..at].ends_with('\n')) {
        let header = source.code[at + "impl".len()..].split('{').next().unwrap_or_default();
        let name = name_at(behind_generics(header));
        let is_here = ["struct", "enum"].iter().any(|kind| {
            let definition = format!("{kind} {name}");
            places(&source.code, &definition).next().is_some()
        });
        let is_of_trait = places(header, "for").next().is_some();
        if !is_here && !is_of_trait {
            wrong.push(format!("{}:{}: methods of {name}, which stands elsewhere", source.path, source.line_of(at)));
        }
    }
    wrong
}

/// What stands behind `<…>`, if `text` begins with that.
fn behind_generics(text: &str) -> &str {
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 && c != '>' {
            return &text[at..];
        }
        before = c;
    }
    text
}

fn nothing_left_to_do(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    for word in ["TODO", "FIXME", "XXX"] {
        for at in places(&source.text, word) {
            let line = 1 + source.text[..at].matches('\n').count();
            wrong.push(format!("{}:{line}: {word}", source.path));
        }
    }
    wrong.extend(source.find_words(&["dbg!", "todo!", "unimplemented!"]));
    wrong
}

fn no_prints(source: &Source) -> Vec<String> {
    source.find_words(&["println!", "eprintln!", "print!", "eprint!"])
}

fn no_clock(source: &Source) -> Vec<String> {
    if source.is_in(&["run", "cli", "dates", "system"]) {
        return Vec::new();
    }
    source.find_words(&["SystemTime", "Instant", "rand", "getrandom", "RandomState"])
}

fn no_input_or_output(source: &Source) -> Vec<String> {
    if source.is_in(&["main", "run", "record", "extcap", "install", "capture", "system"]) {
        return Vec::new();
    }
    let words = [
        "std::fs",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "std::os",
        "io::stdin",
        "io::stdout",
        "io::stderr",
        "fs::File",
        "TcpStream",
        "UdpSocket",
        "UnixStream",
        "rustix",
        "signal_hook",
        "indicatif",
        "env_logger",
    ];
    source.find_words(&words)
}

fn processes_in_record(source: &Source) -> Vec<String> {
    if source.is_in(&["record"]) {
        Vec::new()
    } else {
        source.find_words(&["process::Command", "Command::new", "CommandExt"])
    }
}

/// Which system it is and what only one has is asked in one room; starting processes differs too.
fn one_system_in_its_room(source: &Source) -> Vec<String> {
    let words = [
        "cfg(unix)",
        "cfg(windows)",
        "cfg(not(unix))",
        "cfg(not(windows))",
        "cfg!(unix)",
        "cfg!(windows)",
        "target_os",
        "target_family",
        "os::unix",
        "os::windows",
        "os::fd",
        "os::linux",
        "rustix",
        "nix",
        "signal_hook",
        "ctrlc",
        "winapi_util",
    ];
    if source.is_in(&["system", "record"]) { Vec::new() } else { source.find_words(&words) }
}

/// Every Rust file below `folder` of the project.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting = vec![root.join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() && path.file_name() != Some("target".as_ref()) {
                waiting.push(path);
            } else if path.extension() == Some("rs".as_ref()) {
                let text = fs::read_to_string(&path).expect("a source is readable text");
                let inner = path.strip_prefix(root).expect("it lies below the root");
                sources.push(Source::new(&inner.to_string_lossy(), &text));
            }
        }
    }
    sources
}

fn all_wrong(sources: &[Source], rules: &[Rule]) -> Vec<String> {
    sources.iter().flat_map(|source| rules.iter().flat_map(move |rule| rule(source))).collect()
}

#[test]
fn the_sources_keep_the_rules() {
    let sources = sources("src");
    assert!(sources.len() > 10, "only {} files found", sources.len());
    let wrong = all_wrong(&sources, &RULES);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_tests_and_tools_keep_theirs() {
    let all: Vec<Source> = ["tests", "tools"].into_iter().flat_map(sources).collect();
    let wrong = all_wrong(&all, &RULES_FOR_TESTS);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_room_of_the_map_has_its_rule() {
    let map =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs is there");
    let mut rooms = 0;
    for line in map.lines().filter(|line| line.starts_with("//! | [`")) {
        let room = line.split('`').nth(1).unwrap_or_default();
        let known = MAY_NAME.iter().any(|(name, _)| *name == room);
        assert!(known || ["run", "cli"].contains(&room), "{room}");
        rooms += 1;
    }
    assert_eq!(rooms, MAY_NAME.len() + 2);
}

/// Each rule fails on a sample that breaks it, and passes one that only looks like it.
mod samples {
    use super::*;

    #[track_caller]
    fn check(rule: Rule, path: &str, text: &str, expected: &[&str]) {
        assert_eq!(rule(&Source::new(path, text)), expected, "{text}");
    }

    #[test]
    fn a_room_that_names_what_stands_to_its_left() {
        check(direction, "src/wire/write.rs", "use crate::inet::View;\n", &["src/wire/write.rs:1: wire names inet"]);
        check(direction, "src/event.rs", "\nfn f() { crate::limits::FD }", &["src/event.rs:2: event names limits"]);
        check(
            direction,
            "src/strace/mod.rs",
            "use crate::{event::{Tid, Fd}, sockets, limits};",
            &["src/strace/mod.rs:1: strace names sockets"],
        );
        check(direction, "src/sockets/mod.rs", "use crate::run::run;", &["src/sockets/mod.rs:1: sockets names run"]);
        check(direction, "src/inet/mod.rs", "use crate::{wire, event};\nuse crate::inet::x;", &[]);
        check(direction, "src/event.rs", "//! [`crate::strace`]\nconst A: &str = \"crate::strace\";", &[]);
        check(direction, "src/run/mod.rs", "use crate::capture::Writer;", &[]);
    }

    #[test]
    fn a_part_of_run_that_names_what_comes_after_it() {
        let wrong = ["src/run/input/mod.rs:1: run::report"];
        check(direction_in_run, "src/run/input/mod.rs", "use crate::run::report::Report;", &wrong);
        check(
            direction_in_run,
            "src/run/report/mod.rs",
            "use super::convert;",
            &["src/run/report/mod.rs:1: super::convert"],
        );
        check(direction_in_run, "src/run/convert/mod.rs", "use crate::run::report::Report;", &[]);
    }

    #[test]
    fn a_crate_out_of_its_room() {
        check(pcap_file_in_capture, "src/run/mod.rs", "use pcap_file::X;", &["src/run/mod.rs:1: pcap_file"]);
        check(pcap_file_in_capture, "src/capture/mod.rs", "use pcap_file::X;", &[]);
        check(etherparse_in_wire, "src/capture/mod.rs", "use etherparse::X;", &["src/capture/mod.rs:1: etherparse"]);
        check(etherparse_in_wire, "src/wire/write.rs", "use etherparse::X;", &[]);
        check(clap_in_cli, "src/main.rs", "use clap::Parser;", &["src/main.rs:1: clap"]);
        check(clap_in_cli, "src/cli/mod.rs", "use clap::Parser;", &[]);
        check(clap_in_cli, "src/main.rs", "let clapper = 1;", &[]);
        check(
            compression_in_its_place,
            "src/run/input/reader.rs",
            "use flate2::Status;",
            &["src/run/input/reader.rs:1: flate2"],
        );
        check(compression_in_its_place, "src/run/input/compressed/zstd.rs", "use ruzstd::decoding;", &[]);
    }

    #[test]
    fn a_file_without_a_first_word() {
        check(document_first, "src/a.rs", "use std::fmt;\n//! late\n", &["src/a.rs: line 1 is no `//!`"]);
        check(document_first, "src/a.rs", "//! Why.\n", &[]);
    }

    #[test]
    fn a_long_function() {
        let long = format!("fn short() {{ a }}\nfn long(a: [u8; 2]) {{\n{}}}\n", "    a();\n".repeat(69));
        check(short_functions, "src/a.rs", &long, &["src/a.rs:2: long has 71 lines"]);
        let enough = format!("fn long() {{\n{}}}\nfn f() {{ '}}' }}", "    \"{\";\n".repeat(68));
        check(short_functions, "src/a.rs", &enough, &[]);
        check(short_functions, "src/a.rs", &format!("type F = fn (u8);\n{}", "a();\n".repeat(80)), &[]);
    }

    #[test]
    fn a_long_file() {
        check(short_files, "src/a.rs", &"\n".repeat(601), &["src/a.rs: 601 lines"]);
        check(short_files, "src/a.rs", &"\n".repeat(600), &[]);
    }

    #[test]
    fn methods_in_another_file_than_their_type() {
        let here = "pub struct Tables<T>(T);\nimpl<T: Fn(u8) -> Option<u8>> Tables<T> {}\nimpl Clone for Slots {}\n";
        check(methods_beside_their_type, "src/sockets/tables.rs", here, &[]);
        let wrong = "src/sockets/slots.rs:2: methods of Tables, which stands elsewhere";
        check(methods_beside_their_type, "src/sockets/slots.rs", "struct TablesOf;\nimpl<T> Tables<T> {}\n", &[wrong]);
        check(methods_beside_their_type, "src/sockets/slots.rs", "// impl Tables {}\nfn f() -> impl Iterator {}", &[]);
    }

    #[test]
    fn work_left_over() {
        check(nothing_left_to_do, "src/a.rs", "// TODO: x\n/* FIXME */", &["src/a.rs:1: TODO", "src/a.rs:2: FIXME"]);
        check(
            nothing_left_to_do,
            "src/a.rs",
            "fn f() { dbg!(1); todo!() }",
            &["src/a.rs:1: dbg!", "src/a.rs:1: todo!"],
        );
        check(nothing_left_to_do, "src/a.rs", "let a = \"XXXX\"; my_dbg!(1)", &[]);
    }

    #[test]
    fn a_print() {
        check(no_prints, "src/a.rs", "fn f() {\nprintln!(); }", &["src/a.rs:2: println!"]);
        check(no_prints, "src/a.rs", "eprintln!()", &["src/a.rs:1: eprintln!"]);
        check(no_prints, "src/a.rs", "// println!()", &[]);
    }

    #[test]
    fn a_process_started_elsewhere() {
        let wrong = ["src/run/mod.rs:1: process::Command"];
        check(processes_in_record, "src/run/mod.rs", "use std::process::Command;", &wrong);
        check(processes_in_record, "src/cli/mod.rs", "Command::new(a)", &["src/cli/mod.rs:1: Command::new"]);
        check(processes_in_record, "src/record/mod.rs", "use std::process::Command;", &[]);
        check(processes_in_record, "src/cli/mod.rs", "use clap::Command; Self::command(); execve()", &[]);
    }

    #[test]
    fn a_system_asked_for_elsewhere() {
        let wrong = ["src/run/mod.rs:1: cfg(unix)", "src/run/mod.rs:2: rustix"];
        check(one_system_in_its_room, "src/run/mod.rs", "#[cfg(unix)]\nuse rustix::pipe;", &wrong);
        let wrong = ["src/run/a.rs:1: os::unix"];
        check(one_system_in_its_room, "src/run/a.rs", "use std::os::unix::fs::MetadataExt;", &wrong);
        let wrong = ["src/run/a.rs:1: target_os"];
        check(one_system_in_its_room, "src/run/a.rs", "#[cfg(not(target_os = \"linux\"))]", &wrong);
        check(one_system_in_its_room, "src/system/unix.rs", "#[cfg(unix)]\nuse rustix::pipe;", &[]);
        check(one_system_in_its_room, "src/run/mod.rs", "use crate::unix::view; use std::ffi::OsStr; // rustix", &[]);
    }

    #[test]
    fn a_clock() {
        check(no_clock, "src/unix/mod.rs", "use std::time::Instant;", &["src/unix/mod.rs:1: Instant"]);
        check(no_clock, "src/run/mod.rs", "use std::time::Instant;", &[]);
        check(no_clock, "src/unix/mod.rs", "let operand = Instants;", &[]);
    }

    #[test]
    fn input_or_output_in_the_wrong_room() {
        check(no_input_or_output, "src/wire/mod.rs", "use std::io::Write;", &["src/wire/mod.rs:1: std::io"]);
        check(no_input_or_output, "src/strace/mod.rs", "std::fs::read(x)", &["src/strace/mod.rs:1: std::fs"]);
        check(no_input_or_output, "src/capture/mod.rs", "use std::io::Write;", &[]);
        check(no_input_or_output, "src/wire/mod.rs", "use std::net::SocketAddr;", &[]);
    }
}
