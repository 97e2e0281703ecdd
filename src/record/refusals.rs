//! Why strace cannot trace, in its own words, and what to do about it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::processes::Processes;
use crate::escape::escaped;

/// Where Yama tells who may trace whom.
const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// How many of strace's lines are told again: there is one for each thread of what it cannot attach to.
const LINES: usize = 3;

/// What strace has said, on one line, and its cure. `pids` are those on this machine that were to be traced.
pub fn with_cure(said: &str, pids: &[u32]) -> String {
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
        not_permitted(pids)
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
fn not_permitted(pids: &[u32]) -> String {
    let processes = Processes::now();
    for pid in pids {
        if let Some(tracer) = processes.tracer(*pid) {
            return traced_already(&processes, *pid, tracer);
        }
    }
    let scope = fs::read_to_string(YAMA).unwrap_or_default();
    let scope = match scope.trim() {
        "1" => ", or allow tracing what is not one's own child (sysctl kernel.yama.ptrace_scope=0)",
        "2" => " (kernel.yama.ptrace_scope is 2: root alone may trace)",
        "3" => " (kernel.yama.ptrace_scope is 3: nobody may trace until the next boot with another value)",
        _ => "",
    };
    format!(
        "trace as the process's own user or as root (sudo, or --via sudo){scope}; in a container start it with --cap-add SYS_PTRACE"
    )
}

/// What is said of a process that has a tracer: there can be one.
pub fn traced_already(processes: &Processes, pid: u32, tracer: u32) -> String {
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
        assert!(told(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).contains("chmod +x"));
    }

    #[test]
    fn what_strace_says_has_its_cure() {
        let denied = with_cure("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n", &[]);
        assert!(denied.starts_with("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted: "), "{denied}");
        assert!(denied.contains("root") && denied.contains("--cap-add SYS_PTRACE"), "{denied}");
        assert!(with_cure("strace: strace is not installed there", &[]).contains("apt-get install"));
        assert_eq!(with_cure("strace: a\x1b\nstrace: b\n", &[]), "strace: a\\x1b; b");
        let many = with_cure(&"attach: ptrace(PTRACE_SEIZE, 9): Operation not permitted\n".repeat(40), &[]);
        assert_eq!(many.matches("PTRACE_SEIZE").count(), 3, "{many}");
        assert!(many.contains("; and 37 more such lines: trace as the process's own user"), "{many}");
        let gone = with_cure("strace: attach: ptrace(PTRACE_SEIZE, 9): No such process", &[]);
        assert!(gone.contains("has ended"), "{gone}");
    }
}
