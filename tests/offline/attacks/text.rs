//! Attacks by what calls are written with: nesting, comments, lists and texts that have no end.

use super::{Attack, USUAL, attack};

const SOCKET: &str = "3<TCP:[10.0.0.1:4000->10.0.0.2:80]>";

/// All of them.
pub(super) const ATTACKS: &[Attack] = &[
    attack("nested", USUAL, |text, n| {
        text.line(100, format_args!("sendmsg({SOCKET}, {}{}, 0) = 5", "{[".repeat(n), "]}".repeat(n)));
    }),
    attack("comments", USUAL, |text, n| {
        text.line(100, format_args!("write({SOCKET}, {}\"x\", 1) = 1", "/* ".repeat(n)));
    }),
    attack("contexts", USUAL, |text, n| {
        text.line(100, format_args!("write({SOCKET}{}, \"x\", 1) = 1", ",[a]".repeat(n)));
    }),
    attack("contexts_without_end", USUAL, |text, n| {
        text.line(100, format_args!("fstat(3</f>{}, {{st_mode=S_IFIFO|0666}}) = 0", ",[a}".repeat(n)));
    }),
    attack("details_without_end", USUAL, |text, n| {
        text.line(100, format_args!("write({SOCKET}, {{{} \"x\", 1) = 1", "1<A:[".repeat(n)));
    }),
    attack("control_within_control", USUAL, |text, n| {
        let control = "cmsg_level=".repeat(n);
        text.line(100, format_args!("{}", message(&format!("{{{control}}}"))));
    }),
    attack("control_nested", USUAL, |text, n| {
        let control = format!("{{{}{}}}", "cmsg_level={".repeat(n), "}".repeat(n));
        text.line(100, format_args!("{}", message(&control)));
    }),
    attack("comments_behind_a_name", USUAL, |text, n| {
        text.line(100, format_args!("fcntl(3, F_DUPFD /* a */{}, 5) = 5", " /* ".repeat(n)));
    }),
    attack("equals", USUAL, |text, n| {
        text.line(100, format_args!("write({SOCKET}, \"x\", 1) {}", "= 1 <".repeat(n)));
    }),
    attack("buffers", USUAL, |text, n| {
        let all = vec!["{iov_base=\"x\", iov_len=1}"; n].join(", ");
        text.line(100, format_args!("writev({SOCKET}, [{all}], {n}) = {n}"));
    }),
    attack("fields_of_an_address", USUAL, |text, n| {
        let fields = "x=1, ".repeat(n);
        let address = format!("{{sa_family=AF_INET, {fields}sin_port=htons(80), sin_addr=inet_addr(\"10.0.0.2\")}}");
        text.line(100, format_args!("connect(3, {address}, 16) = 0"));
    }),
    attack("flags", USUAL, |text, n| {
        text.line(100, format_args!("sendto({SOCKET}, \"x\", 1, {}0, NULL, 0) = 1", "MSG_A|".repeat(n)));
    }),
    attack("arguments_of_a_program", USUAL, |text, n| {
        text.line(100, format_args!("execve(\"/x\", [{}\"b\"], 0x7ff) = 0", "\"a\", ".repeat(n)));
    }),
    attack("messages_in_the_midst", USUAL, |text, n| {
        (0..n).for_each(|_| text.plain(format_args!("{}strace: Process 5 attached", "a".repeat(40))));
    }),
    attack("colour", USUAL, |text, n| {
        let call = format!("write({SOCKET}, \"x\", 1) = 1");
        (0..n).for_each(|i| text.plain(format_args!("\x1b[1;33m{} 1700000000.000001 {call}\x1b[m", i % 5)));
    }),
    attack("escapes", USUAL, |text, n| {
        text.plain(format_args!("{}m", "\x1b[".repeat(n)));
        text.plain(format_args!("{}m", "\x1b]".repeat(n)));
    }),
    attack("no_trace", USUAL, |text, n| {
        (0..n).for_each(|i| text.plain(format_args!("{i} 1700000000.000001 \x1b[31mfoo")));
    }),
    attack("a_dump", USUAL, |text, n| {
        text.line(100, format_args!("write({SOCKET}, \"x\"..., 100000000) = 100000000"));
        let row = "61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61";
        (0..n).for_each(|i| text.plain(format_args!(" | {:05x}  {row}  aaaaaaaaaaaaaaaa |", i * 16)));
    }),
    attack("time_that_goes_back", USUAL, |text, n| {
        for i in 0..n {
            text.plain(format_args!("100 {}.000001 write({SOCKET}, \"x\", 1) = 1", 1_700_000_000 - i));
        }
    }),
    attack("quotes", USUAL, |text, n| {
        text.line(100, format_args!("sendmsg({SOCKET}, {{{}}}, 0) = 5", "\"\\\\\\\"\", ".repeat(n)));
    }),
];

/// A message on a UNIX socket with these control messages.
fn message(control: &str) -> String {
    format!(
        "sendmsg(3<UNIX-STREAM:[1->2]>, {{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"x\", iov_len=1}}], \
         msg_iovlen=1, msg_control=[{control}], msg_controllen=24, msg_flags=0}}, 0) = 1"
    )
}
