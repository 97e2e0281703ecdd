//! FIFOs (fifo(7)): pipes that have a path. A trace shows their descriptors like those of any file, so that a path is a
//! FIFO's is known from elsewhere: mkfifo or mknod made it, stat showed its type, or the user gave a pattern.
//!
//! The parsers of one run share what is known: with `strace -ff`, one process makes a FIFO that another one uses.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use foldhash::HashMap;

use crate::event::Inode;
use crate::glob::Glob;
use crate::limits;

/// Which paths are FIFOs, as far as it is known by now.
#[derive(Clone, Debug, Default)]
pub struct Fifos(Rc<RefCell<KnownFifos>>);

#[derive(Debug, Default)]
struct KnownFifos {
    patterns: Vec<Glob>,
    /// The number of each FIFO, used in place of an inode; none for a path that is something else.
    by_path: HashMap<Box<[u8]>, Option<Inode>>,
    /// How many FIFOs there have been.
    numbered: u64,
    /// How often what was known has turned out to be wrong.
    corrections: u64,
    /// The user has been warned that there are too many.
    has_warned: bool,
    /// Those that are gone, or no FIFOs: they make room.
    gone: BTreeSet<Box<[u8]>>,
}

/// What the kernel puts behind the path of a file that has none any more.
const DELETED: &[u8] = b" (deleted)";

impl Fifos {
    /// Takes paths that match one of `patterns` to be FIFOs until the trace shows that they are not.
    pub fn new(patterns: Vec<Glob>) -> Self {
        let known = KnownFifos { patterns, ..KnownFifos::default() };
        Self(Rc::new(RefCell::new(known)))
    }

    /// Whether any path may be a FIFO.
    pub(super) fn are_any(&self) -> bool {
        let known = self.0.borrow();
        !(known.by_path.is_empty() && known.patterns.is_empty())
    }

    /// How often what was known has turned out to be wrong.
    pub(super) fn corrections(&self) -> u64 {
        self.0.borrow().corrections
    }

    /// The number of the FIFO at `path`, if there is one.
    pub(super) fn number(&self, path: &[u8]) -> Option<Inode> {
        self.0.borrow_mut().number(path)
    }

    /// `path` is a FIFO, or something else.
    pub(super) fn learn(&self, path: &[u8], is_fifo: bool) {
        self.0.borrow_mut().learn(path, is_fifo);
    }

    /// `path` is another name of a FIFO.
    pub(super) fn also(&self, path: &[u8], number: Inode) {
        self.0.borrow_mut().set(path, Some(number));
    }

    /// What was at `from` is at `to` from here on.
    pub(super) fn renamed(&self, from: &[u8], to: &[u8]) {
        if from == to {
            return;
        }
        self.removed(to);
        let mut known = self.0.borrow_mut();
        known.gone.remove(from);
        if let Some(number) = known.by_path.remove(from) {
            known.corrections += u64::from(number.is_some());
            known.set(to, number);
        }
    }

    /// `path` is free for another file; a FIFO that is open lives on.
    pub(super) fn removed(&self, path: &[u8]) {
        let mut known = self.0.borrow_mut();
        known.gone.remove(path);
        if let Some(number) = known.by_path.remove(path).flatten() {
            known.corrections += 1;
            known.set(&[path, DELETED].concat(), Some(number));
        }
    }
}

impl KnownFifos {
    fn number(&mut self, path: &[u8]) -> Option<Inode> {
        let by_path = &self.by_path;
        let known = by_path.get(path).or_else(|| by_path.get(path.strip_suffix(DELETED)?));
        if let Some(number) = known {
            return *number;
        }
        if !self.is_asked_for(path) {
            return None;
        }
        self.next(path)
    }

    /// Whether a path is taken to be a FIFO until the trace shows that it is not.
    fn is_asked_for(&self, path: &[u8]) -> bool {
        self.patterns.iter().any(|glob| glob.is_for_path(path))
    }

    /// A FIFO not known before.
    fn next(&mut self, path: &[u8]) -> Option<Inode> {
        self.numbered += 1;
        let number = Inode::of_fifo(self.numbered);
        self.set(path, Some(number)).then_some(number)
    }

    fn learn(&mut self, path: &[u8], is_fifo: bool) {
        match (self.by_path.get(path).copied().flatten(), is_fifo) {
            (None, true) => {
                self.next(path);
            }
            (Some(_), false) => {
                self.corrections += 1;
                self.set(path, None);
            }
            (None, false) if self.is_asked_for(path) => {
                self.set(path, None);
            }
            (Some(_), true) | (None, false) => {}
        }
    }

