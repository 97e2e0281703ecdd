//! Why strace cannot trace, in its own words, and what to do about it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::processes::RunningProcesses;
use crate::escape::escaped;

/// Where Yama tells who may trace whom.
const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// How many of strace's lines are told again: there is one for each thread of what it cannot attach to.
const LINES: usize = 3;

/// Who was to be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'p> {
    /// Processes of this machine that run; none: a command.
    Here(&'p [u32]),
    /// Something on another machine, of which nothing can be seen here.
    Elsewhere,
}

/// What strace has said, on one line, and its cure.
pub fn with_cure(said: &str, wanted: Wanted<'_>) -> String {
    let lines: Vec<_> =
        said.lines().map(|line| line.trim_start_matches("strace: ")).filter(|it| !it.is_empty()).collect();
    let (first, others) = lines.split_at(lines.len().min(LINES));
    let more = if others.is_empty() { String::new() } else { format!("; and {} more such lines", others.len()) };
    let told = format!("strace: {}{more}", escaped(first.join("; ").as_bytes()));
    if said.contains("not installed") {
        return format!("{told}: install it (apt-get install strace, dnf install strace, apk add strace)");
    }
    if !(said.contains("ptrace") || said.contains("PTRACE")) {
        return told;
    }
    let cure = if said.contains("Operation not permitted") || said.contains("Permission denied") {
        not_permitted(wanted)
    } else if said.contains("No such process") {
        "it has ended, or its number is another one there".to_owned()
    } else if said.contains("Function not implemented") || said.contains("Input/output error") {
        "this system has no ptrace, as in some containers and sandboxes: record outside of it".to_owned()
    } else {
        return told;
    };
    format!("{told}: {cure}")
}

/// What is said of a command that cannot be run.
pub fn no_program(program: &OsStr) -> String {
    let name = escaped(program.as_encoded_bytes());
    let is_path = program.as_encoded_bytes().contains(&b'/');
    if program.is_empty() {
        return "COMMAND is empty: its name comes after OUTPUT".to_owned();
    }
    if is_path && Path::new(program).is_dir() {
        return format!("{name} is a directory, and no program that may be run");
    }
    if is_path && Path::new(program).exists() {
        return format!("{name} is no program that may be run (chmod +x makes one of a script)");
    }
    if program.as_encoded_bytes().contains(&b' ') {
        return format!(
            "there is no program '{name}' to be run: give its arguments as words of their own, without quotes around all"
        );
    }
    format!("there is no program {name} to be run: COMMAND comes after OUTPUT")
}

/// What helps where the kernel does not let us trace.
fn not_permitted(wanted: Wanted<'_>) -> String {
    let Wanted::Here(pids) = wanted else {
        return "trace as the process's own user or, where kernel.yama.ptrace_scope is not 0 there, as root; in a container start it \
                with --cap-add SYS_PTRACE"
            .to_owned();
    };
    let status = |pid: &str| fs::read_to_string(Path::new("/proc").join(pid).join("status")).unwrap_or_default();
    let scope = fs::read_to_string(YAMA).unwrap_or_default();
    let we = Status::of(&status("self"));
    let processes = RunningProcesses::now();
    for pid in pids {
        if let Some(tracer) = processes.tracer(*pid) {
            return traced_already(&processes, *pid, tracer);
        }
    }
    let them: Vec<_> = pids.iter().map(|pid| (*pid, Status::of(&status(&pid.to_string())))).collect();
    cure(&we, &them, scope.trim())
}

/// What `/proc/PID/status` says of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Status {
    /// Its user.
    user: String,
    has_ended: bool,
    /// The kernel's own have none.
    has_memory: bool,
}

impl Status {
    fn of(text: &str) -> Self {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next());
        let user = value("Uid:").unwrap_or_default().to_owned();
        let has_ended = matches!(value("State:"), Some("Z" | "X"));
        Self { user, has_ended, has_memory: value("VmSize:").is_some() }
    }
}

