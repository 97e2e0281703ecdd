//! Names of UNIX sockets, each held once, so that a name that was seen before costs no allocation.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::escape;
use crate::event::UnixName;
use crate::limits;

/// The names seen so far; forgotten all at once when there are too many (those in use live on).
#[derive(Debug, Default)]
pub(super) struct Names {
    known: FxHashSet<Rc<[u8]>>,
    text: Vec<u8>,
}

impl Names {
    /// What a string literal says, until the next one is read.
    pub(super) fn decoded(&mut self, quoted: &[u8]) -> Option<&[u8]> {
        if self.text.capacity() > limits::SPARE_BYTES {
            self.text = Vec::new();
        }
        self.text.clear();
        escape::string(quoted, &mut self.text)?;
        Some(&self.text)
    }

    /// `"/path"` or `@"abstract"`. A path ends before its NUL, where that is printed; an empty one is none.
    pub(super) fn read(&mut self, text: &[u8]) -> Option<UnixName> {
        if let Some(text) = text.strip_prefix(b"@") {
            let length = self.decoded(text)?.len();
            return Some(UnixName::Abstract(self.held(length)));
        }
        let path = self.decoded(text)?;
        let length = memchr::memchr(0, path).unwrap_or(path.len());
        (length > 0).then(|| UnixName::Path(self.held(length)))
    }

    /// The beginning of the text, held once.
    fn held(&mut self, length: usize) -> Rc<[u8]> {
        let name = self.text.get(..length).unwrap_or_default();
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
