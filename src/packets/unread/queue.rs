//! One direction of a connection of which something waits for the reader's call: the sends that have returned, and what
//! receives have shown; each byte of the one is held against one of the other.

use crate::event::{Marking, Timestamp, as_u64};
use crate::limits;
use crate::packets::tcp::{Chunk, OwnChunk};
use crate::sockets::Side;
use crate::work;
use memchr::memmem;
use std::collections::VecDeque;

/// How many sends are held against what was received: more are rarely under way at once.
const COMPARED_SENDS: usize = 16;

/// How many bytes of each.
const COMPARED_BYTES: usize = 4 << 10;

/// By how many of its first bytes a send is found within what was received.
const HEAD_BYTES: usize = 32;

/// Fewer bytes may be the same by chance.
const TELLING_BYTES: usize = 4;

/// A send of no more bytes goes into a pipe in one piece (PIPE_BUF, pipe(7)), and into a socket as well.
const ATOMIC: u64 = 4096;

/// Something of the sender's that is to be written.
#[derive(Debug)]
pub enum Late {
    /// What moved, as far as it is known.
    Chunk(OwnChunk),
    /// Its FIN.
    Finish { side: Side, time: Timestamp, marking: Marking, by: Side },
}

/// A send that has returned.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) chunk: OwnChunk,
    pub(super) entry: Timestamp,
    pub(super) exit: Timestamp,
    /// How many of its bytes have been received.
    pub(super) done: u64,
    /// How many bytes its call has moved, those that were shown before included.
    pub(super) moved: u64,
}

/// Something of the sender's that waits.
#[derive(Debug)]
pub(super) enum Item {
    Sent(Sent),
    Finish { side: Side, time: Timestamp, marking: Marking, by: Side },
}

/// Where a send is found.
#[derive(Clone, Copy, Debug)]
enum SendPlace {
    Written(usize),
    Waiting(usize),
}

/// Which sends are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    All,
    Written,
    Waiting,
}

/// Bytes of a call, and how many more behind them that are not in the trace.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    bytes: &'a [u8],
    missing: u64,
}

/// How a send and what was received fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// Up to the end of one of the two.
    is_whole: bool,
    /// How many bytes are the same.
    same: usize,
    /// The send has been received to its end.
    ends: bool,
}

/// What is known of one direction.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// How many bytes that were written before are to be received.
    behind: u64,
    /// Sends that are written and not received.
    written: VecDeque<Sent>,
    /// What is to be written, in the order in which it came.
    pub(super) waiting: VecDeque<Item>,
    /// What receives have shown and no send has accounted for: first so many bytes that are not known any more, then these.
    unknown: u64,
    shown: VecDeque<u8>,
    /// Lines of other traces may tell of more.
    is_merged: bool,
    /// Since when it is held. Of a send that began later all that it moves is known by its bytes.
    pub(super) since: Timestamp,
    /// When bytes were last received that were taken for a send's while others were under way, which may begin with the
    /// same.
    doubt: Timestamp,
    /// When it is looked at.
    due: Option<Timestamp>,
    /// The last moment that anything of it is of.
    last: Timestamp,
    /// How many bytes all of that holds.
    pub(super) bytes: usize,
}

impl Fit {
    /// Whether more of the send may follow.
    const fn is_open(self) -> bool {
        self.is_whole && !self.ends && self.same > 0
    }
}

impl Part<'_> {
    const fn moved(self) -> u64 {
        as_u64(self.bytes.len()).saturating_add(self.missing)
    }

    /// What is behind its first `length` bytes.
    fn after(self, length: u64) -> Self {
        let known = as_u64(self.bytes.len());
        let bytes = usize::try_from(length).ok().and_then(|length| self.bytes.get(length..)).unwrap_or_default();
        Self { bytes, missing: self.missing.saturating_sub(length.saturating_sub(known)) }
    }

    /// Its first `length` bytes.
    fn first(self, length: u64) -> Self {
        let bytes = usize::try_from(length).ok().and_then(|length| self.bytes.get(..length)).unwrap_or(self.bytes);
        Self { bytes, missing: length.saturating_sub(as_u64(bytes.len())).min(self.missing) }
    }

    /// How this, sent, and `received` fit, as far as `limit` bytes tell.
    fn fit(self, received: Self, limit: usize) -> Fit {
        let known = self.bytes.len().min(received.bytes.len());
        let compared = known.min(limit);
        let pairs = self.bytes.iter().zip(received.bytes).take(compared);
        let same = work::each(pairs).take_while(|(sent, received)| sent == received).count();
        Fit { is_whole: same == compared, same, ends: self.moved() <= received.moved() }
    }
}

