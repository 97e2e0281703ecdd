//! What is Linux's own.

use std::fs::{self, File};
use std::path::PathBuf;

use rustix::pipe::fcntl_setpipe_size;

/// A socket refuses, and so does a user who has many large pipes.
pub(super) fn enlarge(pipe: &File, bytes: usize) {
    let _ = fcntl_setpipe_size(pipe, bytes);
}

/// Whether a device is /dev/null, whatever it is called.
pub(super) fn is_null(device: u64) -> bool {
    device == rustix::fs::makedev(1, 3)
}

/// The signals that this process ignores, signal 1 in the lowest bit.
pub(super) fn ignored_signals() -> u64 {
    fs::read_to_string("/proc/self/status").map_or(0, |status| ignored_in(&status))
}

fn ignored_in(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Where packages put interfaces for Wireshark; `*` is the machine's own folder.
const COMMON: [&str; 4] = [
    "/usr/libexec/wireshark/extcap",
    "/usr/lib/wireshark/extcap",
    "/usr/lib64/wireshark/extcap",
    "/usr/lib/*/wireshark/extcap",
];

/// These, as far as they may be there.
pub(super) fn common_folders() -> Vec<PathBuf> {
    let folders = COMMON.iter().flat_map(|folder| match folder.split_once("/*/") {
        None => vec![PathBuf::from(folder)],
        Some((before, behind)) => {
            let machines = fs::read_dir(before).into_iter().flatten().flatten();
            machines.map(|machine| machine.path().join(behind)).collect()
        }
    });
    folders.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        assert_eq!(ignored_in("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"), 0x1001);
        assert_eq!(ignored_in(""), 0);
    }
}
