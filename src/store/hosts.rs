//! The lives of hosts: who writes, since when, and how each ended.

use domain::{Actor, EventType, Facts, HostId, ProcessIdentity, Timestamp};
use rusqlite::params;

use crate::apply::insert_event;
use crate::submit::cached;
use crate::{Error, Turn};

/// A host that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStart {
    /// Its id.
    pub id: HostId,
    /// Its process.
    pub process: ProcessIdentity,
    /// The boot in which it runs.
    pub boot_id: String,
    /// The version of the program.
    pub version: String,
    /// When it began.
    pub at: Timestamp,
}

impl Turn<'_> {
    /// Records that a host begins, and that every earlier one that did not end well was lost. Instances that
    /// are started from here on are its own.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn host_started(&self, start: &HostStart) -> Result<i64, Error> {
        let db = self.connection()?;
        cached(db, "UPDATE host SET ended_at = ?1, ended_how = 'lost' WHERE ended_at IS NULL")?
            .execute([start.at.as_millis()])?;
        cached(
            db,
            "INSERT INTO host (uid, pid, start_ticks, boot_id, version, started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            start.id.as_bytes(),
            start.process.pid,
            ticks(start.process.start_ticks),
            start.boot_id,
            start.version,
            start.at.as_millis(),
        ])?;
        let facts = Facts::none()
            .text("host", start.id.to_string())
            .number("pid", i64::from(start.process.pid))
            .text("version", start.version.clone());
        insert_event(db, None, 0, EventType::HostStarted, Actor::Host, &facts, start.at)
    }

    /// Records that a host ended in good order.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn host_stopped(&self, host: HostId, at: Timestamp) -> Result<i64, Error> {
        let db = self.connection()?;
        cached(
            db,
            "UPDATE host SET ended_at = ?2, ended_how = 'stopped' WHERE uid = ?1 AND ended_at IS NULL",
        )?
        .execute(params![host.as_bytes(), at.as_millis()])?;
        let facts = Facts::none().text("host", host.to_string());
        insert_event(db, None, 0, EventType::HostStopped, Actor::Host, &facts, at)
    }
}

/// Returns clock ticks as the store keeps them.
pub(crate) fn ticks(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