impl Sent {
    fn rest(&self) -> Part<'_> {
        Part { bytes: &self.chunk.bytes, missing: self.chunk.missing }.after(self.done)
    }

    /// Whether it may have gone in pieces, between others'.
    const fn is_long(&self) -> bool {
        self.moved > ATOMIC
    }

    /// Whether bytes that fit are a piece of it.
    const fn is_piece(&self, fit: Fit) -> bool {
        self.is_long() && fit.same >= HEAD_BYTES
    }

    /// What is to be written of the next `length` bytes, which the reader shows as `received`.
    fn part(&self, length: u64, received: Part<'_>) -> Late {
        let (own, shown) = (self.rest().first(length), received.first(length));
        let best = if own.missing > 0 && shown.bytes.len() > own.bytes.len() { shown } else { own };
        let whole = self.chunk.chunk();
        let is_last = self.done + length >= whole.moved();
        let part = Chunk {
            bytes: best.bytes,
            missing: length - as_u64(best.bytes.len()),
            comment: whole.comment.filter(|_| self.done == 0),
            is_urgent: whole.is_urgent && is_last,
            ..whole
        };
        Late::Chunk(OwnChunk::of(&part))
    }

    /// All that is left of it.
    fn all(&self) -> Late {
        let rest = self.rest();
        self.part(rest.moved(), rest)
    }
}

impl Queue {
    /// One that is held since a moment, in which nothing waits: so many bytes are to be received, or were received before
    /// their sends return.
    pub(super) fn new(since: Timestamp, behind: u64, unknown: u64, is_merged: bool) -> Self {
        Self { behind, unknown, is_merged, since, ..Self::default() }
    }

    /// Something has come of it at `time`. When it is to be looked at, if it is not already.
    pub(super) fn looked_at_after(&mut self, time: Timestamp) -> Option<Timestamp> {
        self.last = self.last.max(time);
        let due = if self.is_merged { time.after(limits::WAITING_TIME) } else { time };
        self.due.is_none().then(|| *self.due.insert(due))
    }

    /// It has been looked at. When it is to be again, should more have come.
    pub(super) fn looked_at_next(&mut self, now: Timestamp) -> Option<Timestamp> {
        let due = if self.is_merged { self.last.after(limits::WAITING_TIME) } else { self.last };
        self.due = (due > now).then_some(due);
        self.due
    }

    /// Whether lines of calls that were under way with those at hand may still come.
    pub(super) fn may_go_on(&self, now: Timestamp) -> bool {
        let end = if self.is_merged { self.last.after(limits::WAITING_TIME) } else { self.last };
        end > now
    }

    /// When the first of what waits was.
    pub(super) fn waits_since(&self) -> Option<Timestamp> {
        self.waiting.front().map(|item| match item {
            Item::Sent(sent) => sent.exit,
            Item::Finish { time, .. } => *time,
        })
    }

    pub(super) fn has_shown(&self) -> bool {
        self.unknown > 0 || !self.shown.is_empty()
    }

    /// Those that may be received next: of what waits each that was under way when the first returned.
    fn candidates(&self) -> impl Iterator<Item = (SendPlace, &Sent)> {
        let written = self.written.iter().take(COMPARED_SENDS).enumerate();
        let waiting = self.waiting.iter().take(COMPARED_SENDS).map_while(|item| match item {
            Item::Sent(sent) => Some(sent),
            Item::Finish { .. } => None,
        });
        let first = self.waits_since().unwrap_or_default();
        let waiting = waiting.enumerate().filter(move |(at, sent)| *at == 0 || sent.entry <= first);
        written
            .map(|(at, sent)| (SendPlace::Written(at), sent))
            .chain(waiting.map(|(at, sent)| (SendPlace::Waiting(at), sent)))
    }

    fn sent(&mut self, place: SendPlace) -> Option<&mut Sent> {
        match place {
            SendPlace::Written(at) => self.written.get_mut(at),
            SendPlace::Waiting(at) => match self.waiting.get_mut(at)? {
                Item::Sent(sent) => Some(sent),
                Item::Finish { .. } => None,
            },
        }
    }

    /// The send that `received` begins with, and how many bytes of it, where only one can be it. While others are under way,
    /// one that is received to its end, or was written; but of a long one, which may have gone in pieces, any piece.
    fn find(&mut self, received: Part<'_>, is_busy: bool, among: Among) -> Option<(SendPlace, u64)> {
        let mut best: Option<(Fit, SendPlace)> = None;
        let mut longest_open = 0;
        for (place, sent) in self.candidates() {
            let is_written = matches!(place, SendPlace::Written(_));
            if among == (if is_written { Among::Waiting } else { Among::Written }) {
                continue;
            }
            let fit = sent.rest().fit(received, COMPARED_BYTES);
            if !((fit.is_whole && (!is_busy || fit.same > 0)) || sent.is_piece(fit)) {
                continue;
            }
            // What goes on with the one may be the beginning of the other.
            if best.is_some_and(|(before, _)| before.same == fit.same && (before.is_open() || fit.is_open())) {
                longest_open = fit.same;
            }
            if best.is_none_or(|(before, _)| before < fit) {
                best = Some((fit, place));
            }
        }
        let (fit, place) = best?;
        let sent = self.sent(place)?;
        let is_early = is_busy && !fit.ends && matches!(place, SendPlace::Waiting(_)) && !sent.is_piece(fit);
        if is_early || (longest_open > 0 && longest_open == fit.same) {
            return None;
        }
        let fit = sent.rest().fit(received, usize::MAX);
        if fit.is_whole {
            return Some((place, sent.rest().moved().min(received.moved())));
        }
        sent.is_piece(fit).then(|| (place, as_u64(fit.same)))
    }

