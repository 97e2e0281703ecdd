//! Real services over UNIX sockets, under real strace: `strace2pcap --capture-unix-socket out.pcapng` and nothing else.
//! Wireshark must name the protocol by itself, with requests that go to the service's port and replies that come from
//! it, whoever was traced, and its expert must have nothing to say.
//!
//! All listen on sockets in a temporary folder; only X11's is where X servers have theirs.

use crate::service::Traced::{Both, Client, Server};
use crate::service::{Row, Service, as_unprivileged, found, read, tell, unprivileged, words};
use crate::support::{Running, ShortFolder, has, path_with_program, program, python, strace};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What each of these tests needs.
const NEEDED: [&str; 4] = ["strace", "tshark", "timeout", "sh"];

/// Whether everything is there that `test` needs.
fn can(test: &str, programs: &[&str]) -> bool {
    has(&[&NEEDED, programs].concat(), test)
}

/// The program `name` of ours, run by `python`, with `arguments`.
fn script(python: &str, name: &str, arguments: &[&str]) -> Vec<String> {
    let path = program(name).to_string_lossy().into_owned();
    words("", &[&[python, &path], arguments].concat())
}

#[test]
fn http() {
    if !can("HTTP", &["curl", "python3"]) {
        return;
    }
    for who in [Client, Server, Both] {
        let folder = ShortFolder::new();
        let socket = folder.file("web");
        let service = Service {
            server: script(python(), "unix_http.py", &[&socket]),
            client: words("curl -s --unix-socket", &[&socket, "http://localhost/one", "http://localhost/two"]),
            socket,
            ready: "",
        };
        let (capture, told) = service.record(&folder, who);
        assert_eq!(told, "{\"path\": \"/one\"}{\"path\": \"/two\"}");
        let reading = read(&capture, "json.value.string", &[]);
        let [requests, replies] = reading.conversation(&["HTTP"], "80");
        tell(&requests, &["GET /one HTTP/1.1", "GET /two HTTP/1.1"]);
        tell(&replies, &["HTTP/1.1 200 OK"]);
        let texts: Vec<_> = replies.iter().map(|row| row.field.as_str()).collect();
        assert_eq!(texts, ["/one", "/two"], "{who:?}");
    }
}

#[test]
fn redis() {
    if !can("Redis", &["redis-server", "redis-cli"]) {
        return;
    }
    for who in [Client, Server, Both] {
        let folder = ShortFolder::new();
        let socket = folder.file("redis.sock");
        let options = ["--dir", &folder.file(""), "--unixsocket", &socket];
        let service = Service {
            server: words("redis-server --port 0 --save", &[&[""], &options[..]].concat()),
            client: words("redis-cli -s", &[&socket, "SET", "greeting", "hello, wire"]),
            socket,
            ready: "",
        };
        let (capture, _) = service.record(&folder, who);
        let reading = read(&capture, "resp.string", &[]);
        let [requests, replies] = reading.conversation(&["RESP"], "6379");
        tell(&requests, &["Request: SET greeting hello, wire"]);
        tell(&replies, &["Response: OK"]);
    }
}

#[test]
fn memcached() {
    if !can("memcached", &["memcached", "python3"]) {
        return;
    }
    for who in [Client, Server, Both] {
        let folder = ShortFolder::new();
        let socket = format!("{}/cache", folder.unprivileged_place());
        let mut server = words("memcached -t 1 -s", &[&socket]);
        if unprivileged().is_some() {
            server.extend(words("-u nobody", &[]));
        }
        let service = Service { server, client: script(python(), "memcached.py", &[&socket]), socket, ready: "" };
        let (capture, _) = service.record(&folder, who);
        let reading = read(&capture, "memcache.key", &[]);
        let [requests, replies] = reading.conversation(&["MEMCACHE"], "11211");
        tell(&requests, &["set greeting 0 60 11", "get greeting"]);
        tell(&replies, &["STORED", "VALUE greeting 0 11"]);
    }
}

