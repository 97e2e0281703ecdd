//! The program's front door: the command line in, an exit code out.

use std::process::ExitCode;

use strace2pcap::Refused;

fn main() -> ExitCode {
    match strace2pcap::parse(std::env::args_os()) {
        Ok(options) => strace2pcap::convert(&options).into(),
        Err(Refused::Asked(told)) => told.exit(),
        Err(Refused::Answer(text)) => strace2pcap::answer(&text).into(),
        Err(Refused::Usage(usage)) => strace2pcap::refuse(&usage).into(),
    }
}
