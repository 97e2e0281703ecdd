//! What the names on the command line were hardly meant to say: a trace twice, and a capture that is compressed.
//!
//! A trace that is named twice is read once. Nobody wants each byte doubled, but a pattern like `trace.log*` beside the name
//! of a file that it is for, or a link to it, is no reason to convert nothing.

use super::name::Name;
use super::options::Format;
use super::report::Report;
use super::report::keys::NoteKey;
use super::source::{Kind, Source};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The name of a trace, and the one under which it was given before.
pub(super) type Repeated = (Name, Name);

/// Takes from `sources` the files that were there before under whichever name; what these are called.
pub(super) fn once(sources: &mut Vec<Source>) -> Vec<Repeated> {
    let mut names = FxHashMap::default();
    let mut repeated = Vec::new();
    sources.retain(|source| {
        let Some(identity) = identity(source) else {
            return true;
        };
        match names.entry(identity) {
            Entry::Occupied(before) => {
                repeated.push((source.name().clone(), Name::clone(before.get())));
                false
            }
            Entry::Vacant(entry) => {
                entry.insert(source.name().clone());
                true
            }
        }
    });
    repeated
}

/// What is the same for all names of a file.
fn identity(source: &Source) -> Option<(u64, u64)> {
    let metadata = source.file().metadata().ok().filter(|_| source.kind() == Kind::File)?;
    Some((metadata.dev(), metadata.ino()))
}

/// Adds what is to be said of the traces that are left out, and of the output's name.
pub(super) fn tell(repeated: &[Repeated], output: &Path, format: Format, report: &mut Report) {
    if let Some((name, before)) = repeated.first() {
        let text = if name == before {
            format!("the trace {name} is given twice, and is read once")
        } else {
            format!("the traces {before} and {name} are the same file, which is read once")
        };
        let more = match repeated.len() - 1 {
            0 => String::new(),
            1 => ", and so is 1 more".to_owned(),
            more => format!(", and so are {more} more"),
        };
        report.note(NoteKey::GivenTwice, text + &more, "");
    }
    if is_of_compressed(output) {
        let (name, plain) = (Name::new(output), Name::new(output.with_extension("")));
        let format = match format {
            Format::Pcap => "pcap",
            Format::PcapNg => "pcapng",
        };
        report.note(
            NoteKey::NotCompressed,
            format!("{name} is {format} and not compressed, whatever its name says"),
            format!("write to {} and compress that", plain.word()),
        );
    }
}

/// Whether a file's name ends as that of a compressed one.
fn is_of_compressed(output: &Path) -> bool {
    let known = ["gz", "bz2", "xz", "zst", "lz4", "lzma", "br", "z", "zip"];
    output.extension().is_some_and(|it| known.iter().any(|known| it.eq_ignore_ascii_case(known)))
}
