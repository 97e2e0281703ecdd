//! What the fuzz targets share: the way through the program, and the tests' reader and laws.

/// The parts of the tests' own library that need no built program.
#[path = "../../../tests/common"]
#[allow(dead_code, reason = "each target uses its own part")]
pub mod common {
    pub mod capture;
    pub mod escape;
    pub mod laws;
    pub mod packet;
    pub mod render;
    pub mod traffic;
}

use common::packet::{Packet, decode};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::LazyLock;
use strace2pcap::{Options, Task};
use strace2pcap::inside::{Converter, Fifos, Name, Trace, TraceOptions};

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
pub fn options(number: u8) -> &'static Options {
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

/// The capture of `trace`: the one place to adapt where the way through the program changes. Every `pause_each` lines
/// the input is said to pause, 0 for never.
pub fn convert(options: &Options, trace: &[u8], pause_each: usize) -> Vec<u8> {
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
        converter.line(0, line).expect("memory takes all");
        if pause_each != 0 && number % pause_each == 0 {
            converter.pause().expect("memory takes all");
        }
    }
    converter.finish().expect("memory takes all");
    let _ = converter.report(true);
    sink.0.take()
}

/// The packets of a capture, each of which must be right in all its lengths and checksums.
pub fn packets(capture: &[u8]) -> Vec<Packet> {
    let capture = common::capture::read(capture).expect("the capture is readable");
    let good = |record| {
        let packet = decode(record).expect("it is a packet");
        assert!(packet.faults.is_empty(), "{}", common::render::packet_line(&packet));
        packet
    };
    // D-Bus messages are no packets.
    let ethernet = capture.records.iter().filter(|record| record.link == 1);
    ethernet.map(good).collect()
}
