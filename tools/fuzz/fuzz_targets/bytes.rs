//! Any bytes are a trace: no panic, a readable capture of right packets, the same one each time, and after every cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strace2pcap_fuzz::{convert, options, packets};

fuzz_target!(|data: &[u8]| {
    let [number, cut, trace @ ..] = data else {
        return;
    };
    let options = options(*number);
    let capture = convert(options, trace, 0);
    packets(&capture);
    assert_eq!(capture, convert(options, trace, 0), "the same trace, another file");
    packets(&convert(options, trace, 1 + usize::from(*cut)));
    packets(&convert(options, &trace[..trace.len() * usize::from(*cut) / 256], 0));
});