    /// Where nothing fits to an end: what begins most like `received`, or else the first that waits, and how many bytes.
    fn guess(&mut self, received: Part<'_>) -> Option<(SendPlace, u64)> {
        let fits = self.candidates().filter(|(place, _)| matches!(place, SendPlace::Waiting(_)));
        let fits = fits.map(|(place, sent)| (sent.rest().fit(received, COMPARED_BYTES).same, place));
        let (same, place) = fits.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
        Some((place, if same > 0 { as_u64(same) } else { received.moved() }))
    }

    /// The next of its bytes have been received, at most `length`. How many.
    fn receive(&mut self, place: SendPlace, length: u64) -> u64 {
        let Some(sent) = self.sent(place) else { return 0 };
        let left = sent.rest().moved();
        let received = left.min(length);
        sent.done += received;
        if received == left {
            let size = sent.chunk.size();
            match place {
                SendPlace::Written(at) => drop(self.written.remove(at)),
                SendPlace::Waiting(at) => drop(self.waiting.remove(at)),
            }
            self.bytes -= size;
        }
        received
    }

    /// The reader has received `chunk` by `exit`. What is to be written of it: each part as its sender's call has it, and
    /// what is of none.
    pub(super) fn read(&mut self, chunk: &Chunk<'_>, exit: Timestamp, is_busy: bool) -> Vec<Late> {
        let mut rest = Part { bytes: chunk.bytes, missing: chunk.missing };
        let passed = self.behind.min(rest.moved());
        self.behind -= passed;
        rest = rest.after(passed);
        let mut lates = Vec::new();
        while rest.moved() > 0 {
            let among = if self.has_shown() { Among::Written } else { Among::All };
            if let Some((place, length)) = self.find(rest, is_busy, among) {
                if is_busy {
                    self.doubt = self.doubt.max(exit);
                }
                self.write_received(place, rest.first(length), &mut lates);
                rest = rest.after(length);
                continue;
            }
            let length = self.next_written(rest.bytes).map_or(rest.moved(), as_u64);
            let part = rest.first(length);
            if is_busy || !self.waiting.is_empty() {
                self.show(part);
            }
            let part = Chunk { bytes: part.bytes, missing: part.missing, ..*chunk };
            lates.push(Late::Chunk(OwnChunk::of(&part)));
            rest = rest.after(length);
        }
        lates
    }

    /// Where one that was written begins within what was received, behind bytes of a call that has not returned.
    fn next_written(&self, received: &[u8]) -> Option<usize> {
        let within = received.get(1..)?;
        let mut first: Option<usize> = None;
        for sent in self.written.iter().take(COMPARED_SENDS) {
            let rest = sent.rest().bytes;
            let head = rest.get(..HEAD_BYTES).unwrap_or(rest);
            work::steps(within.len());
            let whole = (head.len() >= TELLING_BYTES).then(|| memmem::find(within, head)).flatten();
            let cut = || {
                (TELLING_BYTES..head.len())
                    .rev()
                    .find(|length| head.get(..*length).is_some_and(|it| within.ends_with(it)))
            };
            let at = whole.or_else(|| cut().map(|length| within.len().saturating_sub(length)));
            first = at.into_iter().chain(first).min();
        }
        first.map(|at| at + 1)
    }

    /// Writes what `received` begins with, if it waits: all of it where it has moved in one piece, so that what is left of it
    /// is received next.
    fn write_received(&mut self, place: SendPlace, received: Part<'_>, lates: &mut Vec<Late>) {
        let Some(sent) = self.sent(place) else { return };
        let (left, length) = (sent.rest().moved(), received.moved());
        if matches!(place, SendPlace::Waiting(_)) && !sent.is_long() && sent.chunk.missing == 0 {
            lates.push(sent.all());
            self.receive(place, left);
            self.behind += left.saturating_sub(length);
            return;
        }
        if matches!(place, SendPlace::Waiting(_)) {
            lates.push(sent.part(left.min(length), received));
        }
        self.receive(place, length);
    }

