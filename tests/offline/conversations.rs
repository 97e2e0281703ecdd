//! What calls on sockets become, as conversations: each segment is one word, and nothing may follow.
//!
//! | word | the packet |
//! |---|---|
//! | `SYN>` `<SYN-ACK` `ACK>` | of a handshake; `>` is from the end whose packet came first, `<` from the other one |
//! | `P3>` `<P5` | payload, 3 and 5 bytes |
//! | `<ACK` | an acknowledgement alone |
//! | `F>` `<R` | FIN, RST |
//! | `U8>` | a datagram of 8 bytes |
//! | `2:P3>` | the same in the second conversation of the capture, by its pair of addresses |

use crate::common::packet::{Packet, Transport};
use crate::common::program::{Folder, packets};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The conversations of a capture, each by the source and target of its first packet.
type Conversations = Vec<(SocketAddr, SocketAddr)>;

/// The word for `packet`.
fn word(packet: &Packet, seen: &mut Conversations) -> String {
    let (source, target) = (packet.source, packet.target);
    let known = seen.iter().position(|pair| [(source, target), (target, source)].contains(pair));
    let number = known.unwrap_or_else(|| {
        seen.push((source, target));
        seen.len() - 1
    });
    let what = match &packet.transport {
        Transport::Tcp(tcp) => match tcp.flags {
            0x02 => "SYN".to_string(),
            0x12 => "SYN-ACK".to_string(),
            0x10 => "ACK".to_string(),
            0x11 => "F".to_string(),
            0x14 => "R".to_string(),
            0x18 => format!("P{}", packet.payload_original),
            other => format!("?{other:02x}"),
        },
        Transport::Udp => format!("U{}", packet.payload_original),
        Transport::Other(protocol) => format!("IP{protocol}"),
    };
    let word = if seen[number].0 == source { format!("{what}>") } else { format!("<{what}") };
    if number == 0 { word } else { format!("{}:{word}", number + 1) }
}

/// What stands for something longer in the traces below.
const WORDS: [(&str, &str); 6] = [
    ("<TCP>", "<TCP:[10.1.2.3:4000->10.4.5.6:80]>"),
    ("<SERVER>", "<TCP:[10.4.5.6:80->10.1.2.3:4000]>"),
    ("<NEW>", "<TCP:[700]>"),
    ("<LISTENER>", "<TCP:[0.0.0.0:80]>"),
    ("AT_SERVER", r#"{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.4.5.6")}, 16"#),
    ("AT_CLIENT", r#"{sa_family=AF_INET, sin_port=htons(4000), sin_addr=inet_addr("10.1.2.3")}, [16]"#),
];

fn spelled(trace: &str) -> String {
    WORDS.iter().fold(trace.to_string(), |text, (word, meaning)| text.replace(word, meaning))
}

/// The trace with its words spelled out and a time on each line.
fn timed(trace: &str) -> String {
    let mut text = String::new();
    for (number, line) in spelled(trace).lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let (tid, call) = line.split_once(' ').expect("a thread and its call");
        let _ = writeln!(text, "{tid} 1700000000.{:06} {call}", 100 * (number + 1));
    }
    text
}

/// Holds the packets of `trace` against `expected`; their addresses for more checks.
#[track_caller]
fn check(trace: &str, expected: &str) -> Conversations {
    let text = timed(trace);
    let mut seen = Vec::new();
    let words: Vec<_> = packets(&["--view", "wire"], &text).iter().map(|packet| word(packet, &mut seen)).collect();
    assert_eq!(words.join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "), "\n{text}");
    seen
}

#[test]
fn a_client_from_connect_to_close() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 write(3<TCP>, "ask", 3) = 3
        100 read(3<TCP>, "reply", 99) = 5
        100 read(3<TCP>, "", 99) = 0
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> P3> <P5 <F ACK> F> <ACK");
}

#[test]
fn both_ends_say_everything_once() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        101 accept(4<LISTENER>, AT_CLIENT) = 5<SERVER>
        101 read(5<SERVER>, "ask", 99) = 3
        100 write(3<TCP>, "ask", 3) = 3
        101 write(5<SERVER>, "reply", 5) = 5
        100 read(3<TCP>, "re", 2) = 2
        100 read(3<TCP>, "ply", 99) = 3
        100 close(3<TCP>) = 0
        101 read(5<SERVER>, "", 99) = 0
        101 close(5<SERVER>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> P3> <P5 F> <ACK <F ACK>");
}

#[test]
fn a_broken_pipe_after_the_own_fin_is_no_reset() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 shutdown(3<TCP>, SHUT_WR) = 0
        100 write(3<TCP>, "late", 4) = -1 EPIPE (Broken pipe)
        100 read(3<TCP>, "reply", 99) = 5
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> F> <ACK <P5");
}

