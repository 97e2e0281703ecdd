//! Where the capture goes: a file, a FIFO, a device, standard output.
//!
//! One call of [`Write::write`] writes all it is given or fails: whoever writes whole records in each call leaves whole
//! records behind, also when we are killed between two calls or the disk is full. So there is no buffer here. A SIGKILL
//! within a call can cut the last record: Linux looks for one after each page that it copies (`generic_perform_write`).
//! Readers show everything before it and say that the end is cut.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Seek, Write};
use std::os::fd::AsFd;
use std::path::Path;

use super::error::Error;
use super::name::Name;
use super::source::Source;

/// An output that has been opened.
#[derive(Debug)]
pub struct Output {
    name: Name,
    file: File,
    /// How long the file is up to the last whole write; nothing where it is no file that can be cut.
    length: Option<u64>,
}

impl Output {
    /// Opens `path`, `-` is standard output. What stands there is overwritten, unless it is one of `sources`.
    ///
    /// # Errors
    ///
    /// It cannot be written, or must not be; then nothing has changed.
    pub fn open(path: &Path, sources: &[Source]) -> Result<Self, Error> {
        let is_stdout = path.as_os_str() == "-";
        let name = Name::new(if is_stdout { "standard output".as_ref() } else { path.as_os_str() });
        let opened = if is_stdout { io::stdout().as_fd().try_clone_to_owned().map(File::from) } else { open(path) };
        match opened.and_then(|file| Ok((file.metadata()?, file))) {
            Ok((metadata, _)) if sources.iter().any(|source| source.is_same_file(&metadata)) => {
                Err(Error::SameFile(name))
            }
            Ok((_, file)) if file.is_terminal() => Err(Error::Terminal),
            Ok((metadata, file)) => match begin(file, metadata.is_file(), is_stdout) {
                Ok((file, length)) => Ok(Self { name, file, length }),
                Err(error) => Err(Error::OpenOutput(name, error)),
            },
            Err(error) => Err(Error::OpenOutput(name, error)),
        }
    }

    /// Its name for messages.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

/// Opens a file for writing without touching what is in it. A FIFO waits for its reader here.
fn open(path: &Path) -> io::Result<File> {
    // First without creating: in /tmp the kernel refuses to "create" another user's FIFO that is there.
    match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create(true).truncate(false).open(path)
        }
        opened => opened,
    }
}

/// Empties a file that was named; standard output is written from where it stands, as the shell has set it up.
fn begin(mut file: File, is_file: bool, is_stdout: bool) -> io::Result<(File, Option<u64>)> {
    if !is_file {
        return Ok((file, None));
    }
    if !is_stdout {
        file.set_len(0)?;
        return Ok((file, Some(0)));
    }
    let position = file.stream_position()?;
    let end = file.metadata()?.len();
    // Only where we are at the end; with other bytes behind it, cutting would take those.
    Ok((file, (position >= end).then_some(position)))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.length = self.length.map(|length| length + bytes.len() as u64);
                Ok(bytes.len())
            }
            Err(error) => {
                if let Some(length) = self.length {
                    // The piece of a record that still fitted is taken away; where this fails too, a reader says that
                    // the last record is cut.
                    let _ = self.file.set_len(length).and_then(|()| self.file.seek(io::SeekFrom::Start(length)));
                }
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_told_and_not_touched() {
        assert!(matches!(Output::open(Path::new("/no/such/out.pcap"), &[]), Err(Error::OpenOutput(..))));
        assert!(matches!(Output::open(Path::new("/"), &[]), Err(Error::OpenOutput(..))));
        let full = Output::open(Path::new("/dev/full"), &[]).map(|mut output| output.write(b"x"));
        assert!(matches!(full, Ok(Err(error)) if error.kind() == io::ErrorKind::StorageFull));
    }
}
