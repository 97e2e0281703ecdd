//! Sessions: the n-th life of a descriptor in a thread, as the marking counts it (compat: one more at each close or
//! shutdown on a socket).

use crate::event::{Errno, Fd, Outcome, Tid};
use foldhash::HashMap;
use std::collections::BTreeMap;

/// The session counters. Only descriptors beyond their first session take room, and only while their thread lives.
#[derive(Debug, Default)]
pub(in crate::sockets) struct Sessions {
    by_tid: HashMap<Tid, BTreeMap<Fd, u32>>,
}

impl Sessions {
    /// The session that `fd` is in for `tid`.
    pub(in crate::sockets) fn current(&self, tid: Tid, fd: Fd) -> u32 {
        if self.by_tid.is_empty() {
            return 1;
        }
        self.by_tid.get(&tid).and_then(|sessions| sessions.get(&fd)).copied().unwrap_or(1)
    }

    /// A close or shutdown on a socket ended with `outcome`.
    pub(in crate::sockets) fn ended(&mut self, tid: Tid, fd: Fd, outcome: Outcome) {
        let goes_on =
            matches!(outcome, Outcome::Failed(Errno::BadFd | Errno::Again | Errno::InProgress | Errno::ConnReset));
        if !goes_on {
            let session = self.by_tid.entry(tid).or_default().entry(fd).or_insert(1);
            *session = session.saturating_add(1);
        }
    }

    /// The thread's number is found out: it is `tid`, and was counted under `by` so far.
    pub(in crate::sockets) fn numbered(&mut self, by: Tid, tid: Tid) {
        if let Some(sessions) = self.by_tid.remove(&by) {
            self.by_tid.insert(tid, sessions);
        }
    }

    /// The thread is gone: its number may come back as another's.
    pub(in crate::sockets) fn forget(&mut self, tid: Tid) {
        self.by_tid.remove(&tid);
    }
}
