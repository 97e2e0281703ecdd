//! The room as a whole: lines to events, each event in a line of text.

mod documented;
mod dumps;
mod halves;
mod laws;
mod real_lines;
mod threads;

use super::{Counts, Parser, Skip, TraceOptions};
use crate::event::{
    Address, Descriptor, Details, Direction, Errno, Event, Move, Outcome, SocketDetails, UnixName, What,
};

/// The events of lines, in text, and what was counted.
fn read<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>, options: TraceOptions) -> (Vec<String>, Counts) {
    let mut parser = Parser::new(options);
    let mut events: Vec<String> =
        lines.into_iter().flat_map(|line| of_line(&mut parser, line.as_ref(), in_words)).collect();
    events.extend(parser.finish().as_ref().map(in_words));
    let counts = parser.counts().clone();
    (events, counts)
}

/// What `of` says of the events of a line. That a payload call has begun is of no interest but to its own test.
fn of_line<T>(parser: &mut Parser, line: &[u8], of: impl Fn(&Event<'_>) -> T) -> Vec<T> {
    let mut events = parser.line(line);
    let mut said = Vec::new();
    while let Some(event) = events.next() {
        if !matches!(event.what, What::MoveBegun { .. }) {
            said.push(of(&event));
        }
    }
    said
}

/// Checks the events of the lines of `trace`.
#[track_caller]
fn check(trace: &str, expected: &[&str]) {
    let (events, _) = read(trace.lines(), TraceOptions::default());
    assert_eq!(events, expected, "{trace}");
}

/// Checks that a line gives no event, for this reason.
#[track_caller]
fn check_skip(line: &str, reason: Skip) {
    let (events, counts) = read([line], TraceOptions::default());
    assert_eq!(events, [""; 0], "{line}");
    assert_eq!(counts.skipped(reason).count, 1, "{line}: {counts:?}");
}

/// `TID EVENT`
fn in_words(event: &Event<'_>) -> String {
    format!("{} {}", event.tid, what(&event.what))
}

fn what(what: &What<'_>) -> String {
    match what {
        What::Socket { made, family, transport, close_on_exec, .. } => {
            let (made, mark) = (descriptor(*made), marked(*close_on_exec));
            format!("socket {family:?} {transport:?} = {made}{mark}")
        }
        What::Pair { made: [one, two], family, transport, close_on_exec } => {
            let (one, two, mark) = (descriptor(*one), descriptor(*two), marked(*close_on_exec));
            format!("pair {family:?} {transport:?} = {one} {two}{mark}")
        }
        What::Bind { socket, address } => {
            format!("bind {} {}", descriptor(*socket), named(address))
        }
        What::Listen { socket } => format!("listen {}", descriptor(*socket)),
        What::Connect { socket, address, outcome } => {
            format!("connect {} {}{}", descriptor(*socket), named(address), came(*outcome))
        }
        What::Accept { listener, made, peer, close_on_exec } => {
            let (listener, made) = (descriptor(*listener), descriptor(*made));
            format!("accept {listener}{} = {made}{}", from(peer.as_ref()), marked(*close_on_exec))
        }
        What::LocalName { socket, address } => {
            format!("local {} {}", descriptor(*socket), named(address))
        }
        What::RemoteName { socket, address } => {
            format!("remote {} {}", descriptor(*socket), named(address))
        }
        What::Move(moved) => payload(moved),
        What::Shutdown { socket, how, outcome } => {
            format!("shutdown {} {how:?}{}", descriptor(*socket), came(*outcome))
        }
        What::Close { socket, outcome } => {
            format!("close {}{}", descriptor(*socket), came(*outcome))
        }
        _ => of_no_connection(what),
    }
}

fn of_no_connection(what: &What<'_>) -> String {
    match what {
        What::SocketError { socket, error } => {
            format!("error {}{}", descriptor(*socket), error.map(errno).unwrap_or_default())
        }
        What::ResetOnClose { socket, on } => format!("reset-on-close {} {on}", descriptor(*socket)),
        What::Cork { socket, on } => format!("cork {} {on}", descriptor(*socket)),
        What::Segment { socket, segments } => format!("segment {} {segments:?}", descriptor(*socket)),
        What::Membership { socket, group, own, joins } => {
            let own = own.map(|own| format!(" at {own}")).unwrap_or_default();
            format!("{} {} {group}{own}", if *joins { "join" } else { "leave" }, descriptor(*socket))
        }
        What::ShutdownBegun { socket, how } => format!("shutdown begins {} {how:?}", descriptor(*socket)),
        What::Relay { from, to, op, moved } => {
            format!("{op:?} {} {} = {moved}", descriptor(*from), descriptor(*to))
        }
        What::CloseRange { first, last, only_mark, unshare } => {
            format!("close-range {first} {last} mark {only_mark} unshare {unshare}")
        }
        What::Duplicate { from, made, close_on_exec } => {
            let (from, made) = (descriptor(*from), descriptor(*made));
            format!("dup {from} = {made}{}", marked(*close_on_exec))
        }
        What::CloseOnExec { fd, on } => format!("close-on-exec {fd} {on}"),
        What::Appeared { made, second, close_on_exec } => {
            let second = second.map(|made| format!(" {}", descriptor(made))).unwrap_or_default();
            format!("appeared {}{second}{}", descriptor(*made), marked(*close_on_exec))
        }
        What::PidfdOpened { made, process } => {
            format!("pidfd of {process} = {}", descriptor(*made))
        }
        What::Fetched { pidfd, process, from, made } => {
            let process = process.map_or("?".into(), |process| process.to_string());
            format!("fetched {from} of {process} by {} = {}", descriptor(*pidfd), descriptor(*made))
        }
        other => of_processes(other),
    }
}

fn of_processes(what: &What<'_>) -> String {
    match what {
        What::ConnectBegun { socket, address } => format!("connects {} {}", descriptor(*socket), named(address)),
        What::MoveBegun { socket, op, .. } => format!("begins {op:?} {}", descriptor(*socket)),
        What::CloneBegun { sharing } => {
            format!("clone begun files {} thread {}", sharing.files, sharing.thread)
        }
        What::Cloned { child, sharing } => {
            let child = child.map_or("nobody".into(), |child| child.to_string());
            format!("cloned {child} files {} thread {}", sharing.files, sharing.thread)
        }
        What::Superseded { by } => format!("superseded by {by}"),
        What::Ended { group: true } => "process ended".into(),
        What::Ended { group: false } => "ended".into(),
        What::Called { name } => format!("called {}", name.escape_ascii()),
        What::Executed { path: Some(path) } => format!("executed {}", path.escape_ascii()),
        What::Executed { path: None } => "executed".into(),
        What::Opaque { made: Some(made) } => format!("io_uring = {}", descriptor(*made)),
        What::Opaque { made: None } => "io_uring".into(),
        other => format!("{other:?}"),
    }
}

/// `Recvfrom 3<…> "bytes" = 9 asked 4096 [start+captured/moved from]`
fn payload(moved: &Move<'_>) -> String {
    let mut parts = vec![format!(
        "{:?} {} \"{}\"{}",
        moved.op,
        descriptor(moved.socket),
        moved.payload.escape_ascii(),
        came(moved.outcome)
    )];
    parts.extend(moved.requested.map(|requested| format!(" asked {requested}")));
    for message in moved.messages {
        let from = from(message.address.as_ref());
        parts.push(format!(" [{}+{}/{}{from}]", message.start, message.captured, message.moved));
    }
    if let Some(ancillary) = moved.ancillary {
        for right in &ancillary.rights {
            parts.push(format!(" right {}{}", descriptor(right.descriptor()), marked(ancillary.close_on_exec)));
        }
        parts.extend(ancillary.segments.iter().map(|(place, segments)| format!(" {place}: {segments:?}")));
    }
    let is_sent = moved.direction == Direction::Sent;
    parts.extend((is_sent && moved.flags.connect()).then(|| " fast open".into()));
    parts.extend((is_sent && moved.flags.go_on()).then(|| " more".into()));
    parts.concat()
}

const fn marked(close_on_exec: bool) -> &'static str {
    if close_on_exec { " cloexec" } else { "" }
}

