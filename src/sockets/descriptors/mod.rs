//! Which descriptor of which thread stands for which open socket: tables and their slots, sessions, descriptors that are in
//! flight in messages, and pidfds, which lead to other processes' tables.

mod clones;
mod early;
mod pidfds;
mod rights;
mod sessions;
mod slots;
mod tables;

pub(super) use pidfds::Pidfds;
pub(super) use rights::{Channel, InFlight, Rights, Span};
pub(super) use sessions::Sessions;
pub(super) use slots::{Remains, Slot};
pub(super) use tables::{Gone, TableId, Tables};
