//! The lines of tools that look like strace, each told by what strace never writes. A new tool is a row.
//!
//! strace prints what it likes within quotes and in `<…>`, so what is looked for is in front of a call's first quote, or
//! behind its arguments.

use super::Tool;
use crate::limits::{CERTAIN_LINES, DECIDING_LINES};
use crate::strace;

/// How a tool's line is told.
pub(super) struct ToolRow {
    /// Whose it is.
    pub(super) tool: Tool,
    /// How many such lines decide, where none is strace's.
    pub(super) deciding: usize,
    /// Whether a line is one.
    pub(super) is: fn(&[u8]) -> bool,
}

const fn row(tool: Tool, deciding: usize, is: fn(&[u8]) -> bool) -> ToolRow {
    ToolRow { tool, deciding, is }
}

/// The first row that a line fits is its tool's.
pub(super) static ROWS: [ToolRow; 14] = [
    row(Tool::Perf, CERTAIN_LINES, is_perf),
    row(Tool::Audit, CERTAIN_LINES, is_audit),
    row(Tool::Gvisor, CERTAIN_LINES, is_gvisor),
    row(Tool::Kdump, CERTAIN_LINES, is_kdump),
    row(Tool::Sysdig, CERTAIN_LINES, is_sysdig),
    row(Tool::Ftrace, CERTAIN_LINES, is_ftrace),
    row(Tool::Valgrind, CERTAIN_LINES, is_valgrind),
    row(Tool::Bpftrace, CERTAIN_LINES, is_bpftrace),
    row(Tool::Ltrace, CERTAIN_LINES, is_ltrace),
    row(Tool::Ltrace, DECIDING_LINES, is_library_call),
    row(Tool::Dtruss, CERTAIN_LINES, is_dtruss),
    row(Tool::Truss, CERTAIN_LINES, is_truss_of_bsd),
    row(Tool::Truss, DECIDING_LINES, is_truss_of_solaris),
    row(Tool::Qemu, DECIDING_LINES, is_qemu),
];

/// Least bytes of a line in which a tool's mark is, where it is in front.
const FRONT_BYTES: usize = 200;

/// What is in front of a line's first quote or parenthesis.
fn front(line: &[u8]) -> &[u8] {
    let line = line.get(..line.len().min(FRONT_BYTES)).unwrap_or_default();
    let end = line.iter().position(|byte| matches!(byte, b'(' | b'"'));
    line.get(..end.unwrap_or(line.len())).unwrap_or_default()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// The number that `text` begins with, and what follows it.
fn number(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())
}

/// A call's name, its arguments, and what is behind them: from the last parenthesis on that a result follows.
fn call(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let is_result =
        |text: &[u8]| [&b"= "[..], b"ERR#", b"Err#", b"argc = "].iter().any(|start| text.starts_with(start));
    let line = without_prefix(line).trim_ascii_end();
    let begin = line.iter().position(|byte| *byte == b'(')?;
    let (name, rest) = line.split_at_checked(begin)?;
    let rest = rest.get(1..)?;
    let tail = rest.len().saturating_sub(FRONT_BYTES);
    let ends = rest.iter().enumerate().skip(tail).rev().filter(|(_, byte)| **byte == b')');
    let (end, behind) = ends
        .map(|(end, _)| (end, rest.get(end + 1..).unwrap_or_default().trim_ascii_start()))
        .find(|(_, behind)| is_result(behind))?;
    Some((name, rest.get(..end)?, behind))
}

/// What is behind the thread and the time: `[pid 1]`, `1234`, `1234:`, `1234/1:`, `12:00:00.000001`.
fn without_prefix(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"[pid").map_or(line, |rest| {
        let end = rest.iter().position(|byte| *byte == b']');
        end.and_then(|end| rest.get(end + 1..)).unwrap_or_default()
    });
    let is_thread = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'/' | b'x');
    let length = line.iter().take_while(|byte| is_thread(byte)).count();
    let line = match line.split_at_checked(length) {
        Some((thread, [b':', rest @ ..])) if thread.first().is_some_and(u8::is_ascii_digit) => rest,
        _ => line,
    };
    let is_number = |byte: &u8| byte.is_ascii_digit() || b" \t.:".contains(byte);
    let length = line.iter().take_while(|byte| is_number(byte)).count();
    line.get(length..).unwrap_or_default()
}

