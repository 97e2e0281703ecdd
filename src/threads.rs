//! What threads are called: as `-Y` and execve say, or as their makers.

use crate::escape::readable;
use crate::event::{Event, Tid, What};
use crate::limits;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// The names of threads.
#[derive(Debug, Default)]
pub struct Threads {
    names: FxHashMap<Tid, Rc<str>>,
}

impl Threads {
    /// Takes what an event says of threads.
    #[inline]
    pub fn note(&mut self, event: &Event<'_>) {
        match event.what {
            What::Called { name } | What::Executed { name: Some(name) } => self.called(event.tid, name),
            What::Cloned { child: Some(child), .. } => self.made(event.tid, child),
            _ => {}
        }
    }

    /// A thread has a name.
    fn called(&mut self, tid: Tid, name: &[u8]) {
        self.know(tid, readable(name).into());
    }

    /// A new thread is called as its maker, unless it has said better already.
    fn made(&mut self, by: Tid, child: Tid) {
        if let Some(name) = self.names.get(&by).cloned()
            && !self.names.contains_key(&child)
        {
            self.know(child, name);
        }
    }

    fn know(&mut self, tid: Tid, name: Rc<str>) {
        if self.names.len() >= limits::THREAD_NAMES {
            self.names.clear();
        }
        self.names.insert(tid, name);
    }

    /// `curl[1234]`, or `pid-1234` of a thread whose name is not known.
    pub fn name(&self, tid: Tid) -> String {
        match self.names.get(&tid) {
            Some(name) => format!("{name}[{tid}]"),
            None => format!("pid-{tid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_their_own_name_or_their_makers() {
        let mut threads = Threads::default();
        let [shell, child, grandchild, stranger] = [1, 2, 3, 4].map(Tid);
        threads.called(shell, b"sh");
        threads.made(shell, child);
        threads.called(grandchild, b"curl");
        threads.made(child, grandchild);
        let names = [shell, child, grandchild, stranger].map(|tid| threads.name(tid));
        assert_eq!(names, ["sh[1]", "sh[2]", "curl[3]", "pid-4"]);
    }
}
