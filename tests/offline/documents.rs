//! README and the pages of `docs/`: what they say is held to the program, and their commands are run.
//!
//! A block ```` ```sh ```` holds commands, a block ```` ```console ```` commands behind `$ ` and what they print. Each page has a
//! folder of its own, which looks like a clone with the program on PATH and a trace `trace.log`. A command that cannot run
//! there stands in [`NOT_RUN`] with the reason; in a page, `localhost:8080` is a server of the test's.

use crate::common::needed::has;
use crate::common::program::{Folder, run_in};
use crate::tools::server;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use strace2pcap::inside::PROTOCOLS;

const PROGRAM: &str = env!("CARGO_BIN_EXE_strace2pcap");

/// Commands that are not run, and why.
const NOT_RUN: [(&str, &str); 9] = [
    ("cargo install --locked --path .", "it builds for minutes; .ci/packages does it for a release"),
    (
        "strace2pcap --attach \"$(pgrep -o nginx)\" out.pcapng",
        "it needs an nginx and Ctrl-C; live tests attach to a server",
    ),
    ("pid=$(docker inspect -f '{{.State.Pid}}' web)", "it needs a container"),
    ("strace2pcap --via \"nsenter -t $pid -n\" --attach \"$pid\" out.pcapng", "it needs a container, and root"),
    (
        "strace2pcap --via 'ssh web1' --attach 1234 - | wireshark -k -i -",
        "it needs a machine; live tests start an sshd",
    ),
    ("strace2pcap --via 'docker exec -i web' --run out.pcapng ./client", "it needs a container"),
    ("SSLKEYLOGFILE=/tmp/keys strace2pcap --run out.pcapng curl https://example.org/", "it needs the internet"),
    ("tshark -i strace2pcap -o extcap.strace2pcap.pids:1234", "live tests do, with a process of theirs"),
    ("tools/strace2pcap.sh out.pcapng \"-p 1234\"", "it needs a process and Ctrl-C; live tests attach"),
];

/// Options of other programs that the documents name.
const OF_OTHERS: [&str; 13] = [
    "--all",
    "--capture-",
    "--discard-all-secrets",
    "--ignored",
    "--keylogfile",
    "--lib",
    "--locked",
    "--path",
    "--release",
    "--seccomp-bpf",
    "--seed-",
    "--test",
    "--install",
];

/// The sections of README, in the order in which a newcomer asks.
const SECTIONS: [&str; 8] = [
    "Install",
    "Quick start",
    "UNIX sockets and pipes",
    "Reading it in Wireshark",
    "When the capture is empty, or shows only TCP",
    "Limits: what is **not** supported",
    "Where the rest is",
    "License",
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// README and all pages, by their path in the project.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for entry in fs::read_dir(project("docs")).expect("there are pages").flatten() {
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if Path::new(&name).extension().is_some_and(|it| it == "md") {
            paths.push(format!("docs/{name}"));
        }
    }
    assert!(paths.len() > 9, "{paths:?}");
    let read = |path: String| (fs::read_to_string(project(&path)).expect("it can be read"), path);
    paths.into_iter().map(read).map(|(text, path)| (path, text)).collect()
}

/// A command, and what it prints where that is shown.
struct Shown {
    command: String,
    printed: Option<Vec<String>>,
}

/// The commands of a page, in order.
fn commands(text: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    for block in text.split("\n```") {
        if let Some(lines) = block.strip_prefix("sh\n") {
            let line = |line: &str| Shown { command: uncommented(line), printed: None };
            found.extend(lines.replace(" \\\n", " ").lines().map(line).filter(|it| !it.command.is_empty()));
        } else if let Some(lines) = block.strip_prefix("console\n") {
            for part in format!("\n{lines}").split("\n$ ").skip(1) {
                let (command, printed) = part.split_once('\n').unwrap_or((part, ""));
                let printed = printed.lines().map(str::to_owned).collect();
                found.push(Shown { command: command.to_owned(), printed: Some(printed) });
            }
        }
    }
    found
}

/// A line of a shell without the comment behind it.
fn uncommented(line: &str) -> String {
    line.split(" # ").next().unwrap_or_default().trim_end().to_owned()
}

/// Why a command is not run.
fn reason(command: &str) -> Option<&'static str> {
    NOT_RUN.iter().find(|(known, _)| *known == command).map(|(_, reason)| *reason)
}

