//! What holds where several threads and processes use one stream, whatever the order in which their calls overlap: each
//! byte once, in the order in which it was received, in order of time, and the same however the trace comes.

use crate::common::capture;
use crate::common::crowd::{Crowd, Kind, Lines, Setting, crowd, crowd_in};
use crate::common::packet::Packet;
use crate::common::program::good_packet;
use crate::laws::{Verdict, holds};
use proptest::prelude::*;
use std::io::Write;
use std::time::Duration;
use strace2pcap::Task;
use strace2pcap::inside::{Converter, Fifos, Name, Tid, Timestamp, Trace, TraceOptions};

/// A converter of traces of these threads, or of one trace, into `sink`.
pub fn converter<W: Write>(view: &str, threads: &[Option<Tid>], sink: W) -> Converter<W> {
    converter_with(&["--view", view], threads, sink)
}

fn converter_with<W: Write>(options: &[&str], threads: &[Option<Tid>], sink: W) -> Converter<W> {
    let words = [&["strace2pcap", "--capture-unix-socket", "--capture-pipes"], options, &["out.pcapng"]].concat();
    let Ok(Task::Convert(options)) = strace2pcap::parse(words) else { panic!("the command line is right") };
    let fifos = Fifos::default();
    let trace = |tid: &Option<Tid>| {
        let options = TraceOptions { tid: *tid, pipes: Some(fifos.clone()), keys: true, ..TraceOptions::default() };
        Trace { name: Name::new("trace"), options }
    };
    let traces: Vec<Trace> = threads.iter().map(trace).collect();
    Converter::new(&options, &traces, sink).expect("memory takes it")
}

/// How the lines come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// All at once.
    File,
    /// One after the other, and after each a look that finds nothing.
    Pipe,
}

fn together(crowd: &Crowd, view: &str, way: Way) -> Vec<u8> {
    together_with(crowd, &["--view", view], way)
}

fn together_with(crowd: &Crowd, options: &[&str], way: Way) -> Vec<u8> {
    let mut converter = converter_with(options, &[None], Vec::new());
    for line in crowd.together.lines() {
        converter.line(0, None, line.as_bytes()).expect("memory takes it");
        if way == Way::Pipe {
            converter.pause(Duration::ZERO).expect("memory takes it");
        }
    }
    converter.finish().expect("memory takes it");
    converter.into_sink()
}

fn apart(crowd: &Crowd, view: &str) -> Vec<u8> {
    let mut threads: Vec<u32> = crowd.apart.iter().map(|line| line.tid).collect();
    threads.sort_unstable();
    threads.dedup();
    let tids: Vec<_> = threads.iter().map(|tid| Some(Tid(*tid))).collect();
    let mut converter = converter(view, &tids, Vec::new());
    let mut lines = crowd.apart.clone();
    lines.sort_by_key(|line| line.end);
    for line in &lines {
        let trace = threads.binary_search(&line.tid).expect("it is one of them");
        converter.line(trace, Some(Timestamp(line.end)), line.text.as_bytes()).expect("memory takes it");
    }
    converter.finish().expect("memory takes it");
    converter.into_sink()
}

fn packets(file: &[u8]) -> Result<Vec<Packet>, String> {
    let capture = capture::read(file)?;
    Ok(capture.records.iter().filter(|record| record.link == 1).map(good_packet).collect())
}

/// What has moved, in order of time. In the syscall view a conversation may wait until its first bytes tell what it is, and
/// others come first.
fn moved(packets: &[Packet]) -> Vec<u8> {
    let mut by_time: Vec<_> = packets.iter().collect();
    by_time.sort_by_key(|packet| packet.time);
    by_time.iter().flat_map(|packet| packet.payload.clone()).collect()
}

/// Each byte is there once, and in the order of the stream.
fn is_whole(crowd: &Crowd, file: &[u8]) -> Result<Vec<Packet>, String> {
    let packets = packets(file)?;
    let found = moved(&packets);
    if found == crowd.stream {
        return Ok(packets);
    }
    let at = found.iter().zip(&crowd.stream).take_while(|(found, sent)| found == sent).count();
    let text = |bytes: &[u8]| bytes[at..bytes.len().min(at + 60)].escape_ascii().to_string();
    Err(format!(
        "{} bytes of {}, the first other one at {at}: {} for {} of\n{}",
        found.len(),
        crowd.stream.len(),
        text(&found),
        text(&crowd.stream),
        crowd.together
    ))
}

