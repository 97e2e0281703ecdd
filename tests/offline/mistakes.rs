//! The mistakes that people make on the command line, each made in a folder with traces, captures and notes: none of them
//! may cost a byte of any file that was there, and each is told in words that help.
//!
//! A mistake is a line of shell, an exit status, and what it must say. New files may appear. Those that need strace or
//! the like say so and end where it is missing; with `STRACE2PCAP_LIVE` set they fail.

use crate::common::needed::has;
use crate::common::program::{Folder, convert};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const LINE: &str =
    "1234 1700000000.123456 write(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"\\x41\\x42\", 2) = 2 <0.000010>\n";

/// Line of shell, exit status, what is said.
type Mistake = (&'static str, i32, &'static str);

const MISTAKES: &[Mistake] = &[
    // OUTPUT forgotten.
    ("strace2pcap trace.log", 2, "trace.log is a trace and would be overwritten: OUTPUT comes first"),
    ("strace2pcap trace.log < /dev/null", 2, "`strace2pcap out.pcapng trace.log`"),
    ("strace2pcap trace.log.*", 2, "trace.log.1 is a trace"),
    ("strace2pcap trace.log < trace.log.1", 2, "trace.log is a trace"),
    ("cat trace.log.1 | strace2pcap trace.log", 2, "trace.log is a trace"),
    ("strace2pcap ./trace.log other.log", 2, "OUTPUT comes first"),
    ("strace2pcap short.log < trace.log", 2, "short.log is a trace"),
    ("strace2pcap link.log < trace.log.1", 2, "link.log is a trace"),
    ("strace2pcap trace.log trace.log", 2, "trace.log is a trace"),
    ("strace2pcap --force trace.log < trace.log", 2, "both the output and a trace"),
    ("strace2pcap - trace.log >> trace.log", 2, "both the output and a trace"),
    // OUTPUT is something else.
    ("strace2pcap notes.txt trace.log", 2, "notes.txt is there and is no capture"),
    ("strace2pcap notes.txt < trace.log", 2, "--force"),
    ("cat trace.log | strace2pcap notes.txt", 2, "notes.txt is there and is no capture"),
    ("strace2pcap trace.gz trace.log", 2, "trace.gz is there and is no capture"),
    ("strace2pcap -- '-n' trace.log", 2, "-n is there and is no capture"),
    ("strace2pcap --pid 1234 notes.txt trace.log", 2, "is no capture"),
    ("strace2pcap notes.txt no-such.log", 2, "notes.txt is there and is no capture"),
    ("strace2pcap --force notes.txt no-such.log", 1, "no-such.log"),
    ("strace2pcap . trace.log", 1, "give a file name in it"),
    ("strace2pcap no-such-folder/out.pcap trace.log", 1, "its folder must be there"),
    // The trace is none.
    ("strace2pcap old.pcap", 1, "nothing in standard input is of strace"),
    ("strace2pcap trace.log old.pcap", 2, "OUTPUT comes first"),
    ("strace2pcap old.pcap < /dev/null", 0, "nothing was read"),
    ("true | strace2pcap old.pcapng", 0, "old.pcapng is as it was before"),
    ("strace2pcap old.pcap empty.log", 1, "empty.log is empty"),
    ("strace2pcap old.pcap notes.txt", 1, "nothing in notes.txt is of strace"),
    ("cat notes.txt | strace2pcap old.pcap", 1, "nothing in standard input is of strace"),
    ("cat old.pcapng | strace2pcap old.pcap", 1, "is a capture, not a trace"),
    ("strace2pcap old.pcap trace.gz", 1, "trace.gz is cut"),
    ("cat trace.gz | strace2pcap old.pcap", 1, "standard input is cut: its gzip data"),
    ("strace2pcap old.pcap old.pcapng", 1, "OUTPUT comes first, then the traces"),
    ("strace2pcap old.pcap trace.log no-such.log", 1, "cannot open the trace no-such.log"),
    ("strace2pcap old.pcap .", 2, "is a directory"),
    ("(cat notes.txt; sleep 0.2; cat notes.txt) | strace2pcap nanoseconds.pcap", 1, "nothing in standard input"),
    ("cat notes.txt | strace2pcap big-endian.pcap", 1, "nothing in standard input"),
    (
        "ulimit -n 10; strace2pcap old.pcap trace.log trace.log.* other.log short.log",
        1,
        "the hard limit of open files is 10",
    ),
    // Options.
    ("strace2pcap old.pcap --no-such trace.log", 2, "--no-such"),
    ("strace2pcap old.pcap --view top trace.log", 2, "top"),
    ("strace2pcap old.pcap --seed-grpc trace.log", 2, "--seed-http2"),
    ("strace2pcap -o old.pcap trace.log", 2, "-o"),
    ("strace2pcap -p 1234 old.pcap", 2, "`strace2pcap --attach PID OUTPUT`"),
    ("strace2pcap -p1234 old.pcap trace.log", 2, "--pid PID OUTPUT TRACE"),
    (
        "strace2pcap --keylog notes.txt new.pcapng trace.log",
        0,
        "--keylog notes.txt has no effect, no line of it is a TLS key",
    ),
    ("strace2pcap old.pcap - - < trace.log", 2, "once"),
    ("strace2pcap", 2, "OUTPUT"),
];

