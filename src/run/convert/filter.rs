//! What of a trace is asked for: `--pid`, `--exclude-pid`, `--port`, and the names of `--capture-unix-socket=GLOB` and
//! `--capture-pipes=GLOB`.
//!
//! All events go through `sockets`, so that descriptors, forks and addresses are right; what comes of them is judged here,
//! change by change, on its way to the views.
//!
//! * By thread: a message is shown if its thread is asked for. In conversations (TCP in the wire view, UNIX streams) each
//!   byte is shown once, by whichever end's call came first: here the calls that are not asked for do not count, so that
//!   the other end's show what is its own. Where threads of one end are told apart, what the others moved is a gap
//!   in the sequence numbers; but where a reader is asked for, its calls show what was sent beside others or behind what is
//!   not shown, in its order. Handshake, FIN and RST are shown from the first call on that is asked for. A FIN that comes
//!   before its reader has read what was sent, or anything, waits for that.
//! * By connection: a connection is shown from where its port or name is known to be asked for.
//!
//! The server's port of a UNIX conversation is chosen by `unix`, which leaves out those that are not asked for.

use super::offers::{self, Offers};
use crate::escape::word;
use crate::event::{Direction, Family, HostPort, Marking, Tid, Timestamp, Transport, UnixName};
use crate::glob::Glob;
use crate::run::options::{Options, ViewKind};
use crate::sockets::{
    Calls, Change, Connection, ConnectionId, End, Flow, Moved, Overlap, Refs, Role, Side, Stream, UnixMessage,
};
use foldhash::HashMap;
use std::ops::RangeInclusive;

/// What becomes of a change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// The views take it.
    Show,
    /// The views take it in this form.
    ShowAs(Moved),
    /// It is not shown, but the sequence numbers of the syscall view count it: there each is what it would be without a
    /// filter.
    Count,
    /// It is not shown here, for the other end's call shows it.
    Told,
    /// Nothing.
    Hide,
}

/// One value of an option.
#[derive(Clone, Debug)]
struct Asked<T> {
    value: T,
    /// Something in the trace is of it.
    found: bool,
    /// What was probably meant, if something in the trace is of that.
    meant: Option<T>,
}

/// The thread whose event is being applied.
#[derive(Clone, Copy, Debug, Default)]
struct Maker {
    tid: Tid,
    process: Tid,
    is_asked_for: bool,
    /// The values that ask for it, or exclude it, are known to be found.
    noted: bool,
}

/// A connection on its way.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// Its port or name is asked for.
    wanted: bool,
    /// Its port is noted as one that could be asked for.
    offered: bool,
    /// How many of its names were known when it was last looked at.
    names: usize,
    /// A thread that is asked for has used it.
    taken: bool,
    /// Each direction, by the sender's side.
    flows: [SeenFlow; 2],
    /// The ends of directions that wait for their reader, by the sender's side.
    ends: [Option<LateEnd>; 2],
}

/// An end of a direction that was seen before all that is to be shown of it.
#[derive(Clone, Copy, Debug)]
struct LateEnd {
    by: Side,
    marking: Marking,
    time: Timestamp,
}

/// One direction of it.
#[derive(Clone, Copy, Debug, Default)]
struct SeenFlow {
    /// How far the calls that are asked for account for it.
    flow: Flow,
    /// A thread that is asked for has received.
    is_received: bool,
    /// One that is not asked for has received.
    others_receive: bool,
}

impl Progress {
    /// Whether the calls that are asked for do not account for all that the end on `side` has sent.
    const fn is_behind(&self, connection: &Connection, side: Side) -> bool {
        side.of(&self.flows).flow.accounted < connection.flow_from(side).accounted
    }
}

/// Judges changes.
#[derive(Debug)]
pub(super) struct Filter {
    view: ViewKind,
    net: bool,
    unix: bool,
    pipes: bool,
    pids: Vec<Asked<Tid>>,
    excluded: Vec<Asked<Tid>>,
    ports: Vec<Asked<RangeInclusive<u16>>>,
    names: Vec<Asked<Glob>>,
    pipe_names: Vec<Asked<Glob>>,
    maker: Maker,
    connections: HashMap<ConnectionId, Progress>,
    left_out: u64,
    offers: Offered,
}

/// What of a trace is not asked for and could have been.
#[derive(Debug, Default)]
struct Offered {
    ports: Offers<u16>,
    processes: Offers<Tid>,
    names: Offers<UnixName>,
    pipe_names: Offers<UnixName>,
}

