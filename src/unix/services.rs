//! Which port a UNIX server is given, so that Wireshark's own tables hand the conversation to the right dissector.
//!
//! To add a service, add a line to [`BY_NAME`] (its socket's name) or a function to [`BY_CONTENT`] (its first bytes), with
//! the proof: which dissector `tshark -G decodes` registers for the port.

use crate::event::UnixName;

/// The port of a conversation that nothing is known of: gRPC's customary one, as the predecessor had it. No dissector of
/// Wireshark is registered for it, so heuristics decide.
pub const UNKNOWN_PORT: u16 = 50051;

/// HTTP's port: its dissector takes HTTP/1, and HTTP/2 from its preface on.
const HTTP: u16 = 80;
const POSTGRESQL: u16 = 5432;
const MYSQL: u16 = 3306;
const REDIS: u16 = 6379;
const MEMCACHED: u16 = 11211;
const MONGODB: u16 = 27017;
const X11: u16 = 6000;
const SYSLOG: u16 = 514;

/// A service known by the name of its socket.
struct Service {
    /// The name's last parts, whatever directory they are in (`/run`, `/var/run`, a container's root); `*` is any text.
    name: &'static str,
    /// Its port.
    port: u16,
}

const fn service(name: &'static str, port: u16) -> Service {
    Service { name, port }
}

/// The table of services; the first that fits counts.
static BY_NAME: &[Service] = &[
    service("docker.sock", HTTP),            // tcp.port 80 http
    service("docker-*.sock", HTTP),          // tcp.port 80 http
    service("podman.sock", HTTP),            // tcp.port 80 http
    service("snapd*.socket", HTTP),          // tcp.port 80 http
    service("lxd/unix.socket", HTTP),        // tcp.port 80 http
    service("cups.sock", 631),               // tcp.port 631 http (IPP)
    service("cups/cups.sock", 631),          // tcp.port 631 http (IPP)
    service("containerd.sock", HTTP), // tcp.port 80 http, HTTP/2 and gRPC from the preface on
    service("containerd.sock.ttrpc", 50051), // ttrpc has no dissector
    service("crio.sock", HTTP),       // tcp.port 80 http, HTTP/2 and gRPC from the preface on
    service("cri-dockerd.sock", HTTP), // tcp.port 80 http, HTTP/2 and gRPC from the preface on
    service("buildkitd.sock", HTTP),  // tcp.port 80 http, HTTP/2 and gRPC from the preface on
    service("kubelet*.sock", HTTP),   // tcp.port 80 http, HTTP/2 and gRPC from the preface on
    service("csi.sock", HTTP),        // tcp.port 80 http, HTTP/2 and gRPC from the preface on
    service(".s.PGSQL.*", POSTGRESQL), // tcp.port 5432 pgsql
    service("mysqld*.sock", MYSQL),   // tcp.port 3306 mysql
    service("mysql.sock", MYSQL),     // tcp.port 3306 mysql
    service("mariadb*.sock", MYSQL),  // tcp.port 3306 mysql
    service("redis*.sock", REDIS),    // tcp.port 6379 resp
    service("valkey*.sock", REDIS),   // tcp.port 6379 resp
    service("memcached*.sock", MEMCACHED), // tcp.port 11211 memcache
    service("mongodb-*.sock", MONGODB), // tcp.port 27017 mongo (4.0: tls, needs -d tcp.port==27017,mongo)
    service(".X11-unix/X*", X11),       // tcp.port 6000 x11
];

/// The same for datagram sockets, with UDP's ports.
static DATAGRAMS_BY_NAME: &[Service] = &[
    service("dev/log", SYSLOG),                 // udp.port 514 syslog
    service("systemd/journal/dev-log", SYSLOG), // udp.port 514 syslog
    service("systemd/journal/syslog", SYSLOG),  // udp.port 514 syslog
];

