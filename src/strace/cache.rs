//! Descriptors in text, and a cache of the details behind them: a text seen before costs one comparison.

use rustc_hash::FxHashMap;
use std::rc::Rc;

use super::fifos::Fifos;
use super::names::Names;
use super::{arguments, details, time};
use crate::event::{Descriptor, Details, Fd, Inode, as_usize};
use crate::limits;

/// A descriptor that was read; [`Cache::descriptor`] makes an event's of it. Valid until [`Cache::trim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    /// The number; `u32::MAX` for -1.
    pub(super) fd: Fd,
    index: u32,
}

impl Handle {
    /// Whether the details say that it is no socket.
    #[inline]
    pub(super) const fn is_no_socket(self) -> bool {
        self.index == NOT_SOCKET
    }

    /// Whether no details were printed.
    pub(super) const fn has_no_details(self) -> bool {
        self.index == MISSING
    }

    /// Whether the number can be of an open descriptor.
    #[inline]
    pub(super) const fn is_possible(self) -> bool {
        self.fd.0 <= limits::FD
    }
}

const MISSING: u32 = 0;
const NOT_SOCKET: u32 = 1;
/// How many numbers have a slot for the details seen with them last.
const SLOTS: usize = 256;

#[derive(Debug)]
struct Entry {
    /// All of `<…>`.
    text: Rc<[u8]>,
    details: Details,
}

/// `0x3`, as calls known by number only and those of `-e raw=` print descriptors; `text` is behind the 0.
fn hexadecimal(fd: Fd, text: &[u8]) -> Option<(Handle, &[u8])> {
    let digits = text.strip_prefix(b"x").filter(|_| fd == Fd(0))?;
    let (number, rest) = arguments::hex_number(digits)?;
    let fd = Fd(u32::try_from(number).unwrap_or(u32::MAX));
    Some((Handle { fd, index: MISSING }, rest))
}

/// The details seen so far.
#[derive(Debug)]
pub(super) struct Cache {
    entries: Vec<Entry>,
    by_text: FxHashMap<Rc<[u8]>, u32>,
    /// By the number's low byte: the entry seen with it last.
    recent: Box<[u32; SLOTS]>,
    /// Pipes have entries too, and so have these FIFOs.
    pipes: Option<Fifos>,
    /// How often what is known of FIFOs had been corrected when the entries were made.
    corrections: u64,
}

impl Default for Cache {
    fn default() -> Self {
        let entry = |details| Entry { text: Rc::default(), details };
        let entries = vec![entry(Details::Missing), entry(Details::NotSocket)];
        Self { entries, by_text: FxHashMap::default(), recent: Box::new([MISSING; SLOTS]), pipes: None, corrections: 0 }
    }
}

impl Cache {
    /// A memory of sockets' details, and of those of pipes and FIFOs where these are asked for.
    pub(super) fn new(pipes: Option<Fifos>) -> Self {
        Self { pipes, ..Self::default() }
    }

    /// Whether pipes are asked for.
    pub(super) const fn has_pipes(&self) -> bool {
        self.pipes.is_some()
    }

    /// What is known of FIFOs, where pipes are asked for.
    pub(super) const fn fifos(&self) -> Option<&Fifos> {
        self.pipes.as_ref()
    }

    /// Forgets all details when there are too many, or some are wrong. Makes every [`Handle`] invalid.
    #[inline]
    pub(super) fn trim(&mut self) {
        if self.entries.len() > limits::DETAILS || self.is_corrected() {
            self.entries.truncate(2);
            self.by_text.clear();
            self.recent.fill(MISSING);
        }
    }

    /// Whether a path has turned out to be no FIFO since this was asked last.
    #[inline]
    fn is_corrected(&mut self) -> bool {
        let Some(fifos) = &self.pipes else {
            return false;
        };
        let before = std::mem::replace(&mut self.corrections, fifos.corrections());
        before != self.corrections
    }

