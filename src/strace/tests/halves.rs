//! Calls cut in two, in every layout since strace 4.10.

use super::super::arguments;
use super::*;
use crate::event::Timestamp;

/// How a version of strace cuts a call.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// Up to 4.26: a blank behind `resumed>`.
    Blank,
    /// 5.0 to 6.15.
    Comma,
    /// From 6.16 on: the comma stands in the second half.
    CommaMoved,
}

const LAYOUTS: [Layout; 3] = [Layout::Blank, Layout::Comma, Layout::CommaMoved];

/// Whole calls, one of each shape.
const CALLS: &[&str] = &[
    r#"read(3<UNIX-STREAM:[70479->70480]>, "one", 100) = 3"#,
    r#"read(3, "a <unfinished ...>", 100) = 18"#,
    r#"read(3, "", 100)                        = 0"#,
    "read(3, 0x7ffdf265d660, 10) = -1 EBADF (Bad file descriptor)",
    r#"write(4<TCP:[127.0.0.1:38954->127.0.0.1:36973]>, "\x68\") = 5\", 6)", 9) = 4"#,
    r#"recvfrom(6<UDP:[127.0.0.1:5]>, "data", 4, MSG_TRUNC, {sa_family=AF_INET, sin_port=htons(7), sin_addr=inet_addr("1.2.3.4")}, [128 => 16]) = 8"#,
    r#"sendto(4, "p056", 4, 0, NULL, 0) = 4"#,
    r#"readv(5, [{iov_base="onet", iov_len=4}, {iov_base="hree", iov_len=8}], 2) = 8"#,
    r#"writev(5, [{"one", 3}, {"", 0}, {"three", 5}], 3) = 8"#,
    r#"sendmsg(4, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="one", iov_len=3}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, MSG_NOSIGNAL) = 3"#,
    r#"recvmsg(13, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="F", iov_len=1}], msg_iovlen=1, msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[18<TCP:[5]>, 19]}], msg_controllen=24, msg_flags=MSG_CMSG_CLOEXEC}, MSG_CMSG_CLOEXEC) = 1"#,
    r#"recvmmsg(6, [{msg_hdr={msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="mnm", iov_len=16}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, msg_len=3}], 5, MSG_DONTWAIT, {tv_sec=1, tv_nsec=0}) = 1 (left {tv_sec=0, tv_nsec=999994011})"#,
    "splice(5<TCP:[5]>, NULL, 23<pipe:[61849]>, NULL, 100, SPLICE_F_MOVE) = 9",
    r#"accept4(3<TCP:[127.0.0.1:44751]>, {sa_family=AF_INET, sin_port=htons(49280), sin_addr=inet_addr("127.0.0.1")}, [128 => 16], SOCK_CLOEXEC) = 5<TCP:[127.0.0.1:44751->127.0.0.1:49280]>"#,
    r#"connect(4, {sa_family=AF_UNIX, sun_path="/a, b) = 0"}, 110) = -1 EINPROGRESS (Operation now in progress)"#,
    "shutdown(4, SHUT_WR) = 0",
    "close(4<UNIX-STREAM:[5]>) = 0",
    "dup2(4, 50) = 50",
    "fcntl(4, F_DUPFD_CLOEXEC, 60) = 61",
    "pipe2([20<pipe:[61848]>, 21<pipe:[61848]>], O_CLOEXEC) = 0",
    "clone(child_stack=NULL, flags=CLONE_FILES|SIGCHLD, child_tidptr=0x7f37089c4a10) = 17526",
    "clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD, stack_size=0x7fff80} => {parent_tid=[17525]}, 88) = 17525",
    "vfork() = 17",
    r#"execve("/bin/echo", ["echo", "h)i"], 0x7ffe320dc5b8 /* 35 vars */) = 0"#,
    r#"openat(AT_FDCWD</tmp/a, b>, "x", O_RDONLY|O_CLOEXEC) = 3</tmp/a, b/x>"#,
];

/// The places where strace may stop: before the first argument, behind every one.
fn places(call: &str) -> Vec<usize> {
    let text = call.as_bytes();
    let mut places = vec![call.find('(').expect("a parenthesis") + 1];
    while let Some((_, rest)) = arguments::value(&text[*places.last().expect("the first")..]) {
        places.push(call.len() - rest.len());
        if !rest.starts_with(b", ") {
            break;
        }
        *places.last_mut().expect("the one just put there") += 2;
    }
    places.dedup();
    places
}