#[test]
fn postgresql() {
    if !can("PostgreSQL", &["initdb", "postgres", "psql", "id", "setpriv"]) {
        return;
    }
    let [initdb, postgres, psql] = found(["initdb", "postgres", "psql"]);
    let folder = ShortFolder::new();
    let place = folder.unprivileged_place();
    let data = format!("{place}/data");
    let made = words(&initdb, &["-D", &data]);
    let options = words("-A trust -U postgres -N --no-locale -E UTF8", &[]);
    run(&as_unprivileged([made, options].concat()));
    let query = "SELECT number * 2 AS twice FROM generate_series(1, 3) AS number";
    let server = words(&postgres, &["-D", &data, "-k", &place, "-F", "-c", "listen_addresses="]);
    let service = Service {
        server: as_unprivileged(server),
        socket: format!("{place}/.s.PGSQL.5432"),
        ready: "ready to accept connections",
        client: words(&psql, &["-XAt", "-h", &place, "-U", "postgres", "-c", query, "postgres"]),
    };
    for who in [Client, Server, Both] {
        let (capture, told) = service.record(&folder, who);
        assert_eq!(told, "2\n4\n6\n");
        let reading = read(&capture, "pgsql.query", &[]);
        let [requests, replies] = reading.conversation(&["PGSQL"], "5432");
        // In Wireshark's short words: the start, a query, the end; columns, three rows, done, ready.
        tell(&requests, &[">Q", ">X"]);
        tell(&replies, &["<R/", "<T/D/D/D/C/Z"]);
        let queries: Vec<_> = requests.iter().map(|row| row.field.as_str()).collect();
        assert!(queries.contains(&query), "{queries:?}");
    }
}

/// Runs `command`, which must succeed.
#[track_caller]
fn run(command: &[String]) {
    Running::start(Command::new(&command[0]).args(&command[1..])).succeed();
}

#[test]
fn mariadb() {
    let programs = ["mariadb-install-db", "mariadbd", "mariadb", "id"];
    if !can("MariaDB", &programs) {
        return;
    }
    let [install, mariadbd] = found(["mariadb-install-db", "mariadbd"]);
    let folder = ShortFolder::new();
    let place = folder.unprivileged_place();
    let mut common = words("--no-defaults", &[&format!("--datadir={place}/data")]);
    common.push("--innodb-log-file-size=4M".to_string());
    if unprivileged().is_some() {
        common.push("--user=nobody".to_string());
    }
    let only = words("--auth-root-authentication-method=normal --skip-test-db", &[]);
    run(&[vec![install], common.clone(), only].concat());
    let socket = format!("{place}/db");
    let only = words(
        "--skip-networking --innodb-buffer-pool-size=8M",
        &[&format!("--socket={socket}"), &format!("--pid-file={place}/pid")],
    );
    let query = "SELECT 6 * 7 AS answer";
    let service = Service {
        server: [vec![mariadbd], common, only].concat(),
        client: words("mariadb --no-defaults -u root -S", &[&socket, "-e", query]),
        socket,
        ready: "",
    };
    for who in [Client, Both] {
        let (capture, told) = service.record(&folder, who);
        assert_eq!(told, "answer\n42\n");
        let reading = read(&capture, "mysql.query", &[]);
        let [requests, replies] = reading.conversation(&["MySQL"], "3306");
        tell(&requests, &["Login Request user=root", "Request Query", "Request Quit"]);
        tell(&replies, &["Server Greeting", "Response  OK", "Response TABULAR"]);
        let queries: Vec<_> = requests.iter().map(|row| row.field.as_str()).collect();
        assert!(queries.contains(&query), "{queries:?}");
    }
}

#[test]
fn x11() {
    if !can("X11", &["Xvfb", "xdpyinfo", "env"]) {
        return;
    }
    for who in [Client, Both] {
        let folder = ShortFolder::new();
        let display = free_display();
        let xvfb = words("Xvfb -nolisten tcp -screen 0 640x480x8", &[&format!(":{display}")]);
        let service = Service {
            server: xvfb,
            socket: format!("/tmp/.X11-unix/X{display}"),
            ready: "",
            client: words("env", &[&format!("DISPLAY=:{display}"), "xdpyinfo"]),
        };
        let (capture, told) = service.record(&folder, who);
        assert!(told.contains("640x480 pixels"), "{told}");
        let reading = read(&capture, "x11.opcode", &[]);
        let [requests, replies] = reading.conversation(&["X11"], "6000");
        tell(&requests, &["Initial connection request", "Requests: ListExtensions"]);
        tell(&replies, &["Initial connection reply", "Reply: ListExtensions"]);
    }
}

/// The number of a display that no X server has.
fn free_display() -> u32 {
    let is_free = |display: &u32| {
        let paths = [format!("/tmp/.X11-unix/X{display}"), format!("/tmp/.X{display}-lock")];
        !paths.iter().any(|path| Path::new(path).exists())
    };
    let first = 100 + std::process::id() % 1000;
    (first..first + 1000).find(is_free).expect("there are many")
}

