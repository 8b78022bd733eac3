//! What can go wrong in the store, by what the caller can do about it.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no database: for a reader an empty world, see `Reader::open_or_empty`.
    #[error("there is no database at `{path}`")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file belongs to something else; it was left untouched.
    #[error("`{path}` is not a ModelScan database: {what}")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// How that shows.
        what: String,
    },
    /// The database was written by a newer program; it was left untouched.
    #[error("the database has version {found}, this program knows versions up to {known}")]
    Newer {
        /// The version of the database.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The database is damaged: restore it or recover what can be read.
    #[error("the database is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
        /// What SQLite said, if it was SQLite.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// A row holds what it must not hold.
    #[error("the database is damaged: table `{table}`, row {key}, column `{column}` {what}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's integer key.
        key: i64,
        /// The column.
        column: &'static str,
        /// What is wrong with the value.
        what: String,
    },
    /// The database can only be read, or not even that: what its file or folder permits.
    #[error("the database or its folder may not be opened or written")]
    ReadOnly(#[source] rusqlite::Error),
    /// The disk is full. What was asked is not done; the same writer goes on once there is room.
    #[error("the disk is full")]
    Full(#[source] rusqlite::Error),
    /// Another process held the database for longer than the busy time. Ask again.
    #[error("the database is busy")]
    Busy(#[source] rusqlite::Error),
    /// A commit ended with an input/output error: it may be on disk or not. `Writer::reopen`, then look.
    #[error("whether the last commit is on disk is not known")]
    OutcomeUnknown(#[source] Option<rusqlite::Error>),
    /// SQLite gave up the whole transaction because of an earlier error; nothing of it is done.
    #[error("the transaction was given up because of an earlier error")]
    TurnLost,
    /// The file that is open is no longer the one at its path.
    #[error("`{path}` was removed or replaced while it was open")]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("{doing} `{path}`")]
    Access {
        /// What was being done, such as `open`.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A statement failed that must not fail, or a setting was not taken: a bug of ours.
    #[error("a statement of the store failed: {what}")]
    Bug {
        /// What was being done.
        what: String,
        /// What SQLite said, if it was SQLite.
        #[source]
        source: Option<rusqlite::Error>,
    },
}

impl Error {
    pub(crate) fn access(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Access { doing, path: path.into(), source }
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), source: None }
    }

    pub(crate) fn bug(what: impl Into<String>) -> Self {
        Self::Bug { what: what.into(), source: None }
    }

    /// Says whether the database holds what it must not hold.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Row { .. })
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly(error)
            }
            Some(ErrorCode::NotADatabase) => {
                Self::Damaged { what: "its header is overwritten".to_owned(), source: Some(error) }
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { what: "its pages do not fit together".to_owned(), source: Some(error) }
            }
            Some(ErrorCode::SystemIoFailure) => {
                Self::Damaged { what: "it cannot be read or written".to_owned(), source: Some(error) }
            }
            _ => Self::Bug { what: "a statement was refused".to_owned(), source: Some(error) },
        }
    }
}