fn halves(call: &str, place: usize, layout: Layout) -> [String; 2] {
    let (first, second) = call.split_at(place);
    let name = call.split('(').next().expect("a name");
    let [first, second] = match (layout, first.strip_suffix(", ")) {
        (Layout::CommaMoved, Some(before)) => [before.to_string(), format!(", {second}")],
        _ => [first.to_string(), second.to_string()],
    };
    let blank = if matches!(layout, Layout::Blank) { " " } else { "" };
    [
        format!("7 1700000000.000001 {first} <unfinished ...>"),
        format!("7 1700000000.000011 <... {name} resumed>{blank}{second} <0.000009>"),
    ]
}

#[test]
fn put_together_they_are_the_whole() {
    for call in CALLS {
        let (expected, counts) = read([format!("7 1700000000.000001 {call} <0.000010>")], TraceOptions::default());
        assert_eq!((expected.len(), counts.used), (expected.len().max(1), 1), "{call}: {counts:?}");
        for (place, layout) in places(call).into_iter().flat_map(|place| LAYOUTS.map(|layout| (place, layout))) {
            let lines = halves(call, place, layout);
            let (mut events, counts) = read(&lines, TraceOptions::default());
            events.retain(|event| !event.contains("clone begun") && !event.contains("shutdown begins"));
            assert_eq!((&events, counts.used), (&expected, 1), "{lines:#?} {counts:?}");
        }
    }
}

#[test]
fn the_time_runs_from_the_first_to_the_second() {
    let mut times = Vec::new();
    let mut parser = Parser::new(TraceOptions::default());
    let times_of = |event: &Event<'_>| (event.line, event.entry, event.exit);
    for call in ["read(3, \"a\", 1) = 1", "close(3) = 0"] {
        for line in halves(call, call.find('3').expect("a descriptor") + 1, Layout::CommaMoved) {
            times.extend(of_line(&mut parser, line.as_bytes(), times_of));
        }
    }
    times.extend(of_line(&mut parser, b"7 1700000000.000021 read(3, \"a\", 1) = 1 <0.000010>", times_of));
    let at = |microseconds: u64| Timestamp(1_700_000_000_000_000_000 + microseconds * 1_000);
    assert_eq!(times, [(2, at(1), at(11)), (3, at(1), at(1)), (5, at(21), at(31))]);
}

#[test]
fn the_thread_dies_within() {
    check("5 read(3,  <unfinished ...>\n5 <... read resumed> <unfinished ...>) = ?", &["5 Read 3 \"\" = ?"]);
    check("5 write(3, \"a\", 1 <unfinished ...>\n5 <... write resumed>) = ?", &["5 Write 3 \"\" = ? asked 1"]);
    check("5 read(3,  <unfinished ...>)        = ?", &["5 Read 3 \"\" = ?"]);
    check("5 read(3,  <unfinished ...>\n5 +++ killed by SIGKILL +++", &["5 ended"]);
}

#[test]
fn the_second_never_comes() {
    let never = |trace: &str| {
        let (events, counts) = read(trace.lines(), TraceOptions::default());
        (events, counts.never_resumed)
    };
    assert_eq!(never("5 read(3,  <unfinished ...>"), (vec![], 1));
    let again = "5 read(3,  <unfinished ...>\n5 write(4 <unfinished ...>\n5 <... write resumed>, \"a\", 1) = 1";
    assert_eq!(never(again), (vec!["5 Write 4 \"a\" = 1 asked 1 [0+1/1]".into()], 1));
    check_skip("5 epoll_wait(4,  <detached ...>", Skip::NotUsed);
    check_skip("5 read(4,  <detached ...>", Skip::Detached);
}

#[test]
fn the_first_never_came() {
    check_skip("5 <... read resumed>\"a\", 1) = 1", Skip::ResumedAlone);
    check_skip("5 <... futex resumed>) = 0", Skip::NotUsed);
    check("5 <... clone resumed>, flags=CLONE_FILES) = 6", &["5 cloned 6 files true thread false"]);
    let other = "5 read(3,  <unfinished ...>\n5 <... write resumed>\"a\", 1) = 1";
    assert_eq!(read(other.lines(), TraceOptions::default()).1.skipped(Skip::ResumedAlone).count, 1);
}

