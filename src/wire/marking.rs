//! The marking: who did it, written into the MAC addresses and the VLAN tag (`docs/marking.md`).
//!
//! The thread's MAC holds its number, the session's MAC the system call and the session, each as decimal digits, two a
//! byte, so that a person reads them: thread 123456 is `00:00:00:12:34:56`; call 2, session 124 is `00:02:00:00:01:24`.

use crate::event::{Direction, Marking, Op};

/// The MAC of a thread, as a number.
#[inline]
fn thread_mac(marking: &Marking) -> u64 {
    decimal(marking.tid.0)
}

/// The MAC of a call and a session, as a number; the call is 0 where no call made the packet.
#[inline]
fn session_mac(marking: &Marking) -> u64 {
    let op = marking.op.map_or(0, Op::number);
    // Both are small in nearly every packet.
    if op < 10 && marking.session < 10 {
        return u64::from(op) << 32 | u64::from(marking.session);
    }
    decimal(op.into()) << 32 | decimal(marking.session % 100_000_000)
}

/// Source and target MAC of a packet, as numbers: what a thread sends comes from its own MAC.
#[inline(always)]
pub(super) fn macs(marking: &Marking, direction: Direction) -> [u64; 2] {
    let (thread, session) = (thread_mac(marking), session_mac(marking));
    match direction {
        Direction::Sent => [thread, session],
        Direction::Received => [session, thread],
    }
}

/// The VLAN's number: the descriptor's lower twelve bits.
#[inline]
pub(super) fn vlan(marking: &Marking) -> u16 {
    u16::try_from(marking.fd.0 & 0x0fff).unwrap_or(0)
}

/// The decimal digits of `number`, four bits each.
#[inline]
fn decimal(number: u32) -> u64 {
    const EIGHT: u32 = 100_000_000;
    if number < EIGHT {
        eight_digits(number)
    } else {
        eight_digits(number % EIGHT) | eight_digits(number / EIGHT) << 32
    }
}

/// The digits of a number below 10⁸: cut into two numbers of four digits, four of two digits, and then each ten is
/// sixteen among digits of four bits. The numbers lie side by side in one word, the lowest in front.
#[inline]
fn eight_digits(number: u32) -> u64 {
    let fours = u64::from(number % 10_000) | u64::from(number / 10_000) << 32;
    // 10 486 / 2²⁰ is a hundredth of what is below 10 000, and 103 / 2¹⁰ a tenth of what is below 100.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = (fours - hundreds * 100) | hundreds << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = pairs + tens * 6;
    let halves = (digits | digits >> 8) & 0x0000_ffff_0000_ffff;
    (halves | halves >> 16) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fd, ProcessRef, Tid};

    #[test]
    fn numbers_are_read_as_decimal_digits() {
        let marking =
            Marking { tid: Tid(123_456), process: ProcessRef(1), fd: Fd(4097), session: 124, op: Some(Op::Write) };
        assert_eq!(thread_mac(&marking), 0x0000_0012_3456);
        assert_eq!(session_mac(&marking), 0x0002_0000_0124);
        assert_eq!(vlan(&marking), 1);
    }

    #[test]
    fn digits_of_numbers_of_any_length() {
        let by_text = |number: u32| u64::from_str_radix(&number.to_string(), 16);
        let round = (0..10).map(|exponent| 10_u32.pow(exponent));
        let near = round.flat_map(|round| [round - 1, round, round + 1, round.saturating_mul(4)]);
        for number in (0..30_000).chain(near).chain([99_990_000, u32::MAX]) {
            assert_eq!(Ok(decimal(number)), by_text(number), "{number}");
        }
    }
}
