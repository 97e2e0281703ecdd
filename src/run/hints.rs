//! What Wireshark has to be told to read a capture, ready to be given to it.

use crate::unix::{Advice, Chosen};

/// A line for each protocol that Wireshark does not look for on the port that it is on.
pub(super) fn decode_as(chosen: &Chosen) -> impl Iterator<Item = String> {
    chosen.advice().map(line)
}

fn line(advice: &Advice) -> String {
    let Advice {
        port,
        protocol,
        dissector,
        early_only,
    } = advice;
    let whom = if *early_only {
        "Wireshark before 4.4"
    } else {
        "Wireshark"
    };
    format!(
        "{protocol} was seen on port {port}: for {whom} to read it, add -d tcp.port=={port},{dissector}"
    )
}
