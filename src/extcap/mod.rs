//! strace2pcap as an interface in Wireshark's own list (extcap(4)): Wireshark starts us with questions, reads sentences from
//! our standard output, and then a capture from a FIFO.
//!
//! Each question is answered at once and without strace. What is asked for is made into a command line of ours, so that
//! there is one way to read it. On standard error comes one line where nothing can be recorded, and nothing else: Wireshark
//! shows whatever comes there as a failure. Warnings are in the capture, behind its last packet.

mod dialog;
mod picker;
mod survey;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use crate::cli::{self, Refused, Task};
use crate::escape::escaped;
use crate::record::{Ended, RunningProcesses, ask, record, word};
use crate::run::options::ReportFormat;
use crate::system;
use survey::Survey;

/// The name of our interface.
pub const INTERFACE: &str = "strace2pcap";

/// What Wireshark asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Interfaces,
    LinkTypes,
    Config,
    Reload,
    Capture,
    /// Whether a capture filter is right: we have none.
    Filter,
}

/// The words of a call, as far as they concern us.
#[derive(Debug, Default)]
struct Arguments<'w> {
    flags: Vec<&'w str>,
    values: Vec<(&'w str, &'w OsStr)>,
}

/// Words that have no value.
const FLAGS: [&str; 4] = ["--extcap-interfaces", "--extcap-dlts", "--extcap-config", "--capture"];

impl<'w> Arguments<'w> {
    fn read(words: &'w [OsString]) -> Self {
        let mut call = Self::default();
        let mut words = words.iter().skip(1);
        while let Some(word) = words.next() {
            let Some(text) = word.to_str() else { continue };
            if FLAGS.contains(&text) {
                call.flags.push(text);
            } else if let Some((name, value)) = text.split_once('=').filter(|_| text.starts_with("--")) {
                call.values.push((name, OsStr::new(value)));
            } else if let Some(value) = text.starts_with("--").then(|| words.next()).flatten() {
                call.values.push((text, value));
            }
        }
        call
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// The value of an option, unless it is empty.
    fn value(&self, name: &str) -> Option<&'w OsStr> {
        self.values.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value).filter(|it| !it.is_empty())
    }

    /// The same, as text.
    fn text(&self, name: &str) -> Option<&'w str> {
        self.value(name).and_then(OsStr::to_str).map(str::trim).filter(|it| !it.is_empty())
    }

    /// Whether a box of the dialog is ticked. The window tells of those alone that a person has changed.
    fn is_on(&self, name: &str) -> bool {
        self.text(name).map_or_else(|| dialog::is_on_unasked(name), |value| value == "true")
    }

    /// What is asked; a question that is no other one is about a filter. The order matters: a reload is also a config.
    fn question(&self) -> Option<Question> {
        let is_ours = self.value("--extcap-interface").is_none_or(|it| it == INTERFACE);
        if self.has("--extcap-interfaces") {
            Some(Question::Interfaces)
        } else if !is_ours {
            None
        } else if self.value("--extcap-reload-option").is_some() {
            Some(Question::Reload)
        } else if self.has("--extcap-config") {
            Some(Question::Config)
        } else if self.has("--extcap-dlts") {
            Some(Question::LinkTypes)
        } else if self.has("--capture") {
            Some(Question::Capture)
        } else {
            self.values.iter().any(|(name, _)| *name == "--extcap-capture-filter").then_some(Question::Filter)
        }
    }
}

/// Whether it is Wireshark that calls.
pub fn is_called(words: &[OsString]) -> bool {
    words.iter().skip(1).any(|word| word.as_encoded_bytes().starts_with(b"--extcap-"))
}

/// Does what Wireshark asks for.
pub fn answer(words: &[OsString]) -> Ended {
    let call = Arguments::read(words);
    let answer = match call.question() {
        Some(Question::Interfaces) => dialog::interfaces(),
        Some(Question::LinkTypes) => dialog::LINK_TYPES.to_owned(),
        Some(Question::Config) => dialog::config(&here()),
        Some(Question::Reload) => match reload(&call) {
            Ok(text) => text,
            Err(message) => return fail(&message),
        },
        Some(Question::Capture) => return capture(&call),
        Some(Question::Filter) => return Ended::Code(0),
        None => return fail("there is one interface, strace2pcap: Wireshark calls this"),
    };
    crate::run::answer(answer.trim_end()).into()
}

