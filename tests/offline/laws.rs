//! What holds for every trace, tried on made-up ones.
//!
//! The numbers are drawn from a fixed seed, so that a run is the same everywhere; `PROPTEST_RNG_SEED` and
//! `PROPTEST_CASES` take it elsewhere and further.

use crate::common::laws;
use crate::common::packet::Packet;
use crate::common::program::{convert, good_packet};
use crate::common::traffic::{Step, TCP, Turn, UNIX, trace_of_both_ends, trace_of_steps};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::net::SocketAddr;

pub type Verdict = Result<(), String>;

/// Tries `law` on `cases` made-up values.
pub fn holds<T: Debug>(cases: u32, values: impl Strategy<Value = T>, law: impl Fn(T) -> Verdict) {
    let mut config = ProptestConfig { failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    let law = |value| law(value).map_err(TestCaseError::fail);
    if let Err(problem) = TestRunner::new(config).run(&values, law) {
        panic!("{problem}");
    }
}

const SYSCALL: &[&str] = &["--capture-unix-socket", "--view", "syscall"];
const WIRE: &[&str] = &["--capture-unix-socket", "--view", "wire"];
const SEEDED: &[&str] = &["--capture-unix-socket", "--seed-http2", "--seed-grpc", "out.pcapng"];

const FILTERED: &[&str] = &["--capture-unix-socket=/r*", "--pid", "100", "--port", "53,80,50051", "out.pcapng"];

/// The packets of a run that must succeed, or else refuse what is no trace and write none.
fn packets(options: &[&str], trace: &[u8]) -> Result<Vec<Packet>, String> {
    let outcome = convert(options, trace);
    let capture = crate::common::capture::read(&outcome.file)?;
    let no_trace = [" is of ", "is no text", "in front of strace's lines", "other quotes"];
    let refused = outcome.status == Some(1)
        && capture.records.is_empty()
        && no_trace.iter().any(|part| outcome.stderr.contains(part));
    if outcome.status != Some(0) && !refused {
        return Err(format!("status {:?}: {}", outcome.status, outcome.stderr));
    }
    // D-Bus messages are no packets.
    let ethernet = capture.records.iter().filter(|record| record.link == 1);
    Ok(ethernet.map(good_packet).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let payload = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 1..40),
        2 => "[ -~]{1,60}".prop_map(String::into_bytes),
        1 => Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        2 => http2_frame(),
        1 => prop::collection::vec(any::<u8>(), 2000..2100),
    ];
    let who = (0..4_u8, 0..7_u8, any::<bool>());
    let how = (0..5_u8, 0..4_u8, prop_oneof![2 => Just(0), 1 => 1..5_u8], 0..4_u8);
    (who, payload, how, prop::bool::weighted(0.1)).prop_map(|(who, payload, how, fails)| Step {
        thread: who.0,
        socket: who.1,
        sends: who.2,
        payload,
        call: how.0,
        style: how.1,
        open_for: how.2,
        unsent: how.3,
        fails,
    })
}

fn http2_frame() -> impl Strategy<Value = Vec<u8>> {
    (0..10_u8, any::<u8>(), 0..6_u8, prop::collection::vec(any::<u8>(), 0..30)).prop_map(
        |(kind, flags, stream, payload)| {
            let length = u8::try_from(payload.len()).expect("it is short");
            let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
            frame.extend_from_slice(&payload);
            frame
        },
    )
}

/// A step of a connection that mostly speaks HTTP/2: whole frames, of gRPC now and then, and parts of them.
fn http2_step() -> impl Strategy<Value = Step> {
    let cut = prop_oneof![3 => Just(usize::MAX), 1 => 1..60_usize];
    (step(), prop::bool::weighted(0.8), any::<bool>(), cut).prop_map(|(mut step, is_frame, is_grpc, cut)| {
        if is_frame {
            let payload = &step.payload[..step.payload.len().min(200)];
            let message = if is_grpc { &b"\0\0\0\0\0"[..] } else { &[] };
            let length = u8::try_from(message.len() + payload.len()).expect("it is short");
            step.payload = [&[0, 0, length, 0, 0, 0, 0, 0, 1], message, payload].concat();
            step.payload.truncate(cut);
        }
        step
    })
}

fn turn() -> impl Strategy<Value = Turn> {
    let payload = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..30),
        1 => http2_frame(),
    ];
    let open_for = prop_oneof![2 => Just(0), 1 => 1..4_u8];
    prop_oneof![
        (any::<bool>(), payload, open_for).prop_map(|(end, payload, open_for)| Turn::Write { end, payload, open_for }),
        (any::<bool>(), 1..60_u8).prop_map(|(end, room)| Turn::Read { end, room }),
    ]
}

