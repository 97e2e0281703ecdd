//! The longer texts of `--help`. What is said here about options and exit codes stands in the README as well.

use crate::run::report::keys::{LossKey, NoteKey, Reason};

/// What it is, in front of the options.
pub const ABOUT: &str = "\
Turns strace's text into a capture that Wireshark reads: what a process says
on its sockets, without the right to capture on an interface, and for UNIX
sockets, which no interface sees.";

/// What is said after the options. Lines stay below 80 columns, so that no terminal breaks a command.
pub fn after() -> String {
    let reasons = listed(Reason::ALL.iter().map(|key| key.text()));
    let losses = listed(LossKey::ALL.iter().map(|key| key.text()));
    let notes = listed(NoteKey::ALL.iter().map(|key| key.text()));
    format!("{BEFORE_KEYS}Reasons in left_out:{reasons}\nKeys of losses:{losses}\nKeys of notes:{notes}\n{BEHIND_KEYS}")
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

const BEFORE_KEYS: &str = "\
Examples:
  Run a command and capture what it says; strace starts strace2pcap:
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
    strace2pcap --capture-unix-socket='/run/*.sock' out.pcapng trace.log

What the options of strace are for:
  -f            follow threads and child processes
  -s 1048576    print payloads whole; strace prints 32 bytes otherwise
  -ttt -T       when a call began and how long it took
  -yy           the addresses behind a file descriptor
  -xx           every byte readable back
  -e trace=…    the calls that matter, so that the rest runs at full speed:
                strace2pcap --calls prints them, with --capture-pipes more

Exit codes:
  0  done; also when lines were skipped, when the reader of the output went
     away, and when a signal ended a live capture
  1  a trace could not be read or is none, the capture could not be written,
     or a signal came before the end of a file
  2  the command line makes no sense, or OUTPUT is there and is no capture;
     nothing was touched
  3  with --strict: a line was not understood, or bytes or addresses are missing

--report json writes one object as the last line on stderr, with the keys
  version exit_code lines calls packets payload_bytes capture_bytes
  left_out [reason text count]
  losses   [key count text cure, and where known bytes first_line trace]
  notes    [key text cure]
  hints    [texts: what helps to read the capture]
  errors   [texts, which are also printed]
";

const BEHIND_KEYS: &str = "
Signals: SIGTERM and SIGHUP end it with everything known written. So does
Ctrl-C, but when a pipe is read only the second one: the first goes to the
traced program as well, and what that still says belongs into the capture.

For what one part of the program does: RUST_LOG=strace2pcap::sockets=debug";