fn asked<T: Clone>(values: &[T]) -> Vec<Asked<T>> {
    let asked = |value: &T| Asked { value: value.clone(), found: false, meant: None };
    values.iter().map(asked).collect()
}

impl Filter {
    /// What `options` ask for; none where that is everything.
    pub(super) fn of(options: &Options) -> Option<Self> {
        let mut filter = Self {
            view: options.view,
            net: options.net,
            unix: options.unix,
            pipes: options.pipes,
            pids: asked(&options.pids),
            excluded: asked(&options.excluded_pids),
            ports: asked(&options.ports),
            names: asked(&options.unix_names),
            pipe_names: asked(&options.pipe_names),
            maker: Maker::default(),
            connections: HashMap::default(),
            left_out: 0,
            offers: Offered::default(),
        };
        filter.maker = filter.maker_of(Tid(0), Tid(0));
        let by_name = !(filter.names.is_empty() && filter.pipe_names.is_empty());
        let everything = !filter.is_by_thread() && options.ports.is_empty() && !by_name;
        (!everything).then_some(filter)
    }

    /// Whether the thread whose event is being applied is asked for.
    pub(super) const fn asks_for_maker(&self) -> bool {
        self.maker.is_asked_for
    }

    /// Whether threads are told apart.
    pub(super) fn is_by_thread(&self) -> bool {
        !self.pids.is_empty() || !self.excluded.is_empty()
    }

    /// The changes to come are of this thread of this process.
    pub(super) fn turn_to(&mut self, tid: Tid, process: Tid) {
        if (self.maker.tid, self.maker.process) != (tid, process) {
            self.maker = self.maker_of(tid, process);
        }
    }

    fn maker_of(&self, tid: Tid, process: Tid) -> Maker {
        let is_it = |asked: &Asked<Tid>| [tid, process].contains(&asked.value);
        let is_named = self.pids.is_empty() || self.pids.iter().any(is_it);
        Maker { tid, process, is_asked_for: is_named && !self.excluded.iter().any(is_it), noted: false }
    }

    /// What becomes of `change`.
    pub(super) fn judge(&mut self, change: &Change, refs: Refs<'_>) -> Verdict {
        match change {
            Change::Moved(moved) => {
                self.note_maker();
                let verdict = match moved.stream {
                    Some(stream) => self.stream_moved(moved, stream, refs),
                    None => self.message_moved(moved),
                };
                self.left_out += u64::from(matches!(verdict, Verdict::Count | Verdict::Hide));
                verdict
            }
            Change::Begun { connection }
            | Change::Opened { connection }
            | Change::Failed { connection, .. }
            | Change::Reset { connection, .. } => {
                let is_shown = refs.connection(*connection).is_some_and(|connection| self.concerns(connection));
                if is_shown { Verdict::Show } else { Verdict::Hide }
            }
            Change::Finished { connection, side, by, marking, time } => {
                let Some(connection) = refs.connection(*connection) else { return Verdict::Hide };
                let end = LateEnd { by: *by, marking: *marking, time: *time };
                let is_shown = self.concerns(connection) && !self.is_late(connection, *side, refs);
                if is_shown {
                    return Verdict::Show;
                }
                if let Some(seen) = self.connections.get_mut(&connection.id) {
                    *side.of_mut(&mut seen.ends) = Some(end);
                }
                Verdict::Hide
            }
            Change::InFlight { connection, .. } => match refs.connection(*connection) {
                Some(connection) if self.concerns(connection) => Verdict::Show,
                _ => Verdict::Hide,
            },
            Change::UnixMessage(message) => {
                self.note_maker();
                let verdict = self.unix_message_moved(message);
                self.left_out += u64::from(matches!(verdict, Verdict::Hide));
                verdict
            }
            Change::Closed { .. }
            | Change::ConnectionForgotten { .. }
            | Change::AddressesKnown { .. }
            | Change::LocalAddressKnown { .. }
            | Change::Membership { .. }
            | Change::Uncorked { .. }
            | Change::GatheredInVain { .. }
            | Change::SocketClosed { .. } => Verdict::Show,
        }
    }

