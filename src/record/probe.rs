//! What the strace that will trace can do, asked of itself: which options and which names of calls it knows, and whether it
//! may trace at all. The question is a shell's, because it is asked on other machines too.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// What makes a shell of any kind a POSIX one.
pub const OWN_SHELL: &str = "emulate sh 2>/dev/null; ";

/// The options that a conversion needs, whatever strace it is.
pub const OPTIONS: &str = "-f -s 1048576 -ttt -T -yy -xx";

/// What helps where strace has it: names of threads, and untraced calls at full speed, where a command is started.
const EXTRAS: &str = "-Y";
const EXTRAS_OF_COMMANDS: &str = "-Y --seccomp-bpf";

/// What strace has answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Options beside [`OPTIONS`].
    pub extras: Vec<String>,
    /// The names of calls, with commas.
    pub calls: String,
    /// What strace says where it cannot do anything.
    pub refused: Option<String>,
}

/// The lines of a shell that set `$extras`, `$calls`, and `$refused` where nothing can be traced. `calls` is what `--calls`
/// prints, `trace=…`.
///
/// Everything at once is tried first, which is all there is to do with a strace of the last years. Older ones tell one
/// name at a time that they do not know; the mark in front of a name is such a thing, too.
pub fn shell(calls: &str, is_command: bool) -> String {
    let calls = calls.trim_start_matches("trace=");
    let extras = if is_command { EXTRAS_OF_COMMANDS } else { EXTRAS };
    format!(
        r#"calls={calls} wanted='{extras}' extras= refused=
try() {{ said=$(LC_ALL=C strace {OPTIONS} $1 -e "trace=$calls" -o /dev/null sh -c : 2>&1 </dev/null); }}
better() {{ try "$1" && [ -z "$said" ]; }}
if ! command -v strace >/dev/null 2>&1; then
  refused=missing
elif better "$wanted"; then
  extras=$wanted
else
  until try ''; do
    case $said in
    *"invalid system call '"*) name=${{said#*invalid system call \'}} name=${{name%%\'*}} ;;
    *) name= ;;
    esac
    case ,$calls, in
    *",$name,"*) [ -n "$name" ] || {{ refused=$said; break; }} ;;
    *) refused=${{said:-strace ends without a word}}; break ;;
    esac
    all=,$calls, plain=${{name#\?}}
    [ "$plain" != "$name" ] || plain=
    calls=${{all%%",$name,"*}},${{plain:+$plain,}}${{all#*",$name,"}} calls=${{calls#,}} calls=${{calls%,}}
  done
  [ -n "$refused" ] || for one in $wanted; do
    if better "$extras $one"; then extras="$extras $one"; fi
  done
fi
"#
    )
}

/// Asks the strace of this machine.
pub fn ask(calls: &str, is_command: bool) -> std::io::Result<Answer> {
    let mut text = OWN_SHELL.to_owned();
    text.push_str(&shell(calls, is_command));
    text.push_str("printf '%s\\n' \"$extras\" \"$calls\" \"$refused\"\n");
    let output =
        Command::new("sh").arg("-c").arg(OsStr::new(&text)).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    Ok(answer(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads what the lines of [`ask`] print.
fn answer(text: &str) -> Answer {
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default().trim();
    let extras = next().split_whitespace().map(str::to_owned).collect();
    let calls = next().to_owned();
    let refused = next();
    Answer { extras, calls, refused: (!refused.is_empty()).then(|| refused.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let found = answer(" -Y --seccomp-bpf\nread,?x\n\n");
        assert_eq!((found.extras.len(), found.calls.as_str(), found.refused), (2, "read,?x", None));
        let refused = answer("\nread\nstrace: a\nstrace: b\n").refused;
        assert_eq!(refused.as_deref(), Some("strace: a\nstrace: b"));
    }
}
