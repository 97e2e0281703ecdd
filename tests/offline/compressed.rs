//! Traces that gzip or zstd has compressed give what their text gives, from files and from pipes, whole, cut and damaged.

use crate::common::needed::has;
use crate::common::program::{Folder, Outcome, convert, run_in};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

type Compress = fn(&[u8]) -> Vec<u8>;

/// Both, each with the end of its files' names.
const BOTH: [(Compress, &str); 2] = [(gzip, "gz"), (zstd, "zst")];

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

/// So many lines of one connection.
fn trace(lines: usize) -> Vec<u8> {
    let line = |at: usize| {
        let time = format!("1700000000.{:06}", at % 1_000_000);
        format!("1234 {time} write(5<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"{at:08}\", 8) = 8 <0.000010>\n")
    };
    (0..lines).map(line).collect::<String>().into_bytes()
}

/// Runs the program over a file of this name.
fn of_file(name: &str, bytes: &[u8], options: &[&str]) -> Outcome {
    let folder = Folder::new();
    fs::write(folder.path().join(name), bytes).expect("it can be written");
    run_in(folder.path(), &[&["out.pcap"], options, &[name]].concat(), b"")
}

#[track_caller]
fn same(found: &Outcome, expected: &Outcome) {
    assert_eq!((found.status, &found.stderr), (expected.status, &expected.stderr));
    assert!(found.file == expected.file, "{}", found.stderr);
}

#[test]
fn the_text_is_what_counts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    for version in ["4.10", "5.0", "6.1", "7.2"] {
        let text = fs::read(folder.join(format!("strace-{version}.strace"))).expect("it is there");
        let expected = convert(&[], &text);
        for (compress, end) in BOTH {
            let bytes = compress(&text);
            same(&convert(&[], &bytes), &expected);
            same(&of_file(&format!("trace.log.{end}"), &bytes, &[]), &of_file("trace.log", &text, &[]));
        }
    }
}

#[test]
fn no_program_is_needed() {
    let folder = Folder::new();
    fs::write(folder.path().join("a.gz"), gzip(&trace(3))).expect("it can be written");
    fs::write(folder.path().join("a.zst"), zstd(&trace(3))).expect("it can be written");
    for name in ["a.gz", "a.zst"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strace2pcap"));
        let status = command.args(["out.pcap", name]).current_dir(folder.path()).env("PATH", "").status();
        assert!(status.expect("it starts").success(), "{name}");
        assert_eq!(fs::metadata(folder.path().join("out.pcap")).expect("it is there").len(), 24 + 3 * 82);
    }
}

#[cfg(unix)]
#[test]
fn standard_input_may_be_a_file_and_stand_behind_its_beginning() {
    let text = trace(50);
    let expected = convert(&[], &text);
    for (compress, _) in BOTH {
        let folder = Folder::new();
        fs::write(folder.path().join("a"), [b"in front of it\n".to_vec(), compress(&text)].concat())
            .expect("it is ours");
        let line = "{ read -r line; exec \"$0\" out.pcap; } < a";
        let mut command = Command::new("sh");
        command.args(["-c", line, env!("CARGO_BIN_EXE_strace2pcap")]).current_dir(folder.path());
        assert!(command.status().expect("sh starts").success());
        assert!(fs::read(folder.path().join("out.pcap")).expect("it is there") == expected.file);
    }
}

#[test]
fn several_members_or_frames_are_one_trace() {
    let text = trace(100);
    let expected = convert(&[], &text);
    let (first, second) = text.split_at(1000);
    for (compress, _) in BOTH {
        let bytes = [compress(first), compress(b""), compress(second)].concat();
        same(&convert(&[], &bytes), &expected);
        same(&of_file("a", &bytes, &[]), &expected);
    }
}

