//! strace's text to events: this room alone knows strace's grammar (4.9 to 7.2).
//!
//! ```text
//! bytes ─ repair ─ prefix ─ body ─┬─ table ─ decode ─ event     parser: a line's way from left to right
//!           │        │            └─ pending ┘  │               decoder: a call's
//!        colour,   time,                        ├ arguments, escape, details, sockaddr: text to values
//!        messages  attribution                  └ dump: what -s cut off
//! ```
//! A [`Parser`] takes lines one by one and gives the [`Events`](parser::Events) of each. It never fails: what it does not
//! understand it skips, and counts by reason. It holds no more than `limits` allow, and allocates nothing for a usual line
//! like those before it.

mod arguments;
mod attribution;
mod body;
mod cache;
mod counts;
mod decode;
mod decoder;
mod details;
mod dump;
mod escape;
mod evidence;
mod fifos;
mod halves;
mod known;
mod names;
mod parser;
mod pending;
mod prefix;
mod repair;
mod returned;
mod row;
mod sockaddr;
mod symbols;
mod table;
mod time;
mod times;

#[cfg(test)]
mod tests;

pub use counts::{Counts, Skip, Tally};
pub use evidence::{Evidence, evidence, has_call};
pub use fifos::Fifos;
pub use known::is_system_call;
pub use parser::Parser;
pub use repair::{LineNumbers, repaired};
pub use table::calls_to_trace;
pub use times::Times;

use crate::dates::Day;
use crate::event::{Tid, Timestamp};

/// What a trace's text does not say itself.
#[derive(Clone, Debug, Default)]
pub struct TraceOptions {
    /// Which of several traces it is.
    pub number: u32,
    /// The thread whose file this is (`strace -ff -o NAME` writes `NAME.TID`), for lines without a number.
    pub tid: Option<Tid>,
    /// The day on which times of day (`-t`, `-tt`) begin, in strace's time zone.
    pub date: Day,
    /// Look for TLS keys in what is written to files.
    pub keys: bool,
    /// When a trace begins that has relative times (`-r`) or none.
    pub start: Timestamp,
    /// Pipes and these FIFOs are asked for: their calls become events as those of sockets do. Otherwise their descriptors
    /// are like those of files.
    pub pipes: Option<Fifos>,
}