    /// Notes what `path` is; false where there are too many.
    fn set(&mut self, path: &[u8], number: Option<Inode>) -> bool {
        let is_new = !self.by_path.contains_key(path);
        if is_new && self.by_path.len() >= limits::FIFO_PATHS {
            if let Some(gone) = self.gone.pop_first() {
                self.by_path.remove(&gone);
            } else {
                if !std::mem::replace(&mut self.has_warned, true) {
                    log::warn!("more than {} FIFOs at a time: some are passed over", limits::FIFO_PATHS);
                }
                return false;
            }
        }
        if number.is_none() || path.ends_with(DELETED) {
            self.gone.insert(path.into());
        } else {
            self.gone.remove(path);
        }
        self.by_path.insert(path.into(), number);
        true
    }
}

/// `path` from the root as the kernel writes it in details, for a call in the directory `base`, or as it is where that is
/// not known. Links are not followed.
pub(super) fn resolved(path: &[u8], base: Option<&[u8]>) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let is_absolute = path.first() == Some(&b'/');
    let base = base.filter(|_| !is_absolute);
    let whole = base.into_iter().chain([path]);
    for part in whole.flat_map(|text| text.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root: &[u8] = if is_absolute || base.is_some() { b"/" } else { b"" };
    [root, &parts.join(b"/".as_slice())].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, base: Option<&str>, expected: &str) {
        let resolved = resolved(path.as_bytes(), base.map(str::as_bytes));
        assert_eq!(String::from_utf8_lossy(&resolved), expected);
    }

    #[test]
    fn paths_as_the_kernel_writes_them() {
        check("/run/a", Some("/tmp"), "/run/a");
        check("./a", Some("/tmp"), "/tmp/a");
        check("../b//c/.", Some("/tmp/a"), "/tmp/b/c");
        check("a", Some("/"), "/a");
        check("a/../b", None, "b");
        check("../b", None, "../b");
        check("../../b", None, "../../b");
        check("/", None, "/");
    }

    #[test]
    fn a_path_is_what_was_told_last() {
        let fifos = Fifos::default();
        assert!(!fifos.are_any());
        assert_eq!(fifos.number(b"/f"), None);
        fifos.learn(b"/f", true);
        assert!(fifos.are_any());
        let number = fifos.number(b"/f");
        assert!(number.is_some());
        fifos.learn(b"/f", true);
        assert_eq!(fifos.number(b"/f"), number);
        assert_eq!(fifos.number(b"/f (deleted)"), number);
        assert_eq!(fifos.number(b"/g"), None);
        assert_eq!(fifos.corrections(), 0);
        fifos.learn(b"/f", false);
        assert_eq!((fifos.number(b"/f"), fifos.corrections()), (None, 1));
    }

    #[test]
    fn who_has_a_removed_fifo_open_keeps_it() {
        let fifos = Fifos::default();
        fifos.learn(b"/f", true);
        let first = fifos.number(b"/f");
        fifos.removed(b"/f");
        fifos.removed(b"/g");
        assert_eq!(fifos.number(b"/f"), None);
        fifos.learn(b"/f", true);
        assert_eq!(fifos.number(b"/f (deleted)"), first);
        assert_ne!(fifos.number(b"/f"), first);
    }

    #[test]
    fn a_renamed_fifo_is_the_same() {
        let fifos = Fifos::default();
        fifos.learn(b"/f.new", true);
        fifos.learn(b"/f", true);
        let [number, old] = [b"/f.new".as_slice(), b"/f"].map(|path| fifos.number(path));
        fifos.renamed(b"/f.new", b"/f.new");
        fifos.renamed(b"/f.new", b"/f");
        assert_eq!((fifos.number(b"/f.new"), fifos.number(b"/f")), (None, number));
        assert_eq!(fifos.number(b"/f (deleted)"), old);
        fifos.renamed(b"/file", b"/f");
        assert_eq!(fifos.number(b"/f"), None);
    }

    #[test]
    fn a_pattern_counts_until_the_trace_tells_better() {
        let glob = Glob::new(b"/run/*").expect("it is a pattern");
        let fifos = Fifos::new(vec![glob]);
        fifos.learn(b"/run/log", false);
        assert_eq!(fifos.number(b"/run/log"), None);
        assert_eq!(fifos.number(b"/tmp/f"), None);
        let number = fifos.number(b"/run/f");
        assert!(number.is_some());
        assert_eq!(fifos.number(b"/run/f"), number, "each has one number");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let fifos = Fifos::default();
        for number in 0..limits::FIFO_PATHS + 10 {
            fifos.learn(format!("/{number}").as_bytes(), true);
        }
        assert_eq!(fifos.0.borrow().by_path.len(), limits::FIFO_PATHS);
        fifos.removed(b"/0");
        fifos.learn(b"/new", true);
        assert!(fifos.number(b"/new").is_some(), "what is gone makes room");
    }
}
