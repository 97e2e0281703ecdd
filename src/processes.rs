//! Who is behind a thread: its process, what that is called, and the program it runs, as `-Y`, execve and clones say.
//!
//! Which process a thread is of is known to [`crate::sockets`], which follows clones. A process is called as its first
//! thread is; where nothing names that, as the thread that speaks.

use crate::escape::readable;
use crate::event::{Event, Process, ProcessRef, Tid, What, as_usize};
use crate::limits;
use foldhash::HashMap;
use std::collections::VecDeque;
use std::rc::Rc;

/// Longest name of a thread (TASK_COMM_LEN of the kernel's `linux/sched.h`, without its NUL).
const NAME_BYTES: usize = 15;

/// How many threads' processes are found without hashing.
const RECENT: usize = 32;

/// Names and programs that one process had before, to be known again: a few change their names to and fro.
const GUISES: usize = 8;

/// What is known of a thread, and of a process where it is the first one.
#[derive(Clone, Debug, Default)]
struct ThreadFacts {
    name: Option<Rc<str>>,
    /// The name of another thread, while the first one's is not known.
    lent: Option<Rc<str>>,
    path: Option<Rc<str>>,
    /// What the process was under names and programs, the last one at the end.
    guises: Vec<ProcessRef>,
    /// exit_group has begun in it: a new thread of this number is another one.
    is_ending: bool,
}

/// The processes of a trace.
#[derive(Debug, Default)]
pub struct Processes {
    tasks: HashMap<Tid, ThreadFacts>,
    /// By the number's lowest bits: a thread and its process.
    recent: [Option<(Tid, ProcessRef)>; RECENT],
    /// All that were met, the oldest first, but for those that were forgotten.
    met: VecDeque<Process>,
    /// How many were forgotten.
    forgotten: u32,
}

/// A process, and whether it is met under this name and program for the first time.
#[derive(Clone, Copy, Debug)]
pub struct Encounter<'a> {
    /// Its number here.
    pub reference: ProcessRef,
    /// What is known of it, the first time.
    pub new: Option<&'a Process>,
}

impl Processes {
    /// The process of `tid`, if nothing has changed since it was asked for last.
    #[inline]
    pub fn known(&self, tid: Tid) -> Option<ProcessRef> {
        match self.recent.get(as_usize(tid.0) % RECENT) {
            Some(Some((recent, process))) if *recent == tid => Some(*process),
            _ => None,
        }
    }

