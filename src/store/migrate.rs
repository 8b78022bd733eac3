//! Bringing a database to the newest version: append-only steps, each in one transaction.

use domain::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::Error;

/// The mark in the database's header that says whose it is.
pub const APPLICATION_ID: i32 = 0x4d53_434e;

/// The newest version of the schema that this program knows.
pub const NEWEST_VERSION: u32 = STEPS[STEPS.len() - 1].version;

/// One step; the text is a file of `migrations/`.
pub(crate) struct Step {
    pub(crate) version: u32,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

impl Step {
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.sql.as_bytes()).into()
    }
}

/// All steps, gapless, from 1.
pub(crate) const STEPS: &[Step] =
    &[Step { version: 1, name: "initial", sql: include_str!("../../migrations/0001_initial.sql") }];

/// Applies the steps that the database lacks.
///
/// # Errors
/// `Newer` if it has more steps than this program knows; `Damaged` if it has others.
pub(crate) fn migrate(connection: &mut Connection, now: Timestamp, binary: &str) -> Result<(), Error> {
    for step in STEPS {
        // The version is read inside the transaction: whoever came first has done the step.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&transaction)? >= step.version {
            continue;
        }
        if step.version == 1 {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        transaction.execute_batch(step.sql).map_err(|source| Error::Bug {
            what: format!("migration {} `{}`", step.version, step.name),
            source: Some(source),
        })?;
        transaction.execute(
            "INSERT INTO migration (version, name, sha256, applied_at, binary) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![step.version, step.name, step.sha256(), now.as_millis(), binary],
        )?;
        transaction.pragma_update(None, "user_version", step.version)?;
        transaction.commit()?;
    }
    check(connection)
}

/// Returns the version of the database, 0 if it is new.
pub(crate) fn version(connection: &Connection) -> Result<u32, Error> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    u32::try_from(version).map_err(|_| Error::damaged("its version is negative"))
}

/// Checks mark and version, as a look before anything is written.
///
/// # Errors
/// `NotOurs`, `Newer`, or what SQLite says of the file.
pub(crate) fn check_version(connection: &Connection) -> Result<u32, Error> {
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != APPLICATION_ID {
        let path = connection.path().unwrap_or_default().into();
        return Err(Error::NotOurs { path, what: "another program made it".to_owned() });
    }
    let found = version(connection)?;
    if found > NEWEST_VERSION {
        return Err(Error::Newer { found, known: NEWEST_VERSION });
    }
    Ok(found)
}

fn check(connection: &Connection) -> Result<(), Error> {
    let mut statement = connection.prepare("SELECT sha256 FROM migration WHERE version = ?1")?;
    for step in STEPS {
        let applied: Option<[u8; 32]> = statement.query_row([step.version], |row| row.get(0)).optional()?;
        if applied != Some(step.sha256()) {
            return Err(Error::damaged(format!("migration {} is not the one it says it has", step.version)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
