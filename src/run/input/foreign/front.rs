//! Text in front of strace's lines, as logs, grep, editors and mail put it there, and the command that cuts it off.

use crate::strace::{self, Evidence};

/// What is in front of each line, and how it is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    kind: Author,
    cut: Split,
}

/// Who put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Author {
    Grep,
    Json,
    Journal,
    Logcat,
    Quoted,
    Timestamps,
    Unknown,
}

/// How a line is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Split {
    /// Behind a `]`, and a blank.
    Bracket,
    /// Behind as many colons.
    Colons(u8),
    /// It is a string of a JSON object.
    Json,
    /// Behind this mark, once or more.
    Mark(u8),
    /// Behind as many words, and a blank.
    Words(u8),
}

/// Most words that are looked for in front of a line, and most bytes: syslog's are 7.
const WORDS: u8 = 12;
/// See [`WORDS`].
const BYTES: usize = 256;

/// Marks that mail, `diff`, tables and comments begin a line with.
const MARKS: &[u8] = b">|+-<#*";

impl Front {
    /// What is in front, in words.
    pub fn what(self) -> &'static str {
        match self.kind {
            Author::Grep => "grep's file names or line numbers",
            Author::Json => "JSON (docker's log file)",
            Author::Journal => "a log's words (journald, syslog)",
            Author::Logcat => "a log's words (logcat)",
            Author::Quoted => "marks (of mail, diff, comments)",
            Author::Timestamps => "a log's times (docker, kubectl)",
            Author::Unknown => "other text",
        }
    }

    /// The command that cuts it off.
    pub fn cut(self) -> String {
        match self.cut {
            Split::Bracket => r"sed -E 's/^ *\[[^]]*\] ?//'".to_owned(),
            Split::Colons(count) => format!("cut -d: -f{}-", count + 1),
            Split::Json => "jq -j .log".to_owned(),
            Split::Mark(mark @ (b'>' | b'|')) => format!("sed -E 's/^ *([{}] ?)+//'", char::from(mark)),
            Split::Mark(mark) => format!("sed -E 's/^[{}] ?//'", char::from(mark)),
            Split::Words(1) => "sed -E 's/^ *[^ ]+ //'".to_owned(),
            Split::Words(count) => format!("sed -E 's/^ *([^ ]+ +){{{}}}[^ ]+ //'", count - 1),
        }
    }
}

/// What is in front of a line of strace's, in a line that is none.
pub(super) fn find(line: &[u8]) -> Option<Front> {
    json(line).or_else(|| marked(line)).or_else(|| colons(line)).or_else(|| bracket(line)).or_else(|| words(line))
}

fn is_of_strace(line: &[u8]) -> bool {
    strace::evidence(line) != Evidence::Nothing
}

/// `{"log":"close(3) = 0\n","stream":"stderr","time":"2026-11-28T00:16:55.123456789Z"}`
fn json(line: &[u8]) -> Option<Front> {
    let text = line.strip_prefix(b"{\"log\":\"")?;
    strace::has_call(text).then_some(Front { kind: Author::Json, cut: Split::Json })
}

/// `> close(3) = 0`
fn marked(line: &[u8]) -> Option<Front> {
    let text = line.trim_ascii_start();
    let mark = *text.first().filter(|mark| MARKS.contains(mark))?;
    let is_mark = |byte: &u8| *byte == mark || *byte == b' ';
    let length = match mark {
        b'>' | b'|' => text.iter().take_while(|byte| is_mark(byte)).count(),
        _ => 1 + usize::from(text.get(1) == Some(&b' ')),
    };
    let rest = text.get(length..)?;
    is_of_strace(rest).then_some(Front { kind: Author::Quoted, cut: Split::Mark(mark) })
}

/// `12:close(3) = 0`, `trace.log:close(3) = 0`, `trace.log:12:close(3) = 0`
fn colons(line: &[u8]) -> Option<Front> {
    let mut rest = line.get(..line.len().min(BYTES))?;
    for count in 1..=2 {
        let end = rest.iter().position(|byte| matches!(byte, b':' | b' ' | b'(' | b'"'))?;
        rest = rest.get(end..)?.strip_prefix(b":")?;
        let behind = line.get(line.len().min(BYTES) - rest.len()..)?;
        if is_of_strace(behind) {
            return Some(Front { kind: Author::Grep, cut: Split::Colons(count) });
        }
    }
    None
}

/// `[2026-11-28 00:16:55] close(3) = 0`
fn bracket(line: &[u8]) -> Option<Front> {
    let text = line.trim_ascii_start();
    let end = text.strip_prefix(b"[")?.iter().take(BYTES).position(|byte| *byte == b']')?;
    let rest = text.get(end + 2..)?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    is_of_strace(rest).then_some(Front { kind: Author::Unknown, cut: Split::Bracket })
}

/// `Nov 28 00:16:55 web1 strace[12]: close(3) = 0`
fn words(line: &[u8]) -> Option<Front> {
    let (mut at, mut count) = (0, 0);
    // A number that is too large for a thread or a time is damage.
    let is_damage = |front: &[u8]| front.iter().all(|byte| byte.is_ascii_digit() || b"-.: ".contains(byte));
    while count < WORDS && at < BYTES {
        let rest = line.get(at..)?;
        let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
        let word = rest.get(blanks..)?;
        let length = word.iter().take(BYTES).position(|byte| *byte == b' ')?;
        // A call begins here, and it is none of strace's.
        if length == 0 || word.get(..length)?.contains(&b'"') {
            return None;
        }
        at += blanks + length + 1;
        count += 1;
        if is_of_strace(line.get(at..)?) {
            return (!is_damage(line.get(..at)?))
                .then_some(Front { kind: kind_of_words(line, count), cut: Split::Words(count) });
        }
    }
    None
}

/// Who writes such words.
fn kind_of_words(line: &[u8], count: u8) -> Author {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let is_date = matches!(line, [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _, b'T', ..]);
    let second = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match line {
        [a, b, c, b' ', ..] if MONTHS.contains(&[*a, *b, *c].as_slice()) => Author::Journal,
        _ if is_date && (count == 1 || second.starts_with(b"std")) => Author::Timestamps,
        _ if is_date => Author::Journal,
        [b'<', b'0'..=b'9', ..] => Author::Journal,
        [b'0'..=b'9', b'0'..=b'9', b'-', b'0'..=b'9', b'0'..=b'9', b' ', ..]
        | [b'V' | b'D' | b'I' | b'W' | b'E' | b'F', b'/', ..] => Author::Logcat,
        _ => Author::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_strace_itself() {
        for line in
            ["hello", "", "write(1, \"a close(3) = 0\", 9", " > /lib/libc.so(read) [0x1]", "free(): invalid pointer"]
        {
            assert_eq!(find(line.as_bytes()), None, "{line}");
        }
    }
}
