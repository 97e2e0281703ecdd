//! Makes up traces of threads that talk over sockets, and says which bytes must come out of them.
//!
//! Two kinds: [`trace_of_steps`] has many calls of several threads on sockets whose other ends are not traced;
//! [`trace_of_both_ends`] has one connection with both of its ends traced.

use super::escape::{STYLES, quoted};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// One call on one of the sockets.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which thread makes it.
    pub thread: u8,
    /// On which socket of [`SOCKETS`].
    pub socket: u8,
    /// Whether it sends.
    pub sends: bool,
    /// What it moves.
    pub payload: Vec<u8>,
    /// Which system call.
    pub call: u8,
    /// How strace quotes.
    pub style: u8,
    /// After how many further steps its `resumed` line stands; 0 for a call on one line.
    pub open_for: u8,
    /// Bytes it was asked to send beyond those it sent.
    pub unsent: u8,
    /// It fails instead.
    pub fails: bool,
}

/// The sockets that steps use: descriptor and details. UDP is not cut short, so it must be known.
const SOCKETS: [(&str, bool); 7] = [
    ("3<TCP:[10.1.2.3:4000->10.4.5.6:80]>", true),
    ("4<TCP:[10.1.2.3:4001->10.4.5.6:80]>", true),
    ("5<TCPv6:[[2001:db8::1]:4000->[2001:db8::2]:80]>", true),
    ("6<UDP:[10.1.2.3:4000->10.4.5.6:53]>", false),
    ("7<UNIX-STREAM:[500->501]>", true),
    ("8<UNIX-STREAM:[601->600,\"/run/s\"]>", true),
    ("9<UNIX-STREAM:[777]>", true),
];

/// A trace, and what must come of it.
#[derive(Debug, Default)]
pub struct Traffic {
    /// strace's text.
    pub trace: String,
    /// The bytes of each direction of each socket in which any moved, in any order.
    pub flows: Vec<Vec<u8>>,
}

/// What one call is as text: up to its `<unfinished ...>`, and from its `resumed>` on.
struct Halves {
    name: &'static str,
    begin: String,
    end: String,
    /// What strace prints at the cut: a comma that belongs to the end, before 6.16.
    comma: &'static str,
}

impl Halves {
    fn whole(&self) -> String {
        format!("{}{}{}", self.begin, self.comma, self.end)
    }
}

fn halves(step: &Step) -> Halves {
    let (socket, is_stream) = SOCKETS[usize::from(step.socket) % SOCKETS.len()];
    let style = STYLES[usize::from(step.style) % STYLES.len()];
    let mut payload = step.payload.clone();
    if step.sends && is_stream {
        payload.extend(std::iter::repeat_n(b'#', usize::from(step.unsent)));
    }
    let (first, second) = payload.split_at(payload.len() / 2);
    let length = payload.len();
    let text = quoted(&payload, style);
    let vector = format!(
        "[{{iov_base={}, iov_len={}}}, {{iov_base={}, iov_len={}}}]",
        quoted(first, style),
        first.len(),
        quoted(second, style),
        second.len()
    );
    let message =
        format!("{{msg_name=NULL, msg_namelen=0, msg_iov={vector}, msg_iovlen=2, msg_controllen=0, msg_flags=0}}, 0");
    let names = if step.sends {
        ["write", "sendto", "send", "writev", "sendmsg"]
    } else {
        ["read", "recvfrom", "recv", "readv", "recvmsg"]
    };
    let call = usize::from(step.call) % names.len();
    let room = if step.sends { length } else { length + 100 };
    let arguments = match call {
        0 => format!("{text}, {room}"),
        1 if step.sends => format!("{text}, {room}, MSG_NOSIGNAL, NULL, 0"),
        1 => format!("{text}, {room}, 0, NULL, NULL"),
        2 => format!("{text}, {room}, 0"),
        3 => format!("{vector}, 2"),
        _ => message,
    };
    let result = if step.fails {
        "-1 EAGAIN (Resource temporarily unavailable)".to_string()
    } else {
        step.payload.len().to_string()
    };
    let name = names[call];
    if step.sends {
        Halves { name, begin: format!("{name}({socket}, {arguments}"), end: format!(") = {result}"), comma: "" }
    } else {
        Halves { name, begin: format!("{name}({socket}"), end: format!("{arguments}) = {result}"), comma: ", " }
    }
}

/// A call whose end has not been printed yet.
struct Open {
    step: usize,
    halves: Halves,
    left: u8,
}

/// Prints lines one microsecond after another.
#[derive(Default)]
struct Log {
    text: String,
    lines: u64,
}

impl Log {
    fn line(&mut self, tid: u32, call: &str) {
        self.lines += 1;
        let (seconds, micros) = (1_700_000_000 + self.lines / 1_000_000, self.lines % 1_000_000);
        let _ = writeln!(self.text, "{tid} {seconds}.{micros:06} {call}");
    }
}

/// The trace of `steps`, in which a thread has one call open at most, and a direction of a socket too: which of two
/// that overlap came first, no trace tells.
pub fn trace_of_steps(steps: &[Step]) -> Traffic {
    let mut log = Log::default();
    let mut open: Vec<Open> = Vec::new();
    let mut flows = vec![Vec::new(); SOCKETS.len() * 2];
    for (number, step) in steps.iter().enumerate() {
        let due = |other: &Open| {
            let before = &steps[other.step];
            other.left == 0
                || before.thread == step.thread
                || (flow_of(before) == flow_of(step) && !before.fails && !step.fails)
        };
        for ended in open.extract_if(.., |other| due(other)) {
            resume(&mut log, &steps[ended.step], &ended.halves);
        }
        let halves = halves(step);
        if step.open_for == 0 {
            log.line(tid_of(step), &halves.whole());
        } else {
            // Half of them as strace writes it from 6.16 on, with the comma in the resumed part.
            let comma = if step.call.is_multiple_of(2) { halves.comma } else { "" };
            log.line(tid_of(step), &format!("{}{comma} <unfinished ...>", halves.begin));
            open.push(Open { step: number, halves, left: step.open_for });
        }
        if !step.fails {
            flows[flow_of(step)].extend_from_slice(&step.payload);
        }
        for other in &mut open {
            other.left -= 1;
        }
    }
    for ended in open {
        resume(&mut log, &steps[ended.step], &ended.halves);
    }
    flows.retain(|flow| !flow.is_empty());
    Traffic { trace: log.text, flows }
}

