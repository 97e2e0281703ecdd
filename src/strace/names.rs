//! Names of UNIX sockets, each held once, so that a name that was seen before costs no allocation.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::limits;

/// The names seen so far; forgotten all at once when there are too many (those in use live on).
#[derive(Debug, Default)]
pub(super) struct Names {
    known: FxHashSet<Rc<[u8]>>,
    /// Room in which a quoted name or address is decoded.
    pub(super) decoded: Vec<u8>,
}

impl Names {
    /// The one copy of `name`.
    pub(super) fn get(&mut self, name: &[u8]) -> Rc<[u8]> {
        if let Some(known) = self.known.get(name) {
            return Rc::clone(known);
        }
        if self.known.len() >= limits::NAMES {
            self.known.clear();
        }
        let name: Rc<[u8]> = name.into();
        self.known.insert(Rc::clone(&name));
        name
    }
}
