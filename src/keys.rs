//! TLS key logs: the lines in which a program tells the secrets of its sessions (SSLKEYLOGFILE, RFC 9850), found in what it
//! writes to files, whatever their names.
//!
//! ```text
//! CLIENT_RANDOM 5f3c…(64 digits) 9a01…(96 digits)
//! ```
//! Whole lines count, the heading too that some programs begin with, and nothing else is kept: of what has no end yet, no
//! more than may be the beginning of such a line. A line that is cut over several writes is put together by its file.

use crate::limits;
use foldhash::HashMap;

/// The labels; of `_TRAFFIC_SECRET_` with a number behind it.
const LABELS: [&[u8]; 13] = [
    b"CLIENT_RANDOM",
    b"CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    b"SERVER_HANDSHAKE_TRAFFIC_SECRET",
    b"CLIENT_TRAFFIC_SECRET_",
    b"SERVER_TRAFFIC_SECRET_",
    b"EXPORTER_SECRET",
    b"EARLY_EXPORTER_SECRET",
    b"CLIENT_EARLY_TRAFFIC_SECRET",
    b"ECH_SECRET",
    b"ECH_CONFIG",
    b"RSA",
    b"EARLY_EXPORTER_MASTER_SECRET",
    b"PMS_CLIENT_RANDOM",
];

/// What a key log's own first line begins with, of OpenSSL, Python and NSS.
const HEADINGS: [&[u8]; 2] = [b"# TLS", b"# SSL"];

/// What stands in it.
const IN_HEADING: &[u8] = b"secrets log file";

/// How many first bytes tell whether what is written may be of a key log.
pub const BEGINNING: usize = 4;

/// Whether what begins with these bytes, [`BEGINNING`] of them or all there are, may be of a key log.
pub fn may_begin(first: &[u8]) -> bool {
    let begins = |with: &&[u8]| {
        let compared = first.len().min(with.len());
        with.get(..compared) == first.get(..compared) && first.get(compared).is_none_or(|next| *next == b' ')
    };
    !first.is_empty() && LABELS.iter().chain(&HEADINGS).any(begins)
}

/// The secrets of a session, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The client's random, by which the session is known; none of lines that name it by something else.
    pub random: Option<[u8; 32]>,
    /// Which of its secrets it is.
    pub part: SecretPart,
}

/// Which of a session's secrets a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretPart {
    /// All that TLS 1.2 has.
    Whole,
    /// One of the four that reading TLS 1.3 takes, by its number.
    OfFour(u8),
    /// Another one.
    Other,
}

/// What a line says, without its end, if it is a key log's.
pub fn line(text: &[u8]) -> Option<Line> {
    let mut words = text.split(|byte| *byte == b' ');
    let (label, name, secret) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !is_label(label) || !is_hex(name, 16..=1024) || !is_hex(secret, 16..=4096) {
        return None;
    }
    let part = match label {
        b"CLIENT_RANDOM" => SecretPart::Whole,
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => SecretPart::OfFour(0),
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => SecretPart::OfFour(1),
        b"CLIENT_TRAFFIC_SECRET_0" => SecretPart::OfFour(2),
        b"SERVER_TRAFFIC_SECRET_0" => SecretPart::OfFour(3),
        _ => SecretPart::Other,
    };
    let is_of_session = !label.starts_with(b"RSA") && !label.starts_with(b"PMS");
    Some(Line { random: random(name).filter(|_| is_of_session), part })
}

/// Whether a line is a key log's heading: keys are about to be told.
fn is_heading(text: &[u8]) -> bool {
    HEADINGS.iter().any(|heading| text.starts_with(heading))
        && text.windows(IN_HEADING.len()).any(|part| part == IN_HEADING)
}

fn is_label(text: &[u8]) -> bool {
    LABELS.iter().any(|label| match text.strip_prefix(*label) {
        Some(rest) if label.ends_with(b"_") => {
            !rest.is_empty() && rest.len() < 6 && rest.iter().all(u8::is_ascii_digit)
        }
        Some(rest) => rest.is_empty(),
        None => false,
    })
}

fn is_hex(text: &[u8], lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit)
}

/// 32 bytes from 64 digits.
fn random(digits: &[u8]) -> Option<[u8; 32]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

/// The key logs that are being written.
#[derive(Clone, Debug, Default)]
pub struct KeyLogs {
    /// By file: the beginning of a line.
    begun: HashMap<Box<[u8]>, Vec<u8>>,
}

impl KeyLogs {
    /// Whether a line in this file has begun.
    #[inline]
    pub fn have_begun(&self, file: &[u8]) -> bool {
        !self.begun.is_empty() && self.begun.contains_key(file)
    }

