//! Makes up what several threads and processes do at the two ends of one stream, as a kernel would let them, writes it down
//! as strace does, and says which bytes have moved.
//!
//! A call begins, moves its bytes at once or in pieces, and ends; each is a step of its own, taken by whoever is drawn.
//! strace prints a call on one line where nothing came between its beginning and its end. Then the stream may be closed and
//! another one made, with the numbers that are free again. What a recording leaves out, who asks for few calls or picks
//! processes by hand, is left out too; so is what strace does not see, the end of a call in which a process is killed, or with
//! `-z` the beginning of any.

use super::attached::{Attached, TRACED};
use super::escape::{Style, quoted};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::ops::Range;

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

/// What else may be the case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    /// More than one receives.
    pub several_receive: bool,
    /// Processes that send are killed while they do.
    pub some_are_killed: bool,
    /// How its lines come.
    pub lines: Lines,
    /// strace was attached to both ends while bytes moved, at the same time or one after the other.
    pub is_attached: bool,
}

/// How strace prints calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// Their beginnings, where others come before their ends, in one file.
    #[default]
    Together,
    /// `-z`: each call has one line, at its end.
    Ends,
    /// `-ff`: each thread has a file.
    Apart,
}

impl Setting {
    fn only_ends(self) -> bool {
        self.lines == Lines::Ends
    }

    /// Whether lines tell the order of all bytes: that in which one receives them, with what is under way meanwhile.
    pub fn is_order_known(self) -> bool {
        !(self.several_receive || self.only_ends())
    }
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
#[derive(Default)]
struct Actor {
    tid: u32,
    receives: bool,
    call: Option<Call>,
    is_gone: bool,
    is_traced: bool,
}

/// The stream and who uses it.
struct World {
    kind: Kind,
    setting: Setting,
    /// How many of the actors, the first ones, receive.
    receivers: usize,
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
    attached: Attached,
}

const START: u64 = 1_700_000_000_000_000_000;

fn stamp(time: u64) -> String {
    format!("{}.{:06}", time / 1_000_000_000, time % 1_000_000_000 / 1000)
}

/// What `choices` make of a stream of this kind.
pub fn crowd(kind: Kind, choices: &[u8]) -> Crowd {
    crowd_in(Setting::default(), kind, choices)
}

/// The same where more may be the case. Where the order in which bytes move is not known, who sends at a time has letters of
/// their own, five of them behind those of the one before.
pub fn crowd_in(setting: Setting, kind: Kind, choices: &[u8]) -> Crowd {
    let mut choices = Choices(choices.iter());
    let receivers = if setting.several_receive { 2 + choices.below(2) } else { 1 };
    // Where none is killed and one receives, one who sends is told by totals alone.
    let fewest = if setting.several_receive || setting.some_are_killed { 1 } else { 2 };
    let senders = if setting.is_attached { 1 } else { fewest + choices.below(3) };
    let says_the_same = choices.below(4) == 3 && !setting.is_attached;
    // Of TCP nothing but its maker tells that a process has a socket of another one: two hosts may have the same addresses.
    let without_clones = if kind == Kind::Tcp { Lacks::Nothing } else { Lacks::Clones };
    let lacks = [Lacks::Nothing, Lacks::Nothing, Lacks::Closes, without_clones][choices.below(4)];
    let mut world = World {
        kind,
        setting,
        receivers,
        actors: Vec::new(),
        buffer: VecDeque::new(),
        crowd: Crowd::default(),
        now: START,
        open: None,
        sent: 0,
        says_the_same,
        streams: 0,
        lacks,
        attached: Attached::default(),
    };
    // A thread is killed with all of its process.
    let are_threads = choices.below(2) == 0 && !setting.some_are_killed;
    world.open_stream(senders, are_threads);
    if setting.only_ends() {
        world.begin_with_a_wait();
    }
    while !choices.is_at_end() {
        if !world.is_traced() {
            if choices.below(8) == 7 {
                world.attach([0..2, 0..1, 1..2][choices.below(3)].clone());
            }
        } else if choices.below(40) == 39 {
            world.finish();
            world.close_stream(are_threads);
            world.open_stream(senders, are_threads);
        }
        world.step(&mut choices);
    }
    world.finish();
    if setting.is_attached {
        world.crowd.stream = world.attached.shown(&world.crowd.stream);
    }
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
            let is_traced = !self.setting.is_attached;
            self.actors.push(Actor { tid: 100, receives: true, is_traced, ..Actor::default() });
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
        let receiving = (201 + 10 * streams..).take(self.receivers - 1).map(|tid| (tid, true));
        let sending = (101 + 10 * streams..).take(senders).map(|tid| (tid, false));
        for (tid, receives) in receiving.chain(sending) {
            let how = if are_threads {
                "child_stack=0x7f0, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD"
            } else {
                "child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD"
            };
            if self.lacks != Lacks::Clones {
                self.whole(0, &format!("clone({how}) = {tid}"));
            }
            let is_traced = self.actors[0].is_traced;
            self.actors.push(Actor { tid, receives, is_traced, ..Actor::default() });
        }
    }