/// The names of D-Bus's sockets: on the machine, of a session, of accessibility, and those that a daemon makes up.
static DBUS: &[&str] = &[
    "dbus/system_bus_socket",
    "user/*/bus",
    "at-spi/bus*",
    "at-spi2-*/socket",
    "dbus-*",
];

/// Whether a protocol begins like this.
type Test = fn(&[u8]) -> bool;

/// What a first message tells, each a test of the bytes that an end sends first.
static BY_CONTENT: &[(Test, u16)] = &[
    (is_http, HTTP),
    (is_http2, HTTP),
    (is_postgresql, POSTGRESQL),
    (is_mysql, MYSQL),
    (is_redis, REDIS),
    (is_mongodb, MONGODB),
    (is_x11, X11),
    (is_memcached, MEMCACHED),
];

/// The port of the service that listens on a socket of this name.
pub(super) fn port_by_name(name: &UnixName) -> Option<u16> {
    let (UnixName::Path(name) | UnixName::Abstract(name)) = name;
    BY_NAME
        .iter()
        .find(|service| ends_with(name, service.name.as_bytes()))
        .map(|service| service.port)
}

/// The port of the protocol that begins like this.
pub(super) fn port_by_content(first: &[u8]) -> Option<u16> {
    BY_CONTENT
        .iter()
        .find(|(is_it, _)| is_it(first))
        .map(|(_, port)| *port)
}

/// Whether the socket of this name is D-Bus's.
pub(super) fn is_dbus(name: &UnixName) -> bool {
    let (UnixName::Path(name) | UnixName::Abstract(name)) = name;
    DBUS.iter().any(|at| ends_with(name, at.as_bytes()))
}

/// The UDP port of a datagram socket's service: by its name, else by a message's first bytes.
pub(super) fn datagram_port(name: Option<&UnixName>, first: &[u8]) -> u16 {
    let by_name = |(UnixName::Path(name) | UnixName::Abstract(name)): &UnixName| {
        DATAGRAMS_BY_NAME
            .iter()
            .find(|service| ends_with(name, service.name.as_bytes()))
            .map(|service| service.port)
    };
    name.and_then(by_name)
        .or_else(|| is_syslog(first).then_some(SYSLOG))
        .unwrap_or(UNKNOWN_PORT)
}

/// syslog: a priority of one to three digits in angle brackets (RFC 3164 §4.1.1).
fn is_syslog(first: &[u8]) -> bool {
    let Some((b'<', rest)) = first.split_first() else {
        return false;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && rest.get(digits) == Some(&b'>')
}

/// Whether the last parts of `name`, as many as the pattern has, fit the pattern.
fn ends_with(name: &[u8], pattern: &[u8]) -> bool {
    let parts = memchr::memchr_iter(b'/', pattern).count();
    let from = name
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'/')
        .nth(parts)
        .map_or(0, |(at, _)| at + 1);
    name.get(from..).is_some_and(|last| fits(last, pattern))
}

/// Whether `text` fits `pattern`, in which `*` stands for any text, in linear time for one `*`.
pub(super) fn fits(text: &[u8], pattern: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', [])) => true,
        Some((b'*', rest)) => {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| fits(text, rest)))
        }
        Some((first, rest)) => text
            .split_first()
            .is_some_and(|(byte, text)| byte == first && fits(text, rest)),
    }
}

/// HTTP/1: a request's method and a blank, or a status line (RFC 9112 §3, §4).
fn is_http(first: &[u8]) -> bool {
    const STARTS: [&[u8]; 10] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"PATCH ",
        b"OPTIONS ",
        b"CONNECT ",
        b"TRACE ",
        b"HTTP/1.",
    ];
    STARTS.iter().any(|start| first.starts_with(start))
}

/// HTTP/2's preface (RFC 9113 §3.4).
fn is_http2(first: &[u8]) -> bool {
    first.starts_with(b"PRI * HTTP/2.0")
}