fn resume(log: &mut Log, step: &Step, halves: &Halves) {
    let comma = if step.call.is_multiple_of(2) { "" } else { halves.comma };
    log.line(tid_of(step), &format!("<... {} resumed>{comma}{}", halves.name, halves.end));
}

fn tid_of(step: &Step) -> u32 {
    100 + u32::from(step.thread)
}

fn flow_of(step: &Step) -> usize {
    usize::from(step.socket) % SOCKETS.len() * 2 + usize::from(step.sends)
}

/// One call at one end of a connection.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The end writes this. Its `resumed` line, if it has one, stands after this many further turns.
    Write { end: bool, payload: Vec<u8>, open_for: u8 },
    /// The end reads up to this many of the bytes written by the other.
    Read { end: bool, room: u8 },
}

/// A connection of which both ends are traced.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The client's descriptor with its details, and the server's.
    ends: [&'static str; 2],
    /// How they came to be: the client's call, then the server's.
    opening: [&'static str; 2],
}

/// Over TCP.
pub const TCP: Connection = Connection {
    ends: ["3<TCP:[10.1.2.3:4000->10.4.5.6:80]>", "5<TCP:[10.4.5.6:80->10.1.2.3:4000]>"],
    opening: [
        concat!(
            "connect(3<TCP:[700]>, {sa_family=AF_INET, sin_port=htons(80), ",
            "sin_addr=inet_addr(\"10.4.5.6\")}, 16) = 0"
        ),
        concat!(
            "accept4(4<TCP:[0.0.0.0:80]>, {sa_family=AF_INET, sin_port=htons(4000), sin_addr=inet_addr(\"10.1.2.3\")}, ",
            "[128 => 16], 0) = 5<TCP:[10.4.5.6:80->10.1.2.3:4000]>"
        ),
    ],
};

/// Over a UNIX socket.
pub const UNIX: Connection = Connection {
    ends: ["3<UNIX-STREAM:[500->501]>", "5<UNIX-STREAM:[501->500,\"/run/s\"]>"],
    opening: [
        "connect(3<UNIX-STREAM:[500]>, {sa_family=AF_UNIX, sun_path=\"/run/s\"}, 110) = 0",
        "accept(4<UNIX-STREAM:[400,\"/run/s\"]>, NULL, NULL) = 5<UNIX-STREAM:[501->500,\"/run/s\"]>",
    ],
};

/// The trace of `turns` at the ends of `connection`, each end with a thread that writes and one that reads.
pub fn trace_of_both_ends(connection: Connection, turns: &[Turn]) -> Traffic {
    let ends = connection.ends;
    let mut log = Log::default();
    for (end, call) in connection.opening.into_iter().enumerate() {
        log.line(writer(end), call);
        let flags = "flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD";
        log.line(writer(end), &format!("clone(child_stack=0x7f0, {flags}) = {}", reader(end)));
    }
    let mut open: [Option<(u8, usize)>; 2] = [None, None];
    let mut unread = [VecDeque::new(), VecDeque::new()];
    let mut flows = vec![Vec::new(), Vec::new()];
    for turn in turns {
        match turn {
            Turn::Write { end, payload, open_for } => {
                let end = usize::from(*end);
                finish_write(&mut log, end, open[end].take());
                let text = quoted(payload, STYLES[payload.len() % STYLES.len()]);
                let call = format!("write({}, {text}, {}", ends[end], payload.len());
                if *open_for == 0 {
                    log.line(writer(end), &format!("{call}) = {}", payload.len()));
                } else {
                    log.line(writer(end), &format!("{call} <unfinished ...>"));
                    open[end] = Some((*open_for, payload.len()));
                }
                unread[end].extend(payload.iter().copied());
                flows[end].extend_from_slice(payload);
            }
            Turn::Read { end, room } => {
                let end = usize::from(*end);
                let other = &mut unread[1 - end];
                let payload: Vec<u8> = other.drain(..usize::from(*room).min(other.len())).collect();
                if !payload.is_empty() {
                    let text = quoted(&payload, STYLES[payload.len() % STYLES.len()]);
                    let call = format!("read({}, {text}, {room}) = {}", ends[end], payload.len());
                    log.line(reader(end), &call);
                }
            }
        }
        for end in [0, 1] {
            match &mut open[end] {
                Some((0, _)) => finish_write(&mut log, end, open[end].take()),
                Some((left, _)) => *left -= 1,
                None => {}
            }
        }
    }
    for (end, open) in open.into_iter().enumerate() {
        finish_write(&mut log, end, open);
    }
    flows.retain(|flow| !flow.is_empty());
    Traffic { trace: log.text, flows }
}

fn finish_write(log: &mut Log, end: usize, open: Option<(u8, usize)>) {
    if let Some((_, length)) = open {
        log.line(writer(end), &format!("<... write resumed>) = {length}"));
    }
}

fn writer(end: usize) -> u32 {
    if end == 0 { 100 } else { 101 }
}

fn reader(end: usize) -> u32 {
    2 + writer(end)
}