/// The same with strace, by hand and by the scripts.
const WITH_STRACE: &[Mistake] = &[
    ("strace -p 999999999 -o '! strace2pcap old.pcap'", 1, "old.pcap is as it was before"),
    ("strace -o '! strace2pcap trace.log' echo hello", 0, "trace.log is a trace"),
    ("strace -o '! strace2pcap --no-such old.pcap' echo hello", 0, "--no-such"),
    ("strace2pcap.sh old.pcap '-p 999999999'", 2, "there is no process 999999999"),
    ("strace2pcap.sh old.pcap '-e read -p 999999999'", 1, "No such process: it has ended"),
    ("strace2pcap.sh old.pcap no-such-program", 2, "there is no program no-such-program"),
    ("strace2pcap.sh trace.log 'echo hello'", 2, "trace.log is a trace"),
    ("strace2pcap.sh notes.txt -- echo hello", 2, "notes.txt is there and is no capture"),
    ("strace2pcap --run trace.log echo hello", 2, "trace.log is a trace"),
    ("strace2pcap.sh old.pcap '-o new.log echo hello'", 2, "take away the text"),
    ("strace2pcap --run old.pcap -- -ff echo hello", 2, "take away the text"),
    ("strace2pcap --via '' --run old.pcap echo hello", 2, "--via is empty"),
    ("strace2pcap --run echo hello", 2, "there is no program hello"),
    ("strace2pcap --run old.pcap", 2, "needs OUTPUT and a COMMAND"),
    ("strace2pcap --attach 999999999 old.pcap", 2, "there is no process 999999999"),
    ("strace2pcap --attach old.pcap 1", 2, "no number of a process"),
    ("strace2pcap --via env --run old.pcap no-such-program", 1, "no-such-program"),
    ("strace2pcap --via no-such-program --run old.pcap true", 1, "no shell was reached through no-such-program"),
    ("strace2pcap.sh --view=top old.pcap 'echo hello'", 2, "top"),
    ("strace2pcap.sh old.pcap", 2, "needs OUTPUT and a COMMAND"),
    ("strace2pcap-pipe.sh '-p 999999999' | cat > new.pcapng", 0, "there is no process"),
];

