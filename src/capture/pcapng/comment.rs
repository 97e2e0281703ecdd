//! The words of comments that follow from what is known of a packet. They are for people first, and can be taken apart:
//! `curl[24435] pid=24435 tid=24435 comm=curl fd=5 call=connect path=/usr/bin/curl`.

use crate::event::{Marking, Process, Tid};
use crate::wire::Remarks;
use std::fmt::Write as _;

/// Who made a packet.
pub(super) fn who(by: &Marking, process: &Process) -> String {
    let mut text = String::new();
    if process.name.is_some() || process.number != Tid(0) {
        let _ = write!(text, "{process} ");
    }
    if process.number != Tid(0) {
        let _ = write!(text, "pid={} tid={} ", process.number, by.tid);
    }
    if let Some(name) = &process.name {
        let _ = write!(text, "comm={} ", value(name));
    }
    let _ = write!(text, "fd={}", by.fd);
    if let Some(op) = by.op {
        let _ = write!(text, " call={}", op.name());
    }
    if let Some(path) = &process.path {
        let _ = write!(text, " path={}", value(path));
    }
    text
}

/// What else there is to be said.
const WORDS: [(Remarks, &str); 4] = [
    (Remarks::LOST, "incomplete: bytes that this call moved are not in the trace"),
    (Remarks::STAND_IN, "stand-in: an address of this conversation is not in the trace"),
    (Remarks::MADE_UP, "made up: no call moved these bytes, they let Wireshark read what follows"),
    (
        Remarks::MIDWAY,
        "made up: this conversation began before the trace did, or unseen, and its handshake is not in it",
    ),
];

/// What else is to be said of a packet.
pub(super) fn remarks(of: Remarks) -> impl Iterator<Item = &'static str> {
    WORDS.into_iter().filter(move |(remark, _)| of.has(*remark)).map(|(_, words)| words)
}

/// A value of `key=value`: in quotes, with a backslash before those within, where it holds what would end it.
fn value(text: &str) -> String {
    if !text.is_empty() && !text.contains([' ', '"', '\\']) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fd, Op, ProcessRef};

    #[track_caller]
    fn check(number: u32, name: Option<&str>, path: Option<&str>, op: Option<Op>, expected: &str) {
        let process = Process { number: Tid(number), name: name.map(Into::into), path: path.map(Into::into) };
        let tid = Tid(if number == 0 { 0 } else { number + 1 });
        let by = Marking { tid, process: ProcessRef(1), fd: Fd(5), session: 1, op };
        assert_eq!(who(&by, &process), expected);
    }

    #[test]
    fn as_much_as_is_known_is_said() {
        let (curl, path) = (Some("curl"), Some("/usr/bin/curl"));
        let connect = Some(Op::Connect);
        check(7, curl, path, connect, "curl[7] pid=7 tid=8 comm=curl fd=5 call=connect path=/usr/bin/curl");
        check(7, curl, None, None, "curl[7] pid=7 tid=8 comm=curl fd=5");
        check(7, None, None, connect, "pid-7 pid=7 tid=8 fd=5 call=connect");
        check(0, curl, path, connect, "curl comm=curl fd=5 call=connect path=/usr/bin/curl");
        check(0, None, None, connect, "fd=5 call=connect");
    }

    #[test]
    fn a_value_with_a_blank_has_its_end() {
        let said = "a \"b\\[7] pid=7 tid=8 comm=\"a \\\"b\\\\\" fd=5";
        check(7, Some("a \"b\\"), None, None, said);
    }
}
