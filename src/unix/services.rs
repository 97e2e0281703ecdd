//! Which protocol a UNIX server speaks, and the port by which Wireshark hands that protocol to its dissector: two tables.
//!
//! **To add a service**, add a line to [`BY_NAME`]: the end of its socket's path, and its protocol. If the protocol is not
//! in [`PROTOCOLS`] yet, add a line there too, with the port and the dissector that `tshark -G decodes` has for it:
//!
//! ```text
//! $ tshark -G decodes | grep -P '^tcp.port\t5432\t'
//! tcp.port    5432    pgsql
//! ```
//!
//! and, if its first bytes are telling, a test to `contents.rs`. `tests/live/ports.rs` holds the table against the tshark
//! that is installed: what it registers for each port, and that it reads what each protocol begins with.

use crate::event::UnixName;
use crate::glob;

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
    pub reason: Reason,
}

/// Why Wireshark gives a conversation to a dissector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
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

const fn protocol(name: &'static str, port: u16, dissector: &'static str, reason: Reason) -> Protocol {
    Protocol { name, port, dissector, reason }
}

use Reason::{DecodeAs, Heuristic, Link, Port, PortEarlier, PortLater};

pub(super) static HTTP: Protocol = protocol("http", 80, "http", Port);
/// From its preface on: HTTP's dissector hands it over.
pub(super) static HTTP2: Protocol = protocol("http2", 80, "http", Port);
pub(super) static GRPC: Protocol = protocol("grpc", 80, "http", Port);
/// Without its preface, which the trace does not hold.
pub(super) static HTTP2_MIDWAY: Protocol = protocol("http2-midway", 50052, "http2", DecodeAs);
/// Wireshark 4.4 and later have TLS on its port, and know HTTP there all the same.
pub(super) static IPP: Protocol = protocol("ipp", 631, "http", Heuristic);
pub(super) static TLS: Protocol = protocol("tls", 443, "tls", Port);
pub(super) static SSH: Protocol = protocol("ssh", 22, "ssh", Port);
pub(super) static POSTGRESQL: Protocol = protocol("postgresql", 5432, "pgsql", Port);
pub(super) static MYSQL: Protocol = protocol("mysql", 3306, "mysql", Port);
pub(super) static REDIS: Protocol = protocol("redis", 6379, "resp", Port);
pub(super) static MEMCACHED: Protocol = protocol("memcached", 11211, "memcache", Port);
pub(super) static MONGODB: Protocol = protocol("mongodb", 27017, "mongo", PortLater("tls"));
pub(super) static FASTCGI: Protocol = protocol("fastcgi", 50053, "fcgi", DecodeAs);
pub(super) static AJP: Protocol = protocol("ajp", 8009, "ajp13", PortEarlier("nvme-tcp"));
pub(super) static X11: Protocol = protocol("x11", 6000, "x11", Port);
pub(super) static VNC: Protocol = protocol("vnc", 5900, "vnc", Port);
pub(super) static AMQP: Protocol = protocol("amqp", 5672, "amqp", Port);
pub(super) static MQTT: Protocol = protocol("mqtt", 1883, "mqtt", Port);
pub(super) static GEARMAN: Protocol = protocol("gearman", 4730, "gearman", Port);
/// LMTP too, which differs in one greeting.
pub(super) static SMTP: Protocol = protocol("smtp", 25, "smtp", Port);
pub(super) static IMAP: Protocol = protocol("imap", 143, "imap", Port);
pub(super) static POP: Protocol = protocol("pop", 110, "pop", Port);
pub(super) static LDAP: Protocol = protocol("ldap", 389, "ldap", Port);
pub(super) static NINE_P: Protocol = protocol("9p", 564, "9p", Port);
pub(super) static NBD: Protocol = protocol("nbd", 10809, "nbd", Heuristic);
pub(super) static RSYNC: Protocol = protocol("rsync", 873, "rsync", Port);
/// Whole messages with link type 231 in pcapng.
pub(super) static DBUS: Protocol = protocol("dbus", UNKNOWN_PORT, "dbus", Link);
static RPC: Protocol = protocol("rpc", 111, "rpc", Port);
static AGENTX: Protocol = protocol("agentx", 705, "agentx", Port);
static ZEBRA: Protocol = protocol("zebra", 2600, "zebra", Port);
static OPENFLOW: Protocol = protocol("openflow", 6653, "openflow", Port);

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
    pub(super) fn is_http(&self) -> bool {
        self.port == HTTP.port
    }
}

