//! Every bound of the program in one place, each with its reason.

use std::time::Duration;

/// Longest line that is read, in bytes. `strace -s 1048576 -xx` writes 4 MiB for one string and a vector holds several,
/// so real lines end far below; a longer one is skipped and counted.
pub const LINE_BYTES: usize = 128 << 20;

/// Most lines that are looked at for the first one with a time: a trace has a time on each line or on none, and behind a
/// call may stand a stack or a dump of some dozens.
pub const LINES_WITHOUT_TIME: u32 = 10_000;

/// Most bytes of one thread's call that wait for its `resumed` line. As long as a line may be.
pub const UNFINISHED_BYTES: usize = LINE_BYTES;

/// Most threads whose unfinished calls are held at once: Linux's own `pid_max` on 64-bit machines.
pub const UNFINISHED_CALLS: usize = 4 << 20;

/// Highest file descriptor that is believed: the kernel's is an `int`.
pub const FD: u32 = i32::MAX.cast_unsigned();

/// Most bytes of unfinished calls held in all: a thread holds one call, and real ones are read calls of a few bytes.
pub const HELD_BYTES: usize = 2 * LINE_BYTES;

/// Most bytes of a buffer that is kept for the next use instead of being given back.
pub const SPARE_BYTES: usize = 8 << 20;

/// Most texts of socket details whose meaning is remembered: a busy server has thousands of sockets at a time, and a
/// forgotten text is only parsed again.
pub const DETAILS: usize = 32 << 10;

/// Most bytes that these texts have: twice what so many of the longest usual ones have.
pub const DETAILS_BYTES: usize = 4 << 20;

/// Most pieces of a line that messages of strace broke: each is put behind those before it.
pub const BROKEN_PIECES: u32 = 16;

/// Most paths that are remembered to be FIFOs, or not to be: a program that uses FIFOs has some dozens.
pub const FIFO_PATHS: usize = 16 << 10;

/// Most names of UNIX sockets that are shared between events.
pub const NAMES: usize = 16 << 10;

/// Most clones that are held as begun and not returned. One thread has at most one.
pub const PENDING_CLONES: usize = 1 << 16;

/// Most processes that have called exit_group and whose threads have not all ended: the ends of threads are in a trace, but
/// with -qqq.
pub const EXITING_PROCESSES: usize = 64;

/// Most descriptor tables among which the one is looked for that a thread has, whose clone is still to come: each of its
/// calls asks all of them.
pub const POSSIBLE_MAKERS: usize = 16;

/// Most closes and dups kept of a thread whose clone is still to come.
pub const EARLY_CLOSES: usize = 256;

/// Most children whose maker has returned and that were not seen themselves: a child says something at its end at the
/// latest, so more than a few wait only where children are not followed.
pub const UNCLAIMED_CHILDREN: usize = 1024;

/// Most threads that are remembered to have ended before anything showed who made them: the line of a clone comes soon
/// after its child's last one, if it comes behind it at all.
pub const ENDED_CHILDREN: usize = 64;

/// Most descriptors that are in flight in one direction of a UNIX connection: the kernel lets a user have as many as
/// RLIMIT_NOFILE, 1024 by default (unix(7)).
pub const RIGHTS_IN_FLIGHT: usize = 1024;

/// Most descriptors that go with one message (`SCM_MAX_FD`, unix(7)).
pub const RIGHTS_OF_A_MESSAGE: usize = 253;

/// Longest name of a UNIX socket, in bytes: what a sockaddr has room for (unix(7)).
pub const UNIX_NAME_BYTES: usize = 108;

/// Most directions of UNIX connections in which descriptors are in flight. Real programs receive what they are sent; only
/// sockets sent over themselves, which the kernel looks for and closes (unix_gc), stay for ever.
pub const TRANSITS: usize = 4096;

/// Most pidfds whose processes are remembered: no more are open where RLIMIT_NOFILE is 1024.
pub const PIDFDS: usize = 1024;

/// Most children that are remembered of a thread without a number: if they are traced, they are seen soon after.
pub const UNNUMBERED_CHILDREN: usize = 16;

