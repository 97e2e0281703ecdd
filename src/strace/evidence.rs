//! Whether a line can only be strace's, taken by itself: for telling a trace from what is given in its place. Reading is
//! far more lenient.

use super::body::{self, Body};
use super::prefix::{self, Pid, Prefix};
use super::time::Moment;
use super::{arguments, halves, repair, returned, table};

/// Whether a line is a call with a result, a half of one, or another line of strace's, whole. A call that is cut counts
/// where a thread or a time is before it.
pub fn is_of_strace(line: &[u8]) -> bool {
    let mut plain = Vec::new();
    repair::without_colour(line, &mut plain);
    let holes = plain.iter().take_while(|byte| **byte == 0).count();
    let line = plain.get(holes..).unwrap_or_default();
    if repair::message(line).is_some() {
        return true;
    }
    let Prefix { pid, moment, body } = prefix::parse(line.trim_ascii_end());
    match body::kind(body) {
        Body::Call { name, text } => {
            let is_placed = pid != Pid::Missing || moment != Moment::Missing;
            has_end(text) || (is_placed && table::find(name).is_some())
        }
        Body::Resumed { text, .. } => has_end(text),
        Body::Ended => body.ends_with(b" +++"),
        Body::Superseded(_) => true,
        Body::Signal => body.ends_with(b" ---"),
        Body::Message => {
            let mut words = body.split(|byte| *byte == b' ');
            body.starts_with(b"[ Process PID=") || words.next().is_some_and(|word| word.ends_with(b"strace:"))
        }
        Body::Blank | Body::Other => false,
    }
}

/// Whether a call's text goes on in another line or has a result behind its parenthesis.
fn has_end(text: &[u8]) -> bool {
    let result = || returned::parse(arguments::close(text)?);
    halves::stop(text).is_some() || result().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_strace() {
        for line in [
            "execve(\"/bin/true\", [\"true\"], 0x7ffc /* 9 vars */) = 0",
            "close(3)                                = 0",
            "1234 1700000000.000001 futex(0x7f, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>",
            "[pid 9] <... futex resumed>)            = 0",
            "1234 1700000000.000001 write(5<TCP:[1.2.3.4:5->1.2.3.4:6]>, \"ab",
            "     0.000005 read(3, \"\", 9) = 0 <0.000010>",
            "9 exit_group(0) = ?",
            "+++ exited with 0 +++",
            "[pid 7] --- SIGCHLD {si_signo=SIGCHLD} ---",
            "strace: Process 17535 attached",
            "clone3({tls=0x7f}strace: Process 17535 attached",
            "/usr/bin/strace: umoven: short read (6 < 100) @0x1",
            "\x1b[1;33mread\x1b[0m(3, \"a\", 1) = 1\x1b[m",
            "\0\0\0close(3) = 0",
        ] {
            assert!(is_of_strace(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn lines_that_are_read_as_strace_but_may_be_anything() {
        for line in [
            "print(\"hello\")",
            "    import foo(bar)",
            "write(hello)",
            "free(): invalid pointer",
            "--- a/src/main.rs",
            "+++ b/src/main.rs",
            "say strace: nothing",
            "1234",
            "12:00:00 hello",
            "",
        ] {
            assert!(!is_of_strace(line.as_bytes()), "{line}");
        }
    }
}
