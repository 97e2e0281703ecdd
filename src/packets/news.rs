//! Who has been named beside the packets of a conversation: on the first one of each end, and when that changes.

use crate::event::{Fd, HostPort, Marking, ProcessRef};
use crate::limits;
use crate::sockets::{Side, SocketNumber};
use crate::wire::Remarks;
use foldhash::HashMap;

/// Who was named last; the default is nobody.
type LastNamed = (ProcessRef, Fd);

/// How often it is told that an end is used by somebody else. Of one that processes use in turn only those are named from
/// there on that have not been: a comment on each packet would make the capture slow to open.
const CHANGES: u8 = 16;

/// Who was named last beside the packets that each end of a stream has shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct News {
    named: [LastNamed; 2],
    /// Who has been named, a bit each; processes are numbered as they come, so that few share one. In halves, which need
    /// no room before them.
    met: [u32; 2],
    changes: u8,
    has_lost: bool,
}

impl News {
    /// Nobody.
    pub const NONE: Self = Self { named: [(ProcessRef(0), Fd(0)); 2], met: [0; 2], changes: 0, has_lost: false };

    /// Whose the end on `side` was when it was named last.
    pub const fn named(&self, side: Side) -> ProcessRef {
        side.of(&self.named).0
    }

    /// Whether it is news that the end on `side` is this one's. Never where nobody asks who.
    #[inline(always)]
    pub fn of_end(&mut self, side: Side, by: &Marking) -> Remarks {
        let named = side.of_mut(&mut self.named);
        if named.0 == by.process && named.1 == by.fd {
            return Remarks::NONE;
        }
        *named = (by.process, by.fd);
        if by.process == ProcessRef::default() { Remarks::NONE } else { self.changed(side, by) }
    }

    /// Somebody else than before has an end.
    #[inline(never)]
    fn changed(&mut self, side: Side, by: &Marking) -> Remarks {
        let number = by.process.0.wrapping_add(by.fd.0.wrapping_mul(7));
        let half = if number % 64 < 32 { side } else { side.other() };
        let (met, bit) = (half.of_mut(&mut self.met), 1 << (number % 32));
        let is_news = self.changes < CHANGES || *met & bit == 0;
        *met |= bit;
        self.changes = self.changes.saturating_add(1);
        Remarks::WHO.only_if(is_news)
    }

    /// Bytes are missing: whether that is news.
    #[cold]
    pub const fn lost(&mut self) -> Remarks {
        let is_news = !self.has_lost;
        self.has_lost = true;
        Remarks::LOST.only_if(is_news)
    }
}

/// The same of datagrams, for each socket and each end that it talks to.
#[derive(Debug, Default)]
pub struct NewsOfDatagrams {
    named: HashMap<(Option<SocketNumber>, HostPort), News>,
}

impl NewsOfDatagrams {
    /// Whether it is news that `socket` is this one's, in its conversation with `other`, and that bytes are missing.
    #[inline]
    pub fn of_message(
        &mut self,
        (socket, other): (Option<SocketNumber>, HostPort),
        by: &Marking,
        has_lost: bool,
    ) -> Remarks {
        if by.process == ProcessRef::default() {
            return Remarks::NONE;
        }
        if self.named.len() >= limits::DATAGRAMS_TOLD {
            self.named.clear();
        }
        let news = self.named.entry((socket, other)).or_default();
        let who = news.of_end(Side::First, by);
        if has_lost { who.and(news.lost()) } else { who }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tid;

    fn by(process: u32, fd: u32) -> Marking {
        Marking { tid: Tid(process), process: ProcessRef(process), fd: Fd(fd), session: 1, op: None }
    }

    #[test]
    fn who_is_named_first_and_where_that_changes() {
        let mut news = News::default();
        let mut is_news = |side, process, fd| news.of_end(side, &by(process, fd)) == Remarks::WHO;
        let (first, second) = (Side::First, Side::Second);
        assert_eq!(
            [is_news(first, 1, 3), is_news(first, 1, 3), is_news(second, 2, 4), is_news(first, 1, 3)],
            [true, false, true, false]
        );
        assert_eq!([is_news(first, 1, 5), is_news(first, 9, 5), is_news(first, 1, 5)], [true, true, true]);
        assert!(!is_news(first, 0, 5), "nobody asks who");
    }

    #[test]
    fn of_many_that_take_turns_each_is_named_once_in_the_end() {
        let mut news = News::default();
        let turns = (0..1000).filter(|turn| news.of_end(Side::First, &by(1 + turn % 7, 3)) == Remarks::WHO);
        assert_eq!(turns.count(), 16);
        assert_eq!(news.of_end(Side::First, &by(8, 3)), Remarks::WHO, "that is a new one");
    }
}