    /// What was received has been shown, and no send accounts for it yet.
    fn show(&mut self, received: Part<'_>) {
        work::steps(received.bytes.len());
        self.shown.extend(received.bytes);
        self.bytes += received.bytes.len();
        if received.missing > 0 {
            self.unknown += received.missing;
            self.forget_shown();
        }
    }

    /// Sends account for what receives have shown before; if they must, by its place where nothing else tells.
    pub(super) fn account(&mut self, is_busy: bool, they_must: bool) {
        while self.unknown > 0 && !is_busy {
            let received = self.receive(SendPlace::Waiting(0), self.unknown);
            if received == 0 {
                return;
            }
            self.unknown -= received;
        }
        let mut shown = std::mem::take(&mut self.shown);
        let mut left = Part { bytes: shown.make_contiguous(), missing: 0 };
        let before = left.moved();
        while self.unknown == 0 && left.moved() > 0 {
            let found = self.find(left, is_busy, Among::Waiting);
            let found = if they_must { found.or_else(|| self.guess(left)) } else { found };
            let Some((place, length)) = found else { break };
            left = left.after(self.receive(place, length));
        }
        let gone = usize::try_from(before - left.moved()).unwrap_or(usize::MAX).min(shown.len());
        self.bytes -= gone;
        shown.drain(..gone);
        self.shown = shown;
    }

    /// Sends that wait account for what receives have shown behind bytes of a call that has not returned.
    fn account_within(&mut self) {
        let mut shown = std::mem::take(&mut self.shown);
        for at in (0..self.waiting.len().min(COMPARED_SENDS)).rev() {
            let found = match self.waiting.get(at) {
                Some(Item::Sent(sent)) if sent.rest().bytes.len() >= TELLING_BYTES => {
                    work::steps(shown.len());
                    memmem::find(shown.make_contiguous(), sent.rest().bytes)
                        .map(|start| (start, sent.rest().bytes.len()))
                }
                _ => None,
            };
            if let Some((start, length)) = found {
                shown.drain(start..start + length);
                self.bytes -= length;
                self.receive(SendPlace::Waiting(at), as_u64(length));
            }
        }
        self.shown = shown;
    }

    /// Whether the first that waits can be nothing but the next; `since`: when the first began that is under way.
    pub(super) fn is_next_known(&self, since: Option<Timestamp>) -> bool {
        let mut waiting = self.waiting.iter().take(COMPARED_SENDS);
        let Some(Item::Sent(first)) = waiting.next() else { return true };
        let end = first.exit;
        let is_doubtful = first.entry <= self.doubt;
        let is_unseen = first.chunk.missing > 0 && first.chunk.bytes.is_empty();
        let is_later = |item: &Item| matches!(item, Item::Finish { .. }) || item.entry() > end;
        !(is_unseen || is_doubtful || self.is_merged) && since.is_none_or(|since| since > end) && waiting.all(is_later)
    }

    /// The first that waits is written, and nothing else can be received before it.
    pub(super) fn write_next(&mut self, lates: &mut Vec<Late>) {
        let first = self.written.len();
        self.write_first(lates);
        if first == 0
            && let Some(sent) = self.written.pop_front()
        {
            self.behind += sent.rest().moved();
            self.bytes -= sent.chunk.size();
        }
    }

    /// The first that waits is written.
    fn write_first(&mut self, lates: &mut Vec<Late>) {
        match self.waiting.pop_front() {
            Some(Item::Sent(sent)) => {
                lates.push(sent.all());
                self.written.push_back(sent);
            }
            Some(Item::Finish { side, time, marking, by }) => {
                self.bytes -= size_of::<Item>();
                lates.push(Late::Finish { side, time, marking, by });
            }
            None => {}
        }
    }

    /// All that waits, in the order in which it came.
    pub(super) fn give_up(&mut self, is_busy: bool) -> Vec<Late> {
        self.account(is_busy, !is_busy);
        if is_busy && !self.shown.is_empty() {
            self.account_within();
        }
        let mut lates = Vec::new();
        while !self.waiting.is_empty() {
            self.write_first(&mut lates);
        }
        lates
    }

    /// What is held against receives and sends is too much: they are told by their places from here on.
    pub(super) fn forget(&mut self) {
        for sent in self.written.drain(..) {
            self.behind += sent.rest().moved();
            self.bytes -= sent.chunk.size();
        }
        self.forget_shown();
    }

    fn forget_shown(&mut self) {
        self.unknown += as_u64(self.shown.len());
        self.bytes -= self.shown.len();
        self.shown = VecDeque::new();
    }
}

impl Item {
    /// When its call began.
    const fn entry(&self) -> Timestamp {
        match self {
            Self::Sent(sent) => sent.entry,
            Self::Finish { time, .. } => *time,
        }
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Self::Sent(sent) => sent.chunk.size(),
            Self::Finish { .. } => size_of::<Self>(),
        }
    }
}
