//! One direction of a connection by whose other end several receive at once. Their calls return in another order than bytes
//! were given to them, so what is sent tells the order:
//!
//! ```text
//! sends, as they return  ─→ written
//! receives               ─→ they wait while more was received than was sent; what no send accounts for once none is under
//!                           way is of one that is not in the trace, and is written
//! ```
//! Only what is of no send is told by its bytes. Where these are not known, it is what was received last.

use super::queue::{Item, Late, Queue};
use super::sent::{Part, Sent};
use super::{COMPARED_SENDS, HEAD_BYTES, TELLING_BYTES};
use crate::event::{Timestamp, as_u64};
use crate::limits;
use crate::packets::tcp::{Chunk, OwnChunk};
use crate::work;
use memchr::memmem;
use std::collections::VecDeque;
use std::ops::Range;

/// What a call has received.
#[derive(Debug)]
struct Read {
    chunk: OwnChunk,
    exit: Timestamp,
    /// No send had accounted for it in time.
    is_written: bool,
}

/// What is known of one such direction.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// How many bytes that were written before are to be received.
    behind: u64,
    /// What one has received before, and sends that may have that.
    pub(super) before: Queue,
    /// How many bytes of sends were written.
    sent: u64,
    /// How many bytes were received that were not written themselves.
    received: u64,
    /// What was sent, and may not be received.
    sends: VecDeque<Vec<u8>>,
    /// How many bytes that are.
    in_flight: usize,
    reads: VecDeque<Read>,
    /// Not all of it is known by its bytes.
    is_blind: bool,
    /// When it is looked at.
    due: Option<Timestamp>,
    /// How many bytes all of that holds, but what was before.
    bytes: usize,
}

impl Shared {
    /// One of which so many bytes are to be received.
    pub(super) fn new(behind: u64) -> Self {
        Self { behind, ..Self::default() }
    }

    /// This was sent and written before, and is to be received.
    pub(super) fn was_sent(&mut self, sent: Part<'_>) {
        self.sent = self.sent.saturating_add(as_u64(sent.bytes.len())).saturating_add(sent.missing);
        self.is_blind |= sent.missing > 0;
        self.keep(sent.bytes.to_vec());
    }

    /// This was received by `exit`, and written.
    pub(super) fn was_shown(&mut self, chunk: &Chunk<'_>, exit: Timestamp) {
        self.push(OwnChunk::of(chunk), exit, true);
    }

    /// Something has come of it at `time`. When it is to be looked at, if it is not already.
    pub(super) fn looked_at_after(&mut self, time: Timestamp) -> Option<Timestamp> {
        self.due.is_none().then(|| *self.due.insert(time))
    }

    /// Since when something waits.
    pub(super) fn waits_since(&self) -> Option<Timestamp> {
        let waiting = self.reads.iter().filter(|read| !read.is_written && self.is_ahead());
        waiting.map(|read| read.chunk.time).chain(self.before.waits_since()).min()
    }

