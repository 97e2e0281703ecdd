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