#[test]
fn a_broken_pipe_without_an_own_fin_is_the_other_ends_reset() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 write(3<TCP>, "late", 4) = -1 EPIPE (Broken pipe)
        100 write(3<TCP>, "again", 5) = -1 EPIPE (Broken pipe)
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> <R");
}

#[test]
fn a_reset_ends_everything() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 read(3<TCP>, 0x7f00, 99) = -1 ECONNRESET (Connection reset by peer)
        100 read(3<TCP>, "", 99) = 0
        100 read(3<TCP>, 0x7f00, 99) = -1 ECONNRESET (Connection reset by peer)
        100 shutdown(3<TCP>, SHUT_WR) = 0
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> <R");
}

#[test]
fn unread_bytes_make_a_close_a_reset() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        101 accept(4<LISTENER>, AT_CLIENT) = 5<SERVER>
        100 write(3<TCP>, "ask", 3) = 3
        101 read(5<SERVER>, "as", 2) = 2
        101 close(5<SERVER>) = 0
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> P3> <R");
}

#[test]
fn bytes_read_to_the_end_make_a_close_a_fin() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        101 accept(4<LISTENER>, AT_CLIENT) = 5<SERVER>
        100 write(3<TCP>, "ask", 3) = 3
        101 read(5<SERVER>, "ask", 9) = 3
        101 close(5<SERVER>) = 0
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> P3> <F ACK> F> <ACK");
}

#[test]
fn a_read_of_nothing_is_a_fin_only_where_there_was_room_and_reading_went_on() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 read(3<TCP>, "", 0) = 0
        100 shutdown(3<TCP>, SHUT_RD) = 0
        100 read(3<TCP>, "", 99) = 0
        100 write(3<TCP>, "ask", 3) = 3"#;
    check(trace, "SYN> <SYN-ACK ACK> P3>");
}

#[test]
fn each_fin_is_sent_once() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 shutdown(3<TCP>, SHUT_WR) = 0
        100 read(3<TCP>, "", 99) = 0
        100 read(3<TCP>, "", 99) = 0
        100 shutdown(3<TCP>, SHUT_RDWR) = 0
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> F> <ACK <F ACK>");
}

#[test]
fn a_connect_that_never_ends_is_a_syn() {
    let in_progress = "100 connect(3<NEW>, AT_SERVER) = -1 EINPROGRESS (Operation now in progress)\n";
    let end = |line: &str| format!("{in_progress}{line}\n100 close(3<NEW>) = 0");
    check(in_progress, "SYN>");
    check(&end(""), "SYN>");
    check(&end("100 shutdown(3<NEW>, SHUT_WR) = -1 ENOTCONN (Transport endpoint is not connected)"), "SYN>");
    check(&end("100 getsockopt(3<NEW>, SOL_SOCKET, SO_ERROR, [ETIMEDOUT], [4]) = 0"), "SYN>");
    check(&end("100 getsockopt(3<NEW>, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0"), "SYN> <R");
    check(&end("100 getsockopt(3<NEW>, SOL_SOCKET, SO_ERROR, [0], [4]) = 0"), "SYN> <SYN-ACK ACK> F> <ACK");
    check(&end("100 write(3<NEW>, \"ask\", 3) = 3"), "SYN> <SYN-ACK ACK> P3> F> <ACK");
    check(&end("100 read(3<NEW>, \"\", 9) = 0"), "SYN> <SYN-ACK ACK> <F ACK> F> <ACK");
    check(&end("100 getpeername(3<NEW>, AT_CLIENT) = 0"), "SYN> <SYN-ACK ACK> F> <ACK");
}

#[test]
fn a_connect_that_failed_makes_room_for_another() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = -1 ECONNREFUSED (Connection refused)
        100 connect(3<NEW>, AT_SERVER) = 0
        100 write(3<TCP>, "ask", 3) = 3"#;
    check(trace, "SYN> <R 2:SYN> 2:<SYN-ACK 2:ACK> 2:P3>");
}

