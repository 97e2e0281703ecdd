//! Room `inet`.
