//! What a run has come to: counts, what was lost, what will surprise. The rooms' counts fill it, and it is told at the end,
//! as text or as one line of JSON.
//!
//! A kind of loss or note has a key ([`keys`]), which is given where the kind is counted, in the files beside this one.
//! `--strict` makes a failure of any loss; a note is none.

pub(super) mod addresses;
pub(super) mod advice;
pub(super) mod hints;
pub mod keys;
pub(super) mod names_given;
pub(super) mod reading;
pub(super) mod traffic;
pub(super) mod within;

use crate::event::as_u64;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use super::error::{Error, Exit, READING_ON};
use super::name::Name;
use super::options::{Recorded, ReportFormat};
use super::screen;
use crate::limits;
use keys::{LeftOutKey, LossKey, NoteKey};

/// A line of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRef {
    /// The trace's number, from 0, in the order of the command line.
    pub trace: usize,
    /// The line's, from 1.
    pub line: u64,
}

/// Lines or bytes that are not in the capture, or addresses that are none, of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    key: LossKey,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    text: String,
    cure: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_line: Option<u64>,
    /// Of several traces, the one that the line is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

impl Loss {
    /// A loss of `count` of what stands in `what`, with its reason: `lines were not understood`. Of `[line was|lines
    /// were]` the part that goes with the count is told.
    pub fn new(key: LossKey, count: u64, what: &str) -> Self {
        Self {
            key,
            count,
            bytes: None,
            text: format!("{count} {}", in_number(count, what)),
            cure: String::new(),
            first_line: None,
            trace: None,
        }
    }

    /// How many bytes it concerns.
    #[must_use]
    pub fn bytes(self, bytes: u64) -> Self {
        Self { bytes: Some(bytes), ..self }
    }

    /// What to do against it.
    #[must_use]
    pub fn cure(self, cure: &str) -> Self {
        Self { cure: cure.to_owned(), ..self }
    }

    /// Where the first example is; `traces` has the names of all.
    #[must_use]
    pub fn first(self, place: Option<LineRef>, traces: &[Name]) -> Self {
        let name = |place: LineRef| traces.get(place.trace).filter(|_| traces.len() > 1);
        Self { first_line: place.map(|place| place.line), trace: place.and_then(name).map(Name::to_string), ..self }
    }
}

/// What will surprise, and is no loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    key: NoteKey,
    text: String,
    cure: String,
}

/// What is left out because it was asked to be, or because it is nothing to convert; no loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct LeftOut {
    reason: LeftOutKey,
    text: &'static str,
    count: u64,
}

/// What a run has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Lines read.
    pub lines: u64,
    /// Whole system calls among them that were used.
    pub calls: u64,
    /// Packets written.
    pub packets: u64,
    /// Bytes of payload in them.
    pub payload_bytes: u64,
    /// Bytes of the capture.
    pub capture_bytes: u64,
    left_out: Vec<LeftOut>,
    losses: Vec<Loss>,
    notes: Vec<Note>,
    /// What helps to read the capture.
    hints: Vec<String>,
    errors: Vec<String>,
    /// Who chose what is in the traces.
    #[serde(skip)]
    pub recorded: Recorded,
    /// Lines that are strace's.
    #[serde(skip)]
    pub understood: u64,
    /// Lines on which nothing stands.
    #[serde(skip)]
    pub blank: u64,
    /// The counts are there.
    #[serde(skip)]
    is_filled: bool,
    /// Nothing is a trace, which is all there is to say.
    #[serde(skip)]
    is_refused: bool,
    /// What ends the report on a terminal.
    #[serde(skip)]
    closing: Option<Closing>,
}

/// What is said last, to a person who waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Closing {
    conversations: usize,
    output: Name,
}

impl Report {
    /// The report of a capture, with no more than is known of that.
    pub fn of_capture(packets: u64, payload_bytes: u64, capture_bytes: u64) -> Self {
        Self { packets, payload_bytes, capture_bytes, ..Self::default() }
    }

    /// Adds a loss, unless it is of nothing.
    pub fn lose(&mut self, loss: Loss) {
        if loss.count > 0 {
            self.losses.push(loss);
        }
    }

    /// Whether anything was lost.
    pub fn has_losses(&self) -> bool {
        !self.losses.is_empty()
    }

    /// Adds a note.
    pub fn note(&mut self, key: NoteKey, text: impl Into<String>, cure: impl Into<String>) {
        let (text, cure) = (text.into(), cure.into());
        self.notes.push(Note { key, text, cure });
    }

    /// TLS keys have been found: that all is encrypted is nothing to be told then.
    pub fn has_keys(&mut self) {
        self.notes.retain(|note| note.key != NoteKey::Tls);
    }