/// `     0.052 ( 0.020 ms): curl/1665 brk() = …`, a `?` for a time that is not known (perf
/// `tools/perf/builtin-trace.c`).
fn is_perf(line: &[u8]) -> bool {
    let is_time = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'?');
    let line = line.trim_ascii_start();
    let length = line.iter().take_while(|byte| is_time(byte)).count();
    let Some(took) = line.get(length..).and_then(|rest| rest.strip_prefix(b" (")) else {
        return false;
    };
    let is_duration = |byte: &u8| byte.is_ascii_digit() || b" .ms".contains(byte);
    let end = took.iter().take_while(|byte| is_duration(byte)).count();
    length > 0 && took.get(end..).is_some_and(|rest| rest.starts_with(b"): "))
}

/// `type=SYSCALL msg=audit(1700000000.123:45): arch=c000003e syscall=42 …`, and `audit: type=1300 audit(…` of a kernel
/// without auditd.
fn is_audit(line: &[u8]) -> bool {
    let front = front(line);
    (holds(front, b"type=") && front.ends_with(b" msg=audit")) || holds(front, b"audit: type=")
}

/// `I1128 00:16:55.123456    12 strace.go:567] [   1:   1] nginx E write(…`, or the same as JSON.
fn is_gvisor(line: &[u8]) -> bool {
    let is_text = || {
        let at = memchr::memmem::find(front(line), b" strace.go:")?;
        let (_, rest) = number(line.get(at + b" strace.go:".len()..)?)?;
        rest.starts_with(b"] ").then_some(())
    };
    line.starts_with(b"{\"msg\":\"[") || is_text().is_some()
}

/// `  1234 curl     CALL  write(0x3,0x7fffffffe000,0x12)`
fn is_kdump(line: &[u8]) -> bool {
    const RECORDS: [&[u8]; 11] =
        [b"CALL", b"RET", b"GIO", b"NAMI", b"PSIG", b"CSW", b"STRU", b"SCTL", b"CAP", b"PFLT", b"PRET"];
    let mut words = front(line).split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    let has_thread = words.next().is_some_and(|word| word.iter().all(u8::is_ascii_digit));
    has_thread && words.skip(1).take(4).any(|word| RECORDS.contains(&word))
}

/// `1234 00:16:55.123456789 0 curl (1234) > read fd=3(…) size=832`
fn is_sysdig(line: &[u8]) -> bool {
    let mut words = front(line).split(|byte| *byte == b' ');
    let mut is = |kind: fn(&u8) -> bool| words.next().is_some_and(|word| !word.is_empty() && word.iter().all(kind));
    let is_start =
        is(u8::is_ascii_digit) && is(|byte| byte.is_ascii_digit() || b":.".contains(byte)) && is(u8::is_ascii_digit);
    let behind = line.get(front(line).len()..).and_then(|rest| number(rest.strip_prefix(b"(")?));
    is_start && behind.is_some_and(|(_, rest)| rest.starts_with(b") > ") || rest.starts_with(b") < "))
}

/// `curl-1234  [001] ....  123.456789: sys_enter: NR 1 (…`, `curl 1234 [001] 123.456789: syscalls:sys_enter_write: …`
fn is_ftrace(line: &[u8]) -> bool {
    let front = front(line);
    let is_event = [&b": sys_"[..], b" syscalls:sys_", b" raw_syscalls:sys_"].iter().any(|event| holds(front, event));
    let is_cpu = |at: usize| front.get(at..at + 6).is_some_and(|text| matches!(text, [b' ', b'[', _, _, _, b']']));
    is_event && memchr::memmem::find_iter(front, b" [").any(is_cpu)
}

