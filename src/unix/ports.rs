//! The port of a UNIX server: asked for, or the one by which Wireshark picks its dissector.
//!
//! ```text
//! rule for the name (--unix-port-for) ─→ the port of all (--unix-port N) ─→ table of names ─→ first bytes ─→ unknown
//! ```

use crate::event::UnixName;
use crate::glob::Glob;
use crate::packets::contents::{self, FirstBytes};
use crate::packets::http2::Lack;
use crate::packets::protocols::{
    DBUS, FASTCGI, GRPC, HTTP, HTTP2, HTTP2_MIDWAY, Protocol, Recognition, TLS, UNKNOWN_PORT,
};
use crate::sockets::{Connection, Side};
use crate::unix::services::{self, Services, Speaks};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How servers get their ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// All the same.
    Fixed(u16),
    /// By the socket's name, else by the first bytes, else [`UNKNOWN_PORT`].
    Auto,
}

/// What servers of certain names are given, above all else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRule {
    /// Whose.
    pub names: Glob,
    /// What.
    pub target: Target,
}

/// What a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This port.
    Port(u16),
    /// The port of this protocol.
    Protocol(&'static Protocol),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "{port}"),
            Self::Protocol(protocol) => f.write_str(protocol.name),
        }
    }
}

/// A server's port, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) port: u16,
    /// What it speaks, where that is known.
    protocol: Option<&'static Protocol>,
    /// The rule that gave the port, by its place.
    rule: Option<usize>,
}

/// What a conversation begins with.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConversationStart<'a> {
    /// What one end moved first, if anything.
    Bytes(FirstBytes<'a>),
    /// HTTP/2, from its preface on.
    Http2,
    /// HTTP/2, whose preface the capture will not hold.
    Http2Midway,
}

impl ConversationStart<'_> {
    /// Nothing.
    pub(super) const NONE: Self = Self::Bytes(FirstBytes { bytes: &[], moved: 0 });
}

/// What has been chosen in a run.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// The ports of all conversations that were written, and what is known to be spoken there: dissector and name.
    ports: BTreeMap<u16, BTreeSet<(&'static str, &'static str)>>,
    /// The ports of those that were not asked for.
    others: BTreeSet<u16>,
    /// What of HTTP/2 joined midway would be read with other seeds.
    lacking: Option<Lack>,
    /// The rules that gave one, by their places.
    rules: BTreeSet<usize>,
    /// Dissectors that Wireshark has to be told of: port, dissector, protocol, and whether it is an early Wireshark only.
    untold: BTreeSet<Advice>,
}

/// Ports that Wireshark gives to HTTP's dissector (its preference `http.tcp.port`), which knows HTTP/2 by its preface.
const HTTP_PORTS: [u16; 10] = [80, 1900, 2710, 2869, 3128, 3132, 5985, 8080, 8088, 11371];

/// A protocol that Wireshark reads on a port only if it is told so, with `-d tcp.port==PORT,DISSECTOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advice {
    /// Where it was seen.
    pub port: u16,
    /// Its name.
    pub protocol: &'static str,
    /// Its dissector's name.
    pub dissector: &'static str,
    /// Who has to be told.
    pub readers: Readers,
}

impl Advice {
    /// That FastCGI is spoken on this port, which may be anyone's.
    pub const fn of_fastcgi(port: u16) -> Self {
        Self { port, protocol: FASTCGI.name, dissector: FASTCGI.dissector, readers: Readers::All }
    }

    /// That HTTP/2 is spoken on this port, with its preface in the capture or without.
    pub fn of_http2(port: u16, has_preface: bool) -> Option<Self> {
        match has_preface {
            true if HTTP_PORTS.contains(&port) => None,
            true => advice(&HTTP2, port),
            false => advice(&HTTP2_MIDWAY, port),
        }
    }
}

/// Versions of Wireshark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readers {
    /// Every one.
    All,
    /// Those before 4.4.
    Early,
    /// 4.6 and later.
    Late,
}

impl Chosen {
    /// A conversation begins.
    pub(super) fn note(&mut self, choice: &Choice) {
        let spoken = self.ports.entry(choice.port).or_default();
        spoken
            .extend(choice.protocol.filter(|it| it.recognition != Recognition::Link).map(|it| (it.dissector, it.name)));
        self.rules.extend(choice.rule);
        if let Some(advice) = choice.protocol.and_then(|it| advice(it, choice.port)) {
            self.untold.insert(advice);
        }
    }

    /// A conversation is not asked for.
    pub(super) fn pass_over(&mut self, choice: &Choice) {
        self.others.insert(choice.port);
    }

    /// A conversation joined midway would be read with seeds.
    pub(super) fn lack(&mut self, lack: Lack) {
        self.lacking = self.lacking.max(Some(lack));
    }

    /// What of HTTP/2 joined midway would be read with other seeds.
    pub const fn lacking(&self) -> Option<Lack> {
        self.lacking
    }

