//! The scripts in `tools/`, each run over a capture or a real program, and the captures in `example/`.
//!
//! | data | |
//! |---|---|
//! | `tests/tools/NAME.strace` | a trace, converted in both views for `cli_tshark_protocol_render/NAME.sh` |
//! | `tests/tools/NAME.txt` | what that script must print for either |
//! | `example/*.strace` | traces whose captures beside them must be the ones this program makes |
//!
//! `UPDATE=1 cargo test --test offline tools` rewrites the text and the captures. Tests that need strace, tshark or the like say
//! so and end where one is missing; with `STRACE2PCAP_LIVE` set they fail.

use crate::common::capture;
use crate::common::needed::has;
use crate::common::program::Folder;
use etherparse::PacketBuilder;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_strace2pcap");

/// The render scripts, with the port where it is not the script's own.
const RENDERED: [(&str, &str, &[&str]); 7] = [
    ("statsd", "statsd", &[]),
    ("memcache", "memcache", &[]),
    ("es_http_json", "es_http_json", &[]),
    ("fcgi", "fcgi", &[]),
    ("redis_resp", "redis_resp", &["7000"]),
    ("mongo", "mongo", &[]),
    ("mongo", "mongo_q_timings", &[]),
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A script of `tools/`, set to use the program under test.
fn script(name: &str) -> Command {
    let mut command = Command::new(project("tools").join(name));
    command.env("STRACE2PCAP", PROGRAM).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `command`, which must end with status 0.
#[track_caller]
fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{command:?}: {:?}\n{}", output.status, text(&output.stderr));
    output
}

/// Runs `command` with `input` on its standard input; its standard output.
#[track_caller]
fn filter(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("standard input was asked for");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the command ends");
    feeder.join().expect("no panic").expect("all is read");
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

/// Compares with the file `expected`, or writes it.
#[track_caller]
fn compare(expected: &Path, found: &[u8]) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(expected, found).expect("the expected file can be written");
    }
    let wanted = fs::read(expected).unwrap_or_default();
    assert!(wanted == found, "{} differs; UPDATE=1 rewrites it. Found:\n{}", expected.display(), text(found));
}

/// Converts `trace` to `output` with `options`.
#[track_caller]
fn convert(trace: &Path, output: &Path, options: &[&str]) {
    succeed(Command::new(PROGRAM).arg("-q").args(options).args([output, trace]).env_remove("RUST_LOG"));
}

/// Whether one packet of the capture `file` holds `payload`.
#[track_caller]
fn holds(file: &[u8], payload: &str) -> bool {
    let capture = capture::read(file).expect("a readable capture");
    capture.records.iter().any(|record| text(&record.bytes).contains(payload))
}

#[test]
fn render_scripts_print_whole_messages() {
    if !has(&["tshark"], "printing protocols") {
        return;
    }
    let folder = Folder::new();
    for (trace, name, port) in RENDERED {
        let expected = project(&format!("tests/tools/{name}.txt"));
        for (view, output) in [("syscall", "out.pcap"), ("wire", "out.pcapng")] {
            let output = folder.path().join(output);
            let trace = project(&format!("tests/tools/{trace}.strace"));
            convert(&trace, &output, &[&format!("--view={view}")]);
            let name = format!("cli_tshark_protocol_render/{name}.sh");
            let printed = succeed(script(&name).arg(&output).args(port));
            compare(&expected, &printed.stdout);
        }
    }
}

/// A classic pcap of segments between two ports: sequence number, payload, how much of it was captured.
fn segments(ports: [u16; 2], list: &[(u32, &[u8], usize)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1_u32] {
        file.extend(word.to_le_bytes());
    }
    for (number, (seq, payload, captured)) in (0_u32..).zip(list) {
        let mut packet = Vec::new();
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4([10, 1, 2, 3], [10, 1, 2, 4], 64)
            .tcp(ports[0], ports[1], *seq, 1024)
            .ack(77)
            .write(&mut packet, payload)
            .expect("a packet");
        let missing = payload.len() - captured;
        let lengths = [packet.len() - missing, packet.len()];
        let lengths = lengths.map(|length| u32::try_from(length).expect("a small packet"));
        for word in [1_700_000_000, number, lengths[0], lengths[1]] {
            file.extend(word.to_le_bytes());
        }
        file.extend(&packet[..packet.len() - missing]);
    }
    file
}

