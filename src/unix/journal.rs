//! Messages to systemd's journal as entries of it (systemd "Native Journal Protocol", "Journal Export Formats").
//!
//! Both have the same layout: a field a line, `KEY=VALUE`, or for values with line ends `KEY`, their length in 64 bits
//! little endian, and the value. An entry also needs a time, which the protocol leaves to the journal.

use crate::event::{UnixName, as_u64};
use crate::sockets::UnixMessage;

/// The socket of the native protocol, in whatever root.
const SOCKET: &[u8] = b"/systemd/journal/socket";

/// Whether it is the journal that is bound to this name.
pub(super) fn is_journal(name: &UnixName) -> bool {
    matches!(name.parts(), ("", path) if path.ends_with(SOCKET))
}

/// The entry that a message asks for; none where it is none, is not whole, or is in a file whose descriptor was sent.
pub(super) fn entry(message: &UnixMessage, fields: &[u8]) -> Option<Vec<u8>> {
    if as_u64(fields.len()) != message.moved || !is_whole(fields) {
        return None;
    }
    let time = format!("__REALTIME_TIMESTAMP={}\n", message.exit.0 / 1000);
    let pid = format!("_PID={}\n", message.marking.tid);
    let mut entry = [time.as_bytes(), pid.as_bytes(), fields].concat();
    if entry.last() != Some(&b'\n') {
        entry.push(b'\n');
    }
    Some(entry)
}

/// Whether these are fields and nothing else, at least one.
fn is_whole(mut fields: &[u8]) -> bool {
    let any = !fields.is_empty();
    while !fields.is_empty() {
        match after_field(fields) {
            Some(rest) => fields = rest,
            None => return false,
        }
    }
    any
}

/// What stands behind the first field. The last one needs no line end.
fn after_field(fields: &[u8]) -> Option<&[u8]> {
    const LENGTH_BYTES: usize = 8;
    let end = memchr::memchr(b'\n', fields).unwrap_or(fields.len());
    let (line, rest) = fields.split_at_checked(end)?;
    let rest = rest.get(1..).unwrap_or_default();
    if let Some(sign) = memchr::memchr(b'=', line) {
        return is_key(line.get(..sign)?).then_some(rest);
    }
    if !is_key(line) {
        return None;
    }
    let (length, value) = rest.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    match value.get(length..)? {
        [] => Some(&[]),
        [b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// The journal's names of fields: upper-case letters, digits and underscores.
fn is_key(key: &[u8]) -> bool {
    !key.is_empty() && key.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_from_other_bytes() {
        for fields in [
            b"MESSAGE=hello\nPRIORITY=6\n".as_slice(),
            b"MESSAGE=without an end",
            b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=6\n",
            b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb",
        ] {
            assert!(is_whole(fields), "{}", fields.escape_ascii());
        }
        for other in [
            b"".as_slice(),
            b"hello\n",
            b"message=x\n",
            b"MESSAGE\n\x09\0\0\0\0\0\0\0a\nb\n",
            b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffa",
            b"MESSAGE\n",
            b"=x\n",
            b"MESSAGE\n\x01\0\0\0\0\0\0\0ab\n",
        ] {
            assert!(!is_whole(other), "{}", other.escape_ascii());
        }
    }
}
