//! One direction of a connection of which something waits for the reader's call: the sends that have returned, and what
//! receives have shown; each byte of the one is held against one of the other.

use super::sent::{Fit, Part, Sent};
use super::shared::Shared;
use super::shown::Shown;
use super::{COMPARED_SENDS, HEAD_BYTES, TELLING_BYTES};
use crate::event::{Marking, Timestamp, as_u64};
use crate::limits;
use crate::packets::tcp::{Chunk, OwnChunk};
use crate::sockets::Side;
use crate::work;
use memchr::memmem;
use std::collections::VecDeque;

/// How many bytes of each.
const COMPARED_BYTES: usize = 4 << 10;

/// Something of the sender's that is to be written.
#[derive(Debug)]
pub enum Late {
    /// What moved, as far as it is known.
    Chunk(OwnChunk),
    /// Its FIN.
    Finish { side: Side, time: Timestamp, marking: Marking, by: Side },
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
    shown: Shown,
    /// Lines of other traces may tell of more.
    is_merged: bool,
    /// Some of what was sent is not in the trace: only bytes tell.
    is_lossy: bool,
    /// That is so of sends that have begun: lines are not of ends alone.
    is_cut: bool,
    /// Since when it is held. Of a send that began later all that it moves is known by its bytes.
    pub(super) since: Timestamp,
    /// When bytes were last taken for a send's while others were under way, which may begin with the same.
    doubt: Timestamp,
    /// When it is looked at.
    due: Option<Timestamp>,
    /// The last moment that anything of it is of.
    last: Timestamp,
    /// How many bytes all of that holds.
    pub(super) bytes: usize,
}

impl Queue {
    /// One that is held since a moment, in which nothing waits: so many bytes are to be received, or were received before
    /// their sends return.
    pub(super) fn new(since: Timestamp, behind: u64, unknown: u64, is_merged: bool) -> Self {
        Self { behind, unknown, is_merged, since, ..Self::default() }
    }

    /// From here on some of what is sent may not be in the trace; where `is_cut`, of sends whose beginnings are.
    pub(super) fn lose(&mut self, is_cut: bool) {
        self.is_cut |= is_cut;
        if !std::mem::replace(&mut self.is_lossy, true) {
            self.account_within();
        }
    }

    /// Whether what was written and not received is to be kept.
    pub(super) fn is_kept(&self) -> bool {
        self.is_lossy && !(self.written.is_empty() && self.shown.is_empty())
    }

    /// It goes on as one by whose other end several receive, which `like` is of: what one has shown so far, and the sends that
    /// wait for that, are still held against each other. Where lines are merged, several may have shown it.
    pub(super) fn into_shared(mut self, like: &Chunk<'_>) -> Shared {
        let mut shared = Shared::new(std::mem::take(&mut self.behind));
        if self.is_merged {
            let mut shown = std::mem::take(&mut self.shown);
            self.bytes -= shown.len();
            while let Some((exit, bytes)) = shown.take_first() {
                shared.was_shown(&Chunk { bytes: &bytes, missing: 0, comment: None, ..*like }, exit);
            }
        }
        for sent in self.written.drain(..) {
            self.bytes -= sent.chunk.size();
            shared.was_sent(sent.rest());
        }
        shared.before = self;
        shared
    }

    /// Whether one that is under way, the first of which began at `since`, may be what receives have shown.
    pub(super) fn may_be_under_way(&self, since: Option<Timestamp>) -> bool {
        self.has_shown() && since.is_some_and(|since| self.shown.last().is_none_or(|last| since <= last))
    }

