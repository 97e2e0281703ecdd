//! The values of options that are more than a number or one of a few words.

use crate::unix::{Glob, PROTOCOLS, PortRule, Ports, Protocol, Target};
use std::ffi::OsStr;

fn pattern(bytes: &[u8]) -> Result<Glob, String> {
    Glob::new(bytes).map_err(|error| format!("no pattern: {error}"))
}

/// `auto`, or a port for all.
pub(super) fn unix_port(text: &str) -> Result<Ports, String> {
    if text == "auto" {
        return Ok(Ports::Auto);
    }
    port(text)
        .map(Ports::Fixed)
        .ok_or_else(|| "neither `auto` nor a port from 1 to 65535".to_owned())
}

/// `GLOB=PORT` or `GLOB=NAME`. A name may have `=` in it, what follows has none.
pub(super) fn port_rule(text: &OsStr) -> Result<PortRule, String> {
    let bytes = text.as_encoded_bytes();
    let at = bytes
        .iter()
        .rposition(|byte| *byte == b'=')
        .ok_or("there is no `=` between the pattern and its port")?;
    let (names, target) = bytes.split_at(at);
    let target = String::from_utf8_lossy(target.get(1..).unwrap_or_default());
    Ok(PortRule {
        names: pattern(names)?,
        target: self::target(&target)?,
    })
}

fn target(text: &str) -> Result<Target, String> {
    if let Some(port) = port(text) {
        return Ok(Target::Port(port));
    }
    Protocol::named(text).map(Target::Protocol).ok_or_else(|| {
        let names: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
        format!(
            "`{text}` is neither a port from 1 to 65535 nor one of {}",
            names.join(", ")
        )
    })
}

fn port(text: &str) -> Option<u16> {
    text.parse()
        .ok()
        .filter(|port| *port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
}
