//! The room as a whole: lines to events.
