//! The views that a run has asked for: each change goes to those that show sockets of its family.
//!
//! A further view is a type with [`View`], a line of `any_view!`, and where its families are new a place in [`Views`].

use crate::event::{Event, Family, Tid, Timestamp, Transport, What};
use crate::inet::{SyscallView, WireView};
use crate::packets::http2::{Lack, Seed};
use crate::packets::{Invented, Lookup, View, ViewKind};
use crate::processes::Processes;
use crate::sockets::{Change, Moved, Refs, Sockets};
use crate::unix::{self, Chosen, UnixView};
use crate::wire::{Record, Sink};
use std::time::Duration;

/// A process that nothing was known of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// The thread that it begins with, as far as is known.
    pub process: Tid,
    /// It has a name.
    pub has_name: bool,
}

/// An enum of views that is itself one.
macro_rules! any_view {
    ($($name:ident($view:ty),)*) => {
        /// One of the views.
        #[derive(Debug)]
        enum AnyView {
            $($name($view),)*
        }

        impl View for AnyView {
            #[inline]
            fn shows(&self, family: Family, transport: Transport) -> bool {
                match self { $(Self::$name(view) => view.shows(family, transport),)* }
            }

            #[inline(always)]
            fn moved<S: Sink>(&mut self, moved: &Moved, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
                match self { $(Self::$name(view) => view.moved(moved, known, sink),)* }
            }

            fn change<S: Sink>(&mut self, change: &Change, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
                match self { $(Self::$name(view) => view.change(change, known, sink),)* }
            }

            fn pass_over(&mut self, moved: &Moved) {
                match self { $(Self::$name(view) => view.pass_over(moved),)* }
            }

            fn leaves_out(&self, moved: &Moved) -> bool {
                match self { $(Self::$name(view) => view.leaves_out(moved),)* }
            }

            #[inline(always)]
            fn has_due(&self, now: Timestamp) -> bool {
                match self { $(Self::$name(view) => view.has_due(now),)* }
            }

            #[inline(always)]
            fn settle<S: Sink>(&mut self, now: Timestamp, known: Lookup<'_>, sink: &mut S) -> Result<Timestamp, S::Error> {
                match self { $(Self::$name(view) => view.settle(now, known, sink),)* }
            }

            fn pause<S: Sink>(&mut self, quiet: Duration, known: Lookup<'_>, sink: &mut S) -> Result<(), S::Error> {
                match self { $(Self::$name(view) => view.pause(quiet, known, sink),)* }
            }

            fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
                match self { $(Self::$name(view) => view.finish(sink),)* }
            }

            fn invented(&self) -> Invented {
                match self { $(Self::$name(view) => view.invented(),)* }
            }
        }
    };
}

any_view! {
    Syscall(SyscallView),
    Wire(Box<WireView>),
    Unix(Box<UnixView>),
}

/// The views, and what all of them look up.
#[derive(Debug)]
pub struct Views {
    inet: Option<AnyView>,
    /// Of UNIX sockets, and of pipes.
    local: Option<AnyView>,
    /// Where the capture tells who made a packet.
    tells_who: bool,
    processes: Processes,
}

impl Views {
    /// Those of INET sockets, with what seeds HTTP/2 in the wire view, and of UNIX sockets, where these are asked for.
    /// `tells_who`: it matters who makes a packet.
    pub fn new(inet: Option<(ViewKind, Seed)>, local: Option<unix::UnixOptions>, tells_who: bool) -> Self {
        let inet = inet.map(|(kind, seed)| match kind {
            ViewKind::Syscall => AnyView::Syscall(SyscallView::default()),
            ViewKind::Wire => AnyView::Wire(Box::new(WireView::new(seed))),
        });
        let local = local.map(|options| AnyView::Unix(Box::new(UnixView::new(options))));
        Self { inet, local, tells_who, processes: Processes::default() }
    }

    #[inline]
    const fn of(&self, family: Family) -> Option<&AnyView> {
        match family {
            Family::Inet | Family::Inet6 => self.inet.as_ref(),
            Family::Unix | Family::Pipe => self.local.as_ref(),
            Family::Other => None,
        }
    }

    /// Whether messages of sockets of this kind become packets.
    #[inline]
    pub fn shows(&self, family: Family, transport: Transport) -> bool {
        self.of(family).is_some_and(|view| view.shows(family, transport))
    }

    /// Whether bytes that both ends of a connection of this family tell of are shown once.
    pub const fn show_once(&self, family: Family) -> bool {
        matches!(self.of(family), Some(AnyView::Wire(_) | AnyView::Unix(_)))
    }

    /// Whether it matters who makes a packet.
    #[inline]
    pub const fn tell_who(&self) -> bool {
        self.tells_who
    }

    /// Lets `sockets` know whose event comes, and the capture if that is somebody new: who that is. Where that matters.
    #[inline]
    pub fn turn_to<S: Sink>(
        &mut self,
        event: &Event<'_>,
        sockets: &mut Sockets,
        sink: &mut S,
    ) -> Result<Option<Newcomer>, S::Error> {
        match self.processes.known(event.tid).filter(|_| !matches!(event.what, What::Called { .. })) {
            Some(process) => sockets.acting = process,
            None => return self.meet(event, sockets, sink),
        }
        Ok(None)
    }

    /// A process is called so, and runs this program.
    pub fn named(&mut self, process: Tid, name: &[u8], path: Option<&[u8]>) {
        self.processes.found(process, name, path);
    }

