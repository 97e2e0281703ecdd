//! From the bytes of a beginning to a verdict. It depends on the bytes alone: not on the pieces that they come in, nor on
//! whether there is a file or somebody who writes slowly. So it is looked for after each line, and the first one stays.
//!
//! Each line is of one side: strace's, a tool's, with changed quotes, with text in front, or nobody's. A line that only
//! strace writes speaks against every tool; one that others write as well (`close(3) = 0`) weighs a quarter of one that a
//! tool alone writes. Text is in front of all lines, so it must be in front of four times as many as it is not.

use super::front::{self, Front};
use super::tools::ROWS;
use super::{Foreign, formats};
use crate::limits;
use crate::strace::{self, Evidence, LineNumbers};

/// What a beginning tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is of a trace.
    Trace,
    /// It is not.
    Foreign(Foreign),
    /// Nothing tells, or nothing is there.
    Unknown,
}

/// Looks at a beginning as it comes.
#[derive(Debug, Default)]
pub struct Judge {
    beginning: Vec<u8>,
    /// Up to where lines have been looked at.
    judged: usize,
    /// Up to where the next line's end has been looked for: a line may come byte by byte.
    searched: usize,
    has_head: bool,
    sides: Sides,
    verdict: Option<Judgement>,
}

impl Judge {
    /// Takes the next bytes. The verdict, once there is one; [`limits::BEGINNING_BYTES`] are the most that are looked at.
    pub fn take(&mut self, bytes: &[u8]) -> Option<Judgement> {
        let wanted = limits::BEGINNING_BYTES.saturating_sub(self.beginning.len());
        self.beginning.extend(bytes.iter().take(wanted));
        self.verdict = self.verdict.or_else(|| self.look(false));
        self.verdict
    }

    /// Nothing more comes.
    pub fn end(&mut self) -> Judgement {
        self.verdict = self.verdict.or_else(|| self.look(true));
        self.verdict.unwrap_or(Judgement::Unknown)
    }

    /// Whether more speaks against a trace than for one, so that lines should wait.
    pub fn doubts(&self) -> bool {
        self.sides.against().is_some()
    }

    fn look(&mut self, is_all: bool) -> Option<Judgement> {
        if !self.has_head {
            self.has_head = is_all || self.beginning.len() >= formats::HEAD_BYTES;
            if let Some(foreign) = formats::format(&self.beginning, self.has_head) {
                return Some(Judgement::Foreign(foreign));
            }
        }
        while self.has_head
            && let Some(length) = self.line_end()
        {
            let line = self.beginning.get(self.judged..self.judged + length).unwrap_or_default();
            self.judged += length + 1;
            self.searched = self.judged;
            self.sides.add(line);
            if let Some(verdict) = self.sides.decided() {
                return Some(verdict);
            }
        }
        if is_all {
            let rest = self.beginning.get(self.judged..).unwrap_or_default();
            self.sides.add(rest);
        }
        (is_all || self.beginning.len() >= limits::BEGINNING_BYTES).then(|| self.last(is_all))
    }

    /// How long the next line is, if all of it is there.
    fn line_end(&mut self) -> Option<usize> {
        let unsearched = self.beginning.get(self.searched..).unwrap_or_default();
        let found = memchr::memchr(b'\n', unsearched).map(|at| self.searched + at - self.judged);
        self.searched = self.beginning.len();
        found
    }

    /// What all that is looked at tells.
    fn last(&self, is_all: bool) -> Judgement {
        if let Some(foreign) = self.sides.against() {
            return Judgement::Foreign(foreign);
        }
        match &self.sides {
            sides if sides.strace() > 0 => Judgement::Trace,
            sides if sides.summaries > 0 => Judgement::Foreign(Foreign::Summary),
            _ if self.beginning.trim_ascii().is_empty() => Judgement::Unknown,
            _ if formats::is_binary(&self.beginning) => Judgement::Foreign(Foreign::Binary),
            _ if is_all => Judgement::Foreign(Foreign::Text),
            _ => Judgement::Unknown,
        }
    }
}

