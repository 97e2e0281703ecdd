//! One direction of a connection of which something waits for the reader's call: the sends that have returned, and what
//! receives have shown; each byte of the one is held against one of the other.

use crate::event::{Marking, Timestamp, as_u64};
use crate::packets::tcp::{Chunk, OwnChunk};
use crate::sockets::Side;
use std::collections::VecDeque;

/// How many sends are held against what was received: more are rarely under way at once.
const COMPARED_SENDS: usize = 16;

/// How many bytes of each.
const COMPARED_BYTES: usize = 4 << 10;

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
}

/// Something of the sender's that waits.
#[derive(Debug)]
pub(super) enum Item {
    Sent(Sent),
    Finish { side: Side, time: Timestamp, marking: Marking, by: Side },
}

/// Where a send is found.
#[derive(Clone, Copy, Debug)]
enum Place {
    Written(usize),
    Waiting(usize),
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
    /// The last moment that anything of it is of.
    pub(super) last: Timestamp,
    /// How many bytes all of that holds.
    pub(super) bytes: usize,
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
        let same = pairs.take_while(|(sent, received)| sent == received).count();
        Fit { is_whole: same == compared, same, ends: self.moved() <= received.moved() }
    }
}

impl Sent {
    fn rest(&self) -> Part<'_> {
        Part { bytes: &self.chunk.bytes, missing: self.chunk.missing }.after(self.done)
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
    /// One in which nothing waits: so many bytes are to be received, or were received before their sends return.
    pub(super) fn new(behind: u64, unknown: u64) -> Self {
        Self { behind, unknown, ..Self::default() }
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
    fn candidates(&self) -> impl Iterator<Item = (Place, &Sent)> {
        let written = self.written.iter().take(COMPARED_SENDS).enumerate();
        let waiting = self.waiting.iter().take(COMPARED_SENDS).map_while(|item| match item {
            Item::Sent(sent) => Some(sent),
            Item::Finish { .. } => None,
        });
        let first = self.waits_since().unwrap_or_default();
        let waiting = waiting.enumerate().filter(move |(at, sent)| *at == 0 || sent.entry <= first);
        written.map(|(at, sent)| (Place::Written(at), sent)).chain(waiting.map(|(at, sent)| (Place::Waiting(at), sent)))
    }

    fn sent(&mut self, place: Place) -> Option<&mut Sent> {
        match place {
            Place::Written(at) => self.written.get_mut(at),
            Place::Waiting(at) => match self.waiting.get_mut(at)? {
                Item::Sent(sent) => Some(sent),
                Item::Finish { .. } => None,
            },
        }
    }

    /// The send that `received` begins with. While others are under way, one that is received to its end, or was written.
    fn find(&mut self, received: Part<'_>, is_busy: bool) -> Option<Place> {
        let mut best: Option<(Fit, Place)> = None;
        for (place, sent) in self.candidates() {
            let fit = sent.rest().fit(received, COMPARED_BYTES);
            let is_written = matches!(place, Place::Written(_));
            let may_be = fit.is_whole && (!is_busy || (fit.same > 0 && (fit.ends || is_written)));
            if may_be && best.is_none_or(|(before, _)| before < fit) {
                best = Some((fit, place));
            }
        }
        let (_, place) = best?;
        let is_it = self.sent(place)?.rest().fit(received, usize::MAX).is_whole;
        is_it.then_some(place)
    }

    /// Where nothing fits to an end: what begins most like `received`, or else the first that waits, and how many bytes.
    fn guess(&mut self, received: Part<'_>) -> Option<(Place, u64)> {
        let fits = self.candidates().filter(|(place, _)| matches!(place, Place::Waiting(_)));
        let fits = fits.map(|(place, sent)| (sent.rest().fit(received, COMPARED_BYTES).same, place));
        let (same, place) = fits.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
        Some((place, if same > 0 { as_u64(same) } else { received.moved() }))
    }

    /// The next of its bytes have been received, at most `length`. How many.
    fn receive(&mut self, place: Place, length: u64) -> u64 {
        let Some(sent) = self.sent(place) else { return 0 };
        let left = sent.rest().moved();
        let received = left.min(length);
        sent.done += received;
        if received == left {
            let size = sent.chunk.size();
            match place {
                Place::Written(at) => drop(self.written.remove(at)),
                Place::Waiting(at) => drop(self.waiting.remove(at)),
            }
            self.bytes -= size;
        }
        received
    }

    /// The reader has received `chunk`. What is to be written of it: each part as its sender's call has it, and what is of
    /// none.
    pub(super) fn read(&mut self, chunk: &Chunk<'_>, is_busy: bool) -> Vec<Late> {
        let mut rest = Part { bytes: chunk.bytes, missing: chunk.missing };
        let passed = self.behind.min(rest.moved());
        self.behind -= passed;
        rest = rest.after(passed);
        let mut lates = Vec::new();
        while rest.moved() > 0
            && !self.has_shown()
            && let Some(place) = self.find(rest, is_busy)
        {
            let place = self.write_received(place, rest, &mut lates);
            rest = rest.after(self.receive(place, rest.moved()));
        }
        if rest.moved() > 0 {
            if is_busy || !self.waiting.is_empty() {
                self.show(rest);
            }
            let part = Chunk { bytes: rest.bytes, missing: rest.missing, ..*chunk };
            lates.push(Late::Chunk(OwnChunk::of(&part)));
        }
        lates
    }

    /// Writes what `received` begins with, if it waits: all of it where it has moved in one piece. Where it is then.
    fn write_received(&mut self, place: Place, received: Part<'_>, lates: &mut Vec<Late>) -> Place {
        let Place::Waiting(at) = place else { return place };
        let Some(sent) = self.sent(place) else { return place };
        let left = sent.rest().moved();
        if left <= ATOMIC && sent.chunk.missing == 0 {
            lates.push(sent.all());
            if let Some(Item::Sent(sent)) = self.waiting.remove(at) {
                self.written.push_back(sent);
            }
            return Place::Written(self.written.len() - 1);
        }
        lates.push(sent.part(left.min(received.moved()), received));
        place
    }

    /// What was received has been shown, and no send accounts for it yet.
    fn show(&mut self, received: Part<'_>) {
        self.shown.extend(received.bytes);
        self.bytes += received.bytes.len();
        if received.missing > 0 {
            self.unknown += received.missing;
            self.forget_shown();
        }
    }

    /// Sends account for what receives have shown before; where none is under way, by its place if nothing else tells.
    pub(super) fn account(&mut self, is_busy: bool) {
        while self.unknown > 0 && !is_busy {
            let received = self.receive(Place::Waiting(0), self.unknown);
            if received == 0 {
                return;
            }
            self.unknown -= received;
        }
        let mut shown = std::mem::take(&mut self.shown);
        let mut left = Part { bytes: shown.make_contiguous(), missing: 0 };
        let before = left.moved();
        while self.unknown == 0 && left.moved() > 0 {
            let (place, length) = match self.find(left, is_busy) {
                Some(place) => (place, left.moved()),
                None if is_busy => break,
                None => match self.guess(left) {
                    Some(guess) => guess,
                    None => break,
                },
            };
            left = left.after(self.receive(place, length));
        }
        let gone = usize::try_from(before - left.moved()).unwrap_or(usize::MAX).min(shown.len());
        self.bytes -= gone;
        shown.drain(..gone);
        self.shown = shown;
    }

    /// Whether the first that waits can be nothing but the next; `since`: when the first began that is under way.
    pub(super) fn is_next_known(&self, since: Option<Timestamp>) -> bool {
        let mut waiting = self.waiting.iter().take(COMPARED_SENDS);
        let Some(Item::Sent(first)) = waiting.next() else { return true };
        let end = first.exit;
        let is_unseen = first.chunk.missing > 0 && first.chunk.bytes.is_empty();
        let is_later = |item: &Item| matches!(item, Item::Finish { .. }) || item.entry() > end;
        !is_unseen && since.is_none_or(|since| since > end) && waiting.all(is_later)
    }

    /// The first that waits is written.
    pub(super) fn write_first(&mut self, lates: &mut Vec<Late>) {
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
    pub(super) fn give_up(&mut self) -> Vec<Late> {
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
