//! The name of a UNIX socket.

use std::borrow::Borrow;
use std::rc::Rc;

/// The name of a UNIX socket, or of a pipe. An open connection knows some six of them, so it is one pointer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnixName(Rc<Box<[u8]>>);

impl UnixName {
    /// What an abstract name begins with (unix(7)).
    pub const ABSTRACT: u8 = 0;

    /// The name with these bytes: a path in the file system, without a closing NUL, or [`Self::ABSTRACT`] and a name.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Rc::new(bytes.into()))
    }

    /// `@` before an abstract name, and the name, or nothing before a path, and the path.
    pub fn parts(&self) -> (&'static str, &[u8]) {
        match self.0.split_first() {
            Some((&Self::ABSTRACT, name)) => ("@", name),
            _ => ("", &self.0),
        }
    }

    /// That of a test's text: a path, or `@` and an abstract name.
    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        match text.strip_prefix('@') {
            Some(name) => Self::new(&[&[Self::ABSTRACT], name.as_bytes()].concat()),
            None => Self::new(text.as_bytes()),
        }
    }
}

/// As a table of names looks one up.
impl Borrow<[u8]> for UnixName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}