#[test]
fn dbus() {
    if !can("D-Bus", &["dbus-daemon", "dbus-send"]) {
        return;
    }
    for who in [Client, Server, Both] {
        let folder = ShortFolder::new();
        let socket = folder.file("bus");
        let configuration = format!(
            "<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\"/>\
             <allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>"
        );
        let file = folder.file("bus.conf");
        fs::write(&file, configuration).expect("the folder is ours");
        let service = Service {
            server: words("dbus-daemon --nofork --nopidfile --nosyslog", &[&format!("--config-file={file}")]),
            client: words(
                "dbus-send --print-reply --dest=org.freedesktop.DBus",
                &[&format!("--bus=unix:path={socket}"), "/org/freedesktop/DBus", "org.freedesktop.DBus.ListNames"],
            ),
            socket,
            ready: "",
        };
        let (capture, told) = service.record(&folder, who);
        assert!(told.contains("org.freedesktop.DBus"), "{told}");
        let reading = read(&capture, "dbus.member", &["-Y", "dbus"]);
        assert_eq!(reading.expert, "");
        let rows: Vec<_> = reading.rows.iter().collect();
        assert!(rows.iter().all(|row| row.protocol == "D-Bus"), "{rows:?}");
        let bus = "org.freedesktop.DBus";
        let [calls, replies]: [Vec<&Row>; 2] =
            [true, false].map(|to| rows.iter().copied().filter(|row| (row.target == bus) == to).collect());
        tell(&calls, &["Hello()", "ListNames()"]);
        tell(&replies, &["-> 's'", "-> 'as'"]);
        assert!(replies.iter().all(|row| row.source == bus), "{replies:?}");
    }
}

#[test]
fn syslog() {
    if !can("syslog", &["logger", "python3"]) {
        return;
    }
    for who in [Client, Server, Both] {
        let folder = ShortFolder::new();
        let socket = folder.file("dev-log");
        let service = Service {
            server: script(python(), "datagram_sink.py", &[&socket]),
            client: words("logger -p daemon.err -t test -u", &[&socket, "hello, log"]),
            socket,
            ready: "",
        };
        let (capture, _) = service.record(&folder, who);
        let reading = read(&capture, "syslog.msg", &[]);
        assert_eq!(reading.expert, "");
        let [row] = &reading.rows[..] else {
            panic!("{who:?}: {reading:#?}");
        };
        assert_eq!((row.protocol.as_str(), row.target_port.as_str()), ("Syslog", "514"));
        assert!(row.info.contains("DAEMON.ERR") && row.info.ends_with("test: hello, log"), "{row:?}");
        assert!(row.source.starts_with("10.128.0.") && row.target.starts_with("10.128.1."), "{row:?}");
    }
}

#[test]
fn journal() {
    if !can("the journal", &["python3"]) {
        return;
    }
    for who in [Client, Server, Both] {
        let folder = ShortFolder::new();
        let place = folder.file("systemd/journal");
        fs::create_dir_all(&place).expect("the folder is ours");
        let socket = format!("{place}/socket");
        let service = Service {
            server: script(python(), "datagram_sink.py", &[&socket]),
            client: script(python(), "journal.py", &[&socket]),
            socket,
            ready: "",
        };
        let (capture, _) = service.record(&folder, who);
        let reading = read(&capture, "systemd_journal.priority", &[]);
        assert_eq!(reading.expert, "");
        let rows = reading.rows.iter().map(|row| {
            let [protocol, info, field] = [&row.protocol, &row.info, &row.field].map(String::as_str);
            (protocol, info, field)
        });
        let entries = [("systemd Journal", "hello, journal", "6"), ("systemd Journal", "two\\nlines", "5")];
        assert_eq!(rows.collect::<Vec<_>>(), entries, "{who:?}");
    }
}

/// FastCGI has no port of its own in Wireshark, so that it must be told: with `-d` everything decodes.
#[test]
fn fastcgi_where_wireshark_is_told() {
    if !can("FastCGI", &["php-fpm", "cgi-fcgi", "env", "id"]) {
        return;
    }
    let [fpm] = found(["php-fpm"]);
    for who in [Client, Both] {
        let folder = ShortFolder::new();
        let socket = folder.file("php.sock");
        let page = folder.file("hello.php");
        fs::write(&page, "<?php echo 'hello, ', $_GET['name'];").expect("the folder is ours");
        let user = unprivileged().map_or(String::new(), |[user, group]| format!("user = {user}\ngroup = {group}\n"));
        let pool = format!(
            "[global]\nerror_log = /dev/stderr\n[www]\nlisten = {socket}\npm = static\npm.max_children = 1\n{user}"
        );
        let file = folder.file("fpm.conf");
        fs::write(&file, pool).expect("the folder is ours");
        let service = Service {
            server: words(&fpm, &["-n", "-R", "-F", "-y", &file]),
            client: words(
                "env -i PATH=/usr/bin REQUEST_METHOD=GET SCRIPT_NAME=/hello.php QUERY_STRING=name=wire",
                &[&format!("SCRIPT_FILENAME={page}"), "cgi-fcgi", "-bind", "-connect", &socket],
            ),
            socket,
            ready: "",
        };
        let (capture, told) = service.record(&folder, who);
        assert!(told.lines().any(|line| line.ends_with("hello, wire")), "{told}");
        let undecoded =
            read(&capture, "tcp.len", &["-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.host == 10.0.0.1"]);
        let port = &undecoded.rows[0].target_port;
        let told = ["-d", &format!("tcp.port=={port},fcgi"), "-Y", "ip.host == 10.0.0.1"];
        let reading = read(&capture, "fcgi.type", &told);
        let [requests, replies] = reading.conversation(&["FCGI"], port);
        tell(&requests, &["FCGI_BEGIN_REQUEST", "FCGI_PARAMS", "FCGI_STDIN"]);
        tell(&replies, &["FCGI_STDOUT, FCGI_END_REQUEST"]);
    }
}

