//! What holds for any text.

use super::super::Times;
use super::*;
use crate::limits;
use proptest::collection::vec;
use proptest::prelude::*;

/// Lines of every kind, to be cut and mixed.
const LINES: &[&str] = &[
    r#"5 1700000000.000001 read(3<TCP:[1.2.3.4:5->6.7.8.9:80]>, "\x61\142c"..., 100) = 3 <0.000010>"#,
    r#"[pid  5] 10:43:25.744972 recvfrom(34<UDPv6:[[::1]:5]>, "a", 1, MSG_PEEK, {sa_family=AF_INET6, sin6_port=htons(7), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, [28]) = 1"#,
    r#"sendmmsg(7, [{msg_hdr={msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="m1", iov_len=2}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, msg_len=2}, {msg_hdr={msg_name=NULL}}, ...], 3, 0) = 2"#,
    r#"sendmmsg(7, {{{msg_name(0)=NULL, msg_iov(1)=[{"m1", 2}], msg_controllen=0, msg_flags=0}, 2}, {{msg_name(0)=NULL}, 3}}, 3, 0) = 1"#,
    r#"recvmsg(13, {msg_name={sa_family=AF_UNIX, sun_path=@"abs\0x"}, msg_namelen=110 => 8, msg_iov=[{iov_base="F", iov_len=1}], msg_iovlen=1, msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[18<TCP:[5]>, 19]}], msg_controllen=24, msg_flags=0}, 0) = 1"#,
    r#"5     writev(4</dev/null<char 1:3>>, [{iov_base="one", iov_len=3}, {"", 0}, ...], 3) = 8"#,
    "5 socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [12<UNIX-STREAM:[1->2]>, 13<UNIX-STREAM:[2->1,\"/p\"]>]) = 0",
    "5 clone3({flags=CLONE_FILES|CLONE_THREAD} => {parent_tid=[6]}, 88) = 6 /* 25428 in strace's PID NS */",
    "clone(child_stack=NULL, flags=SIGCHLDstrace: Process 6 attached",
    ", child_tidptr=0x7fbbcc1a8a10) = 6<sh>",
    "5 read(3,  <unfinished ...>",
    "5 <... read resumed> \"abc\", 3) = 3",
    "5 execve(\"a\", [\"b\"] <pid changed to 7 ...>",
    "7 +++ superseded by execve in pid 5 +++",
    "7 <... execve resumed>) = 0",
    "5 --- SIGCHLD {si_signo=SIGCHLD} ---",
    "5 +++ exited with 0 +++",
    " = 1 buffers in vector 0",
    " * 5 bytes in buffer 0",
    " | 00000  66 69 72 73 74                                    first            |",
    " > /lib/libc.so.6(x+0x1) [0x1]",
    "\x1b[1;33m5 dup\x1b[0m(3) = 4\x1b[0m",
    r#"write(4<TCP:[1.2.3.4:5->6.7.8.9:10]>, "\x68\x65"..., 5)   = 5 <0.000010>"#,
    r#"readv(5<UNIX-STREAM:[1->2,"/p"]>, [{iov_base="onet", iov_len=4}, {iov_base="h\0e", iov_len=8}, ...], 3) = 8"#,
    r#"sendto(7, "d", 1, MSG_FASTOPEN, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("8.8.8.8")}, 16) = 1"#,
    r#"recvmsg(13, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="F", iov_len=1}], msg_iovlen=1, msg_control=[{cmsg_len=24, cmsg_type=SCM_RIGHTS, cmsg_data=[18<TCP:[1]>, 19]}], msg_flags=0}, 0) = 1"#,
    r#"sendmmsg(7, [{msg_hdr={msg_name=NULL, msg_iov=[{iov_base="m1", iov_len=2}]}, msg_len=2}, {msg_hdr={}}], 2, 0) = 1"#,
    r#"sendmmsg(7, {{{msg_name(0)=NULL, msg_iov(1)=[{"m1", 2}], msg_controllen=0, msg_flags=0}, 2}}, 1, 0) = 1"#,
    "sendfile(4<TCP:[1]>, 26</etc/hostname>, [1] => [3], 10) = 2",
    "splice(5<TCP:[1]>, NULL, 23<pipe:[61849]>, NULL, 100, SPLICE_F_MOVE) = 9",
    r#"accept4(3, {sa_family=AF_INET6, sin6_port=htons(1), inet_pton(AF_INET6, "::1", &sin6_addr)}, [28], 0) = 5<TCPv6:[[::1]:1]>"#,
    "socketpair(AF_UNIX, SOCK_STREAM, 0, [12<UNIX-STREAM:[1->2]>, 13]) = 0",
    "clone3({flags=CLONE_FILES} => {parent_tid=[3]}, 88) = 3<thr> /* 25428 in strace's PID NS */ <0.1>",
    "getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0",
    "setsockopt(4, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8) = 0",
    "pipe2([20<pipe:[61848]>, 21], O_CLOEXEC) = 0",
    "17637<a\\76b> 09:57:49.615798 (+     0.102297) [  45] [00007f041d2fe974] close(3) = 0 <0.1>",
];

