//! The values of options that are more than a number or one of a few words.

use crate::escape::escaped;
use crate::event::Tid;
use crate::glob::Glob;
use crate::unix::{PROTOCOLS, PortRule, Ports, Protocol, Target};
use std::ffi::OsStr;
use std::ops::RangeInclusive;

/// Which UNIX sockets one `--capture-unix-socket` asks for, or which pipes one `--capture-pipes`.
#[derive(Clone, Debug)]
pub(super) enum NameFilter {
    /// All of them, named or not.
    All,
    /// Those with such a name.
    Like(Glob),
}

/// What stands for a value that is not there. Nobody can type it.
pub(super) const ALL: &str = "\0";

/// A pattern for the names of UNIX sockets or pipes. Names are bytes, and so is what is typed.
pub(super) fn names(text: &OsStr) -> Result<NameFilter, String> {
    if text == ALL {
        return Ok(NameFilter::All);
    }
    pattern(text.as_encoded_bytes()).map(NameFilter::Like)
}

/// The patterns of all that were given together: none, which is all sockets or pipes, where one has no pattern.
pub(super) fn patterns(given: Vec<NameFilter>) -> Vec<Glob> {
    let pattern = |names| match names {
        NameFilter::All => None,
        NameFilter::Like(glob) => Some(glob),
    };
    given.into_iter().map(pattern).collect::<Option<_>>().unwrap_or_default()
}

fn pattern(bytes: &[u8]) -> Result<Glob, String> {
    Glob::new(bytes).map_err(|error| format!("no pattern: {error}"))
}

/// `auto`, or a port for all.
pub(super) fn unix_port(text: &str) -> Result<Ports, String> {
    if text == "auto" {
        return Ok(Ports::Auto);
    }
    port(text).map(Ports::Fixed).ok_or_else(|| "neither `auto` nor a port from 1 to 65535".to_owned())
}

/// `GLOB=PORT` or `GLOB=NAME`. A name may have `=` in it, what follows has none.
pub(super) fn port_rule(text: &OsStr) -> Result<PortRule, String> {
    let bytes = text.as_encoded_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'=').ok_or("there is no `=` between the pattern and its port")?;
    let (names, target) = bytes.split_at(at);
    let target = String::from_utf8_lossy(target.get(1..).unwrap_or_default());
    Ok(PortRule { names: pattern(names)?, target: self::target(&target)? })
}

fn target(text: &str) -> Result<Target, String> {
    if let Some(port) = port(text) {
        return Ok(Target::Port(port));
    }
    Protocol::named(text).map(Target::Protocol).ok_or_else(|| {
        let names: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
        format!("`{}` is neither a port from 1 to 65535 nor one of {}", escaped(text.as_bytes()), names.join(", "))
    })
}

/// A port, or a range of them like `8000-8010`.
pub(super) fn port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        (Some(_), Some(_)) => Err("the range ends before it begins".to_owned()),
        _ => Err("no port from 1 to 65535, nor two with a `-` between them".to_owned()),
    }
}

/// The number of a thread or process.
pub(super) fn pid(text: &str) -> Result<Tid, String> {
    text.parse().map(Tid).map_err(|_| "no number of a process".to_owned())
}

/// The number of a process that there may be.
pub(super) fn process(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|pid| (1..=i32::MAX.cast_unsigned()).contains(pid));
    number.ok_or_else(|| "no number of a process: pgrep NAME and ps tell them".to_owned())
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
}
