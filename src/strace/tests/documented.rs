//! Every form of every call, and the event that it is: the table is `documented.txt`, where a newcomer adds two lines.

use super::super::Amount;
use super::{Counts, Options, Parser, Skip, of_line, what};
use proptest::prelude::*;
use std::fmt::Write;

const REASONS: [Skip; 6] =
    [Skip::Injected, Skip::NotUsed, Skip::NotSocket, Skip::Peeked, Skip::UnknownCall, Skip::Malformed];

/// The events of a line, in words, and why there is none.
fn in_words(line: &[u8]) -> String {
    let mut parser = Parser::new(Options::default());
    let mut words = of_line(&mut parser, line, |event| what(&event.what));
    words.extend(parser.finish().map(|event| what(&event.what)));
    words.extend(
        REASONS.iter().filter(|reason| parser.counts().skipped(**reason).count > 0).map(|reason| format!("{reason:?}")),
    );
    words.join("; ")
}

/// What `<A>` and `<U>` spare the table: as strace prints it, and in words.
const DETAILS: [[&str; 3]; 2] = [
    ["<A>", "<TCP:[127.0.0.1:38954->127.0.0.1:36973]>", "<Inet Stream 127.0.0.1:38954->127.0.0.1:36973>"],
    ["<U>", "<UDP:[0.0.0.0:45909]>", "<Inet Datagram 0.0.0.0:45909>"],
];

fn written_out(line: &str) -> String {
    DETAILS.iter().fold(line.to_owned(), |line, [short, printed, _]| line.replace(short, printed))
}

fn shortened(words: &str) -> String {
    DETAILS.iter().fold(words.to_owned(), |words, [short, _, long]| words.replace(long, short))
}

#[test]
fn every_form_of_every_call() {
    let mut lines = include_str!("documented.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = String::new();
    while let (Some(call), Some(expected)) = (lines.next(), lines.next()) {
        let found = shortened(&in_words(written_out(call).as_bytes()));
        if found != expected.trim_start() {
            writeln!(wrong, "{call}\n    {found}").expect("a String takes all");
        }
    }
    assert!(wrong.is_empty(), "not as the table has it:\n{wrong}");
}

/// What was counted after one line.
fn counted(line: &str) -> Counts {
    let mut parser = Parser::new(Options::default());
    of_line(&mut parser, written_out(line).as_bytes(), |_| ());
    parser.finish();
    parser.counts().clone()
}

#[test]
fn facts_are_counted() {
    let amount = |payloads, bytes| Amount { payloads, bytes };
    assert_eq!(counted(r#"write(4<A>, "zzz"..., 9) = 7"#).cut, amount(1, 4));
    assert_eq!(counted("read(4<A>, 0x7f, 9) = 7").hidden, amount(1, 7));
    assert_eq!(counted("sendfile(4<A>, 5</x>, NULL, 9) = 7").unseen, amount(1, 7));
    let message = r#"{msg_hdr={msg_name=NULL, msg_iov=[{iov_base="m", iov_len=1}]}, msg_len=1}"#;
    assert_eq!(counted(&format!("recvmmsg(7<U>, [{message}, {message}, ...], 9, 0, NULL) = 5")).messages_cut.count, 3);
    let details = |line| {
        let counts = counted(line);
        (counts.details_full, counts.details_plain, counts.details_missing)
    };
    assert_eq!(details(r#"write(4<A>, "z", 1) = 1"#), (1, 0, 0));
    assert_eq!(details(r#"write(4<socket:[15157]>, "z", 1) = 1"#), (0, 1, 0));
    assert_eq!(details(r#"write(4, "z", 1) = 1"#), (0, 0, 1));
    assert_eq!(counted(r#"write(4, "\x7a", 1) = 1"#).strings_hex, 1);
    assert_eq!(counted(r#"write(4, "z", 1) = 1"#).strings_escaped, 1);
}

/// Calls of every shape, for cutting and scrambling.
const SAMPLES: [&str; 14] = [
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
];

#[test]
fn any_cut_is_survived() {
    for sample in SAMPLES {
        for end in 0..sample.len() {
            in_words(&sample.as_bytes()[..end]);
            in_words(format!("{} <unfinished ...>", &sample[..end]).as_bytes());
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(sample in 0..SAMPLES.len(), from: usize, length in 0_usize..8, put: Vec<u8>) {
        let mut line = SAMPLES[sample].as_bytes().to_vec();
        let from = from % line.len();
        let to = (from + length).min(line.len());
        line.splice(from..to, put);
        in_words(&line);
    }

    #[test]
    fn what_is_captured_is_what_moved(text in "[a-z]{0,9}", asked in 0_u64..12, moved in 0_u64..12) {
        let words = in_words(format!("write(4, \"{text}\", {asked}) = {moved}").as_bytes());
        let captured = &text[..text.len().min(usize::try_from(moved).expect("small"))];
        prop_assert!(words.contains(&format!("\"{captured}\"")), "{}", words);
    }
}
