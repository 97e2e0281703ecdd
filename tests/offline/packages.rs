//! What packages are made of is there, and what is said in two places is the same.

use crate::common::program::{Folder, run_in};
use std::fs;
use std::path::{Path, PathBuf};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[track_caller]
fn text(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the table `[package.metadata.NAME]` names as sources of files: the first word in quotes of each line of `assets`.
fn sources(name: &str) -> Vec<String> {
    let manifest = text("Cargo.toml");
    let table = manifest.split_once(&format!("[package.metadata.{name}]")).expect("there is such a table").1;
    let assets = table.split_once("assets = [\n").expect("it has assets").1.split_once("\n]").expect("they end").0;
    assets.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

/// Whether a source is there: a file, or of a pattern at least one.
fn is_there(source: &str) -> bool {
    let Some((folder, pattern)) = source.rsplit_once('/').filter(|(_, name)| name.starts_with('*')) else {
        return project(source).is_file();
    };
    let mut entries = fs::read_dir(project(folder)).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().is_file() && entry.file_name().to_string_lossy().ends_with(&pattern[1..]))
}

#[test]
fn what_packages_hold_is_there() {
    let script = text(".ci/packages");
    let [deb, rpm] = [sources("deb"), sources("generate-rpm")];
    assert_eq!(deb, rpm, "both hold the same");
    for source in &deb {
        match source.strip_prefix("target/packages/strace2pcap.") {
            Some("1") => assert!(script.contains("--man >target/packages/strace2pcap.1\n")),
            Some(shell) => {
                let shells = script.split_once("for shell in ").expect("it makes completions").1.split(';').next();
                assert!(shells.is_some_and(|shells| shells.split(' ').any(|it| it == shell)), "{shell}");
            }
            None if source == "target/release/strace2pcap" => {}
            None => assert!(is_there(source), "{source}"),
        }
    }
    for needed in [
        "tools/strace2pcap.sh",
        "tools/strace2pcap-pipe.sh",
        "tools/strace_convert/xx2generic",
        "tools/wireshark/extcap",
        "docs/*",
        "example/*",
    ] {
        assert!(deb.iter().any(|source| source == needed), "{needed}");
    }
    assert!(!is_there("tools/*.nothing") && !is_there("no-such-file"));
}

#[test]
fn a_package_is_of_the_machine_it_is_made_on() {
    let manifest = text("Cargo.toml");
    let assets = manifest.split("assets = [\n").skip(1).map(|rest| rest.split_once("\n]").expect("they end").0);
    for machine in ["x86_64", "aarch64", "linux-gnu", "amd64", "arm64"] {
        assert!(!assets.clone().any(|assets| assets.contains(machine)), "{machine}");
    }
    assert!(manifest.contains("\"usr/lib/wireshark/extcap/strace2pcap\""));
    assert!(text(".ci/packages").contains("cargo deb --locked --no-build --multiarch "), "puts the machine in between");
}

#[test]
fn the_page_and_the_completions_are_printed_without_anything_else() {
    for (words, part) in [(&["--man"][..], ".TH strace2pcap 1"), (&["--completions", "bash"], "_strace2pcap()")] {
        let outcome = run_in(Folder::new().path(), words, b"");
        let printed = String::from_utf8(outcome.stdout).expect("it is text");
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
        assert!(printed.contains(part) && printed.ends_with('\n') && !printed.ends_with("\n\n"), "{printed}");
    }
}

#[test]
fn the_oldest_rust_is_told_everywhere() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(text("README.md").contains(&format!("Rust ({version} or later)")));
    assert!(text("CONTRIBUTING.md").contains(&format!("Rust {version} or later")));
}

#[test]
fn the_changelog_tells_of_this_version() {
    let log = text("CHANGELOG.md");
    let version = format!("\n## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(log.contains("\n## Unreleased\n") || log.contains(&version));
}

#[test]
fn workflows_call_scripts_that_are_there() {
    for entry in fs::read_dir(project(".github/workflows")).expect("there are workflows").flatten() {
        let text = fs::read_to_string(entry.path()).expect("it can be read");
        let commands: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("- run: ")).collect();
        assert!(!commands.is_empty() && !text.contains("run: |"), "{:?}", entry.path());
        for command in commands {
            let script = command.split(' ').find(|word| word.starts_with(".ci/"));
            let is_there = script.is_some_and(|script| project(script).is_file());
            assert!(is_there || command == "cargo test --locked", "{command}");
        }
    }
}

#[test]
fn issue_forms_ask_for_the_command_and_its_text() {
    for form in ["wrong-capture", "trace-not-read", "wish"] {
        let form = text(&format!(".github/ISSUE_TEMPLATE/{form}.yml"));
        assert!(form.contains("The strace command") && form.contains("text"), "{form}");
        assert!(!form.contains('\t'), "no tab in YAML: {form}");
    }
}

#[test]
fn the_owner_stands_in_one_place() {
    assert_eq!(text("Cargo.toml").matches("OWNER/").count(), 1);
    for file in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ".github/workflows/ci.yml", ".ci/packages"] {
        assert!(!text(file).contains("OWNER/"), "{file}");
    }
}