#[test]
fn render_scripts_order_segments_and_tell_what_is_missing() {
    if !has(&["tshark"], "ordering segments") {
        return;
    }
    let folder = Folder::new();
    let path = folder.path().join("segments.pcap");
    let wraps = u32::MAX - 13;
    let list: [(u32, &[u8], usize); 7] = [
        (wraps, b"set k 0 0 5\r\n", 13),
        (6, b"get a\r\n", 7),
        (wraps, b"set k 0 0 5\r\nh", 14),
        (0, b"ello", 4),
        (2, b"lo\r\n", 4),
        (20, b"get after a gap\r\nset ", 21),
        (41, b"k 0 0 4\r\nwire\r\n", 11),
    ];
    fs::write(&path, segments([4000, 11211], &list)).expect("the capture can be written");
    let printed = succeed(script("cli_tshark_protocol_render/memcache.sh").arg(&path));
    let messages: Vec<_> = text(&printed.stdout)
        .lines()
        .filter(|line| !line.is_empty() && !line.contains(" -> "))
        .map(str::to_string)
        .collect();
    let expected =
        ["set k 0 0 5", "hello", "get a", "get after a gap", "set k 0 0 4", "wi[4 bytes not in the capture]"];
    assert_eq!(messages, expected, "{}", text(&printed.stdout));
}

/// Runs a render script in `folder`: its status, standard output and standard error.
fn render(folder: &Path, awk: Option<&Path>, name: &str, arguments: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let mut command = script(&format!("cli_tshark_protocol_render/{name}.sh"));
    command.current_dir(folder).args(arguments);
    if let Some(awk) = awk {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(awk.to_path_buf()).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(paths).expect("no colon in a path"));
    }
    let output = command.output().expect("it starts");
    (output.status.code(), output.stdout, text(&output.stderr))
}

/// Writes a capture of `payload` as one TCP conversation into `folder`.
fn conversation(folder: &Path, name: &str, ports: [u16; 2], payload: &[u8]) {
    let pieces: Vec<_> = (0_u32..)
        .step_by(60_000)
        .zip(payload.chunks(60_000))
        .map(|(seq, piece)| (1000 + seq, piece, piece.len()))
        .collect();
    fs::write(folder.join(name), segments(ports, &pieces)).expect("the capture can be written");
}

#[test]
fn render_scripts_help_where_there_is_nothing() {
    if !has(&["tshark"], "mistakes with the render scripts") {
        return;
    }
    let folder = Folder::new();
    let at = folder.path();
    conversation(at, "-a \u{1b}[31m\u{202e}b.pcap", [40_000, 6379], b"*1\r\n$4\r\nPING\r\n");
    convert(&project("example/shop.strace"), &at.join("out.pcap"), &["--view=wire", "--capture-unix-socket"]);
    let whole = fs::read(at.join("out.pcap")).expect("it was written");
    let trace = fs::read(project("example/shop.strace")).expect("the example is there");
    let files =
        [("cut.pcap", &whole[..whole.len() - 5]), ("none.pcap", &whole[..24]), ("empty", b""), ("trace", &trace)];
    for (name, bytes) in files {
        fs::write(at.join(name), bytes).expect("the file can be written");
    }
    let cases: [(&str, &[&str], i32, &[&str]); 16] = [
        ("redis_resp", &[], 2, &["no capture was given", "usage: "]),
        ("redis_resp", &["--no-such"], 2, &["--no-such", "usage: "]),
        ("redis_resp", &[""], 2, &["is empty"]),
        ("redis_resp", &["out.pcap", "0"], 2, &["1 to 65535"]),
        ("redis_resp", &["out.pcap", "70000"], 2, &["1 to 65535"]),
        ("redis_resp", &["out.pcap", "port"], 2, &["1 to 65535"]),
        ("redis_resp", &["nosuch\u{1b}[2J\n.pcap"], 1, &["nosuch\\x1b[2J\\n.pcap", "no such file"]),
        ("redis_resp", &["."], 1, &["directory"]),
        ("redis_resp", &["empty"], 1, &["empty is empty"]),
        ("redis_resp", &["none.pcap"], 1, &["none.pcap has no TCP or UDP payload"]),
        ("redis_resp", &["trace"], 1, &["trace has no TCP or UDP payload", "strace2pcap OUTPUT TRACE"]),
        ("redis_resp", &["out.pcap", "7000"], 1, &["no TCP payload on port 7000 in out.pcap", "TCP on 6379"]),
        ("mongo", &["out.pcap", "6379"], 1, &["no whole MongoDB message on port 6379", "8080"]),
        ("memcache", &["out.pcap", "6379"], 1, &["no whole memcache message on port 6379"]),
        ("statsd", &["out.pcap"], 1, &["ports 8125 and 9125", "TCP on 6379"]),
        ("redis_resp", &["cut.pcap"], 1, &["cut short", "could not read all of cut.pcap"]),
    ];
    for (name, arguments, status, wanted) in cases {
        let (found, _, said) = render(at, None, name, arguments);
        assert_eq!(found, Some(status), "{name} {arguments:?}: {said}");
        for words in wanted {
            assert_eq!(said.matches(words).count(), 1, "{name} {arguments:?}, {words:?} in: {said}");
        }
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said:?}");
    }
    let name = "-a \u{1b}[31m\u{202e}b.pcap";
    assert_eq!(render(at, None, "redis_resp", &[name]).0, Some(0));
    let (status, _, said) = render(at, None, "fcgi", &[name]);
    assert_eq!(status, Some(1));
    assert!(said.contains("-a \\x1b[31m\\xe2\\x80\\xaeb.pcap; there is TCP on 6379"), "{said}");
}

