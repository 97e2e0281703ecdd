//! The words of a command that is to be recorded, which stand behind OUTPUT and are the command's own, options too.

use std::ffi::{OsStr, OsString};

use super::words::{Word, scan};

/// How the scripts in `tools/` call us, with `file` or `pipe` behind it: it is their own and stands in no help.
const SCRIPT: &str = "--script=";

/// The words that are ours, and those of the command: none unless something is to be run.
pub(super) fn split(words: &[OsString]) -> (Vec<OsString>, Vec<OsString>) {
    let scanned = scan(words);
    let asked = |wanted: &str| {
        scanned.iter().find_map(|word| match word {
            Word::Option(name, value) if name == wanted => Some(value.unwrap_or_default()),
            _ => None,
        })
    };
    let at = match asked("script") {
        _ if asked("run").is_some() => place(words, scanned.iter().filter_map(Word::plain).nth(1)),
        Some(kind) if kind == "pipe" => behind_options(words, &scanned),
        Some(_) => place(words, scanned.iter().find_map(Word::plain)).map(|output| output + 1),
        None => None,
    };
    let (ours, command) = at.and_then(|at| words.split_at_checked(at)).unwrap_or((words, &[]));
    let (ours, command) = (ours.to_vec(), command.to_vec());
    match asked("script") {
        Some(kind) => (as_typed(ours, kind == "pipe"), as_scripts_have_it(command)),
        None => (ours, command),
    }
}

/// The words in front of a script's command as a person types them.
fn as_typed(words: Vec<OsString>, is_pipe: bool) -> Vec<OsString> {
    let option =
        |word: OsString| if word.as_encoded_bytes().starts_with(SCRIPT.as_bytes()) { "--run".into() } else { word };
    words.into_iter().map(option).chain(is_pipe.then(|| "-".into())).collect()
}

/// Where a word stands.
fn place(words: &[OsString], word: Option<&OsStr>) -> Option<usize> {
    word.and_then(|word| words.iter().position(|it| std::ptr::eq(it.as_os_str(), word)))
}