/// `SYSCALL[1234,1](1) sys_write ( 1, 0x4a5c040, 6 )[sync] --> Success(0x6)`
fn is_valgrind(line: &[u8]) -> bool {
    line.starts_with(b"SYSCALL[")
}

/// `Attaching 3 probes...`
fn is_bpftrace(line: &[u8]) -> bool {
    let count = line.strip_prefix(b"Attaching ").and_then(number);
    count.is_some_and(|(_, rest)| matches!(rest, b" probe..." | b" probes..."))
}

/// What only ltrace writes: calls as `SYS_read(`, `read@SYS(`, `libc.so.6->read(`, and its way to tell of an end.
fn is_ltrace(line: &[u8]) -> bool {
    let line = without_prefix(line);
    let (end, name) = match line.strip_prefix(b"<... ") {
        Some(rest) => (b" resumed>".as_slice(), front_word(rest)),
        None => (b"(".as_slice(), front(line)),
    };
    // Up to 4.15 strace wrote a number behind it.
    let is_call = name.strip_prefix(b"SYS_").is_some_and(|name| name.first().is_some_and(u8::is_ascii_alphabetic));
    let is_marked = is_call || name.ends_with(b"@SYS") || holds(name, b"->");
    line.starts_with(b"+++ exited (status ")
        || line.ends_with(b" <no return ...>")
        || (is_marked && is_word(name) && holds(line, end))
}

fn front_word(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b' ').next().unwrap_or_default()
}

/// Whether this can be a name, with what ltrace writes around it.
fn is_word(name: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@.->+".contains(byte);
    !name.is_empty() && name.iter().all(is_name)
}

/// A call of a function that every program uses and that is no system call.
fn is_library_call(line: &[u8]) -> bool {
    const NAMES: &str = "_exit abort atexit atoi bindtextdomain calloc fclose fflush fgets fileno fopen fputc fputs \
        fread free fwrite getenv htonl htons inet_addr inet_ntoa inet_ntop inet_pton malloc memalign memchr memcmp \
        memcpy memmove mempcpy memrchr memset ntohl ntohs perror putchar puts qsort realloc setlocale textdomain tolower \
        toupper";
    const BEGINNINGS: [&[u8]; 6] = [b"__", b"str", b"wcs", b"pthread_", b"sem_", b"g_"];
    let line = without_prefix(line);
    let name = match line.strip_prefix(b"<... ") {
        Some(rest) => front_word(rest),
        None => front(line),
    };
    let is_known = || {
        NAMES.split_ascii_whitespace().any(|known| known.as_bytes() == name)
            || BEGINNINGS.iter().any(|start| name.starts_with(start))
            || name.ends_with(b"printf")
    };
    let has_end = || {
        let is_result = |at: usize| line.get(..at).is_some_and(|before| before.trim_ascii_end().ends_with(b")"));
        memchr::memmem::find_iter(line, b" = ").any(is_result) || line.ends_with(b" <unfinished ...>")
    };
    is_word(name) && is_known() && !strace::is_system_call(name) && has_end()
}

/// `write(0x1, "hello\n\0", 0x6) = 6 0`, `= -1 Err#2`, below `SYSCALL(args)  = return`
fn is_dtruss(line: &[u8]) -> bool {
    let is_result = |behind: &[u8]| {
        let text = behind.strip_prefix(b"= ")?;
        if let Some(error) = text.strip_prefix(b"-1 Err#") {
            return Some(number(error).is_some());
        }
        let (_, rest) = number(text.strip_prefix(b"-").unwrap_or(text))?;
        let (_, rest) = number(rest.strip_prefix(b" ")?)?;
        Some(rest.is_empty())
    };
    let is_head = || {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.eq([&b"SYSCALL(args)"[..], b"=", b"return"])
    };
    is_head() || call(line).and_then(|(_, _, behind)| is_result(behind)).unwrap_or_default()
}