/// What a whole text is, or a beginning as long as is looked at.
pub fn whole(text: &[u8]) -> Judgement {
    let mut judge = Judge::default();
    judge.take(text).unwrap_or_else(|| judge.end())
}

/// How many lines are on which side.
#[derive(Debug, Default)]
struct Sides {
    /// Lines as strace and others write them.
    shared: usize,
    /// Lines that only strace writes.
    own: usize,
    /// Lines of strace's with a quote of its own.
    quoted: usize,
    /// Lines of strace's with changed quotes.
    changed: usize,
    /// Lines of each row's tool.
    tools: [usize; ROWS.len()],
    fronts: Vec<(Front, usize)>,
    numbers: LineNumbers,
    /// Tables of `strace -c`. Behind a trace there may be one, too (`-C`).
    summaries: usize,
}

impl Sides {
    fn add(&mut self, line: &[u8]) {
        let mut repaired = Vec::new();
        let line = self.numbers.behind(line.strip_suffix(b"\r").unwrap_or(line));
        strace::repaired(line, &mut repaired);
        let line = repaired.as_slice();
        let evidence = strace::evidence(line);
        if evidence != Evidence::Strace
            && let Some(row) = ROWS.iter().position(|row| (row.is)(line))
        {
            if let Some(count) = self.tools.get_mut(row) {
                *count += 1;
            }
            return;
        }
        if has_changed_quote(line) {
            self.changed += 1;
            return;
        }
        match evidence {
            Evidence::Strace => self.own += 1,
            Evidence::Shared => self.shared += 1,
            Evidence::Nothing if line.starts_with(b"% time ") && line.ends_with(b" syscall") => self.summaries += 1,
            Evidence::Nothing => {
                if let Some(front) = front::find(line) {
                    self.add_front(front);
                }
                return;
            }
        }
        self.quoted += usize::from(line.contains(&b'"'));
    }

    fn add_front(&mut self, front: Front) {
        if let Some((_, count)) = self.fronts.iter_mut().find(|(known, _)| *known == front) {
            *count += 1;
        } else if self.fronts.len() < limits::TEXTS_IN_FRONT {
            self.fronts.push((front, 1));
        }
    }

    fn strace(&self) -> usize {
        self.shared + self.own
    }

    /// What decides before all that is looked at has come.
    fn decided(&self) -> Option<Judgement> {
        let against = self.against();
        if self.strace() >= limits::DECIDING_LINES && self.fronts.is_empty() && against.is_none() {
            return Some(Judgement::Trace);
        }
        let is_certain = self.strace() == 0 && self.tools.iter().zip(&ROWS).any(|(count, row)| *count >= row.deciding);
        against.filter(|_| is_certain).map(Judgement::Foreign)
    }

    /// What it is if it is no trace, where more speaks for that.
    fn against(&self) -> Option<Foreign> {
        const WEIGHT: usize = 4;
        let tool = self.tools.iter().zip(&ROWS).filter(|(count, _)| **count > 0).max_by_key(|(count, _)| **count);
        let of_tools: usize = self.tools.iter().sum();
        if let Some((_, row)) = tool
            && self.own == 0
            && WEIGHT * of_tools > self.shared
        {
            return Some(Foreign::Tool(row.tool));
        }
        if self.changed > self.quoted {
            return Some(Foreign::Quotes);
        }
        let with_front: usize = self.fronts.iter().map(|(_, count)| count).sum();
        let (front, _) = self.fronts.iter().max_by_key(|(_, count)| count)?;
        (with_front > WEIGHT * self.strace()).then_some(Foreign::Front(*front))
    }
}

