//! Descriptors in text, and a cache of the details behind them: a text seen before costs one comparison.

use foldhash::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;

use super::fifos::Fifos;
use super::names::NameTable;
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
/// How many bits the serials of one trace take: a trace of as many details has a hundred terabytes.
const SERIAL_BITS: u32 = 40;
/// How many numbers have a place for the details seen with them last.
const SLOTS: usize = 256;

#[derive(Debug)]
struct Entry {
    /// All of `<…>`, among the texts.
    text: Range<usize>,
    details: Details,
}

/// Where the entry has its place that was seen with this number last.
#[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "the low byte is what is asked for")]
fn low_byte(fd: Fd) -> usize {
    usize::from(fd.0 as u8)
}

/// `0x3`, as calls known by number only and those of `-e raw=` print descriptors; `text` is behind the 0.
fn hexadecimal(fd: Fd, text: &[u8]) -> Option<(Handle, &[u8])> {
    let digits = text.strip_prefix(b"x").filter(|_| fd == Fd(0))?;
    let (number, rest) = arguments::hex_number(digits)?;
    let fd = Fd(u32::try_from(number).unwrap_or(u32::MAX));
    Some((Handle { fd, index: MISSING }, rest))
}

/// An entry, and where its text is.
type Recent = (u32, Range<usize>);

/// The details seen so far.
#[derive(Debug)]
pub(super) struct Cache {
    entries: Vec<Entry>,
    /// The entries' texts, one behind the other.
    texts: Vec<u8>,
    /// The last entry whose text has this hash.
    by_hash: HashMap<u64, u32>,
    /// By the number's low byte: the entry seen with it last.
    recent: Box<[Recent; SLOTS]>,
    /// Pipes have entries too, and so have these FIFOs.
    pipes: Option<Fifos>,
    /// How often what is known of FIFOs had been corrected when the entries were made.
    corrections: u64,
    /// The last serial of details, which no other trace's have.
    serial: u64,
}

impl Default for Cache {
    fn default() -> Self {
        let entry = |details| Entry { text: 0..0, details };
        Self {
            entries: vec![entry(Details::Missing), entry(Details::NotSocket)],
            texts: Vec::new(),
            by_hash: HashMap::default(),
            recent: Box::new([const { (MISSING, 0..0) }; SLOTS]),
            pipes: None,
            corrections: 0,
            serial: 0,
        }
    }
}

