//! Makes up what several threads and processes do at the two ends of one stream, as a kernel would let them, writes it down
//! as strace does, and says which bytes have moved.
//!
//! A call begins, moves its bytes at once or in pieces, and ends; each is a step of its own, taken by whoever is drawn.
//! strace prints a call on one line where nothing came between its beginning and its end. Then the stream may be closed and
//! another one made, with the numbers that are free again. What a recording leaves out, who asks for few calls or picks
//! processes by hand, is left out too.

use super::escape::{Style, quoted};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

/// What decides: drawn bytes, one after the other; zeros when they are used up.
struct Choices<'c>(std::slice::Iter<'c, u8>);

impl Choices<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % limit
    }

    fn is_at_end(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}

/// What the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pipe.
    Pipe,
    /// A pair of UNIX sockets.
    Unix,
    /// TCP.
    Tcp,
}

/// One thread's lines, in the order in which they were printed.
#[derive(Clone, Debug)]
pub struct Line {
    /// The thread.
    pub tid: u32,
    /// When its call returned, in nanoseconds since 1970.
    pub end: u64,
    /// The line, without the thread.
    pub text: String,
}

/// What was traced, and what has moved.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// As `strace -f` writes it.
    pub together: String,
    /// As `strace -ff` does: whole lines of each thread.
    pub apart: Vec<Line>,
    /// The bytes that were sent, in the order in which they were received.
    pub stream: Vec<u8>,
    /// How many of these were received.
    pub received: usize,
    /// The same bytes by who sent them.
    pub by_sender: BTreeMap<u32, Vec<u8>>,
}

/// A call under way.
struct Call {
    entry: u64,
    /// What is sent; of a receive what has been received.
    payload: Vec<u8>,
    /// How much of it has moved.
    moved: usize,
    /// Of a receive.
    room: usize,
    /// Its first half has a line of its own.
    is_split: bool,
}

/// Which lines the recording lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacks {
    Nothing,
    Closes,
    Clones,
}

/// Someone who sends, or receives.
struct Actor {
    tid: u32,
    receives: bool,
    call: Option<Call>,
    is_gone: bool,
}

/// The stream and who uses it.
struct World {
    kind: Kind,
    actors: Vec<Actor>,
    /// Sent and not received.
    buffer: VecDeque<u8>,
    crowd: Crowd,
    now: u64,
    /// The actor whose line is not ended.
    open: Option<usize>,
    sent: u64,
    says_the_same: bool,
    /// How many streams there were before.
    streams: u32,
    lacks: Lacks,
}

const START: u64 = 1_700_000_000_000_000_000;

fn stamp(time: u64) -> String {
    format!("{}.{:06}", time / 1_000_000_000, time % 1_000_000_000 / 1000)
}

/// What `choices` make of a stream of this kind.
pub fn crowd(kind: Kind, choices: &[u8]) -> Crowd {
    let mut choices = Choices(choices.iter());
    let senders = 2 + choices.below(3);
    let says_the_same = choices.below(4) == 3;
    // Of TCP nothing but its maker tells that a process has a socket of another one: two hosts may have the same addresses.
    let without_clones = if kind == Kind::Tcp { Lacks::Nothing } else { Lacks::Clones };
    let lacks = [Lacks::Nothing, Lacks::Nothing, Lacks::Closes, without_clones][choices.below(4)];
    let mut world = World {
        kind,
        actors: Vec::new(),
        buffer: VecDeque::new(),
        crowd: Crowd::default(),
        now: START,
        open: None,
        sent: 0,
        says_the_same,
        streams: 0,
        lacks,
    };
    let are_threads = choices.below(2) == 0;
    world.open_stream(senders, are_threads);
    while !choices.is_at_end() {
        if choices.below(40) == 39 {
            world.finish();
            world.close_stream(are_threads);
            world.open_stream(senders, are_threads);
        }
        world.step(&mut choices);
    }
    world.finish();
    world.crowd
}

impl World {
    /// The sender's descriptor and the receiver's.
    fn ends(&self) -> [String; 2] {
        let [own, other] = [500, 501].map(|inode| inode + 10 * self.streams);
        let port = 4000 + self.streams;
        match self.kind {
            Kind::Pipe => [format!("4<pipe:[{own}]>"), format!("3<pipe:[{own}]>")],
            Kind::Unix => [format!("4<UNIX-STREAM:[{other}->{own}]>"), format!("3<UNIX-STREAM:[{own}->{other}]>")],
            Kind::Tcp => {
                [format!("4<TCP:[127.0.0.1:{port}->127.0.0.1:80]>"), format!("3<TCP:[127.0.0.1:80->127.0.0.1:{port}]>")]
            }
        }
    }

