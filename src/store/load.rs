//! Reading what the rules need: a task as it stands, the request it was submitted with, and what is active.

use std::str::FromStr;

use domain::{
    AgentName, AttemptState, Backoff, Failure, InstanceId, LaneKey, NewTask, Priority, Question, QuestionId,
    QuestionOption, Reason, RetryPolicy, StopWhy, SubmitterEnvironment, Task, TaskId, TaskState, Timestamp,
};
use rusqlite::{Connection, Row};

use crate::Error;
use crate::fields::Fields;
use crate::queue::lane_of;
use crate::reader::Snapshot;
use crate::rows::InstanceRow;
use crate::submit::cached;

/// The columns from which `task_of` reads, in its order.
pub(crate) const TASK_COLUMNS: &str = "task.id, task.uid, task.state, task.attempt, task.retried, task.lost,
    task.priority, task.timeout_ms, task.deadline, task.retry_max, task.retry_backoff_ms, task.retry_on,
    task.recovery, task.needs_left, task.due_at, task.ready_at, task.started_at, task.ended_at, task.reason,
    task.error_message, task.error_hint, task.exit_code, task.signal, task.stderr_tail";

/// A task that an attempt holds, with what recovery and the floor need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveTask {
    /// The task.
    pub task: Task,
    /// What it queued for.
    pub lane: LaneKey,
    /// Who works on it.
    pub agent: AgentName,
    /// The instance of its attempt.
    pub instance: InstanceId,
    /// Where its attempt stands.
    pub attempt_state: AttemptState,
    /// When its attempt began.
    pub attempt_started_at: Timestamp,
    /// Why its attempt is being stopped.
    pub stop_why: Option<StopWhy>,
    /// Whether a tool call with side effects was recorded.
    pub side_effects: bool,
    /// Its processes, if any were recorded.
    pub processes: Option<InstanceRow>,
}

