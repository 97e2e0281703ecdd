//! What a shell runs on another machine: text made of words that are quoted exactly.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use super::probe;
use crate::run::options::Recorded;

/// In front of lines that are ours among strace's, as no line of strace's begins.
pub const MARK: &str = "+++ strace2pcap ";

/// Behind it, what such a line tells of a thread: its number, its process's, and how that is called.
pub const THREAD: &str = "thread ";

/// How long nothing comes from us before the watch takes us for gone: a laptop that sleeps closes no connection, and the
/// traced program would wait until its trace can be written again.
const SILENCE_SECONDS: u32 = 20;

/// How often we let the watch know that we are there.
pub const BEAT: Duration = Duration::from_secs(5);

/// What strace is to trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A command, which strace starts.
    Command(Vec<OsString>),
    /// Processes that run already, each with those it has made.
    Processes(Vec<u32>),
}

impl Subject {
    /// Whether strace starts what it traces.
    pub fn is_started(&self) -> bool {
        matches!(self, Self::Command(words) if !attaches(words))
    }

    /// Whether strace's own options take its text elsewhere.
    pub fn is_written_elsewhere(&self) -> bool {
        let takes = |option: &[u8]| option.starts_with(b"-o") || option == b"-ff" || option.starts_with(b"--output");
        matches!(self, Self::Command(words) if options(words).any(|(option, _)| takes(option)))
    }

    /// The processes that strace is attached to, by us or by its own options.
    pub fn attached(&self) -> Vec<u32> {
        match self {
            Self::Command(words) => attached(words),
            Self::Processes(pids) => pids.clone(),
        }
    }

    /// Whether what strace records is our choice.
    pub fn recorded(&self) -> Recorded {
        match self {
            Self::Command(words) if chooses(words) => Recorded::ByHand,
            Self::Command(words) if !attaches(words) => Recorded::Started,
            Self::Command(_) | Self::Processes(_) => Recorded::Attached,
        }
    }
}

/// `bytes` as one word of a shell's command, whatever they are: not for a person to read. A NUL is in no argument.
pub fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut word = vec![b'\''];
    for &byte in bytes {
        if byte == b'\'' {
            word.extend(br"'\''");
        } else {
            word.push(byte);
        }
    }
    word.push(b'\'');
    word
}

/// Sets `$wanted` to the processes `$wanted` and all that these have made, those left out that lead to this shell: what
/// carries the trace would be traced itself.
const GROWN: &str = r#"ours=" $$ " at=$$
while [ "$at" -gt 1 ] 2>/dev/null && read -r line <"/proc/$at/stat"; do
  set -- ${line##*) }
  at=$2 ours="$ours$2 "
done 2>/dev/null
grown=1
while [ $grown = 1 ]; do
  grown=0
  for one in /proc/[0-9]*; do
    read -r line <"$one/stat" || continue
    one=${one#/proc/}
    set -- ${line##*) }
    case $wanted in *" $2 "*) ;; *) continue ;; esac
    case $wanted$ours in *" $one "*) ;; *) wanted="$wanted$one " grown=1 ;; esac
  done 2>/dev/null
done
"#;

/// Tells whose the threads of `$wanted` are: those that are there before the trace begins, no line of it tells.
fn threads() -> String {
    format!(
        r#"for one in $wanted; do
  process= name=
  while read -r key value; do [ "$key" != Tgid: ] || process=$value; done <"/proc/$one/status"
  read -r name <"/proc/$process/comm"
  for thread in "/proc/$one/task"/[0-9]*; do
    printf '{MARK}{THREAD}%s %s %s\n' "${{thread##*/}}" "$process" "$name"
  done
done 2>/dev/null
"#
    )
}

/// How the watch ends a strace that is attached: it detaches.
const DETACH: &str = r#"kill -s INT "$self"; sleep 2; alive && kill -s KILL "$self""#;

