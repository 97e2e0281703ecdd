//! Every form of every call, with what it tells: the table is `documented.txt`, where a newcomer adds two lines.

use super::super::Amount;
use super::{Counts, Options, Parser, Skip, of_line};
use crate::event::{Address, Descriptor, Message, Move, Outcome, UnixName, What};
use proptest::prelude::*;
use std::fmt::Write;

const REASONS: [Skip; 6] =
    [Skip::Injected, Skip::NotUsed, Skip::NotSocket, Skip::Peeked, Skip::UnknownCall, Skip::Malformed];

/// What a line tells, in words.
fn told(line: &[u8]) -> String {
    let mut parser = Parser::new(Options::default());
    let mut words = of_line(&mut parser, line, |event| in_words(&event.what));
    words.extend(parser.finish().map(|event| in_words(&event.what)));
    words.extend(
        REASONS.iter().filter(|reason| parser.counts().skipped(**reason).count > 0).map(|reason| format!("{reason:?}")),
    );
    words.join("; ")
}

fn in_words(what: &What<'_>) -> String {
    match what {
        What::Move(moved) => movement(moved),
        What::Bind { socket, address } => format!("Bind {} {}", socket.fd, place(address)),
        What::Listen { socket } => format!("Listen {}", socket.fd),
        What::Connect { socket, address, outcome } => {
            format!("Connect {} {} {}", socket.fd, place(address), ending(*outcome))
        }
        What::LocalName { socket, address } => {
            format!("LocalName {} {}", socket.fd, place(address))
        }
        What::RemoteName { socket, address } => {
            format!("RemoteName {} {}", socket.fd, place(address))
        }
        What::SocketError { socket, error } => format!("SocketError {} {error:?}", socket.fd),
        What::ResetOnClose { socket, on } => format!("ResetOnClose {} {on}", socket.fd),
        What::Relay { from, to, op, moved } => format!("{op:?} {} {} +{moved}", from.fd, to.fd),
        What::Shutdown { socket, how, outcome } => {
            format!("Shutdown {} {how:?} {}", socket.fd, ending(*outcome))
        }
        other => of_new_ones(other),
    }
}

fn of_new_ones(what: &What<'_>) -> String {
    match what {
        What::Called { name } => format!("Called \"{}\"", name.escape_ascii()),
        What::Socket { made, family, transport, close_on_exec, .. } => {
            format!("Socket {} {family:?} {transport:?}{}", made.fd, mark(*close_on_exec))
        }
        What::Pair { made: [first, second], family, transport, close_on_exec } => {
            let mark = mark(*close_on_exec);
            format!("Pair {} {} {family:?} {transport:?}{mark}", first.fd, second.fd)
        }
        What::Accept { listener, made, peer, close_on_exec } => {
            let peer = peer.as_ref().map_or_else(|| "?".to_owned(), place);
            format!("Accept {} {} {peer}{}", listener.fd, made.fd, mark(*close_on_exec))
        }
        other => of_descriptors(other),
    }
}

fn of_descriptors(what: &What<'_>) -> String {
    match what {
        What::Close { socket, outcome } => format!("Close {} {}", socket.fd, ending(*outcome)),
        What::CloseRange { first, last, only_mark, unshare } => {
            format!("CloseRange {first} {last} {only_mark} {unshare}")
        }
        What::Duplicate { from, made, close_on_exec } => {
            format!("Duplicate {} {}{}", from.fd, made.fd, mark(*close_on_exec))
        }
        What::CloseOnExec { fd, on } => format!("CloseOnExec {fd} {on}"),
        What::Appeared { made, second, close_on_exec } => {
            let second = second.map(|made| format!(" {}", made.fd)).unwrap_or_default();
            format!("Appeared {}{second}{}", made.fd, mark(*close_on_exec))
        }
        What::PidfdOpened { made, process } => format!("PidfdOpened {} of {process}", made.fd),
        What::Fetched { pidfd, process, from, made } => {
            let process = process.map_or("?".to_owned(), |process| process.to_string());
            format!("Fetched {} from {from} of {} {process}", made.fd, pidfd.fd)
        }
        What::CloneBegun { sharing } => {
            format!("CloneBegun {} {}", sharing.files, sharing.thread)
        }
        What::Cloned { child, sharing } => {
            let child = child.map_or(0, |tid| tid.0);
            format!("Cloned {child} {} {}", sharing.files, sharing.thread)
        }
        What::Opaque { made } => format!("Opaque{}", made.map(|made| format!(" {}", made.fd)).unwrap_or_default()),
        What::Executed { name: Some(name) } => format!("Executed \"{}\"", name.escape_ascii()),
        What::Executed { name: None } => "Executed".to_owned(),
        other => format!("{other:?}"),
    }
}

