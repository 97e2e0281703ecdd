//! What stands in place of what is Linux's own, on macOS and its kin.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A pipe grows by itself.
pub(super) fn enlarge(_pipe: &File, _bytes: usize) {}

/// Whether a device is /dev/null.
pub(super) fn is_null(device: u64) -> bool {
    fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == device)
}

/// The signals that this process ignores: nobody tells them here without unsafe code, so nohup does not hold against SIGHUP.
pub(super) fn ignored_signals() -> u64 {
    0
}

/// Where Wireshark's own package for macOS, Homebrew and MacPorts put interfaces.
pub(super) fn common_folders() -> Vec<PathBuf> {
    let folders =
        ["/Applications/Wireshark.app/Contents/MacOS", "/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"];
    let [application, others @ ..] = folders.map(PathBuf::from);
    let others = others.map(|folder| folder.join("wireshark").join("extcap"));
    std::iter::once(application.join("extcap")).chain(others).collect()
}