    /// The descriptor that `text` begins with, and what follows it.
    #[inline]
    pub(super) fn read<'t>(&mut self, text: &'t [u8], names: &mut Names) -> Option<(Handle, &'t [u8])> {
        let (value, count) = time::digits(text);
        if count == 0 {
            let rest = text.strip_prefix(b"-1")?;
            return Some((Handle { fd: Fd(u32::MAX), index: MISSING }, rest));
        }
        let fd = Fd(u32::try_from(value).unwrap_or(u32::MAX));
        let text = text.get(count..)?;
        if text.first() != Some(&b'<') {
            return hexadecimal(fd, text).or(Some((Handle { fd, index: MISSING }, text)));
        }
        let slot = self.slot(fd);
        if let Some(rest) = self.entries.get(as_usize(slot)).and_then(|entry| entry.rest(text)) {
            return Some((Handle { fd, index: slot }, rest));
        }
        let (index, rest) = self.read_details(text, names)?;
        if index != NOT_SOCKET {
            self.set_slot(fd, index);
        }
        Some((Handle { fd, index }, rest))
    }

    /// Whether `text` begins with a descriptor whose details say that it is no socket. Cheaper than reading them.
    #[inline]
    pub(super) fn begins_with_no_socket(&self, text: &[u8]) -> bool {
        let (_, count) = time::digits(text);
        count > 0 && text.get(count..).is_some_and(|text| text.first() == Some(&b'<') && self.is_no_socket(text))
    }

    /// Whether details that begin like this are certain to have no entry.
    #[inline]
    fn is_no_socket(&self, text: &[u8]) -> bool {
        details::is_no_socket(text)
            && !self
                .pipes
                .as_ref()
                .is_some_and(|fifos| details::is_pipe(text) || (details::is_path(text) && fifos.are_any()))
    }

    /// The descriptor `fd` of the FIFO with this number, of which no details were printed.
    pub(super) fn fifo(&mut self, fd: Fd, path: &[u8], number: Inode, names: &mut Names) -> Option<Handle> {
        let text = [b"<".as_slice(), path, b">"].concat();
        let index = match self.by_text.get(&*text) {
            Some(index) => *index,
            None => self.remember(&text, details::fifo(number, path, names))?,
        };
        Some(Handle { fd, index })
    }

    #[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "the low byte is what is asked for")]
    fn slot(&self, fd: Fd) -> u32 {
        self.recent.get(usize::from(fd.0 as u8)).copied().unwrap_or(MISSING)
    }

    #[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "the low byte is what is asked for")]
    fn set_slot(&mut self, fd: Fd, index: u32) {
        if let Some(slot) = self.recent.get_mut(usize::from(fd.0 as u8)) {
            *slot = index;
        }
    }

    fn read_details<'t>(&mut self, text: &'t [u8], names: &mut Names) -> Option<(u32, &'t [u8])> {
        let rest = details::skip(text)?;
        if self.is_no_socket(text) {
            return Some((NOT_SOCKET, rest));
        }
        let text = text.get(..text.len() - rest.len())?;
        if let Some(index) = self.by_text.get(text) {
            return Some((*index, rest));
        }
        let details = match (details::path_in(text), &self.pipes) {
            (Some(path), Some(fifos)) => match fifos.number(&path) {
                Some(number) => details::fifo(number, &path, names),
                None => Details::NotSocket,
            },
            _ => details::parse(text, names),
        };
        if details == Details::NotSocket {
            return Some((NOT_SOCKET, rest));
        }
        Some((self.remember(text, details)?, rest))
    }

    fn remember(&mut self, text: &[u8], details: Details) -> Option<u32> {
        let index = u32::try_from(self.entries.len()).ok()?;
        let text: Rc<[u8]> = text.into();
        self.entries.push(Entry { text: Rc::clone(&text), details });
        self.by_text.insert(text, index);
        Some(index)
    }

    /// An event's descriptor.
    #[inline]
    pub(super) fn descriptor(&self, handle: Handle) -> Descriptor<'_> {
        const NONE: &Details = &Details::Missing;
        let details = self.entries.get(as_usize(handle.index)).map_or(NONE, |entry| &entry.details);
        Descriptor { fd: handle.fd, details }
    }
}

impl Entry {
    /// What follows this entry's text, where `text` begins with it.
    #[inline]
    fn rest<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        if self.text.is_empty() { None } else { text.strip_prefix(&*self.text) }
    }
}
