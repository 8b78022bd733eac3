//! Reading on snapshots: lists, details and followers' reads. It never creates and never writes.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use domain::{AgentName, HostId, IdPattern, InstanceId, MessageKind, TaskId, TaskState, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use crate::rows::{
    self, AttemptRow, EventRow, HostRow, InstanceRow, MessageRow, TaskDetailRow, TaskRow, ToolCallRow,
};
use crate::submit::cached;
use crate::{Checked, Error, connection, migrate};

/// Rows that one call returns at most.
const ROWS_MAX: u32 = 1_000;

/// Ids that are named when a pattern fits several.
const EXAMPLES: usize = 5;

/// A reading connection.
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens the database.
    ///
    /// # Errors
    /// `Missing` if there is none; `NotOurs`, `Newer`, `Damaged` as the file is.
    pub fn open(checked: &Checked) -> Result<Self, Error> {
        Self::at(&checked.place().database)
    }

    /// Opens a database that was looked at before.
    pub(crate) fn at(path: &Path) -> Result<Self, Error> {
        let connection = connection::open_read_only(path)?;
        migrate::check_version(&connection)?;
        Ok(Self { connection })
    }

    /// Opens the database; where there is none, an empty world in memory.
    ///
    /// # Errors
    /// As `open`, but for `Missing`.
    pub fn open_or_empty(checked: &Checked) -> Result<Self, Error> {
        match Self::open(checked) {
            Err(Error::Missing { .. }) => {
                let mut connection = Connection::open_in_memory()?;
                migrate::migrate(&mut connection, Timestamp::default(), "")?;
                Ok(Self { connection })
            }
            other => other,
        }
    }

    /// Begins a snapshot: all reads of it see one state. Keep it for less than two seconds, since the log
    /// cannot shrink while it lasts.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        self.connection.execute_batch("BEGIN")?;
        Ok(Snapshot { connection: &self.connection, own: true })
    }

    /// Returns a number that moves whenever another process has committed: for a follower's poll.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn data_version(&self) -> Result<i64, Error> {
        Ok(cached(&self.connection, "PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }
}

/// One state of the database.
pub struct Snapshot<'c> {
    connection: &'c Connection,
    own: bool,
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if self.own && !self.connection.is_autocommit() {
            // It has only read: there is nothing to lose.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

/// What a pattern stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// This task.
    One(TaskId),
    /// No task.
    Nothing,
    /// Several, of which these are the first.
    Several(Vec<TaskId>),
}

/// Which tasks a list shows; everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Those that stand in one of these; all if none is named.
    pub states: Vec<TaskState>,
    /// Those of this agent.
    pub agent: Option<AgentName>,
    /// Those submitted from this directory.
    pub cwd: Option<String>,
    /// Those submitted then or later.
    pub since: Option<Timestamp>,
}

/// Where a list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(i64);

