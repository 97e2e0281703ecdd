//! Where the capture goes: a file, a FIFO, a device, standard output.
//!
//! A file is looked at before it is touched: what is no capture is refused, and a capture of before stays as it is until
//! the first write, which comes once a line of strace's has been read. It is cut to nothing in place, so that links,
//! owner and readers stay, and it is locked for as long as it is written.
//!
//! One call of [`Write::write`] writes all it is given or fails: whoever writes whole records in each call leaves whole
//! records behind, also when we are killed between two calls or the disk is full. So there is no buffer here. A SIGKILL
//! within a call can cut the last record: Linux looks for one after each page that it copies (`generic_perform_write`).
//! Readers show everything before it and say that the end is cut.

use crate::event::as_u64;
use crate::system::{self, FileKind, Stream};
use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Seek, Write};
use std::path::Path;

use super::error::Error;
use super::input;
use super::input::foreign::{Foreign, Judgement};
use super::input::source::Source;
use super::name::Name;

/// An output that has been opened.
#[derive(Debug)]
pub struct Output {
    name: Name,
    file: File,
    /// How long the file is up to the last whole write; nothing where it is no file that can be cut.
    length: Option<u64>,
    /// Where the capture begins in the file; nothing where what is written can only be added to.
    start: Option<u64>,
    /// The capture that was there before is still there.
    keeps: bool,
}

impl Output {
    /// Opens `path`, `-` is standard output, without touching what stands there.
    pub fn open(path: &Path, sources: &[Source]) -> Result<Self, Error> {
        let is_stdout = path.as_os_str() == "-";
        let name = Name::new(if is_stdout { "standard output".as_ref() } else { path.as_os_str() });
        let opened = if is_stdout { system::standard_output() } else { system::open_to_write(path) };
        let (mut file, facts) = match opened.and_then(|file| Ok((system::facts(&file)?, file))) {
            Ok((facts, file)) => (file, facts),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Error::Locked(name)),
            Err(error) => return Err(Error::OpenOutput(name, error)),
        };
        if sources.iter().any(|source| source.is_same_file(&facts)) {
            return Err(Error::SameFile(name));
        }
        if file.is_terminal() {
            return Err(Error::Terminal);
        }
        let (length, keeps) = if facts.kind != FileKind::File {
            if is_stdout && system::was_closed(&file) {
                log::warn!("standard output is closed, so the capture goes nowhere: give a file name as OUTPUT");
            }
            (None, false)
        } else if is_stdout {
            (end(&mut file).map_err(|error| Error::OpenOutput(name.clone(), error))?, false)
        } else {
            // Keeps other runs from writing to the same file.
            if !system::locks(&file) {
                return Err(Error::Locked(name));
            }
            (Some(0), facts.length > 0)
        };
        let only_appends = system::only_appends(&file);
        Ok(Self { name, file, length, start: length.filter(|_| !only_appends), keeps })
    }

    /// Its name for messages.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Where somebody reads at the other end, who may go away: of a pipe, a FIFO, a socket.
    pub fn reader(&self) -> Option<Stream> {
        Stream::to_reader(&self.file)
    }

    /// Whether a capture of before is still there, which the first write replaces.
    pub const fn keeps(&self) -> bool {
        self.keeps
    }

    /// Writes `bytes` in the place of those that stand at `at`, where that can be done and they are all there. Where it
    /// fails, the capture is as good as it was.
    pub fn fill_in(&mut self, at: u64, bytes: &[u8]) {
        if let (Some(start), Some(length)) = (self.start, self.length)
            && length >= start + at + as_u64(bytes.len())
        {
            let _ = system::write_all_at(&self.file, bytes, start + at);
        }
    }

    /// Closes it, which is where some file systems (NFS, quotas) first tell that the disk is full.
    pub fn close(self) -> Result<(), Error> {
        let is_removed = self.length.is_some() && system::is_removed(&self.file);
        match system::close(self.file) {
            Err(error) => Err(Error::WriteOutput(self.name, error)),
            Ok(()) if is_removed => Err(Error::Removed(self.name)),
            Ok(()) => Ok(()),
        }
    }

    /// Writes all of `bytes`, waiting where the other end does not take more now.
    fn write_whole(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.keeps {
            self.file.set_len(0)?;
            self.keeps = false;
        }
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Who gave us a descriptor that does not block shares it with us.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => system::wait_to_write(&self.file)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Refuses what is at `path` if it is a file with something else in it than a capture, and touches nothing.
pub fn look(path: &Path) -> Result<(), Error> {
    let is_taken = |metadata: Metadata| metadata.is_file() && metadata.len() > 0;
    if path.as_os_str() == "-" || !path.metadata().is_ok_and(is_taken) {
        return Ok(());
    }
    let beginning = File::open(path).and_then(|file| input::beginning(&file, 0));
    match beginning.map(|it| (it.verdict, it.compression)) {
        Ok((Judgement::Foreign(Foreign::Capture), None)) => Ok(()),
        Ok((Judgement::Trace, _)) => Err(Error::OutputIsTrace(Name::new(path))),
        Ok(_) => Err(Error::NotACapture(Name::new(path))),
        Err(_) => Err(Error::Unseen(Name::new(path))),
    }
}

/// Where a file that was given as standard output ends, if it is written from there on: as the shell has set it up. With
/// other bytes behind, cutting would take those.
fn end(file: &mut File) -> io::Result<Option<u64>> {
    let position = file.stream_position()?;
    Ok(Some(position).filter(|position| *position >= file.metadata().map_or(0, |metadata| metadata.len())))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.write_whole(bytes) {
            Ok(()) => {
                self.length = self.length.map(|length| length + as_u64(bytes.len()));
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
        let opened = |path: &str| Output::open(Path::new(path), &[]);
        assert!(matches!(opened("/no/such/out.pcap"), Err(Error::OpenOutput(..))));
        assert!(matches!(opened("/"), Err(Error::OpenOutput(..))));
        // Not every system has it.
        if Path::new("/dev/full").exists() {
            let full = opened("/dev/full").map(|mut output| output.write(b"x"));
            assert!(matches!(full, Ok(Err(error)) if error.kind() == io::ErrorKind::StorageFull));
        }
    }
}
