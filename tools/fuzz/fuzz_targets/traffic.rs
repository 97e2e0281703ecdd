//! Made-up traffic of several threads: the bytes that come out are those that went in, and seq never skips.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strace2pcap_fuzz::common::laws;
use strace2pcap_fuzz::common::traffic::{Step, TCP, Traffic, Turn, UNIX, trace_of_both_ends, trace_of_steps};
use strace2pcap_fuzz::{convert, options, packets};

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

fuzz_target!(|data: &[u8]| {
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
});
