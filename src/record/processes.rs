//! Who runs on this machine, from `/proc`: who has made whom, and who is traced by whom.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::traced::tracer;

/// A process, as far as its line in `/proc/PID/stat` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningProcess {
    /// Its number.
    pub pid: u32,
    /// Who has made it; 0 if that is not seen here.
    pub parent: u32,
    /// What its first thread is called, as bytes.
    pub name: Vec<u8>,
}

/// All of them, at one moment.
#[derive(Clone, Debug)]
pub struct RunningProcesses {
    root: PathBuf,
    list: Vec<RunningProcess>,
}

impl RunningProcesses {
    /// Looks at this machine's.
    pub fn now() -> Self {
        Self::below(Path::new("/proc"))
    }

    /// Looks at those below `root`, a folder like `/proc`. Who is gone before it can be looked at is left out.
    pub fn below(root: &Path) -> Self {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut list: Vec<_> = pids.filter_map(|pid| process(&fs::read(path(root, pid, "stat")).ok()?)).collect();
        list.sort_unstable_by_key(|process| process.pid);
        Self { root: root.to_owned(), list }
    }

    /// The one with this number.
    pub fn get(&self, pid: u32) -> Option<&RunningProcess> {
        let at = self.list.binary_search_by_key(&pid, |process| process.pid).ok()?;
        self.list.get(at)
    }

    /// Those that `pid` has made and that run.
    pub fn children(&self, pid: u32) -> impl Iterator<Item = u32> + '_ {
        self.list.iter().filter(move |process| process.parent == pid).map(|process| process.pid)
    }

    /// `pid`, who has made it, who has made that, and so on.
    pub fn line_of(&self, pid: u32) -> Vec<u32> {
        let mut line = vec![pid];
        let mut last = pid;
        while let Some(process) = self.get(last).filter(|process| !line.contains(&process.parent)) {
            last = process.parent;
            line.push(last);
        }
        line
    }

    /// `named`, and all that these have made, without `ours` unless they are named.
    pub fn with_descendants(&self, named: &[u32], ours: &[u32]) -> Vec<u32> {
        let mut wanted = Vec::new();
        let mut waiting: Vec<u32> = named.iter().rev().copied().collect();
        while let Some(pid) = waiting.pop() {
            if !wanted.contains(&pid) {
                wanted.push(pid);
                let children: Vec<_> = self.children(pid).filter(|child| !ours.contains(child)).collect();
                waiting.extend(children.into_iter().rev());
            }
        }
        wanted
    }

    /// Who traces `pid`.
    pub fn tracer(&self, pid: u32) -> Option<u32> {
        tracer(&fs::read(path(&self.root, pid, "status")).ok()?)
    }

    /// Whom `tracer` traces.
    pub fn traced_by(&self, tracer: u32) -> impl Iterator<Item = u32> + '_ {
        self.list.iter().map(|process| process.pid).filter(move |pid| self.tracer(*pid) == Some(tracer))
    }
}

/// A file of a process.
pub fn path(root: &Path, pid: u32, file: &str) -> PathBuf {
    root.join(pid.to_string()).join(file)
}

/// Reads the line of `/proc/PID/stat`: its name stands in parentheses and may hold some, and blanks.
pub fn process(stat: &[u8]) -> Option<RunningProcess> {
    let open = memchr::memchr(b'(', stat)?;
    let close = memchr::memrchr(b')', stat)?;
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.trim().parse().ok();
    let mut rest = stat.get(close + 1..)?.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    Some(RunningProcess {
        pid: number(stat.get(..open)?)?,
        parent: number(rest.nth(1)?)?,
        name: stat.get(open + 1..close)?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder like `/proc` with processes `pid parent name`.
    fn folder(name: &str, processes: &[(u32, u32, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("strace2pcap-{}-{name}", std::process::id()));
        for (pid, parent, name) in processes {
            fs::create_dir_all(root.join(pid.to_string())).unwrap();
            fs::write(path(&root, *pid, "stat"), format!("{pid} ({name}) S {parent} 1 2 3\n")).unwrap();
            fs::write(path(&root, *pid, "status"), format!("Name:\tx\nTracerPid:\t{}\n", pid % 2 * 9)).unwrap();
        }
        root
    }

    #[test]
    fn a_line_is_read_whatever_the_name() {
        let read =
            |text: &str| process(text.as_bytes()).map(|it| (it.pid, it.parent, String::from_utf8(it.name).unwrap()));
        assert_eq!(read("7 (a) S 1 7 7 0\n"), Some((7, 1, "a".into())));
        assert_eq!(read("7 (a b) (c)) R 12 7\n"), Some((7, 12, "a b) (c)".into())));
        for other in ["", "7", "7 (a", "7 (a) S", "x (a) S 1 2"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn descendants_are_found_and_ours_are_not() {
        let root = folder(
            "tree",
            &[(1, 0, "init"), (10, 1, "nginx"), (11, 10, "nginx"), (12, 10, "a) b"), (20, 1, "sh"), (21, 20, "us")],
        );
        let all = RunningProcesses::below(&root);
        assert_eq!(all.with_descendants(&[10], &[]), [10, 11, 12]);
        assert_eq!(all.with_descendants(&[20], &all.line_of(21)), [20]);
        assert_eq!(all.with_descendants(&[1], &all.line_of(21)), [1, 10, 11, 12]);
        assert_eq!(all.with_descendants(&[99, 12, 12], &[]), [99, 12], "strace says that there is none");
        assert_eq!(all.line_of(21), [21, 20, 1, 0]);
        assert_eq!(all.traced_by(9).collect::<Vec<_>>(), [1, 11, 21]);
        assert_eq!(all.get(12).map(|it| it.name.as_slice()), Some(b"a) b".as_slice()));
        fs::remove_dir_all(root).unwrap();
    }
}
