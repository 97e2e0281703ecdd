//! The marking: who did it, written into the MAC addresses and the VLAN tag (README, "Marking").
//!
//! The thread's MAC holds its number, the session's MAC the system call and the session, each as decimal digits, two a
//! byte, so that a person reads them: thread 123456 is `00:00:00:12:34:56`; call 2, session 124 is `00:02:00:00:01:24`.

use crate::event::{Direction, Op};
use crate::sockets::Marking;
use crate::wire::{Mac, VlanTag};

/// The MAC of a thread.
pub fn thread_mac(marking: &Marking) -> Mac {
    decimal_mac(marking.tid.0)
}

/// The MAC of a call and a session; the call is 0 where no call made the packet.
pub fn session_mac(marking: &Marking) -> Mac {
    let Mac([first, _, rest @ ..]) = decimal_mac(marking.session % 100_000_000);
    let op = marking.op.map_or(0, Op::number);
    let [c, d, e, f] = rest;
    Mac([first, two_digits(op % 100), c, d, e, f])
}

/// Source and target MAC of a packet: what a thread sends comes from its own MAC.
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

/// The decimal digits of `number`, two a byte. Most numbers are small: the zeros before them are not computed.
fn decimal_mac(number: u32) -> Mac {
    let mut rest = number;
    let mut bytes = [0; 6];
    for byte in bytes.iter_mut().rev() {
        if rest == 0 {
            break;
        }
        *byte = two_digits(u8::try_from(rest % 100).unwrap_or(0));
        rest /= 100;
    }
    Mac(bytes)
}

/// A number below 100 as two decimal digits.
const fn two_digits(number: u8) -> u8 {
    ((number / 10) << 4) | (number % 10)
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