    /// The first that waits, which waits no longer.
    pub(super) fn next(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.bytes -= item.size();
        Some(item)
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

    /// Something that waits has come. Where some of what is sent is not in the trace, receives may have shown it behind that.
    pub(super) fn push(&mut self, item: Item) {
        self.bytes += item.size();
        self.waiting.push_back(item);
        if self.is_lossy {
            self.account_for(self.waiting.len() - 1, COMPARED_SENDS * COMPARED_BYTES);
        }
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
    fn find(&mut self, received: (Part<'_>, Timestamp), is_busy: bool, among: Among) -> Option<(SendPlace, u64)> {
        let (received, exit) = received;
        let mut best: Option<(Fit, SendPlace, Timestamp)> = None;
        let (mut longest_open, mut longest_ended) = (0, 0);
        for (place, sent) in self.candidates() {
            let is_written = matches!(place, SendPlace::Written(_));
            if among == (if is_written { Among::Waiting } else { Among::Written }) || sent.entry > exit {
                continue;
            }
            let fit = sent.rest().fit(received, COMPARED_BYTES);
            if !((fit.is_whole && (!is_busy || fit.same > 0)) || sent.is_piece(fit)) {
                continue;
            }
            if fit.is_whole && fit.ends {
                longest_ended = longest_ended.max(fit.same);
            }
            let Some((before, _, exit)) = best else {
                best = Some((fit, place, sent.exit));
                continue;
            };
            // What goes on with the one may be the beginning of the other, unless that began behind it.
            if before.same == fit.same && (before.is_open() || fit.is_open()) {
                if exit < sent.entry {
                    continue;
                }
                longest_open = fit.same;
            }
            if before < fit {
                best = Some((fit, place, sent.exit));
            }
        }
        let (fit, place, _) = best?;
        let sent = self.sent(place)?;
        let is_begun = matches!(place, SendPlace::Written(_)) || sent.done > 0;
        let is_early = is_busy && !(fit.ends || is_begun || sent.is_piece(fit));
        // The end of a read may be the beginning of one, or a shorter one and the beginning of another.
        let is_open = fit.is_open() && !is_begun && fit.same < HEAD_BYTES && longest_ended > 0;
        if is_early || is_open || (longest_open > 0 && longest_open == fit.same) {
            return None;
        }
        let fit = sent.rest().fit(received, usize::MAX);
        if fit.is_whole {
            return Some((place, sent.rest().moved().min(received.moved())));
        }
        sent.is_piece(fit).then(|| (place, as_u64(fit.same)))
    }

    /// Where nothing fits to an end: what begins most like `received`, or else the first that waits, and how many bytes. Where
    /// some may be lost, only what begins so much like it that this is not by chance.
    fn guess(&mut self, received: Part<'_>) -> Option<(SendPlace, u64)> {
        let fits = self.candidates().filter(|(place, _)| matches!(place, SendPlace::Waiting(_)));
        let fits = fits.map(|(place, sent)| (sent.rest().fit(received, COMPARED_BYTES).same, place));
        let (same, place) = fits.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
        let is_one = !self.is_lossy || same >= TELLING_BYTES;
        is_one.then(|| (place, if same > 0 { as_u64(same) } else { received.moved() }))
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

    /// The reader has received `chunk` by `exit`, or `until` where that is not told. What is to be written of it: each part as
    /// its sender's call has it, and what is of none.
    pub(super) fn read(&mut self, chunk: &Chunk<'_>, [exit, until]: [Timestamp; 2], is_busy: bool) -> Vec<Late> {
        let mut rest = Part { bytes: chunk.bytes, missing: chunk.missing };
        let passed = self.behind.min(rest.moved());
        self.behind -= passed;
        rest = rest.after(passed);
        let mut lates = Vec::new();
        if self.is_lossy && rest.moved() > 0 {
            self.go_on(rest);
        }
        while rest.moved() > 0 {
            let among = if self.has_shown() && !self.is_lossy { Among::Written } else { Among::All };
            if let Some((place, length)) = self.find((rest, until), is_busy, among) {
                if is_busy {
                    self.doubt = self.doubt.max(exit);
                }
                let place = self.pass_over(place);
                self.write_received(place, rest.first(length), &mut lates);
                rest = rest.after(length);
                continue;
            }
            let length = self.next_known(rest.bytes, true).map_or(rest.moved(), as_u64);
            let part = rest.first(length);
            if is_busy || self.is_lossy || !self.waiting.is_empty() {
                self.show(part, until);
            }
            let part = Chunk { bytes: part.bytes, missing: part.missing, ..*chunk };
            lates.push(Late::Chunk(OwnChunk::of(&part)));
            rest = rest.after(length);
        }
        lates
    }

    /// Where a send that waits begins with the end of what receives have shown and goes on with `received`, it accounts for
    /// that end: what is before may be of one that is lost.
    fn go_on(&mut self, received: Part<'_>) {
        let Some(last) = self.shown.last() else { return };
        let mut shown = std::mem::take(&mut self.shown);
        let bytes = shown.bytes();
        let mut best: Option<(usize, SendPlace)> = None;
        for (place, sent) in self.candidates() {
            if matches!(place, SendPlace::Written(_)) || sent.entry > last {
                continue;
            }
            let rest = sent.rest();
            let is_here = |length: &usize| {
                let goes_on = || rest.after(as_u64(*length)).fit(received, COMPARED_BYTES);
                let known = sent.done + as_u64(*length);
                let tells = |fit: Fit| fit.is_whole && known + as_u64(fit.same) >= as_u64(TELLING_BYTES);
                rest.bytes.get(..*length).is_some_and(|head| bytes.ends_with(head)) && tells(goes_on())
            };
            let longest = bytes.len().min(rest.bytes.len().saturating_sub(1)).min(HEAD_BYTES);
            work::steps(longest);
            if let Some(length) = (1..=longest).rev().find(is_here)
                && best.is_none_or(|(before, _)| before < length)
            {
                best = Some((length, place));
            }
        }
        if let Some((length, place)) = best {
            let end = shown.len();
            shown.remove(end - length..end);
            self.bytes -= length;
            self.receive(place, as_u64(length));
        }
        self.shown = shown;
    }

    /// Where one that was written, or may be received next although not all of what is sent is known, begins within what was
    /// received, behind bytes of a call that has not returned.
    fn next_known(&self, received: &[u8], are_written: bool) -> Option<usize> {
        let within = received.get(1..)?;
        let mut first: Option<usize> = None;
        let is_one = |place| matches!(place, SendPlace::Written(_)) || self.is_lossy || !are_written;
        for (_, sent) in self.candidates().filter(|(place, _)| is_one(*place)) {
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
            lates.push(Late::Chunk(sent.all()));
            self.receive(place, left);
            self.behind += left.saturating_sub(length);
            return;
        }
        if matches!(place, SendPlace::Waiting(_)) {
            lates.push(Late::Chunk(sent.part(left.min(length), received)));
        }
        self.receive(place, length);
    }

    /// Where not all of what is received is in the trace, sends that are written have been received that ended before this one
    /// began. Where it is then.
    fn pass_over(&mut self, place: SendPlace) -> SendPlace {
        let SendPlace::Written(mut at) = place else { return place };
        while self.is_lossy
            && at > 0
            && let [Some(first), Some(sent)] = [0, at].map(|at| self.written.get(at))
            && first.exit < sent.entry
        {
            self.bytes -= first.chunk.size();
            self.written.pop_front();
            at -= 1;
        }
        SendPlace::Written(at)
    }

    /// What was received has been shown, and no send accounts for it yet.
    fn show(&mut self, received: Part<'_>, exit: Timestamp) {
        self.shown.push(received.bytes, exit);
        self.bytes += received.bytes.len();
        if received.missing > 0 {
            self.unknown += received.missing;
            self.forget_shown();
        }
    }

    /// What was shown before the first of the sends began whose lines may come, one of them at `since`, is of none of these:
    /// it is of one that is lost.
    pub(super) fn give_up_lost(&mut self, now: Timestamp, since: Option<Timestamp>) {
        if self.is_lossy {
            let time = if self.is_cut && !self.is_merged { now } else { now.before(limits::WAITING_TIME) };
            let waiting = self.waiting.iter().map(Item::entry);
            let begun = waiting.chain(since).fold(time, Timestamp::min);
            let lost = self.shown.before(begun);
            self.shown.remove(0..lost);
            self.bytes -= lost;
        }
    }

    /// Whether receives have shown bytes that may be of the first that waits.
    pub(super) fn may_be_shown(&self) -> bool {
        let last = self.shown.last().filter(|_| self.is_lossy);
        self.has_shown() && last.is_none_or(|last| self.waiting.front().is_none_or(|first| first.entry() <= last))
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
        while self.unknown == 0
            && let Some(exit) = shown.first()
        {
            let left = Part { bytes: shown.bytes(), missing: 0 };
            let found = self.find((left, exit), is_busy, Among::Waiting);
            let found = if they_must { found.or_else(|| self.guess(left)) } else { found };
            let gone = match found {
                Some((place, length)) => self.receive(place, length),
                // It is of one that is lost.
                None if they_must => self.next_known(left.bytes, false).map_or(left.moved(), as_u64),
                None => break,
            };
            let gone = usize::try_from(gone).map_or(shown.len(), |gone| gone.min(shown.len()));
            shown.remove(0..gone);
            self.bytes -= gone;
        }
        self.shown = shown;
    }

    /// Sends that wait account for what receives have shown behind bytes of a call that has not returned.
    fn account_within(&mut self) {
        for at in (0..self.waiting.len().min(COMPARED_SENDS)).rev() {
            self.account_for(at, usize::MAX);
        }
    }

    /// One that waits does, as far as so many bytes show.
    fn account_for(&mut self, at: usize, limit: usize) {
        let Some(Item::Sent(sent)) = self.waiting.get(at) else { return };
        let bytes = sent.rest().bytes;
        if bytes.len() < TELLING_BYTES || self.shown.len() < bytes.len() {
            return;
        }
        let behind = if self.is_lossy { self.shown.before(sent.entry) } else { 0 };
        let within = self.shown.bytes().get(behind..).unwrap_or_default();
        let within = within.get(..limit).unwrap_or(within);
        work::steps(within.len());
        if let Some(start) = memmem::find(within, bytes) {
            let length = bytes.len();
            self.shown.remove(behind + start..behind + start + length);
            self.bytes -= length;
            self.receive(SendPlace::Waiting(at), as_u64(length));
        }
    }

    /// Whether the first that waits can be nothing but the next; `since`: when the first began that is under way.
    pub(super) fn is_next_known(&self, since: Option<Timestamp>) -> bool {
        let mut waiting = self.waiting.iter().take(COMPARED_SENDS);
        // A FIN comes behind what its sender was killed in.
        let Some(Item::Sent(first)) = waiting.next() else { return !(self.is_lossy && since.is_some()) };
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
            && !self.is_lossy
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
                lates.push(Late::Chunk(sent.all()));
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
        if is_busy || self.is_lossy {
            self.account(is_busy, false);
            self.account_within();
        }
        if !is_busy {
            self.account(false, true);
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
        self.shown = Shown::default();
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