impl Snapshot<'_> {
    /// Returns a task as it stands.
    ///
    /// # Errors
    /// `Row` if it does not parse.
    pub fn load_task(&self, task: TaskId) -> Result<Option<Task>, Error> {
        let db = self.connection();
        let mut statement = cached(db, &format!("SELECT {TASK_COLUMNS} FROM task WHERE task.uid = ?1"))?;
        let mut rows = statement.query([task.as_bytes()])?;
        rows.next()?.map(|row| task_of(db, row)).transpose()
    }

    /// Returns the tasks that attempts hold (`running`, `input_required`, `cancelling`), oldest first.
    ///
    /// # Errors
    /// `Row` if one does not parse, `Damaged` if one has no open attempt.
    pub fn load_active(&self) -> Result<Vec<ActiveTask>, Error> {
        let db = self.connection();
        let mut statement = cached(
            db,
            &format!(
                "SELECT {TASK_COLUMNS}, lane.key, attempt.id, agent.name, attempt.instance, attempt.state AS attempt_state,
                        attempt.started_at AS attempt_started_at, attempt.stop_why, attempt.side_effects
                   FROM task
                   JOIN lane ON lane.id = task.lane_id
                   LEFT JOIN attempt ON attempt.task_id = task.id AND attempt.number = task.attempt
                                    AND attempt.state <> 'ended'
                   LEFT JOIN agent ON agent.id = attempt.agent_id
                  WHERE task.state IN ('running', 'input_required', 'cancelling')
                  ORDER BY task.id"
            ),
        )?;
        let mut rows = statement.query([])?;
        let mut active = Vec::new();
        while let Some(row) = rows.next()? {
            let (task, mut fields) = task_and_fields(db, row)?;
            let lane = lane_of(&fields.get::<String>("key")?, fields.key())?;
            if fields.maybe::<i64>("id")?.is_none() {
                return Err(Error::damaged(format!(
                    "{} is `{}` without an open attempt",
                    task.id, task.state
                )));
            }
            fields.table("attempt");
            let agent = fields.parsed("name")?;
            let instance = fields.id("instance", InstanceId::from_bytes)?;
            active.push(ActiveTask {
                task,
                lane,
                agent,
                instance,
                attempt_state: fields.parsed("attempt_state")?,
                attempt_started_at: fields.time("attempt_started_at")?,
                stop_why: fields.maybe_parsed("stop_why")?,
                side_effects: fields.flag("side_effects")?,
                processes: self.instance(instance)?,
            });
        }
        Ok(active)
    }

    /// Returns a task as it was submitted.
    ///
    /// # Errors
    /// `Row` if it does not parse.
    pub fn load_request(&self, task: TaskId) -> Result<Option<NewTask>, Error> {
        let db = self.connection();
        let mut statement = cached(
            db,
            "SELECT task.id, task.key, task.title, task_request.prompt, task.skill, task_request.input, lane.key AS lane,
                    task_request.agent, task.priority, task.cwd, task.timeout_ms, task.deadline,
                    task_request.not_before, task.retry_max, task.retry_backoff_ms, task.retry_on, task.recovery,
                    task.labels, task.created_at
               FROM task
               JOIN task_request ON task_request.task_id = task.id
               JOIN lane ON lane.id = task.lane_id
              WHERE task.uid = ?1",
        )?;
        let mut rows = statement.query([task.as_bytes()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut fields = Fields::new(row, "task")?;
        let key = fields.key();
        Ok(Some(NewTask {
            id: task,
            key: fields.maybe("key")?,
            title: fields.get("title")?,
            prompt: fields.get("prompt")?,
            skill: fields.maybe("skill")?,
            input: fields.maybe_json("input")?,
            lane: lane_of(&fields.get::<String>("lane")?, key)?,
            agent: fields.maybe_parsed("agent")?,
            priority: priority(&mut fields)?,
            cwd: fields.get("cwd")?,
            environment: environment(db, key)?,
            timeout: fields.duration("timeout_ms")?,
            deadline: fields.maybe_time("deadline")?,
            not_before: fields.maybe_time("not_before")?,
            retry: retry(&mut fields)?,
            recovery: fields.parsed("recovery")?,
            labels: fields.maybe_json("labels")?,
            needs: self.needs(key)?,
            submitted_at: fields.time("created_at")?,
        }))
    }

    fn needs(&self, key: i64) -> Result<Vec<TaskId>, Error> {
        let mut statement = cached(
            self.connection(),
            "SELECT task.uid FROM task_need JOIN task ON task.id = task_need.needs_id
              WHERE task_need.task_id = ?1 ORDER BY task.id",
        )?;
        let rows = statement.query_map([key], |row| row.get(0))?;
        rows.map(|uid| Ok(TaskId::from_bytes(uid?))).collect()
    }
}

/// Reads a task from a row of `TASK_COLUMNS`.
pub(crate) fn task_of(db: &Connection, row: &Row<'_>) -> Result<Task, Error> {
    task_and_fields(db, row).map(|(task, _)| task)
}

fn task_and_fields<'r, 's>(db: &Connection, row: &'r Row<'s>) -> Result<(Task, Fields<'r, 's>), Error> {
    let mut fields = Fields::new(row, "task")?;
    let id = fields.id("uid", TaskId::from_bytes)?;
    let state = fields.parsed("state")?;
    let task = Task {
        id,
        state,
        attempt: fields.get("attempt")?,
        retried: fields.get("retried")?,
        lost: fields.get("lost")?,
        priority: priority(&mut fields)?,
        timeout: fields.duration("timeout_ms")?,
        deadline: fields.maybe_time("deadline")?,
        retry: retry(&mut fields)?,
        recovery: fields.parsed("recovery")?,
        needs_left: fields.get("needs_left")?,
        due_at: fields.maybe_time("due_at")?,
        ready_at: fields.time("ready_at")?,
        started_at: fields.maybe_time("started_at")?,
        ended_at: fields.maybe_time("ended_at")?,
        failure: failure(&mut fields)?,
        question: open_question(db, fields.key(), state)?,
    };
    Ok((task, fields))
}

pub(crate) fn priority(fields: &mut Fields<'_, '_>) -> Result<Priority, Error> {
    let value: i64 = fields.get("priority")?;
    Priority::try_from(value).map_err(|error| fields.wrong("priority", error.to_string()))
}

pub(crate) fn retry(fields: &mut Fields<'_, '_>) -> Result<RetryPolicy, Error> {
    let max = fields.get("retry_max")?;
    let backoff = Backoff { base: fields.duration("retry_backoff_ms")? };
    let words: String = fields.get("retry_on")?;
    let on: Result<Vec<Reason>, _> =
        words.split(',').filter(|word| !word.is_empty()).map(Reason::from_str).collect();
    let on = on.map_err(|error| fields.wrong("retry_on", error.to_string()))?;
    Ok(RetryPolicy { max, backoff, on })
}

/// Reads the six columns of a failure, `reason` to `stderr_tail`.
pub(crate) fn failure(fields: &mut Fields<'_, '_>) -> Result<Option<Failure>, Error> {
    let reason = fields.maybe_parsed("reason")?;
    let message: Option<String> = fields.maybe("error_message")?;
    let hint = fields.maybe("error_hint")?;
    let exit_code = fields.maybe("exit_code")?;
    let signal = fields.maybe("signal")?;
    let stderr_tail = fields.maybe("stderr_tail")?;
    match (reason, message) {
        (Some(reason), Some(message)) => {
            Ok(Some(Failure { reason, message, hint, exit_code, signal, stderr_tail }))
        }
        (None, None) => Ok(None),
        _ => Err(fields.wrong("error_message", "does not go with the reason")),
    }
}

/// Reads the question that a task waits with; only two states can have one.
pub(crate) fn open_question(db: &Connection, task: i64, state: TaskState) -> Result<Option<Question>, Error> {
    if !matches!(state, TaskState::InputRequired | TaskState::Paused) {
        return Ok(None);
    }
    let mut statement = cached(
        db,
        "SELECT id, uid, kind, asked_of, text, asked_at, answer_by FROM question
          WHERE task_id = ?1 AND closed_at IS NULL",
    )?;
    let mut rows = statement.query([task])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut fields = Fields::new(row, "question")?;
    Ok(Some(Question {
        id: fields.id("uid", QuestionId::from_bytes)?,
        kind: fields.parsed("kind")?,
        asked_of: fields.parsed("asked_of")?,
        text: fields.get("text")?,
        options: options(db, fields.key())?,
        asked_at: fields.time("asked_at")?,
        answer_by: fields.maybe_time("answer_by")?,
    }))
}

fn options(db: &Connection, question: i64) -> Result<Vec<QuestionOption>, Error> {
    let mut statement = cached(
        db,
        "SELECT json_extract(option.value, '$.id'), json_extract(option.value, '$.label')
           FROM question, json_each(question.options) AS option
          WHERE question.id = ?1 ORDER BY option.key",
    )?;
    let rows =
        statement.query_map([question], |row| Ok(QuestionOption { id: row.get(0)?, label: row.get(1)? }))?;
    rows.map(|option| {
        option.map_err(|error| Error::Row {
            table: "question",
            key: question,
            column: "options",
            what: error.to_string(),
        })
    })
    .collect()
}

fn environment(db: &Connection, task: i64) -> Result<SubmitterEnvironment, Error> {
    let mut statement = cached(
        db,
        "SELECT variable.key, CASE variable.type WHEN 'text' THEN variable.value END
           FROM task_request, json_each(task_request.environment) AS variable
          WHERE task_request.task_id = ?1 ORDER BY variable.id",
    )?;
    let rows = statement.query_map([task], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let pairs: Result<Vec<(String, String)>, rusqlite::Error> = rows.collect();
    pairs.map(SubmitterEnvironment).map_err(|error| Error::Row {
        table: "task_request",
        key: task,
        column: "environment",
        what: error.to_string(),
    })
}