    /// How many bytes all of that holds.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes + self.before.bytes
    }

    const fn is_ahead(&self) -> bool {
        self.received > self.all_sent()
    }

    const fn all_sent(&self) -> u64 {
        self.sent.saturating_add(self.behind)
    }

    /// A send has returned. What is to be written. `since`: when the first began that is under way.
    pub(super) fn send(&mut self, sent: Sent, since: Option<Timestamp>) -> Vec<Late> {
        self.before.push(Item::Sent(sent));
        self.catch_up(since, false)
    }

    /// What waits is written once what one has received before is accounted for, or where that takes too long.
    pub(super) fn catch_up(&mut self, since: Option<Timestamp>, is_long: bool) -> Vec<Late> {
        let may_wait = self.before.may_be_under_way(since) && !is_long;
        self.before.account(may_wait, !may_wait);
        let mut lates = Vec::new();
        while !(may_wait && self.before.has_shown())
            && let Some(item) = self.before.next()
        {
            match item {
                Item::Sent(sent) => lates.append(&mut self.write(sent.all(), sent.entry)),
                Item::Finish { side, time, marking, by } => lates.push(Late::Finish { side, time, marking, by }),
            }
        }
        lates
    }

    /// What was sent is written, as far as it has not been received and written: at the time of the first receive that waits
    /// if that is earlier.
    fn write(&mut self, mut chunk: OwnChunk, entry: Timestamp) -> Vec<Late> {
        let waiting = self.reads.iter().filter(|read| !read.is_written && read.exit >= entry);
        chunk.time = waiting.map(|read| read.chunk.time).min().map_or(chunk.time, |first| first.min(chunk.time));
        let whole = chunk.chunk();
        let (mut lates, mut from) = (Vec::new(), 0);
        for part in self.cover(whole.bytes, entry) {
            push(&mut lates, &whole, from..part.start);
            from = from.max(part.end);
        }
        push(&mut lates, &whole, from..whole.bytes.len());
        if whole.missing > 0 {
            lates.push(Chunk { bytes: &[], ..whole });
        }
        self.sent += lates.iter().map(Chunk::moved).sum::<u64>();
        self.is_blind |= whole.missing > 0;
        let lates = lates.iter().map(|late| Late::Chunk(OwnChunk::of(late))).collect();
        self.keep(chunk.bytes);
        lates
    }

    /// Where there is something in what was sent that receives have shown.
    fn cover(&mut self, sent: &[u8], entry: Timestamp) -> Vec<Range<usize>> {
        let mut covered: Vec<Range<usize>> = Vec::new();
        let (mut from, mut searches) = (0, COMPARED_SENDS);
        for read in self.reads.iter_mut().filter(|read| read.is_written && read.exit >= entry) {
            let Some((at, part)) = place(sent, &read.chunk.bytes, from, &mut searches) else { continue };
            if covered.iter().all(|other| at.end <= other.start || other.end <= at.start) {
                self.bytes -= part.len();
                read.chunk.bytes.drain(part);
                from = at.end;
                covered.push(at);
            }
        }
        if !covered.is_empty() {
            self.drop_reads(|read| read.is_written && read.chunk.bytes.is_empty());
            covered.sort_unstable_by_key(|range| range.start);
        }
        covered
    }

    fn drop_reads(&mut self, is_done: impl Fn(&Read) -> bool) {
        let Self { reads, bytes, .. } = self;
        reads.retain(|read| {
            *bytes -= if is_done(read) { read.chunk.size() } else { 0 };
            !is_done(read)
        });
    }

    /// Keeps what was sent, as far as so much can be under way.
    fn keep(&mut self, bytes: Vec<u8>) {
        self.bytes += bytes.len();
        self.in_flight += bytes.len();
        self.sends.push_back(bytes);
        while self.in_flight > limits::IN_FLIGHT_BYTES {
            let Some(first) = self.sends.pop_front() else { return };
            self.in_flight -= first.len();
            self.bytes -= first.len();
        }
    }

    /// A receive has returned at `exit`.
    pub(super) fn read(&mut self, chunk: &Chunk<'_>, exit: Timestamp) {
        self.is_blind |= chunk.missing > 0;
        self.received = self.received.saturating_add(chunk.moved());
        self.push(OwnChunk::of(chunk), exit, false);
    }

    /// Keeps what was received, as far as so much can be under way where no more was received than sent.
    fn push(&mut self, chunk: OwnChunk, exit: Timestamp, is_written: bool) {
        self.bytes += chunk.size();
        self.reads.push_back(Read { chunk, exit, is_written });
        while self.bytes - self.in_flight > limits::IN_FLIGHT_BYTES && !self.is_ahead() {
            let Some(first) = self.reads.pop_front() else { return };
            self.bytes -= first.chunk.size();
        }
    }

    /// It is looked at. What is to be written because no send will account for it: none is under way, or that takes too long.
    pub(super) fn settle(&mut self, since: Option<Timestamp>, is_long: bool) -> Vec<Late> {
        self.due = None;
        let mut lates = self.catch_up(since, is_long);
        let is_busy = since.is_some();
        if self.is_ahead() && (is_long || !is_busy) {
            lates.append(&mut self.account());
        }
        if !is_busy {
            self.drop_reads(|read| read.is_written);
        }
        if self.received == self.all_sent() && !is_busy {
            self.forget();
        }
        lates
    }

    /// What was received, waits, and is of none of the sends. It is kept, for one of these may return yet.
    fn account(&mut self) -> Vec<Late> {
        let mut lates = Vec::new();
        let waiting = self.reads.iter().filter(|read| !read.is_written).map(|read| read.chunk.chunk().moved());
        // Where bytes do not tell, what came last is too much.
        let mut sent = waiting.sum::<u64>().saturating_sub(self.received - self.all_sent());
        for read in std::mem::take(&mut self.reads) {
            self.bytes -= read.chunk.size();
            let whole = read.chunk.chunk();
            if read.is_written {
                self.push(read.chunk, read.exit, true);
                continue;
            }
            let parts = if self.is_blind {
                Vec::from([behind(&mut sent, whole.bytes.len())])
            } else {
                self.unsent(whole.bytes)
            };
            for bytes in parts.into_iter().filter_map(|part| whole.bytes.get(part)) {
                // What was written before this was known is not known by its bytes.
                let passed = if self.is_blind { 0 } else { self.behind.min(as_u64(bytes.len())) };
                self.behind -= passed;
                self.received -= passed;
                let bytes = usize::try_from(passed).ok().and_then(|passed| bytes.get(passed..)).unwrap_or_default();
                if bytes.is_empty() {
                    continue;
                }
                let chunk = OwnChunk::of(&Chunk { bytes, missing: 0, ..whole });
                lates.push(Late::Chunk(chunk.clone()));
                self.push(chunk, read.exit, true);
                self.received -= as_u64(bytes.len());
            }
        }
        self.received = self.received.min(self.all_sent());
        lates
    }

    /// What of these bytes no send accounts for; what accounts for the others is received.
    fn unsent(&mut self, bytes: &[u8]) -> Vec<Range<usize>> {
        let (mut parts, mut from) = (Vec::new(), 0);
        while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
            if let Some((at, part)) = self.find(rest) {
                from += part.len();
                self.receive(at, part);
                continue;
            }
            let end = self.next(rest).map_or(bytes.len(), |next| from + next);
            parts.push(from..end);
            from = end;
        }
        parts
    }

    /// The send that has what `received` begins with, to the end of one of the two or as much as is not by chance, and where.
    fn find(&self, received: &[u8]) -> Option<(usize, Range<usize>)> {
        let sends = || self.sends.iter().take(COMPARED_SENDS).enumerate();
        let fits = sends().filter_map(|(at, sent)| {
            let same = common(sent, received);
            let is_whole = same > 0 && same == sent.len().min(received.len());
            (is_whole || same >= HEAD_BYTES).then_some((same, at))
        });
        if let Some((same, at)) = fits.reduce(|best, other| if other.0 > best.0 { other } else { best }) {
            return Some((at, 0..same));
        }
        if received.len() < TELLING_BYTES {
            return None;
        }
        sends().find_map(|(at, sent)| {
            let within = || memmem::find(sent, received).map(|start| start..start + received.len());
            let range = within().or_else(|| end_within(sent, received).map(|start| start..sent.len()))?;
            Some((at, range))
        })
    }

    /// Where the first send begins within what was received.
    fn next(&self, received: &[u8]) -> Option<usize> {
        let within = received.get(1..)?;
        let begins = |sent: &Vec<u8>| {
            let head = sent.get(..HEAD_BYTES).unwrap_or(sent);
            let whole = (head.len() >= TELLING_BYTES).then(|| memmem::find(within, head)).flatten();
            whole.or_else(|| end_within(within, sent))
        };
        self.sends.iter().take(COMPARED_SENDS).filter_map(begins).min().map(|at| at + 1)
    }

    /// A part of what was sent has been received.
    fn receive(&mut self, at: usize, part: Range<usize>) {
        let Some(sent) = self.sends.get_mut(at) else { return };
        let behind = sent.split_off(part.end);
        sent.truncate(part.start);
        self.in_flight -= part.len();
        self.bytes -= part.len();
        match (sent.is_empty(), behind.is_empty()) {
            (true, true) => drop(self.sends.remove(at)),
            (true, false) => *sent = behind,
            (false, true) => {}
            (false, false) => self.sends.insert(at + 1, behind),
        }
    }

    /// Bytes are not known any more, but of what waits.
    pub(super) fn forget(&mut self) {
        self.before.forget();
        self.bytes -= self.in_flight;
        (self.sends, self.in_flight) = (VecDeque::new(), 0);
        let (is_ahead, sent) = (self.is_ahead(), self.all_sent());
        self.drop_reads(|read| !(read.is_written || is_ahead));
        self.is_blind = sent != self.received;
        (self.behind, self.sent, self.received) =
            (0, sent.saturating_sub(self.received), self.received.saturating_sub(sent));
    }
}

