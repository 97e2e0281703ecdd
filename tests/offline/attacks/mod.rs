//! The law that work grows as the trace does, whatever it holds: each attack at two sizes, the second twice the first, may
//! take no more than two and a half times as many steps ([`MOST`]).
//!
//! Steps are counted where loops go over something that a trace can make long (`src/work.rs`), so that no machine's speed
//! is measured. An attack is a function that writes a trace of a size; a new one is a row in the table of its file. Where
//! what a loop goes over has a bound, the size is beyond that.

mod payload;
mod processes;
mod sockets;
mod text;

use crate::crowds::converter;
use std::fmt::{Arguments, Write as _};
use strace2pcap::inside::steps_taken;

/// How many times as many steps twice the trace may take: two, and what a tree's depth, a table that doubles just then, or
/// a bound that only the larger one meets add to it.
const MOST: [u64; 2] = [5, 2];

/// Fewer steps than so many a line tell nothing of how they grow.
const FEW: u64 = 4;

/// The size of most attacks.
const USUAL: usize = 600;

/// A trace that is made to be dear.
struct Attack {
    /// What it is called.
    name: &'static str,
    /// How often what makes it long is repeated in the smaller trace.
    size: usize,
    /// Writes it.
    write: fn(&mut Text, usize),
}

/// A row of a table.
const fn attack(name: &'static str, size: usize, write: fn(&mut Text, usize)) -> Attack {
    Attack { name, size, write }
}

/// A trace that is being written.
#[derive(Default)]
struct Text {
    lines: String,
    count: u64,
}

impl Text {
    /// A line's time: ten microseconds after the one before.
    fn time(&mut self) -> String {
        self.count += 1;
        format!("{}.{:06}", 1_700_000_000 + self.count / 100_000, self.count % 100_000 * 10)
    }

    /// A line as it is.
    fn plain(&mut self, line: Arguments<'_>) {
        writeln!(self.lines, "{line}").expect("memory takes it");
    }

    /// A line of a thread.
    fn line(&mut self, tid: usize, body: Arguments<'_>) {
        let time = self.time();
        writeln!(self.lines, "{tid} {time} {body}").expect("memory takes it");
    }
}

/// How many steps the trace takes in a view, and how many lines it has.
fn steps(attack: &Attack, size: usize, view: &str) -> (u64, u64) {
    let mut text = Text::default();
    (attack.write)(&mut text, size);
    let mut converter = converter(view, &[None], std::io::sink());
    let before = steps_taken();
    for line in text.lines.lines() {
        converter.line(0, None, line.as_bytes()).expect("memory takes it");
    }
    converter.finish().expect("memory takes it");
    (steps_taken() - before, text.lines.lines().count() as u64)
}

/// What breaks the law: how many steps each of them takes.
fn broken(attacks: &[Attack]) -> Vec<String> {
    let mut broken = Vec::new();
    for attack in attacks {
        for view in ["syscall", "wire"] {
            let (first, _) = steps(attack, attack.size, view);
            let (second, lines) = steps(attack, 2 * attack.size, view);
            if second > FEW * lines && MOST[1] * second > MOST[0] * first {
                broken
                    .push(format!("{} in the {view} view: {first} steps, and of twice as much {second}", attack.name));
            }
        }
    }
    broken
}

#[track_caller]
fn hold(attacks: &[Attack]) {
    let broken = broken(attacks);
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn processes_and_descriptors() {
    hold(processes::ATTACKS);
}

#[test]
fn sockets_and_connections() {
    hold(sockets::ATTACKS);
}

#[test]
fn what_is_sent() {
    hold(payload::ATTACKS);
}

#[test]
fn text_of_calls() {
    hold(text::ATTACKS);
}

/// The law is not one that everything keeps: here each line is longer than the one before.
#[test]
fn what_grows_faster_is_seen() {
    let square: fn(&mut Text, usize) = |text, n| {
        for length in 0..n {
            let flags = "MSG_DONTWAIT|".repeat(length);
            text.line(1, format_args!("sendto(3<TCP:[10.0.0.1:4000->10.0.0.2:80]>, \"x\", 1, {flags}0, NULL, 0) = 1"));
        }
    };
    let broken = broken(&[attack("square", USUAL, square)]);
    assert_eq!(broken.len(), 2, "{broken:?}");
}