fn came(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done(value) => format!(" = {value}"),
        Outcome::Failed(error) => errno(error),
        Outcome::Unknown => " = ?".into(),
    }
}

fn errno(error: Errno) -> String {
    format!(" = {error:?}")
}

fn descriptor(descriptor: Descriptor<'_>) -> String {
    let details = match descriptor.details {
        Details::Missing => String::new(),
        Details::NotSocket => "<no socket>".into(),
        Details::Socket(socket) => details(socket),
    };
    format!("{}{details}", descriptor.fd)
}

/// `<Inet Stream local->remote>`, `<Unix Stream #inode->#peer name>`
fn details(socket: &SocketDetails) -> String {
    let parts = [
        socket.inode.map(|inode| format!(" #{}", inode.number())),
        socket.peer_inode.map(|inode| format!("->#{}", inode.number())),
        socket.local.map(|local| format!(" {local}")),
        socket.remote.map(|remote| format!("->{remote}")),
        socket.name.as_ref().map(|name| format!(" {}", unix_name(name))),
    ];
    let parts: String = parts.into_iter().flatten().collect();
    format!("<{:?} {:?}{parts}>", socket.family, socket.transport)
}

fn from(address: Option<&Address>) -> String {
    address.map(|address| format!(" {}", named(address))).unwrap_or_default()
}

fn named(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(None) => "unnamed".into(),
        Address::Unix(Some(name)) => unix_name(name),
        Address::Unspecified => "unspecified".into(),
        Address::Other => "other".into(),
    }
}

fn unix_name(name: &UnixName) -> String {
    let (sign, name) = name.parts();
    format!("{sign}{}", name.escape_ascii())
}

#[test]
fn a_line_too_long_counts_as_a_line() {
    let mut parser = Parser::new(TraceOptions::default());
    let line = |parser: &mut Parser| of_line(parser, b"5 dup(3) = 4", |event| event.line);
    assert_eq!(line(&mut parser), [1]);
    parser.passed_over();
    assert_eq!(line(&mut parser), [3]);
    let too_long = parser.counts().skipped(Skip::TooLong);
    assert_eq!((too_long.count, too_long.first_line), (1, 2));
}