/// Where the words behind the long options begin, which is the last word at the latest.
fn behind_options(words: &[OsString], scanned: &[Word<'_>]) -> Option<usize> {
    let first = scanned.iter().find_map(|word| match word {
        Word::Plain(word) | Word::Short(word) => Some(*word),
        Word::Option(..) => None,
    });
    let last = words.len().checked_sub(1).filter(|last| *last > 2);
    let at = place(words, first).or(last)?;
    // What separates them is a part of the command here, as it is behind OUTPUT.
    Some(if words.get(at - 1).is_some_and(|it| it == "--") { at - 1 } else { at })
}

/// What the scripts take: one word is split at blanks and nothing else is read into it; more, or what is behind `--`, are
/// words as they are.
fn as_scripts_have_it(mut command: Vec<OsString>) -> Vec<OsString> {
    if command.first().is_some_and(|it| it == "--") {
        command.remove(0);
        return command;
    }
    let text = match command.as_slice() {
        [text] => text.to_str(),
        _ => None,
    };
    text.map(|text| text.split_ascii_whitespace().map(OsString::from).collect()).unwrap_or(command)
}

/// What is said of the unknown option `option`, if it stands where the command to be run does. Who gives `-p` wants no
/// command.
pub(super) fn misplaced(option: &str, words: &[OsString]) -> Option<String> {
    if option == "-p" {
        return None;
    }
    let scanned = scan(words);
    let is_run = scanned.iter().any(|word| matches!(word, Word::Option(name, _) if name == "run"));
    let output = place(words, scanned.iter().find_map(Word::plain)).filter(|_| is_run)?;
    let behind = words.get(output + 1)?.as_encoded_bytes();
    behind.starts_with(option.as_bytes()).then(|| {
        format!(
            "{option} stands where COMMAND does: the capture's name comes first, then the command: strace2pcap --run OUTPUT \
             COMMAND [ARG...]; options of strace's stand behind --: strace2pcap --run OUTPUT -- -s 65536 COMMAND"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Refused, Task, parse};
    use super::*;
    use crate::record::{Recording, Subject};
    use std::path::Path;

    fn typed(words: &[&str]) -> Result<Recording, String> {
        match parse(["strace2pcap"].iter().chain(words)) {
            Ok(Task::Record(recording)) => Ok(recording),
            Err(Refused::Usage(usage)) => Err(usage.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_stands_behind_the_output_is_the_commands() {
        let command = ["curl", "-s", "--run", "--", "-v", "a b"];
        for ours in [
            &["--run", "-q", "out.pcapng"] as &[&str],
            &["-q", "out.pcapng", "--run"],
            &["--run", "out.pcapng", "-q", "--"],
            &["--run", "--unix-port", "7", "-q", "out.pcapng"],
            &["--ru", "-q", "--", "out.pcapng"],
        ] {
            let words: Vec<_> = ours.iter().chain(&command).copied().collect();
            let recording = typed(&words).unwrap();
            assert_eq!(recording.subject, Subject::Command(command.map(OsString::from).to_vec()), "{ours:?}");
            assert_eq!(recording.options.output, Path::new("out.pcapng"));
        }
        let recording = typed(&["--attach=7,8", "--via", "ssh web1", "-"]).unwrap();
        assert_eq!(recording.subject, Subject::Processes(vec![7, 8]));
        assert_eq!(recording.via, Some("ssh web1".into()));
    }

    #[test]
    fn the_scripts_have_their_own_habits() {
        let check = |words: &[&str], output: &str, command: &str| {
            let recording = typed(words).unwrap();
            let Subject::Command(found) = &recording.subject else { panic!("{recording:?}") };
            let found: Vec<_> = found.iter().map(|it| it.to_str().unwrap()).collect();
            assert_eq!(
                (recording.options.output.as_path(), found.join("|").as_str()),
                (Path::new(output), command),
                "{words:?}"
            );
        };
        check(&["--script=file", "out.pcap", "-p 1 -e read"], "out.pcap", "-p|1|-e|read");
        check(&["--script=file", "--view", "wire", "out.pcap", "curl *"], "out.pcap", "curl|*");
        check(&["--script=file", "out.pcap", "--", "a b"], "out.pcap", "a b");
        check(&["--script=file", "-q", "out.pcap", "a b", "--view"], "out.pcap", "a b|--view");
        for words in [["--script=file", "out.pcap", "-p 1 -p2"].as_slice(), &["--script=pipe", "-p 1,2"]] {
            assert_eq!(typed(words).unwrap().subject, Subject::Processes(vec![1, 2]), "{words:?}");
        }
        check(&["--script=pipe", "--view", "wire", "--capture-unix-socket", "a b"], "-", "a|b");
        check(&["--script=pipe", "--view=wire", "--", "a b", "-c"], "-", "a b|-c");
        assert!(typed(&["--script=file"]).unwrap_err().contains("OUTPUT"));
        assert!(typed(&["--script=file", "out.pcap"]).unwrap_err().contains("COMMAND"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (words, part) in [
            (&["--run"] as &[&str], "OUTPUT"),
            (&["--run", "out"], "needs OUTPUT and a COMMAND"),
            (&["--run", "curl", "-s", "http://a/"], "-s stands where COMMAND does: the capture's name comes first"),
            (&["--run", "-q", "out", "--attach-me", "a"], "--attach-me stands where COMMAND does"),
            (&["--run", "out", "-o", "x", "true"], "-o stands where COMMAND does"),
            (&["--run", "-o", "out", "true"], "there is no -o: OUTPUT is the first argument"),
            (&["--run", "out", "-p", "5"], "there is no -p: `strace2pcap --attach PID OUTPUT` records"),
            (&["--run", "--nosuch", "out", "a"], "unexpected argument"),
            (&["--attach", "7"], "OUTPUT"),
            (&["--attach", "7", "out", "trace"], "reads no TRACE"),
            (&["--attach", "nginx", "out"], "no number of a process"),
            (&["--attach", "0", "out"], "no number of a process"),
            (&["--via", "sudo", "out"], "--via goes with"),
            (&["--run", "--attach", "7", "out", "a"], "cannot be used with"),
        ] {
            let message = typed(words).unwrap_err();
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }
}
