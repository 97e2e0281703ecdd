//! What runs on a machine and may be traced: processes with their sockets and the ports at which they listen, from `/proc`
//! here, or from the same files as a shell elsewhere prints them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::record::{RunningProcess, process};

/// Most bytes of a command line that are kept.
const COMMAND_BYTES: usize = 200;

/// A process with what can be seen of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SurveyedProcess {
    /// Who has made it.
    pub parent: u32,
    /// What it is called.
    pub name: Vec<u8>,
    /// Its arguments, with blanks between them.
    pub command: Vec<u8>,
    /// The inodes of its sockets; none where its descriptors cannot be seen, and then it cannot be traced either.
    pub sockets: BTreeSet<u64>,
}

/// All processes of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// By number.
    pub processes: BTreeMap<u32, SurveyedProcess>,
    /// The ports of sockets that listen, or are bound for datagrams, by inode.
    pub ports: BTreeMap<u64, u16>,
}

impl Survey {
    fn add(&mut self, RunningProcess { pid, parent, name }: RunningProcess) -> &mut SurveyedProcess {
        let seen = self.processes.entry(pid).or_default();
        (seen.parent, seen.name) = (parent, name);
        seen
    }

    /// Takes a file like `/proc/net/tcp`. A socket listens in state 0A; one of UDP that nobody is connected to is in 07.
    fn take_ports(&mut self, table: &str) {
        for line in table.lines().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let (local, remote, state) = (words.nth(1), words.next(), words.next());
            let is_open =
                state == Some("0A") || (state == Some("07") && remote.is_some_and(|it| it.ends_with(":0000")));
            let port = local.and_then(|it| u16::from_str_radix(it.rsplit(':').next()?, 16).ok());
            if let (true, Some(port), Some(inode)) = (is_open, port, words.nth(5).and_then(|it| it.parse().ok())) {
                self.ports.insert(inode, port);
            }
        }
    }

    /// Looks at this machine, whose `/proc` is at `root`.
    pub fn here(root: &Path) -> Self {
        let mut survey = Self::default();
        let mut namespaces = BTreeSet::new();
        let names = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.file_name());
        for pid in names.filter_map(|name| name.to_str()?.parse::<u32>().ok()) {
            let folder = root.join(pid.to_string());
            let Some(found) = fs::read(folder.join("stat")).ok().and_then(|stat| process(&stat)) else { continue };
            let links = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
            let links = links.filter_map(|link| fs::read_link(link.path()).ok());
            let sockets = links.filter_map(|link| inode(link.to_str()?)).collect();
            let mut command = fs::read(folder.join("cmdline")).unwrap_or_default();
            command.truncate(COMMAND_BYTES);
            let seen = survey.add(found);
            (seen.sockets, seen.command) = (sockets, spaced(&command));
            // Each network namespace has its own tables.
            if !seen.sockets.is_empty() && namespaces.insert(fs::read_link(folder.join("ns/net")).ok()) {
                for table in ["tcp", "tcp6", "udp", "udp6"] {
                    survey.take_ports(&fs::read_to_string(folder.join("net").join(table)).unwrap_or_default());
                }
            }
        }
        survey
    }

    /// Reads what [`QUESTION`] prints.
    pub fn read(text: &[u8]) -> Self {
        let mut survey = Self::default();
        let mut part = "";
        let mut pid = 0;
        let mut table = String::new();
        for line in text.split(|byte| *byte == b'\n') {
            let words = String::from_utf8_lossy(line);
            match (part, words.as_ref()) {
                (_, "# stat") => part = "stat",
                (_, "# fd") => part = "fd",
                (_, "# cmdline") => part = "cmdline",
                (_, "# net") => {
                    survey.take_ports(&std::mem::take(&mut table));
                    part = "net";
                }
                ("stat", _) => drop(process(line).map(|found| survey.add(found).parent)),
                ("fd", words) => match words.strip_prefix("/proc/").and_then(|rest| rest.strip_suffix("/fd:")) {
                    Some(number) => pid = number.parse().unwrap_or_default(),
                    None => drop(
                        survey
                            .processes
                            .get_mut(&pid)
                            .zip(inode(words))
                            .map(|(seen, inode)| seen.sockets.insert(inode)),
                    ),
                },
                ("cmdline", words) => match words.strip_prefix("# of ") {
                    Some(number) => pid = number.parse().unwrap_or_default(),
                    None => drop(survey.processes.get_mut(&pid).map(|seen| seen.command.extend(spaced(line)))),
                },
                ("net", words) => table.extend([words, "\n"]),
                _ => {}
            }
        }
        survey.take_ports(&table);
        survey
    }
}

