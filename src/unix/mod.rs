//! Room `unix`.

pub mod http2;
