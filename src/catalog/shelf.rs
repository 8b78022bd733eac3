//! The skills at hand, read anew when the user's own have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use nexora::skills::library;
use nexora::tools::builtin;
use skill::Library;

/// How many files of the user's skills are looked at for changes; with more, the skills are read each time.
const FILES_MAX: usize = 2_000;

/// How long after a file was written another change of it may not show in its time.
const TOO_FRESH: std::time::Duration = std::time::Duration::from_secs(2);

/// What the user's folder looked like.
type Stamp = Vec<(PathBuf, SystemTime, u64)>;

/// The skills at hand.
pub struct Shelf {
    folder: PathBuf,
    read: Mutex<Option<(Stamp, Arc<Library>)>>,
}

impl Shelf {
    /// Returns the skills in the program and in this folder of the user; nothing is read yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), read: Mutex::new(None) }
    }

    /// Returns the library as it is now. Reads files: not for a thread that must not block.
    pub fn library(&self) -> Arc<Library> {
        let stamp = stamp(&self.folder);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(stamp), Some((known, library))) = (&stamp, read.as_ref())
            && stamp == known
        {
            return Arc::clone(library);
        }
        let library = Arc::new(library(Some(&self.folder), &builtin()));
        *read = stamp.map(|stamp| (stamp, Arc::clone(&library)));
        library
    }
}

/// Returns what the folder looks like; nothing if that cannot be told.
fn stamp(folder: &Path) -> Option<Stamp> {
    let mut files = Stamp::new();
    if fs::metadata(folder).is_err() {
        return Some(files);
    }
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let data = fs::metadata(&path).ok()?;
        let modified = data.modified().ok()?;
        // Two changes within the resolution of the clock look like one.
        if modified.elapsed().map_or(true, |age| age < TOO_FRESH) {
            return None;
        }
        if data.is_dir() {
            for entry in fs::read_dir(&path).ok()? {
                open.push(entry.ok()?.path());
            }
        }
        files.push((path, modified, data.len()));
        if files.len() + open.len() > FILES_MAX {
            return None;
        }
    }
    files.sort();
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_that_is_written_later_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let skills = folder.path().join("skills");
        let shelf = Shelf::new(&skills);
        assert!(shelf.library().get("survey").is_ok());
        assert!(Arc::ptr_eq(&shelf.library(), &shelf.library()), "what has not changed is not read again");
        let mine = skills.join("mine");
        fs::create_dir_all(&mine).unwrap();
        fs::write(mine.join("SKILL.md"), "---\nname: mine\ndescription: Mine\n---\nWords.\n").unwrap();
        assert!(shelf.library().get("mine").is_ok());
        fs::remove_dir_all(&mine).unwrap();
        assert!(shelf.library().get("mine").is_err());
    }
}
