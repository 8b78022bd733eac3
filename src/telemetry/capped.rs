//! A log file that is put aside when it is full: at most twice its cap is kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How large one file becomes.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A file that is put aside under another name when it is full.
#[derive(Debug)]
pub struct CappedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl CappedFile {
    /// Opens or creates the file, readable by this user alone.
    ///
    /// # Errors
    /// If its folder cannot be made or it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_cap(path, BYTES_MAX)
    }

    fn with_cap(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes, bytes_max })
    }

    fn put_aside(&mut self) -> io::Result<()> {
        let mut old = self.path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(&self.path, PathBuf::from(old))?;
        self.file = open(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

impl Write for CappedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes > 0 && self.bytes + bytes.len() as u64 > self.bytes_max {
            self.put_aside()?;
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_put_aside_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.log");
        let mut file = CappedFile::with_cap(&path, 10).unwrap();
        for line in ["11111\n", "22222\n", "33333\n", "a line longer than the cap\n"] {
            file.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "a line longer than the cap\n");
        assert_eq!(fs::read_to_string(folder.path().join("host.log.1")).unwrap(), "33333\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        drop(file);
        let again = CappedFile::with_cap(&path, 10).unwrap();
        assert_eq!(again.bytes, 27);
    }
}
