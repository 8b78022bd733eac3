//! Submitting: a task, its request, what it needs and its first event, or the task that it already is.

use domain::{
    Actor, AgentName, EventType, Facts, LaneKey, NewTask, Reason, Task, TaskId, TaskState, Timestamp,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::apply::insert_event;
use crate::{Error, Turn, json};

/// What a submission came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It is a new task.
    New {
        /// The task as it stands.
        task: Box<Task>,
        /// The number of its event.
        seq: i64,
        /// Something that it needs and that has already ended otherwise: it cannot succeed.
        failed_need: Option<(TaskId, TaskState)>,
    },
    /// Its id or its key was seen before: it is this task.
    Known(TaskId),
}

/// Why a task was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The key belongs to a task that asks for something else.
    #[error("the key `{key}` belongs to {task}, which has another {differs}")]
    KeyConflict {
        /// The key.
        key: String,
        /// The task that has it.
        task: TaskId,
        /// What differs: `prompt`, `skill`, `input`, `agent` or `folder`.
        differs: &'static str,
    },
    /// It needs a task that does not exist.
    #[error("{0}, which it needs, does not exist")]
    UnknownNeed(TaskId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Turn<'_> {
    /// Writes a new task. An id seen before answers with that task, and so does a key.
    ///
    /// # Errors
    /// `KeyConflict` if the key is another request's, `UnknownNeed` if it needs what is not there.
    pub fn submit(&self, new: &NewTask) -> Result<Submitted, SubmitError> {
        let db = self.connection()?;
        if row_id(db, new.id)?.is_some() {
            return Ok(Submitted::Known(new.id));
        }
        if let Some(known) = by_key(db, new)? {
            return Ok(Submitted::Known(known));
        }
        let needs = needs(db, new)?;
        let open = needs.iter().filter(|(_, _, state)| *state != TaskState::Succeeded).count();
        let task = Task::submitted(new, u32::try_from(open).unwrap_or(u32::MAX));
        let id = insert(db, new, &task)?;
        for (need, ..) in &needs {
            cached(db, "INSERT INTO task_need (task_id, needs_id) VALUES (?1, ?2)")?
                .execute([id, *need])
                .map_err(Error::from)?;
        }
        let facts = Facts::none()
            .text("state", task.state.as_str())
            .text("lane", new.lane.to_text())
            .maybe("skill", new.skill.as_deref())
            .number("priority", i64::from(new.priority.value()));
        let seq =
            insert_event(db, Some(id), 0, EventType::TaskSubmitted, Actor::Caller, &facts, new.submitted_at)?;
        let failed_need = needs
            .iter()
            .find(|(_, _, state)| state.is_final() && *state != TaskState::Succeeded)
            .map(|(_, need, state)| (*need, *state));
        Ok(Submitted::New { task: Box::new(task), seq, failed_need })
    }
}

fn by_key(db: &Connection, new: &NewTask) -> Result<Option<TaskId>, SubmitError> {
    let Some(key) = &new.key else { return Ok(None) };
    let known = cached(
        db,
        "SELECT task.uid, task_request.prompt IS ?2, task.skill IS ?3, task_request.input IS ?4, lane.key IS ?5,
                task.cwd IS ?6
           FROM task JOIN lane ON lane.id = task.lane_id JOIN task_request ON task_request.task_id = task.id
          WHERE task.key = ?1",
    )?
    .query_row(
        params![
            key,
            new.prompt,
            new.skill,
            new.input.as_ref().map(domain::JsonText::as_str),
            new.lane.to_text(),
            new.cwd
        ],
        |row| {
            let same = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            Ok((row.get::<_, [u8; 16]>(0)?, same))
        },
    )
    .optional()
    .map_err(Error::from)?;
    let Some((uid, same)) = known else { return Ok(None) };
    let task = TaskId::from_bytes(uid);
    let names = ["prompt", "skill", "input", "agent", "folder"];
    match names.into_iter().zip(same).find(|(_, same): &(_, bool)| !same) {
        Some((differs, _)) => Err(SubmitError::KeyConflict { key: key.clone(), task, differs }),
        None => Ok(Some(task)),
    }
}