/// A document of BSON's with the elements `inner`.
fn bson(inner: &[u8]) -> Vec<u8> {
    let length = u32::try_from(inner.len() + 5).expect("a short document");
    [&length.to_le_bytes(), inner, b"\0"].concat()
}

/// What the other end could send to make a reader print or hold more than was sent, by script and port; a text that
/// must be printed.
fn hostile() -> Vec<(&'static str, u16, Vec<u8>, String)> {
    let long =
        [b"\x01\x04\0\x01\0\x0a\0\0\xff\xff\xff\xff\xff\xff\xff\xffAB".as_slice(), b"\x01\x04\0\x01\0\0\0\0"].concat();
    let half = [b"\x01\x04\0\x01\0\x06\0\0\x80\0\0\x7f\x01a".as_slice(), b"\x01\x04\0\x01\0\0\0\0"].concat();
    let nested = (0..100).fold(bson(b"\x10x\0\x01\0\0\0"), |inner, _| bson(&[b"\x03a\0", inner.as_slice()].concat()));
    let length = u32::try_from(nested.len() + 21).expect("a short message");
    let message = [&length.to_le_bytes(), [0; 8].as_slice(), &2013_u32.to_le_bytes(), &[0; 5], &nested].concat();
    let lengths = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab";
    let raw = b"\x1b]0;x\x07 \x9b1m \xc2\x9b1m \xe2\x80\xae \xe0\x82\x9b \xed\xa0\x80 gr\xc3\xbcn\r\x08";
    let zipped = filter(Command::new("gzip").arg("-c"), raw);
    let bomb = filter(Command::new("gzip").arg("-9c"), &vec![b'y'; 40_000_000]);
    let reply = |body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let printed =
        "\\x1b]0;x\\x07 \\x9b1m \\xc2\\x9b1m \\xe2\\x80\\xae \\xe0\\x82\\x9b \\xed\\xa0\\x80 gr\u{fc}n\\x0d\\x08";
    vec![
        ("fcgi", 9000, long, "2147483647".to_string()),
        ("fcgi", 9000, half, "[6 bytes that are no pair".to_string()),
        ("mongo", 27017, message, format!("{}{{\"x\": 1}}{}\n", "{\"a\": ".repeat(100), "}".repeat(100))),
        ("redis_resp", 6379, [b"*1\r\n".repeat(3000), b":1\r\n".to_vec()].concat(), "1) 1) (integer) 1".to_string()),
        ("redis_resp", 6379, b"$99999999999999\r\nx\r\n".to_vec(), "no whole message".to_string()),
        ("memcache", 11211, b"VALUE k 0 4294967296\r\nx\r\n".to_vec(), "no whole message".to_string()),
        ("es_http_json", 9200, lengths.to_vec(), "no whole message".to_string()),
        ("es_http_json", 9200, reply(&zipped), printed.to_string()),
        ("es_http_json", 9200, reply(&bomb), "only its first 8388608 bytes".to_string()),
        ("memcache", 11211, [raw.as_slice(), b"\r\n"].concat(), printed.to_string()),
        ("redis_resp", 6379, raw.to_vec(), printed.to_string()),
        ("mongo", 27017, raw.to_vec(), printed.to_string()),
    ]
}

