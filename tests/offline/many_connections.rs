//! As many UNIX connections as a busy day has: each keeps endpoints of its own, and memory follows those that are open.

use crate::common::capture;
use crate::common::packet::{Transport, decode};
use crate::common::program::Folder;
use std::collections::HashSet;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many connections.
const MANY: u64 = 65_000;

/// How long a slow machine may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The greatest memory that the process `pid` has had, in KiB.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    number.and_then(|number| number.trim().parse().ok()).expect("the kernel says it in kB")
}

/// Converts what `write` writes into the file `output`; the memory that it took once the capture has `bytes` bytes.
fn convert(options: &[&str], output: &Path, write: impl Fn(&mut dyn Write), bytes: u64) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strace2pcap"))
        .args(options)
        .arg(output)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = BufWriter::new(child.stdin.take().expect("a pipe was asked for"));
    write(&mut input);
    input.flush().expect("it reads on");
    let end = Instant::now() + PATIENCE;
    while fs::metadata(output).map_or(0, |file| file.len()) < bytes {
        assert!(Instant::now() < end, "the capture stays shorter than {bytes} bytes");
        std::thread::sleep(Duration::from_millis(10));
    }
    let memory = memory(child.id());
    drop(input);
    assert!(child.wait().expect("it ends").success());
    memory
}

/// The endpoints of all handshakes; each packet must be of a conversation that has begun with one.
fn endpoints(file: &Path) -> HashSet<[String; 2]> {
    let bytes = fs::read(file).expect("the capture is there");
    let capture = capture::read(&bytes).expect("it is a capture");
    let mut known = HashSet::new();
    let mut begun = 0;
    for record in &capture.records {
        let packet = decode(record).expect("it is a packet");
        let Transport::Tcp(tcp) = &packet.transport else {
            panic!("there is nothing but TCP");
        };
        let mut ends = [packet.source, packet.target].map(|end| end.to_string());
        if tcp.flags == 2 {
            begun += 1;
            known.insert(ends);
        } else {
            let forth = known.contains(&ends);
            ends.reverse();
            assert!(forth || known.contains(&ends), "{ends:?} have not begun");
        }
    }
    assert_eq!(begun, known.len(), "two conversations have the same endpoints");
    known
}

/// The lines of connection `number`, on descriptor `fd`.
fn conversation(number: u64, fd: u64, closes: bool, sink: &mut dyn Write) {
    let (inode, peer) = (2 * number + 1000, 2 * number + 1001);
    let details = format!("{fd}<UNIX-STREAM:[{inode}->{peer}]>");
    let time = format!("100 {}.{:06}", 1_700_000_000 + number / 1000, number % 1000 * 1000);
    let address = "{sa_family=AF_UNIX, sun_path=\"/run/s\"}";
    let close = if closes { format!("{time} close({details}) = 0\n") } else { String::new() };
    write!(
        sink,
        "{time} connect({fd}<UNIX-STREAM:[{inode}]>, {address}, 110) = 0\n\
         {time} write({details}, \"ask\", 3) = 3\n\
         {time} read({details}, \"answer\", 99) = 6\n\
         {close}"
    )
    .expect("the program reads on");
}

/// Bytes of the capture: handshake, question and answer, and perhaps an end.
const fn size(closes: bool, tag: u64) -> u64 {
    let packets = if closes { 7 } else { 5 };
    24 + MANY * (packets * (16 + 54 + tag) + 9)
}

#[test]
fn those_that_close_leave_nothing_behind() {
    let folder = Folder::new();
    let output = folder.path().join("out.pcap");
    let options = ["--capture-unix-socket"];
    let all = |sink: &mut dyn Write| (0..MANY).for_each(|number| conversation(number, 3, true, sink));
    let memory = convert(&options, &output, all, size(true, 0));
    assert_eq!(endpoints(&output).len() as u64, MANY);
    assert!(memory < 32 << 10, "{memory} KiB");
}

#[test]
fn those_that_stay_open_take_their_share() {
    let folder = Folder::new();
    let output = folder.path().join("out.pcap");
    let options = ["--capture-unix-socket", "--view", "wire"];
    let all = |sink: &mut dyn Write| {
        (0..MANY).for_each(|number| conversation(number, 3 + number, false, sink));
    };
    let memory = convert(&options, &output, all, size(false, 4));
    assert_eq!(endpoints(&output).len() as u64, MANY);
    // Four kilobytes each; it was two and a half when this was written.
    assert!(memory < (32 << 10) + 4 * MANY, "{memory} KiB");
}
