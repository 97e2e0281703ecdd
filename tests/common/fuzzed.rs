//! What the fuzz targets of `tools/fuzz` hold of any input, here so that every run of the tests builds it and tries it.

use super::packet::{Packet, decode};
use super::traffic::{Step, TCP, Traffic, Turn, UNIX, trace_of_both_ends, trace_of_steps};
use super::{capture, laws, render};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;
use strace2pcap::inside::{Converter, Fifos, Name, Trace, TraceOptions};
use strace2pcap::{Options, Task};

/// Every combination of options that makes a difference to the packets, by a number.
static OPTIONS: LazyLock<Vec<Options>> = LazyLock::new(|| (0..=255).map(parsed).collect());

fn parsed(number: u8) -> Options {
    let choice = |bit: u8, without: &'static str, with: &'static str| if number & bit == 0 { without } else { with };
    let words = [
        "strace2pcap - --capture-net",
        choice(1, "--view syscall", "--view wire"),
        ["", "", "--seed-http2", "--seed-http2 --seed-grpc"][usize::from(number >> 1 & 3)],
        choice(8, "--format pcap", "--format pcapng"),
        choice(16, "", "--pid 100"),
        choice(32, "", "--exclude-pid 101"),
        choice(64, "", "--port 80"),
        choice(128, "--capture-pipes --capture-unix-socket", "--capture-pipes=/r* --capture-unix-socket=/r*"),
    ];
    match strace2pcap::parse(words.join(" ").split_whitespace()) {
        Ok(Task::Convert(options)) => options,
        other => panic!("{other:?}"),
    }
}

/// That with this number.
fn options(number: u8) -> &'static Options {
    &OPTIONS[usize::from(number)]
}

/// A file in memory that can be read while the converter holds it.
#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The capture of `trace`. Every `pause_each` lines the input is said to pause, 0 for never.
fn convert(options: &Options, trace: &[u8], pause_each: usize) -> Vec<u8> {
    let sink = Sink::default();
    let trace_options = Trace {
        name: Name::standard_input(),
        options: TraceOptions { pipes: Some(Fifos::new(options.pipe_names.clone())), ..TraceOptions::default() },
    };
    let mut converter = Converter::new(options, &[trace_options], sink.clone()).expect("memory takes all");
    let mut lines: Vec<&[u8]> = trace.split(|&byte| byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    for (number, line) in lines.into_iter().enumerate() {
        converter.line(0, None, line).expect("memory takes all");
        if pause_each != 0 && number % pause_each == 0 {
            converter.pause(Duration::ZERO).expect("memory takes all");
        }
    }
    converter.finish().expect("memory takes all");
    let _ = converter.report(true);
    sink.0.take()
}

/// The packets of a capture, each of which must be right in all its lengths and checksums.
fn packets(capture: &[u8]) -> Vec<Packet> {
    let capture = capture::read(capture).expect("the capture is readable");
    let good = |record| {
        let packet = decode(record).expect("it is a packet");
        assert!(packet.faults.is_empty(), "{}", render::packet_line(&packet));
        packet
    };
    // D-Bus messages are no packets.
    let ethernet = capture.records.iter().filter(|record| record.link == 1);
    ethernet.map(good).collect()
}

/// Any bytes are a trace: no panic, a readable capture of right packets, the same one each time, and after every cut.
pub fn bytes(data: &[u8]) {
    let [number, cut, trace @ ..] = data else {
        return;
    };
    let options = options(*number);
    let capture = convert(options, trace, 0);
    packets(&capture);
    assert_eq!(capture, convert(options, trace, 0), "the same trace, another file");
    packets(&convert(options, trace, 1 + usize::from(*cut)));
    packets(&convert(options, &trace[..trace.len() * usize::from(*cut) / 256], 0));
}

/// Takes a byte off the front, 0 when there is none.
fn byte(data: &mut &[u8]) -> u8 {
    let Some((first, rest)) = data.split_first() else {
        return 0;
    };
    *data = rest;
    *first
}

/// Takes a payload off the front: its length, and its bytes.
fn payload(data: &mut &[u8]) -> Vec<u8> {
    let length = (1 + usize::from(byte(data) & 63)).min(data.len());
    let (payload, rest) = data.split_at(length);
    *data = rest;
    if payload.is_empty() { vec![0] } else { payload.to_vec() }
}

fn steps(mut data: &[u8]) -> Traffic {
    let mut steps = Vec::new();
    while !data.is_empty() {
        let [who, how, open] = [(); 3].map(|()| byte(&mut data));
        steps.push(Step {
            thread: who & 3,
            socket: who >> 2 & 7,
            sends: who & 32 != 0,
            call: how & 7,
            style: how >> 3 & 3,
            unsent: how >> 5,
            open_for: open & 3,
            fails: open & 0xf0 == 0xf0,
            payload: payload(&mut data),
        });
    }
    trace_of_steps(&steps)
}

fn turns(mut data: &[u8], unix: bool) -> Traffic {
    let mut turns = Vec::new();
    while !data.is_empty() {
        let how = byte(&mut data);
        let end = how & 1 != 0;
        turns.push(if how & 2 == 0 {
            Turn::Read { end, room: 1 + (how >> 2) }
        } else {
            Turn::Write { end, payload: payload(&mut data), open_for: how >> 2 & 3 }
        });
    }
    trace_of_both_ends(if unix { UNIX } else { TCP }, &turns)
}

/// Made-up traffic of several threads: the bytes that come out are those that went in, and seq never skips.
pub fn traffic(data: &[u8]) {
    let [kind, data @ ..] = data else { return };
    // Without seeds, which are bytes that nobody sent.
    let wire = kind & 1 != 0;
    let (traffic, conversation) = match kind >> 1 & 3 {
        0 => (turns(data, true), true),
        1 => (turns(data, false), true),
        _ => (steps(data), wire),
    };
    // Over TCP the syscall view tells both ends.
    let wire = wire || kind >> 1 & 3 == 1;
    let capture = convert(options(u8::from(wire)), traffic.trace.as_bytes(), usize::from(kind >> 3));
    let packets = packets(&capture);
    let verdict = laws::payload(&traffic, &packets)
        .and_then(|()| laws::seq(&packets))
        .and_then(|()| if conversation { laws::conversation(&packets) } else { Ok(()) });
    if let Err(problem) = verdict {
        panic!("{problem}\n{}", traffic.trace);
    }
}