/// What is in every file of a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder can be listed").map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// A folder as a person has it after a day's work.
fn desk() -> Folder {
    let folder = Folder::new();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    for name in ["trace.log", "trace.log.1", "trace.log.2", "other.log"] {
        put(name, LINE.repeat(100).as_bytes());
    }
    put("short.log", LINE.as_bytes());
    put("empty.log", b"");
    put("notes.txt", b"Remember: OUTPUT comes first.\n");
    put("-n", b"a name that looks like an option\n");
    put("trace.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    put("old.pcap", &convert(&["-q"], LINE.as_bytes()).file);
    put("old.pcapng", &convert(&["-q", "out.pcapng"], LINE.as_bytes()).file);
    put("big-endian.pcap", b"\xa1\xb2\xc3\xd4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\x01");
    put("nanoseconds.pcap", b"\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0");
    std::os::unix::fs::symlink("trace.log", folder.path().join("link.log")).unwrap();
    folder
}

/// Makes a mistake on `desk`; what is wrong with what came of it.
fn make(desk: &Path, (line, status, said): Mistake) -> Result<(), String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_strace2pcap"));
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{}:{path}", binary.parent().unwrap().display(), tools.display());
    let before = contents(desk);
    let mut command = Command::new("bash");
    command.args(["-c", line]).current_dir(desk).env("PATH", path).env("STRACE2PCAP", binary).env("NO_COLOR", "1");
    // A file in place of what the tests were started with, which may be a pipe that never ends.
    let input = fs::File::open(desk.join("notes.txt")).unwrap();
    let output = command.env_remove("RUST_LOG").stdin(Stdio::from(input)).output().expect("bash starts");
    let found = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(status) || !found.contains(said) {
        return Err(format!("{line}: {}, {found}", output.status));
    }
    let after = contents(desk);
    let changed = before.iter().find(|(name, bytes)| after.get(*name) != Some(bytes));
    changed.map_or(Ok(()), |(name, _)| Err(format!("{line}: {name} is another")))
}

#[track_caller]
fn make_all(mistakes: &[Mistake]) {
    let desk = desk();
    let wrong: Vec<_> = mistakes.iter().filter_map(|mistake| make(desk.path(), *mistake).err()).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), mistakes.len(), wrong.join("\n"));
}

#[test]
fn a_mistake_costs_nothing() {
    make_all(MISTAKES);
}

#[test]
fn a_mistake_with_strace_costs_nothing() {
    if has(&["strace"], "making mistakes with strace") {
        make_all(WITH_STRACE);
    }
}

#[test]
fn a_terminal_is_no_trace() {
    if has(&["script"], "making mistakes on a terminal") {
        // The terminal has what is said as its output.
        make_all(&[
            ("script -qec 'strace2pcap old.pcap' /dev/null >&2", 2, "is a terminal, where no trace comes from"),
            (
                "script -qec 'strace2pcap new.pcap /dev/tty' /dev/null >&2; test ! -e new.pcap",
                0,
                "/dev/tty is a terminal",
            ),
            ("script -qec 'strace2pcap - < trace.log' /dev/null >&2", 2, "a capture is not for a terminal"),
        ]);
    }
}

#[test]
fn what_a_file_system_tells_at_the_end_is_told() {
    if has(&["strace"], "making mistakes with strace") {
        let closing = ": > new.pcap; strace -qq -o /dev/null -P new.pcap -e inject=close:error=ENOSPC strace2pcap new.pcap trace.log";
        make_all(&[(closing, 1, "writing new.pcap failed: No space left on device")]);
    }
}

#[test]
fn force_overwrites_and_so_does_a_second_run() {
    let desk = desk();
    let size = |name: &str| fs::metadata(desk.path().join(name)).unwrap().len();
    for name in ["notes.txt", "old.pcap", "big-endian.pcap", "empty.log"] {
        let force: &[&str] = if name == "notes.txt" { &["--force"] } else { &[] };
        let mut command = Command::new(env!("CARGO_BIN_EXE_strace2pcap"));
        let status = command.args(force).args([name, "trace.log"]).current_dir(desk.path()).status().unwrap();
        assert!(status.success(), "{name}");
        assert_eq!(size(name), 24 + 100 * 76, "{name}");
    }
}
