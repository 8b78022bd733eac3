//! The queue: the best ready task of the open lanes, what is due, whose deadline passed, and who waits for whom.

use domain::{LaneKey, Task, TaskId, Timestamp};
use rusqlite::{OptionalExtension, params};

use crate::load::{TASK_COLUMNS, task_of};
use crate::reader::Snapshot;
use crate::submit::cached;
use crate::{Error, Turn, json};

/// The best ready task of the open lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimable {
    /// The task as it stands; `advance` it with `Claimed`, then apply the change.
    pub task: Task,
    /// What it queues for.
    pub lane: LaneKey,
}

/// One head for each open lane, then the least of them: flat however many tasks wait. `state = 'ready'`
/// is a literal, since only then the partial index serves.
pub(crate) const NEXT_READY: &str = "
SELECT task.id, lane.key
  FROM json_each(?1) AS open
  JOIN lane ON lane.key = open.value
  JOIN task ON task.id = (SELECT head.id FROM task AS head
                           WHERE head.state = 'ready' AND head.lane_id = lane.id
                           ORDER BY head.rank, head.id LIMIT 1)
 ORDER BY task.rank, task.id LIMIT 1";

/// At most this many tasks are looked at in one call of `due` or `overdue`: a turn stays short.
const LOOKED_AT_MAX: u32 = 500;

impl Turn<'_> {
    /// Returns the best ready task of these lanes. For `k` free slots: call, apply the claim, call again.
    ///
    /// # Errors
    /// `Row` if the task does not parse.
    pub fn next_ready(&self, open: &[LaneKey]) -> Result<Option<Claimable>, Error> {
        let db = self.connection()?;
        let texts: Vec<String> = open.iter().map(LaneKey::to_text).collect();
        let head: Option<(i64, String)> = cached(db, NEXT_READY)?
            .query_row([json::array(texts.iter().map(String::as_str))], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, key)) = head else { return Ok(None) };
        let lane = lane_of(&key, id)?;
        let mut statement = cached(db, &format!("SELECT {TASK_COLUMNS} FROM task WHERE task.id = ?1"))?;
        let mut rows = statement.query([id])?;
        let row = rows.next()?.ok_or_else(|| Error::damaged("an index names a task that is not there"))?;
        Ok(Some(Claimable { task: task_of(db, row)?, lane }))
    }
}

impl Snapshot<'_> {
    /// Returns tasks that wait for nothing but a time that has come, the longest due first, at most 500.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, Error> {
        self.ids(
            "SELECT uid FROM task
              WHERE state = 'waiting' AND needs_left = 0 AND due_at IS NOT NULL AND due_at <= ?1
              ORDER BY due_at, id LIMIT ?2",
            now,
            limit,
        )
    }

    /// Returns when the next waiting task is due.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.first_time(
            "SELECT due_at FROM task WHERE state = 'waiting' AND needs_left = 0 AND due_at IS NOT NULL
              ORDER BY due_at, id LIMIT 1",
        )
    }

    /// Returns tasks without an attempt whose deadline passed, at most 500.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn overdue(&self, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, Error> {
        self.ids(
            "SELECT uid FROM task
              WHERE deadline IS NOT NULL AND state IN ('waiting', 'ready', 'paused') AND deadline <= ?1
              ORDER BY deadline, id LIMIT ?2",
            now,
            limit,
        )
    }

    /// Returns the next deadline of a task without an attempt.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn next_deadline(&self) -> Result<Option<Timestamp>, Error> {
        self.first_time(
            "SELECT deadline FROM task WHERE deadline IS NOT NULL AND state IN ('waiting', 'ready', 'paused')
              ORDER BY deadline, id LIMIT 1",
        )
    }

    /// Returns the tasks that need this one and have not ended, oldest first.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn dependents(&self, task: TaskId) -> Result<Vec<TaskId>, Error> {
        let mut statement = cached(
            self.connection(),
            "SELECT task.uid
               FROM task AS needed
               JOIN task_need ON task_need.needs_id = needed.id
               JOIN task ON task.id = task_need.task_id
              WHERE needed.uid = ?1 AND task.ended_at IS NULL
              ORDER BY task.id",
        )?;
        let rows = statement.query_map([task.as_bytes()], |row| row.get(0))?;
        rows.map(|uid| Ok(TaskId::from_bytes(uid?))).collect()
    }

    /// Returns the lanes in which a task is ready, so that one that nobody serves can be found.
    ///
    /// # Errors
    /// `Row` if a lane does not parse.
    pub fn ready_lanes(&self) -> Result<Vec<LaneKey>, Error> {
        let mut statement = cached(
            self.connection(),
            "SELECT lane.id, lane.key FROM lane
              WHERE EXISTS (SELECT 1 FROM task WHERE task.state = 'ready' AND task.lane_id = lane.id)
              ORDER BY lane.id",
        )?;
        let mut rows = statement.query([])?;
        let mut lanes = Vec::new();
        while let Some(row) = rows.next()? {
            lanes.push(lane_of(&row.get::<_, String>(1)?, row.get(0)?)?);
        }
        Ok(lanes)
    }

    fn ids(&self, sql: &str, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, Error> {
        let mut statement = cached(self.connection(), sql)?;
        let rows =
            statement.query_map(params![now.as_millis(), limit.min(LOOKED_AT_MAX)], |row| row.get(0))?;
        rows.map(|uid| Ok(TaskId::from_bytes(uid?))).collect()
    }

    fn first_time(&self, sql: &str) -> Result<Option<Timestamp>, Error> {
        let first: Option<i64> =
            cached(self.connection(), sql)?.query_row([], |row| row.get(0)).optional()?;
        Ok(first.map(Timestamp::from_millis))
    }
}

/// Reads the key of a lane.
pub(crate) fn lane_of(text: &str, key: i64) -> Result<LaneKey, Error> {
    LaneKey::from_text(text).ok_or_else(|| Error::Row {
        table: "lane",
        key,
        column: "key",
        what: format!("`{text}` names no lane"),
    })
}

#[cfg(test)]
mod tests;
