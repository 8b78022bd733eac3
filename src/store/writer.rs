//! The one writer: it owns the writing connection and the proof that nobody else writes, and runs
//! turns, each one transaction, with a savepoint for each caller.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use domain::Timestamp;
use rusqlite::{Connection, ErrorCode};

use crate::connection::{self, Medium};
use crate::migrate;
use crate::place::{beside, has_log, log_path};
use crate::reader::{Reader, Snapshot};
use crate::{Checked, Error};

/// What proves that no other process writes: the guard of the lock beside the database. The writer
/// keeps it until after its connection is closed.
pub trait ExclusiveAccess: Send + 'static {}

/// Who opens the database and when, as a migration records it.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// The time now.
    pub now: Timestamp,
    /// The version of the program.
    pub binary: &'a str,
}

/// How far a check-point of the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointDepth {
    /// As far as readers allow, without waiting for anybody.
    Passive,
    /// Wholly, and the log becomes empty: only at a clean end or when idle.
    Truncate,
}

/// What a check-point did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Pages in the log.
    pub log_pages: i64,
    /// Pages of it that are in the database file now; a gap that stays is held by a reader.
    pub copied_pages: i64,
    /// Whether somebody was in the way.
    pub busy: bool,
}

/// The one writer of a database.
pub struct Writer {
    // The connection is closed before the access ends: fields are dropped in this order.
    connection: Connection,
    opened: Option<OpenedFiles>,
    outcome_unknown: bool,
    _access: Box<dyn ExclusiveAccess>,
}

struct OpenedFiles {
    database: (PathBuf, FileIdentity),
    log: (PathBuf, FileIdentity),
}

type FileIdentity = (u64, u64);

struct NobodyElse;

impl ExclusiveAccess for NobodyElse {}

impl Writer {
    /// Opens the database, creates it if there is none, and brings it to the newest version.
    ///
    /// # Errors
    /// `NotOurs` and `Newer` leave the file untouched. `Damaged`, `ReadOnly`, `Full`, `Busy` and
    /// `Access` as the file system has it.
    pub fn open(
        checked: &Checked,
        access: impl ExclusiveAccess,
        opening: Opening<'_>,
    ) -> Result<Self, Error> {
        let path = &checked.place().database;
        match path.try_exists() {
            Ok(true) => connection::look(path)?,
            Ok(false) => create(path, opening)?,
            Err(error) => return Err(Error::access("look at", path, error)),
        }
        let mut connection = connection::open_writer(path)?;
        migrate::migrate(&mut connection, opening.now, opening.binary)?;
        touch_newest(&connection)?;
        let opened = Some(OpenedFiles::of(path)?);
        Ok(Self { connection, opened, outcome_unknown: false, _access: Box::new(access) })
    }

    /// Opens a new database in memory, for simulations and tests.
    ///
    /// # Errors
    /// Only if the program itself is at fault.
    pub fn in_memory(opening: Opening<'_>) -> Result<Self, Error> {
        let mut connection = connection::make_writer(Connection::open_in_memory()?, Medium::Memory)?;
        migrate::migrate(&mut connection, opening.now, opening.binary)?;
        Ok(Self { connection, opened: None, outcome_unknown: false, _access: Box::new(NobodyElse) })
    }