/// Whether a call has a quote that strace does not write, and none that it writes before.
fn has_changed_quote(line: &[u8]) -> bool {
    const CHANGED: [&str; 8] = ["“", "”", "„", "«", "…", "&quot;", "&#34;", "&lt;"];
    let own = memchr::memchr(b'"', line).unwrap_or(line.len());
    let before = line.get(..own).unwrap_or_default();
    let is_changed = CHANGED.iter().any(|text| memchr::memmem::find(before, text.as_bytes()).is_some());
    is_changed && strace::has_call(line)
}

#[cfg(test)]
mod tests {
    use super::super::Tool;
    use super::*;

    fn judge(text: &[u8], piece: usize) -> Judgement {
        let mut judge = Judge::default();
        let told = text.chunks(piece.max(1)).find_map(|bytes| judge.take(bytes));
        let all = judge.end();
        assert!(told.is_none_or(|told| told == all), "the first verdict stays");
        all
    }

    /// Checks what all of a text is, whatever its pieces.
    #[track_caller]
    fn check(text: impl AsRef<[u8]>, expected: Judgement) {
        let text = text.as_ref();
        let shown = String::from_utf8_lossy(text.get(..200.min(text.len())).unwrap());
        for piece in [1, 7, 64, 4096, text.len()] {
            assert_eq!(judge(text, piece), expected, "{piece} at a time: {shown}");
        }
    }

    /// What a beginning tells before its end.
    fn before_the_end(text: &str) -> Option<Judgement> {
        Judge::default().take(text.as_bytes())
    }