const fn mark(close_on_exec: bool) -> &'static str {
    if close_on_exec { " cloexec" } else { "" }
}

/// `Sendto 7 "datagram"+3 > 127.0.0.1:80 of 8`: 3 bytes more than are in the trace.
fn movement(moved: &Move<'_>) -> String {
    let mut words = format!("{:?} {}", moved.op, moved.socket.fd);
    if moved.outcome.value().is_none() {
        write!(words, " {}", ending(moved.outcome)).expect("a String takes all");
    }
    for message in moved.messages {
        words.push(' ');
        words.push_str(&parcel(message, moved.payload));
    }
    if let Some(requested) = moved.requested {
        write!(words, " of {requested}").expect("a String takes all");
    }
    if !moved.rights.is_empty() {
        let rights: Vec<_> = moved.rights.iter().map(|Descriptor { fd, .. }| fd.0).collect();
        write!(words, " rights {rights:?}").expect("a String takes all");
    }
    words.push_str(if moved.fast_open { " fast" } else { "" });
    words.push_str(if moved.close_on_exec { " cloexec" } else { "" });
    words
}

fn parcel(message: &Message, payload: &[u8]) -> String {
    let bytes = &payload[message.start..message.start + message.captured];
    let mut words = format!("\"{}\"", bytes.escape_ascii());
    if message.moved > message.captured as u64 {
        write!(words, "+{}", message.moved - message.captured as u64).expect("a String takes all");
    }
    if let Some(address) = &message.address {
        write!(words, " {}", place(address)).expect("a String takes all");
    }
    words
}

fn ending(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done(value) => value.to_string(),
        Outcome::Failed(errno) => format!("{errno:?}"),
        Outcome::Unknown => "?".to_owned(),
    }
}

fn place(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(None) => "unnamed".to_owned(),
        Address::Unix(Some(UnixName::Path(path))) => path.escape_ascii().to_string(),
        Address::Unix(Some(UnixName::Abstract(name))) => format!("@{}", name.escape_ascii()),
        Address::Unspecified => "unspecified".to_owned(),
        Address::Other => "other".to_owned(),
    }
}

/// `<A>` and `<U>` spare the table long details.
fn written_out(line: &str) -> String {
    line.replace("<A>", "<TCP:[127.0.0.1:38954->127.0.0.1:36973]>").replace("<U>", "<UDP:[0.0.0.0:45909]>")
}

#[test]
fn every_form_of_every_call() {
    let mut lines = include_str!("documented.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = String::new();
    while let (Some(call), Some(expected)) = (lines.next(), lines.next()) {
        let told = told(written_out(call).as_bytes());
        if told != expected.trim_start() {
            writeln!(wrong, "{call}\n    {told}").expect("a String takes all");
        }
    }
    assert!(wrong.is_empty(), "these tell otherwise:\n{wrong}");
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
            told(&sample.as_bytes()[..end]);
            told(format!("{} <unfinished ...>", &sample[..end]).as_bytes());
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
        told(&line);
    }

    #[test]
    fn what_is_captured_is_what_moved(text in "[a-z]{0,9}", asked in 0_u64..12, moved in 0_u64..12) {
        let words = told(format!("write(4, \"{text}\", {asked}) = {moved}").as_bytes());
        let captured = &text[..text.len().min(usize::try_from(moved).expect("small"))];
        prop_assert!(words.contains(&format!("\"{captured}\"")), "{}", words);
    }
}