/// And how one that has started a command: the command is ended, and what it leaves behind, for with a filter in it
/// (`--seccomp-bpf`) nothing can go on without its tracer.
const END: &str = r#"traced
for one in $traced; do
  read -r line <"/proc/$one/stat" && set -- ${line##*) } && [ "$2" = "$self" ] && kill -s TERM "$one"
done
sleep 1; alive && sleep 2
alive && { traced; kill -s KILL $traced "$self"; }"#;

/// The whole script for a shell's standard input: strace's text comes on its standard output, with a line of ours
/// ([`MARK`]) in front and one behind, which has the exit status. When its standard input ends, or nothing has come there
/// for [`SILENCE_SECONDS`] ([`BEAT`]), so does strace. That counts from the start: the first beat the shell may have read
/// with the script.
///
/// It is one compound command, which a shell reads whole before it runs any of it. strace writes to a pipe by its path,
/// so that what it starts has no descriptor of ours, and standard output may be a socket (sshd, docker). The watch is no
/// child of strace's, which ends with its last child only; it knows strace by its number and the moment of its start.
pub fn remote(subject: &Subject, calls: &str) -> Vec<u8> {
    let is_command = subject.is_started();
    let mut text = b"{\n".to_vec();
    let mut add = |part: &str| text.extend(part.as_bytes());
    add(probe::OWN_SHELL);
    add(&format!("\nexec 4<&0 </dev/null\necho '{MARK}begins'\n"));
    add(&probe::shell(calls, is_command));
    add(&format!(
        r#"case $refused in
'') ;;
missing) echo 'strace: strace is not installed there' >&2; echo '{MARK}127'; exit 1 ;;
*) printf '%s\n' "$refused" >&2; echo '{MARK}1'; exit 1 ;;
esac
"#
    ));
    let attached: Vec<_> = subject.attached().iter().map(u32::to_string).collect();
    add(&format!("wanted=' {} '\n", attached.join(" ")));
    if let Subject::Processes(_) = subject {
        add(GROWN);
    }
    add(&threads());
    match subject {
        Subject::Command(words) => {
            add(in_front(words));
            for word in words {
                text.push(b' ');
                text.extend(quoted(word.as_encoded_bytes()));
            }
            text.push(b'\n');
        }
        Subject::Processes(_) => add("set -- -q\nfor one in $wanted; do set -- \"$@\" -p \"$one\"; done\n"),
    }
    text.extend(start(if is_command { END } else { DETACH }).bytes());
    text
}

/// What sets the words that are strace's last ones, up to those of a command.
fn in_front(command: &[OsString]) -> &'static str {
    if attaches(command) {
        "set -- -q"
    } else if is_of_strace(command) {
        "set --"
    } else {
        "set -- --"
    }
}

/// The end of the script: strace with a watch beside it, which ends it by `end` once our standard input has ended.
fn start(end: &str) -> String {
    let options = probe::OPTIONS;
    format!(
        r#"{{
  read -r me rest </proc/self/stat
  (
    read -r self rest </proc/self/stat
    age() {{ read -r line <"/proc/$self/stat" && set -- ${{line##*) }} && [ "$1" != Z ] && age=${{20}}; }}
    age; born=$age
    ( (
      alive() {{ age && [ "$age" = "$born" ]; }}
      traced() {{
        traced=
        for one in /proc/[0-9]*; do
          while read -r key value; do
            case $key$value in
            TracerPid:$self) traced="$traced ${{one#/proc/}}"; break ;;
            TracerPid:*) break ;;
            esac
          done <"$one/status"
        done
      }}
      finish() {{
        alive && {{
{end}
        }}
      }}
      (sleep {SILENCE_SECONDS}; finish) &
      timer=$!
      while read -r beat; do
        kill "$timer"
        (sleep {SILENCE_SECONDS}; finish) &
        timer=$!
      done
      kill "$timer"
      finish
    ) <&4 4<&- >/dev/null 2>&1 & )
    exec strace {options} $extras -e "trace=$calls" -o "/proc/$me/fd/1" "$@" >&2 4<&-
  )
  echo "{MARK}$?"
}} | cat
exit
}}
"#
    )
}

/// Whether a command begins with options of strace's own, which no name of a program does.
pub fn is_of_strace(command: &[OsString]) -> bool {
    command.first().is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"))
}

/// Options of strace that take the next word.
const TAKE_A_WORD: &[u8] = b"aAbeEIoOpPsSuUX";

/// The options of strace's with which such a command begins, each with the word that it takes.
fn options(command: &[OsString]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut words = command.iter().map(|word| word.as_encoded_bytes());
    std::iter::from_fn(move || {
        let word = words.next().filter(|word| word.starts_with(b"-") && *word != b"--")?;
        let takes = matches!(word, [b'-', option] if TAKE_A_WORD.contains(option)) || word == b"--attach";
        Some((word, if takes { words.next() } else { None }))
    })
}

/// Whether such an option attaches strace to what runs.
fn is_attach(option: &[u8]) -> bool {
    option.starts_with(b"-p") || option.starts_with(b"--attach")
}

/// Whether such options attach strace to what runs.
pub fn attaches(command: &[OsString]) -> bool {
    options(command).any(|(option, _)| is_attach(option))
}

/// The processes that such options attach strace to.
fn attached(command: &[OsString]) -> Vec<u32> {
    let lists = options(command).filter(|(option, _)| is_attach(option)).filter_map(|(option, value)| {
        let own = option.strip_prefix(b"--attach=").or_else(|| option.strip_prefix(b"-p"));
        std::str::from_utf8(value.or(own)?).ok()
    });
    lists.flat_map(|list| list.split([' ', ',']).filter_map(|pid| pid.parse().ok())).collect()
}

/// Whether such options may change what strace records.
fn chooses(command: &[OsString]) -> bool {
    let changes_nothing = |option: &[u8]| is_attach(option) || matches!(option, b"-u" | b"-E" | b"-f" | b"-q" | b"-qq");
    !options(command).all(|(option, _)| changes_nothing(option))
}