/// PostgreSQL's first packet: its length and protocol 3.0, or the codes that ask for SSL, GSS or a cancellation.
fn is_postgresql(first: &[u8]) -> bool {
    let number = |from: usize| {
        first
            .get(from..)
            .and_then(<[u8]>::first_chunk)
            .map(|bytes| u32::from_be_bytes(*bytes))
    };
    number(0).is_some_and(|length| (8..10_000).contains(&length))
        && matches!(number(4), Some(0x0003_0000 | 80_877_102..=80_877_104))
}

/// MySQL's greeting: packet 0 of a length in three bytes, protocol 10, a version that is text.
fn is_mysql(first: &[u8]) -> bool {
    matches!(first, [length, _, 0, 0, 10, b'0'..=b'9', ..] if *length > 20)
}

/// RESP: an array of bulk strings, or a simple reply.
fn is_redis(first: &[u8]) -> bool {
    matches!(first, [b'*', b'1'..=b'9', ..]) && first.windows(3).any(|three| three == b"\r\n$")
}

/// MongoDB: a header of 16 bytes whose last four are OP_MSG (2013) or OP_QUERY (2004), little endian.
fn is_mongodb(first: &[u8]) -> bool {
    matches!(
        first,
        [
            _,
            _,
            _,
            0,
            _,
            _,
            _,
            _,
            0,
            0,
            0,
            0,
            0xdd | 0xd4,
            0x07,
            0,
            0,
            ..
        ]
    )
}

/// X11: the byte order, and protocol 11.0.
fn is_x11(first: &[u8]) -> bool {
    matches!(
        first,
        [b'l', 0, 11, 0, 0, 0, ..] | [b'B', 0, 0, 11, 0, 0, ..]
    )
}

/// memcached's text protocol, or a request of its binary one.
fn is_memcached(first: &[u8]) -> bool {
    const STARTS: [&[u8]; 6] = [
        b"get ",
        b"gets ",
        b"set ",
        b"add ",
        b"stats\r\n",
        b"version\r\n",
    ];
    STARTS.iter().any(|start| first.starts_with(start))
        || matches!(first, [0x80, ..0x23, _, _, _, 0, 0, 0, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(name: &str, port: Option<u16>) {
        assert_eq!(
            port_by_name(&UnixName::Path(name.as_bytes().into())),
            port,
            "{name}"
        );
    }

    #[test]
    fn names() {
        check_name("/run/docker.sock", Some(80));
        check_name("/var/run/docker.sock", Some(80));
        check_name("/proc/77/root/run/containerd/containerd.sock", Some(80));
        check_name("/var/run/postgresql/.s.PGSQL.5433", Some(5432));
        check_name("/tmp/.X11-unix/X7", Some(6000));
        check_name("/tmp/redis-1.sock", Some(6379));
        check_name("docker.sock", Some(80));
        check_name("/run/dockerXsock", None);
        check_name("/run/other.sock", None);
        assert_eq!(
            port_by_name(&UnixName::Abstract(b"/tmp/.X11-unix/X0".as_slice().into())),
            Some(6000)
        );
    }

    #[track_caller]
    fn check_content(first: &[u8], port: Option<u16>) {
        assert_eq!(port_by_content(first), port, "{}", first.escape_ascii());
    }

    #[test]
    fn contents() {
        check_content(b"GET / HTTP/1.1\r\n", Some(80));
        check_content(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(80));
        check_content(b"*1\r\n$4\r\nPING\r\n", Some(6379));
        check_content(b"\0\0\0\x08\x04\xd2\x16\x2f", Some(5432));
        check_content(b"\x4a\0\0\0\x0a8.0.35\0", Some(3306));
        check_content(b"l\0\x0b\0\0\0\0\0\0\0\0\0", Some(6000));
        check_content(b"stats\r\n", Some(11211));
        check_content(b"\x5b\x01\0\0\x01\0\0\0\0\0\0\0\xd4\x07\0\0", Some(27017));
        check_content(b"hello", None);
        check_content(b"", None);
    }
}
