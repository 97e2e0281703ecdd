//! The days and the order of times of day: a trace ended when its file was last written, and may have begun the day
//! before; files of `strace -ff` each have days of their own.

use crate::common::packet::Packet;
use crate::common::program::{Folder, good_packet, run_in};
use std::fs;
use std::time::{Duration, SystemTime};

/// 2023-11-14 00:00:00 UTC, in seconds.
const DAY: u64 = 1_699_920_000;
const HOURS: u64 = 3600;

/// A trace whose file was last written so many seconds after [`DAY`].
struct File<'a> {
    name: &'a str,
    text: &'a str,
    modified: u64,
}

/// The packets of `files` together, and what was said.
fn packets(files: &[File<'_>], options: &[&str]) -> (Vec<Packet>, String) {
    let folder = Folder::new();
    for file in files {
        let path = folder.path().join(file.name);
        fs::write(&path, file.text).expect("the folder is ours");
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(DAY + file.modified);
        let file = fs::File::options().append(true).open(&path);
        let file = file.expect("it was just written");
        file.set_modified(modified).expect("the file is ours");
    }
    let mut arguments = vec!["out.pcap"];
    arguments.extend(options);
    arguments.extend(files.iter().map(|file| file.name));
    let outcome = run_in(folder.path(), &arguments, b"");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let records = outcome.capture().records;
    (records.iter().map(good_packet).collect(), outcome.stderr)
}

/// Payloads and their times, in seconds after [`DAY`].
fn told(packets: &[Packet]) -> Vec<(String, i64)> {
    let day = i64::try_from(DAY).expect("it is small");
    let told = |packet: &Packet| {
        let seconds = i64::try_from(packet.time / 1_000_000_000).expect("it is small");
        let payload = String::from_utf8_lossy(&packet.payload).into_owned();
        (payload, seconds - day)
    };
    packets.iter().map(told).collect()
}

#[track_caller]
fn check(files: &[File<'_>], expected: &[(&str, i64)]) -> String {
    let (packets, said) = packets(files, &[]);
    let told = told(&packets);
    let told: Vec<_> = told.iter().map(|(payload, time)| (payload.as_str(), *time)).collect();
    assert_eq!(told, expected);
    said
}

const HOUR: i64 = 3600;

const OVER_MIDNIGHT: &str = r#"23:00:00.000000 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "evening", 7) = 7
01:00:00.000000 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "night", 5) = 5
"#;

const EVENING: &str = r#"22:00:00.000000 write(3<TCP:[10.1.2.3:4001->10.4.5.6:80]>, "early", 5) = 5
23:30:00.000000 write(3<TCP:[10.1.2.3:4001->10.4.5.6:80]>, "late", 4) = 4
"#;

#[test]
fn a_trace_ends_on_the_day_its_file_was_last_written() {
    let file = |text, modified| File { name: "trace", text, modified };
    let said = check(&[file(EVENING, 24 * HOURS - 1800)], &[("early", 22 * HOUR), ("late", 23 * HOUR + 1800)]);
    assert!(said.contains("2023-11-14 was assumed"), "{said}");
    // The clock of files lags behind by some milliseconds.
    check(&[file(EVENING, 24 * HOURS - 1801)], &[("early", 22 * HOUR), ("late", 23 * HOUR + 1800)]);
    // It was written on the next day, by a copy or since the last line came late.
    check(&[file(EVENING, 25 * HOURS)], &[("early", 22 * HOUR), ("late", 23 * HOUR + 1800)]);
    let said = check(&[file(OVER_MIDNIGHT, 25 * HOURS)], &[("evening", 23 * HOUR), ("night", 25 * HOUR)]);
    assert!(said.contains("2023-11-14 was assumed"), "{said}");
    let two_nights = OVER_MIDNIGHT.to_owned() + OVER_MIDNIGHT;
    let times = [("evening", -HOUR), ("night", HOUR), ("evening", 23 * HOUR), ("night", 25 * HOUR)];
    check(&[file(&two_nights, 25 * HOURS + 5)], &times);
}

#[test]
fn a_given_date_is_the_first_day() {
    let file = File { name: "trace", text: OVER_MIDNIGHT, modified: 99 * HOURS };
    let (packets, said) = packets(&[file], &["--date", "2023-11-14"]);
    assert_eq!(told(&packets), [("evening".to_owned(), 23 * HOUR), ("night".to_owned(), 25 * HOUR)]);
    assert_eq!(said, "");
}

#[test]
fn files_that_ended_on_different_days_are_put_together() {
    let files = [
        File { name: "trace.101", text: OVER_MIDNIGHT, modified: 25 * HOURS },
        File { name: "trace.102", text: EVENING, modified: 24 * HOURS - 1800 },
        File {
            name: "trace.103",
            text: "00:30:00.000000 write(3<TCP:[10.1.2.3:4003->10.4.5.6:80]>, \"after\", 5) = 5\n",
            modified: 24 * HOURS + 1800,
        },
    ];
    let expected = [
        ("early", 22 * HOUR),
        ("evening", 23 * HOUR),
        ("late", 23 * HOUR + 1800),
        ("after", 24 * HOUR + 1800),
        ("night", 25 * HOUR),
    ];
    check(&files, &expected);
}

#[test]
fn a_call_that_lasts_over_midnight_ends_on_the_second_day() {
    let text = r#"23:59:00.000000 read(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, "waited", 10) = 6 <120.000000>
"#;
    let file = File { name: "trace", text, modified: 24 * HOURS + 60 };
    check(&[file], &[("waited", 24 * HOUR - 60)]);
}

#[test]
fn a_fork_stands_where_it_began() {
    // It took half a second, and its child spoke before it returned; nothing but the fork tells whose socket that is.
    let parent = r#"1700000000.000001 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3 <0.000010>
1700000000.000101 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.4.5.6")}, 16) = 0 <0.000010>
1700000000.000201 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 102 <0.500000>
"#;
    let child = "1700000000.100001 write(3, \"child\", 5) = 5 <0.000010>\n";
    let files =
        [File { name: "trace.101", text: parent, modified: 0 }, File { name: "trace.102", text: child, modified: 0 }];
    let (packets, _) = packets(&files, &[]);
    let targets: Vec<_> = packets.iter().map(|packet| packet.target.to_string()).collect();
    assert_eq!(targets, ["10.4.5.6:80"]);
}

#[test]
fn without_times_of_their_own_several_files_have_no_order() {
    let text = |line: &str| line.to_owned() + "write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"a\", 1) = 1\n";
    for line in ["     0.000005 ", ""] {
        let text = text(line);
        let file = |name| File { name, text: &text, modified: 0 };
        let (_, alone) = packets(&[file("trace.101")], &[]);
        let (_, several) = packets(&[file("trace.101"), file("trace.102")], &["--start", "5"]);
        assert!(!alone.contains("in what order"), "{alone}");
        assert!(several.contains("in what order"), "{several}");
    }
}
