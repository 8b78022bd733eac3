//! A file lock that every descendant of a step holds: it is free when nothing of the step lives. It needs no
//! names, numbers or marks.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::until;

/// A file that processes hold a shared lock on.
pub struct Witness {
    path: PathBuf,
}

impl Witness {
    /// Makes the file.
    ///
    /// # Panics
    /// If the folder cannot be written.
    pub fn new(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        File::create(&path).expect("make the witness");
        Self { path }
    }

    /// The file, for a script to lock: `exec 9<"$WITNESS"; flock -s 9`. What inherits the descriptor holds the
    /// lock; what closed it opens and locks the file again.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says whether some process holds the lock.
    ///
    /// # Panics
    /// If the file cannot be locked at all.
    pub fn is_held(&self) -> bool {
        let file = File::open(&self.path).expect("open the witness");
        match file.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => panic!("lock the witness: {error}"),
        }
    }

    /// Waits until somebody holds it.
    #[track_caller]
    pub fn wait_held(&self) {
        until("somebody to hold the witness", || self.is_held());
    }

    /// Waits until nobody holds it any more.
    #[track_caller]
    pub fn wait_free(&self) {
        until("nobody to hold the witness", || !self.is_held());
    }
}