#[test]
fn render_scripts_print_no_more_than_there_is() {
    if !has(&["tshark", "gzip"], "what the other end could send") {
        return;
    }
    let folder = Folder::new();
    for awk in ["mawk", "gawk"] {
        if !has(&[awk], &format!("{awk} for the render scripts")) {
            continue;
        }
        let path = folder.path().join(awk);
        fs::create_dir(&path).expect("the folder can be made");
        let found = ["/usr/bin", "/bin"].iter().map(|at| Path::new(at).join(awk)).find(|file| file.exists());
        symlink(found.expect("it is where programs are"), path.join("awk")).expect("links can be made");
        for (name, port, payload, wanted) in hostile() {
            conversation(folder.path(), "hostile.pcap", [port, 40_000], &payload);
            let (_, printed, said) = render(folder.path(), Some(&path), name, &["hostile.pcap"]);
            let start = text(&printed[..printed.len().min(3000)]);
            assert!(text(&printed).contains(&wanted), "{awk} {name}: {start}\n{said}");
            assert!(printed.len() < 9_000_000, "{awk} {name}: {} bytes", printed.len());
            let steers = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!text(&printed).contains(steers), "{awk} {name}: {start:?}");
            assert!(std::str::from_utf8(&printed).is_ok(), "{awk} {name}: {start:?}");
        }
    }
}

#[test]
fn statsd_is_found_on_both_of_its_ports() {
    if !has(&["tshark"], "statsd's ports") {
        return;
    }
    let folder = Folder::new();
    let mut trace = String::new();
    for port in [8125, 9125, 8126] {
        let line = format!("5<UDP:[10.0.0.1:4000->10.0.0.2:{port}]>, \"p{port}:1|c\", 9, 0, NULL, 0) = 9\n");
        let _ = write!(trace, "1234 1700000000.00{port} sendto({line}");
    }
    let path = folder.path().join("trace");
    fs::write(&path, trace).expect("the trace can be written");
    convert(&path, &folder.path().join("out.pcap"), &[]);
    let (status, printed, _) = render(folder.path(), None, "statsd", &["out.pcap"]);
    let metrics: Vec<_> = text(&printed).lines().filter(|line| line.ends_with("|c")).map(str::to_string).collect();
    assert_eq!((status, metrics), (Some(0), ["p8125:1|c", "p9125:1|c"].map(str::to_string).to_vec()));
}

#[test]
fn every_script_explains_itself_and_refuses_nonsense() {
    let mut scripts: Vec<_> =
        RENDERED.iter().map(|(_, name, _)| format!("cli_tshark_protocol_render/{name}.sh")).collect();
    scripts.extend(
        ["strace2pcap.sh", "strace2pcap-pipe.sh", "bench", "bench-record", "strace_convert/xx2generic"]
            .map(str::to_string),
    );
    for name in scripts {
        let help = succeed(script(&name).arg("-h"));
        assert!(text(&help.stdout).starts_with("usage: "), "{name} -h");
        let wrong = script(&name).args(["-Z", "b", "c", "d"]).output().expect("it starts");
        if name != "strace2pcap-pipe.sh" && name != "strace2pcap.sh" {
            assert_eq!(wrong.status.code(), Some(2), "{name}: {}", text(&wrong.stderr));
        }
    }
    let named = script("strace_convert/xx2generic").arg("trace").output().expect("it starts");
    assert!(named.stdout.is_empty() && text(&named.stderr).contains("its standard input"), "{named:?}");
    for name in ["strace2pcap.sh", "strace2pcap-pipe.sh"] {
        let bare = script(name).output().expect("it starts");
        assert_eq!(bare.status.code(), Some(2), "{name}");
    }
}

/// A folder that holds the plain utilities a script uses, and nothing else, to be a `PATH`.
fn bare_path(folder: &Folder) -> &Path {
    for utility in ["sh", "dirname", "readlink", "sed", "cat", "awk"] {
        let found = ["/usr/bin", "/bin"]
            .iter()
            .map(|at| Path::new(at).join(utility))
            .find(|path| path.exists())
            .expect("POSIX utilities are there");
        symlink(found, folder.path().join(utility)).expect("links can be made");
    }
    folder.path()
}

#[test]
fn scripts_say_what_to_install() {
    let folder = Folder::new();
    let path = bare_path(&folder);
    let capture = project("example/shop.pcapng");
    let capture = capture.to_str().expect("a path in UTF-8");
    let cases: [(&str, &[&str], &str); 3] = [
        ("strace2pcap.sh", &["out.pcap", "true"], "apt-get install strace"),
        ("strace2pcap-pipe.sh", &["true"], "apt-get install strace"),
        ("cli_tshark_protocol_render/statsd.sh", &[capture], "apt-get install tshark"),
    ];
    for (name, arguments, advice) in cases {
        let output = script(name).args(arguments).env("PATH", path).output().expect("it starts");
        let said = text(&output.stderr);
        let expected = if name.contains("render") { 1 } else { 127 };
        assert_eq!(output.status.code(), Some(expected), "{name}: {said}");
        assert!(said.contains(advice), "{name}: {said}");
    }
}

