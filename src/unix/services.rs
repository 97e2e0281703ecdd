//! Which protocol a UNIX server speaks, by its socket's name.
//!
//! **To add a service**, add a line to [`BY_NAME`]: the end of its socket's path, and its protocol, which is one of
//! `packets::protocols`.

use crate::event::UnixName;
use crate::glob;
use crate::limits;
use crate::packets::protocols::{
    AGENTX, AJP, AMQP, DBUS, FASTCGI, GEARMAN, GRPC, HTTP, IPP, LDAP, MEMCACHED, MONGODB, MQTT, MYSQL, NBD, NINE_P,
    OPENFLOW, POSTGRESQL, Protocol, REDIS, RPC, RSYNC, SMTP, UNKNOWN_PORT, VNC, X11, ZEBRA,
};
use crate::work;
use foldhash::HashMap;
use std::sync::LazyLock;

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
    let by_name = |name: &UnixName| {
        let (_, name) = name.parts();
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

/// What the names of servers' sockets tell, each looked up in the table once.
#[derive(Debug, Default)]
pub(super) struct Services {
    known: HashMap<UnixName, Option<Speaks>>,
}

impl Services {
    /// What the name of a server's socket tells, if it is in the table.
    pub(super) fn by_name(&mut self, name: &UnixName) -> Option<Speaks> {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        if self.known.len() >= limits::NAMES {
            self.known.clear();
        }
        let speaks = by_name(name);
        self.known.insert(name.clone(), speaks);
        speaks
    }
}

fn by_name(name: &UnixName) -> Option<Speaks> {
    let (_, name) = name.parts();
    if name.len() > limits::UNIX_NAME_BYTES {
        return None;
    }
    work::steps(name.len());
    let fits = |(slashes, parts): (usize, &[u8])| {
        let first = parts.first().copied();
        let patterns = [first, None].into_iter().filter_map(|first| PATTERNS.get(&(slashes, first)));
        let fitting = patterns.flatten().filter(|pattern| {
            pattern.last.is_none_or(|last| parts.last() == Some(&last)) && glob::fits(parts, pattern.text)
        });
        fitting.min_by_key(|pattern| pattern.line)
    };
    let parts = (0..MOST_SLASHES).map(|slashes| (slashes, last_parts(name, slashes)));
    parts.filter_map(fits).min_by_key(|pattern| pattern.line).map(|pattern| pattern.speaks)
}

/// How many slashes a line of [`BY_NAME`] has, less than this.
const MOST_SLASHES: usize = 4;

/// A line of [`BY_NAME`].
struct Pattern {
    line: usize,
    text: &'static [u8],
    speaks: Speaks,
    /// The byte that it ends with, where that stands for itself.
    last: Option<u8>,
}

/// See [`PATTERNS`].
type Patterns = HashMap<(usize, Option<u8>), Vec<Pattern>>;

/// Lines of [`BY_NAME`] by how many slashes they have, each for as many and one of a name's last parts, and by the byte they
/// begin with, where that stands for itself: nearly no line has to be compared with a name.
static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let mut patterns = Patterns::default();
    for (line, (text, speaks)) in BY_NAME.iter().enumerate() {
        let text = text.as_bytes();
        let itself = |end: Option<&u8>| end.copied().filter(|byte| !b"*?[]\\".contains(byte));
        let pattern = Pattern { line, text, speaks: *speaks, last: itself(text.last()) };
        let slashes = memchr::memchr_iter(b'/', text).count();
        patterns.entry((slashes, itself(text.first()))).or_default().push(pattern);
    }
    patterns
});

/// Whether the last parts of `name`, as many as the pattern has, fit the pattern.
fn ends_with(name: &[u8], pattern: &[u8]) -> bool {
    let slashes = memchr::memchr_iter(b'/', pattern).count();
    glob::fits(last_parts(name, slashes), pattern)
}

/// The parts of a name behind the last slashes but so many.
fn last_parts(name: &[u8], slashes: usize) -> &[u8] {
    let from = memchr::memrchr_iter(b'/', name).nth(slashes).map_or(0, |at| at + 1);
    name.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::protocols::PROTOCOLS;

    #[test]
    fn no_line_is_for_more_parts_than_are_looked_at() {
        assert!(PATTERNS.keys().all(|(slashes, _)| *slashes < MOST_SLASHES));
    }

    #[track_caller]
    fn check(name: &str, protocol: Option<&str>) {
        let found = by_name(&UnixName::of(name)).map(|speaks| speaks.map_or("none", |protocol| protocol.name));
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
