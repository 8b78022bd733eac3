//! The two locks of a database: who holds the one writes and serves; who holds the other starts.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};

/// How often a lock file that was replaced while it was being locked is opened again.
const REPLACED_TRIES: u32 = 20;

/// A lock file longer than this was not written by us.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

/// How long to wait before a lock that somebody has is tried again: there is no event to wait for
/// that also has a limit.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Why a lock cannot be had; that somebody else has it is no error.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file cannot be made or opened.
    #[error("open the lock file `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file system does not lock.
    #[error("lock `{}`", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Somebody keeps replacing the file.
    #[error("the lock file `{}` is replaced again and again", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
}

/// The right to write one database. It ends with this value or with the process.
///
/// The file itself stays: a lock file that is deleted lets a second holder in.
#[derive(Debug)]
pub struct DatabaseLock {
    file: File,
    path: PathBuf,
}

impl DatabaseLock {
    /// Takes the lock if it is free; `None` if somebody has it. Does not wait.
    ///
    /// # Errors
    /// The file cannot be opened, or its file system does not lock.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, LockError> {
        let lock = |file: &File| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(source),
        };
        Ok(acquire(path, lock)?.map(|file| Self { file, path: path.to_owned() }))
    }

    /// Waits for the lock, at most `limit`; `None` if somebody still has it then.
    ///
    /// # Errors
    /// The file cannot be opened, or its file system does not lock.
    pub fn acquire(path: &Path, limit: Duration) -> Result<Option<Self>, LockError> {
        let until = Instant::now() + limit;
        loop {
            let lock = Self::try_acquire(path)?;
            if lock.is_some() || Instant::now() >= until {
                return Ok(lock);
            }
            let pause = Timespec::try_from(RETRY_PAUSE).ok();
            let _interrupted = poll(&mut [], pause.as_ref());
        }
    }

    /// Returns the lock file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what the file says to others: where the holder is found.
    ///
    /// # Errors
    /// The disk is full, for example.
    pub fn publish(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.flush()
    }
}

/// Returns what the lock file of a database says; empty if there is none or nobody wrote yet.
///
/// It may be the word of a holder that is dead: ask its socket.
///
/// # Errors
/// The file cannot be read.
pub fn published(path: &Path) -> io::Result<String> {
    match File::open(path) {
        Ok(file) => {
            let mut text = String::new();
            file.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// The right to look whether a host lives and to start one. It ends with this value.
#[derive(Debug)]
pub struct StartLock {
    _file: File,
}

impl StartLock {
    /// Waits for the lock, however long its holder takes to start a host.
    ///
    /// # Errors
    /// The file cannot be opened, or its file system does not lock.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        loop {
            if let Some(file) = acquire(path, |file| file.lock().map(|()| true))? {
                return Ok(Self { _file: file });
            }
        }
    }
}

/// Opens and locks, and opens anew if the path means another file by then.
fn acquire(path: &Path, lock: impl Fn(&File) -> io::Result<bool>) -> Result<Option<File>, LockError> {
    let open = |source| LockError::Open { path: path.to_owned(), source };
    for _ in 0..REPLACED_TRIES {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(open)?;
        if !lock(&file).map_err(|source| LockError::Lock { path: path.to_owned(), source })? {
            return Ok(None);
        }
        let locked = file.metadata().map_err(open)?;
        match std::fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (locked.dev(), locked.ino()) => return Ok(Some(file)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(open(error)),
        }
    }
    Err(LockError::Replaced { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_and_others_read_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db.lock");
        assert_eq!(published(&path).unwrap(), "");
        let mut lock = DatabaseLock::try_acquire(&path).unwrap().unwrap();
        assert!(DatabaseLock::try_acquire(&path).unwrap().is_none());
        assert!(DatabaseLock::acquire(&path, Duration::from_millis(20)).unwrap().is_none());
        lock.publish("a long first word").unwrap();
        lock.publish("/run/host.sock").unwrap();
        assert_eq!(published(&path).unwrap(), "/run/host.sock");
        assert_eq!(lock.path(), path);
        drop(lock);
        assert!(path.exists());
        assert!(DatabaseLock::acquire(&path, Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn a_deleted_lock_file_is_noticed_while_it_is_being_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let deleted_once = std::cell::Cell::new(false);
        let file = acquire(&path, |file| {
            if !deleted_once.replace(true) {
                std::fs::remove_file(&path)?;
            }
            file.lock().map(|()| true)
        });
        let locked = file.unwrap().unwrap().metadata().unwrap();
        assert_eq!(locked.ino(), std::fs::metadata(&path).unwrap().ino());
    }

    #[test]
    fn a_place_that_is_not_there_is_an_error_with_its_name() {
        let error = DatabaseLock::try_acquire(Path::new("/nowhere/lock")).unwrap_err();
        assert_eq!(error.to_string(), "open the lock file `/nowhere/lock`");
    }

    #[test]
    fn the_start_lock_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("start.lock");
        let first = StartLock::acquire(&path).unwrap();
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let other = path.clone();
        let waiter = std::thread::spawn(move || {
            let lock = StartLock::acquire(&other).unwrap();
            sender.send(()).unwrap();
            drop(lock);
        });
        assert!(receiver.try_recv().is_err());
        drop(first);
        receiver.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
        waiter.join().unwrap();
    }
}
