//! Any bytes are a trace.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strace2pcap_fuzz::common::fuzzed::bytes(data));