    /// The secrets of so many TLS sessions are in the capture.
    pub fn keys(&mut self, sessions: u64) {
        let text = in_number(sessions, &format!("keys of {sessions} TLS [session|sessions] are in the capture"));
        self.note(NoteKey::Keys, text, "`editcap --discard-all-secrets` takes them out");
    }

    /// Adds what helps to read the capture.
    pub fn hint(&mut self, hint: String) {
        self.hints.push(hint);
    }

    /// Counts what is left out, unless it is nothing.
    pub fn leave_out(&mut self, reason: LeftOutKey, text: &'static str, count: u64) {
        if count > 0 {
            self.left_out.push(LeftOut { reason, text, count });
        }
    }

    /// Whether lines came and none of them is strace's.
    pub const fn is_all_strange(&self) -> bool {
        self.understood == 0 && self.lines > self.blank
    }

    /// Tells an error at once, whatever the format, and keeps it. `reads_on`: a pipe is still written to, and will be read
    /// to its end.
    pub fn fail(&mut self, error: &Error, reads_on: bool) -> Exit {
        let text = if reads_on { format!("{error}; {READING_ON}") } else { error.to_string() };
        log::error!("{text}");
        self.errors.push(text);
        self.is_refused |= matches!(error, Error::NotATrace(..))
            || (self.understood == 0
                && matches!(error, Error::Recording(_) | Error::NothingToRecord(_) | Error::NoStrace));
        error.exit()
    }

    /// Tells at once that the command line makes no sense: `text` to a person, `message` in JSON.
    pub fn refuse(text: &str, message: String, format: ReportFormat) -> Exit {
        // Where standard error is closed nobody wants it.
        let _ = io::stderr().write_all(text.as_bytes());
        Self { errors: vec![message], ..Self::default() }.tell(Exit::Usage, format);
        Exit::Usage
    }

    /// Ends the report with what was written where: packets of so many conversations.
    pub fn close(&mut self, conversations: usize, output: Name) {
        self.closing = Some(Closing { conversations, output });
    }

    /// Takes over the counts of `other`, and keeps its own errors.
    pub fn fill(&mut self, other: Self) {
        let errors = std::mem::take(&mut self.errors);
        *self = Self { errors, is_filled: true, is_refused: self.is_refused, ..other };
    }

    /// What is said of the whole capture within it: what is not in it.
    pub fn of_whole_capture(&self) -> String {
        let mut text = String::from("From a trace of system calls: nothing here was captured on an interface.");
        let missing: Vec<_> = self.losses.iter().map(|loss| loss.text.as_str()).collect();
        if missing.is_empty() {
            text.push_str(" Nothing is known to be missing.");
        } else {
            text.push_str(" What the trace lacks: ");
            text.push_str(&missing.join("; "));
            text.push('.');
        }
        for note in self.notes.iter().filter(|note| note.key == NoteKey::Keys) {
            text.push_str(" Also: ");
            text.push_str(&note.to_string());
            text.push('.');
        }
        text
    }

    /// Tells it.
    pub fn tell(&self, exit: Exit, format: ReportFormat) {
        match format {
            ReportFormat::Text if self.is_filled && !self.is_refused => {
                self.tell_text();
                self.tell_end(exit);
            }
            ReportFormat::Text | ReportFormat::Within => {}
            // Where standard error is closed nobody wants it.
            ReportFormat::Json => drop(io::stderr().write_all(self.json(exit).as_bytes())),
        }
    }

