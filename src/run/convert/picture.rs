//! From changes to records, by way of what is asked for.

use super::filter::{Filter, Verdict};
use crate::run::report::LineRef;
use crate::run::report::traffic::Traffic;
use crate::sockets::{Change, Refs};
use crate::views::Views;
use crate::wire::Sink;

/// What of the changes is shown, and what is counted.
#[derive(Debug)]
pub(super) struct Picture {
    pub views: Views,
    pub filter: Option<Filter>,
    pub traffic: Traffic,
}

impl Picture {
    /// Takes a change, which happened at `place`.
    #[inline(always)]
    pub fn take<S: Sink>(
        &mut self,
        change: &Change,
        refs: Refs<'_>,
        place: LineRef,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Self { views, filter, traffic } = self;
        let in_part;
        let moved = match (filter.as_mut().map(|filter| filter.judge(change, refs)), change) {
            (None | Some(Verdict::Show), Change::Moved(moved)) => moved,
            (None | Some(Verdict::Show), _) => {
                if let Some(filter) = filter {
                    late_ends(filter, views, change, refs, sink)?;
                }
                traffic.count_other(change, refs, views, place);
                return views.change(change, refs, sink);
            }
            (Some(Verdict::ShowAs(moved)), _) => {
                in_part = moved;
                &in_part
            }
            (Some(Verdict::Count), Change::Moved(moved)) => {
                views.pass_over(moved);
                return Ok(());
            }
            (Some(Verdict::Count | Verdict::Told | Verdict::Hide), _) => return Ok(()),
        };
        views.moved(moved, refs, sink)?;
        let Some(filter) = filter else {
            traffic.count(moved, refs, views, place);
            return Ok(());
        };
        if views.leaves_out(moved) {
            filter.leave_out();
        } else {
            traffic.count(moved, refs, views, place);
        }
        late_ends(filter, views, change, refs, sink)
    }
}

/// Shows the ends of directions that `change` is the last to come before, and forgets a connection with it.
#[inline(never)]
fn late_ends<S: Sink>(
    filter: &mut Filter,
    views: &mut Views,
    change: &Change,
    refs: Refs<'_>,
    sink: &mut S,
) -> Result<(), S::Error> {
    while let Some(end) = filter.late_end(change, refs) {
        views.change(&end, refs, sink)?;
    }
    if let Change::ConnectionForgotten { connection } = change {
        filter.forget(*connection);
    }
    Ok(())
}
