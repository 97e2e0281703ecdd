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
use std::path::PathBuf;
use std::rc::Rc;
use strace2pcap::event::Tid;
use strace2pcap::glob::Glob;
use strace2pcap::run::convert::{Converter, Trace};
use strace2pcap::run::name::Name;
use strace2pcap::run::options::{Format, Options, ReportFormat, Seed, Verbosity, View};
use strace2pcap::strace::Fifos;
use strace2pcap::unix::{Ports, UNKNOWN_PORT};

/// Every combination of options that makes a difference to the packets, by a number.
pub fn options(number: u8) -> Options {
    let wire = number & 1 != 0;
    let asked = |bit: u8| (number & bit != 0).then_some(()).into_iter();
    let pattern = || Glob::new(b"/r*").expect("it is a pattern");
    Options {
        output: PathBuf::from("-"),
        traces: vec![PathBuf::from("-")],
        net: true,
        unix: true,
        pipes: true,
        pipe_names: asked(128).map(|()| pattern()).collect(),
        unix_names: asked(128).map(|()| pattern()).collect(),
        unix_port: if wire { Ports::Auto } else { Ports::Fixed(UNKNOWN_PORT) },
        unix_port_for: Vec::new(),
        pids: asked(16).map(|()| Tid(100)).collect(),
        excluded_pids: asked(32).map(|()| Tid(101)).collect(),
        ports: asked(64).map(|()| 80..=80).collect(),
        seed: [Seed::None, Seed::None, Seed::Http2, Seed::Grpc][usize::from(number >> 1 & 3)],
        view: if wire { View::Wire } else { View::Syscall },
        format: if number & 8 == 0 { Format::Pcap } else { Format::PcapNg },
        date: None,
        start: None,
        strict: false,
        report: ReportFormat::Text,
        verbosity: Verbosity::Quiet,
    }
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
        options: strace2pcap::strace::Options {
            pipes: Some(Fifos::new(options.pipe_names.clone())),
            ..strace2pcap::strace::Options::default()
        },
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
