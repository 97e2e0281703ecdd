//! What a person reads beside the packets of a UNIX socket: its name in place of the invented address, and a comment.

use crate::escape;
use crate::event::{Ancillary, Details, Family, HostPort, Marking, Right, UnixName};
use crate::packets::Chunk;
use crate::processes::Processes;
use crate::sockets::{Connection, Side};
use crate::wire::{Record, Sink};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Names the address of an end: who is behind it, the name of its socket, or both, as far as they are known.
pub(super) fn write<S: Sink>(
    address: HostPort,
    user: Option<&str>,
    name: Option<&UnixName>,
    sink: &mut S,
) -> Result<(), S::Error> {
    let name = name.map(readable);
    let both = match (user, name.as_deref()) {
        (None, None) => return Ok(()),
        (Some(user), None) => Cow::Borrowed(user),
        (None, Some(name)) => Cow::Borrowed(name),
        (Some(user), Some(name)) => Cow::Owned(format!("{user} {name}")),
    };
    sink.record(&Record::Name { address: address.ip(), name: &both })
}

/// Who made a packet: `curl[1234]`, or `pid-1234` of whom no name is known.
pub(super) fn of_process(by: &Marking, processes: &Processes) -> String {
    processes.name(by.process).unwrap_or_else(|| format!("pid-{}", by.tid))
}

/// What is said of a process that has only read on an end: `read by curl[7] pid=7 tid=7 fd=5`.
pub(super) fn of_reader(reader: &Marking, processes: &Processes) -> String {
    let (name, number) = (of_process(reader, processes), processes.number(reader.process).unwrap_or(reader.tid));
    format!("read by {name} pid={number} tid={} fd={}", reader.tid, reader.fd)
}

/// What is said of a pair of datagram sockets.
pub(super) fn of_datagrams(server: Option<&UnixName>) -> String {
    match server {
        Some(name) => format!("UNIX datagrams to {}", readable(name)),
        None => "UNIX datagrams".to_owned(),
    }
}

/// What is said of a connection.
pub(super) fn of_connection(connection: &Connection, client: Side) -> String {
    let server = connection.end(client.other());
    if connection.family == Family::Pipe {
        return match (connection.inode(client), server.name()) {
            (Some(inode), _) => format!("pipe, inode {}", inode.number()),
            (None, Some(path)) => format!("FIFO {}", readable(path)),
            (None, None) => "pipe".to_owned(),
        };
    }
    let mut text = String::from("UNIX connection");
    if let Some(name) = server.name() {
        text.push_str(" to ");
        text.push_str(&readable(name));
    }
    for (who, side) in [("client", client), ("server", client.other())] {
        if let Some(inode) = connection.end(side).inode() {
            let _ = write!(text, ", {who} inode {}", inode.number());
        }
    }
    text
}

/// What is said of a D-Bus message: who sent or received it, and to or from whom.
pub(super) fn of_message(connection: &Connection, client: Side, chunk: &Chunk<'_>) -> String {
    let (marking, side) = chunk.by;
    let verb = if side == chunk.sender { "sends to" } else { "receives from" };
    let server = connection.end(client.other()).name().map(readable);
    let bus = server.as_deref().unwrap_or("D-Bus");
    let other = if side == client { bus.to_owned() } else { format!("a client of {bus}") };
    format!("PID {} fd {} {verb} {other}", marking.tid, marking.fd)
}

/// What is said of descriptors and credentials that go with a message.
pub(super) fn of_ancillary(ancillary: &Ancillary) -> String {
    let mut parts = Vec::new();
    if !ancillary.rights.is_empty() {
        let rights: Vec<_> = ancillary.rights.iter().map(of_right).collect();
        parts.push(format!("SCM_RIGHTS {}", rights.join(", ")));
    }
    if let Some(from) = ancillary.credentials {
        parts.push(format!("SCM_CREDENTIALS pid {} uid {} gid {}", from.process, from.user, from.group));
    }
    parts.join("; ")
}

/// `fd 5 10.1.2.3:4000->10.4.5.6:80`, `fd 6 /etc/hosts`, as far as it is known.
fn of_right(right: &Right) -> String {
    let mut text = format!("fd {}", right.fd);
    if let Some(path) = &right.path {
        text.push(' ');
        text.push_str(&escape::readable(path));
    }
    if let Details::Socket(details) = &right.details {
        let _ = match (details.local, details.remote, &details.name, details.inode) {
            (Some(local), Some(remote), ..) => write!(text, " {local}->{remote}"),
            (Some(local), None, ..) => write!(text, " {local}"),
            (None, _, Some(name), _) => write!(text, " {}", readable(name)),
            (None, _, None, Some(inode)) => write!(text, " socket {}", inode.number()),
            (None, _, None, None) => Ok(()),
        };
    }
    text
}

/// A name as a person reads it: `@` before an abstract one, and in place of what is no text a mark.
fn readable(name: &UnixName) -> String {
    let (sign, bytes) = name.parts();
    format!("{sign}{}", escape::readable(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_readable() {
        let path = UnixName::new(b"/run/\xc3\xa9\n\0\xff.sock");
        assert_eq!(readable(&path), "/run/é\u{fffd}\u{fffd}\u{fffd}.sock");
        let turned = UnixName::of("/run/\u{202e}kcos\u{200b}");
        assert_eq!(readable(&turned), "/run/\u{fffd}kcos\u{fffd}");
        let name = UnixName::of("@x");
        assert_eq!(of_datagrams(Some(&name)), "UNIX datagrams to @x");
    }
}
