//! What Wireshark has to be told to read a capture, ready to be given to it, and which of the rules for ports no UNIX
//! server was of.

use crate::escape::{escaped, word};
use crate::packets::http2::Lack;
use crate::unix::{Advice, Chosen, PortRule, Readers};
use std::collections::BTreeSet;

/// The rules that were never used, as they were typed.
pub(in crate::run) fn unused(rules: &[PortRule], is_used: impl Fn(usize) -> bool) -> Vec<String> {
    let unused = rules.iter().enumerate().filter(|(place, _)| !is_used(*place));
    unused
        .map(|(_, PortRule { names, target })| format!("--unix-port-for {}={target}", escaped(names.text())))
        .collect()
}

/// A line for each protocol that Wireshark does not look for on the port that it is on, of UNIX sockets and of TCP
/// (`of_tcp`), and for what of HTTP/2 it cannot read without seeds.
pub(in crate::run) fn for_wireshark(
    chosen: Option<&Chosen>,
    of_tcp: impl Iterator<Item = Advice>,
    lack: Option<Lack>,
) -> Vec<String> {
    let advice: BTreeSet<Advice> = chosen.into_iter().flat_map(Chosen::advice).copied().chain(of_tcp).collect();
    let mut lines = Vec::new();
    for advice in &advice {
        let line = match chosen.and_then(|chosen| chosen.mixed(advice.port)) {
            Some(protocols) => mixed(advice.port, &protocols),
            None => decode_as(advice),
        };
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.extend(lack.map(seeds));
    lines
}

/// Where Wireshark finds the keys that a traced program has written, or that were given.
pub(in crate::run) fn keys(file: &[u8]) -> String {
    format!("TLS keys are in {0}: for Wireshark to decrypt with them, add -o tls.keylog_file:{0}", word(file))
}

fn decode_as(advice: &Advice) -> String {
    let Advice { port, protocol, dissector, readers } = advice;
    let whom = match readers {
        Readers::All => "Wireshark",
        Readers::Early => "Wireshark before 4.4",
        Readers::Late => "Wireshark 4.6 and later",
    };
    format!("{protocol} was seen on port {port}: for {whom} to read it, add -d tcp.port=={port},{dissector}")
}

/// With `-d` Wireshark would read all of a port as one protocol.
fn mixed(port: u16, protocols: &[&str]) -> String {
    let protocols = protocols.join(", ");
    format!(
        "{protocols} were seen on port {port}: for Wireshark to read them, convert with --unix-port auto, which gives \
         each its own"
    )
}

fn seeds(lack: Lack) -> String {
    match lack {
        Lack::Http2 => {
            "HTTP/2 was joined midway: to begin it with what Wireshark looks for, convert \
                          with --seed-http2"
        }
        Lack::Grpc => {
            "gRPC was joined midway: for Wireshark to read its messages, convert with \
                         --seed-http2 --seed-grpc"
        }
    }
    .to_owned()
}