#[test]
fn a_pipe_that_brings_byte_by_byte() {
    let text = trace(20);
    let expected = convert(&[], &text);
    for (compress, _) in BOTH {
        let folder = Folder::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_strace2pcap"));
        command.arg("out.pcap").current_dir(folder.path()).stdin(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("it was asked for");
        for (at, byte) in compress(&text).iter().enumerate() {
            input.write_all(&[*byte]).expect("it reads");
            if at < 8 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        drop(input);
        assert!(child.wait().expect("it ends").success());
        assert!(fs::read(folder.path().join("out.pcap")).expect("it is there") == expected.file);
    }
}

#[test]
fn of_a_cut_one_what_came_before_is_converted() {
    let text = trace(5000);
    let whole = convert(&[], &text).file;
    for (compress, end) in BOTH {
        let bytes = compress(&text);
        let name = format!("a.{end}");
        for length in [bytes.len() / 2, bytes.len() - 1] {
            let said = "is cut: its ";
            for outcome in [of_file(&name, &bytes[..length], &[]), convert(&[], &bytes[..length])] {
                assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
                assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
                assert!(outcome.stderr.contains("the capture holds what came before"), "{}", outcome.stderr);
                assert!(whole.starts_with(&outcome.file));
                assert!(outcome.packets().len() > 1000, "{name}, {length}: {}", outcome.packets().len());
            }
        }
    }
}

#[test]
fn a_damaged_one_is_told() {
    let text = trace(5000);
    let whole = convert(&[], &text).file;
    for (compress, end) in BOTH {
        let mut bytes = compress(&text);
        bytes.extend(b"rubbish behind it");
        for outcome in [of_file(&format!("a.{end}"), &bytes, &[]), convert(&[], &bytes)] {
            assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
            assert!(outcome.stderr.contains("is damaged: its "), "{}", outcome.stderr);
            assert!(outcome.file == whole);
        }
    }
    let mut bytes = gzip(&text);
    let end = bytes.len() - 6;
    bytes[end] ^= 1;
    let outcome = of_file("a.gz", &bytes, &[]);
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("a.gz is damaged"), "the checksum is another: {}", outcome.stderr);
}

#[test]
fn nothing_is_touched_for_one_in_which_nothing_can_be_read() {
    for bytes in [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], b"\x28\xb5\x2f\xfd\x04", b"\x1f\x8b\x08\xff\xff\xff\xff\xff"] {
        let folder = Folder::new();
        fs::write(folder.path().join("a.gz"), bytes).expect("it can be written");
        fs::write(folder.path().join("out.pcap"), b"\xd4\xc3\xb2\xa1").expect("it can be written");
        let named = run_in(folder.path(), &["out.pcap", "a.gz"], b"");
        let piped = run_in(folder.path(), &["out.pcap"], bytes);
        for outcome in [named, piped] {
            assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
            assert!(outcome.stderr.contains("fetch it again"), "{}", outcome.stderr);
            assert_eq!(outcome.file, b"\xd4\xc3\xb2\xa1");
        }
    }
}

#[test]
fn of_several_traces_a_cut_one_ends_for_itself() {
    let folder = Folder::new();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("it can be written");
    let bytes = gzip(&trace(3000));
    put("a.1.gz", &bytes[..bytes.len() - 20]);
    put("a.2", &trace(2000));
    put("a.3.zst", &zstd(&trace(4000)));
    let outcome = run_in(folder.path(), &["out.pcap", "a.1.gz", "a.2", "a.3.zst"], b"");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("the trace a.1.gz is cut"), "{}", outcome.stderr);
    let packets = outcome.packets().len();
    assert!((8500..9000).contains(&packets), "{packets}");
}

#[test]
fn files_of_threads_keep_their_numbers() {
    let text = trace(10);
    let without_tid: Vec<u8> =
        text.split_inclusive(|byte| *byte == b'\n').flat_map(|line| &line[5..]).copied().collect();
    let expected = of_file("trace.77", &without_tid, &[]);
    same(&of_file("trace.77.gz", &gzip(&without_tid), &[]), &expected);
    same(&of_file("trace.77.zst", &zstd(&without_tid), &[]), &expected);
    assert_ne!(of_file("trace.log.gz", &gzip(&without_tid), &[]).file, expected.file);
}

#[test]
fn times_of_day_are_of_the_files_date() {
    let text = "23:00:00.000000 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"evening\", 7) = 7\n\
                01:00:00.000000 write(3<TCP:[10.1.2.3:4000->10.4.5.6:80]>, \"night\", 5) = 5\n";
    let run = |bytes: &[u8]| {
        let folder = Folder::new();
        let path = folder.path().join("a");
        fs::write(&path, bytes).expect("it can be written");
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_010_000);
        let file = fs::File::options().append(true).open(&path).expect("it was just written");
        file.set_modified(modified).expect("the file is ours");
        run_in(folder.path(), &["out.pcap", "a"], b"")
    };
    let expected = run(text.as_bytes());
    assert!(expected.stderr.contains("2023-11-14 was assumed"), "{}", expected.stderr);
    for (compress, _) in BOTH {
        same(&run(&compress(text.as_bytes())), &expected);
    }
}

