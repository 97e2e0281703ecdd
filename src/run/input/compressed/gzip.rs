//! gzip (RFC 1952), member by member.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Damage, Step};

/// The base-2 logarithm of the largest window that deflate has.
const WINDOW_BITS: u8 = 15;

/// Decodes gzip's members.
#[derive(Debug, Default)]
pub(super) struct Gzip {
    /// The member that is decoded; none between two.
    member: Option<Decompress>,
    /// A member has ended: zero bytes may fill the data up, as tapes and disks need it.
    has_ended: bool,
    /// The step before gave all that was right.
    is_changed: bool,
}

impl Gzip {
    pub(super) fn step(&mut self, data: &[u8], is_all: bool, room: &mut [u8]) -> Result<Step, Damage> {
        if self.is_changed {
            return Err(Damage::Changed);
        }
        let padding = match self.member {
            None if self.has_ended => data.iter().take_while(|byte| **byte == 0).count(),
            _ => 0,
        };
        if padding > 0 {
            return Ok(Step::On { taken: padding, given: 0 });
        }
        if data.is_empty() && self.member.is_none() {
            return Ok(if is_all { Step::End } else { Step::More });
        }
        match self.decode(data, room)? {
            Step::On { taken: 0, given: 0 } if self.member.is_some() => match data {
                [] if is_all => Err(Damage::Cut),
                [] => Ok(Step::More),
                _ => Err(Damage::Changed),
            },
            step => Ok(step),
        }
    }

    fn decode(&mut self, data: &[u8], room: &mut [u8]) -> Result<Step, Damage> {
        let member = self.member.get_or_insert_with(|| Decompress::new_gzip(WINDOW_BITS));
        let before = (member.total_in(), member.total_out());
        let status = member.decompress(data, room, FlushDecompress::None);
        let count = |now: u64, before| usize::try_from(now - before).unwrap_or(usize::MAX);
        let (taken, given) = (count(member.total_in(), before.0), count(member.total_out(), before.1));
        match status {
            Ok(Status::StreamEnd) => {
                self.member = None;
                self.has_ended = true;
            }
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) if given == 0 => return Err(Damage::Changed),
            Err(_) => self.is_changed = true,
        }
        Ok(Step::On { taken, given })
    }
}