/// The programs beside strace2pcap that a command starts.
fn needed(command: &str) -> Vec<&'static str> {
    let words: BTreeSet<&str> = command.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').collect();
    let mut all: Vec<_> =
        ["strace", "tshark", "tcpdump", "curl", "jq"].into_iter().filter(|name| words.contains(name)).collect();
    let records =
        ["--run", "strace2pcap-pipe"].iter().any(|word| words.contains(word)) || command.contains("strace2pcap.sh");
    if records && !all.contains(&"strace") {
        all.push("strace");
    }
    if command.contains("cli_tshark_protocol_render") {
        all.push("tshark");
    }
    all
}

/// A folder that looks like a clone, with the program on PATH.
fn clone() -> Folder {
    let folder = Folder::new();
    let at = folder.path();
    for name in ["bin", "example"] {
        fs::create_dir(at.join(name)).expect("a folder can be made");
    }
    symlink(PROGRAM, at.join("bin/strace2pcap")).expect("a link can be made");
    for name in ["tools", "tests"] {
        symlink(project(name), at.join(name)).expect("a link can be made");
    }
    for name in ["shop.strace", "shop.pcap", "shop.pcapng"] {
        fs::copy(project("example").join(name), at.join("example").join(name)).expect("the example can be copied");
    }
    for name in ["trace.log", "trace.log.1"] {
        fs::copy(project("example/shop.strace"), at.join(name)).expect("the example can be copied");
    }
    folder
}

/// Runs a command in `folder`: its lines on standard output, and but for tshark's on standard error.
#[track_caller]
fn run(folder: &Path, command: &str) -> Vec<String> {
    let command = command.replace("cargo run --release --", "strace2pcap");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(folder.join("bin")).chain(std::env::split_paths(&path));
    let streams = if command.starts_with("tshark") { "" } else { "2>&1" };
    let output = Command::new("sh")
        .args(["-c", &format!("calls=$(strace2pcap --calls)\n{{ {command}\n}} {streams}")])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(paths).expect("no colon in a path"))
        .envs([("HOME", folder.as_os_str()), ("STRACE2PCAP", PROGRAM.as_ref()), ("TZ", "UTC".as_ref())])
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .expect("a shell starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command}: {}\n{printed}", String::from_utf8_lossy(&output.stderr));
    printed.trim_end().lines().map(str::to_owned).collect()
}

/// What of a line is the same on every machine: of tshark's list what stands in front of the protocol's words, and of a trace
/// that was just recorded no number.
fn same(command: &str, line: &str, is_recorded: bool) -> String {
    if command.starts_with("tshark") {
        return line.split_whitespace().take(5).collect::<Vec<_>>().join(" ");
    }
    let mut text = String::new();
    for c in line.trim_end().chars() {
        match c {
            '0'..='9' if is_recorded && text.ends_with('N') => {}
            '0'..='9' if is_recorded => text.push('N'),
            _ => text.push(c),
        }
    }
    text
}

#[test]
fn commands_do_what_is_said_of_them() {
    let port = server().port();
    for (path, text) in documents() {
        let shown: Vec<_> = commands(&text).into_iter().filter(|it| reason(&it.command).is_none()).collect();
        let programs: BTreeSet<_> = shown.iter().flat_map(|it| needed(&it.command)).collect();
        if path == "CONTRIBUTING.md" || !has(&Vec::from_iter(programs), &path) {
            continue;
        }
        let folder = clone();
        let mut is_recorded = false;
        for Shown { command, printed } in shown {
            is_recorded |= command.starts_with("strace ");
            let found = run(folder.path(), &command.replace("localhost:8080", &format!("127.0.0.1:{port}")));
            let Some(printed) = printed else { continue };
            let comparable =
                |lines: &[String]| lines.iter().map(|it| same(&command, it, is_recorded)).collect::<Vec<_>>();
            assert_eq!(comparable(&found), comparable(&printed), "{path}: {command}");
        }
    }
}

#[test]
fn a_command_that_is_not_run_stands_in_a_document() {
    let all: Vec<_> = documents().iter().flat_map(|(_, text)| commands(text)).map(|shown| shown.command).collect();
    for (command, reason) in NOT_RUN {
        assert!(all.iter().any(|it| it == command) && !reason.is_empty(), "{command:?} stands nowhere");
    }
    assert!(all.len() > 3 * NOT_RUN.len(), "most are run: {all:?}");
}