/// `write(3,"hello\n",6) = 6 (0x6)`, `ERR#35 'Resource temporarily unavailable'`
fn is_truss_of_bsd(line: &[u8]) -> bool {
    let is_result = |behind: &[u8]| {
        if let Some(error) = behind.strip_prefix(b"ERR#") {
            return number(error).map(|(_, rest)| rest.starts_with(b" '"));
        }
        let text = behind.strip_prefix(b"= ")?;
        let (digits, rest) = number(text.strip_prefix(b"-").unwrap_or(text))?;
        let hexadecimal = std::str::from_utf8(rest.strip_prefix(b" (0x")?.strip_suffix(b")")?).ok()?;
        let value = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
        let value = if text.starts_with(b"-") { value.wrapping_neg() } else { value };
        Some(u64::from_str_radix(hexadecimal, 16) == Ok(value))
    };
    line.starts_with(b"process exit, rval = ")
        || call(line).and_then(|(_, _, behind)| is_result(behind)).unwrap_or_default()
}

/// `send(4, " G E T   /   H T T P / 1".., 18, 0)    = 18`, `Err#11 EAGAIN`, `argc = 3`, `0xFFBFE9A0`, and the calls that
/// only Solaris and AIX have.
fn is_truss_of_solaris(line: &[u8]) -> bool {
    const CALLS: [&[u8]; 6] = [b"so_socket", b"kread", b"kwrite", b"kopen", b"kfork", b"lwp_park"];
    let Some((name, arguments, behind)) = call(line) else {
        return line.trim_ascii_start().starts_with(b"Received signal #");
    };
    let is_error = || behind.strip_prefix(b"Err#").and_then(number).is_some_and(|(_, rest)| rest.starts_with(b" "));
    let before_quote = arguments.split(|byte| matches!(byte, b'"' | b'<' | b'{')).next().unwrap_or_default();
    CALLS.contains(&name)
        || is_error()
        || behind.starts_with(b"argc = ")
        || has_cut_string(arguments)
        || has_large_hexadecimal(before_quote)
        || has_large_hexadecimal(
            behind.strip_prefix(b"= ").and_then(|text| text.split(|b| *b == b' ').next()).unwrap_or_default(),
        )
}

/// Whether a string is followed by `..` and no third dot.
fn has_cut_string(arguments: &[u8]) -> bool {
    memchr::memmem::find_iter(arguments, b"\"..").any(|at| {
        let is_end = at.checked_sub(1).and_then(|before| arguments.get(before)) != Some(&b'\\');
        is_end && matches!(arguments.get(at + 3), None | Some(b',' | b' '))
    })
}

/// Whether a hexadecimal number is written in capitals.
fn has_large_hexadecimal(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b"0x").any(|at| {
        let digits = text.get(at + 2..).unwrap_or_default();
        let length = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        digits.get(..length).is_some_and(|digits| {
            digits.iter().any(u8::is_ascii_uppercase) && !digits.iter().any(u8::is_ascii_lowercase)
        })
    })
}

/// `1234 read(3,0x2804aa8,832) = 832`, `= -1 errno=2 (No such file or directory)`, `= 0x000000400283d000`,
/// `Unknown syscall 334`
fn is_qemu(line: &[u8]) -> bool {
    let Some((_, [b' ', body @ ..])) = number(line) else {
        return false;
    };
    if body.strip_prefix(b"Unknown syscall ").and_then(number).is_some_and(|(_, rest)| rest.is_empty()) {
        return true;
    }
    let Some((name, arguments, behind)) = call(body) else {
        return false;
    };
    let is_result = behind.starts_with(b"= -1 errno=") || behind.starts_with(b"= 0x000000");
    strace::is_system_call(name) && (is_result || is_tight(arguments))
}