    /// The ports of all servers, in order.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.keys().copied()
    }

    /// The ports of servers that were not asked for, in order.
    pub fn others(&self) -> impl Iterator<Item = u16> {
        self.others.iter().copied()
    }

    /// The names of what is spoken on `port`, where one dissector does not know it all.
    pub fn mixed(&self, port: u16) -> Option<Vec<&'static str>> {
        let spoken = self.ports.get(&port)?;
        let (first, _) = spoken.first()?;
        let is_mixed = spoken.iter().any(|(dissector, _)| dissector != first);
        is_mixed.then(|| spoken.iter().map(|(_, name)| *name).collect())
    }

    /// Whether the rule at `place` gave any.
    pub fn has_used(&self, place: usize) -> bool {
        self.rules.contains(&place)
    }

    /// What Wireshark has to be told, in the order of the ports.
    pub fn advice(&self) -> impl Iterator<Item = &Advice> {
        self.untold.iter()
    }
}

/// What Wireshark has to be told to read `protocol` on `port`, if anything.
fn advice(protocol: &Protocol, port: u16) -> Option<Advice> {
    let at_home = port == protocol.port;
    let (dissector, readers) = match protocol.recognition {
        Recognition::Port if at_home => return None,
        // On any port HTTP/1 and TLS are recognised, HTTP/2 by Wireshark 4.4 and later.
        Recognition::Port if [HTTP, TLS].contains(protocol) => return None,
        Recognition::Port if [HTTP2, GRPC].contains(protocol) => (HTTP2_MIDWAY.dissector, Readers::Early),
        Recognition::Heuristic | Recognition::Link => return None,
        Recognition::PortLater(_) if at_home => (protocol.dissector, Readers::Early),
        Recognition::PortEarlier(_) if at_home => (protocol.dissector, Readers::Late),
        _ => (protocol.dissector, Readers::All),
    };
    Some(Advice { port, protocol: protocol.name, dissector, readers })
}

/// The server's port where it is known before anything is said.
pub(super) fn settled(
    connection: &Connection,
    client: Side,
    (ports, rules): (Ports, &[PortRule]),
    services: &mut Services,
) -> bool {
    let name = connection.end(client.other()).name();
    match rule(connection, client, rules) {
        Some(_) => true,
        None => ports != Ports::Auto || name.and_then(|name| services.by_name(name)).is_some(),
    }
}

/// The server's port in a conversation that begins with `said`.
pub(super) fn choose(
    connection: &Connection,
    client: Side,
    said: ConversationStart<'_>,
    (ports, rules): (Ports, &[PortRule]),
    services: &mut Services,
) -> Choice {
    let name = connection.end(client.other()).name();
    let by_name = name.and_then(|name| services.by_name(name));
    let rule = rule(connection, client, rules);
    let (port, protocol) = match (rule.map(|(_, rule)| rule.target), ports) {
        (Some(Target::Protocol(protocol)), _) => {
            let protocol = refined(protocol, said);
            (protocol.port, Some(protocol))
        }
        (Some(Target::Port(port)), _) | (None, Ports::Fixed(port)) => (port, spoken(by_name, said)),
        (None, Ports::Auto) => {
            let protocol = spoken(by_name, said);
            (protocol.map_or(UNKNOWN_PORT, |it| it.port), protocol)
        }
    };
    Choice { port, protocol, rule: rule.map(|(place, _)| place) }
}

/// Whether the server's name, or a rule for it, says that it speaks D-Bus.
pub(super) fn is_dbus(connection: &Connection, rules: &[PortRule], services: &mut Services) -> bool {
    let mut is_dbus = |side: Side| {
        let by_rule = rule(connection, side.other(), rules).map(|(_, rule)| rule.target);
        match (by_rule, connection.end(side).name()) {
            (Some(target), _) => target == Target::Protocol(&DBUS),
            (None, name) => name.and_then(|name| services.by_name(name)) == Some(Some(&DBUS)),
        }
    };
    is_dbus(Side::First) || is_dbus(Side::Second)
}

/// The port of a datagram socket's server, by a rule for its name or what else tells.
pub(super) fn of_datagrams(name: Option<&UnixName>, first: &[u8], rules: &[PortRule]) -> u16 {
    let rule = name.and_then(|name| rules.iter().find(|rule| rule.names.is_for(name)));
    match rule.map(|rule| rule.target) {
        Some(Target::Port(port)) => port,
        Some(Target::Protocol(protocol)) => protocol.port,
        None => services::datagram_port(name, first),
    }
}

/// The rule for the server's name, and its place.
fn rule<'a>(connection: &Connection, client: Side, rules: &'a [PortRule]) -> Option<(usize, &'a PortRule)> {
    let name = connection.end(client.other()).name()?;
    rules.iter().enumerate().find(|(_, rule)| rule.names.is_for(name))
}

/// What a server speaks, by the table of names, else by what was said.
fn spoken(by_name: Option<Speaks>, said: ConversationStart<'_>) -> Option<&'static Protocol> {
    match (by_name, said) {
        (Some(speaks), said) => speaks.map(|protocol| refined(protocol, said)),
        (None, ConversationStart::Bytes(beginning)) => contents::protocol(&beginning),
        (None, ConversationStart::Http2) => Some(&HTTP2),
        (None, ConversationStart::Http2Midway) => Some(&HTTP2_MIDWAY),
    }
}

/// HTTP's dissector does not know HTTP/2 without its preface.
fn refined(protocol: &'static Protocol, said: ConversationStart<'_>) -> &'static Protocol {
    match said {
        ConversationStart::Http2Midway if protocol.is_http() => &HTTP2_MIDWAY,
        _ => protocol,
    }
}