fn needs(db: &Connection, new: &NewTask) -> Result<Vec<(i64, TaskId, TaskState)>, SubmitError> {
    let mut found: Vec<(i64, TaskId, TaskState)> = Vec::with_capacity(new.needs.len());
    for need in &new.needs {
        if found.iter().any(|(_, known, _)| known == need) {
            continue;
        }
        let row: Option<(i64, String)> = cached(db, "SELECT id, state FROM task WHERE uid = ?1")?
            .query_row([need.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(Error::from)?;
        let (id, word) = row.ok_or(SubmitError::UnknownNeed(*need))?;
        let state = word.parse().map_err(|error: domain::UnknownWord| Error::Row {
            table: "task",
            key: id,
            column: "state",
            what: error.to_string(),
        })?;
        found.push((id, *need, state));
    }
    Ok(found)
}

fn insert(db: &Connection, new: &NewTask, task: &Task) -> Result<i64, Error> {
    let lane = lane_id(db, &new.lane)?;
    let agent = new.agent.as_ref().map(|name| agent_id(db, name, new.submitted_at)).transpose()?;
    let reasons: Vec<&str> = new.retry.on.iter().map(|reason| Reason::as_str(*reason)).collect();
    let id = cached(
        db,
        "INSERT INTO task (uid, key, state, lane_id, agent_id, skill, title, cwd, labels, priority, rank, attempt,
                           retried, lost, needs_left, timeout_ms, retry_max, retry_backoff_ms, retry_on, recovery,
                           created_at, deadline, due_at, ready_at, prompt_bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, 0, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21, ?22)",
    )?
    .insert(params![
        new.id.as_bytes(),
        new.key,
        task.state.as_str(),
        lane,
        agent,
        new.skill,
        new.title,
        new.cwd,
        new.labels.as_ref().map(domain::JsonText::as_str),
        new.priority.value(),
        task.rank(),
        task.needs_left,
        millis(new.timeout),
        new.retry.max,
        millis(new.retry.backoff.base),
        reasons.join(","),
        new.recovery.as_str(),
        new.submitted_at.as_millis(),
        new.deadline.map(Timestamp::as_millis),
        task.due_at.map(Timestamp::as_millis),
        task.ready_at.as_millis(),
        size(new.prompt.len()),
    ])?;
    let environment =
        json::object(new.environment.0.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    cached(
        db,
        "INSERT INTO task_request (task_id, agent, prompt, input, environment, not_before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        id,
        new.agent.as_ref().map(AgentName::as_str),
        new.prompt,
        new.input.as_ref().map(domain::JsonText::as_str),
        environment,
        new.not_before.map(Timestamp::as_millis),
    ])?;
    Ok(id)
}

/// Returns the statement, prepared once for the connection.
pub(crate) fn cached<'c>(db: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, Error> {
    Ok(db.prepare_cached(sql)?)
}

/// Returns the integer key of a task.
pub(crate) fn row_id(db: &Connection, task: TaskId) -> Result<Option<i64>, Error> {
    Ok(cached(db, "SELECT id FROM task WHERE uid = ?1")?
        .query_row([task.as_bytes()], |row| row.get(0))
        .optional()?)
}

fn lane_id(db: &Connection, lane: &LaneKey) -> Result<i64, Error> {
    let key = lane.to_text();
    let known =
        cached(db, "SELECT id FROM lane WHERE key = ?1")?.query_row([&key], |row| row.get(0)).optional()?;
    match known {
        Some(id) => Ok(id),
        None => Ok(cached(db, "INSERT INTO lane (key) VALUES (?1)")?.insert([&key])?),
    }
}

/// Returns the integer key of an agent, and makes one for a name that was not seen before.
pub(crate) fn agent_id(db: &Connection, agent: &AgentName, now: Timestamp) -> Result<i64, Error> {
    let known = cached(db, "SELECT id FROM agent WHERE name = ?1")?
        .query_row([agent.as_str()], |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => Ok(id),
        None => Ok(cached(db, "INSERT INTO agent (name, first_seen_at) VALUES (?1, ?2)")?
            .insert(params![agent.as_str(), now.as_millis()])?),
    }
}

/// Returns whole milliseconds, as the store keeps durations.
pub(crate) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Returns a size as the store keeps it.
pub(crate) fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