/// What a socket's name tells: its server's protocol, or that Wireshark has no dissector for what it speaks.
pub(super) type Speaks = Option<&'static Protocol>;

/// No dissector of Wireshark reads it.
const NONE: Speaks = None;
const WEB: Speaks = Some(&HTTP);
const RPC2: Speaks = Some(&GRPC);

/// Sockets by the last parts of their names, whatever directory those are in: `/run`, `/var/run`, a container's root seen
/// from outside, an abstract name. `*`, `?` and `[a-z]` stand for text within a part. The first line that fits counts.
#[rustfmt::skip]
static BY_NAME: &[(&str, Speaks)] = &[
    // Containers.
    ("docker.sock", WEB),                          // Docker Engine API
    ("docker-*.sock", WEB),
    ("docker/metrics.sock", WEB),
    ("docker/plugins/*.sock", WEB),                // Docker plugins
    ("podman*.sock", WEB),                         // its machines' too
    ("docker.raw.sock", WEB),                      // Docker Desktop
    ("containerd.sock", RPC2),
    ("*.sock.ttrpc", NONE),                        // containerd's ttRPC
    ("containerd/s/*", NONE),                      // its shims: ttRPC
    ("shim.sock", NONE),
    ("crio.sock", RPC2),                           // CRI-O
    ("cri-dockerd.sock", RPC2),
    ("dockershim.sock", RPC2),
    ("buildkitd.sock", RPC2),                      // BuildKit
    ("kubelet*.sock", RPC2),                       // kubelet's device and pod-resources APIs
    ("device-plugins/*.sock", RPC2),
    ("plugins_registry/*.sock", RPC2),
    ("csi*.sock", RPC2),                           // CSI drivers
    ("*-reg.sock", RPC2),                          // CSI registrars
    ("hubble.sock", RPC2),                         // Cilium
    ("cilium.sock", WEB),
    ("cilium/health.sock", WEB),
    ("spire-agent/public/*.sock", RPC2),           // SPIFFE's workload API
    ("proxy/SDS", RPC2),                           // Istio's agent
    ("proxy/XDS", RPC2),
    ("workload-spiffe-uds/socket", RPC2),
    ("lxd/unix.socket", WEB),                      // LXD, Incus and their guests' devlxd
    ("incus/unix.socket", WEB),
    ("lxd/sock", WEB),
    ("incus/sock", WEB),
    ("lxd/user.socket", WEB),
    ("unix.socket.user", WEB),
    // Machines.
    ("firecracker*.sock*", WEB),
    ("cloud-hypervisor*.sock", WEB),
    ("libvirt-sock*", NONE),                       // libvirt's own RPC
    ("virtqemud-sock*", NONE),
    ("*.qmp", NONE),                               // QEMU's monitor: JSON
    ("qmp*.sock", NONE),
    ("vnc*.sock", Some(&VNC)),
    ("nbd*.sock", Some(&NBD)),                     // qemu-nbd, nbdkit
    // The system.
    ("snapd*.socket", WEB),
    ("tailscaled.sock", WEB),
    ("cups.sock", Some(&IPP)),
    ("rpcbind.sock", Some(&RPC)),
    ("ldapi", Some(&LDAP)),                        // OpenLDAP's slapd, Samba
    ("slapd-*.socket", Some(&LDAP)),               // 389 Directory Server
    ("agentx/master", Some(&AGENTX)),              // Net-SNMP
    ("zserv.api", Some(&ZEBRA)),                   // FRRouting
    ("openvswitch/*.mgmt", Some(&OPENFLOW)),       // Open vSwitch
    ("openvswitch/*.snoop", Some(&OPENFLOW)),
    ("openvswitch/db.sock", NONE),                 // OVSDB: JSON
    ("dbus/system_bus_socket", Some(&DBUS)),
    ("user/*/bus", Some(&DBUS)),                   // systemd's user sessions
    ("at-spi/bus*", Some(&DBUS)),                  // accessibility
    ("at-spi2-*/socket", Some(&DBUS)),
    ("dbus-*", Some(&DBUS)),                       // dbus-launch, ibus
    (".X11-unix/X*", Some(&X11)),                  // any display: 6000 to 6063 are X11's, display 64 is not
    (".ICE-unix/*", NONE),
    ("wayland-[0-9]*", NONE),
    ("pipewire-[0-9]*", NONE),
    ("pulse/native", NONE),
    ("io.systemd.*", NONE),                        // varlink
    ("nscd/socket", NONE),
    ("nslcd/socket", NONE),
    ("avahi-daemon/socket", NONE),
    ("acpid.socket", NONE),
    ("fail2ban.sock", NONE),
    ("S.gpg-agent*", NONE),                        // GnuPG's Assuan
    ("S.scdaemon", NONE),
    ("S.dirmngr", NONE),
    ("S.keyboxd", NONE),
    ("ssh-*/agent.*", NONE),                       // ssh-agent
    ("keyring/*", NONE),                           // GNOME's agents
    ("openssh_agent", NONE),
    ("ns.*/acme", Some(&NINE_P)),                  // plan9port's name spaces
    ("ns.*/plumb", Some(&NINE_P)),
    ("ns.*/factotum", Some(&NINE_P)),
    ("ns.*/wmii", Some(&NINE_P)),
    ("rsyncd*.sock", Some(&RSYNC)),
    // Databases and caches.
    (".s.PGSQL.*", Some(&POSTGRESQL)),             // PostgreSQL, PgBouncer, pgpool, CockroachDB
    ("mysqlx*.sock", NONE),                        // X Protocol
    ("mysqldx*.sock", NONE),
    ("mysql*.sock", Some(&MYSQL)),                 // mysqld.sock, mysql.sock, mysqld_safe's
    ("mariadb*.sock", Some(&MYSQL)),
    ("proxysql*.sock", Some(&MYSQL)),
    ("redis*.sock", Some(&REDIS)),
    ("valkey*.sock", Some(&REDIS)),
    ("keydb*.sock", Some(&REDIS)),
    ("dragonfly*.sock", Some(&REDIS)),
    ("memcached*.sock", Some(&MEMCACHED)),
    ("memcached", Some(&MEMCACHED)),
    ("mongodb-*.sock", Some(&MONGODB)),
    ("influxdb*.sock", WEB),
    ("postgrest*.sock", WEB),
    ("rrdcached.sock", NONE),
    // The web.
    ("*php*fpm*.sock*", Some(&FASTCGI)),           // php-fpm.sock, php8.2-fpm.sock
    ("php-fpm/*.sock", Some(&FASTCGI)),            // www.sock of Red Hat's
    ("fcgiwrap*.sock*", Some(&FASTCGI)),
    ("*fastcgi*.sock*", Some(&FASTCGI)),
    ("*fcgi*.sock*", Some(&FASTCGI)),
    ("ajp*.sock", Some(&AJP)),                     // Tomcat
    ("*http*.sock*", WEB),
    ("gunicorn*.sock*", WEB),
    ("uvicorn*.sock", WEB),
    ("hypercorn*.sock", WEB),
    ("daphne*.sock", WEB),
    ("puma*.sock", WEB),
    ("unicorn*.sock", WEB),
    ("gitlab.socket", WEB),
    ("gitlab-workhorse/*socket", WEB),
    ("gitaly*.socket", RPC2),
    ("control.unit.sock", WEB),                    // NGINX Unit's control API
    ("caddy*.sock", WEB),
    ("varnish*.sock", WEB),
    ("caddy/*.sock", WEB),
    ("envoy*.sock", WEB),                          // Envoy's admin
    ("envoy/admin.sock", WEB),
    ("haproxy/admin*.sock", NONE),                 // HAProxy's command line
    ("haproxy/stats*", NONE),
    ("haproxy*.stat*", NONE),
    // Secrets and services.
    ("vault*.sock", WEB),
    ("consul*.sock", WEB),
    ("nomad*.sock", WEB),
    ("supervisor*.sock", WEB),                     // XML-RPC
    ("rspamd*.sock", WEB),
    // Mail and messages.
    ("lmtp", Some(&SMTP)),                         // Dovecot, Cyrus
    ("dovecot-lmtp", Some(&SMTP)),
    ("private/*", NONE),                           // Postfix's own, below /var/spool/postfix
    ("clamd*", NONE),                              // ClamAV
    ("rabbitmq*.sock", Some(&AMQP)),
    ("mosquitto*.sock*", Some(&MQTT)),
    ("gearman*.sock", Some(&GEARMAN)),
];

