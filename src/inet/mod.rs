//! The packets of AF_INET and AF_INET6, in two pictures: the syscall view, one packet a payload call, and the wire view.
//!
//! Both mark each packet with who did it.

mod syscall;

pub use syscall::SyscallView;