    /// An end of a direction that waits no longer: `change` has brought all that it waited for, or is the last of it.
    pub(super) fn late_end(&mut self, change: &Change, refs: Refs<'_>) -> Option<Change> {
        let (id, is_last) = match change {
            Change::Moved(moved) => (moved.stream?.connection, false),
            Change::Finished { connection, .. }
            | Change::Reset { connection, .. }
            | Change::Closed { connection }
            | Change::ConnectionForgotten { connection } => (*connection, true),
            _ => return None,
        };
        let seen = self.connections.get_mut(&id).filter(|seen| seen.taken)?;
        let connection = refs.connection(id)?;
        let waits = |side: &Side| side.of(&seen.ends).is_some() && (is_last || !seen.is_behind(connection, *side));
        let side = Side::BOTH.into_iter().find(waits)?;
        let LateEnd { by, marking, time } = side.of_mut(&mut seen.ends).take()?;
        Some(Change::Finished { connection: id, side, by, marking, time })
    }

    /// Nothing more will come of a connection.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Whether sockets of this family become packets at all.
    const fn converts(&self, family: Family) -> bool {
        match family {
            Family::Inet | Family::Inet6 => self.net,
            Family::Unix => self.unix,
            Family::Pipe => self.pipes,
            Family::Other => false,
        }
    }

    /// Whether a connection of this family is shown as a conversation, in which each byte is told once.
    fn is_conversation(&self, family: Family) -> bool {
        self.view == ViewKind::Wire || family.is_local()
    }

    fn message_moved(&mut self, moved: &Moved) -> Verdict {
        if !self.converts(moved.family) {
            return self.by_maker();
        }
        let has_ports = matches!(moved.transport, Transport::Datagram | Transport::UdpLite);
        let ports = [moved.local, moved.remote].map(|end| end.filter(|_| has_ports).map(HostPort::port));
        if !self.has_port(ports) {
            ports.into_iter().flatten().min().into_iter().for_each(|port| self.offers.ports.add(port));
            return Verdict::Hide;
        }
        self.by_maker()
    }

    /// What is shown if its thread is asked for, and not told apart by anything else.
    const fn by_maker(&self) -> Verdict {
        if self.maker.is_asked_for { Verdict::Show } else { Verdict::Hide }
    }

    fn unix_message_moved(&mut self, message: &UnixMessage) -> Verdict {
        let names = [&message.local.name, &message.remote.name];
        let is_it = |glob: &Glob| names.iter().filter_map(|name| name.as_ref()).any(|name| glob.is_for(name));
        let wanted = !self.unix || self.names.is_empty() || note(&mut self.names, is_it);
        if !wanted {
            for name in names.into_iter().flatten() {
                offer(&mut self.names, &mut self.offers.names, name);
            }
            return Verdict::Hide;
        }
        self.by_maker()
    }

    fn stream_moved(&mut self, moved: &Moved, stream: Stream, refs: Refs<'_>) -> Verdict {
        if !self.converts(moved.family) {
            return self.by_maker();
        }
        if !refs.connection(stream.connection).is_some_and(|connection| self.wants(connection)) {
            return Verdict::Hide;
        }
        if !self.is_conversation(moved.family) {
            return if self.maker.is_asked_for { Verdict::Show } else { Verdict::Count };
        }
        let (is_asked_for, is_by_thread) = (self.maker.is_asked_for, self.is_by_thread());
        let seen = self.connections.entry(stream.connection).or_default();
        let in_flow = stream.sender(moved.direction).of_mut(&mut seen.flows);
        if moved.direction == Direction::Received {
            in_flow.is_received |= is_asked_for;
            in_flow.others_receive |= !is_asked_for;
        }
        if !is_asked_for {
            return Verdict::Hide;
        }
        seen.taken = true;
        let skipped = stream.reached.saturating_sub(moved.moved).saturating_sub(in_flow.flow.accounted);
        let may_be_beside_others = is_by_thread && moved.direction == Direction::Sent && !in_flow.others_receive;
        if may_be_beside_others && (skipped > 0 || stream.overlap != Overlap::None) {
            let is_received = in_flow.is_received;
            if self.is_told_by_reader(stream, is_received, refs) {
                return Verdict::Told;
            }
        }
        let Some(seen) = self.connections.get_mut(&stream.connection) else { return Verdict::Hide };
        let flow = &mut stream.sender(moved.direction).of_mut(&mut seen.flows).flow;
        let known = flow.account(stream.reached, moved.moved);
        // Which of several sends the reader's bytes are of is known where all of them are shown.
        let overlap = if is_by_thread { Overlap::None } else { stream.overlap };
        let known = if overlap == Overlap::None { known } else { stream.known };
        Verdict::ShowAs(Moved { stream: Some(Stream { known, skipped, overlap, ..stream }), ..*moved })
    }

