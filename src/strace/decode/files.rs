//! Calls that show which paths are FIFOs. They make no event; a call that is not as strace prints it changes nothing.

use super::super::fifos::{Fifos, resolved};
use super::super::{arguments, details, escape, returned, symbols, time};
use super::call::Call;

/// How a call's first arguments name a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum FileArgument {
    /// (path, …)
    Path,
    /// (fd, …)
    Descriptor,
    /// (dirfd, path, …)
    At,
}

/// The path that a call names, and the arguments behind it.
type Path<'t> = (Vec<u8>, &'t [u8]);

/// `(path, mode, …)`, `(dirfd, path, mode, …)`
pub(crate) fn mknod(call: &Call<'_, '_>, named: FileArgument) -> Option<()> {
    let (fifos, path, rest) = succeeded(call, named)?;
    let (mode, _) = arguments::value(arguments::next(rest))?;
    fifos.learn(&path, symbols::S_IFIFO.is_file_type(mode));
    Some(())
}

/// `(path, {st_mode=S_IFIFO|0666, …})`, `(fd, {…})`, `(dirfd, path, {…}, …)`, `(dirfd, path, flags, mask, {…})`
pub(crate) fn stat(call: &Call<'_, '_>, named: FileArgument) -> Option<()> {
    let (fifos, path, rest) = succeeded(call, named)?;
    fifos.learn(&path, symbols::S_IFIFO.is_file_type(mode_in(rest)?));
    Some(())
}

/// `(path)`, `(dirfd, path, flags)`
pub(crate) fn unlink(call: &Call<'_, '_>, named: FileArgument) -> Option<()> {
    let (fifos, path, _) = succeeded(call, named)?;
    fifos.removed(&path);
    Some(())
}

/// `(path, path)`, `(dirfd, path, dirfd, path, …)`
pub(crate) fn rename(call: &Call<'_, '_>, named: FileArgument) -> Option<()> {
    let (fifos, from, rest) = succeeded(call, named)?;
    let (to, _) = path(arguments::next(rest), named)?;
    fifos.renamed(&from, &to);
    Some(())
}

/// What is known of FIFOs, the path that a successful call names, and the arguments behind it.
fn succeeded<'t, 's>(call: &'s Call<'t, '_>, named: FileArgument) -> Option<(&'s Fifos, Vec<u8>, &'t [u8])> {
    let fifos = call.scratch.cache.fifos()?;
    returned::parse(arguments::close(call.text)?)?.outcome.value()?;
    let (path, rest) = path(arguments::unnamed(call.text), named)?;
    Some((fifos, path, rest))
}

/// The path that the arguments begin with, resolved as far as the details allow.
pub(super) fn path(text: &[u8], named: FileArgument) -> Option<Path<'_>> {
    match named {
        FileArgument::Path => quoted(text, None),
        FileArgument::Descriptor => {
            let (descriptor, rest) = arguments::value(text)?;
            Some((path_of(descriptor)?, rest))
        }
        FileArgument::At => {
            let (directory, rest) = arguments::value(text)?;
            quoted(arguments::next(rest), path_of(directory).as_deref())
        }
    }
}

/// `"f"`. An empty one means the descriptor before it (AT_EMPTY_PATH).
fn quoted<'t>(text: &'t [u8], base: Option<&[u8]>) -> Option<Path<'t>> {
    let mut path = Vec::new();
    let (quoted, rest) = escape::string(text, &mut path)?;
    if quoted.cut || (path.is_empty() && base.is_none()) {
        return None;
    }
    Some((resolved(&path, base), rest))
}

/// The path in the details of `AT_FDCWD</tmp>` or `3</tmp/f>`.
fn path_of(descriptor: &[u8]) -> Option<Vec<u8>> {
    let behind = match descriptor.strip_prefix(b"AT_FDCWD") {
        Some(behind) => behind,
        None => descriptor.get(time::digits(descriptor).1..)?,
    };
    details::path_in(behind)
}

/// The value of `st_mode=` or `stx_mode=` in a structure among the arguments.
fn mode_in(mut text: &[u8]) -> Option<&[u8]> {
    while text.starts_with(b",") {
        text = arguments::next(text);
        if text.starts_with(b"{") {
            break;
        }
        text = arguments::value(text)?.1;
    }
    text = text.strip_prefix(b"{")?;
    loop {
        let (name, rest) = arguments::name(text.trim_ascii_start())?;
        let (value, rest) = arguments::value(rest)?;
        if matches!(name, b"st_mode" | b"stx_mode") {
            return Some(value);
        }
        text = rest.strip_prefix(b",")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, named: FileArgument, expected: Option<&str>) {
        let path = path(text.as_bytes(), named);
        let path = path.map(|(path, _)| String::from_utf8(path).expect("text"));
        assert_eq!(path.as_deref(), expected, "{text}");
    }

    #[test]
    fn paths_of_calls() {
        check("\"/tmp/f\", S_IFIFO|0666) = 0", FileArgument::Path, Some("/tmp/f"));
        check("\"\\x66\", 0) = 0", FileArgument::Path, Some("f"));
        check("AT_FDCWD</tmp>, \"./f\", 0) = 0", FileArgument::At, Some("/tmp/f"));
        check("AT_FDCWD, \"./f\", 0) = 0", FileArgument::At, Some("f"));
        check("3</tmp/f>, \"\", {}) = 0", FileArgument::At, Some("/tmp/f"));
        check("3, \"\", {}) = 0", FileArgument::At, None);
        check("3</tmp/f>, {}) = 0", FileArgument::Descriptor, Some("/tmp/f"));
        check("3<pipe:[7]>, {}) = 0", FileArgument::Descriptor, None);
        check("3, {}) = 0", FileArgument::Descriptor, None);
        check("\"/tmp/a\"..., 0) = 0", FileArgument::Path, None);
        check("0x7ffd, 0) = 0", FileArgument::Path, None);
    }

    #[test]
    fn modes() {
        let mode = |text: &str| mode_in(text.as_bytes()).map(<[u8]>::to_vec);
        let fifo = Some(b"S_IFIFO|0666".to_vec());
        assert_eq!(mode(", {st_mode=S_IFIFO|0666, st_size=0, ...}) = 0"), fifo);
        let verbose = ", {st_dev=makedev(0x8, 0x1), st_ino=7, st_mode=S_IFIFO|0666, st_nlink=1}, 0) = 0";
        assert_eq!(mode(verbose), fifo);
        let extended = ", AT_STATX_SYNC_AS_STAT, STATX_ALL, {stx_mask=STATX_ALL|STATX_MNT_ID, \
                        stx_attributes=0, stx_mode=S_IFIFO|0666, stx_size=0, ...}) = 0";
        assert_eq!(mode(extended), fifo);
        assert_eq!(mode(", 0x7ffd) = -1 ENOENT (No such file or directory)"), None);
        assert_eq!(mode(", {st_size=0, ...}) = 0"), None);
    }
}
