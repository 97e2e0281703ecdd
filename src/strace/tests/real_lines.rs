//! Lines that people published (issues of the projects named, and public code), each with the event it means. The
//! numbers are only for finding them.

use super::super::Skip;
use super::{check, check_skip};

#[test]
fn sockets_and_their_names() {
    // 1: strace#154
    check(
        r#"accept4(3<socket:[15157]>, {sa_family=AF_INET, sin_port=htons(62958), sin_addr=inet_addr("1.2.3.4")}, [16], SOCK_CLOEXEC) = 29<socket:[91704707]>"#,
        &["0 accept 3<Other Unknown #15157> 1.2.3.4:62958 = 29<Other Unknown #91704707> cloexec"],
    );
    // 3: strace#214
    check(
        r#"151020 [unconfined_t] 14:37:21.990449 connect(3<UNIX-STREAM:[524197]> [unconfined_t], {sa_family=AF_UNIX, sun_path="/run/dbus/system_bus_socket" [system_dbusd_var_run_t]}, 30) = 0 <0.000033>"#,
        &["151020 connect 3<Unix Stream #524197> /run/dbus/system_bus_socket = 0"],
    );
    // 6: strace#260
    check(
        r#"accept4(3<TCPv6:[[::1]:46887]>, {sa_family=AF_INET6, sin6_port=htons(60152), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, [28], 0) = 5<TCPv6:[[::1]:46887->[::1]:60152]>"#,
        &["0 accept 3<Inet6 Stream [::1]:46887> [::1]:60152 = 5<Inet6 Stream [::1]:46887->[::1]:60152>"],
    );
    // 10: rsyslog#3728, its address edited
    check(
        r#"[pid  6329] accept(8, {sa_family=AF_INET, sin_port=htons(36463), sin_addr=inet_addr("10.0.x.z")}, [128->16]) = 15"#,
        &["6329 accept 8 249.179.243.90:36463 = 15"],
    );
    // 12: miku/esbulk#21
    check(
        r#"connect(5, {sa_family=AF_INET6, sin6_port=htons(9200), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_flowinfo=0, sin6_scope_id=0}, 28) = -1 EINPROGRESS (Operation now in progress)"#,
        &["0 connect 5 [::1]:9200 = InProgress"],
    );
    // 13: miku/esbulk#21
    check(
        "socket(PF_INET6, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 5",
        &["0 socket Inet6 Stream = 5 cloexec"],
    );
    // 19
    check(
        "socket(AF_INET6, SOCK_DGRAM, IPPROTO_IP) = 3<UDPv6:[19224551]>",
        &["0 socket Inet6 Datagram = 3<Inet6 Datagram #19224551>"],
    );
    // 40
    check(
        r#"bind(9<UNIX:[36605]>, {sa_family=AF_LOCAL, sun_path="/tmp/.xrdp/xrdp-9CZDUD/xrdp_000005ad_wm_login_mode_event_00000004_375cd735"}, 110) = 0"#,
        &["0 bind 9<Unix Unknown #36605> /tmp/.xrdp/xrdp-9CZDUD/xrdp_000005ad_wm_login_mode_event_00000004_375cd735"],
    );
}

