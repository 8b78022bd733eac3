//! Large outputs as files, in an order that survives a crash: temporary file, sync, rename, sync of
//! the folder, and only then, by whoever calls, the row. A crash leaves a file without a row, never
//! a row without its file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use domain::{Output, TaskId, Timestamp};
use rusqlite::params;
use sha2::{Digest, Sha256};

use crate::submit::cached;
use crate::{Error, Place, Writer};

/// What is larger becomes a file.
pub const INLINE_MAX_BYTES: usize = 64 * 1024;

/// How long a file without a row may lie: its row may be on its way.
const ORPHAN_AGE: Duration = Duration::from_secs(3_600);

/// Names of files that are being written begin so.
const UNFINISHED: &str = ".new-";

/// Writes a file for a task and returns what its row will say. The same content under the same name is
/// the same file.
///
/// # Errors
/// `Access` if the folder or the file cannot be written.
pub fn write(
    place: &Place,
    task: TaskId,
    name: &str,
    bytes: &[u8],
    media_type: &str,
) -> Result<Output, Error> {
    let sha256: [u8; 32] = Sha256::digest(bytes).into();
    let folder = &place.outputs;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Error::access("create the folder", folder, error))?;
    let file_name = file_name(task, name, &sha256);
    let (unfinished, mut file) = create_unfinished(folder, &file_name)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, folder.join(&file_name)));
    if let Err(error) = written {
        // The first error is the one that counts; what is left is swept later.
        let _ = fs::remove_file(&unfinished);
        return Err(Error::access("write", folder.join(&file_name), error));
    }
    sync_folder(folder)?;
    Ok(Output {
        name: name.to_owned(),
        path: file_name,
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        media_type: media_type.to_owned(),
        sha256,
    })
}

/// Reads a file that `write` wrote, and checks that it is whole.
///
/// # Errors
/// `Damaged` if size or content is another, `Access` if it cannot be read.
pub fn read(place: &Place, output: &Output) -> Result<Vec<u8>, Error> {
    let damaged = |what: &str| Error::damaged(format!("the output file `{}` {what}", output.path));
    if !is_plain(&output.path) {
        return Err(damaged("lies outside its folder"));
    }
    let path = place.outputs.join(&output.path);
    let mut bytes = Vec::new();
    let limit = output.bytes.saturating_add(1);
    match File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged("is missing")),
        Err(error) => return Err(Error::access("read", path, error)),
        Ok(_) => {}
    }
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    if digest == output.sha256 { Ok(bytes) } else { Err(damaged("is not what was written")) }
}

impl Writer {
    /// Removes files older than an hour that no row names and no open task can still want, at most `limit`
    /// of them, and says how many.
    ///
    /// # Errors
    /// `Access` if the folder cannot be read.
    pub fn sweep_outputs(&self, place: &Place, now: Timestamp, limit: usize) -> Result<usize, Error> {
        let folder = &place.outputs;
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(Error::access("read the folder", folder, error)),
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry.map_err(|error| Error::access("read the folder", folder, error))?;
            if removed >= limit || !is_old(&entry.path(), now) {
                continue;
            }
            // A name that is no text is none of ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !self.is_wanted(&name)? && fs::remove_file(entry.path()).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn is_wanted(&self, name: &str) -> Result<bool, Error> {
        // What is left unfinished for an hour has no writer any more.
        let Some(task) = name.split('-').next().and_then(|task| task.parse::<TaskId>().ok()) else {
            return Ok(false);
        };
        let mut statement = cached(
            self.view().connection(),
            "SELECT EXISTS (SELECT 1 FROM output WHERE path = ?1)
                 OR EXISTS (SELECT 1 FROM task WHERE uid = ?2 AND ended_at IS NULL)",
        )?;
        Ok(statement.query_row(params![name, task.as_bytes()], |row| row.get(0))?)
    }
}

/// `TASK-SHA-NAME`: the content is in the name, so that a late attempt cannot overwrite another's file.
fn file_name(task: TaskId, name: &str, sha256: &[u8; 32]) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).take(40).collect();
    let digits: String = sha256[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{task}-{digits}-{plain}")
}

fn is_plain(path: &str) -> bool {
    !path.is_empty() && path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn create_unfinished(folder: &Path, file_name: &str) -> Result<(PathBuf, File), Error> {
    let process = std::process::id();
    for attempt in 0..100 {
        let path = folder.join(format!("{UNFINISHED}{process}-{attempt}-{file_name}"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::access("create", path, error)),
        }
    }
    let error = io::Error::from(io::ErrorKind::AlreadyExists);
    Err(Error::access("create a new file in", folder, error))
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::access("sync", folder, error))
}

fn is_old(path: &Path, now: Timestamp) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let changed = changed.and_then(|since| i64::try_from(since.as_millis()).ok());
    metadata.is_file() && changed.is_some_and(|at| Timestamp::from_millis(at).plus(ORPHAN_AGE) <= now)
}

#[cfg(test)]
mod tests;