fn fail(message: &str) -> Ended {
    crate::run::tell(message);
    Ended::Code(1)
}

/// The processes of this machine.
fn here() -> Vec<picker::Choice> {
    let ours = RunningProcesses::now().line_of(std::process::id());
    picker::choices(&Survey::here(Path::new("/proc")), &ours)
}

/// The list of processes anew: of the other machine, where one is named.
fn reload(call: &Arguments<'_>) -> Result<String, String> {
    let choices = match via(call) {
        None => here(),
        Some(prefix) => match ask(&prefix, survey::QUESTION) {
            Ok(text) => picker::choices(&Survey::read(&text), &[]),
            Err(error) => {
                let prefix = escaped(prefix.as_encoded_bytes());
                return Err(format!("{prefix}: {error}"));
            }
        },
    };
    Ok(dialog::values(&choices))
}

/// What strace is started by: ssh to a host, or what is given as it is.
fn via(call: &Arguments<'_>) -> Option<OsString> {
    if let Some(prefix) = call.text("--via") {
        return Some(prefix.into());
    }
    // Nobody can answer a question of its.
    Some(format!("ssh -o BatchMode=yes -o ConnectTimeout=10 -- {}", word(call.text("--host")?)).into())
}

/// How long the FIFO of a recording that has failed is kept for who is to read it.
const FIFO_KEPT: Duration = Duration::from_secs(2);

/// Records into the FIFO until it is stopped. Where nothing comes of it, that is told before its reader sees the end: tshark
/// 4.0 waits for ever for a FIFO that nobody has opened.
fn capture(call: &Arguments<'_>) -> Ended {
    let ended = record_into_fifo(call);
    if let Some(fifo) = call.value("--fifo").filter(|_| ended != Ended::Code(0)) {
        system::end_fifo(Path::new(fifo), FIFO_KEPT);
    }
    ended
}

fn record_into_fifo(call: &Arguments<'_>) -> Ended {
    let words = match words(call) {
        Ok(words) => words,
        Err(message) => return fail(message),
    };
    match cli::parse(words) {
        Ok(Task::Record(mut recording)) => {
            recording.is_silent = true;
            recording.options.report = ReportFormat::Within;
            record(&recording)
        }
        Err(Refused::Usage(usage)) => fail(&usage.message.replace('\n', " ")),
        _ => fail("nothing to record is asked for"),
    }
}