/// Most segments of one call of which no byte is there: two megabytes.
pub const HOLLOW_SEGMENTS: u64 = 32;

/// Most such segments beyond these, of all calls together: sixteen gigabytes, as of programs that send large files.
pub const HOLLOW_SEGMENTS_BEYOND: u64 = 1 << 18;

/// Most bytes of one message that are shown, missing ones included: no socket's buffer holds more.
pub const MESSAGE_BYTES: usize = 4 << 20;

/// Most bytes of a message of SCTP that are shown where they are missing, for its checksum is over them all: what a socket's
/// buffer holds by default (`net.core.wmem_default`).
pub const SCTP_MESSAGE_BYTES: usize = 212_992;

/// Most sockets that such a child is known to start with: it is a small program's first thread that has no number.
pub const INHERITED_SOCKETS: usize = 1024;

/// Most addresses at which traced sockets listen that are remembered: a machine has some dozens.
pub const LISTENERS: usize = 4096;

/// Most connections that are kept after their traced end closed, because the other end may turn up in the trace: a
/// listen queue holds 4096 by default (`net.core.somaxconn`).
pub const LINGERING_CONNECTIONS: usize = 4096;

/// Most sockets that an exit closes, and connections that the end of the trace ends, before what came of it is written: a
/// process may have a million.
pub const CLOSED_AT_ONCE: usize = 256;

/// Most bytes that one call can move: the kernel cuts every request to this (`MAX_RW_COUNT`).
pub const MOVED: u64 = 0x7fff_f000;

/// How long nothing has to come from a pipe before what waits for another line, in a live recording, waits no longer:
/// strace writes the lines of what happens at once within some milliseconds, and a person does not see a tenth of a second.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How long a string that was cut waits for the dump of `-e write=` or `-e read=` while none has been seen.
pub const DUMP_PAUSE: Duration = Duration::from_millis(200);

/// How long a connection waits for what tells its addresses, or its server's port.
pub const LONG_PAUSE: Duration = Duration::from_secs(1);

/// Longest time, in nanoseconds of the trace, that a record of a capture in order of time waits for one that may come
/// before it, and a datagram for what tells its own address: threads' lines are further apart only where a call blocks, and what is not known after a second will
/// mostly not be.
pub const WAITING_TIME: u64 = 1_000_000_000;

/// Most directions of connections of which the first bytes are remembered, because others may have been in flight when the
/// trace began: beyond it all are forgotten.
pub const FLOWS_BEGINNING: usize = 4096;

/// Most bytes that may have been in flight in one direction: sockets' buffers hold less (`net.ipv4.tcp_wmem`, `tcp_rmem`).
pub const IN_FLIGHT: u64 = 16 << 20;

/// Most bytes of such records: a second of payload at the speed of a disk.
pub const WAITING_BYTES: usize = 16 << 20;

/// Most bytes that are held against others to tell which of those that were sent have been received, where several receive at once:
/// what a UNIX socket has room for by default (`net.core.wmem_default`), and a pipe has room for less.
pub const IN_FLIGHT_BYTES: usize = 256 << 10;

/// Most bytes of datagrams that wait for their socket's port to become known; beyond it all go out as they are.
pub const HELD_DATAGRAM_BYTES: usize = 4 << 20;

/// Most datagrams that are remembered for the other end's call to be recognised: more than socket buffers hold in
/// flight on loopback.
pub const DATAGRAM_SIGHTINGS: usize = 8192;

/// Most bytes, and most buffers, that are taken from the hex dump behind one call. A line of 128 MiB shows 32 MiB, and
/// one call has 1024 messages of 1024 buffers at most (`UIO_MAXIOV`).
pub const DUMP_BYTES: usize = 64 << 20;
/// See [`DUMP_BYTES`].
pub const DUMP_BUFFERS: usize = 1 << 20;

/// Longest HTTP/2 frame that waits until it is whole, header included, in bytes of one direction. Twice the longest
/// segment: a longer frame is cut into several anyway, so nothing is won by keeping it.
pub const HTTP2_FRAME_BYTES: usize = 128 << 10;