    /// The process of `tid`, which began with the thread `process`.
    pub fn meet(&mut self, tid: Tid, process: Tid) -> Encounter<'_> {
        let own = self.tasks.get(&tid).and_then(|task| task.name.clone());
        self.make_room();
        let task = self.tasks.entry(process).or_default();
        task.lent = task.lent.take().or(own);
        let name = task.name.as_ref().or(task.lent.as_ref()).cloned();
        let now = Process { number: process, name, path: task.path.clone() };
        let guises = task.guises.iter().copied();
        let known = guises.into_iter().find(|guise| at(&self.met, self.forgotten, *guise) == Some(&now));
        let reference = known.unwrap_or_else(|| self.add(now));
        if let Some(place) = self.recent.get_mut(as_usize(tid.0) % RECENT) {
            *place = Some((tid, reference));
        }
        Encounter { reference, new: self.met.back().filter(|_| known.is_none()) }
    }

    /// A process under a name and program for the first time.
    fn add(&mut self, process: Process) -> ProcessRef {
        if self.met.len() >= limits::PROCESSES {
            self.met.pop_front();
            self.forgotten = self.forgotten.wrapping_add(1);
        }
        let number = process.number;
        self.met.push_back(process);
        let reference = ProcessRef(self.forgotten.wrapping_add(u32::try_from(self.met.len()).unwrap_or_default()));
        if let Some(task) = self.tasks.get_mut(&number) {
            if task.guises.len() >= GUISES {
                task.guises.remove(0);
            }
            task.guises.push(reference);
        }
        reference
    }

    /// What is known of a process that was met.
    fn get(&self, reference: ProcessRef) -> Option<&Process> {
        at(&self.met, self.forgotten, reference)
    }

    /// What a process that was met is called by now: `curl[1234]`.
    pub fn name(&self, reference: ProcessRef) -> Option<String> {
        let met = self.get(reference)?;
        let task = self.tasks.get(&met.number);
        let name = task.and_then(|task| task.name.as_ref().or(task.lent.as_ref())).or(met.name.as_ref());
        Some(Process { name: name.cloned(), ..met.clone() }.to_string())
    }

    /// The thread that a process which was met began with.
    pub fn number(&self, reference: ProcessRef) -> Option<Tid> {
        self.get(reference).map(|met| met.number)
    }

    /// What a process that others tell of is called.
    pub fn name_of(&self, number: Tid) -> String {
        let name = self.tasks.get(&number).and_then(|task| task.name.clone());
        Process { number, name, path: None }.to_string()
    }

    /// A thread has a name.
    pub fn called(&mut self, tid: Tid, name: &[u8]) {
        self.make_room();
        self.recent.fill(None);
        self.tasks.entry(tid).or_default().name = Some(readable(name).into());
    }

    /// What nothing in the trace tells of a process has been found out.
    pub fn found(&mut self, process: Tid, name: &[u8], path: Option<&[u8]>) {
        self.called(process, name);
        let path = path.map(|path| readable(path).into());
        if let Some(task) = self.tasks.get_mut(&process) {
            task.path = task.path.take().or(path);
        }
    }

    /// Takes what an event says of threads, once it has happened; `process` is what its thread is of.
    pub fn note(&mut self, event: &Event<'_>, process: Tid) {
        match event.what {
            What::Executed { path } => self.executed(process, path),
            What::Cloned { child: Some(child), sharing } => self.made([event.tid, process, child], sharing.thread),
            What::Superseded { by } => self.superseded(process, by),
            What::Ended { group: true } => {
                if let Some(task) = self.tasks.get_mut(&process) {
                    task.is_ending = true;
                }
            }
            What::Ended { group: false } => {
                self.tasks.remove(&event.tid);
            }
            _ => return,
        }
        self.recent.fill(None);
    }

    /// A process runs another program, after which it is called.
    fn executed(&mut self, process: Tid, path: Option<&[u8]>) {
        self.make_room();
        let task = self.tasks.entry(process).or_default();
        task.path = None;
        let Some(path) = path.filter(|path| !path.is_empty()) else { return };
        let start = memchr::memrchr(b'/', path).map_or(0, |at| at + 1);
        let name = path.get(start..).unwrap_or_default();
        if !name.is_empty() {
            task.name = Some(readable(name.get(..NAME_BYTES).unwrap_or(name)).into());
        }
        task.path = Some(readable(path).into());
    }

    /// A new thread is called as its maker, and a new process runs its maker's program, unless it has said better already.
    fn made(&mut self, [maker, process, child]: [Tid; 3], is_thread: bool) {
        self.make_room();
        let name = [maker, process].iter().find_map(|by| self.tasks.get(by)?.name.clone());
        let path = self.tasks.get(&process).and_then(|task| task.path.clone()).filter(|_| !is_thread);
        let task = self.tasks.entry(child).or_default();
        if task.is_ending {
            *task = ThreadFacts::default();
        }
        task.name = task.name.take().or(name);
        task.path = task.path.take().or(path);
    }

    /// The thread `by` goes on as the first one of `process`.
    fn superseded(&mut self, process: Tid, by: Tid) {
        let Some(task) = self.tasks.remove(&by) else { return };
        if by == Tid(0) {
            // It had no number before: all that is known of it is of this one.
            self.tasks.insert(process, ThreadFacts { guises: Vec::new(), ..task });
        }
    }

    /// Forgets all where there are too many: they are learnt anew.
    fn make_room(&mut self) {
        if self.tasks.len() >= limits::THREAD_NAMES {
            self.tasks.clear();
        }
    }
}

