//! Attacks by what is sent: datagrams that nobody receives, protocols in small pieces, and sizes that no line shows.

use super::sockets::{bound, inet};
use super::{Attack, Text, USUAL, attack};

/// All of them.
pub(super) const ATTACKS: &[Attack] = &[
    attack("udp_never_received", USUAL, |text, n| {
        let socket = "3<UDP:[127.0.0.1:4000->127.0.0.1:8125]>";
        (0..n).for_each(|i| text.line(100, format_args!("sendto({socket}, \"{}\", 12, 0, NULL, 0) = 1", i % 10)));
    }),
    attack("udp_to_and_fro", USUAL, |text, n| {
        for i in 0..n {
            let i = i % 10;
            text.line(100, format_args!("sendto(3<UDP:[10.0.0.1:4000->10.0.0.1:8125]>, \"a{i}\", 2, 0, NULL, 0) = 2"));
            receive(text, &format!("b{i}"), 4001, "10.0.0.1");
        }
    }),
    attack("udp_held", USUAL, |text, n| {
        text.line(100, format_args!("socket(AF_INET, SOCK_DGRAM, 0) = 3"));
        for i in 0..n {
            let target = inet(8125, "10.0.0.1");
            text.line(100, format_args!("sendto(3, \"a{}\", 2, 0, {target}, 16) = 2", i % 10));
        }
        (0..n).for_each(|i| receive(text, &format!("b{}", i % 10), 4001, "10.0.0.9"));
    }),
    attack("udp_told_and_closed", USUAL, |text, n| {
        for i in 0..n {
            let (fd, port) = (i + 10, 2000 + i % 60_000);
            text.line(100, format_args!("socket(AF_INET, SOCK_DGRAM, 0) = {fd}"));
            text.line(100, format_args!("bind({fd}, {}, 16) = 0", inet(port, "0.0.0.0")));
            text.line(100, format_args!("sendto({fd}, \"a{i}\", 9, 0, {}, 16) = 5", inet(8125, "10.0.0.1")));
            receive(text, &format!("a{i}"), port, "10.0.0.7");
        }
        (0..n).for_each(|i| text.line(100, format_args!("close({}) = 0", i + 10)));
    }),
    attack("names_sent_to", USUAL, |text, n| {
        text.line(100, format_args!("socket(AF_UNIX, SOCK_DGRAM, 0) = 3{DATAGRAMS}"));
        for i in 0..n {
            let name = format!("{{sa_family=AF_UNIX, sun_path=\"/run/n/{i}\"}}");
            text.line(100, format_args!("sendto(3{DATAGRAMS}, \"x\", 1, 0, {name}, 110) = 1"));
        }
    }),
    attack("names_bound", USUAL, |text, n| {
        text.line(100, format_args!("socket(AF_UNIX, SOCK_DGRAM, 0) = 3{DATAGRAMS}"));
        for i in 0..n {
            text.line(100, format_args!("bind(3{DATAGRAMS}, {{sa_family=AF_UNIX, sun_path=\"/n/{i}\"}}, 110) = 0"));
        }
    }),
    attack("names_heard_from", USUAL, |text, n| {
        for i in 0..n {
            let name = format!("{{sa_family=AF_UNIX, sun_path=@\"c{i}\"}}");
            text.line(100, format_args!("recvfrom(3{DATAGRAMS}, \"x\", 1, 0, {name}, [110 => 8]) = 1"));
        }
    }),
    attack("dbus_never_whole", USUAL, |text, n| {
        let header = r"l\1\0\1\377\377\377\7\1\0\0\0\0\0\0\0";
        for i in 0..n {
            let details = format!("<UNIX-STREAM:[{}->{},\"/run/dbus/system_bus_socket\"]>", 2 * i + 10, 2 * i + 11);
            text.line(100, format_args!("write({}{details}, \"{header}\", 16) = 16", i + 3));
        }
    }),
    attack("dbus_byte_by_byte", USUAL, |text, n| {
        let header = [r"l", r"\1", r"\0", r"\1", r"\0", r"\0", r"\3", r"\0"];
        for i in 0..n {
            let byte = header.get(i % 16).unwrap_or(&r"\0");
            text.line(100, format_args!("write(3{BUS}, \"{byte}\", 1) = 1"));
        }
    }),
    attack("dbus_line_without_end", 40_000, |text, n| {
        (0..n).for_each(|_| text.line(100, format_args!("write(3{BUS}, \"A\", 1) = 1")));
    }),
    attack("http2_streams", USUAL, |text, n| {
        preface(text);
        for i in 0..n {
            let stream = format!(r"\{:o}\{:o}\{:03o}", i >> 15 & 255, i >> 7 & 255, (2 * i + 1) & 255);
            text.line(100, format_args!("write(3{STREAM}, \"\\0\\0\\1\\1\\4\\0{stream}\\202\", 10) = 10"));
        }
    }),
    attack("http2_byte_by_byte", USUAL, |text, n| {
        preface(text);
        (0..n).for_each(|_| text.line(100, format_args!("write(3{STREAM}, \"\\0\", 1) = 1")));
    }),
    attack("http2_midway", 20, |text, n| {
        let frame = r"\0\0\1\1\4\0\0\0\001\202".repeat(100);
        (0..n).for_each(|_| text.line(100, format_args!("write(3{STREAM}, \"{frame}\", 1000) = 1000")));
    }),
    attack("http2_midway_and_data", 20, |text, n| {
        let data = format!(r"\0\0\144\0\0\0\0\0\003{}", "a".repeat(100));
        let frames = format!(r"\0\0\1\1\4\0\0\0\001\202{}", data.repeat(64));
        (0..n).for_each(|_| text.line(100, format_args!("write(3{STREAM}, \"{frames}\", 6986) = 6986")));
    }),
    attack("http2_not_shown", USUAL, |text, n| {
        preface(text);
        let frame = r"\0\1\0\0\0\0\0\0\1";
        (0..n).for_each(|_| text.line(100, format_args!("write(3{STREAM}, \"{frame}\"..., 100000) = 100000")));
    }),
    attack("http2_lost", 20, |text, n| {
        let frame = r"\x00\x00\x04\x01\x04\x00\x00\x00\x01".repeat(200);
        (0..n).for_each(|_| text.line(100, format_args!("write(3{STREAM}, \"{frame}\", 1800) = 1800")));
    }),
    attack("small_reads_at_one_time", USUAL, |text, n| {
        let at = |text: &mut Text, time: usize, call: &str| {
            let time = format!("{}.{:06}", 1_700_000_000 + time / 1_000_000, time % 1_000_000);
            text.plain(format_args!("100 {time} {call}(3<TCP:[10.0.0.1:4000->10.0.0.2:80]>, \"x\", 1) = 1 <0.000000>"));
        };
        for _ in 0..n {
            at(text, 0, "read");
            at(text, 0, "write");
        }
        (0..n).for_each(|i| at(text, i * 900, "read"));
    }),
    attack("sends_under_way", USUAL, |text, n| {
        text.line(1, format_args!("socketpair(AF_UNIX, SOCK_STREAM, 0, [3{STREAM}, 4{OTHER_END}]) = 0"));
        (2..4).for_each(|tid| text.line(tid, format_args!("write(3{STREAM}, \"zzzz\" <unfinished ...>")));
        for i in 0..n {
            text.line(5, format_args!("write(3{STREAM}, \"{}\", 100) = 100", "a".repeat(100)));
            if i % 2 == 0 {
                text.line(6, format_args!("read(4{OTHER_END}, \"{}\", 100) = 100", "a".repeat(100)));
            }
        }
    }),
    attack("bytes_not_shown", 100, |text, n| {
        for i in 0..n {
            let fd = 3 + i % 5;
            text.line(100, format_args!("write({fd}{PAIR}, \"x\"..., 2147479552) = 2147479552"));
            text.line(100, format_args!("sendfile({fd}{PAIR}, 5</x>, NULL, 2147479552) = 2147479552"));
        }
    }),
    attack("messages_not_shown", 20, |text, n| {
        let name = "{sa_family=AF_UNIX, sun_path=\"/run/srv\"}";
        for _ in 0..n {
            text.line(100, format_args!("sendto(3{DATAGRAMS}, \"x\"..., 2147479552, 0, {name}, 110) = 2147479552"));
            let sctp = "3<SCTP:[10.0.0.1:4000->10.0.0.2:80]>";
            text.line(100, format_args!("sendto({sctp}, \"x\"..., 2147479552, 0, NULL, 0) = 2147479552"));
        }
    }),
    attack("many_messages", USUAL, |text, n| {
        let header = "msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"x\", iov_len=1}], msg_iovlen=1";
        let message = format!("{{msg_hdr={{{header}, msg_controllen=0, msg_flags=0}}, msg_len=1}}");
        let all = vec![message; n].join(", ");
        text.line(100, format_args!("sendmmsg(3<UDP:[10.0.0.1:4000->10.0.0.2:53]>, [{all}], {n}, 0) = {n}"));
    }),
    attack("many_messages_that_are_cut", USUAL, |text, n| {
        let header = "msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"x\", iov_len=1}], msg_iovlen=1";
        let control = r#"[{cmsg_len=18, cmsg_level=SOL_UDP, cmsg_type=0x67, cmsg_data="\x04\x00"}]"#;
        let message =
            format!("{{msg_hdr={{{header}, msg_control={control}, msg_controllen=24, msg_flags=0}}, msg_len=1}}");
        let all = vec![message; n].join(", ");
        text.line(100, format_args!("sendmmsg(3<UDP:[10.0.0.1:4000->10.0.0.2:53]>, [{all}], {n}, 0) = {n}"));
    }),
    attack("long_names", 20, |text, n| {
        for i in 0..n {
            let name = format!("{{sa_family=AF_UNIX, sun_path=\"{i}{}\"}}", "n".repeat(LONG));
            text.line(100, format_args!("connect(3<UNIX-STREAM:[{}]>, {name}, 110) = 0", i + 1));
        }
    }),
    attack("long_names_in_details", 20, |text, n| {
        for i in 0..n {
            let (own, other, name) = (2 * i + 10, 2 * i + 11, "n".repeat(LONG));
            text.line(100, format_args!("write(3<UNIX-STREAM:[{own}->{other},\"{name}\"]>, \"x\", 1) = 1"));
        }
    }),
    attack("tcp_bound_and_silent", USUAL, |text, n| {
        bound(text, "SOCK_STREAM");
        (0..n).for_each(|_| text.line(100, format_args!("getsockname(3, {}, [16]) = 0", inet(5000, "10.0.0.1"))));
    }),
];

/// How long a long name is.
const LONG: usize = 20_000;
const DATAGRAMS: &str = "<UNIX-DGRAM:[77]>";
const STREAM: &str = "<UNIX-STREAM:[10->11]>";
const OTHER_END: &str = "<UNIX-STREAM:[11->10]>";
const BUS: &str = "<UNIX-STREAM:[10->11,\"/run/dbus/system_bus_socket\"]>";
const PAIR: &str = "<TCP:[10.0.0.1:4000->10.0.0.2:80]>";

/// A datagram that another process receives.
fn receive(text: &mut Text, payload: &str, port: usize, host: &str) {
    let (length, source) = (payload.len(), inet(port, host));
    let socket = "4<UDP:[10.0.0.1:8125]>";
    text.line(101, format_args!("recvfrom({socket}, \"{payload}\", 12, 0, {source}, [16]) = {length}"));
}

fn preface(text: &mut Text) {
    text.line(100, format_args!("write(3{STREAM}, \"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\", 24) = 24"));
}