/// Most names of header fields that are known of one direction of an HTTP/2 connection that was joined midway: as many as
/// a table of the default 4096 bytes holds, of 32 bytes each at least (RFC 7541 §4.1).
pub const HPACK_NAMES: usize = 128;

/// Most streams of such a connection of which it is remembered what a reader knows; of one forgotten it is told again.
/// Servers allow some hundred at once.
pub const HTTP2_STREAMS: usize = 1024;

/// How many frames behind a stream's headers are looked at for a message that shows gRPC: where a client sends both in
/// one call, its other streams' frames may stand between.
pub const HTTP2_FRAMES_AHEAD: usize = 64;

/// Most pairs of UNIX datagram sockets that keep the endpoints they were given; a pair forgotten gets new ones. A daemon
/// hears from a socket of each of its clients, and a machine has some ten thousand processes.
pub const UNIX_DATAGRAM_PAIRS: usize = 16 << 10;

/// Most bytes of one D-Bus message that are kept: what one record of a capture holds (`MAXIMUM_SNAPLEN` of libpcap).
pub const DBUS_MESSAGE_BYTES: usize = 256 << 10;

/// Most bytes of a trace's beginning that are looked at to tell another program's output: some hundred lines, as much as
/// a pipe holds.
pub const BEGINNING_BYTES: usize = 64 << 10;

/// How much of a compressed trace is read at once. It is decoded to some times as much.
pub const COMPRESSED_BYTES: usize = 64 << 10;

/// Largest window of a compressed trace's zstd frames, which is how much of the text is held: the most that `zstd` itself
/// reads and writes unless it is told otherwise (`--long`, `--memory`).
pub const ZSTD_WINDOW_BYTES: u64 = 128 << 20;

/// Lines of one side that decide what a trace's beginning is, where there is none of the other yet: a library call that
/// is named as a system call comes several times in a row at most, and so does what a traced program prints.
pub const DECIDING_LINES: usize = 64;

/// Lines that decide where only one tool writes such lines.
pub const CERTAIN_LINES: usize = 3;

/// Most different texts in front of strace's lines that are counted: a file has one.
pub const TEXTS_IN_FRONT: usize = 16;

/// Lines that are searched for colour as a whole, from a trace's first on and from each one on that had some: who gives
/// grep's output gives it from the first line on.
pub const LINES_LOOKED_AT: u32 = 64;

/// Most lines of warnings without -v: what does not stand on half a screen is not read.
pub const WARNINGS: usize = 6;

/// Most conversations that are counted for a person; beyond it there are more.
pub const CONVERSATIONS_COUNTED: usize = 64 << 10;

/// Most ports, processes and names of a trace that are remembered to be named where an option selects nothing.
pub const OFFERED: usize = 64;

/// Most of them that are named: what one line holds.
pub const OFFERS_TOLD: usize = 5;

/// Most conversations of datagrams of which it is remembered who was named in them; of those forgotten it is told again.
pub const DATAGRAMS_TOLD: usize = 16 << 10;

/// Most processes, each under one name and program, that packets can still be of: those that ran last.
pub const PROCESSES: usize = 16 << 10;

/// Longest line of a TLS key log, in bytes: a label, a random of 32 bytes and a secret of 64 as digits; ECH's are longer.
pub const KEY_LINE_BYTES: usize = 8 << 10;

/// Most bytes of a key log that is given: the keys of some hundred thousand sessions.
pub const KEY_LOG_BYTES: u64 = 64 << 20;

/// Most files in which a line of a key log has begun at a time.
pub const KEY_LOGS: usize = 64;

/// Most sessions whose keys, and connections whose handshakes, are remembered; of those forgotten nothing waits.
pub const TLS_SESSIONS: usize = 16 << 10;

/// Most threads whose names are remembered; beyond it they are learnt anew.
pub const THREAD_NAMES: usize = 64 << 10;

/// Most calls whose bytes a reader's call may show later that are remembered for the report; those beyond it count as not
/// shown.
pub const UNSEEN: usize = 1024;

/// Most threads of which another machine tells, before its trace begins, whose they are: as many as a container may have.
pub const THREADS_TOLD: usize = 32 << 10;
