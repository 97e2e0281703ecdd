//! The folders below `tests/cases` (their layout stands in `tests/offline/cases.rs`), and how the program runs over one.

use super::program::{Folder, Outcome, run_in};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const OUTPUT: &str = "out.pcap";

/// The folders of all cases, in order of their names.
pub fn cases_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.is_dir() && name(path).contains(&wanted))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    cases
}

/// Every case of the project.
pub fn all_cases() -> Vec<PathBuf> {
    cases_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"))
}

/// The name of a case or file.
pub fn name(case: &Path) -> String {
    case.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The traces of a case: the one for standard input, or the named ones in order.
#[derive(Default)]
struct Traces {
    input: Vec<u8>,
    named: Vec<String>,
}

/// Reads the traces of `case` and puts the named ones into `folder`.
fn place_traces(case: &Path, folder: &Path) -> Result<Traces, String> {
    let single = case.join("trace.strace");
    if single.exists() {
        return Ok(Traces { input: trace_without_title(&single)?, named: Vec::new() });
    }
    let mut traces = Traces::default();
    for entry in fs::read_dir(case).map_err(|error| error.to_string())? {
        let name = name(&entry.map_err(|error| error.to_string())?.path());
        if name.starts_with("trace.strace.") {
            let text = trace_without_title(&case.join(&name))?;
            fs::write(folder.join(&name), text).map_err(|error| error.to_string())?;
            traces.named.push(name);
        }
    }
    traces.named.sort_by_key(|name| (name.len(), name.clone()));
    if traces.named.is_empty() { Err("there is no trace".to_string()) } else { Ok(traces) }
}

fn trace_without_title(path: &Path) -> Result<Vec<u8>, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    let end = text.iter().position(|&byte| byte == b'\n').ok_or("the trace has no line")?;
    if text.starts_with(b"# ") {
        Ok(text[end + 1..].to_vec())
    } else {
        Err(format!("{} does not begin with `# what this shows`", name(path)))
    }
}

/// Runs the program over `case`.
pub fn run(case: &Path) -> Result<Outcome, String> {
    let folder = Folder::new();
    let traces = place_traces(case, folder.path())?;
    let options = fs::read_to_string(case.join("args")).unwrap_or_default();
    let mut arguments: Vec<&str> = options.split_whitespace().collect();
    if !arguments.iter().any(|argument| argument.starts_with("out.") || *argument == "-") {
        arguments.push(OUTPUT);
    }
    arguments.extend(traces.named.iter().map(String::as_str));
    Ok(run_in(folder.path(), &arguments, &traces.input))
}

/// Checks all cases with two threads, and fails with what is wrong with any.
pub fn for_all(cases: &[PathBuf], check: impl Fn(&Path) -> Result<(), String> + Sync) {
    let waiting = Mutex::new(cases.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no thread panics holding it").next();
                    let Some(case) = next else { break };
                    if let Err(problem) = check(case) {
                        wrong.lock().expect("no thread panics holding it").push((name(case), problem));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("no thread panicked");
    wrong.sort();
    let list = wrong.iter().fold(String::new(), |list, (name, problem)| format!("{list}{name}: {problem}\n"));
    assert!(wrong.is_empty(), "{} of {} cases:\n{list}", wrong.len(), cases.len());
}