const GOOD: &str = "77 1700000000.000001 dup(3) = 4";

/// Whether the parser still reads a line as it should.
#[track_caller]
fn check_survives(lines: &[&[u8]]) {
    let mut parser = Parser::new(TraceOptions::default());
    let mut times = Times::new(&TraceOptions::default());
    let check = |event: &Event<'_>| {
        if let What::Move(moved) = &event.what {
            let end = moved.messages.last().map_or(0, |last| last.start + last.captured);
            assert!(end <= moved.payload.len(), "{event:?}");
            let within = |message: &crate::event::Message| message.captured as u64 <= message.moved;
            assert!(moved.messages.iter().all(within), "{event:?}");
        }
        assert!(event.exit >= event.entry, "{event:?}");
        in_words(event)
    };
    for line in lines {
        times.line(line);
        of_line(&mut parser, line, check);
        parser.release(limits::DUMP_PAUSE).as_ref().map(check);
    }
    // a message in the middle of a call makes the next line a part of it
    of_line(&mut parser, b"", check);
    let events = of_line(&mut parser, GOOD.as_bytes(), check);
    assert_eq!(events.last().map(String::as_str), Some("77 dup 3 = 4"));
    assert!(parser.finish().is_none());
}

#[test]
fn a_line_may_be_cut_anywhere() {
    for line in LINES {
        for end in 0..=line.len() {
            check_survives(&[&line.as_bytes()[..end]]);
            check_survives(&[&[&line.as_bytes()[..end], b" <unfinished ...>"].concat()]);
            check_survives(&[&line.as_bytes()[end..]]);
        }
    }
}

#[test]
fn a_byte_may_be_lost_or_wrong() {
    for line in LINES {
        for at in 0..line.len() {
            let (before, after) = line.as_bytes().split_at(at);
            check_survives(&[&[before, &after[1..]].concat()]);
            for byte in *b"\0\"\\<>[]{}(), 9=-\xff" {
                check_survives(&[&[before, &[byte], &after[1..]].concat()]);
            }
        }
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let line = (0..LINES.len(), 0..400_usize, 0..400_usize).prop_map(|(line, from, to)| {
        let line = LINES[line].as_bytes();
        let (from, to) = (from.min(line.len()), to.min(line.len()));
        line[from.min(to)..to].to_vec()
    });
    prop_oneof![line, vec(any::<u8>(), 0..20)]
}

proptest! {
    #[test]
    fn any_bytes_are_survived(line: Vec<u8>) {
        check_survives(&[&line]);
    }

    #[test]
    fn any_mixture_is_survived(lines in vec(vec(piece(), 1..4), 1..8)) {
        let lines: Vec<_> = lines.iter().map(|pieces| pieces.concat()).collect();
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        check_survives(&lines);
    }
}