fn is_in_order_of_time(packets: &[Packet]) -> Verdict {
    if packets.is_sorted_by_key(|packet| packet.time) {
        return Ok(());
    }
    Err("the capture is not in order of time".to_owned())
}

fn choices() -> impl Strategy<Value = (u8, Vec<u8>)> {
    (0..3_u8, prop::collection::vec(any::<u8>(), 4..120))
}

const KINDS: [Kind; 3] = [Kind::Pipe, Kind::Unix, Kind::Tcp];

fn crowd_of((kind, choices): &(u8, Vec<u8>)) -> Crowd {
    crowd(KINDS[usize::from(*kind)], choices)
}

/// Each byte is there once, and what each has sent in its order.
fn has_each_senders_bytes(crowd: &Crowd, packets: &[Packet]) -> Verdict {
    let found = moved(packets);
    let parts = |bytes: &[u8]| {
        let mut parts: [Vec<u8>; 6] = Default::default();
        for byte in bytes {
            parts[usize::from(byte.saturating_sub(b'a') / 5)].push(*byte);
        }
        // Many may say the same lines.
        if bytes.contains(&b'\n') {
            for part in &mut parts {
                part.sort_unstable();
            }
        }
        parts
    };
    if parts(&found) == parts(&crowd.stream) {
        return Ok(());
    }
    let text = String::from_utf8_lossy;
    Err(format!("{}\nfor\n{}\nof\n{}", text(&found), text(&crowd.stream), crowd.together))
}

fn holds_in(setting: Setting, (kind, choices): &(u8, Vec<u8>)) -> Verdict {
    // Of a pipe it is not looked for what was in flight.
    let kinds = if setting.is_attached { [Kind::Unix, Kind::Unix, Kind::Tcp] } else { KINDS };
    let crowd = crowd_in(setting, kinds[usize::from(*kind)], choices);
    let is_right = |file: &[u8]| {
        if setting.is_order_known() {
            is_whole(&crowd, file)
        } else {
            let packets = packets(file)?;
            has_each_senders_bytes(&crowd, &packets).map(|()| packets)
        }
    };
    let convert = |view: &str| {
        if setting.lines == Lines::Apart { apart(&crowd, view) } else { together(&crowd, view, Way::File) }
    };
    let file = convert("wire");
    is_in_order_of_time(&is_right(&file)?)?;
    if setting.lines != Lines::Apart && file != together(&crowd, "wire", Way::Pipe) {
        return Err(format!("a pipe gives another capture of\n{}", crowd.together));
    }
    if *kind < 2 {
        is_right(&convert("syscall"))?;
    }
    Ok(())
}

#[test]
fn each_byte_is_there_once_in_the_order_in_which_it_was_received() {
    holds(1000, choices(), |choices| {
        let crowd = crowd_of(&choices);
        let file = together(&crowd, "wire", Way::File);
        is_in_order_of_time(&is_whole(&crowd, &file)?)?;
        if file != together(&crowd, "wire", Way::Pipe) {
            return Err(format!("a pipe gives another capture of\n{}", crowd.together));
        }
        Ok(())
    });
}

#[test]
fn each_byte_is_there_once_where_each_thread_has_a_file() {
    holds(500, choices(), |choices| {
        let crowd = crowd_of(&choices);
        is_in_order_of_time(&is_whole(&crowd, &apart(&crowd, "wire"))?)
    });
}

#[test]
fn each_byte_is_there_once_in_the_syscall_view_of_what_is_local() {
    holds(500, choices(), |(kind, choices)| {
        let crowd = crowd_of(&(kind % 2, choices));
        is_whole(&crowd, &together(&crowd, "syscall", Way::File)).map(drop)
    });
}

const TOGETHER: Setting =
    Setting { several_receive: false, some_are_killed: false, lines: Lines::Together, is_attached: false };
const SEVERAL: Setting = Setting { several_receive: true, ..TOGETHER };
const KILLED: Setting = Setting { some_are_killed: true, ..TOGETHER };
const ENDS: Setting = Setting { lines: Lines::Ends, ..TOGETHER };
const APART: Setting = Setting { lines: Lines::Apart, ..TOGETHER };
const KILLED_AND_ENDS: Setting = Setting { some_are_killed: true, ..ENDS };
const KILLED_APART: Setting = Setting { some_are_killed: true, ..APART };
const ATTACHED: Setting = Setting { is_attached: true, ..TOGETHER };
const SETTINGS: [Setting; 8] = [TOGETHER, SEVERAL, KILLED, ENDS, APART, KILLED_AND_ENDS, KILLED_APART, ATTACHED];

