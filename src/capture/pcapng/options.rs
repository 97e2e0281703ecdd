//! Options (§3.5) as this room lays them out itself, and how long a text in them may be.

/// The end of a block's options.
pub(super) const END_OF_OPTIONS: u16 = 0;

/// Longest text of a comment or a name that is written, in bytes: their length fields have 16 bits.
const TEXT_BYTES: usize = 1024;

/// As much of a text as is written, up to a character's end.
pub(super) fn fitting(text: &str) -> &str {
    let mut ends = (0..=TEXT_BYTES.min(text.len())).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Appends an option: code, length, value, zeros up to a multiple of four.
pub(super) fn option(code: u16, value: &[u8], gathered: &mut Vec<u8>) {
    gathered.extend_from_slice(&code.to_le_bytes());
    let length = u16::try_from(value.len()).unwrap_or_default();
    gathered.extend_from_slice(&length.to_le_bytes());
    gathered.extend_from_slice(value);
    gathered.resize(gathered.len() + value.len().next_multiple_of(4) - value.len(), 0);
}
