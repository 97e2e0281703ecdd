//! Every form of every call, and the event that it is: the table is `documented.txt`, where a newcomer adds two lines.

use super::super::counts::Amount;
use super::{Counts, Parser, Skip, TraceOptions, of_line, what};
use proptest::prelude::*;
use std::fmt::Write;

const REASONS: [Skip; 6] =
    [Skip::Injected, Skip::NotUsed, Skip::NotSocket, Skip::Peeked, Skip::UnknownCall, Skip::Malformed];

/// The events of a line, in words, and why there is none.
fn in_words(line: &[u8]) -> String {
    let mut parser = Parser::new(TraceOptions::default());
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
    let mut parser = Parser::new(TraceOptions::default());
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

proptest! {
    #[test]
    fn what_is_captured_is_what_moved(text in "[a-z]{0,9}", asked in 0_u64..12, moved in 0_u64..12) {
        let words = in_words(format!("write(4, \"{text}\", {asked}) = {moved}").as_bytes());
        let captured = &text[..text.len().min(usize::try_from(moved).expect("small"))];
        prop_assert!(words.contains(&format!("\"{captured}\"")), "{}", words);
    }
}