/// Answers every request on a port of its own with `hello, wire`.
pub(crate) fn server() -> SocketAddr {
    fn answer(mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        let mut piece = [0; 1024];
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            let length = stream.read(&mut piece)?;
            if length == 0 {
                return Ok(());
            }
            request.extend_from_slice(&piece[..length]);
        }
        stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 12\r\n\r\nhello, wire\n")
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream);
        }
    });
    address
}

#[test]
fn strace2pcap_sh_records_a_command() {
    if !has(&["strace", "curl"], "recording live") {
        return;
    }
    let folder = Folder::new();
    let url = format!("http://{}/a*?x=1&y=$HOME", server());
    let recorded = |name: &str, arguments: &[&str]| {
        succeed(script("strace2pcap.sh").current_dir(folder.path()).args(arguments));
        fs::read(folder.path().join(name)).expect("the capture was written")
    };

    let name = "it's \"a\" $HOME.pcap";
    let file = recorded(name, &[name, &format!("curl -s {url}")]);
    assert!(holds(&file, "GET /a*?x=1&y=$HOME HTTP/1.1"));
    assert!(holds(&file, "hello, wire"));
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "classic pcap");

    let arguments = ["--no-capture-unix-socket", "out.pcapng", "--", "curl", "-sH", "Two: a  b", &url];
    let file = recorded("out.pcapng", &arguments);
    assert!(holds(&file, "Two: a  b\r\n"));
    assert_eq!(file[..4], [0x0a, 0x0d, 0x0d, 0x0a], "pcapng");

    let mut failing = script("strace2pcap.sh");
    failing.current_dir(folder.path()).args(["out.pcap", "--", "sh", "-c", "exit 7"]);
    assert_eq!(failing.output().expect("it starts").status.code(), Some(7));
}

#[test]
fn strace2pcap_pipe_sh_writes_the_capture_alone() {
    if !has(&["strace", "curl", "tcpdump"], "recording to a pipe") {
        return;
    }
    let url = format!("http://{}/", server());
    let output = succeed(script("strace2pcap-pipe.sh").arg(format!("curl -s {url}")));
    assert!(holds(&output.stdout, "hello, wire"));
    assert!(text(&output.stderr).contains("hello, wire\n"), "the command's own output");

    let arguments = ["--view=syscall", "--format=pcap", "--", "curl", "-sH", "Two: a  b", &url];
    let output = succeed(script("strace2pcap-pipe.sh").args(arguments));
    assert!(holds(&output.stdout, "Two: a  b\r\n"));
    let read = filter(Command::new("tcpdump").args(["-A", "-n", "-r", "-"]), &output.stdout);
    assert!(text(&read).contains("hello, wire"), "{}", text(&read));
}