/// syslog's port of UDP.
const SYSLOG: u16 = 514;

/// The same of datagram sockets: the port of UDP for which `tshark -G decodes` has the dissector behind it.
#[rustfmt::skip]
static DATAGRAMS_BY_NAME: &[(&str, u16)] = &[
    ("dev/log", SYSLOG),                           // syslog
    ("systemd/journal/dev-log", SYSLOG),           // syslog
    ("systemd/journal/syslog", SYSLOG),            // syslog
];

/// The port of a datagram socket's server: by its name, else by a message's first bytes.
pub(super) fn datagram_port(name: Option<&UnixName>, first: &[u8]) -> u16 {
    let by_name = |(UnixName::Path(name) | UnixName::Abstract(name)): &UnixName| {
        DATAGRAMS_BY_NAME.iter().find(|(pattern, _)| ends_with(name, pattern.as_bytes())).map(|(_, port)| *port)
    };
    name.and_then(by_name).or_else(|| is_syslog(first).then_some(SYSLOG)).unwrap_or(UNKNOWN_PORT)
}

/// syslog: a priority of one to three digits in angle brackets (RFC 3164 §4.1.1).
fn is_syslog(first: &[u8]) -> bool {
    let Some((b'<', rest)) = first.split_first() else {
        return false;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && rest.get(digits) == Some(&b'>')
}

/// What the name of a server's socket tells, if it is in the table.
pub(super) fn by_name(name: &UnixName) -> Option<Speaks> {
    let (UnixName::Path(name) | UnixName::Abstract(name)) = name;
    BY_NAME.iter().find(|(pattern, _)| ends_with(name, pattern.as_bytes())).map(|(_, speaks)| *speaks)
}

/// Whether the last parts of `name`, as many as the pattern has, fit the pattern.
fn ends_with(name: &[u8], pattern: &[u8]) -> bool {
    let parts = memchr::memchr_iter(b'/', pattern).count();
    let from = memchr::memrchr_iter(b'/', name).nth(parts).map_or(0, |at| at + 1);
    name.get(from..).is_some_and(|last| glob::fits(last, pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, protocol: Option<&str>) {
        let name = match name.strip_prefix('@') {
            Some(name) => UnixName::Abstract(name.as_bytes().into()),
            None => UnixName::Path(name.as_bytes().into()),
        };
        let found = by_name(&name).map(|speaks| speaks.map_or("none", |protocol| protocol.name));
        assert_eq!(found, protocol, "{name:?}");
    }

    #[test]
    fn names_wherever_they_are() {
        check("/run/docker.sock", Some("http"));
        check("/var/run/docker.sock", Some("http"));
        check("docker.sock", Some("http"));
        check("@docker.sock", Some("http"));
        check("/proc/77/root/run/containerd/containerd.sock", Some("grpc"));
        check("/var/lib/docker/overlay2/0c4e/merged/run/mysqld/mysqld.sock", Some("mysql"));
        check("/var/run/postgresql/.s.PGSQL.6432", Some("postgresql"));
        check("/tmp/.X11-unix/X7", Some("x11"));
        check("@/tmp/.X11-unix/X0", Some("x11"));
        check("/tmp/redis-1.sock", Some("redis"));
        check("/run/dockerXsock", None);
        check("/run/docker.sock/other", None);
        check("/run/other.sock", None);
    }

    #[test]
    fn the_nearer_name_counts() {
        check("/run/containerd/containerd.sock.ttrpc", Some("none"));
        check("@/containerd-shim/moby/1f/shim.sock", Some("none"));
        check("/run/mysqld/mysqlx.sock", Some("none"));
        check("/run/mysqld/mysqld.sock", Some("mysql"));
        check("/run/php/php8.2-fpm.sock", Some("fastcgi"));
        check("/run/haproxy/admin.sock", Some("none"));
        check("/run/caddy/admin.sock", Some("http"));
        check("private/dovecot-lmtp", Some("smtp"));
        check("private/rewrite", Some("none"));
    }

    #[test]
    fn every_line_is_a_pattern_and_can_be_reached() {
        for (number, (pattern, _)) in BY_NAME.iter().enumerate() {
            assert!(glob::Glob::new(pattern.as_bytes()).is_ok(), "{pattern}");
            let name = pattern.replace("[0-9]", "0").replace('*', "");
            let first = BY_NAME.iter().position(|(pattern, _)| ends_with(name.as_bytes(), pattern.as_bytes()));
            assert_eq!(first, Some(number), "{pattern} is behind one that fits all it fits");
        }
    }

    #[test]
    fn protocols_have_names_of_their_own() {
        for protocol in PROTOCOLS {
            assert_eq!(Protocol::named(protocol.name), Some(protocol));
        }
        assert_eq!(Protocol::named("PostgreSQL"), Some(&POSTGRESQL));
        assert_eq!(Protocol::named("nosuch"), None);
    }
}
