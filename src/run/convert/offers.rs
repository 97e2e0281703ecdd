//! What a trace has of ports, processes and names, a few of each: named where an option selects nothing, for what was
//! mistyped is seen at once beside what is there.

use crate::escape::{escaped, excerpt};
use crate::event::UnixName;
use crate::limits;

/// Longest name that is told whole, in bytes: the path of a UNIX socket.
const NAME_BYTES: usize = 108;

/// The first values that were met, and how often each.
#[derive(Clone, Debug)]
pub(super) struct Offers<T> {
    met: Vec<(T, u64)>,
    /// There are more than are remembered.
    is_full: bool,
}

impl<T> Default for Offers<T> {
    fn default() -> Self {
        Self { met: Vec::new(), is_full: false }
    }
}

impl<T: PartialEq> Offers<T> {
    /// Meets a value.
    pub(super) fn add(&mut self, value: T) {
        if let Some((_, count)) = self.met.iter_mut().find(|(met, _)| *met == value) {
            *count += 1;
        } else if self.met.len() < limits::OFFERED {
            self.met.push((value, 1));
        } else {
            self.is_full = true;
        }
    }

    /// The most frequent ones, of equals those met first: `80, 443 and 2 more`. None if there is none.
    pub(super) fn in_words(&self, text: impl Fn(&T) -> String) -> Option<String> {
        let mut met: Vec<_> = self.met.iter().collect();
        met.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown: Vec<_> = met.iter().take(limits::OFFERS_TOLD).map(|(value, _)| text(value)).collect();
        let others = met.len() - shown.len();
        let more = match (others, self.is_full) {
            (0, false) => String::new(),
            (_, false) => format!(" and {others} more"),
            (_, true) => format!(" and more than {others} others"),
        };
        (!shown.is_empty()).then(|| shown.join(", ") + &more)
    }
}

/// A socket's name as patterns have it.
pub(super) fn name(name: &UnixName) -> String {
    let (sign, bytes) = name.parts();
    let text = if bytes.len() > NAME_BYTES { excerpt(bytes) } else { escaped(bytes) };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_are_told_and_many_are_bounded() {
        let mut offers = Offers::default();
        assert_eq!(offers.in_words(u16::to_string), None);
        for port in [80, 443, 443, 22] {
            offers.add(port);
        }
        assert_eq!(offers.in_words(u16::to_string).as_deref(), Some("443, 80, 22"));
        (1000..1003).for_each(|port| offers.add(port));
        assert_eq!(offers.in_words(u16::to_string).as_deref(), Some("443, 80, 22, 1000, 1001 and 1 more"));
        (1000..9000).for_each(|port| offers.add(port));
        assert_eq!(offers.met.len(), limits::OFFERED);
        assert!(offers.in_words(u16::to_string).is_some_and(|told| told.ends_with(" and more than 59 others")));
    }

    #[test]
    fn names_are_safe_and_short() {
        let path = |bytes: &[u8]| name(&UnixName::new(bytes));
        assert_eq!(path("/run/\u{202e}x\x1b".as_bytes()), "/run/\\u{202e}x\\x1b");
        assert!(path(&[b'x'; 4000]).len() < 100);
        assert_eq!(name(&UnixName::of("@x")), "@x");
    }
}
