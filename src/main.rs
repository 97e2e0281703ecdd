//! The program's front door: the command line in, an exit code out.

use std::process::ExitCode;

use strace2pcap::{cli, run};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(options) => run::run(&options).into(),
        Err(told) => told.exit(),
    }
}
