//! What `-s` cut off is taken from the hex dumps of `-e read=` and `-e write=`.

use super::*;
use crate::limits;
use std::time::Duration;

/// Events, one list for each step.
struct Steps {
    parser: Parser,
}

impl Steps {
    fn new() -> Self {
        Self { parser: Parser::new(TraceOptions::default()) }
    }

    fn lines(&mut self, lines: &str) -> Vec<String> {
        lines.lines().flat_map(|line| of_line(&mut self.parser, line.as_bytes(), in_words)).collect()
    }

    fn quiet(&mut self, quiet: Duration) -> Vec<String> {
        self.parser.release(quiet).as_ref().map(in_words).into_iter().collect()
    }

    fn pause(&mut self) -> Vec<String> {
        self.quiet(limits::DUMP_PAUSE)
    }
}

const CUT: &str = "5 write(3, \"01\"..., 20) = 18";
const ROWS: &str = " | 00000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef |
 | 00010  67 68 69 6a                                       ghij             |";
const WHOLE: &str = "5 Write 3 \"0123456789abcdefgh\" = 18 asked 20 [0+18/18]";
const SHORT: &str = "5 Write 3 \"01\" = 18 asked 20 [0+2/18]";
const NEXT: &str = "6 dup(3) = 4";
const AFTER: &str = "6 dup 3 = 4";

#[test]
fn a_cut_write_is_made_whole_and_comes_before_the_next_line() {
    check(&format!("{CUT}\n{ROWS}\n{NEXT}"), &[WHOLE, AFTER]);
    check(&format!("{CUT}\n{ROWS}"), &[WHOLE]);
    check(&format!("{CUT}\n{NEXT}"), &[SHORT, AFTER]);
    check(CUT, &[SHORT]);
}

#[test]
fn a_whole_one_does_not_wait() {
    let mut steps = Steps::new();
    assert_eq!(steps.lines("5 write(3, \"ab\", 2) = 2").len(), 1);
    assert_eq!(steps.lines(" | 00000  61 62                                             ab               |").len(), 0);
    assert_eq!(steps.parser.counts().skipped(Skip::Dump).count, 1);
}

#[test]
fn an_unfinished_call_is_made_whole() {
    let trace = format!("5 write(3, \"01\"..., 20 <unfinished ...>\n{NEXT}\n5 <... write resumed>) = 18\n{ROWS}");
    check(&trace, &[AFTER, WHOLE]);
}

#[test]
fn a_pause_lets_out_what_no_dump_follows() {
    let mut steps = Steps::new();
    assert_eq!(steps.lines(CUT), [""; 0]);
    assert_eq!(steps.quiet(limits::PAUSE), [""; 0], "it may be the trace's first");
    assert_eq!(steps.pause(), [SHORT]);
    assert_eq!(steps.pause(), [""; 0]);
}

#[test]
fn a_pause_within_a_dump_waits_for_its_end() {
    let mut steps = Steps::new();
    let (first, second) = ROWS.split_once('\n').expect("two rows");
    assert_eq!(steps.lines(&format!("{CUT}\n{first}")), [""; 0]);
    assert_eq!(steps.pause(), [""; 0]);
    assert_eq!(steps.lines(second), [""; 0]);
    assert_eq!(steps.pause(), [WHOLE]);
    // a dump is to be expected from now on
    assert_eq!(steps.lines(CUT), [""; 0]);
    assert_eq!(steps.pause(), [""; 0]);
    assert_eq!(steps.lines(NEXT), [SHORT, AFTER]);
    // but not for ever
    assert_eq!(steps.lines(CUT), [""; 0]);
    assert_eq!(steps.quiet(limits::LONG_PAUSE), [SHORT]);
}

#[test]
fn vectors() {
    let trace = "\
5 readv(3, [{iov_base=\"01\"..., iov_len=3}, {iov_base=\"34\"..., iov_len=4}, ...], 4) = 8
 * 3 bytes in buffer 0
 | 00000  30 31 32                                          012              |
 * 4 bytes in buffer 1
 | 00000  33 34 35 36                                       3456             |
 * 1 bytes in buffer 2
 | 00000  37                                                7                |
6 dup(3) = 4";
    check(trace, &["5 Readv 3 \"01234567\" = 8 [0+8/8]", AFTER]);
}

#[test]
fn several_messages() {
    let message = |text, length| {
        format!(
            "{{msg_hdr={{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base={text}, iov_len={length}}}], msg_iovlen=1, msg_controllen=0, msg_flags=0}}, msg_len={length}}}"
        )
    };
    let (first, second) = (message("\"ab\"...", 3), message("\"de\"", 2));
    let trace = format!(
        "5 sendmmsg(3, [{first}, {second}], 2, 0) = 2
 = 1 buffers in vector 0
 * 3 bytes in buffer 0
 | 00000  61 62 63                                          abc              |
 = 1 buffers in vector 1
 * 2 bytes in buffer 0
 | 00000  64 65                                             de               |"
    );
    check(&trace, &["5 Sendmmsg 3 \"abcde\" = 2 [0+3/3] [3+2/2]"]);
}

#[test]
fn a_dump_with_a_gap_gives_what_stands_before_it() {
    let trace = format!("{CUT}\n{}\n | <Cannot fetch 4 bytes from pid 5 @0x7f>", ROWS.lines().next().expect("a row"));
    check(&trace, &["5 Write 3 \"0123456789abcdef\" = 18 asked 20 [0+16/18]"]);
}

#[test]
fn dump_lines_of_nothing() {
    check_skip(" | 00000  61 62                                             ab               |", Skip::Dump);
    check_skip(" * 3 bytes in buffer 0", Skip::Dump);
}

#[test]
fn what_is_counted_of_a_held_call_is_on_its_own_line() {
    let message = r#"{msg_hdr={msg_name=NULL, msg_iov=[{iov_base="m", iov_len=1}]}, msg_len=1}"#;
    let (_, counts) = read(
        ["5 dup(3) = 4", &format!("5 sendmmsg(7, [{message}, ...], 9, 0) = 5"), "5 dup(3) = 4"],
        TraceOptions::default(),
    );
    assert_eq!((counts.messages_cut.count, counts.messages_cut.first_line), (4, 2));
    assert_eq!(counts.lines, 3);
}