    /// Whether what is sent is received by one that is asked for, as one has before or who has that end is.
    fn is_told_by_reader(&self, stream: Stream, is_received: bool, refs: Refs<'_>) -> bool {
        let reader = stream.side.other();
        let connection = refs.connection(stream.connection).filter(|connection| connection.end(reader).is_read());
        connection.is_some_and(|connection| is_received || self.asks_for(connection.calls(reader), refs))
    }

    /// Whether who has the end whose calls these are is asked for.
    fn asks_for(&self, calls: &Calls, refs: Refs<'_>) -> bool {
        calls.marking.is_some_and(|marking| self.maker_of(marking.tid, refs.process_of(marking.tid)).is_asked_for)
    }

    /// Whether the end on `side` has sent what one who is asked for is yet to receive.
    fn is_late(&self, connection: &Connection, side: Side, refs: Refs<'_>) -> bool {
        let Some(seen) = self.connections.get(&connection.id).filter(|seen| seen.is_behind(connection, side)) else {
            return false;
        };
        let is_received = side.of(&seen.flows).is_received;
        !self.maker.is_asked_for && (is_received || self.asks_for(connection.calls(side.other()), refs))
    }

    /// Whether what happened to a connection, other than payload, is shown.
    fn concerns(&mut self, connection: &Connection) -> bool {
        let family = connection.family;
        // The views know what to do with what they do not show.
        if !self.converts(family) || !self.is_conversation(family) {
            return true;
        }
        self.note_maker();
        if !self.wants(connection) {
            return false;
        }
        let seen = self.connections.entry(connection.id).or_default();
        seen.taken |= self.maker.is_asked_for;
        seen.taken
    }

    /// Whether a connection's port or name is asked for, as far as that is known by now.
    fn wants(&mut self, connection: &Connection) -> bool {
        let any = match connection.family {
            Family::Unix => self.names.is_empty(),
            Family::Pipe => self.pipe_names.is_empty(),
            _ => self.ports.is_empty(),
        };
        if any {
            return true;
        }
        let ends = Side::BOTH.map(|side| connection.end(side));
        let seen = self.connections.entry(connection.id).or_default();
        if seen.wanted {
            return true;
        }
        let wanted = if connection.family.is_local() {
            let names = ends.iter().filter_map(|end| end.name());
            let known = names.clone().count();
            if known == seen.names {
                return false;
            }
            seen.names = known;
            let (asked, offers) = match connection.family {
                Family::Pipe => (&mut self.pipe_names, &mut self.offers.pipe_names),
                _ => (&mut self.names, &mut self.offers.names),
            };
            let is_wanted = note(asked, |glob| names.clone().any(|name| glob.is_for(name)));
            if !is_wanted {
                names.for_each(|name| offer(asked, offers, name));
            }
            is_wanted
        } else {
            let addresses = ends.map(End::address);
            self.has_port(addresses.map(|address| address.map(|address| address.port()))) || self.offer_port(connection)
        };
        if wanted && let Some(seen) = self.connections.get_mut(&connection.id) {
            seen.wanted = true;
        }
        wanted
    }

    /// Notes the server's port of a connection that is not asked for, once: false.
    fn offer_port(&mut self, connection: &Connection) -> bool {
        if let (Some(port), Some(seen)) = (server_port(connection), self.connections.get_mut(&connection.id))
            && !std::mem::replace(&mut seen.offered, true)
        {
            self.offers.ports.add(port);
        }
        false
    }

    /// Whether one of two ends has a port that is asked for.
    fn has_port(&mut self, ports: [Option<u16>; 2]) -> bool {
        let is_in = |range: &RangeInclusive<u16>| ports.iter().flatten().any(|port| range.contains(port));
        self.ports.is_empty() || note(&mut self.ports, is_in)
    }

    /// The thread has done something that could be shown.
    fn note_maker(&mut self) {
        if self.maker.noted {
            return;
        }
        self.maker.noted = true;
        let Maker { tid, process, .. } = self.maker;
        let is_it = |value: &Tid| [tid, process].contains(value);
        note(&mut self.pids, is_it);
        note(&mut self.excluded, is_it);
        self.offers.processes.add(process);
    }

    /// A message is not shown, as `unix` says.
    pub(super) const fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// How many messages are not shown.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether threads are selected, and nothing else.
    pub(super) const fn is_by_thread_alone(&self) -> bool {
        self.ports.is_empty() && self.names.is_empty() && self.pipe_names.is_empty()
    }

