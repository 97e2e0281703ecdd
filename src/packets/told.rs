//! Who has been named beside the packets of a conversation: on the first one of each end, and when that changes.

use crate::event::{Fd, Marking, ProcessRef};
use crate::limits;
use crate::sockets::{Side, SocketNumber};
use crate::wire::Remarks;
use rustc_hash::FxHashMap;
use std::net::SocketAddr;

/// Who was named last; the default is nobody.
type Named = (ProcessRef, Fd);

/// Who was named last beside the packets that each end of a stream has shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    named: [Named; 2],
    has_lost: bool,
}

impl Told {
    /// Nobody.
    pub const NONE: Self = Self { named: [(ProcessRef(0), Fd(0)); 2], has_lost: false };

    /// Whether it is news that the end on `side` is this one's. Never where nobody asks who.
    #[inline(always)]
    pub fn news(&mut self, side: Side, by: &Marking) -> Remarks {
        let [first, second] = &mut self.named;
        let named = match side {
            Side::First => first,
            Side::Second => second,
        };
        let is_news = named.0 != by.process || named.1 != by.fd;
        *named = (by.process, by.fd);
        Remarks::WHO.only_if(is_news && by.process != ProcessRef::default())
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
pub struct ToldOfDatagrams {
    named: FxHashMap<(Option<SocketNumber>, SocketAddr), Told>,
}

impl ToldOfDatagrams {
    /// Whether it is news that `socket` is this one's, in its conversation with `other`, and that bytes are missing.
    #[inline]
    pub fn news(
        &mut self,
        (socket, other): (Option<SocketNumber>, SocketAddr),
        by: &Marking,
        has_lost: bool,
    ) -> Remarks {
        if by.process == ProcessRef::default() {
            return Remarks::NONE;
        }
        if self.named.len() >= limits::DATAGRAMS_TOLD {
            self.named.clear();
        }
        let told = self.named.entry((socket, other)).or_default();
        let who = told.news(Side::First, by);
        if has_lost { who.and(told.lost()) } else { who }
    }
}
