//! Attacks by sockets and connections: many at one address, names that change, and details that contradict each other.

use super::{Attack, Text, USUAL, attack};

/// All of them.
pub(super) const ATTACKS: &[Attack] = &[
    attack("many_tcp_yy", USUAL, |text, n| {
        for i in 0..n {
            let client = format!("10.{}.{}.{}:{}", i >> 16 & 255, i >> 8 & 255, i & 255, 1024 + i % 60_000);
            text.line(100, format_args!("write({}<TCP:[{client}->10.0.0.2:80]>, \"x\", 1) = 1", i + 3));
        }
    }),
    attack("same_pair", USUAL, |text, n| {
        for i in 0..n {
            let socket = format!("{}<TCP:[{}]>", i + 3, 1000 + i);
            text.line(100, format_args!("socket(AF_INET, SOCK_STREAM, 0) = {socket}"));
            text.line(100, format_args!("connect({socket}, {}, 16) = 0", inet(80, "10.0.0.2")));
            text.line(100, format_args!("write({}{PAIR}, \"x\", 1) = 1", i + 3));
        }
    }),
    attack("same_pair_accepted", USUAL, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("accept(3, {}, [16]) = {}", inet(4000, "10.0.0.2"), i + 4));
            text.line(100, format_args!("getsockname({}, {}, [16]) = 0", i + 4, inet(80, "10.0.0.1")));
            text.line(100, format_args!("read({}, \"x\", 1) = 1", i + 4));
        }
    }),
    attack("same_pair_at_last", USUAL, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("socket(AF_INET, SOCK_STREAM, 0) = {}<TCP:[{}]>", i + 3, 1000 + i));
        }
        (0..n).for_each(|i| text.line(100, format_args!("write({}{PAIR}, \"x\", 1) = 1", i + 3)));
    }),
    attack("both_ends_blind", USUAL, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("socket(AF_INET, SOCK_STREAM, 0) = {}", i + 10));
            text.line(100, format_args!("connect({}, {}, 16) = 0", i + 10, inet(80, "127.0.0.1")));
        }
        for i in 0..n {
            text.line(200, format_args!("accept(3, NULL, NULL) = {}", i + 10));
            text.line(200, format_args!("read({}, \"x{i}\", 9) = 4", i + 10));
        }
    }),
    attack("port_used_again", USUAL, |text, n| {
        for i in 0..n {
            let socket = format!("3<TCP:[{}]>", 1000 + i);
            let pair = format!("3<TCP:[10.0.0.1:{}->10.0.0.2:80]>", 4000 + i % 4);
            text.line(100, format_args!("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = {socket}"));
            text.line(100, format_args!("connect({socket}, {}, 16) = 0", inet(80, "10.0.0.2")));
            text.line(100, format_args!("write({pair}, \"x\", 1) = 1"));
            text.line(100, format_args!("close({pair}) = 0"));
        }
    }),
    attack("tcp_connected_anew", USUAL, |text, n| {
        bound(text, "SOCK_STREAM");
        for i in 0..n {
            text.line(100, format_args!("connect(3, {}, 16) = 0", inet(1 + i % 60_000, "11.0.0.1")));
            text.line(100, format_args!("write(3, \"x\", 1) = 1"));
        }
    }),
    attack("tcp_refused", USUAL, |text, n| {
        bound(text, "SOCK_STREAM");
        for i in 0..n {
            let address = inet(1 + i % 60_000, "11.0.0.1");
            text.line(100, format_args!("connect(3, {address}, 16) = -1 ECONNREFUSED (Connection refused)"));
        }
    }),
    attack("udp_connected_anew", USUAL, |text, n| {
        bound(text, "SOCK_DGRAM");
        (0..n).for_each(|i| text.line(100, format_args!("connect(3, {}, 16) = 0", inet(1 + i % 60_000, "11.0.0.1"))));
    }),
    attack("sessions", USUAL, |text, n| {
        (0..n).for_each(|i| text.line(100, format_args!("close({}<TCP:[{}]>) = 0", i + 1000, i + 1)));
    }),
    attack("unix_inodes", USUAL, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("write(3<UNIX-STREAM:[{}->{}]>, \"x\", 1) = 1", 2 * i + 10, 2 * i + 11));
        }
    }),
    attack("unix_inodes_open", USUAL, |text, n| {
        for i in 0..n {
            let (fd, own, other) = (i + 3, 2 * i + 10, 2 * i + 11);
            text.line(100, format_args!("write({fd}<UNIX-STREAM:[{own}->{other},\"/run/s{i}\"]>, \"x\", 1) = 1"));
        }
    }),
    attack("inodes_that_a_weak_hash_mixes_up", USUAL, |text, n| {
        for i in 0..n {
            let inode = (i as u64).wrapping_mul(0x7814_94a5_5dae_ed0d);
            text.line(100, format_args!("write({}<UNIX-STREAM:[{inode}]>, \"x\", 1) = 1", i + 3));
        }
    }),
    attack("one_local_name_after_another", USUAL, |text, n| {
        (0..n).for_each(|i| text.line(100, format_args!("write(3<UNIX-DGRAM:[77,\"@n{i}\"]>, \"x\", 1) = 1")));
    }),
    attack("dup", USUAL, |text, n| {
        (0..n).for_each(|i| text.line(100, format_args!("dup(3{PAIR}) = {}{PAIR}", i + 4)));
    }),
    attack("pipes", USUAL, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("pipe([{}, {}]) = 0", 2 * i + 3, 2 * i + 4));
            text.line(100, format_args!("write({}, \"x\", 1) = 1", 2 * i + 4));
        }
    }),
    attack("listeners", 5000, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("socket(AF_INET, SOCK_STREAM, 0) = 3"));
            text.line(100, format_args!("bind(3, {}, 16) = 0", inet(1 + i % 60_000, "10.0.0.1")));
            text.line(100, format_args!("listen(3, 5) = 0"));
        }
    }),
    attack("fifos_removed", USUAL, |text, n| {
        for i in 0..n {
            text.line(100, format_args!("mknod(\"/run/{i}\", S_IFIFO|0644) = 0"));
            text.line(100, format_args!("unlink(\"/run/{i}\") = 0"));
        }
    }),
    attack("fifos_corrected", USUAL, |text, n| {
        for _ in 0..n {
            text.line(100, format_args!("mknod(\"/run/f\", S_IFIFO|0644) = 0"));
            text.line(100, format_args!("write(3</run/f>, \"x\", 1) = 1"));
            text.line(100, format_args!("unlink(\"/run/f\") = 0"));
        }
    }),
    attack("fifos_with_long_names", 20, |text, n| {
        (0..n).for_each(|i| text.line(100, format_args!("mknod(\"/{i}{}\", S_IFIFO|0644) = 0", "n".repeat(20_000))));
    }),
    attack("rights", USUAL, |text, n| {
        let all: Vec<_> = (0..n).map(|i| (i + 5).to_string()).collect();
        text.line(100, format_args!("socketpair(AF_UNIX, SOCK_STREAM, 0, [3{LEFT}, 4{RIGHT}]) = 0"));
        text.line(100, format_args!("{}", rights(3, LEFT, &all.join(", "))));
    }),
    attack("rights_never_received", 2000, |text, n| {
        text.line(100, format_args!("socketpair(AF_UNIX, SOCK_STREAM, 0, [3{LEFT}, 4{RIGHT}]) = 0"));
        text.line(100, format_args!("socket(AF_INET, SOCK_STREAM, 0) = 5"));
        (0..n).for_each(|_| text.line(100, format_args!("{}", rights(3, LEFT, "5"))));
    }),
    attack("sockets_sent_over_themselves", USUAL, |text, n| {
        for _ in 0..n {
            text.line(100, format_args!("socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0"));
            text.line(100, format_args!("{}", rights(3, "", "4")));
        }
    }),
];

const PAIR: &str = "<TCP:[10.0.0.1:4000->10.0.0.2:80]>";
const LEFT: &str = "<UNIX-STREAM:[1->2]>";
const RIGHT: &str = "<UNIX-STREAM:[2->1]>";

/// An address of IPv4.
pub(super) fn inet(port: usize, host: &str) -> String {
    format!("{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr(\"{host}\")}}")
}

/// A socket that has a port.
pub(super) fn bound(text: &mut Text, kind: &str) {
    text.line(100, format_args!("socket(AF_INET, {kind}, 0) = 3"));
    text.line(100, format_args!("bind(3, {}, 16) = 0", inet(5000, "10.0.0.1")));
}

/// A message with descriptors.
fn rights(fd: usize, details: &str, all: &str) -> String {
    let control = format!("{{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[{all}]}}");
    format!(
        "sendmsg({fd}{details}, {{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"x\", iov_len=1}}], \
         msg_iovlen=1, msg_control=[{control}], msg_controllen=24, msg_flags=0}}, 0) = 1"
    )
}