/// Whether no blank follows the first argument's comma.
fn is_tight(arguments: &[u8]) -> bool {
    let text = match arguments.strip_prefix(b"\"") {
        Some(text) => {
            let end = memchr::memchr(b'"', text).map(|end| end + 1);
            end.and_then(|end| text.get(end..)).unwrap_or_default()
        }
        None => arguments,
    };
    let is_end = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'|' | b'.'));
    let end = text.iter().position(is_end).and_then(|end| text.get(end..));
    matches!(end, Some([b',', next, ..]) if *next != b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose a line is.
    fn whose(line: &str) -> Option<Tool> {
        ROWS.iter().find(|row| (row.is)(line.as_bytes())).map(|row| row.tool)
    }

    #[track_caller]
    fn check(tool: Option<Tool>, lines: &[&str]) {
        for line in lines {
            assert_eq!(whose(line), tool, "{line}");
        }
    }

    #[test]
    fn of_linux() {
        check(
            Some(Tool::Perf),
            &[
                "         ? (         ): true/1665  ... [continued]: execve())                = 0",
                "     0.052 ( 0.020 ms): true/1665 brk()            = 0x563072350000",
                "12570121.666 ( 0.020 ms): :8377/8377 read(fd: 3, buf: 0x7ff, count: 832)   = 832",
            ],
        );
        check(
            Some(Tool::Audit),
            &[
                "type=SYSCALL msg=audit(1700000000.123:456): arch=c000003e syscall=42 success=yes exit=0 a0=3",
                "node=web1 type=SOCKADDR msg=audit(1700000000.123:456): saddr=02000050",
                "type=SYSCALL msg=audit(11/28/2026 00:16:55.123:456) : arch=x86_64 syscall=connect",
                "[   12.345678] audit: type=1300 audit(1700000000.123:456): arch=c000003e syscall=42",
            ],
        );
        check(Some(Tool::Sysdig), &["1234 00:16:55.123456789 0 curl (1234) > read fd=3(<f>/etc/hosts) size=832"]);
        check(
            Some(Tool::Ftrace),
            &[
                "            curl-1234    [001] .....  123.456789: sys_enter: NR 1 (3, 7f, 12, 0, 0, 0)",
                "  curl  1234 [001]   123.456789:     syscalls:sys_enter_write: fd: 0x00000003, buf: 0x7f",
                "curl-1234 [001] d... 123.456: sys_write(fd: 3, buf: 7f, count: 12)",
            ],
        );
        check(Some(Tool::Bpftrace), &["Attaching 1 probe...", "Attaching 12 probes..."]);
        check(Some(Tool::Valgrind), &["SYSCALL[1234,1](1) sys_write ( 1, 0x4a5c040, 6 )[sync] --> Success(0x6)"]);
    }

    #[test]
    fn of_ltrace() {
        check(
            Some(Tool::Ltrace),
            &[
                "8333 malloc(10, 0x7ffe115adf28, 0x7ffe115adf38, 0x403e00) = 0x169af2a0",
                "8333 puts(0x169af2a0, 10, 0, 0x169af2a0)         = 3",
                "8333 +++ exited (status 0) +++",
                "__libc_start_main(0x8048454, 1, 0xbffffab4 <unfinished ...>",
                "SYS_exit_group(0, 231, 60, 0x7fffe11fec20 <no return ...>",
                "[pid 12] 14:55:44.59 SYS_read(3, 0x7ffc01c83178, 832, 0) = 832",
                "8338 14:55:44.594963 <... SYS_write resumed> )   = 5",
                "read@SYS(3, \"\\177ELF\", 832)  = 832",
                "t->malloc(10, 0x7ffdca7d3a38)  = 0x7ca72a0",
                "[pid 10329] htons(1, 1, 0, 0x7f9bfcb7bdc7)       = 256",
                "memcpy(0x55d1, \"abc\", 3)       = 0x55d1",
            ],
        );
    }

    #[test]
    fn of_virtual_machines() {
        check(
            Some(Tool::Qemu),
            &[
                "10238 access(\"/etc/ld.so.preload\",R_OK) = -1 errno=2 (No such file or directory)",
                "10238 openat(-100,\"/etc/ld.so.cache\",O_RDONLY|O_CLOEXEC) = 3",
                "10238 brk(NULL) = 0x0000004000005000",
                "10238 write(3,0x200e,1) = -1 errno=32 (Broken pipe)",
                "10238 Unknown syscall 334",
            ],
        );
        check(
            Some(Tool::Gvisor),
            &[
                "I1120 14:33:28.730035   13070 strace.go:567] [  56:  56] httpd E write(0x1 pipe:[49], 0x560c \"x\", 0x1)",
                "I1120 14:33:28.731325   13070 strace.go:599] [  57:  57] grep X close(0x1 /dev/null) = 0 (0x0) (5.411µs)",
                "{\"msg\":\"[   1:   1] nginx X close(0x3) = 0 (0x0) (5µs)\",\"level\":\"info\"}",
            ],
        );
    }

    #[test]
    fn of_other_systems() {
        check(
            Some(Tool::Truss),
            &[
                "socket(PF_INET,SOCK_STREAM,0)\t\t\t = 3 (0x3)",
                "recvfrom(3,0x7fffffffe000,4096,0,NULL,0x0)\t ERR#35 'Resource temporarily unavailable'",
                "  1234: 0.000123456 mmap(0x0,32768,PROT_READ,MAP_PRIVATE,-1,0x0) = 34374987776 (0x800e8b000)",
                "write(4, \" G E T   /   H T T P / 1\".., 18)      = 18",
                "1234/1:\t\tread(4, \"\\0\\0\\0\"..., 0xFFBFE9A0, 4)\tErr#11 EAGAIN",
                "connect(4, 0xFFBFE9A0, 16, SOV_DEFAULT)         = 0",
                "so_socket(PF_INET, SOCK_STREAM, IPPROTO_IP, \"\", SOV_DEFAULT) = 4",
                "execve(\"/usr/bin/curl\", 0xFFBFE9A0, 0xFFBFE9AC)  argc = 3",
                "process exit, rval = 0",
                "    Received signal #18, SIGCLD [default]",
            ],
        );
        check(
            Some(Tool::Dtruss),
            &[
                "SYSCALL(args) \t\t = return",
                "write(0x1, \"hello\\n\\0\", 0x6)\t\t = 6 0",
                "stat64(\"/etc/nothing\\0\", 0x7FFF5F137940, 0x0)\t\t = -1 Err#2",
                " 1234/0x5678:  open(\"/dev/dtracehelper\\0\", 0x2, 0x0)\t\t = 3 0",
            ],
        );
        check(
            Some(Tool::Kdump),
            &[
                "  1234 curl     CALL  write(0x3,0x7fffffffe000,0x12)",
                "  1234 100123 curl     GIO   fd 3 wrote 18 bytes",
                "  1234 curl     1700000000.123456 RET   write 18/0x12",
                "  1234 curl     NAMI  \"/etc/hosts\"",
            ],
        );
    }

    #[test]
    fn of_strace() {
        check(
            None,
            &[
                "execve(\"/bin/true\", [\"true\"], 0x7ffc /* 9 vars */) = 0",
                "1234 openat(AT_FDCWD, \"/etc/ld.so.cache\", O_RDONLY|O_CLOEXEC) = 3",
                "1234 membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) = 0 <0.000010>",
                "1234 memfd_secret(0) = 3",
                "17637 09:57:49.615798 (+     0.102297) [  45] [00007f041d2fe974] recvfrom(3",
                "write(1, \"read(3) = 18 (0x12)\", 19) = 19",
                "write(1, \"x) ERR#35 'Resource'\", 19) = 19",
                "write(1, \"a\\\"..\", 4) = 4",
                "write(1, \"0xFFBFE9A0\", 10) = 10",
                "fcntl(3, F_GETFL)  = 0x8802 (flags O_RDWR|O_NONBLOCK|O_LARGEFILE)",
                "1234 sendto(3<UNIX-STREAM:[1->2,@\"x\"]>, \"a,b\", 3, 0, NULL, 0) = 3",
                "SYS_310(0x1, 0x2) = -1 ENOSYS (Function not implemented)",
                "1234 poll([{fd=3, events=POLLIN}], 1, 0) = 1 ([{fd=3, revents=POLLIN}])",
                "1234 write(2, \"type=SYSCALL msg=audit(1\", 24) = 24",
                "free(): invalid pointer",
            ],
        );
    }
}