/// A part of a chunk is to be written.
fn push<'a>(parts: &mut Vec<Chunk<'a>>, whole: &Chunk<'a>, part: Range<usize>) {
    if let Some(bytes) = whole.bytes.get(part).filter(|bytes| !bytes.is_empty()) {
        parts.push(Chunk { bytes, missing: 0, ..*whole });
    }
}

/// What of so many bytes is behind the first `passed` ones, of which those are taken off.
fn behind(passed: &mut u64, length: usize) -> Range<usize> {
    let here = usize::try_from(*passed).map_or(length, |passed| passed.min(length));
    *passed -= as_u64(here);
    here..length
}

/// How many bytes both begin with.
fn common(one: &[u8], other: &[u8]) -> usize {
    work::each(one.iter().zip(other)).take_while(|(one, other)| one == other).count()
}

/// Where in `whole` its end begins that is the beginning of `other`, of at least some bytes.
fn end_within(whole: &[u8], other: &[u8]) -> Option<usize> {
    work::steps(whole.len());
    let head = other.get(..HEAD_BYTES).unwrap_or(other);
    let is_end = |start: &usize| whole.get(*start..).is_some_and(|end| other.starts_with(end));
    let long = (head.len() >= TELLING_BYTES).then(|| memmem::find(whole, head)).flatten().filter(is_end);
    let short = || (TELLING_BYTES..head.len()).rev().filter_map(|length| whole.len().checked_sub(length)).find(is_end);
    long.or_else(short)
}

/// Where in what was sent there is something that was received, and which part of that: looked for from `from` on at first,
/// and then anywhere, as long as there are searches left.
fn place(sent: &[u8], received: &[u8], from: usize, searches: &mut usize) -> Option<(Range<usize>, Range<usize>)> {
    let rest = sent.get(from..)?;
    if rest.starts_with(received) {
        return Some((from..from + received.len(), 0..received.len()));
    }
    *searches = searches.checked_sub(1)?;
    work::steps(sent.len() + received.len());
    let later = || memmem::find(rest, received).map(|at| from + at);
    if let Some(at) = later().or_else(|| memmem::find(sent, received)) {
        return Some((at..at + received.len(), 0..received.len()));
    }
    let whole = || if sent.len() < TELLING_BYTES { None } else { memmem::find(received, sent) };
    if let Some(at) = if received.starts_with(sent) { Some(0) } else { whole() } {
        return Some((0..sent.len(), at..at + sent.len()));
    }
    let ahead = || end_within(sent, received).map(|at| (at..sent.len(), 0..sent.len() - at));
    let back = || end_within(received, sent).map(|at| (0..received.len() - at, at..received.len()));
    ahead().or_else(back)
}
