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
];

/// A message on a UNIX socket with these control messages.
fn message(control: &str) -> String {
    format!(
        "sendmsg(3<UNIX-STREAM:[1->2]>, {{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"x\", iov_len=1}}], \
         msg_iovlen=1, msg_control=[{control}], msg_controllen=24, msg_flags=0}}, 0) = 1"
    )
}
