//! What is to be recorded, as the words behind OUTPUT ask.

use super::values;
use crate::record::Subject;
use std::ffi::OsString;

/// What the words behind OUTPUT ask to be traced: a command, or as strace has it the processes of `-p`, and nothing else.
pub(super) fn of(command: &[OsString]) -> Subject {
    let mut words = command.iter().map(|word| word.to_str().unwrap_or_default());
    let mut pids = Vec::new();
    while let Some(word) = words.next() {
        let number =
            word.strip_prefix("-p").map(|rest| if rest.is_empty() { words.next().unwrap_or_default() } else { rest });
        let listed = number.map(|it| it.split([',', ' ']).map(values::process).collect::<Result<Vec<_>, _>>());
        match listed {
            Some(Ok(more)) => pids.extend(more),
            _ => return Subject::Command(command.to_vec()),
        }
    }
    if pids.is_empty() { Subject::Command(Vec::new()) } else { Subject::Processes(pids) }
}

/// Why a recording makes no sense. `has_traces`: TRACE was given.
pub(super) fn refused(subject: &Subject, has_traces: bool) -> Option<&'static str> {
    match subject {
        Subject::Command(words) if words.is_empty() => {
            Some("--run needs OUTPUT and a COMMAND: strace2pcap --run out.pcapng curl http://localhost/")
        }
        it if it.is_written_elsewhere() => {
            Some("strace's -o, --output and -ff take away the text that is to be converted: leave them out")
        }
        Subject::Processes(_) if has_traces => {
            Some("--attach records what runs and reads no TRACE: strace2pcap --attach PID OUTPUT")
        }
        _ => None,
    }
}