#[test]
fn a_connect_to_nobody_resets_what_there_was() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 connect(3<TCP>, {sa_family=AF_UNSPEC, sa_data="\0\0\0\0\0\0\0\0\0\0\0\0\0\0"}, 16) = 0
        100 close(3<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> R>");
}

#[test]
fn what_dup_and_fork_share_is_closed_with_its_last_descriptor() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 dup(3<TCP>) = 7<TCP>
        100 fork() = 101
        100 close(3<TCP>) = 0
        101 close(3<TCP>) = 0
        101 write(7<TCP>, "child", 5) = 5
        101 +++ exited with 0 +++
        100 write(7<TCP>, "parent", 6) = 6
        100 close(7<TCP>) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> P5> P6> F> <ACK");
}

#[test]
fn a_fork_may_be_printed_after_its_childs_lines() {
    let trace = r#"
        100 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3
        100 connect(3, AT_SERVER) = 0
        101 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 4
        100 fork() = 101
        101 write(3, "child", 5) = 5
        100 write(3, "parent", 6) = 6
        100 close(3) = 0
        101 connect(4, AT_SERVER) = 0
        101 write(4, "own", 3) = 3
        101 close(3) = 0"#;
    check(trace, "SYN> <SYN-ACK ACK> P5> P6> 2:SYN> 2:<SYN-ACK 2:ACK> 2:P3> F> <ACK");
}

#[test]
fn a_number_that_is_used_again_is_another_threads() {
    let trace = r#"
        100 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3
        100 connect(3, AT_SERVER) = 0
        100 fork() = 101
        101 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 4
        101 connect(4, AT_SERVER) = 0
        100 close(3) = 0
        101 write(4, "own", 3) = 3
        100 fork() = 101
        101 write(4, "nobody's", 8) = 8
        101 write(4, "nobody's", 8) = 8"#;
    check(trace, "SYN> <SYN-ACK ACK> 2:SYN> 2:<SYN-ACK 2:ACK> 2:P3>");
}

#[test]
fn of_two_connections_with_the_same_addresses_the_older_one_is_accepted_first() {
    let trace = r#"
        100 connect(3<NEW>, AT_SERVER) = 0
        100 write(3<TCP>, "one", 3) = 3
        100 close(3<TCP>) = 0
        100 connect(3<TCP:[702]>, AT_SERVER) = 0
        100 write(3<TCP>, "other", 5) = 5
        101 accept(4<LISTENER>, AT_CLIENT) = 5<SERVER>
        101 accept(4<LISTENER>, AT_CLIENT) = 6<SERVER>
        101 read(5<SERVER>, "one", 9) = 3
        101 read(6<SERVER>, "other", 9) = 5"#;
    check(trace, "SYN> <SYN-ACK ACK> P3> F> <ACK SYN> <SYN-ACK ACK> P5>");
}

#[test]
fn a_descriptor_whose_details_are_of_another_family_is_another_socket() {
    let trace = r#"
        100 write(3<TCP>, "ask", 3) = 3
        100 write(3<UNIX-STREAM:[500->501]>, "other", 5) = 5
        100 write(3<TCP>, "again", 5) = 5"#;
    check(trace, "P3> F> <ACK P5>");
}

#[test]
fn an_exit_closes_however_many_there_are() {
    let connect = |fd: u32| format!("100 connect({fd}<TCP:[{fd}]>, AT_SERVER) = 0\n");
    let trace = (10..1010).map(connect).collect::<String>() + "100 +++ exited with 0 +++";
    let packets = packets(&["--view", "wire"], timed(&trace));
    let fins = packets.iter().filter(|packet| packet.tcp().is_some_and(|tcp| tcp.flags == 0x11));
    assert_eq!((packets.len(), fins.count()), (5 * 1000, 1000));
}

#[test]
fn a_bind_that_leaves_the_port_open_is_completed_by_the_details() {
    let trace = r#"
        100 bind(3<NEW>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("10.1.2.3")}, 16) = 0
        100 connect(3<TCP:[10.1.2.3:4000]>, AT_SERVER) = 0
        100 write(3<TCP>, "ask", 3) = 3"#;
    let seen = check(trace, "SYN> <SYN-ACK ACK> P3>");
    assert_eq!(seen[0].0.to_string(), "10.1.2.3:4000");
    let trace = r#"
        100 bind(3<UDP:[700]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0
        100 sendto(3<UDP:[10.1.2.3:4001]>, "ask", 3, 0, AT_SERVER) = 3"#;
    let seen = check(trace, "U3>");
    assert_eq!(seen[0].0.to_string(), "10.1.2.3:4001");
}

