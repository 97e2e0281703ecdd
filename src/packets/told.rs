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
pub struct Told([Named; 2]);

impl Told {
    /// Nobody.
    pub const NONE: Self = Self([(ProcessRef(0), Fd(0)); 2]);

    /// Whether it is news that the end on `side` is this one's. Never where nobody asks who.
    #[inline(always)]
    pub fn news(&mut self, side: Side, by: &Marking) -> Remarks {
        let Self([first, second]) = self;
        let named = match side {
            Side::First => first,
            Side::Second => second,
        };
        let is_news = named.0 != by.process || named.1 != by.fd;
        *named = (by.process, by.fd);
        Remarks::WHO.only_if(is_news && by.process != ProcessRef::default())
    }
}

/// The same of datagrams, for each socket and each end that it talks to.
#[derive(Debug, Default)]
pub struct ToldOfDatagrams {
    named: FxHashMap<(Option<SocketNumber>, SocketAddr), Named>,
}

impl ToldOfDatagrams {
    /// Whether it is news that `socket` is this one's, in its conversation with `other`.
    #[inline]
    pub fn news(&mut self, socket: Option<SocketNumber>, other: SocketAddr, by: &Marking) -> Remarks {
        if by.process == ProcessRef::default() {
            return Remarks::NONE;
        }
        if self.named.len() >= limits::DATAGRAMS_TOLD {
            self.named.clear();
        }
        let named = Some((by.process, by.fd));
        Remarks::WHO.only_if(self.named.insert((socket, other), (by.process, by.fd)) != named)
    }
}
