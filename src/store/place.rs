//! Where the store lies, and the look at its bytes before the process's first connection.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::migrate::APPLICATION_ID;

/// Where the store lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The database file.
    pub database: PathBuf,
    /// The folder of large outputs.
    pub outputs: PathBuf,
}

/// What `preflight` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No file: a writer creates it.
    Nothing,
    /// A file that looks like our database.
    Database,
}

/// A place whose database file was looked at. Made once in a process, before its first connection.
#[derive(Debug, Clone)]
pub struct Checked {
    place: Place,
    found: Found,
}

impl Checked {
    /// Returns where the store lies.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns what was found; it may have been created since.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Stands for a place that was looked at before, in tests of this crate.
    #[cfg(test)]
    pub(crate) fn unchecked(place: Place) -> Self {
        Self { place, found: Found::Database }
    }
}

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;

/// Looks at the bytes of the database file: its header, its owner's mark and, if no log of changes
/// lies beside it, its size.
///
/// Call it before the process opens a connection to the file and never after: closing the file drops
/// the locks that SQLite holds in the same process.
///
/// # Errors
/// `Damaged` if the file is empty, cut or overwritten, `NotOurs` if it is another program's database,
/// `Access` if it cannot be read.
pub fn preflight(place: Place) -> Result<Checked, Error> {
    let found = look(&place.database)?;
    Ok(Checked { place, found })
}

fn look(path: &Path) -> Result<Found, Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(Error::access("look at", path, error)),
    };
    let not_ours = |what: &str| Error::NotOurs { path: path.to_owned(), what: what.to_owned() };
    if !metadata.is_file() {
        return Err(not_ours("it is no regular file"));
    }
    if metadata.len() == 0 {
        // A database is created under another name and renamed, so ours is never empty.
        return Err(Error::damaged("its file is empty"));
    }
    let mut header = Vec::with_capacity(HEADER_BYTES);
    File::open(path)
        .and_then(|file| file.take(HEADER_BYTES as u64).read_to_end(&mut header))
        .map_err(|error| Error::access("read", path, error))?;
    if header.len() < HEADER_BYTES || &header[..16] != MAGIC {
        return Err(Error::damaged("its header is overwritten"));
    }
    let application = number(&header, 68);
    if application != APPLICATION_ID.cast_unsigned() {
        return Err(not_ours("another program made it"));
    }
    // With a log beside it a check-point may be under way, or was cut short and is made again.
    if !has_log(path)? {
        check_size(&header, metadata.len())?;
    }
    Ok(Found::Database)
}

fn check_size(header: &[u8], bytes: u64) -> Result<(), Error> {
    let page_bytes = match u64::from(header[16]) << 8 | u64::from(header[17]) {
        1 => 65_536,
        size if size >= 512 && size.is_power_of_two() => size,
        _ => return Err(Error::damaged("its header names an impossible page size")),
    };
    let pages = u64::from(number(header, 28));
    let counts = number(header, 24) == number(header, 92);
    if !bytes.is_multiple_of(page_bytes) || (counts && bytes / page_bytes < pages) {
        return Err(Error::damaged("its file is cut short"));
    }
    Ok(())
}

fn number(header: &[u8], at: usize) -> u32 {
    header[at..at + 4].iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// Says whether a log with something in it lies beside a database.
pub(crate) fn has_log(path: &Path) -> Result<bool, Error> {
    let log = log_path(path);
    match fs::metadata(&log) {
        Ok(metadata) => Ok(metadata.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::access("look at", log, error)),
    }
}

/// Returns the path of the write-ahead log of a database.
pub(crate) fn log_path(database: &Path) -> PathBuf {
    beside(database, "-wal")
}

/// Returns the path with something behind its last name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