    /// The stream is made, by the thread that receives, and then those who send, threads of it or processes.
    fn open_stream(&mut self, senders: usize, are_threads: bool) {
        if self.actors.is_empty() {
            self.actors.push(Actor { tid: 100, receives: true, call: None, is_gone: false });
        }
        let [sender, receiver] = self.ends();
        let (streams, port) = (self.streams, 4000 + self.streams);
        let opening = match self.kind {
            Kind::Pipe => vec![format!("pipe2([{receiver}, {sender}], 0) = 0")],
            Kind::Unix => vec![format!("socketpair(AF_UNIX, SOCK_STREAM, 0, [{receiver}, {sender}]) = 0")],
            Kind::Tcp => vec![
                format!(
                    "connect(4<TCP:[{}]>, {{sa_family=AF_INET, sin_port=htons(80), \
                     sin_addr=inet_addr(\"127.0.0.1\")}}, 16) = 0",
                    700 + streams
                ),
                format!(
                    "accept4(5<TCP:[0.0.0.0:80]>, {{sa_family=AF_INET, sin_port=htons({port}), \
                     sin_addr=inet_addr(\"127.0.0.1\")}}, [128 => 16], 0) = {receiver}"
                ),
            ],
        };
        for call in opening {
            self.whole(0, &call);
        }
        if self.actors.len() > 1 {
            // Threads have all that their process has.
            return;
        }
        for tid in (101 + 10 * streams..).take(senders) {
            let how = if are_threads {
                "child_stack=0x7f0, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD"
            } else {
                "child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD"
            };
            if self.lacks != Lacks::Clones {
                self.whole(0, &format!("clone({how}) = {tid}"));
            }
            self.actors.push(Actor { tid, receives: false, call: None, is_gone: false });
        }
    }

    /// All that have the stream close it, and processes that sent end.
    fn close_stream(&mut self, are_threads: bool) {
        self.interrupt();
        let closers = match self.lacks {
            Lacks::Closes => 0,
            _ if are_threads => 1,
            _ => self.actors.len(),
        };
        let ends = self.ends();
        for actor in (0..closers).rev() {
            for end in &ends {
                self.whole(actor, &format!("close({end}) = 0"));
            }
        }
        if !are_threads {
            self.actors.truncate(1);
        }
        self.streams += 1;
    }

    fn tick(&mut self) -> u64 {
        self.now += 3_000;
        self.now
    }

    /// Another line is to begin: the one that is not ended is.
    fn break_off(&mut self, next: Option<usize>) {
        let Some(open) = self.open.take() else { return };
        if Some(open) == next {
            self.open = Some(open);
            return;
        }
        if let Some(call) = &mut self.actors[open].call {
            call.is_split = true;
            self.crowd.together.push_str(" <unfinished ...>\n");
        }
    }

    /// A call that nothing can come between.
    fn whole(&mut self, actor: usize, call: &str) {
        self.break_off(None);
        let (time, tid) = (self.tick(), self.actors[actor].tid);
        let text = format!("{} {call} <0.000001>", stamp(time));
        let _ = writeln!(self.crowd.together, "{tid} {text}");
        self.crowd.apart.push(Line { tid, end: time + 1000, text });
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let actor = choices.below(self.actors.len());
        if self.actors[actor].is_gone {
            return;
        }
        match (&self.actors[actor].call, self.actors[actor].receives) {
            (None, true) => {
                let room = [1 + choices.below(40), 1 + choices.below(40), 3000][choices.below(3)];
                self.begin(actor, Vec::new(), room);
            }
            (None, false) => {
                let payload = self.payload(choices);
                self.begin(actor, payload, 0);
            }
            (Some(_), true) => {
                self.receive(actor);
                self.end(actor);
            }
            (Some(call), false) if call.moved < call.payload.len() => {
                // In one piece, as short ones do, or in several.
                let left = call.payload.len() - call.moved;
                let is_long = call.payload.len() > 4096;
                let piece = if is_long && left > 1 && choices.below(2) == 0 { left / 2 } else { left };
                self.send(actor, piece);
                if choices.below(3) > 0 && piece == left {
                    self.end(actor);
                }
            }
            (Some(_), false) => self.end(actor),
        }
    }

