//! The program's front door: the command line in, an exit code out.

use std::ffi::OsString;
use std::process::ExitCode;

use strace2pcap::{Refused, Task};

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(ended) = strace2pcap::hidden(&words) {
        return ended.exit();
    }
    if strace2pcap::is_called_by_wireshark(&words) {
        return strace2pcap::answer_wireshark(&words).exit();
    }
    match strace2pcap::parse(words) {
        Ok(Task::Convert(options)) => strace2pcap::convert(&options).into(),
        Ok(Task::Record(recording)) => strace2pcap::record(&recording).exit(),
        Ok(Task::Wireshark(place)) => strace2pcap::place_in_wireshark(place).into(),
        Err(Refused::Asked(told)) => told.exit(),
        Err(Refused::Answer(text)) => strace2pcap::answer(&text).into(),
        Err(Refused::Usage(usage)) => strace2pcap::refuse(&usage).into(),
    }
}