#[test]
fn payload_received() {
    // 15: iputils#302
    check(
        r#"recvmsg(3, {msg_name={sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("192.168.1.1")}, msg_namelen=128->16, msg_iov=[{iov_base="E\0\0T6<\0\0?\1\0\316\300\250\1\1\254\23\326\342\0\0Le\30N\3\237\332h\221a"..., iov_len=192}], msg_iovlen=1, msg_control=[{cmsg_len=32, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMP_OLD, cmsg_data={tv_sec=1636919514, tv_usec=398455}}], msg_controllen=32, msg_flags=0}, 0) = 84"#,
        &[
            r#"0 Recvmsg 3 "E\x00\x00T6<\x00\x00?\x01\x00\xce\xc0\xa8\x01\x01\xac\x13\xd6\xe2\x00\x00Le\x18N\x03\x9f\xdah\x91a" = 84 asked 192 [0+32/84 192.168.1.1:0]"#,
        ],
    );
    // 17: CudaText#3501
    check(
        "recvmsg(4, {msg_namelen=0}, 0)          = -1 EAGAIN (Resource temporarily unavailable)",
        &[r#"0 Recvmsg 4 "" = Again"#],
    );
    // 18: systemd#34688
    check(
        r#"1     recvmsg(117<socket:[14492]>, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="l\1\0\1=\0\0\0\2\0\0\0\236\0\0\0\1\1o\0\31\0\0\0", iov_len=24}], msg_iovlen=1, msg_controllen=0, msg_flags=MSG_CMSG_CLOEXEC}, MSG_DONTWAIT|MSG_CMSG_CLOEXEC) = 24"#,
        &[
            r#"1 Recvmsg 117<Other Unknown #14492> "l\x01\x00\x01=\x00\x00\x00\x02\x00\x00\x00\x9e\x00\x00\x00\x01\x01o\x00\x19\x00\x00\x00" = 24 asked 24 [0+24/24]"#,
        ],
    );
    // 20
    check(
        "[pid 22526] 10:43:25.744972 recvfrom(34<TCP:[54.36.162.150:59830->92.122.122.138:80]>, 0x7f7794efc9e7, 1, MSG_PEEK, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable) <0.000012>",
        &[r#"22526 Recvfrom 34<Inet Stream 54.36.162.150:59830->92.122.122.138:80> "" = Again asked 1"#],
    );
    // 21
    check(
        r#"[pid 22526] 10:43:25.744679 recvfrom(34<TCP:[54.36.162.150:59830->92.122.122.138:80]>, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n…ETag: \"ae780585f49b94ce1444eb7d28906123\"\r\n…X-Amz-Cf-I"..., 32768, 0, NULL, NULL) = 384 <0.000012>"#,
        &[
            r#"22526 Recvfrom 34<Inet Stream 54.36.162.150:59830->92.122.122.138:80> "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\xe2\x80\xa6ETag: \"ae780585f49b94ce1444eb7d28906123\"\r\n\xe2\x80\xa6X-Amz-Cf-I" = 384 asked 32768 [0+101/384]"#,
        ],
    );
    // 34
    check(
        "[00007febcad14992] read(0, 0x7ffd2b0b9ed0, 128) = ? ERESTARTSYS (To be restarted if SA_RESTART is set) <5.907470>",
        &[r#"0 Read 0 "" = ? asked 128"#],
    );
}

#[test]
fn payload_sent() {
    // 2: strace#154
    check(
        "sendfile(29<TCP:[1.2.3.4:80->5.6.7.8:63330]>, 30</srv/test.jpg>, [0], 21952) = 21952",
        &[r#"0 Sendfile 29<Inet Stream 1.2.3.4:80->5.6.7.8:63330> "" = 21952 [0+0/21952]"#],
    );
    // 31
    check(
        r#"[pid  8623] write(3<TCP:[172.38.40.250:27436->10.20.5.98:8056]>, "POST /api/v1/auth/tokens:login HTTP/1.1\r\nHost: 10.20.5.98:8056\r\n…{\"auth\":{\"name\":\"admin\",\"password\":\"admin\"}}", 217) = 217"#,
        &[
            r#"8623 Write 3<Inet Stream 172.38.40.250:27436->10.20.5.98:8056> "POST /api/v1/auth/tokens:login HTTP/1.1\r\nHost: 10.20.5.98:8056\r\n\xe2\x80\xa6{\"auth\":{\"name\":\"admin\",\"password\":\"admin\"}}" = 217 asked 217 [0+111/217]"#,
        ],
    );
    // 36
    check(
        r#"sendmsg(20<socket:[92070424]>, {msg_name(16)={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("8.8.8.8")}, msg_iov(1)=[{"\372\f\1 \0\1\0\0\0\0\0\1\10ifconfig\2me\0\0\1\0\1\0\0)"..., 40}], msg_controllen=0, msg_flags=0}, 0) = 40"#,
        &[
            r#"0 Sendmsg 20<Other Unknown #92070424> "\xfa\x0c\x01 \x00\x01\x00\x00\x00\x00\x00\x01\x08ifconfig\x02me\x00\x00\x01\x00\x01\x00\x00)" = 40 asked 40 [0+32/40 8.8.8.8:53]"#,
        ],
    );
    // 38
    check(
        "2386272 1757048488.670902 sendto(16<NETLINK:[ROUTE:2386219]>, [{nlmsg_len=20, nlmsg_type=RTM_GETADDR, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1757048488, nlmsg_pid=0}, {ifa_family=AF_UNSPEC, ...}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20 <0.000021>",
        &[r#"2386272 Sendto 16<Other Unknown> "" = 20 asked 20 [0+0/20 other]"#],
    );
    // 39
    check(
        r#"sendmsg(9, {msg_name(16)={sa_family=AF_INET, sin_port=htons(161), sin_addr=inet_addr("192.168.1.12")}, msg_iov(1)=[{"00\2\1\0\4\10public.1\240!\2\4U=2\357\2\1\0\2\1\0000\023"..., 50}], msg_controllen=24, {cmsg_len=24, cmsg_level=SOL_IP, cmsg_type=, ...}, msg_flags=0}, MSG_DONTWAIT|MSG_NOSIGNAL) = 50"#,
        &[
            r#"0 Sendmsg 9 "00\x02\x01\x00\x04\x08public.1\xa0!\x02\x04U=2\xef\x02\x01\x00\x02\x01\x000\x13" = 50 asked 50 [0+31/50 192.168.1.12:161]"#,
        ],
    );
    // 41
    check(
        r#"14:04:02.062550 sendmsg(3, {msg_name(16)={sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.0.0.1")}, msg_iov(1)=[{"\10\0$@\217\36\0\2\262c\211D\35\364\0\0\10\t\n\v\f\r\16"..., 64}], msg_controllen=0, msg_flags=0}, 0) = 64 <0.000048>"#,
        &[
            r#"0 Sendmsg 3 "\x08\x00$@\x8f\x1e\x00\x02\xb2c\x89D\x1d\xf4\x00\x00\x08\t\n\x0b\x0c\r\x0e" = 64 asked 64 [0+23/64 127.0.0.1:0]"#,
        ],
    );
}

#[test]
fn descriptors_and_threads() {
    // 22
    check(
        "[pid 22568] 10:43:27.993342 close(49<UNIX:[15589437->15589436]>) = 0 <0.000006>",
        &["22568 close 49<Unix Unknown #15589437->#15589436> = 0"],
    );
    // 25
    check(
        "[pid  4233] 19:58:40.705564 <... clone resumed> child_stack=0, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f3b1ca779d0) = 5562 <0.000564>",
        &["4233 cloned 5562 files false thread false"],
    );
    // 32
    check_skip(
        "2633  1709301662.069218 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xffff7fd4e000 <0.000034>",
        Skip::NotUsed,
    );
    check(
        r#"2633  1709301662.069218 openat(AT_FDCWD<\x2f\x72\x6f\x6f\x74>, "\x2f…", O_RDONLY|O_CLOEXEC) = 3<\x2f\x65\x74\x63…> <0.000033>"#,
        &["2633 appeared 3<no socket> cloexec"],
    );
}

#[test]
fn halves() {
    // 4: strace#344, and the other half, which was not published
    let trace = [
        r#"bind(103<UNIX:[1629885]>, {sa_family=0x1 /* AF_UNIX */, sun_path=@"my-neat-socket\x00\x00\x00"}, 110 <unfinished ...>"#,
        "<... bind resumed>) = 0",
    ];
    check_skip(trace[0], Skip::Unfinished);
    check(&trace.join("\n"), &[r"0 bind 103<Unix Unknown #1629885> @my-neat-socket\x00\x00\x00"]);
    // 7: strace#152
    check_skip("[pid  1905] select(0, NULL, NULL, NULL, {0, 198904} <unfinished ...>", Skip::NotUsed);
    check_skip("[pid  1905] <... select resumed> )      = 0 (Timeout)", Skip::NotUsed);
    // 8: rsyslog#3728
    check_skip("[pid  6326] restart_syscall(<... resuming interrupted poll ...> <unfinished ...>", Skip::NotUsed);
    // 9: rsyslog#3728
    check_skip(
        "[pid  6329] <... epoll_wait resumed> [{EPOLLIN, {u32=4026536208, u64=140320608096528}}], 128, -1) = 1",
        Skip::NotUsed,
    );
    // 16: microsoft/WSL#1845
    check_skip("[pid    19] <... epoll_wait resumed> [], 512, 500) = 0", Skip::NotUsed);
}

#[test]
fn halves_with_times_and_marks() {
    // 23
    let trace = [
        "[pid 22505] 10:43:20.203299 recvmsg(4<TCPv6:[::1:59094->::1:6015]>,  <unfinished ...>",
        "[pid 22505] 10:43:20.203330 <... recvmsg resumed> {msg_namelen=0}, 0) = -1 EAGAIN (Resource temporarily unavailable) <0.000018>",
    ];
    check(&trace.join("\n"), &[r#"22505 Recvmsg 4<Inet6 Stream [::1]:59094->[::1]:6015> "" = Again"#]);
    // 24
    check_skip(
        "10:43:20.757752 <... poll resumed> )    = ? ERESTART_RESTARTBLOCK (Interrupted by signal) <0.009246>",
        Skip::NotUsed,
    );
    // 26: it ended when the call began
    let trace =
        ["[pid 22606] 10:43:31.485871 exit(0 <unfinished ...>", "[pid 22606] 10:43:31.485871 <... exit resumed>) = ?"];
    check_skip(trace[1], Skip::NotUsed);
    check(&trace.join("\n"), &["22606 ended"]);
    // 14: miku/esbulk#21
    let trace = ["epoll_wait(4, ^Cstrace: Process 69326 detached", " <detached ...>"];
    check(&trace.join("\n"), &[]);
    // 33
    check_skip("[00000000004305e8] rt_sigprocmask(SIG_SETMASK, [],  <unfinished ...>) = ?", Skip::NotUsed);
    check("[????????????????] +++ killed by SIGSEGV +++", &["0 ended"]);
}

/// A half of which the other was not published: alone it is skipped, and with the other it is the event.
#[track_caller]
fn check_with_other(halves: [&str; 2], published: usize, expected: &str) {
    let reason = [Skip::Unfinished, Skip::ResumedAlone][published];
    check_skip(halves[published], reason);
    check(&halves.join("\n"), &[expected]);
}

#[test]
fn halves_alone() {
    // 27
    check_with_other(
        [
            "[pid   403] 23:49:49.393961 accept(10<TCPv6:[[::]:8080]>,  <unfinished ...>",
            r#"[pid   403] 23:49:57.575145 <... accept resumed>{sa_family=AF_INET6, sin6_port=htons(49304), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::ffff:172.22.0.1", &sin6_addr), sin6_scope_id=0}, [28]) = 40<TCPv6:[[::ffff:172.22.0.2]:8080->[::ffff:172.22.0.1]:49304]> <8.181184>"#,
        ],
        1,
        "403 accept 10<Inet6 Stream [::]:8080> [::ffff:172.22.0.1]:49304 = 40<Inet6 Stream [::ffff:172.22.0.2]:8080->[::ffff:172.22.0.1]:49304>",
    );
    // 30
    check_with_other(
        [
            "26464 14:25:15.267023 getsockname(120<UDP:[<srcAddress>:44252->188.185.84.86:9140]>, <unfinished ...>",
            r#"26464 14:25:15.267040 <... getsockname resumed>{sa_family=AF_INET, sin_port=htons(44252), sin_addr=inet_addr("10.0.0.1")}, [128 => 16]) = 0"#,
        ],
        0,
        "26464 local 120<Inet Datagram 246.97.177.133:44252->188.185.84.86:9140> 10.0.0.1:44252",
    );
    // 33
    check_with_other(
        [
            "[pid 4122682] [000000000044307a] recvfrom(4,  <unfinished ...>",
            r#"[pid 4122682] [000000000044307a] <... recvfrom resumed>"Test\n", 64, 0, {sa_family=AF_INET, sin_port=htons(47142), sin_addr=inet_addr("127.0.0.1")}, [16]) = 5"#,
        ],
        1,
        r#"4122682 Recvfrom 4 "Test\n" = 5 asked 64 [0+5/5 127.0.0.1:47142]"#,
    );
    // 42
    check_with_other(
        [
            "[pid 14619] recvfrom(9,  <unfinished ...>",
            r#"[pid 14619] <... recvfrom resumed> "\10\0TMsg777", 8192, 0, NULL, NULL) = 9"#,
        ],
        1,
        r#"14619 Recvfrom 9 "\x08\x00TMsg777" = 9 asked 8192 [0+9/9]"#,
    );
}

#[test]
fn forms_of_other_versions() {
    // strace 4.26, 5.0 and 5.12 on a kernel that has a protocol of its own for UNIX streams
    check(
        r#"25072 write(12<(null):[555173->555174]>, "x", 1) = 1"#,
        &[r#"25072 Write 12<Unix Stream #555173->#555174> "x" = 1 asked 1 [0+1/1]"#],
    );
    // 4.10 to 4.21
    check(
        r#"read(5<TCPv6:[::1:36031->::1:58822]>, "x", 1) = 1"#,
        &[r#"0 Read 5<Inet6 Stream [::1]:36031->[::1]:58822> "x" = 1 asked 1 [0+1/1]"#],
    );
    // 7.2 -N
    check(
        r#"27502 sendto(sockfd=4<TCP:[127.0.0.1:50474->127.0.0.1:45375]>, buf="abc\0def", len=7, flags=0, dest_addr=NULL, addrlen=0) = 7"#,
        &[r#"27502 Sendto 4<Inet Stream 127.0.0.1:50474->127.0.0.1:45375> "abc\x00def" = 7 asked 7 [0+7/7]"#],
    );
    // 7.2: the comma is in the second half
    let trace = [
        "10321 read(3<UNIX-STREAM:[548220->548221]> <unfinished ...>",
        r#"10321 <... read resumed>, "one", 100)   = 3"#,
    ];
    check(&trace.join("\n"), &[r#"10321 Read 3<Unix Stream #548220->#548221> "one" = 3 asked 100 [0+3/3]"#]);
    // 4.10 and 4.13: a thread executes another program and goes on as the leader
    let trace = [
        r#"23476 execve("/bin/echo", ["echo", "hi"], [/* 35 vars */] <pid changed to 23474 ...>"#,
        "23474 +++ superseded by execve in pid 23476 +++",
        "23474 <... execve resumed> )            = 0",
    ];
    check(&trace.join("\n"), &["23474 superseded by 23476", "23474 executed /bin/echo"]);
}

#[test]
fn what_is_passed_over() {
    // 5: strace#87
    check_skip(
        r#"getsockopt(17<TCPv6:[1273563]>, SOL_IPV6, 0x50 /* IPV6_??? */, "\n\0\1\273\0\0\0\0&\7\370\260@\7\10\10\0\0\0\0\0\0 \3\0\0\0\0", [28]) = 0"#,
        Skip::NotUsed,
    );
    // 11: rsyslog#3728
    check_skip("strace: Process 6325 attached with 11 threads", Skip::Message);
    // 28
    check_skip(r#"21:16:06.210436 write(2</dev/pts/3<char 136:3>>, "\r", 1) = 1 <0.000031>"#, Skip::NotSocket);
    // 29
    check_skip(
        "21:16:06.218655 poll([{fd=5<TCP:[172.16.58.146:56690->172.16.58.147:8000]>, events=POLLIN}, {fd=3<UNIX-STREAM:[185295->185296]>, events=POLLIN}], 2, 1000) = 1 ([{fd=5, revents=POLLIN}]) <0.000045>",
        Skip::NotUsed,
    );
    // 35
    check_skip(
        "121009      0.000004 futex(0x574cd7b0cd00, FUTEX_WAIT_PRIVATE, 6, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)",
        Skip::NotUsed,
    );
    // 37
    check_skip(
        "[pid 8819] sendmmsg(3, [{msg_hdr={…iov_len=29}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, msg_len=29}, {msg_hdr={…, msg_flags=MSG_EOR|MSG_CONFIRM|MSG_RST|MSG_MORE|MSG_WAITFORONE|MSG_CMSG_CLOEXEC|0x80200000}, msg_len=29}], 2, MSG_NOSIGNAL) = 2",
        Skip::Malformed,
    );
}

#[test]
fn none_of_the_published_ones_is_missing() {
    let text = include_str!("real_lines.rs");
    let comments = text.lines().filter_map(|line| line.trim().strip_prefix("// "));
    let number = |comment: &str| comment.split(':').next()?.parse().ok();
    let mut numbers: Vec<u32> = comments.filter_map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=42).collect::<Vec<_>>());
}
