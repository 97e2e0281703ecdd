//! Every bound of the program in one place, each with its reason.

/// Longest line that is read, in bytes. `strace -s 1048576 -xx` writes 4 MiB for one string and a vector holds several,
/// so real lines end far below; a longer one is skipped and counted.
pub const LINE_BYTES: usize = 128 << 20;

/// Most bytes of one thread's call that wait for its `resumed` line. As long as a line may be.
pub const UNFINISHED_BYTES: usize = LINE_BYTES;

/// Most threads whose unfinished calls are held at once: Linux's own `pid_max` on 64-bit machines.
pub const UNFINISHED_CALLS: usize = 4 << 20;

/// Highest file descriptor that is believed: the kernel's ceiling for `fs.nr_open` on 64-bit machines is far above any
/// real table, and a table grows to the highest number used.
pub const FD: u32 = 1 << 20;

/// Most clones that are held as begun and not returned. One thread has at most one.
pub const PENDING_CLONES: usize = 1 << 16;

/// Most children whose maker has returned and that were not seen themselves: a child says something at its end at the
/// latest, so more than a few wait only where children are not followed.
pub const UNCLAIMED_CHILDREN: usize = 1024;

/// Most connections that are kept after their traced end closed, because the other end may turn up in the trace: a
/// listen queue holds 4096 by default (`net.core.somaxconn`).
pub const LINGERING_CONNECTIONS: usize = 4096;

/// Longest HTTP/2 frame that waits until it is whole, header included, in bytes of one direction. Twice the longest
/// segment: a longer frame is cut into several anyway, so nothing is won by keeping it.
pub const HTTP2_FRAME_BYTES: usize = 128 << 10;