#[test]
fn payload_in_is_payload_out_and_seq_never_skips_in_the_syscall_view() {
    holds(150, prop::collection::vec(step(), 1..40), |steps| {
        let traffic = trace_of_steps(&steps);
        let packets = packets(SYSCALL, traffic.trace.as_bytes())?;
        laws::payload(&traffic, &packets)?;
        laws::seq(&packets)
    });
}

#[test]
fn payload_in_is_payload_out_and_each_end_acknowledges_in_the_wire_view() {
    holds(150, prop::collection::vec(step(), 1..40), |steps| {
        let traffic = trace_of_steps(&steps);
        let packets = packets(WIRE, traffic.trace.as_bytes())?;
        laws::payload(&traffic, &packets)?;
        laws::seq(&packets)?;
        laws::conversation(&packets)
    });
}

#[test]
fn each_byte_is_there_once_where_both_ends_of_a_tcp_connection_are_traced() {
    holds(150, prop::collection::vec(turn(), 1..40), |turns| {
        let traffic = trace_of_both_ends(TCP, &turns);
        let packets = packets(WIRE, traffic.trace.as_bytes())?;
        laws::payload(&traffic, &packets)?;
        laws::seq(&packets)?;
        laws::conversation(&packets)
    });
}

#[test]
fn each_byte_is_there_once_where_both_ends_of_a_unix_socket_are_traced() {
    for options in [SYSCALL, WIRE] {
        holds(100, prop::collection::vec(turn(), 1..40), |turns| {
            let traffic = trace_of_both_ends(UNIX, &turns);
            let packets = packets(options, traffic.trace.as_bytes())?;
            laws::payload(&traffic, &packets)?;
            laws::seq(&packets)?;
            laws::conversation(&packets)
        });
    }
}

/// Thread 101 as the marking writes it.
const THREAD_101: [u8; 6] = [0, 0, 0, 0, 1, 1];

#[test]
fn a_filter_leaves_packets_out_and_changes_none_in_the_syscall_view() {
    holds(60, prop::collection::vec(step(), 1..40), |steps| {
        let trace = trace_of_steps(&steps).trace;
        let of_101 = |packet: &Packet| [packet.source_mac, packet.target_mac].contains(&THREAD_101);
        let all = packets(&[], trace.as_bytes())?;
        let (its, others): (Vec<_>, Vec<_>) = all.into_iter().partition(of_101);
        for (option, expected) in [("--pid", its), ("--exclude-pid", others)] {
            let found = packets(&[option, "101"], trace.as_bytes())?;
            if found != expected {
                return Err(format!("{option} of\n{trace}"));
            }
        }
        Ok(())
    });
}

/// The payload of the packets with this source, one after the other.
fn sent(packets: &[Packet], is_client: bool) -> Vec<u8> {
    let of_end = |packet: &&Packet| (packet.source.port() > packet.target.port()) == is_client;
    let sent = packets.iter().filter(of_end);
    sent.flat_map(|packet| packet.payload.clone()).collect()
}

#[test]
fn one_of_two_traced_ends_has_all_that_it_moved() {
    for (connection, view) in [(TCP, WIRE), (UNIX, WIRE), (UNIX, SYSCALL)] {
        holds(60, prop::collection::vec(turn(), 1..40), |turns| {
            let trace = trace_of_both_ends(connection, &turns).trace;
            // Each end is a process of two threads; the other one alone makes the trace in which there is nothing to hide.
            let alone: Vec<&str> = trace
                .split_inclusive('\n')
                .filter(|line| line.starts_with("100 ") || line.starts_with("102 "))
                .collect();
            let expected = packets(view, alone.concat().as_bytes())?;
            for option in [["--pid", "100"], ["--exclude-pid", "101"]] {
                let found = packets(&[view, &option].concat(), trace.as_bytes())?;
                laws::seq(&found)?;
                laws::conversation(&found)?;
                for is_client in [true, false] {
                    if sent(&found, is_client) != sent(&expected, is_client) {
                        return Err(format!("{option:?} of\n{trace}"));
                    }
                }
            }
            Ok(())
        });
    }
}

#[test]
fn the_same_trace_gives_the_same_file() {
    holds(20, prop::collection::vec(step(), 1..60), |steps| {
        let traffic = trace_of_steps(&steps);
        for options in [SYSCALL, WIRE, SEEDED] {
            let [first, second] = [(); 2].map(|()| convert(options, traffic.trace.as_bytes()).file);
            if first != second || first.is_empty() {
                return Err(format!("{options:?} of\n{}", traffic.trace));
            }
        }
        Ok(())
    });
}

/// What each end has sent to another.
type Flows = HashMap<(SocketAddr, SocketAddr), Vec<u8>>;

/// What each end has sent, without what no call moved, and whether there was any of that.
fn moved(options: &[&str], trace: &str) -> Result<(Flows, bool), String> {
    let capture = crate::common::capture::read(&convert(options, trace.as_bytes()).file)?;
    let (mut flows, mut has_seeds) = (Flows::new(), false);
    for record in capture.records.iter().filter(|record| record.link == 1) {
        let packet = good_packet(record);
        if record.remarks.iter().any(|remark| remark.contains("no call moved these bytes")) {
            has_seeds = true;
        } else {
            flows.entry((packet.source, packet.target)).or_default().extend(packet.payload);
        }
    }
    Ok((flows, has_seeds))
}