    fn is_traced(&self) -> bool {
        self.actors.iter().all(|actor| actor.is_traced)
    }

    /// strace is attached to these: what has moved before is not seen, nor the end of a call that has moved something. One
    /// that has not begins anew.
    fn attach(&mut self, actors: Range<usize>) {
        for actor in actors {
            let has_begun = |actor: &Actor| actor.call.as_ref().is_some_and(|call| call.moved > 0);
            // Who has missed the front of a send shows the rest of it first.
            let is_amid_a_send = actor == 0 && self.actors[1].is_traced && has_begun(&self.actors[1]);
            if is_amid_a_send || std::mem::replace(&mut self.actors[actor].is_traced, true) {
                continue;
            }
            if self.actors[actor].receives {
                self.attached.attach_receiver(self.crowd.received);
            } else {
                self.attached.attach_sender(self.crowd.stream.len());
            }
            if let Some(call) = self.actors[actor].call.take().filter(|call| call.moved == 0) {
                let payload = call.payload.iter().map(|byte| byte | TRACED).collect();
                self.begin(actor, payload, call.room);
            }
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
        for actor in (0..closers).rev().filter(|actor| !self.actors[*actor].is_gone).collect::<Vec<_>>() {
            for end in &ends {
                self.whole(actor, &format!("close({end}) = 0"));
            }
        }
        // Who was attached to is not known to be a thread.
        if !are_threads || self.setting.is_attached {
            self.actors.truncate(1);
        }
        self.streams += 1;
        self.attached.close();
    }

    /// A receive begins, and returns once something has been sent.
    fn begin_with_a_wait(&mut self) {
        self.begin(0, Vec::new(), 40);
        self.begin(self.receivers, b"a".to_vec(), 0);
        self.send(self.receivers, 1);
        self.end(self.receivers);
        self.receive(0);
        self.end(0);
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
        if !self.actors[actor].is_traced {
            return;
        }
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
                let payload = self.payload(actor, choices);
                self.begin(actor, payload, 0);
            }
            (Some(call), true) => {
                if call.moved == 0 {
                    self.receive(actor);
                }
                let may_wait = self.setting.several_receive || self.setting.is_attached;
                if !may_wait || choices.below(3) > 0 {
                    self.end(actor);
                }
            }
            (Some(_), false) if self.setting.some_are_killed && choices.below(12) == 11 => {
                self.kill(actor, choices.below(2) == 0);
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

    /// The first of the letters that someone says, and how many they are. Where the order may not be known, others say others.
    fn letters(&self, actor: usize) -> (u8, u8) {
        let place = u8::try_from(actor % 5).expect("it is less than 5");
        if self.setting.is_order_known() { (b'a', 26) } else { (b'a' + 5 * place, 5) }
    }

    /// Bytes that are no other send's, or lines that many say.
    fn payload(&mut self, actor: usize, choices: &mut Choices<'_>) -> Vec<u8> {
        if self.says_the_same {
            return [b"tick\n", b"tock\n"][choices.below(2)].to_vec();
        }
        if self.setting.is_attached {
            let longest = [1, 20, 400, 5000][choices.below(4)];
            let length = 1 + (choices.below(256) * 256 + choices.below(256)) % longest;
            let bit = if self.actors[actor].is_traced { TRACED } else { 0 };
            return (0..length).map(|_| self.attached.word() | bit).collect();
        }
        self.sent += 1;
        let (first, letters) = self.letters(actor);
        // A few bytes tell nothing where it is not known how many one has sent that was killed.
        let shortest = if self.setting.some_are_killed { 8 } else { 1 };
        // Of one that was killed while it went in pieces, between others', nothing tells how much has gone.
        let is_alone = self.actors.len() == self.receivers + 1;
        let is_long = choices.below(8) == 0 && (is_alone || !self.setting.some_are_killed);
        let length = if is_long { 4097 + 97 * choices.below(40) } else { shortest + choices.below(20) };
        let mut state = self.sent * 2 + 1;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u8::try_from(state >> 33 & 0xff).expect("it is 8 bits")
        };
        draw();
        (0..length).map(|_| first + draw() % letters).collect()
    }

    fn begin(&mut self, actor: usize, payload: Vec<u8>, room: usize) {
        let is_printed = self.actors[actor].is_traced && !self.setting.only_ends();
        if is_printed || !self.setting.is_attached {
            self.break_off(None);
        }
        let (entry, tid) = (self.tick(), self.actors[actor].tid);
        self.actors[actor].call = Some(Call { entry, payload, moved: 0, room, is_split: false });
        if !is_printed {
            return;
        }
        let call = self.begun(actor);
        let _ = write!(self.crowd.together, "{tid} {} {call}", stamp(entry));
        self.open = Some(actor);
    }

    /// A call as far as it is printed when it begins.
    fn begun(&self, actor: usize) -> String {
        let [sender, receiver] = self.ends();
        match &self.actors[actor].call {
            Some(_) if self.actors[actor].receives => format!("read({receiver}, "),
            Some(call) => format!("write({sender}, {}, {}", quoted(&call.payload, Style::Plain), call.payload.len()),
            None => String::new(),
        }
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
        let Some(call) = &self.actors[actor].call else { return };
        let length = self.attached.told_apart(self.crowd.received, call.room.min(self.buffer.len()));
        let Some(call) = &mut self.actors[actor].call else { return };
        call.payload.extend(self.buffer.drain(..length));
        call.moved += length;
        self.crowd.received += length;
    }

    /// The call returns, if it has moved anything.
    fn end(&mut self, actor: usize) {
        if self.actors[actor].call.as_ref().is_none_or(|call| call.moved == 0) {
            return;
        }
        let begun = self.begun(actor);
        let Actor { receives, is_traced, call, .. } = &self.actors[actor];
        let Some(call) = call else { return };
        let moved = call.moved;
        if !is_traced {
            self.actors[actor].call = None;
            return;
        }
        let rest = if *receives {
            self.attached.receive_ends(moved);
            format!("{}, {}) = {moved}", quoted(&call.payload, Style::Plain), call.room)
        } else {
            self.attached.send_ends();
            format!(") = {moved}")
        };
        self.print_end(actor, &begun, &rest);
    }

    /// The second half of a call is printed.
    fn print_end(&mut self, actor: usize, begun: &str, rest: &str) {
        self.break_off(Some(actor));
        let now = self.tick();
        let Actor { tid, receives, call, .. } = &mut self.actors[actor];
        let Some(call) = call.take() else { return };
        let took = stamp(now - call.entry);
        let rest = format!("{rest} <{}>", &took[took.len().saturating_sub(8)..]);
        let text = format!("{} {begun}{rest}", stamp(call.entry));
        if self.setting.only_ends() {
            let _ = writeln!(self.crowd.together, "{tid} {text}");
        } else if call.is_split {
            let name = if *receives { "read" } else { "write" };
            let _ = writeln!(self.crowd.together, "{tid} {} <... {name} resumed>{rest}", stamp(now));
        } else {
            self.crowd.together.push_str(&rest);
            self.crowd.together.push('\n');
        }
        self.crowd.apart.push(Line { tid: *tid, end: now, text });
        self.open = None;
    }

    /// The process is killed in its call, whose end is printed or is not.
    fn kill(&mut self, actor: usize, is_end_printed: bool) {
        if is_end_printed && !self.setting.only_ends() {
            let begun = self.begun(actor);
            self.print_end(actor, &begun, ") = ?");
        }
        self.break_off(None);
        let begun = self.begun(actor);
        let (now, tid) = (self.tick(), self.actors[actor].tid);
        if let Some(call) = &self.actors[actor].call
            && !self.setting.only_ends()
        {
            let text = format!("{} {begun} <unfinished ...>) = ?", stamp(call.entry));
            self.crowd.apart.push(Line { tid, end: now, text });
        }
        let text = format!("{} +++ killed by SIGKILL +++", stamp(now));
        let _ = writeln!(self.crowd.together, "{tid} {text}");
        self.crowd.apart.push(Line { tid, end: now, text });
        (self.actors[actor].call, self.actors[actor].is_gone) = (None, true);
    }

    /// Who waits for more to receive waits no longer.
    fn interrupt(&mut self) {
        for actor in 0..self.receivers {
            let begun = self.begun(actor);
            let Some(call) = &self.actors[actor].call else { continue };
            let rest = format!("0x7f0, {}) = -1 EINTR (Interrupted system call)", call.room);
            if self.setting.only_ends() {
                self.actors[actor].call = None;
            } else {
                self.print_end(actor, &begun, &rest);
            }
        }
        self.break_off(None);
    }

    /// All calls return, and all is received.
    fn finish(&mut self) {
        for actor in self.receivers..self.actors.len() {
            if let Some(call) = &self.actors[actor].call {
                let left = call.payload.len() - call.moved;
                self.send(actor, left);
                self.end(actor);
            }
        }
        let has_some = |actor: &Actor| actor.call.as_ref().is_some_and(|call| call.moved > 0);
        while !self.buffer.is_empty() || self.actors.iter().any(has_some) {
            for actor in 0..self.receivers {
                if self.actors[actor].call.is_none() && !self.buffer.is_empty() {
                    self.begin(actor, Vec::new(), 3000);
                }
                if self.actors[actor].call.as_ref().is_some_and(|call| call.moved == 0) {
                    self.receive(actor);
                }
                self.end(actor);
            }
        }
        self.break_off(None);
    }
}
