//! A question to a shell somewhere, for who wants to know what runs there before anything is recorded.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::Stdio;
use std::thread;

use super::{patiently, shell};

/// Most bytes of an answer that are read: a line for each descriptor of a big machine.
const ANSWER_BYTES: u64 = 64 << 20;

/// How many steps are waited for an answer, 15 seconds: a person looks at a dialog.
const STEPS: u32 = 750;

/// What the shell reached through `prefix` prints for `text`.
///
/// # Errors
///
/// It cannot be reached, or says nothing in time: the first line that came on standard error.
pub fn ask(prefix: &OsStr, text: &str) -> io::Result<Vec<u8>> {
    let mut shell = shell::through(prefix);
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (shell.stdin.take(), shell.stdout.take(), shell.stderr.take())
    else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let read = |from: &mut dyn Read| {
        let mut bytes = Vec::new();
        from.take(ANSWER_BYTES).read_to_end(&mut bytes).map(|_| bytes)
    };
    let answering = thread::spawn(move || read(&mut { stdout }));
    let saying = thread::spawn(move || read(&mut { stderr }));
    // Who does not read it has ended, and has told why.
    let _ = stdin.write_all(text.as_bytes());
    drop(stdin);
    let ended = patiently(STEPS, || shell.try_wait().transpose());
    if ended.is_none() {
        shell.kill()?;
        return Err(io::ErrorKind::TimedOut.into());
    }
    let answer = answering.join().unwrap_or_else(|_| Ok(Vec::new()))?;
    if answer.is_empty() {
        let said = saying.join().unwrap_or_else(|_| Ok(Vec::new()))?;
        let said = String::from_utf8_lossy(&said);
        return Err(io::Error::other(said.lines().last().unwrap_or("it says nothing").to_owned()));
    }
    Ok(answer)
}