/// A Python that can import grpc, where everything else is there that `test` needs.
fn python_with_grpc(test: &str) -> Option<String> {
    if !can(test, &["python3"]) {
        return None;
    }
    let script = "import grpc, sys; print(sys.executable)";
    let executable = |python: &str| {
        let output = Command::new(python).args(["-c", script]).output().ok()?;
        let path = String::from_utf8_lossy(&output.stdout).trim().to_string();
        output.status.success().then_some(path)
    };
    let python = [python(), "python3"].into_iter().find_map(executable);
    assert!(python.is_some() || std::env::var_os("STRACE2PCAP_LIVE").is_none(), "no Python here can import grpc");
    if python.is_none() {
        crate::support::say(&format!("no Python here can import grpc, {test} is left out"));
    }
    python
}

#[test]
fn grpc() {
    let Some(python) = python_with_grpc("gRPC") else {
        return;
    };
    for who in [Client, Server, Both] {
        let folder = ShortFolder::new();
        let socket = folder.file("grpc");
        let service = Service {
            server: script(&python, "grpc_unix.py", &["serve", &socket]),
            client: script(&python, "grpc_unix.py", &["call", &socket]),
            socket,
            ready: "",
        };
        let (capture, _) = service.record(&folder, who);
        let mut reading = read(&capture, "grpc.message_length", &[]);
        // Where the server speaks first, Wireshark learns only from the client's preface that this is no HTTP/1.
        reading.begin_with("Magic");
        let [requests, replies] = reading.conversation(&["HTTP2", "GRPC"], "80");
        tell(&requests, &["HEADERS[1]: POST /greet.Greeter/SayHello", "HEADERS[3]: POST"]);
        tell(&replies, &["HEADERS[1]: 200 OK", "HEADERS[3]: 200 OK"]);
        for way in [requests, replies] {
            let grpc = way.iter().filter(|row| row.protocol.contains("GRPC"));
            assert_eq!(grpc.count(), 2, "{who:?}: {way:#?}");
        }
    }
}

/// strace attaches to a client that has called already, so that neither the preface nor the path are in the trace.
#[test]
fn grpc_joined_midway() {
    let Some(python) = python_with_grpc("gRPC joined midway") else {
        return;
    };
    let folder = ShortFolder::new();
    let socket = folder.file("grpc");
    let capture = folder.file("out.pcapng");
    let start = |role: &str| {
        let line = script(&python, "grpc_unix.py", &[role, &socket]);
        Running::start(Command::new(&line[0]).args(&line[1..]))
    };
    let _server = start("serve");
    crate::service::wait_until_open(&socket);
    let mut client = start("keep");
    assert_eq!(client.line(), "connected");
    let options = "--capture-unix-socket --seed-http2 --seed-grpc";
    let mut strace = strace(format!("! strace2pcap {options} {capture}"));
    strace.args(["-p", &client.pid().to_string()]);
    let mut observer = Running::start(strace.env("PATH", path_with_program()));
    let attached = observer.error_line("attached");
    assert!(attached, "{}", observer.errors_so_far());
    for _ in 0..3 {
        client.tell("again\n");
        assert_eq!(client.line(), "called");
    }
    client.succeed();
    let (_, _, said) = observer.ended();
    assert!(!said.contains("strace2pcap:"), "{said}");
    let reading = read(Path::new(&capture), "grpc.message_length", &[]);
    let [requests, replies] = reading.conversation(&["HTTP2", "GRPC"], "80");
    tell(&requests, &["Magic, SETTINGS[0]", "POST /placeholder.Service/Method"]);
    tell(&replies, &["200 OK"]);
    for way in [requests, replies] {
        let lengths: Vec<_> = way.iter().map(|row| row.field.as_str()).collect();
        let messages = lengths.iter().filter(|length| !length.is_empty());
        assert_eq!(messages.count(), 3, "{way:#?}");
    }
}