    /// As one line of JSON.
    fn json(&self, exit: Exit) -> String {
        #[derive(Serialize)]
        struct Whole<'a> {
            version: &'static str,
            exit_code: u8,
            #[serde(flatten)]
            report: &'a Report,
        }
        let whole = Whole { version: env!("CARGO_PKG_VERSION"), exit_code: exit.code(), report: self };
        // Fails for maps whose keys are no text, of which there is none here.
        serde_json::to_string(&whole).unwrap_or_default() + "\n"
    }

    /// Losses and notes, each a line.
    fn warnings(&self) -> Vec<String> {
        let losses = self.losses.iter().map(Loss::to_string);
        losses.chain(self.notes.iter().map(Note::to_string)).collect()
    }

    /// Losses and notes as warnings, what helps without being one, counts as information.
    fn tell_text(&self) {
        let lines = self.warnings();
        let (shown, others) = first_of(&lines);
        for line in shown {
            log::warn!("{line}");
        }
        if others > 0 {
            log::warn!("{others} more kinds of losses and notes: -v tells them");
        }
        log::info!("{self}");
        for LeftOut { text, count, .. } in &self.left_out {
            log::info!("left out: {count} {text}");
        }
        let (shown, others) = first_of(&self.hints);
        for hint in shown {
            log::warn!(target: screen::PLAIN, "{hint}");
        }
        if others > 0 {
            log::warn!(target: screen::PLAIN, "{others} more such lines: -v tells them");
        }
    }

    /// Why a run fails that has told of no loss, and on a terminal what was written where.
    fn tell_end(&self, exit: Exit) {
        if let (Exit::Strict, Some(loss), false) = (exit, self.losses.first(), log::log_enabled!(log::Level::Warn)) {
            let others = self.losses.len() - 1;
            let more = if others > 0 { format!("; {others} more without -q") } else { String::new() };
            log::error!("--strict: {loss}{more}");
        }
        if let (Some(closing), Exit::Done | Exit::Strict) = (&self.closing, exit) {
            let Closing { conversations, output } = closing;
            let Self { packets, capture_bytes, .. } = self;
            let many = if *conversations > limits::CONVERSATIONS_COUNTED { "more than " } else { "" };
            let conversations = as_u64(*conversations.min(&limits::CONVERSATIONS_COUNTED));
            let packets = in_number(*packets, &format!("{packets} [packet|packets]"));
            let of = in_number(conversations, &format!("{many}{conversations} [conversation|conversations]"));
            log::warn!(target: screen::PLAIN, "{packets} of {of}, {capture_bytes} bytes, written to {output}");
        }
    }
}

/// The first lines of `all`, or all with -v, and how many there are beside them.
fn first_of(all: &[String]) -> (&[String], usize) {
    let shown = match all.len() {
        0..=limits::WARNINGS => all,
        _ if log::log_enabled!(log::Level::Info) => all,
        _ => all.get(..limits::WARNINGS - 1).unwrap_or_default(),
    };
    (shown, all.len() - shown.len())
}

/// `text` with the parts that go with one, or with many.
fn in_number(count: u64, text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, one, many, after)) = forms(rest) {
        told.push_str(before);
        told.push_str(if count == 1 { one } else { many });
        rest = after;
    }
    told + rest
}

/// What stands before, in, and behind the first `[one|many]`.
fn forms(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (both, after) = rest.split_once(']')?;
    let (one, many) = both.split_once('|')?;
    Some((before, one, many, after))
}

/// `text: cure`, where there is one.
fn with_cure(f: &mut fmt::Formatter<'_>, cure: &str) -> fmt::Result {
    if cure.is_empty() { Ok(()) } else { write!(f, ": {cure}") }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let Some(line) = self.first_line {
            write!(f, " (the first is line {line}")?;
            if let Some(trace) = &self.trace {
                write!(f, " of {trace}")?;
            }
            f.write_str(")")?;
        }
        with_cure(f, &self.cure)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        with_cure(f, &self.cure)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, calls, packets, payload_bytes, capture_bytes, .. } = self;
        write!(f, "{lines} lines, {calls} calls, {packets} packets with {payload_bytes} bytes of payload; ")?;
        write!(f, "the capture has {capture_bytes} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(loss: &Loss, expected: &str) {
        assert_eq!(loss.to_string(), expected);
    }

    #[test]
    fn a_loss_is_told_with_its_place_and_cure() {
        let traces = [Name::new("a.1"), Name::new("a.2")];
        let (one, several) = (&traces[..1], &traces[..]);
        let place = Some(LineRef { trace: 1, line: 7 });
        let cut = Loss::new(LossKey::Cut, 14, "[payload was|payloads were] cut").cure("record with -s 9");
        check(&cut, "14 payloads were cut: record with -s 9");
        let cut = cut.first(place, several);
        check(&cut, "14 payloads were cut (the first is line 7 of a.2): record with -s 9");
        check(
            &Loss::new(LossKey::Cut, 1, "[line was|lines were] eaten").first(place, one),
            "1 line was eaten (the first is line 7)",
        );
    }

    #[test]
    fn nothing_is_no_loss() {
        let mut report = Report::default();
        report.lose(Loss::new(LossKey::Cut, 0, "lines were eaten"));
        report.leave_out(LeftOutKey::Blank, "lines", 0);
        assert_eq!(report, Report::default());
    }

    #[test]
    fn json_is_one_line_and_leaves_out_what_is_not_known() {
        let mut report = Report { lines: 3, ..Report::default() };
        report.lose(Loss::new(LossKey::Cut, 1, "line was \"eaten\"\n"));
        let text = report.json(Exit::Strict);
        assert_eq!(text.matches('\n').count(), 1);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["exit_code"], 3);
        assert_eq!(json["lines"], 3);
        let loss = json["losses"][0].as_object().unwrap();
        assert_eq!(loss.len(), 4, "{text}");
        assert_eq!(loss["text"], "1 line was \"eaten\"\n");
    }
}