#[test]
fn the_first_command_leaves_nothing_untracked() {
    let folder = clone();
    let text = fs::read_to_string(project("README.md")).expect("there is a README");
    let first = commands(&text).into_iter().next().expect("it has commands");
    let names = || {
        let read = |name| fs::read_dir(folder.path().join(name)).expect("it is there").flatten().map(|it| it.path());
        read("").chain(read("example")).collect::<BTreeSet<_>>()
    };
    let capture = folder.path().join("example/shop.pcapng");
    let before = names();
    fs::remove_file(&capture).expect("it was copied");
    run(folder.path(), &first.command);
    assert_eq!(names(), before, "{}", first.command);
    let same =
        fs::read(capture).expect("it was made") == fs::read(project("example/shop.pcapng")).expect("it is there");
    assert!(same, "what {} makes is not what is kept", first.command);
}

#[test]
fn readme_is_short_and_answers_in_the_order_of_the_questions() {
    let text = fs::read_to_string(project("README.md")).expect("there is a README");
    assert!(text.lines().count() <= 200, "{} lines", text.lines().count());
    let titles: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(titles, SECTIONS);
    let picture = text.lines().position(|line| line.starts_with("![")).expect("a picture");
    assert!(picture < 12 && text.lines().nth(picture + 2) == Some("```sh"), "the first screen");
}

#[test]
fn links_lead_somewhere() {
    for (path, text) in documents() {
        let folder = Path::new(&path).parent().expect("it is a file").to_path_buf();
        let mut targets: Vec<_> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        targets.retain(|target| !target.contains("://"));
        for target in targets {
            assert!(project("").join(&folder).join(target).is_file(), "{path}: {target}");
        }
    }
    let readme = fs::read_to_string(project("README.md")).expect("there is a README");
    for (path, _) in documents().iter().filter(|(path, _)| path != "README.md") {
        assert!(readme.contains(&format!("({path})")), "README does not name {path}");
    }
}

/// The long options in `text`, each as it would be typed.
fn long_options(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begin = |at: usize| !text[..at].ends_with(|c: char| is_name(c) || c == '[');
    let places = text.match_indices("--").filter(|(at, _)| begin(*at));
    let names = places.map(|(at, _)| text[at..].split(|c| !is_name(c)).next().unwrap_or_default());
    names.filter(|name| name.len() > 3).map(str::to_owned).collect()
}

#[test]
fn options_are_those_of_the_help() {
    let help = String::from_utf8(run_in(Folder::new().path(), &["--help"], b"").stdout).expect("help is text");
    let typed = help.lines().filter_map(|line| line.trim_start().strip_prefix("-"));
    let known: BTreeSet<_> = typed.flat_map(|line| long_options(&format!("-{line}"))).collect();
    assert!(known.len() > 30, "{known:?}");
    let page = fs::read_to_string(project("docs/options.md")).expect("there is a page");
    let table =
        page.split_once("| option | default | |").and_then(|(_, rest)| rest.split_once("\n\n")).expect("a table").0;
    let both =
        table.replace("--[no-]", "--no-").replace("--[un]", "--un") + &table.replace("[no-]", "").replace("[un]", "");
    assert_eq!(long_options(&both), known, "docs/options.md");
    for (path, text) in documents() {
        let strange: Vec<_> =
            long_options(&text).difference(&known).filter(|it| !OF_OTHERS.contains(&&***it)).cloned().collect();
        assert!(strange.is_empty(), "{path}: {strange:?}");
    }
}

#[test]
fn protocols_have_the_ports_that_are_told() {
    let page = fs::read_to_string(project("docs/unix.md")).expect("there is a page");
    for protocol in PROTOCOLS {
        let cell = format!("| `{}` | {} |", protocol.name, protocol.port);
        assert!(page.contains(&cell), "no {cell}");
    }
    let table =
        page.split_once("| protocol | port |").and_then(|(_, rest)| rest.split_once("\n\n")).expect("a table").0;
    assert_eq!(table.matches('`').count(), 2 * PROTOCOLS.len(), "and no others");
}

#[test]
fn the_rooms_are_those_of_the_map() {
    let map = fs::read_to_string(project("src/lib.rs")).expect("there is a map");
    let picture = map.split("//! ```text\n").nth(1).and_then(|rest| rest.split("//! ```").next()).expect("a picture");
    let picture: Vec<_> = picture.lines().map(|line| line.trim_start_matches("//!").trim()).collect();
    let page = fs::read_to_string(project("docs/how-it-works.md")).expect("there is a page");
    let shown: Vec<_> = page.lines().map(str::trim).collect();
    assert!(shown.windows(picture.len()).any(|lines| lines == picture), "not in docs/how-it-works.md:\n{picture:?}");
}