/// The process with this number, of those behind the ones that were forgotten.
fn at(met: &VecDeque<Process>, forgotten: u32, reference: ProcessRef) -> Option<&Process> {
    met.get(as_usize(reference.0.wrapping_sub(forgotten).checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Sharing, Timestamp};

    fn note(processes: &mut Processes, tid: u32, process: u32, what: What<'_>) {
        let (entry, exit) = (Timestamp(1), Timestamp(2));
        processes.note(&Event { line: 1, tid: Tid(tid), entry, exit, resumed: false, what }, Tid(process));
    }

    fn clone(processes: &mut Processes, [maker, process, child]: [u32; 3], thread: bool) {
        let sharing = Sharing { thread, files: thread };
        note(processes, maker, process, What::Cloned { child: Some(Tid(child)), sharing });
    }

    /// The name of the process of a thread, and its number here.
    fn who(processes: &mut Processes, tid: u32, process: u32) -> (String, u32) {
        let reference = processes.meet(Tid(tid), Tid(process)).reference;
        let process = processes.get(reference).unwrap();
        let path = process.path.as_deref().map(|path| format!(" {path}")).unwrap_or_default();
        (format!("{process}{path}"), reference.0)
    }

    #[test]
    fn a_process_is_called_as_its_maker_until_it_executes_a_program() {
        let mut processes = Processes::default();
        note(&mut processes, 1, 1, What::Executed { path: Some(b"/bin/sh") });
        clone(&mut processes, [1, 1, 2], false);
        assert_eq!(who(&mut processes, 2, 2), ("sh[2] /bin/sh".into(), 1));
        note(&mut processes, 2, 2, What::Executed { path: Some(b"/usr/bin/a-name-of-over-15-bytes") });
        assert_eq!(who(&mut processes, 2, 2), ("a-name-of-over-[2] /usr/bin/a-name-of-over-15-bytes".into(), 2));
        assert_eq!(who(&mut processes, 1, 1), ("sh[1] /bin/sh".into(), 3));
        assert_eq!(who(&mut processes, 4, 4), ("pid-4".into(), 4));
    }

    #[test]
    fn threads_are_of_their_process() {
        let mut processes = Processes::default();
        processes.called(Tid(7), b"worker");
        assert_eq!(who(&mut processes, 7, 6).0, "worker[6]", "nothing names the first thread");
        processes.called(Tid(8), b"other");
        assert_eq!(who(&mut processes, 8, 6), ("worker[6]".into(), 1), "that stays until something does");
        processes.called(Tid(6), b"java");
        assert_eq!(who(&mut processes, 8, 6), ("java[6]".into(), 2));
        clone(&mut processes, [7, 6, 9], true);
        assert_eq!(who(&mut processes, 9, 6), ("java[6]".into(), 2));
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let mut processes = Processes::default();
        processes.called(Tid(1), b"sh");
        for end in [What::Ended { group: true }, What::Ended { group: false }] {
            clone(&mut processes, [1, 1, 2], false);
            note(&mut processes, 2, 2, What::Executed { path: Some(b"/bin/ls") });
            assert_eq!(who(&mut processes, 2, 2).0, "ls[2] /bin/ls");
            note(&mut processes, 2, 2, end);
            clone(&mut processes, [1, 1, 2], false);
            assert_eq!(who(&mut processes, 2, 2).0, "sh[2]");
        }
    }

    #[test]
    fn a_name_of_before_is_known_again() {
        let mut processes = Processes::default();
        let mut call = |name: &[u8]| {
            processes.called(Tid(1), name);
            let met = processes.meet(Tid(1), Tid(1));
            (met.reference.0, met.new.is_some())
        };
        assert_eq!([call(b"a"), call(b"b"), call(b"a")], [(1, true), (2, true), (1, false)]);
        assert_eq!(processes.known(Tid(1)), Some(ProcessRef(1)));
        assert_eq!(processes.known(Tid(33)), None, "that is another thread");
    }

    #[test]
    fn the_first_thread_gets_its_number_late() {
        let mut processes = Processes::default();
        note(&mut processes, 0, 0, What::Executed { path: Some(b"/bin/cat") });
        assert_eq!(who(&mut processes, 0, 0).0, "cat /bin/cat");
        note(&mut processes, 5, 5, What::Superseded { by: Tid(0) });
        assert_eq!(who(&mut processes, 5, 5), ("cat[5] /bin/cat".into(), 2));
    }
}