#[test]
fn seeds_change_nothing_of_what_calls_moved() {
    let seeded = Cell::new(0);
    holds(100, prop::collection::vec(http2_step(), 1..40), |steps| {
        let trace = trace_of_steps(&steps).trace;
        let (expected, _) = moved(&["out.pcapng"], &trace)?;
        let (found, has_seeds) = moved(&["--seed-http2", "--seed-grpc", "out.pcapng"], &trace)?;
        seeded.set(seeded.get() + u32::from(has_seeds));
        if found == expected { Ok(()) } else { Err(format!("other bytes of\n{trace}")) }
    });
    assert!(seeded.get() > 10, "{} traces have seeds", seeded.get());
}

/// Pieces of which traces are made, whole and broken.
const PIECES: [&str; 40] = [
    "100 ",
    "1700000000.000001 ",
    "[pid 101] ",
    "\n",
    "\r\n",
    "\t",
    "\0",
    " ",
    "write(",
    "read(",
    "sendmsg(",
    "recvmmsg(",
    "close(",
    "connect(",
    "accept4(",
    "clone(",
    "execve(",
    "3<TCP:[10.1.2.3:4000->10.4.5.6:80]>",
    "4<UNIX-STREAM:[500->501]>",
    "5<UDP:[777]>",
    "<",
    ">",
    "\"abc\\x41\\0\"",
    "\"",
    "...",
    ", ",
    "[",
    "]",
    "{",
    "}",
    ")",
    " = ",
    "3",
    "-1 EAGAIN (x)",
    "? ERESTARTSYS",
    " <unfinished ...>",
    "<... read resumed>",
    "{sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"8.8.8.8\")}",
    "[{iov_base=\"ab\", iov_len=2}]",
    "+++ exited with 0 +++",
];

#[test]
fn any_bytes_are_a_trace_and_the_capture_is_readable() {
    let piece = prop_oneof![
        6 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..8),
    ];
    holds(200, prop::collection::vec(piece, 0..400), |pieces| {
        let trace = pieces.concat();
        for options in [SYSCALL, SEEDED, FILTERED] {
            packets(options, &trace)?;
        }
        Ok(())
    });
}

#[test]
fn a_line_with_a_wrong_byte_harms_no_other_line() {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    holds(150, (prop::collection::vec(step(), 3..12), change), |(mut steps, (place, byte))| {
        for step in &mut steps {
            step.open_for = 0;
        }
        let traffic = trace_of_steps(&steps);
        let mut trace = traffic.trace.into_bytes();
        let at = place.index(trace.len());
        if trace[at] != b'\n' && byte != b'\n' {
            trace[at] = byte;
        }
        packets(SYSCALL, &trace)?;
        packets(WIRE, &trace)?;
        Ok(())
    });
}

/// A bit of everything that a reader has a state for.
const SAMPLE: &str = concat!(
    "100 1700000000.000001 connect(3<TCP:[700]>, {sa_family=AF_INET, sin_port=htons(80), ",
    "sin_addr=inet_addr(\"10.4.5.6\")}, 16) = 0 <0.000010>\n",
    "100 1700000000.000002 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\\n\\0\\x41\"..., 9) = 9\n",
    "100 1700000000.000003 recvmsg(4<UNIX-STREAM:[501->500,\"/r\"]>,  <unfinished ...>\n",
    "101 1700000000.000004 sendmmsg(5<UDP:[777]>, [{msg_hdr={msg_name=NULL, msg_namelen=0, ",
    "msg_iov=[{iov_base=\"q\", iov_len=1}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, msg_len=1}], 1, 0) = 1\n",
    "100 1700000000.000005 <... recvmsg resumed>{msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=",
    "\"\\0\\0\\2\\0\\0\\0\\0\\0\\1hi\", iov_len=99}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 11\n",
    "[pid 102] read(7, 0x7f, 10) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n",
    "100 1700000000.000006 close(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>) = 0\n",
    "100 1700000000.000007 +++ exited with 0 +++\n",
);

#[test]
fn a_trace_may_be_cut_at_any_byte() {
    let whole = packets(SYSCALL, SAMPLE.as_bytes()).expect("the sample is converted");
    for end in 0..SAMPLE.len() {
        let cut = packets(SYSCALL, &SAMPLE.as_bytes()[..end]).unwrap_or_else(|problem| panic!("at {end}: {problem}"));
        // The last may be shorter, or be what was held back for a frame's end.
        let sure = cut.len().saturating_sub(1);
        assert_eq!(cut[..sure], whole[..sure], "cut at {end}");
    }
}
