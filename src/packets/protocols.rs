//! Protocols, and the port by which Wireshark hands each to its dissector.
//!
//! **To add a protocol**, add a line to [`PROTOCOLS`], with the port and the dissector that `tshark -G decodes` has for it:
//!
//! ```text
//! $ tshark -G decodes | grep -P '^tcp.port\t5432\t'
//! tcp.port    5432    pgsql
//! ```
//!
//! and, if its first bytes are telling, a test to `contents.rs`. `tests/live/ports.rs` holds the table against the tshark
//! that is installed: what it registers for each port, and that it reads what each protocol begins with.

/// The port of a conversation that nothing is known of: gRPC's customary one, as the predecessor had it. No dissector of
/// Wireshark is registered for it, so heuristics decide.
pub const UNKNOWN_PORT: u16 = 50051;

/// A protocol, and how Wireshark comes to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// What the command line calls it.
    pub name: &'static str,
    /// The port that its servers are given.
    pub port: u16,
    /// Wireshark's name of its dissector.
    pub dissector: &'static str,
    /// Why that dissector is asked.
    pub recognition: Recognition,
}

/// Why Wireshark gives a conversation to a dissector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// It is registered for the port: `tshark -G decodes` has `tcp.port`, the port and the dissector in one line.
    Port,
    /// It is registered for the port in Wireshark 4.4 and later. Wireshark 4.0 has this other one there.
    PortLater(&'static str),
    /// It is registered for the port in Wireshark before 4.6, which has this other one there.
    PortEarlier(&'static str),
    /// It recognises its protocol on any port, even TLS's: `tshark -G heuristic-decodes` has `tcp`, the dissector and `T`.
    Heuristic,
    /// It has to be told: `-d tcp.port==PORT,DISSECTOR`. The port is the protocol's own, and no dissector's.
    DecodeAs,
    /// Its messages have a link type of their own, where the capture can hold it; no dissector knows it on a port.
    Link,
}

const fn protocol(name: &'static str, port: u16, dissector: &'static str, recognition: Recognition) -> Protocol {
    Protocol { name, port, dissector, recognition }
}

use Recognition::{DecodeAs, Heuristic, Link, Port, PortEarlier, PortLater};

pub(crate) static HTTP: Protocol = protocol("http", 80, "http", Port);
/// From its preface on: HTTP's dissector hands it over.
pub(crate) static HTTP2: Protocol = protocol("http2", 80, "http", Port);
pub(crate) static GRPC: Protocol = protocol("grpc", 80, "http", Port);
/// Without its preface, which the trace does not hold.
pub(crate) static HTTP2_MIDWAY: Protocol = protocol("http2-midway", 50052, "http2", DecodeAs);
/// Wireshark 4.4 and later have TLS on its port, and know HTTP there all the same.
pub(crate) static IPP: Protocol = protocol("ipp", 631, "http", Heuristic);
pub(crate) static TLS: Protocol = protocol("tls", 443, "tls", Port);
pub(crate) static SSH: Protocol = protocol("ssh", 22, "ssh", Port);
pub(crate) static POSTGRESQL: Protocol = protocol("postgresql", 5432, "pgsql", Port);
pub(crate) static MYSQL: Protocol = protocol("mysql", 3306, "mysql", Port);
pub(crate) static REDIS: Protocol = protocol("redis", 6379, "resp", Port);
pub(crate) static MEMCACHED: Protocol = protocol("memcached", 11211, "memcache", Port);
pub(crate) static MONGODB: Protocol = protocol("mongodb", 27017, "mongo", PortLater("tls"));
pub(crate) static FASTCGI: Protocol = protocol("fastcgi", 50053, "fcgi", DecodeAs);
pub(crate) static AJP: Protocol = protocol("ajp", 8009, "ajp13", PortEarlier("nvme-tcp"));
pub(crate) static X11: Protocol = protocol("x11", 6000, "x11", Port);
pub(crate) static VNC: Protocol = protocol("vnc", 5900, "vnc", Port);
pub(crate) static AMQP: Protocol = protocol("amqp", 5672, "amqp", Port);
pub(crate) static MQTT: Protocol = protocol("mqtt", 1883, "mqtt", Port);
pub(crate) static GEARMAN: Protocol = protocol("gearman", 4730, "gearman", Port);
/// LMTP too, which differs in one greeting.
pub(crate) static SMTP: Protocol = protocol("smtp", 25, "smtp", Port);
pub(crate) static IMAP: Protocol = protocol("imap", 143, "imap", Port);
pub(crate) static POP: Protocol = protocol("pop", 110, "pop", Port);
pub(crate) static LDAP: Protocol = protocol("ldap", 389, "ldap", Port);
pub(crate) static NINE_P: Protocol = protocol("9p", 564, "9p", Port);
pub(crate) static NBD: Protocol = protocol("nbd", 10809, "nbd", Heuristic);
pub(crate) static RSYNC: Protocol = protocol("rsync", 873, "rsync", Port);
/// Whole messages with link type 231 in pcapng.
pub(crate) static DBUS: Protocol = protocol("dbus", UNKNOWN_PORT, "dbus", Link);
pub(crate) static RPC: Protocol = protocol("rpc", 111, "rpc", Port);
pub(crate) static AGENTX: Protocol = protocol("agentx", 705, "agentx", Port);
pub(crate) static ZEBRA: Protocol = protocol("zebra", 2600, "zebra", Port);
pub(crate) static OPENFLOW: Protocol = protocol("openflow", 6653, "openflow", Port);

/// Every protocol that can be asked for by its name.
pub static PROTOCOLS: [&Protocol; 31] = [
    &HTTP,
    &HTTP2,
    &GRPC,
    &HTTP2_MIDWAY,
    &IPP,
    &TLS,
    &SSH,
    &POSTGRESQL,
    &MYSQL,
    &REDIS,
    &MEMCACHED,
    &MONGODB,
    &FASTCGI,
    &AJP,
    &X11,
    &VNC,
    &AMQP,
    &MQTT,
    &GEARMAN,
    &SMTP,
    &IMAP,
    &POP,
    &LDAP,
    &NINE_P,
    &NBD,
    &RSYNC,
    &RPC,
    &AGENTX,
    &ZEBRA,
    &OPENFLOW,
    &DBUS,
];

impl Protocol {
    /// The protocol that the command line calls so.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROTOCOLS.into_iter().find(|protocol| protocol.name.eq_ignore_ascii_case(name))
    }

    /// Whether HTTP's port is what it is given: HTTP/1, and HTTP/2 with its preface.
    pub(crate) fn is_http(&self) -> bool {
        self.port == HTTP.port
    }
}
