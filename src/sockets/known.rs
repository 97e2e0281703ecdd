//! An address of an open socket, and where it is known from: what a call said stands above what details say.

use crate::event::HostPort;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What is known of an address. Mostly calls and details say the same, or only one of them says anything, and then that is
/// kept once.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// What [`Known::merged`] makes of all: asked for at every payload call.
    best: Option<HostPort>,
    /// A call has said so, and details have, unless they are kept apart.
    is_said: bool,
    is_read: bool,
    implied: Implied,
    /// What a call and details say, where one of them says something else.
    apart: Option<Box<[Option<HostPort>; 2]>>,
}

/// The host, as the other end's implies it: the kernel talks to loopback from loopback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Implied {
    #[default]
    Nothing,
    V4,
    V6,
    /// IPv4 on a socket of IPv6.
    Mapped,
}

impl Implied {
    /// By the host that a socket connects to.
    fn by(remote: IpAddr) -> Self {
        match remote {
            IpAddr::V4(ip) if ip.is_loopback() => Self::V4,
            IpAddr::V6(ip) if ip.is_loopback() => Self::V6,
            IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()) => Self::Mapped,
            _ => Self::Nothing,
        }
    }

    const fn host(self) -> Option<IpAddr> {
        match self {
            Self::Nothing => None,
            Self::V4 => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Self::V6 => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            Self::Mapped => Some(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped())),
        }
    }
}

impl Known {
    /// The best that is known.
    #[inline]
    pub(super) fn get(&self) -> Option<SocketAddr> {
        self.best.map(HostPort::get)
    }

    /// The same, packed.
    pub(super) const fn packed(&self) -> Option<HostPort> {
        self.best
    }

    /// What details say.
    pub(super) fn in_details(&self) -> Option<SocketAddr> {
        let [_, details] = self.parts();
        details.map(HostPort::get)
    }

    /// What a call says, and what details say.
    fn parts(&self) -> [Option<HostPort>; 2] {
        match &self.apart {
            Some(apart) => **apart,
            None => [self.is_said, self.is_read].map(|is| self.best.filter(|_| is)),
        }
    }

    /// Where a call left the host or the port open (bind to 0.0.0.0:0), details fill it in.
    fn merged(&self, [call, details]: [Option<HostPort>; 2]) -> Option<HostPort> {
        let mut address = call.or(details)?.get();
        if let Some(details) = details.map(HostPort::get) {
            if address.ip().is_unspecified() {
                address.set_ip(details.ip());
            }
            if address.port() == 0 {
                address.set_port(details.port());
            }
        }
        if let Some(host) = self.implied.host().filter(|_| address.ip().is_unspecified()) {
            address.set_ip(host);
        }
        Some(address.into())
    }

    fn keep(&mut self, parts: [Option<HostPort>; 2]) {
        self.best = self.merged(parts);
        [self.is_said, self.is_read] = parts.map(|part| part.is_some());
        let is_one = parts.into_iter().flatten().all(|part| Some(part) == self.best);
        self.apart = (!is_one).then(|| parts.into());
    }

    /// A call said so.
    pub(super) fn say(&mut self, address: SocketAddr) {
        let [_, details] = self.parts();
        self.keep([Some(address.into()), details]);
    }

    /// Details said so.
    pub(super) fn read(&mut self, address: SocketAddr) {
        let [call, _] = self.parts();
        self.keep([call, Some(address.into())]);
    }

    /// The address that it connects to may imply the host.
    pub(super) fn imply(&mut self, remote: IpAddr) {
        let implied = Implied::by(remote);
        if implied != Implied::Nothing {
            let parts = self.parts();
            self.implied = implied;
            self.keep(parts);
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(known: &Known, best: &str, details: Option<&str>) {
        assert_eq!(known.get(), best.parse().ok());
        assert_eq!(known.in_details(), details.and_then(|details| details.parse().ok()));
    }

    #[test]
    fn calls_stand_above_details_and_details_fill_in() {
        let [any, own, other] =
            ["0.0.0.0:0", "10.0.0.1:4000", "10.0.0.9:1"].map(|address| address.parse::<SocketAddr>().unwrap());
        let mut known = Known::default();
        known.say(any);
        known.imply(Ipv4Addr::LOCALHOST.into());
        check(&known, "127.0.0.1:0", None);
        known.read(own);
        check(&known, "10.0.0.1:4000", Some("10.0.0.1:4000"));
        known.say(other);
        check(&known, "10.0.0.9:1", Some("10.0.0.1:4000"));
        known.say(own);
        assert!(known.apart.is_none(), "both say the same");
        known.read(other);
        check(&known, "10.0.0.1:4000", Some("10.0.0.9:1"));
        known.forget();
        check(&known, "", None);
    }
}
