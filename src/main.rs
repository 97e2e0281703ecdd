//! The program's front door: the command line in, an exit code out.

use std::process::ExitCode;

use strace2pcap::cli::{self, Refused};
use strace2pcap::run;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(options) => run::run(&options).into(),
        Err(Refused::Asked(told)) => told.exit(),
        Err(Refused::Usage(usage)) => run::refuse_usage(&usage).into(),
    }
}
