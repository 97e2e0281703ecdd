//! Room `sockets`.
