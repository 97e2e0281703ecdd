//! The list of processes in Wireshark's dialog: a tree, so that a server with several processes is picked as a whole.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::survey::{Survey, SurveyedProcess};
use crate::escape::readable;

/// Most choices: nobody reads more, and each line costs Wireshark time.
const ENTRIES: usize = 400;

/// Most characters of a command line.
const COMMAND_CHARACTERS: usize = 70;

/// How deep the list is indented at most.
const DEEPEST: usize = 6;

/// One process to pick, with those it has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its number.
    pub pid: u32,
    /// What is shown.
    pub text: String,
}

/// The processes that have sockets and may be traced, or have made such that are called the same. `ours` are left out.
pub fn choices(survey: &Survey, ours: &[u32]) -> Vec<Choice> {
    let mut list = Vec::new();
    let is_root = |seen: &SurveyedProcess| !survey.processes.contains_key(&seen.parent);
    let mut waiting: Vec<(u32, usize)> =
        survey.processes.iter().rev().filter(|(_, seen)| is_root(seen)).map(|(pid, _)| (*pid, 0)).collect();
    let mut known = BTreeSet::new();
    while let Some((pid, depth)) = waiting.pop() {
        let Some(seen) = survey.processes.get(&pid).filter(|_| known.insert(pid) && list.len() < ENTRIES) else {
            continue;
        };
        let family = family(survey, pid, seen);
        let is_shown = family.iter().any(|pid| survey.processes.get(pid).is_some_and(|it| !it.sockets.is_empty()));
        let is_shown = is_shown && !ours.contains(&pid);
        if is_shown {
            list.push(Choice { pid, text: text(survey, pid, seen, &family, depth) });
        }
        let below = depth + usize::from(is_shown);
        let made = survey.processes.iter().rev().filter(|(_, it)| it.parent == pid);
        waiting.extend(made.map(|(pid, _)| (*pid, below)));
    }
    list
}

/// A process and all that it has made, one by another, that are called the same.
fn family(survey: &Survey, pid: u32, seen: &SurveyedProcess) -> Vec<u32> {
    let mut family = vec![pid];
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        let made = survey.processes.iter().filter(|(_, it)| it.parent == parent && it.name == seen.name);
        let made: Vec<_> = made.map(|(pid, _)| *pid).filter(|pid| !family.contains(pid)).collect();
        family.extend(made);
        at += 1;
    }
    family
}

/// `nginx, all 3 processes (21412): listens at 80 443; 7 sockets; nginx: master process`.
fn text(survey: &Survey, pid: u32, seen: &SurveyedProcess, family: &[u32], depth: usize) -> String {
    let of_all = family.iter().filter_map(|pid| survey.processes.get(pid)).flat_map(|it| &it.sockets);
    let sockets: BTreeSet<u64> = of_all.copied().collect();
    let ports: BTreeSet<u16> = sockets.iter().filter_map(|inode| survey.ports.get(inode).copied()).collect();
    let mut text = "\u{a0}\u{a0}\u{a0}".repeat(depth.min(DEEPEST));
    text.push_str(&readable(&seen.name));
    // Writing to a string never fails.
    if family.len() > 1 {
        let _ = write!(text, ", all {} processes", family.len());
    }
    let _ = write!(text, " ({pid}): ");
    if !ports.is_empty() {
        let ports: Vec<_> = ports.iter().take(8).map(u16::to_string).collect();
        let _ = write!(text, "listens at {}; ", ports.join(" "));
    }
    let _ = write!(text, "{} {}", sockets.len(), if sockets.len() == 1 { "socket" } else { "sockets" });
    let command = readable(seen.command.trim_ascii());
    if !command.is_empty() {
        text.push_str("; ");
        text.extend(command.chars().take(COMMAND_CHARACTERS));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_picked_as_a_whole() {
        let seen = |parent, name: &str, sockets: &[u64]| SurveyedProcess {
            parent,
            name: name.as_bytes().to_vec(),
            command: format!("{name} -x").into_bytes(),
            sockets: sockets.iter().copied().collect(),
        };
        let processes = [
            (1, seen(0, "init", &[])),
            (20, seen(1, "nginx", &[])),
            (21, seen(20, "nginx", &[80])),
            (22, seen(20, "nginx", &[80, 5])),
            (30, seen(1, "sh", &[])),
            (31, seen(30, "redis", &[6])),
            (32, seen(30, "us", &[9])),
            (40, seen(2, "lost", &[7])),
        ];
        let survey = Survey { processes: processes.into(), ports: [(80, 8080)].into() };
        let list: Vec<_> = choices(&survey, &[32]).into_iter().map(|it| format!("{} {}", it.pid, it.text)).collect();
        let expected = [
            "20 nginx, all 3 processes (20): listens at 8080; 2 sockets; nginx -x",
            "21 \u{a0}\u{a0}\u{a0}nginx (21): listens at 8080; 1 socket; nginx -x",
            "22 \u{a0}\u{a0}\u{a0}nginx (22): listens at 8080; 2 sockets; nginx -x",
            "31 redis (31): 1 socket; redis -x",
            "40 lost (40): 1 socket; lost -x",
        ];
        assert_eq!(list, expected);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let seen = |parent| SurveyedProcess { parent, sockets: [1].into(), ..SurveyedProcess::default() };
        let survey = Survey { processes: [(1, seen(2)), (2, seen(1)), (3, seen(9))].into(), ports: [].into() };
        assert_eq!(choices(&survey, &[]).len(), 1);
    }
}
