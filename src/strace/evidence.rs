//! What a line taken by itself tells of who wrote it: for telling a trace from what is given in its place. Reading is far
//! more lenient.

use super::body::{self, Body};
use super::known::is_system_call;
use super::prefix::{self, Pid, Prefix};
use super::time::Moment;
use super::{arguments, dump, halves, repair, returned, table, time};

/// Whose a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing says that it is strace's.
    Nothing,
    /// It is as strace writes it, but so may another tool: `close(3) = 0`.
    Shared,
    /// Only strace writes it.
    Strace,
}

/// Whose a line is: strace's are calls with a result, halves of them, and its other lines, whole. A call that is cut
/// counts where a thread or a time stands before it.
pub fn evidence(line: &[u8]) -> Evidence {
    let mut plain = Vec::new();
    repair::repaired(line, &mut plain);
    if repair::message(&plain).is_some() || is_dump(&plain) {
        return Evidence::Strace;
    }
    let Prefix { pid, moment, body, .. } = prefix::parse(plain.trim_ascii_end());
    let is_placed = pid != Pid::Missing || moment != Moment::Missing;
    let kind = match body::kind(body) {
        Body::Other if moment == Moment::Missing => body::behind_unreadable_time(body).unwrap_or(Body::Other),
        kind => kind,
    };
    match kind {
        Body::Call { name, text } => call(name, text, is_placed),
        Body::Resumed { name, text } if is_system_call(name) && has_end(text) => of_end(text),
        Body::Ended if !body.ends_with(b" +++") => Evidence::Nothing,
        Body::Ended if body.starts_with(b"+++ exited with ") => Evidence::Strace,
        Body::Superseded(_) => Evidence::Strace,
        Body::Ended => Evidence::Shared,
        Body::Signal if body.ends_with(b" ---") => Evidence::Shared,
        Body::Message => {
            let mut words = body.split(|byte| *byte == b' ');
            let is_strace = words.next().is_some_and(|word| word.ends_with(b"strace:"));
            if is_strace || body.starts_with(b"[ Process PID=") { Evidence::Strace } else { Evidence::Nothing }
        }
        _ => Evidence::Nothing,
    }
}

/// Whether a line is or begins a system call, whatever its arguments look like.
pub fn has_call(line: &[u8]) -> bool {
    match body::kind(prefix::parse(line.trim_ascii_end()).body) {
        Body::Call { name, .. } => is_system_call(name),
        _ => false,
    }
}

fn call(name: &[u8], text: &[u8], is_placed: bool) -> Evidence {
    if !is_system_call(name) || !(has_end(text) || (is_placed && table::find(name).is_some())) {
        return Evidence::Nothing;
    }
    let digits = time::digits(text).1;
    let has_details = digits > 0 && text.get(digits) == Some(&b'<') && text.get(digits + 1) != Some(&b'u');
    if has_details { Evidence::Strace } else { of_end(text) }
}

/// ` | 00000  66 69 72 73 74 …`, or the line that says whose bytes follow.
fn is_dump(line: &[u8]) -> bool {
    let Some(offset) = line.strip_prefix(b" | ") else {
        return dump::is_line(line);
    };
    let digits = offset.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    digits >= 5 && offset.get(digits..).is_some_and(|rest| rest.starts_with(b"  ")) && line.ends_with(b"|")
}

/// Whether a call's text goes on in another line or has a result behind its parenthesis.
fn has_end(text: &[u8]) -> bool {
    let result = || returned::parse(arguments::close(text)?);
    halves::stop(text).is_some() || result().is_some()
}

/// What a call's end tells: `= -1 EAGAIN (Resource temporarily unavailable)` is strace's way to say an error, and
/// `/* 9 vars */) = 0` that of an environment.
fn of_end(text: &[u8]) -> Evidence {
    let Some(rest) = arguments::close(text) else {
        return Evidence::Shared;
    };
    let before = text.len().checked_sub(rest.len()).and_then(|end| text.get(..end)).unwrap_or_default();
    let is_error = rest.trim_ascii_start().starts_with(b"= -1 E") && memchr::memchr(b'(', rest).is_some();
    let has_environment = before.ends_with(b" vars */)") || before.ends_with(b" vars */])");
    if is_error || has_environment { Evidence::Strace } else { Evidence::Shared }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Evidence, lines: &[&str]) {
        for line in lines {
            assert_eq!(evidence(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn lines_that_only_strace_writes() {
        check(
            Evidence::Strace,
            &[
                "execve(\"/bin/true\", [\"true\"], 0x7ffc /* 9 vars */) = 0",
                "execve(\"/bin/true\", [\"true\"], [/* 9 vars */]) = 0",
                "1234 1700000000.000001 write(5<TCP:[1.2.3.4:5->1.2.3.4:6]>, \"ab",
                "access(\"/etc/ld.so.preload\", R_OK) = -1 ENOENT (No such file or directory)",
                "9 <... read resumed>\"\", 9) = -1 EINTR (Interrupted system call) <0.000010>",
                "+++ exited with 0 +++",
                "3 +++ superseded by execve in pid 4 +++",
                "strace: Process 17535 attached",
                "clone3({tls=0x7f}strace: Process 17535 attached",
                "/usr/bin/strace: umoven: short read (6 < 100) @0x1",
                " | 00000  66 69 72 73 74                                    first            |",
                " * 5 bytes in buffer 0",
                "[ Process PID=29657 runs in 32 bit mode. ]",
            ],
        );
    }

    #[test]
    fn lines_that_strace_writes_and_others() {
        check(
            Evidence::Shared,
            &[
                "close(3)                                = 0",
                "1234 1700000000.000001 futex(0x7f, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>",
                "[pid 9] <... futex resumed>)            = 0",
                "     0.000005 read(3, \"\", 9) = 0 <0.000010>",
                "9 exit_group(0) = ?",
                "9 nan close(3) = 0",
                "9 syscall_0x1c3(0, 1) = 0",
                "[pid 7] --- SIGCHLD {si_signo=SIGCHLD} ---",
                "+++ killed by SIGKILL +++",
                "\x1b[1;33mread\x1b[0m(3, \"a\", 1) = 1\x1b[m",
                "1250  \x1b[01;31m\x1b[Kread\x1b[m\x1b[K(37) = 37",
                "\0\0\0close(3) = 0",
                "\u{feff}close(3) = 0",
            ],
        );
    }

    #[test]
    fn lines_that_are_read_as_strace_but_may_be_anything() {
        check(
            Evidence::Nothing,
            &[
                "print(\"hello\")",
                "    import foo(bar)",
                "write(hello)",
                "free(): invalid pointer",
                "puts(\"hello\") = 6",
                "12:close(3) = 0",
                "<... malloc resumed> ) = 0x55d1",
                "--- a/src/main.rs",
                "+++ b/src/main.rs",
                "say strace: nothing",
                "1234",
                "12:00:00 hello",
                "",
            ],
        );
    }

    #[test]
    fn calls_whatever_their_arguments() {
        assert!(has_call("1250  sendto(37, “GET”, 3, 0, NULL, 0) = 3".as_bytes()));
        assert!(!has_call(b"puts(\"hello\") = 6"));
        assert!(!has_call(b"hello"));
    }
}
