//! What is said of the ports of UNIX servers: what Wireshark has to be told to read a capture, ready to be given to it, and
//! which of the rules no server was of.

use crate::run::escape::escaped;
use crate::unix::{Advice, Chosen, PortRule, Readers};

/// The rules that were never used, as they were typed.
pub(super) fn unused(rules: &[PortRule], is_used: impl Fn(usize) -> bool) -> Vec<String> {
    let unused = rules.iter().enumerate().filter(|(place, _)| !is_used(*place));
    unused
        .map(|(_, PortRule { names, target })| format!("--unix-port-for {}={target}", escaped(names.text())))
        .collect()
}

/// A line for each protocol that Wireshark does not look for on the port that it is on.
pub(super) fn decode_as(chosen: &Chosen) -> impl Iterator<Item = String> {
    chosen.advice().map(line)
}

fn line(advice: &Advice) -> String {
    let Advice { port, protocol, dissector, readers } = advice;
    let whom = match readers {
        Readers::All => "Wireshark",
        Readers::Early => "Wireshark before 4.4",
        Readers::Late => "Wireshark 4.6 and later",
    };
    format!("{protocol} was seen on port {port}: for {whom} to read it, add -d tcp.port=={port},{dissector}")
}
