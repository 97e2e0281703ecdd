//! From calls to events: what a call means, whose it is, and when it was.

use super::attribution::{Attribution, CallOrigin};
use super::counts::{Counts, Skip};
use super::decode::{Call, FirstHalf, NoEvent, Scratch};
use super::pending::{Cut, Half, Pending};
use super::returned;
use super::row::Row;
use crate::event::{Event, Sharing, Timestamp, What};

/// What the calls of a trace have in common.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) scratch: Scratch,
    pub(super) who: Attribution,
    pub(super) counts: Counts,
}

impl Decoder {
    /// The event of a call whose text is whole, unless it has to wait for a dump.
    #[inline(never)]
    pub(super) fn whole(
        &mut self,
        row: &'static Row,
        text: &[u8],
        origin: CallOrigin,
        pending: &mut Pending,
    ) -> Option<Event<'_>> {
        if returned::is_made_up(text) {
            return self.not_carried_out(row, origin);
        }
        self.carried_out(row, text, origin, origin.exit(text), pending)
    }

    /// The event of a call whose text is whole and which returned at `exit`, unless it has to wait for a dump.
    #[inline(always)]
    pub(super) fn carried_out(
        &mut self,
        row: &'static Row,
        text: &[u8],
        origin: CallOrigin,
        exit: Timestamp,
        pending: &mut Pending,
    ) -> Option<Event<'_>> {
        let Self { scratch, who, counts } = self;
        match row.decode(Call::new(text, None, counts, scratch)) {
            Ok(what) => {
                counts.used += 1;
                Some(event(origin, exit, what, who))
            }
            Err(NoEvent::Skip(reason)) => {
                counts.skip(reason);
                None
            }
            Err(NoEvent::Cut) => {
                pending.keep_cut(row, text, origin);
                None
            }
        }
    }

    /// A call whose result strace made up: nothing came of it, and no child of a fork.
    #[cold]
    fn not_carried_out(&mut self, row: &'static Row, origin: CallOrigin) -> Option<Event<'_>> {
        self.counts.skip(Skip::Injected);
        let what = What::Cloned { child: None, sharing: Sharing::default() };
        row.is_fork().then(|| self.event(origin, what))
    }

    /// The event of the call that waits for a dump, with what has come of that.
    #[cold]
    pub(super) fn release(&mut self, pending: &mut Pending) -> Option<Event<'_>> {
        let Cut { row, origin, text } = pending.take_cut()?;
        let Self { scratch, who, counts } = self;
        counts.dumps_used += u64::from(!pending.dump.is_empty());
        // What is counted belongs to the call's own line, not to the one that has come since.
        let lines = std::mem::replace(&mut counts.lines, origin.line);
        let decoded = row.decode(Call::new(&text, Some(&pending.dump), counts, scratch));
        let event = match decoded {
            Ok(what) => {
                counts.used += 1;
                Some(event(origin, origin.exit(&text), what, who))
            }
            Err(reason) => {
                counts.skip(match reason {
                    NoEvent::Skip(reason) => reason,
                    NoEvent::Cut => Skip::Malformed,
                });
                None
            }
        };
        counts.lines = lines;
        pending.give_back(text);
        event
    }

    /// The first half of a call, which waits for the second; the event of a call that takes effect when it begins.
    pub(super) fn begun(
        &mut self,
        row: &'static Row,
        text: &[u8],
        origin: CallOrigin,
        pending: &mut Pending,
    ) -> Option<Event<'_>> {
        let Self { scratch, who, counts } = self;
        let (is_settled, what) = match row.begin(Call::new(text, None, counts, scratch)) {
            FirstHalf::Needed(what) => (false, what),
            FirstHalf::Known(what) => (true, Some(what)),
            FirstHalf::NotUsed => (true, None),
        };
        if is_settled && what.is_some() {
            counts.used += 1;
        } else {
            counts.skip(Skip::Unfinished);
        }
        let kept = pending.copy(if is_settled { b"" } else { text });
        pending.note_half(origin.line, origin.tid, true);
        match pending.keep_half(origin.tid, Half { row, entry: origin.entry, is_settled, text: kept }) {
            Ok(abandoned) => counts.never_resumed += u64::from(abandoned),
            Err(reason) => counts.skip(reason),
        }
        what.map(|what| event(origin, origin.exit(text), what, who))
    }

    /// No event, for this reason.
    #[inline]
    pub(super) fn skip(&mut self, reason: Skip) -> Option<Event<'_>> {
        self.counts.skip(reason);
        None
    }

    /// An event that is no call.
    pub(super) fn event<'s>(&mut self, origin: CallOrigin, what: What<'s>) -> Event<'s> {
        event(origin, origin.exit(b""), what, &mut self.who)
    }
}

/// The event of a call that returned at `exit`; what it says about threads is noted.
#[inline(always)]
fn event<'s>(origin: CallOrigin, exit: Timestamp, what: What<'s>, who: &mut Attribution) -> Event<'s> {
    match what {
        What::Cloned { child: Some(child), .. } => who.made(child),
        What::Ended { .. } => who.ending(origin.tid),
        _ => {}
    }
    let CallOrigin { line, tid, entry, resumed } = origin;
    Event { line, tid, entry, exit, resumed: resumed.is_some(), what }
}
