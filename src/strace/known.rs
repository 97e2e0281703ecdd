//! The names of all system calls that strace knows, whatever the machine and the version: a line with another name is a
//! library's call, or text.

use super::table;

/// The names in `src/linux/*/syscallent*.h` of strace 4.10 to 7.2, without those of other systems' programs that Linux
/// once ran (IRIX, Solaris). A line holds names of one first letter.
static NAMES: &str = include_str!("system_calls.txt");

/// Whether strace writes calls under this name, which may be that of a call it knows by number only.
pub fn is_system_call(name: &[u8]) -> bool {
    let plain = table::without_mark(name);
    let lines = NAMES.lines().filter(|line| line.as_bytes().first() == plain.first());
    table::find(plain).is_some()
        || plain.starts_with(b"syscall_")
        || plain == b"????"
        || lines.flat_map(str::split_ascii_whitespace).any(|known| known.as_bytes() == plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_names_of_one_letter() {
        for line in NAMES.lines() {
            assert!(line.split(' ').all(|name| name.as_bytes()[0] == line.as_bytes()[0]), "{line}");
        }
    }

    #[test]
    fn system_calls_and_other_names() {
        for name in
            ["read", "memfd_create", "membarrier", "memfd_secret", "readv#64", "64:readv", "syscall_0x1c3", "????"]
        {
            assert!(is_system_call(name.as_bytes()), "{name}");
        }
        for name in ["memcpy", "puts", "so_socket", "12:close", "trace:close", "rea", ""] {
            assert!(!is_system_call(name.as_bytes()), "{name}");
        }
    }
}