    /// The options that select, as typed.
    pub(super) fn options(&self) -> String {
        let given = [
            ("--pid", !self.pids.is_empty()),
            ("--exclude-pid", !self.excluded.is_empty()),
            ("--port", !self.ports.is_empty()),
            ("--capture-unix-socket", !self.names.is_empty()),
            ("--capture-pipes", !self.pipe_names.is_empty()),
        ];
        let given: Vec<_> = given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
        given.join(" and ")
    }

    /// The options that nothing in the trace is of, as they were typed, and beside them what is there. UNIX servers had
    /// the ports `servers`, and `others` those that were not asked for.
    pub(super) fn unfound(&self, servers: &[u16], others: impl Iterator<Item = u16>) -> Vec<(String, String)> {
        let mut unfound = Vec::new();
        let process = |tid: &Tid| match tid.0 {
            0 => "lines without a PID (record with -f)".to_owned(),
            number => format!("PID {number}"),
        };
        let processes = self.offers.processes.in_words(process);
        let processes = processes.map(|them| format!("sockets in it are used by {them}"));
        for (option, all) in [("--pid", &self.pids), ("--exclude-pid", &self.excluded)] {
            let them = all.iter().filter(|asked| !asked.found);
            unfound.extend(them.map(|it| (format!("{option} {}", it.value), processes.clone().unwrap_or_default())));
        }
        let mut ports = self.offers.ports.clone();
        others.for_each(|port| ports.add(port));
        let ports = ports.in_words(u16::to_string).map(|ports| format!("sockets in it have port {ports}"));
        let is_server = |range: &RangeInclusive<u16>| servers.iter().any(|port| range.contains(port));
        for asked in self.ports.iter().filter(|asked| !asked.found && !is_server(&asked.value)) {
            unfound.push((format!("--port {}", range(&asked.value)), ports.clone().unwrap_or_default()));
        }
        let of_sockets = ("--capture-unix-socket", "UNIX sockets", &self.names, &self.offers.names);
        let of_pipes = ("--capture-pipes", "FIFOs", &self.pipe_names, &self.offers.pipe_names);
        for (option, what, all, offers) in [of_sockets, of_pipes] {
            let names = offers.in_words(offers::name).map(|names| format!("{what} in it are {names}"));
            for asked in all.iter().filter(|asked| !asked.found) {
                let typed = |glob: &Glob| format!("{option}={}", word(glob.text()));
                let meant = asked.meant.as_ref().map(|glob| format!("give {}", typed(glob)));
                unfound.push((typed(&asked.value), meant.or_else(|| names.clone()).unwrap_or_default()));
            }
        }
        unfound
    }
}

/// A name that no pattern is for: noted, and whether one would be with its folder, or as an abstract one.
fn offer(asked: &mut [Asked<Glob>], offers: &mut Offers<UnixName>, name: &UnixName) {
    offers.add(name.clone());
    for asked in asked.iter_mut().filter(|asked| !asked.found && asked.meant.is_none()) {
        let text = asked.value.text();
        let with = |before: &[u8]| Glob::new(&[before, text].concat()).ok();
        let mut meant = [with(b"*/"), with(b"@")].into_iter().flatten();
        asked.meant = meant.find(|glob| glob.is_for(name));
    }
}

/// The port of the end that was connected to; where nothing tells which, the smaller one.
fn server_port(connection: &Connection) -> Option<u16> {
    let [first, second] = Side::BOTH.map(|side| connection.end(side));
    let [of_first, of_second] = [first, second].map(|end| end.address().map(|address| address.port()));
    match (first.role, second.role) {
        (Role::Connected, _) | (_, Role::Accepted) => of_second,
        (Role::Accepted, _) | (_, Role::Connected) => of_first,
        _ => of_first.into_iter().chain(of_second).min(),
    }
}

/// Notes each value that `is_it` is true of as found; whether there is one.
fn note<T>(all: &mut [Asked<T>], is_it: impl Fn(&T) -> bool) -> bool {
    let mut any = false;
    for asked in all {
        if is_it(&asked.value) {
            asked.found = true;
            any = true;
        }
    }
    any
}

/// A range as it is typed.
fn range(ports: &RangeInclusive<u16>) -> String {
    if ports.start() == ports.end() { ports.start().to_string() } else { format!("{}-{}", ports.start(), ports.end()) }
}