#[test]
fn a_listener_on_any_address_answers_a_loopback_peer_from_there() {
    let trace = r#"
        100 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3
        100 bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16) = 0
        100 accept(3, {sa_family=AF_INET, sin_port=htons(4000), sin_addr=inet_addr("127.0.0.5")}, [16]) = 5
        100 read(5, "ask", 99) = 3"#;
    let seen = check(trace, "SYN> <SYN-ACK ACK> P3>");
    assert_eq!(seen[0].1.to_string(), "127.0.0.5:80");
    let seen = check(&trace.replace("127.0.0.5", "10.1.2.3"), "SYN> <SYN-ACK ACK> P3>");
    assert_eq!(seen[0].1.to_string(), "127.0.0.2:80");
}

#[test]
fn a_datagram_is_known_by_its_bytes() {
    let trace = r#"
        100 sendto(5<UDP:[777]>, "one", 3, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.1")}, 16) = 3
        102 sendto(6<UDP:[778]>, "two", 3, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.1")}, 16) = 3
        101 recvfrom(6<UDP:[127.0.0.1:53]>, "two", 99, 0, {sa_family=AF_INET, sin_port=htons(4002), sin_addr=inet_addr("127.0.0.1")}, [16]) = 3
        101 recvfrom(6<UDP:[127.0.0.1:53]>, "one", 99, 0, {sa_family=AF_INET, sin_port=htons(4001), sin_addr=inet_addr("127.0.0.1")}, [16]) = 3"#;
    let seen = check(trace, "U3> 2:U3>");
    assert_eq!(seen.iter().map(|ends| ends.0.port()).collect::<Vec<_>>(), [4001, 4002]);
}

#[test]
fn what_a_datagrams_reader_cut_is_the_same_datagram() {
    let trace = r#"
        100 sendto(5<UDP:[10.1.2.3:4000]>, "datagram", 8, 0, AT_SERVER) = 8
        101 recvfrom(6<UDP:[10.4.5.6:80]>, "data", 4, 0, AT_CLIENT) = 4
        101 recvfrom(6<UDP:[10.4.5.6:80]>, "gram", 4, 0, AT_CLIENT) = 4"#;
    check(trace, "U8> U4>");
}

#[test]
fn rights_of_a_message_that_was_not_sent_are_not_on_their_way() {
    let control =
        "msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[5]}], msg_controllen=24";
    let message = format!(
        "{{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"A\", iov_len=1}}], msg_iovlen=1, {control}, msg_flags=0}}, 0)"
    );
    let trace = |result: &str| {
        format!(
            r#"
        100 socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0
        100 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 5
        100 connect(5, AT_SERVER) = 0
        100 write(5, "ask", 3) = 3
        100 sendmsg(3, {message} = {result}
        100 close(5) = 0"#
        )
    };
    check(&trace("-1 EAGAIN (Resource temporarily unavailable)"), "SYN> <SYN-ACK ACK> P3> F> <ACK");
    check(&trace("1"), "SYN> <SYN-ACK ACK> P3>");
}

#[test]
fn an_accepted_connection_is_on_disk_while_the_pipe_is_quiet() {
    let folder = Folder::new();
    let capture = folder.path().join("out.pcap");
    let mut program = Command::new(env!("CARGO_BIN_EXE_strace2pcap"))
        .args(["--view".as_ref(), "wire".as_ref(), capture.as_os_str()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = program.stdin.take().expect("standard input was asked for");
    let line = "100 1700000000.001001 accept(4<LISTENER>, AT_CLIENT) = 5<SERVER>\n";
    pipe.write_all(spelled(line).as_bytes()).expect("it reads");
    let started = Instant::now();
    let count = || {
        let file = std::fs::read(&capture).unwrap_or_default();
        crate::common::capture::read(&file).map_or(0, |capture| capture.records.len())
    };
    while count() < 3 && started.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(10));
    }
    assert_eq!(count(), 3);
    drop(pipe);
    assert!(program.wait().expect("the program ends").success());
    assert_eq!(count(), 3);
}
