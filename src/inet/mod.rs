//! The packets of AF_INET and AF_INET6, in two pictures: the syscall view, one packet a payload call, and the wire view,
//! what tcpdump would have seen. Each packet says who made it.

mod carrier;
mod datagram;
mod datagrams;
mod gathered;
mod hosts;
mod invented;
mod midway;
mod numbered;
mod roles;
mod streams;
mod syscall;
mod unaddressed;
mod unplaced;
mod wire_view;

pub use carrier::is_carried;
pub use syscall::SyscallView;
pub use wire_view::WireView;
