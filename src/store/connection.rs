//! Opening connections: their settings, whose answers are read, and how they wait for a lock.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::{Error, migrate};

/// The first SQLite without the fault that can damage a database when two processes check-point at once.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Statements kept prepared; the store has fewer.
const STATEMENTS: usize = 128;

/// How long a connection waits for a lock of another process.
const BUSY_MAX: Duration = Duration::from_secs(10);

/// Settings of every connection: name, value, and the answer that must come back.
const COMMON: &[(&str, i64)] = &[("foreign_keys", 1), ("trusted_schema", 0), ("temp_store", 2)];

/// Settings of the writer. 64 MiB is what the log may keep on disk; 16 MiB of pages are cached.
const WRITER: &[(&str, i64)] = &[
    ("synchronous", 2),
    ("wal_autocheckpoint", 1_000),
    ("journal_size_limit", 67_108_864),
    ("cache_size", -16_000),
];

/// Returns the version of SQLite that is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// What kind of database a writer works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    File,
    Memory,
}

/// Opens an existing database for reading. It writes nothing, whatever the state of the file.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| absent(path, error))?;
    prepare(&mut connection, &[])?;
    Ok(connection)
}

/// Opens an existing database for writing.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| absent(path, error))?;
    make_writer(connection, Medium::File)
}

/// Gives a connection the settings of a writer.
pub(crate) fn make_writer(mut connection: Connection, medium: Medium) -> Result<Connection, Error> {
    keep_log(&connection, medium)?;
    prepare(&mut connection, WRITER)?;
    Ok(connection)
}

/// Opens a file that nobody else knows yet, to make a database in it: nothing is synced.
pub(crate) fn open_new(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    prepare(&mut connection, &[("synchronous", 0)])?;
    Ok(connection)
}

/// Switches to the write-ahead log.
pub(crate) fn keep_log(connection: &Connection, medium: Medium) -> Result<(), Error> {
    // Failing to switch is no error for SQLite, so the answer is read.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    let expected = if medium == Medium::File { "wal" } else { "memory" };
    if mode != expected {
        return Err(Error::bug(format!("`journal_mode` is `{mode}`, not `{expected}`")));
    }
    Ok(())
}

fn prepare(connection: &mut Connection, more: &[(&str, i64)]) -> Result<(), Error> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::bug(format!("SQLite {} can damage databases", rusqlite::version())));
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_handler(Some(waiter()))?;
    for (name, value) in COMMON.iter().chain(more) {
        connection.execute_batch(&format!("PRAGMA {name} = {value}"))?;
        // A wrong name is silent, so the answer is read.
        let answer: i64 = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?;
        if answer != *value {
            return Err(Error::bug(format!("`{name}` is {answer}, not {value}")));
        }
    }
    Ok(())
}

fn absent(path: &Path, error: rusqlite::Error) -> Error {
    match path.try_exists() {
        Ok(false) => Error::Missing { path: path.to_owned() },
        _ => error.into(),
    }
}

/// Looks at mark and version of an existing database, read-only, so that a newer one stays as it is.
///
/// # Errors
/// `Missing`, `NotOurs`, `Newer`, `Damaged`.
pub(crate) fn look(path: &Path) -> Result<(), Error> {
    let connection = open_read_only(path)?;
    migrate::check_version(&connection).map(drop)
}

/// Returns how a connection waits: ten times a tenth of a millisecond, then a millisecond with some
/// jitter, for ten seconds. SQLite's own way backs off so far that a second writer starves.
fn waiter() -> impl FnMut(i32) -> bool + Send + 'static {
    let mut since = Instant::now();
    let mut jitter: u64 = 0x9e37_79b9_7f4a_7c15;
    move |tries| {
        if tries == 0 {
            since = Instant::now();
        }
        if since.elapsed() >= BUSY_MAX {
            return false;
        }
        jitter ^= jitter << 13;
        jitter ^= jitter >> 7;
        jitter ^= jitter << 17;
        let micros = if tries < 10 { 100 } else { 750 + jitter % 500 };
        wait(Duration::from_micros(micros));
        true
    }
}

#[expect(clippy::disallowed_methods, reason = "SQLite's busy handler can only wait by sleeping")]
fn wait(time: Duration) {
    thread::sleep(time);
}
