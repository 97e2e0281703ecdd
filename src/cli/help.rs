//! The longer texts of `--help`. What is said here about options and exit codes stands in `docs/options.md` as well.

use crate::run::report::keys::{LeftOutKey, LossKey, NoteKey};

/// What it is, in front of the options.
pub const ABOUT: &str = "\
Turns strace's text into a capture that Wireshark reads: what a process says
on its sockets, without the right to capture on an interface, and for UNIX
sockets, which no interface sees.";

/// The same in `-h`, where the arguments have no lines of their own.
pub const SHORT_ABOUT: &str = "Turns strace's text (TRACE) into a capture (OUTPUT, or -) that Wireshark reads";

/// The same in one line, as the manual page begins.
pub const NAME: &str = "turns strace's text into a capture that Wireshark reads";

/// What is said after the options in `-h`, which fits on a screen of 24 lines.
pub const SHORT_AFTER: &str = "\
Examples:
  strace2pcap --run out.pcapng curl http://localhost/
  strace2pcap --attach \"$(pgrep -o nginx)\" - | wireshark -k -i -
  strace2pcap --capture-unix-socket out.pcapng trace.log";

/// A part of what is said after the options.
pub struct Section {
    /// Its title in the manual page.
    pub title: &'static str,
    /// Its lines in `--help`. They stay below 80 columns, so that no terminal breaks a command.
    pub text: String,
}

/// All of them.
pub fn sections() -> Vec<Section> {
    let section = |title, text: &str| Section { title, text: text.to_owned() };
    vec![
        section("EXAMPLES", EXAMPLES),
        section("OPTIONS OF STRACE", OPTIONS_OF_STRACE),
        section("EXIT STATUS", EXIT_CODES),
        Section { title: "REPORT", text: report() },
        section("SIGNALS", SIGNALS),
        section("ENVIRONMENT", ENVIRONMENT),
    ]
}

/// What is said after the options in `--help`.
pub fn after() -> String {
    sections().into_iter().map(|section| section.text).collect::<Vec<_>>().join("\n\n")
}

fn report() -> String {
    let reasons = listed(LeftOutKey::ALL.iter().map(|key| key.text()));
    let losses = listed(LossKey::ALL.iter().map(|key| key.text()));
    let notes = listed(NoteKey::ALL.iter().map(|key| key.text()));
    format!("{REPORT}\nReasons in left_out:{reasons}\nKeys of losses:{losses}\nKeys of notes:{notes}")
}

/// Words as indented lines.
fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    const WIDTH: usize = 76;
    let (mut text, mut width) = (String::new(), WIDTH);
    for word in words {
        width += 1 + word.len();
        if width > WIDTH {
            text.push_str("\n ");
            width = 2 + word.len();
        }
        text.push(' ');
        text.push_str(word);
    }
    text
}

const EXAMPLES: &str = "\
Examples:
  Run a command and capture what it says, or a process that runs:
    strace2pcap --run out.pcapng curl http://localhost/
    strace2pcap --attach \"$(pgrep -o nginx)\" out.pcapng
  On another machine, where there is strace and nothing else:
    strace2pcap --via 'ssh web1' --attach 1234 - | wireshark -k -i -

  The same by hand; strace starts strace2pcap:
    strace -f -s 1048576 -ttt -T -yy -xx -e \"$(strace2pcap --calls)\" \\
      -o '! strace2pcap out.pcap' COMMAND
  For a process that runs already, -p PID in place of COMMAND.
  To see it live, -o '! strace2pcap - | wireshark -k -i -'

  Convert a trace that `strace … -o trace.log COMMAND` has recorded:
    strace2pcap out.pcap trace.log
    strace2pcap out.pcap < trace.log
    strace2pcap - trace.log | wireshark -k -i -

  Or a part of it:
    strace2pcap --pid 1234 --port 80,8000-8010 out.pcapng trace.log
    strace2pcap --capture-unix-socket='/run/*.sock' out.pcapng trace.log";

const OPTIONS_OF_STRACE: &str = "\
What the options of strace are for:
  -f            follow threads and child processes
  -s 1048576    print payloads whole; strace prints 32 bytes otherwise
  -ttt -T       when a call began and how long it took
  -yy           the addresses behind a file descriptor
  -xx           every byte readable back
  -e trace=…    the calls that matter, so that the rest runs at full speed:
                strace2pcap --calls prints them, with --capture-pipes more";

const EXIT_CODES: &str = "\
Exit codes:
  0  done; also when lines were skipped, when the reader of the output went
     away, and when a signal ended a live capture
  1  a trace could not be read or is none, the capture could not be written,
     or a signal came before the end of a file
  2  the command line makes no sense, or OUTPUT is there and is no capture;
     nothing was touched
  3  with --strict: a line was not understood, or bytes or addresses are missing";

const REPORT: &str = "\
--report json writes one object as the last line on stderr, with the keys
  version exit_code lines calls packets payload_bytes capture_bytes
  left_out [reason text count]
  losses   [key count text cure, and where known bytes first_line trace]
  notes    [key text cure]
  hints    [texts: what helps to read the capture]
  errors   [texts, which are also printed]";

const SIGNALS: &str = "\
Signals: SIGTERM and SIGHUP end it with everything known written. So does
Ctrl-C, but when a pipe is read only the second one: the first goes to the
traced program as well, and what that still says belongs into the capture.";

const ENVIRONMENT: &str = "\
For what one part of the program does: RUST_LOG=strace2pcap::sockets=debug";