/// The words that strace is started with here.
pub fn words(subject: &Subject, answer: &probe::Answer, trace: &OsStr) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["strace".into()];
    words.extend(probe::OPTIONS.split(' ').map(OsString::from));
    words.extend(answer.extras.iter().map(OsString::from));
    words.extend(["-e".into(), format!("trace={}", answer.calls).into(), "-o".into(), trace.to_owned()]);
    match subject {
        Subject::Command(command) => {
            let front = in_front(command).split(' ').skip(2).map(OsString::from);
            words.extend(front);
            words.extend(command.iter().cloned());
        }
        Subject::Processes(pids) => {
            words.push("-q".into());
            words.extend(pids.iter().flat_map(|pid| ["-p".into(), pid.to_string().into()]));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_whatever_it_is() {
        assert_eq!(quoted(b""), b"''");
        assert_eq!(quoted(b"a $HOME\n\"`\\"), b"'a $HOME\n\"`\\'");
        assert_eq!(quoted(b"it's\xff"), b"'it'\\''s\xff'");
    }

    #[test]
    fn strace_is_started_with_what_it_knows() {
        let answer =
            probe::Answer { extras: vec!["-Y".into()], calls: "read,write".into(), ..probe::Answer::default() };
        let told = |subject: &Subject| {
            let words = words(subject, &answer, OsStr::new("/proc/1/fd/5"));
            words.join(OsStr::new(" ")).into_string().unwrap()
        };
        let always = "strace -f -s 1048576 -ttt -T -yy -xx -Y -e trace=read,write -o /proc/1/fd/5";
        assert_eq!(told(&Subject::Command(vec!["a".into(), "-b".into()])), format!("{always} -- a -b"));
        assert_eq!(told(&Subject::Command(vec!["-e".into(), "b".into()])), format!("{always} -e b"));
        assert_eq!(told(&Subject::Command(vec!["-p".into(), "7".into()])), format!("{always} -q -p 7"));
        assert_eq!(told(&Subject::Processes(vec![1, 22])), format!("{always} -q -p 1 -p 22"));
    }

    #[test]
    fn options_of_strace_are_told_from_a_command() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (text, is_of_strace, attaches) in [
            ("curl -p 1", false, false),
            ("-p 1", true, true),
            ("-p1", true, true),
            ("-e trace=read -q --attach=7", true, true),
            ("-e -p curl -p 1", true, false),
            ("-- curl -p", true, false),
            ("-o x -y curl -p 1", true, false),
        ] {
            assert_eq!(
                (super::is_of_strace(&words(text)), super::attaches(&words(text))),
                (is_of_strace, attaches),
                "{text}"
            );
        }
    }

    #[test]
    fn what_takes_the_text_elsewhere_is_seen() {
        let is_elsewhere =
            |text: &str| Subject::Command(text.split(' ').map(OsString::from).collect()).is_written_elsewhere();
        assert!(["-o x ls", "-ox ls", "-f -s 9 --output=x ls", "-ff ls"].into_iter().all(is_elsewhere));
        assert!(!["ls -o x", "-e -o ls", "-f -- ls -o x", "-O 1 ls"].into_iter().any(is_elsewhere));
    }

    #[test]
    fn who_is_attached_to_by_hand_is_known() {
        for (text, pids) in
            [("-p 1", vec![1]), ("-q -p1,22 --attach=3 --attach 4 -e x", vec![1, 22, 3, 4]), ("a -p 1", vec![])]
        {
            let words: Vec<_> = text.split(' ').map(OsString::from).collect();
            assert_eq!(attached(&words), pids, "{text}");
        }
    }

    #[test]
    fn options_that_change_what_is_recorded_are_a_persons_choice() {
        let recorded = |text: &str| Subject::Command(text.split(' ').map(OsString::from).collect()).recorded();
        for (text, expected) in [
            ("curl -s 32", Recorded::Started),
            ("-- curl -s 32", Recorded::Started),
            ("-f -u nobody curl -s 32", Recorded::Started),
            ("-p 1", Recorded::Attached),
            ("-f -p1 -q --attach 2", Recorded::Attached),
            ("-s 32 curl", Recorded::ByHand),
            ("-p 1 -e trace=network", Recorded::ByHand),
        ] {
            assert_eq!(recorded(text), expected, "{text}");
        }
        assert_eq!(Subject::Processes(vec![1]).recorded(), Recorded::Attached);
    }

    #[test]
    fn a_script_is_one_command_and_holds_each_argument_quoted() {
        let words = ["printf", "it's $1\n"].map(OsString::from).to_vec();
        let text = String::from_utf8(remote(&Subject::Command(words), "trace=read,?x")).unwrap();
        assert!(text.starts_with("{\n") && text.ends_with("\nexit\n}\n"), "{text}");
        assert!(text.contains("\nset -- -- 'printf' 'it'\\''s $1\n'\n"), "{text}");
        assert!(text.contains("calls=read,?x wanted='-Y --seccomp-bpf'"), "{text}");
        let text = String::from_utf8(remote(&Subject::Processes(vec![7, 8]), "trace=read")).unwrap();
        assert!(text.contains("wanted=' 7 8 '") && text.contains("wanted='-Y' "), "{text}");
    }
}