/// Why a text is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cursor: give `next_cursor` of an earlier list")]
pub struct CursorError(pub String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let number = text.strip_prefix('c').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        number.and_then(|digits| digits.parse().ok()).map(Self).ok_or_else(|| CursorError(text.to_owned()))
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// How many tasks stand in each state, in the order of the states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCounts(Vec<(TaskState, u64)>);

impl StateCounts {
    /// Returns how many tasks stand in this state; zero if it was not counted.
    pub fn of(&self, state: TaskState) -> u64 {
        self.0.iter().find(|(counted, _)| *counted == state).map_or(0, |(_, count)| *count)
    }
}

impl<'c> Snapshot<'c> {
    /// Returns a view within whatever transaction the connection has.
    pub(crate) fn of(connection: &'c Connection) -> Self {
        Self { connection, own: false }
    }

    pub(crate) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// Returns the task whose id begins or ends with the pattern.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn resolve(&self, pattern: &IdPattern) -> Result<Resolved, Error> {
        let digits = pattern.digits();
        if let Some(id) = pattern.whole() {
            let known = crate::submit::row_id(self.connection, id)?;
            return Ok(known.map_or(Resolved::Nothing, |_| Resolved::One(id)));
        }
        let limit = EXAMPLES + 1;
        let mut found = self.uids(
            "SELECT uid FROM task WHERE uid BETWEEN ?1 AND ?2 ORDER BY uid LIMIT ?3",
            params![bound(digits, '0'), bound(digits, 'f'), limit as i64],
        )?;
        let ends = self.uids(
            "SELECT uid FROM task WHERE substr(hex(uid), -length(?1)) = upper(?1) ORDER BY uid LIMIT ?2",
            params![digits, limit as i64],
        )?;
        for id in ends {
            if !found.contains(&id) {
                found.push(id);
            }
        }
        Ok(match found.as_slice() {
            [] => Resolved::Nothing,
            [one] => Resolved::One(*one),
            _ => {
                found.truncate(EXAMPLES);
                Resolved::Several(found)
            }
        })
    }

    /// Returns the task submitted last from this directory.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn last_task(&self, cwd: &str) -> Result<Option<TaskId>, Error> {
        let found =
            self.uids("SELECT uid FROM task WHERE cwd = ?1 ORDER BY id DESC LIMIT 1", params![cwd])?;
        Ok(found.first().copied())
    }

    fn uids(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<TaskId>, Error> {
        let mut statement = cached(self.connection, sql)?;
        let rows = statement.query_map(params, |row| row.get(0))?;
        rows.map(|uid| Ok(TaskId::from_bytes(uid?))).collect()
    }

    /// Returns tasks, newest first.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn tasks(
        &self,
        filter: &TaskFilter,
        limit: u32,
        after: Option<Cursor>,
    ) -> Result<Page<TaskRow>, Error> {
        let limit = limit.clamp(1, ROWS_MAX);
        let mut conditions: Vec<String> = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        let mut add = |condition: String, value: Value| {
            conditions.push(condition);
            values.push(value);
        };
        if let Some(Cursor(id)) = after {
            add("task.id < ?".to_owned(), Value::Integer(id));
        }
        if let Some(cwd) = &filter.cwd {
            add("task.cwd = ?".to_owned(), Value::Text(cwd.clone()));
        }
        if let Some(agent) = &filter.agent {
            add(
                "task.agent_id = (SELECT id FROM agent WHERE name = ?)".to_owned(),
                Value::Text(agent.as_str().to_owned()),
            );
        }
        if let Some(since) = filter.since {
            add("task.created_at >= ?".to_owned(), Value::Integer(since.as_millis()));
        }
        if !filter.states.is_empty() {
            // The words are ours, of a closed set.
            let words: Vec<String> = filter.states.iter().map(|state| format!("'{state}'")).collect();
            conditions.push(format!("task.state IN ({})", words.join(", ")));
        }
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        // The ids first: where they have to be sorted, whole rows would be a hundred times dearer.
        let sql = format!(
            "{} WHERE task.id IN (SELECT task.id FROM task{conditions} ORDER BY task.id DESC LIMIT {})
              ORDER BY task.id DESC",
            rows::TASK_ROW,
            limit + 1
        );
        let mut statement = cached(self.connection, &sql)?;
        let mut found = statement.query(params_from_iter(values))?;
        let mut keyed = Vec::new();
        while let Some(row) = found.next()? {
            keyed.push(rows::task_row_of(self.connection, row)?);
        }
        Ok(page(keyed, limit))
    }

    /// Returns one task's summary.
    ///
    /// # Errors
    /// `Row` if it does not parse.
    pub fn task(&self, task: TaskId) -> Result<Option<TaskRow>, Error> {
        let mut statement = cached(self.connection, &format!("{} WHERE task.uid = ?1", rows::TASK_ROW))?;
        let mut found = statement.query([task.as_bytes()])?;
        found.next()?.map(|row| rows::task_row_of(self.connection, row).map(|(_, task)| task)).transpose()
    }

    /// Returns one task with everything.
    ///
    /// # Errors
    /// `Row` if something of it does not parse.
    pub fn task_detail(&self, task: TaskId) -> Result<Option<TaskDetailRow>, Error> {
        let Some(summary) = self.task(task)? else { return Ok(None) };
        let request = self
            .load_request(task)?
            .ok_or_else(|| Error::damaged(format!("{task} has no request beside it")))?;
        let texts: Option<(Option<String>, Option<String>)> = cached(
            self.connection,
            "SELECT result, report FROM task_result WHERE task_id = (SELECT id FROM task WHERE uid = ?1)",
        )?
        .query_row([task.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
        let (result, report) = texts.unwrap_or_default();
        Ok(Some(TaskDetailRow {
            task: summary,
            request,
            result: result.map(domain::JsonText::from_json),
            report,
            outputs: self.outputs(task)?,
        }))
    }

    /// Returns the files of a task.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn outputs(&self, task: TaskId) -> Result<Vec<domain::Output>, Error> {
        self.all(
            "SELECT id, name, path, bytes, media_type, sha256 FROM output
              WHERE task_id = (SELECT id FROM task WHERE uid = ?1) ORDER BY id",
            params![task.as_bytes()],
            rows::output_of,
        )
    }

    /// Returns the attempts of a task, oldest first.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn attempts(&self, task: TaskId) -> Result<Vec<AttemptRow>, Error> {
        let sql = format!(
            "SELECT {} FROM task JOIN attempt ON attempt.task_id = task.id JOIN agent ON agent.id = attempt.agent_id
              WHERE task.uid = ?1 ORDER BY attempt.number",
            rows::ATTEMPT_COLUMNS
        );
        self.all(&sql, params![task.as_bytes()], rows::attempt_of)
    }

    /// Returns the first tool calls of a task, oldest first.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn tool_calls(&self, task: TaskId, limit: u32) -> Result<Vec<ToolCallRow>, Error> {
        let sql = format!(
            "SELECT {} FROM task JOIN tool_call ON tool_call.task_id = task.id
                    JOIN attempt ON attempt.id = tool_call.attempt_id JOIN agent ON agent.id = attempt.agent_id
              WHERE task.uid = ?1 ORDER BY tool_call.id LIMIT ?2",
            rows::TOOL_CALL_COLUMNS
        );
        self.all(&sql, params![task.as_bytes(), limit.min(ROWS_MAX)], rows::tool_call_of)
    }

    /// Returns events after a number, oldest first: all, one task's, or those of an agent's attempts.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn events(
        &self,
        task: Option<TaskId>,
        agent: Option<&AgentName>,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<EventRow>, Error> {
        let (join, mut values) = match task {
            Some(task) => (
                "JOIN task ON task.id = event.task_id AND task.uid = ?",
                vec![Value::Blob(task.as_bytes().to_vec())],
            ),
            None => ("LEFT JOIN task ON task.id = event.task_id", Vec::new()),
        };
        values.push(Value::Integer(after_seq));
        let of_agent = of_agent("event", agent, &mut values);
        let sql = format!(
            "SELECT {} FROM event {join} WHERE event.seq > ?{of_agent} ORDER BY event.seq LIMIT {}",
            rows::EVENT_COLUMNS,
            limit.clamp(1, ROWS_MAX)
        );
        self.all(&sql, params_from_iter(values), rows::event_of)
    }

    /// Returns messages after a number, oldest first: all, one task's, or those of an agent's attempts.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn messages(
        &self,
        task: Option<TaskId>,
        agent: Option<&AgentName>,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<MessageRow>, Error> {
        let mut values = Vec::new();
        let of_task = task.map_or("", |task| {
            values.push(Value::Blob(task.as_bytes().to_vec()));
            " AND task.uid = ?"
        });
        values.push(Value::Integer(after_seq));
        let of_agent = of_agent("message", agent, &mut values);
        let sql = format!(
            "SELECT {} FROM message JOIN task ON task.id = message.task_id{of_task}
              WHERE message.id > ?{of_agent} ORDER BY message.id LIMIT {}",
            rows::MESSAGE_COLUMNS,
            limit.clamp(1, ROWS_MAX)
        );
        self.all(&sql, params_from_iter(values), rows::message_of)
    }

    /// Returns the first message of a kind that an attempt sent.
    ///
    /// # Errors
    /// `Row` if it does not parse.
    pub fn first_message(
        &self,
        task: TaskId,
        attempt: u32,
        kind: MessageKind,
    ) -> Result<Option<MessageRow>, Error> {
        let sql = format!(
            "SELECT {} FROM task JOIN message ON message.task_id = task.id
              WHERE task.uid = ?1 AND message.attempt = ?2 AND message.kind = ?3 ORDER BY message.id LIMIT 1",
            rows::MESSAGE_COLUMNS
        );
        let found = self.all(&sql, params![task.as_bytes(), attempt, kind.as_str()], rows::message_of)?;
        Ok(found.into_iter().next())
    }

    /// Returns the number of the newest event, zero if there was none yet. It never falls.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn last_seq(&self) -> Result<i64, Error> {
        let seq: Option<i64> =
            cached(self.connection, "SELECT seq FROM sqlite_sequence WHERE name = 'event'")?
                .query_row([], |row| row.get(0))
                .optional()?;
        Ok(seq.unwrap_or(0))
    }

    /// Returns how many tasks stand in each of these states.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn counts(&self, states: &[TaskState]) -> Result<StateCounts, Error> {
        let mut statement = cached(self.connection, "SELECT count(*) FROM task WHERE state = ?1")?;
        let counted = states.iter().map(|state| {
            let count: i64 = statement.query_row([state.as_str()], |row| row.get(0))?;
            Ok((*state, u64::try_from(count).unwrap_or(0)))
        });
        counted.collect::<Result<_, Error>>().map(StateCounts)
    }

    /// Returns one instance.
    ///
    /// # Errors
    /// `Row` if it does not parse.
    pub fn instance(&self, instance: InstanceId) -> Result<Option<InstanceRow>, Error> {
        let found = self.instances_where("instance.uid = ?1", params![instance.as_bytes()])?;
        Ok(found.into_iter().next())
    }

    /// Returns the instances of a task, oldest first.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn instances(&self, task: TaskId) -> Result<Vec<InstanceRow>, Error> {
        self.instances_where("task.uid = ?1", params![task.as_bytes()])
    }

    /// Returns the instances whose end is not recorded, oldest first: those that run, and those that a dead host left.
    ///
    /// # Errors
    /// `Row` if one does not parse.
    pub fn open_instances(&self) -> Result<Vec<InstanceRow>, Error> {
        self.instances_where("instance.ended_at IS NULL", params![])
    }

    fn instances_where(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<InstanceRow>, Error> {
        let db = self.connection;
        let sql = format!(
            "SELECT {} FROM instance JOIN task ON task.id = instance.task_id
                    JOIN agent ON agent.id = instance.agent_id LEFT JOIN host ON host.id = instance.host_id
              WHERE {condition} ORDER BY instance.id LIMIT {ROWS_MAX}",
            rows::INSTANCE_COLUMNS
        );
        self.all(&sql, params, |row| rows::instance_of(db, row))
    }

    /// Returns the newest host.
    ///
    /// # Errors
    /// `Row` if it does not parse.
    pub fn newest_host(&self) -> Result<Option<HostRow>, Error> {
        let sql = format!("SELECT {} FROM host ORDER BY host.id DESC LIMIT 1", rows::HOST_COLUMNS);
        Ok(self.all(&sql, params![], rows::host_of)?.into_iter().next())
    }

    /// Returns one host.
    ///
    /// # Errors
    /// `Row` if it does not parse.
    pub fn host(&self, host: HostId) -> Result<Option<HostRow>, Error> {
        let sql = format!("SELECT {} FROM host WHERE host.uid = ?1", rows::HOST_COLUMNS);
        Ok(self.all(&sql, params![host.as_bytes()], rows::host_of)?.into_iter().next())
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl Fn(&rusqlite::Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = cached(self.connection, sql)?;
        let mut found = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = found.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }
}

/// Returns the condition that a row belongs to an attempt of the agent, if one was named.
fn of_agent(table: &str, agent: Option<&AgentName>, values: &mut Vec<Value>) -> String {
    let Some(agent) = agent else { return String::new() };
    values.push(Value::Text(agent.as_str().to_owned()));
    format!(
        " AND EXISTS (SELECT 1 FROM attempt JOIN agent ON agent.id = attempt.agent_id
                       WHERE attempt.task_id = {table}.task_id AND attempt.number = {table}.attempt
                         AND agent.name = ?)"
    )
}

/// Cuts what was read beyond the limit, and says where the next page begins.
fn page<T>(mut keyed: Vec<(i64, T)>, limit: u32) -> Page<T> {
    let more = keyed.len() > limit as usize;
    keyed.truncate(limit as usize);
    let next = keyed.last().filter(|_| more).map(|(key, _)| Cursor(*key));
    Page { items: keyed.into_iter().map(|(_, item)| item).collect(), next }
}

/// Returns the least or the greatest id that begins with these digits.
fn bound(digits: &str, fill: char) -> Vec<u8> {
    let all: Vec<u8> = digits
        .chars()
        .chain(std::iter::repeat(fill))
        .take(32)
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap_or(0)).unwrap_or(0))
        .collect();
    all.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[cfg(test)]
mod tests;