impl Cache {
    /// A memory of sockets' details, and of those of pipes and FIFOs where these are asked for; in the trace with this number.
    pub(super) fn new(pipes: Option<Fifos>, trace: u32) -> Self {
        Self { pipes, serial: u64::from(trace) << SERIAL_BITS, ..Self::default() }
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
    #[inline(always)]
    pub(super) fn trim(&mut self) {
        if self.entries.len() > limits::DETAILS || self.texts.len() > limits::DETAILS_BYTES || self.is_corrected() {
            self.forget();
        }
    }

    #[cold]
    fn forget(&mut self) {
        self.entries.truncate(2);
        self.texts = Vec::new();
        self.by_hash.clear();
        self.recent.fill((MISSING, 0..0));
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

    /// The descriptor that `text` begins with, and what follows it. Mostly it has the details that it had before.
    #[inline(always)]
    pub(super) fn read<'t>(&mut self, text: &'t [u8], names: &mut NameTable) -> Option<(Handle, &'t [u8])> {
        let (value, count) = time::digits(text);
        let fd = Fd(u32::try_from(value).unwrap_or(u32::MAX));
        let (index, recent) = self.recent(fd);
        match text.get(count..).and_then(|details| details.strip_prefix(recent)) {
            Some(rest) if !recent.is_empty() && count > 0 => Some((Handle { fd, index }, rest)),
            _ => self.read_anew(text, names),
        }
    }

    /// A descriptor of any form.
    #[inline(never)]
    fn read_anew<'t>(&mut self, text: &'t [u8], names: &mut NameTable) -> Option<(Handle, &'t [u8])> {
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
        let (index, rest) = self.read_details(text, names)?;
        if index != NOT_SOCKET {
            self.set_recent(fd, index);
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
    pub(super) fn fifo(&mut self, fd: Fd, path: &[u8], number: Inode, names: &mut NameTable) -> Option<Handle> {
        let text = [b"<".as_slice(), path, b">"].concat();
        let hash = self.by_hash.hasher().hash_one(&text);
        let index = match self.known(&text, hash) {
            Some(index) => index,
            None => self.remember(&text, hash, details::fifo(number, path, names))?,
        };
        Some(Handle { fd, index })
    }

    /// The entry that was seen last with a number like this, and its text.
    #[inline]
    fn recent(&self, fd: Fd) -> (u32, &[u8]) {
        let recent = self.recent.get(low_byte(fd));
        recent.map_or((MISSING, &[]), |(index, text)| (*index, self.texts.get(text.clone()).unwrap_or_default()))
    }

    fn set_recent(&mut self, fd: Fd, index: u32) {
        if let (Some(recent), Some(entry)) = (self.recent.get_mut(low_byte(fd)), self.entries.get(as_usize(index))) {
            *recent = (index, entry.text.clone());
        }
    }

    fn read_details<'t>(&mut self, text: &'t [u8], names: &mut NameTable) -> Option<(u32, &'t [u8])> {
        let rest = details::skip(text)?;
        if self.is_no_socket(text) {
            return Some((NOT_SOCKET, rest));
        }
        let text = text.get(..text.len() - rest.len())?;
        let hash = self.by_hash.hasher().hash_one(text);
        if let Some(index) = self.known(text, hash) {
            return Some((index, rest));
        }
        let fifos = self.pipes.as_ref();
        let details = match fifos.and_then(|fifos| Some((fifos, details::path_in(text)?))) {
            Some((fifos, path)) => match fifos.number(&path) {
                Some(number) => details::fifo(number, &path, names),
                None => Details::NotSocket,
            },
            None => details::parse(text, names),
        };
        if matches!(details, Details::NotSocket) {
            return Some((NOT_SOCKET, rest));
        }
        Some((self.remember(text, hash, details)?, rest))
    }

    /// The entry with this text, which has this hash.
    fn known(&self, text: &[u8], hash: u64) -> Option<u32> {
        let index = *self.by_hash.get(&hash)?;
        let entry = self.entries.get(as_usize(index))?;
        (self.texts.get(entry.text.clone()) == Some(text)).then_some(index)
    }

    fn remember(&mut self, text: &[u8], hash: u64, mut details: Details) -> Option<u32> {
        if let Details::Socket(details) = &mut details {
            self.serial += 1;
            details.serial = self.serial;
        }
        let index = u32::try_from(self.entries.len()).ok()?;
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        self.entries.push(Entry { text: start..self.texts.len(), details });
        self.by_hash.insert(hash, index);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cache: &mut Cache, number: u64, name: &str) {
        let text = format!("7<UNIX-STREAM:[{number},\"/{name}\"]>, ");
        for _ in 0..2 {
            cache.trim();
            let (handle, rest) = cache.read(text.as_bytes(), &mut NameTable::default()).expect("a descriptor");
            let Details::Socket(details) = cache.descriptor(handle).details else { panic!("it is a socket") };
            assert_eq!((details.inode, rest), (Inode::new(number), b", ".as_slice()));
        }
        assert!(cache.texts.len() <= limits::DETAILS_BYTES + text.len());
        assert!(cache.entries.len() <= limits::DETAILS + 1);
    }

    #[test]
    fn only_the_same_details_have_the_same_serial() {
        let mut serials = std::collections::BTreeSet::new();
        for trace in 0..3 {
            let mut cache = Cache::new(None, trace);
            for inode in [1, 2, 1] {
                let text = format!("7<UNIX-STREAM:[{inode}]>");
                let (handle, _) = cache.read(text.as_bytes(), &mut NameTable::default()).expect("a descriptor");
                let Details::Socket(details) = cache.descriptor(handle).details else { panic!("it is a socket") };
                serials.insert(details.serial);
            }
        }
        assert_eq!(serials.len(), 6);
        assert!(!serials.contains(&0), "a slot has this for none");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut cache = Cache::default();
        let long = "n".repeat(200_000);
        (0..50).for_each(|number| read(&mut cache, number, &long));
        (50..40_000).for_each(|number| read(&mut cache, number, "n"));
    }
}
