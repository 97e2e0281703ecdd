//! Where a stream was when strace was attached to its two ends, and what of it a capture has.

use std::ops::Range;

/// A bit of each byte that is sent in the trace: a send of one or two bytes is not the same as those before it by chance.
pub const TRACED: u8 = 0x80;

/// Bytes are counted from the beginning of the stream.
pub struct Attached {
    /// The first byte that was sent in the trace.
    sent: Option<usize>,
    /// Those that were received in the trace before a send of it had ended, by calls that had ended.
    received: Option<Range<usize>>,
    /// So many bytes were received by calls that have ended.
    ended: usize,
    /// A send of the trace has ended, or the stream was closed.
    is_settled: bool,
    /// Three bytes of seven bits, which come once.
    words: u32,
}

impl Default for Attached {
    fn default() -> Self {
        // What is drawn from here on is not like the beginning of a protocol.
        Self { sent: None, received: None, ended: 0, is_settled: false, words: 0x0f_3a5c }
    }
}

impl Attached {
    /// strace is attached to who sends, who has sent so many bytes.
    pub fn attach_sender(&mut self, sent: usize) {
        self.sent = Some(sent);
    }

    /// strace is attached to who receives, who has received so many bytes.
    pub fn attach_receiver(&mut self, received: usize) {
        self.ended = received;
        self.received = Some(received..if self.is_settled { received } else { usize::MAX });
    }

    /// A receive of the trace has ended.
    pub fn receive_ends(&mut self, moved: usize) {
        self.ended += moved;
    }

    /// A send of the trace has ended.
    pub fn send_ends(&mut self) {
        let is_first = !std::mem::replace(&mut self.is_settled, true);
        if let Some(received) = self.received.as_mut().filter(|_| is_first) {
            received.end = self.ended;
        }
    }

    /// The stream is closed, and those that follow are made in the trace.
    pub fn close(&mut self) {
        self.is_settled = true;
    }

    /// How many bytes a receive is given of `length`, where `before` were received: not one or two of a send that is under
    /// way, behind what was in flight. These could be the same by chance, and are shown by both ends.
    pub fn told_apart(&self, before: usize, length: usize) -> usize {
        let (Some(sent), Some(received), false) = (self.sent, &self.received, self.is_settled) else { return length };
        let beyond = (before + length).saturating_sub(sent);
        if received.start < sent && (1..3).contains(&beyond) { length.saturating_sub(beyond) } else { length }
    }

    /// What a capture has of all that has moved: what was received before a send of the trace had ended, and all that was
    /// sent in the trace.
    pub fn shown(&self, all: &[u8]) -> Vec<u8> {
        let sent = self.sent.unwrap_or(all.len());
        let Range { start, end } = self.received.clone().unwrap_or(sent..sent);
        [all.get(start..end.min(sent)).unwrap_or_default(), &all[sent..]].concat()
    }

    /// The next byte of a stream in which no three bytes come twice.
    pub fn word(&mut self) -> u8 {
        for _ in 0..7 {
            // x²¹ + x¹⁹ + 1 is primitive.
            let bit = (self.words >> 20 ^ self.words >> 18) & 1;
            self.words = (self.words << 1 | bit) & 0x1f_ffff;
        }
        u8::try_from(self.words & 0x7f).expect("it is 7 bits")
    }
}
