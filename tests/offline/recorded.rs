//! What a recording of ours is said to lack: nobody is told to record with what it was recorded with.

use strace2pcap::Task;
use strace2pcap::inside::{Converter, Name, Trace, TraceOptions};

/// The report of a trace that `words` would record, or convert.
fn told(words: &[&str], trace: &str) -> String {
    let words = ["strace2pcap"].iter().chain(words);
    let options = match strace2pcap::parse(words) {
        Ok(Task::Convert(options)) => options,
        Ok(Task::Record(recording)) => recording.options,
        _ => panic!("the command line is right"),
    };
    let trace_of = Trace { name: Name::new("trace"), options: TraceOptions::default() };
    let mut converter = Converter::new(&options, &[trace_of], Vec::new()).expect("memory takes it");
    for line in trace.lines() {
        converter.line(0, None, line.as_bytes()).expect("memory takes it");
    }
    converter.finish().expect("memory takes it");
    serde_json::to_string(&converter.report(true)).expect("it is JSON")
}

#[test]
fn what_we_chose_is_no_advice() {
    let nothing = "";
    let no_socket = "7 1700000000.000001 execve(\"/bin/true\", [], 0x1) = 0 <0.000100>\n\
                     7 1700000000.000002 read(3</etc/hosts>, \"\", 10) = 0 <0.000100>";
    let no_details = "7 1700000000.000002 read(3, \"abc\", 10) = 3 <0.000100>";
    let unmoved = "7 1700000000.000002 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3<TCP:[9]> <0.000100>\n\
                   7 1700000000.000003 connect(3<TCP:[9]>, {sa_family=AF_INET, sin_port=htons(80), \
                   sin_addr=inet_addr(\"10.0.0.1\")}, 16) = 0 <0.000100>";
    let cut = "7 1700000000.000002 write(3<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\\x61\\x62\"..., 9) = 9 <0.000100>";
    let strange = "7 1700000000.000002 close(3<TCP:[9]>) = 0 <0.000100>\nhello\n7 1700000000.000003 <... read resumed>\"\", 1) = 0 <0.1>";
    for (trace, by_hand) in [
        (nothing, "unless it is given -o"),
        (no_socket, "strace2pcap --calls prints"),
        (no_details, "record with -yy"),
        (unmoved, "strace2pcap --calls"),
        (cut, "record with -s 1048576"),
        (strange, "give the text that strace writes with -o"),
    ] {
        let hand = told(&["out"], trace);
        assert!(hand.contains(by_hand), "{hand}");
        for words in [&["--run", "out", "curl"][..], &["--attach", "7", "out"], &["--run", "out", "--", "-p", "7"]] {
            let ours = told(words, trace);
            for advice in ["record with", "--calls", "(-f)", "-o", "-e trace", "-yy", "from its beginning"] {
                assert!(!ours.contains(advice), "{words:?}: {ours}");
            }
        }
        let chosen = told(&["--run", "out", "--", "-s", "8", "-e", "trace=network", "curl"], trace);
        assert_eq!(chosen, hand, "who gives strace options is told of them");
    }
}

#[test]
fn a_recording_without_sockets_tells_where_to_look() {
    let trace = "7 1700000000.000002 read(3</etc/hosts>, \"\", 10) = 0 <0.000100>";
    let started = told(&["--run", "out", "ls"], trace);
    assert!(started.contains("neither the command nor a process that it made has used a socket"), "{started}");
    let attached = told(&["--attach", "7", "out"], trace);
    assert!(attached.contains("no call on a socket ended while strace was attached"), "{attached}");
}
