//! The marking: who did it, written into the MAC addresses and the VLAN tag (README, "Marking").
//!
//! The thread's MAC holds its number, the session's MAC the system call and the session, each as decimal digits, two a
//! byte, so that a person reads them: thread 123456 is `00:00:00:12:34:56`; call 2, session 124 is `00:02:00:00:01:24`.

use crate::event::{Direction, Op};
use crate::sockets::Marking;
use crate::wire::{Mac, VlanTag};

/// The MAC of a thread.
#[inline]
pub fn thread_mac(marking: &Marking) -> Mac {
    mac(decimal(marking.tid.0))
}

/// The MAC of a call and a session; the call is 0 where no call made the packet.
#[inline]
pub fn session_mac(marking: &Marking) -> Mac {
    let op = marking.op.map_or(0, Op::number);
    // Both are small in nearly every packet.
    if op < 10 && marking.session < 10 {
        return mac(u64::from(op) << 32 | u64::from(marking.session));
    }
    mac(decimal(op.into()) << 32 | decimal(marking.session % 100_000_000))
}

/// Source and target MAC of a packet: what a thread sends comes from its own MAC.
#[inline(always)]
pub fn macs(marking: &Marking, direction: Direction) -> (Mac, Mac) {
    match direction {
        Direction::Sent => (thread_mac(marking), session_mac(marking)),
        Direction::Received => (session_mac(marking), thread_mac(marking)),
    }
}

/// The tag that holds the descriptor's lower twelve bits.
pub fn vlan(marking: &Marking) -> VlanTag {
    VlanTag(u16::try_from(marking.fd.0 & 0x0fff).unwrap_or(0))
}

/// The decimal digits of `number`, four bits each. Most numbers are small: the zeros before them are not computed.
#[inline]
const fn decimal(number: u32) -> u64 {
    let mut digits = pair(number % 100);
    let mut rest = number / 100;
    let mut place = 8;
    while rest > 0 {
        digits |= pair(rest % 100) << place;
        rest /= 100;
        place += 8;
    }
    digits
}

/// Two digits: each ten is sixteen among digits of four bits.
#[inline]
const fn pair(number: u32) -> u64 {
    (number + 6 * (number / 10)) as u64
}

/// The lower six bytes of `digits`.
const fn mac(digits: u64) -> Mac {
    let [_, _, bytes @ ..] = digits.to_be_bytes();
    Mac(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fd, Op, Tid};

    #[test]
    fn numbers_are_read_as_decimal_digits() {
        let marking = Marking {
            tid: Tid(123_456),
            fd: Fd(4097),
            session: 124,
            op: Some(Op::Write),
        };
        assert_eq!(thread_mac(&marking).0, [0, 0, 0, 0x12, 0x34, 0x56]);
        assert_eq!(session_mac(&marking).0, [0, 0x02, 0, 0, 0x01, 0x24]);
        assert_eq!(vlan(&marking), VlanTag(1));
    }
}
