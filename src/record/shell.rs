//! A shell somewhere, reached through words of a shell's command here that are the person's own.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// What reaches a shell through `prefix`. Ctrl-C does not cut the connection: it ends the recording, which ends strace over
/// there.
#[cfg(unix)]
pub fn through(prefix: &OsStr) -> Command {
    let mut text = OsString::from("trap '' INT; ");
    text.push(prefix);
    text.push(" sh");
    let mut command = Command::new("sh");
    command.arg("-c").arg(text);
    command
}

/// The same; the shell here is `cmd`, which gets the words as they are.
#[cfg(windows)]
pub fn through(prefix: &OsStr) -> Command {
    use std::os::windows::process::CommandExt;
    /// `CREATE_NEW_PROCESS_GROUP`, which does not hear of Ctrl-C.
    const OWN_GROUP: u32 = 0x200;
    let mut text = OsString::from("\"");
    text.push(prefix);
    text.push(" sh\"");
    let mut command = Command::new("cmd");
    command.args(["/d", "/s", "/c"]).raw_arg(text).creation_flags(OWN_GROUP);
    command
}

/// `text` as one word of such a prefix.
#[cfg(unix)]
pub fn word(text: &str) -> String {
    String::from_utf8_lossy(&super::script::quoted(text.as_bytes())).into_owned()
}

/// The same, for the name of a host: nothing quotes for `cmd` whatever it is, so that what is in no such name becomes what
/// is in none either, which ssh then tells.
#[cfg(windows)]
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-@:[]".contains(c);
    text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_word_whatever_it_is() {
        for (text, unix, windows) in [("web1", "'web1'", "web1"), ("a'b & c", r"'a'\''b & c'", "a_b___c")] {
            assert_eq!(word(text), if cfg!(windows) { windows } else { unix });
        }
    }
}