    #[inline(never)]
    fn meet<S: Sink>(
        &mut self,
        event: &Event<'_>,
        sockets: &mut Sockets,
        sink: &mut S,
    ) -> Result<Option<Newcomer>, S::Error> {
        if let What::Called { name } = event.what {
            self.processes.called(event.tid, name);
            return Ok(None);
        }
        let process = sockets.process_of(event);
        let met = self.processes.meet(event.tid, process);
        sockets.acting = met.reference;
        let Some(process) = met.new else { return Ok(None) };
        sink.record(&Record::Process { reference: met.reference, process })?;
        Ok(Some(Newcomer { process: process.number, has_name: process.name.is_some() }))
    }

    /// Takes what an event that has happened says of threads.
    #[inline]
    pub fn note(&mut self, event: &Event<'_>, sockets: &mut Sockets) {
        let concerns = matches!(
            event.what,
            What::Executed { .. } | What::Cloned { .. } | What::Superseded { .. } | What::Ended { .. }
        );
        if self.tells_who && concerns {
            self.processes.note(event, sockets.process_of(event));
        }
    }

    /// Gives a message to the view that shows its family.
    #[inline(always)]
    pub fn moved<S: Sink>(&mut self, moved: &Moved, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        let known = Lookup { refs, processes: &self.processes };
        let view = match moved.family {
            Family::Inet | Family::Inet6 => &mut self.inet,
            Family::Unix | Family::Pipe => &mut self.local,
            Family::Other => return Ok(()),
        };
        match view {
            Some(view) => view.moved(moved, known, sink),
            None => Ok(()),
        }
    }

    /// Gives any other change to the view that shows the family of its connection, where that is known, else to all.
    #[inline(never)]
    pub fn change<S: Sink>(&mut self, change: &Change, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Self { inet, local, processes, .. } = self;
        let known = Lookup { refs, processes };
        let connection = change.connection().and_then(|connection| refs.connection(connection));
        let family = connection.map_or(Family::Other, |connection| connection.family);
        if let Some(view) = inet.as_mut().filter(|_| !family.is_local()) {
            view.change(change, known, sink)?;
        }
        if let Some(view) = local.as_mut().filter(|_| !family.is_inet()) {
            view.change(change, known, sink)?;
        }
        Ok(())
    }

    /// A message is not to be shown, but the numbers of those that are go on behind it.
    pub fn pass_over(&mut self, moved: &Moved) {
        self.all().for_each(|view| view.pass_over(moved));
    }

    /// Whether a message is left out because of a port that is not asked for.
    pub fn leaves_out(&self, moved: &Moved) -> bool {
        self.of(moved.family).is_some_and(|view| view.leaves_out(moved))
    }

    /// Whether anything waits that is to be looked at at `now`.
    #[inline(always)]
    pub fn have_due(&self, now: Timestamp) -> bool {
        [&self.inet, &self.local].into_iter().flatten().any(|view| view.has_due(now))
    }

    /// What has waited long enough at `now` is written. The moment at which the first begins of what is yet to be written,
    /// and waited for.
    #[inline(always)]
    pub fn settle<S: Sink>(&mut self, now: Timestamp, refs: Refs<'_>, sink: &mut S) -> Result<Timestamp, S::Error> {
        let Self { inet, local, processes, .. } = self;
        let known = Lookup { refs, processes };
        let mut earliest = Timestamp::MAX;
        if let Some(view) = inet {
            earliest = view.settle(now, known, sink)?;
        }
        if let Some(view) = local {
            earliest = earliest.min(view.settle(now, known, sink)?);
        }
        Ok(earliest)
    }

    /// Nothing has come for so long: what could be waited for is long in coming.
    pub fn pause<S: Sink>(&mut self, quiet: Duration, refs: Refs<'_>, sink: &mut S) -> Result<(), S::Error> {
        let Self { inet, local, processes, .. } = self;
        let known = Lookup { refs, processes };
        [inet, local].into_iter().flatten().try_for_each(|view| view.pause(quiet, known, sink))
    }

    /// The end of the trace: what still waits goes out.
    pub fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.all().try_for_each(|view| view.finish(sink))
    }

    /// How many connections and sockets have been shown with invented addresses.
    pub fn invented(&self) -> Invented {
        let views = [&self.inet, &self.local].into_iter().flatten();
        views.fold(Invented::default(), |all, view| all.and(view.invented()))
    }

    /// How many messages are shown as one datagram that were cut into several, as nothing tells how.
    pub fn uncut(&self) -> u64 {
        match &self.inet {
            Some(AnyView::Wire(view)) => view.uncut(),
            _ => 0,
        }
    }

    /// What of HTTP/2 joined midway would be read with other seeds.
    pub fn lack(&self) -> Option<Lack> {
        let of_inet = match &self.inet {
            Some(AnyView::Wire(view)) => view.lack(),
            _ => None,
        };
        of_inet.max(self.chosen().and_then(Chosen::lacking))
    }

    /// The ports of TCP servers whose HTTP/2 was joined midway, and whether seeds were written there.
    pub fn joined(&self) -> impl Iterator<Item = (u16, bool)> {
        let view = match &self.inet {
            Some(AnyView::Wire(view)) => Some(view),
            _ => None,
        };
        view.into_iter().flat_map(|view| view.joined())
    }

    /// How the ports of UNIX servers were chosen, where UNIX sockets are converted.
    pub const fn chosen(&self) -> Option<&Chosen> {
        match &self.local {
            Some(AnyView::Unix(view)) => Some(view.chosen()),
            _ => None,
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut AnyView> {
        [&mut self.inet, &mut self.local].into_iter().flatten()
    }
}
