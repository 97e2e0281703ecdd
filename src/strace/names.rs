//! Names of UNIX sockets, each held once, so that a name that was seen before costs no allocation; and hosts, of which
//! people blot out some before they publish a trace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use foldhash::HashSet;

use crate::event::UnixName;
use crate::limits;

/// The names seen so far; forgotten all at once when there are too many (those in use live on).
#[derive(Debug, Default)]
pub(super) struct NameTable {
    known: HashSet<UnixName>,
    /// Room in which a quoted name or address is decoded.
    pub(super) decoded: Vec<u8>,
    /// What stands for hosts that were blotted out.
    blotted: HashSet<IpAddr>,
}

impl NameTable {
    /// The host that `text` is. What is no address was one before a person put it there: it has a stand-in, of a range that
    /// is on no wire (240.0.0.0/4, RFC 1112 §4; 100::/64, RFC 6666), the same text the same one in every file.
    pub(super) fn host(&mut self, text: &[u8], is_v6: bool) -> Option<IpAddr> {
        if let Some(host) = dotted(text) {
            return Some(host.into());
        }
        if let Some(host) = std::str::from_utf8(text).ok().and_then(|text| IpAddr::from_str(text).ok()) {
            return Some(host);
        }
        if text.is_empty() {
            return None;
        }
        let number = number_of(text);
        let host = if is_v6 {
            IpAddr::V6(Ipv6Addr::from(0x0100_u128 << 112 | u128::from(number)))
        } else {
            let [.., a, b, c, d] = number.to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(0xf0 | (a & 0x0f).min(0x0e), b, c, d))
        };
        if self.blotted.len() < limits::NAMES {
            self.blotted.insert(host);
        }
        Some(host)
    }

    /// How many hosts were blotted out.
    pub(super) fn blotted(&self) -> usize {
        self.blotted.len()
    }

    /// The one copy of the name with these bytes.
    pub(super) fn get(&mut self, name: &[u8]) -> UnixName {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        if self.known.len() >= limits::NAMES {
            self.known.clear();
        }
        let name = UnixName::new(name);
        self.known.insert(name.clone());
        name
    }
}

/// The address that `text` is in the form of most: four numbers below 256, without zeros in front. The library reads it as
/// well, at nearly twice the cost.
fn dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut octets, mut number, mut digits, mut dots) = ([0; 4], 0_u32, 0, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || (number > 0 && digits < 3) => {
                number = number * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && dots < 3 => {
                *octets.get_mut(dots)? = u8::try_from(number).ok()?;
                (number, digits) = (0, 0);
                dots += 1;
            }
            _ => return None,
        }
    }
    let is_whole = digits > 0 && dots == 3;
    *octets.last_mut()? = u8::try_from(number).ok().filter(|_| is_whole)?;
    Some(octets.into())
}

/// A number for a text, as good as its own (FNV-1a).
fn number_of(text: &[u8]) -> u64 {
    let mix = |number: u64, byte: &u8| (number ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let number = text.iter().fold(0xcbf2_9ce4_8422_2325, mix);
    number ^ (number >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dotted_is_what_the_library_reads(
            numbers in "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}",
            text in "[0-9.]{0,16}",
            octets in any::<[u8; 4]>(),
        ) {
            for text in [numbers, text, Ipv4Addr::from(octets).to_string()] {
                prop_assert_eq!(dotted(text.as_bytes()), text.parse().ok(), "{}", text);
            }
        }
    }
}
