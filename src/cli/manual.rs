//! The manual page, of the same texts as `--help`.

use super::help;

/// The page in roff.
pub(super) fn page(command: clap::Command) -> String {
    // What -h leaves out, clap_mangen would name without a word of what it does.
    let command = command.about(help::NAME).mut_args(|argument| argument.hide_short_help(false));
    let man = clap_mangen::Man::new(command).manual("User Commands");
    let mut page = Vec::new();
    // A vector takes all that is written to it.
    let _ = man
        .render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page));
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for section in help::sections() {
        let mut lines = section.text.lines().peekable();
        // The title says it.
        lines.next_if(|line| line.ends_with(':') && !line.starts_with(' '));
        page.extend([".SH \"", section.title, "\"\n.nf\n"]);
        lines.for_each(|line| page.extend([&escaped(line), "\n"]));
        page.push_str(".fi\n");
    }
    page.push_str(".SH \"SEE ALSO\"\nstrace(1), wireshark(1), tshark(1), tcpdump(8)");
    page
}

/// A line of text in roff: a backslash, and what a line's first character would command.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_roff_would_obey() {
        assert_eq!(escaped(".x -o 'a' \\"), "\\&.x \\-o \\(aqa\\(aq \\e");
        assert_eq!(escaped("  plain"), "  plain");
    }
}