/// What a shell elsewhere is asked. Each part begins with a line that says what it is.
pub const QUESTION: &str = r##"{
echo '# stat'
for one in /proc/[0-9]*; do read -r line <"$one/stat" && printf '%s\n' "$line"; done
echo '# fd'
ls -l /proc/[0-9]*/fd
echo '# cmdline'
for one in /proc/[0-9]*; do
  [ -r "$one/fd" ] && echo "# of ${one#/proc/}" && tr '\000\n' '  ' <"$one/cmdline" && echo
done
for one in tcp tcp6 udp udp6; do echo '# net'; cat "/proc/net/$one"; done
exit
} 2>/dev/null
"##;

/// The inode in `socket:[INODE]`, at the end of a link or a line about one.
fn inode(text: &str) -> Option<u64> {
    text.rsplit_once("socket:[")?.1.strip_suffix(']')?.parse().ok()
}

/// Arguments with blanks between them.
fn spaced(command: &[u8]) -> Vec<u8> {
    command.iter().take(COMMAND_BYTES).map(|byte| if *byte == 0 { b' ' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 700 1 0 100 0 0 10 0\n\
        1: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 701 1 0 20 4 0 10 -1\n";
    const UDP: &str = "  sl  local_address rem_address   st\n\
        5: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 702 2 0 0\n";

    fn expected() -> Survey {
        let seen = |parent, name: &str, command: &str, sockets: &[u64]| SurveyedProcess {
            parent,
            name: name.as_bytes().to_vec(),
            command: command.as_bytes().to_vec(),
            sockets: sockets.iter().copied().collect(),
        };
        let processes = [(7, seen(1, "a) b", "a -x {1} ", &[700, 702])), (8, seen(7, "c", "", &[]))];
        Survey { processes: processes.into(), ports: [(700, 8080), (702, 53)].into() }
    }

    #[test]
    #[cfg_attr(windows, ignore = "there are no links to what is no file")]
    fn a_machine_is_read_from_its_files() {
        let root = std::env::temp_dir().join(format!("strace2pcap-{}-survey", std::process::id()));
        for (pid, stat, command) in [(7, "7 (a) b) S 1 7", "a\0-x\0{1}\0"), (8, "8 (c) S 7 7", "")] {
            let folder = root.join(pid.to_string());
            fs::create_dir_all(folder.join("fd")).unwrap();
            fs::create_dir_all(folder.join("net")).unwrap();
            fs::write(folder.join("stat"), stat).unwrap();
            fs::write(folder.join("cmdline"), command).unwrap();
            fs::write(folder.join("net/tcp"), TCP).unwrap();
            fs::write(folder.join("net/udp"), UDP).unwrap();
        }
        for (fd, target) in [("0", "/dev/null"), ("3", "socket:[700]"), ("4", "socket:[702]"), ("5", "pipe:[9]")] {
            crate::system::place_program(Path::new(target), &root.join("7/fd").join(fd)).unwrap();
        }
        assert_eq!(Survey::here(&root), expected());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_machine_is_read_from_what_a_shell_prints() {
        let text = format!(
            "# stat\n7 (a) b) S 1 7\n8 (c) S 7 7\n# fd\n/proc/7/fd:\ntotal 0\nlrwx------ 1 root root 64 Nov 28 08:19 3 -> \
             socket:[700]\nlrwx 4 -> socket:[702]\nl-wx 5 -> pipe:[9]\n\n/proc/8/fd:\n# cmdline\n# of 7\na -x {{1}} \n# of 8\n\n\
             # net\n{TCP}# net\n{UDP}# net\n"
        );
        assert_eq!(Survey::read(text.as_bytes()), expected());
        assert_eq!(Survey::read(b"Welcome\n"), Survey::default());
    }
}