    /// Runs one transaction: begun `IMMEDIATE`, committed if `work` succeeds, else rolled back.
    ///
    /// # Errors
    /// What `work` returned; else what the commit met. After `OutcomeUnknown` every turn fails so
    /// until [`Writer::reopen`].
    pub fn turn<T, E: From<Error>>(&mut self, work: impl FnOnce(&Turn<'_>) -> Result<T, E>) -> Result<T, E> {
        if self.outcome_unknown {
            return Err(Error::OutcomeUnknown(None).into());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(Error::from)?;
        let open = RollBack(&self.connection);
        let done = work(&Turn { connection: &self.connection })?;
        if self.connection.is_autocommit() {
            return Err(Error::TurnLost.into());
        }
        let committed = self.connection.execute_batch("COMMIT");
        drop(open);
        committed.map_err(|error| {
            self.outcome_unknown = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
            if self.outcome_unknown { Error::OutcomeUnknown(Some(error)) } else { error.into() }
        })?;
        Ok(done)
    }

    /// Returns a view of what is committed, on the writer's own connection.
    pub fn view(&self) -> Snapshot<'_> {
        Snapshot::of(&self.connection)
    }

    /// Opens a reader of the same database: within the writer's process the only right way, since the file
    /// must not be looked at by hand while the writer has it open.
    ///
    /// # Errors
    /// As `Reader::open`. A database in memory has no second connection: use `view`.
    pub fn reader(&self) -> Result<Reader, Error> {
        match &self.opened {
            Some(opened) => Reader::at(&opened.database.0),
            None => Err(Error::bug("a database in memory has no second connection")),
        }
    }

    /// Opens the connection anew after `OutcomeUnknown`; then what is on disk can be looked at.
    ///
    /// # Errors
    /// As `open`, and `Replaced` if it is another file by now. A database in memory cannot be opened again.
    pub fn reopen(&mut self) -> Result<(), Error> {
        let Some(opened) = &self.opened else {
            return Err(Error::bug("a database in memory was to be opened again"));
        };
        let (path, identity) = opened.database.clone();
        if identity_of(&path)? != Some(identity) {
            return Err(Error::Replaced { path });
        }
        // The old connection stays until the new one is there; both are this process's, by SQLite's own hand.
        self.connection = connection::open_writer(&path)?;
        migrate::check_version(&self.connection)?;
        self.opened = Some(OpenedFiles::of(&path)?);
        self.outcome_unknown = false;
        Ok(())
    }

    /// Checks that database and log are still the files that were opened. Call it each second.
    ///
    /// # Errors
    /// `Replaced` if one is not: what is written from now on would be lost.
    pub fn still_there(&self) -> Result<(), Error> {
        let Some(opened) = &self.opened else { return Ok(()) };
        for (path, identity) in [&opened.database, &opened.log] {
            if identity_of(path)? != Some(*identity) {
                return Err(Error::Replaced { path: path.clone() });
            }
        }
        Ok(())
    }

    /// Moves what is in the log into the database file.
    ///
    /// # Errors
    /// What SQLite met; somebody in the way is no error.
    pub fn checkpoint(&self, depth: CheckpointDepth) -> Result<Checkpoint, Error> {
        let sql = match depth {
            CheckpointDepth::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            CheckpointDepth::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        let done = self.connection.query_row(sql, [], |row| {
            Ok(Checkpoint {
                busy: row.get::<_, i64>(0)? != 0,
                log_pages: row.get(1)?,
                copied_pages: row.get(2)?,
            })
        })?;
        Ok(done)
    }

    /// Says whether somebody else has committed since the last call with the same answer: the number
    /// does not move for the writer's own commits.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn foreign_commits(&self) -> Result<i64, Error> {
        Ok(self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    /// Closes the database in good order and ends the exclusive access.
    ///
    /// # Errors
    /// What SQLite met; the access has ended all the same.
    pub fn close(self) -> Result<(), Error> {
        self.connection.execute_batch("PRAGMA optimize")?;
        self.connection.close().map_err(|(_, error)| error.into())
    }

    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Rolls back what is still open when it goes: after an error, or a panic in the work.
struct RollBack<'c>(&'c Connection);

impl Drop for RollBack<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // There is nobody to tell: an error here means that SQLite has rolled back by itself.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// One running transaction of the writer.
pub struct Turn<'w> {
    connection: &'w Connection,
}

impl<'w> Turn<'w> {
    /// Runs `work` in a savepoint: if it fails, what it did is undone and the turn goes on.
    ///
    /// # Errors
    /// What `work` returned. If SQLite gave up the whole transaction, every later step of the turn
    /// fails with `TurnLost`, and the turn itself too.
    pub fn savepoint<T, E: From<Error>>(&self, work: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        let connection = self.connection()?;
        connection.prepare_cached("SAVEPOINT caller").and_then(|mut s| s.execute([])).map_err(Error::from)?;
        let undo = Undo(connection);
        let done = work(self)?;
        self.connection()?;
        connection.prepare_cached("RELEASE caller").and_then(|mut s| s.execute([])).map_err(Error::from)?;
        std::mem::forget(undo);
        Ok(done)
    }

    /// Returns a view of the database as this turn has made it so far.
    pub fn view(&self) -> Snapshot<'_> {
        Snapshot::of(self.connection)
    }

    /// Returns the connection, as long as its transaction is the turn's.
    pub(crate) fn connection(&self) -> Result<&'w Connection, Error> {
        if self.connection.is_autocommit() { Err(Error::TurnLost) } else { Ok(self.connection) }
    }
}

/// Undoes a savepoint when it goes.
struct Undo<'c>(&'c Connection);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // If this fails the transaction is unusable, and its commit will say so.
            let _ = self.0.execute_batch("ROLLBACK TO caller; RELEASE caller");
        }
    }
}

impl OpenedFiles {
    fn of(path: &Path) -> Result<Self, Error> {
        let identify = |path: PathBuf| match identity_of(&path)? {
            Some(identity) => Ok((path, identity)),
            None => Err(Error::Replaced { path }),
        };
        Ok(Self { database: identify(path.to_owned())?, log: identify(log_path(path))? })
    }
}

fn identity_of(path: &Path) -> Result<Option<FileIdentity>, Error> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::access("look at", path, error)),
    }
}

/// Makes a whole new database under another name and gives it its own last, so that nobody ever
/// sees half of one.
fn create(path: &Path, opening: Opening<'_>) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Error::access("create the folder", folder, error))?;
    let new = beside(path, ".new");
    for left_over in [new.clone(), log_path(&new), beside(&new, "-shm"), beside(&new, "-journal")] {
        match fs::remove_file(&left_over) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::access("remove", left_over, error));
            }
            _ => {}
        }
    }
    // A log without its database belongs to one that is gone; replayed, it would damage the new one.
    if has_log(path)? {
        return Err(Error::damaged(format!(
            "`{}` lies there without its database",
            log_path(path).display()
        )));
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(|error| Error::access("create", &new, error))?;
    let mut connection = connection::open_new(&new)?;
    migrate::migrate(&mut connection, opening.now, opening.binary)?;
    connection::keep_log(&connection, Medium::File)?;
    connection.close().map_err(|(_, error)| Error::from(error))?;
    // No connection is open to this file: here it may be touched by hand. One sync is all it needs.
    File::open(&new).and_then(|file| file.sync_all()).map_err(|error| Error::access("sync", &new, error))?;
    fs::rename(&new, path).map_err(|error| Error::access("rename", &new, error))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::access("sync", folder, error))
}

/// Reads the newest rows and a head of the queue: what most damage of the file shows up in.
fn touch_newest(connection: &Connection) -> Result<(), Error> {
    for sql in [
        "SELECT count(length(title)) FROM (SELECT title FROM task ORDER BY id DESC LIMIT 50)",
        "SELECT count(length(data)) FROM (SELECT data FROM event ORDER BY seq DESC LIMIT 50)",
        "SELECT count(*) FROM (SELECT id FROM task WHERE state = 'ready' ORDER BY lane_id, rank, id LIMIT 1)",
    ] {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