/// A zstd frame of so many blocks of 128 KiB of zero bytes, and `text`.
fn bomb(blocks: usize, text: &[u8]) -> Vec<u8> {
    let header = |length: usize, kind: usize| (length << 3 | kind << 1).to_le_bytes()[..3].to_vec();
    let block = [header(128 << 10, 1), vec![0]].concat();
    let frame = [b"\x28\xb5\x2f\xfd\x00\x58".to_vec(), block.repeat(blocks), vec![1, 0, 0]].concat();
    [frame, zstd(text)].concat()
}

#[test]
fn a_bomb_is_a_line_that_is_too_long() {
    let zeros = vec![0; 10_000_000];
    let text = [b"\n", &trace(1)[..]].concat();
    let outcome = convert(&[], &gzip(&[&zeros, &text[..]].concat()));
    assert_eq!(outcome.packets().len(), 1, "{}", outcome.stderr);
    let start = [&trace(1)[..], b"\n"].concat();
    let bytes = [zstd(&start), bomb(1200, &text)].concat();
    assert!(bytes.len() < 10_000);
    let outcome = of_file("a.zst", &bytes, &["--report", "json"]);
    assert_eq!((outcome.status, outcome.packets().len()), (Some(0), 2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\"too_long\""), "{}", outcome.stderr);
}

#[test]
fn what_is_no_trace_is_none_compressed_either() {
    let perf = b"     0.052 ( 0.020 ms): true/1665 brk()  = 0x563072350000\n".repeat(3);
    let mut wide = Vec::new();
    wide.extend("\u{feff}12 close(3) = 0\n".encode_utf16().flat_map(u16::to_le_bytes));
    let text = b"Lorem ipsum dolor sit amet\n".repeat(3);
    let twice = gzip(&trace(1));
    for (bytes, said) in [
        (&perf[..], "what is in NAME is of perf"),
        (&wide, "what is in NAME is UTF-16 text: READER WORD | iconv -f UTF-16 -t UTF-8 | strace2pcap OUTPUT -"),
        (&twice, "what is in NAME is gzip-compressed: READER WORD | zcat | strace2pcap OUTPUT -"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "what is in NAME is a capture, not a trace: OUTPUT comes first"),
        (&text, "nothing in NAME is of strace"),
        (b"BZh91AY&SY", "what is in NAME is bzip2-compressed: READER WORD | bzcat | strace2pcap OUTPUT -"),
    ] {
        for ((compress, _), reader) in BOTH.into_iter().zip(["zcat", "zstdcat"]) {
            let folder = Folder::new();
            fs::write(folder.path().join("a"), compress(bytes)).expect("it can be written");
            let named = run_in(folder.path(), &["out.pcap", "a"], b"");
            let piped = convert(&[], &compress(bytes));
            for (outcome, name, word) in [(&named, "a", "a"), (&piped, "standard input", "FILE")] {
                let said = said.replace("NAME", name).replace("WORD", word).replace("READER", reader);
                assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
                assert!(outcome.stderr.contains(&said), "{said}: {}", outcome.stderr);
            }
            assert!(named.file.is_empty(), "nothing is touched");
        }
    }
    let outcome = of_file("a.gz", &gzip(b""), &[]);
    assert!(outcome.stderr.contains("the trace a.gz is empty"), "{}", outcome.stderr);
}

#[test]
fn a_compressed_trace_is_not_overwritten() {
    let folder = Folder::new();
    for (compress, end) in BOTH {
        let name = format!("out.{end}");
        let bytes = compress(&trace(3));
        fs::write(folder.path().join(&name), &bytes).expect("it can be written");
        let outcome = run_in(folder.path(), &[&name], &trace(1));
        assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("{name} is a trace and would be overwritten")), "{}", outcome.stderr);
        assert!(outcome.file == bytes);
    }
}

#[test]
fn what_the_programs_themselves_write() {
    if !has(&["sh", "gzip", "zstd"], "reading what gzip and zstd write") {
        return;
    }
    let text = trace(20_000);
    let expected = convert(&[], &text);
    for command in ["gzip -1", "gzip -9", "zstd -1", "zstd -19 --no-check", "zstd --long=25", "zstd --format=gzip"] {
        let folder = Folder::new();
        fs::write(folder.path().join("a"), &text).expect("it can be written");
        let line = format!("{command} -q < a > a.packed && {command} -q < a | cat > piped");
        let status = Command::new("sh").args(["-c", &line]).current_dir(folder.path()).status();
        assert!(status.expect("sh starts").success(), "{command}");
        for name in ["a.packed", "piped"] {
            same(&run_in(folder.path(), &["out.pcap", name], b""), &expected);
        }
    }
}