#[test]
fn xx2generic_reads_back_to_the_same_bytes() {
    let table = [
        (r#"read(3, "\x00\x31\x00\x38\x00\x61\x7f\x35\xff", 9) = 9"#, r#"read(3, "\0001\08\0a\1775\377", 9) = 9"#),
        (
            r#"write(1</a\x3c\x62\x3e\x22>, "\x3c\x3e\x22\x5c\x0a\x09\x0b\x0c\x0d\x1b"..., 20) = 10"#,
            r#"write(1</a\74b\76\">, "<>\"\\\n\t\v\f\r\33"..., 20) = 10"#,
        ),
        (r#"17 <... read resumed>"\x68\x69", 2) = 2"#, r#"17 <... read resumed>"hi", 2) = 2"#),
        (r#"write(1, "a\0\\x41 \"\x07""#, r#"write(1, "a\0\\x41 \"\7""#),
        (
            r#"sendto(3<UNIX-STREAM:[1->2,"\x2f\x72"]>, "\xc3\xbc7", 3"#,
            r#"sendto(3<UNIX-STREAM:[1->2,"/r"]>, "\303\2747", 3"#,
        ),
        (r#"connect(3, {sin_addr=inet_addr("\x31\x2e\x32")}, 16"#, r#"connect(3, {sin_addr=inet_addr("1.2")}, 16"#),
        ("+++ exited with 0 +++", "+++ exited with 0 +++"),
    ];
    let (hex, plain): (Vec<_>, Vec<_>) = table.into_iter().unzip();
    let written = filter(&mut script("strace_convert/xx2generic"), (hex.join("\n") + "\n").as_bytes());
    assert_eq!(text(&written), plain.join("\n") + "\n");

    let folder = Folder::new();
    let trace = project("tests/cases/http2-both-ends-cut-differently/trace.strace");
    let generic = folder.path().join("generic.strace");
    let hex = fs::read(&trace).expect("the case is there");
    assert!(text(&hex).contains("\\x"), "there is hex to convert");
    let written = filter(&mut script("strace_convert/xx2generic"), &hex);
    assert!(!text(&written).contains("\\x"), "hex is left");
    fs::write(&generic, written).expect("the trace can be written");
    let captures = [&trace, &generic].map(|trace| {
        let output = folder.path().join("out.pcap");
        convert(trace, &output, &["--capture-unix-socket"]);
        fs::read(output).expect("the capture was written")
    });
    assert!(captures[0] == captures[1], "the two traces give different captures");
}

#[test]
fn xx2generic_writes_what_strace_writes() {
    if !has(&["strace"], "comparing xx2generic with strace") {
        return;
    }
    let folder = Folder::new();
    let every_byte: Vec<u8> = (0..=255_u8).chain(*b"\x001\x0018\x7f9").chain((0..=255).rev()).collect();
    let name = "every <byte> \"of\" \u{e9}7";
    fs::write(folder.path().join(name), every_byte).expect("the file can be written");
    let trace = |options: &[&str]| {
        let mut command = Command::new("strace");
        command.current_dir(folder.path()).args(options);
        command.args(["-yy", "-a", "1", "-s", "4096", "-e", "trace=read", "-o", "trace", "cat", name]);
        succeed(&mut command);
        fs::read(folder.path().join("trace")).expect("the trace was written")
    };
    let plain = trace(&[]);
    let converted = filter(&mut script("strace_convert/xx2generic"), &trace(&["-xx"]));
    for (found, wanted) in text(&converted).lines().zip(text(&plain).lines()) {
        assert_eq!(found, wanted);
    }
    assert!(converted == plain);
}

/// The captures of the example, and what makes them: README and `docs/views.md` have the commands.
const EXAMPLE: [(&str, &[&str]); 2] = [("shop.pcapng", &["--capture-unix-socket"]), ("shop.pcap", &[])];

#[test]
fn the_example_is_what_this_program_makes() {
    let folder = Folder::new();
    for (output, options) in EXAMPLE {
        let path = folder.path().join(output);
        convert(&project("example/shop.strace"), &path, options);
        let found = fs::read(&path).expect("the capture was written");
        let expected = project("example").join(output);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &found).expect("the example can be written");
        }
        let wanted = fs::read(&expected).unwrap_or_default();
        assert!(wanted == found, "example/{output} is of another time; UPDATE=1 rewrites it");
    }
    let mut there: Vec<_> = fs::read_dir(project("example"))
        .expect("the example is there")
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("a name in UTF-8"))
        .collect();
    there.sort();
    assert_eq!(there, ["shop.pcap", "shop.pcapng", "shop.strace"], "nothing that no command makes");
}

#[test]
fn bench_measures() {
    if !has(&["taskset", "time"], "trying the benchmark") {
        return;
    }
    let output = succeed(script("bench").args(["-q", "-n", "1", PROGRAM, PROGRAM]));
    let printed = text(&output.stdout);
    for what in ["payload ", "lines ", "connections10 ", "accepts ", "open ", "start-up: baseline"] {
        assert!(printed.contains(what), "no {what} in\n{printed}");
    }
}

#[test]
fn shellcheck_finds_nothing() {
    if !has(&["shellcheck"], "checking the scripts") {
        return;
    }
    let mut scripts: Vec<_> =
        ["strace2pcap.sh", "strace2pcap-pipe.sh", "bench", "bench-record", "strace_convert/xx2generic"]
            .map(|name| project("tools").join(name))
            .to_vec();
    scripts.push(project("tools/cli_tshark_protocol_render/lib/render.sh"));
    for (_, name, _) in RENDERED {
        scripts.push(project(&format!("tools/cli_tshark_protocol_render/{name}.sh")));
    }
    let output = Command::new("shellcheck").args(scripts).output().expect("it starts");
    assert!(output.status.success(), "{}", text(&output.stdout));
}