    /// Bytes that are no other send's, or lines that many say.
    fn payload(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        if self.says_the_same {
            return [b"tick\n", b"tock\n"][choices.below(2)].to_vec();
        }
        self.sent += 1;
        let length = if choices.below(8) == 0 { 4097 + 97 * choices.below(40) } else { 1 + choices.below(20) };
        let mut state = self.sent * 2 + 1;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u8::try_from(state >> 33 & 0xff).expect("it is 8 bits")
        };
        draw();
        (0..length).map(|_| b'a' + draw() % 26).collect()
    }

    fn begin(&mut self, actor: usize, payload: Vec<u8>, room: usize) {
        self.break_off(None);
        let (entry, tid) = (self.tick(), self.actors[actor].tid);
        let [sender, receiver] = self.ends();
        let _ = write!(self.crowd.together, "{tid} {} ", stamp(entry));
        if self.actors[actor].receives {
            let _ = write!(self.crowd.together, "read({receiver}, ");
        } else {
            let _ =
                write!(self.crowd.together, "write({sender}, {}, {}", quoted(&payload, Style::Plain), payload.len());
        }
        self.open = Some(actor);
        self.actors[actor].call = Some(Call { entry, payload, moved: 0, room, is_split: false });
    }

    fn send(&mut self, actor: usize, length: usize) {
        let Actor { tid, call, .. } = &mut self.actors[actor];
        let Some(call) = call else { return };
        let piece = &call.payload[call.moved..call.moved + length];
        self.buffer.extend(piece);
        self.crowd.stream.extend(piece);
        self.crowd.by_sender.entry(*tid).or_default().extend(piece);
        call.moved += length;
    }

    fn receive(&mut self, actor: usize) {
        let Some(call) = &mut self.actors[actor].call else { return };
        let length = call.room.min(self.buffer.len());
        call.payload.extend(self.buffer.drain(..length));
        call.moved += length;
        self.crowd.received += length;
    }

    /// The call returns, if it has moved anything.
    fn end(&mut self, actor: usize) {
        if self.actors[actor].call.as_ref().is_none_or(|call| call.moved == 0) {
            return;
        }
        self.break_off(Some(actor));
        let now = self.tick();
        let [sender, receiver] = self.ends();
        let Actor { tid, receives, call, .. } = &mut self.actors[actor];
        let Some(call) = call.take() else { return };
        let (moved, took) = (call.moved, stamp(now - call.entry));
        let took = &took[took.len().saturating_sub(8)..];
        let rest = if *receives {
            format!("{}, {}) = {moved} <{took}>", quoted(&call.payload, Style::Plain), call.room)
        } else {
            format!(") = {moved} <{took}>")
        };
        if call.is_split {
            let name = if *receives { "read" } else { "write" };
            let _ = writeln!(self.crowd.together, "{tid} {} <... {name} resumed>{rest}", stamp(now));
        } else {
            self.crowd.together.push_str(&rest);
            self.crowd.together.push('\n');
        }
        let begin = if *receives {
            format!("read({receiver}, ")
        } else {
            format!("write({sender}, {}, {}", quoted(&call.payload, Style::Plain), call.payload.len())
        };
        let text = format!("{} {begin}{rest}", stamp(call.entry));
        self.crowd.apart.push(Line { tid: *tid, end: now, text });
        self.open = None;
    }

    /// Who waits for more to receive waits no longer.
    fn interrupt(&mut self) {
        self.break_off(None);
        let Some(call) = self.actors[0].call.take() else { return };
        let (now, tid) = (self.tick(), self.actors[0].tid);
        let rest = format!("0x7f0, {}) = -1 EINTR (Interrupted system call) <0.000009>", call.room);
        let _ = writeln!(self.crowd.together, "{tid} {} <... read resumed>{rest}", stamp(now));
        let [_, receiver] = self.ends();
        let text = format!("{} read({receiver}, {rest}", stamp(call.entry));
        self.crowd.apart.push(Line { tid, end: now, text });
    }

    /// All calls return, and all is received.
    fn finish(&mut self) {
        for actor in 1..self.actors.len() {
            if let Some(call) = &self.actors[actor].call {
                let left = call.payload.len() - call.moved;
                self.send(actor, left);
                self.end(actor);
            }
        }
        while !self.buffer.is_empty() {
            if self.actors[0].call.is_none() {
                self.begin(0, Vec::new(), 3000);
            }
            self.receive(0);
            self.end(0);
        }
        self.break_off(None);
    }
}
