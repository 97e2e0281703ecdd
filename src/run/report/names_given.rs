//! What the names on the command line were hardly meant to say: a trace twice, and a capture that is compressed.

use super::Report;
use super::keys::NoteKey;
use crate::run::input::source::Repeated;
use crate::run::name::Name;
use crate::run::options::Format;
use std::path::Path;

/// Adds what is to be said of the traces that are left out, and of the output's name.
pub(in crate::run) fn tell(repeated: &[Repeated], output: &Path, format: Format, report: &mut Report) {
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