/// The command line of ours that a call to capture means.
fn words(call: &Arguments<'_>) -> Result<Vec<OsString>, &'static str> {
    let fifo = call.value("--fifo").ok_or("there is no --fifo to write to")?;
    let mut words: Vec<OsString> = ["strace2pcap", "-q", "--format=pcapng"].map(OsString::from).to_vec();
    for (name, option) in [
        ("--unix", "--capture-unix-socket"),
        ("--pipes", "--capture-pipes"),
        ("--seed-http2", "--seed-http2"),
        ("--seed-grpc", "--seed-grpc"),
        ("--no-net", "--no-capture-net"),
    ] {
        // All of them, unless some are named.
        if call.is_on(name) && call.text(&format!("{name}-names")).is_none() {
            words.push(option.into());
        }
    }
    for (name, option) in [
        ("--unix-names", "--capture-unix-socket="),
        ("--pipes-names", "--capture-pipes="),
        ("--ports", "--port="),
        ("--exclude-pids", "--exclude-pid="),
    ] {
        let value = call.text(name).map(|it| if name.ends_with("names") { it.to_owned() } else { it.replace(' ', "") });
        words.extend(value.map(|value| OsString::from(format!("{option}{value}"))));
    }
    // A name of a file is taken as it is, blanks and all.
    if let Some(file) = call.value("--keylog") {
        let mut word = OsString::from("--keylog=");
        word.push(file);
        words.push(word);
    }
    if let Some(prefix) = via(call) {
        words.extend(["--via".into(), prefix]);
    }
    let picked = [call.text("--pids"), call.text("--process").filter(|it| *it != dialog::NONE)];
    let pids: Vec<_> = picked.into_iter().flatten().map(|it| it.replace(' ', "")).collect();
    if let Some(command) = call.value("--run") {
        words.extend(["--run".into(), "--".into(), fifo.to_owned(), "sh".into(), "-c".into(), command.to_owned()]);
    } else if pids.is_empty() {
        return Err(
            "nothing is chosen to be traced: open the interface's options (the gear), pick a process, or give ids or a command",
        );
    } else {
        words.extend(["--attach".into(), pids.join(",").into(), "--".into(), fifo.to_owned()]);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> Vec<OsString> {
        ["X"].into_iter().chain(text.split_whitespace()).map(OsString::from).collect()
    }

    #[test]
    fn questions_are_told_apart() {
        for (text, question) in [
            ("--extcap-interfaces --extcap-version=4.0", Some(Question::Interfaces)),
            ("--extcap-config --extcap-interface strace2pcap", Some(Question::Config)),
            ("--extcap-dlts --extcap-interface strace2pcap", Some(Question::LinkTypes)),
            (
                "--extcap-config --extcap-interface strace2pcap --extcap-reload-option process --pids 0 --unix true",
                Some(Question::Reload),
            ),
            ("--capture --extcap-interface strace2pcap --extcap-capture-filter x --fifo F", Some(Question::Capture)),
            ("--extcap-interface=strace2pcap --extcap-capture-filter=x", Some(Question::Filter)),
            ("--extcap-interface other --extcap-config", None),
        ] {
            let words = call(text);
            assert!(is_called(&words));
            assert_eq!(Arguments::read(&words).question(), question, "{text}");
        }
        assert!(!is_called(&call("--run out --x")));
    }

    #[test]
    fn a_capture_is_a_command_line_of_ours() {
        let check = |text: &str, expected: &str| {
            let typed = call(text);
            let made = words(&Arguments::read(&typed)).map(|words| words.join(OsStr::new(" ")).into_string().unwrap());
            assert_eq!(made.as_deref(), Ok(expected), "{text}");
        };
        let capture = "--capture --extcap-interface strace2pcap --fifo /tmp/f";
        check(
            &format!("{capture} --pids 7,8 --unix true"),
            "strace2pcap -q --format=pcapng --capture-unix-socket --attach 7,8 -- /tmp/f",
        );
        check(
            &format!("{capture} --pids 7 --unix true --unix-names /a*"),
            "strace2pcap -q --format=pcapng --capture-unix-socket=/a* --attach 7 -- /tmp/f",
        );
        check(&format!("{capture} --process 9 --unix false"), "strace2pcap -q --format=pcapng --attach 9 -- /tmp/f");
        check(
            &format!("{capture} --process 0 --run ls --ports 80 --host a'b"),
            &format!(
                "strace2pcap -q --format=pcapng --capture-unix-socket --port=80 --via ssh -o BatchMode=yes -o ConnectTimeout=10 -- {} --run -- /tmp/f sh -c ls",
                word("a'b")
            ),
        );
        check(
            &format!("{capture} --pids 7 --keylog /tmp/keys"),
            "strace2pcap -q --format=pcapng --capture-unix-socket --keylog=/tmp/keys --attach 7 -- /tmp/f",
        );
        let blanks = ["--capture", "--fifo", "/tmp/f", "--pids", "7", "--keylog", "/tmp/my keys "];
        let typed: Vec<_> = ["X"].iter().chain(&blanks).map(OsString::from).collect();
        assert!(words(&Arguments::read(&typed)).unwrap().contains(&"--keylog=/tmp/my keys ".into()));
        let typed = call(&format!("{capture} --process 0"));
        assert!(words(&Arguments::read(&typed)).unwrap_err().contains("pick a process"));
        for made in ["--pids 7", "--run ls", "--process 7 --via sudo"] {
            let typed = call(&format!("{capture} {made}"));
            let words = words(&Arguments::read(&typed)).unwrap();
            assert!(matches!(cli::parse(words), Ok(Task::Record(_))), "{made}");
        }
    }
    #[test]
    fn every_question_of_the_dialog_matters() {
        let base = "--capture --extcap-interface strace2pcap --fifo /tmp/f --pids 1";
        let made = |text: &str| words(&Arguments::read(&call(text))).unwrap();
        let dialog = dialog::config(&[]);
        let questions: Vec<_> =
            dialog.lines().filter_map(|line| line.split_once("{call=")?.1.split_once('}')).collect();
        assert!(!questions.is_empty());
        for (name, rest) in questions {
            let value = match rest {
                _ if rest.contains("{default=true}") => "false",
                _ if rest.contains("{type=boolean}") => "true",
                _ => "7",
            };
            assert_ne!(made(&format!("{base} {name} {value}")), made(base), "{name}");
        }
    }
}