#[test]
fn each_byte_is_there_once_where_several_receive() {
    holds(500, choices(), |choices| holds_in(SEVERAL, &choices));
}

#[test]
fn each_byte_is_there_once_where_who_sends_is_killed() {
    holds(500, choices(), |choices| holds_in(KILLED, &choices));
}

#[test]
fn each_byte_is_there_once_where_only_ends_are_printed() {
    holds(500, choices(), |choices| holds_in(ENDS, &choices));
}

#[test]
fn each_byte_is_there_once_where_who_sends_is_killed_and_only_ends_are_printed() {
    holds(500, choices(), |choices| holds_in(KILLED_AND_ENDS, &choices));
}

#[test]
fn each_byte_is_there_once_where_who_sends_is_killed_and_each_has_a_file() {
    holds(500, choices(), |choices| holds_in(KILLED_APART, &choices));
}

#[test]
fn each_byte_is_there_once_where_strace_was_attached_but_what_was_in_flight_behind_a_send() {
    holds(500, choices(), |choices| holds_in(ATTACHED, &choices));
}

/// The choices that a number stands for.
fn drawn(seed: u64) -> (u8, Vec<u8>) {
    let mut state = seed;
    let mut draw = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u8::try_from(mixed >> 56).expect("it is 8 bits")
    };
    let (kind, length) = (draw() % 3, 4 + usize::from(draw()) * 2 / 3);
    (kind, (0..length).map(|_| draw()).collect())
}

/// The same of as many numbers as are asked for:
/// `CROWDS=0..1000000 cargo test --release --test offline crowds::a_range_of_numbers -- --ignored`.
#[test]
#[ignore = "takes as long as one likes"]
fn a_range_of_numbers() {
    let range = std::env::var("CROWDS").unwrap_or_else(|_| "0..10000".to_owned());
    let [from, to] = range.split("..").map(|end| end.parse::<u64>().expect("it is a number")).collect::<Vec<_>>()[..]
    else {
        panic!("CROWDS is FROM..TO");
    };
    let mut wrong = Vec::new();
    for number in from..to {
        let count = u64::try_from(SETTINGS.len()).expect("they are few");
        let setting = SETTINGS[usize::try_from(number % count).expect("it is one of them")];
        if let Err(problem) = holds_in(setting, &drawn(number)) {
            wrong.push(format!("---- {number} {setting:?}\n{problem}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), to - from, wrong.join("\n"));
}

/// Some of those who have sent, by a drawn number, as an option has them.
fn some_senders(crowd: &Crowd, number: u8) -> Vec<u32> {
    let is_one_of_them = |tid: &u32| number >> (tid % 10 % 8) & 1 == 1;
    crowd.by_sender.keys().copied().filter(is_one_of_them).collect()
}

fn as_list(tids: &[u32]) -> String {
    tids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

#[test]
fn each_byte_is_there_once_where_some_who_send_are_left_out_and_the_reader_is_not() {
    holds(500, (choices(), any::<u8>()), |(choices, number)| {
        let crowd = crowd_of(&choices);
        let left_out = some_senders(&crowd, number);
        if left_out.is_empty() {
            return Ok(());
        }
        let options = ["--view", "wire", "--exclude-pid", &as_list(&left_out)];
        let file = together_with(&crowd, &options, Way::File);
        is_in_order_of_time(&is_whole(&crowd, &file)?)
    });
}

#[test]
fn each_byte_is_there_once_of_some_who_send() {
    holds(500, (choices(), any::<u8>()), |(choices, number)| {
        let crowd = crowd_of(&choices);
        let shown = some_senders(&crowd, number);
        if shown.is_empty() {
            return Ok(());
        }
        let options = ["--view", "wire", "--pid", &as_list(&shown)];
        let packets = packets(&together_with(&crowd, &options, Way::File))?;
        is_in_order_of_time(&packets)?;
        let mut found: Vec<u8> = packets.into_iter().flat_map(|packet| packet.payload).collect();
        let mut sent: Vec<u8> = shown.iter().flat_map(|tid| crowd.by_sender[tid].clone()).collect();
        found.sort_unstable();
        sent.sort_unstable();
        if found == sent {
            return Ok(());
        }
        Err(format!("{} bytes of {} that {shown:?} sent in\n{}", found.len(), sent.len(), crowd.together))
    });
}