/// What helps whom: `we` are not permitted to trace one of `them`, or a command where there is none.
fn cure(we: &Status, them: &[(u32, Status)], scope: &str) -> String {
    let as_root = "trace as root (sudo, or --via sudo)";
    for (pid, it) in them {
        if it.has_ended {
            return format!("process {pid} has ended, and who has made it has not looked at that yet");
        }
        if !it.user.is_empty() && !it.has_memory {
            return format!("process {pid} is the kernel's own, and nobody can trace it");
        }
    }
    let other = them.iter().find(|(_, it)| !it.user.is_empty() && it.user != we.user);
    match (scope, other) {
        ("3", _) => {
            "kernel.yama.ptrace_scope is 3, and nobody may trace until the next boot with another value".to_owned()
        }
        _ if we.user == "0" => "this root has not the right to trace it (CAP_SYS_PTRACE), as in a container or a user namespace: \
                                start the container with --cap-add SYS_PTRACE, or record from its host"
            .to_owned(),
        ("2", _) => format!("kernel.yama.ptrace_scope is 2, and root alone may trace: {as_root}"),
        (_, Some((pid, it))) => {
            format!("process {pid} belongs to another user ({}): trace as that one, or {as_root}", escaped(it.user.as_bytes()))
        }
        ("1", None) if !them.is_empty() => format!(
            "kernel.yama.ptrace_scope is 1, and a process may trace only what it has made: {as_root}, start the command with \
             --run, or let everybody trace their own (sysctl -w kernel.yama.ptrace_scope=0)"
        ),
        (_, None) if them.is_empty() => {
            "nothing may be traced here, as in some containers: start the container with --cap-add SYS_PTRACE, or record from \
             its host"
                .to_owned()
        }
        (_, None) => {
            format!("it does not let itself be traced, as what has other rights than its user or keeps secrets: {as_root}")
        }
    }
}

/// What is said of a process that has a tracer: there can be one.
pub fn traced_already(processes: &RunningProcesses, pid: u32, tracer: u32) -> String {
    let name = processes.get(tracer).map(|it| it.name.clone()).unwrap_or_default();
    format!("process {pid} is traced already, by process {tracer} ({}): end that first", escaped(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_cannot_be_run_is_told_why() {
        let told = |program: &str| no_program(program.as_ref());
        assert_eq!(told("nosuch\x1b"), "there is no program nosuch\\x1b to be run: COMMAND comes after OUTPUT");
        assert!(told("curl -s http://a/").contains("as words of their own"));
        assert!(told("/nosuch/a").contains("COMMAND comes after OUTPUT"));
        assert!(told("").starts_with("COMMAND is empty"));
        assert!(told(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).contains("is a directory"));
        assert!(told(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).contains("chmod +x"));
    }

    #[test]
    fn what_strace_says_has_its_cure() {
        let denied = "strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n";
        let there = with_cure(denied, Wanted::Elsewhere);
        assert!(there.starts_with("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted: "), "{there}");
        assert!(there.contains("root") && there.contains("--cap-add SYS_PTRACE"), "{there}");
        let here = |said: &str| with_cure(said, Wanted::Here(&[]));
        assert!(here("strace: strace is not installed there").contains("apt-get install"));
        assert_eq!(here("strace: a\x1b\nstrace: b\n"), "strace: a\\x1b; b");
        let many =
            with_cure(&"attach: ptrace(PTRACE_SEIZE, 9): Operation not permitted\n".repeat(40), Wanted::Elsewhere);
        assert_eq!(many.matches("PTRACE_SEIZE").count(), 3, "{many}");
        assert!(many.contains("; and 37 more such lines: trace as the process's own user"), "{many}");
        let gone = here("strace: attach: ptrace(PTRACE_SEIZE, 9): No such process");
        assert!(gone.contains("has ended"), "{gone}");
    }

    #[test]
    fn who_may_not_trace_is_told_what_would_be_permitted() {
        let status = |text: &str| Status::of(text);
        let user = status("State:\tS (sleeping)\nUid:\t7\t7\t7\t7\nVmSize:\t  12 kB\n");
        let root = Status { user: "0".into(), ..user.clone() };
        let ended = status("State:\tZ (zombie)\nUid:\t7\t7\t7\t7\n");
        let kernel = status("State:\tS (sleeping)\nUid:\t0\t0\t0\t0\n");
        let check = |we: &Status, them: &[&Status], scope: &str, expected: &str| {
            let them: Vec<_> = (5..).zip(them.iter().copied().cloned()).collect();
            let told = cure(we, &them, scope);
            assert!(told.contains(expected), "{told}");
        };
        check(&user, &[&root], "", "process 5 belongs to another user (0): trace as that one, or trace as root");
        check(&user, &[&user, &root], "1", "process 6 belongs to another user");
        check(&user, &[&user], "1", "ptrace_scope is 1");
        check(&user, &[&user], "1", "--run");
        check(&user, &[&user], "2", "ptrace_scope is 2, and root alone may trace: trace as root (sudo");
        check(&user, &[], "2", "ptrace_scope is 2");
        check(&root, &[&user], "3", "until the next boot");
        check(&root, &[&user], "1", "CAP_SYS_PTRACE");
        check(&user, &[&user], "0", "does not let itself be traced");
        check(&user, &[], "0", "nothing may be traced here");
        check(&root, &[&ended], "", "process 5 has ended");
        check(&root, &[&kernel], "", "process 5 is the kernel's own");
        check(&user, &[&Status::default()], "", "does not let itself be traced");
    }
}
