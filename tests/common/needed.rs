//! Programs that a test needs and a machine may not have.

use std::io::Write as _;

/// Whether all of `programs` are there. Where the CI promises them (`STRACE2PCAP_LIVE`) the absence of one is a failure,
/// elsewhere `test` is said to be left out.
#[track_caller]
pub fn has(programs: &[&str], test: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_missing = |program: &&&str| !std::env::split_paths(&path).any(|at| at.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(is_missing).collect();
    assert!(missing.is_empty() || std::env::var_os("STRACE2PCAP_LIVE").is_none(), "there is no {missing:?}");
    if !missing.is_empty() {
        // Past the test harness, so that it is seen: a check that was left out must say so.
        let _ = writeln!(std::io::stderr(), "there is no {missing:?}, {test} is left out");
    }
    missing.is_empty()
}