#[test]
fn what_takes_effect_when_it_begins_is_told_then() {
    check(
        "5 close(3<UNIX-STREAM:[7]> <unfinished ...>\n6 dup(4) = 3\n5 <... close resumed>) = 0",
        &["5 close 3<Unix Stream #7> = 0", "6 dup 4 = 3"],
    );
    check(
        "5 exit_group(0 <unfinished ...>\n5 <... exit_group resumed>) = ?\n5 +++ exited with 0 +++",
        &["5 process ended", "5 ended"],
    );
    check(
        "5 vfork( <unfinished ...>\n6 dup(4) = 3\n5 <... vfork resumed>) = 6",
        &["5 clone begun files false thread false", "6 dup 4 = 3", "5 cloned 6 files false thread false"],
    );
}

#[test]
fn first_halves_tell_who_has_a_socket_and_where_it_connects_to() {
    let begun = |line: &str| {
        let mut parser = Parser::new(TraceOptions::default());
        let mut events = parser.line(line.as_bytes());
        let words = events.next().map(|event| in_words(&event));
        assert!(events.next().is_none());
        words.unwrap_or_default()
    };
    assert_eq!(begun("5 read(3<UNIX-STREAM:[7]>,  <unfinished ...>"), "5 begins Read 3<Unix Stream #7>");
    assert_eq!(begun("5 recvmsg(3 <unfinished ...>"), "5 begins Recvmsg 3");
    assert_eq!(begun("5 write(3</dev/null>, \"a\", 1 <unfinished ...>"), "");
    let address = "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"1.2.3.4\")}";
    assert_eq!(begun(&format!("5 connect(3, {address}, 16 <unfinished ...>")), "5 connects 3 1.2.3.4:80");
    assert_eq!(begun("5 connect(3, {sa_family=AF_UNIX, sun_path=\"/x\"}, 110 <unfinished ...>"), "");
}

#[test]
fn only_the_end_of_a_line_is_a_mark() {
    check("5 write(3, \" <unfinished ...>\", 17) = 17", &["5 Write 3 \" <unfinished ...>\" = 17 asked 17 [0+17/17]"]);
    let nested = "5 write(3, \"<... read resumed>\", 18 <unfinished ...>\n5 <... write resumed>) = 18";
    check(nested, &["5 Write 3 \"<... read resumed>\" = 18 asked 18 [0+18/18]"]);
    check_skip("5 restart_syscall(<... resuming interrupted read ...>) = 0", Skip::NotUsed);
}

#[test]
fn calls_of_x32() {
    check(
        "5 read#64(3 <unfinished ...>\n5 <... read#64 resumed>, \"a\", 1) = 1",
        &["5 Read 3 \"a\" = 1 asked 1 [0+1/1]"],
    );
    check(
        "5 64:read(3,  <unfinished ...>\n5 <... 64:read resumed> \"a\", 1) = 1",
        &["5 Read 3 \"a\" = 1 asked 1 [0+1/1]"],
    );
}

#[test]
fn a_second_half_alone_says_when_the_call_began() {
    let mut parser = Parser::new(TraceOptions::default());
    let line = b"5 9.000000 <... clone resumed>, flags=SIGCHLD) = 6 <1.000000>";
    let times = of_line(&mut parser, line, |event| (event.entry, event.exit));
    assert_eq!(times, [(Timestamp(8_000_000_000), Timestamp(9_000_000_000))]);
}

#[test]
fn a_call_never_ends_before_it_begins() {
    let mut parser = Parser::new(TraceOptions::default());
    of_line(&mut parser, b"5 9.000000 read(3 <unfinished ...>", in_words);
    let second = b"5 8.000000 <... read resumed>, \"a\", 1) = 1";
    let times = of_line(&mut parser, second, |event| (event.entry, event.exit));
    assert_eq!(times, [(Timestamp(9_000_000_000), Timestamp(9_000_000_000))]);
}

#[test]
fn a_second_half_without_prefix_follows_its_first() {
    let trace = [
        "5 read(3,  <unfinished ...>",
        "\"ab\", 99)                         = 2 <0.000100>",
        "5 wait4(6,  <unfinished ...>",
        "[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 6 <0.000130>",
    ];
    let (events, counts) = read(trace, TraceOptions::default());
    assert_eq!(events, [r#"5 Read 3 "ab" = 2 asked 99 [0+2/2]"#]);
    assert_eq!(counts.skipped(Skip::NotStrace).count, 0);
    let (_, counts) = read(&trace[1..], TraceOptions::default());
    assert_eq!(counts.skipped(Skip::NotStrace).count, 1);
}