    /// Takes what was written to a file behind what was before. `lines` gets those that are whole, each with its end.
    pub fn take(&mut self, file: &[u8], written: &[u8], lines: &mut Vec<u8>) {
        let mut text = self.begun.remove(file).unwrap_or_default();
        let whole = match memchr::memrchr(b'\n', written) {
            Some(at) => at + 1,
            None => 0,
        };
        let (ended, begun) = written.split_at_checked(whole).unwrap_or((written, &[]));
        text.extend_from_slice(ended);
        for found in text.split_inclusive(|byte| *byte == b'\n').filter(|found| found.ends_with(b"\n")) {
            let plain = found.strip_suffix(b"\n").unwrap_or(found);
            let plain = plain.strip_suffix(b"\r").unwrap_or(plain);
            if line(plain).is_some() || is_heading(plain) {
                lines.extend_from_slice(plain);
                lines.push(b'\n');
            }
        }
        let mut rest = if whole == 0 { text } else { Vec::new() };
        rest.extend_from_slice(begun);
        let first = rest.get(..BEGINNING).unwrap_or(&rest);
        if may_begin(first) && rest.len() <= limits::KEY_LINE_BYTES && self.begun.len() < limits::KEY_LOGS {
            self.begun.insert(file.into(), rest);
        }
    }

    /// Not all that was written to a file is known.
    pub fn lose(&mut self, file: &[u8]) {
        self.begun.remove(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

    fn of(label: &str, secret: usize) -> String {
        format!("{label} {RANDOM} {}\n", "5a".repeat(secret))
    }

    #[test]
    fn the_lines_of_a_key_log() {
        let part = |text: &str| line(text.trim_end().as_bytes()).map(|line| line.part);
        assert_eq!(part(&of("CLIENT_RANDOM", 48)), Some(SecretPart::Whole));
        assert_eq!(part(&of("SERVER_TRAFFIC_SECRET_0", 32)), Some(SecretPart::OfFour(3)));
        for label in ["CLIENT_TRAFFIC_SECRET_12", "EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "ECH_CONFIG", "RSA"] {
            assert_eq!(part(&of(label, 32)), Some(SecretPart::Other), "{label}");
        }
        let random = line(of("CLIENT_RANDOM", 48).trim_end().as_bytes()).and_then(|line| line.random);
        assert_eq!(random.map(|random| (random[1], random[31])), Some((0x11, 0xff)));
        for other in ["CLIENT_RANDOM 12", "CLIENT_RANDOMS", "CLIENT_TRAFFIC_SECRET_x", "PASSWORD"] {
            assert_eq!(part(&of(other, 32)), None, "{other}");
        }
        assert_eq!(line(b"CLIENT_RANDOM 0011 zz"), None);
        assert_eq!(line(b"RSA 0011223344556677 00112233445566778899").map(|line| line.random), Some(None));
    }

    #[test]
    fn whole_lines_come_out_wherever_they_are_cut() {
        let heading = "# TLS secrets log file, generated by OpenSSL / Python\n";
        let text =
            format!("# TLS secrets\n{heading}{}{}", of("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 32), of("CLIENT_RANDOM", 48));
        let expected = text.split_once('\n').unwrap().1;
        for first in 1..text.len() {
            for second in (first..text.len()).step_by(17) {
                let (mut logs, mut lines) = (KeyLogs::default(), Vec::new());
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    logs.take(b"/tmp/a", piece.as_bytes(), &mut lines);
                    logs.take(b"/tmp/b", b"CLIENT_", &mut lines);
                }
                assert_eq!(String::from_utf8(lines).unwrap(), expected, "{first} {second}");
            }
        }
    }

    #[test]
    fn nothing_else_is_kept() {
        let (mut logs, mut lines) = (KeyLogs::default(), Vec::new());
        logs.take(b"/etc/x", b"secret = 1\npassword", &mut lines);
        assert!(lines.is_empty() && !logs.have_begun(b"/etc/x"));
        logs.take(b"/etc/x", b"CLIENT_RANDOM ", &mut lines);
        assert!(logs.have_begun(b"/etc/x"));
        logs.take(b"/etc/x", &vec![b'0'; limits::KEY_LINE_BYTES], &mut lines);
        assert!(lines.is_empty() && !logs.have_begun(b"/etc/x"));
        logs.take(b"/etc/x", b"CLIENT_RANDOM ", &mut lines);
        logs.lose(b"/etc/x");
        assert!(!logs.have_begun(b"/etc/x"));
    }

    #[test]
    fn the_first_bytes_tell() {
        for first in ["CLIE", "SERV", "RSA ", "# TL", "C", "EARL"] {
            assert!(may_begin(first.as_bytes()), "{first}");
        }
        for first in ["", "CLIX", "x", "# in", "\x7fELF"] {
            assert!(!may_begin(first.as_bytes()), "{first}");
        }
    }
}