    const STRACE: &str = "\
execve(\"/bin/true\", [\"true\"], 0x7ffc /* 9 vars */) = 0
brk(NULL)                               = 0x55d1
futex(0x7f, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>
+++ exited with 0 +++
";
    const PERF: &str = "         ? (         ): true/1665  ... [continued]: execve())                = 0
     0.052 ( 0.020 ms): true/1665 brk()                                    = 0x563072350000
12570121.666 ( 0.020 ms): :8377/8377 read(fd: 3, buf: 0x7ff, count: 832)   = 832
";
    const LTRACE: &str = "8333 malloc(10, 0x7ffe115adf28, 0x7ffe115adf38, 0x403e00) = 0x169af2a0
8333 puts(0x169af2a0, 10, 0, 0x169af2a0)         = 3
8333 write(1, 0x402006, 2, 3192)                 = 2
8333 +++ exited (status 0) +++
";
    const SUMMARY: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 66.67    0.000012           2         5           write
------ ----------- ----------- --------- --------- ----------------
100.00    0.000042           3        12         1 total
";

    #[test]
    fn traces() {
        check(STRACE, Judgement::Trace);
        check("1234 1700000000.000001 close(3) = 0\n", Judgement::Trace);
        check("[pid 9] 12:00:00 memfd_create(\"a\", 0)   = 3\n", Judgement::Trace);
        check("1700000000.5 write(5<TCP:[1.2.3.4:5->1.2.3.4:6]>, \"ab", Judgement::Trace);
        check("strace: Process 17535 attached\n", Judgement::Trace);
        check("% time\n[pid 7] --- SIGCHLD {si_signo=SIGCHLD} ---\n", Judgement::Trace);
        check("9 membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) = 0\n".repeat(9), Judgement::Trace);
        check("\0".repeat(5000) + STRACE, Judgement::Trace);
        check(format!("\u{feff}{STRACE}"), Judgement::Trace);
    }

    #[test]
    fn noise_before_a_trace() {
        check("free(): invalid pointer\nwarning\n".repeat(100) + STRACE, Judgement::Trace);
        check("malloc(10) = 0x4882a0\n".repeat(20) + STRACE, Judgement::Trace);
        check(PERF.lines().next().unwrap().to_owned() + "\n" + STRACE, Judgement::Trace);
        check("> close(3) = 0\n".repeat(5) + STRACE, Judgement::Trace);
        check("close(4) = 0\n".repeat(20) + "puts(\"a\") = 2\n", Judgement::Trace);
        check("“hello” said close(3) = 0\n".repeat(3) + STRACE, Judgement::Trace);
        check("Lorem ipsum dolor sit amet\n".repeat(1000) + STRACE, Judgement::Trace);
    }

    #[test]
    fn formats_by_their_first_bytes() {
        for (bytes, foreign) in formats::MAGIC {
            let rest: &[u8] = if foreign == Foreign::Bzip2 { b"91AY&SY" } else { b"" };
            let bytes = [bytes, rest].concat();
            assert_eq!(Judge::default().take(&bytes), Some(Judgement::Foreign(foreign)));
            check(bytes, Judgement::Foreign(foreign));
        }
        check("BZh is a word here", Judgement::Foreign(Foreign::Text));
    }

    #[test]
    fn summaries() {
        check(SUMMARY, Judgement::Foreign(Foreign::Summary));
        check(format!("close(3) = 0\n{SUMMARY}"), Judgement::Trace);
        check(format!("{SUMMARY}{STRACE}"), Judgement::Trace);
        check("Lorem ipsum\n".repeat(9) + SUMMARY, Judgement::Foreign(Foreign::Summary));
    }

    #[test]
    fn lines_that_were_changed() {
        let quotes = Judgement::Foreign(Foreign::Quotes);
        check("close(2) = 0\n9 sendto(37, “GET”, 3, 0, NULL, 0) = 3\nclose(3) = 0\n", quotes);
        check("9 recvfrom(37, &quot;GET&quot;, 3, 0, NULL, NULL) = 3\n", quotes);
        check("9 recvfrom(37&lt;TCP:[1]&gt;, &quot;GET&quot;, 3, 0, NULL, NULL) = 3\n+++ exited with 0 +++\n", quotes);
        check("9 sendto(37, \"&quot;\", 6, 0, NULL, 0) = 6\n", Judgement::Trace);
        let front = STRACE.lines().fold(String::new(), |text, line| text + "> " + line + "\n");
        check(STRACE.replace("execve", "     1\texecve").replace("+++ exited", "123456\t+++ exited"), Judgement::Trace);
        let grep = "\x1b[32m\x1b[K12\x1b[m\x1b[K\x1b[36m\x1b[K:\x1b[m\x1b[Kclose(3) = 0\n".repeat(2);
        for text in [front, grep] {
            let verdict = judge(text.as_bytes(), 1);
            assert!(matches!(verdict, Judgement::Foreign(Foreign::Front(_))), "{verdict:?}: {text}");
        }
    }

    #[test]
    fn text_that_begins_like_a_trace() {
        for text in [
            "print(\"hello\")\nexit()\n",
            "--- a/src/main.rs\n+++ b/src/main.rs\n",
            "HTTP/1.1 200 OK\r\n\r\n<html>\n",
            "{\"a\": 1}",
        ] {
            check(text, Judgement::Foreign(Foreign::Text));
        }
        let noise: Vec<u8> = (0..=255).cycle().take(3000).collect();
        check(noise, Judgement::Foreign(Foreign::Binary));
        check("", Judgement::Unknown);
        check(" \n\n", Judgement::Unknown);
        check("not of strace\n".repeat(10_000), Judgement::Unknown);
    }

    #[test]
    fn what_decides_before_the_end() {
        let first = |text: &str, lines: usize| -> String { text.split_inclusive('\n').take(lines).collect() };
        assert_eq!(before_the_end(&first(PERF, 2)), None);
        assert_eq!(before_the_end(PERF), Some(Judgement::Foreign(Foreign::Tool(Tool::Perf))));
        assert_eq!(before_the_end(&LTRACE.replace("+++", "")), None);
        assert_eq!(before_the_end(STRACE), None);
        assert_eq!(before_the_end(&STRACE.repeat(16)), Some(Judgement::Trace));
    }

    #[test]
    fn lines_wait_while_there_are_doubts() {
        let mut judge = Judge::default();
        judge.take(b"malloc(10, 0x7ffe115adf28) = 0x169af2a0\n");
        assert!(judge.doubts());
        judge.take(STRACE.as_bytes());
        assert!(!judge.doubts());
    }
}
