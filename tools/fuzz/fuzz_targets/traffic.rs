//! Made-up traffic of several threads.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strace2pcap_fuzz::common::fuzzed::traffic(data));
