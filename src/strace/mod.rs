//! Room `strace`.
